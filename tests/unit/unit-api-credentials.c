/* What signs people in: addresses, refresh tokens, access tokens, and the memory of verified ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain/email.h"
#include "refresh.h"
#include "tokens.h"
#include "verified.h"

#define TEXT_64 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"

static const struct {
    const char *text;
    bool valid;
} addresses[] = {
    {"alice@example.org", true},
    {"a@b", true},
    {"a.b+c_d-e@ex-ample.co.uk", true},
    {"!#$%&'*+/=?^_`{|}~@x.y", true},
    {TEXT_64 "@x.y", true},
    {TEXT_64 "e@x.y", false},
    {"a@" TEXT_64 ".y", false},
    {"a@" TEXT_64, false},
    {"", false},
    {"@", false},
    {"a", false},
    {"a@", false},
    {"@b", false},
    {"a@b@c", false},
    {"a b@c", false},
    {" a@b", false},
    {"a@b ", false},
    {"a@b\n", false},
    {"a\r\nBcc: x@y", false},
    {"a@.b", false},
    {"a@b.", false},
    {"a@b..c", false},
    {"a@-b", false},
    {"a@b-", false},
    {"a@b_c", false},
    {"\"a\"@b", false},
    {"\xc3\xa9@b", false},
    {"a@\xc3\xa9", false},
};

static void test_addresses(void **state) {
    char longest[300] = "a@";

    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        if (email_valid(str_of(addresses[i].text)) != addresses[i].valid) {
            fail_msg("%s", addresses[i].text);
        }
    }
    for (size_t i = 2; i < 254; i++) {
        longest[i] = i % 2 && i < 253 ? '.' : 'x';
    }
    assert_true(email_valid((struct str){longest, 254}));
    longest[254] = 'x';
    assert_false(email_valid((struct str){longest, 255}));
    assert_false(email_valid((struct str){"a\0@b.c", 6}));
}

static struct keys two_keys(void) {
    struct keys keys = {.count = 2};

    memcpy(keys.list[0].kid, "20240101T000000Z", 17);
    memcpy(keys.list[1].kid, "20250101T000000Z", 17);
    randombytes_buf(keys.list[0].bytes, KEY_LEN);
    randombytes_buf(keys.list[1].bytes, KEY_LEN);
    return keys;
}

static void test_refresh_round(void **state) {
    struct keys keys = two_keys(), old = keys, other = two_keys();
    unsigned char seed[REFRESH_SEED_LEN], other_seed[REFRESH_SEED_LEN];
    char text[REFRESH_TEXT_MAX], again[REFRESH_TEXT_MAX];
    struct refresh refresh;

    (void)state;
    old.count = 1;
    randombytes_buf(seed, sizeof seed);
    randombytes_buf(other_seed, sizeof other_seed);
    refresh_make(&keys, INT64_MAX, INT32_MAX, seed, text);
    refresh_make(&keys, INT64_MAX, INT32_MAX, seed, again);
    assert_string_equal(text, again);
    assert_true(refresh_parse(str_of(text), &refresh));
    assert_true(refresh.session == INT64_MAX && refresh.generation == INT32_MAX);
    assert_true(refresh_genuine(&keys, &refresh, seed));
    assert_false(refresh_genuine(&keys, &refresh, other_seed));
    assert_false(refresh_genuine(&old, &refresh, seed));
    memcpy(other.list[1].kid, "20250102T000000Z", 17);
    assert_false(refresh_genuine(&other, &refresh, seed));

    refresh_make(&old, 5, 1, seed, text);
    assert_true(refresh_parse(str_of(text), &refresh));
    assert_true(refresh_genuine(&keys, &refresh, seed)); /* an older key still verifies */
}

