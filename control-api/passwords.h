/* Passwords: argon2id with 19 MiB, two passes and one lane (OWASP's Password Storage Cheat Sheet),
 * some 20 ms of a core each. A permit a core bounds the memory and the cores that a flood of
 * sign-ins can take. */
#ifndef HUM_PASSWORDS_H
#define HUM_PASSWORDS_H

#include "status.h"
#include "str.h"

enum {
    PASSWORD_HASH_MAX = 128, /* bytes with the NUL, as crypto_pwhash_STRBYTES */
    PASSWORD_WAIT_MS = 2000, /* for a permit */
};

struct passwords;

/* Makes the permits and the hash that stands in for unknown accounts. HUM_INTERNAL: no memory. */
HUM_MUSTCHECK enum hum_status passwords_new(struct passwords **ret_passwords);
/* NULL is fine; nobody may be waiting. */
void passwords_free(struct passwords *passwords);

/* HUM_UNAVAILABLE: no permit within PASSWORD_WAIT_MS; HUM_INTERNAL: no memory. Any thread. */
HUM_MUSTCHECK enum hum_status passwords_hash(struct passwords *passwords, struct str password,
                                             char ret_hash[PASSWORD_HASH_MAX]);
/* hash NULL: there is no such account; the same work is done for the same answer. HUM_OK: it is the
 * password; HUM_INVALID_CREDENTIALS: it is not; HUM_UNAVAILABLE: as above. Any thread. */
HUM_MUSTCHECK enum hum_status passwords_verify(struct passwords *passwords, const char *hash,
                                               struct str password);

/* Whether those who wait for a permit take half of PASSWORD_WAIT_MS by themselves: whoever can wait
 * less than others should come back later, or the others wait in vain. Any thread. */
bool passwords_crowded(struct passwords *passwords);

struct passwords_numbers {
    long permits, in_use;
    uint64_t waits, timeouts; /* those that had to wait, and of these those that got no permit */
    uint64_t crowded;         /* those that were told to come back */
};

/* Any thread. */
void passwords_count(struct passwords *passwords, struct passwords_numbers *ret);

#endif
