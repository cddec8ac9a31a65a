/* From Ulfius' request to a route's handler, and back: finding the route, the guard, the body, and
 * every error as problem+json. */
#ifndef HUM_DISPATCH_H
#define HUM_DISPATCH_H

#include <ulfius.h>

#include "api.h"

/* The largest body that any route takes. */
size_t dispatch_body_max(void);

/* An empty tally of the routes. HUM_INTERNAL: no memory. */
HUM_MUSTCHECK enum hum_status dispatch_tally(struct tally **ret_tally);

/* Answers a request, counts and logs it. peer: who sent it, NULL if that is unknown. Thread of the
 * connection. */
void dispatch(struct api *api, const struct _u_request *in, struct _u_response *out,
              const struct sockaddr *peer);

#endif