/* No bit of a token can be changed. */
static void test_refresh_bits(void **state) {
    struct keys keys = two_keys();
    unsigned char seed[REFRESH_SEED_LEN] = {1}, bytes[64];
    char text[REFRESH_TEXT_MAX];
    struct refresh refresh;
    size_t len;

    (void)state;
    refresh_make(&keys, 382459436532236288, 7, seed, text);
    assert_int_equal(sodium_base642bin(bytes, sizeof bytes, text, strlen(text), NULL, &len, NULL,
                                       sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        sodium_bin2base64(text, sizeof text, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        assert_false(refresh_parse(str_of(text), &refresh) &&
                     refresh_genuine(&keys, &refresh, seed));
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

static void test_refresh_bad(void **state) {
    static const char *const texts[] = {
        "", "=", "A", "AAAA", "not a token", TEXT_64 TEXT_64, TEXT_64 "==", TEXT_64 "A\n"};
    struct refresh refresh;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(refresh_parse(str_of(texts[i]), &refresh));
    }
}

static void test_refresh_verdicts(void **state) {
    (void)state;
    assert_int_equal(refresh_judge(1, 1), REFRESH_NEXT);
    assert_int_equal(refresh_judge(1, 2), REFRESH_AGAIN);
    assert_int_equal(refresh_judge(1, 3), REFRESH_STOLEN);
    assert_int_equal(refresh_judge(9, 9), REFRESH_NEXT);
    assert_int_equal(refresh_judge(8, 9), REFRESH_AGAIN);
    assert_int_equal(refresh_judge(10, 9), REFRESH_BAD);
    assert_int_equal(refresh_judge(0, 1), REFRESH_BAD);
    assert_int_equal(refresh_judge(INT32_MIN, 1), REFRESH_BAD);
}

/* A folder with keys, and the tokens they make. */
struct fixture {
    char folder[32];
    struct tokens *tokens;
};

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);

    if (!fixture) {
        return -1;
    }
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/hum-unit-XXXXXX");
    if (!mkdtemp(fixture->folder) || tokens_ensure(fixture->folder) != HUM_OK ||
        tokens_ensure(fixture->folder) != HUM_OK ||
        tokens_open(fixture->folder, &fixture->tokens) != HUM_OK) {
        return -1;
    }
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    DIR *dir = opendir(fixture->folder);
    const struct dirent *entry;
    char path[400];

    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", fixture->folder, entry->d_name);
            unlink(path);
        }
    }
    closedir(dir);
    rmdir(fixture->folder);
    tokens_close(fixture->tokens);
    free(fixture);
    return 0;
}

static void test_keys_private(void **state) {
    const struct fixture *fixture = *state;
    DIR *dir = opendir(fixture->folder);
    const struct dirent *entry;
    struct stat stat;
    int files = 0;

    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != '.') {
            assert_int_equal(fstatat(dirfd(dir), entry->d_name, &stat, 0), 0);
            assert_int_equal(stat.st_mode & 0777, 0600);
            files++;
        }
    }
    closedir(dir);
    assert_int_equal(files, 1);
    assert_null(strstr(tokens_jwks(fixture->tokens), "\"d\""));
    assert_non_null(strstr(tokens_jwks(fixture->tokens), "\"alg\":\"ES256\""));
}

