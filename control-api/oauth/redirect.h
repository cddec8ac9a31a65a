/* Which redirect URI of a native client is one that the operator has named (RFC 8252). Pure. */
#ifndef HUM_OAUTH_REDIRECT_H
#define HUM_OAUTH_REDIRECT_H

#include <stdbool.h>

/* Whether it can be named at all: https, http on a loopback address (127.0.0.1 or [::1], no name:
 * RFC 8252, section 8.3), or a private scheme with a dot in it (section 7.1); printable ASCII, no
 * fragment, no user. */
bool redirect_well_formed(const char *uri);
/* Whether uri is the named one: byte for byte, but for the port of a loopback one, which the named
 * one leaves out and the client's system gives. */
bool redirect_matches(const char *named, const char *uri);

#endif
