/* The logs of rooms. What is in them is written by the database's function hum_append alone, and
 * changed by hum_amend. */
#ifndef HUM_STORE_MESSAGES_H
#define HUM_STORE_MESSAGES_H

#include "message.h"
#include "pg.h"

/* What the database says of a message that is to be appended. */
enum append_verdict { APPENDED = 0, APPEND_KNOWN = 1, APPEND_NO_ROOM = 3, APPEND_NO_REF = 4 };

/* Appends one message: room, from, ref, kind, nonce, text and data are given. Then sets its seq, id
 * and sent_at; of APPEND_KNOWN, where the same sender's nonce is there already, to those of the
 * original. Locks the room until the transaction ends. */
HUM_MUSTCHECK enum pg_outcome store_append(struct pg *pg, struct message *message,
                                           enum append_verdict *ret_verdict);

/* An edit of a text, or its deletion. */
struct amendment {
    int64_t room;
    int64_t target; /* the text's seq */
    int64_t sender;
    bool any;         /* may delete what others wrote */
    struct str nonce; /* .data NULL: none */
    struct str text;  /* .data NULL: it is a deletion */
};

/* What the database says of it. */
enum amend_verdict {
    AMENDED = 0,
    AMEND_NOTHING = 1,  /* it was done before */
    AMEND_CONFLICT = 2, /* the nonce is that of another message */
    AMEND_NO_TEXT = 3,
    AMEND_NOT_OWN = 4,
    AMEND_DELETED = 5, /* and cannot be edited */
};

/* Changes the text and appends the entry that tells so; of AMENDED ret_seq is its number. Locks the
 * room until the transaction ends. */
HUM_MUSTCHECK enum pg_outcome store_amend(struct pg *pg, const struct amendment *amendment,
                                          enum amend_verdict *ret_verdict, int64_t *ret_seq);

/* None or one row. ret_rows is freed with pg_result_free. */
HUM_MUSTCHECK enum pg_outcome store_message_get(struct pg *pg, int64_t room, int64_t seq,
                                                struct pg_result **ret_rows);
/* The first ones after a number, and the last ones before one; both ascending. */
HUM_MUSTCHECK enum pg_outcome store_messages_after(struct pg *pg, int64_t room, int64_t after,
                                                   int limit, struct pg_result **ret_rows);
HUM_MUSTCHECK enum pg_outcome store_messages_before(struct pg *pg, int64_t room, int64_t before,
                                                    int limit, struct pg_result **ret_rows);
/* Of several rooms, those after after[i] up to upto[i], in the order of the rooms given, ascending.
 */
HUM_MUSTCHECK enum pg_outcome store_messages_between(struct pg *pg, const int64_t *rooms,
                                                     const int64_t *after, const int64_t *upto,
                                                     size_t count, struct pg_result **ret_rows);
/* A row of any of these. Its texts live as long as the rows. */
struct message store_message_at(const struct pg_result *rows, size_t row);

extern const struct pg_statement *const store_messages_statements[];
extern const size_t store_messages_statements_count;

#endif
