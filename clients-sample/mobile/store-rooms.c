/* People, rooms and read marks. */
#include "store-db.h"

#include <stdlib.h>
#include <string.h>

/* ---- People ---- */

static const char PERSON_PUT[] =
    "INSERT INTO people (id, nickname) VALUES (?, ?)"
    " ON CONFLICT DO UPDATE SET nickname = excluded.nickname WHERE nickname <> excluded.nickname";

static void put_people(struct store *store, const store_person *people, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sqlite3_stmt *query = db_query(store, PERSON_PUT);
        db_int(store, query, 1, people[i].id);
        db_text(store, query, 2, people[i].nickname);
        db_run(store, query);
    }
}

hum_result store_people_take(struct store *store, const store_person *people, size_t count) {
    db_begin(store, DB_WRITE);
    put_people(store, people, count);
    return db_end(store, HUM_DONE);
}

hum_result store_friends_set(struct store *store, const store_person *friends, size_t count) {
    db_begin(store, DB_WRITE);
    put_people(store, friends, count);
    db_run(store, db_query(store, "UPDATE people SET friend = 0 WHERE friend"));
    for (size_t i = 0; i < count; i++) {
        sqlite3_stmt *query = db_query(store, "UPDATE people SET friend = 1 WHERE id = ?");
        db_int(store, query, 1, friends[i].id);
        db_run(store, query);
    }
    return db_end(store, HUM_DONE);
}

hum_result store_friends(struct store *store, store_on_person each, void *arg) {
    struct db_list list = {0};
    db_begin(store, DB_READ);
    sqlite3_stmt *query =
        db_query(store, "SELECT id, nickname FROM people WHERE friend ORDER BY nickname, id");
    while (db_row(store, query)) {
        store_person *person = db_list_add(&list, sizeof *person);
        if (person) {
            person->id = sqlite3_column_int64(query, 0);
            person->nickname = db_keep_text(&list.keep, query, 1);
        }
    }
    hum_result result = db_list_result(&list, db_end(store, HUM_DONE));
    struct db_node *node = result == HUM_DONE ? list.first : NULL;
    while (node && each(arg, node->row)) {
        node = node->next;
    }
    db_keep_free(&list.keep);
    return result;
}

hum_result store_nickname(struct store *store, int64_t user, char *ret, size_t size) {
    hum_result result = HUM_NOT_FOUND;
    db_begin(store, DB_READ);
    sqlite3_stmt *query = db_query(store, "SELECT nickname FROM people WHERE id = ?");
    db_int(store, query, 1, user);
    *ret = 0;
    if (db_row(store, query)) {
        sqlite3_snprintf((int)size, ret, "%s", sqlite3_column_text(query, 0));
        result = HUM_DONE;
    }
    db_over(query);
    return db_end(store, result);
}

/* ---- The list of rooms ---- */

/* The row is written only where something is other than before: so what changed is what was
 * written. counted is worth something only beside the mark and the end that it was counted between.
 */
static const char ROOM_PUT[] =
    "INSERT INTO rooms (id, kind, topic, title, last_seq, read_seq, can_send, low, whole,"
    "                   counted, counted_from, counted_to)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, max(1, ?5 - ?9 + 1), max(1, ?5 - ?9 + 1) - 1,"
    "         ?8, ?6, ?5)"
    " ON CONFLICT DO UPDATE SET kind = ?2, topic = ?3, title = ?4, last_seq = max(last_seq, ?5),"
    "   read_seq = max(read_seq, ?6), can_send = ?7, counted = ?8, counted_from = ?6,"
    "   counted_to = ?5"
    " WHERE kind <> ?2 OR topic <> ?3 OR title IS NOT ?4 OR last_seq < ?5 OR read_seq < ?6"
    "   OR can_send <> ?7 OR counted <> ?8 OR counted_from <> ?6 OR counted_to <> ?5";

