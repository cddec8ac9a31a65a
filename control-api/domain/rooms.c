#include "rooms.h"

#include "tx.h"

enum hum_status rooms_get(struct pg *pg, int64_t caller, int64_t room,
                          struct pg_result **ret_rows) {
    struct pg_result *rows;
    enum hum_status status = tx_status(store_room_get(pg, caller, room, &rows));

    if (status != HUM_OK) {
        return status;
    }
    if (pg_rows(rows) == 0) {
        pg_result_free(rows);
        return HUM_NOT_FOUND;
    }
    *ret_rows = rows;
    return HUM_OK;
}

enum hum_status rooms_list(struct pg *pg, int64_t caller, int64_t after, int limit,
                           struct pg_result **ret_rows) {
    return tx_status(store_rooms_list(pg, caller, after, limit, ret_rows));
}

enum hum_status rooms_access(struct pg *pg, int64_t caller, int64_t room, struct room_access *ret) {
    size_t count;
    enum hum_status status = tx_status(store_rooms_access(pg, caller, &room, 1, ret, &count));

    return status == HUM_OK && count == 0 ? HUM_NOT_FOUND : status;
}

enum hum_status rooms_read(struct pg *pg, int64_t caller, int64_t room, int64_t seq) {
    struct room_access access;
    enum hum_status status = rooms_access(pg, caller, room, &access);

    return status == HUM_OK ? tx_status(store_read_mark(pg, caller, room, seq)) : status;
}
