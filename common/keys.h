/* Symmetric keys in a folder: files {kid}.key of 32 raw bytes. Kids are UTC times, so the greatest
 * name is the newest key: it signs, the others still verify. A file {kid}.next is a key that is to
 * sign next: it verifies already, so that everybody knows it by the time that it signs. */
#ifndef HUM_KEYS_H
#define HUM_KEYS_H

#include "keyfile.h"

enum { KEY_LEN = 32, KEY_MAX = 8 };

struct key {
    char kid[KID_MAX + 1];
    unsigned char bytes[KEY_LEN];
    bool is_next; /* it does not sign yet */
};

struct keys {
    struct key list[KEY_MAX]; /* ascending by kid */
    size_t count;
};

/* Reads a folder. HUM_NOT_FOUND: no folder or no key in it that signs; HUM_INVALID_REQUEST: a file
 * of another length, a kid with other characters than [A-Za-z0-9-], or more than KEY_MAX keys;
 * ret_keys is then untouched. Any thread; touches the file system, as all here do but the last
 * three. */
HUM_MUSTCHECK enum hum_status keys_load(const char *folder, struct keys *ret_keys);
/* Makes a folder (0700) with one new key (0600) unless it holds a key already. HUM_INTERNAL: errno
 * tells. */
HUM_MUSTCHECK enum hum_status keys_ensure(const char *folder);
/* Removes what no token needs any more, life_s being how long one is good; and a key that was to
 * sign next and never did. HUM_LIMIT_REACHED: KEY_MAX are left. Else as keys_load, and
 * HUM_INTERNAL: errno tells. */
HUM_MUSTCHECK enum hum_status keys_prune(const char *folder, int64_t life_s);
/* Adds a key that signs, or is to sign next; ret_kid: its name. As keys_prune. */
HUM_MUSTCHECK enum hum_status keys_add(const char *folder, bool is_next, char ret_kid[KID_MAX + 1]);
/* The key that was to sign next signs, for all that read the folder from now on. HUM_NOT_FOUND:
 * there is none; HUM_INTERNAL: errno tells. */
HUM_MUSTCHECK enum hum_status keys_use_next(const char *folder);
/* The key that signs; keys must hold one. */
const struct key *keys_newest(const struct keys *keys);
/* The key of a kid, or NULL. */
const struct key *keys_find(const struct keys *keys, const char *kid);
/* Overwrites the keys. */
void keys_wipe(struct keys *keys);

#endif
