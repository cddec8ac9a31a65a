/* Mails: what the rules of other modules do with them, within their transactions; and what becomes
 * of one. */
#ifndef HUM_DOMAIN_MAILS_H
#define HUM_DOMAIN_MAILS_H

#include "store/mails.h"

/* Queues a mail of a kind, with a new token when it has a link; the one before of that purpose is
 * void. When too many wait already it is left out, and nobody is told. */
HUM_MUSTCHECK enum pg_outcome mails_post(struct pg *pg, enum mail_kind kind, int64_t user,
                                         struct str address);

/* The same, to the address that the account has. */
HUM_MUSTCHECK enum pg_outcome mails_tell(struct pg *pg, enum mail_kind kind, int64_t user);

enum mail_link_state {
    MAIL_LINK_GOOD,
    MAIL_LINK_EXPIRED,
    MAIL_LINK_USED,
    MAIL_LINK_UNKNOWN, /* never made here, for another purpose, void, or of an erased account */
};

/* Says what the token that text stands for is good for. ret_token: set and to be freed
 * (pg_result_free of its rows) unless MAIL_LINK_UNKNOWN. purposes: those that will do. */
HUM_MUSTCHECK enum pg_outcome mails_look(struct pg *pg, const struct keys *keys, struct str text,
                                         const enum mail_purpose *purposes, size_t count,
                                         enum mail_link_state *ret_state,
                                         struct mail_token_row *ret_token);
/* As mails_look, in a transaction: locks the person and the token that text stands for, and uses a
 * good one up, if the transaction commits. */
HUM_MUSTCHECK enum pg_outcome mails_redeem(struct pg *pg, const struct keys *keys, struct str text,
                                           const enum mail_purpose *purposes, size_t count,
                                           enum mail_link_state *ret_state,
                                           struct mail_token_row *ret_token);

enum mail_fate {
    MAIL_SENT,
    MAIL_GIVEN_UP,
    MAIL_DELAYED, /* tried again after a pause, longer each time: 30 s to an hour */
    MAIL_UNTRIED, /* tried again at once */
};

/* Takes the next mail that is due, as store_mail_lease does. */
HUM_MUSTCHECK enum hum_status mails_lease(struct pg *pg, int lease_s, struct waiting_mail *ret);
/* Writes down what became of it. */
HUM_MUSTCHECK enum hum_status mails_conclude(struct pg *pg, const struct waiting_mail *mail,
                                             enum mail_fate fate);
/* For three days. */
bool mails_worth_another_try(const struct waiting_mail *mail);
/* How long to wait after so many tries, in seconds; never the same twice, so that what was delayed
 * together does not come together. */
int mails_pause_s(int tries);

#endif
