#include "message.h"

#include <string.h>

static const char *const texts[] = {
    "Are you still coming tonight? We wanted to eat at half past 7",
    "I left the keys with the neighbours, the bell is the upper one",
    "That was \\\"only\\\" the third time this week, but who counts them",
    "Caf\xc3\xa9 at the corner, the one with the blue chairs, in 20 minutes",
    "Did you see what they wrote about the new bridge? Unbelievable",
    "ok, then I take the later train and we meet at the usual place",
    "Happy birthday!! \xf0\x9f\x8e\x82 May the new year be kinder than the last was",
    "The second build is green again, it was the time zone after all",
};

struct text {
    char *at;
};

static void add(struct text *text, const char *bytes, size_t len) {
    memcpy(text->at, bytes, len);
    text->at += len;
}

static void add_number(struct text *text, uint64_t number) {
    char digits[20];
    size_t first = sizeof(digits);
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add(text, digits + first, sizeof(digits) - first);
}

size_t message_write(char dst[MESSAGE_CAP], const char *tag, size_t sender, uint64_t n) {
    const char *words = texts[n % (sizeof(texts) / sizeof(texts[0]))];
    struct text text = {dst};
    add(&text, "{\"nonce\":\"", 10);
    add(&text, tag, strlen(tag));
    add(&text, "-", 1);
    add_number(&text, sender);
    add(&text, "-", 1);
    add_number(&text, n);
    add(&text, "\",\"text\":\"", 10);
    add(&text, words, strlen(words));
    add(&text, "\"}", 2);
    return (size_t)(text.at - dst);
}

/* What is left to read. A failed read leaves it anywhere, for nothing is read after it. */
struct cursor {
    const char *at;
    const char *end;
};

static void skip_space(struct cursor *in) {
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
        in->at++;
}

static bool take(struct cursor *in, char expected) {
    skip_space(in);
    if (in->at == in->end || *in->at != expected)
        return false;
    in->at++;
    return true;
}

/* `string` becomes what stands between the quotes, escapes left as they are. */
static bool take_string(struct cursor *in, struct cursor *string) {
    if (!take(in, '"'))
        return false;
    string->at = in->at;
    while (in->at < in->end && *in->at != '"') {
        if (*in->at == '\\' && in->end - in->at > 1)
            in->at++;
        in->at++;
    }
    if (in->at == in->end)
        return false;
    string->end = in->at++;
    return true;
}

static bool take_number(struct cursor *in, uint64_t *number) {
    const char *first = in->at;
    uint64_t value = 0;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
        value = value * 10 + (uint64_t)(*in->at++ - '0');
    *number = value;
    return in->at > first;
}

/* Any value; objects and lists by counting brackets outside strings. */
static bool skip_value(struct cursor *in) {
    unsigned depth = 0;
    skip_space(in);
    while (in->at < in->end) {
        char c = *in->at;
        if (depth == 0 && (c == ',' || c == '}'))
            return true;
        if (c == '"') {
            struct cursor ignored;
            if (!take_string(in, &ignored))
                return false;
            continue;
        }
        if (c == '{' || c == '[')
            depth++;
        if (c == '}' || c == ']')
            depth--;
        in->at++;
    }
    return false;
}

static bool is_key(const struct cursor *key, const char *name) {
    size_t len = strlen(name);
    return (size_t)(key->end - key->at) == len && memcmp(key->at, name, len) == 0;
}

static bool read_nonce(struct cursor nonce, const char *tag, struct echo *echo) {
    size_t tag_len = strlen(tag);
    uint64_t sender;
    if ((size_t)(nonce.end - nonce.at) < tag_len || memcmp(nonce.at, tag, tag_len) != 0)
        return false;
    nonce.at += tag_len;
    if (!take(&nonce, '-') || !take_number(&nonce, &sender) || !take(&nonce, '-') ||
        !take_number(&nonce, &echo->n))
        return false;
    echo->sender = (size_t)sender;
    return nonce.at == nonce.end;
}

bool message_read(const char *json, size_t len, const char *tag, struct echo *echo) {
    struct cursor in = {json, json + len};
    bool known = false;
    echo->seq = 0;
    if (!take(&in, '{'))
        return false;
    do {
        struct cursor key;
        struct cursor nonce;
        bool whole = take_string(&in, &key) && take(&in, ':');
        skip_space(&in);
        if (whole && is_key(&key, "nonce"))
            whole = known = take_string(&in, &nonce) && read_nonce(nonce, tag, echo);
        else if (whole && is_key(&key, "seq"))
            whole = take_number(&in, &echo->seq);
        else if (whole)
            whole = skip_value(&in);
        if (!whole)
            return false;
    } while (take(&in, ','));
    return known && take(&in, '}');
}
