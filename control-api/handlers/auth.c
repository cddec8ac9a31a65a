#include "auth.h"

#include "api.h"
#include "domain/email.h"
#include "domain/erasure.h"
#include "domain/signup.h"
#include "handlers/mail.h"
#include "handlers/users.h"

enum {
    DEVICE_NAME_MAX = 64, /* code points, as all of these */
    DEVICE_KIND_MAX = 32,
    REFRESH_TOKEN_MAX = 256, /* what is longer is no token */
};

static void render_mqtt(struct buf *out, const struct api *api,
                        const struct auth_session *session) {
    buf_text(out, "{\"client_id\":");
    buf_json_id(out, session->id);
    buf_text(out, ",\"username\":");
    buf_json_id(out, session->user.id);
    buf_text(out, ",\"password\":");
    buf_json_string(out, str_of(session->mqtt_token));
    buf_text(out, ",\"expires_in\":");
    buf_int(out, session->mqtt_expires_in);
    buf_text(out, ",\"tcp\":");
    buf_json_string(out, str_of(api->config.urls.mqtt));
    buf_text(out, ",\"ws\":");
    buf_json_string(out, str_of(api->config.urls.ws));
    buf_text(out, "}");
}

enum hum_status reply_session(const struct request *request, struct reply *reply, int http,
                              struct auth_session *session) {
    struct buf *out = &reply->body;

    throttle_owner(request->api->throttle, &request->client, session->user.email);
    reply->http = http;
    buf_text(out, "{\"user\":");
    render_user(out, request->api, &session->user, true);
    buf_text(out, ",\"session_id\":");
    buf_json_id(out, session->id);
    buf_text(out, ",\"access_token\":");
    buf_json_string(out, str_of(session->access_token));
    buf_text(out, ",\"token_type\":\"Bearer\",\"expires_in\":");
    buf_int(out, TOKENS_LIFE_S);
    buf_text(out, ",\"refresh_token\":");
    buf_json_string(out, str_of(session->refresh_token));
    buf_text(out, ",\"mqtt\":");
    render_mqtt(out, request->api, session);
    buf_text(out, "}");
    auth_session_free(session);
    return HUM_OK;
}

