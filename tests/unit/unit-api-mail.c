/* Mails: the tokens of their links, and their texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdlib.h>

#include "domain/mails.h"
#include "mail/letter.h"

static struct keys some_keys(size_t count) {
    struct keys keys = {.count = count};

    for (size_t i = 0; i < count; i++) {
        keys.list[i].kid[0] = (char)('a' + i);
        randombytes_buf(keys.list[i].bytes, KEY_LEN);
    }
    return keys;
}

static void test_token_round(void **state) {
    struct keys keys = some_keys(KEY_MAX), old = keys, other = some_keys(1);
    unsigned char seed[MAIL_SEED_LEN], other_seed[MAIL_SEED_LEN];
    char text[MAIL_TOKEN_MAX], again[MAIL_TOKEN_MAX];
    struct mail_token token;

    (void)state;
    old.count = 1;
    randombytes_buf(seed, sizeof seed);
    randombytes_buf(other_seed, sizeof other_seed);
    mail_token_make(&keys, INT64_MAX, MAIL_FOR_RESET, seed, text);
    mail_token_make(&keys, INT64_MAX, MAIL_FOR_RESET, seed, again);
    assert_string_equal(text, again);
    assert_int_equal(
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
        strlen(text));
    assert_true(mail_token_parse(str_of(text), &token));
    assert_true(token.id == INT64_MAX);
    assert_true(mail_token_genuine(&keys, &token, MAIL_FOR_RESET, seed));
    assert_false(mail_token_genuine(&keys, &token, MAIL_FOR_VERIFY, seed));
    assert_false(mail_token_genuine(&keys, &token, MAIL_FOR_RESET, other_seed));
    assert_false(mail_token_genuine(&other, &token, MAIL_FOR_RESET, seed));
    assert_false(mail_token_genuine(&old, &token, MAIL_FOR_RESET, seed)); /* the newest signs */

    mail_token_make(&old, 5, MAIL_FOR_VERIFY, seed, text);
    assert_true(mail_token_parse(str_of(text), &token));
    assert_true(mail_token_genuine(&keys, &token, MAIL_FOR_VERIFY, seed)); /* and all verify */
}

/* No character of a token can be changed, none be left out or put in. */
static void test_token_bits(void **state) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct keys keys = some_keys(2);
    unsigned char seed[MAIL_SEED_LEN] = {7};
    char text[MAIL_TOKEN_MAX + 1] = "";
    struct mail_token token;

    (void)state;
    mail_token_make(&keys, 382459436532236288, MAIL_FOR_CHANGE, seed, text);
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        char right = text[i];
        for (const char *at = alphabet; *at; at++) {
            text[i] = *at;
            bool good = mail_token_parse((struct str){text, len}, &token) &&
                        mail_token_genuine(&keys, &token, MAIL_FOR_CHANGE, seed);
            assert_true(good == (*at == right));
        }
        text[i] = right;
        assert_false(mail_token_parse((struct str){text, i}, &token));
    }
    text[len] = 'A';
    assert_false(mail_token_parse((struct str){text, len + 1}, &token));
}

