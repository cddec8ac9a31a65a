/* Symmetric keys in a folder: files {kid}.key of 32 raw bytes. Kids are UTC times, so the greatest
 * name is the newest key: it signs, the others still verify. */
#ifndef HUM_KEYS_H
#define HUM_KEYS_H

#include "status.h"
#include "str.h"

enum { KEY_LEN = 32, KEY_MAX = 8, KID_MAX = 32 };

struct key {
    char kid[KID_MAX + 1];
    unsigned char bytes[KEY_LEN];
};

struct keys {
    struct key list[KEY_MAX]; /* ascending by kid */
    size_t count;
};

/* Reads a folder. HUM_NOT_FOUND: no folder or no key in it; HUM_INVALID_REQUEST: a file of another
 * length, a kid with other characters than [A-Za-z0-9-], or more than KEY_MAX keys; ret_keys is
 * then untouched. Any thread; touches the file system. */
HUM_MUSTCHECK enum hum_status keys_load(const char *folder, struct keys *ret_keys);
/* Makes a folder (0700) with one new key (0600) unless it holds a key already. HUM_INTERNAL: errno
 * tells. */
HUM_MUSTCHECK enum hum_status keys_ensure(const char *folder);
/* The key that signs; keys must hold one. */
const struct key *keys_newest(const struct keys *keys);
/* The key of a kid, or NULL. */
const struct key *keys_find(const struct keys *keys, const char *kid);
/* Overwrites the keys. */
void keys_wipe(struct keys *keys);

#endif
