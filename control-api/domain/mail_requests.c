#include "mail_requests.h"

#include "domain/mails.h"
#include "domain/signup.h"
#include "domain/tx.h"
#include "store/accounts.h"
#include "store/registrations.h"
#include "store/run.h"

enum hum_status mail_requests_on(const struct auth *auth) {
    return auth->mail_on ? HUM_OK : HUM_MAIL_OFF;
}

enum hum_status mail_requests_add(struct lease *lease, enum asked_mail kind, struct str address,
                                  bool send) {
    bool added = false;
    struct pg *pg;
    enum hum_status status = lease_take(lease, &pg);

    if (status == HUM_OK) {
        status = tx_status(store_mail_request_add(pg, kind, address, 0, send, &added));
    }
    return status == HUM_OK && !added ? HUM_UNAVAILABLE : status;
}

struct change_work {
    int64_t user;
    const char *hash;
    struct str address;
    bool send;
};

/* Whoever sets another password waits until this is there to be taken back, or is seen here. */
static enum pg_outcome change_in_tx(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct change_work *work = arg;
    bool held = *work->hash == '\0', added = false;

    if (!held) {
        PG_TRY(store_password_hold(pg, work->user, work->hash, &held));
    }
    if (!held) {
        *ret_status = HUM_INVALID_CREDENTIALS;
        return PG_DONE;
    }
    PG_TRY(store_mail_request_add(pg, ASKED_CHANGE, work->address, work->user, work->send, &added));
    *ret_status = added ? HUM_OK : HUM_UNAVAILABLE;
    return PG_DONE;
}

enum hum_status mail_requests_change(struct lease *lease, int64_t user, const char *hash,
                                     struct str address, bool send) {
    struct change_work work = {user, hash, address, send};
    struct pg *pg;
    enum hum_status status = lease_take(lease, &pg);

    return status == HUM_OK ? tx_run(pg, change_in_tx, &work) : status;
}

enum pg_outcome mail_requests_take_back(struct pg *pg, int64_t user) {
    PG_TRY(store_mail_requests_void(pg, user));
    return store_mail_tokens_void(pg, MAIL_FOR_CHANGE, user);
}

/* Mails go to the address as its owner has written it. */
static enum pg_outcome resolve_known(struct pg *pg, const struct mail_request *request,
                                     const struct account *account) {
    switch (request->kind) {
    case ASKED_SIGNUP:
        return mails_post(pg, MAIL_ALREADY_REGISTERED, account->user, account->email);
    case ASKED_AGAIN:
        return account->verified ? PG_DONE
                                 : mails_post(pg, MAIL_VERIFY, account->user, account->email);
    case ASKED_RESET:
        return mails_post(pg, MAIL_RESET, account->user, account->email);
    case ASKED_CHANGE:
        if (account->user != request->user) {
            return mails_post(pg, MAIL_ALREADY_REGISTERED, account->user, account->email);
        }
        return mails_post(pg, MAIL_CHANGE_CONFIRM, request->user, request->address);
    }
    return PG_DONE;
}

static enum pg_outcome resolve_unknown(struct pg *pg, const struct mail_request *request) {
    switch (request->kind) {
    case ASKED_SIGNUP:
        return store_registration_mail(pg, request->registration);
    case ASKED_AGAIN:
        return signup_remind(pg, request->address);
    case ASKED_RESET:
        return PG_DONE;
    case ASKED_CHANGE:
        return mails_post(pg, MAIL_CHANGE_CONFIRM, request->user, request->address);
    }
    return PG_DONE;
}

static enum pg_outcome resolve(struct pg *pg, const struct mail_request *request) {
    struct account account;

    PG_TRY(store_account_find(pg, request->address, &account));
    if (account.user == 0) {
        return resolve_unknown(pg, request);
    }
    enum pg_outcome outcome = resolve_known(pg, request, &account);
    pg_result_free(account.rows);
    return outcome;
}

static enum pg_outcome step_in_tx(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct mail_request request;
    int64_t *id = arg;

    (void)ret_status;
    PG_TRY(store_mail_request_hold(pg, id));
    if (*id == 0) {
        return PG_DONE;
    }
    PG_TRY(store_mail_request_take(pg, *id, &request));
    if (request.id == 0) {
        return PG_DONE;
    }
    enum pg_outcome outcome = request.quiet ? PG_DONE : resolve(pg, &request);
    pg_result_free(request.rows);
    return outcome;
}

enum hum_status mail_requests_step(struct pg *pg, bool *ret_worked) {
    int64_t id = 0;
    enum hum_status status = tx_run(pg, step_in_tx, &id);

    *ret_worked = id != 0;
    if (status == HUM_OK || status == HUM_UNAVAILABLE || id == 0 || pg_lost(pg)) {
        return status;
    }
    enum hum_status dropped = tx_status(store_mail_request_drop(pg, id));
    if (dropped != HUM_OK) {
        return dropped;
    }
    return status == HUM_UNAUTHORIZED ? HUM_OK : status; /* their account was erased just then */
}
