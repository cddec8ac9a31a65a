#include "introspect.h"

#include <time.h>

#include "domain/tx.h"
#include "store/sessions.h"

static bool verify(const struct keyset *keys, struct str token, struct introspection *found) {
    int64_t now = (int64_t)time(NULL);

    found->audience = TOKEN_AUDIENCE_API;
    found->type = "Bearer";
    if (tokens_verify(keys->tokens, token, now, &found->claims) == HUM_OK) {
        return true;
    }
    found->audience = TOKEN_AUDIENCE_MQTT;
    found->type = "mqtt";
    return token_verify(&keys->mqtt, token.data, now, &found->claims) == HUM_OK;
}

enum hum_status introspect(const struct auth *auth, struct lease *lease, struct str token,
                           struct introspection *ret) {
    const struct keyset *keys = keyring_take(auth->keyring);
    bool is_genuine = verify(keys, token, ret);
    struct pg *pg;

    keyring_give(auth->keyring, keys);
    ret->rows = NULL;
    if (!is_genuine) {
        return HUM_OK;
    }
    enum hum_status status = lease_take(lease, &pg);
    if (status == HUM_OK) {
        status =
            tx_status(store_session_holder(pg, ret->claims.user, ret->claims.session, &ret->rows));
    }
    if (status != HUM_OK) {
        return status;
    }
    if (pg_rows(ret->rows) == 0) {
        pg_result_free(ret->rows);
        ret->rows = NULL;
        return HUM_OK;
    }
    ret->nickname = pg_get_text(ret->rows, 0, 0);
    return HUM_OK;
}
