#include "http.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 100 };

enum hum_status request_pg(struct request *request, struct pg **ret_pg) {
    return lease_take(&request->lease, ret_pg);
}

/* If-None-Match (RFC 9110, section 13.1.2) names the tag, weak or strong. Tags hold no comma and no
 * blank here; what does is none of ours. */
bool request_knows(const struct request *request, const char *etag) {
    const char *header = request->if_none_match;
    size_t len = strlen(etag);

    while (header && *header) {
        header += strspn(header, ", \t");
        size_t word = strcspn(header, ", \t");
        const char *tag = strncmp(header, "W/", 2) == 0 ? header + 2 : header;
        size_t tag_len = word - (size_t)(tag - header);

        if ((word == 1 && *header == '*') || (tag_len == len && memcmp(tag, etag, len) == 0)) {
            return true;
        }
        header += word;
    }
    return false;
}

/* RFC 6265, section 4.2.1: pairs with "; " between them. */
struct str request_cookie(const struct request *request, const char *name) {
    const char *at = request->cookies ? request->cookies : "";
    struct str value = {"", 0};
    size_t len = strlen(name), found = 0;

    while (*at) {
        at += strspn(at, "; ");
        size_t pair = strcspn(at, ";");

        if (pair > len && strncmp(at, name, len) == 0 && at[len] == '=') {
            value = (struct str){at + len + 1, pair - len - 1};
            found++;
        }
        at += pair;
    }
    return found == 1 ? value : (struct str){"", 0};
}

enum hum_status reply_problem(struct reply *reply, enum hum_status status, const char *detail) {
    reply->detail = detail;
    return status;
}

void reply_field(struct reply *reply, const char *name, const char *text) {
    for (size_t i = 0; i < reply->fields_count; i++) {
        if (strcmp(reply->fields[i].name, name) == 0) {
            return;
        }
    }
    if (reply->fields_count < REPLY_FIELDS_MAX) {
        reply->fields[reply->fields_count].name = name;
        reply->fields[reply->fields_count].text = text;
        reply->fields_count++;
    }
}

enum hum_status reply_verdict(const struct reply *reply) {
    return reply->fields_count ? HUM_INVALID_REQUEST : HUM_OK;
}

enum hum_status reply_limited(struct reply *reply, int seconds) {
    reply->retry_after = seconds;
    return seconds > 0 ? HUM_RATE_LIMITED : HUM_OK;
}

/* The member, or NULL when there is none; its absence is refused where it must be there. */
static json_t *member(const struct request *request, struct reply *reply, const char *name,
                      enum presence presence) {
    json_t *value = json_object_get(request->body, name);

    if (value && !json_is_null(value)) {
        return value;
    }
    if (presence == REQUIRED) {
        reply_field(reply, name, "is required");
    }
    return NULL;
}

void body_text(const struct request *request, struct reply *reply, const char *name,
               enum presence presence, size_t min, size_t max, struct str *ret) {
    const json_t *value = member(request, reply, name, presence);
    size_t chars = 0;

    if (!value) {
        return;
    }
    if (!json_is_string(value)) {
        reply_field(reply, name, "must be a string");
        return;
    }
    struct str text = {json_string_value(value), json_string_length(value)};
    if (!str_utf8(text, &chars)) {
        reply_field(reply, name, "must be UTF-8 without NUL");
    } else if (chars < min) {
        reply_field(reply, name, chars ? "is too short" : "is empty");
    } else if (chars > max) {
        reply_field(reply, name, "is too long");
    } else {
        *ret = text;
    }
}

void body_id(const struct request *request, struct reply *reply, const char *name,
             enum presence presence, int64_t *ret) {
    const json_t *value = member(request, reply, name, presence);

    if (value &&
        !(json_is_string(value) &&
          str_id((struct str){json_string_value(value), json_string_length(value)}, ret))) {
        reply_field(reply, name, "must be an id, a string of decimal digits");
    }
}

void body_int(const struct request *request, struct reply *reply, const char *name,
              enum presence presence, int64_t min, int64_t max, int64_t *ret) {
    const json_t *value = member(request, reply, name, presence);

    if (!value) {
        return;
    }
    if (!json_is_integer(value)) {
        reply_field(reply, name, "must be a number without fraction");
    } else if (json_integer_value(value) < min || json_integer_value(value) > max) {
        reply_field(reply, name, "is out of range");
    } else {
        *ret = json_integer_value(value);
    }
}

void body_object(const struct request *request, struct reply *reply, const char *name,
                 enum presence presence, json_t **ret) {
    json_t *value = member(request, reply, name, presence);

    if (!value) {
        return;
    }
    if (json_is_object(value)) {
        *ret = value;
    } else {
        reply_field(reply, name, "must be an object");
    }
}

void query_text(struct request *request, struct reply *reply, const char *name, struct str *ret) {
    const struct query *query = &request->query;
    const struct str *found = NULL;

    for (size_t i = 0; i < query->count; i++) {
        if (!str_equal(query->list[i].name, str_of(name))) {
            continue;
        }
        if (found) {
            reply_field(reply, name, "is given twice");
            return;
        }
        found = &query->list[i].value;
    }
    if (found && !found->data) {
        reply_field(reply, name, "must be percent-encoded UTF-8 without NUL");
    } else if (found) {
        *ret = *found;
    }
}

void query_int(struct request *request, struct reply *reply, const char *name, int64_t *ret) {
    struct str text = {0};

    query_text(request, reply, name, &text);
    if (!text.data) {
        return;
    }
    if (text.len == 1 && text.data[0] == '0') {
        *ret = 0;
    } else if (!str_id(text, ret)) {
        reply_field(reply, name, "must be a decimal number");
    }
}

/* More digits than fit are a number all the same, and clamped as one. */
int query_limit(struct request *request, struct reply *reply) {
    struct str text = {0};
    int64_t limit = LIMIT_MAX;

    query_text(request, reply, "limit", &text);
    if (!text.data) {
        return LIMIT_DEFAULT;
    }
    if (text.len == 0 || strspn(text.data, "0123456789") != text.len) {
        reply_field(reply, "limit", "must be a decimal number");
        return LIMIT_DEFAULT;
    }
    size_t zeros = strspn(text.data, "0");
    if (zeros == text.len) {
        return 1;
    }
    if (!str_id((struct str){text.data + zeros, text.len - zeros}, &limit)) {
        return LIMIT_MAX;
    }
    return limit > LIMIT_MAX ? LIMIT_MAX : (int)limit;
}

void buf_json_id(struct buf *buf, int64_t id) {
    buf_add(buf, "\"", 1);
    buf_int(buf, id);
    buf_add(buf, "\"", 1);
}
