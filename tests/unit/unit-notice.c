/* Texts of notifications. */
#include "unit.h"

#include "notice.h"

static const struct {
    const char *text;
    struct notice notice;
} good[] = {
    {"user 5", {.kind = NOTICE_USER, .user = 5}},
    {"user 9223372036854775807", {.kind = NOTICE_USER, .user = INT64_MAX}},
    {"session 5 6", {.kind = NOTICE_SESSION, .user = 5, .other = 6}},
    {"friend 5 6 1", {.kind = NOTICE_FRIEND, .user = 5, .other = 6, .friends = true}},
    {"friend 5 6 0", {.kind = NOTICE_FRIEND, .user = 5, .other = 6}},
    {"read 5 7 8", {.kind = NOTICE_READ, .user = 5, .right = {.room = 7, .last_seq = 8}}},
    {"room 7 8", {.kind = NOTICE_ROOM, .right = {.room = 7, .last_seq = 8}}},
    {"room 7 0", {.kind = NOTICE_ROOM, .right = {.room = 7, .last_seq = 0}}},
    {"gone 7", {.kind = NOTICE_GONE, .right = {.room = 7}}},
    {"access 5 7 dm 3 8 0",
     {.kind = NOTICE_ACCESS,
      .user = 5,
      .right = {.room = 7, .last_seq = 8, .kind = ROOM_DM, .rights = 3}}},
    {"access 5 7 server 1 0 0",
     {.kind = NOTICE_ACCESS,
      .user = 5,
      .right = {.room = 7, .last_seq = 0, .kind = ROOM_SERVER, .rights = 1}}},
    {"access 5 7 channel 0 12 0",
     {.kind = NOTICE_ACCESS,
      .user = 5,
      .right = {.room = 7, .last_seq = 12, .kind = ROOM_CHANNEL, .rights = 0}}},
    {"access 5 5 inbox 2 9223372036854775807 0",
     {.kind = NOTICE_ACCESS,
      .user = 5,
      .right = {.room = 5, .last_seq = INT64_MAX, .kind = ROOM_INBOX, .rights = 2}}},
};

static const char *const bad[] = {
    "",
    " ",
    "user",
    "user ",
    "user  5",
    " user 5",
    "user 5 ",
    "user 5 6",
    "user 0",
    "user -5",
    "user x",
    "user 05",
    "User 5",
    "users 5",
    "user\t5",
    "user 5\n",
    "user 9223372036854775808",
    "session",
    "session 5",
    "session 5 ",
    "session 5 0",
    "session 0 5",
    "session 5 6 7",
    "session 5 x",
    "room",
    "room 7",
    "room 0 8",
    "room 7 -1",
    "room 7 00",
    "room 7 8 9",
    "room 7 x",
    "room 7 9223372036854775808",
    "friend",
    "friend 5 6",
    "friend 5 6 2",
    "friend 5 6 01",
    "friend 5 6 -1",
    "friend 5 6 true",
    "friend 5 0 1",
    "friend 0 6 1",
    "friend 5 6 1 1",
    "friend 5 6 ",
    "read 5 7",
    "read 0 7 8",
    "read 5 0 8",
    "read 5 7 -8",
    "read 5 7 8 9",
    "access",
    "access 5",
    "access 5 7 dm 3",
    "access 5 7 dm 3 8",
    "access 5 7 dm 3 8 -1",
    "access 5 7 dm 3 8 9 1",
    "access 5 7 dm 3 8 9 10 11 12",
    "access 5 7 dm 4 8 0",
    "access 5 7 dm 255 8 0",
    "access 5 7 dm 259 8 0",
    "access 5 7 dm -1 8 0",
    "access 5 7 dm x 8 0",
    "access 5 7 DM 3 8 0",
    "access 5 7 d 3 8 0",
    "access 5 7 dmx 3 8 0",
    "access 5 7 1 3 8 0",
    "access 5 7  3 8 0",
    "access 0 7 dm 3 8 0",
    "access 5 0 dm 3 8 0",
    "access 5 7 dm 3 -8 0",
    "access 5 7 dm 3 08 0",
    "reload",
    "1 2 3 4 5 6",
    "     ",
    "user 5;session 5 6",
    "\xc3\xa4 5",
};

static bool parse(const char *text, size_t len, struct notice *notice) {
    struct str copy = exact_bytes(text, len);
    struct notice before;

    memset(&before, 0x5a, sizeof before);
    *notice = before;
    bool ok = notice_parse(copy, notice);
    if (!ok) {
        assert_memory_equal(notice, &before, sizeof before);
    }
    exact_free(copy);
    return ok;
}

static void test_notices(void **state) {
    struct notice notice;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(parse(good[i].text, strlen(good[i].text), &notice));
        assert_int_equal(notice.kind, good[i].notice.kind);
        assert_int_equal(notice.user, good[i].notice.user);
        assert_int_equal(notice.other, good[i].notice.other);
        assert_int_equal(notice.friends, good[i].notice.friends);
        assert_int_equal(notice.right.room, good[i].notice.right.room);
        assert_int_equal(notice.right.last_seq, good[i].notice.right.last_seq);
        assert_int_equal(notice.right.kind, good[i].notice.right.kind);
        assert_int_equal(notice.right.rights, good[i].notice.right.rights);
    }
}

static void test_others(void **state) {
    struct notice notice;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (parse(bad[i], strlen(bad[i]), &notice)) {
            fail_msg("'%s' is taken", bad[i]);
        }
    }
    assert_false(parse("user 5\0", 7, &notice));
}

/* Cut and changed: what is still taken has only values that exist. */
static void test_garbage(void **state) {
    (void)state;
    for (int i = 0; i < 50000; i++) {
        const char *from = good[dice(COUNT(good))].text;
        struct notice notice;
        char text[64];
        size_t len = (size_t)dice(strlen(from) + 1);

        memcpy(text, from, len);
        for (uint64_t changes = len ? dice(4) : 0; changes > 0; changes--) {
            text[dice(len)] = (char)(dice(2) ? (uint64_t) " 0123456789"[dice(11)] : dice(256));
        }
        if (parse(text, len, &notice)) {
            assert_true(notice.kind == NOTICE_ROOM || notice.kind == NOTICE_GONE ||
                        notice.user > 0);
            assert_true(notice.kind != NOTICE_ACCESS || room_kind_name(notice.right.kind));
            assert_true(notice.right.rights <= (ACCESS_READ | ACCESS_SEND));
            assert_true(notice.right.last_seq >= 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notices),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
