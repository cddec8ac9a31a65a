/*
 * hum-load: a load generator for Hum and, as what it is compared with, raw Mosquitto.
 *
 * It shares the machine's cores with the broker, so it is written to cost little: one thread, no
 * library, one recv and one send per ready connection, pauses under full load. See --help.
 */
#include <stdio.h>
#include <stdlib.h>

#include "credentials.h"
#include "load.h"
#include "message.h"
#include "options.h"

static double micros(uint64_t ns) { return (double)ns / 1e3; }

static double seconds(uint64_t ns) { return (double)ns / 1e9; }

static void print_head(const struct options *options) {
    printf("{\"mode\":\"%s\",\"shape\":\"%s\",", options->hum ? "hum" : "raw",
           options->shape->name);
}

static void print_opened(const struct load_opened *opened) {
    printf("\"clients\":%zu,\"turned_away\":%zu,\"ready_s\":%.3f,\"generator_cpu_s\":%.3f}\n",
           opened->clients, opened->turned_away, seconds(opened->ns), seconds(opened->cpu_ns));
}

static void print_result(const struct options *options, const struct load_opened *opened,
                         const struct load_result *result) {
    double measured = seconds(result->measured_ns);
    char sample[MESSAGE_CAP];
    printf("\"clients\":%zu,\"turned_away\":%zu,\"senders\":%zu,\"window\":%u,", opened->clients,
           opened->turned_away, result->senders, options->window);
    printf("\"payload_bytes\":%zu,\"seconds\":%.3f,\"messages\":%llu,",
           message_write(sample, "b0123456789", 10, 100000), measured,
           (unsigned long long)result->messages);
    printf("\"messages_per_s\":%.1f,\"deliveries_per_s\":%.1f,",
           (double)result->messages / measured, (double)result->deliveries / measured);
    printf("\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,",
           micros(hist_quantile(&result->latency, 0.5)),
           micros(hist_quantile(&result->latency, 0.9)),
           micros(hist_quantile(&result->latency, 0.99)), micros(result->latency.max));
    printf("\"worst_sender_p99_us\":%.1f,\"generator_cpu_s\":%.3f,\"messages_whole_run\":%llu}\n",
           micros(result->worst_p99_ns), seconds(result->cpu_ns),
           (unsigned long long)result->messages_whole_run);
}

/* Whoever reads the line may act on it while the clients stay. */
static bool hold(struct load *load, const struct options *options,
                 const struct load_opened *opened) {
    print_head(options);
    print_opened(opened);
    return fflush(stdout) == 0 && load_hold(load);
}

static bool measure(struct load *load, const struct options *options,
                    const struct load_opened *opened) {
    struct load_result result;
    if (!load_measure(load, &result))
        return false;
    print_head(options);
    print_result(options, opened, &result);
    return fflush(stdout) == 0;
}

static bool run(const struct options *options, struct credentials *credentials) {
    struct load_opened opened;
    struct load *load = load_new(options, credentials);
    bool ok = load != NULL && load_open(load, &opened);
    if (ok)
        ok = (options->shape->silent ? hold : measure)(load, options, &opened);
    load_free(load);
    return ok;
}

int main(int argc, char **argv) {
    struct options options;
    struct credentials credentials;
    if (!options_read(&options, argc, argv))
        return EXIT_FAILURE;
    const char *problem = credentials_read(&credentials, options.credentials);
    bool ok = problem == NULL;
    if (!ok)
        fprintf(stderr, "hum-load: %s: %s\n", options.credentials, problem);
    else
        ok = run(&options, &credentials);
    credentials_free(&credentials);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
