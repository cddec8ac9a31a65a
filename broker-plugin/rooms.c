#include "rooms.h"

#include <stdlib.h>
#define HASH_NONFATAL_OOM 1 /* an insertion without memory leaves the element out */
#include <uthash.h>

struct entry {
    struct room room;
    UT_hash_handle hh;
};

/* Subscriptions to everything of a server. Channels that are known point here. */
struct wide {
    int64_t server;
    uint32_t listeners;
    uint32_t channels;
    UT_hash_handle hh;
};

struct rooms {
    struct entry *table;
    struct wide *wide;
};

struct rooms *rooms_new(void) {
    return calloc(1, sizeof(struct rooms));
}

static struct wide *find_wide(const struct rooms *rooms, int64_t server) {
    struct wide *wide;

    HASH_FIND(hh, rooms->wide, &server, sizeof server, wide);
    return wide;
}

static struct wide *add_wide(struct rooms *rooms, int64_t server) {
    struct wide *wide = find_wide(rooms, server);

    if (wide) {
        return wide;
    }
    wide = calloc(1, sizeof *wide);
    if (!wide) {
        return NULL;
    }
    wide->server = server;
    HASH_ADD(hh, rooms->wide, server, sizeof wide->server, wide);
    if (!wide->hh.tbl) {
        free(wide);
        return NULL;
    }
    return wide;
}

static void forget_unused_wide(struct rooms *rooms, struct wide *wide) {
    if (wide->listeners == 0 && wide->channels == 0) {
        HASH_DEL(rooms->wide, wide);
        free(wide);
    }
}

void rooms_listen_wide(struct rooms *rooms, int64_t server) {
    struct wide *wide = add_wide(rooms, server);

    if (wide) {
        wide->listeners++;
    }
}

void rooms_unlisten_wide(struct rooms *rooms, int64_t server) {
    struct wide *wide = find_wide(rooms, server);

    if (wide && wide->listeners > 0) {
        wide->listeners--;
        forget_unused_wide(rooms, wide);
    }
}

bool room_is_live(const struct room *room) {
    return room->live > 0 || (room->wide && room->wide->listeners > 0);
}

static void forget(struct rooms *rooms, struct entry *entry) {
    struct wide *wide = entry->room.wide;

    if (wide) {
        wide->channels--;
        forget_unused_wide(rooms, wide);
    }
    HASH_DEL(rooms->table, entry);
    free(entry);
}

void rooms_free(struct rooms *rooms) {
    struct entry *entry, *next;
    struct wide *wide, *next_wide;

    if (!rooms) {
        return;
    }
    HASH_ITER(hh, rooms->table, entry, next) { forget(rooms, entry); }
    HASH_ITER(hh, rooms->wide, wide, next_wide) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is still in the table was not freed
        HASH_DEL(rooms->wide, wide);
        free(wide);
    }
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

static struct entry *add(struct rooms *rooms, int64_t id, enum room_kind kind, int64_t server,
                         int64_t head) {
    struct entry *entry = calloc(1, sizeof *entry);

    if (!entry) {
        return NULL;
    }
    entry->room =
        (struct room){.id = id, .server = server, .kind = kind, .head = head, .wanted = head};
    HASH_ADD(hh, rooms->table, room.id, sizeof entry->room.id, entry);
    if (!entry->hh.tbl) {
        free(entry);
        return NULL;
    }
    if (server && (entry->room.wide = add_wide(rooms, server))) {
        entry->room.wide->channels++;
    }
    return entry;
}

bool rooms_hold(struct rooms *rooms, int64_t id, enum room_kind kind, int64_t server,
                int64_t last_seq) {
    struct entry *entry = find(rooms, id);

    if (!entry) {
        entry = add(rooms, id, kind, server, last_seq);
    } else if (!room_is_live(&entry->room) && entry->room.head < last_seq) {
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
    if (room_is_live(room) && seq != room->head + 1) {
        return room_reaches(room, seq);
    }
    room->head = seq;
    if (room->wanted < seq) {
        room->wanted = seq;
    }
    return room_is_live(room) ? ROOM_DELIVER : ROOM_DROP;
}

enum room_step room_reaches(struct room *room, int64_t seq) {
    if (!room) {
        return ROOM_DROP;
    }
    if (room->wanted < seq) {
        room->wanted = seq;
    }
    if (!room_is_live(room)) {
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
    if (!room_is_live(room) || !progressed) {
        room->wanted = room->head > room->wanted || room_is_live(room) ? room->head : room->wanted;
        if (!room_is_live(room)) {
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
        if (room_is_live(&entry->room)) {
            ids[(*ret_count)++] = entry->room.id;
        }
    }
    return ids;
}
