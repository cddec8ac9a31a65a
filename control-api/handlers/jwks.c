#include "jwks.h"

#include "api.h"

enum hum_status handle_jwks(struct request *request, struct reply *reply) {
    reply->cache_control = "public, max-age=300";
    buf_text(&reply->body, tokens_jwks(request->api->auth.tokens));
    return HUM_OK;
}
