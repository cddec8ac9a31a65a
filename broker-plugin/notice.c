#include "notice.h"

enum { WORDS_MAX = 7 };

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
        rights > (ACCESS_READ | ACCESS_SEND) || !number(words[5], &notice->right.last_seq) ||
        !number(words[6], &notice->right.server)) {
        return false;
    }
    notice->right.rights = (uint8_t)rights;
    return true;
}

static bool parse_user(const struct str *words, struct notice *notice) {
    return str_id(words[1], &notice->user);
}

static bool parse_session(const struct str *words, struct notice *notice) {
    return str_id(words[1], &notice->user) && str_id(words[2], &notice->other);
}

static bool parse_friend(const struct str *words, struct notice *notice) {
    notice->friends = is(words[3], "1");
    return parse_session(words, notice) && (notice->friends || is(words[3], "0"));
}

static bool parse_room(const struct str *words, struct notice *notice) {
    return str_id(words[1], &notice->right.room) && number(words[2], &notice->right.last_seq);
}

static bool parse_gone(const struct str *words, struct notice *notice) {
    return str_id(words[1], &notice->right.room);
}

static bool parse_read(const struct str *words, struct notice *notice) {
    return str_id(words[1], &notice->user) && parse_room(words + 1, notice);
}

static const struct form {
    const char *word;
    size_t words;
    enum notice_kind kind;
    bool (*parse)(const struct str *words, struct notice *notice);
} forms[] = {
    {"user", 2, NOTICE_USER, parse_user},       {"session", 3, NOTICE_SESSION, parse_session},
    {"access", 7, NOTICE_ACCESS, parse_access}, {"friend", 4, NOTICE_FRIEND, parse_friend},
    {"room", 3, NOTICE_ROOM, parse_room},       {"gone", 2, NOTICE_GONE, parse_gone},
    {"read", 4, NOTICE_READ, parse_read},
};

bool notice_parse(struct str text, struct notice *ret_notice) {
    struct str words[WORDS_MAX];
    size_t count = split(text, words);

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct notice notice = {.kind = forms[i].kind};

        if (count == forms[i].words && is(words[0], forms[i].word)) {
            if (!forms[i].parse(words, &notice)) {
                return false;
            }
            *ret_notice = notice;
            return true;
        }
    }
    return false;
}
