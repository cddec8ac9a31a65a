#include "throttle.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "buckets.h"
#include "prometheus.h"
#include "siege.h"

enum kind {
#define X(name, what, by, count, period, burst, slots) name,
    THROTTLE_MAP(X)
#undef X
    /* Not in the table: an account's sign-ins, which siege.h judges, and their keys. */
    SIGN_INS_ACCOUNT,
    SIGN_INS_ACCOUNT_NETWORK,
    SIGN_INS_ACCOUNT_ADDRESS,
    KINDS = SIGN_INS_ACCOUNT,
};

enum { EMAIL_KEY_MAX = 256, KEY_MAX = EMAIL_KEY_MAX + 32 };

static const struct {
    const char *what, *by;
    struct rate rate;
    size_t slots;
} kinds[KINDS] = {
#define X(name, what, by, count, period, burst, slots)                                             \
    [name] = {what, by, {count, period, burst}, slots},
    THROTTLE_MAP(X)
#undef X
};

struct throttle {
    bool on;
    unsigned char secret[crypto_shorthash_KEYBYTES];
    pthread_mutex_t lock; /* what follows */
    struct buckets *buckets[KINDS];
    struct siege *siege;
    uint64_t refused[KINDS + 1];
};

_Static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "a hash is a key");

static bool make_tables(struct throttle *throttle) {
    for (size_t i = 0; i < KINDS; i++) {
        if (buckets_new(kinds[i].slots, &throttle->buckets[i]) != HUM_OK) {
            return false;
        }
    }
    return siege_new(&throttle->siege) == HUM_OK;
}

enum hum_status throttle_new(bool on, struct throttle **ret_throttle) {
    struct throttle *throttle = calloc(1, sizeof *throttle);

    if (!throttle || sodium_init() < 0) {
        free(throttle);
        return HUM_INTERNAL;
    }
    throttle->on = on;
    randombytes_buf(throttle->secret, sizeof throttle->secret);
    pthread_mutex_init(&throttle->lock, NULL);
    if (!make_tables(throttle)) {
        throttle_free(throttle);
        return HUM_INTERNAL;
    }
    *ret_throttle = throttle;
    return HUM_OK;
}

void throttle_free(struct throttle *throttle) {
    if (throttle) {
        for (size_t i = 0; i < KINDS; i++) {
            buckets_free(throttle->buckets[i]);
        }
        siege_free(throttle->siege);
        pthread_mutex_destroy(&throttle->lock);
        free(throttle);
    }
}

static int64_t steady_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int seconds(int64_t ms) { return (int)((ms + 999) / 1000); }

/* ---- Keys ---- */

/* What a key is made of. */
struct material {
    size_t len;
    unsigned char bytes[KEY_MAX];
};

static struct material material_of(enum kind kind) {
    return (struct material){.len = 1, .bytes = {(unsigned char)kind}};
}

static void add(struct material *material, const void *bytes, size_t len) {
    memcpy(material->bytes + material->len, bytes, len);
    material->len += len;
}

/* In lower case, as accounts are told apart. No account has a longer address, nor one beyond ASCII.
 */
static void add_email(struct material *material, struct str email) {
    size_t len = email.len < EMAIL_KEY_MAX ? email.len : EMAIL_KEY_MAX;

    for (size_t i = 0; i < len; i++) {
        bool upper = email.data[i] >= 'A' && email.data[i] <= 'Z';

        material->bytes[material->len++] =
            (unsigned char)(upper ? email.data[i] + ('a' - 'A') : email.data[i]);
    }
}

static uint64_t key_of(const struct throttle *throttle, const struct material *material) {
    uint64_t key;

    crypto_shorthash((unsigned char *)&key, material->bytes, material->len, throttle->secret);
    return key;
}

/* Whoever has an IPv6 address has all of its /64. */
static struct address host_of(const struct address *from) { return address_network(from, 32, 64); }

static struct address network_of(const struct address *from) {
    return address_network(from, 24, 48);
}

/* ---- Buckets ---- */

static int take(struct throttle *throttle, enum kind kind, const struct material *material) {
    uint64_t key = key_of(throttle, material);

    if (!throttle->on) {
        return 0;
    }
    pthread_mutex_lock(&throttle->lock);
    int64_t wait_ms = buckets_take(throttle->buckets[kind], key, steady_ms(), &kinds[kind].rate);
    throttle->refused[kind] += wait_ms > 0;
    pthread_mutex_unlock(&throttle->lock);
    return seconds(wait_ms);
}

