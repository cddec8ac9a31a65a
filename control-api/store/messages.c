#include "messages.h"

#include "run.h"

#define MESSAGE_COLUMNS                                                                            \
    "m.room_id, m.seq, m.id, m.sender_id, m.kind, m.nonce, m.text, m.ref_seq, "                    \
    "hum_notice(m.data)::text, "                                                                   \
    "(extract(epoch from m.sent_at) * 1000)::bigint, "                                             \
    "(extract(epoch from m.edited_at) * 1000)::bigint, "                                           \
    "(extract(epoch from m.deleted_at) * 1000)::bigint "

/* Looks the nonce up and waits for the room: a request is one message, and may be a repeated one.
 */
static const struct pg_statement append = {
    "message_append",
    "select status, seq, id, sent_at_ms from hum_append($1::smallint, array[$2::bigint], "
    "array[nullif($3::bigint, 0)], array[$4::text], array[$5::uuid], array[$6::text], "
    "array[nullif($7::bigint, 0)], array[$8::text::jsonb], true, true)",
};

static const struct pg_statement amend = {
    "message_amend",
    "select status, seq from hum_amend($1, $2, $3, $4::integer <> 0, $5::text, $6::uuid, $7::text)",
};

static const struct pg_statement get = {
    "message_get",
    "select " MESSAGE_COLUMNS "from messages m where m.room_id = $1 and m.seq = $2",
};

static const struct pg_statement after_seq = {
    "messages_after",
    "select " MESSAGE_COLUMNS "from messages m where m.room_id = $1 and m.seq > $2 "
    "order by m.seq limit $3",
};

static const struct pg_statement before_seq = {
    "messages_before",
    "select " MESSAGE_COLUMNS "from (select * from messages where room_id = $1 and seq < $2 "
    "order by seq desc limit $3) m order by m.seq",
};

/* Numbers have no gaps, so a range of them is a bound. */
static const struct pg_statement between = {
    "messages_between",
    "select " MESSAGE_COLUMNS
    "from unnest($1::bigint[], $2::bigint[], $3::bigint[]) with ordinality "
    "     p(room, after, upto, ord) "
    "join messages m on m.room_id = p.room and m.seq > p.after and m.seq <= p.upto "
    "order by p.ord, m.seq",
};

enum pg_outcome store_append(struct pg *pg, struct message *message,
                             enum append_verdict *ret_verdict) {
    unsigned char key_bytes[MESSAGE_KEY_LEN];
    struct str key = {NULL, 0};
    struct pg_result *rows;

    if (message->nonce.data) {
        message_dedup_key(message->from, message->nonce, key_bytes);
        key = (struct str){(const char *)key_bytes, sizeof key_bytes};
    }
    PG_TRY(RUN(pg, &append, &rows, INT(message->kind), INT(message->room), INT(message->from),
               TEXT(message->nonce), BYTES(key), TEXT(message->text), INT(message->ref),
               TEXT(message->data)));
    *ret_verdict = (enum append_verdict)pg_get_int(rows, 0, 0);
    message->seq = pg_get_int(rows, 0, 1);
    message->id = pg_get_int(rows, 0, 2);
    message->sent_at = pg_get_int(rows, 0, 3);
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_amend(struct pg *pg, const struct amendment *amendment,
                            enum amend_verdict *ret_verdict, int64_t *ret_seq) {
    unsigned char key_bytes[MESSAGE_KEY_LEN];
    struct str key = {NULL, 0};
    struct pg_result *rows;

    if (amendment->nonce.data) {
        message_dedup_key(amendment->sender, amendment->nonce, key_bytes);
        key = (struct str){(const char *)key_bytes, sizeof key_bytes};
    }
    PG_TRY(RUN(pg, &amend, &rows, INT(amendment->room), INT(amendment->target),
               INT(amendment->sender), INT(amendment->any), TEXT(amendment->nonce), BYTES(key),
               TEXT(amendment->text)));
    *ret_verdict = (enum amend_verdict)pg_get_int(rows, 0, 0);
    *ret_seq = pg_get_int(rows, 0, 1);
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_message_get(struct pg *pg, int64_t room, int64_t seq,
                                  struct pg_result **ret_rows) {
    return RUN(pg, &get, ret_rows, INT(room), INT(seq));
}

enum pg_outcome store_messages_after(struct pg *pg, int64_t room, int64_t after, int limit,
                                     struct pg_result **ret_rows) {
    return RUN(pg, &after_seq, ret_rows, INT(room), INT(after), INT(limit));
}

enum pg_outcome store_messages_before(struct pg *pg, int64_t room, int64_t before, int limit,
                                      struct pg_result **ret_rows) {
    return RUN(pg, &before_seq, ret_rows, INT(room), INT(before), INT(limit));
}

enum pg_outcome store_messages_between(struct pg *pg, const int64_t *rooms, const int64_t *after,
                                       const int64_t *upto, size_t count,
                                       struct pg_result **ret_rows) {
    return RUN(pg, &between, ret_rows, INTS(rooms, count), INTS(after, count), INTS(upto, count));
}

struct message store_message_at(const struct pg_result *rows, size_t row) {
    return (struct message){
        .room = pg_get_int(rows, row, 0),
        .seq = pg_get_int(rows, row, 1),
        .id = pg_get_int(rows, row, 2),
        .from = pg_get_int(rows, row, 3),
        .kind = (int)pg_get_int(rows, row, 4),
        .nonce = pg_get_text(rows, row, 5),
        .text = pg_get_text(rows, row, 6),
        .ref = pg_get_int(rows, row, 7),
        .data = pg_get_text(rows, row, 8),
        .sent_at = pg_get_int(rows, row, 9),
        .edited_at = pg_get_int(rows, row, 10),
        .deleted_at = pg_get_int(rows, row, 11),
    };
}

const struct pg_statement *const store_messages_statements[] = {&append,    &amend,      &get,
                                                                &after_seq, &before_seq, &between};
const size_t store_messages_statements_count =
    sizeof store_messages_statements / sizeof store_messages_statements[0];
