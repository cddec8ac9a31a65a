/* PostgreSQL connections: the only place that knows libpq.
 *
 * Statements are prepared once a connection, at their first use, and take their values as
 * parameters only. A connection belongs to one thread at a time. */
#ifndef HUM_PG_H
#define HUM_PG_H

#include "buf.h"
#include "status.h"

struct pg;
struct pg_result;

struct pg_config {
    const char *url;           /* a URI or a conninfo string */
    const char *user;          /* NULL or "": as in url */
    const char *password_file; /* NULL or "": as in url; else one line */
    const char *application;   /* shown in pg_stat_activity */
    const char *options;       /* as PGOPTIONS: "-c name=value …"; NULL: none */
};

/* A statement with a name of its own. Define them as constants with static storage. */
struct pg_statement {
    const char *name;
    const char *sql;
};

/* How a call ended. The classes are what callers act on. */
enum pg_outcome {
    PG_DONE,
    PG_LOST,     /* the connection is gone, or never was: open anew. A commit may have happened */
    PG_CONFLICT, /* a unique or exclusion constraint objects (class 23505, 23P01) */
    PG_REJECTED, /* the values are to blame (classes 22, 23): the same again will fail again */
    PG_BUSY,     /* a lock, a deadlock, a time limit, a server out of space: may go later */
    PG_FAILED,   /* anything else */
};

/* Connects; waits at most 5 s. PG_LOST or PG_FAILED, and *ret_pg is NULL; error gets a line without
 * secrets. */
HUM_MUSTCHECK enum pg_outcome pg_open(const struct pg_config *config, struct pg **ret_pg,
                                      char *error, size_t error_size);
/* NULL is fine. */
void pg_close(struct pg *pg);
/* The last error, one line, without values of parameters. Valid until the next call on pg. */
const char *pg_error(const struct pg *pg);
/* The constraint that the last PG_CONFLICT or PG_REJECTED named, or "". */
const char *pg_constraint(const struct pg *pg);
/* Makes a call that waits for the server end with PG_LOST. The one function that another thread may
 * call; the caller sees to it that pg is not closed meanwhile. */
void pg_interrupt(struct pg *pg);
/* The socket, to wait for notifications on; -1 when lost. */
int pg_socket(const struct pg *pg);
/* Whether the connection has broken. */
bool pg_lost(const struct pg *pg);

/* Values of one call. Text values must live until the call; arrays are copied. At most 16. */
struct pg_params;
HUM_MUSTCHECK struct pg_params *pg_params_new(void);
void pg_params_free(struct pg_params *params);
void pg_params_reset(struct pg_params *params);
void pg_add_null(struct pg_params *params);
void pg_add_int(struct pg_params *params, int64_t value); /* bigint, integer, smallint */
void pg_add_bool(struct pg_params *params, bool value);
/* .data NULL: null. A NUL inside is rejected by the server. The parameter must be of type text: for
 * another write $1::text::jsonb. */
void pg_add_text(struct pg_params *params, struct str text);
void pg_add_bytes(struct pg_params *params, struct str bytes); /* bytea */
/* One-dimensional arrays. In the first an element 0 is null when zero_is_null; in the second .data
 * NULL is; keys are 16 bytes each, one after another, null where has_key (may be NULL) is false. */
void pg_add_int_array(struct pg_params *params, const int64_t *values, size_t count,
                      bool zero_is_null);
void pg_add_text_array(struct pg_params *params, const struct str *values, size_t count);
void pg_add_uuid_array(struct pg_params *params, const unsigned char *keys, const bool *has_key,
                       size_t count);
/* An array of nulls of jsonb. */
void pg_add_json_array(struct pg_params *params, const struct str *values, size_t count);

/* Runs a statement. ret_result may be NULL when no rows are of interest; else it is set on PG_DONE
 * only and freed with pg_result_free. params may be NULL. */
HUM_MUSTCHECK enum pg_outcome pg_run(struct pg *pg, const struct pg_statement *statement,
                                     struct pg_params *params, struct pg_result **ret_result);
enum { PG_CALLS_MAX = 16 };

struct pg_call {
    const struct pg_statement *statement;
    struct pg_params *params;
    enum pg_outcome outcome;  /* how it went */
    struct pg_result *result; /* NULL before, as pg_run's after; NULL unless PG_DONE */
};
/* Runs up to PG_CALLS_MAX statements in one round trip, in their order, outside of any transaction.
 * One that fails for its own values harms no other: those behind it are run anew, so all must be
 * such that change nothing. PG_BUSY and PG_LOST are passed on to those behind. */
void pg_run_many(struct pg *pg, struct pg_call *calls, size_t count);
/* Runs constant SQL without parameters: begin, commit, rollback, listen. */
HUM_MUSTCHECK enum pg_outcome pg_command(struct pg *pg, const char *sql);

void pg_result_free(struct pg_result *result);
size_t pg_rows(const struct pg_result *result);
bool pg_is_null(const struct pg_result *result, size_t row, int column);
/* 0 for null. The column must be an integer or a boolean. */
int64_t pg_get_int(const struct pg_result *result, size_t row, int column);
/* .data NULL for null; terminated by a NUL; valid until the result is freed. */
struct str pg_get_text(const struct pg_result *result, size_t row, int column);

/* Takes the next notification that has arrived, without waiting. ret_payload is freed by the caller
 * with free(). False: none. */
bool pg_notification(struct pg *pg, char **ret_payload);
/* Reads what the socket holds. False: the connection is lost. */
HUM_MUSTCHECK bool pg_consume(struct pg *pg);

#endif