static void test_no_tokens(void **state) {
    static const char *const texts[] = {"", "A", "=", " ",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ",
                                        /* an id below 0 */
                                        "_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                        /* bits that stand for nothing */
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"};
    struct mail_token token;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(mail_token_parse(str_of(texts[i]), &token));
    }
    assert_true(
        mail_token_parse(str_of("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &token));
}

static struct letter some_letter(enum mail_kind kind) {
    return (struct letter){
        .kind = kind,
        .id = 12345,
        .at = 951782400, /* 29 February 2000 */
        .from = str_of("hum@example.org"),
        .to = str_of("alice@example.net"),
        .public_url = "https://chat.example.org",
        .token = mail_purpose_of(kind) == MAIL_FOR_NOTHING ? "" : "TOKEN",
    };
}

/* Its text, to be freed; NULL: it was refused. */
static char *write_letter(const struct letter *letter) {
    struct buf out;

    buf_init(&out, LETTER_MAX);
    enum hum_status status = letter_write(&out, letter);
    assert_true(status == HUM_OK || status == HUM_INVALID_REQUEST);
    buf_add(&out, "", 1);
    if (status != HUM_OK) {
        buf_free(&out);
        return NULL;
    }
    return out.data;
}

static void test_letter(void **state) {
    static const char head[] = "Date: Tue, 29 Feb 2000 00:00:00 +0000\r\n"
                               "From: Hum <hum@example.org>\r\n"
                               "To: <alice@example.net>\r\n"
                               "Subject: A new password\r\n"
                               "Message-ID: <hum.12345@example.org>\r\n"
                               "Auto-Submitted: auto-generated\r\n"
                               "MIME-Version: 1.0\r\n"
                               "Content-Type: text/plain; charset=us-ascii\r\n"
                               "Content-Transfer-Encoding: 7bit\r\n"
                               "\r\n"
                               "Hello,\r\n";
    struct letter letter = some_letter(MAIL_RESET);
    char *text = write_letter(&letter);

    (void)state;
    assert_non_null(text);
    assert_memory_equal(text, head, sizeof head - 1);
    assert_non_null(strstr(text, "\r\n\r\nhttps://chat.example.org/reset#token=TOKEN\r\n\r\n"));
    free(text);
}

/* Lines as RFC 5322 has them, ASCII, and the link once, if there is one. */
static void test_letters_of_all_kinds(void **state) {
    (void)state;
    for (int kind = MAIL_VERIFY; kind < MAIL_KIND_END; kind++) {
        struct letter letter = some_letter((enum mail_kind)kind);
        char *text = write_letter(&letter);

        assert_non_null(text);
        for (const char *at = text; *at; at++) {
            assert_true((*at >= ' ' && *at <= '~') || (*at == '\r' && at[1] == '\n') ||
                        (*at == '\n' && at > text && at[-1] == '\r'));
        }
        for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
            assert_true(strcspn(line, "\r") <= 90);
        }
        const char *link = strstr(text, "#token=TOKEN");
        assert_true((link != NULL) == (*letter.token != '\0'));
        assert_true(!link || !strstr(link + 1, "#token="));
        assert_string_not_equal(letter_kind_name((enum mail_kind)kind), "unknown");
        free(text);
    }
}

static void assert_refused(struct letter letter) { assert_null(write_letter(&letter)); }

/* Nothing gets into a mail that could begin a line of its own. */
static void test_letters_that_are_refused(void **state) {
    static const char *const bad[] = {"",      "a@b\r\nBcc: c@d", "a@b\n",      "a@b\r",  "a@b\t",
                                      "a b@c", "a@b\x7f",         "\xc3\xa4@b", "a@b\x01"};
    struct letter letter = some_letter(MAIL_VERIFY);
    char url[LETTER_URL_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        letter.to = str_of(bad[i]);
        assert_refused(letter);
        letter = some_letter(MAIL_VERIFY);
        letter.from = str_of(bad[i]);
        assert_refused(letter);
        letter = some_letter(MAIL_VERIFY);
        letter.public_url = bad[i];
        assert_refused(letter);
        letter = some_letter(MAIL_VERIFY);
        letter.token = bad[i];
        assert_refused(letter);
        letter = some_letter(MAIL_VERIFY);
    }
    letter.to = (struct str){"a@b\0c", 5};
    assert_refused(letter);
    letter = some_letter(MAIL_VERIFY);
    letter.from = str_of("nobody");
    assert_refused(letter);
    letter = some_letter(MAIL_PASSWORD_CHANGED);
    letter.token = "TOKEN";
    assert_refused(letter);
    letter.token = "";
    letter.kind = (enum mail_kind)0;
    assert_refused(letter);
    letter.kind = MAIL_KIND_END;
    assert_refused(letter);
    memset(url, 'x', sizeof url);
    url[sizeof url - 1] = '\0';
    letter = some_letter(MAIL_VERIFY);
    letter.public_url = url;
    assert_refused(letter);
    url[sizeof url - 2] = '\0';
    char *text = write_letter(&letter);
    assert_non_null(text);
    free(text);
}

static void test_pauses(void **state) {
    static const struct {
        int tries, least, most;
    } list[] = {{1, 23, 30},     {2, 46, 60},     {3, 91, 120},         {7, 1441, 1920},
                {8, 2701, 3600}, {9, 2701, 3600}, {1000000, 2701, 3600}};
    bool differ = false;

    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        int first = mails_pause_s(list[i].tries);

        for (int j = 0; j < 1000; j++) {
            int pause = mails_pause_s(list[i].tries);

            assert_in_range(pause, list[i].least, list[i].most);
            differ = differ || pause != first;
        }
    }
    assert_true(differ);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_round),
        cmocka_unit_test(test_token_bits),
        cmocka_unit_test(test_no_tokens),
        cmocka_unit_test(test_letter),
        cmocka_unit_test(test_letters_of_all_kinds),
        cmocka_unit_test(test_letters_that_are_refused),
        cmocka_unit_test(test_pauses),
    };

    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
