/* Signing up, in and out; the tokens of a session, and whom a token stands for. */
#ifndef HUM_DOMAIN_AUTH_H
#define HUM_DOMAIN_AUTH_H

#include "keyring.h"
#include "nickname.h"
#include "passwords.h"
#include "pool.h"
#include "refresh.h"
#include "seen.h"
#include "store/users.h"
#include "verified.h"

/* Put together by main. Any thread. */
struct auth {
    struct keyring *keyring;
    bool mail_on; /* there is a mail server: addresses are verified */
    struct passwords *passwords;
    struct verified *verified;
    struct seen *seen;
};

/* A signed-in device, just given its tokens. */
struct auth_session {
    struct pg_result *rows; /* what user's texts belong to */
    struct user user;       /* as store_user_get gives it */
    int64_t id;
    char *access_token;
    char refresh_token[REFRESH_TEXT_MAX];
    char *mqtt_token;
    int64_t mqtt_expires_in; /* seconds */
};

struct auth_device {
    struct str name; /* .len 0: unnamed */
    struct str kind;
};

struct auth_registration {
    struct str email; /* as email_valid wants it */
    struct str password;
    const struct nickname *nickname;     /* NULL: one is made up */
    const struct nickname *nickname_key; /* NULL together with nickname */
    struct auth_device device;
};

/* HUM_EMAIL_TAKEN, HUM_NICKNAME_TAKEN, HUM_UNAVAILABLE. On success free the session with
 * auth_session_free. The lease is given back while the password is hashed. */
HUM_MUSTCHECK enum hum_status auth_register(const struct auth *auth, struct lease *lease,
                                            const struct auth_registration *registration,
                                            struct auth_session *ret_session);
/* HUM_INVALID_CREDENTIALS, with the same work and answer whether the address is known or not;
 * HUM_EMAIL_UNVERIFIED, where there is a mail server: it is the right password; HUM_UNAVAILABLE. */
HUM_MUSTCHECK enum hum_status auth_login(const struct auth *auth, struct lease *lease,
                                         struct str email, struct str password,
                                         const struct auth_device *device,
                                         struct auth_session *ret_session);
/* HUM_INVALID_TOKEN; when a token comes that has been replaced and its successor used, the session
 * is revoked besides. */
HUM_MUSTCHECK enum hum_status auth_refresh(const struct auth *auth, struct lease *lease,
                                           struct str refresh_token,
                                           struct auth_session *ret_session);
/* Revokes a session; its tokens are refused from then on. */
HUM_MUSTCHECK enum hum_status auth_logout(const struct auth *auth, struct lease *lease,
                                          int64_t user, int64_t session);
/* Frees what the session holds, not the struct. */
void auth_session_free(struct auth_session *session);

/* What is known of an access token. */
struct auth_known {
    enum verified_state state;
    struct token_claims claims; /* unless VERIFIED_UNKNOWN */
    uint64_t mark;
    int64_t now_ms; /* as of then, since 1970 */
};

/* From memory alone. While that is VERIFIED_UNKNOWN, auth_check costs a signature. */
void auth_recall(const struct auth *auth, struct str access_token, struct auth_known *ret_known);
/* Whom an access token stands for, known->claims from then on; known is auth_recall's.
 * HUM_UNAUTHORIZED: nobody, or the session has ended; HUM_UNAVAILABLE: the database cannot be
 * asked. */
HUM_MUSTCHECK enum hum_status auth_check(const struct auth *auth, struct lease *lease,
                                         struct str access_token, struct auth_known *known);

#endif
