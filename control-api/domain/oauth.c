#include "oauth.h"

#include <sodium.h>
#include <stdio.h>

#include "domain/email.h"
#include "domain/issue.h"
#include "domain/made_up.h"
#include "domain/mails.h"
#include "domain/sessions.h"
#include "domain/tx.h"
#include "store/accounts.h"
#include "store/events.h"
#include "store/oauth_codes.h"
#include "store/run.h"

enum { EVENT_DATA_MAX = 64 };

_Static_assert((int)OAUTH_HASH_LEN == (int)FLOW_DIGEST_LEN, "a code's hash is as any digest here");

const char oauth_here[] = "hum";

#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum hum_status try_status_ = (call);                                                      \
        if (try_status_ != HUM_OK) {                                                               \
            return try_status_;                                                                    \
        }                                                                                          \
    } while (0)

/* An address that is not verified is as good as none. */
static struct vouched vouched_of(const struct provider *provider, const struct identity *identity) {
    struct str email = str_of(identity->email), name = str_of(identity->name);

    return (struct vouched){
        .provider = str_of(provider_id(provider)),
        .issuer = str_of(identity->issuer),
        .subject = str_of(identity->subject),
        .email = identity->email_verified && email_valid(email) ? email : (struct str){0},
        .name = name.len > 0 ? name : (struct str){0},
    };
}

static struct str hash_of(struct str text, unsigned char hash[OAUTH_HASH_LEN]) {
    crypto_hash_sha256(hash, (const unsigned char *)text.data, text.len);
    return (struct str){(const char *)hash, OAUTH_HASH_LEN};
}

enum hum_status oauth_return(struct lease *lease, struct provider *provider,
                             const struct flow *flow, const struct provider_grant *grant,
                             char ret_code[FLOW_TEXT_MAX]) {
    unsigned char bytes[FLOW_DIGEST_LEN], hash[OAUTH_HASH_LEN], state_hash[OAUTH_HASH_LEN];
    struct str challenge = {(const char *)flow->client_challenge, OAUTH_HASH_LEN};
    struct identity identity;
    char code[FLOW_TEXT_MAX];
    bool added = false;
    struct pg *pg;

    lease_return(lease);
    TRY(provider_identity(provider, grant, &identity));
    struct vouched vouched = vouched_of(provider, &identity);
    randombytes_buf(bytes, sizeof bytes);
    flow_text(bytes, code);
    TRY(lease_take(lease, &pg));
    TRY(tx_status(store_oauth_code_add(pg, hash_of(str_of(code), hash),
                                       hash_of(str_of(flow->state), state_hash), challenge,
                                       &vouched, &added)));
    if (!added) {
        return HUM_INVALID_GRANT;
    }
    memcpy(ret_code, code, sizeof code);
    return HUM_OK;
}

/* Who it is that a grant shows: known before the transaction, or read within it. */
struct proof {
    struct vouched vouched;
    struct identity identity; /* what vouched points into, of a provider's answer */
    bool by_code;
    unsigned char hash[OAUTH_HASH_LEN]; /* of the one-time code */
    struct str verifier;
    struct pg_result *rows; /* what vouched points into, of a one-time code */
    bool spoilt;            /* it was not their code: it is used up */
};

static enum hum_status ask_provider(const struct providers *providers, struct lease *lease,
                                    const struct oauth_grant *grant, struct proof *proof) {
    struct provider *provider = provider_find(providers, grant->provider);
    const struct provider_grant brought = {
        .code = grant->code.data,
        .code_verifier = grant->code_verifier.data,
        .redirect_uri = grant->redirect_uri.data,
        .nonce = grant->nonce.data,
    };

    if (!provider) {
        return HUM_NOT_FOUND;
    }
    if (!provider_redirect_allowed(provider, grant->redirect_uri.data)) {
        return HUM_INVALID_REQUEST;
    }
    lease_return(lease);
    TRY(provider_identity(provider, &brought, &proof->identity));
    proof->vouched = vouched_of(provider, &proof->identity);
    return HUM_OK;
}

