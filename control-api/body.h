/* The body of a request: JSON, or a reason why not. Pure. */
#ifndef HUM_BODY_H
#define HUM_BODY_H

#include <jansson.h>

#include "status.h"
#include "str.h"

enum { BODY_DEPTH_MAX = 32 }; /* of arrays and objects within one another */

/* Reads an object (RFC 8259): UTF-8 without NUL, no member twice. On failure HUM_INVALID_REQUEST,
 * and ret_detail says what is wrong, a constant text. Free ret_body with json_decref. Any thread.
 */
HUM_MUSTCHECK enum hum_status body_parse(struct str text, json_t **ret_body,
                                         const char **ret_detail);

/* Whether a Content-Type says JSON (NULL: none was sent). Any thread. */
bool body_is_json(const char *content_type);

#endif
