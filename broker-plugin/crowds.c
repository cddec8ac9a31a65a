#include "crowds.h"

#include <stdlib.h>
#define HASH_NONFATAL_OOM 1 /* an insertion without memory leaves the element out */
#include <uthash.h>

/* Each set's right in the room says where in the array the set is. */
struct crowd {
    int64_t room;
    struct access_set **sets;
    uint32_t count, cap;
    UT_hash_handle hh;
};

struct crowds {
    struct crowd *table;
};

struct crowds *crowds_new(void) {
    return calloc(1, sizeof(struct crowds));
}

static void forget(struct crowds *crowds, struct crowd *crowd) {
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is still in the table was not freed
    HASH_DEL(crowds->table, crowd);
    free(crowd->sets);
    free(crowd);
}

void crowds_free(struct crowds *crowds) {
    struct crowd *crowd, *next;

    if (crowds) {
        HASH_ITER(hh, crowds->table, crowd, next) { forget(crowds, crowd); }
        free(crowds);
    }
}

static struct crowd *find(const struct crowds *crowds, int64_t room) {
    struct crowd *crowd;

    HASH_FIND(hh, crowds->table, &room, sizeof room, crowd);
    return crowd;
}

static struct crowd *add(struct crowds *crowds, int64_t room) {
    struct crowd *crowd = calloc(1, sizeof *crowd);

    if (!crowd) {
        return NULL;
    }
    crowd->room = room;
    HASH_ADD(hh, crowds->table, room, sizeof crowd->room, crowd);
    if (!crowd->hh.tbl) {
        free(crowd);
        return NULL;
    }
    return crowd;
}

static bool grow(struct crowd *crowd) {
    uint32_t cap = crowd->cap ? crowd->cap * 2 : 2;
    struct access_set **sets = realloc(crowd->sets, cap * sizeof(struct access_set *));

    if (sets) {
        crowd->sets = sets;
        crowd->cap = cap;
    }
    return sets != NULL;
}

static bool is_shared(const struct access_right *right) {
    return right && (right->kind == ROOM_SERVER || right->kind == ROOM_CHANNEL);
}

bool crowds_join(struct crowds *crowds, struct access_set *set, int64_t room) {
    if (!is_shared(access_find(set, room))) {
        return true;
    }
    struct crowd *crowd = find(crowds, room);
    if (!crowd && !(crowd = add(crowds, room))) {
        return false;
    }
    if (crowd->count == crowd->cap && !grow(crowd)) {
        if (crowd->count == 0) {
            forget(crowds, crowd);
        }
        return false;
    }
    access_set_place(set, room, crowd->count);
    crowd->sets[crowd->count++] = set;
    return true;
}

void crowds_leave(struct crowds *crowds, const struct access_set *set, int64_t room) {
    const struct access_right *right = access_find(set, room);
    struct crowd *crowd = is_shared(right) ? find(crowds, room) : NULL;

    if (!crowd || right->place >= crowd->count || crowd->sets[right->place] != set) {
        return;
    }
    uint32_t place = right->place;
    struct access_set *last = crowd->sets[--crowd->count];
    crowd->sets[place] = last;
    access_set_place(last, room, place);
    if (crowd->count == 0) {
        forget(crowds, crowd);
    }
}

struct access_set *crowds_take(struct crowds *crowds, int64_t room) {
    struct crowd *crowd = find(crowds, room);

    if (!crowd) {
        return NULL;
    }
    struct access_set *set = crowd->sets[--crowd->count];
    if (crowd->count == 0) {
        forget(crowds, crowd);
    }
    return set;
}