static enum hum_status make_proof(const struct providers *providers, struct lease *lease,
                                  const struct oauth_grant *grant, struct proof *proof) {
    if (!str_equal(grant->provider, str_of(oauth_here))) {
        return ask_provider(providers, lease, grant, proof);
    }
    proof->by_code = true;
    proof->verifier = grant->code_verifier;
    hash_of(grant->code, proof->hash);
    return HUM_OK;
}

/* Within the transaction. A code that comes with another verifier than its client's is in the wrong
 * hands: it is used up, for which the transaction must commit. */
static enum pg_outcome read_proof(struct pg *pg, struct proof *proof, enum hum_status *ret_status) {
    unsigned char challenge[OAUTH_HASH_LEN];
    struct str hash = {(const char *)proof->hash, OAUTH_HASH_LEN}, hex;

    if (!proof->by_code) {
        return PG_DONE;
    }
    pg_result_free(proof->rows); /* of an earlier run */
    proof->rows = NULL;
    PG_TRY(store_oauth_code_use(pg, hash, &proof->rows));
    if (pg_rows(proof->rows) == 0) {
        *ret_status = HUM_INVALID_GRANT;
        return PG_DONE;
    }
    proof->vouched = store_oauth_code_at(proof->rows, &hex);
    proof->spoilt =
        sodium_hex2bin(challenge, sizeof challenge, hex.data, hex.len, NULL, NULL, NULL) != 0 ||
        !flow_verifies(proof->verifier, challenge);
    return PG_DONE;
}

static enum pg_outcome record(struct pg *pg, const char *kind, int64_t user, int64_t identity) {
    struct buf data;

    buf_init(&data, EVENT_DATA_MAX);
    buf_text(&data, "{\"identity\":\"");
    buf_int(&data, identity);
    buf_text(&data, "\"}");
    enum pg_outcome outcome =
        data.failed ? PG_FAILED
                    : store_event(pg, kind, user, user, (struct str){data.data, data.len});
    buf_free(&data);
    return outcome;
}

static enum pg_outcome add(struct pg *pg, int64_t user, const struct vouched *vouched,
                           int64_t *ret_id) {
    PG_TRY(store_identity_add(pg, user, vouched, ret_id));
    return record(pg, "IdentityLinked", user, *ret_id);
}

/* To an account that was there before: somebody may have done it in the owner's place. */
static enum pg_outcome add_and_tell(struct pg *pg, int64_t user, const struct vouched *vouched,
                                    bool mail_on, int64_t *ret_id) {
    PG_TRY(add(pg, user, vouched, ret_id));
    return mail_on ? mails_tell(pg, MAIL_IDENTITY_ADDED, user) : PG_DONE;
}

/* A nickname like what the provider calls them, or else one that is made up; free just now. */
static enum pg_outcome find_nickname(struct pg *pg, struct str name, struct nickname *display,
                                     struct nickname *key) {
    struct pg_result *rows;
    bool is_free = false;

    for (int i = 0; i < MADE_UP_TRIES && !is_free; i++) {
        if (!nickname_like(name, i, display, key)) {
            nickname_make_up(display);
            *key = *display;
        }
        PG_TRY(store_user_by_key(pg, nickname_str(key), &rows));
        is_free = pg_rows(rows) == 0;
        pg_result_free(rows);
    }
    return PG_DONE; /* one that is not free is a conflict for the transaction */
}

struct sign_in_work {
    struct proof proof;
    const struct auth_device *device;
    bool mail_on;
    struct session session;
    struct pg_result *rows;
    bool created, ended; /* ended: others, in its place */
};

static enum pg_outcome make_person(struct pg *pg, struct sign_in_work *work) {
    const struct vouched *vouched = &work->proof.vouched;
    struct nickname display, key;
    int64_t id;

    PG_TRY(find_nickname(pg, vouched->name, &display, &key));
    PG_TRY(store_identity_person(pg, vouched->email, nickname_str(&display), nickname_str(&key),
                                 &work->session.user));
    work->created = true;
    return add(pg, work->session.user, vouched, &id);
}

/* Nobody's identity so far. It becomes that of an account with the same address only when both
 * sides are sure of it: else whoever has written that address into either would get the other. */
