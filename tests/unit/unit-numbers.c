/* The broker's numbers as Prometheus reads them. */
#include "unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "numbers.h"

static struct numbers_port *port;
static uint16_t port_number;

static uint16_t free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static int open_port(void **state) {
    (void)state;
    for (int tries = 0; tries < 20; tries++) {
        port_number = free_port();
        if (numbers_open("127.0.0.1", port_number, &port) == HUM_OK) {
            return 0;
        }
    }
    return -1;
}

static int close_port(void **state) {
    (void)state;
    numbers_close(port);
    return 0;
}

/* The whole answer, with its head. */
static void ask(const char *request, char *answer, size_t size) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(port_number)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t len = 0;
    ssize_t got;

    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    while ((got = read(fd, answer + len, size - 1 - len)) > 0) {
        len += (size_t)got;
    }
    answer[len] = '\0';
    close(fd);
}

#define REQUEST(line) line " HTTP/1.1\r\nHost: numbers\r\nConnection: close\r\n\r\n"

static char page[128 * 1024];

static const char *scrape(void) {
    ask(REQUEST("GET /metrics"), page, sizeof page);
    assert_non_null(strstr(page, "HTTP/1.1 200 "));
    assert_non_null(strstr(page, "text/plain; version=0.0.4"));
    const char *body = strstr(page, "\r\n\r\n");
    assert_non_null(body);
    return body + 4;
}

/* The value of a line; its name is given with its labels. */
static long long value_of(const char *body, const char *name) {
    char start[200];

    snprintf(start, sizeof start, "\n%s ", name);
    const char *line = strstr(body, start);
    if (!line) {
        fail_msg("%s is not there", name);
        return -1;
    }
    return strtoll(line + strlen(start), NULL, 10);
}

static void test_who_may_ask_for_what(void **state) {
    static const char *const others[] = {REQUEST("GET /"), REQUEST("GET /metrics/"),
                                         REQUEST("POST /metrics"), REQUEST("DELETE /metrics")};
    struct numbers_port *second = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        ask(others[i], page, sizeof page);
        assert_non_null(strstr(page, " 404 "));
    }
    assert_int_equal(numbers_open("127.0.0.1", port_number, &second), HUM_UNAVAILABLE);
    assert_int_equal(numbers_open("localhost", 1, &second), HUM_INVALID_REQUEST);
    assert_int_equal(numbers_open("", 1, &second), HUM_INVALID_REQUEST);
    assert_null(second);
    numbers_close(NULL);
}

/* Each line: a comment of the right kind, or a name, perhaps labels, and a whole number. */
static void assert_line(const char *line, size_t len, char family[64]) {
    char text[400], name[64], kind[16];
    long long value;
    int end = 0;

    assert_true(len < sizeof text);
    snprintf(text, sizeof text, "%.*s", (int)len, line);
    if (sscanf(text, "# HELP %63s %n", name, &end) == 1) {
        assert_true(end > 0 && text[end] != '\0');
        strcpy(family, name);
        return;
    }
    if (sscanf(text, "# TYPE %63s %15s%n", name, kind, &end) == 2) {
        assert_string_equal(name, family);
        assert_int_equal(text[end], '\0');
        assert_true(strcmp(kind, "counter") == 0 || strcmp(kind, "gauge") == 0 ||
                    strcmp(kind, "histogram") == 0);
        return;
    }
    assert_int_equal(strncmp(text, family, strlen(family)), 0);
    const char *space = strrchr(text, ' ');
    assert_non_null(space);
    assert_int_equal(sscanf(space, " %lld%n", &value, &end), 1);
    assert_int_equal(space[end], '\0');
}

static void test_format(void **state) {
    char family[64] = "";
    size_t lines = 0;

    (void)state;
    for (const char *line = scrape(); *line; lines++) {
        const char *end = strchr(line, '\n');

        assert_non_null(end); /* the last one, too */
        assert_line(line, (size_t)(end - line), family);
        line = end + 1;
    }
    assert_true(lines > 2 * NUMBER_COUNT);
}

static void test_values(void **state) {
    (void)state;
    long long accepted = value_of(scrape(), "hum_messages_accepted_total");
    long long limited = value_of(page, "hum_refused_total{code=\"rate_limited\"}");

    number_add(NUMBER_ACCEPTED, 5);
    number_set(NUMBER_CONNECTIONS, 42);
    number_refused(HUM_RATE_LIMITED);
    number_refused((enum hum_status)9999); /* none of ours */
    const char *body = scrape();
    assert_int_equal(value_of(body, "hum_messages_accepted_total"), accepted + 5);
    assert_int_equal(value_of(body, "hum_connections"), 42);
    assert_int_equal(value_of(body, "hum_refused_total{code=\"rate_limited\"}"), limited + 1);
    assert_null(strstr(body, "{code=\"ok\"}"));
}

/* A bound counts what is not above it, each step all that is below. */
static void test_measures(void **state) {
    static const int64_t sizes[] = {1, 2, 3, 1000, 1001, 5000};
    long long before = value_of(scrape(), "hum_batch_messages_count"), last = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        number_measure(MEASURE_BATCH_SIZE, sizes[i]);
    }
    const char *body = scrape();
    assert_int_equal(before, 0);
    assert_int_equal(value_of(body, "hum_batch_messages_bucket{le=\"1\"}"), 1);
    assert_int_equal(value_of(body, "hum_batch_messages_bucket{le=\"2\"}"), 2);
    assert_int_equal(value_of(body, "hum_batch_messages_bucket{le=\"5\"}"), 3);
    assert_int_equal(value_of(body, "hum_batch_messages_bucket{le=\"1000\"}"), 4);
    assert_int_equal(value_of(body, "hum_batch_messages_bucket{le=\"+Inf\"}"), 6);
    assert_int_equal(value_of(body, "hum_batch_messages_sum"), 7007);
    assert_int_equal(value_of(body, "hum_batch_messages_count"), 6);
    for (const char *at = body; (at = strstr(at, "hum_batch_messages_bucket{")); at++) {
        long long count = strtoll(strstr(at, "} ") + 2, NULL, 10);

        assert_true(count >= last);
        last = count;
    }
}

static void *count_many(void *arg) {
    for (int i = 0; i < 20000; i++) {
        number_add(NUMBER_PUBLISHED, 1);
        number_measure(MEASURE_COMMIT_US, i);
        number_refused(HUM_TOO_LARGE);
    }
    return arg;
}

static void test_many_threads(void **state) {
    long long before = value_of(scrape(), "hum_messages_published_total"), last = before;
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, NULL), 0);
    }
    for (int i = 0; i < 10; i++) {
        long long now = value_of(scrape(), "hum_messages_published_total");

        assert_true(now >= last);
        last = now;
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(value_of(scrape(), "hum_messages_published_total"), before + 4 * 20000);
    assert_int_equal(value_of(page, "hum_commit_microseconds_count"), 4 * 20000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_ask_for_what),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_many_threads),
    };

    return cmocka_run_group_tests(tests, open_port, close_port);
}
