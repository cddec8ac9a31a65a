#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"
#include "opening.h"

#define SECOND_NS UINT64_C(1000000000)
/* A broker that says nothing for so long has lost something. */
#define SILENCE_NS (15 * SECOND_NS)
#define OPEN_NS (120 * SECOND_NS)
#define DRAIN_NS (30 * SECOND_NS)
/* Whoever is to end it has died. */
#define HOLD_NS (120 * SECOND_NS)
#define TICK_MS 10
#define EVENTS 256
/* Descriptors beside the clients'. */
#define FILES_SPARE 16

struct load {
    struct run run;
    const struct options *options;
    struct opening opening;
    uint64_t silence_ns; /* more of it is an error */
    uint64_t complete_wanted;
    bool input_ended;
};

typedef bool (*load_until)(const struct load *load);

static bool fail(struct load *load, const char *what) {
    snprintf(load->run.problem, sizeof(load->run.problem), "%s", what);
    return false;
}

static bool report(const struct load *load, bool ok) {
    if (!ok)
        fprintf(stderr, "hum-load: %s\n", load->run.problem);
    return ok;
}

static bool all_ready(const struct load *load) { return load->run.ready == load->run.count; }

static bool all_drained(const struct load *load) {
    for (size_t i = 0; i < load->run.count; i++) {
        if (!client_is_drained(&load->run.clients[i]))
            return false;
    }
    return true;
}

static bool enough(const struct load *load) { return load->run.complete >= load->complete_wanted; }

static bool input_ended(const struct load *load) { return load->input_ended; }

static bool read_input(struct load *load) {
    char ignored[64];
    ssize_t got = read(STDIN_FILENO, ignored, sizeof(ignored));
    load->input_ended = got == 0;
    return got >= 0 || fail(load, strerror(errno));
}

static bool serve_events(struct load *load, int *count) {
    struct epoll_event events[EVENTS];
    *count = epoll_wait(load->run.epoll, events, EVENTS, TICK_MS);
    if (*count < 0 && errno != EINTR)
        return fail(load, strerror(errno));
    for (int i = 0; i < *count; i++) {
        struct client *client = events[i].data.ptr;
        if (!(client != NULL ? client_serve(client) : read_input(load)))
            return false;
    }
    return true;
}

/* Serves the clients until `until` holds or `for_ns` have gone by. */
static bool serve(struct load *load, uint64_t for_ns, load_until until) {
    uint64_t now = clock_ns();
    uint64_t end = now + for_ns;
    uint64_t heard_at = now;
    while (now < end && !until(load)) {
        int count = 0;
        if (load->options->shape->pause_us > 0)
            usleep(load->options->shape->pause_us);
        if (!all_ready(load) && !opening_continue(&load->opening, &load->run))
            return false;
        if (!serve_events(load, &count))
            return false;
        now = clock_ns();
        if (count > 0)
            heard_at = now;
        else if (now - heard_at > load->silence_ns)
            return fail(load, "the broker has been silent for 15 s");
    }
    return true;
}

static uint64_t cpu_ns(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    uint64_t seconds = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec);
    uint64_t micros = (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    return seconds * SECOND_NS + micros * 1000;
}

bool load_open(struct load *load, struct load_opened *ret) {
    uint64_t began = clock_ns();
    uint64_t cpu = cpu_ns();
    if (!serve(load, OPEN_NS, all_ready))
        return report(load, false);
    if (!all_ready(load))
        return report(load, fail(load, "not every client was in within 120 s"));
    *ret = (struct load_opened){
        .clients = load->run.count,
        .turned_away = load->run.turned_away,
        .ns = clock_ns() - began,
        .cpu_ns = cpu_ns() - cpu,
    };
    return true;
}

static bool start_sending(struct load *load) {
    load->run.sending = true;
    for (size_t i = 0; i < load->run.count; i++) {
        if (!client_top_up(&load->run.clients[i]))
            return false;
    }
    return true;
}

static bool drain(struct load *load) {
    load->run.sending = false;
    if (!serve(load, DRAIN_NS, all_drained))
        return false;
    return all_drained(load) || fail(load, "not all that was sent has come within 30 s");
}

static bool measure(struct load *load, struct load_result *result) {
    const struct run *run = &load->run;
    uint64_t began = clock_ns();
    uint64_t cpu = cpu_ns();
    uint64_t messages = run->complete;
    uint64_t deliveries = run->deliveries;
    if (load->options->messages > 0)
        load->complete_wanted = messages + load->options->messages;
    load->run.recording = true;
    if (!serve(load, load->options->seconds * SECOND_NS, enough))
        return false;
    load->run.recording = false;
    result->measured_ns = clock_ns() - began;
    result->cpu_ns = cpu_ns() - cpu;
    result->messages = run->complete - messages;
    result->deliveries = run->deliveries - deliveries;
    return result->messages > 0 || fail(load, "no message came while measuring");
}

