/* Every rate of the API, by what it counts. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "throttle.h"

static struct throttle *throttle;
static bool home; /* of the last sign-in */

static int set_up(void **state) {
    (void)state;
    return throttle_new(true, &throttle) != HUM_OK;
}

static int tear_down(void **state) {
    (void)state;
    throttle_free(throttle);
    return 0;
}

static struct address at(const char *text) {
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};

    return inet_pton(AF_INET, text, &four.sin_addr) == 1
               ? address_of((const struct sockaddr *)&four)
           : inet_pton(AF_INET6, text, &six.sin6_addr) == 1
               ? address_of((const struct sockaddr *)&six)
               : address_of(NULL);
}

/* One of many addresses: with a number for the star in it. */
static struct address nth(const char *pattern, int number) {
    const char *star = strchr(pattern, '*');
    char text[64];

    if (!star) {
        return at(pattern);
    }
    snprintf(text, sizeof text, "%.*s%d%s", (int)(star - pattern), pattern, number, star + 1);
    return at(text);
}

/* How many of these are let through; with what Retry-After the first is refused. Each of the rates
 * tried here comes back slower than the test runs. */
static int let_through(int (*call)(struct throttle *, const struct address *), const char *pattern,
                       int count, int *ret_wait) {
    int passed = 0;

    for (int i = 0; i < count; i++) {
        struct address from = nth(pattern, i);
        int wait = call(throttle, &from);

        passed += wait == 0;
        *ret_wait = wait;
    }
    return passed;
}

static void test_an_address_and_its_network(void **state) {
    int wait = 0;

    (void)state;
    assert_int_equal(let_through(throttle_register, "192.0.2.7", 30, &wait), 20);
    assert_int_equal(wait, 180);
    /* The other 80 of the network, whoever takes them. */
    assert_int_equal(let_through(throttle_register, "192.0.2.*", 256, &wait), 80);
    assert_int_equal(wait, 36);
    assert_int_equal(let_through(throttle_register, "192.0.3.*", 256, &wait), 100);
}

static void test_an_address_of_ipv6_and_its_network(void **state) {
    int wait = 0;

    (void)state;
    assert_int_equal(let_through(throttle_register, "2001:db8:1:1::*", 100, &wait), 20);
    assert_int_equal(let_through(throttle_register, "2001:db8:1:*::1", 256, &wait), 80);
    assert_int_equal(let_through(throttle_register, "2001:db8:2:*::1", 256, &wait), 100);
    /* IPv4 within IPv6 is no network of IPv6. */
    assert_int_equal(let_through(throttle_register, "::ffff:192.0.2.*", 20, &wait), 20);
    assert_int_equal(let_through(throttle_register, "::ffff:192.0.3.*", 100, &wait), 100);
}

/* Who is not known at all shares one address. */
static void test_no_address(void **state) {
    int wait = 0;

    (void)state;
    assert_int_equal(let_through(throttle_register, "none *", 30, &wait), 20);
}

/* What one does leaves the rest alone. */
static void test_rates_are_apart(void **state) {
    struct address from = at("192.0.2.7");
    bool send = false;
    int wait = 0;

    (void)state;
    let_through(throttle_register, "192.0.2.7", 30, &wait);
    assert_true(wait > 0);
    assert_int_equal(throttle_sign_in(throttle, &from, str_of("a@b.c"), &home), 0);
    assert_int_equal(throttle_mail(throttle, &from, 1, str_of("a@b.c"), &send), 0);
    assert_int_equal(throttle_oauth(throttle, &from), 0);
    assert_int_equal(throttle_token(throttle, &from), 0);
    assert_int_equal(throttle_call(throttle, &from, 0), 0);
    assert_int_equal(throttle_probe(throttle, &from), 0);
}

static void test_sign_ins(void **state) {
    struct address from = at("192.0.2.7");
    int passed = 0;

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(
            throttle_sign_in(throttle, &from, str_of(i % 2 ? "a@b.c" : "A@B.C"), &home), 0);
    }
    assert_int_equal(throttle_sign_in(throttle, &from, str_of("a@b.c"), &home), 6);
    throttle_owner(throttle, &from, str_of("a@B.c"));
    assert_int_equal(throttle_sign_in(throttle, &from, str_of("a@b.c"), &home), 0);
    for (int i = 0; i < 100; i++) {
        char email[32];

        snprintf(email, sizeof email, "m%d@b.c", i);
        passed += throttle_sign_in(throttle, &from, str_of(email), &home) == 0;
    }
    assert_true(passed >= 48 && passed <= 50); /* 60 in all, 12 of them above; a second may pass */
    from = at("192.0.2.8");
    assert_int_equal(throttle_sign_in(throttle, &from, str_of("a@b.c"), &home), 0);
}

/* A text that no account can have takes no more room than there is. */
static void test_long_addresses(void **state) {
    struct address from = at("192.0.2.7");
    char *text = malloc(100000);

    (void)state;
    assert_non_null(text);
    memset(text, 'Z', 100000);
    assert_int_equal(throttle_sign_in(throttle, &from, (struct str){text, 100000}, &home), 0);
    throttle_owner(throttle, &from, (struct str){text, 100000});
    assert_int_equal(throttle_sign_in(throttle, &from, (struct str){NULL, 0}, &home), 0);
    free(text);
}

/* Whether a mail is sent. Only who asks for many mails, of whatever address, is refused. */
static bool sends(struct address from, int kind, const char *email) {
    bool send = false;

    assert_int_equal(throttle_mail(throttle, &from, kind, str_of(email), &send), 0);
    return send;
}

