#include "notify.h"

#include <inttypes.h>
#include <stdio.h>

#include "run.h"

enum { PAYLOAD_MAX = 128 };

static const struct pg_statement notify = {
    "notify",
    "select pg_notify('hum', $1::text)",
};

static enum pg_outcome send(struct pg *pg, const char *payload) {
    return RUN(pg, &notify, NULL, TEXT(str_of(payload)));
}

enum pg_outcome notify_user(struct pg *pg, int64_t user) {
    char payload[PAYLOAD_MAX];

    snprintf(payload, sizeof payload, "user %" PRId64, user);
    return send(pg, payload);
}

enum pg_outcome notify_session(struct pg *pg, int64_t user, int64_t session) {
    char payload[PAYLOAD_MAX];

    snprintf(payload, sizeof payload, "session %" PRId64 " %" PRId64, user, session);
    return send(pg, payload);
}

static enum pg_outcome send_access(struct pg *pg, int64_t user, int64_t room, enum room_kind kind,
                                   enum rights rights, int64_t last_seq, int64_t server) {
    char payload[PAYLOAD_MAX];

    snprintf(payload, sizeof payload, "access %" PRId64 " %" PRId64 " %s %d %" PRId64 " %" PRId64,
             user, room, room_kind_name(kind), (int)rights, last_seq, server);
    return send(pg, payload);
}

enum pg_outcome notify_access(struct pg *pg, int64_t user, int64_t room, enum room_kind kind,
                              enum rights rights, int64_t last_seq) {
    return send_access(pg, user, room, kind, rights, last_seq, 0);
}

enum pg_outcome notify_channel(struct pg *pg, int64_t user, int64_t server, int64_t channel,
                               enum rights rights, int64_t last_seq) {
    return send_access(pg, user, channel, ROOM_CHANNEL, rights, last_seq, server);
}

enum pg_outcome notify_gone(struct pg *pg, int64_t room) {
    char payload[PAYLOAD_MAX];

    snprintf(payload, sizeof payload, "gone %" PRId64, room);
    return send(pg, payload);
}

enum pg_outcome notify_friend(struct pg *pg, int64_t user, int64_t other, bool friends) {
    char payload[PAYLOAD_MAX];

    snprintf(payload, sizeof payload, "friend %" PRId64 " %" PRId64 " %d", user, other, friends);
    return send(pg, payload);
}

enum pg_outcome notify_room(struct pg *pg, int64_t room, int64_t seq) {
    char payload[PAYLOAD_MAX];

    snprintf(payload, sizeof payload, "room %" PRId64 " %" PRId64, room, seq);
    return send(pg, payload);
}

const struct pg_statement *const store_notify_statements[] = {&notify};
const size_t store_notify_statements_count =
    sizeof store_notify_statements / sizeof store_notify_statements[0];