static void test_tokens(void **state) {
    const struct fixture *fixture = *state;
    const struct token_claims claims = {7, 8, 2000, 0};
    struct token_claims read = {0};
    char *token = NULL;

    assert_int_equal(tokens_issue(fixture->tokens, &claims, 1000, &token), HUM_OK);
    assert_int_equal(tokens_verify(fixture->tokens, str_of(token), 1999, &read), HUM_OK);
    assert_true(read.user == 7 && read.session == 8 && read.expires_at == 2000);
    assert_int_equal(tokens_verify(fixture->tokens, str_of(token), 2000, &read), HUM_INVALID_TOKEN);
    size_t len = strlen(token) - 1; /* the last character has bits that nobody reads */
    for (size_t i = 0; i < len; i++) {
        char kept = token[i];

        token[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(tokens_verify(fixture->tokens, str_of(token), 1999, &read),
                         HUM_INVALID_TOKEN);
        assert_int_equal(tokens_verify(fixture->tokens, (struct str){token, i}, 1999, &read),
                         HUM_INVALID_TOKEN);
        token[i] = kept;
    }
    free(token);
}

/* The other kind of token, and another server's. */
static void test_foreign_tokens(void **state) {
    const struct fixture *fixture = *state;
    const struct token_claims claims = {7, 8, 2000, 0};
    struct token_claims read = {0};
    struct keys keys = two_keys();
    char *token = NULL;
    void *other = NULL;

    assert_int_equal(token_issue(&keys, &claims, 1000, &token), HUM_OK);
    assert_int_equal(tokens_verify(fixture->tokens, str_of(token), 1999, &read), HUM_INVALID_TOKEN);
    free(token);
    if (set_up(&other) != 0 || !other) {
        fail_msg("no second folder of keys");
        return;
    }
    const struct fixture *second = other;
    assert_int_equal(tokens_issue(second->tokens, &claims, 1000, &token), HUM_OK);
    assert_int_equal(tokens_verify(fixture->tokens, str_of(token), 1999, &read), HUM_INVALID_TOKEN);
    free(token);
    tear_down(&other);
}

static void test_verified(void **state) {
    const struct token_claims claims = {7, 8, 100, 0}, others = {7, 9, 100, 0};
    struct str token = str_of("t"), other = str_of("o");
    struct token_claims read = {0};
    struct verified *verified = NULL;
    uint64_t mark, stale;

    (void)state;
    assert_int_equal(verified_new(&verified), HUM_OK);
    assert_int_equal(verified_get(verified, token, 1000, &read, &mark), VERIFIED_UNKNOWN);
    verified_put(verified, token, &claims, 1000, mark);
    verified_put(verified, other, &others, 1000, mark);
    assert_int_equal(verified_get(verified, token, 1000 + VERIFIED_ALIVE_MS - 1, &read, &mark),
                     VERIFIED_ALIVE);
    assert_true(read.user == 7 && read.session == 8);
    assert_int_equal(verified_get(verified, token, 1000 + VERIFIED_ALIVE_MS, &read, &mark),
                     VERIFIED_TOKEN);
    assert_int_equal(verified_get(verified, token, 999, &read, &mark), VERIFIED_TOKEN);
    assert_int_equal(verified_get(verified, token, 100000, &read, &stale), VERIFIED_UNKNOWN);
    verified_revoke(verified, 8);
    assert_int_equal(verified_get(verified, token, 1000, &read, &mark), VERIFIED_UNKNOWN);
    assert_int_equal(verified_get(verified, other, 1000, &read, &mark), VERIFIED_ALIVE);
    verified_put(verified, token, &claims, 1000, stale); /* looked up before the revocation */
    assert_int_equal(verified_get(verified, token, 1000, &read, &mark), VERIFIED_UNKNOWN);
    verified_free(verified);
}

/* A session that has ended does not come back: its token is known as such until it ends, too. */
static void test_verified_dead(void **state) {
    const struct token_claims claims = {7, 8, 100, 0};
    struct str token = str_of("t");
    struct token_claims read = {0};
    struct verified *verified = NULL;
    uint64_t mark;

    (void)state;
    assert_int_equal(verified_new(&verified), HUM_OK);
    assert_int_equal(verified_get(verified, token, 1000, &read, &mark), VERIFIED_UNKNOWN);
    verified_put(verified, token, &claims, 1000, mark);
    verified_put_dead(verified, token, &claims, 1000);
    assert_int_equal(verified_get(verified, token, 1000, &read, &mark), VERIFIED_DEAD);
    assert_int_equal(verified_get(verified, token, 99999, &read, &mark), VERIFIED_DEAD);
    assert_int_equal(verified_get(verified, token, 100000, &read, &mark), VERIFIED_UNKNOWN);
    verified_forget_all(verified);
    assert_int_equal(verified_get(verified, token, 1000, &read, &mark), VERIFIED_UNKNOWN);
    verified_free(verified);
}

/* However many dead ones come, those that live keep their places, and take those of the dead. */
static void test_verified_dead_bounded(void **state) {
    enum { LIVING = VERIFIED_SLOTS / 64 };
    struct verified *verified = NULL;
    struct token_claims read;
    uint64_t mark;
    char text[16];

    (void)state;
    assert_int_equal(verified_new(&verified), HUM_OK);
    for (int i = 1; i <= 8 * VERIFIED_SLOTS; i++) {
        const struct token_claims claims = {1, i, 1000000, 0};
        bool dead = i % (2 * VERIFIED_SLOTS) > LIVING;

        snprintf(text, sizeof text, "%d", i);
        if (dead) {
            verified_put_dead(verified, str_of(text), &claims, i);
        } else {
            verified_put(verified, str_of(text), &claims, 1, 0);
        }
        assert_int_equal(verified_get(verified, str_of(text), 1, &read, &mark),
                         dead ? VERIFIED_DEAD : VERIFIED_ALIVE);
    }
    for (int i = 1; i <= LIVING; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(verified_get(verified, str_of(text), 1, &read, &mark), VERIFIED_ALIVE);
    }
    verified_free(verified);
}

/* However many come, the memory stays as it is, and the youngest are known. */
static void test_verified_bounded(void **state) {
    struct verified *verified = NULL;
    struct token_claims read;
    uint64_t mark;
    char text[16];

    (void)state;
    assert_int_equal(verified_new(&verified), HUM_OK);
    for (int i = 1; i <= 3 * VERIFIED_SLOTS; i++) {
        const struct token_claims claims = {1, i, 1000000, 0};

        snprintf(text, sizeof text, "%d", i);
        verified_put(verified, str_of(text), &claims, i, 0);
        assert_int_equal(verified_get(verified, str_of(text), i, &read, &mark), VERIFIED_ALIVE);
        assert_int_equal(read.session, i);
    }
    verified_free(verified);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_refresh_round),
        cmocka_unit_test(test_refresh_bits),
        cmocka_unit_test(test_refresh_bad),
        cmocka_unit_test(test_refresh_verdicts),
        cmocka_unit_test_setup_teardown(test_keys_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tokens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_foreign_tokens, set_up, tear_down),
        cmocka_unit_test(test_verified),
        cmocka_unit_test(test_verified_bounded),
        cmocka_unit_test(test_verified_dead),
        cmocka_unit_test(test_verified_dead_bounded),
    };

    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
