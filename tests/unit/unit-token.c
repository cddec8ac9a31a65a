/* MQTT tokens: what is issued is taken, and nothing else. The forgeries are signed here by hand. */
#include "unit.h"

#include <sodium.h>
#include <stdio.h>

#include "buf.h"
#include "token.h"

static const int64_t now = 1800000000;
static struct keys keys; /* "1" signed long ago, "2" signs */

static int make_keys(void **state) {
    (void)state;
    keys.count = 2;
    strcpy(keys.list[0].kid, "1");
    strcpy(keys.list[1].kid, "2");
    memset(keys.list[0].bytes, 'a', KEY_LEN);
    memset(keys.list[1].bytes, 'b', KEY_LEN);
    return sodium_init() < 0 ? -1 : 0;
}

/* ---- Forging ---- */

enum signing { WITH_1, WITH_2, WITH_EMPTY, WITH_OTHER, WITH_HS512, WITH_NOTHING };

static void add_base64(struct buf *token, const void *bytes, size_t len) {
    char text[8192];

    assert_true(sodium_base64_encoded_len(len, sodium_base64_VARIANT_URLSAFE_NO_PADDING) <=
                sizeof text);
    buf_text(token, sodium_bin2base64(text, sizeof text, bytes, len,
                                      sodium_base64_VARIANT_URLSAFE_NO_PADDING));
}

static void add_signature(struct buf *token, enum signing signing) {
    static const struct {
        const char *fill;
        size_t len;
    } secrets[] = {[WITH_1] = {"a", KEY_LEN},
                   [WITH_2] = {"b", KEY_LEN},
                   [WITH_EMPTY] = {"", 0},
                   [WITH_OTHER] = {"c", KEY_LEN},
                   [WITH_HS512] = {"b", KEY_LEN}};
    unsigned char secret[KEY_LEN], hash[64];
    size_t signed_len = token->len, hash_len = 32;
    crypto_auth_hmacsha256_state short_state;
    crypto_auth_hmacsha512_state long_state;

    buf_text(token, ".");
    if (signing == WITH_NOTHING) {
        return;
    }
    memset(secret, secrets[signing].fill[0], sizeof secret);
    if (signing == WITH_HS512) {
        hash_len = 64;
        crypto_auth_hmacsha512_init(&long_state, secret, secrets[signing].len);
        crypto_auth_hmacsha512_update(&long_state, (const unsigned char *)token->data, signed_len);
        crypto_auth_hmacsha512_final(&long_state, hash);
    } else {
        crypto_auth_hmacsha256_init(&short_state, secret, secrets[signing].len);
        crypto_auth_hmacsha256_update(&short_state, (const unsigned char *)token->data, signed_len);
        crypto_auth_hmacsha256_final(&short_state, hash);
    }
    add_base64(token, hash, hash_len);
}

/* Freed by the caller. */
static char *forge(const char *header, const char *payload, enum signing signing) {
    struct buf token;

    buf_init(&token, 1 << 20);
    add_base64(&token, header, strlen(header));
    buf_text(&token, ".");
    add_base64(&token, payload, strlen(payload));
    add_signature(&token, signing);
    buf_add(&token, "", 1);
    assert_false(token.failed);
    return token.data;
}

static void assert_verdict(const char *token, bool good, const char *what) {
    const struct token_claims before = {-1, -2, -3, -4};
    struct token_claims claims = before;
    enum hum_status status = token_verify(&keys, token, now, &claims);

    if (status != (good ? HUM_OK : HUM_INVALID_TOKEN)) {
        fail_msg("%s: %s", what, hum_status_code(status));
    }
    if (!good) {
        assert_memory_equal(&claims, &before, sizeof claims);
    }
}

/* ---- Tests ---- */

#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"2\"}"
#define CLAIMS "\"iss\":\"hum\",\"aud\":\"hum-mqtt\",\"sub\":\"42\",\"sid\":\"43\""
#define WITHOUT_EXP "{" CLAIMS ",\"iat\":1}"
#define EXP(value) "{" CLAIMS ",\"iat\":1,\"exp\":" value "}"
#define GOOD EXP("1800000001")

