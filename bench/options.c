#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "hum-load --mode hum|raw --shape SHAPE --port N --credentials FILE\n"
    "         [--window N] [--warmup S] [--seconds S] [--messages N]\n"
    "\n"
    "Loads an MQTT 3.1.1 broker on 127.0.0.1, prints one line of JSON, exits 1 when anything went\n"
    "wrong.\n"
    "  mode raw     publishes to <room>/messages, which all members read\n"
    "  mode hum     publishes to <room>/send and checks seq and errors, too\n"
    "  shape pairs  DMs: every client sends, 16 messages in flight each unless --window says else\n"
    "  shape lone   the first client sends, one message in flight\n"
    "  shape fanout a server: the first client posts, everybody else reads, 8 posts in flight\n"
    "  shape crowd  nobody sends: the line tells how long it took until all were in, and they\n"
    "               stay until standard input ends; crowd-ws: over WebSocket\n"
    "In flight is what has been published and has not yet come back as the sender's own copy; in\n"
    "fanout, what somebody still lacks.\n"
    "FILE: a line `client_id username password room_id` per client, password - for none.\n";

enum { MODE, SHAPE, PORT, CREDENTIALS, WINDOW, WARMUP, SECONDS, MESSAGES, HELP };

static const struct option names[] = {
    {"mode", required_argument, NULL, MODE},
    {"shape", required_argument, NULL, SHAPE},
    {"port", required_argument, NULL, PORT},
    {"credentials", required_argument, NULL, CREDENTIALS},
    {"window", required_argument, NULL, WINDOW},
    {"warmup", required_argument, NULL, WARMUP},
    {"seconds", required_argument, NULL, SECONDS},
    {"messages", required_argument, NULL, MESSAGES},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

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
    options->shape = shape_find(text);
    if (options->shape != NULL && options->window == 0)
        options->window = options->shape->window;
    return options->shape != NULL;
}

static bool read_one(struct options *options, int name, const char *value) {
    switch (name) {
    case MODE:
        return read_mode(options, value);
    case SHAPE:
        return read_shape(options, value);
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
    *options = (struct options){.warmup_s = 2, .seconds = 10};
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
