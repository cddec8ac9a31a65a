#include "resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct resolve {
    pthread_mutex_t lock;
    int owners; /* who asked, and the thread */
    bool done;
    void (*wake)(void *arg); /* NULL: nobody waits any more */
    void *arg;
    char addresses[RESOLVE_MAX][INET6_ADDRSTRLEN];
    size_t count;
    char host[];
};

static void leave(struct resolve *resolve) {
    pthread_mutex_lock(&resolve->lock);
    bool last = --resolve->owners == 0;
    pthread_mutex_unlock(&resolve->lock);
    if (last) {
        pthread_mutex_destroy(&resolve->lock);
        free(resolve);
    }
}

static bool is_address(const char *host) {
    unsigned char ignored[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, ignored) == 1 || inet_pton(AF_INET6, host, ignored) == 1;
}

static size_t look_up(const char *host, char addresses[RESOLVE_MAX][INET6_ADDRSTRLEN]) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    size_t count = 0;

    if (getaddrinfo(host, NULL, &hints, &found) != 0) {
        return 0;
    }
    for (const struct addrinfo *at = found; at && count < RESOLVE_MAX; at = at->ai_next) {
        if (getnameinfo(at->ai_addr, at->ai_addrlen, addresses[count], INET6_ADDRSTRLEN, NULL, 0,
                        NI_NUMERICHOST) == 0) {
            count++;
        }
    }
    freeaddrinfo(found);
    return count;
}

static void *run(void *arg) {
    struct resolve *resolve = arg;
    char addresses[RESOLVE_MAX][INET6_ADDRSTRLEN] = {0};
    size_t count = look_up(resolve->host, addresses);

    pthread_mutex_lock(&resolve->lock);
    memcpy(resolve->addresses, addresses, sizeof addresses);
    resolve->count = count;
    resolve->done = true;
    if (resolve->wake) {
        resolve->wake(resolve->arg);
    }
    pthread_mutex_unlock(&resolve->lock);
    leave(resolve);
    return NULL;
}

static bool start_thread(struct resolve *resolve) {
    pthread_attr_t attributes;
    pthread_t thread;

    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    resolve->owners++;
    bool started = pthread_create(&thread, &attributes, run, resolve) == 0;
    if (!started) {
        resolve->owners--;
    }
    (void)pthread_attr_destroy(&attributes);
    return started;
}

struct resolve *resolve_start(const char *host, void (*wake)(void *arg), void *arg) {
    size_t size = strlen(host) + 1;
    struct resolve *resolve = calloc(1, sizeof *resolve + size);

    if (!resolve) {
        return NULL;
    }
    *resolve = (struct resolve){.owners = 1, .wake = wake, .arg = arg};
    memcpy(resolve->host, host, size);
    (void)pthread_mutex_init(&resolve->lock, NULL);
    if (is_address(host)) {
        memcpy(resolve->addresses[0], host, size);
        resolve->count = 1;
        resolve->done = true;
    } else if (!start_thread(resolve)) {
        resolve->done = true; /* with no address */
    }
    return resolve;
}

bool resolve_done(struct resolve *resolve) {
    pthread_mutex_lock(&resolve->lock);
    bool done = resolve->done;
    pthread_mutex_unlock(&resolve->lock);
    return done;
}

const char *resolve_address(struct resolve *resolve, size_t number) {
    return number < resolve->count ? resolve->addresses[number] : NULL;
}

void resolve_drop(struct resolve *resolve) {
    if (!resolve) {
        return;
    }
    pthread_mutex_lock(&resolve->lock);
    resolve->wake = NULL;
    pthread_mutex_unlock(&resolve->lock);
    leave(resolve);
}
