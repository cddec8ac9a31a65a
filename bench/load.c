#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"

#define SECOND_NS UINT64_C(1000000000)
/* A broker that says nothing for so long has lost something. */
#define SILENCE_NS (15 * SECOND_NS)
#define TICK_MS 10
#define EVENTS 64

struct load {
    struct run run;
    int epoll;
    unsigned pause_us;
    size_t count;
    struct client *clients;
    uint64_t heard_at;
    uint64_t deliveries_wanted;
};

typedef bool (*load_until)(const struct load *load);

static bool fail(struct load *load, const char *what) {
    snprintf(load->run.problem, sizeof(load->run.problem), "%s", what);
    return false;
}

static bool all_ready(const struct load *load) { return load->run.ready == load->count; }

static bool all_drained(const struct load *load) {
    for (size_t i = 0; i < load->count; i++) {
        if (!client_is_drained(&load->clients[i]))
            return false;
    }
    return true;
}

static bool enough(const struct load *load) {
    return load->run.deliveries >= load->deliveries_wanted;
}

/* Serves the clients until `until` holds or `for_ns` have gone by. */
static bool serve(struct load *load, uint64_t for_ns, load_until until) {
    uint64_t now = clock_ns();
    uint64_t end = now + for_ns;
    load->heard_at = now;
    while (now < end && !until(load)) {
        struct epoll_event events[EVENTS];
        if (load->pause_us > 0)
            usleep(load->pause_us);
        int count = epoll_wait(load->epoll, events, EVENTS, TICK_MS);
        if (count < 0 && errno != EINTR)
            return fail(load, strerror(errno));
        for (int i = 0; i < count; i++) {
            if (!client_serve(events[i].data.ptr))
                return false;
        }
        now = clock_ns();
        if (count > 0)
            load->heard_at = now;
        else if (now - load->heard_at > SILENCE_NS)
            return fail(load, "the broker has been silent for 15 s");
    }
    return true;
}

static bool open_all(struct load *load, const struct options *options) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};
    if (inet_pton(AF_INET, options->host, &address.sin_addr) != 1)
        return fail(load, "--host is not an IPv4 address");
    for (size_t i = 0; i < load->count; i++) {
        if (!client_open(&load->clients[i], load->epoll, &address))
            return false;
    }
    if (!serve(load, 2 * SILENCE_NS, all_ready))
        return false;
    return all_ready(load) || fail(load, "not every client could connect within 30 s");
}

static bool start_sending(struct load *load) {
    load->run.sending = true;
    for (size_t i = 0; i < load->count; i++) {
        if (!client_top_up(&load->clients[i]))
            return false;
    }
    return true;
}

static bool drain(struct load *load) {
    load->run.sending = false;
    if (!serve(load, 2 * SILENCE_NS, all_drained))
        return false;
    return all_drained(load) || fail(load, "not all that was sent has come within 30 s");
}

/* Messages that have reached both members. */
static uint64_t complete(const struct load *load) {
    uint64_t sum = 0;
    for (size_t i = 0; i < load->count; i++) {
        const struct client *client = &load->clients[i];
        uint64_t own = client->own_seen;
        uint64_t peer = client->peer->peer_seen;
        sum += own < peer ? own : peer;
    }
    return sum;
}

static uint64_t cpu_ns(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    uint64_t seconds = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec);
    uint64_t micros = (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    return seconds * SECOND_NS + micros * 1000;
}

static bool measure(struct load *load, const struct options *options, struct load_result *result) {
    uint64_t began = clock_ns();
    uint64_t cpu = cpu_ns();
    uint64_t messages = complete(load);
    uint64_t deliveries = load->run.deliveries;
    load->deliveries_wanted =
        options->messages > 0 ? deliveries + 2 * (uint64_t)options->messages : UINT64_MAX;
    load->run.recording = true;
    if (!serve(load, options->seconds * SECOND_NS, enough))
        return false;
    load->run.recording = false;
    result->measured_ns = clock_ns() - began;
    result->cpu_ns = cpu_ns() - cpu;
    result->messages = complete(load) - messages;
    result->deliveries = load->run.deliveries - deliveries;
    return true;
}

static void sum_up(const struct load *load, struct load_result *result) {
    result->messages_whole_run = complete(load);
    for (size_t i = 0; i < load->count; i++) {
        const struct client *client = &load->clients[i];
        uint64_t p99 = hist_quantile(&client->latency, 0.99);
        result->senders += client->sends;
        hist_merge(&result->latency, &client->latency);
        if (p99 > result->worst_p99_ns)
            result->worst_p99_ns = p99;
    }
}

static bool run_phases(struct load *load, const struct options *options,
                       struct load_result *result) {
    struct load_result measured = {0};
    load->deliveries_wanted = UINT64_MAX;
    if (!open_all(load, options) || !start_sending(load) ||
        !serve(load, options->warmup_s * SECOND_NS, enough) || !measure(load, options, &measured) ||
        !drain(load))
        return false;
    if (measured.messages == 0)
        return fail(load, "no message came while measuring");
    sum_up(load, &measured);
    *result = measured;
    return true;
}

static void set_up_clients(struct load *load, const struct options *options,
                           const struct credentials *credentials) {
    for (size_t i = 0; i < load->count; i++) {
        struct client *client = &load->clients[i];
        client->connection.fd = -1;
        client->run = &load->run;
        client->who = &credentials->items[i];
        client->peer = &load->clients[client->who->peer];
        client->index = i;
        client->sends = options->senders == 0 || i < options->senders;
    }
}

bool load_run(const struct options *options, const struct credentials *credentials,
              struct load_result *result) {
    struct load load = {
        .run = {.hum = options->hum, .window = options->window},
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .pause_us = options->pause_us,
        .count = credentials->count,
        .clients = calloc(credentials->count, sizeof(struct client)),
    };
    snprintf(load.run.tag, sizeof(load.run.tag), "b%llx", (unsigned long long)clock_ns() >> 10);
    bool ok = load.clients != NULL && load.epoll >= 0;
    if (ok) {
        set_up_clients(&load, options, credentials);
        ok = run_phases(&load, options, result);
        for (size_t i = 0; i < load.count; i++)
            client_close(&load.clients[i]);
    }
    if (!ok)
        fprintf(stderr, "hum-load: %s\n", load.run.problem[0] ? load.run.problem : "cannot start");
    free(load.clients);
    if (load.epoll >= 0)
        close(load.epoll);
    return ok;
}