static int sent_from(const char *pattern, int count, int kind) {
    int sent = 0;

    for (int i = 0; i < count; i++) {
        sent += sends(nth(pattern, i), kind, i % 2 ? "a@b.c" : "A@b.c");
    }
    return sent;
}

/* From one network three mails of an account are sent and of all together twenty; nobody is told.
 */
static void test_mails_to_strangers(void **state) {
    (void)state;
    assert_int_equal(sent_from("192.0.2.*", 10, 1), 3);
    assert_int_equal(sent_from("192.0.3.*", 10, 1), 3);
    assert_true(sends(at("192.0.2.7"), 1, "n@b.c"));
    assert_int_equal(sent_from("198.51.*.7", 100, 1), 14);
    assert_false(sends(at("203.0.113.7"), 1, "a@b.c"));
    /* Of another kind there are as many. */
    assert_int_equal(sent_from("198.51.*.7", 100, 2), 20);
}

/* What strangers ask for changes nothing for the owner, not even for who is in the next house. */
static void test_mails_at_home(void **state) {
    struct address owner = at("192.0.2.7");

    (void)state;
    throttle_owner(throttle, &owner, str_of("a@B.c"));
    assert_int_equal(sent_from("198.51.*.7", 100, 1), 20);
    assert_int_equal(sent_from("192.0.2.*", 7, 1), 5); /* the rest of the home network */
    for (int i = 0; i < 5; i++) {
        assert_true(sends(at("192.0.2.7"), 1, "a@b.c"));
    }
    assert_false(sends(at("192.0.2.7"), 1, "a@b.c"));
    assert_true(sends(at("192.0.2.7"), 2, "a@b.c"));
}

static void test_mails_of_one_who_asks(void **state) {
    struct address from = at("198.51.100.7");
    bool send;

    (void)state;
    for (int i = 0; i < 20; i++) {
        char email[32];

        snprintf(email, sizeof email, "m%d@b.c", i);
        assert_true(sends(at("198.51.100.7"), 1, email));
    }
    assert_int_equal(throttle_mail(throttle, &from, 1, str_of("n@b.c"), &send), 180);
}

static void test_passwords_of_a_session(void **state) {
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(throttle_password(throttle, 7), 0);
    }
    assert_int_equal(throttle_password(throttle, 7), 6);
    assert_int_equal(throttle_password(throttle, 8), 0);
}

static void empty(int (*call)(struct throttle *, const struct address *),
                  const struct address *from) {
    for (int i = 0; i < 100000; i++) {
        if (call(throttle, from) != 0) {
            return;
        }
    }
    fail_msg("never refused");
}

static int call_of_nobody(struct throttle *of, const struct address *from) {
    return throttle_call(of, from, 0);
}

/* Calls without a token take no check; bad tokens do, once there are no calls left. */
static void test_checks(void **state) {
    struct address from = at("192.0.2.7"), other = at("192.0.2.8");
    int wait = 0;

    (void)state;
    assert_int_equal(throttle_check(throttle, &from), 0);
    empty(call_of_nobody, &from);
    for (int i = 0; i < 1000; i++) { /* to look is free */
        assert_int_equal(throttle_check(throttle, &from), 0);
    }
    for (int i = 0; i < 100000 && wait == 0; i++) {
        throttle_bad_token(throttle, &from);
        wait = throttle_check(throttle, &from);
    }
    assert_int_equal(wait, 1);
    assert_int_equal(throttle_check(throttle, &other), 0);
}

static void test_off(void **state) {
    struct throttle *off = NULL;
    struct address from = at("192.0.2.7");
    bool send = false;

    (void)state;
    assert_int_equal(throttle_new(false, &off), HUM_OK);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(throttle_sign_in(off, &from, str_of("a@b.c"), &home), 0);
        assert_int_equal(throttle_call(off, &from, i % 2), 0);
        assert_int_equal(throttle_message(off, 1), 0);
        assert_int_equal(throttle_register(off, &from), 0);
        assert_int_equal(throttle_mail(off, &from, 1, str_of("a@b.c"), &send), 0);
        assert_true(send);
    }
    throttle_free(off);
}

static void test_numbers(void **state) {
    struct buf out;
    int wait = 0;

    (void)state;
    let_through(throttle_register, "192.0.2.7", 23, &wait);
    buf_init(&out, 64 * 1024);
    throttle_write(throttle, &out);
    buf_add(&out, "", 1);
    assert_false(out.failed);
    assert_non_null(
        strstr(out.data, "\nhum_api_throttled_total{what=\"registrations\",by=\"address\"} 3\n"));
    assert_non_null(
        strstr(out.data, "\nhum_api_throttled_total{what=\"registrations\",by=\"network\"} 0\n"));
    assert_non_null(
        strstr(out.data, "\nhum_api_throttle_evicted_total{what=\"sign_ins\",by=\"account\"} 0\n"));
    buf_free(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_an_address_and_its_network),
        TEST(test_an_address_of_ipv6_and_its_network),
        TEST(test_no_address),
        TEST(test_rates_are_apart),
        TEST(test_sign_ins),
        TEST(test_long_addresses),
        TEST(test_mails_to_strangers),
        TEST(test_mails_at_home),
        TEST(test_mails_of_one_who_asks),
        TEST(test_passwords_of_a_session),
        TEST(test_checks),
        TEST(test_off),
        TEST(test_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
