#include "siege.h"

#include <stdbool.h>
#include <stdlib.h>

#include "buckets.h"

enum {
    WAYS = 8,
    ACCOUNTS = 32 * 1024, /* slots; a power of two, as the next two */
    TRIERS = 64 * 1024,
    HOMES = 256 * 1024,
    AT_HOME = 16 * 1024,
    MINUTE_MS = 60 * 1000,
    FIRST_DELAY_MS = 6 * 1000,
    LONGEST_DELAY_MS = 15 * MINUTE_MS,
    FREE_TRIES = 10,  /* of strangers, before they are delayed */
    TRIES_A_STEP = 5, /* and so many more double the delay */
    TRIES_MAX = 1000, /* more are not counted: all are forgotten in two days */
    HOUR_MS = 60 * MINUTE_MS,
    /* How long it takes to forget half of what strangers have tried of an account, and of what a
     * network has: that makes it fresh again, so who has many would gain from a short one. */
    ACCOUNT_HALF_MS = 6 * HOUR_MS,
    TRIER_HALF_MS = 72 * HOUR_MS,
};

static const int64_t home_ms = (int64_t)30 * 24 * 60 * MINUTE_MS;
static const struct rate home_rate = {10, MINUTE_MS, 10};
static const struct rate known_rate = {10, MINUTE_MS, 10};
static const struct rate fresh_rate = {10, MINUTE_MS, 15};

/* Tries that are forgotten by and by. */
struct tries {
    int64_t halved_ms;
    int32_t count;
};

struct account {
    uint64_t key;
    struct limit limit;
    struct tries tries; /* of strangers */
    int64_t open_ms;    /* for those who have tried it often */
};

struct trier { /* a network that has tried an account */
    uint64_t key;
    struct tries tries;
};

struct home {
    uint64_t key;
    int64_t seen_ms; /* 0: an empty slot */
};

struct siege {
    struct account accounts[ACCOUNTS];
    struct trier triers[TRIERS];
    struct home homes[HOMES];
    struct buckets *at_home;
    uint64_t evicted;
};

enum hum_status siege_new(struct siege **ret_siege) {
    struct siege *siege = calloc(1, sizeof *siege);

    if (!siege || buckets_new(AT_HOME, &siege->at_home) != HUM_OK) {
        free(siege);
        return HUM_INTERNAL;
    }
    *ret_siege = siege;
    return HUM_OK;
}

void siege_free(struct siege *siege) {
    if (siege) {
        buckets_free(siege->at_home);
        free(siege);
    }
}

static int32_t lately(struct tries *tries, int32_t half_ms, int64_t now_ms) {
    int64_t halves = (now_ms - tries->halved_ms) / half_ms;

    if (halves > 0) {
        tries->count = halves < 31 ? tries->count >> halves : 0;
        tries->halved_ms += halves * half_ms;
    }
    return tries->count;
}

static void count(struct tries *tries) { tries->count += tries->count < TRIES_MAX; }

/* The account of the key. When there is none, NULL or, to add it, the place of the one that was
 * tried the fewest times. */
static struct account *account_of(struct siege *siege, uint64_t key, bool add, int64_t now_ms) {
    struct account *set = &siege->accounts[key % (ACCOUNTS / WAYS) * WAYS], *place = set;

    for (int i = 0; i < WAYS; i++) {
        if (set[i].key == key) {
            return &set[i];
        }
        if (lately(&set[i].tries, ACCOUNT_HALF_MS, now_ms) <
            lately(&place->tries, ACCOUNT_HALF_MS, now_ms)) {
            place = &set[i];
        }
    }
    if (!add) {
        return NULL;
    }
    siege->evicted += place->tries.count >= FREE_TRIES;
    *place = (struct account){.key = key, .tries = {.halved_ms = now_ms}};
    return place;
}

/* The same of a network that tries an account. */
static struct trier *trier_of(struct siege *siege, uint64_t key, bool add, int64_t now_ms) {
    struct trier *set = &siege->triers[key % (TRIERS / WAYS) * WAYS], *place = set;

