/* Addresses, networks, and whom a proxy's word is taken for. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "address.h"

/* Of a text; "" is unknown. */
static struct address read(const char *text) {
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
        return address_of((const struct sockaddr *)&four);
    }
    if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1) {
        return address_of((const struct sockaddr *)&six);
    }
    return address_of(NULL);
}

static void assert_address(struct address address, const char *text) {
    char found[ADDRESS_TEXT_MAX];

    address_text(&address, found);
    assert_string_equal(found, text);
}

static void test_texts(void **state) {
    static const char *const same[] = {"192.0.2.7", "0.0.0.0", "2001:db8::7", "::1", ""};
    const struct sockaddr other = {.sa_family = AF_UNIX};

    (void)state;
    for (size_t i = 0; i < COUNT(same); i++) {
        assert_address(read(same[i]), same[i]);
    }
    assert_address(read("::ffff:192.0.2.7"), "192.0.2.7");
    assert_address(address_of(&other), "");
}

static void test_networks(void **state) {
    static const struct {
        const char *address;
        int four, six;
        const char *network;
    } rows[] = {
        {"192.0.2.7", 32, 64, "192.0.2.7"},
        {"192.0.2.7", 24, 48, "192.0.2.0"},
        {"192.0.2.255", 30, 48, "192.0.2.252"},
        {"192.0.2.7", 0, 0, "0.0.0.0"},
        {"2001:db8:1:2:3:4:5:6", 32, 64, "2001:db8:1:2::"},
        {"2001:db8:1:2:3:4:5:6", 24, 48, "2001:db8:1::"},
        {"2001:db8:1:2:3:4:5:6", 24, 128, "2001:db8:1:2:3:4:5:6"},
        {"2001:db8:1:2:3:4:5:6", 24, 20, "2001::"},
        {"2001:db8:1:2:3:4:5:6", 24, 21, "2001:800::"},
        {"::ffff:192.0.2.7", 24, 48, "192.0.2.0"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct address address = read(rows[i].address);

        assert_address(address_network(&address, rows[i].four, rows[i].six), rows[i].network);
    }
}

static void test_lists_of_proxies(void **state) {
    static const char *const good[] = {
        "",
        "192.0.2.7",
        "192.0.2.7,::1",
        " 192.0.2.7 ,\t10.0.0.0/8 ",
        "0.0.0.0/0",
        "::/0",
        "2001:db8::/32,fd00::/8",
        "192.0.2.7/32",
        "10.0.0.0/8",
        "2001:db8::7/128",
        "::ffff:192.0.2.7",
        "10.0.0.0/08",
    };
    static const char *const bad[] = {
        "x",
        ",",
        "192.0.2.7,,::1",
        "192.0.2.7/33",
        "192.0.2",
        "10.0.0.1/8",
        "2001:db8::/129",
        "::1/",
        "192.0.2.7/-1",
        "192.0.2.7 ::1",
        "2001:db8::1/64",
        "localhost",
        "192.0.2.7/0x10",
        "[::1]",
        "192.0.2.7:80",
        "10.0.0.0/8/8",
        "99999999999999999999999999999999999999999999999999999999999999999999999",
        "10.0.0.0/99999999999999999999",
        " ",
    };
    struct proxies proxies;
    char many[PROXIES_MAX * 8 + 8] = "";

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(proxies_parse(good[i], &proxies));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        proxies.count = 77;
        assert_false(proxies_parse(bad[i], &proxies));
        assert_int_equal(proxies.count, 77);
    }
    for (int i = 0; i < PROXIES_MAX; i++) {
        strcat(many, i ? ",1.2.3.4" : "1.2.3.4");
    }
    assert_true(proxies_parse(many, &proxies));
    assert_int_equal(proxies.count, PROXIES_MAX);
    assert_false(proxies_parse(strcat(many, ",::1"), &proxies));
}

