#include "links.h"

#include <stdio.h>

#include "domain/made_up.h"
#include "domain/signup.h"
#include "domain/tx.h"
#include "store/accounts.h"
#include "store/events.h"
#include "store/run.h"

static const enum mail_purpose purposes[] = {MAIL_FOR_VERIFY, MAIL_FOR_CHANGE};

struct follow_work {
    const struct auth *auth;
    const struct keyset *keys;
    struct str token;
    bool made_up;
    struct mail_link link;
};

/* The account may have another address by now: the link is about the old one. */
static enum pg_outcome verify(struct pg *pg, const struct mail_token_row *token,
                              enum mail_link_state *ret_state) {
    bool done = false;

    PG_TRY(store_account_verify(pg, token->user, token->address, &done));
    if (!done) {
        *ret_state = MAIL_LINK_UNKNOWN;
        return PG_DONE;
    }
    return store_event(pg, "EmailVerified", token->user, token->user, (struct str){0});
}

static enum pg_outcome change(struct pg *pg, const struct auth *auth,
                              const struct mail_token_row *token, enum hum_status *ret_status) {
    struct account old = {0};
    enum pg_outcome outcome = store_account_address(pg, token->user, token->address, &old);

    if (outcome == PG_CONFLICT) {
        *ret_status = HUM_EMAIL_TAKEN;
    }
    PG_TRY(outcome);
    if (auth->mail_on) {
        outcome = mails_post(pg, MAIL_ADDRESS_CHANGED, token->user, old.email);
    }
    pg_result_free(old.rows);
    PG_TRY(outcome);
    return store_event(pg, "EmailChanged", token->user, token->user, (struct str){0});
}

static enum pg_outcome follow_in_tx(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct follow_work *work = arg;
    const struct keys *keys = &work->keys->mail;
    struct mail_token_row token = {0};
    enum pg_outcome outcome = PG_DONE;

    PG_TRY(signup_redeem(pg, keys, work->token, work->made_up, work->auth->mail_on, &work->link,
                         ret_status));
    if (work->link.state == MAIL_LINK_UNKNOWN) {
        PG_TRY(mails_redeem(pg, keys, work->token, purposes, sizeof purposes / sizeof purposes[0],
                            &work->link.state, &token));
        if (work->link.state == MAIL_LINK_GOOD) {
            snprintf(work->link.address, sizeof work->link.address, "%s", token.address.data);
            outcome = token.purpose == MAIL_FOR_VERIFY ? verify(pg, &token, &work->link.state)
                                                       : change(pg, work->auth, &token, ret_status);
        }
        pg_result_free(token.rows);
    }
    if (work->link.state != MAIL_LINK_GOOD) {
        *ret_status = HUM_INVALID_TOKEN;
    }
    return outcome;
}

enum hum_status links_follow(const struct auth *auth, struct lease *lease, struct str token,
                             struct mail_link *ret_link) {
    struct follow_work work = {.auth = auth, .token = token};
    struct pg *pg;
    enum hum_status status = lease_take(lease, &pg);

    if (status != HUM_OK) {
        return status;
    }
    work.keys = keyring_take(auth->keyring);
    status = tx_run(pg, follow_in_tx, &work);
    for (int i = 0; i < MADE_UP_TRIES && status == HUM_NICKNAME_TAKEN; i++) {
        work.made_up = true;
        status = tx_run(pg, follow_in_tx, &work);
    }
    keyring_give(auth->keyring, work.keys);
    *ret_link = work.link;
    return status;
}
