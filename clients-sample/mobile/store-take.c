/* Messages into the store.
 *
 * The server's copy of a text shows what its edits made of it at the moment it was read; a live
 * copy shows what was first said. Whatever order copies and entries come in, a text ends as:
 * deleted, if any of them says so, or else what the latest edit says (by sent_at, then by seq).
 */
#include "store-db.h"

#include <string.h>

static const char INSERT[] =
    "INSERT INTO messages (room, seq, id, kind, sender, nonce, text, data, reply_to, target,"
    "                      sent_at, edited_at, deleted_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?, ?, ?) ON CONFLICT DO NOTHING";

static bool insert(struct store *store, const hum_message *message) {
    bool shown = message->deleted_at == 0;
    sqlite3_stmt *query = db_query(store, INSERT);
    db_int(store, query, 1, message->room);
    db_int(store, query, 2, message->seq);
    db_int(store, query, 3, message->id);
    db_text(store, query, 4, message->kind);
    db_int(store, query, 5, message->from);
    db_text(store, query, 6, message->nonce);
    db_text(store, query, 7, shown ? message->text : NULL);
    db_text(store, query, 8, message->data);
    db_int(store, query, 9, message->reply_to);
    db_int(store, query, 10, message->target);
    db_int(store, query, 11, message->sent_at);
    db_int(store, query, 12, message->edited_at);
    db_int(store, query, 13, message->deleted_at);
    return db_run(store, query) > 0;
}

/* A text says something else since some time, by an entry (0: the server's copy says so), unless
 * that is known or overtaken. ?1 room, ?2 seq, ?3 text, ?4 at, ?5 by */
static const char EDIT[] =
    "UPDATE messages SET text = iif(deleted_at = 0, ?3, NULL), edited_at = ?4, edited_by = ?5"
    " WHERE room = ?1 AND seq = ?2 AND kind = 'text'"
    "   AND (edited_at < ?4 OR (edited_at = ?4 AND edited_by < ?5))";
/* Of texts and of edits alike. ?1 room, ?2 seq, ?3 at */
static const char DELETE[] = "UPDATE messages SET text = NULL, deleted_at = ?3"
                             " WHERE room = ?1 AND seq = ?2 AND deleted_at = 0";
/* By itself SQLite may take the whole room for as near as the index. */
static const char DELETE_EDITS[] =
    "UPDATE messages INDEXED BY changes SET text = NULL, deleted_at = ?3"
    " WHERE room = ?1 AND target = ?2 AND kind = 'edit' AND deleted_at = 0";

static bool edit(struct store *store, int64_t room, int64_t seq, const char *text, int64_t at,
                 int64_t by) {
    sqlite3_stmt *query = db_query(store, EDIT);
    db_int(store, query, 1, room);
    db_int(store, query, 2, seq);
    db_text(store, query, 3, text);
    db_int(store, query, 4, at);
    db_int(store, query, 5, by);
    return db_run(store, query) > 0;
}

static bool blank(struct store *store, const char *sql, int64_t room, int64_t seq, int64_t at) {
    sqlite3_stmt *query = db_query(store, sql);
    db_int(store, query, 1, room);
    db_int(store, query, 2, seq);
    db_int(store, query, 3, at);
    return db_run(store, query) > 0;
}

/* A text is gone: so are the words of its edits. */
static bool delete_text(struct store *store, int64_t room, int64_t seq, int64_t at) {
    bool changed = blank(store, DELETE, room, seq, at);
    blank(store, DELETE_EDITS, room, seq, at);
    return changed;
}

static bool is_deletion(const hum_message *message) { return strcmp(message->kind, "delete") == 0; }

static bool is_edit(const hum_message *message) { return strcmp(message->kind, "edit") == 0; }

/* When the text was deleted, as far as is known: by the text itself, or by the entry, for a text
 * that has not come yet. 0: it was not */
static int64_t when_deleted(struct store *store, int64_t room, int64_t seq) {
    static const char SQL[] =
        "SELECT max(ifnull((SELECT deleted_at FROM messages WHERE room = ?1 AND seq = ?2), 0),"
        " ifnull((SELECT max(iif(kind = 'delete', sent_at, deleted_at))"
        "   FROM messages INDEXED BY changes"
        "   WHERE room = ?1 AND target = ?2), 0))";
    sqlite3_stmt *query = db_query(store, SQL);
    db_int(store, query, 1, room);
    db_int(store, query, 2, seq);
    int64_t at = db_row(store, query) ? sqlite3_column_int64(query, 0) : 0;
    db_over(query);
    return at;
}

