/* Events on their way from the library's thread to the program's one. */
#ifndef HUM_CHAT_QUEUE_H
#define HUM_CHAT_QUEUE_H

#include "../hum.h"

struct queue;

struct queue *queue_new(void); /* NULL: no memory, no descriptor */
void queue_free(struct queue *queue);

/* A hum_on_event: copies the event. Any thread. */
void queue_put(void *queue, const hum_event *event);

/* Readable while something waits. */
int queue_fd(const struct queue *queue);
/* The oldest; its pointers are good until the next call. False: none waits. */
bool queue_take(struct queue *queue, hum_event *ret_event);

#endif