    for (int i = 0; i < WAYS; i++) {
        if (set[i].key == key) {
            return &set[i];
        }
        if (lately(&set[i].tries, TRIER_HALF_MS, now_ms) <
            lately(&place->tries, TRIER_HALF_MS, now_ms)) {
            place = &set[i];
        }
    }
    if (!add) {
        return NULL;
    }
    *place = (struct trier){.key = key, .tries = {.halved_ms = now_ms}};
    return place;
}

static bool is_home(const struct siege *siege, uint64_t key, int64_t now_ms) {
    const struct home *set = &siege->homes[key % (HOMES / WAYS) * WAYS];

    for (int i = 0; i < WAYS; i++) {
        if (set[i].key == key && set[i].seen_ms > 0) {
            return now_ms - set[i].seen_ms < home_ms;
        }
    }
    return false;
}

/* A new one takes the place of the one seen longest ago. */
static void make_home(struct siege *siege, uint64_t key, int64_t now_ms) {
    struct home *set = &siege->homes[key % (HOMES / WAYS) * WAYS], *place = set;

    for (int i = 0; i < WAYS; i++) {
        if (set[i].key == key) {
            place = &set[i];
            break;
        }
        if (set[i].seen_ms < place->seen_ms) {
            place = &set[i];
        }
    }
    *place = (struct home){key, now_ms};
}

/* Between two tries of those who have tried it often. */
static int64_t delay_of(int32_t tries) {
    int64_t delay_ms = FIRST_DELAY_MS;

    if (tries < FREE_TRIES) {
        return 0;
    }
    for (int i = FREE_TRIES + TRIES_A_STEP; i <= tries && delay_ms < LONGEST_DELAY_MS;
         i += TRIES_A_STEP) {
        delay_ms *= 2;
    }
    return delay_ms < LONGEST_DELAY_MS ? delay_ms : LONGEST_DELAY_MS;
}

/* Counted before the password is tried: a thousand at once are a thousand. */
static int64_t stranger_try(struct siege *siege, const struct siege_keys *keys, int64_t now_ms) {
    struct account *account = account_of(siege, keys->account, true, now_ms);
    struct trier *trier = trier_of(siege, keys->network, true, now_ms);
    bool fresh = lately(&trier->tries, TRIER_HALF_MS, now_ms) < SIEGE_FRESH;

    if (!fresh && account->open_ms > now_ms) {
        return account->open_ms - now_ms;
    }
    int64_t wait_ms = limit_take(&account->limit, now_ms, fresh ? &fresh_rate : &known_rate);
    if (wait_ms == 0) {
        count(&trier->tries);
        count(&account->tries);
        account->open_ms = now_ms + delay_of(lately(&account->tries, ACCOUNT_HALF_MS, now_ms));
    }
    return wait_ms;
}

bool siege_home(const struct siege *siege, const struct siege_keys *keys, int64_t now_ms,
                uint64_t *ret_place) {
    bool address = is_home(siege, keys->address, now_ms);

    *ret_place = address ? keys->address : keys->network;
    return address || is_home(siege, keys->network, now_ms);
}

int64_t siege_try(struct siege *siege, const struct siege_keys *keys, int64_t now_ms,
                  bool *ret_home) {
    uint64_t place;

    *ret_home = siege_home(siege, keys, now_ms, &place);
    return *ret_home ? buckets_take(siege->at_home, place, now_ms, &home_rate)
                     : stranger_try(siege, keys, now_ms);
}

/* What the owner has tried is taken back, so that it slows nobody down. */
void siege_owner(struct siege *siege, const struct siege_keys *keys, int64_t now_ms) {
    struct trier *trier = trier_of(siege, keys->network, false, now_ms);
    struct account *account = account_of(siege, keys->account, false, now_ms);

    if (trier && account) {
        int32_t left = account->tries.count - trier->tries.count;

        account->tries.count = left > 0 ? left : 0;
        trier->tries.count = 0;
    }
    make_home(siege, keys->address, now_ms);
    make_home(siege, keys->network, now_ms);
}

uint64_t siege_evicted(const struct siege *siege) { return siege->evicted; }
