/* The store's life, its schema, the session and small things. */
#include "store-db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    APPLICATION = 0x48756d31 /* Hum1 */,
    VERSION = 1,
    BYTES_MAX = 64 * 1024,
    NAME_MAX_BYTES = 64
};

/* edited_by: seq of the entry whose text a message shows; 0: it came so. written_at orders outgoing
 * messages for the eye only; place is their order. counted*: what the server said of unread
 * messages, for as long as the store does not have all of them. */
static const char SCHEMA[] =
    "CREATE TABLE session ("
    "  one INTEGER PRIMARY KEY CHECK (one = 1), user INTEGER NOT NULL, session INTEGER NOT NULL,"
    "  nickname TEXT NOT NULL, refresh_token TEXT NOT NULL, access_token TEXT,"
    "  access_until INTEGER NOT NULL, mqtt_client_id TEXT NOT NULL, mqtt_username TEXT NOT NULL,"
    "  mqtt_password TEXT NOT NULL, mqtt_until INTEGER NOT NULL, mqtt_tcp TEXT NOT NULL) STRICT;"
    "CREATE TABLE notes (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE people ("
    "  id INTEGER PRIMARY KEY, nickname TEXT NOT NULL, friend INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE rooms ("
    "  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, topic TEXT NOT NULL, title TEXT,"
    "  last_seq INTEGER NOT NULL, read_seq INTEGER NOT NULL, can_send INTEGER NOT NULL,"
    "  low INTEGER NOT NULL, whole INTEGER NOT NULL, last_at INTEGER NOT NULL DEFAULT 0,"
    "  counted INTEGER NOT NULL, counted_from INTEGER NOT NULL, counted_to INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE messages ("
    "  room INTEGER NOT NULL, seq INTEGER NOT NULL, id INTEGER NOT NULL, kind TEXT NOT NULL,"
    "  sender INTEGER NOT NULL, nonce TEXT, text TEXT, data TEXT, reply_to INTEGER NOT NULL,"
    "  target INTEGER, sent_at INTEGER NOT NULL, edited_at INTEGER NOT NULL,"
    "  deleted_at INTEGER NOT NULL, edited_by INTEGER NOT NULL DEFAULT 0,"
    "  PRIMARY KEY (room, seq)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX changes ON messages (room, target) WHERE target IS NOT NULL;"
    "CREATE TABLE outbox ("
    "  place INTEGER PRIMARY KEY AUTOINCREMENT, nonce TEXT NOT NULL UNIQUE, room INTEGER NOT NULL,"
    "  text TEXT NOT NULL, reply_to INTEGER NOT NULL, written_at INTEGER NOT NULL, refused TEXT"
    ") STRICT;"
    "CREATE INDEX outbox_room ON outbox (room, place);"
    "CREATE TABLE marks (room INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;";

static int64_t pragma(struct store *store, const char *sql) {
    sqlite3_stmt *query = db_query(store, sql);
    int64_t value = db_row(store, query) ? sqlite3_column_int64(query, 0) : 0;
    db_over(query);
    return value;
}

/* A new file becomes a store; any other must be one of this version. */
static hum_result settle_schema(struct store *store) {
    db_begin(store, DB_WRITE_DURABLE);
    int64_t application = pragma(store, "PRAGMA application_id");
    int64_t version = pragma(store, "PRAGMA user_version");
    if (application == 0 && version == 0 &&
        pragma(store, "SELECT count(*) FROM sqlite_schema") == 0) {
        char *marks = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d",
                                      APPLICATION, VERSION);
        if (marks) {
            db_exec(store, SCHEMA);
            db_exec(store, marks);
        } else {
            store->failed = SQLITE_NOMEM;
        }
        sqlite3_free(marks);
    } else if (application != APPLICATION || version != VERSION) {
        return db_end(store, HUM_NO_STORE);
    }
    store->me = pragma(store, "SELECT user FROM session");
    return db_end(store, HUM_DONE);
}

/* SQLite gives its log the file's own mode: so the mode is right before there is anything in it. A
 * file that is there is not opened: closing it again would let go of the locks that this process
 * may hold on it already (fcntl, POSIX). */
static hum_result make_file(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        hum_result result =
            fchmod(fd, 0600) == 0 ? HUM_DONE : HUM_NO_STORE; /* whatever the umask */
        close(fd);
        return result;
    }
    return errno == EEXIST && chmod(path, 0600) == 0 ? HUM_DONE : HUM_NO_STORE;
}

