#include "mails.h"

#include <sodium.h>

#include "store/run.h"
#include "store/users.h"
#include "tx.h"

enum {
    PAUSE_FIRST_S = 30,
    PAUSE_MAX_S = 60 * 60,
    GIVE_UP_S = 3 * 24 * 60 * 60,
};

enum pg_outcome mails_post(struct pg *pg, enum mail_kind kind, int64_t user, struct str address) {
    enum mail_purpose purpose = mail_purpose_of(kind);
    int64_t token = 0;
    bool queued;

    if (purpose != MAIL_FOR_NOTHING) {
        PG_TRY(store_mail_token_add(pg, purpose, user, address, mail_life_s(purpose), &token));
    }
    return store_mail_queue(pg, kind, user, address, token, &queued);
}

enum pg_outcome mails_tell(struct pg *pg, enum mail_kind kind, int64_t user) {
    struct pg_result *rows = NULL;
    enum pg_outcome outcome = PG_DONE;

    PG_TRY(store_user_get(pg, user, &rows));
    if (pg_rows(rows) > 0) {
        outcome = mails_post(pg, kind, user, store_user_at(rows, 0).email);
    }
    pg_result_free(rows);
    return outcome;
}

static bool is_wanted(enum mail_purpose purpose, const enum mail_purpose *purposes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (purposes[i] == purpose) {
            return true;
        }
    }
    return false;
}

enum pg_outcome mails_look(struct pg *pg, const struct keys *keys, struct str text,
                           const enum mail_purpose *purposes, size_t count,
                           enum mail_link_state *ret_state, struct mail_token_row *ret_token) {
    struct mail_token_row row = {0};
    struct mail_token token;
    bool found;

    *ret_state = MAIL_LINK_UNKNOWN;
    if (!mail_token_parse(text, &token)) {
        return PG_DONE;
    }
    PG_TRY(store_mail_token_lock(pg, token.id, &found, &row));
    if (!found) {
        return PG_DONE;
    }
    if (!is_wanted(row.purpose, purposes, count) ||
        !mail_token_genuine(keys, &token, row.purpose, row.seed)) {
        pg_result_free(row.rows);
        return PG_DONE;
    }
    *ret_state = row.used ? MAIL_LINK_USED : row.expired ? MAIL_LINK_EXPIRED : MAIL_LINK_GOOD;
    *ret_token = row;
    return PG_DONE;
}

enum pg_outcome mails_redeem(struct pg *pg, const struct keys *keys, struct str text,
                             const enum mail_purpose *purposes, size_t count,
                             enum mail_link_state *ret_state, struct mail_token_row *ret_token) {
    PG_TRY(mails_look(pg, keys, text, purposes, count, ret_state, ret_token));
    if (*ret_state != MAIL_LINK_GOOD) {
        return PG_DONE;
    }
    enum pg_outcome outcome = store_mail_token_use(pg, ret_token->id);
    if (outcome != PG_DONE) {
        pg_result_free(ret_token->rows);
    }
    return outcome;
}

enum hum_status mails_lease(struct pg *pg, int lease_s, struct waiting_mail *ret) {
    return tx_status(store_mail_lease(pg, lease_s, ret));
}

enum hum_status mails_conclude(struct pg *pg, const struct waiting_mail *mail,
                               enum mail_fate fate) {
    switch (fate) {
    case MAIL_DELAYED:
        return tx_status(store_mail_later(pg, mail, mails_pause_s(mail->tries)));
    case MAIL_UNTRIED:
        return tx_status(store_mail_later(pg, mail, 0));
    default:
        return tx_status(store_mail_done(pg, mail));
    }
}

bool mails_worth_another_try(const struct waiting_mail *mail) { return mail->age_s < GIVE_UP_S; }

int mails_pause_s(int tries) {
    int pause = PAUSE_FIRST_S;

    for (int i = 1; i < tries && pause < PAUSE_MAX_S; i++) {
        pause *= 2;
    }
    if (pause > PAUSE_MAX_S) {
        pause = PAUSE_MAX_S;
    }
    return pause - (int)randombytes_uniform((uint32_t)(pause / 4));
}
