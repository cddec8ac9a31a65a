/* What other people write, on its way to a terminal. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../chat/clean.h"

static void becomes(const char *text, enum clean_for whom, const char *wanted) {
    char *clean = clean_text(text, whom);
    assert_string_equal(clean, wanted);
    free(clean);
}

static void plain_text_stays(void **state) {
    static const char *const texts[] = {"", "hello", "Привет", "日本 👩‍👩‍👧 e\u0301",
                                        "100 % \"q\" <b>"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        becomes(texts[i], CLEAN_TERMINAL, texts[i]);
        becomes(texts[i], CLEAN_SCRIPT, texts[i]);
    }
}

static void control_characters_are_pictures(void **state) {
    (void)state;
    becomes("\033[2J\007\b\r\177", CLEAN_TERMINAL, "␛[2J␇␈␍␡");
    becomes("\xc2\x9b[31m\xc2\x85", CLEAN_TERMINAL, "�[31m�");
    becomes("a\tb", CLEAN_TERMINAL, "a b");
}

static void breaks_stay_in_their_place(void **state) {
    (void)state;
    becomes("a\nb\r\nc\u2028d\u2029e", CLEAN_TERMINAL, "a\n      b\n      c\n      d\n      e");
    becomes("a\nb\r\nc\u2028d\\n", CLEAN_SCRIPT, "a\\nb\\nc\\nd\\\\n");
}

static void directions_stay_inside(void **state) {
    (void)state;
    becomes("a\u202eb\u2066c\u200fd\u061ce\ufefff", CLEAN_TERMINAL, "abcdef");
    becomes("שלום", CLEAN_TERMINAL, "\u2068שלום\u2069");
    becomes("\u2069\u2069שלום", CLEAN_TERMINAL, "\u2068שלום\u2069");
    becomes("שלום", CLEAN_SCRIPT, "שלום");
}

static void what_is_no_utf8_is_marked(void **state) {
    (void)state;
    becomes("\xff\xc0\x80\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82", CLEAN_TERMINAL, "������|����|��");
    becomes("\xf0\x9f\x98", CLEAN_SCRIPT, "���");
    becomes("\xc3(", CLEAN_TERMINAL, "�(");
}

static void marks_do_not_pile_up(void **state) {
    char text[1 + 2 * 200 + 1] = "e";
    (void)state;
    for (size_t i = 0; i < 200; i++)
        memcpy(text + 1 + 2 * i, "\u0301", 3);
    becomes(text, CLEAN_TERMINAL, "e\u0301\u0301\u0301\u0301\u0301\u0301");
}

/* Whatever bytes: the room that was made suffices (AddressSanitizer looks), and nothing of it can
 * steer a terminal. */
static void any_bytes(void **state) {
    static const char pieces[] = "\n\r\t\033\\a\xff\xc2\xe2\x80\xa8\xae\xf0\x9f\xd7\x90\x01\x7f";
    uint32_t random = 1;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[40];
        size_t length = (size_t)round % sizeof text;
        for (size_t i = 0; i < length; i++) {
            random = random * 1664525 + 1013904223;
            text[i] = pieces[(random >> 16) % (sizeof pieces - 1)];
        }
        text[length < sizeof text ? length : sizeof text - 1] = '\0';
        char *clean = clean_text(text, round % 2 ? CLEAN_SCRIPT : CLEAN_TERMINAL);
        for (const char *at = clean; *at != '\0'; at++)
            assert_true((unsigned char)*at >= 0x20 || (*at == '\n' && round % 2 == 0));
        free(clean);
    }
}

static void a_script_gets_back_what_it_said(void **state) {
    static const char *const texts[] = {"a\nb", "a\\nb", "\\", "\\\\n", "plain", "\n\n\\"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *clean = clean_text(texts[i], CLEAN_SCRIPT);
        clean_unescape(clean);
        assert_string_equal(clean, texts[i]);
        free(clean);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays),
        cmocka_unit_test(control_characters_are_pictures),
        cmocka_unit_test(breaks_stay_in_their_place),
        cmocka_unit_test(directions_stay_inside),
        cmocka_unit_test(what_is_no_utf8_is_marked),
        cmocka_unit_test(marks_do_not_pile_up),
        cmocka_unit_test(any_bytes),
        cmocka_unit_test(a_script_gets_back_what_it_said),
    };
    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
