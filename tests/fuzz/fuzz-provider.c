/* What an identity provider sends, and what is made of it. The first byte says what: an ID token
 * and keys, a discovery document, claims of a person, a redirect URI. Lines end with a newline. */
#include "fuzz.h"

#include <strings.h>

#include "oauth/id_token.h"
#include "oauth/person.h"
#include "oauth/redirect.h"

enum { NOW = 1700000000, ALL_ALGS = (1 << SIGN_ALG_COUNT) - 1 };

/* The next line, as a text in a block of its own. Freed by the caller. */
static char *take_line(struct input *input) {
    const uint8_t *end = input->left ? memchr(input->data, '\n', input->left) : NULL;
    size_t len = end ? (size_t)(end - input->data) : input->left;
    char *line = calloc(len + 1, 1);

    CHECK(line);
    if (len > 0) {
        memcpy(line, input->data, len);
    }
    input->data += len + (end != NULL);
    input->left -= len + (end != NULL);
    return line;
}

static json_t *take_json(struct input *input) {
    char *line = take_line(input);
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

    free(line);
    return json;
}

static const char *text(const json_t *object, const char *member) {
    return json_string_value(json_object_get(object, member));
}

static bool names_us(const json_t *aud) {
    const json_t *value;
    size_t i;

    if (json_is_string(aud)) {
        return strcmp(json_string_value(aud), "c") == 0;
    }
    json_array_foreach(aud, i, value) {
        if (json_is_string(value) && strcmp(json_string_value(value), "c") == 0) {
            return true;
        }
    }
    return false;
}

static void check_claims(const json_t *claims) {
    CHECK(strcmp(text(claims, "iss"), "https://i") == 0 && strcmp(text(claims, "nonce"), "n") == 0);
    CHECK(text(claims, "sub")[0] && strlen(text(claims, "sub")) <= 255);
    CHECK(names_us(json_object_get(claims, "aud")));
    CHECK(json_integer_value(json_object_get(claims, "exp")) > NOW - ID_TOKEN_LEEWAY_S);
    CHECK(json_integer_value(json_object_get(claims, "iat")) <= NOW + ID_TOKEN_LEEWAY_S);
}

static void try_token(struct input *input) {
    struct id_token_rules rules = {"https://i", "c", "n", "a", ALL_ALGS, NOW};
    char *token = take_line(input);
    json_t *key_set = take_json(input), *key = NULL, *claims = NULL;
    const char *why = NULL;

    if (id_token_key(token, key_set, ALL_ALGS, &key, &why) == HUM_OK) {
        CHECK(text(key, "kty") && !text(key, "d") && !text(key, "x5u") &&
              json_object_size(key) <= 4);
        if (id_token_verify(token, key, &rules, &claims, &why) == HUM_OK) {
            check_claims(claims);
        } else {
            CHECK(why && !claims);
        }
    } else {
        CHECK(why && !key);
    }
    json_decref(claims);
    json_decref(key);
    json_decref(key_set);
    free(token);
}

static bool is_https(const char *url) {
    return strncasecmp(url, "https://", 8) == 0 && !strchr(url, '#');
}

static void try_metadata(struct input *input) {
    struct provider_settings settings = {.id = "i", .issuer = "https://i", .client_secret = "s"};
    struct metadata metadata = {0};
    json_t *document = take_json(input);
    const char *why = NULL;

    if (metadata_parse(&settings, false, document, &metadata, &why)) {
        CHECK(is_https(metadata.authorization_endpoint) && is_https(metadata.token_endpoint));
        CHECK(is_https(metadata.jwks_uri));
        CHECK(!metadata.userinfo_endpoint[0] || is_https(metadata.userinfo_endpoint));
        CHECK(metadata.algs && metadata.algs <= ALL_ALGS && metadata.auth != CLIENT_AUTH_NONE);
    } else {
        CHECK(why && !metadata.algs);
    }
    json_decref(document);
}

static void check_text(const char *value, size_t size) {
    size_t len = strnlen(value, size);

    CHECK(len < size && str_utf8((struct str){value, len}, NULL));
    for (size_t i = 0; i < len; i++) {
        CHECK((unsigned char)value[i] >= ' ' && value[i] != '\x7f');
    }
}

static void try_person(struct input *input) {
    struct identity identity = {0};
    json_t *claims = take_json(input);

    person_claims(claims, &identity);
    check_text(identity.email, sizeof identity.email);
    check_text(identity.name, sizeof identity.name);
    CHECK(!identity.email_verified ||
          (identity.email[0] && json_is_true(json_object_get(claims, "email_verified"))));
    json_decref(claims);
}

/* What differs of two that match is ":1234" behind the host, which is a loopback address. */
static void check_port(const char *named, const char *uri) {
    const char *port = uri;

    while (*port && *port == *named) {
        port++;
        named++;
    }
    CHECK(strncmp(uri, "http://127.0.0.1:", 17) == 0 || strncmp(uri, "http://[::1]:", 13) == 0);
    CHECK(*port == ':' && port - uri == (uri[7] == '[' ? 12 : 16));
    CHECK(strcmp(port + 1 + strspn(port + 1, "0123456789"), named) == 0);
}

static void try_redirect(struct input *input) {
    char *named = take_line(input), *uri = take_line(input);

    if (redirect_well_formed(named) && redirect_well_formed(uri) && redirect_matches(named, uri) &&
        strcmp(named, uri) != 0) {
        check_port(named, uri);
    }
    free(named);
    free(uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const tries[])(struct input *) = {try_token, try_metadata, try_person,
                                                    try_redirect};
    struct input input = {data, size};

    tries[take_byte(&input) % (sizeof tries / sizeof tries[0])](&input);
    return 0;
}
