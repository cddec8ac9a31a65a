#include "clerk.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "link.h"
#include "row.h"

enum {
    PAGE_MESSAGES = 100,
    ANSWER_JSON_MAX = SYNC_PIECE_BYTES + MESSAGE_JSON_MAX + 8 * 1024,
    BACKOFF_FIRST_MS = 50,
    BACKOFF_LAST_MS = 2000,
    BUSY_MS = 200,
    WAIT_MS = 1000,
    SEEN_WAITING_MAX = 4,
};

/* What all requests begin with. */
struct clerk_request {
    struct mail mail;
    enum clerk_work work;
};

struct seen_request {
    struct mail mail;
    enum clerk_work work;
    size_t count;
    int64_t sessions[];
};

struct marks_request {
    struct mail mail;
    enum clerk_work work;
    size_t count;
    struct read_mark marks[];
};

struct clerk {
    struct link link;
    struct hub *hub;
    struct mailbox requests;
    struct pg_params *params;
    pthread_t thread;
    atomic_bool stop;
    atomic_int seen_waiting; /* lists of sessions that are not written yet */
};

static const struct pg_statement mark_read = {
    "mark_read",
    "select user_id, room_id, seq from hum_mark_read($1, $2, $3)",
};

static const struct pg_statement sessions_seen = {
    "sessions_seen",
    "select hum_sessions_seen($1)",
};

const struct pg_statement *const clerk_statements[] = {&mark_read, &room_tail, &sessions_seen};
const size_t clerk_statement_count = 3;

static bool stopping(struct clerk *clerk) {
    return atomic_load_explicit(&clerk->stop, memory_order_relaxed);
}

/* Connects, however long it takes. False: the clerk is to stop first. */
static bool connected(struct clerk *clerk) {
    int backoff = BACKOFF_FIRST_MS;
    char error[256];

    while (!clerk->link.pg && !stopping(clerk)) {
        if (link_open(&clerk->link, error, sizeof error)) {
            break;
        }
        (void)poll(NULL, 0, backoff);
        backoff = backoff * 2 < BACKOFF_LAST_MS ? backoff * 2 : BACKOFF_LAST_MS;
    }
    return clerk->link.pg != NULL;
}

/* ---- Marks ---- */

static void add_marks(struct clerk *clerk, const struct marks_request *request) {
    int64_t *columns = calloc(3 * request->count + 1, sizeof *columns);

    pg_params_reset(clerk->params);
    for (size_t i = 0; columns && i < request->count; i++) {
        columns[i] = request->marks[i].user;
        columns[request->count + i] = request->marks[i].room;
        columns[2 * request->count + i] = request->marks[i].seq;
    }
    for (size_t i = 0; columns && i < 3; i++) {
        pg_add_int_array(clerk->params, columns + i * request->count, request->count, false);
    }
    free(columns);
}

/* The answer is posted in any case: the broker's thread waits for it before it sends more. */
static void post_marked(struct clerk *clerk, const struct pg_result *result) {
    size_t count = result ? pg_rows(result) : 0;
    struct marked_item *item = item_new(ITEM_MARKED, sizeof *item + count * sizeof item->marks[0]);

    if (!item) {
        item = item_new(ITEM_MARKED, sizeof *item);
        count = 0;
    }
    if (item) {
        item->count = count;
        for (size_t i = 0; i < count; i++) {
            item->marks[i] = (struct read_mark){pg_get_int(result, i, 0), pg_get_int(result, i, 1),
                                                pg_get_int(result, i, 2)};
        }
        hub_post(clerk->hub, item);
    }
}

/* False: the marks are to be written again, by a new connection if this one is lost. They only ever
 * move up, so that twice does no harm. */
static bool write_marks(struct clerk *clerk, const struct marks_request *request) {
    struct pg_result *result = NULL;

    add_marks(clerk, request);
    enum pg_outcome outcome = pg_run(clerk->link.pg, &mark_read, clerk->params, &result);
    if (outcome == PG_LOST || outcome == PG_BUSY) {
        return false;
    }
    if (outcome != PG_DONE) {
        hub_log(clerk->hub, true, "hum: clerk: %zu read marks are not stored: %s", request->count,
                pg_error(clerk->link.pg));
    }
    post_marked(clerk, result);
    pg_result_free(result);
    return true;
}

/* ---- Catch-up ---- */

/* An answer under way. */
struct answer {
    struct clerk *clerk;
    const struct sync_request *request;
    struct sync_item *piece;
    size_t items; /* in the piece */
    size_t left;  /* messages that may still be told */
    size_t more_count;
    int64_t more[SYNC_ROOMS_MAX]; /* rooms of which there is more */
};

