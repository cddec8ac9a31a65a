/* The queue between the broker's thread and the writer: one pushes, one takes, bounded in bytes.
 *
 * Records stay in the queue until they are released, so that they can be read in place. */
#ifndef HUM_QUEUE_H
#define HUM_QUEUE_H

#include "message.h"

struct queue;

/* A message that was accepted and is not yet committed. */
struct record {
    int64_t room;
    int64_t sender;
    int64_t reply_to;
    struct str nonce;
    struct str text;
};

/* bytes: the bound, rounded up to a power of two, at least 64 KiB. NULL: no memory. */
struct queue *queue_new(size_t bytes);
void queue_free(struct queue *queue);

/* The broker's thread: copies a record in. HUM_UNAVAILABLE: full. No system call unless the writer
 * sleeps. */
HUM_MUSTCHECK enum hum_status queue_push(struct queue *queue, const struct record *record);

/* The writer: reads the next record after the last one read. Its texts point into the queue until
 * it is released. False: none. */
bool queue_read(struct queue *queue, struct record *ret_record);
/* The writer: gives back the space of everything read so far. */
void queue_release(struct queue *queue);
/* The writer: waits until there is a record to read, queue_wake, or timeout_ms (-1: no limit). */
void queue_wait(struct queue *queue, int timeout_ms);
/* Any thread: ends a queue_wait. */
void queue_wake(struct queue *queue);
/* Any thread: bytes that are not released. */
size_t queue_used(const struct queue *queue);

#endif