static void sum_up(const struct load *load, struct load_result *result) {
    result->messages_whole_run = load->run.complete;
    for (size_t i = 0; i < load->run.count; i++) {
        const struct client *client = &load->run.clients[i];
        if (!client->sends)
            continue;
        uint64_t p99 = hist_quantile(client->latency, 0.99);
        result->senders++;
        hist_merge(&result->latency, client->latency);
        if (p99 > result->worst_p99_ns)
            result->worst_p99_ns = p99;
    }
}

bool load_measure(struct load *load, struct load_result *ret) {
    struct load_result measured = {0};
    load->complete_wanted = UINT64_MAX;
    if (!start_sending(load) || !serve(load, load->options->warmup_s * SECOND_NS, enough) ||
        !measure(load, &measured) || !drain(load))
        return report(load, false);
    sum_up(load, &measured);
    *ret = measured;
    return true;
}

bool load_hold(struct load *load) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    load->silence_ns = UINT64_MAX;
    if (epoll_ctl(load->run.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0)
        return report(load, fail(load, "standard input is to be a pipe"));
    bool ok = serve(load, HOLD_NS, input_ended);
    if (ok && !load->input_ended)
        ok = fail(load, "standard input did not end within 120 s");
    return report(load, ok);
}

/* Descriptors for all clients, where the system lets us. */
static bool allow_files(struct load *load) {
    struct rlimit limit;
    rlim_t wanted = load->run.count + FILES_SPARE;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted)
        return true;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted)
        limit.rlim_max = wanted; /* for root */
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ||
           fail(load, "more clients than files that may be open (ulimit -n)");
}

static size_t members_of(const struct shape *shape, size_t count) {
    switch (shape->audience) {
    case AUDIENCE_PAIR:
        return 2;
    case AUDIENCE_SERVER:
        return count;
    case AUDIENCE_SELF:
        break;
    }
    return 1;
}

static const struct client *peer_of(const struct load *load, const struct credential *who,
                                    size_t index) {
    switch (load->options->shape->audience) {
    case AUDIENCE_PAIR:
        return &load->run.clients[who->peer];
    case AUDIENCE_SERVER:
        return index > 0 ? &load->run.clients[0] : NULL;
    case AUDIENCE_SELF:
        break;
    }
    return NULL;
}

static bool prepare_clients(struct load *load, const struct credentials *credentials) {
    const struct shape *shape = load->options->shape;
    for (size_t i = 0; i < load->run.count; i++) {
        const struct credential *who = &credentials->items[i];
        load->run.clients[i] = (struct client){
            .connection.fd = -1,
            .run = &load->run,
            .who = who,
            .peer = peer_of(load, who, i),
            .index = i,
            .members = members_of(shape, load->run.count),
            .sends = !shape->silent && (shape->senders == 0 || i < shape->senders),
        };
        if (!client_prepare(&load->run.clients[i]))
            return false;
    }
    return true;
}

static bool prepare(struct load *load, struct credentials *credentials) {
    const char *problem = NULL;
    if (load->options->shape->audience == AUDIENCE_PAIR)
        problem = credentials_pair_up(credentials);
    if (problem != NULL)
        return fail(load, problem);
    if (load->run.clients == NULL || load->run.epoll < 0)
        return fail(load, "out of memory or files");
    return allow_files(load) && prepare_clients(load, credentials);
}

struct load *load_new(const struct options *options, struct credentials *credentials) {
    struct load *load = malloc(sizeof(*load));
    if (load == NULL)
        return NULL;
    *load = (struct load){
        .run = {.shape = options->shape,
                .hum = options->hum,
                .window = options->window,
                .epoll = epoll_create1(EPOLL_CLOEXEC),
                .port = options->port,
                .clients = calloc(credentials->count, sizeof(struct client)),
                .count = credentials->count},
        .options = options,
        .silence_ns = SILENCE_NS,
    };
    snprintf(load->run.tag, sizeof(load->run.tag), "b%llx", (unsigned long long)clock_ns() >> 10);
    if (report(load, prepare(load, credentials)))
        return load;
    load_free(load);
    return NULL;
}

void load_free(struct load *load) {
    if (load == NULL)
        return;
    for (size_t i = 0; load->run.clients != NULL && i < load->run.count; i++) {
        if (load->run.clients[i].run != NULL)
            client_close(&load->run.clients[i]);
    }
    free(load->run.clients);
    if (load->run.epoll >= 0)
        close(load->run.epoll);
    free(load);
}
