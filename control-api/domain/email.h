/* E-mail addresses. Pure. */
#ifndef HUM_DOMAIN_EMAIL_H
#define HUM_DOMAIN_EMAIL_H

#include "str.h"

enum { EMAIL_MAX = 254 }; /* bytes: RFC 5321, section 4.5.3.1.3, without the angle brackets */

/* Whether the text is an address as forms take it: HTML, section 4.10.5.1.5, which leaves out of
 * RFC 5322 what nobody has (quoted names, comments), and with it all control characters. Any
 * thread. */
bool email_valid(struct str text);

#endif
