#include "recovery.h"

#include <stdio.h>

#include "domain/mail_requests.h"
#include "domain/sessions.h"
#include "domain/tx.h"
#include "store/accounts.h"
#include "store/events.h"
#include "store/identities.h"
#include "store/run.h"

static const enum mail_purpose purpose[] = {MAIL_FOR_RESET};

struct reset_work {
    const struct auth *auth;
    const struct keyset *keys;
    struct str token;
    char hash[PASSWORD_HASH_MAX];
    int64_t user; /* 0: unknown */
    struct mail_link link;
};

/* A hash is not made for a link that is good for nothing: anybody may send those. */
static enum hum_status look(struct pg *pg, struct reset_work *work) {
    struct mail_token_row token = {0};
    enum hum_status status = tx_status(
        mails_look(pg, &work->keys->mail, work->token, purpose, 1, &work->link.state, &token));

    pg_result_free(token.rows);
    return status == HUM_OK && work->link.state != MAIL_LINK_GOOD ? HUM_INVALID_TOKEN : status;
}

/* The address first: a link to one that is not the account's any more is good for nothing. Whoever
 * has the account back by its address has it alone: identities that the address does not speak for
 * may be somebody else's. They and the password go before the sessions, as sessions_end_all says.
 */
static enum pg_outcome reset(struct pg *pg, struct reset_work *work,
                             const struct mail_token_row *token) {
    bool done = false;

    PG_TRY(store_account_verify(pg, token->user, token->address, &done));
    if (!done) {
        work->link.state = MAIL_LINK_UNKNOWN;
        return PG_DONE;
    }
    work->user = token->user;
    PG_TRY(store_identities_clear_others(pg, token->user));
    PG_TRY(store_password_replace(pg, token->user, work->hash));
    PG_TRY(mail_requests_take_back(pg, token->user));
    PG_TRY(sessions_end_all(pg, token->user, 0));
    if (work->auth->mail_on) {
        PG_TRY(mails_post(pg, MAIL_PASSWORD_CHANGED, token->user, token->address));
    }
    return store_event(pg, "PasswordReset", token->user, token->user, (struct str){0});
}

static enum pg_outcome reset_in_tx(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct reset_work *work = arg;
    struct mail_token_row token = {0};
    enum pg_outcome outcome = PG_DONE;

    PG_TRY(mails_redeem(pg, &work->keys->mail, work->token, purpose, 1, &work->link.state, &token));
    if (work->link.state == MAIL_LINK_GOOD) {
        snprintf(work->link.address, sizeof work->link.address, "%s", token.address.data);
        outcome = reset(pg, work, &token);
    }
    pg_result_free(token.rows);
    if (work->link.state != MAIL_LINK_GOOD) {
        *ret_status = HUM_INVALID_TOKEN;
    }
    return outcome;
}

static enum hum_status run(struct lease *lease, struct reset_work *work, struct str password) {
    struct pg *pg;
    enum hum_status status = lease_take(lease, &pg);

    if (status == HUM_OK) {
        status = look(pg, work);
    }
    lease_return(lease);
    if (status == HUM_OK) {
        status = passwords_hash(work->auth->passwords, password, work->hash);
    }
    if (status == HUM_OK) {
        status = lease_take(lease, &pg);
    }
    return status == HUM_OK ? tx_run(pg, reset_in_tx, work) : status;
}

enum hum_status recovery_reset(const struct auth *auth, struct lease *lease, struct str token,
                               struct str password, struct mail_link *ret_link) {
    struct reset_work work = {.auth = auth, .token = token};

    work.keys = keyring_take(auth->keyring);
    enum hum_status status = run(lease, &work, password);
    keyring_give(auth->keyring, work.keys);

    /* Also when it failed: the commit may have gone through before the connection broke. */
    if (work.user != 0) {
        verified_revoke_user(auth->verified, work.user);
    }
    *ret_link = work.link;
    return status;
}
