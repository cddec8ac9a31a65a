#include "mail.h"

#include "api.h"
#include "domain/links.h"
#include "domain/mail_requests.h"
#include "domain/password.h"
#include "domain/recovery.h"
#include "handlers/auth.h"

enum { LINK_TOKEN_MAX = 256 }; /* what is longer is no token */

enum hum_status reply_by_mail(struct reply *reply) {
    reply->http = 202;
    buf_text(&reply->body, "{}");
    return HUM_OK;
}

/* Only who holds a link that was made here learns what became of it. */
static enum hum_status reply_link(struct request *request, struct reply *reply,
                                  enum hum_status status, const struct mail_link *link) {
    reply->http = 204;
    if (status == HUM_OK) {
        throttle_owner(request->api->throttle, &request->client, str_of(link->address));
    }
    if (status != HUM_INVALID_TOKEN) {
        return status;
    }
    switch (link->state) {
    case MAIL_LINK_USED:
        return reply_problem(reply, status, "This link has been used already");
    case MAIL_LINK_EXPIRED:
        return reply_problem(reply, status, "This link has expired: ask for a new one");
    case MAIL_LINK_GOOD:
    case MAIL_LINK_UNKNOWN:
        break;
    }
    return reply_problem(reply, status, "This link is not valid, or a newer one took its place");
}

static void read_email(const struct request *request, struct reply *reply, struct str *ret) {
    body_text(request, reply, "email", REQUIRED, 1, EMAIL_MAX, ret);
    if (ret->data && !email_valid(*ret)) {
        reply_field(reply, "email", "is no e-mail address");
    }
}

enum hum_status handle_email_verify(struct request *request, struct reply *reply) {
    struct mail_link link = {MAIL_LINK_UNKNOWN, ""};
    struct str token = {0};

    body_text(request, reply, "token", REQUIRED, 1, LINK_TOKEN_MAX, &token);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(reply_limited(reply, throttle_token(request->api->throttle, &request->client)));
    enum hum_status status = links_follow(&request->api->auth, &request->lease, token, &link);
    return reply_link(request, reply, status, &link);
}

enum hum_status limit_mails(struct request *request, struct reply *reply, enum asked_mail kind,
                            struct str email, bool *ret_send) {
    return reply_limited(
        reply, throttle_mail(request->api->throttle, &request->client, kind, email, ret_send));
}

static enum hum_status ask(struct request *request, struct reply *reply, enum asked_mail kind) {
    struct str email = {0};
    bool send = true;

    read_email(request, reply, &email);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(mail_requests_on(&request->api->auth));
    HTTP_TRY(limit_mails(request, reply, kind, email, &send));
    HTTP_TRY(mail_requests_add(&request->lease, kind, email, send));
    return reply_by_mail(reply);
}

enum hum_status handle_email_resend(struct request *request, struct reply *reply) {
    return ask(request, reply, ASKED_AGAIN);
}

enum hum_status handle_password_forgot(struct request *request, struct reply *reply) {
    return ask(request, reply, ASKED_RESET);
}

enum hum_status handle_email_change(struct request *request, struct reply *reply) {
    struct str email = {0}, password = {0};
    char hash[PASSWORD_HASH_MAX];
    bool send = true;

    read_email(request, reply, &email);
    body_text(request, reply, "password", OPTIONAL, 1, PASSWORD_MAX, &password);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(mail_requests_on(&request->api->auth));
    HTTP_TRY(
        reply_limited(reply, throttle_password(request->api->throttle, request->caller.session)));
    enum hum_status status =
        password_prove(&request->api->auth, &request->lease, request->caller.user,
                       request->caller.session, password, hash);
    HTTP_TRY(reply_proof(reply, status, "password"));
    HTTP_TRY(limit_mails(request, reply, ASKED_CHANGE, email, &send));
    HTTP_TRY(mail_requests_change(&request->lease, request->caller.user, hash, email, send));
    return reply_by_mail(reply);
}

enum hum_status handle_password_reset(struct request *request, struct reply *reply) {
    struct mail_link link = {MAIL_LINK_UNKNOWN, ""};
    struct str token = {0}, password = {0};

    body_text(request, reply, "token", REQUIRED, 1, LINK_TOKEN_MAX, &token);
    body_text(request, reply, "password", REQUIRED, PASSWORD_MIN, PASSWORD_MAX, &password);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(reply_limited(reply, throttle_token(request->api->throttle, &request->client)));
    enum hum_status status =
        recovery_reset(&request->api->auth, &request->lease, token, password, &link);
    return reply_link(request, reply, status, &link);
}
