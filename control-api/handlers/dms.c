#include "dms.h"

#include "domain/dms.h"
#include "handlers/rooms.h"

enum hum_status handle_dm_open(struct request *request, struct reply *reply) {
    struct pg_result *rows;
    int64_t other = 0;
    bool created;
    struct pg *pg;

    body_id(request, reply, "user_id", REQUIRED, &other);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    enum hum_status status = dms_open(pg, request->caller.user, other, &created, &rows);
    if (status == HUM_INVALID_REQUEST) {
        reply_field(reply, "user_id", "is yourself");
    }
    HTTP_TRY(status);
    struct room room = store_room_at(rows, 0);
    reply->http = created ? 201 : 200;
    render_room(&reply->body, &room);
    pg_result_free(rows);
    return HUM_OK;
}
