#include "queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct node {
    struct node *next;
    hum_event event;
    char texts[]; /* what the event points to */
};

struct queue {
    pthread_mutex_t lock;
    struct node *first, **last;
    struct node *taken; /* lent to who asked last */
    int fd;
};

struct queue *queue_new(void) {
    struct queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue->fd < 0) {
        free(queue);
        return NULL;
    }
    pthread_mutex_init(&queue->lock, NULL);
    queue->last = &queue->first;
    return queue;
}

void queue_free(struct queue *queue) {
    hum_event event;
    if (queue == NULL)
        return;
    while (queue_take(queue, &event))
        continue;
    pthread_mutex_destroy(&queue->lock);
    close(queue->fd);
    free(queue);
}

static size_t size_of(const char *text) { return text == NULL ? 0 : strlen(text) + 1; }

static const char *copy(char **to, const char *text) {
    size_t size = size_of(text);
    if (size == 0)
        return NULL;
    char *copied = memcpy(*to, text, size);
    *to += size;
    return copied;
}

void queue_put(void *arg, const hum_event *event) {
    struct queue *queue = arg;
    size_t texts = size_of(event->nonce) + size_of(event->code) + size_of(event->text);
    struct node *node = malloc(sizeof *node + texts);
    if (node == NULL)
        return; /* what the store has is read again; nothing that was said is lost */
    char *to = node->texts;
    node->next = NULL;
    node->event = *event;
    node->event.nonce = copy(&to, event->nonce);
    node->event.code = copy(&to, event->code);
    node->event.text = copy(&to, event->text);
    pthread_mutex_lock(&queue->lock);
    *queue->last = node;
    queue->last = &node->next;
    eventfd_write(queue->fd, 1);
    pthread_mutex_unlock(&queue->lock);
}

int queue_fd(const struct queue *queue) { return queue->fd; }

bool queue_take(struct queue *queue, hum_event *ret_event) {
    eventfd_t count;
    pthread_mutex_lock(&queue->lock);
    struct node *node = queue->first;
    if (node != NULL) {
        queue->first = node->next;
        if (queue->first == NULL)
            queue->last = &queue->first;
    }
    if (queue->first == NULL)
        eventfd_read(queue->fd, &count);
    pthread_mutex_unlock(&queue->lock);
    free(queue->taken);
    queue->taken = node;
    if (node != NULL)
        *ret_event = node->event;
    return node != NULL;
}
