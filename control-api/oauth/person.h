/* Whom a JSON object speaks of. */
#ifndef HUM_OAUTH_PERSON_H
#define HUM_OAUTH_PERSON_H

#include <jansson.h>

#include "oauth/provider.h"

/* Copies a member that is a text, fits and holds no control character; else target stays as it is.
 */
void person_text(const json_t *object, const char *member, char *target, size_t size);
/* E-mail address and name of OpenID Connect's standard claims, where identity has none yet. */
void person_claims(const json_t *claims, struct identity *identity);

#endif
