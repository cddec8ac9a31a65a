#include "server.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bodies.h"
#include "dispatch.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STACK_SIZE = 8 * 1024 * 1024 }; /* frames are several times as large */
#else
enum { STACK_SIZE = 1024 * 1024 };
#endif

enum {
    CONNECTIONS_MAX = 1000, /* a thread each; those beyond are closed at once */
    BACKLOG = 1024,
    IDLE_TIMEOUT_S = 30, /* of a connection on which nothing moves */
    /* For a request's line and headers, and the answer's. All of it is zeroed for each request: 64
     * KiB cost a twelfth of the requests that read one row. */
    CONNECTION_MEMORY = 32 * 1024,
    STOP_TIMEOUT_S = 10,
    CUT_TIMEOUT_S = 2, /* for those whose statement was cut off to tell their client */
};

struct server {
    struct _u_instance instance;
    struct api *api;
};

/* Requests between their callback and the end of their answer. libmicrohttpd's hooks have no place
 * for a pointer that Ulfius does not claim, hence not in the struct. */
static pthread_mutex_t running_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t running_done;
static unsigned running;
static bool stopping;
/* A connection has its own thread. */
static _Thread_local bool is_running;
static _Thread_local struct MHD_Connection *own_connection;

/* Ulfius' own copy of the address is too short for IPv6. */
static const struct sockaddr *peer_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        connection ? MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS) : NULL;

    return info ? info->client_addr : NULL;
}

static int on_request(const struct _u_request *in, struct _u_response *out, void *user_data) {
    bodies_received();
    pthread_mutex_lock(&running_lock);
    running++;
    is_running = true;
    bool last = stopping;
    pthread_mutex_unlock(&running_lock);
    if (last) {
        u_map_put(out->map_header, "Connection", "close");
    }
    dispatch(user_data, in, out, peer_of(own_connection));
    return U_CALLBACK_COMPLETE;
}

/* Ulfius' state of the request that the thread is about: libmicrohttpd 0.9.75 forgets to say that a
 * request is over when two errors meet in it (more query values than its memory holds, say), and
 * what Ulfius has made of it would be lost for good. The end of the thread makes up for it. */
static pthread_key_t request_key;

static void drop_request(void *state) {
    bodies_end();
    mhd_request_completed(NULL, NULL, &state, MHD_REQUEST_TERMINATED_WITH_ERROR);
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection) {
    void *state = ulfius_uri_logger(cls, uri);

    bodies_begin();
    own_connection = connection;
    pthread_setspecific(request_key, state);
    return state;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code) {
    const struct api *api = cls;

    pthread_setspecific(request_key, NULL);
    mhd_request_completed(NULL, connection, con_cls, code);
    bodies_end();
    /* Its own refusals end in this way (0.9.75). */
    if (!is_running && code == MHD_REQUEST_TERMINATED_WITH_ERROR) {
        tally_malformed(api->tally);
    }
    if (is_running) {
        is_running = false;
        pthread_mutex_lock(&running_lock);
        if (--running == 0) {
            pthread_cond_signal(&running_done);
        }
        pthread_mutex_unlock(&running_lock);
    }
}

/* Returns how many are left. */
static unsigned wait_for_running(int seconds) {
    struct timespec until;
    int waited = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&running_lock);
    stopping = true;
    while (running > 0 && waited == 0) {
        waited = pthread_cond_timedwait(&running_done, &running_lock, &until);
    }
    unsigned left = running;
    pthread_mutex_unlock(&running_lock);
    return left;
}

/* libmicrohttpd's lines end with a newline. It has one or more for every request that is no HTTP,
 * so one a second is written: the log must not grow as fast as anybody likes. */
static void on_log(void *cls, const char *format, va_list args) {
    static _Atomic time_t last;
    time_t now = time(NULL);
    char line[256];

    (void)cls;
    if (atomic_exchange(&last, now) == now) {
        return;
    }
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\r\n")] = '\0';
    y_log_message(Y_LOG_LEVEL_WARNING, "http: %s", line);
}

/* A listening socket of our own rather than MHD_OPTION_SOCK_ADDR, which would leave the reason of a
 * failure in a log line. */
