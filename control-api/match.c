#include "match.h"

static const char id_segment[] = "{id}";

/* Places for anything. */
static bool is_free(struct str want) {
    return str_equal(want, str_of("{code}")) || str_equal(want, str_of("{provider}"));
}

static struct str segment_of(const char *at) { return (struct str){at, strcspn(at, "/")}; }

enum match match_path(const char *pattern, const char *path, int64_t *ret_ids) {
    enum match verdict = MATCH_YES;

    while (*pattern == '/' && *path == '/') {
        struct str want = segment_of(++pattern);
        struct str have = segment_of(++path);

        if (str_equal(want, str_of(id_segment))) {
            if (have.len == 0) {
                return MATCH_NO;
            }
            if (!str_id(have, ret_ids++)) {
                verdict = MATCH_BAD_ID;
            }
        } else if (is_free(want) ? have.len == 0 : !str_equal(want, have)) {
            return MATCH_NO;
        }
        pattern += want.len;
        path += have.len;
    }
    return *pattern || *path ? MATCH_NO : verdict;
}

struct str match_segment(const char *path, size_t index) {
    struct str segment = {"", 0};

    for (size_t i = 0; *path == '/'; i++) {
        segment = segment_of(++path);
        if (i == index) {
            return segment;
        }
        path += segment.len;
    }
    return (struct str){"", 0};
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes in place: what comes out is never longer than what goes in. */
static struct str decode(char *text, size_t len) {
    size_t out = 0;

    for (size_t in = 0; in < len; in++) {
        char c = text[in];

        if (c == '%') {
            int high = len - in > 2 ? hex_digit(text[in + 1]) : -1;
            int low = high >= 0 ? hex_digit(text[in + 2]) : -1;

            if (low < 0) {
                return (struct str){0};
            }
            c = (char)(high << 4 | low);
            in += 2;
        } else if (c == '+') {
            c = ' ';
        }
        text[out++] = c;
    }
    text[out] = '\0';
    struct str value = {text, out};
    return str_utf8(value, NULL) ? value : (struct str){0};
}

static void add_pair(struct query *query, char *pair, size_t len) {
    const char *sign = memchr(pair, '=', len);
    size_t name_len = sign ? (size_t)(sign - pair) : len;
    struct str name, value = {"", 0};

    if (sign) {
        value = decode(pair + name_len + 1, len - name_len - 1);
    }
    name = decode(pair, name_len);
    if (name.data && name.len > 0 && query->count < QUERY_MAX) {
        query->list[query->count].name = name;
        query->list[query->count].value = value;
        query->count++;
    }
}

void query_parse(char *text, struct query *ret_query) {
    ret_query->count = 0;
    while (*text) {
        size_t len = strcspn(text, "&");
        bool last = text[len] == '\0';

        add_pair(ret_query, text, len);
        text += last ? len : len + 1;
    }
}
