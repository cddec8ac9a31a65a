/* Who may connect: one row a case, each one change away from a good CONNECT. */
#include "unit.h"

#include "authn.h"

static const int64_t now = 1800000000;
static struct keys keys;
static char *token, *expired; /* of user 42, session 43 */

static int make_tokens(void **state) {
    const struct token_claims claims = {42, 43, now + 60, 0}, old = {42, 43, now, 0};

    (void)state;
    keys.count = 1;
    strcpy(keys.list[0].kid, "1");
    memset(keys.list[0].bytes, 'a', KEY_LEN);
    return token_issue(&keys, &claims, now, &token) == HUM_OK &&
                   token_issue(&keys, &old, now - 60, &expired) == HUM_OK
               ? 0
               : -1;
}

static int free_tokens(void **state) {
    (void)state;
    free(token);
    free(expired);
    return 0;
}

static void check(const struct authn_request *request, bool good, const char *what) {
    const struct token_claims before = {-1, -2, -3, -4};
    struct token_claims claims = before;
    const char *reason = NULL;
    enum hum_status status = authn_check(&keys, request, now, &claims, &reason);

    if (status != (good ? HUM_OK : HUM_UNAUTHORIZED)) {
        fail_msg("%s: %s", what, hum_status_code(status));
    }
    if (good) {
        assert_int_equal(claims.user, 42);
        assert_int_equal(claims.session, 43);
        assert_int_equal(claims.expires_at, now + 60);
    } else {
        assert_memory_equal(&claims, &before, sizeof claims);
        assert_non_null(reason);
        assert_null(strstr(reason, token));
    }
}

static struct authn_request good_request(void) {
    return (struct authn_request){.client_id = "43",
                                  .username = "42",
                                  .password = token,
                                  .protocol_version = 4,
                                  .clean = true,
                                  .keepalive = 60};
}

static void test_names(void **state) {
    static const struct {
        const char *client_id, *username;
        bool good;
    } cases[] = {
        {"43", "42", true},
        {"43:a", "42", true},
        {"43:tab-1_B", "42", true},
        {"43:abcdefghijklmnopqrstuvwxyz012345", "42", true}, /* 32 characters */

        {NULL, "42", false},
        {"43", NULL, false},
        {"", "42", false},
        {"43", "", false},
        {"44", "42", false}, /* another session's */
        {"44:43", "42", false},
        {"43", "41", false}, /* another user's */
        {"42", "43", false},
        {"043", "42", false},
        {"43", "042", false},
        {"43 ", "42", false},
        {"43", " 42", false},
        {"+43", "42", false},
        {"43", "42:a", false},
        {"43:", "42", false},
        {"43:abcdefghijklmnopqrstuvwxyz0123456", "42", false}, /* 33 */
        {"43:a:b", "42", false},
        {"43:a b", "42", false},
        {"43:a/b", "42", false},
        {"43:a.b", "42", false},
        {"43:#", "42", false},
        {"43:\xc3\xa4", "42", false},
        {":43", "42", false},
        {"43/", "42", false},
        {"hum-wake", "hum-wake", false},
        {"18446744073709551659", "42", false}, /* 43 past 64 bits */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct authn_request request = good_request();

        request.client_id = cases[i].client_id;
        request.username = cases[i].username;
        check(&request, cases[i].good, cases[i].client_id ? cases[i].client_id : "no client id");
    }
}

static void test_passwords(void **state) {
    struct authn_request request = good_request();
    char padded[1100];

    (void)state;
    check(&request, true, "good");
    request.password = NULL;
    check(&request, false, "no password");
    request.password = "";
    check(&request, false, "empty password");
    request.password = "secret";
    check(&request, false, "no token");
    request.password = expired;
    check(&request, false, "expired");
    strcat(strcpy(padded, token), " ");
    request.password = padded;
    check(&request, false, "padded");
    strcat(strcpy(padded, "Bearer "), token);
    check(&request, false, "Bearer");
}

static void test_manners(void **state) {
    static const struct {
        int protocol, keepalive;
        bool clean, good;
    } cases[] = {
        {4, 60, true, true},     {5, 60, true, true},        {4, 1, true, true},
        {4, 900, true, true},    {5, 900, true, true},       {4, 0, true, false},
        {5, 0, true, false},     {4, 901, true, false},      {5, 901, true, false},
        {4, 65535, true, false}, {4, 60, false, false},      {5, 60, false, false},
        {3, 60, true, false},    {0, 60, true, false},       {6, 60, true, false},
        {-1, 60, true, false},   {128 + 4, 60, true, false}, /* a bridge says so */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct authn_request request = good_request();

        request.protocol_version = cases[i].protocol;
        request.keepalive = cases[i].keepalive;
        request.clean = cases[i].clean;
        check(&request, cases[i].good, "manners");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_manners),
    };

    return cmocka_run_group_tests(tests, make_tokens, free_tokens);
}
