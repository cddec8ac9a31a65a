#include "pg.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    PARAMS_MAX = 16,
    SCRATCH_MAX = 64 * 1024 * 1024, /* bytes of all the arrays of one call */
    PREPARED_MAX = 256,
    CONNECT_TIMEOUT_S = 5,
};

/* Type ids of src/include/catalog/pg_type.dat. */
enum {
    OID_INT8 = 20,
    OID_TEXT = 25,
    OID_UUID = 2950,
    OID_JSONB = 3802,
};

struct pg {
    PGconn *conn;
    const struct pg_statement *prepared[PREPARED_MAX];
    size_t prepared_count;
    char error[512];
    char constraint[64];
    bool broken; /* a pipeline did not come to its end */
};

struct pg_result;

/* Values are kept as offsets until the call: the scratch buffer may move while it grows. */
struct pg_params {
    struct buf scratch;
    size_t count;
    bool overflow;
    struct {
        const char *outside; /* the caller's memory, or NULL */
        size_t offset;
        int len;
        int format;
        bool null;
    } list[PARAMS_MAX];
};

/* One line, no "DETAIL", which may quote values. */
static void keep_line(char *to, size_t size, const char *from) {
    size_t len = strcspn(from, "\r\n");

    if (len >= size) {
        len = size - 1;
    }
    memcpy(to, from, len);
    to[len] = '\0';
}

static bool read_password(const char *path, char *ret, size_t size) {
    FILE *file = fopen(path, "re");
    bool ok = file && fgets(ret, (int)size, file);

    if (file) {
        fclose(file);
    }
    if (ok) {
        ret[strcspn(ret, "\r\n")] = '\0';
    }
    return ok;
}

static PGconn *connect_with(const struct pg_config *config, const char *password) {
    const char *names[12], *values[12];
    char timeout[8];
    size_t n = 0;

    snprintf(timeout, sizeof timeout, "%d", CONNECT_TIMEOUT_S);
#define SET(name, value)                                                                           \
    do {                                                                                           \
        names[n] = (name);                                                                         \
        values[n++] = (value);                                                                     \
    } while (0)
    SET("connect_timeout", timeout);
    SET("fallback_application_name", config->application);
    SET("dbname", config->url); /* expanded; what follows overrides it */
    if (config->user && *config->user) {
        SET("user", config->user);
    }
    if (password) {
        SET("password", password);
    }
    if (config->options) {
        SET("options", config->options);
    }
    SET("client_encoding", "UTF8");
    /* A peer that is gone without a word is noticed in some 15 s. */
    SET("keepalives_idle", "5");
    SET("keepalives_interval", "5");
    SET("tcp_user_timeout", "15000");
#undef SET
    names[n] = NULL;
    values[n] = NULL;
    return PQconnectdbParams(names, values, 1);
}

static void ignore_notice(void *arg, const PGresult *result) {
    (void)arg;
    (void)result;
}

enum pg_outcome pg_open(const struct pg_config *config, struct pg **ret_pg, char *error,
                        size_t error_size) {
    char password[256];
    bool has_password = config->password_file && *config->password_file;

    *ret_pg = NULL;
    if (has_password && !read_password(config->password_file, password, sizeof password)) {
        snprintf(error, error_size, "cannot read the password file %s", config->password_file);
        return PG_FAILED;
    }
    struct pg *pg = calloc(1, sizeof *pg);
    if (!pg) {
        snprintf(error, error_size, "no memory");
        return PG_FAILED;
    }
    pg->conn = connect_with(config, has_password ? password : NULL);
    explicit_bzero(password, sizeof password);
    if (!pg->conn || PQstatus(pg->conn) != CONNECTION_OK) {
        keep_line(error, error_size, pg->conn ? PQerrorMessage(pg->conn) : "no memory");
        pg_close(pg);
        return PG_LOST;
    }
    PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
    *ret_pg = pg;
    return PG_DONE;
}

void pg_close(struct pg *pg) {
    if (pg) {
        PQfinish(pg->conn);
        free(pg);
    }
}

const char *pg_error(const struct pg *pg) { return pg->error; }

const char *pg_constraint(const struct pg *pg) { return pg->constraint; }

void pg_interrupt(struct pg *pg) { shutdown(PQsocket(pg->conn), SHUT_RDWR); }

int pg_socket(const struct pg *pg) { return PQsocket(pg->conn); }

bool pg_lost(const struct pg *pg) { return pg->broken || PQstatus(pg->conn) != CONNECTION_OK; }

