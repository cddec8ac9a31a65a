#include "queue.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* A record in the ring. len counts the whole of it, rounded up to 8. WRAP: nothing more fits before
 * the end of the ring; the next record is at its start. */
struct header {
    uint32_t len;
    uint16_t nonce_len;
    uint16_t text_len;
    int64_t room;
    int64_t sender;
    int64_t reply_to;
};

enum { WRAP = 0, RING_MIN = 64 * 1024, CACHE_LINE = 64 };

struct queue {
    unsigned char *ring;
    size_t size; /* a power of two */
    int event_fd;
    /* Positions only rise; modulo size they are places in the ring. */
    _Alignas(CACHE_LINE) _Atomic(uint64_t) pushed;   /* by the broker's thread */
    _Alignas(CACHE_LINE) _Atomic(uint64_t) released; /* by the writer */
    _Alignas(CACHE_LINE) uint64_t read;              /* the writer's own */
    atomic_bool waiting;
};

struct queue *queue_new(size_t bytes) {
    struct queue *queue = aligned_alloc(CACHE_LINE, sizeof *queue);
    size_t size = RING_MIN;

    while (size < bytes) {
        size *= 2;
    }
    if (!queue) {
        return NULL;
    }
    memset(queue, 0, sizeof *queue);
    queue->size = size;
    queue->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    void *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    queue->ring = ring == MAP_FAILED ? NULL : ring;
    if (!queue->ring || queue->event_fd < 0) {
        queue_free(queue);
        return NULL;
    }
    return queue;
}

void queue_free(struct queue *queue) {
    if (!queue) {
        return;
    }
    if (queue->ring) {
        munmap(queue->ring, queue->size);
    }
    if (queue->event_fd >= 0) {
        close(queue->event_fd);
    }
    free(queue);
}

static size_t record_size(const struct record *record) {
    return (sizeof(struct header) + record->nonce.len + record->text.len + 7) & ~(size_t)7;
}

static void fill(unsigned char *at, const struct record *record, size_t len) {
    struct header header = {
        .len = (uint32_t)len,
        .nonce_len = (uint16_t)record->nonce.len,
        .text_len = (uint16_t)record->text.len,
        .room = record->room,
        .sender = record->sender,
        .reply_to = record->reply_to,
    };

    memcpy(at, &header, sizeof header);
    memcpy(at + sizeof header, record->nonce.data, record->nonce.len);
    memcpy(at + sizeof header + record->nonce.len, record->text.data, record->text.len);
}

enum hum_status queue_push(struct queue *queue, const struct record *record) {
    uint64_t pushed = atomic_load_explicit(&queue->pushed, memory_order_relaxed);
    uint64_t released = atomic_load_explicit(&queue->released, memory_order_acquire);
    size_t len = record_size(record);
    size_t at = pushed & (queue->size - 1);
    size_t skip = queue->size - at < len ? queue->size - at : 0;

    if (len + skip > queue->size - (pushed - released)) {
        return HUM_UNAVAILABLE;
    }
    if (skip) {
        uint32_t wrap = WRAP;

        memcpy(queue->ring + at, &wrap, sizeof wrap);
        at = 0;
    }
    fill(queue->ring + at, record, len);
    /* Sequentially consistent with queue_wait: the writer sees the record, or we see it waiting. */
    atomic_store(&queue->pushed, pushed + skip + len);
    if (atomic_load(&queue->waiting)) {
        queue_wake(queue);
    }
    return HUM_OK;
}

bool queue_read(struct queue *queue, struct record *ret_record) {
    struct header header;
    uint32_t len;

    if (queue->read == atomic_load_explicit(&queue->pushed, memory_order_acquire)) {
        return false;
    }
    unsigned char *at = queue->ring + (queue->read & (queue->size - 1));
    memcpy(&len, at, sizeof len);
    if (len == WRAP) {
        queue->read += queue->size - (queue->read & (queue->size - 1));
        at = queue->ring;
    }
    memcpy(&header, at, sizeof header);
    queue->read += header.len;
    const char *body = (const char *)at + sizeof header;
    *ret_record = (struct record){
        .room = header.room,
        .sender = header.sender,
        .reply_to = header.reply_to,
        .nonce = {body, header.nonce_len},
        .text = {body + header.nonce_len, header.text_len},
    };
    return true;
}

void queue_release(struct queue *queue) {
    atomic_store_explicit(&queue->released, queue->read, memory_order_release);
}

void queue_wait(struct queue *queue, int timeout_ms) {
    uint64_t count;

    atomic_store(&queue->waiting, true);
    if (queue->read == atomic_load(&queue->pushed)) {
        struct pollfd wait = {.fd = queue->event_fd, .events = POLLIN};

        (void)poll(&wait, 1, timeout_ms);
    }
    atomic_store(&queue->waiting, false);
    (void)!read(queue->event_fd, &count, sizeof count);
}

void queue_wake(struct queue *queue) {
    uint64_t one = 1;

    (void)!write(queue->event_fd, &one, sizeof one);
}

size_t queue_used(const struct queue *queue) {
    return (size_t)(atomic_load(&queue->pushed) - atomic_load(&queue->released));
}
