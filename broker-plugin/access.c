#include "access.h"

#include <stdlib.h>

struct access_set *access_set_new(int64_t user) {
    struct access_set *set = calloc(1, sizeof *set);

    if (set) {
        set->user = user;
    }
    return set;
}

void access_set_free(struct access_set *set) {
    if (set) {
        free(set->rights);
        free(set->sessions);
        free(set->friends);
        free(set);
    }
}

/* Both arrays have an int64_t id as the first member of their elements. Returns the place of the
 * id, or where it would be. */
static size_t place(const void *array, size_t count, size_t size, int64_t id) {
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int64_t there;

        memcpy(&there, (const char *)array + middle * size, sizeof there);
        if (there < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Makes a hole of one element at index. False: no memory. */
static bool open_hole(void **array, size_t *count, size_t *cap, size_t size, size_t index) {
    if (*count == *cap) {
        size_t wider = *cap ? *cap * 2 : 1;
        void *grown = realloc(*array, wider * size);

        if (!grown) {
            return false;
        }
        *array = grown;
        *cap = wider;
    }
    char *at = (char *)*array + index * size;
    memmove(at + size, at, (*count - index) * size);
    (*count)++;
    return true;
}

static void close_hole(void *array, size_t *count, size_t size, size_t index) {
    char *at = (char *)array + index * size;

    (*count)--;
    memmove(at, at + size, (*count - index) * size);
}

/* ret_at: its place, or where it would be. */
static bool find_right(const struct access_set *set, int64_t room, size_t *ret_at) {
    *ret_at = place(set->rights, set->right_count, sizeof *set->rights, room);
    return *ret_at < set->right_count && set->rights[*ret_at].room == room;
}

void access_set_drop_right(struct access_set *set, int64_t room) {
    size_t at;

    if (find_right(set, room, &at)) {
        close_hole(set->rights, &set->right_count, sizeof *set->rights, at);
    }
}

enum hum_status access_set_right(struct access_set *set, const struct access_right *right) {
    size_t at;

    if (right->rights == 0) {
        access_set_drop_right(set, right->room);
        return HUM_OK;
    }
    bool found = find_right(set, right->room, &at);
    uint32_t kept = found ? set->rights[at].place : 0;
    if (!found) {
        void *array = set->rights;

        if (!open_hole(&array, &set->right_count, &set->right_cap, sizeof *right, at)) {
            return HUM_INTERNAL;
        }
        set->rights = array;
    }
    set->rights[at] = *right;
    set->rights[at].place = kept;
    return HUM_OK;
}

void access_set_place(struct access_set *set, int64_t room, uint32_t at) {
    size_t index;

    if (find_right(set, room, &index)) {
        set->rights[index].place = at;
    }
}

enum hum_status access_set_session(struct access_set *set, int64_t session, int64_t expires_at) {
    size_t at = place(set->sessions, set->session_count, sizeof *set->sessions, session);

    if (at == set->session_count || set->sessions[at].id != session) {
        void *array = set->sessions;

        if (!open_hole(&array, &set->session_count, &set->session_cap, sizeof *set->sessions, at)) {
            return HUM_INTERNAL;
        }
        set->sessions = array;
    }
    set->sessions[at] = (struct access_session){session, expires_at};
    return HUM_OK;
}

void access_set_drop_session(struct access_set *set, int64_t session) {
    size_t at = place(set->sessions, set->session_count, sizeof *set->sessions, session);

    if (at < set->session_count && set->sessions[at].id == session) {
        close_hole(set->sessions, &set->session_count, sizeof *set->sessions, at);
    }
}

enum hum_status access_set_friend(struct access_set *set, int64_t friend_id) {
    size_t at = place(set->friends, set->friend_count, sizeof *set->friends, friend_id);

    if (at < set->friend_count && set->friends[at].id == friend_id) {
        return HUM_OK;
    }
    void *array = set->friends;
    if (!open_hole(&array, &set->friend_count, &set->friend_cap, sizeof *set->friends, at)) {
        return HUM_INTERNAL;
    }
    set->friends = array;
    set->friends[at].id = friend_id;
    return HUM_OK;
}

void access_set_drop_friend(struct access_set *set, int64_t friend_id) {
    size_t at = place(set->friends, set->friend_count, sizeof *set->friends, friend_id);

    if (at < set->friend_count && set->friends[at].id == friend_id) {
        close_hole(set->friends, &set->friend_count, sizeof *set->friends, at);
    }
}

bool access_is_friend(const struct access_set *set, int64_t friend_id) {
    if (!set) {
        return false;
    }
    size_t at = place(set->friends, set->friend_count, sizeof *set->friends, friend_id);
    return at < set->friend_count && set->friends[at].id == friend_id;
}

const struct access_right *access_find(const struct access_set *set, int64_t room) {
    if (!set) {
        return NULL;
    }
    size_t at;
    return find_right(set, room, &at) ? &set->rights[at] : NULL;
}

int access_rights(const struct access_set *set, int64_t room) {
    const struct access_right *right = access_find(set, room);

    return right ? right->rights : 0;
}

bool access_session_lives(const struct access_set *set, int64_t session, int64_t now) {
    if (!set) {
        return false;
    }
    size_t at = place(set->sessions, set->session_count, sizeof *set->sessions, session);
    return at < set->session_count && set->sessions[at].id == session &&
           set->sessions[at].expires_at > now;
}

/* Ids count milliseconds above bit 22 (sql/0001_ids.sql); no transaction of a sign-in lasts ten
 * seconds. */
bool access_session_may_be_newer(const struct access_set *set, int64_t session) {
    const int64_t slack = (int64_t)10000 << 22;

    return session > set->as_of - slack;
}
