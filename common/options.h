/* Options of a daemon: one table, read from the environment or from the broker's configuration. */
#ifndef HUM_OPTIONS_H
#define HUM_OPTIONS_H

#include "status.h"
#include "str.h"

enum option_type { OPTION_TEXT, OPTION_NUMBER };

struct option {
    const char *name; /* lower case; HUM_{NAME} in the environment */
    enum option_type type;
    const char *initial; /* NULL: must be given */
    const char *help;    /* with the unit */
    int64_t min, max;    /* of a number */
};

/* A value that was set; numbers are parsed into number. */
struct option_value {
    const char *text; /* not owned: lives as long as its source */
    int64_t number;
};

/* Sets one option by name. HUM_NOT_FOUND: no such option; HUM_INVALID_REQUEST: the value does not
 * fit. values is parallel to table. Any thread. */
HUM_MUSTCHECK enum hum_status option_set(const struct option *table, size_t count,
                                         struct option_value *values, const char *name,
                                         const char *text);
/* Gives every option that is not set its initial value. HUM_INVALID_REQUEST: one must be given;
 * ret_name gets its name. */
HUM_MUSTCHECK enum hum_status option_defaults(const struct option *table, size_t count,
                                              struct option_value *values, const char **ret_name);

#endif
