/* The one table of what the API answers, and the search in it. Pure. */
#ifndef HUM_ROUTES_H
#define HUM_ROUTES_H

#include "http.h"

enum route_auth {
    OPEN,
    PROBE, /* the same, at a rate of its own: a flood of other calls must not look like an end */
    SIGNED_IN, /* a person, by an access token */
    SENDER,    /* the same, at the rate of messages */
    SERVICE,   /* another system, by a token from "hum service-token"; at no rate */
};

enum {
    NO_BODY = 0,                /* what comes is not looked at */
    BODY_DEFAULT = 64 * 1024,   /* of a JSON object, as any limit but the other two */
    BODY_PICTURE = 1024 * 1024, /* given to the handler as it comes */
};

struct route {
    const char *method;
    /* {id}: an id, {code} and {provider}: anything; everything else literally, which wins over {id}
     */
    const char *path;
    enum route_auth auth; /* who may call, and which rate it counts against */
    size_t limit;         /* bytes of the body; it also says what the body is */
    handler_fn handler;
};

extern const struct route routes[];
extern const size_t routes_count;

#endif