/* Who a request comes from. */
static void test_clients(void **state) {
    static const struct {
        const char *proxies, *peer, *forwarded, *client;
    } rows[] = {
        /* Nobody is trusted: whatever they say. */
        {"", "203.0.113.9", NULL, "203.0.113.9"},
        {"", "203.0.113.9", "192.0.2.7", "203.0.113.9"},
        {"10.0.0.0/8", "203.0.113.9", "192.0.2.7", "203.0.113.9"},
        /* The proxy's word counts, and nothing that stood before it. */
        {"10.0.0.0/8", "10.1.2.3", "192.0.2.7", "192.0.2.7"},
        {"10.0.0.0/8", "10.1.2.3", "1.1.1.1, 10.9.9.9, 192.0.2.7", "192.0.2.7"},
        {"10.0.0.0/8", "10.1.2.3", "1.1.1.1,192.0.2.7", "192.0.2.7"},
        {"10.0.0.0/8", "10.1.2.3", "garbage, 192.0.2.7", "192.0.2.7"},
        {"10.0.0.0/8", "10.1.2.3", "  192.0.2.7\t ", "192.0.2.7"},
        {"10.0.0.0/8", "10.1.2.3", "2001:db8::7", "2001:db8::7"},
        /* Several proxies, one behind the other. */
        {"10.0.0.0/8", "10.1.2.3", "1.1.1.1, 192.0.2.7, 10.9.9.9", "192.0.2.7"},
        {"10.0.0.0/8,::1", "::1", "192.0.2.7, 10.9.9.9, 10.8.8.8", "192.0.2.7"},
        {"10.0.0.0/8", "10.1.2.3", "10.9.9.9, 10.8.8.8", "10.9.9.9"},
        /* One who is not trusted, in the middle. */
        {"10.0.0.0/8", "10.1.2.3", "10.9.9.9, 192.0.2.7, 10.8.8.8", "192.0.2.7"},
        /* With ports. */
        {"10.0.0.0/8", "10.1.2.3", "192.0.2.7:4711", "192.0.2.7"},
        {"10.0.0.0/8", "10.1.2.3", "[2001:db8::7]:4711", "2001:db8::7"},
        {"10.0.0.0/8", "10.1.2.3", "[2001:db8::7]", "2001:db8::7"},
        /* Nothing that one could go by. */
        {"10.0.0.0/8", "10.1.2.3", NULL, "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "", "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "unknown", "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "192.0.2.7,", "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "192.0.2.7, unknown", "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", "192.0.2.7, [", "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3", ",,,", "10.1.2.3"},
        {"10.0.0.0/8", "10.1.2.3",
         "9999999999999999999999999999999999999999999999999999999999999999999999999", "10.1.2.3"},
        /* IPv4 within IPv6 is IPv4. */
        {"10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:192.0.2.7", "192.0.2.7"},
        {"::ffff:10.1.2.3", "10.1.2.3", "192.0.2.7", "192.0.2.7"},
        /* Each family is its own: all of one is nothing of the other. */
        {"0.0.0.0/0", "2001:db8::7", "192.0.2.7", "2001:db8::7"},
        {"0.0.0.0/0", "10.1.2.3", "192.0.2.7, 192.0.2.8", "192.0.2.7"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sockaddr_in four = {.sin_family = AF_INET};
        struct sockaddr_in6 six = {.sin6_family = AF_INET6};
        bool is_four = inet_pton(AF_INET, rows[i].peer, &four.sin_addr) == 1;
        struct proxies proxies;

        inet_pton(AF_INET6, rows[i].peer, &six.sin6_addr);
        assert_true(proxies_parse(rows[i].proxies, &proxies));
        assert_address(
            proxies_client(&proxies,
                           is_four ? (const struct sockaddr *)&four : (const struct sockaddr *)&six,
                           rows[i].forwarded),
            rows[i].client);
    }
}

/* Anything may stand in the header: it is read from the end, within what is there. */
static void test_any_header(void **state) {
    static const char letters[] = "0123456789abcdef.:,[] x%/";
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct proxies proxies;

    (void)state;
    assert_true(proxies_parse("0.0.0.0/0,::/0", &proxies));
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)dice(120);
        char *text = malloc(len + 1), found[ADDRESS_TEXT_MAX];

        assert_non_null(text);
        for (size_t i = 0; i < len; i++) {
            text[i] = letters[dice(sizeof letters - 1)];
        }
        text[len] = '\0';
        struct address client = proxies_client(&proxies, (const struct sockaddr *)&four, text);
        address_text(&client, found);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_lists_of_proxies),
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_any_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
