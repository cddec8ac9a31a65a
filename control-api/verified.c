#include "verified.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

enum { WAYS = 4, SETS = VERIFIED_SLOTS / WAYS, DIGEST_LEN = 32 };

_Static_assert(DIGEST_LEN == crypto_generichash_BYTES, "the digest of a token");

struct slot {
    unsigned char digest[DIGEST_LEN]; /* of the token: it need not lie around in memory */
    struct token_claims claims;       /* session 0: an empty slot */
    int64_t seen_ms;                  /* when the session was last looked up */
    bool dead;                        /* and had ended */
};

struct verified {
    pthread_mutex_t lock;
    uint64_t revocations;
    struct slot slots[SETS][WAYS];
};

enum hum_status verified_new(struct verified **ret_verified) {
    struct verified *verified = calloc(1, sizeof *verified);

    if (!verified) {
        return HUM_INTERNAL;
    }
    pthread_mutex_init(&verified->lock, NULL);
    *ret_verified = verified;
    return HUM_OK;
}

void verified_free(struct verified *verified) {
    if (verified) {
        pthread_mutex_destroy(&verified->lock);
        free(verified);
    }
}

static void digest_of(struct str token, unsigned char ret_digest[DIGEST_LEN]) {
    crypto_generichash(ret_digest, DIGEST_LEN, (const unsigned char *)token.data, token.len, NULL,
                       0);
}

static struct slot *set_of(struct verified *verified, const unsigned char digest[DIGEST_LEN]) {
    return verified->slots[(digest[0] | (size_t)digest[1] << 8) % SETS];
}

static struct slot *find(struct slot *set, const unsigned char digest[DIGEST_LEN]) {
    for (int i = 0; i < WAYS; i++) {
        if (set[i].claims.session && memcmp(set[i].digest, digest, DIGEST_LEN) == 0) {
            return &set[i];
        }
    }
    return NULL;
}

/* What it costs to lose a slot. */
static int worth(const struct slot *slot, int64_t now_ms) {
    if (slot->claims.session == 0 || slot->claims.expires_at <= now_ms / 1000) {
        return 0;
    }
    return slot->dead ? 1 : 2;
}

/* One of the least worth, of these the one that has been looked up longest ago. */
static struct slot *place(struct slot *set, int64_t now_ms) {
    struct slot *best = &set[0];

    for (int i = 1; i < WAYS; i++) {
        int more = worth(&set[i], now_ms) - worth(best, now_ms);

        if (more < 0 || (more == 0 && set[i].seen_ms < best->seen_ms)) {
            best = &set[i];
        }
    }
    return best;
}

static void keep(struct slot *slot, const unsigned char digest[DIGEST_LEN],
                 const struct token_claims *claims, int64_t now_ms, bool dead) {
    memcpy(slot->digest, digest, DIGEST_LEN);
    slot->claims = *claims;
    slot->seen_ms = now_ms;
    slot->dead = dead;
}

enum verified_state verified_get(struct verified *verified, struct str token, int64_t now_ms,
                                 struct token_claims *ret_claims, uint64_t *ret_mark) {
    unsigned char digest[DIGEST_LEN];
    enum verified_state state = VERIFIED_UNKNOWN;

    digest_of(token, digest);
    pthread_mutex_lock(&verified->lock);
    const struct slot *slot = find(set_of(verified, digest), digest);
    if (slot && slot->claims.expires_at > now_ms / 1000) {
        int64_t age = now_ms - slot->seen_ms;

        *ret_claims = slot->claims;
        /* A clock that has stepped back must not make a look live longer. */
        state = slot->dead                            ? VERIFIED_DEAD
                : age >= 0 && age < VERIFIED_ALIVE_MS ? VERIFIED_ALIVE
                                                      : VERIFIED_TOKEN;
    }
    *ret_mark = verified->revocations;
    pthread_mutex_unlock(&verified->lock);
    return state;
}

void verified_put(struct verified *verified, struct str token, const struct token_claims *claims,
                  int64_t now_ms, uint64_t mark) {
    unsigned char digest[DIGEST_LEN];

    digest_of(token, digest);
    pthread_mutex_lock(&verified->lock);
    if (mark == verified->revocations) {
        struct slot *set = set_of(verified, digest), *slot = find(set, digest);

        keep(slot ? slot : place(set, now_ms), digest, claims, now_ms, false);
    }
    pthread_mutex_unlock(&verified->lock);
}

void verified_put_dead(struct verified *verified, struct str token,
                       const struct token_claims *claims, int64_t now_ms) {
    unsigned char digest[DIGEST_LEN];

    digest_of(token, digest);
    pthread_mutex_lock(&verified->lock);
    struct slot *set = set_of(verified, digest), *own = find(set, digest);
    struct slot *slot = own ? own : place(set, now_ms);
    if (own || worth(slot, now_ms) < 2) {
        keep(slot, digest, claims, now_ms, true);
    }
    pthread_mutex_unlock(&verified->lock);
}

/* Each of the two is 0 where it does not matter. */
static void forget(struct verified *verified, int64_t session, int64_t user) {
    pthread_mutex_lock(&verified->lock);
    verified->revocations++;
    for (size_t i = 0; i < SETS; i++) {
        for (int j = 0; j < WAYS; j++) {
            const struct token_claims *claims = &verified->slots[i][j].claims;

            if ((session && claims->session == session) || (user && claims->user == user)) {
                verified->slots[i][j] = (struct slot){0};
            }
        }
    }
    pthread_mutex_unlock(&verified->lock);
}

void verified_forget_all(struct verified *verified) {
    pthread_mutex_lock(&verified->lock);
    verified->revocations++;
    memset(verified->slots, 0, sizeof verified->slots);
    pthread_mutex_unlock(&verified->lock);
}

void verified_revoke(struct verified *verified, int64_t session) { forget(verified, session, 0); }

void verified_revoke_user(struct verified *verified, int64_t user) { forget(verified, 0, user); }