static void test_round_trip(void **state) {
    static const struct token_claims cases[] = {{1, 2, now + 1, now},
                                                {42, 43, now + TOKEN_MQTT_LIFE_S, now},
                                                {INT64_MAX, INT64_MAX - 1, 4102444800, now}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct token_claims claims = {0};
        char *token = NULL;

        assert_int_equal(token_issue(&keys, &cases[i], now, &token), HUM_OK);
        assert_true(strlen(token) <= TOKEN_MAX / 2);
        assert_int_equal(token_verify(&keys, token, now, &claims), HUM_OK);
        assert_memory_equal(&claims, &cases[i], sizeof claims);
        assert_int_equal(token_verify(&keys, token, cases[i].expires_at - 1, &claims), HUM_OK);
        assert_int_equal(token_verify(&keys, token, cases[i].expires_at, &claims),
                         HUM_INVALID_TOKEN);
        free(token);
    }
}

/* An old key verifies as long as it is there, and the newest one signs. */
static void test_keys_roll(void **state) {
    const struct token_claims claims = {42, 43, now + 60, 0};
    struct keys old = {.count = 1, .list = {keys.list[0]}}, new = {.count = 1};
    struct token_claims read;
    char *token = NULL;

    (void)state;
    new.list[0] = keys.list[1];
    assert_int_equal(token_issue(&old, &claims, now, &token), HUM_OK);
    assert_int_equal(token_verify(&keys, token, now, &read), HUM_OK);
    assert_int_equal(token_verify(&new, token, now, &read), HUM_INVALID_TOKEN);
    free(token);
    assert_int_equal(token_issue(&keys, &claims, now, &token), HUM_OK);
    assert_int_equal(token_verify(&new, token, now, &read), HUM_OK);
    assert_int_equal(token_verify(&old, token, now, &read), HUM_INVALID_TOKEN);
    free(token);
}