static bool begin_piece(struct answer *answer) {
    answer->piece = item_new(ITEM_SYNC, sizeof *answer->piece);
    answer->items = 0;
    if (!answer->piece) {
        return false;
    }
    answer->piece->user = answer->request->user;
    memcpy(answer->piece->tag, answer->request->tag, sizeof answer->piece->tag);
    buf_init(&answer->piece->json, ANSWER_JSON_MAX);
    buf_text(&answer->piece->json, "{\"items\":[");
    return true;
}

static void add_ids(struct buf *json, const char *name, const int64_t *ids, size_t count) {
    if (count == 0) {
        return;
    }
    buf_text(json, ",\"");
    buf_text(json, name);
    buf_text(json, "\":[");
    for (size_t i = 0; i < count; i++) {
        buf_text(json, i ? ",\"" : "\"");
        buf_int(json, ids[i]);
        buf_text(json, "\"");
    }
    buf_text(json, "]");
}

static void end_piece(struct answer *answer, bool done) {
    struct buf *json = &answer->piece->json;

    buf_text(json, "]");
    if (done) {
        add_ids(json, "more", answer->more, answer->more_count);
        add_ids(json, "missing", answer->request->missing, answer->request->missing_count);
    }
    buf_text(json, done ? ",\"done\":true}" : ",\"done\":false}");
    answer->piece->done = done;
    hub_post(answer->clerk->hub, answer->piece);
    answer->piece = NULL;
}

static bool tell(struct answer *answer, const struct message *message) {
    struct buf *json = &answer->piece->json;
    size_t before = json->len;

    if (answer->items > 0) {
        buf_text(json, ",");
    }
    message_json(json, message);
    if (json->len <= answer->request->piece_bytes || answer->items == 0) {
        answer->items++;
        return true;
    }
    json->len = before; /* it is the first of the next piece */
    end_piece(answer, false);
    return begin_piece(answer) && tell(answer, message);
}

/* One page of a room. *ret_last: the room has no more. */
static enum pg_outcome tell_page(struct answer *answer, struct sync_place *place, bool *ret_last) {
    struct pg_result *result = NULL;
    int64_t limit = answer->left < PAGE_MESSAGES ? (int64_t)answer->left : PAGE_MESSAGES;
    enum pg_outcome outcome = row_tail(answer->clerk->link.pg, answer->clerk->params, place->room,
                                       place->after, limit, &result);

    if (outcome != PG_DONE) {
        return outcome;
    }
    for (size_t row = 0; row < pg_rows(result); row++) {
        struct message message;

        row_message(result, row, place->room, &message);
        if (!tell(answer, &message)) {
            outcome = PG_FAILED;
            break;
        }
        place->after = message.seq;
        answer->left--;
    }
    *ret_last = pg_rows(result) < (size_t)limit;
    pg_result_free(result);
    return outcome;
}

static enum pg_outcome tell_rooms(struct answer *answer) {
    for (size_t i = 0; i < answer->request->count; i++) {
        struct sync_place place = answer->request->places[i];
        bool last = false;

        while (!last && answer->left > 0) {
            enum pg_outcome outcome = tell_page(answer, &place, &last);

            if (outcome != PG_DONE) {
                return outcome;
            }
        }
        if (!last) {
            answer->more[answer->more_count++] = place.room;
        }
    }
    return PG_DONE;
}

static void post_failure(struct clerk *clerk, const struct sync_request *request) {
    struct error_item *error = item_new(ITEM_ERROR, sizeof *error);
    struct sync_item *done = item_new(ITEM_SYNC, sizeof *done);

    if (error) {
        error->user = request->user;
        error->status = HUM_UNAVAILABLE;
        error->detail = "the catch-up could not be read, ask again";
        hub_post(clerk->hub, error);
    }
    if (done) { /* without a text: nothing is published, the next sync may come */
        done->user = request->user;
        done->done = true;
        hub_post(clerk->hub, done);
    }
}

/* False: the connection was lost. What was told already does no harm: numbers are told apart. */
static bool answer_sync(struct clerk *clerk, const struct sync_request *request) {
    struct answer answer = {.clerk = clerk, .request = request, .left = SYNC_MESSAGES_MAX};
    enum pg_outcome outcome = begin_piece(&answer) ? tell_rooms(&answer) : PG_FAILED;

    if (outcome == PG_DONE) {
        end_piece(&answer, true);
        return true;
    }
    item_free(answer.piece ? &answer.piece->item : NULL);
    if (outcome == PG_LOST) {
        return false;
    }
    post_failure(clerk, request);
    return true;
}

