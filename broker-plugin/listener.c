#include "listener.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "link.h"
#include "notice.h"
#include "row.h"

enum {
    LOAD_MAX = 500,       /* users of one statement */
    RECENT_USERS = 50000, /* loaded at start */
    PAGE_MESSAGES = 200,
    BACKOFF_FIRST_MS = 50,
    BACKOFF_LAST_MS = 2000,
    IDLE_MS = 1000,
};

struct listener {
    struct link link;
    struct hub *hub;
    struct mailbox requests;
    struct mail *backlog; /* taken and not yet answered, oldest first */
    struct pg_params *params;
    pthread_t thread;
    atomic_bool stop;
    int backoff_ms;
    /* Users seen lately, loaded a piece at a time at start, so that a restart finds them there. */
    bool warmed;
    int64_t *warming;
    size_t warming_count, warming_at;
};

static const struct pg_statement load_access = {
    "load_access",
    "select user_id, what, id, kind, rights, last_seq, server_id from hum_access($1) "
    "order by user_id",
};
static const struct pg_statement recent_users = {
    "recent_users",
    "select hum_recent_users($1)",
};
static const struct pg_statement room_heads = {
    "room_heads",
    "select id, last_seq from hum_room_heads($1)",
};

const struct pg_statement *const listener_statements[] = {&load_access, &recent_users, &room_tail,
                                                          &room_heads};
const size_t listener_statement_count = 4;

static bool stopping(struct listener *listener) {
    return atomic_load_explicit(&listener->stop, memory_order_relaxed);
}

static void post_link(struct listener *listener, bool up) {
    struct link_item *item = item_new(ITEM_LINK, sizeof *item);

    if (item) {
        item->up = up;
        hub_post(listener->hub, item);
    }
}

/* what, as hum_access tells it (sql/0005_broker.sql). */
static bool add_access_row(struct access_set *set, const struct pg_result *result, size_t row) {
    int64_t id = pg_get_int(result, row, 2);
    char what = pg_get_text(result, row, 1).data[0];

    if (what == 't') {
        set->as_of = id;
        return true;
    }
    if (what == 'f') {
        return access_set_friend(set, id) == HUM_OK;
    }
    if (what == 's') {
        return access_set_session(set, id, pg_get_int(result, row, 5)) == HUM_OK;
    }
    const struct access_right right = {
        .room = id,
        .last_seq = pg_get_int(result, row, 5),
        .server = pg_get_int(result, row, 6),
        .kind = (uint8_t)pg_get_int(result, row, 3),
        .rights = (uint8_t)pg_get_int(result, row, 4),
    };
    return access_set_right(set, &right) == HUM_OK;
}

/* One user's rows, from *row on. A set is whole or not there. */
static bool post_set(struct listener *listener, int64_t user, const struct pg_result *result,
                     size_t *row) {
    struct set_item *item = item_new(ITEM_SET, sizeof *item);
    bool ok = item && (item->set = access_set_new(user));

    while (*row < pg_rows(result) && pg_get_int(result, *row, 0) == user) {
        ok = ok && add_access_row(item->set, result, *row);
        (*row)++;
    }
    if (ok) {
        hub_post(listener->hub, item);
    } else {
        item_free(item ? &item->item : NULL);
    }
    return ok;
}

