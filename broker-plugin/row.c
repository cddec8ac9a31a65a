#include "row.h"

const struct pg_statement room_tail = {
    "room_tail",
    "select seq, id, sender_id, kind, nonce, text, ref_seq, data, sent_at_ms, edited_at_ms, "
    "deleted_at_ms from hum_room_tail($1, $2, $3) order by seq",
};

enum pg_outcome row_tail(struct pg *pg, struct pg_params *params, int64_t room, int64_t after,
                         int64_t limit, struct pg_result **ret_result) {
    pg_params_reset(params);
    pg_add_int(params, room);
    pg_add_int(params, after);
    pg_add_int(params, limit);
    return pg_run(pg, &room_tail, params, ret_result);
}

void row_message(const struct pg_result *result, size_t row, int64_t room,
                 struct message *ret_message) {
    *ret_message = (struct message){
        .room = room,
        .seq = pg_get_int(result, row, 0),
        .id = pg_get_int(result, row, 1),
        .from = pg_get_int(result, row, 2),
        .kind = (int)pg_get_int(result, row, 3),
        .nonce = pg_get_text(result, row, 4),
        .text = pg_get_text(result, row, 5),
        .ref = pg_get_int(result, row, 6),
        .data = pg_get_text(result, row, 7),
        .sent_at = pg_get_int(result, row, 8),
        .edited_at = pg_get_int(result, row, 9),
        .deleted_at = pg_get_int(result, row, 10),
    };
}
