#include "tokens.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rhonabwy.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FILE_MAX = 1024,     /* bytes of a key file */
    COORDINATE_LEN = 43, /* base64url of 32 bytes */
};

static const char suffix[] = ".jwk";

struct pair {
    char kid[KID_MAX + 1];
    jwk_t *private;
    jwk_t *public;
};

struct tokens {
    struct pair list[KEY_MAX]; /* ascending by kid */
    size_t count;
    char *jwks;
};

static void free_pair(struct pair *pair) {
    r_jwk_free(pair->private);
    r_jwk_free(pair->public);
    *pair = (struct pair){0};
}

void tokens_close(struct tokens *tokens) {
    if (!tokens) {
        return;
    }
    for (size_t i = 0; i < tokens->count; i++) {
        free_pair(&tokens->list[i]);
    }
    free(tokens->jwks);
    free(tokens);
}

/* RFC 7518, section 6.2.1.2: the coordinates have their full length, leading zeros included. */
static bool full_coordinate(jwk_t *jwk, const char *name) {
    const char *value = r_jwk_get_property_str(jwk, name);

    return value && strlen(value) == COORDINATE_LEN;
}

/* A private key on P-256. */
static bool is_es256(jwk_t *jwk) {
    unsigned int bits = 0;
    int type = r_jwk_key_type(jwk, &bits, R_FLAG_IGNORE_REMOTE);

    return (type & R_KEY_TYPE_EC) && (type & R_KEY_TYPE_PRIVATE) && bits == 256 &&
           full_coordinate(jwk, "x") && full_coordinate(jwk, "y") && full_coordinate(jwk, "d");
}

static bool read_file(int folder, const char *name, char *ret_text, size_t size) {
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0) {
        return false;
    }
    ssize_t got = read(fd, ret_text, size);
    close(fd);
    if (got < 0 || (size_t)got >= size) {
        return false;
    }
    ret_text[got] = '\0';
    return true;
}

/* The kid of a key file's name. False: no key file, or no kid that could be one. */
static bool kid_of(const char *name, char ret_kid[KID_MAX + 1]) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    size_t len = strspn(name, allowed);

    if (len < 1 || len > KID_MAX || strcmp(name + len, suffix) != 0) {
        return false;
    }
    memcpy(ret_kid, name, len);
    ret_kid[len] = '\0';
    return true;
}

static bool read_pair(int folder, const char *name, struct pair *pair) {
    char text[FILE_MAX];
    bool ok = read_file(folder, name, text, sizeof text) && r_jwk_init(&pair->private) == RHN_OK &&
              r_jwk_init(&pair->public) == RHN_OK &&
              r_jwk_import_from_json_str(pair->private, text) == RHN_OK &&
              is_es256(pair->private) &&
              r_jwk_set_property_str(pair->private, "kid", pair->kid) == RHN_OK &&
              r_jwk_extract_pubkey(pair->private, pair->public, R_FLAG_IGNORE_REMOTE) == RHN_OK &&
              r_jwk_set_property_str(pair->public, "alg", "ES256") == RHN_OK &&
              r_jwk_set_property_str(pair->public, "use", "sig") == RHN_OK;

    sodium_memzero(text, sizeof text);
    if (!ok) {
        free_pair(pair);
    }
    return ok;
}

static int by_kid(const void *a, const void *b) {
    return strcmp(((const struct pair *)a)->kid, ((const struct pair *)b)->kid);
}

static enum hum_status read_folder(DIR *dir, struct tokens *tokens) {
    const struct dirent *entry;

    while ((entry = readdir(dir))) {
        struct pair pair = {0};

        if (!kid_of(entry->d_name, pair.kid)) {
            continue;
        }
        if (tokens->count == KEY_MAX || !read_pair(dirfd(dir), entry->d_name, &pair)) {
            return HUM_INVALID_REQUEST;
        }
        tokens->list[tokens->count++] = pair;
    }
    qsort(tokens->list, tokens->count, sizeof tokens->list[0], by_kid);
    return tokens->count ? HUM_OK : HUM_NOT_FOUND;
}

/* The newest first, as most tokens name it. */
static char *render_jwks(const struct tokens *tokens) {
    json_t *keys = json_array();
    json_t *set = json_pack("{s:o}", "keys", keys);
    char *text = NULL;

    for (size_t i = tokens->count; i-- > 0;) {
        if (json_array_append_new(keys, r_jwk_export_to_json_t(tokens->list[i].public)) != 0) {
            json_decref(set);
            return NULL;
        }
    }
    text = json_dumps(set, JSON_COMPACT);
    json_decref(set);
    return text;
}

