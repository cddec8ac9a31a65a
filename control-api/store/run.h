/* Running a statement with its values in one expression:
 *
 *     RUN(pg, &store_user_get, ret_rows, INT(user))
 */
#ifndef HUM_STORE_RUN_H
#define HUM_STORE_RUN_H

#include "reads.h"

struct value {
    enum { VALUE_INT, VALUE_TEXT, VALUE_BYTES, VALUE_INTS } type;
    int64_t number;
    struct str text;      /* of VALUE_TEXT and VALUE_BYTES; .data NULL: null */
    const int64_t *array; /* of VALUE_INTS; as many as number says */
};

#define INT(value_) ((struct value){.type = VALUE_INT, .number = (value_)})
#define TEXT(value_) ((struct value){.type = VALUE_TEXT, .text = (value_)})
#define BYTES(value_) ((struct value){.type = VALUE_BYTES, .text = (value_)})
#define INTS(array_, count_)                                                                       \
    ((struct value){.type = VALUE_INTS, .array = (array_), .number = (int64_t)(count_)})

/* ret_rows: as pg_run's ret_result. PG_FAILED: no memory, or as pg_run says. */
HUM_MUSTCHECK enum pg_outcome store_run(struct pg *pg, const struct pg_statement *statement,
                                        struct pg_result **ret_rows, const struct value *values,
                                        size_t count);

#define RUN(pg_, statement_, ret_rows_, ...)                                                       \
    store_run(pg_, statement_, ret_rows_, (const struct value[]){__VA_ARGS__},                     \
              sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value))

/* The same by a trip that is shared with other requests: reads_run. */
HUM_MUSTCHECK enum pg_outcome store_read(struct reads *reads, const struct pg_statement *statement,
                                         struct pg_result **ret_rows, const struct value *values,
                                         size_t count);

#define READ(reads_, statement_, ret_rows_, ...)                                                   \
    store_read(reads_, statement_, ret_rows_, (const struct value[]){__VA_ARGS__},                 \
               sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value))

/* Leaves the function with whatever is not PG_DONE. */
#define PG_TRY(call)                                                                               \
    do {                                                                                           \
        enum pg_outcome try_outcome_ = (call);                                                     \
        if (try_outcome_ != PG_DONE) {                                                             \
            return try_outcome_;                                                                   \
        }                                                                                          \
    } while (0)

#endif
