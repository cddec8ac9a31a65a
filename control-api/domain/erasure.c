#include "erasure.h"

#include "domain/tx.h"
#include "store/accounts.h"
#include "store/run.h"

/* rows: of store_account_proof. */
static enum hum_status judge(const struct auth *auth, const struct pg_result *rows,
                             struct str password) {
    if (pg_rows(rows) == 0) {
        return HUM_UNAUTHORIZED;
    }
    if (pg_is_null(rows, 0, 0)) {
        return pg_get_int(rows, 0, 1) ? HUM_OK : HUM_FORBIDDEN;
    }
    return password.len ? passwords_verify(auth->passwords, pg_get_text(rows, 0, 0).data, password)
                        : HUM_INVALID_REQUEST;
}

static enum hum_status check(const struct auth *auth, struct lease *lease, int64_t user,
                             int64_t session, struct str password) {
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
    status = judge(auth, rows, password);
    pg_result_free(rows);
    return status;
}

static enum pg_outcome erase_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const int64_t *user = arg;
    bool found = false;

    PG_TRY(store_account_erase(pg, *user, &found));
    *ret_status = found ? HUM_OK : HUM_UNAUTHORIZED;
    return PG_DONE;
}

enum hum_status erasure_run(const struct auth *auth, struct lease *lease, int64_t user,
                            int64_t session, struct str password) {
    struct pg *pg;
    enum hum_status status = check(auth, lease, user, session, password);

    if (status == HUM_OK) {
        status = lease_take(lease, &pg);
    }
    if (status != HUM_OK) {
        return status;
    }
    status = tx_run(pg, erase_work, &user);
    /* Also when it failed: the commit may have gone through before the connection broke. */
    verified_revoke_user(auth->verified, user);
    return status;
}
