#include "authn.h"

static bool suffix_valid(struct str suffix) {
    if (suffix.len < 1 || suffix.len > CLIENT_SUFFIX_MAX) {
        return false;
    }
    for (size_t i = 0; i < suffix.len; i++) {
        char c = suffix.data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-')) {
            return false;
        }
    }
    return true;
}

/* The session that a client id names: it, or it and ":" and a suffix of the client's own. */
static bool session_of(const char *client_id, int64_t *ret_session) {
    const char *colon = strchr(client_id, ':');
    struct str id = {client_id, colon ? (size_t)(colon - client_id) : strlen(client_id)};

    return str_id(id, ret_session) && (!colon || suffix_valid(str_of(colon + 1)));
}

static const char *check_manners(const struct authn_request *request) {
    if (!request->client_id || !request->username || !request->password) {
        return "client id, username and password are needed";
    }
    if (request->protocol_version != 4 && request->protocol_version != 5) {
        return "the protocol must be MQTT 3.1.1 or 5";
    }
    if (!request->clean) {
        return "clean session (clean start) must be set";
    }
    if (request->keepalive < 1 || request->keepalive > KEEPALIVE_MAX_S) {
        return "keep-alive must be 1 to 900 s";
    }
    return NULL;
}

static const char *check_token(const struct keys *keys, const struct authn_request *request,
                               int64_t now, struct token_claims *claims) {
    int64_t user, session;

    if (!str_id(str_of(request->username), &user) || !session_of(request->client_id, &session)) {
        return "username or client id is not well-formed";
    }
    if (token_verify(keys, request->password, now, claims) != HUM_OK) {
        return "the token is not valid";
    }
    if (claims->user != user || claims->session != session) {
        return "the token belongs to another user or session";
    }
    return NULL;
}

enum hum_status authn_check(const struct keys *keys, const struct authn_request *request,
                            int64_t now, struct token_claims *ret_claims, const char **ret_reason) {
    struct token_claims claims;
    const char *reason = check_manners(request);

    if (!reason) {
        reason = check_token(keys, request, now, &claims);
    }
    if (reason) {
        *ret_reason = reason;
        return HUM_UNAUTHORIZED;
    }
    *ret_claims = claims;
    return HUM_OK;
}