/* ---- Sessions in use ---- */

static void write_seen(struct clerk *clerk, const struct seen_request *request) {
    struct pg_result *result = NULL;

    pg_params_reset(clerk->params);
    pg_add_int_array(clerk->params, request->sessions, request->count, false);
    if (pg_run(clerk->link.pg, &sessions_seen, clerk->params, &result) == PG_FAILED) {
        hub_log(clerk->hub, true, "hum: clerk: when sessions were seen last is not stored: %s",
                pg_error(clerk->link.pg));
    }
    pg_result_free(result);
    atomic_fetch_sub(&clerk->seen_waiting, 1);
}

/* ---- The thread ---- */

/* False: it is to be done again, by a new connection if this one is lost. */
static bool work_on(struct clerk *clerk, const struct mail *mail) {
    switch (((const struct clerk_request *)mail)->work) {
    case CLERK_SYNC:
        return answer_sync(clerk, (const struct sync_request *)mail);
    case CLERK_MARKS:
        return write_marks(clerk, (const struct marks_request *)mail);
    case CLERK_SEEN:
        write_seen(clerk, (const struct seen_request *)mail);
        break;
    }
    return true;
}

static void handle(struct clerk *clerk, struct mail *mail) {
    bool done = false;

    while (!done && !stopping(clerk) && connected(clerk)) {
        done = work_on(clerk, mail);
        if (pg_lost(clerk->link.pg)) {
            link_close(&clerk->link);
        } else if (!done) {
            (void)poll(NULL, 0, BUSY_MS); /* a lock, or a server short of something */
        }
    }
    free(mail);
}

static void *run(void *arg) {
    struct clerk *clerk = arg;

    while (!stopping(clerk)) {
        mailbox_wait(&clerk->requests, WAIT_MS);
        for (struct mail *mail = mailbox_take(&clerk->requests); mail;) {
            struct mail *next = mail->next;

            handle(clerk, mail);
            mail = next;
        }
    }
    link_close(&clerk->link);
    return NULL;
}

static void clerk_free(struct clerk *clerk) {
    for (struct mail *mail = mailbox_take(&clerk->requests); mail;) {
        struct mail *next = mail->next;

        free(mail);
        mail = next;
    }
    mailbox_close(&clerk->requests);
    pg_params_free(clerk->params);
    link_destroy(&clerk->link);
    free(clerk);
}

struct clerk *clerk_start(const struct pg_config *config, struct hub *hub) {
    struct clerk *clerk = calloc(1, sizeof *clerk);

    if (!clerk) {
        return NULL;
    }
    link_init(&clerk->link, config);
    clerk->hub = hub;
    clerk->params = pg_params_new();
    if (!mailbox_init(&clerk->requests) || !clerk->params ||
        pthread_create(&clerk->thread, NULL, run, clerk) != 0) {
        clerk_free(clerk);
        return NULL;
    }
    return clerk;
}

void clerk_stop(struct clerk *clerk) {
    if (clerk) {
        atomic_store(&clerk->stop, true);
        mailbox_ring(&clerk->requests);
        link_join(&clerk->link, clerk->thread);
        clerk_free(clerk);
    }
}

bool clerk_write_marks(struct clerk *clerk, const struct read_mark *marks, size_t count) {
    struct marks_request *request = calloc(1, sizeof *request + count * sizeof marks[0]);

    if (request) {
        request->work = CLERK_MARKS;
        request->count = count;
        memcpy(request->marks, marks, count * sizeof marks[0]);
        mailbox_push(&clerk->requests, &request->mail);
    }
    return request != NULL;
}

void clerk_sync(struct clerk *clerk, struct sync_request *request) {
    request->work = CLERK_SYNC;
    mailbox_push(&clerk->requests, &request->mail);
}

void clerk_tell_seen(struct clerk *clerk, const int64_t *sessions, size_t count) {
    struct seen_request *request = NULL;

    if (atomic_load(&clerk->seen_waiting) < SEEN_WAITING_MAX) {
        request = calloc(1, sizeof *request + count * sizeof sessions[0]);
    }
    if (request) {
        atomic_fetch_add(&clerk->seen_waiting, 1);
        request->work = CLERK_SEEN;
        request->count = count;
        memcpy(request->sessions, sessions, count * sizeof sessions[0]);
        mailbox_push(&clerk->requests, &request->mail);
    }
}