static enum pg_outcome meet(struct pg *pg, struct sign_in_work *work, enum hum_status *ret_status) {
    const struct vouched *vouched = &work->proof.vouched;
    int64_t user, id;
    bool verified;

    if (!vouched->email.data) {
        *ret_status = HUM_EMAIL_UNVERIFIED;
        return PG_DONE;
    }
    PG_TRY(store_identity_account(pg, vouched->email, &user, &verified));
    if (user == 0) {
        return make_person(pg, work);
    }
    if (!verified) {
        *ret_status = HUM_LINK_REQUIRED;
        return PG_DONE;
    }
    work->session.user = user;
    return add_and_tell(pg, user, vouched, work->mail_on, &id);
}

/* Whoever takes an identity away, and ends the sessions that it opened, does it in this order: this
 * session is seen by them, or sees that the identity is gone. */
static enum pg_outcome use_identity(struct pg *pg, const struct sign_in_work *work,
                                    enum hum_status *ret_status) {
    bool found = false;

    PG_TRY(store_identity_touch(pg, &work->proof.vouched, work->session.user, &found));
    if (!found) {
        *ret_status = HUM_INVALID_GRANT;
    }
    return PG_DONE;
}

static enum pg_outcome sign_in_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct sign_in_work *work = arg;
    int64_t user = 0, id;

    work->created = false;
    PG_TRY(read_proof(pg, &work->proof, ret_status));
    if (*ret_status != HUM_OK || work->proof.spoilt) {
        return PG_DONE;
    }
    PG_TRY(store_identity_find(pg, &work->proof.vouched, &user, &id));
    work->session.user = user;
    if (user == 0) {
        PG_TRY(meet(pg, work, ret_status));
    }
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(issue_session(pg, work->created ? "UserRegistered" : "UserLoggedIn", &work->session,
                         work->device, &work->rows, ret_status));
    if (user != 0) {
        PG_TRY(use_identity(pg, work, ret_status));
    }
    return sessions_end_surplus(pg, work->session.user, &work->ended);
}

enum hum_status oauth_sign_in(const struct auth *auth, const struct providers *providers,
                              struct lease *lease, const struct oauth_grant *grant,
                              const struct auth_device *device, struct auth_session *ret_session,
                              bool *ret_created) {
    struct sign_in_work work = {.device = device, .mail_on = auth->mail_on};
    struct pg *pg;

    TRY(make_proof(providers, lease, grant, &work.proof));
    randombytes_buf(work.session.seed, sizeof work.session.seed);
    TRY(lease_take(lease, &pg));
    enum hum_status status = tx_run(pg, sign_in_work, &work);
    pg_result_free(work.proof.rows);
    if (work.ended) {
        verified_revoke_user(auth->verified, work.session.user);
    }
    if (status == HUM_OK && work.proof.spoilt) {
        status = HUM_INVALID_GRANT;
    }
    *ret_created = work.created;
    return issue_tokens(auth, status, &work.session, work.rows, ret_session);
}

struct link_work {
    struct proof proof;
    int64_t user, session;
    bool mail_on;
    char hash[PASSWORD_HASH_MAX]; /* of the password that was tried; "": none was */
    struct pg_result *rows;
};

/* Whether the password and the session are still there: the provider took its time, and the owner
 * may have changed the one and ended the other. From here on whoever does that waits. */
static enum pg_outcome check_again(struct pg *pg, const struct link_work *work,
                                   enum hum_status *ret_status) {
    struct session session;
    bool held = true, alive = false;

    if (work->hash[0]) {
        PG_TRY(store_password_hold(pg, work->user, work->hash, &held));
    }
    if (!held) {
        *ret_status = HUM_INVALID_CREDENTIALS;
        return PG_DONE;
    }
    PG_TRY(store_session_lock(pg, work->session, &alive, &session));
    if (!alive || session.user != work->user) {
        *ret_status = HUM_UNAUTHORIZED;
    }
    return PG_DONE;
}

