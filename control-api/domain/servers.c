#include "servers.h"

#include "limits.h"
#include "store/events.h"
#include "store/jobs.h"
#include "store/notify.h"
#include "store/run.h"
#include "tx.h"

enum { DATA_MAX = 4096 };

/* Of UTF-8 that is known to be well-formed. */
static uint32_t next_char(struct str text, size_t *at) {
    unsigned char first = (unsigned char)text.data[(*at)++];
    int more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    uint32_t c = more == 0 ? first : first & (0x3fu >> more);

    while (more-- > 0) {
        c = c << 6 | ((unsigned char)text.data[(*at)++] & 0x3fu);
    }
    return c;
}

/* Controls of any kind: of devices, of lines, of direction, and what is not seen at all. */
static bool is_control(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200b || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           c == 0x061c || (c >= 0xe0000 && c <= 0xe007f);
}

static bool is_space(uint32_t c) {
    return c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

bool server_name_fits(struct str name) {
    bool visible = false;

    if (!str_utf8(name, NULL)) {
        return false;
    }
    for (size_t at = 0; at < name.len;) {
        uint32_t c = next_char(name, &at);

        if (is_control(c)) {
            return false;
        }
        visible = visible || !is_space(c);
    }
    return visible;
}

enum hum_status server_verdict(const struct server_row *server, int64_t caller,
                               enum server_need need) {
    if (need != NEED_NOTHING && !server->public && !server->member) {
        return HUM_NOT_FOUND;
    }
    if (need == NEED_MEMBER && !server->member) {
        return HUM_FORBIDDEN;
    }
    return need == NEED_OWNER && server->owner != caller ? HUM_NOT_OWNER : HUM_OK;
}

typedef enum pg_outcome (*find_fn)(struct pg *pg, int64_t user, int64_t server,
                                   struct pg_result **ret_rows);

static enum pg_outcome find(struct pg *pg, find_fn look, int64_t caller, int64_t server,
                            enum server_need need, struct server_view *view,
                            enum hum_status *ret_status) {
    pg_result_free(view->rows);
    *view = (struct server_view){0};
    PG_TRY(look(pg, caller, server, &view->rows));
    if (pg_rows(view->rows) == 0) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    view->server = store_server_at(view->rows, 0);
    *ret_status = server_verdict(&view->server, caller, need);
    return PG_DONE;
}

enum pg_outcome server_hold(struct pg *pg, int64_t caller, int64_t server, enum server_need need,
                            struct server_view *view, enum hum_status *ret_status) {
    return find(pg, store_server_hold, caller, server, need, view, ret_status);
}

static void write_id(struct buf *out, const char *name, int64_t id) {
    if (id) {
        buf_text(out, out->len > 1 ? ",\"" : "\"");
        buf_text(out, name);
        buf_text(out, "\":\"");
        buf_int(out, id);
        buf_text(out, "\"");
    }
}

enum pg_outcome server_record(struct pg *pg, const struct server_event *event) {
    struct buf data;

    buf_init(&data, DATA_MAX);
    buf_text(&data, "{");
    write_id(&data, "server", event->server);
    write_id(&data, "channel", event->channel);
    write_id(&data, "user", event->user);
    buf_text(&data, "}");
    enum pg_outcome outcome = data.failed
                                  ? PG_FAILED
                                  : store_event(pg, event->kind, event->actor,
                                                event->channel ? event->channel : event->server,
                                                (struct str){data.data, data.len});
    buf_free(&data);
    return outcome;
}

void server_write_named(struct buf *out, const char *name, int64_t id, struct str title) {
    buf_text(out, ",\"");
    buf_text(out, name);
    buf_text(out, "\":{\"id\":\"");
    buf_int(out, id);
    buf_text(out, "\",\"name\":");
    buf_json_string(out, title);
    buf_text(out, "}");
}

struct job {
    int64_t caller;
    int64_t server;
    const struct server_change *change;
    struct server_view view;
    struct pg_result *rows; /* the server afterwards */
};

/* Runs work that may end with a row to show. */
static enum hum_status run(struct pg *pg, tx_fn work, struct job *job,
                           struct pg_result **ret_rows) {
    enum hum_status status = tx_run(pg, work, job);

    pg_result_free(job->view.rows);
    if (status == HUM_OK && ret_rows) {
        *ret_rows = job->rows;
    } else {
        pg_result_free(job->rows); /* of work that could not be committed */
    }
    return status;
}

static enum pg_outcome show(struct pg *pg, struct job *job) {
    pg_result_free(job->rows);
    job->rows = NULL;
    return store_server_get(pg, job->caller, job->server, &job->rows);
}

static enum pg_outcome create_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    bool added;

    PG_TRY(limits_hold(pg, LIMIT_SERVERS_OWNED, job->caller, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_server_insert(pg, job->caller, job->change->name, job->change->about,
                               job->change->public != 0, &job->server));
    PG_TRY(store_member_insert(pg, job->server, job->caller, &added));
    PG_TRY(notify_access(pg, job->caller, job->server, ROOM_SERVER, RIGHTS_READ_AND_SEND, 0));
    PG_TRY(server_record(pg, &(struct server_event){
                                 .kind = "ServerCreated",
                                 .actor = job->caller,
                                 .server = job->server,
                             }));
    return show(pg, job);
}

static enum pg_outcome change_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct server_change *change = ((struct job *)arg)->change;
    struct job *job = arg;

    PG_TRY(
        find(pg, store_server_lock, job->caller, job->server, NEED_OWNER, &job->view, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    if (change->name.data || change->about.data || change->public >= 0) {
        PG_TRY(store_server_update(pg, job->server, change->name, change->about, change->public));
        PG_TRY(server_record(pg, &(struct server_event){
                                     .kind = "ServerUpdated",
                                     .actor = job->caller,
                                     .server = job->server,
                                 }));
    }
    return show(pg, job);
}

/* What the members will be told. */
static enum pg_outcome leave_job(struct pg *pg, const struct job *job) {
    struct buf data;

    buf_init(&data, DATA_MAX);
    buf_text(&data, "{\"reason\":\"deleted\"");
    server_write_named(&data, "server", job->server, job->view.server.name);
    buf_text(&data, "}");
    enum pg_outcome outcome = data.failed
                                  ? PG_FAILED
                                  : store_job_insert(pg, JOB_SERVER_GONE, job->server, job->caller,
                                                     (struct str){data.data, data.len});
    buf_free(&data);
    return outcome;
}

static enum pg_outcome delete_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;

    PG_TRY(
        find(pg, store_server_lock, job->caller, job->server, NEED_OWNER, &job->view, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_server_delete(pg, job->server));
    PG_TRY(leave_job(pg, job));
    return server_record(pg, &(struct server_event){
                                 .kind = "ServerDeleted",
                                 .actor = job->caller,
                                 .server = job->server,
                             });
}

enum hum_status servers_create(struct pg *pg, int64_t caller, const struct server_change *change,
                               struct pg_result **ret_rows) {
    struct job job = {.caller = caller, .change = change};

    return run(pg, create_work, &job, ret_rows);
}

enum hum_status servers_get(struct pg *pg, int64_t caller, int64_t server, enum server_need need,
                            struct pg_result **ret_rows) {
    struct server_view view = {0};
    enum hum_status verdict = HUM_OK;
    enum hum_status status =
        tx_status(find(pg, store_server_get, caller, server, need, &view, &verdict));

    if (status == HUM_OK && verdict == HUM_OK && ret_rows) {
        *ret_rows = view.rows;
    } else {
        pg_result_free(view.rows);
    }
    return status != HUM_OK ? status : verdict;
}

enum hum_status servers_change(struct pg *pg, int64_t caller, int64_t server,
                               const struct server_change *change, struct pg_result **ret_rows) {
    struct job job = {.caller = caller, .server = server, .change = change};

    return run(pg, change_work, &job, ret_rows);
}

enum hum_status servers_delete(struct pg *pg, int64_t caller, int64_t server) {
    struct job job = {.caller = caller, .server = server};

    return run(pg, delete_work, &job, NULL);
}

enum hum_status servers_list(struct pg *pg, int64_t caller, int roles, int64_t after, int limit,
                             struct pg_result **ret_rows) {
    return tx_status(store_servers_list(pg, caller, roles, after, limit, ret_rows));
}

enum hum_status servers_search(struct pg *pg, int64_t caller, struct str prefix,
                               const struct search_place *after, int limit,
                               struct pg_result **ret_rows) {
    return tx_status(store_servers_search(pg, caller, prefix, after, limit, ret_rows));
}