static int take_id(struct throttle *throttle, enum kind kind, int64_t id) {
    struct material material = material_of(kind);

    add(&material, &id, sizeof id);
    return take(throttle, kind, &material);
}

static int take_address(struct throttle *throttle, enum kind kind, struct address address) {
    struct material material = material_of(kind);

    add(&material, &address, sizeof address);
    return take(throttle, kind, &material);
}

/* What an address is refused does not count for its network. */
static int take_both(struct throttle *throttle, enum kind by_address, enum kind by_network,
                     const struct address *from) {
    int wait = take_address(throttle, by_address, host_of(from));

    return wait ? wait : take_address(throttle, by_network, network_of(from));
}

int throttle_call(struct throttle *throttle, const struct address *from, int64_t user) {
    return user ? take_id(throttle, CALLS_USER, user)
                : take_address(throttle, CALLS_ADDRESS, host_of(from));
}

static uint64_t host_key(const struct throttle *throttle, enum kind kind,
                         const struct address *from) {
    struct material material = material_of(kind);
    struct address host = host_of(from);

    add(&material, &host, sizeof host);
    return key_of(throttle, &material);
}

int throttle_check(struct throttle *throttle, const struct address *from) {
    uint64_t calls = host_key(throttle, CALLS_ADDRESS, from);
    uint64_t checks = host_key(throttle, CHECKS_ADDRESS, from);
    int64_t now_ms = steady_ms();

    if (!throttle->on) {
        return 0;
    }
    pthread_mutex_lock(&throttle->lock);
    int64_t wait_ms =
        buckets_wait(throttle->buckets[CALLS_ADDRESS], calls, now_ms, &kinds[CALLS_ADDRESS].rate);
    if (wait_ms > 0) {
        wait_ms = buckets_wait(throttle->buckets[CHECKS_ADDRESS], checks, now_ms,
                               &kinds[CHECKS_ADDRESS].rate);
    }
    throttle->refused[CHECKS_ADDRESS] += wait_ms > 0;
    pthread_mutex_unlock(&throttle->lock);
    return seconds(wait_ms);
}

int throttle_bad_token(struct throttle *throttle, const struct address *from) {
    int wait = throttle_call(throttle, from, 0);

    if (wait > 0) {
        take_address(throttle, CHECKS_ADDRESS, host_of(from));
    }
    return wait;
}

int throttle_probe(struct throttle *throttle, const struct address *from) {
    return take_address(throttle, PROBES_ADDRESS, host_of(from));
}

int throttle_message(struct throttle *throttle, int64_t user) {
    return take_id(throttle, MESSAGES_USER, user);
}

int throttle_register(struct throttle *throttle, const struct address *from) {
    return take_both(throttle, REGISTRATIONS_ADDRESS, REGISTRATIONS_NETWORK, from);
}

int throttle_oauth(struct throttle *throttle, const struct address *from) {
    return take_both(throttle, OAUTH_ADDRESS, OAUTH_NETWORK, from);
}

int throttle_password(struct throttle *throttle, int64_t session) {
    return take_id(throttle, PASSWORDS_SESSION, session);
}

int throttle_token(struct throttle *throttle, const struct address *from) {
    return take_address(throttle, TOKENS_ADDRESS, host_of(from));
}

/* ---- Sign-ins ---- */

static uint64_t account_key(const struct throttle *throttle, enum kind kind,
                            const struct address *address, struct str email) {
    struct material material = material_of(kind);

    if (address) {
        add(&material, address, sizeof *address);
    }
    add_email(&material, email);
    return key_of(throttle, &material);
}

static struct siege_keys siege_keys_of(const struct throttle *throttle, const struct address *from,
                                       struct str email) {
    struct address host = host_of(from), network = network_of(from);

    return (struct siege_keys){
        .account = account_key(throttle, SIGN_INS_ACCOUNT, NULL, email),
        .network = account_key(throttle, SIGN_INS_ACCOUNT_NETWORK, &network, email),
        .address = account_key(throttle, SIGN_INS_ACCOUNT_ADDRESS, &host, email),
    };
}

