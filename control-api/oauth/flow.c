#include "flow.h"

#include <sodium.h>
#include <string.h>

enum {
    VERSION = 1,
    EXPIRY_AT = 1,
    RANDOM_AT = 5,
    CHALLENGE_AT = 21,
    MAC_AT = 53,
    STATE_LEN = MAC_AT + FLOW_DIGEST_LEN,
    VERIFIER_CHARS_MIN = 43,
    VERIFIER_CHARS_MAX = 128,
    TEXT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

_Static_assert(FLOW_DIGEST_LEN == crypto_auth_hmacsha256_BYTES, "the length of all digests");
_Static_assert(FLOW_SECRET_LEN == crypto_auth_hmacsha256_KEYBYTES, "the secret is a key");
_Static_assert(FLOW_TEXT_MAX == sodium_base64_ENCODED_LEN(FLOW_DIGEST_LEN, TEXT), "one digest");
_Static_assert(FLOW_STATE_MAX >= sodium_base64_ENCODED_LEN(STATE_LEN, TEXT), "one state");

void flow_text(const unsigned char bytes[FLOW_DIGEST_LEN], char ret_text[FLOW_TEXT_MAX]) {
    sodium_bin2base64(ret_text, FLOW_TEXT_MAX, bytes, FLOW_DIGEST_LEN, TEXT);
}

static bool decode(struct str text, unsigned char *bytes, size_t want) {
    size_t len = 0;

    return sodium_base642bin(bytes, want, text.data, text.len, NULL, &len, NULL, TEXT) == 0 &&
           len == want;
}

bool flow_bytes(struct str text, unsigned char ret_bytes[FLOW_DIGEST_LEN]) {
    return decode(text, ret_bytes, FLOW_DIGEST_LEN);
}

void flow_secret(struct str cookie, struct flow_secret *ret_secret) {
    if (!decode(cookie, ret_secret->bytes, FLOW_SECRET_LEN)) {
        randombytes_buf(ret_secret->bytes, FLOW_SECRET_LEN);
    }
}

/* What the secret says of a state's head; purposes differ in their first letter. */
static void digest(const struct flow_secret *secret, const char *purpose, struct str provider,
                   const unsigned char head[MAC_AT], unsigned char ret[FLOW_DIGEST_LEN]) {
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, secret->bytes, FLOW_SECRET_LEN);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)purpose, 1);
    crypto_auth_hmacsha256_update(&state, head, MAC_AT);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)provider.data, provider.len);
    crypto_auth_hmacsha256_final(&state, ret);
}

/* From a whole state to all that goes with it. */
static void derive(const struct flow_secret *secret, struct str provider,
                   const unsigned char state[STATE_LEN], struct flow *flow) {
    unsigned char bytes[FLOW_DIGEST_LEN];

    sodium_bin2base64(flow->state, sizeof flow->state, state, STATE_LEN, TEXT);
    digest(secret, "nonce", provider, state, bytes);
    flow_text(bytes, flow->nonce);
    digest(secret, "verifier", provider, state, bytes);
    flow_text(bytes, flow->verifier);
    crypto_hash_sha256(bytes, (const unsigned char *)flow->verifier, strlen(flow->verifier));
    flow_text(bytes, flow->challenge);
    memcpy(flow->client_challenge, state + CHALLENGE_AT, FLOW_DIGEST_LEN);
}

void flow_begin(const struct flow_secret *secret, struct str provider,
                const unsigned char client_challenge[FLOW_DIGEST_LEN], int64_t expires_at,
                struct flow *ret_flow) {
    unsigned char state[STATE_LEN] = {VERSION};

    for (int i = 0; i < RANDOM_AT - EXPIRY_AT; i++) {
        state[EXPIRY_AT + i] = (unsigned char)((uint64_t)expires_at >> (24 - 8 * i));
    }
    randombytes_buf(state + RANDOM_AT, CHALLENGE_AT - RANDOM_AT);
    memcpy(state + CHALLENGE_AT, client_challenge, FLOW_DIGEST_LEN);
    digest(secret, "state", provider, state, state + MAC_AT);
    derive(secret, provider, state, ret_flow);
}

bool flow_resume(const struct flow_secret *secret, struct str provider, struct str text,
                 int64_t now, struct flow *ret_flow) {
    unsigned char state[STATE_LEN], mac[FLOW_DIGEST_LEN];
    int64_t expires_at = 0;

    if (!decode(text, state, STATE_LEN) || state[0] != VERSION) {
        return false;
    }
    digest(secret, "state", provider, state, mac);
    if (sodium_memcmp(mac, state + MAC_AT, FLOW_DIGEST_LEN) != 0) {
        return false;
    }
    for (int i = EXPIRY_AT; i < RANDOM_AT; i++) {
        expires_at = expires_at << 8 | state[i];
    }
    if (expires_at <= now) {
        return false;
    }
    derive(secret, provider, state, ret_flow);
    return true;
}

bool flow_verifies(struct str verifier, const unsigned char challenge[FLOW_DIGEST_LEN]) {
    unsigned char hash[FLOW_DIGEST_LEN];

    if (verifier.len < VERIFIER_CHARS_MIN || verifier.len > VERIFIER_CHARS_MAX) {
        return false;
    }
    crypto_hash_sha256(hash, (const unsigned char *)verifier.data, verifier.len);
    return sodium_memcmp(hash, challenge, FLOW_DIGEST_LEN) == 0;
}