/* The caller's from now on; or it was before, which is fine. */
static enum pg_outcome take_identity(struct pg *pg, struct link_work *work, int64_t *ret_id,
                                     enum hum_status *ret_status) {
    const struct vouched *vouched = &work->proof.vouched;
    struct ways_in ways;
    int64_t owner;

    PG_TRY(store_identities_hold(pg, work->user, &ways));
    PG_TRY(check_again(pg, work, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_identity_find(pg, vouched, &owner, ret_id));
    if (owner == work->user) {
        return PG_DONE;
    }
    if (owner != 0 || ways.identities >= IDENTITIES_MAX) {
        *ret_status = owner != 0 ? HUM_IDENTITY_TAKEN : HUM_LIMIT_REACHED;
        return PG_DONE;
    }
    PG_TRY(add_and_tell(pg, work->user, vouched, work->mail_on, ret_id));
    return store_identity_vouch(pg, work->user, vouched->email);
}

static enum pg_outcome link_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct link_work *work = arg;
    int64_t id = 0;

    PG_TRY(read_proof(pg, &work->proof, ret_status));
    if (*ret_status != HUM_OK || work->proof.spoilt) {
        return PG_DONE;
    }
    PG_TRY(take_identity(pg, work, &id, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    pg_result_free(work->rows);
    work->rows = NULL;
    return store_identity_get(pg, work->user, id, &work->rows);
}

/* Another way in is for the owner of the account to add, not for whoever found a session open: by
 * the password, or just after a sign-in. */
static enum hum_status check_owner(const struct auth *auth, struct lease *lease,
                                   struct link_work *work, struct str password) {
    struct pg_result *rows;
    struct pg *pg;

    TRY(lease_take(lease, &pg));
    TRY(tx_status(store_account_proof(pg, work->user, work->session, &rows)));
    lease_return(lease);
    enum hum_status status = HUM_FORBIDDEN;
    if (pg_rows(rows) == 0) {
        status = HUM_UNAUTHORIZED;
    } else if (pg_get_int(rows, 0, 1)) {
        status = HUM_OK;
    } else if (password.data && !pg_is_null(rows, 0, 0)) {
        snprintf(work->hash, sizeof work->hash, "%s", pg_get_text(rows, 0, 0).data);
        status = passwords_verify(auth->passwords, work->hash, password);
    }
    pg_result_free(rows);
    return status;
}

enum hum_status oauth_link(const struct auth *auth, const struct providers *providers,
                           struct lease *lease, int64_t user, int64_t session,
                           const struct oauth_grant *grant, struct str password,
                           struct pg_result **ret_rows) {
    struct link_work work = {.user = user, .session = session, .mail_on = auth->mail_on};
    struct pg *pg;

    TRY(check_owner(auth, lease, &work, password));
    TRY(make_proof(providers, lease, grant, &work.proof));
    TRY(lease_take(lease, &pg));
    enum hum_status status = tx_run(pg, link_work, &work);
    pg_result_free(work.proof.rows);
    if (status == HUM_OK && work.proof.spoilt) {
        status = HUM_INVALID_GRANT;
    }
    if (status != HUM_OK) {
        pg_result_free(work.rows);
        return status;
    }
    *ret_rows = work.rows;
    return HUM_OK;
}

struct unlink_work {
    int64_t user, id;
};

static enum pg_outcome unlink_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct unlink_work *work = arg;
    struct ways_in ways;
    bool found = false;

    PG_TRY(store_identities_hold(pg, work->user, &ways));
    PG_TRY(store_identity_remove(pg, work->user, work->id, &found));
    if (!found) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    if (!ways.password && ways.identities == 1) {
        *ret_status = HUM_LAST_SIGN_IN;
        return PG_DONE;
    }
    return record(pg, "IdentityUnlinked", work->user, work->id);
}

enum hum_status oauth_unlink(struct pg *pg, int64_t user, int64_t id) {
    struct unlink_work work = {user, id};

    return tx_run(pg, unlink_work, &work);
}

enum hum_status oauth_identities(struct pg *pg, int64_t user, int64_t after, int limit,
                                 struct pg_result **ret_rows) {
    return tx_status(store_identities_list(pg, user, after, limit, ret_rows));
}
