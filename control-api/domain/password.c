#include "password.h"

#include "domain/issue.h"
#include "domain/mail_requests.h"
#include "domain/mails.h"
#include "domain/sessions.h"
#include "domain/tx.h"
#include "store/accounts.h"
#include "store/run.h"

/* rows: of store_account_proof. */
static enum hum_status judge(const struct auth *auth, const struct pg_result *rows,
                             struct str password, char hash[PASSWORD_HASH_MAX]) {
    if (pg_rows(rows) == 0) {
        return HUM_UNAUTHORIZED;
    }
    if (pg_is_null(rows, 0, 0)) {
        hash[0] = '\0';
        return pg_get_int(rows, 0, 1) ? HUM_OK : HUM_FORBIDDEN;
    }
    struct str found = pg_get_text(rows, 0, 0);
    if (found.len >= PASSWORD_HASH_MAX) {
        return HUM_INTERNAL;
    }
    memcpy(hash, found.data, found.len);
    hash[found.len] = '\0';
    return password.len ? passwords_verify(auth->passwords, hash, password) : HUM_INVALID_REQUEST;
}

enum hum_status password_prove(const struct auth *auth, struct lease *lease, int64_t user,
                               int64_t session, struct str password,
                               char ret_hash[PASSWORD_HASH_MAX]) {
    struct pg_result *rows;
    struct pg *pg;
    enum hum_status status = lease_take(lease, &pg);

    if (status == HUM_OK) {
        status = tx_status(store_account_proof(pg, user, session, &rows));
    }
    if (status != HUM_OK) {
        return status;
    }
    lease_return(lease);
    status = judge(auth, rows, password, ret_hash);
    pg_result_free(rows);
    return status;
}

struct change_work {
    const struct auth *auth;
    int64_t user, session;
    char old_hash[PASSWORD_HASH_MAX], new_hash[PASSWORD_HASH_MAX];
};

/* The mail first: it locks the person, as everybody does before the password. The password before
 * the sessions: its row is the lock that those meet who change it at once, and that a sign-in with
 * the old one meets. */
static enum pg_outcome change_in_tx(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct change_work *work = arg;
    bool done = false, alive = false;

    if (work->auth->mail_on) {
        PG_TRY(mails_tell(pg, MAIL_PASSWORD_CHANGED, work->user));
    }
    PG_TRY(store_password_set(pg, work->user, *work->old_hash ? work->old_hash : NULL,
                              work->new_hash, &done));
    if (!done) {
        *ret_status = HUM_INVALID_CREDENTIALS;
        return PG_DONE;
    }
    PG_TRY(store_session_alive(pg, work->user, work->session, &alive));
    if (!alive) {
        *ret_status = HUM_UNAUTHORIZED;
        return PG_DONE;
    }
    PG_TRY(mail_requests_take_back(pg, work->user));
    PG_TRY(issue_record(pg, "PasswordChanged", work->user, work->session));
    return sessions_end_all(pg, work->user, work->session);
}

enum hum_status password_change(const struct auth *auth, struct lease *lease, int64_t user,
                                int64_t session, struct str old, struct str wanted) {
    struct change_work work = {.auth = auth, .user = user, .session = session};
    struct pg *pg;
    enum hum_status status = password_prove(auth, lease, user, session, old, work.old_hash);

    if (status == HUM_OK) {
        status = passwords_hash(auth->passwords, wanted, work.new_hash);
    }
    if (status == HUM_OK) {
        status = lease_take(lease, &pg);
    }
    if (status != HUM_OK) {
        return status;
    }
    status = tx_run(pg, change_in_tx, &work);
    verified_revoke_user(auth->verified, user);
    return status;
}
