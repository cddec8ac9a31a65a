#include "options.h"

#include <errno.h>
#include <stdlib.h>

static bool parse_number(const struct option *option, const char *text, int64_t *ret_number) {
    char *end = NULL;

    /* strtoll would pass over blanks and take a plus. */
    if (text[0] != '-' && (text[0] < '0' || text[0] > '9')) {
        return false;
    }
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || end == text || *end || number < option->min || number > option->max) {
        return false;
    }
    *ret_number = number;
    return true;
}

enum hum_status option_set(const struct option *table, size_t count, struct option_value *values,
                           const char *name, const char *text) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0) {
            int64_t number = 0;

            if (table[i].type == OPTION_NUMBER && !parse_number(&table[i], text, &number)) {
                return HUM_INVALID_REQUEST;
            }
            values[i] = (struct option_value){text, number};
            return HUM_OK;
        }
    }
    return HUM_NOT_FOUND;
}

enum hum_status option_defaults(const struct option *table, size_t count,
                                struct option_value *values, const char **ret_name) {
    for (size_t i = 0; i < count; i++) {
        if (values[i].text) {
            continue;
        }
        if (!table[i].initial ||
            option_set(table, count, values, table[i].name, table[i].initial) != HUM_OK) {
            *ret_name = table[i].name;
            return HUM_INVALID_REQUEST;
        }
    }
    return HUM_OK;
}
