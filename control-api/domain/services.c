#include "services.h"

#include <sodium.h>

#include "store/services.h"
#include "tx.h"

static const char prefix[] = "hst_";

enum {
    PREFIX_LEN = sizeof prefix - 1,
    TOKEN_LEN =
        PREFIX_LEN + sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING) - 1,
};

/* Tokens are random: it is for the index to find their hash, and nobody can guess one by how long
 * that takes. */
enum hum_status services_check(struct lease *lease, struct str token, int64_t *ret_service) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    int64_t service = 0;
    struct pg *pg;

    if (token.len != TOKEN_LEN || memcmp(token.data, prefix, PREFIX_LEN) != 0) {
        return HUM_UNAUTHORIZED;
    }
    crypto_hash_sha256(hash, (const unsigned char *)token.data, token.len);
    enum hum_status status = lease_take(lease, &pg);
    if (status == HUM_OK) {
        status = tx_status(
            store_service_find(pg, (struct str){(const char *)hash, sizeof hash}, &service));
    }
    if (status != HUM_OK) {
        return status;
    }
    if (service == 0) {
        return HUM_UNAUTHORIZED;
    }
    *ret_service = service;
    return HUM_OK;
}
