#include "oauth.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api.h"
#include "domain/oauth.h"
#include "handlers/auth.h"
#include "handlers/list.h"
#include "store/oauth_codes.h"
#include "throttle.h"

enum {
    PROVIDER_SEGMENT = 3, /* of /v1/auth/oauth/{provider}/… */
    URL_MAX = PUBLIC_URL_MAX + 128,
};

/* Each may make us ask a provider. */
static enum hum_status count_step(const struct request *request, struct reply *reply) {
    return reply_limited(reply, throttle_oauth(request->api->throttle, &request->client));
}

/* A browser takes the first only from https, for the whole host, and from nobody else's subdomain.
 */
static const char *cookie_name(const struct request *request) {
    return strncmp(request->api->config.urls.api, "https://", 8) == 0 ? "__Host-hum-oauth"
                                                                      : "hum-oauth";
}

static void set_cookie(const struct request *request, struct reply *reply,
                       const struct flow_secret *secret) {
    const char *name = cookie_name(request);
    char value[FLOW_TEXT_MAX];

    flow_text(secret->bytes, value);
    snprintf(reply->cookie, sizeof reply->cookie,
             "%s=%s; Max-Age=%d; Path=/; HttpOnly; SameSite=Lax%s", name, value, OAUTH_STATE_LIFE_S,
             *name == '_' ? "; Secure" : "");
}

/* Where the browser goes, to the client: its own address, with a word in the fragment, which is in
 * no log. */
static enum hum_status to_client(const struct request *request, struct reply *reply,
                                 const char *name, const char *value) {
    char url[URL_MAX];

    snprintf(url, sizeof url, "%s/#%s=%s", request->api->config.urls.api, name, value);
    reply->http = 302;
    reply->location = strdup(url);
    return reply->location ? HUM_OK : HUM_INTERNAL;
}

static void callback_url(const struct request *request, const struct provider *provider,
                         char url[URL_MAX]) {
    snprintf(url, URL_MAX, "%s/v1/auth/oauth/%s/callback", request->api->config.urls.api,
             provider_id(provider));
}

enum hum_status handle_oauth_providers(struct request *request, struct reply *reply) {
    const struct providers *providers = request->api->providers;
    struct buf *out = &reply->body;

    list_begin(out);
    for (size_t i = 0; i < providers_count(providers); i++) {
        const struct provider *provider = providers_at(providers, i);
        struct str id = str_of(provider_id(provider));

        list_item(out, i);
        buf_text(out, "{\"id\":");
        buf_json_string(out, id);
        buf_text(out, ",\"name\":");
        buf_json_string(out, str_of(provider_name(provider)));
        buf_text(out, ",\"issuer\":");
        buf_json_string(out, str_of(provider_issuer(provider)));
        buf_text(out, ",\"authorize_url\":\"");
        buf_text(out, request->api->config.urls.api);
        buf_text(out, "/v1/auth/oauth/");
        buf_add(out, id.data, id.len);
        buf_text(out, "/authorize\"}");
    }
    list_end(out, (struct str){NULL, 0});
    return HUM_OK;
}

struct authorization {
    struct str challenge, method;          /* the client's */
    struct str redirect_uri, state, nonce; /* of a native client */
};

static void read_authorization(struct request *request, struct reply *reply,
                               const struct provider *provider, struct authorization *asked,
                               unsigned char challenge[FLOW_DIGEST_LEN]) {
    query_text(request, reply, "code_challenge", &asked->challenge);
    query_text(request, reply, "code_challenge_method", &asked->method);
    query_text(request, reply, "redirect_uri", &asked->redirect_uri);
    query_text(request, reply, "state", &asked->state);
    query_text(request, reply, "nonce", &asked->nonce);
    if (!asked->challenge.data || !flow_bytes(asked->challenge, challenge)) {
        reply_field(reply, "code_challenge",
                    "must be the SHA-256 of a code verifier, in base64url");
    }
    if (!asked->method.data || !str_equal(asked->method, str_of("S256"))) {
        reply_field(reply, "code_challenge_method", "must be S256");
    }
    if (!asked->redirect_uri.data) {
        return;
    }
    if (!provider_redirect_allowed(provider, asked->redirect_uri.data)) {
        reply_field(reply, "redirect_uri", "is none of a native client of this provider");
    }
    if (asked->state.len == 0) {
        reply_field(reply, "state", "is required");
    }
}

