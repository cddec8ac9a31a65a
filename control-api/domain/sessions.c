#include "sessions.h"

#include "domain/issue.h"
#include "domain/tx.h"
#include "store/notify.h"
#include "store/run.h"

enum pg_outcome sessions_revoke(struct pg *pg, const char *kind, int64_t user, int64_t session,
                                bool *ret_ended) {
    PG_TRY(store_session_revoke(pg, user, session, ret_ended));
    if (!*ret_ended) {
        return PG_DONE;
    }
    PG_TRY(issue_record(pg, kind, user, session));
    return notify_session(pg, user, session);
}

enum pg_outcome sessions_end_all(struct pg *pg, int64_t user, int64_t except) {
    return store_session_end_all(pg, user, except);
}

enum pg_outcome sessions_end_surplus(struct pg *pg, int64_t user, bool *ret_ended) {
    return store_session_end_surplus(pg, user, SESSIONS_MAX, ret_ended);
}

enum hum_status sessions_list(struct pg *pg, int64_t user, int64_t after, int limit,
                              struct pg_result **ret_rows) {
    return tx_status(store_sessions_list(pg, user, after, limit, ret_rows));
}

struct end_work {
    int64_t user, session;
};

static enum pg_outcome end_in_tx(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct end_work *work = arg;
    bool ended = false;

    PG_TRY(sessions_revoke(pg, "SessionRevoked", work->user, work->session, &ended));
    *ret_status = ended ? HUM_OK : HUM_NOT_FOUND;
    return PG_DONE;
}

enum hum_status sessions_end(const struct auth *auth, struct lease *lease, int64_t user,
                             int64_t session) {
    struct end_work work = {user, session};
    struct pg *pg;
    enum hum_status status = lease_take(lease, &pg);

    if (status != HUM_OK) {
        return status;
    }
    status = tx_run(pg, end_in_tx, &work);
    if (status != HUM_NOT_FOUND) { /* nobody ends what is known of another's session */
        verified_revoke(auth->verified, session);
    }
    return status;
}

enum hum_status sessions_seen(struct pg *pg, const int64_t *sessions, size_t count) {
    return tx_status(store_sessions_seen(pg, sessions, count));
}