int throttle_sign_in(struct throttle *throttle, const struct address *from, struct str email,
                     bool *ret_home) {
    int wait = take_both(throttle, SIGN_INS_ADDRESS, SIGN_INS_NETWORK, from);

    *ret_home = !throttle->on;

    if (wait > 0 || !throttle->on) {
        return wait;
    }
    struct siege_keys keys = siege_keys_of(throttle, from, email);
    pthread_mutex_lock(&throttle->lock);
    int64_t wait_ms = siege_try(throttle->siege, &keys, steady_ms(), ret_home);
    throttle->refused[SIGN_INS_ACCOUNT] += wait_ms > 0;
    pthread_mutex_unlock(&throttle->lock);
    return seconds(wait_ms);
}

void throttle_owner(struct throttle *throttle, const struct address *from, struct str email) {
    if (throttle->on) {
        struct siege_keys keys = siege_keys_of(throttle, from, email);

        pthread_mutex_lock(&throttle->lock);
        siege_owner(throttle->siege, &keys, steady_ms());
        pthread_mutex_unlock(&throttle->lock);
    }
}

/* ---- Mails ---- */

/* place: NULL for all together. */
static bool may_mail(struct throttle *throttle, enum kind bucket, int kind, const void *place,
                     size_t place_len, struct str email) {
    struct material material = material_of(bucket);

    add(&material, &kind, sizeof kind);
    if (place) {
        add(&material, place, place_len);
    }
    add_email(&material, email);
    return take(throttle, bucket, &material) == 0;
}

static bool is_home(struct throttle *throttle, const struct address *from, struct str email,
                    uint64_t *ret_place) {
    struct siege_keys keys = siege_keys_of(throttle, from, email);

    pthread_mutex_lock(&throttle->lock);
    bool home = siege_home(throttle->siege, &keys, steady_ms(), ret_place);
    pthread_mutex_unlock(&throttle->lock);
    return home;
}

int throttle_mail(struct throttle *throttle, const struct address *from, int kind, struct str email,
                  bool *ret_send) {
    int wait = take_both(throttle, MAILS_ADDRESS, MAILS_NETWORK, from);
    uint64_t place;

    if (wait > 0) {
        return wait;
    }
    if (is_home(throttle, from, email, &place)) {
        *ret_send = may_mail(throttle, MAILS_HOME, kind, &place, sizeof place, email);
    } else {
        /* What a network is refused does not count for all of them. */
        struct address network = network_of(from);
        *ret_send = may_mail(throttle, MAILS_ABROAD, kind, &network, sizeof network, email) &&
                    may_mail(throttle, MAILS_ACCOUNT, kind, NULL, 0, email);
    }
    return 0;
}

/* ---- Numbers ---- */

static void write_line(struct buf *out, const char *name, const char *what, const char *by,
                       uint64_t value) {
    char labels[64];

    snprintf(labels, sizeof labels, "{what=\"%s\",by=\"%s\"}", what, by);
    prometheus_value(out, name, labels, (int64_t)value);
}

static void write_lines(struct buf *out, const char *name, const char *help,
                        const uint64_t values[KINDS + 1]) {
    prometheus_head(out, name, "counter", help);
    for (size_t i = 0; i < KINDS; i++) {
        write_line(out, name, kinds[i].what, kinds[i].by, values[i]);
    }
    write_line(out, name, kinds[SIGN_INS_ADDRESS].what, "account", values[SIGN_INS_ACCOUNT]);
}

void throttle_write(struct throttle *throttle, struct buf *out) {
    uint64_t refused[KINDS + 1], evicted[KINDS + 1];

    pthread_mutex_lock(&throttle->lock);
    memcpy(refused, throttle->refused, sizeof refused);
    for (size_t i = 0; i < KINDS; i++) {
        evicted[i] = buckets_evicted(throttle->buckets[i]);
    }
    evicted[SIGN_INS_ACCOUNT] = siege_evicted(throttle->siege);
    pthread_mutex_unlock(&throttle->lock);
    write_lines(out, "hum_api_throttled_total",
                "Calls that came too often, and were answered with 429 or, for the mails of an "
                "account, without one",
                refused);
    write_lines(out, "hum_api_throttle_evicted_total",
                "Who had used up part of a rate, and was forgotten for want of room", evicted);
}
