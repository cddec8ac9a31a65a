#include "auth.h"

#include <sodium.h>
#include <stdio.h>
#include <time.h>

#include "domain/issue.h"
#include "domain/made_up.h"
#include "domain/sessions.h"
#include "domain/tx.h"
#include "store/accounts.h"
#include "store/run.h"

#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum hum_status try_status_ = (call);                                                      \
        if (try_status_ != HUM_OK) {                                                               \
            return try_status_;                                                                    \
        }                                                                                          \
    } while (0)

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

    enum pg_outcome outcome =
        store_account_add(pg, registration->email, work->nickname, work->nickname_key,
                          str_of(work->hash), &session->user);
    if (outcome == PG_CONFLICT) {
        *ret_status = conflict_of(pg);
    }
    PG_TRY(outcome);
    return issue_session(pg, "UserRegistered", session, &registration->device, &work->rows,
                         ret_status);
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
        nickname_make_up(&made_up);
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
    return issue_tokens(auth, status, &work.session, work.rows, ret_session);
}

struct login_work {
    const struct auth_device *device;
    char hash[PASSWORD_HASH_MAX]; /* that the password was tried against */
    struct session session;
    bool ended; /* others, in its place */
    struct pg_result *rows;
};

/* Whoever changes a password ends the sessions that it opened: this one is seen by them, or sees
 * that the password is another by now. */
static enum pg_outcome login_in_tx(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct login_work *work = arg;
    bool held = false;

    PG_TRY(
        issue_session(pg, "UserLoggedIn", &work->session, work->device, &work->rows, ret_status));
    PG_TRY(store_password_hold(pg, work->session.user, work->hash, &held));
    if (!held) {
        *ret_status = HUM_INVALID_CREDENTIALS;
        return PG_DONE;
    }
    return sessions_end_surplus(pg, work->session.user, &work->ended);
}

/* Where addresses are verified, the right password for one that is not is told. So it is to who has
 * just signed up and not followed the link, and then whether the address has an account already or
 * not: or the difference would tell. */
static enum hum_status judge(const struct auth *auth, const struct pg_result *rows,
                             struct str password) {
    enum hum_status status =
        passwords_verify(auth->passwords, pg_get_text(rows, 0, 1).data, password);

    if (!auth->mail_on) {
        return status;
    }
    if (status == HUM_OK) {
        return pg_get_int(rows, 0, 2) ? HUM_OK : HUM_EMAIL_UNVERIFIED;
    }
    if (status != HUM_INVALID_CREDENTIALS) {
        return status;
    }
    status = passwords_verify(auth->passwords, pg_get_text(rows, 0, 3).data, password);
    return status == HUM_OK ? HUM_EMAIL_UNVERIFIED : status;
}

/* Finds the account, if there is one, and tries the password without holding a connection. */
static enum hum_status check_password(const struct auth *auth, struct lease *lease,
                                      struct str email, struct str password,
                                      struct login_work *work) {
    struct pg_result *rows = NULL;
    struct pg *pg;

    TRY(lease_take(lease, &pg));
    TRY(tx_status(store_account_by_email(pg, email, &rows)));
    lease_return(lease);
    enum hum_status status = judge(auth, rows, password);
    if (status == HUM_OK) {
        work->session.user = pg_get_int(rows, 0, 0);
        snprintf(work->hash, sizeof work->hash, "%s", pg_get_text(rows, 0, 1).data);
    }
    pg_result_free(rows);
    return status;
}

enum hum_status auth_login(const struct auth *auth, struct lease *lease, struct str email,
                           struct str password, const struct auth_device *device,
                           struct auth_session *ret_session) {
    struct login_work work = {.device = device};
    struct pg *pg;

    TRY(check_password(auth, lease, email, password, &work));
    randombytes_buf(work.session.seed, sizeof work.session.seed);
    TRY(lease_take(lease, &pg));
    enum hum_status status = tx_run(pg, login_in_tx, &work);
    if (work.ended) {
        verified_revoke_user(auth->verified, work.session.user);
    }
    if (status == HUM_UNAUTHORIZED) { /* the account was erased just now */
        status = HUM_INVALID_CREDENTIALS;
    }
    return issue_tokens(auth, status, &work.session, work.rows, ret_session);
}

