#include "append.h"

#include <stdlib.h>
#include <string.h>

/* The batch as columns. */
struct append {
    size_t count;
    int64_t rooms[APPEND_MAX], senders[APPEND_MAX], refs[APPEND_MAX];
    struct str nonces[APPEND_MAX], texts[APPEND_MAX];
    unsigned char keys[APPEND_MAX * MESSAGE_KEY_LEN];
    /* Its rooms, each once, in the order of their ids, and where in them each message goes. */
    size_t room_count;
    int64_t room_ids[APPEND_MAX], room_counts[APPEND_MAX], room_reach[APPEND_MAX];
    int64_t slots[APPEND_MAX], ranks[APPEND_MAX];
    struct pg_params *params;
};

static const struct pg_statement append_texts = {
    "append_texts",
    "select base, first_id, sent_at_ms "
    "from hum_append_texts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
};

static const struct pg_statement append_messages = {
    "append_messages",
    "select ord, status, seq, id, sent_at_ms "
    "from hum_append($1::smallint, $2, $3, $4, $5, $6, $7, $8, $9, false)",
};

const struct pg_statement *const append_statements[] = {&append_texts, &append_messages};
const size_t append_statement_count = 2;

struct append *append_new(void) {
    struct append *append = calloc(1, sizeof *append);

    if (append && !(append->params = pg_params_new())) {
        free(append);
        return NULL;
    }
    return append;
}

void append_free(struct append *append) {
    if (append) {
        pg_params_free(append->params);
        free(append);
    }
}

void append_clear(struct append *append) { append->count = 0; }

void append_add(struct append *append, const struct record *record, const unsigned char *key) {
    size_t i = append->count++;

    append->rooms[i] = record->room;
    append->senders[i] = record->sender;
    append->refs[i] = record->reply_to;
    append->nonces[i] = record->nonce;
    append->texts[i] = record->text;
    memcpy(append->keys + i * MESSAGE_KEY_LEN, key, MESSAGE_KEY_LEN);
}

/* ---- The short way ---- */

static int compare_ids(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static void list_rooms(struct append *append) {
    size_t kept = 0;

    memcpy(append->room_ids, append->rooms, append->count * sizeof append->rooms[0]);
    qsort(append->room_ids, append->count, sizeof append->room_ids[0], compare_ids);
    for (size_t i = 0; i < append->count; i++) {
        if (kept == 0 || append->room_ids[kept - 1] != append->room_ids[i]) {
            append->room_ids[kept] = append->room_ids[i];
            append->room_counts[kept] = append->room_reach[kept] = 0;
            kept++;
        }
    }
    append->room_count = kept;
}

static void place(struct append *append) {
    list_rooms(append);
    for (size_t i = 0; i < append->count; i++) {
        const int64_t *found = bsearch(&append->rooms[i], append->room_ids, append->room_count,
                                       sizeof append->room_ids[0], compare_ids);
        size_t slot = (size_t)(found - append->room_ids);

        append->slots[i] = (int64_t)slot + 1;
        append->ranks[i] = ++append->room_counts[slot];
        if (append->refs[i] > append->room_reach[slot]) {
            append->room_reach[slot] = append->refs[i];
        }
    }
}

static void take_numbers(const struct append *append, const struct pg_result *rows,
                         struct append_verdict *ret_verdicts) {
    for (size_t i = 0; i < append->count; i++) {
        size_t row = (size_t)append->slots[i] - 1;

        ret_verdicts[i] = (struct append_verdict){
            .status = APPENDED,
            .seq = pg_get_int(rows, row, 0) + append->ranks[i],
            .id = pg_get_int(rows, row, 1) + (int64_t)i,
            .sent_at = pg_get_int(rows, row, 2),
        };
    }
}

/* *ret_taken false: nothing was appended, it needs the long way. */
static enum pg_outcome run_short(struct append *append, struct pg *pg, bool *ret_taken,
                                 struct append_verdict *ret_verdicts) {
    struct pg_params *params = append->params;
    struct pg_result *rows = NULL;

    place(append);
    pg_params_reset(params);
    pg_add_int_array(params, append->room_ids, append->room_count, false);
    pg_add_int_array(params, append->room_counts, append->room_count, false);
    pg_add_int_array(params, append->room_reach, append->room_count, false);
    pg_add_int_array(params, append->slots, append->count, false);
    pg_add_int_array(params, append->ranks, append->count, false);
    pg_add_int_array(params, append->senders, append->count, false);
    pg_add_text_array(params, append->nonces, append->count);
    pg_add_uuid_array(params, append->keys, NULL, append->count);
    pg_add_text_array(params, append->texts, append->count);
    pg_add_int_array(params, append->refs, append->count, true);
    enum pg_outcome outcome = pg_run(pg, &append_texts, params, &rows);
    if (outcome == PG_DONE) {
        *ret_taken = pg_rows(rows) == append->room_count;
        if (*ret_taken) {
            take_numbers(append, rows, ret_verdicts);
        }
        pg_result_free(rows);
    }
    return outcome;
}

/* ---- The long way ---- */

static void take_rows(const struct append *append, const struct pg_result *rows,
                      struct append_verdict *ret_verdicts) {
    /* hum_append answers each message once; one that it left out would count as known, and as
     * nothing new. */
    memset(ret_verdicts, 0, append->count * sizeof *ret_verdicts);
    for (size_t i = 0; i < append->count; i++) {
        ret_verdicts[i].status = APPEND_KNOWN;
    }
    for (size_t row = 0; row < pg_rows(rows); row++) {
        size_t ord = (size_t)pg_get_int(rows, row, 0);

        if (ord >= 1 && ord <= append->count) {
            ret_verdicts[ord - 1] = (struct append_verdict){
                .status = (enum append_status)pg_get_int(rows, row, 1),
                .seq = pg_get_int(rows, row, 2),
                .id = pg_get_int(rows, row, 3),
                .sent_at = pg_get_int(rows, row, 4),
            };
        }
    }
}

static enum pg_outcome run_long(struct append *append, struct pg *pg, bool lookup,
                                struct append_verdict *ret_verdicts) {
    struct pg_params *params = append->params;
    struct pg_result *rows = NULL;

    pg_params_reset(params);
    pg_add_int(params, MESSAGE_TEXT);
    pg_add_int_array(params, append->rooms, append->count, false);
    pg_add_int_array(params, append->senders, append->count, false);
    pg_add_text_array(params, append->nonces, append->count);
    pg_add_uuid_array(params, append->keys, NULL, append->count);
    pg_add_text_array(params, append->texts, append->count);
    pg_add_int_array(params, append->refs, append->count, true);
    pg_add_json_array(params, NULL, append->count);
    pg_add_bool(params, lookup);
    enum pg_outcome outcome = pg_run(pg, &append_messages, params, &rows);
    if (outcome == PG_DONE) {
        take_rows(append, rows, ret_verdicts);
        pg_result_free(rows);
    }
    return outcome;
}

enum pg_outcome append_run(struct append *append, struct pg *pg, bool lookup,
                           struct append_verdict *ret_verdicts) {
    bool taken = false;
    enum pg_outcome outcome = lookup ? PG_DONE : run_short(append, pg, &taken, ret_verdicts);

    if (outcome != PG_DONE || taken) {
        return outcome;
    }
    return run_long(append, pg, lookup, ret_verdicts);
}
