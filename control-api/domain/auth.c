#include "auth.h"

#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#include "domain/tx.h"
#include "store/accounts.h"
#include "store/events.h"
#include "store/notify.h"
#include "store/run.h"
#include "store/sessions.h"

enum { MADE_UP_TRIES = 5, EVENT_DATA_MAX = 64 };

_Static_assert((int)SESSION_SEED_LEN == (int)REFRESH_SEED_LEN, "the store's seed is a token's");

#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum hum_status try_status_ = (call);                                                      \
        if (try_status_ != HUM_OK) {                                                               \
            return try_status_;                                                                    \
        }                                                                                          \
    } while (0)

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void auth_session_free(struct auth_session *session) {
    pg_result_free(session->rows);
    free(session->access_token);
    free(session->mqtt_token);
    *session = (struct auth_session){0};
}

/* Signs the tokens of a session. rows: of store_user_get; taken over in any case. */
static enum hum_status make_tokens(const struct auth *auth, const struct session *session,
                                   struct pg_result *rows, struct auth_session *ret_session) {
    struct auth_session made = {.rows = rows, .user = store_user_at(rows, 0), .id = session->id};
    int64_t now = now_ms() / 1000;
    struct token_claims claims = {session->user, session->id, now + TOKENS_LIFE_S};

    enum hum_status status = tokens_issue(auth->tokens, &claims, now, &made.access_token);
    if (status == HUM_OK) {
        claims.expires_at = now + TOKEN_MQTT_LIFE_S;
        if (claims.expires_at > session->expires_at) {
            claims.expires_at = session->expires_at;
        }
        made.mqtt_expires_in = claims.expires_at - now;
        status = token_issue(&auth->mqtt_keys, &claims, now, &made.mqtt_token);
    }
    if (status != HUM_OK) {
        auth_session_free(&made);
        return status;
    }
    refresh_make(&auth->refresh_keys, session->id, session->generation, session->seed,
                 made.refresh_token);
    *ret_session = made;
    return HUM_OK;
}

