#include "tally.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "prometheus.h"

enum { STATUS_MIN = 100, STATUS_END = 600, STEPS = 12, LABELS_MAX = 160 };

/* A handler that reads a row takes less than a millisecond, one that hashes a password 20 ms; past
 * 10 s a statement is ended. */
static const struct {
    int64_t us;
    const char *text;
} bounds[STEPS] = {
    {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},
    {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},
    {250000, "0.25"}, {1000000, "1"},   {2500000, "2.5"}, {10000000, "10"},
};

/* Pages of it that nothing was ever written to take no memory: most statuses never come. */
struct row {
    const char *method, *path;
    _Atomic(int64_t) statuses[STATUS_END - STATUS_MIN];
    _Atomic(int64_t) steps[STEPS + 1]; /* the last one: above all bounds */
    _Atomic(int64_t) sum_us;
};

struct tally {
    size_t count;
    _Atomic(int64_t) running, malformed;
    struct row rows[]; /* one a route, and one for what has none */
};

enum hum_status tally_new(size_t count, struct tally **ret_tally) {
    struct tally *tally = calloc(1, sizeof *tally + (count + 1) * sizeof tally->rows[0]);

    if (!tally) {
        return HUM_INTERNAL;
    }
    tally->count = count;
    tally_name(tally, count, "other", "none");
    *ret_tally = tally;
    return HUM_OK;
}

void tally_free(struct tally *tally) { free(tally); }

void tally_name(struct tally *tally, size_t route, const char *method, const char *path) {
    tally->rows[route].method = method;
    tally->rows[route].path = path;
}

static void add(_Atomic(int64_t) *value, int64_t count) {
    atomic_fetch_add_explicit(value, count, memory_order_relaxed);
}

static int64_t get(const _Atomic(int64_t) *value) {
    return atomic_load_explicit(value, memory_order_relaxed);
}

void tally_begin(struct tally *tally) { add(&tally->running, 1); }

void tally_end(struct tally *tally, size_t route, int status, int64_t us) {
    struct row *row = &tally->rows[route < tally->count ? route : tally->count];
    size_t step = 0;

    while (step < STEPS && us > bounds[step].us) {
        step++;
    }
    add(&tally->running, -1);
    add(&row->statuses[status >= STATUS_MIN && status < STATUS_END ? status - STATUS_MIN : 0], 1);
    add(&row->steps[step], 1);
    add(&row->sum_us, us);
}

void tally_malformed(struct tally *tally) { add(&tally->malformed, 1); }

static void write_statuses(const struct row *row, struct buf *out) {
    char labels[LABELS_MAX];

    for (int i = 0; i < STATUS_END - STATUS_MIN; i++) {
        int64_t count = get(&row->statuses[i]);

        if (count > 0) {
            snprintf(labels, sizeof labels, "{route=\"%s\",method=\"%s\",status=\"%d\"}", row->path,
                     row->method, i + STATUS_MIN);
            prometheus_value(out, "hum_api_requests_total", labels, count);
        }
    }
}

static void write_bucket(const struct row *row, const char *bound, int64_t count, struct buf *out) {
    char labels[LABELS_MAX];

    snprintf(labels, sizeof labels, "{route=\"%s\",method=\"%s\",le=\"%s\"}", row->path,
             row->method, bound);
    prometheus_value(out, "hum_api_request_seconds_bucket", labels, count);
}

static void write_times(const struct row *row, struct buf *out) {
    int64_t counts[STEPS + 1], count = 0;
    char labels[LABELS_MAX];

    for (size_t i = 0; i <= STEPS; i++) {
        counts[i] = count += get(&row->steps[i]);
    }
    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < STEPS; i++) {
        write_bucket(row, bounds[i].text, counts[i], out);
    }
    write_bucket(row, "+Inf", count, out);
    snprintf(labels, sizeof labels, "{route=\"%s\",method=\"%s\"}", row->path, row->method);
    prometheus_seconds(out, "hum_api_request_seconds_sum", labels, get(&row->sum_us));
    prometheus_value(out, "hum_api_request_seconds_count", labels, count);
}

void tally_write(const struct tally *tally, struct buf *out) {
    prometheus_head(
        out, "hum_api_requests_total", "counter",
        "Requests answered; HEAD counts as GET, OPTIONS and what fits no route as none");
    for (size_t i = 0; i <= tally->count; i++) {
        write_statuses(&tally->rows[i], out);
    }
    prometheus_head(out, "hum_api_request_seconds", "histogram",
                    "Time from the whole request to its answer");
    for (size_t i = 0; i <= tally->count; i++) {
        write_times(&tally->rows[i], out);
    }
    prometheus_single(out, "hum_api_requests_running", "gauge", "Requests being worked on",
                      get(&tally->running));
    prometheus_single(out, "hum_api_requests_malformed_total", "counter",
                      "Requests that the HTTP server has refused, or that broke off",
                      get(&tally->malformed));
}
