#include "run.h"

static void add_value(struct pg_params *params, const struct value *value) {
    switch (value->type) {
    case VALUE_INT:
        pg_add_int(params, value->number);
        break;
    case VALUE_TEXT:
        pg_add_text(params, value->text);
        break;
    case VALUE_BYTES:
        pg_add_bytes(params, value->text);
        break;
    case VALUE_INTS:
        pg_add_int_array(params, value->array, (size_t)value->number, false);
        break;
    }
}

static struct pg_params *make_params(const struct value *values, size_t count) {
    struct pg_params *params = pg_params_new();

    for (size_t i = 0; params && i < count; i++) {
        add_value(params, &values[i]);
    }
    return params;
}

enum pg_outcome store_run(struct pg *pg, const struct pg_statement *statement,
                          struct pg_result **ret_rows, const struct value *values, size_t count) {
    struct pg_params *params = make_params(values, count);

    if (!params) {
        return PG_FAILED;
    }
    enum pg_outcome outcome = pg_run(pg, statement, params, ret_rows);
    pg_params_free(params);
    return outcome;
}

enum pg_outcome store_read(struct reads *reads, const struct pg_statement *statement,
                           struct pg_result **ret_rows, const struct value *values, size_t count) {
    struct pg_params *params = make_params(values, count);

    if (!params) {
        return PG_FAILED;
    }
    enum pg_outcome outcome = reads_run(reads, statement, params, ret_rows);
    pg_params_free(params);
    return outcome;
}