struct pg_params *pg_params_new(void) {
    struct pg_params *params = calloc(1, sizeof *params);

    if (params) {
        buf_init(&params->scratch, SCRATCH_MAX);
    }
    return params;
}

void pg_params_free(struct pg_params *params) {
    if (params) {
        buf_free(&params->scratch);
        free(params);
    }
}

void pg_params_reset(struct pg_params *params) {
    buf_reset(&params->scratch);
    params->count = 0;
    params->overflow = false;
}

static void add(struct pg_params *params, const char *outside, size_t offset, size_t len,
                int format, bool null) {
    if (params->count == PARAMS_MAX || len > INT32_MAX) {
        params->overflow = true;
        return;
    }
    params->list[params->count].outside = outside;
    params->list[params->count].offset = offset;
    params->list[params->count].len = (int)len;
    params->list[params->count].format = format;
    params->list[params->count].null = null;
    params->count++;
}

/* A value that stands in the scratch buffer from offset to its end. */
static void add_scratch(struct pg_params *params, size_t offset, int format) {
    add(params, NULL, offset, params->scratch.len - offset, format, false);
}

void pg_add_null(struct pg_params *params) { add(params, NULL, 0, 0, 0, true); }

void pg_add_int(struct pg_params *params, int64_t value) {
    size_t offset = params->scratch.len;

    /* As text: the server reads it as whatever integer type the statement wants. */
    buf_int(&params->scratch, value);
    buf_add(&params->scratch, "", 1);
    add_scratch(params, offset, 0);
}

void pg_add_bool(struct pg_params *params, bool value) {
    size_t offset = params->scratch.len;

    buf_add(&params->scratch, value ? "t" : "f", 2);
    add_scratch(params, offset, 0);
}

void pg_add_text(struct pg_params *params, struct str text) {
    /* Binary: for text that is the bytes themselves, with a length and no NUL needed. */
    add(params, text.data, 0, text.len, 1, text.data == NULL);
}

void pg_add_bytes(struct pg_params *params, struct str bytes) { pg_add_text(params, bytes); }

/* Header of a one-dimensional array as array_recv reads it (src/backend/utils/adt/arrayfuncs.c). */
static size_t begin_array(struct pg_params *params, uint32_t oid, size_t count) {
    size_t offset = params->scratch.len;

    buf_be32(&params->scratch, count ? 1 : 0);
    buf_be32(&params->scratch, 1); /* may hold nulls */
    buf_be32(&params->scratch, oid);
    if (count) {
        buf_be32(&params->scratch, (uint32_t)count);
        buf_be32(&params->scratch, 1); /* lower bound */
    }
    return offset;
}

static void add_element(struct buf *scratch, const void *bytes, size_t len) {
    buf_be32(scratch, (uint32_t)len);
    buf_add(scratch, bytes, len);
}

static void add_null_element(struct buf *scratch) { buf_be32(scratch, UINT32_MAX); }

void pg_add_int_array(struct pg_params *params, const int64_t *values, size_t count,
                      bool zero_is_null) {
    size_t offset = begin_array(params, OID_INT8, count);

    for (size_t i = 0; i < count; i++) {
        if (zero_is_null && values[i] == 0) {
            add_null_element(&params->scratch);
        } else {
            buf_be32(&params->scratch, 8);
            buf_be64(&params->scratch, (uint64_t)values[i]);
        }
    }
    add_scratch(params, offset, 1);
}

void pg_add_text_array(struct pg_params *params, const struct str *values, size_t count) {
    size_t offset = begin_array(params, OID_TEXT, count);

    for (size_t i = 0; i < count; i++) {
        if (values[i].data) {
            add_element(&params->scratch, values[i].data, values[i].len);
        } else {
            add_null_element(&params->scratch);
        }
    }
    add_scratch(params, offset, 1);
}

void pg_add_uuid_array(struct pg_params *params, const unsigned char *keys, const bool *has_key,
                       size_t count) {
    size_t offset = begin_array(params, OID_UUID, count);

    for (size_t i = 0; i < count; i++) {
        if (!has_key || has_key[i]) {
            add_element(&params->scratch, keys + 16 * i, 16);
        } else {
            add_null_element(&params->scratch);
        }
    }
    add_scratch(params, offset, 1);
}

