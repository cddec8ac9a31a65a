#include "blocks.h"

#include "domain/blocks.h"
#include "handlers/list.h"
#include "handlers/users.h"

enum hum_status handle_block_put(struct request *request, struct reply *reply) {
    struct pg *pg;

    HTTP_TRY(request_pg(request, &pg));
    enum hum_status status = blocks_add(pg, request->caller.user, request->id[0]);
    return status == HUM_INVALID_REQUEST ? reply_problem(reply, status, "This is yourself")
                                         : status;
}

enum hum_status handle_block_delete(struct request *request, struct reply *reply) {
    struct pg *pg;

    (void)reply;
    HTTP_TRY(request_pg(request, &pg));
    return blocks_remove(pg, request->caller.user, request->id[0]);
}

static void render_block(struct buf *out, const struct api *api, const struct block *block) {
    buf_text(out, "{\"user\":");
    render_user(out, api, &block->user, false);
    buf_text(out, ",\"since\":");
    buf_json_time(out, block->since);
    buf_text(out, "}");
}

enum hum_status handle_blocks_list(struct request *request, struct reply *reply) {
    int limit = query_limit(request, reply);
    int64_t after = 0;
    struct pg_result *rows;
    struct pg *pg;

    query_int(request, reply, "cursor", &after);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(blocks_list(pg, request->caller.user, after, limit + 1, &rows));
    size_t found = pg_rows(rows), shown = found > (size_t)limit ? (size_t)limit : found;
    struct block block = {0};
    list_begin(&reply->body);
    for (size_t i = 0; i < shown; i++) {
        block = store_block_at(rows, i);
        list_item(&reply->body, i);
        render_block(&reply->body, request->api, &block);
    }
    list_end_id(&reply->body, found > shown ? block.user.id : 0);
    pg_result_free(rows);
    return HUM_OK;
}
