/* Messages out of the store, and the outbox. */
#include "store-db.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { LIMIT_MAX = 1000, CHARACTERS_MAX = 4000 };

/* ---- Messages ---- */

static void add_message(struct db_list *list, sqlite3_stmt *query) {
    hum_message *message = db_list_add(list, sizeof *message);
    if (!message) {
        return;
    }
    *message = (hum_message){
        .room = sqlite3_column_int64(query, 0),
        .seq = sqlite3_column_int64(query, 1),
        .id = sqlite3_column_int64(query, 2),
        .kind = db_keep_text(&list->keep, query, 3),
        .from = sqlite3_column_int64(query, 4),
        .from_name = db_keep_text(&list->keep, query, 5),
        .nonce = db_keep_text(&list->keep, query, 6),
        .text = db_keep_text(&list->keep, query, 7),
        .data = db_keep_text(&list->keep, query, 8),
        .reply_to = sqlite3_column_int64(query, 9),
        .target = sqlite3_column_int64(query, 10),
        .sent_at = sqlite3_column_int64(query, 11),
        .edited_at = sqlite3_column_int64(query, 12),
        .deleted_at = sqlite3_column_int64(query, 13),
        .refused = db_keep_text(&list->keep, query, 14),
    };
}

static const char STORED[] =
    "SELECT * FROM (SELECT m.room, m.seq, m.id, m.kind, m.sender, p.nickname, m.nonce, m.text,"
    "   m.data, m.reply_to, m.target, m.sent_at, m.edited_at, m.deleted_at, NULL"
    "   FROM messages m LEFT JOIN people p ON p.id = m.sender"
    "   WHERE m.room = ? AND m.seq < ? ORDER BY m.seq DESC LIMIT ?) ORDER BY 2";

/* Of an outgoing message: the same columns, then its place and topic. */
#define OUTGOING                                                                                   \
    "SELECT o.room, 0, 0, 'text', ?1, p.nickname, o.nonce, o.text, NULL, o.reply_to, 0,"           \
    " o.written_at, 0, 0, o.refused, o.place, r.topic"                                             \
    " FROM outbox o JOIN rooms r ON r.id = o.room LEFT JOIN people p ON p.id = ?1 "

static const char OUTGOING_OF_ROOM[] = OUTGOING "WHERE o.room = ?2 ORDER BY o.place";
static const char OUTGOING_WAITING[] =
    OUTGOING "WHERE o.place > ?2 AND o.refused IS NULL ORDER BY o.place LIMIT ?3";

static bool has_room(struct store *store, int64_t room) {
    sqlite3_stmt *query = db_query(store, "SELECT 1 FROM rooms WHERE id = ?");
    db_int(store, query, 1, room);
    bool has = db_row(store, query);
    db_over(query);
    return has;
}

static void add_outgoing_of(struct store *store, struct db_list *list, int64_t room) {
    sqlite3_stmt *query = db_query(store, OUTGOING_OF_ROOM);
    db_int(store, query, 1, store->me);
    db_int(store, query, 2, room);
    while (db_row(store, query)) {
        add_message(list, query);
    }
}

hum_result store_messages(struct store *store, int64_t room, int64_t before, int32_t limit,
                          hum_on_message each, void *arg) {
    struct db_list list = {0};
    limit = limit < 1 ? 1 : limit > LIMIT_MAX ? LIMIT_MAX : limit;
    db_begin(store, DB_READ);
    hum_result result = has_room(store, room) ? HUM_DONE : HUM_NOT_FOUND;
    sqlite3_stmt *query = db_query(store, STORED);
    db_int(store, query, 1, room);
    db_int(store, query, 2, before > 0 ? before : INT64_MAX);
    db_int(store, query, 3, limit);
    while (db_row(store, query)) {
        add_message(&list, query);
    }
    if (before <= 0) {
        add_outgoing_of(store, &list, room);
    }
    result = db_list_result(&list, db_end(store, result));
    struct db_node *node = result == HUM_DONE ? list.first : NULL;
    while (node && each(arg, node->row)) {
        node = node->next;
    }
    db_keep_free(&list.keep);
    return result;
}

/* ---- Outbox ---- */