enum hum_status tokens_open(const char *folder, struct tokens **ret_tokens) {
    struct tokens *tokens = calloc(1, sizeof *tokens);
    DIR *dir = opendir(folder);

    if (!tokens || !dir || r_global_init() != RHN_OK) {
        enum hum_status status = dir || !tokens ? HUM_INTERNAL : HUM_NOT_FOUND;

        if (dir) {
            closedir(dir);
        }
        free(tokens);
        return status;
    }
    enum hum_status status = read_folder(dir, tokens);
    closedir(dir);
    if (status == HUM_OK && !(tokens->jwks = render_jwks(tokens))) {
        status = HUM_INTERNAL;
    }
    if (status != HUM_OK) {
        tokens_close(tokens);
        return status;
    }
    *ret_tokens = tokens;
    return HUM_OK;
}

/* One key in some 128 has a coordinate that rhonabwy writes too short: take another then. */
static char *make_key(const char *kid) {
    char *text = NULL;

    for (int tries = 0; tries < 16 && !text; tries++) {
        jwk_t *private = NULL, *public = NULL;

        if (r_jwk_init(&private) == RHN_OK && r_jwk_init(&public) == RHN_OK &&
            r_jwk_generate_key_pair(private, public, R_KEY_TYPE_EC, 256, kid) == RHN_OK &&
            is_es256(private)) {
            text = r_jwk_export_to_json_str(private, 0);
        }
        r_jwk_free(private);
        r_jwk_free(public);
    }
    return text;
}

static enum hum_status write_new(const char *folder, const char *kid) {
    char *text = make_key(kid);

    if (!text) {
        errno = ENOMEM;
        return HUM_INTERNAL;
    }
    enum hum_status status = keyfile_write(folder, kid, suffix, text, strlen(text));
    sodium_memzero(text, strlen(text));
    r_free(text);
    return status;
}

static enum hum_status write_first(const char *folder) {
    char kid[KID_MAX + 1];
    enum hum_status status = keyfile_next(NULL, (int64_t)time(NULL), kid);

    return status == HUM_OK ? write_new(folder, kid) : status;
}

enum hum_status tokens_ensure(const char *folder) {
    struct tokens *tokens = NULL;

    if (sodium_init() < 0 || r_global_init() != RHN_OK ||
        (mkdir(folder, 0700) != 0 && errno != EEXIST)) {
        return HUM_INTERNAL;
    }
    enum hum_status status = tokens_open(folder, &tokens);
    if (status == HUM_OK) {
        tokens_close(tokens);
    }
    return status == HUM_NOT_FOUND ? write_first(folder) : status;
}

/* The keys of a folder that has room for one more. */
static enum hum_status open_with_room(const char *folder, struct tokens **ret_tokens) {
    enum hum_status status = tokens_open(folder, ret_tokens);

    if (status == HUM_OK && (*ret_tokens)->count == KEY_MAX) {
        tokens_close(*ret_tokens);
        return HUM_LIMIT_REACHED;
    }
    return status;
}

enum hum_status tokens_prune(const char *folder, int64_t life_s) {
    struct tokens *tokens = NULL;
    enum hum_status status = keyfile_prune(folder, suffix, life_s, (int64_t)time(NULL));

    if (status == HUM_OK) {
        status = open_with_room(folder, &tokens);
    }
    if (status == HUM_OK) {
        tokens_close(tokens);
    }
    return status;
}

enum hum_status tokens_add(const char *folder, char ret_kid[KID_MAX + 1]) {
    struct tokens *tokens = NULL;
    char kid[KID_MAX + 1];
    enum hum_status status = open_with_room(folder, &tokens);

    if (status != HUM_OK) {
        return status;
    }
    status = keyfile_next(tokens_kid(tokens), (int64_t)time(NULL), kid);
    tokens_close(tokens);
    if (status == HUM_OK) {
        status = write_new(folder, kid);
    }
    if (status == HUM_OK) {
        memcpy(ret_kid, kid, sizeof kid);
    }
    return status;
}

const char *tokens_kid(const struct tokens *tokens) { return tokens->list[tokens->count - 1].kid; }

const char *tokens_jwks(const struct tokens *tokens) { return tokens->jwks; }

