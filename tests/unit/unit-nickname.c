/* Nicknames: what is one, and which are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "nickname.h"

static const struct {
    const char *typed;
    const char *display; /* NULL: refused */
    const char *key;
} cases[] = {
    {"alice", "alice", "alice"},
    {"Alice", "Alice", "alice"},
    {"juliet@example.com", "juliet@example.com", "juliet@example.com"}, /* RFC 8265, 3.5 */
    {"fussball", "fussball", "fussball"},
    {"fu\u00dfball", "fu\u00dfball", "fu\u00dfball"},
    {"\u03c0\u03a3", "\u03c0\u03a3", "\u03c0\u03c3"},
    {"\u03c0\u03c2", "\u03c0\u03c2", "\u03c0\u03c3"},
    {"\u03a3\u03c0", "\u03a3\u03c0", "\u03c3\u03c0"},
    {"<&\"'%_\\", "<&\"'%_\\", "<&\"'%_\\"},
    {"Zoe\u0308", "Zo\u00eb", "zo\u00eb"},                                         /* NFC */
    {"ZO\u00cb", "ZO\u00cb", "zo\u00eb"},                                          /* the same */
    {"\uff21\uff4c\uff49\uff43\uff45", "\uff21\uff4c\uff49\uff43\uff45", "alice"}, /* fullwidth */
    {"\uff76\uff9e\uff76", "\uff76\uff9e\uff76", "\u30ac\u30ab"}, /* halfwidth Katakana */
    {"\u0130x", "\u0130x", "i\u0307x"},                           /* I with a dot */
    {"l\u00b7l", "l\u00b7l", "l\u00b7l"},                         /* Catalan */
    {"L\u00b7L", "L\u00b7L", "l\u00b7l"},
    {"\u0645\u062d\u0645\u062f", "\u0645\u062d\u0645\u062f", "\u0645\u062d\u0645\u062f"},
    {"\u05d0\u05d1"
     "12",
     "\u05d0\u05d1"
     "12",
     "\u05d0\u05d1"
     "12"},
    {"\u05d2\u05f3", "\u05d2\u05f3", "\u05d2\u05f3"},
    {"\u30ab\u30fb\u30ab", "\u30ab\u30fb\u30ab", "\u30ab\u30fb\u30ab"},
    {"\ud55c\uae00", "\ud55c\uae00", "\ud55c\uae00"},
    {"\u1112\u1161\u11ab\u1100\u1173\u11af", "\ud55c\uae00", "\ud55c\uae00"}, /* in NFC */
    {"12345678901234567890123456789012", "12345678901234567890123456789012",
     "12345678901234567890123456789012"},

    {"", NULL, NULL},
    {"a", NULL, NULL},
    {"123456789012345678901234567890123", NULL, NULL},
    {"e\u0301", NULL, NULL},      /* one character */
    {"\uff76\uff9e", NULL, NULL}, /* one, in the form that is compared */
    {"al ice", NULL, NULL},       /* spaces */
    {" alice", NULL, NULL},
    {"al\u00a0ice", NULL, NULL},
    {"al\u3000ice", NULL, NULL},
    {"al\tice", NULL, NULL}, /* control characters */
    {"al\nice", NULL, NULL},
    {"al\x7fice", NULL, NULL},
    {"al\xc2\x85"
     "ice",
     NULL, NULL},
    {"al\u00adice", NULL, NULL}, /* invisible ones */
    {"al\u034fice", NULL, NULL},
    {"al\u115fice", NULL, NULL},
    {"al\u200bice", NULL, NULL},
    {"al\u200cice", NULL, NULL},
    {"al\u200dice", NULL, NULL},
    {"al\u2060ice", NULL, NULL},
    {"al\u3164ice", NULL, NULL},
    {"al\uffa0ice", NULL, NULL},
    {"al\ufe0fice", NULL, NULL},
    {"al\ufeffice", NULL, NULL},
    {"al\U000e0041ice", NULL, NULL},
    {"al\u061cice", NULL, NULL}, /* bidi controls */
    {"al\u200eice", NULL, NULL},
    {"al\u200fice", NULL, NULL},
    {"al\u202eice", NULL, NULL},
    {"al\u2066ice", NULL, NULL},
    {"al\u2069ice", NULL, NULL},
    {"king\u265a", NULL, NULL}, /* symbols and punctuation: RFC 8265, 3.5 */
    {"al\U0001f600", NULL, NULL},
    {"al\u2014ice", NULL, NULL},
    {"al\u20acice", NULL, NULL},
    {"al\ufffdice", NULL, NULL},
    {"henry\u2163", NULL, NULL}, /* compatibility forms */
    {"a\u017f", NULL, NULL},
    {"a\ufb01", NULL, NULL},
    {"a\U0001d41a", NULL, NULL},
    {"a\u03f4", NULL, NULL},
    {"a\u1f88", NULL, NULL}, /* title case */
    {"a\u2460", NULL, NULL},
    {"a\u0640", NULL, NULL}, /* exceptions */
    {"a\u302e", NULL, NULL},
    {"ab\u00b7c", NULL, NULL}, /* out of context */
    {"a\u0375", NULL, NULL},
    {"a\u05f3", NULL, NULL},
    {"a\u30fb", NULL, NULL},
    {"\u0628\u0661\u06f1", NULL, NULL},
    {"\u0301ab", NULL, NULL}, /* a mark in front */
    {"a\u05d0", NULL, NULL},  /* the Bidi Rule: 5, 1, 2, 3, 4 */
    {"1\u05d0", NULL, NULL},
    {"\u05d0"
     "a\u05d0",
     NULL, NULL},
    {"\u05d0-", NULL, NULL},
    {"\u0628"
     "1\u0661\u0628",
     NULL, NULL},
    {"a\ue000", NULL, NULL}, /* private, unassigned, no character */
    {"a\u0378", NULL, NULL},
    {"a\uffff", NULL, NULL},
    {"a\xff", NULL, NULL}, /* no UTF-8 */
    {"a\xc0\xaf", NULL, NULL},
    {"a\xed\xa0\x80", NULL, NULL},
    {"ab\xe2\x80", NULL, NULL},
};

