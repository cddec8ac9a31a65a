#include "numbers.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

enum { STATUS_COUNT = HUM_UNAVAILABLE + 1, STEPS_MAX = 12, TEXT_MAX = 64 * 1024, CLIENTS_MAX = 16 };

static _Atomic(int64_t) values[NUMBER_COUNT];
static _Atomic(int64_t) refused[STATUS_COUNT];

static const struct {
    const char *name;
    const char *help;
    int64_t bounds[STEPS_MAX]; /* ascending, ended by 0 */
} measures[MEASURE_COUNT] = {
    [MEASURE_BATCH_SIZE] = {"hum_batch_messages",
                            "Messages of one commit",
                            {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}},
    [MEASURE_COMMIT_US] = {"hum_commit_microseconds",
                           "Time of one commit, from the statement to its answer",
                           {200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 1000000}},
    [MEASURE_REVOCATION_US] = {"hum_revocation_microseconds",
                               "Time from hearing of a lost right or session to obeying it",
                               {100, 500, 1000, 5000, 10000, 50000, 100000, 250000, 1000000}},
};

static struct {
    _Atomic(int64_t) steps[STEPS_MAX + 1]; /* the last one: above all bounds */
    _Atomic(int64_t) sum;
} measured[MEASURE_COUNT];

static void add(_Atomic(int64_t) *value, int64_t count) {
    atomic_fetch_add_explicit(value, count, memory_order_relaxed);
}

static int64_t get(_Atomic(int64_t) *value) {
    return atomic_load_explicit(value, memory_order_relaxed);
}

void number_add(enum number number, int64_t count) { add(&values[number], count); }

void number_set(enum number number, int64_t value) {
    atomic_store_explicit(&values[number], value, memory_order_relaxed);
}

void number_refused(enum hum_status status) {
    if ((size_t)status < STATUS_COUNT) {
        add(&refused[status], 1);
    }
}

void number_measure(enum measure measure, int64_t value) {
    size_t step = 0;

    while (step < STEPS_MAX && measures[measure].bounds[step] &&
           value > measures[measure].bounds[step]) {
        step++;
    }
    if (step < STEPS_MAX && !measures[measure].bounds[step]) {
        step = STEPS_MAX;
    }
    add(&measured[measure].steps[step], 1);
    add(&measured[measure].sum, value);
}

/* ---- Prometheus' text format, version 0.0.4 ---- */

static void add_head(struct buf *text, const char *name, const char *kind, const char *help) {
    const char *const parts[] = {"# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        buf_text(text, parts[i]);
    }
}

static void add_value(struct buf *text, const char *name, const char *label, int64_t value) {
    buf_text(text, name);
    buf_text(text, label);
    buf_text(text, " ");
    buf_int(text, value);
    buf_text(text, "\n");
}

static void add_refused(struct buf *text) {
    const char *name = "hum_refused_total";
    struct buf label;

    buf_init(&label, 256);
    add_head(text, name, "counter", "Refusals, by the code that the client was told");
    for (size_t i = HUM_OK + 1; i < STATUS_COUNT; i++) {
        buf_reset(&label);
        buf_text(&label, "{code=\"");
        buf_text(&label, hum_status_code((enum hum_status)i));
        buf_add(&label, "\"}", 3); /* with its NUL */
        add_value(text, name, label.failed ? "" : label.data, get(&refused[i]));
    }
    buf_free(&label);
}

static void add_step(struct buf *text, const char *name, int64_t bound, int64_t count) {
    buf_text(text, name);
    buf_text(text, "_bucket{le=\"");
    if (bound) {
        buf_int(text, bound);
    } else {
        buf_text(text, "+Inf");
    }
    buf_text(text, "\"} ");
    buf_int(text, count);
    buf_text(text, "\n");
}

static void add_measure(struct buf *text, size_t measure) {
    const char *name = measures[measure].name;
    int64_t count = 0;

    add_head(text, name, "histogram", measures[measure].help);
    for (size_t i = 0; i < STEPS_MAX && measures[measure].bounds[i]; i++) {
        count += get(&measured[measure].steps[i]);
        add_step(text, name, measures[measure].bounds[i], count);
    }
    count += get(&measured[measure].steps[STEPS_MAX]);
    add_step(text, name, 0, count);
    add_value(text, name, "_sum", get(&measured[measure].sum));
    add_value(text, name, "_count", count);
}

static void add_all(struct buf *text) {
    static const struct {
        const char *name, *kind, *help;
    } list[] = {
#define X(name, text, kind, help) {text, kind, help},
        NUMBERS_MAP(X)
#undef X
    };

    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        add_head(text, list[i].name, list[i].kind, list[i].help);
        add_value(text, list[i].name, "", get(&values[i]));
    }
    add_refused(text);
    for (size_t i = 0; i < MEASURE_COUNT; i++) {
        add_measure(text, i);
    }
}

/* ---- The port ---- */

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state) {
    struct buf text;
    bool found = strcmp(url, "/metrics") == 0 && strcmp(method, "GET") == 0;

    (void)arg;
    (void)version;
    (void)upload;
    (void)upload_size;
    (void)state;
    buf_init(&text, TEXT_MAX);
    if (found) {
        add_all(&text);
    } else {
        buf_text(&text, "GET /metrics is all there is\n");
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text.len, text.data, MHD_RESPMEM_MUST_COPY);
    buf_free(&text);
    if (!response) {
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    enum MHD_Result result = MHD_queue_response(connection, found ? 200 : 404, response);
    MHD_destroy_response(response);
    return result;
}

enum hum_status numbers_open(const char *address, uint16_t port, struct numbers_port **ret_port) {
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    bool is_four = inet_pton(AF_INET, address, &four.sin_addr) == 1;

    if (!is_four && inet_pton(AF_INET6, address, &six.sin6_addr) != 1) {
        return HUM_INVALID_REQUEST;
    }
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | (is_four ? 0 : MHD_USE_IPv6);
    const void *where = is_four ? (const void *)&four : (const void *)&six;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags, port, NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR, where,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CLIENTS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, 10u,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384, MHD_OPTION_END);
    if (!daemon) {
        return HUM_UNAVAILABLE;
    }
    *ret_port = (struct numbers_port *)daemon;
    return HUM_OK;
}

void numbers_close(struct numbers_port *port) {
    if (port) {
        MHD_stop_daemon((struct MHD_Daemon *)port);
    }
}