struct refresh_work {
    const struct keyset *keys;
    struct refresh token;
    struct session session;
    bool stolen;
    struct pg_result *rows;
};

static enum pg_outcome end_stolen(struct pg *pg, struct refresh_work *work) {
    bool ended = false;

    work->stolen = true;
    return sessions_revoke(pg, "SessionRevoked", work->session.user, work->session.id, &ended);
}

/* The lock makes those that race with one token follow one another: the first moves the session on,
 * the others find themselves one generation behind, and get what the first one got. */
static enum pg_outcome refresh_in_tx(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct refresh_work *work = arg;
    struct session *session = &work->session;
    bool found = false;

    work->stolen = false;
    PG_TRY(store_session_lock(pg, work->token.session, &found, session));
    if (!found || !refresh_genuine(&work->keys->refresh, &work->token, session->seed)) {
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
    return issue_finish(pg, session->user, &work->rows, ret_status);
}

enum hum_status auth_refresh(const struct auth *auth, struct lease *lease, struct str refresh_token,
                             struct auth_session *ret_session) {
    struct refresh_work work = {0};
    struct pg *pg;

    if (!refresh_parse(refresh_token, &work.token)) {
        return HUM_INVALID_TOKEN;
    }
    TRY(lease_take(lease, &pg));
    work.keys = keyring_take(auth->keyring);
    enum hum_status status = tx_run(pg, refresh_in_tx, &work);
    keyring_give(auth->keyring, work.keys);
    if (status == HUM_OK && work.stolen) {
        verified_revoke(auth->verified, work.session.id);
        status = HUM_INVALID_TOKEN;
    }
    return issue_tokens(auth, status, &work.session, work.rows, ret_session);
}

struct logout_work {
    int64_t user, session;
};

static enum pg_outcome logout_in_tx(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct logout_work *work = arg;
    bool ended = false;

    (void)ret_status;
    return sessions_revoke(pg, "UserLoggedOut", work->user, work->session, &ended);
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

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum hum_status verify(const struct auth *auth, struct str access_token, int64_t now_s,
                              struct token_claims *ret_claims) {
    const struct keyset *keys = keyring_take(auth->keyring);
    enum hum_status status = tokens_verify(keys->tokens, access_token, now_s, ret_claims);

    keyring_give(auth->keyring, keys);
    return status;
}

void auth_recall(const struct auth *auth, struct str access_token, struct auth_known *ret_known) {
    *ret_known = (struct auth_known){.now_ms = now_ms()};
    ret_known->state = verified_get(auth->verified, access_token, ret_known->now_ms,
                                    &ret_known->claims, &ret_known->mark);
}

/* Asks the database. */
static enum hum_status look_up(const struct auth *auth, struct lease *lease,
                               struct str access_token, const struct auth_known *known) {
    const struct token_claims *claims = &known->claims;
    bool alive = false;
    struct pg *pg;

    TRY(lease_take(lease, &pg));
    TRY(tx_status(store_session_alive(pg, claims->user, claims->session, &alive)));
    if (!alive) {
        verified_put_dead(auth->verified, access_token, claims, known->now_ms);
        return HUM_UNAUTHORIZED;
    }
    verified_put(auth->verified, access_token, claims, known->now_ms, known->mark);
    seen_note(auth->seen, claims->session, known->now_ms);
    return HUM_OK;
}

enum hum_status auth_check(const struct auth *auth, struct lease *lease, struct str access_token,
                           struct auth_known *known) {
    switch (known->state) {
    case VERIFIED_DEAD:
        return HUM_UNAUTHORIZED;
    case VERIFIED_ALIVE:
        return HUM_OK;
    case VERIFIED_TOKEN:
        break;
    case VERIFIED_UNKNOWN:
        if (verify(auth, access_token, known->now_ms / 1000, &known->claims) != HUM_OK) {
            return HUM_UNAUTHORIZED;
        }
        break;
    }
    return look_up(auth, lease, access_token, known);
}
