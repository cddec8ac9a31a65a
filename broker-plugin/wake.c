#include "wake.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf.h"

struct wake {
    pthread_mutex_t lock;
    struct sockaddr_un address;
    int fd; /* -1: not connected */
    char secret[WAKE_SECRET_LEN + 1];
};

/* MQTT 3.1.1, section 3.3: PUBLISH, QoS 0, topic "w", no payload. */
static const unsigned char ping[] = {0x30, 3, 0, 1, 'w'};

struct wake *wake_new(const char *path) {
    struct wake *wake = calloc(1, sizeof *wake);
    unsigned char random[WAKE_SECRET_LEN / 2];

    if (!wake || strlen(path) >= sizeof wake->address.sun_path) {
        free(wake);
        return NULL;
    }
    wake->address.sun_family = AF_UNIX;
    memcpy(wake->address.sun_path, path, strlen(path) + 1);
    wake->fd = -1;
    pthread_mutex_init(&wake->lock, NULL);
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(wake->secret, sizeof wake->secret, random, sizeof random);
    return wake;
}

static void drop(struct wake *wake) {
    if (wake->fd >= 0) {
        close(wake->fd);
        wake->fd = -1;
    }
}

void wake_free(struct wake *wake) {
    if (wake) {
        drop(wake);
        pthread_mutex_destroy(&wake->lock);
        sodium_memzero(wake->secret, sizeof wake->secret);
        free(wake);
    }
}

const char *wake_secret(const struct wake *wake) { return wake->secret; }

static void add_field(struct buf *packet, const char *text) {
    buf_be16(packet, (uint16_t)strlen(text));
    buf_text(packet, text);
}

/* MQTT 3.1.1, section 3.1: CONNECT, clean session, no keep-alive. */
static bool send_connect(struct wake *wake) {
    struct buf body, packet;

    buf_init(&body, 256);
    buf_init(&packet, 256);
    add_field(&body, "MQTT");
    buf_add(&body, "\4\xc2\0\0", 4); /* level 4; username, password, clean; keep-alive 0 */
    add_field(&body, WAKE_NAME);
    add_field(&body, WAKE_NAME);
    add_field(&body, wake->secret);
    buf_add(&packet, "\x10", 1);
    buf_add(&packet, &(char){(char)body.len}, 1); /* below 128: one byte */
    buf_add(&packet, body.data, body.len);
    bool sent =
        !body.failed && !packet.failed &&
        send(wake->fd, packet.data, packet.len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)packet.len;
    sodium_memzero(packet.data, packet.len);
    sodium_memzero(body.data, body.len);
    buf_free(&packet);
    buf_free(&body);
    return sent;
}

static bool connected(struct wake *wake) {
    if (wake->fd >= 0) {
        return true;
    }
    wake->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (wake->fd < 0) {
        return false;
    }
    if (connect(wake->fd, (const struct sockaddr *)&wake->address, sizeof wake->address) != 0 ||
        !send_connect(wake)) {
        drop(wake);
        return false;
    }
    return true;
}

void wake_again(struct wake *wake) {
    if (pthread_mutex_trylock(&wake->lock) == 0) {
        if (wake->fd >= 0) {
            (void)!send(wake->fd, ping, sizeof ping, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        pthread_mutex_unlock(&wake->lock);
    }
}

void wake_signal(struct wake *wake) {
    pthread_mutex_lock(&wake->lock);
    if (connected(wake) && send(wake->fd, ping, sizeof ping, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
        errno != EAGAIN) {
        /* EAGAIN: wake-ups enough are under way. Else the broker has closed it: once more, anew. */
        drop(wake);
        if (connected(wake)) {
            (void)!send(wake->fd, ping, sizeof ping, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
    }
    pthread_mutex_unlock(&wake->lock);
}
