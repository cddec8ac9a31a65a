/* Servers: made, found, changed, deleted. What holds for all that happens in one, too: who may see
 * it, and how it is told. */
#ifndef HUM_DOMAIN_SERVERS_H
#define HUM_DOMAIN_SERVERS_H

#include "buf.h"
#include "store/servers.h"

enum {
    SERVER_NAME_MAX = 100,   /* code points; also of channels */
    SERVER_ABOUT_MAX = 1000, /* code points */
};

/* Whether a text can be the name of a server or channel: something visible, nothing that controls.
 * Pure. */
bool server_name_fits(struct str name);

/* A server as the caller sees it. */
struct server_view {
    struct pg_result *rows; /* freed with pg_result_free */
    struct server_row server;
};

enum server_need {
    NEED_NOTHING, /* that it exists */
    NEED_SIGHT,   /* a private one is there for its members only */
    NEED_MEMBER,
    NEED_OWNER,
};

/* HUM_NOT_FOUND, HUM_FORBIDDEN (no member), HUM_NOT_OWNER or HUM_OK. */
HUM_MUSTCHECK enum hum_status server_verdict(const struct server_row *server, int64_t caller,
                                             enum server_need need);
/* Within a transaction: looks a server up and keeps it from being deleted until the end. The view's
 * rows are freed first (NULL at the begin), and are for the caller to free, whatever comes out. */
HUM_MUSTCHECK enum pg_outcome server_hold(struct pg *pg, int64_t caller, int64_t server,
                                          enum server_need need, struct server_view *view,
                                          enum hum_status *ret_status);
/* Within a transaction: writes an event with what is not 0 as data; its subject is the channel, or
 * else the server. */
struct server_event {
    const char *kind;
    int64_t actor;
    int64_t server;
    int64_t channel;
    int64_t user; /* whom it befalls, when that is not the actor */
};
HUM_MUSTCHECK enum pg_outcome server_record(struct pg *pg, const struct server_event *event);
/* Writes ,"name":{"id":…,"name":…}, as notifications have it. */
void server_write_named(struct buf *out, const char *name, int64_t id, struct str title);

struct server_change {
    struct str name;  /* .data NULL: stays */
    struct str about; /* .data NULL: stays */
    int public;       /* 0 or 1; -1: stays */
};

/* ret_rows, here and below: one row, freed with pg_result_free. HUM_LIMIT_REACHED. Event
 * ServerCreated. */
HUM_MUSTCHECK enum hum_status servers_create(struct pg *pg, int64_t caller,
                                             const struct server_change *change,
                                             struct pg_result **ret_rows);
/* HUM_NOT_FOUND: not there, or not for the caller. */
HUM_MUSTCHECK enum hum_status servers_get(struct pg *pg, int64_t caller, int64_t server,
                                          enum server_need need, struct pg_result **ret_rows);
/* By the owner. Event ServerUpdated. */
HUM_MUSTCHECK enum hum_status servers_change(struct pg *pg, int64_t caller, int64_t server,
                                             const struct server_change *change,
                                             struct pg_result **ret_rows);
/* By the owner. From then on it is gone, with its channels; the members are told, and the rows go,
 * by a job. Event ServerDeleted. */
HUM_MUSTCHECK enum hum_status servers_delete(struct pg *pg, int64_t caller, int64_t server);

/* As store_servers_list and store_servers_search. */
HUM_MUSTCHECK enum hum_status servers_list(struct pg *pg, int64_t caller, int roles, int64_t after,
                                           int limit, struct pg_result **ret_rows);
HUM_MUSTCHECK enum hum_status servers_search(struct pg *pg, int64_t caller, struct str prefix,
                                             const struct search_place *after, int limit,
                                             struct pg_result **ret_rows);

#endif
