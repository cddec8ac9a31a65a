/* Mails that somebody has asked for, until the worker sees whether there is one to send. The
 * numbers are the database's. */
#ifndef HUM_STORE_MAIL_REQUESTS_H
#define HUM_STORE_MAIL_REQUESTS_H

#include "pg.h"

enum asked_mail {
    ASKED_SIGNUP = 1, /* with a registration */
    ASKED_AGAIN = 2,  /* the link that verifies an address, once more */
    ASKED_RESET = 3,  /* a link for a new password */
    ASKED_CHANGE = 4, /* by a user, to an address that shall be theirs */
};

enum { MAIL_REQUESTS_MAX = 10000 }; /* that wait */

/* Asks for a mail to an address, on behalf of a user or (0) of nobody known, that is left
 * out unless send. *ret_added is false
 * when too many are asked for already. */
HUM_MUSTCHECK enum pg_outcome store_mail_request_add(struct pg *pg, enum asked_mail kind,
                                                     struct str address, int64_t user, bool send,
                                                     bool *ret_added);

struct mail_request {
    int64_t id;
    enum asked_mail kind;
    struct str address;
    int64_t registration, user; /* 0: none */
    bool quiet;                 /* none is to be sent */
    struct pg_result *rows;     /* what address belongs to; freed by the caller */
};

/* Which is the oldest, or 0. Locks the people that it is about until the transaction ends: before
 * the request, as all do who take requests back. */
HUM_MUSTCHECK enum pg_outcome store_mail_request_hold(struct pg *pg, int64_t *ret_id);
/* Takes one out; ret->id is 0 when it is gone, and nothing to free. */
HUM_MUSTCHECK enum pg_outcome store_mail_request_take(struct pg *pg, int64_t id,
                                                      struct mail_request *ret);
/* Forgets one that could not be worked on. */
HUM_MUSTCHECK enum pg_outcome store_mail_request_drop(struct pg *pg, int64_t id);

/* Removes at most limit that nobody has looked at for a day: the mail server has been taken away.
 */
HUM_MUSTCHECK enum pg_outcome store_mail_requests_sweep(struct pg *pg, int limit);
/* Forgets those of a user. */
HUM_MUSTCHECK enum pg_outcome store_mail_requests_void(struct pg *pg, int64_t user);

extern const struct pg_statement *const store_mail_requests_statements[];
extern const size_t store_mail_requests_statements_count;

#endif