static int listen_on(const struct addrinfo *address) {
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int why = errno;

        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static int open_listener(const struct config *config, int *ret_family, char *error,
                         size_t error_size) {
    const char *bind_to = config->values[CONFIG_BIND].text;
    const char *port = config->values[CONFIG_HTTP_PORT].text;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *address = NULL;

    if (getaddrinfo(bind_to, port, &hints, &address) != 0) {
        snprintf(error, error_size, "cannot listen on %s: not an address", bind_to);
        return -1;
    }
    int fd = listen_on(address);
    if (fd < 0) {
        snprintf(error, error_size, "cannot listen on %s port %s: %s", bind_to, port,
                 strerror(errno));
    }
    *ret_family = address->ai_family;
    freeaddrinfo(address);
    return fd;
}

/* Every route goes through dispatch: Ulfius' own router is linear, and knows no 405, HEAD or
 * OPTIONS. */
static bool set_up(struct server *server) {
    struct _u_instance *instance = &server->instance;
    const struct config *config = &server->api->config;

    if (ulfius_init_instance(instance, (unsigned)config->values[CONFIG_HTTP_PORT].number, NULL,
                             NULL) != U_OK) {
        return false;
    }
    bodies_install();
    /* One byte more than any route takes: Ulfius truncates silently, so that byte tells. */
    instance->max_post_body_size = dispatch_body_max() + 1;
    instance->allowed_post_processor = U_POST_PROCESS_NONE;
    /* It would drop a header with a bad byte in it, X-Forwarded-For with all that the proxies have
     * added. Bodies, queries and paths are looked at where they are read; of the other headers
     * nothing is kept. */
    instance->check_utf8 = 0;
    return ulfius_add_endpoint_by_val(instance, "*", NULL, "*", 0, on_request, server->api) ==
               U_OK &&
           ulfius_set_default_endpoint(instance, on_request, server->api) == U_OK;
}

/* A thread a connection: a handler may block. The external logger comes first, as it takes the
 * lines about the options after it; libmicrohttpd's own would treat text as a format. */
static enum hum_status start(struct server *server, int fd, int family) {
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, server->api},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_uri, NULL},
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
        {MHD_OPTION_THREAD_STACK_SIZE, STACK_SIZE, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL}, /* main ignores it */
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                     MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG |
                     (family == AF_INET6 ? MHD_USE_IPv6 : 0);

    if (ulfius_start_framework_with_mhd_options(&server->instance, flags, options) != U_OK) {
        return HUM_INTERNAL;
    }
    return HUM_OK;
}

/* What the hooks share. */
static bool make_shared(void) {
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&running_done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return pthread_key_create(&request_key, drop_request) == 0;
}

enum hum_status server_start(struct api *api, struct server **ret_server, char *error,
                             size_t error_size) {
    struct server *server = calloc(1, sizeof *server);
    int family = AF_INET;

    if (!server || !make_shared()) {
        free(server);
        snprintf(error, error_size, "no memory");
        return HUM_INTERNAL;
    }
    server->api = api;
    int fd = open_listener(&api->config, &family, error, error_size);
    if (fd < 0) {
        free(server);
        return HUM_UNAVAILABLE;
    }
    if (!set_up(server) || start(server, fd, family) != HUM_OK) { /* libmicrohttpd closes fd */
        snprintf(error, error_size, "the HTTP server does not start");
        ulfius_clean_instance(&server->instance);
        free(server);
        return HUM_INTERNAL;
    }
    *ret_server = server;
    return HUM_OK;
}

void server_stop(struct server *server) {
    int fd = MHD_quiesce_daemon(server->instance.mhd_daemon);

    if (fd >= 0) {
        close(fd);
    }
    unsigned left = wait_for_running(STOP_TIMEOUT_S);
    if (left > 0) {
        y_log_message(Y_LOG_LEVEL_WARNING, "%u requests still run after %d s, cutting them off",
                      left, (int)STOP_TIMEOUT_S);
        exports_stop(server->api->exports);
        pool_cut(server->api->pool); /* their threads must come to an end */
        wait_for_running(CUT_TIMEOUT_S);
    }
    ulfius_stop_framework(&server->instance);
    ulfius_clean_instance(&server->instance);
    free(server);
}