static hum_result connect_file(struct store *store, const char *path) {
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(path, &store->db, flags, NULL);
    if (code != SQLITE_OK) {
        return db_result(code);
    }
    sqlite3_busy_timeout(store->db, 500);
    /* The first transaction takes the lock, and it is kept. */
    db_exec(store, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                   "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                   "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
                   "BEGIN EXCLUSIVE; COMMIT");
    store->durable = true;
    return store->failed ? db_result(store->failed) : settle_schema(store);
}

hum_result store_open(const char *path, struct store **ret_store) {
    /* Names that begin with a colon mean something else to SQLite. */
    if (!path || !*path || *path == ':') {
        return HUM_WRONG_USE;
    }
    hum_result result = make_file(path);
    if (result != HUM_DONE) {
        return result;
    }
    struct store *store = calloc(1, sizeof *store);
    if (!store) {
        return HUM_NO_MEMORY;
    }
    pthread_mutex_init(&store->lock, NULL);
    result = connect_file(store, path);
    if (result != HUM_DONE) {
        store_close(store);
        return result;
    }
    *ret_store = store;
    return HUM_DONE;
}

void store_close(struct store *store) {
    if (!store) {
        return;
    }
    for (size_t i = 0; i < store->statement_count; i++) {
        sqlite3_finalize(store->statements[i].statement);
    }
    sqlite3_close(store->db);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

static void delete_all(struct store *store) {
    db_exec(store, "DELETE FROM session; DELETE FROM notes; DELETE FROM people; DELETE FROM rooms;"
                   "DELETE FROM messages; DELETE FROM outbox; DELETE FROM marks");
    store->me = 0;
}

/* What was deleted is zeroed in the file (secure_delete); the log is cut off behind it. */
static void cut_log(struct store *store) {
    pthread_mutex_lock(&store->lock);
    sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    pthread_mutex_unlock(&store->lock);
}

static void be_me(struct store *store, int64_t me) {
    pthread_mutex_lock(&store->lock);
    store->me = me;
    pthread_mutex_unlock(&store->lock);
}

hum_result store_empty(struct store *store) {
    db_begin(store, DB_WRITE_DURABLE);
    int64_t me = store->me;
    delete_all(store);
    hum_result result = db_end(store, HUM_DONE);
    if (result == HUM_DONE) {
        cut_log(store);
    } else {
        be_me(store, me);
    }
    return result;
}

/* ---- Session ---- */

static void insert_session(struct store *store, const store_session *session) {
    sqlite3_stmt *query = db_query(
        store, "INSERT OR REPLACE INTO session VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    db_int(store, query, 1, session->user);
    db_int(store, query, 2, session->session);
    db_text(store, query, 3, session->nickname);
    db_text(store, query, 4, session->refresh_token);
    db_text(store, query, 5, session->access_token);
    db_int(store, query, 6, session->access_until);
    db_text(store, query, 7, session->mqtt_client_id);
    db_text(store, query, 8, session->mqtt_username);
    db_text(store, query, 9, session->mqtt_password);
    db_int(store, query, 10, session->mqtt_until);
    db_text(store, query, 11, session->mqtt_tcp);
    db_run(store, query);
}

hum_result store_session_put(struct store *store, const store_session *session) {
    if (session->user < 1) {
        return HUM_WRONG_USE;
    }
    db_begin(store, DB_WRITE_DURABLE);
    int64_t before = store->me;
    bool another = before != session->user;
    if (another) {
        delete_all(store);
    }
    insert_session(store, session);
    sqlite3_stmt *query =
        db_query(store, "INSERT INTO people (id, nickname) VALUES (?, ?)"
                        " ON CONFLICT DO UPDATE SET nickname = excluded.nickname");
    db_int(store, query, 1, session->user);
    db_text(store, query, 2, session->nickname);
    db_run(store, query);
    store->me = session->user;
    hum_result result = db_end(store, HUM_DONE);
    if (result != HUM_DONE) {
        be_me(store, before);
    } else if (another) {
        cut_log(store);
    }
    return result;
}

static char *column_text(sqlite3_stmt *query, int column, bool *failed) {
    const unsigned char *text = sqlite3_column_text(query, column);
    char *copy = text ? strdup((const char *)text) : NULL;
    *failed |= text && !copy;
    return copy;
}

hum_result store_session_get(struct store *store, store_session *ret_session) {
    store_session session = {0};
    hum_result result = HUM_NOT_SIGNED_IN;
    bool failed = false;
    db_begin(store, DB_READ);
    sqlite3_stmt *query = db_query(store, "SELECT * FROM session");
    if (db_row(store, query)) {
        session = (store_session){
            .user = sqlite3_column_int64(query, 1),
            .session = sqlite3_column_int64(query, 2),
            .nickname = column_text(query, 3, &failed),
            .refresh_token = column_text(query, 4, &failed),
            .access_token = column_text(query, 5, &failed),
            .access_until = sqlite3_column_int64(query, 6),
            .mqtt_client_id = column_text(query, 7, &failed),
            .mqtt_username = column_text(query, 8, &failed),
            .mqtt_password = column_text(query, 9, &failed),
            .mqtt_until = sqlite3_column_int64(query, 10),
            .mqtt_tcp = column_text(query, 11, &failed),
        };
        result = failed ? HUM_NO_MEMORY : HUM_DONE;
    }
    db_over(query);
    result = db_end(store, result);
    if (result == HUM_DONE) {
        *ret_session = session;
    } else {
        store_session_free(&session);
    }
    return result;
}

static void free_secret(char **secret) {
    if (*secret) {
        explicit_bzero(*secret, strlen(*secret));
        free(*secret);
        *secret = NULL;
    }
}

void store_session_free(store_session *session) {
    char **texts[] = {&session->nickname,       &session->refresh_token, &session->access_token,
                      &session->mqtt_client_id, &session->mqtt_username, &session->mqtt_password,
                      &session->mqtt_tcp};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free_secret(texts[i]);
    }
}

/* ---- Small things ---- */

static const char NOTE_PUT[] = "INSERT OR REPLACE INTO notes VALUES (?, ?)";
static const char NOTE_GET[] = "SELECT value FROM notes WHERE name = ?";
static const char NOTE_DROP[] = "DELETE FROM notes WHERE name = ?";

static bool is_name(const char *name) { return name && *name && strlen(name) <= NAME_MAX_BYTES; }

hum_result store_number_put(struct store *store, const char *name, int64_t value) {
    if (!is_name(name)) {
        return HUM_WRONG_USE;
    }
    db_begin(store, DB_WRITE);
    sqlite3_stmt *query = db_query(store, NOTE_PUT);
    db_text(store, query, 1, name);
    db_int(store, query, 2, value);
    db_run(store, query);
    return db_end(store, HUM_DONE);
}

int64_t store_number(struct store *store, const char *name, int64_t otherwise) {
    int64_t value = otherwise;
    db_begin(store, DB_READ);
    sqlite3_stmt *query = db_query(store, NOTE_GET);
    db_text(store, query, 1, name);
    if (db_row(store, query) && sqlite3_column_type(query, 0) == SQLITE_INTEGER) {
        value = sqlite3_column_int64(query, 0);
    }
    db_over(query);
    return db_end(store, HUM_DONE) == HUM_DONE ? value : otherwise;
}

hum_result store_bytes_put(struct store *store, const char *name, const void *bytes,
                           size_t length) {
    if (!is_name(name) || length > BYTES_MAX) {
        return HUM_WRONG_USE;
    }
    db_begin(store, DB_WRITE);
    sqlite3_stmt *query = db_query(store, length ? NOTE_PUT : NOTE_DROP);
    db_text(store, query, 1, name);
    if (length) {
        db_bytes(store, query, 2, bytes, length);
    }
    db_run(store, query);
    return db_end(store, HUM_DONE);
}

hum_result store_bytes(struct store *store, const char *name, void **ret_bytes,
                       size_t *ret_length) {
    void *copy = NULL;
    size_t length = 0;
    hum_result result = HUM_NOT_FOUND;
    db_begin(store, DB_READ);
    sqlite3_stmt *query = db_query(store, NOTE_GET);
    db_text(store, query, 1, name);
    if (db_row(store, query) && sqlite3_column_type(query, 0) == SQLITE_BLOB) {
        const void *bytes = sqlite3_column_blob(query, 0);
        length = (size_t)sqlite3_column_bytes(query, 0);
        copy = bytes ? malloc(length) : NULL;
        result = copy ? HUM_DONE : HUM_NO_MEMORY;
        if (copy) {
            memcpy(copy, bytes, length);
        }
    }
    db_over(query);
    result = db_end(store, result);
    if (result != HUM_DONE) {
        free(copy);
        return result;
    }
    *ret_bytes = copy;
    *ret_length = length;
    return HUM_DONE;
}