/* The client is at the other end: it makes state, nonce and verifier, and gets the code. */
static enum hum_status authorize_native(struct provider *provider, struct reply *reply,
                                        const struct authorization *asked) {
    reply->http = 302;
    return provider_authorize_url(provider, asked->redirect_uri.data, asked->state.data,
                                  asked->nonce.data, asked->challenge.data, &reply->location);
}

static enum hum_status authorize_browser(struct request *request, struct provider *provider,
                                         struct reply *reply,
                                         const unsigned char challenge[FLOW_DIGEST_LEN]) {
    struct flow_secret secret;
    char url[URL_MAX];
    struct flow flow;

    flow_secret(request_cookie(request, cookie_name(request)), &secret);
    flow_begin(&secret, str_of(provider_id(provider)), challenge,
               (int64_t)time(NULL) + OAUTH_STATE_LIFE_S, &flow);
    callback_url(request, provider, url);
    HTTP_TRY(provider_authorize_url(provider, url, flow.state, flow.nonce, flow.challenge,
                                    &reply->location));
    set_cookie(request, reply, &secret);
    reply->http = 302;
    return HUM_OK;
}

enum hum_status handle_oauth_authorize(struct request *request, struct reply *reply) {
    struct provider *provider =
        provider_find(request->api->providers, match_segment(request->path, PROVIDER_SEGMENT));
    unsigned char challenge[FLOW_DIGEST_LEN];
    struct authorization asked = {0};

    if (!provider) {
        return HUM_NOT_FOUND;
    }
    read_authorization(request, reply, provider, &asked, challenge);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(count_step(request, reply));
    return asked.redirect_uri.data ? authorize_native(provider, reply, &asked)
                                   : authorize_browser(request, provider, reply, challenge);
}

/* The browser is back. Whatever it brings is believed only when its own cookie fits the state. */
static enum hum_status come_back(struct request *request, struct reply *reply,
                                 struct provider *provider, char code[FLOW_TEXT_MAX]) {
    struct str came_code = {0}, state = {0}, iss = {0}, error = {0};
    struct flow_secret secret;
    char url[URL_MAX];
    struct flow flow;

    query_text(request, reply, "code", &came_code);
    query_text(request, reply, "state", &state);
    query_text(request, reply, "iss", &iss);
    query_text(request, reply, "error", &error);
    HTTP_TRY(reply_verdict(reply));
    flow_secret(request_cookie(request, cookie_name(request)), &secret);
    if (!flow_resume(&secret, str_of(provider_id(provider)), state, (int64_t)time(NULL), &flow)) {
        return HUM_INVALID_GRANT;
    }
    if (!came_code.data) {
        return error.data ? HUM_FORBIDDEN : HUM_INVALID_GRANT;
    }
    HTTP_TRY(count_step(request, reply));
    callback_url(request, provider, url);
    const struct provider_grant grant = {.code = came_code.data,
                                         .code_verifier = flow.verifier,
                                         .redirect_uri = url,
                                         .nonce = flow.nonce,
                                         .by_callback = true,
                                         .iss = iss.data};
    return oauth_return(&request->lease, provider, &flow, &grant, code);
}

enum hum_status handle_oauth_callback(struct request *request, struct reply *reply) {
    struct provider *provider =
        provider_find(request->api->providers, match_segment(request->path, PROVIDER_SEGMENT));
    char code[FLOW_TEXT_MAX];

    if (!provider) {
        return HUM_NOT_FOUND;
    }
    enum hum_status status = come_back(request, reply, provider, code);
    if (status == HUM_OK) {
        return to_client(request, reply, "oauth", code);
    }
    return to_client(request, reply, "oauth_error",
                     status == HUM_FORBIDDEN ? "access_denied" : hum_status_code(status));
}

static void read_grant(const struct request *request, struct reply *reply,
                       struct oauth_grant *grant) {
    bool here;

    *grant = (struct oauth_grant){0};
    body_text(request, reply, "provider", REQUIRED, 1, PROVIDER_ID_MAX, &grant->provider);
    here = grant->provider.data && str_equal(grant->provider, str_of(oauth_here));
    body_text(request, reply, "code", REQUIRED, 1, PROVIDER_CODE_MAX, &grant->code);
    body_text(request, reply, "code_verifier", REQUIRED, VERIFIER_MIN, VERIFIER_MAX,
              &grant->code_verifier);
    body_text(request, reply, "redirect_uri", here ? OPTIONAL : REQUIRED, 1, PROVIDER_REDIRECT_MAX,
              &grant->redirect_uri);
    body_text(request, reply, "nonce", OPTIONAL, 1, PROVIDER_STATE_MAX, &grant->nonce);
}

