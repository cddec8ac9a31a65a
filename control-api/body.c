#include "body.h"

#include <strings.h>

/* Looked at before the parser, which goes down by recursion on the connection's thread. */
static bool too_deep(struct str text) {
    bool quoted = false;
    int depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        switch (text.data[i]) {
        case '"':
            quoted = !quoted;
            break;
        case '\\':
            i += quoted;
            break;
        case '{':
        case '[':
            depth += !quoted;
            break;
        case '}':
        case ']':
            depth -= !quoted;
            break;
        default:
            break;
        }
        if (depth > BODY_DEPTH_MAX) {
            return true;
        }
    }
    return false;
}

static const char *reason(const json_error_t *error) {
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        return "The body has a member twice";
    case json_error_invalid_utf8:
        return "The body is not UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "The body has a NUL in it";
    case json_error_numeric_overflow:
        return "The body has a number that is too large";
    default:
        return "The body is not JSON";
    }
}

enum hum_status body_parse(struct str text, json_t **ret_body, const char **ret_detail) {
    json_error_t error;

    if (text.len == 0) {
        *ret_detail = "The body is empty; it must be a JSON object";
        return HUM_INVALID_REQUEST;
    }
    if (too_deep(text)) {
        *ret_detail = "The body is nested too deeply";
        return HUM_INVALID_REQUEST;
    }
    json_t *body = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &error);
    if (!body) {
        *ret_detail = reason(&error);
        return HUM_INVALID_REQUEST;
    }
    if (!json_is_object(body)) {
        json_decref(body);
        *ret_detail = "The body must be a JSON object";
        return HUM_INVALID_REQUEST;
    }
    *ret_body = body;
    return HUM_OK;
}

bool body_is_json(const char *content_type) {
    static const char json[] = "application/json";

    if (!content_type || strncasecmp(content_type, json, sizeof json - 1) != 0) {
        return false;
    }
    content_type += sizeof json - 1;
    content_type += strspn(content_type, " \t");
    return *content_type == '\0' || *content_type == ';';
}
