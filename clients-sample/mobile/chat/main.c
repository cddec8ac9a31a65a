/* hum-chat: Hum in a terminal, and for scripts. One thread of ours; the library has its own, whose
 * events come through a queue. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "chat.h"
#include "queue.h"

enum { TYPING_EVERY_MS = 3000, TICK_MS = 1000, LINGER_MS = 15000, PATH_SIZE = 4096 };

static const char usage[] =
    "usage: hum-chat [--url URL] [--store FILE] [--plain] [--ca FILE] [--device NAME]\n"
    "                [--keepalive SECONDS]\n"
    "\n"
    "  --url URL      the server (http://127.0.0.1:8080)\n"
    "  --store FILE   where messages are kept (~/.local/share/hum/chat.db)\n"
    "  --plain        for scripts: a line in, a line out, each beginning with a word\n"
    "  --ca FILE      PEM of who vouches for the server\n"
    "  --device NAME  what the list of devices calls this one (hum-chat)\n"
    "  --keepalive S  longest time without a word on the line, up to 900\n"
    "\n"
    "A password is asked for, or the next line of standard input. /help says the rest.\n";

struct options {
    hum_config config;
    bool plain;
    char store[PATH_SIZE];
};

static int64_t clock_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t now_ms(void) { return clock_ms(CLOCK_MONOTONIC); }

int64_t wall_ms(void) { return clock_ms(CLOCK_REALTIME); }

/* ---- Options ---- */

/* Where messages are kept unless said: made when missing. */
static bool default_store(char path[PATH_SIZE]) {
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int length =
        data != NULL && *data == '/'
            ? snprintf(path, PATH_SIZE - 16, "%s/hum", data)
            : snprintf(path, PATH_SIZE - 16, "%s/.local/share/hum", home == NULL ? "" : home);
    if (length >= PATH_SIZE - 16)
        return false;
    for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return false;
    length = (int)strlen(path);
    snprintf(path + length, PATH_SIZE - (size_t)length, "/chat.db");
    return true;
}

static bool read_options(struct options *options, int argc, char **argv) {
    static const struct option known[] = {
        {"url", required_argument, NULL, 'u'},    {"store", required_argument, NULL, 's'},
        {"plain", no_argument, NULL, 'p'},        {"ca", required_argument, NULL, 'c'},
        {"device", required_argument, NULL, 'd'}, {"keepalive", required_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},         {0}};
    hum_config *config = &options->config;
    int option;
    config->url = "http://127.0.0.1:8080";
    config->device_name = "hum-chat";
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'u':
            config->url = optarg;
            break;
        case 's':
            config->store = optarg;
            break;
        case 'p':
            options->plain = true;
            break;
        case 'c':
            config->ca_file = optarg;
            break;
        case 'd':
            config->device_name = optarg;
            break;
        case 'k':
            config->keepalive_max_s = (int32_t)strtol(optarg, NULL, 10);
            break;
        case 'h':
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        default:
            return false;
        }
    }
    if (config->store == NULL && default_store(options->store))
        config->store = options->store;
    return config->store != NULL && optind == argc;
}

/* ---- What comes ---- */

static void read_input(struct chat *chat) {
    char *line = NULL;
    enum input_got got;
    while ((got = input_read(chat->input, &line)) == INPUT_LINE || got == INPUT_SECRET) {
        if (got == INPUT_SECRET) {
            chat->secret(chat, line);
            explicit_bzero(line, strlen(line));
        } else {
            commands_run(chat, line);
        }
        if (chat->quit || !screen_is_plain(chat->screen))
            return;
    }
    if (got == INPUT_END && !screen_is_plain(chat->screen))
        chat->quit = true;
    else if (got == INPUT_END && chat->ends_at == 0)
        chat->ends_at = now_ms() + LINGER_MS;
    if (input_writes(chat->input) && chat->room != 0 && now_ms() >= chat->told_typing) {
        chat->told_typing = now_ms() + TYPING_EVERY_MS;
        hum_typing(chat->hum, chat->room);
    }
}

static void read_signal(struct chat *chat, int fd) {
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGWINCH)
        screen_resized(chat->screen);
    else
        chat->quit = true;
}

static void read_events(struct chat *chat, struct queue *queue) {
    hum_event event;
    while (queue_take(queue, &event))
        show_event(chat, &event);
}

/* A script's input has ended: what it asked for and wrote is brought to an end, if that can be. */
static bool lingers(struct chat *chat) {
    if (chat->ends_at == 0)
        return true;
    return now_ms() < chat->ends_at && (calls_wait(chat) || talk_waits(chat));
}

static void run(struct chat *chat, struct queue *queue, int signals) {
    while (!chat->quit && lingers(chat)) {
        show_prompt(chat);
        struct pollfd ready[] = {
            {.fd = queue_fd(queue), .events = POLLIN},
            {.fd = signals, .events = POLLIN},
            {.fd = chat->ends_at == 0 ? input_fd(chat->input) : -1, .events = POLLIN}};
        bool ticks = chat->typing_room != 0 || chat->ends_at != 0;
        if (poll(ready, 3, ticks ? TICK_MS : -1) < 0 && errno != EINTR)
            return;
        if (ready[1].revents != 0)
            read_signal(chat, signals);
        if (ready[0].revents != 0)
            read_events(chat, queue);
        if (ready[2].revents != 0)
            read_input(chat);
        if (now_ms() >= chat->typing_until)
            chat->typing_room = 0;
        if (ferror(stdout))
            return;
    }
}

/* ---- Beginning and end ---- */

static int catch_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGWINCH);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static bool open_screen(struct chat *chat, bool plain) {
    chat->input = input_new(!plain);
    chat->screen = chat->input == NULL ? NULL : screen_new(plain, chat->input);
    return chat->screen != NULL;
}

static hum_result open_all(struct chat *chat, struct options *options, struct queue *queue) {
    options->config.on_event = queue_put;
    options->config.arg = queue;
    hum_result result = hum_open(&options->config, &chat->hum);
    if (result == HUM_DONE && !open_screen(chat, options->plain))
        result = HUM_NO_MEMORY;
    return result;
}

static void greet(struct chat *chat) {
    news_begin(chat);
    chat->line = hum_line_now(chat->hum);
    if (screen_is_plain(chat->screen))
        screen_say(chat->screen, AS_IS, "ready", "%lld", (long long)hum_me(chat->hum));
    else if (hum_me(chat->hum) == 0)
        screen_say(chat->screen, BOLD, "", "Welcome to Hum. /signup, /login, /help");
    else
        commands_run(chat, (char[]){"/rooms"});
}

int main(int argc, char **argv) {
    struct options options = {0};
    struct chat chat = {0};
    if (setlocale(LC_ALL, "") == NULL || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
    if (!read_options(&options, argc, argv)) {
        fputs(usage, stderr);
        return EXIT_FAILURE;
    }
    options.plain |= !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO);
    int signals = catch_signals();
    struct queue *queue = queue_new();
    hum_result result =
        queue == NULL || signals < 0 ? HUM_NO_MEMORY : open_all(&chat, &options, queue);
    if (result == HUM_DONE) {
        greet(&chat);
        run(&chat, queue, signals);
    } else {
        fprintf(stderr, "hum-chat: %s: %s\n", options.config.store, hum_result_text(result));
    }
    screen_free(chat.screen);
    input_free(chat.input);
    hum_close(chat.hum);
    calls_forget(&chat);
    names_free(&chat.names);
    news_free(&chat.news);
    queue_free(queue);
    return result == HUM_DONE ? EXIT_SUCCESS : EXIT_FAILURE;
}
