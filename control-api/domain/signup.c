#include "signup.h"

#include <stdio.h>

#include "domain/made_up.h"
#include "domain/tx.h"
#include "store/accounts.h"
#include "store/events.h"
#include "store/registrations.h"
#include "store/run.h"

enum hum_status signup_nickname(struct lease *lease, const struct nickname *key) {
    struct pg_result *rows = NULL;
    struct pg *pg;

    if (!key) {
        return HUM_OK;
    }
    enum hum_status status = lease_take(lease, &pg);
    if (status == HUM_OK) {
        status = tx_status(store_user_by_key(pg, nickname_str(key), &rows));
    }
    if (status == HUM_OK && pg_rows(rows) > 0) {
        status = HUM_NICKNAME_TAKEN;
    }
    pg_result_free(rows);
    return status;
}

static enum hum_status keep(struct pg *pg, const struct auth_registration *asked, const char *hash,
                            bool send) {
    struct registration registration = {.email = asked->email, .hash = str_of(hash)};
    bool added = false;

    if (asked->nickname) {
        registration.nickname = nickname_str(asked->nickname);
        registration.nickname_key = nickname_str(asked->nickname_key);
    }
    enum hum_status status = tx_status(
        store_registration_add(pg, &registration, mail_life_s(MAIL_FOR_SIGNUP), send, &added));
    return status == HUM_OK && !added ? HUM_UNAVAILABLE : status;
}

enum hum_status signup_ask(const struct auth *auth, struct lease *lease,
                           const struct auth_registration *registration, bool send) {
    char hash[PASSWORD_HASH_MAX];
    struct pg *pg;

    lease_return(lease);
    enum hum_status status = passwords_hash(auth->passwords, registration->password, hash);
    if (status == HUM_OK) {
        status = lease_take(lease, &pg);
    }
    return status == HUM_OK ? keep(pg, registration, hash, send) : status;
}

static enum hum_status conflict_of(const struct pg *pg) {
    if (strcmp(pg_constraint(pg), store_accounts_email_key) == 0) {
        return HUM_EMAIL_TAKEN;
    }
    return strcmp(pg_constraint(pg), store_users_nickname_key) == 0 ? HUM_NICKNAME_TAKEN : HUM_OK;
}

/* Which of several who have signed up with an address reads its mail, nobody can tell: the link
 * that is followed may be the other's, in a mail that came just when one was expected. So nobody's
 * password counts, and the mailbox is sent a link to set one. */
static enum pg_outcome add_account(struct pg *pg, const struct registration *registration,
                                   struct str nickname, struct str key, bool mail_on,
                                   int64_t *ret_user) {
    struct str hash = registration->hash;
    bool rivals;

    PG_TRY(store_registration_rivals(pg, registration, &rivals));
    if (rivals) {
        hash = (struct str){0};
    }
    PG_TRY(store_account_add(pg, registration->email, nickname, key, hash, ret_user));
    return rivals && mail_on ? mails_post(pg, MAIL_RESET, *ret_user, registration->email) : PG_DONE;
}

static enum pg_outcome make_account(struct pg *pg, const struct registration *registration,
                                    bool made_up, bool mail_on, enum hum_status *ret_status) {
    struct str nickname = registration->nickname, key = registration->nickname_key;
    struct nickname other;
    bool done;
    int64_t user = 0;

    if (made_up || !nickname.data) {
        nickname_make_up(&other);
        nickname = key = nickname_str(&other);
    }
    enum pg_outcome outcome = add_account(pg, registration, nickname, key, mail_on, &user);
    if (outcome == PG_CONFLICT) {
        *ret_status = conflict_of(pg);
    }
    PG_TRY(outcome);
    PG_TRY(store_account_verify(pg, user, registration->email, &done));
    PG_TRY(store_event(pg, "UserRegistered", user, user, (struct str){0}));
    return store_registration_use(pg, registration->id);
}

enum pg_outcome signup_redeem(struct pg *pg, const struct keys *keys, struct str text, bool made_up,
                              bool mail_on, struct mail_link *ret_link,
                              enum hum_status *ret_status) {
    struct registration registration = {0};
    enum pg_outcome outcome = PG_DONE;
    struct mail_token token;
    bool found = false;

    *ret_link = (struct mail_link){MAIL_LINK_UNKNOWN, ""};
    if (!mail_token_parse(text, &token)) {
        return PG_DONE;
    }
    PG_TRY(store_registration_lock(pg, token.id, &found, &registration));
    if (found && mail_token_genuine(keys, &token, MAIL_FOR_SIGNUP, registration.seed)) {
        ret_link->state = registration.used      ? MAIL_LINK_USED
                          : registration.expired ? MAIL_LINK_EXPIRED
                                                 : MAIL_LINK_GOOD;
        snprintf(ret_link->address, sizeof ret_link->address, "%s", registration.email.data);
    }
    if (ret_link->state == MAIL_LINK_GOOD) {
        outcome = make_account(pg, &registration, made_up, mail_on, ret_status);
    }
    pg_result_free(registration.rows);
    return outcome;
}

enum pg_outcome signup_remind(struct pg *pg, struct str email) {
    int64_t latest;

    PG_TRY(store_registration_latest(pg, email, &latest));
    return latest == 0 ? PG_DONE : store_registration_mail(pg, latest);
}
