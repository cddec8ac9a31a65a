/* Topics and filters. The input is a filter, a line feed, and a topic. What authz decides by a
 * filter's parts must hold for every topic that the broker matches with the filter. */
#include "fuzz.h"

#include "topic.h"

/* MQTT 3.1.1, section 4.7, for filters and topics that do not start with "$". */
static bool matches(struct str filter, struct str topic) {
    const char *f = filter.data, *f_end = f + filter.len;
    const char *t = topic.data, *t_end = t + topic.len;

    for (;;) {
        const char *f_stop = memchr(f, '/', (size_t)(f_end - f));
        const char *t_stop = memchr(t, '/', (size_t)(t_end - t));
        struct str level = {f, (size_t)((f_stop ? f_stop : f_end) - f)};
        struct str name = {t, (size_t)((t_stop ? t_stop : t_end) - t)};

        if (str_equal(level, str_of("#"))) {
            return !f_stop;
        }
        if (!str_equal(level, str_of("+")) && !str_equal(level, name)) {
            return false;
        }
        if (!t_stop) {
            /* "a/#" covers "a", too */
            return !f_stop ||
                   str_equal((struct str){f_stop, (size_t)(f_end - f_stop)}, str_of("/#"));
        }
        if (!f_stop) {
            return false;
        }
        f = f_stop + 1;
        t = t_stop + 1;
    }
}

static bool same(const struct topic *a, const struct topic *b) {
    return a->scope == b->scope && a->verb == b->verb && a->id == b->id && a->server == b->server &&
           a->who == b->who;
}

static enum room_kind kind_of(enum topic_scope scope) {
    static const enum room_kind kinds[] = {
        [TOPIC_DM] = ROOM_DM,
        [TOPIC_SERVER] = ROOM_SERVER,
        [TOPIC_CHANNEL] = ROOM_CHANNEL,
        [TOPIC_USER] = ROOM_INBOX,
    };

    CHECK((size_t)scope < sizeof kinds / sizeof kinds[0]);
    return kinds[scope];
}

/* Whatever was read stands below its one room or user, ids and all. */
static void check_prefix(struct str text, const struct topic *topic) {
    char room[TOPIC_MAX];

    CHECK(topic->id > 0);
    CHECK((topic->scope == TOPIC_CHANNEL) == (topic->server > 0));
    topic_room(room, kind_of(topic->scope), topic->id, topic->server);
    size_t len = strlen(room);
    CHECK(text.len > len && memcmp(text.data, room, len) == 0 && text.data[len] == '/');
}

/* The room's own "#" covers it. */
static void check_covered(struct str text, const struct topic *topic) {
    char room[TOPIC_MAX], filter[TOPIC_MAX + 2];
    struct topic all;

    topic_room(room, kind_of(topic->scope), topic->id, topic->server);
    snprintf(filter, sizeof filter, "%s/#", room);
    CHECK(topic_parse_filter(str_of(filter), &all));
    CHECK(all.verb == TOPIC_ALL && all.scope == topic->scope && all.id == topic->id);
    CHECK(matches(str_of(filter), text));
}

/* Topics that we write ourselves are read as what they were written for. */
static void check_written(struct str text, const struct topic *topic) {
    enum room_kind kind = kind_of(topic->scope);
    char out[TOPIC_MAX] = "", tag[TOPIC_TAG_MAX + 1];
    const char *slash;

    switch (topic->verb) {
    case TOPIC_MESSAGES:
    case TOPIC_INBOX:
        topic_messages(out, kind, topic->id, topic->server);
        break;
    case TOPIC_ERRORS:
        topic_errors(out, topic->id);
        break;
    case TOPIC_READ_MARK:
        topic_read_mark(out, kind, topic->id, topic->server, topic->who);
        break;
    case TOPIC_PRESENCE:
        topic_presence(out, topic->id);
        break;
    case TOPIC_SYNC_REPLY:
        slash = memrchr(text.data, '/', text.len);
        CHECK(slash && text.data + text.len - slash - 1 <= TOPIC_TAG_MAX);
        snprintf(tag, sizeof tag, "%.*s", (int)(text.data + text.len - slash - 1), slash + 1);
        topic_sync_reply(out, topic->id, tag);
        break;
    default:
        return;
    }
    CHECK(str_equal(str_of(out), text));
}

static void check_topic(struct str text, const struct topic *topic) {
    struct topic as_filter;

    CHECK(topic->verb != TOPIC_ALL);
    CHECK(!memchr(text.data, '+', text.len) && !memchr(text.data, '#', text.len));
    CHECK((topic->verb == TOPIC_TYPING || topic->verb == TOPIC_READ_MARK) == (topic->who > 0));
    CHECK(topic_parse_filter(text, &as_filter) && same(topic, &as_filter));
    check_prefix(text, topic);
    check_covered(text, topic);
    check_written(text, topic);
}

/* The broker delivers this topic to a subscriber of this filter: it must be what the filter was
 * understood to be, or a request, which nobody may read. */
static void check_match(const struct topic *filter, const struct topic *topic) {
    bool of_server = filter->scope == TOPIC_SERVER && filter->verb == TOPIC_ALL &&
                     topic->scope == TOPIC_CHANNEL && topic->server == filter->id;

    CHECK(of_server || (filter->scope == topic->scope && filter->id == topic->id &&
                        filter->server == topic->server));
    CHECK(filter->verb == TOPIC_ALL || filter->verb == topic->verb ||
          topic_is_request(topic->verb));
    CHECK(filter->who == 0 || filter->who == topic->who);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *feed = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t first = feed ? (size_t)(feed - data) : size;
    struct str filter = exact(data, first);
    struct str topic = feed ? exact(feed + 1, size - first - 1) : exact(data, size);
    struct topic as_filter, as_topic;
    bool is_filter = topic_parse_filter(filter, &as_filter);
    bool is_topic = topic_parse(topic, &as_topic);

    if (is_filter) {
        check_prefix(filter, &as_filter);
    }
    if (is_topic) {
        check_topic(topic, &as_topic);
    }
    if (is_filter && is_topic && matches(filter, topic)) {
        check_match(&as_filter, &as_topic);
    }
    exact_free(filter);
    exact_free(topic);
    return 0;
}
