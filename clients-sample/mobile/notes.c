#include "notes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct note {
    struct note *next;
    hum_event event; /* its texts are the note's */
};

struct notes {
    hum_on_event on_event;
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t came;
    struct note *first, **end;
    struct note *taken; /* what the last notes_wait gave out */
    size_t count;
    pthread_cond_t left;
    int waiters;
    bool ended;
    bool lost; /* something had to go that the app must make up for */
};

struct notes *notes_new(hum_on_event on_event, void *arg) {
    struct notes *notes = calloc(1, sizeof *notes);
    pthread_condattr_t attributes;

    if (!notes) {
        return NULL;
    }
    *notes = (struct notes){.on_event = on_event, .arg = arg};
    notes->end = &notes->first;
    (void)pthread_mutex_init(&notes->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&notes->came, &attributes);
    (void)pthread_cond_init(&notes->left, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return notes;
}

static void free_text(const char *text) {
    union {
        const char *shown;
        char *owned;
    } both = {.shown = text};

    free(both.owned);
}

static void free_note(struct note *note) {
    if (note) {
        free_text(note->event.nonce);
        free_text(note->event.code);
        free_text(note->event.text);
        free(note);
    }
}

void notes_free(struct notes *notes) {
    if (!notes) {
        return;
    }
    while (notes->first) {
        struct note *note = notes->first;

        notes->first = note->next;
        free_note(note);
    }
    free_note(notes->taken);
    (void)pthread_cond_destroy(&notes->came);
    (void)pthread_cond_destroy(&notes->left);
    (void)pthread_mutex_destroy(&notes->lock);
    free(notes);
}

void notes_end(struct notes *notes) {
    pthread_mutex_lock(&notes->lock);
    notes->ended = true;
    pthread_cond_broadcast(&notes->came);
    while (notes->waiters > 0) {
        pthread_cond_wait(&notes->left, &notes->lock);
    }
    pthread_mutex_unlock(&notes->lock);
}

/* ---- Telling ---- */

static bool copy(const char **text) {
    *text = *text ? strdup(*text) : NULL;
    return *text != NULL;
}

static struct note *new_note(const hum_event *event) {
    struct note *note = calloc(1, sizeof *note);

    if (!note) {
        return NULL;
    }
    note->event = *event;
    bool nonce = copy(&note->event.nonce), code = copy(&note->event.code);
    bool text = copy(&note->event.text);
    if ((event->nonce && !nonce) || (event->code && !code) || (event->text && !text)) {
        free_note(note);
        return NULL;
    }
    return note;
}

/* How little is lost with one; the least goes first. An answer and the end of a session never go:
 * there are few of them. */
static int weight(hum_event_kind kind) {
    switch (kind) {
    case HUM_EVENT_ROOMS:
    case HUM_EVENT_TYPING:
    case HUM_EVENT_PRESENCE:
    case HUM_EVENT_PROGRESS:
        return 1;
    case HUM_EVENT_LINE:
    case HUM_EVENT_MESSAGE:
    case HUM_EVENT_OUTBOX:
    case HUM_EVENT_READ:
        return 2;
    case HUM_EVENT_SIGNED_IN:
    case HUM_EVENT_SIGNED_OUT:
    case HUM_EVENT_ANSWER:
        break;
    }
    return 3;
}

static bool drop_oldest(struct notes *notes, int of_weight) {
    for (struct note **at = &notes->first; *at; at = &(*at)->next) {
        if (weight((*at)->event.kind) <= of_weight) {
            struct note *note = *at;

            *at = note->next;
            if (!note->next) {
                notes->end = at;
            }
            free_note(note);
            notes->count--;
            return true;
        }
    }
    return false;
}

static void queue(struct notes *notes, struct note *note) {
    pthread_mutex_lock(&notes->lock);
    if (!note) {
        notes->lost = true;
    } else {
        *notes->end = note;
        notes->end = &note->next;
        notes->count++;
    }
    if (notes->count > NOTES_MAX && !drop_oldest(notes, 1) && drop_oldest(notes, 2)) {
        notes->lost = true;
    }
    pthread_cond_signal(&notes->came);
    pthread_mutex_unlock(&notes->lock);
}

void notes_tell(struct notes *notes, const hum_event *event) {
    if (notes->on_event) {
        notes->on_event(notes->arg, event);
    } else {
        queue(notes, new_note(event));
    }
}

/* ---- Waiting ---- */

static struct timespec after(int32_t timeout_ms) {
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += timeout_ms / 1000;
    time.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

static bool something(const struct notes *notes) { return notes->first || notes->lost; }

static void wait_for_one(struct notes *notes, int32_t timeout_ms) {
    const struct timespec end = after(timeout_ms > 0 ? timeout_ms : 0);
    int result = 0;

    while (!something(notes) && !notes->ended && result == 0 && timeout_ms != 0) {
        result = timeout_ms < 0 ? pthread_cond_wait(&notes->came, &notes->lock)
                                : pthread_cond_timedwait(&notes->came, &notes->lock, &end);
    }
}

bool notes_wait(struct notes *notes, int32_t timeout_ms, hum_event *ret_event) {
    pthread_mutex_lock(&notes->lock);
    free_note(notes->taken);
    notes->taken = NULL;
    notes->waiters++;
    wait_for_one(notes, timeout_ms);
    notes->waiters--;
    bool any = something(notes) && !notes->ended;
    if (!any) {
        pthread_cond_signal(&notes->left);
    } else if (notes->lost) {
        notes->lost = false;
        *ret_event = (hum_event){.kind = HUM_EVENT_MESSAGE};
    } else {
        struct note *note = notes->first;

        notes->first = note->next;
        notes->end = notes->first ? notes->end : &notes->first;
        notes->count--;
        notes->taken = note;
        *ret_event = note->event;
    }
    pthread_mutex_unlock(&notes->lock);
    return any;
}