/* What of a grant's errors one can say more about than its code does. */
static enum hum_status explain(struct reply *reply, enum hum_status status) {
    switch (status) {
    case HUM_INVALID_REQUEST:
        reply_field(reply, "redirect_uri", "is none of a native client of this provider");
        return status;
    case HUM_NOT_FOUND:
        return reply_problem(reply, status, "There is no such identity provider");
    case HUM_FORBIDDEN:
        return reply_problem(reply, status,
                             "Sign in again first, or give the password: that was over 5 minutes "
                             "ago");
    case HUM_EMAIL_UNVERIFIED:
        return reply_problem(reply, status,
                             "The provider does not vouch for an e-mail address: verify it there, "
                             "or sign in another way and link");
    default:
        return status;
    }
}

enum hum_status handle_oauth_sign_in(struct request *request, struct reply *reply) {
    struct auth_session session;
    struct auth_device device;
    struct oauth_grant grant;
    bool created = false;

    read_grant(request, reply, &grant);
    read_device(request, reply, &device);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(count_step(request, reply));
    HTTP_TRY(explain(reply, oauth_sign_in(&request->api->auth, request->api->providers,
                                          &request->lease, &grant, &device, &session, &created)));
    return reply_session(request, reply, created ? 201 : 200, &session);
}

static void render_identity(struct buf *out, const struct identity_row *identity) {
    buf_text(out, "{\"id\":");
    buf_json_id(out, identity->id);
    buf_text(out, ",\"provider\":");
    buf_json_string(out, identity->provider);
    buf_text(out, ",\"issuer\":");
    buf_json_string(out, identity->issuer);
    buf_text(out, ",\"email\":");
    if (identity->email.data) {
        buf_json_string(out, identity->email);
    } else {
        buf_text(out, "null");
    }
    buf_text(out, ",\"created_at\":");
    buf_json_time(out, identity->created_at);
    buf_text(out, ",\"last_used_at\":");
    buf_json_time(out, identity->last_used_at);
    buf_text(out, "}");
}

enum hum_status handle_identities_list(struct request *request, struct reply *reply) {
    int limit = query_limit(request, reply);
    struct identity_row identity = {0};
    struct pg_result *rows;
    int64_t after = 0;
    struct pg *pg;

    query_int(request, reply, "cursor", &after);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(oauth_identities(pg, request->caller.user, after, limit + 1, &rows));
    size_t found = pg_rows(rows), shown = found > (size_t)limit ? (size_t)limit : found;
    list_begin(&reply->body);
    for (size_t i = 0; i < shown; i++) {
        identity = store_identity_at(rows, i);
        list_item(&reply->body, i);
        render_identity(&reply->body, &identity);
    }
    list_end_id(&reply->body, found > shown ? identity.id : 0);
    pg_result_free(rows);
    return HUM_OK;
}

enum hum_status handle_identity_link(struct request *request, struct reply *reply) {
    struct str password = {NULL, 0};
    struct oauth_grant grant;
    struct pg_result *rows;

    read_grant(request, reply, &grant);
    body_text(request, reply, "password", OPTIONAL, 1, PASSWORD_MAX, &password);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(count_step(request, reply));
    if (password.data) {
        HTTP_TRY(reply_limited(reply,
                               throttle_password(request->api->throttle, request->caller.session)));
    }
    HTTP_TRY(explain(reply, oauth_link(&request->api->auth, request->api->providers,
                                       &request->lease, request->caller.user,
                                       request->caller.session, &grant, password, &rows)));
    struct identity_row identity = store_identity_at(rows, 0);
    render_identity(&reply->body, &identity);
    pg_result_free(rows);
    return HUM_OK;
}

enum hum_status handle_identity_unlink(struct request *request, struct reply *reply) {
    struct pg *pg;

    (void)reply;
    HTTP_TRY(request_pg(request, &pg));
    return oauth_unlink(pg, request->caller.user, request->id[0]);
}
