#include "rekey.h"

#include <pthread.h>
#include <stdlib.h>

struct rekey {
    char *folder;
    struct hub *hub;
    pthread_t thread;
    bool is_busy;           /* the thread runs, or its item has not been taken yet */
    bool again;             /* somebody has asked since it began */
    struct keys_item *item; /* the thread's */
};

struct rekey *rekey_new(const char *folder, struct hub *hub) {
    struct rekey *rekey = calloc(1, sizeof *rekey);

    if (rekey && !(rekey->folder = strdup(folder))) {
        free(rekey);
        return NULL;
    }
    if (rekey) {
        rekey->hub = hub;
    }
    return rekey;
}

void rekey_free(struct rekey *rekey) {
    if (!rekey) {
        return;
    }
    if (rekey->is_busy) {
        pthread_join(rekey->thread, NULL);
    }
    free(rekey->folder);
    free(rekey);
}

static void *read_folder(void *arg) {
    struct rekey *rekey = arg;

    rekey->item->status = keys_load(rekey->folder, &rekey->item->keys);
    hub_post(rekey->hub, rekey->item);
    return NULL;
}

void rekey_ask(struct rekey *rekey) {
    if (rekey->is_busy) {
        rekey->again = true;
        return;
    }
    rekey->item = item_new(ITEM_KEYS, sizeof *rekey->item);
    if (!rekey->item) {
        return; /* SIGHUP asks again */
    }
    rekey->is_busy = pthread_create(&rekey->thread, NULL, read_folder, rekey) == 0;
    if (!rekey->is_busy) {
        item_free(&rekey->item->item);
    }
}

void rekey_taken(struct rekey *rekey) {
    pthread_join(rekey->thread, NULL);
    rekey->is_busy = false;
    if (rekey->again) {
        rekey->again = false;
        rekey_ask(rekey);
    }
}
