#include "issue.h"

#include <stdlib.h>
#include <time.h>

#include "store/events.h"
#include "store/notify.h"
#include "store/run.h"

enum { EVENT_DATA_MAX = 64 };

_Static_assert((int)SESSION_SEED_LEN == (int)REFRESH_SEED_LEN, "the store's seed is a token's");

void auth_session_free(struct auth_session *session) {
    pg_result_free(session->rows);
    free(session->access_token);
    free(session->mqtt_token);
    *session = (struct auth_session){0};
}

/* Signs the tokens of a session. rows: of store_user_get; taken over in any case. */
static enum hum_status make_tokens(const struct keyset *keys, const struct session *session,
                                   struct pg_result *rows, struct auth_session *ret_session) {
    struct auth_session made = {.rows = rows, .user = store_user_at(rows, 0), .id = session->id};
    int64_t now = (int64_t)time(NULL);
    struct token_claims claims = {session->user, session->id, now + TOKENS_LIFE_S, now};

    enum hum_status status = tokens_issue(keys->tokens, &claims, now, &made.access_token);
    if (status == HUM_OK) {
        claims.expires_at = now + TOKEN_MQTT_LIFE_S;
        if (claims.expires_at > session->expires_at) {
            claims.expires_at = session->expires_at;
        }
        made.mqtt_expires_in = claims.expires_at - now;
        status = token_issue(&keys->mqtt, &claims, now, &made.mqtt_token);
    }
    if (status != HUM_OK) {
        auth_session_free(&made);
        return status;
    }
    refresh_make(&keys->refresh, session->id, session->generation, session->seed,
                 made.refresh_token);
    *ret_session = made;
    return HUM_OK;
}

enum pg_outcome issue_record(struct pg *pg, const char *kind, int64_t user, int64_t session) {
    struct buf data;

    buf_init(&data, EVENT_DATA_MAX);
    buf_text(&data, "{\"session\":\"");
    buf_int(&data, session);
    buf_text(&data, "\"}");
    enum pg_outcome outcome =
        data.failed ? PG_FAILED
                    : store_event(pg, kind, user, user, (struct str){data.data, data.len});
    buf_free(&data);
    return outcome;
}

enum pg_outcome issue_finish(struct pg *pg, int64_t user, struct pg_result **rows,
                             enum hum_status *ret_status) {
    pg_result_free(*rows); /* of an earlier run */
    *rows = NULL;
    PG_TRY(notify_user(pg, user));
    PG_TRY(store_user_get(pg, user, rows));
    if (pg_rows(*rows) == 0) {
        *ret_status = HUM_INTERNAL;
    }
    return PG_DONE;
}

enum pg_outcome issue_session(struct pg *pg, const char *event, struct session *session,
                              const struct auth_device *device, struct pg_result **rows,
                              enum hum_status *ret_status) {
    PG_TRY(store_session_add(pg, session, device->name, device->kind));
    PG_TRY(issue_record(pg, event, session->user, session->id));
    return issue_finish(pg, session->user, rows, ret_status);
}

enum hum_status issue_tokens(const struct auth *auth, enum hum_status status,
                             const struct session *session, struct pg_result *rows,
                             struct auth_session *ret_session) {
    if (status != HUM_OK) {
        pg_result_free(rows);
        return status;
    }
    const struct keyset *keys = keyring_take(auth->keyring);
    status = make_tokens(keys, session, rows, ret_session);
    keyring_give(auth->keyring, keys);
    return status;
}
