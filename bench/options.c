#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "hum-load --mode hum|raw --shape pairs|lone --port N --credentials FILE\n"
    "         [--host 127.0.0.1] [--window N] [--warmup S] [--seconds S] [--messages N]\n"
    "\n"
    "Loads an MQTT 3.1.1 broker, prints one line of JSON, exits 1 when anything went wrong.\n"
    "  mode raw    publishes to dm/<room>/messages, which both members read\n"
    "  mode hum    publishes to dm/<room>/send and checks seq and errors, too\n"
    "  shape pairs every client sends, 16 messages in flight each unless --window says otherwise\n"
    "  shape lone  the first client sends, one message in flight\n"
    "In flight is what has been published and has not yet come back as the sender's own copy.\n"
    "FILE: a line `client_id username password room_id` per client, password - for none.\n";

enum { MODE, SHAPE, HOST, PORT, CREDENTIALS, WINDOW, WARMUP, SECONDS, MESSAGES, HELP };

static const struct option names[] = {
    {"mode", required_argument, NULL, MODE},
    {"shape", required_argument, NULL, SHAPE},
    {"host", required_argument, NULL, HOST},
    {"port", required_argument, NULL, PORT},
    {"credentials", required_argument, NULL, CREDENTIALS},
    {"window", required_argument, NULL, WINDOW},
    {"warmup", required_argument, NULL, WARMUP},
    {"seconds", required_argument, NULL, SECONDS},
    {"messages", required_argument, NULL, MESSAGES},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

/* A generator that woke up for every packet would take two thirds of a core from the broker and
 * the database. Under a load whose echoes take milliseconds it looks every 200 us instead; that
 * halves its cost, on either broker. */
static const struct shape {
    const char *name;
    unsigned senders;
    unsigned window;
    unsigned pause_us;
} shapes[] = {{"pairs", 0, 16, 200}, {"lone", 1, 1, 0}};

static bool read_number(const char *text, unsigned from, unsigned to, unsigned *number) {
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value < from || value > to)
        return false;
    *number = (unsigned)value;
    return true;
}

static bool read_mode(struct options *options, const char *text) {
    options->hum = strcmp(text, "hum") == 0;
    return options->hum || strcmp(text, "raw") == 0;
}

/* An explicit --window wins, wherever it stands. */
static bool read_shape(struct options *options, const char *text) {
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (strcmp(shapes[i].name, text) != 0)
            continue;
        options->shape = shapes[i].name;
        options->senders = shapes[i].senders;
        options->pause_us = shapes[i].pause_us;
        if (options->window == 0)
            options->window = shapes[i].window;
        return true;
    }
    return false;
}

static bool read_one(struct options *options, int name, const char *value) {
    switch (name) {
    case MODE:
        return read_mode(options, value);
    case SHAPE:
        return read_shape(options, value);
    case HOST:
        options->host = value;
        return true;
    case PORT:
        return read_number(value, 1, 65535, &options->port);
    case CREDENTIALS:
        options->credentials = value;
        return true;
    case WINDOW:
        return read_number(value, 1, 1024, &options->window);
    case WARMUP:
        return read_number(value, 0, 600, &options->warmup_s);
    case SECONDS:
        return read_number(value, 1, 600, &options->seconds);
    case MESSAGES:
        return read_number(value, 1, 1000000000, &options->messages);
    default:
        return false;
    }
}

bool options_read(struct options *options, int argc, char **argv) {
    *options = (struct options){.host = "127.0.0.1", .warmup_s = 2, .seconds = 10};
    bool mode = false;
    int name;
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (name == HELP) {
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        }
        if (name == '?')
            return false;
        if (!read_one(options, name, optarg)) {
            fprintf(stderr, "hum-load: --%s cannot be %s\n", names[name].name, optarg);
            return false;
        }
        mode |= name == MODE;
    }
    if (mode && options->shape != NULL && options->port != 0 && options->credentials != NULL &&
        optind == argc)
        return true;
    fprintf(stderr, "hum-load: --mode, --shape, --port and --credentials are needed, and no more "
                    "than options; see --help\n");
    return false;
}