void pg_add_json_array(struct pg_params *params, const struct str *values, size_t count) {
    size_t offset = begin_array(params, OID_JSONB, count);

    for (size_t i = 0; i < count; i++) {
        if (values && values[i].data) {
            /* jsonb_recv: a version byte, 1, before the text. */
            buf_be32(&params->scratch, (uint32_t)values[i].len + 1);
            buf_add(&params->scratch, "\1", 1);
            buf_add(&params->scratch, values[i].data, values[i].len);
        } else {
            add_null_element(&params->scratch);
        }
    }
    add_scratch(params, offset, 1);
}

static bool in_class(const char *state, const char *class) {
    return strncmp(state, class, strlen(class)) == 0;
}

/* A plan that a migration has made stale is prepared anew by a new connection. */
static bool is_lost(const char *state) {
    return in_class(state, "08") || in_class(state, "57P") || in_class(state, "0A000");
}

/* Somebody else's lock, or a server that is out of something or read-only for now. */
static bool is_busy(const char *state) {
    return in_class(state, "55P03") || in_class(state, "40") || in_class(state, "57014") ||
           in_class(state, "53") || in_class(state, "58") || in_class(state, "25006");
}

static enum pg_outcome classify(struct pg *pg, const PGresult *result) {
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *constraint = result ? PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME) : NULL;
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    keep_line(pg->error, sizeof pg->error, primary ? primary : PQerrorMessage(pg->conn));
    keep_line(pg->constraint, sizeof pg->constraint, constraint ? constraint : "");
    if (PQstatus(pg->conn) != CONNECTION_OK || !state || is_lost(state)) {
        return PG_LOST;
    }
    if (strcmp(state, "23505") == 0 || strcmp(state, "23P01") == 0) {
        return PG_CONFLICT;
    }
    if (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0) {
        return PG_REJECTED;
    }
    return is_busy(state) ? PG_BUSY : PG_FAILED;
}

/* Takes the result over. */
static enum pg_outcome finish(struct pg *pg, PGresult *result, struct pg_result **ret_result) {
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        enum pg_outcome outcome = classify(pg, result);

        PQclear(result);
        return outcome;
    }
    if (ret_result) {
        *ret_result = (struct pg_result *)result;
    } else {
        PQclear(result);
    }
    return PG_DONE;
}

static enum pg_outcome prepare(struct pg *pg, const struct pg_statement *statement) {
    for (size_t i = 0; i < pg->prepared_count; i++) {
        if (pg->prepared[i] == statement) {
            return PG_DONE;
        }
    }
    if (pg->prepared_count == PREPARED_MAX) {
        keep_line(pg->error, sizeof pg->error, "too many statements");
        return PG_FAILED;
    }
    enum pg_outcome outcome =
        finish(pg, PQprepare(pg->conn, statement->name, statement->sql, 0, NULL), NULL);
    if (outcome == PG_DONE) {
        pg->prepared[pg->prepared_count++] = statement;
    }
    return outcome;
}

/* Values as libpq wants them. */
struct bound {
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX], formats[PARAMS_MAX], count;
};

static bool bind_values(const struct pg_params *params, struct bound *ret) {
    ret->count = params ? (int)params->count : 0;
    if (params && (params->overflow || params->scratch.failed)) {
        return false;
    }
    for (int i = 0; i < ret->count; i++) {
        const char *at = params->list[i].outside;

        ret->values[i] = params->list[i].null ? NULL
                         : at                 ? at
                                              : params->scratch.data + params->list[i].offset;
        ret->lengths[i] = params->list[i].len;
        ret->formats[i] = params->list[i].format;
    }
    return true;
}

enum pg_outcome pg_run(struct pg *pg, const struct pg_statement *statement,
                       struct pg_params *params, struct pg_result **ret_result) {
    enum pg_outcome outcome = prepare(pg, statement);
    struct bound bound;

    if (outcome != PG_DONE) {
        return outcome;
    }
    if (!bind_values(params, &bound)) {
        keep_line(pg->error, sizeof pg->error, "the parameters do not fit");
        return PG_FAILED;
    }
    return finish(pg,
                  PQexecPrepared(pg->conn, statement->name, bound.count, bound.values,
                                 bound.lengths, bound.formats, 0),
                  ret_result);
}

/* Whether it is on its way, and an answer to be read. */
static bool send_call(struct pg *pg, struct pg_call *call) {
    struct bound bound;

    call->outcome = PG_FAILED;
    return bind_values(call->params, &bound) &&
           PQsendQueryPrepared(pg->conn, call->statement->name, bound.count, bound.values,
                               bound.lengths, bound.formats, 0) == 1;
}