static int64_t put_room(struct store *store, const store_room *room, int64_t first) {
    const hum_room *shown = &room->shown;
    sqlite3_stmt *query = db_query(store, ROOM_PUT);
    db_int(store, query, 1, shown->id);
    db_text(store, query, 2, shown->kind);
    db_text(store, query, 3, room->topic);
    db_text(store, query, 4, shown->title);
    db_int(store, query, 5, shown->last_seq);
    db_int(store, query, 6, shown->read_seq);
    db_int(store, query, 7, shown->can_send);
    db_int(store, query, 8, shown->unread);
    db_int(store, query, 9, first);
    return db_run(store, query);
}

static void drop_room(struct store *store, int64_t room) {
    static const char *const DROPS[] = {
        "DELETE FROM messages WHERE room = ?", "DELETE FROM outbox WHERE room = ?",
        "DELETE FROM marks WHERE room = ?", "DELETE FROM rooms WHERE id = ?"};
    for (size_t i = 0; i < sizeof DROPS / sizeof DROPS[0]; i++) {
        sqlite3_stmt *query = db_query(store, DROPS[i]);
        db_int(store, query, 1, room);
        db_run(store, query);
    }
}

static int by_id(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Those in the store that are not among the sorted ids. */
static bool drop_others(struct store *store, const int64_t *ids, size_t count) {
    struct db_list gone = {0};
    sqlite3_stmt *query = db_query(store, "SELECT id FROM rooms");
    while (db_row(store, query)) {
        int64_t id = sqlite3_column_int64(query, 0);
        if (!bsearch(&id, ids, count, sizeof id, by_id)) {
            int64_t *row = db_list_add(&gone, sizeof id);
            if (row) {
                *row = id;
            }
        }
    }
    if (gone.keep.failed) {
        store->failed = SQLITE_NOMEM;
    }
    for (struct db_node *node = gone.first; node; node = node->next) {
        drop_room(store, *(const int64_t *)node->row);
    }
    bool any = gone.first;
    db_keep_free(&gone.keep);
    return any;
}

hum_result store_rooms_take(struct store *store, const store_room *rooms, size_t count,
                            int64_t first, bool *ret_changed) {
    int64_t *ids = calloc(count + 1, sizeof *ids);
    if (!ids) {
        return HUM_NO_MEMORY;
    }
    bool changed = false;
    db_begin(store, DB_WRITE);
    for (size_t i = 0; i < count; i++) {
        ids[i] = rooms[i].shown.id;
        changed |= put_room(store, &rooms[i], first) > 0;
    }
    qsort(ids, count, sizeof *ids, by_id);
    changed |= drop_others(store, ids, count);
    /* A mark of ours may be ahead of what the server has. */
    db_exec(store, "DELETE FROM marks WHERE seq < (SELECT read_seq FROM rooms WHERE id = room)");
    free(ids);
    hum_result result = db_end(store, HUM_DONE);
    if (result == HUM_DONE && ret_changed) {
        *ret_changed = changed;
    }
    return result;
}

/* ---- Reading them ---- */

/* Others' texts past the mark, to 100, among the last 1,000 entries. Where the store does not have
 * all of what the server counted, and the mark is still where it was, the server knows better. */
#define ROOM_ROWS                                                                                  \
    "SELECT id, kind, topic, title, last_seq, read_seq, can_send, low, whole,"                     \
    " (SELECT count(*) FROM (SELECT 1 FROM (SELECT m.kind, m.sender, m.deleted_at"                 \
    "      FROM messages m WHERE m.room = rooms.id AND m.seq > rooms.read_seq"                     \
    "      ORDER BY m.seq DESC LIMIT 1000)"                                                        \
    "    WHERE kind = 'text' AND sender <> ?1 AND deleted_at = 0 LIMIT 100)),"                     \
    " CASE WHEN counted_from = read_seq AND (read_seq + 1 < low OR whole < counted_to)"            \
    "   THEN counted ELSE 0 END FROM rooms "

static void add_room(struct db_list *list, sqlite3_stmt *query) {
    store_room *room = db_list_add(list, sizeof *room);
    if (!room) {
        return;
    }
    int64_t unread = sqlite3_column_int64(query, 9);
    int64_t counted = sqlite3_column_int64(query, 10);
    *room = (store_room){
        .shown =
            {
                .id = sqlite3_column_int64(query, 0),
                .kind = db_keep_text(&list->keep, query, 1),
                .title = db_keep_text(&list->keep, query, 3),
                .last_seq = sqlite3_column_int64(query, 4),
                .read_seq = sqlite3_column_int64(query, 5),
                .unread = unread > counted ? unread : counted,
                .can_send = sqlite3_column_int64(query, 6),
            },
        .topic = db_keep_text(&list->keep, query, 2),
        .low = sqlite3_column_int64(query, 7),
        .whole = sqlite3_column_int64(query, 8),
    };
}

static hum_result walk_rooms(struct store *store, const char *sql, int64_t id, store_on_room each,
                             void *arg) {
    struct db_list list = {0};
    db_begin(store, DB_READ);
    sqlite3_stmt *query = db_query(store, sql);
    db_int(store, query, 1, store->me);
    if (id) {
        db_int(store, query, 2, id);
    }
    while (db_row(store, query)) {
        add_room(&list, query);
    }
    hum_result result = db_list_result(&list, db_end(store, HUM_DONE));
    if (result == HUM_DONE && id && !list.first) {
        result = HUM_NOT_FOUND;
    }
    struct db_node *node = result == HUM_DONE ? list.first : NULL;
    while (node && each(arg, node->row)) {
        node = node->next;
    }
    db_keep_free(&list.keep);
    return result;
}

hum_result store_rooms(struct store *store, store_on_room each, void *arg) {
    return walk_rooms(store, ROOM_ROWS "ORDER BY last_at DESC, id DESC", 0, each, arg);
}

hum_result store_room_of(struct store *store, int64_t room, store_on_room each, void *arg) {
    return room > 0 ? walk_rooms(store, ROOM_ROWS "WHERE id = ?2", room, each, arg) : HUM_NOT_FOUND;
}

/* ---- How far they are stored ---- */

static bool is_stored(struct store *store, int64_t room, int64_t seq) {
    sqlite3_stmt *query = db_query(store, "SELECT 1 FROM messages WHERE room = ? AND seq = ?");
    db_int(store, query, 1, room);
    db_int(store, query, 2, seq);
    bool stored = db_row(store, query);
    db_over(query);
    return stored;
}

void store_stretch(struct store *store, int64_t room) {
    sqlite3_stmt *query = db_query(store, "SELECT low, whole FROM rooms WHERE id = ?");
    db_int(store, query, 1, room);
    if (!db_row(store, query)) {
        return;
    }
    int64_t low = sqlite3_column_int64(query, 0);
    int64_t whole = sqlite3_column_int64(query, 1);
    int64_t was_low = low;
    int64_t was_whole = whole;
    db_over(query);
    while (whole < INT64_MAX && is_stored(store, room, whole + 1)) {
        whole++;
    }
    while (low > 1 && is_stored(store, room, low - 1)) {
        low--;
    }
    if (low != was_low || whole != was_whole) {
        query = db_query(store, "UPDATE rooms SET low = ?, whole = ?2,"
                                " last_seq = max(last_seq, ?2) WHERE id = ?");
        db_int(store, query, 1, low);
        db_int(store, query, 2, whole);
        db_int(store, query, 3, room);
        db_run(store, query);
    }
}

hum_result store_whole(struct store *store, int64_t room, int64_t seq) {
    db_begin(store, DB_WRITE);
    sqlite3_stmt *query =
        db_query(store, "UPDATE rooms SET whole = ?1, last_seq = max(last_seq, ?1)"
                        " WHERE id = ?2 AND whole < ?1");
    db_int(store, query, 1, seq);
    db_int(store, query, 2, room);
    if (db_run(store, query) > 0) {
        store_stretch(store, room);
    }
    return db_end(store, HUM_DONE);
}

hum_result store_restart(struct store *store, int64_t room, int64_t seq) {
    if (seq == INT64_MAX) {
        return HUM_WRONG_USE;
    }
    db_begin(store, DB_WRITE);
    sqlite3_stmt *query =
        db_query(store, "UPDATE rooms SET whole = ?1, low = ?1 + 1, last_seq = max(last_seq, ?1)"
                        " WHERE id = ?2 AND whole < ?1");
    db_int(store, query, 1, seq);
    db_int(store, query, 2, room);
    if (db_run(store, query) > 0) {
        query = db_query(store, "DELETE FROM messages WHERE room = ? AND seq <= ?");
        db_int(store, query, 1, room);
        db_int(store, query, 2, seq);
        db_run(store, query);
        store_stretch(store, room);
    }
    return db_end(store, HUM_DONE);
}

/* ---- Own read marks ---- */

hum_result store_read(struct store *store, int64_t room, int64_t seq) {
    hum_result result = HUM_NOT_FOUND;
    db_begin(store, DB_WRITE);
    sqlite3_stmt *query = db_query(store, "SELECT min(?1, last_seq) > read_seq, min(?1, last_seq)"
                                          " FROM rooms WHERE id = ?2");
    db_int(store, query, 1, seq);
    db_int(store, query, 2, room);
    bool further = false;
    if (db_row(store, query)) {
        result = HUM_DONE;
        further = sqlite3_column_int64(query, 0);
        seq = sqlite3_column_int64(query, 1);
    }
    db_over(query);
    if (further) {
        query = db_query(store, "INSERT OR REPLACE INTO marks VALUES (?, ?)");
        db_int(store, query, 1, room);
        db_int(store, query, 2, seq);
        db_run(store, query);
        query = db_query(store, "UPDATE rooms SET read_seq = ?2 WHERE id = ?1");
        db_int(store, query, 1, room);
        db_int(store, query, 2, seq);
        db_run(store, query);
    }
    return db_end(store, result);
}

struct mark {
    int64_t room, seq;
    const char *topic;
};

hum_result store_marks(struct store *store, store_on_mark each, void *arg) {
    struct db_list list = {0};
    db_begin(store, DB_READ);
    sqlite3_stmt *query = db_query(store, "SELECT room, seq, topic FROM marks"
                                          " JOIN rooms ON rooms.id = marks.room ORDER BY room");
    while (db_row(store, query)) {
        struct mark *mark = db_list_add(&list, sizeof *mark);
        if (mark) {
            mark->room = sqlite3_column_int64(query, 0);
            mark->seq = sqlite3_column_int64(query, 1);
            mark->topic = db_keep_text(&list.keep, query, 2);
        }
    }
    hum_result result = db_list_result(&list, db_end(store, HUM_DONE));
    struct db_node *node = result == HUM_DONE ? list.first : NULL;
    for (; node; node = node->next) {
        const struct mark *mark = node->row;
        if (!each(arg, mark->room, mark->topic, mark->seq)) {
            break;
        }
    }
    db_keep_free(&list.keep);
    return result;
}

hum_result store_mark_told(struct store *store, int64_t room, int64_t seq) {
    db_begin(store, DB_WRITE);
    sqlite3_stmt *query =
        db_query(store, "UPDATE rooms SET read_seq = ?1 WHERE id = ?2 AND read_seq < ?1");
    db_int(store, query, 1, seq);
    db_int(store, query, 2, room);
    db_run(store, query);
    query = db_query(store, "DELETE FROM marks WHERE room = ? AND seq <= ?");
    db_int(store, query, 1, room);
    db_int(store, query, 2, seq);
    db_run(store, query);
    return db_end(store, HUM_DONE);
}
