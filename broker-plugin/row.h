/* Rows of hum_room_tail as messages. */
#ifndef HUM_ROW_H
#define HUM_ROW_H

#include "message.h"
#include "pg.h"

extern const struct pg_statement room_tail;

/* Runs room_tail. */
HUM_MUSTCHECK enum pg_outcome row_tail(struct pg *pg, struct pg_params *params, int64_t room,
                                       int64_t after, int64_t limit, struct pg_result **ret_result);
/* The texts point into the result. */
void row_message(const struct pg_result *result, size_t row, int64_t room,
                 struct message *ret_message);

#endif
