#include "erasure.h"

#include "domain/password.h"
#include "domain/tx.h"
#include "store/accounts.h"
#include "store/run.h"

static enum pg_outcome erase_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const int64_t *user = arg;
    bool found = false;

    PG_TRY(store_account_erase(pg, *user, &found));
    *ret_status = found ? HUM_OK : HUM_UNAUTHORIZED;
    return PG_DONE;
}

enum hum_status erasure_run(const struct auth *auth, struct lease *lease, int64_t user,
                            int64_t session, struct str password) {
    char hash[PASSWORD_HASH_MAX];
    struct pg *pg;
    enum hum_status status = password_prove(auth, lease, user, session, password, hash);

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
