#include "rooms.h"

#include <stdlib.h>
#define HASH_NONFATAL_OOM 1 /* an insertion without memory leaves the element out */
#include <uthash.h>

struct entry {
    struct room room;
    UT_hash_handle hh;
};

struct rooms {
    struct entry *table;
};

struct rooms *rooms_new(void) {
    return calloc(1, sizeof(struct rooms));
}

static void forget(struct rooms *rooms, struct entry *entry) {
    HASH_DEL(rooms->table, entry);
    free(entry);
}

void rooms_free(struct rooms *rooms) {
    struct entry *entry, *next;

    if (!rooms) {
        return;
    }
    HASH_ITER(hh, rooms->table, entry, next) { forget(rooms, entry); }
    free(rooms);
}

static struct entry *find(const struct rooms *rooms, int64_t id) {
    struct entry *entry;

    HASH_FIND(hh, rooms->table, &id, sizeof id, entry);
    return entry;
}

struct room *rooms_find(struct rooms *rooms, int64_t id) {
    struct entry *entry = find(rooms, id);

    return entry ? &entry->room : NULL;
}

static struct entry *add(struct rooms *rooms, int64_t id, enum room_kind kind, int64_t head) {
    struct entry *entry = calloc(1, sizeof *entry);

    if (!entry) {
        return NULL;
    }
    entry->room = (struct room){.id = id, .kind = kind, .head = head, .wanted = head};
    HASH_ADD(hh, rooms->table, room.id, sizeof entry->room.id, entry);
    if (!entry->hh.tbl) {
        free(entry);
        return NULL;
    }
    return entry;
}

bool rooms_hold(struct rooms *rooms, int64_t id, enum room_kind kind, int64_t last_seq) {
    struct entry *entry = find(rooms, id);

    if (!entry) {
        entry = add(rooms, id, kind, last_seq);
    } else if (entry->room.live == 0 && entry->room.head < last_seq) {
        entry->room.head = last_seq;
        entry->room.wanted = last_seq;
    }
    if (entry) {
        entry->room.sets++;
    }
    return entry != NULL;
}

static void forget_unused(struct rooms *rooms, struct entry *entry) {
    if (entry->room.sets == 0 && entry->room.live == 0) {
        forget(rooms, entry);
    }
}

void rooms_release(struct rooms *rooms, int64_t id) {
    struct entry *entry = find(rooms, id);

    if (entry && entry->room.sets > 0) {
        entry->room.sets--;
        forget_unused(rooms, entry);
    }
}

void rooms_listen(struct rooms *rooms, int64_t id) {
    struct entry *entry = find(rooms, id);

    if (entry) {
        entry->room.live++;
    }
}

void rooms_unlisten(struct rooms *rooms, int64_t id) {
    struct entry *entry = find(rooms, id);

    if (entry && entry->room.live > 0) {
        entry->room.live--;
        if (entry->room.live == 0 && entry->room.head < entry->room.wanted) {
            entry->room.head = entry->room.wanted;
        }
        forget_unused(rooms, entry);
    }
}

/* What is to be done about the numbers between head and wanted. */
static enum room_step fetch_missing(struct room *room) {
    if (room->fetching || room->wanted <= room->head) {
        return ROOM_DROP;
    }
    room->fetching = true;
    return ROOM_FETCH;
}

enum room_step room_committed(struct room *room, int64_t seq) {
    if (!room || seq <= room->head) {
        return ROOM_DROP;
    }
    if (room->live > 0 && seq != room->head + 1) {
        return room_reaches(room, seq);
    }
    room->head = seq;
    if (room->wanted < seq) {
        room->wanted = seq;
    }
    return room->live > 0 ? ROOM_DELIVER : ROOM_DROP;
}

enum room_step room_reaches(struct room *room, int64_t seq) {
    if (!room) {
        return ROOM_DROP;
    }
    if (room->wanted < seq) {
        room->wanted = seq;
    }
    if (room->live == 0) {
        room->head = room->wanted;
        return ROOM_DROP;
    }
    return fetch_missing(room);
}

enum room_step room_fetched(struct room *room, bool progressed) {
    if (!room) {
        return ROOM_DROP;
    }
    room->fetching = false;
    if (room->live == 0 || !progressed) {
        room->wanted = room->head > room->wanted || room->live > 0 ? room->head : room->wanted;
        if (room->live == 0) {
            room->head = room->wanted;
        }
        return ROOM_DROP;
    }
    return fetch_missing(room);
}

int64_t *rooms_live(const struct rooms *rooms, size_t *ret_count) {
    int64_t *ids = calloc(HASH_COUNT(rooms->table) + 1u, sizeof *ids);
    struct entry *entry, *next;

    *ret_count = 0;
    if (!ids) {
        return NULL;
    }
    HASH_ITER(hh, rooms->table, entry, next) {
        if (entry->room.live > 0) {
            ids[(*ret_count)++] = entry->room.id;
        }
    }
    return ids;
}
