#include "authz.h"

static enum room_kind kind_of(enum topic_scope scope) {
    switch (scope) {
    case TOPIC_SERVER:
        return ROOM_SERVER;
    case TOPIC_CHANNEL:
        return ROOM_CHANNEL;
    case TOPIC_USER:
        return ROOM_INBOX;
    case TOPIC_DM:
        break;
    }
    return ROOM_DM;
}

/* Rights in the topic's room, if it is of the kind that the topic says: dm/{id of a server} is not
 * a second name of it. */
static int rights_in(const struct access_set *set, const struct topic *topic) {
    const struct access_right *right = access_find(set, topic->id);

    return right && right->kind == kind_of(topic->scope) && right->server == topic->server
               ? right->rights
               : 0;
}

static enum hum_status allow_if(bool allowed) { return allowed ? HUM_OK : HUM_FORBIDDEN; }

static enum hum_status verdict_user(const struct access_set *set, enum authz_action action,
                                    const struct topic *topic) {
    bool self = topic->id == set->user;

    if (action == AUTHZ_WRITE) {
        return allow_if(self && topic_is_request(topic->verb));
    }
    if (topic->verb == TOPIC_PRESENCE) {
        return allow_if(self || access_is_friend(set, topic->id));
    }
    return allow_if(self);
}

/* Why a reader of the room may not send to it. */
static enum hum_status not_a_writer(enum topic_scope scope) {
    switch (scope) {
    case TOPIC_DM:
        return HUM_NOT_FRIENDS;
    case TOPIC_SERVER:
        return HUM_NOT_OWNER;
    default:
        return HUM_FORBIDDEN;
    }
}

static enum hum_status verdict_write(const struct access_set *set, const struct topic *topic) {
    int rights = rights_in(set, topic);

    if (!(rights & ACCESS_READ)) {
        return HUM_FORBIDDEN;
    }
    if (topic->verb == TOPIC_READ) {
        return HUM_OK;
    }
    if (topic->verb != TOPIC_SEND && (topic->verb != TOPIC_TYPING || topic->who != set->user)) {
        return HUM_FORBIDDEN;
    }
    return rights & ACCESS_SEND ? HUM_OK : not_a_writer(topic->scope);
}

enum hum_status authz_verdict(const struct access_set *set, enum authz_action action,
                              const struct topic *topic) {
    if (!set) {
        return HUM_FORBIDDEN;
    }
    /* A request is never read. Below a room, "#" covers its topic too, and READ then holds it back.
     */
    if (action != AUTHZ_WRITE && topic_is_request(topic->verb)) {
        return HUM_FORBIDDEN;
    }
    if (topic->scope == TOPIC_USER) {
        return verdict_user(set, action, topic);
    }
    if (action == AUTHZ_WRITE) {
        return verdict_write(set, topic);
    }
    return allow_if(rights_in(set, topic) & ACCESS_READ);
}