static void test_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nickname display = {"-", 1}, key = {"-", 1};
        const char *why = NULL;
        enum hum_status status = nickname_prepare(str_of(cases[i].typed), &display, &key, &why);

        if ((status == HUM_OK) != (cases[i].display != NULL)) {
            fail_msg("%s: %s", cases[i].typed, status == HUM_OK ? "taken" : why);
        }
        assert_string_equal(display.text, cases[i].display ? cases[i].display : "-");
        assert_string_equal(key.text, cases[i].key ? cases[i].key : "-");
        assert_int_equal(key.len, strlen(key.text));
        assert_true((why == NULL) == (status == HUM_OK));
    }
}

/* Both forms are fixed points: a form prepared again stays as it is. */
static void test_stable(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nickname display, key, again, again_key;

        if (nickname_prepare(str_of(cases[i].typed), &display, &key, NULL) == HUM_OK) {
            assert_int_equal(nickname_prepare(nickname_str(&display), &again, &again_key, NULL),
                             HUM_OK);
            assert_string_equal(again.text, display.text);
            assert_string_equal(again_key.text, key.text);
            assert_int_equal(nickname_prepare(nickname_str(&key), &again, &again_key, NULL),
                             HUM_OK);
            assert_string_equal(again.text, key.text);
            assert_string_equal(again_key.text, key.text);
        }
    }
}

static void test_nul_and_size(void **state) {
    struct nickname display, key;
    static char large[100000];

    (void)state;
    assert_int_equal(nickname_prepare((struct str){"al\0ice", 6}, &display, &key, NULL),
                     HUM_INVALID_REQUEST);
    assert_int_equal(nickname_prepare((struct str){NULL, 0}, &display, &key, NULL),
                     HUM_INVALID_REQUEST);
    memset(large, 'a', sizeof large);
    assert_int_equal(nickname_prepare((struct str){large, sizeof large}, &display, &key, NULL),
                     HUM_INVALID_REQUEST);
    assert_int_equal(nickname_prefix((struct str){large, sizeof large}, &key), HUM_NOT_FOUND);
    /* What decomposes into three, at the limit of the length. */
    for (size_t i = 0; i + 1 < sizeof large; i += 2) {
        memcpy(large + i, "\u0390", 2);
    }
    assert_int_equal(nickname_prepare((struct str){large, 64}, &display, &key, NULL), HUM_OK);
    assert_int_equal(nickname_prepare((struct str){large, 66}, &display, &key, NULL),
                     HUM_INVALID_REQUEST);
}

static void test_prefix(void **state) {
    static const struct {
        const char *typed;
        enum hum_status status;
        const char *key;
    } prefixes[] = {
        {"a", HUM_OK, "a"},
        {"AL", HUM_OK, "al"},
        {"\uff21", HUM_OK, "a"},
        {"\u03c0\u03a3", HUM_OK, "\u03c0\u03c3"},
        {"%", HUM_OK, "%"},
        {"\u05d0-", HUM_OK, "\u05d0-"}, /* may go on in a way that the Bidi Rule allows */
        {"l\u00b7", HUM_OK, "l\u00b7"},
        {"", HUM_INVALID_REQUEST, NULL},
        {"\xff", HUM_INVALID_REQUEST, NULL},
        {"a b", HUM_NOT_FOUND, NULL},
        {"\u200b", HUM_NOT_FOUND, NULL},
        {"123456789012345678901234567890123", HUM_NOT_FOUND, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        struct nickname key;

        assert_int_equal(nickname_prefix(str_of(prefixes[i].typed), &key), prefixes[i].status);
        if (prefixes[i].key) {
            assert_string_equal(key.text, prefixes[i].key);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_stable),
        cmocka_unit_test(test_nul_and_size),
        cmocka_unit_test(test_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
