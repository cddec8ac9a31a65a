#include "marks.h"

#include <stdlib.h>
#define HASH_NONFATAL_OOM 1 /* an insertion without memory leaves the element out */
#include <uthash.h>
#include <utlist.h>

struct place {
    int64_t user;
    int64_t room;
};

struct entry {
    struct place place;
    int64_t seq;
    int64_t due; /* when it may be written, or forgotten */
    bool dirty;
    struct entry *prev, *next; /* by due: it only rises, and each change moves to the end */
    UT_hash_handle hh;
};

struct marks {
    struct entry *table;
    struct entry *list;
};

struct marks *marks_new(void) {
    return calloc(1, sizeof(struct marks));
}

static void forget(struct marks *marks, struct entry *entry) {
    DL_DELETE(marks->list, entry);
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the entry is in the table
    HASH_DEL(marks->table, entry);
    free(entry);
}

void marks_free(struct marks *marks) {
    if (marks) {
        while (marks->list) {
            forget(marks, marks->list);
        }
        free(marks);
    }
}

static struct entry *add(struct marks *marks, struct place place, int64_t now) {
    struct entry *entry = HASH_COUNT(marks->table) < MARKS_MAX ? calloc(1, sizeof *entry) : NULL;

    if (!entry) {
        return NULL;
    }
    entry->place = place;
    entry->due = now;
    HASH_ADD(hh, marks->table, place, sizeof entry->place, entry);
    if (!entry->hh.tbl) {
        free(entry);
        return NULL;
    }
    DL_PREPEND(marks->list, entry); /* due at once */
    return entry;
}

enum hum_status marks_put(struct marks *marks, const struct read_mark *mark, int64_t now) {
    const struct place place = {mark->user, mark->room};
    struct entry *entry;

    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): all of place is set
    HASH_FIND(hh, marks->table, &place, sizeof place, entry);
    if (!entry) {
        entry = add(marks, place, now);
    }
    if (!entry) {
        return HUM_UNAVAILABLE;
    }
    if (mark->seq > entry->seq) {
        entry->seq = mark->seq;
        entry->dirty = true;
    }
    return HUM_OK;
}

size_t marks_take(struct marks *marks, struct read_mark *ret_list, size_t max, int64_t now) {
    size_t count = 0;

    while (count < max && marks->list && marks->list->due <= now) {
        struct entry *entry = marks->list;

        if (!entry->dirty) {
            forget(marks, entry);
            continue;
        }
        ret_list[count++] = (struct read_mark){entry->place.user, entry->place.room, entry->seq};
        /* One past the end of the log is stored as the end, and must not hide those that follow. */
        entry->seq = 0;
        entry->dirty = false;
        entry->due = now + MARK_PAUSE_MS;
        DL_DELETE(marks->list, entry);
        DL_APPEND(marks->list, entry);
    }
    return count;
}
