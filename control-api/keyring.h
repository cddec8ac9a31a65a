/* The keys that the control API signs and verifies with, of all kinds. They can be read anew while
 * requests work with those that there were. Any thread, but for keyring_open and keyring_close. */
#ifndef HUM_KEYRING_H
#define HUM_KEYRING_H

#include "keys.h"
#include "tokens.h"

/* All keys at one time; constant. */
struct keyset {
    struct keys mqtt;
    struct keys refresh;
    struct keys mail; /* of the tokens in mails */
    struct tokens *tokens;
    size_t holders; /* keyring.c's */
};

struct keyring;

/* Reads the folder. On failure ret_wrong is the folder in it that is to blame, with keys_load's and
 * tokens_open's statuses; freed by the caller with free(), NULL for no memory. */
HUM_MUSTCHECK enum hum_status keyring_open(const char *folder, struct keyring **ret_keyring,
                                           char **ret_wrong);
/* Reads it anew. On failure, as keyring_open's, all stays as it was. Touches the file system. */
HUM_MUSTCHECK enum hum_status keyring_reload(struct keyring *keyring, char **ret_wrong);
/* NULL is fine. Nobody may hold keys any more. */
void keyring_close(struct keyring *keyring);

/* The keys as they are now; they stay until they are given back, whatever is read meanwhile. */
const struct keyset *keyring_take(struct keyring *keyring);
void keyring_give(struct keyring *keyring, const struct keyset *keyset);

#endif
