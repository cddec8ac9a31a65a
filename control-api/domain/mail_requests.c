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
                                  int64_t user) {
    bool added = false;
    struct pg *pg;

    enum hum_status status = lease_take(lease, &pg);
    if (status == HUM_OK) {
        status = tx_status(store_mail_request_add(pg, kind, address, user, &added));
    }
    return status == HUM_OK && !added ? HUM_UNAVAILABLE : status;
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
    PG_TRY(store_mail_request_take(pg, &request));
    *id = request.id;
    if (request.id == 0) {
        return PG_DONE;
    }
    enum pg_outcome outcome = resolve(pg, &request);
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
