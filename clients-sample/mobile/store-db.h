/* The store's connection to SQLite: prepared statements, transactions with one failure that sticks,
 * and rows copied out. Only the store's own sources include this.
 *
 * Between db_begin and db_end the mutex is held. The first failure is kept: what follows does
 * nothing, and db_end rolls back and returns it. So nobody checks line by line.
 */
#ifndef HUM_STORE_DB_H
#define HUM_STORE_DB_H

#include "store.h"

#include <pthread.h>
#include <sqlite3.h>

enum { DB_STATEMENTS = 64 };

struct store {
    sqlite3 *db;
    pthread_mutex_t lock;
    int failed;   /* SQLite's code of the first failure since db_begin; 0: none */
    bool durable; /* what PRAGMA synchronous is set to: true: each commit is on the disk */
    int64_t me;   /* the signed-in user, or 0 */
    size_t statement_count;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } statements[DB_STATEMENTS];
};

enum db_how { DB_READ, DB_WRITE, DB_WRITE_DURABLE };

void db_begin(struct store *store, enum db_how how);
/* Commits, or rolls back after a failure; result: what to return when nothing failed. Anything but
 * HUM_DONE rolls back too. */
hum_result db_end(struct store *store, hum_result result);
hum_result db_result(int code); /* of SQLite's code */

/* sql: a constant, looked up by its address. NULL after a failure; everything below takes NULL. */
sqlite3_stmt *db_query(struct store *store, const char *sql);
/* Binds ?index (from 1); a NULL text is NULL. The text must live until the statement is run. */
void db_int(struct store *store, sqlite3_stmt *query, int index, int64_t value);
void db_text(struct store *store, sqlite3_stmt *query, int index, const char *text);
void db_bytes(struct store *store, sqlite3_stmt *query, int index, const void *bytes,
              size_t length);
/* False at the end, or after a failure; the statement may then be used anew. */
bool db_row(struct store *store, sqlite3_stmt *query);
/* Ends it before its last row. */
void db_over(sqlite3_stmt *query);
/* Runs it to its end and returns how many rows it changed. */
int64_t db_run(struct store *store, sqlite3_stmt *query);
void db_exec(struct store *store, const char *sql);

/* ---- Rows that outlive the mutex ---- */

struct db_chunk;
struct db_keep {
    struct db_chunk *chunks;
    bool failed; /* out of memory */
};
/* size bytes, aligned for anything; NULL: out of memory */
void *db_keep_bytes(struct db_keep *keep, size_t size);
/* A copy of the column (from 0); NULL for NULL */
const char *db_keep_text(struct db_keep *keep, sqlite3_stmt *query, int column);
void db_keep_free(struct db_keep *keep);

/* A list of rows in the memory of a keep, walked after the mutex has been given back. */
struct db_list {
    struct db_keep keep;
    struct db_node *first, *last;
};
struct db_node {
    struct db_node *next;
    void *row;
};
/* A zeroed row of size bytes at the end of the list; NULL: out of memory, which list->keep says. */
void *db_list_add(struct db_list *list, size_t size);
/* HUM_NO_MEMORY if the list is not whole, otherwise result */
hum_result db_list_result(const struct db_list *list, hum_result result);

/* ---- What the store's sources share ---- */

/* low and whole move as far as entries are stored. */
void store_stretch(struct store *store, int64_t room);

#endif
