/* Which addresses are of the public Internet: the first and last of each range that is not, and
 * their neighbours. */
#include "unit.h"

#include <arpa/inet.h>

#include "oauth/address.h"

static bool ask(bool (*question)(const unsigned char *, size_t), const char *text) {
    unsigned char bytes[16];

    if (inet_pton(AF_INET, text, bytes) == 1) {
        return question(bytes, 4);
    }
    assert_int_equal(inet_pton(AF_INET6, text, bytes), 1);
    return question(bytes, 16);
}

static void public_ones(void **state) {
    static const char *const list[] = {
        "1.0.0.0",         "9.255.255.255",    "11.0.0.0",       "100.63.255.255",
        "100.128.0.0",     "126.255.255.255",  "128.0.0.0",      "169.253.255.255",
        "169.255.0.0",     "172.15.255.255",   "172.32.0.0",     "191.255.255.255",
        "192.0.1.0",       "192.0.3.0",        "192.88.98.255",  "192.88.100.0",
        "192.167.255.255", "192.169.0.0",      "198.17.255.255", "198.20.0.0",
        "198.51.99.255",   "198.51.101.0",     "203.0.112.255",  "203.0.114.0",
        "223.255.255.255", "2000::",           "2001:200::",     "2001:db7::",
        "2001:db9::",      "2003::",           "3ffe::",         "3fff:1000::",
        "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"};

    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (!ask(address_is_public, list[i])) {
            fail_msg("%s is public", list[i]);
        }
    }
}

static void others(void **state) {
    static const char *const list[] = {"0.0.0.0",
                                       "0.255.255.255",
                                       "10.0.0.0",
                                       "10.255.255.255",
                                       "100.64.0.0",
                                       "100.127.255.255",
                                       "127.0.0.0",
                                       "127.255.255.255",
                                       "169.254.0.0",
                                       "169.254.169.254",
                                       "169.254.255.255",
                                       "172.16.0.0",
                                       "172.31.255.255",
                                       "192.0.0.0",
                                       "192.0.0.255",
                                       "192.0.2.0",
                                       "192.88.99.1",
                                       "192.168.0.0",
                                       "192.168.255.255",
                                       "198.18.0.0",
                                       "198.19.255.255",
                                       "198.51.100.255",
                                       "203.0.113.0",
                                       "224.0.0.0",
                                       "239.255.255.255",
                                       "240.0.0.0",
                                       "255.255.255.255",
                                       "::",
                                       "::1",
                                       "::7f00:1",
                                       "::ffff:127.0.0.1",
                                       "::ffff:10.0.0.1",
                                       "64:ff9b::10.0.0.1",
                                       "64:ff9b:1::1",
                                       "100::1",
                                       "2001::1",
                                       "2001:1ff:ffff::",
                                       "2001:db8::1",
                                       "2002:7f00:1::",
                                       "3fff::1",
                                       "3fff:fff::1",
                                       "4000::",
                                       "fc00::",
                                       "fdff::1",
                                       "fe80::1",
                                       "febf::1",
                                       "fec0::1",
                                       "ff02::1"};

    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (ask(address_is_public, list[i])) {
            fail_msg("%s is not public", list[i]);
        }
    }
}

static void loopback(void **state) {
    (void)state;
    assert_true(ask(address_is_loopback, "127.0.0.1"));
    assert_true(ask(address_is_loopback, "127.255.255.255"));
    assert_true(ask(address_is_loopback, "::1"));
    assert_true(ask(address_is_loopback, "::ffff:127.0.0.1"));
    assert_false(ask(address_is_loopback, "126.255.255.255"));
    assert_false(ask(address_is_loopback, "128.0.0.1"));
    assert_false(ask(address_is_loopback, "::2"));
    assert_false(ask(address_is_loopback, "::"));
    assert_false(ask(address_is_loopback, "::ffff:10.0.0.1"));
}

static void no_address(void **state) {
    static const unsigned char bytes[20] = {8, 8, 8, 8};

    (void)state;
    assert_false(address_is_public(bytes, 0));
    assert_false(address_is_public(bytes, 5));
    assert_false(address_is_public(bytes, 20));
    assert_false(address_is_loopback(bytes, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_ones),
        cmocka_unit_test(others),
        cmocka_unit_test(loopback),
        cmocka_unit_test(no_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