/* After a failure the server skips what follows, up to the end of the pipeline. */
static bool read_answer(struct pg *pg, struct pg_call *call) {
    PGresult *result = PQgetResult(pg->conn);
    bool skipped = PQresultStatus(result) == PGRES_PIPELINE_ABORTED;

    if (skipped) {
        PQclear(result);
    } else {
        call->outcome = finish(pg, result, &call->result);
    }
    PQclear(PQgetResult(pg->conn)); /* the end of this statement's results */
    return !skipped;
}

/* False: the connection is in a state that nobody knows. */
static bool run_pipeline(struct pg *pg, struct pg_call *calls, size_t count,
                         bool ret_answered[PG_CALLS_MAX]) {
    bool sent[PG_CALLS_MAX];

    if (PQenterPipelineMode(pg->conn) != 1) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        sent[i] = send_call(pg, &calls[i]);
        ret_answered[i] = !sent[i];
    }
    if (PQpipelineSync(pg->conn) != 1) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (sent[i]) {
            ret_answered[i] = read_answer(pg, &calls[i]);
        }
    }
    PGresult *end = PQgetResult(pg->conn);
    bool ended = PQresultStatus(end) == PGRES_PIPELINE_SYNC;
    PQclear(end);
    return PQexitPipelineMode(pg->conn) == 1 && ended;
}

static enum pg_outcome prepare_calls(struct pg *pg, const struct pg_call *calls, size_t count) {
    enum pg_outcome outcome = PG_DONE;

    for (size_t i = 0; i < count && outcome == PG_DONE; i++) {
        outcome = prepare(pg, calls[i].statement);
    }
    return outcome;
}

/* Where the server is in trouble, the others need not find out one by one. */
static bool concerns_all(enum pg_outcome outcome) {
    return outcome == PG_BUSY || outcome == PG_LOST;
}

void pg_run_many(struct pg *pg, struct pg_call *calls, size_t count) {
    bool answered[PG_CALLS_MAX] = {false}, known = true;
    enum pg_outcome outcome = prepare_calls(pg, calls, count);

    if (outcome == PG_DONE && count > 1) {
        known = run_pipeline(pg, calls, count, answered);
    }
    if (!known) {
        pg_interrupt(pg);
        pg->broken = true;
    }
    for (size_t i = 0; i < count; i++) {
        struct pg_call *call = &calls[i];

        if (!known && !call->result) {
            call->outcome = PG_LOST;
        } else if (!answered[i] && concerns_all(outcome)) {
            call->outcome = outcome;
        } else if (!answered[i]) {
            call->outcome = pg_run(pg, call->statement, call->params, &call->result);
        }
        outcome = concerns_all(call->outcome) ? call->outcome : outcome;
    }
}

enum pg_outcome pg_command(struct pg *pg, const char *sql) {
    return finish(pg, PQexec(pg->conn, sql), NULL);
}

static const PGresult *inner(const struct pg_result *result) { return (const PGresult *)result; }

void pg_result_free(struct pg_result *result) { PQclear((PGresult *)result); }

size_t pg_rows(const struct pg_result *result) { return (size_t)PQntuples(inner(result)); }

bool pg_is_null(const struct pg_result *result, size_t row, int column) {
    return PQgetisnull(inner(result), (int)row, column);
}

int64_t pg_get_int(const struct pg_result *result, size_t row, int column) {
    const char *text = PQgetvalue(inner(result), (int)row, column);

    if (!text || text[0] == '\0') {
        return 0;
    }
    if (text[0] == 't' || text[0] == 'f') {
        return text[0] == 't';
    }
    return strtoll(text, NULL, 10);
}

struct str pg_get_text(const struct pg_result *result, size_t row, int column) {
    if (pg_is_null(result, row, column)) {
        return (struct str){NULL, 0};
    }
    return (struct str){PQgetvalue(inner(result), (int)row, column),
                        (size_t)PQgetlength(inner(result), (int)row, column)};
}

bool pg_notification(struct pg *pg, char **ret_payload) {
    PGnotify *notify = PQnotifies(pg->conn);

    if (!notify) {
        return false;
    }
    *ret_payload = strdup(notify->extra);
    PQfreemem(notify);
    return *ret_payload != NULL;
}

bool pg_consume(struct pg *pg) {
    if (PQconsumeInput(pg->conn) == 1) {
        return true;
    }
    keep_line(pg->error, sizeof pg->error, PQerrorMessage(pg->conn));
    return false;
}
