#include "messages.h"

#include <stdio.h>
#include <stdlib.h>

#include "domain/edits.h"
#include "domain/messages.h"
#include "handlers/list.h"

/* Which page: those before a number (the last ones, when none is given) or after one. */
struct position {
    enum page_direction direction;
    int64_t seq;
};

/* A cursor is a direction and a number, "a41" or "b7". */
static void read_cursor(struct str text, struct reply *reply, struct position *ret) {
    int64_t seq;

    if (text.len < 2 || (text.data[0] != 'a' && text.data[0] != 'b') ||
        !str_id((struct str){text.data + 1, text.len - 1}, &seq)) {
        reply_field(reply, "cursor", "is not one of this list");
        return;
    }
    *ret = (struct position){text.data[0] == 'a' ? PAGE_AFTER : PAGE_BEFORE, seq};
}

/* A cursor goes on with the query that it came from, so that after and before may stay in it. */
static struct position read_position(struct request *request, struct reply *reply) {
    struct position position = {PAGE_BEFORE, INT64_MAX};
    int64_t after = -1, before = -1;
    struct str cursor = {NULL, 0};

    query_int(request, reply, "after", &after);
    query_int(request, reply, "before", &before);
    query_text(request, reply, "cursor", &cursor);
    if (after >= 0 && before >= 0) {
        reply_field(reply, "before", "cannot go with after");
    } else if (cursor.data) {
        read_cursor(cursor, reply, &position);
    } else if (after >= 0) {
        position = (struct position){PAGE_AFTER, after};
    } else if (before >= 0) {
        position.seq = before;
    }
    return position;
}

static void end_page(struct buf *out, enum page_direction direction, int64_t seq) {
    char cursor[24];

    snprintf(cursor, sizeof cursor, "%c%lld", direction == PAGE_AFTER ? 'a' : 'b', (long long)seq);
    list_end(out, str_of(cursor));
}

/* rows holds one more than limit where the log goes on: at the end in the direction of the page. */
static void render_page(struct buf *out, const struct pg_result *rows,
                        enum page_direction direction, int limit) {
    size_t found = pg_rows(rows), shown = found > (size_t)limit ? (size_t)limit : found;
    size_t first = direction == PAGE_BEFORE ? found - shown : 0;

    list_begin(out);
    for (size_t i = 0; i < shown; i++) {
        struct message message = store_message_at(rows, first + i);

        list_item(out, i);
        message_json(out, &message);
    }
    if (found > shown) {
        size_t last = direction == PAGE_BEFORE ? first : shown - 1;

        end_page(out, direction, store_message_at(rows, last).seq);
    } else {
        list_end(out, (struct str){NULL, 0});
    }
}

static enum hum_status list(struct request *request, struct reply *reply, int64_t room) {
    struct position position = read_position(request, reply);
    int limit = query_limit(request, reply);
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(messages_page(pg, request->caller.user, room, position.direction, position.seq, limit,
                           &rows));
    render_page(&reply->body, rows, position.direction, limit);
    pg_result_free(rows);
    return HUM_OK;
}

enum hum_status handle_messages_list(struct request *request, struct reply *reply) {
    return list(request, reply, request->id[0]);
}

enum hum_status handle_notifications_list(struct request *request, struct reply *reply) {
    return list(request, reply, request->caller.user);
}

/* The rules for a Send stand in one place, send_parse, which reads text. */
static enum hum_status read_send(struct reply *reply, const char *text, struct send_request *ret) {
    const char *detail = NULL;
    enum hum_status status = send_parse(str_of(text), ret, &detail);

    return status == HUM_OK ? HUM_OK : reply_problem(reply, status, detail);
}

static enum hum_status send(struct request *request, struct reply *reply,
                            const struct send_request *wanted) {
    struct sent sent;
    struct pg *pg;

    HTTP_TRY(request_pg(request, &pg));
    enum hum_status status = messages_send(pg, request->caller.user, request->id[0], wanted, &sent);
    if (status == HUM_INVALID_PAYLOAD) {
        reply_field(reply, "reply_to", "is not the number of a message of this room");
    }
    HTTP_TRY(status);
    reply->http = sent.known ? 200 : 201;
    message_json(&reply->body, &sent.message);
    pg_result_free(sent.rows);
    return HUM_OK;
}

enum hum_status handle_message_send(struct request *request, struct reply *reply) {
    char *text = json_dumps(request->body, JSON_COMPACT); /* what is wanted refers to it */
    struct send_request wanted;

    if (!text) {
        return HUM_INTERNAL;
    }
    enum hum_status status = read_send(reply, text, &wanted);
    if (status == HUM_OK) {
        status = send(request, reply, &wanted);
        send_free(&wanted);
    }
    free(text);
    return status;
}

static enum hum_status read_edit(struct request *request, struct reply *reply, struct str *ret_text,
                                 struct str *ret_nonce) {
    body_text(request, reply, "text", REQUIRED, 1, MESSAGE_TEXT_MAX, ret_text);
    body_text(request, reply, "nonce", OPTIONAL, 1, MESSAGE_NONCE_MAX, ret_nonce);
    if (ret_nonce->data && !str_nonce(*ret_nonce)) {
        reply_field(reply, "nonce", "may hold A-Z a-z 0-9 _ . : - only");
    }
    return reply_verdict(reply);
}

enum hum_status handle_message_edit(struct request *request, struct reply *reply) {
    struct str text = {NULL, 0}, nonce = {NULL, 0};
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(read_edit(request, reply, &text, &nonce));
    HTTP_TRY(request_pg(request, &pg));
    enum hum_status status =
        edits_change(pg, request->caller.user, request->id[0], request->id[1], text, nonce, &rows);
    if (status == HUM_CONFLICT) {
        return reply_problem(reply, status, "This nonce is that of another message of yours");
    }
    HTTP_TRY(status);
    struct message message = store_message_at(rows, 0);
    message_json(&reply->body, &message);
    pg_result_free(rows);
    return HUM_OK;
}

enum hum_status handle_message_delete(struct request *request, struct reply *reply) {
    struct pg *pg;

    (void)reply;
    HTTP_TRY(request_pg(request, &pg));
    return edits_delete(pg, request->caller.user, request->id[0], request->id[1]);
}
