#include "inbox.h"

#include "store/events.h"
#include "store/messages.h"
#include "store/notify.h"
#include "store/run.h"

enum { DATA_MAX = 4096 };

static void write_id(struct buf *out, const char *before, int64_t id) {
    buf_text(out, before);
    buf_int(out, id);
    buf_text(out, "\"");
}

/* The actor's name is added when the notice is read (hum_notice), as it is then. */
static void write_data(struct buf *out, int64_t actor, struct str members) {
    write_id(out, "{\"user\":{\"id\":\"", actor);
    buf_text(out, "}");
    buf_add(out, members.data, members.len);
    buf_text(out, "}");
}

static enum pg_outcome post(struct pg *pg, struct message *message, int64_t actor) {
    enum append_verdict verdict;
    struct buf event;

    PG_TRY(store_append(pg, message, &verdict));
    if (verdict != APPENDED) {
        return PG_FAILED; /* somebody without an inbox: registration makes it */
    }
    buf_init(&event, DATA_MAX);
    buf_text(&event, "{\"kind\":\"");
    buf_text(&event, message_kind_name(message->kind));
    buf_text(&event, "\",\"seq\":");
    buf_int(&event, message->seq);
    buf_text(&event, "}");
    enum pg_outcome outcome = event.failed
                                  ? PG_FAILED
                                  : store_event(pg, "NotificationSent", actor, message->room,
                                                (struct str){event.data, event.len});
    buf_free(&event);
    PG_TRY(outcome);
    return notify_room(pg, message->room, message->seq);
}

enum pg_outcome inbox_post_with(struct pg *pg, int64_t to, enum message_kind kind, int64_t actor,
                                struct str members) {
    struct message message = {.room = to, .kind = (int)kind};
    enum pg_outcome outcome = PG_FAILED;
    struct buf data;

    buf_init(&data, DATA_MAX);
    write_data(&data, actor, members);
    if (!data.failed) {
        message.data = (struct str){data.data, data.len};
        outcome = post(pg, &message, actor);
    }
    buf_free(&data);
    return outcome;
}

enum pg_outcome inbox_post(struct pg *pg, int64_t to, enum message_kind kind, int64_t actor,
                           int64_t dm) {
    struct buf members;

    buf_init(&members, DATA_MAX);
    if (dm) {
        write_id(&members, ",\"dm_id\":\"", dm);
    }
    enum pg_outcome outcome =
        members.failed
            ? PG_FAILED
            : inbox_post_with(pg, to, kind, actor, (struct str){members.data, members.len});
    buf_free(&members);
    return outcome;
}
