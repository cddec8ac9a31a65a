/* Every way in which a request can end: one list for the C code, REST and MQTT. */
#ifndef HUM_STATUS_H
#define HUM_STATUS_H

/* name, code as clients see it, HTTP status, text. The text is for people and may change. */
#define HUM_STATUS_MAP(X)                                                                          \
    X(OK, "ok", 200, "Done")                                                                       \
    X(INVALID_REQUEST, "invalid_request", 400, "The request is not well-formed")                   \
    X(INVALID_PAYLOAD, "invalid_payload", 400, "The message is not well-formed")                   \
    X(UNAUTHORIZED, "unauthorized", 401, "Sign in first")                                          \
    X(INVALID_CREDENTIALS, "invalid_credentials", 401, "E-mail or password is wrong")              \
    X(INVALID_TOKEN, "invalid_token", 401, "The token is not valid")                               \
    X(INVALID_GRANT, "invalid_grant", 401, "The sign-in was not confirmed")                        \
    X(FORBIDDEN, "forbidden", 403, "Not allowed")                                                  \
    X(EMAIL_UNVERIFIED, "email_unverified", 403, "Confirm your e-mail address first")              \
    X(NOT_FRIENDS, "not_friends", 403, "Only friends can do this")                                 \
    X(NOT_OWNER, "not_owner", 403, "Only the owner can do this")                                   \
    X(INVITE_REQUIRED, "invite_required", 403, "One can join only by an invite")                   \
    X(BANNED, "banned", 403, "The owner keeps this person out")                                    \
    X(NOT_FOUND, "not_found", 404, "No such thing")                                                \
    X(METHOD_NOT_ALLOWED, "method_not_allowed", 405, "This resource has no such method")           \
    X(CONFLICT, "conflict", 409, "This is in the way of something that is there already")          \
    X(EMAIL_TAKEN, "email_taken", 409, "This e-mail address has an account already")               \
    X(LINK_REQUIRED, "link_required", 409, "Sign in to the account of this address, and link")     \
    X(IDENTITY_TAKEN, "identity_taken", 409, "Another account is signed in to by this")            \
    X(LAST_SIGN_IN, "last_sign_in", 409, "Without this, nobody could sign in to this account")     \
    X(NICKNAME_TAKEN, "nickname_taken", 409, "Somebody else has this nickname")                    \
    X(ALREADY_FRIENDS, "already_friends", 409, "You are friends already")                          \
    X(REQUEST_PENDING, "request_pending", 409, "You have asked already")                           \
    X(BLOCKED, "blocked", 409, "You have blocked this person")                                     \
    X(ALREADY_MEMBER, "already_member", 409, "This person is in the server already")               \
    X(INVITE_PENDING, "invite_pending", 409, "This person has been invited already")               \
    X(OWNER_CANNOT_LEAVE, "owner_cannot_leave", 409, "The owner stays as long as the server")      \
    X(MESSAGE_DELETED, "message_deleted", 409, "This message has been deleted")                    \
    X(MAIL_OFF, "mail_off", 409, "This server sends no mail")                                      \
    X(LIMIT_REACHED, "limit_reached", 409, "There are as many as there may be")                    \
    X(EVENTS_EXPIRED, "events_expired", 410, "What comes next is not kept any more: begin anew")   \
    X(TOO_LARGE, "too_large", 413, "This is larger than allowed")                                  \
    X(UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", 415, "The body is of a wrong type")        \
    X(RATE_LIMITED, "rate_limited", 429, "Too many requests")                                      \
    X(INTERNAL, "internal", 500, "Something failed here")                                          \
    X(UNAVAILABLE, "unavailable", 503, "Not available now, try again")

enum hum_status {
#define X(name, code, http, text) HUM_##name,
    HUM_STATUS_MAP(X)
#undef X
};

#define HUM_MUSTCHECK __attribute__((warn_unused_result))

/* The code, text and HTTP status of a status. Never NULL; a value out of range counts as INTERNAL.
 * Any thread. */
const char *hum_status_code(enum hum_status status);
const char *hum_status_text(enum hum_status status);
int hum_status_http(enum hum_status status);

#endif