static int by_id(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* users is sorted. One without a single row gets an empty set: it may do nothing. */
static bool load_users(struct listener *listener, int64_t *users, size_t count) {
    struct pg_result *result = NULL;
    size_t row = 0;
    bool ok = true;

    qsort(users, count, sizeof users[0], by_id);
    pg_params_reset(listener->params);
    pg_add_int_array(listener->params, users, count, false);
    if (pg_run(listener->link.pg, &load_access, listener->params, &result) != PG_DONE) {
        return false;
    }
    for (size_t i = 0; ok && i < count; i++) {
        if (i == 0 || users[i] != users[i - 1]) {
            ok = post_set(listener, users[i], result, &row);
        }
    }
    pg_result_free(result);
    return ok;
}

static bool fetch_page(struct listener *listener, int64_t room, int64_t after) {
    struct pg_result *result = NULL;
    bool whole = true;

    if (row_tail(listener->link.pg, listener->params, room, after, PAGE_MESSAGES, &result) !=
        PG_DONE) {
        return false;
    }
    struct batch_item *page = batch_new(ITEM_PAGE, pg_rows(result));
    for (size_t row = 0; page && whole && row < pg_rows(result); row++) {
        struct message message;

        row_message(result, row, room, &message);
        whole = batch_add(page, &message);
    }
    pg_result_free(result);
    if (!page || !whole) {
        item_free(page ? &page->item : NULL);
        return false; /* no memory: asked again by the next connection */
    }
    page->room = room;
    hub_post(listener->hub, page);
    return true;
}

static void post_head(struct listener *listener, int64_t room, int64_t seq) {
    struct head_item *item = item_new(ITEM_HEAD, sizeof *item);

    if (item) {
        item->room = room;
        item->seq = seq;
        hub_post(listener->hub, item);
    }
}

static bool fetch_heads(struct listener *listener, const struct request *request) {
    struct pg_result *result = NULL;

    pg_params_reset(listener->params);
    pg_add_int_array(listener->params, request->rooms, request->count, false);
    if (pg_run(listener->link.pg, &room_heads, listener->params, &result) != PG_DONE) {
        return false;
    }
    for (size_t row = 0; row < pg_rows(result); row++) {
        post_head(listener, pg_get_int(result, row, 0), pg_get_int(result, row, 1));
    }
    pg_result_free(result);
    return true;
}

static struct request *first_request(struct listener *listener) {
    return (struct request *)listener->backlog;
}

static void drop_first(struct listener *listener) {
    struct mail *first = listener->backlog;

    listener->backlog = first->next;
    free(first);
}

/* Loads that stand one after another are one statement. */
static bool answer_loads(struct listener *listener) {
    int64_t users[LOAD_MAX];
    size_t count = 0;

    for (const struct mail *at = listener->backlog; at && count < LOAD_MAX; at = at->next) {
        const struct request *request = (const struct request *)at;

        if (request->kind != REQUEST_LOAD) {
            break;
        }
        users[count++] = request->id;
    }
    size_t asked = count;
    if (!load_users(listener, users, count)) {
        return false;
    }
    while (asked-- > 0) {
        drop_first(listener);
    }
    return true;
}

static bool answer_first(struct listener *listener) {
    const struct request *request = first_request(listener);
    bool done = false;

    switch (request->kind) {
    case REQUEST_LOAD:
        return answer_loads(listener);
    case REQUEST_PAGE:
        done = fetch_page(listener, request->id, request->after);
        break;
    case REQUEST_HEADS:
        done = fetch_heads(listener, request);
        break;
    }
    if (done) {
        drop_first(listener);
    }
    return done;
}

static void take_requests(struct listener *listener) {
    struct mail **end = &listener->backlog;

    while (*end) {
        end = &(*end)->next;
    }
    *end = mailbox_take(&listener->requests);
}

static bool post_session_end(struct listener *listener, int64_t user, int64_t session) {
    struct session_item *item = item_new(ITEM_SESSION_END, sizeof *item);

    if (item) {
        item->user = user;
        item->session = session;
        hub_post(listener->hub, item);
    }
    return item != NULL;
}

static bool post_right(struct listener *listener, int64_t user, const struct access_right *right) {
    struct right_item *item = item_new(ITEM_RIGHT, sizeof *item);

    if (item) {
        item->user = user;
        item->right = *right;
        hub_post(listener->hub, item);
    }
    return item != NULL;
}

static bool post_gone(struct listener *listener, int64_t room) {
    struct head_item *item = item_new(ITEM_GONE, sizeof *item);

    if (item) {
        item->room = room;
        hub_post(listener->hub, item);
    }
    return item != NULL;
}

static bool post_friend(struct listener *listener, const struct notice *notice) {
    struct friend_item *item = item_new(ITEM_FRIEND, sizeof *item);

    if (item) {
        item->user = notice->user;
        item->friend_id = notice->other;
        item->friends = notice->friends;
        hub_post(listener->hub, item);
    }
    return item != NULL;
}

static bool post_read_mark(struct listener *listener, const struct notice *notice) {
    struct read_item *item = item_new(ITEM_READ, sizeof *item);

    if (item) {
        item->mark.user = notice->user;
        item->mark.room = notice->right.room;
        item->mark.seq = notice->right.last_seq;
        hub_post(listener->hub, item);
    }
    return item != NULL;
}

static bool handle_notice(struct listener *listener, const struct notice *notice) {
    int64_t user = notice->user;

    switch (notice->kind) {
    case NOTICE_USER:
        /* With the others that are waiting, in one statement: a burst of sign-ins must not hold up
         * a revocation. What is read later is only newer. */
        return listener_load(listener, user);
    case NOTICE_SESSION:
        return post_session_end(listener, user, notice->other);
    case NOTICE_ACCESS:
        return post_right(listener, user, &notice->right);
    case NOTICE_FRIEND:
        return post_friend(listener, notice);
    case NOTICE_READ:
        return post_read_mark(listener, notice);
    case NOTICE_GONE:
        return post_gone(listener, notice->right.room);
    case NOTICE_ROOM:
        post_head(listener, notice->right.room, notice->right.last_seq);
        return true;
    }
    return true;
}

/* A notification that cannot be acted on (no memory) may be a revocation: false, and the connection
 * is made anew, which loads everything again. */
static bool handle_notifications(struct listener *listener) {
    char *text;
    bool ok = true;

    while (ok && pg_notification(listener->link.pg, &text)) {
        struct notice notice;

        if (notice_parse(str_of(text), &notice)) {
            ok = handle_notice(listener, &notice);
        } else {
            hub_log(listener->hub, true, "hum: listener: unknown notification: %.100s", text);
        }
        free(text);
    }
    return ok;
}

static bool list_recent(struct listener *listener) {
    struct pg_result *result = NULL;

    pg_params_reset(listener->params);
    pg_add_int(listener->params, RECENT_USERS);
    if (pg_run(listener->link.pg, &recent_users, listener->params, &result) != PG_DONE) {
        return false;
    }
    listener->warming = calloc(pg_rows(result) + 1, sizeof listener->warming[0]);
    for (size_t row = 0; listener->warming && row < pg_rows(result); row++) {
        listener->warming[listener->warming_count++] = pg_get_int(result, row, 0);
    }
    pg_result_free(result);
    listener->warmed = true;
    return true;
}

static bool still_warming(const struct listener *listener) {
    return !listener->warmed || listener->warming_at < listener->warming_count;
}

/* One piece at a time, after what was asked for: those who are here go first. */
static bool warm_up(struct listener *listener) {
    if (!listener->warmed) {
        return list_recent(listener);
    }
    size_t left = listener->warming_count - listener->warming_at;
    size_t count = left < LOAD_MAX ? left : LOAD_MAX;
    if (!load_users(listener, listener->warming + listener->warming_at, count)) {
        return false;
    }
    listener->warming_at += count;
    return true;
}

static void wait_for_work(struct listener *listener) {
    struct pollfd wait[2] = {
        {.fd = pg_socket(listener->link.pg), .events = POLLIN},
        {.fd = listener->requests.event_fd, .events = POLLIN},
    };

    listener->backoff_ms = BACKOFF_FIRST_MS; /* it works: the next failure is a new one */
    if (mailbox_arm(&listener->requests)) {
        (void)poll(wait, 2, IDLE_MS);
    }
    mailbox_disarm(&listener->requests);
}

/* Serves one connection to its end. */
static void serve(struct listener *listener) {
    if (pg_command(listener->link.pg, "listen hum") != PG_DONE) {
        return;
    }
    post_link(listener, true);
    bool ok = true;
    while (ok && !stopping(listener)) {
        take_requests(listener);
        while (ok && listener->backlog) {
            ok = answer_first(listener) && handle_notifications(listener);
        }
        if (ok && still_warming(listener)) {
            ok = warm_up(listener);
        }
        ok = ok && pg_consume(listener->link.pg) && handle_notifications(listener);
        if (ok && !listener->backlog && !still_warming(listener)) {
            wait_for_work(listener);
        }
    }
}

/* Waits before the next try. New requests do not end it: they need the connection. */
static void back_off(struct listener *listener) {
    for (int left = listener->backoff_ms; left > 0 && !stopping(listener);
         left -= BACKOFF_FIRST_MS) {
        (void)poll(NULL, 0, BACKOFF_FIRST_MS);
    }
    listener->backoff_ms *= 2;
    if (listener->backoff_ms > BACKOFF_LAST_MS) {
        listener->backoff_ms = BACKOFF_LAST_MS;
    }
}

/* Only the first failure of a row is worth a line. */
static void log_failure(struct listener *listener, const char *error) {
    if (!stopping(listener) && listener->backoff_ms == BACKOFF_FIRST_MS) {
        hub_log(listener->hub, true, "hum: listener: PostgreSQL is away, trying again: %s", error);
    }
}

static void *run(void *arg) {
    struct listener *listener = arg;
    char error[256];

    while (!stopping(listener)) {
        if (link_open(&listener->link, error, sizeof error)) {
            serve(listener);
            log_failure(listener, pg_error(listener->link.pg));
            link_close(&listener->link);
            post_link(listener, false);
        } else {
            log_failure(listener, error);
        }
        back_off(listener);
    }
    return NULL;
}

static void listener_free(struct listener *listener) {
    take_requests(listener);
    while (listener->backlog) {
        drop_first(listener);
    }
    mailbox_close(&listener->requests);
    pg_params_free(listener->params);
    free(listener->warming);
    link_destroy(&listener->link);
    free(listener);
}

struct listener *listener_start(const struct pg_config *config, struct hub *hub) {
    struct listener *listener = calloc(1, sizeof *listener);

    if (!listener) {
        return NULL;
    }
    link_init(&listener->link, config);
    listener->hub = hub;
    listener->backoff_ms = BACKOFF_FIRST_MS;
    listener->params = pg_params_new();
    if (!mailbox_init(&listener->requests) || !listener->params ||
        pthread_create(&listener->thread, NULL, run, listener) != 0) {
        listener_free(listener);
        return NULL;
    }
    return listener;
}

void listener_stop(struct listener *listener) {
    if (!listener) {
        return;
    }
    atomic_store(&listener->stop, true);
    mailbox_ring(&listener->requests);
    link_join(&listener->link, listener->thread);
    listener_free(listener);
}

static struct request *new_request(enum request_kind kind, size_t rooms) {
    struct request *request = calloc(1, sizeof *request + rooms * sizeof request->rooms[0]);

    if (request) {
        request->kind = kind;
        request->count = rooms;
    }
    return request;
}

bool listener_load(struct listener *listener, int64_t user) {
    struct request *request = new_request(REQUEST_LOAD, 0);

    if (request) {
        request->id = user;
        mailbox_push(&listener->requests, &request->mail);
    }
    return request != NULL;
}

bool listener_page(struct listener *listener, int64_t room, int64_t after) {
    struct request *request = new_request(REQUEST_PAGE, 0);

    if (request) {
        request->id = room;
        request->after = after;
        mailbox_push(&listener->requests, &request->mail);
    }
    return request != NULL;
}

bool listener_heads(struct listener *listener, const int64_t *rooms, size_t count) {
    struct request *request = new_request(REQUEST_HEADS, count);

    if (request) {
        memcpy(request->rooms, rooms, count * sizeof rooms[0]);
        mailbox_push(&listener->requests, &request->mail);
    }
    return request != NULL;
}
