#include "notice.h"

enum { WORDS_MAX = 6 };

static size_t split(struct str text, struct str words[WORDS_MAX]) {
    const char *end = text.data + text.len;
    size_t count = 0;

    for (const char *start = text.data;; start++) {
        const char *space = memchr(start, ' ', (size_t)(end - start));

        if (count == WORDS_MAX) {
            return 0;
        }
        words[count++] = (struct str){start, (size_t)((space ? space : end) - start)};
        if (!space) {
            return count;
        }
        start = space;
    }
}

static bool is(struct str word, const char *text) { return str_equal(word, str_of(text)); }

/* Like an id, but 0 is one, too: the last number of an empty room. */
static bool number(struct str word, int64_t *ret_number) {
    if (is(word, "0")) {
        *ret_number = 0;
        return true;
    }
    return str_id(word, ret_number);
}

static bool kind_of(struct str word, uint8_t *ret_kind) {
    for (int kind = ROOM_DM; kind <= ROOM_INBOX; kind++) {
        if (is(word, room_kind_name(kind))) {
            *ret_kind = (uint8_t)kind;
            return true;
        }
    }
    return false;
}

static bool parse_access(const struct str *words, struct notice *notice) {
    int64_t rights;

    if (!str_id(words[1], &notice->user) || !str_id(words[2], &notice->right.room) ||
        !kind_of(words[3], &notice->right.kind) || !number(words[4], &rights) ||
        rights > (ACCESS_READ | ACCESS_SEND) || !number(words[5], &notice->right.last_seq)) {
        return false;
    }
    notice->right.rights = (uint8_t)rights;
    return true;
}

bool notice_parse(struct str text, struct notice *ret_notice) {
    struct str words[WORDS_MAX];
    struct notice notice = {0};
    size_t count = split(text, words);
    bool ok = false;

    if (count == 2 && is(words[0], "user")) {
        notice.kind = NOTICE_USER;
        ok = str_id(words[1], &notice.user);
    } else if (count == 3 && is(words[0], "session")) {
        notice.kind = NOTICE_SESSION;
        ok = str_id(words[1], &notice.user) && str_id(words[2], &notice.session);
    } else if (count == 3 && is(words[0], "room")) {
        notice.kind = NOTICE_ROOM;
        ok = str_id(words[1], &notice.right.room) && number(words[2], &notice.right.last_seq);
    } else if (count == 6 && is(words[0], "access")) {
        notice.kind = NOTICE_ACCESS;
        ok = parse_access(words, &notice);
    }
    if (ok) {
        *ret_notice = notice;
    }
    return ok;
}
