#include "events.h"

#include <stdio.h>

#include "domain/events.h"
#include "handlers/list.h"

/* A cursor is the place of an event, "xid.id". */
enum { CURSOR_MAX = 2 * 20 + 2 };

static bool parse_place(struct str text, struct event_place *ret) {
    const char *dot = text.len ? memchr(text.data, '.', text.len) : NULL;

    if (!dot) {
        return false;
    }
    size_t len = (size_t)(dot - text.data);
    return str_id((struct str){text.data, len}, &ret->xid) &&
           str_id((struct str){dot + 1, text.len - len - 1}, &ret->id);
}

/* False: none was given. */
static bool query_place(struct request *request, struct reply *reply, struct event_place *ret) {
    struct str text = {NULL, 0};

    query_text(request, reply, "after", &text);
    if (text.data && !parse_place(text, ret)) {
        reply_field(reply, "after", "is not one of this list");
    }
    return text.data != NULL;
}

static void write_id(struct buf *out, const char *before, int64_t id) {
    buf_text(out, before);
    if (id) {
        buf_json_id(out, id);
    } else {
        buf_text(out, "null");
    }
}

static void render(struct buf *out, const struct event_row *event) {
    write_id(out, "{\"id\":", event->place.id);
    buf_text(out, ",\"kind\":");
    buf_json_string(out, event->kind);
    write_id(out, ",\"actor_id\":", event->actor);
    write_id(out, ",\"subject_id\":", event->subject);
    buf_text(out, ",\"data\":");
    buf_add(out, event->data.data, event->data.len);
    buf_text(out, ",\"at\":");
    buf_json_time(out, event->at);
    buf_text(out, "}");
}

/* The next page of one that showed anything may come any time, so there is always a cursor. */
static void render_list(struct buf *out, const struct pg_result *rows) {
    struct event_row event = {0};
    char cursor[CURSOR_MAX];

    list_begin(out);
    for (size_t i = 0; i < pg_rows(rows); i++) {
        event = store_event_at(rows, i);
        list_item(out, i);
        render(out, &event);
    }
    snprintf(cursor, sizeof cursor, "%lld.%lld", (long long)event.place.xid,
             (long long)event.place.id);
    list_end(out, event.place.id ? str_of(cursor) : (struct str){NULL, 0});
}

enum hum_status handle_events_list(struct request *request, struct reply *reply) {
    int limit = query_limit(request, reply);
    struct event_place after = {0};
    bool is_given = query_place(request, reply, &after);
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    enum hum_status status = events_read(pg, is_given ? &after : NULL, limit, &rows);
    if (status == HUM_INVALID_REQUEST) {
        reply_field(reply, "after", "is not one of this list");
    }
    HTTP_TRY(status);
    render_list(&reply->body, rows);
    pg_result_free(rows);
    return HUM_OK;
}
