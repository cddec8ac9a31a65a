/* Where clients are told that the API and the broker are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "public_urls.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct row {
    const char *bind, *api, *mqtt, *ws;                /* set */
    const char *made_api, *made_mqtt, *made_ws, *host; /* comes of it */
};

static const struct row good[] = {
    {"127.0.0.1", "", "", "", "http://127.0.0.1:80", "mqtt://127.0.0.1:18",
     "ws://127.0.0.1:90/mqtt", "127.0.0.1"},
    {"::1", "", "", "", "http://[::1]:80", "mqtt://[::1]:18", "ws://[::1]:90/mqtt", "[::1]"},
    {"0.0.0.0", "http://chat.lan:8000/", "", "", "http://chat.lan:8000", "mqtt://chat.lan:18",
     "ws://chat.lan:90/mqtt", "chat.lan"},
    /* Behind a proxy that ends TLS: nothing of the listeners' own ports. */
    {"127.0.0.1", "https://chat.example.org", "", "", "https://chat.example.org",
     "mqtts://chat.example.org:8883", "wss://chat.example.org/mqtt", "chat.example.org"},
    {"127.0.0.1", "https://chat.example.org:8443///", "", "", "https://chat.example.org:8443",
     "mqtts://chat.example.org:8883", "wss://chat.example.org:8443/mqtt", "chat.example.org"},
    {"127.0.0.1", "https://[2001:db8::7]/hum/", "", "", "https://[2001:db8::7]/hum",
     "mqtts://[2001:db8::7]:8883", "wss://[2001:db8::7]/mqtt", "[2001:db8::7]"},
    /* Other ways for each. */
    {"127.0.0.1", "https://a.example", "mqtts://b.example:443", "wss://c.example:444/x/mqtt",
     "https://a.example", "mqtts://b.example:443", "wss://c.example:444/x/mqtt", "a.example"},
    {"127.0.0.1", "https://a.example", "mqtt://10.0.0.7:1883", "", "https://a.example",
     "mqtt://10.0.0.7:1883", "wss://a.example/mqtt", "a.example"},
    {"127.0.0.1", "", "", "wss://c.example/mqtt", "http://127.0.0.1:80", "mqtt://127.0.0.1:18",
     "wss://c.example/mqtt", "127.0.0.1"},
};

/* One thing wrong in each; the line names it. */
static const struct {
    const char *api, *mqtt, *ws, *error;
} bad[] = {
    {"chat.example.org", "", "", "HUM_PUBLIC_URL"},
    {"https://", "", "", "HUM_PUBLIC_URL"},
    {"https:///x", "", "", "HUM_PUBLIC_URL"},
    {"ftp://a", "", "", "HUM_PUBLIC_URL"},
    {"HTTPS://a", "", "", "HUM_PUBLIC_URL"},
    {"httpss://a", "", "", "HUM_PUBLIC_URL"},
    {"https://a b", "", "", "HUM_PUBLIC_URL"},
    {"https://a;b", "", "", "HUM_PUBLIC_URL"},
    {"https://a'b", "", "", "HUM_PUBLIC_URL"},
    {"https://user:word@a", "", "", "HUM_PUBLIC_URL"},
    {"https://a:0", "", "", "HUM_PUBLIC_URL"},
    {"https://a:65536", "", "", "HUM_PUBLIC_URL"},
    {"https://a:", "", "", "HUM_PUBLIC_URL"},
    {"https://a:80x", "", "", "HUM_PUBLIC_URL"},
    {"https://[::1", "", "", "HUM_PUBLIC_URL"},
    {"https://[]", "", "", "HUM_PUBLIC_URL"},
    {"https://[::1]x", "", "", "HUM_PUBLIC_URL"},
    {"https://[1.2.3.4]", "", "", "HUM_PUBLIC_URL"},
    {"https://[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]", "", "", "HUM_PUBLIC_URL"},
    {"https://a/?x=1", "", "", "HUM_PUBLIC_URL"},
    {"https://a/#x", "", "", "HUM_PUBLIC_URL"},
    {"https://a/\r\nx", "", "", "HUM_PUBLIC_URL"},
    {"", "mqtt://a", "", "HUM_MQTT_URL"},
    {"", "mqtt://a:1883/", "", "HUM_MQTT_URL"},
    {"", "a:1883", "", "HUM_MQTT_URL"},
    {"", "tcp://a:1883", "", "HUM_MQTT_URL"},
    {"", "mqtt://u:p@a:1883", "", "HUM_MQTT_URL"},
    {"", "", "ws://a", "HUM_WS_URL"},
    {"", "", "http://a/mqtt", "HUM_WS_URL"},
    {"", "", "ws://a/mqtt?x", "HUM_WS_URL"},
    {"", "", "ws://a;script-src *;/mqtt", "HUM_WS_URL"},
    /* A page may not open it. */
    {"https://a", "", "ws://a/mqtt", "HUM_WS_URL"},
};

static struct public_urls_given given_of(const char *bind, const char *api, const char *mqtt,
                                         const char *ws) {
    return (struct public_urls_given){api, mqtt, ws, bind, 80, 18, 90};
}

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        const struct row *row = &good[i];
        struct public_urls_given given = given_of(row->bind, row->api, row->mqtt, row->ws);
        struct public_urls urls;
        const char *error = NULL;

        assert_true(public_urls_make(&given, &urls, &error));
        assert_string_equal(urls.api, row->made_api);
        assert_string_equal(urls.mqtt, row->made_mqtt);
        assert_string_equal(urls.ws, row->made_ws);
        assert_string_equal(urls.host, row->host);
    }
}

static void test_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct public_urls_given given = given_of("127.0.0.1", bad[i].api, bad[i].mqtt, bad[i].ws);
        struct public_urls urls;
        const char *error = NULL;

        assert_false(public_urls_make(&given, &urls, &error));
        assert_non_null(strstr(error, bad[i].error));
    }
}

/* Each to its last byte, and one more. */
static void test_lengths(void **state) {
    char text[PUBLIC_URL_MAX + 1];
    struct public_urls urls;
    const char *error;

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "http://h/", 9);
    text[PUBLIC_URL_MAX] = '\0';
    struct public_urls_given given = given_of("127.0.0.1", text, "", "");
    assert_false(public_urls_make(&given, &urls, &error));
    text[PUBLIC_URL_MAX - 1] = '\0';
    assert_true(public_urls_make(&given, &urls, &error));
    assert_string_equal(urls.api, text);

    memcpy(text, "ws://h/aa", 9);
    text[BROKER_URL_MAX] = '\0';
    given = given_of("127.0.0.1", "", "", text);
    assert_false(public_urls_make(&given, &urls, &error));
    text[BROKER_URL_MAX - 1] = '\0';
    assert_true(public_urls_make(&given, &urls, &error));

    memcpy(text, "http://aa", 9);
    text[7 + PUBLIC_HOST_MAX + 1] = '\0';
    given = given_of("127.0.0.1", text, "", "");
    assert_false(public_urls_make(&given, &urls, &error));
    text[7 + PUBLIC_HOST_MAX] = '\0';
    assert_true(public_urls_make(&given, &urls, &error));
    assert_int_equal(strlen(urls.host), PUBLIC_HOST_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
