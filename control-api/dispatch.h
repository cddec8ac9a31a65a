/* From Ulfius' request to a route's handler, and back: finding the route, the guard, the body, and
 * every error as problem+json. */
#ifndef HUM_DISPATCH_H
#define HUM_DISPATCH_H

#include <ulfius.h>

#include "api.h"

/* The largest body that any route takes. */
size_t dispatch_body_max(void);

/* Ulfius' callback of the one endpoint that matches everything; user_data: struct api. Thread of
 * the connection. */
int dispatch(const struct _u_request *in, struct _u_response *out, void *user_data);

#endif
