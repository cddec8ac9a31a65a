#include "mail_token.h"

#include <sodium.h>

enum { ID_LEN = 8, MAC_LEN = 32, TOKEN_LEN = ID_LEN + MAC_LEN };

_Static_assert(MAC_LEN == crypto_auth_hmacsha256_BYTES, "the MAC of the token");
_Static_assert(MAIL_TOKEN_MAX >=
                   sodium_base64_ENCODED_LEN(TOKEN_LEN, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
               "room for a token");

static void put_id(unsigned char bytes[ID_LEN], int64_t id) {
    uint64_t value = (uint64_t)id;

    for (int i = ID_LEN - 1; i >= 0; i--) {
        bytes[i] = (unsigned char)value;
        value >>= 8;
    }
}

static void compute_mac(const struct key *key, int64_t id, enum mail_purpose purpose,
                        const unsigned char seed[MAIL_SEED_LEN], unsigned char ret_mac[MAC_LEN]) {
    crypto_auth_hmacsha256_state state;
    unsigned char head[ID_LEN + 1];

    put_id(head, id);
    head[ID_LEN] = (unsigned char)purpose;
    crypto_auth_hmacsha256_init(&state, key->bytes, KEY_LEN);
    crypto_auth_hmacsha256_update(&state, head, sizeof head);
    crypto_auth_hmacsha256_update(&state, seed, MAIL_SEED_LEN);
    crypto_auth_hmacsha256_final(&state, ret_mac);
}

void mail_token_make(const struct keys *keys, int64_t id, enum mail_purpose purpose,
                     const unsigned char seed[MAIL_SEED_LEN], char ret_text[MAIL_TOKEN_MAX]) {
    unsigned char token[TOKEN_LEN];

    put_id(token, id);
    compute_mac(keys_newest(keys), id, purpose, seed, token + ID_LEN);
    sodium_bin2base64(ret_text, MAIL_TOKEN_MAX, token, sizeof token,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool mail_token_parse(struct str text, struct mail_token *ret_token) {
    unsigned char token[TOKEN_LEN];
    uint64_t id = 0;
    size_t len = 0;

    if (sodium_base642bin(token, sizeof token, text.data, text.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        len != sizeof token || token[0] > 127) {
        return false;
    }
    for (int i = 0; i < ID_LEN; i++) {
        id = id << 8 | token[i];
    }
    ret_token->id = (int64_t)id;
    memcpy(ret_token->mac, token + ID_LEN, MAC_LEN);
    return true;
}

/* Every key is tried, whichever fits: a token does not say which made it. */
bool mail_token_genuine(const struct keys *keys, const struct mail_token *token,
                        enum mail_purpose purpose, const unsigned char seed[MAIL_SEED_LEN]) {
    unsigned char mac[MAC_LEN];
    bool genuine = false;

    for (size_t i = 0; i < keys->count; i++) {
        compute_mac(&keys->list[i], token->id, purpose, seed, mac);
        genuine = sodium_memcmp(mac, token->mac, MAC_LEN) == 0 || genuine;
    }
    return genuine;
}
