#include "refresh.h"

#include <sodium.h>

enum { VERSION = 1, MARK_LEN = 4, HEAD_LEN = 17, MAC_LEN = 32, TOKEN_LEN = HEAD_LEN + MAC_LEN };

_Static_assert(MAC_LEN == crypto_auth_hmacsha256_BYTES, "the MAC of the token");
_Static_assert(REFRESH_TEXT_MAX >=
                   sodium_base64_ENCODED_LEN(TOKEN_LEN, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
               "room for a token");

static void put_be(unsigned char *at, uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) {
        at[i] = (unsigned char)value;
        value >>= 8;
    }
}

static uint64_t get_be(const unsigned char *at, int bytes) {
    uint64_t value = 0;

    for (int i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

static void mark_of(const struct key *key, unsigned char ret_mark[MARK_LEN]) {
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(digest, (const unsigned char *)key->kid, strlen(key->kid));
    memcpy(ret_mark, digest, MARK_LEN);
}

static const struct key *key_of(const struct keys *keys, const unsigned char mark[MARK_LEN]) {
    unsigned char other[MARK_LEN];

    for (size_t i = 0; i < keys->count; i++) {
        mark_of(&keys->list[i], other);
        if (memcmp(mark, other, MARK_LEN) == 0) {
            return &keys->list[i];
        }
    }
    return NULL;
}

static void compute_mac(const struct key *key, const unsigned char head[HEAD_LEN],
                        const unsigned char seed[REFRESH_SEED_LEN],
                        unsigned char ret_mac[MAC_LEN]) {
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, key->bytes, KEY_LEN);
    crypto_auth_hmacsha256_update(&state, head, HEAD_LEN);
    crypto_auth_hmacsha256_update(&state, seed, REFRESH_SEED_LEN);
    crypto_auth_hmacsha256_final(&state, ret_mac);
}

void refresh_make(const struct keys *keys, int64_t session, int32_t generation,
                  const unsigned char seed[REFRESH_SEED_LEN], char ret_text[REFRESH_TEXT_MAX]) {
    const struct key *key = keys_newest(keys);
    unsigned char token[TOKEN_LEN] = {VERSION};

    mark_of(key, token + 1);
    put_be(token + 5, (uint64_t)session, 8);
    put_be(token + 13, (uint64_t)generation, 4);
    compute_mac(key, token, seed, token + HEAD_LEN);
    sodium_bin2base64(ret_text, REFRESH_TEXT_MAX, token, sizeof token,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool refresh_parse(struct str text, struct refresh *ret_refresh) {
    unsigned char token[TOKEN_LEN];
    size_t len = 0;

    if (sodium_base642bin(token, sizeof token, text.data, text.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        len != sizeof token || token[0] != VERSION || token[5] > 127 || token[13] > 127) {
        return false;
    }
    memcpy(ret_refresh->head, token, HEAD_LEN);
    memcpy(ret_refresh->mac, token + HEAD_LEN, MAC_LEN);
    ret_refresh->session = (int64_t)get_be(token + 5, 8);
    ret_refresh->generation = (int32_t)get_be(token + 13, 4);
    return true;
}

bool refresh_genuine(const struct keys *keys, const struct refresh *refresh,
                     const unsigned char seed[REFRESH_SEED_LEN]) {
    const struct key *key = key_of(keys, refresh->head + 1);
    unsigned char mac[MAC_LEN];

    if (!key) {
        return false;
    }
    compute_mac(key, refresh->head, seed, mac);
    return sodium_memcmp(mac, refresh->mac, MAC_LEN) == 0;
}

enum refresh_verdict refresh_judge(int32_t presented, int32_t latest) {
    if (presented > latest || presented < 1) {
        return REFRESH_BAD;
    }
    if (presented == latest) {
        return REFRESH_NEXT;
    }
    return presented == latest - 1 ? REFRESH_AGAIN : REFRESH_STOLEN;
}
