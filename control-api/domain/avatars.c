#include "avatars.h"

#include <sodium.h>

#include "store/events.h"
#include "store/run.h"
#include "tx.h"

_Static_assert(AVATAR_HASH_SIZE == crypto_hash_sha256_BYTES, "SHA-256");

struct change {
    int64_t caller;
    struct str hash, bytes; /* .data NULL: none */
    struct str event;
};

static enum pg_outcome change_avatar(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct change *change = arg;
    bool changed;

    (void)ret_status;
    PG_TRY(store_avatar_set(pg, change->caller, change->hash, change->bytes, &changed));
    if (!changed) {
        return PG_DONE;
    }
    return store_event(pg, "UserProfileUpdated", change->caller, change->caller, change->event);
}

enum hum_status avatars_set(struct pg *pg, int64_t caller, struct str bytes) {
    unsigned char hash[AVATAR_HASH_SIZE];
    char hex[AVATAR_HEX + 1], event[AVATAR_HEX + sizeof "{\"avatar\":\"\"}"];

    crypto_hash_sha256(hash, (const unsigned char *)bytes.data, bytes.len);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    snprintf(event, sizeof event, "{\"avatar\":\"%s\"}", hex);
    struct change change = {caller, {(const char *)hash, sizeof hash}, bytes, str_of(event)};
    return tx_run(pg, change_avatar, &change);
}

enum hum_status avatars_remove(struct pg *pg, int64_t caller) {
    struct change change = {.caller = caller, .event = str_of("{\"avatar\":null}")};

    return tx_run(pg, change_avatar, &change);
}

/* The bytes that hexadecimal digits stand for. */
static enum hum_status read_hex(struct str digits, struct buf *out) {
    unsigned char chunk[1024];

    while (digits.len > 0) {
        size_t take = digits.len < 2 * sizeof chunk ? digits.len : 2 * sizeof chunk, len = 0;

        if (sodium_hex2bin(chunk, sizeof chunk, digits.data, take, NULL, &len, NULL) != 0) {
            return HUM_INTERNAL;
        }
        buf_add(out, chunk, len);
        digits.data += take;
        digits.len -= take;
    }
    return out->failed ? HUM_INTERNAL : HUM_OK;
}

enum hum_status avatars_get(struct pg *pg, int64_t user, struct avatar *ret_avatar) {
    struct pg_result *rows;
    enum hum_status status = tx_status(store_avatar_get(pg, user, &rows));

    if (status != HUM_OK) {
        return status;
    }
    if (pg_rows(rows) == 0) {
        status = HUM_NOT_FOUND;
    } else {
        snprintf(ret_avatar->hash, sizeof ret_avatar->hash, "%s", pg_get_text(rows, 0, 0).data);
        status = read_hex(pg_get_text(rows, 0, 1), &ret_avatar->bytes);
    }
    pg_result_free(rows);
    return status;
}
