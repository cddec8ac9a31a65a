/* Accounts that somebody has asked for, and that are made once the link of a mail is followed. */
#ifndef HUM_STORE_REGISTRATIONS_H
#define HUM_STORE_REGISTRATIONS_H

#include "mail/mail_token.h"
#include "pg.h"

struct registration {
    int64_t id;
    struct str email;
    struct str nickname, nickname_key; /* .data NULL: one is made up */
    struct str hash;                   /* of the password */
    unsigned char seed[MAIL_SEED_LEN];
    bool expired, used;
    struct pg_result *rows; /* what the texts belong to; freed by the caller */
};

/* Adds one with a new seed, good for life_s seconds, and asks for its mail, which
 * is left out unless send. Of registration, the texts count. *ret_added is false when too many
 * mails are asked for already. */
HUM_MUSTCHECK enum pg_outcome store_registration_add(struct pg *pg,
                                                     const struct registration *registration,
                                                     int life_s, bool send, bool *ret_added);
/* Locks one until the transaction ends. *ret_found is false when there is none; ret_registration is
 * then untouched. */
HUM_MUSTCHECK enum pg_outcome store_registration_lock(struct pg *pg, int64_t id, bool *ret_found,
                                                      struct registration *ret_registration);
/* Marks one used. Its mail, if it still waits, is not sent (again). */
HUM_MUSTCHECK enum pg_outcome store_registration_use(struct pg *pg, int64_t id);
/* The newest of an address that can still be used; 0: none. */
HUM_MUSTCHECK enum pg_outcome store_registration_latest(struct pg *pg, struct str email,
                                                        int64_t *ret_id);
/* Whether another of the same address can still be used. */
HUM_MUSTCHECK enum pg_outcome
store_registration_rivals(struct pg *pg, const struct registration *registration, bool *ret_rivals);
/* Queues the mail of one, if it can still be used and none waits. When too many mails wait it is
 * left out. */
HUM_MUSTCHECK enum pg_outcome store_registration_mail(struct pg *pg, int64_t id);
/* Removes at most limit that ended a day ago: until then one is told what became of the link. */
HUM_MUSTCHECK enum pg_outcome store_registrations_sweep(struct pg *pg, int limit);

extern const struct pg_statement *const store_registrations_statements[];
extern const size_t store_registrations_statements_count;

#endif
