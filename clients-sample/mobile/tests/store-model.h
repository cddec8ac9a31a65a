/* A plain model: what the server's log is, and what a client that got copies of its entries must
 * show. */
#ifndef HUM_STORE_MODEL_H
#define HUM_STORE_MODEL_H

#include "store.h"

#include <stdio.h>
#include <string.h>

enum {
    ME = 1,
    BOB = 2,
    ROOMS = 3,
    LOG_MAX = 400,
    BATCH_MAX = 20,
    KILL_BATCHES = 30,
    OUTGOING_MAX = 400,
    SEEDS = 12,
    STEPS = 250,
};

enum kind { TEXT, EDIT, DELETE, NOTICE };
static const char *const KINDS[] = {"text", "edit", "delete", "dm_opened"};

/* An entry of the server's log. What it says is "t" and its seq. */
struct entry {
    enum kind kind;
    int64_t from, target, sent_at;
    char nonce[STORE_NONCE_SIZE];
};

/* A message as a client sees it; says: seq of the entry whose words it shows, 0: none */
struct row {
    bool stored;
    int64_t says, edited_at, edited_by, deleted_at;
};

struct outgoing {
    char nonce[STORE_NONCE_SIZE];
    int room;
    bool gone, refused, accepted;
    int64_t place;
};

struct room {
    int64_t id;
    struct entry log[LOG_MAX + 1];
    int64_t end; /* of the log */
    struct row rows[LOG_MAX + 1];
    int64_t low, whole, last_seq, read_seq;
};

struct model {
    struct room rooms[ROOMS];
    struct outgoing outgoing[OUTGOING_MAX];
    int outgoing_count;
    int64_t places;
};

/* What comes: an entry of a room as it was when the log ended at `at`. */
struct copy {
    int room;
    int64_t seq, at;
};
struct batch {
    struct copy copies[BATCH_MAX];
    size_t count;
};

struct world {
    uint64_t random;
    int64_t clock;
    char path[96];
    struct store *store;
    struct model model;
};

static inline uint64_t chance(struct world *world, uint64_t below) {
    world->random ^= world->random >> 12;
    world->random ^= world->random << 25;
    world->random ^= world->random >> 27;
    return (world->random * 0x2545f4914f6cdd1dULL >> 33) % below;
}

/* ---- The server ---- */

/* How an entry looked when the log ended at `at`. */
static inline struct row seen_at(const struct room *room, int64_t seq, int64_t at) {
    const struct entry *entry = &room->log[seq];
    struct row row = {.stored = true, .says = entry->kind <= EDIT ? seq : 0};
    int64_t target = entry->kind == EDIT ? entry->target : seq;
    for (int64_t later = target + 1; later <= at; later++) {
        const struct entry *change = &room->log[later];
        if (change->target != target || (change->kind == EDIT && entry->kind != TEXT)) {
            continue;
        }
        if (change->kind == EDIT) {
            row.says = later;
            row.edited_at = change->sent_at;
        } else if (change->kind == DELETE) {
            row.says = 0;
            row.deleted_at = change->sent_at;
        }
    }
    return row;
}

static inline bool can_change(const struct room *room, int64_t seq) {
    return room->log[seq].kind == TEXT && seen_at(room, seq, room->end).deleted_at == 0;
}

static inline void grow(struct world *world, struct room *room, const char *nonce) {
    if (room->end == LOG_MAX) {
        return;
    }
    world->clock += (int64_t)chance(world, 2); /* two of one moment are common */
    struct entry entry = {.from = chance(world, 2) ? ME : BOB, .sent_at = world->clock};
    uint64_t kind = nonce ? 99 : chance(world, 100);
    int64_t target = room->end ? 1 + (int64_t)chance(world, (uint64_t)room->end) : 0;
    if (kind < 45 && target && can_change(room, target)) {
        entry.kind = kind < 30 ? EDIT : DELETE;
        entry.target = target;
    } else if (kind > 95 && !nonce) {
        entry.kind = NOTICE;
    }
    if (nonce) {
        entry.from = ME;
        snprintf(entry.nonce, sizeof entry.nonce, "%s", nonce);
    }
    room->log[++room->end] = entry;
}

/* ---- The model of the client ---- */

static inline bool later(int64_t at, int64_t by, const struct row *than) {
    return at > than->edited_at || (at == than->edited_at && by > than->edited_by);
}

static inline void say(struct row *row, int64_t says, int64_t at, int64_t by) {
    if (later(at, by, row)) {
        row->says = row->deleted_at ? 0 : says;
        row->edited_at = at;
        row->edited_by = by;
    }
}

static inline void erase(struct row *row, int64_t at) {
    if (row->stored && row->deleted_at == 0) {
        row->deleted_at = at;
        row->says = 0;
    }
}

/* All that is stored about a text takes effect on it. */
static inline void settle(struct room *room, int64_t target) {
    struct row *row = &room->rows[target];
    int64_t deleted_at = row->stored ? row->deleted_at : 0;
    for (int64_t seq = target + 1; seq <= room->end; seq++) {
        const struct row *change = &room->rows[seq];
        if (!change->stored || room->log[seq].target != target) {
            continue;
        }
        if (room->log[seq].kind == DELETE) {
            deleted_at = room->log[seq].sent_at;
        } else if (change->deleted_at) {
            deleted_at = change->deleted_at;
        }
        if (room->log[seq].kind == EDIT && row->stored) {
            say(row, change->says, room->log[seq].sent_at, seq);
        }
    }
    for (int64_t seq = target; deleted_at && seq <= room->end; seq++) {
        if (seq == target || (room->log[seq].target == target && room->log[seq].kind == EDIT)) {
            erase(&room->rows[seq], deleted_at);
        }
    }
}

static inline void stretch(struct room *room) {
    while (room->whole < room->end && room->rows[room->whole + 1].stored) {
        room->whole++;
    }
    while (room->low > 1 && room->rows[room->low - 1].stored) {
        room->low--;
    }
    room->last_seq = room->whole > room->last_seq ? room->whole : room->last_seq;
}

static inline void model_take(struct model *model, const struct copy *copy) {
    if (copy->room == ROOMS) {
        return;
    }
    struct room *room = &model->rooms[copy->room];
    struct row seen = seen_at(room, copy->seq, copy->at);
    struct row *row = &room->rows[copy->seq];
    if (!row->stored) {
        *row = seen;
    } else {
        if (seen.deleted_at) {
            erase(row, seen.deleted_at);
        }
        if (room->log[copy->seq].kind == TEXT) {
            say(row, seen.says, seen.edited_at, 0);
        }
    }
    settle(room, room->log[copy->seq].target ? room->log[copy->seq].target : copy->seq);
    room->last_seq = copy->seq > room->last_seq ? copy->seq : room->last_seq;
    stretch(room);
    for (int i = 0; i < model->outgoing_count; i++) {
        if (strcmp(model->outgoing[i].nonce, room->log[copy->seq].nonce) == 0) {
            model->outgoing[i].gone = true;
        }
    }
}

static inline void model_take_batch(struct model *model, const struct batch *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        model_take(model, &batch->copies[i]);
    }
}

#endif