/* What happened to a session. */
static enum pg_outcome record(struct pg *pg, const char *kind, int64_t user, int64_t session) {
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

/* What every transaction that issues tokens ends with: the broker is told, and the person is read
 * for the answer. */
static enum pg_outcome finish_issue(struct pg *pg, int64_t user, struct pg_result **rows,
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

/* Takes rows over. */
static enum hum_status conclude(const struct auth *auth, enum hum_status status,
                                const struct session *session, struct pg_result *rows,
                                struct auth_session *ret_session) {
    if (status != HUM_OK) {
        pg_result_free(rows);
        return status;
    }
    return make_tokens(auth, session, rows, ret_session);
}

struct register_work {
    const struct auth_registration *registration;
    struct str nickname, nickname_key;
    char hash[PASSWORD_HASH_MAX];
    struct session session;
    struct pg_result *rows;
};

static enum hum_status conflict_of(const struct pg *pg) {
    if (strcmp(pg_constraint(pg), store_accounts_email_key) == 0) {
        return HUM_EMAIL_TAKEN;
    }
    return strcmp(pg_constraint(pg), store_users_nickname_key) == 0 ? HUM_NICKNAME_TAKEN : HUM_OK;
}

static enum pg_outcome register_in_tx(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct register_work *work = arg;
    const struct auth_registration *registration = work->registration;
    struct session *session = &work->session;

    enum pg_outcome outcome = store_account_add(pg, registration->email, work->nickname,
                                                work->nickname_key, work->hash, &session->user);
    if (outcome == PG_CONFLICT) {
        *ret_status = conflict_of(pg);
    }
    PG_TRY(outcome);
    PG_TRY(store_session_add(pg, session, registration->device.name, registration->device.kind));
    PG_TRY(record(pg, "UserRegistered", session->user, session->id));
    return finish_issue(pg, session->user, &work->rows, ret_status);
}

/* "user-" and eight random letters and digits that are hard to confuse. */
static void make_up_nickname(struct nickname *nickname) {
    static const char base32[] = "abcdefghijkmnpqrstuvwxyz23456789";

    memcpy(nickname->text, "user-", 5);
    for (int i = 5; i < 13; i++) {
        nickname->text[i] = base32[randombytes_uniform(sizeof base32 - 1)];
    }
    nickname->text[13] = '\0';
    nickname->len = 13;
}

static enum hum_status register_run(struct pg *pg, struct register_work *work) {
    const struct auth_registration *registration = work->registration;
    enum hum_status status = HUM_NICKNAME_TAKEN;
    struct nickname made_up;

    if (registration->nickname) {
        work->nickname = nickname_str(registration->nickname);
        work->nickname_key = nickname_str(registration->nickname_key);
        return tx_run(pg, register_in_tx, work);
    }
    for (int i = 0; i < MADE_UP_TRIES && status == HUM_NICKNAME_TAKEN; i++) {
        make_up_nickname(&made_up);
        work->nickname = work->nickname_key = nickname_str(&made_up);
        status = tx_run(pg, register_in_tx, work);
    }
    return status;
}

enum hum_status auth_register(const struct auth *auth, struct lease *lease,
                              const struct auth_registration *registration,
                              struct auth_session *ret_session) {
    struct register_work work = {.registration = registration};
    struct pg *pg;

    lease_return(lease);
    TRY(passwords_hash(auth->passwords, registration->password, work.hash));
    randombytes_buf(work.session.seed, sizeof work.session.seed);
    TRY(lease_take(lease, &pg));
    enum hum_status status = register_run(pg, &work);
    return conclude(auth, status, &work.session, work.rows, ret_session);
}

struct login_work {
    const struct auth_device *device;
    struct session session;
    struct pg_result *rows;
};

static enum pg_outcome login_in_tx(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct login_work *work = arg;
    struct session *session = &work->session;

    PG_TRY(store_session_add(pg, session, work->device->name, work->device->kind));
    PG_TRY(record(pg, "UserLoggedIn", session->user, session->id));
    return finish_issue(pg, session->user, &work->rows, ret_status);
}

/* Finds the account, if there is one, and tries the password without holding a connection. */
static enum hum_status check_password(const struct auth *auth, struct lease *lease,
                                      struct str email, struct str password, int64_t *ret_user) {
    struct pg_result *rows = NULL;
    struct pg *pg;

    TRY(lease_take(lease, &pg));
    TRY(tx_status(store_account_by_email(pg, email, &rows)));
    lease_return(lease);
    bool known = pg_rows(rows) == 1;
    enum hum_status status =
        passwords_verify(auth->passwords, known ? pg_get_text(rows, 0, 1).data : NULL, password);
    if (status == HUM_OK) {
        *ret_user = pg_get_int(rows, 0, 0);
    }
    pg_result_free(rows);
    return status;
}

enum hum_status auth_login(const struct auth *auth, struct lease *lease, struct str email,
                           struct str password, const struct auth_device *device,
                           struct auth_session *ret_session) {
    struct login_work work = {.device = device};
    struct pg *pg;

    TRY(check_password(auth, lease, email, password, &work.session.user));
    randombytes_buf(work.session.seed, sizeof work.session.seed);
    TRY(lease_take(lease, &pg));
    enum hum_status status = tx_run(pg, login_in_tx, &work);
    if (status == HUM_UNAUTHORIZED) { /* the account was erased just now */
        status = HUM_INVALID_CREDENTIALS;
    }
    return conclude(auth, status, &work.session, work.rows, ret_session);
}

struct refresh_work {
    const struct auth *auth;
    struct refresh token;
    struct session session;
    bool stolen;
    struct pg_result *rows;
};

static enum pg_outcome end_stolen(struct pg *pg, struct refresh_work *work) {
    bool ended = false;

    work->stolen = true;
    PG_TRY(store_session_revoke(pg, work->session.user, work->session.id, &ended));
    PG_TRY(record(pg, "SessionRevoked", work->session.user, work->session.id));
    return notify_session(pg, work->session.user, work->session.id);
}

/* The lock makes those that race with one token follow one another: the first moves the session on,
 * the others find themselves one generation behind, and get what the first one got. */
static enum pg_outcome refresh_in_tx(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct refresh_work *work = arg;
    struct session *session = &work->session;
    bool found = false;

    work->stolen = false;
    PG_TRY(store_session_lock(pg, work->token.session, &found, session));
    if (!found || !refresh_genuine(&work->auth->refresh_keys, &work->token, session->seed)) {
        *ret_status =
            HUM_INVALID_TOKEN; /* and nothing revoked, or guessing would sign people out */
        return PG_DONE;
    }
    switch (refresh_judge(work->token.generation, session->generation)) {
    case REFRESH_NEXT:
        PG_TRY(store_session_advance(pg, session));
        break;
    case REFRESH_AGAIN:
        break;
    case REFRESH_STOLEN:
        return end_stolen(pg, work);
    case REFRESH_BAD:
        *ret_status = HUM_INVALID_TOKEN;
        return PG_DONE;
    }
    return finish_issue(pg, session->user, &work->rows, ret_status);
}

enum hum_status auth_refresh(const struct auth *auth, struct lease *lease, struct str refresh_token,
                             struct auth_session *ret_session) {
    struct refresh_work work = {.auth = auth};
    struct pg *pg;

    if (!refresh_parse(refresh_token, &work.token)) {
        return HUM_INVALID_TOKEN;
    }
    TRY(lease_take(lease, &pg));
    enum hum_status status = tx_run(pg, refresh_in_tx, &work);
    if (status == HUM_OK && work.stolen) {
        verified_revoke(auth->verified, work.session.id);
        status = HUM_INVALID_TOKEN;
    }
    return conclude(auth, status, &work.session, work.rows, ret_session);
}

struct logout_work {
    int64_t user, session;
};

static enum pg_outcome logout_in_tx(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct logout_work *work = arg;
    bool ended = false;

    (void)ret_status;
    PG_TRY(store_session_revoke(pg, work->user, work->session, &ended));
    if (!ended) {
        return PG_DONE;
    }
    PG_TRY(record(pg, "UserLoggedOut", work->user, work->session));
    return notify_session(pg, work->user, work->session);
}

enum hum_status auth_logout(const struct auth *auth, struct lease *lease, int64_t user,
                            int64_t session) {
    struct logout_work work = {user, session};
    struct pg *pg;

    TRY(lease_take(lease, &pg));
    enum hum_status status = tx_run(pg, logout_in_tx, &work);
    /* Also when it failed: the commit may have gone through before the connection broke. */
    verified_revoke(auth->verified, session);
    return status;
}

enum hum_status auth_check(const struct auth *auth, struct lease *lease, struct str access_token,
                           struct token_claims *ret_claims) {
    struct token_claims claims = {0};
    uint64_t mark = 0;
    bool alive = false;
    struct pg *pg;

    int64_t now = now_ms();
    enum verified_state state = verified_get(auth->verified, access_token, now, &claims, &mark);
    if (state == VERIFIED_UNKNOWN &&
        tokens_verify(auth->tokens, access_token, now / 1000, &claims) != HUM_OK) {
        return HUM_UNAUTHORIZED;
    }
    if (state != VERIFIED_ALIVE) {
        TRY(lease_take(lease, &pg));
        TRY(tx_status(store_session_alive(pg, claims.user, claims.session, &alive)));
        if (!alive) {
            return HUM_UNAUTHORIZED;
        }
        verified_put(auth->verified, access_token, &claims, now, mark);
    }
    *ret_claims = claims;
    return HUM_OK;
}