/* The latest edit that is stored of the text. */
static bool edit_by_entries(struct store *store, int64_t room, int64_t seq) {
    sqlite3_stmt *query =
        db_query(store, "SELECT seq, text, sent_at FROM messages INDEXED BY changes"
                        " WHERE room = ? AND target = ? AND kind = 'edit'"
                        " ORDER BY sent_at DESC, seq DESC LIMIT 1");
    db_int(store, query, 1, room);
    db_int(store, query, 2, seq);
    bool changed = false;
    if (db_row(store, query)) {
        changed = edit(store, room, seq, (const char *)sqlite3_column_text(query, 1),
                       sqlite3_column_int64(query, 2), sqlite3_column_int64(query, 0));
    }
    db_over(query);
    return changed;
}

/* What is known of a text by now, from all its copies and entries. */
static bool settle(struct store *store, int64_t room, int64_t seq) {
    bool changed = edit_by_entries(store, room, seq);
    int64_t at = when_deleted(store, room, seq);
    if (at > 0) {
        changed |= delete_text(store, room, seq, at);
    }
    return changed;
}

static bool forget_outgoing(struct store *store, const hum_message *message) {
    if (!message->nonce || message->from != store->me) {
        return false;
    }
    sqlite3_stmt *query = db_query(store, "DELETE FROM outbox WHERE nonce = ? AND room = ?");
    db_text(store, query, 1, message->nonce);
    db_int(store, query, 2, message->room);
    return db_run(store, query) > 0;
}

static bool is_message(const hum_message *message) {
    return message->room > 0 && message->seq > 0 && message->kind && message->target >= 0 &&
           message->target < message->seq;
}

/* The room's end, and when something was last said in it. */
static bool reach(struct store *store, const hum_message *message) {
    sqlite3_stmt *query =
        db_query(store, "UPDATE rooms SET last_seq = max(last_seq, ?2), last_at = max(last_at, ?3)"
                        " WHERE id = ?1");
    bool said = !is_edit(message) && !is_deletion(message);
    db_int(store, query, 1, message->room);
    db_int(store, query, 2, message->seq);
    db_int(store, query, 3, said ? message->sent_at : 0);
    return db_run(store, query) > 0;
}

static uint8_t take(struct store *store, const hum_message *message) {
    if (!is_message(message)) {
        return 0;
    }
    if (!reach(store, message)) {
        return STORE_NO_ROOM;
    }
    uint8_t took = 0;
    bool changed = false;
    if (insert(store, message)) {
        took = STORE_NEW;
    } else if (message->deleted_at > 0) {
        changed = blank(store, DELETE, message->room, message->seq, message->deleted_at);
        changed |= edit(store, message->room, message->seq, NULL, message->edited_at, 0);
    } else if (message->edited_at > 0) {
        changed = edit(store, message->room, message->seq, message->text, message->edited_at, 0);
    }
    if (took || changed) {
        bool entry = is_edit(message) || is_deletion(message);
        changed |= settle(store, message->room, entry ? message->target : message->seq);
        store_stretch(store, message->room);
    }
    took |= changed ? STORE_CHANGED : 0;
    return took | (forget_outgoing(store, message) ? STORE_OWN : 0);
}

static bool has_gap(struct store *store, int64_t room) {
    sqlite3_stmt *query =
        db_query(store, "SELECT (SELECT max(seq) FROM messages WHERE room = ?1) > whole"
                        " FROM rooms WHERE id = ?1");
    db_int(store, query, 1, room);
    bool gap = db_row(store, query) && sqlite3_column_int64(query, 0);
    db_over(query);
    return gap;
}

hum_result store_take(struct store *store, const hum_message *messages, size_t count,
                      uint8_t *ret_took) {
    db_begin(store, DB_WRITE);
    for (size_t i = 0; i < count; i++) {
        ret_took[i] = take(store, &messages[i]);
    }
    for (size_t i = 0; i < count; i++) {
        bool stored = ret_took[i] != STORE_NO_ROOM && is_message(&messages[i]);
        if (stored && has_gap(store, messages[i].room)) {
            ret_took[i] |= STORE_GAP;
        }
    }
    hum_result result = db_end(store, HUM_DONE);
    if (result != HUM_DONE) {
        memset(ret_took, 0, count);
    }
    return result;
}
