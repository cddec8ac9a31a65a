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

static void print(const struct options *options, const struct load_result *result) {
    double seconds = (double)result->measured_ns / 1e9;
    char sample[MESSAGE_CAP];
    printf("{\"mode\":\"%s\",\"shape\":\"%s\",\"senders\":%zu,\"window\":%u,\"payload_bytes\":%zu,",
           options->hum ? "hum" : "raw", options->shape, result->senders, options->window,
           message_write(sample, "b0123456789", 10, 100000));
    printf("\"seconds\":%.3f,\"messages\":%llu,\"messages_per_s\":%.1f,\"deliveries_per_s\":%.1f,",
           seconds, (unsigned long long)result->messages, (double)result->messages / seconds,
           (double)result->deliveries / seconds);
    printf("\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,",
           micros(hist_quantile(&result->latency, 0.5)),
           micros(hist_quantile(&result->latency, 0.9)),
           micros(hist_quantile(&result->latency, 0.99)), micros(result->latency.max));
    printf("\"worst_sender_p99_us\":%.1f,\"generator_cpu_s\":%.3f,\"messages_whole_run\":%llu}\n",
           micros(result->worst_p99_ns), (double)result->cpu_ns / 1e9,
           (unsigned long long)result->messages_whole_run);
}

int main(int argc, char **argv) {
    struct options options;
    struct credentials credentials;
    struct load_result result;
    if (!options_read(&options, argc, argv))
        return EXIT_FAILURE;
    const char *problem = credentials_read(&credentials, options.credentials);
    bool ok = problem == NULL;
    if (!ok)
        fprintf(stderr, "hum-load: %s: %s\n", options.credentials, problem);
    else
        ok = load_run(&options, &credentials, &result);
    if (ok)
        print(&options, &result);
    credentials_free(&credentials);
    return ok && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
