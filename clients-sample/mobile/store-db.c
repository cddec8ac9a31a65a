#include "store-db.h"

#include <stdlib.h>
#include <string.h>

hum_result db_result(int code) {
    switch (code & 0xff) {
    case SQLITE_OK:
        return HUM_DONE;
    case SQLITE_NOMEM:
        return HUM_NO_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return HUM_STORE_IN_USE;
    default:
        return HUM_NO_STORE;
    }
}

static void fail(struct store *store, int code) {
    if (!store->failed) {
        store->failed = code;
    }
}

void db_exec(struct store *store, const char *sql) {
    if (!store->failed) {
        int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
        if (code != SQLITE_OK) {
            fail(store, code);
        }
    }
}

/* In a WAL only FULL waits for the disk at each commit: it costs a phone energy, so only what could
 * not be asked of the server again waits. */
static void be_durable(struct store *store, bool durable) {
    if (store->durable != durable) {
        db_exec(store, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
        store->durable = durable;
    }
}

void db_begin(struct store *store, enum db_how how) {
    pthread_mutex_lock(&store->lock);
    store->failed = 0;
    if (how != DB_READ) {
        be_durable(store, how == DB_WRITE_DURABLE);
    }
    db_exec(store, how == DB_READ ? "BEGIN" : "BEGIN IMMEDIATE");
}

hum_result db_end(struct store *store, hum_result result) {
    if (result == HUM_DONE) {
        db_exec(store, "COMMIT");
    }
    if (store->failed) {
        result = db_result(store->failed);
    }
    if (!sqlite3_get_autocommit(store->db)) {
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    pthread_mutex_unlock(&store->lock);
    return result;
}

sqlite3_stmt *db_query(struct store *store, const char *sql) {
    if (store->failed) {
        return NULL;
    }
    for (size_t i = 0; i < store->statement_count; i++) {
        if (store->statements[i].sql == sql) {
            return store->statements[i].statement;
        }
    }
    if (store->statement_count == DB_STATEMENTS) {
        fail(store, SQLITE_FULL);
        return NULL;
    }
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    if (code != SQLITE_OK) {
        fail(store, code);
        return NULL;
    }
    store->statements[store->statement_count].sql = sql;
    store->statements[store->statement_count++].statement = statement;
    return statement;
}

static void bound(struct store *store, int code) {
    if (code != SQLITE_OK) {
        fail(store, code);
    }
}

void db_int(struct store *store, sqlite3_stmt *query, int index, int64_t value) {
    if (query) {
        bound(store, sqlite3_bind_int64(query, index, value));
    }
}

void db_text(struct store *store, sqlite3_stmt *query, int index, const char *text) {
    if (query) {
        bound(store, sqlite3_bind_text(query, index, text, -1, SQLITE_STATIC));
    }
}

void db_bytes(struct store *store, sqlite3_stmt *query, int index, const void *bytes,
              size_t length) {
    if (query) {
        bound(store, sqlite3_bind_blob64(query, index, bytes, length, SQLITE_STATIC));
    }
}

void db_over(sqlite3_stmt *query) {
    if (query) {
        sqlite3_reset(query);
        sqlite3_clear_bindings(query);
    }
}

bool db_row(struct store *store, sqlite3_stmt *query) {
    if (!query || store->failed) {
        db_over(query);
        return false;
    }
    int code = sqlite3_step(query);
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code != SQLITE_DONE) {
        fail(store, code);
    }
    db_over(query);
    return false;
}

int64_t db_run(struct store *store, sqlite3_stmt *query) {
    while (db_row(store, query)) {
    }
    return store->failed ? 0 : sqlite3_changes64(store->db);
}

/* ---- Rows that outlive the mutex ---- */

enum { CHUNK_SIZE = 16 * 1024 };

struct db_chunk {
    struct db_chunk *next;
    size_t used, size;
    max_align_t bytes[];
};

void *db_keep_bytes(struct db_keep *keep, size_t size) {
    size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    struct db_chunk *chunk = keep->chunks;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = malloc(sizeof *chunk + room);
        if (!chunk) {
            keep->failed = true;
            return NULL;
        }
        *chunk = (struct db_chunk){.next = keep->chunks, .size = room};
        keep->chunks = chunk;
    }
    void *bytes = (char *)chunk->bytes + chunk->used;
    chunk->used += size;
    return bytes;
}

const char *db_keep_text(struct db_keep *keep, sqlite3_stmt *query, int column) {
    const unsigned char *text = sqlite3_column_text(query, column);
    if (!text) {
        return NULL;
    }
    size_t size = (size_t)sqlite3_column_bytes(query, column) + 1;
    char *copy = db_keep_bytes(keep, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

void db_keep_free(struct db_keep *keep) {
    while (keep->chunks) {
        struct db_chunk *next = keep->chunks->next;
        free(keep->chunks);
        keep->chunks = next;
    }
}

void *db_list_add(struct db_list *list, size_t size) {
    struct db_node *node = db_keep_bytes(&list->keep, sizeof *node);
    void *row = db_keep_bytes(&list->keep, size);
    if (!node || !row) {
        return NULL;
    }
    *node = (struct db_node){.row = memset(row, 0, size)};
    if (list->last) {
        list->last->next = node;
    } else {
        list->first = node;
    }
    list->last = node;
    return row;
}

hum_result db_list_result(const struct db_list *list, hum_result result) {
    return list->keep.failed ? HUM_NO_MEMORY : result;
}
