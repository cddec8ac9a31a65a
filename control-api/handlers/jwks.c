#include "jwks.h"

#include "api.h"

enum hum_status handle_jwks(struct request *request, struct reply *reply) {
    struct keyring *keyring = request->api->auth.keyring;
    const struct keyset *keys = keyring_take(keyring);

    reply->cache_control = "public, max-age=300";
    buf_text(&reply->body, tokens_jwks(keys->tokens));
    keyring_give(keyring, keys);
    return HUM_OK;
}
