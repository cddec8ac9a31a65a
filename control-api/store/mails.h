/* The queue of mails, and the tokens of their links. */
#ifndef HUM_STORE_MAILS_H
#define HUM_STORE_MAILS_H

#include "mail/mail_token.h"
#include "pg.h"

enum {
    MAILS_MAX = 10000,        /* that wait, of those that anybody can cause */
    MAILS_NOTICES_MAX = 20000 /* when one tells the owner of an account what has happened to it */
};

/* Adds a token for a link in a mail to that address, good for life_s seconds. What the person had
 * for this purpose and has not used is void, and its mail goes unsent. */
HUM_MUSTCHECK enum pg_outcome store_mail_token_add(struct pg *pg, enum mail_purpose purpose,
                                                   int64_t user, struct str address, int life_s,
                                                   int64_t *ret_id);

/* What the person has for this purpose and has not used is void, and its mail goes unsent. */
HUM_MUSTCHECK enum pg_outcome store_mail_tokens_void(struct pg *pg, enum mail_purpose purpose,
                                                     int64_t user);

struct mail_token_row {
    int64_t id;
    int64_t user;
    enum mail_purpose purpose;
    unsigned char seed[MAIL_SEED_LEN];
    struct str address;
    bool expired, used;
    struct pg_result *rows; /* what address belongs to; freed by the caller */
};

/* Locks the person, then the token, until the transaction ends. *ret_found is false when there is
 * none, or the account was erased; ret_token is then untouched. */
HUM_MUSTCHECK enum pg_outcome store_mail_token_lock(struct pg *pg, int64_t id, bool *ret_found,
                                                    struct mail_token_row *ret_token);
/* Marks a locked token used. Its mail, if it still waits, is not sent (again). */
HUM_MUSTCHECK enum pg_outcome store_mail_token_use(struct pg *pg, int64_t id);
/* Removes at most limit tokens that ended a week ago: until then one is told which it was. */
HUM_MUSTCHECK enum pg_outcome store_mail_tokens_sweep(struct pg *pg, int limit);

/* Queues a mail; token 0: without a link. One of the same kind to the same person and address that
 * waits already will do. *ret_queued is false when there are too many: it is not sent, and the
 * caller goes on as if it were. */
HUM_MUSTCHECK enum pg_outcome store_mail_queue(struct pg *pg, enum mail_kind kind, int64_t user,
                                               struct str address, int64_t token, bool *ret_queued);

struct waiting_mail {
    int64_t id;
    enum mail_kind kind;
    int tries;     /* with this one: 1 the first time */
    int64_t age_s; /* since it was queued */
    struct str address;
    int64_t token; /* 0: none */
    enum mail_purpose purpose;
    unsigned char seed[MAIL_SEED_LEN];
    bool over;              /* its token has ended: not worth sending */
    struct pg_result *rows; /* what the texts belong to; freed by the caller */
};

/* Takes the mail that is due for the longest time, for lease_s seconds, in a transaction of its
 * own: nothing stays locked. Whoever dies meanwhile leaves it to the next. ret->id is 0 when none
 * is due. */
HUM_MUSTCHECK enum pg_outcome store_mail_lease(struct pg *pg, int lease_s,
                                               struct waiting_mail *ret);
/* It is sent, or given up. Nothing happens when the lease has gone to another. */
HUM_MUSTCHECK enum pg_outcome store_mail_done(struct pg *pg, const struct waiting_mail *mail);
/* The next try comes after a pause. */
HUM_MUSTCHECK enum pg_outcome store_mail_later(struct pg *pg, const struct waiting_mail *mail,
                                               int pause_s);

extern const struct pg_statement *const store_mails_statements[];
extern const size_t store_mails_statements_count;

#endif