static bool set_claims(jwt_t *jwt, const char *kid, const struct token_claims *claims,
                       int64_t issued_at) {
    char user[24], session[24];

    snprintf(user, sizeof user, "%" PRId64, claims->user);
    snprintf(session, sizeof session, "%" PRId64, claims->session);
    return r_jwt_set_sign_alg(jwt, R_JWA_ALG_ES256) == RHN_OK &&
           r_jwt_set_header_str_value(jwt, "kid", kid) == RHN_OK &&
           r_jwt_set_claim_str_value(jwt, "iss", TOKEN_ISSUER) == RHN_OK &&
           r_jwt_set_claim_str_value(jwt, "aud", TOKEN_AUDIENCE_API) == RHN_OK &&
           r_jwt_set_claim_str_value(jwt, "sub", user) == RHN_OK &&
           r_jwt_set_claim_str_value(jwt, "sid", session) == RHN_OK &&
           r_jwt_set_claim_int_value(jwt, "iat", issued_at) == RHN_OK &&
           r_jwt_set_claim_int_value(jwt, "exp", claims->expires_at) == RHN_OK;
}

enum hum_status tokens_issue(const struct tokens *tokens, const struct token_claims *claims,
                             int64_t issued_at, char **ret_token) {
    const struct pair *pair = &tokens->list[tokens->count - 1];
    jwt_t *jwt = NULL;
    char *token = NULL;

    if (r_jwt_init(&jwt) == RHN_OK && set_claims(jwt, pair->kid, claims, issued_at)) {
        token = r_jwt_serialize_signed(jwt, pair->private, R_FLAG_IGNORE_REMOTE);
    }
    r_jwt_free(jwt);
    if (!token) {
        return HUM_INTERNAL;
    }
    *ret_token = token; /* rhonabwy's allocator is malloc unless told otherwise */
    return HUM_OK;
}

static const struct pair *pair_of(const struct tokens *tokens, const char *kid) {
    for (size_t i = 0; kid && i < tokens->count; i++) {
        if (strcmp(tokens->list[i].kid, kid) == 0) {
            return &tokens->list[i];
        }
    }
    return NULL;
}

static bool text_claim(jwt_t *jwt, const char *name, const char *expected) {
    const char *value = r_jwt_get_claim_str_value(jwt, name);

    return value && strcmp(value, expected) == 0;
}

static bool id_claim(jwt_t *jwt, const char *name, int64_t *ret_id) {
    const char *value = r_jwt_get_claim_str_value(jwt, name);

    return value && str_id(str_of(value), ret_id);
}

/* rhonabwy reads a text or a float as 0, which has expired long ago. */
static bool read_claims(jwt_t *jwt, int64_t now, struct token_claims *claims) {
    claims->expires_at = r_jwt_get_claim_int_value(jwt, "exp");
    claims->issued_at = r_jwt_get_claim_int_value(jwt, "iat");
    return text_claim(jwt, "iss", TOKEN_ISSUER) && text_claim(jwt, "aud", TOKEN_AUDIENCE_API) &&
           id_claim(jwt, "sub", &claims->user) && id_claim(jwt, "sid", &claims->session) &&
           claims->expires_at > now;
}

/* Keys that the token brings along, or points to, are not looked at. */
static bool verify(const struct tokens *tokens, jwt_t *jwt, struct str token, int64_t now,
                   struct token_claims *claims) {
    if (r_jwt_advanced_parsen(jwt, token.data, token.len, R_PARSE_NONE, R_FLAG_IGNORE_REMOTE) !=
            RHN_OK ||
        r_jwt_get_type(jwt) != R_JWT_TYPE_SIGN || r_jwt_get_sign_alg(jwt) != R_JWA_ALG_ES256) {
        return false;
    }
    const struct pair *pair = pair_of(tokens, r_jwt_get_header_str_value(jwt, "kid"));
    return pair && r_jwt_verify_signature(jwt, pair->public, R_FLAG_IGNORE_REMOTE) == RHN_OK &&
           read_claims(jwt, now, claims);
}

enum hum_status tokens_verify(const struct tokens *tokens, struct str token, int64_t now,
                              struct token_claims *ret_claims) {
    struct token_claims claims;
    jwt_t *jwt = NULL;

    if (token.len > TOKEN_MAX || r_jwt_init(&jwt) != RHN_OK) {
        return HUM_INVALID_TOKEN;
    }
    bool ok = verify(tokens, jwt, token, now, &claims);
    r_jwt_free(jwt);
    if (!ok) {
        return HUM_INVALID_TOKEN;
    }
    *ret_claims = claims;
    return HUM_OK;
}
