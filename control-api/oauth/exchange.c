#include "oauth/exchange.h"

#include <curl/curl.h>
#include <sodium.h>
#include <strings.h>

#include "oauth/fetch.h"

enum { FORM_MAX = 16 * 1024, HTTP_OK = 200 };

static json_t *parse(const struct fetch_answer *answer) {
    return json_loadb(answer->body.data ? answer->body.data : "", answer->body.len,
                      JSON_REJECT_DUPLICATES, NULL);
}

enum hum_status exchange_get(const struct exchange *exchange, const char *url, const char *bearer,
                             json_t **ret_document, const char **ret_why) {
    struct fetch_request request = {.url = url,
                                    .bearer = bearer,
                                    .deadline_ms = exchange->deadline_ms,
                                    .allow_private = exchange->allow_private};
    struct fetch_answer answer;
    enum hum_status status = fetch(&request, &answer, ret_why);

    if (status != HUM_OK) {
        return status;
    }
    if (answer.status == 401 || answer.status == 403 || answer.status == 404) {
        *ret_why = "it does not let us see that";
        status = HUM_FORBIDDEN;
    } else if (answer.status != HTTP_OK || !(*ret_document = parse(&answer))) {
        *ret_why = "it does not answer with a document";
        status = HUM_UNAVAILABLE;
    }
    fetch_release(&answer);
    return status;
}

static void fill_form(const struct exchange *exchange, enum client_auth auth,
                      const struct provider_grant *grant, struct buf *form) {
    fetch_add_field(form, "grant_type", "authorization_code");
    fetch_add_field(form, "code", grant->code);
    fetch_add_field(form, "redirect_uri", grant->redirect_uri);
    fetch_add_field(form, "code_verifier", grant->code_verifier);
    if (auth != CLIENT_AUTH_BASIC) {
        fetch_add_field(form, "client_id", exchange->settings->client_id);
    }
    if (auth == CLIENT_AUTH_POST) {
        fetch_add_field(form, "client_secret", exchange->settings->client_secret);
    }
    buf_add(form, "", 1);
}

/* RFC 6749, section 5.2, and GitHub's own words. What the client brought is wrong, or what the
 * operator has set. */
static enum hum_status read_error(const json_t *answer, long status, const char **ret_why) {
    static const char *const of_the_grant[] = {"invalid_grant", "bad_verification_code",
                                               "redirect_uri_mismatch", "invalid_request"};
    const char *error = json_string_value(json_object_get(answer, "error"));

    for (size_t i = 0; error && i < sizeof of_the_grant / sizeof of_the_grant[0]; i++) {
        if (strcmp(error, of_the_grant[i]) == 0) {
            *ret_why = NULL;
            return HUM_INVALID_GRANT;
        }
    }
    *ret_why = status == 401 || error ? "it refuses our client_id or client_secret"
                                      : "it answers with an error at its token endpoint";
    return HUM_UNAVAILABLE;
}

static enum hum_status read_answer(const json_t *answer, long status, const char **ret_why) {
    const char *type = json_string_value(json_object_get(answer, "token_type"));

    if (status != HTTP_OK || json_object_get(answer, "error")) {
        return read_error(answer, status, ret_why);
    }
    if (!json_string_length(json_object_get(answer, "access_token")) || !type ||
        strcasecmp(type, "Bearer") != 0) {
        *ret_why = "its token endpoint's answer lacks a bearer token";
        return HUM_UNAVAILABLE;
    }
    return HUM_OK;
}

static enum hum_status send_form(const struct exchange *exchange, const char *endpoint,
                                 enum client_auth auth, const struct buf *form, json_t **ret_answer,
                                 const char **ret_why) {
    /* RFC 6749, section 2.3.1: both are escaped before they are joined. */
    char *user = curl_easy_escape(NULL, exchange->settings->client_id, 0);
    char *password = curl_easy_escape(NULL, exchange->settings->client_secret, 0);
    struct fetch_request request = {.url = endpoint,
                                    .form = form->data,
                                    .user = auth == CLIENT_AUTH_BASIC ? user : NULL,
                                    .password = password,
                                    .deadline_ms = exchange->deadline_ms,
                                    .allow_private = exchange->allow_private};
    struct fetch_answer answer;
    enum hum_status status = HUM_UNAVAILABLE;

    if (user && password && !form->failed) {
        status = fetch(&request, &answer, ret_why);
    } else {
        *ret_why = "no memory";
    }
    if (password) {
        sodium_memzero(password, strlen(password));
    }
    curl_free(password);
    curl_free(user);
    if (status != HUM_OK) {
        return status;
    }
    json_t *parsed = parse(&answer);
    status = read_answer(parsed, answer.status, ret_why);
    fetch_release(&answer);
    if (status != HUM_OK) {
        json_decref(parsed);
        return status;
    }
    *ret_answer = parsed;
    return HUM_OK;
}

enum hum_status exchange_code(const struct exchange *exchange, const char *endpoint,
                              enum client_auth auth, const struct provider_grant *grant,
                              json_t **ret_answer, const char **ret_why) {
    struct buf form;

    buf_init(&form, FORM_MAX);
    fill_form(exchange, auth, grant, &form);
    enum hum_status status = send_form(exchange, endpoint, auth, &form, ret_answer, ret_why);
    if (form.data) {
        sodium_memzero(form.data, form.len);
    }
    buf_free(&form);
    return status;
}