/* Length in bytes of the character that begins at text (RFC 3629); 0: that is none */
static size_t character(const unsigned char *text) {
    static const struct {
        unsigned char first, last, second_min, second_max;
        size_t length;
    } SHAPES[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
        if (text[0] < SHAPES[i].first || text[0] > SHAPES[i].last) {
            continue;
        }
        size_t length = SHAPES[i].length;
        if (length > 1 && (text[1] < SHAPES[i].second_min || text[1] > SHAPES[i].second_max)) {
            return 0;
        }
        for (size_t at = 2; at < length; at++) {
            if ((text[at] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return length;
    }
    return 0;
}

static bool is_sendable(const char *text) {
    if (!text || !*text || strnlen(text, HUM_TEXT_MAX + 1) > HUM_TEXT_MAX) {
        return false;
    }
    const unsigned char *at = (const unsigned char *)text;
    int count = 0;
    while (*at) {
        size_t length = character(at);
        if (length == 0 || ++count > CHARACTERS_MAX) {
            return false;
        }
        at += length;
    }
    return true;
}

static bool make_nonce(char ret_nonce[STORE_NONCE_SIZE]) {
    unsigned char random[(STORE_NONCE_SIZE - 1) / 2];
    if (getentropy(random, sizeof random) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof random; i++) {
        snprintf(ret_nonce + 2 * i, 3, "%02x", random[i]);
    }
    return true;
}

static int64_t outbox_count(struct store *store) {
    sqlite3_stmt *query = db_query(store, "SELECT count(*) FROM outbox");
    int64_t count = db_row(store, query) ? sqlite3_column_int64(query, 0) : 0;
    db_over(query);
    return count;
}

hum_result store_send(struct store *store, int64_t room, const char *text, int64_t reply_to,
                      int64_t now, char ret_nonce[STORE_NONCE_SIZE]) {
    char nonce[STORE_NONCE_SIZE];
    if (!is_sendable(text) || reply_to < 0) {
        return HUM_WRONG_USE;
    }
    if (!make_nonce(nonce)) {
        return HUM_NO_STORE;
    }
    db_begin(store, DB_WRITE_DURABLE);
    if (!has_room(store, room)) {
        return db_end(store, HUM_NOT_FOUND);
    }
    if (outbox_count(store) >= HUM_OUTBOX_MAX) {
        return db_end(store, HUM_FULL);
    }
    sqlite3_stmt *query =
        db_query(store, "INSERT INTO outbox (nonce, room, text, reply_to, written_at)"
                        " VALUES (?, ?, ?, ?, ?)");
    db_text(store, query, 1, nonce);
    db_int(store, query, 2, room);
    db_text(store, query, 3, text);
    db_int(store, query, 4, reply_to);
    db_int(store, query, 5, now);
    db_run(store, query);
    hum_result result = db_end(store, HUM_DONE);
    if (result == HUM_DONE && ret_nonce) {
        memcpy(ret_nonce, nonce, sizeof nonce);
    }
    return result;
}

struct outgoing {
    hum_message message;
    int64_t place;
    const char *topic;
};

static void add_outgoing(struct db_list *list, sqlite3_stmt *query) {
    struct db_list one = {.keep = list->keep};
    add_message(&one, query);
    list->keep = one.keep;
    struct outgoing *outgoing = one.first ? db_list_add(list, sizeof *outgoing) : NULL;
    if (outgoing) {
        outgoing->message = *(const hum_message *)one.first->row;
        outgoing->place = sqlite3_column_int64(query, 15);
        outgoing->topic = db_keep_text(&list->keep, query, 16);
    }
}

hum_result store_outbox(struct store *store, int64_t after, int32_t limit, store_on_outgoing each,
                        void *arg) {
    struct db_list list = {0};
    db_begin(store, DB_READ);
    sqlite3_stmt *query = db_query(store, OUTGOING_WAITING);
    db_int(store, query, 1, store->me);
    db_int(store, query, 2, after);
    db_int(store, query, 3, limit);
    while (db_row(store, query)) {
        add_outgoing(&list, query);
    }
    hum_result result = db_list_result(&list, db_end(store, HUM_DONE));
    struct db_node *node = result == HUM_DONE ? list.first : NULL;
    for (; node; node = node->next) {
        const struct outgoing *outgoing = node->row;
        if (!each(arg, outgoing->place, outgoing->topic, &outgoing->message)) {
            break;
        }
    }
    db_keep_free(&list.keep);
    return result;
}

/* Runs a change of one outgoing message: ?1 nonce, ?2 code. */
static hum_result change_outgoing(struct store *store, const char *sql, const char *nonce,
                                  const char *code) {
    db_begin(store, DB_WRITE_DURABLE);
    sqlite3_stmt *query = db_query(store, sql);
    db_text(store, query, 1, nonce);
    if (code) {
        db_text(store, query, 2, code);
    }
    return db_end(store, db_run(store, query) > 0 ? HUM_DONE : HUM_NOT_FOUND);
}

hum_result store_refuse(struct store *store, const char *nonce, const char *code) {
    return change_outgoing(store,
                           "UPDATE outbox SET refused = ?2 WHERE nonce = ?1 AND refused IS NULL",
                           nonce, code ? code : "refused");
}

hum_result store_send_again(struct store *store, const char *nonce) {
    /* Written anew, it gets a place behind all that were ever given. */
    return change_outgoing(store,
                           "REPLACE INTO outbox (nonce, room, text, reply_to, written_at)"
                           " SELECT nonce, room, text, reply_to, written_at FROM outbox"
                           " WHERE nonce = ?1 AND refused IS NOT NULL",
                           nonce, NULL);
}

hum_result store_forget(struct store *store, const char *nonce) {
    return change_outgoing(store, "DELETE FROM outbox WHERE nonce = ?1 AND refused IS NOT NULL",
                           nonce, NULL);
}