static void test_claims(void **state) {
    static const struct {
        const char *payload;
        bool good;
    } cases[] = {
        {GOOD, true},
        {EXP("1800000001") " ", true},
        {"{" CLAIMS ",\"exp\":1800000001,\"more\":{\"a\":[1]}}", true},

        {WITHOUT_EXP, false},
        {EXP("1800000000"), false}, /* now */
        {EXP("1799999999"), false},
        {EXP("0"), false},
        {EXP("-1"), false},
        {EXP("\"1800000001\""), false},
        {EXP("1800000001.0"), false},
        {EXP("1.8e10"), false},
        {EXP("true"), false},
        {EXP("null"), false},
        {EXP("[1800000001]"), false},
        {EXP("{\"a\":1800000001}"), false},
        {EXP("9223372036854775808"), false},

        {"{\"iss\":\"Hum\",\"aud\":\"hum-mqtt\",\"sub\":\"42\",\"sid\":\"43\",\"exp\":1800000001}",
         false},
        {"{\"iss\":\"hum \",\"aud\":\"hum-mqtt\",\"sub\":\"42\",\"sid\":\"43\",\"exp\":1800000001}",
         false},
        {"{\"iss\":[\"hum\"],\"aud\":\"hum-mqtt\",\"sub\":\"42\",\"sid\":\"43\","
         "\"exp\":1800000001}",
         false},
        {"{\"aud\":\"hum-mqtt\",\"sub\":\"42\",\"sid\":\"43\",\"exp\":1800000001}", false},
        {"{\"iss\":\"hum\",\"aud\":\"hum-api\",\"sub\":\"42\",\"sid\":\"43\",\"exp\":1800000001}",
         false},
        {"{\"iss\":\"hum\",\"aud\":\"hum\",\"sub\":\"42\",\"sid\":\"43\",\"exp\":1800000001}",
         false},
        {"{\"iss\":\"hum\",\"aud\":[\"hum-mqtt\"],\"sub\":\"42\",\"sid\":\"43\","
         "\"exp\":1800000001}",
         false},
        {"{\"iss\":\"hum\",\"sub\":\"42\",\"sid\":\"43\",\"exp\":1800000001}", false},

        {"{\"iss\":\"hum\",\"aud\":\"hum-mqtt\",\"sub\":42,\"sid\":\"43\",\"exp\":1800000001}",
         false},
        {"{\"iss\":\"hum\",\"aud\":\"hum-mqtt\",\"sub\":\"0\",\"sid\":\"43\",\"exp\":1800000001}",
         false},
        {"{\"iss\":\"hum\",\"aud\":\"hum-mqtt\",\"sub\":\"-42\",\"sid\":\"43\",\"exp\":1800000001}",
         false},
        {"{\"iss\":\"hum\",\"aud\":\"hum-mqtt\",\"sub\":\"042\",\"sid\":\"43\",\"exp\":1800000001}",
         false},
        {"{\"iss\":\"hum\",\"aud\":\"hum-mqtt\",\"sub\":\"42x\",\"sid\":\"43\",\"exp\":1800000001}",
         false},
        {"{\"iss\":\"hum\",\"aud\":\"hum-mqtt\",\"sub\":\"9223372036854775808\",\"sid\":\"43\","
         "\"exp\":1800000001}",
         false},
        {"{\"iss\":\"hum\",\"aud\":\"hum-mqtt\",\"sid\":\"43\",\"exp\":1800000001}", false},
        {"{\"iss\":\"hum\",\"aud\":\"hum-mqtt\",\"sub\":\"42\",\"exp\":1800000001}", false},
        {"{\"iss\":\"hum\",\"aud\":\"hum-mqtt\",\"sub\":\"42\",\"sid\":43,\"exp\":1800000001}",
         false},
        {"{\"iss\":\"hum\",\"aud\":\"hum-mqtt\",\"sub\":\"42\",\"sid\":\"\",\"exp\":1800000001}",
         false},
        {"{\"iss\":\"hum\\u0000x\",\"aud\":\"hum-mqtt\",\"sub\":\"42\",\"sid\":\"43\","
         "\"exp\":1800000001}",
         false},

        {"", false},
        {"{}", false},
        {"[]", false},
        {"null", false},
        {"\"hum\"", false},
        {"{" CLAIMS ",\"exp\":1800000001", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *token = forge(HEADER, cases[i].payload, WITH_2);

        assert_verdict(token, cases[i].good, cases[i].payload);
        free(token);
    }
}

static void test_headers_and_signatures(void **state) {
    static const struct {
        const char *header;
        enum signing signing;
        bool good;
    } cases[] = {
        {HEADER, WITH_2, true},
        {"{\"kid\":\"2\",\"alg\":\"HS256\"}", WITH_2, true},
        {"{\"kid\":\"1\",\"alg\":\"HS256\"}", WITH_1, true},

        {HEADER, WITH_1, false},
        {HEADER, WITH_OTHER, false},
        {HEADER, WITH_EMPTY, false},
        {HEADER, WITH_NOTHING, false},
        {HEADER, WITH_HS512, false},

        {"{\"alg\":\"none\",\"kid\":\"2\"}", WITH_NOTHING, false},
        {"{\"alg\":\"none\",\"kid\":\"2\"}", WITH_2, false},
        {"{\"alg\":\"none\"}", WITH_NOTHING, false},
        {"{\"alg\":\"nOnE\",\"kid\":\"2\"}", WITH_NOTHING, false},
        {"{\"alg\":\"NONE\",\"kid\":\"2\"}", WITH_2, false},
        {"{\"alg\":\"\",\"kid\":\"2\"}", WITH_NOTHING, false},
        {"{\"alg\":null,\"kid\":\"2\"}", WITH_2, false},
        {"{\"alg\":0,\"kid\":\"2\"}", WITH_2, false},
        {"{\"alg\":[\"HS256\"],\"kid\":\"2\"}", WITH_2, false},
        {"{\"kid\":\"2\"}", WITH_2, false},
        {"{\"kid\":\"2\"}", WITH_NOTHING, false},
        {"{\"alg\":\"hs256\",\"kid\":\"2\"}", WITH_2, false},
        {"{\"alg\":\"HS256 \",\"kid\":\"2\"}", WITH_2, false},
        {"{\"alg\":\"HS384\",\"kid\":\"2\"}", WITH_2, false},
        {"{\"alg\":\"HS512\",\"kid\":\"2\"}", WITH_2, false},
        {"{\"alg\":\"HS512\",\"kid\":\"2\"}", WITH_HS512, false},
        {"{\"alg\":\"RS256\",\"kid\":\"2\"}", WITH_2, false},
        {"{\"alg\":\"ES256\",\"kid\":\"2\"}", WITH_2, false},
        {"{\"alg\":\"EdDSA\",\"kid\":\"2\"}", WITH_2, false},

        {"{\"alg\":\"HS256\"}", WITH_2, false},
        {"{\"alg\":\"HS256\",\"kid\":\"\"}", WITH_EMPTY, false},
        {"{\"alg\":\"HS256\",\"kid\":\"3\"}", WITH_2, false},
        {"{\"alg\":\"HS256\",\"kid\":\"3\"}", WITH_EMPTY, false},
        {"{\"alg\":\"HS256\",\"kid\":2}", WITH_2, false},
        {"{\"alg\":\"HS256\",\"kid\":null}", WITH_2, false},
        {"{\"alg\":\"HS256\",\"kid\":[\"2\"]}", WITH_2, false},
        {"{\"alg\":\"HS256\",\"kid\":\"2.key\"}", WITH_2, false},
        {"{\"alg\":\"HS256\",\"kid\":\"../mqtt/2\"}", WITH_2, false},
        {"{\"alg\":\"HS256\",\"kid\":\"/dev/null\"}", WITH_EMPTY, false},
        {"{\"alg\":\"HS256\",\"kid\":\"2' or '1'='1\"}", WITH_2, false},
        {"{\"alg\":\"HS256\",\"kid\":\"2\\u0000\"}", WITH_2, false},
        {"{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"Y2Nj\"}}", WITH_OTHER, false},

        {"", WITH_2, false},
        {"{}", WITH_2, false},
        {"[]", WITH_2, false},
        {"\"HS256\"", WITH_2, false},
        {"{\"alg\":\"HS256\",\"kid\":\"2\"", WITH_2, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *token = forge(cases[i].header, GOOD, cases[i].signing);

        assert_verdict(token, cases[i].good, cases[i].header);
        free(token);
    }
}

/* No character may be another one, none may be missing, none may be added. */
static void test_tampered(void **state) {
    static const char others[] = "AB_-z0.=+/ \n";
    char *token = forge(HEADER, GOOD, WITH_2);
    char changed[1024];
    size_t len = strlen(token);

    (void)state;
    assert_verdict(token, true, token);
    for (size_t i = 0; i < len; i++) {
        for (size_t c = 0; c < sizeof others - 1; c++) {
            strcpy(changed, token);
            changed[i] = others[c];
            if (strcmp(changed, token) != 0) {
                assert_verdict(changed, false, changed);
            }
            snprintf(changed, sizeof changed, "%.*s%c%s", (int)i, token, others[c], token + i);
            assert_verdict(changed, false, changed);
        }
        snprintf(changed, sizeof changed, "%.*s", (int)i, token);
        assert_verdict(changed, false, changed);
        snprintf(changed, sizeof changed, "%.*s%s", (int)i, token, token + i + 1);
        assert_verdict(changed, false, changed);
        snprintf(changed, sizeof changed, "%s", token + i + 1);
        assert_verdict(changed, false, changed);
    }
    for (size_t c = 0; c < sizeof others - 1; c++) {
        snprintf(changed, sizeof changed, "%s%c", token, others[c]);
        assert_verdict(changed, false, changed);
    }
    free(token);
}

static void test_no_tokens(void **state) {
    static const char *const none[] = {
        "",         ".",       "..",    "...", "....", "a",      "a.b.c",
        "e30.e30.", "....e30", " . . ", "{}",  "null", "Bearer", "e30.e30.e30.e30.e30"};

    (void)state;
    for (size_t i = 0; i < COUNT(none); i++) {
        assert_verdict(none[i], false, none[i]);
    }
}

/* A claim of any length: up to the bound it does not matter. */
static void test_sizes(void **state) {
    bool fitted = false, exceeded = false;

    (void)state;
    for (int len = 600; len < 700; len++) {
        char padding[700], payload[1024];

        memset(padding, 'x', sizeof padding);
        snprintf(payload, sizeof payload, "{" CLAIMS ",\"exp\":1800000001,\"x\":\"%.*s\"}", len,
                 padding);
        char *token = forge(HEADER, payload, WITH_2);
        bool fits = strlen(token) <= TOKEN_MAX;
        fitted = fitted || strlen(token) >= TOKEN_MAX - 1;
        exceeded = exceeded || (!fits && strlen(token) <= TOKEN_MAX + 2);
        assert_verdict(token, fits, "padded");
        free(token);
    }
    assert_true(fitted && exceeded);

    char *huge = malloc(65537);
    assert_non_null(huge);
    memset(huge, 'a', 65536);
    huge[65536] = '\0';
    assert_verdict(huge, false, "64 KiB");
    huge[100] = huge[60000] = '.';
    assert_verdict(huge, false, "64 KiB with dots");
    free(huge);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_keys_roll),
        cmocka_unit_test(test_claims),     cmocka_unit_test(test_headers_and_signatures),
        cmocka_unit_test(test_tampered),   cmocka_unit_test(test_no_tokens),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, make_keys, NULL);
}