static bool has_control(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

/* Members of "device". */
static void device_text(const json_t *object, struct reply *reply, const char *member,
                        const char *name, size_t max, struct str *ret) {
    const json_t *value = json_object_get(object, member);
    struct str text = {json_string_value(value), json_string_length(value)};
    size_t chars = 0;

    if (!value || json_is_null(value)) {
        return;
    }
    if (!text.data || !str_utf8(text, &chars) || chars > max || has_control(text)) {
        reply_field(reply, name, "must be a short string without control characters");
        return;
    }
    *ret = text;
}

void read_device(const struct request *request, struct reply *reply, struct auth_device *device) {
    json_t *object = NULL;

    *device = (struct auth_device){str_of(""), str_of("")};
    body_object(request, reply, "device", OPTIONAL, &object);
    device_text(object, reply, "name", "device.name", DEVICE_NAME_MAX, &device->name);
    device_text(object, reply, "kind", "device.kind", DEVICE_KIND_MAX, &device->kind);
}

static enum hum_status sign_up_by_mail(struct request *request, struct reply *reply,
                                       const struct auth_registration *registration) {
    bool send = true;

    HTTP_TRY(signup_nickname(&request->lease, registration->nickname_key));
    HTTP_TRY(limit_mails(request, reply, ASKED_SIGNUP, registration->email, &send));
    HTTP_TRY(signup_ask(&request->api->auth, &request->lease, registration, send));
    return reply_by_mail(reply);
}

/* A password of somebody who was never seen here: a flood of those must leave the ones that were a
 * place in the line for a core. */
static enum hum_status line_up(const struct request *request, struct reply *reply) {
    const struct api *api = request->api;

    return api->config.limits && passwords_crowded(api->auth.passwords)
               ? reply_problem(reply, HUM_UNAVAILABLE, "Too many sign in or register just now")
               : HUM_OK;
}

enum hum_status handle_register(struct request *request, struct reply *reply) {
    struct auth_registration registration = {0};
    struct nickname display, key;
    struct str nickname = {0};
    struct auth_session session;
    const char *why = NULL;

    body_text(request, reply, "email", REQUIRED, 1, EMAIL_MAX, &registration.email);
    if (registration.email.data && !email_valid(registration.email)) {
        reply_field(reply, "email", "is no e-mail address");
    }
    body_text(request, reply, "password", REQUIRED, PASSWORD_MIN, PASSWORD_MAX,
              &registration.password);
    body_text(request, reply, "nickname", OPTIONAL, NICKNAME_MIN, NICKNAME_MAX, &nickname);
    if (nickname.data) {
        if (nickname_prepare(nickname, &display, &key, &why) != HUM_OK) {
            reply_field(reply, "nickname", why);
        }
        registration.nickname = &display;
        registration.nickname_key = &key;
    }
    read_device(request, reply, &registration.device);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(reply_limited(reply, throttle_register(request->api->throttle, &request->client)));
    HTTP_TRY(line_up(request, reply));
    if (request->api->auth.mail_on) {
        return sign_up_by_mail(request, reply, &registration);
    }
    HTTP_TRY(auth_register(&request->api->auth, &request->lease, &registration, &session));
    return reply_session(request, reply, 201, &session);
}

enum hum_status handle_login(struct request *request, struct reply *reply) {
    struct str email = {0}, password = {0};
    struct auth_device device;
    struct auth_session session;
    bool home = false;

    body_text(request, reply, "email", REQUIRED, 1, EMAIL_MAX, &email);
    body_text(request, reply, "password", REQUIRED, 1, PASSWORD_MAX, &password);
    read_device(request, reply, &device);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(reply_limited(
        reply, throttle_sign_in(request->api->throttle, &request->client, email, &home)));
    if (!home) {
        HTTP_TRY(line_up(request, reply));
    }
    if (!email_valid(email)) {
        /* Nobody's. Not looked up as it is: what it becomes in lower case might be (the Kelvin sign
         * is a k then), at a rate of its own for each way to write it. */
        email = str_of("");
    }
    HTTP_TRY(auth_login(&request->api->auth, &request->lease, email, password, &device, &session));
    return reply_session(request, reply, 200, &session);
}

enum hum_status handle_refresh(struct request *request, struct reply *reply) {
    struct str token = {0};
    struct auth_session session;

    body_text(request, reply, "refresh_token", REQUIRED, 1, REFRESH_TOKEN_MAX, &token);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(auth_refresh(&request->api->auth, &request->lease, token, &session));
    return reply_session(request, reply, 200, &session);
}

enum hum_status reply_proof(struct reply *reply, enum hum_status status, const char *member) {
    if (status == HUM_INVALID_REQUEST) {
        reply_field(reply, member, "is required");
    }
    return status == HUM_FORBIDDEN
               ? reply_problem(reply, status, "Sign in again first: that was over 5 minutes ago")
               : status;
}

enum hum_status handle_me_delete(struct request *request, struct reply *reply) {
    struct str password = {0};

    body_text(request, reply, "password", OPTIONAL, 1, PASSWORD_MAX, &password);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(
        reply_limited(reply, throttle_password(request->api->throttle, request->caller.session)));
    enum hum_status status = erasure_run(&request->api->auth, &request->lease, request->caller.user,
                                         request->caller.session, password);
    reply->http = 204;
    return reply_proof(reply, status, "password");
}

enum hum_status handle_logout(struct request *request, struct reply *reply) {
    reply->http = 204;
    return auth_logout(&request->api->auth, &request->lease, request->caller.user,
                       request->caller.session);
}
