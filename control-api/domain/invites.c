#include "invites.h"

#include <sodium.h>

#include "blocks.h"
#include "inbox.h"
#include "limits.h"
#include "members.h"
#include "store/friends.h"
#include "store/run.h"
#include "tx.h"

enum { DATA_MAX = 2048 };

_Static_assert(CODE_HASH_LEN == crypto_hash_sha256_BYTES, "a code's hash is its SHA-256");
_Static_assert(CODE_LEN + 1 ==
                   sodium_base64_ENCODED_LEN(CODE_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
               "a code's text has the length of its bytes in base64");

struct job {
    int64_t caller;
    int64_t server;
    int64_t user;
    int64_t invite;
    struct str hash; /* of a code */
    int64_t max_uses, max_age_s, expires_at;
    struct server_view view;
    struct pg_result *rows; /* what is shown afterwards */
};

static enum hum_status run(struct pg *pg, tx_fn work, struct job *job,
                           struct pg_result **ret_rows) {
    enum hum_status status = tx_run(pg, work, job);

    pg_result_free(job->view.rows);
    if (status == HUM_OK && ret_rows) {
        *ret_rows = job->rows;
    } else {
        pg_result_free(job->rows); /* of work that could not be committed */
    }
    return status;
}

static enum pg_outcome record(struct pg *pg, const struct job *job, const char *kind) {
    return server_record(pg, &(struct server_event){
                                 .kind = kind,
                                 .actor = job->caller,
                                 .server = job->server,
                                 .user = job->user,
                             });
}

static enum pg_outcome tell_invited(struct pg *pg, const struct job *job) {
    struct buf data;

    buf_init(&data, DATA_MAX);
    buf_text(&data, ",\"invite_id\":\"");
    buf_int(&data, job->invite);
    buf_text(&data, "\"");
    server_write_named(&data, "server", job->server, job->view.server.name);
    enum pg_outcome outcome = data.failed
                                  ? PG_FAILED
                                  : inbox_post_with(pg, job->user, MESSAGE_SERVER_INVITE_RECEIVED,
                                                    job->caller, (struct str){data.data, data.len});
    buf_free(&data);
    return outcome;
}

/* Whether there is such a person, and the caller may ask them for something: until the transaction
 * ends. */
static enum pg_outcome check_person(struct pg *pg, const struct job *job,
                                    enum hum_status *ret_status) {
    struct pg_result *rows;

    PG_TRY(store_user_get(pg, job->user, &rows));
    bool known = pg_rows(rows) > 0;
    pg_result_free(rows);
    if (!known) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    PG_TRY(store_pair_lock_shared(pg, job->caller, job->user));
    return blocks_check(pg, job->caller, job->user, ret_status);
}

/* Whether they may be invited. The server's lock is held. */
static enum pg_outcome check_invited(struct pg *pg, const struct job *job,
                                     enum hum_status *ret_status) {
    bool member, banned;

    PG_TRY(check_person(pg, job, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_is_member(pg, job->server, job->user, &member));
    PG_TRY(store_is_banned(pg, job->server, job->user, &banned));
    *ret_status = member ? HUM_ALREADY_MEMBER : banned ? HUM_BANNED : HUM_OK;
    return PG_DONE;
}

static enum pg_outcome send_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;

    PG_TRY(server_hold(pg, job->caller, job->server, NEED_MEMBER, &job->view, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(member_lock(pg, job->server, job->user));
    PG_TRY(check_invited(pg, job, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(limits_hold(pg, LIMIT_INVITES_SENT, job->caller, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_invite_insert(pg, job->server, job->caller, job->user, &job->invite));
    if (job->invite == 0) {
        *ret_status = HUM_INVITE_PENDING;
        return PG_DONE;
    }
    PG_TRY(record(pg, job, "ServerInviteSent"));
    PG_TRY(tell_invited(pg, job));
    pg_result_free(job->rows);
    job->rows = NULL;
    return store_invite_get(pg, job->user, job->invite, &job->rows);
}

/* Finds the server of the caller's invite. */
static enum pg_outcome find_server(struct pg *pg, struct job *job, enum hum_status *ret_status) {
    struct pg_result *rows;

    PG_TRY(store_invite_get(pg, job->caller, job->invite, &rows));
    if (pg_rows(rows) == 0) {
        *ret_status = HUM_NOT_FOUND;
    } else {
        job->server = store_invite_at(rows, 0).server.id;
    }
    pg_result_free(rows);
    return PG_DONE;
}

/* Lets the caller in, unless they are in, and shows the server. The lock is held. */
static enum pg_outcome let_in(struct pg *pg, struct job *job, bool member,
                              enum hum_status *ret_status) {
    if (!member) {
        PG_TRY(member_admit(pg, &job->view.server, job->caller, ret_status));
    }
    pg_result_free(job->rows);
    job->rows = NULL;
    return *ret_status == HUM_OK ? store_server_get(pg, job->caller, job->server, &job->rows)
                                 : PG_DONE;
}

/* Holds the server, locks the caller's way into it and takes their invite away. */
static enum pg_outcome take_invite(struct pg *pg, struct job *job, enum hum_status *ret_status) {
    bool found;

    PG_TRY(find_server(pg, job, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(server_hold(pg, job->caller, job->server, NEED_NOTHING, &job->view, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(member_lock(pg, job->server, job->caller));
    PG_TRY(store_invite_delete(pg, job->server, job->caller, &found));
    *ret_status = found ? HUM_OK : HUM_NOT_FOUND;
    return PG_DONE;
}

static enum pg_outcome accept_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    bool member;

    PG_TRY(take_invite(pg, job, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_is_member(pg, job->server, job->caller, &member));
    PG_TRY(record(pg, job, "ServerInviteAccepted"));
    return let_in(pg, job, member, ret_status);
}

static enum pg_outcome decline_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;

    PG_TRY(take_invite(pg, job, ret_status));
    return *ret_status == HUM_OK ? record(pg, job, "ServerInviteDeclined") : PG_DONE;
}

static enum pg_outcome create_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    int64_t count;
    bool member;

    PG_TRY(server_hold(pg, job->caller, job->server, NEED_MEMBER, &job->view, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    /* So that it is not made by somebody who is sent away just now, and two that are made at once
     * are counted in turn. */
    PG_TRY(member_lock(pg, job->server, job->caller));
    PG_TRY(store_is_member(pg, job->server, job->caller, &member));
    if (!member) {
        *ret_status = HUM_FORBIDDEN;
        return PG_DONE;
    }
    /* Those that have had their day are none of the member's any more. */
    PG_TRY(store_codes_tidy(pg, job->server, job->caller, &count));
    if (count >= CODES_MAX) {
        *ret_status = HUM_LIMIT_REACHED;
        return PG_DONE;
    }
    PG_TRY(store_code_insert(pg, job->hash, job->server, job->caller, job->max_uses, job->max_age_s,
                             &job->expires_at));
    return record(pg, job, "ServerInviteCodeCreated");
}

static enum pg_outcome redeem_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    bool member, used = true;

    PG_TRY(store_code_find(pg, job->hash, &job->server));
    if (job->server == 0) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    PG_TRY(server_hold(pg, job->caller, job->server, NEED_NOTHING, &job->view, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(member_lock(pg, job->server, job->caller));
    PG_TRY(store_is_member(pg, job->server, job->caller, &member));
    if (!member) {
        PG_TRY(store_code_use(pg, job->hash, &used));
    }
    if (!used) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    return let_in(pg, job, member, ret_status);
}

enum hum_status invites_send(struct pg *pg, int64_t caller, int64_t server, int64_t user,
                             struct pg_result **ret_rows) {
    struct job job = {.caller = caller, .server = server, .user = user};

    return run(pg, send_work, &job, ret_rows);
}

enum hum_status invites_list(struct pg *pg, int64_t caller, int64_t after, int limit,
                             struct pg_result **ret_rows) {
    return tx_status(store_invites_list(pg, caller, after, limit, ret_rows));
}

enum hum_status invites_accept(struct pg *pg, int64_t caller, int64_t invite,
                               struct pg_result **ret_rows) {
    struct job job = {.caller = caller, .invite = invite};

    return run(pg, accept_work, &job, ret_rows);
}

enum hum_status invites_decline(struct pg *pg, int64_t caller, int64_t invite) {
    struct job job = {.caller = caller, .invite = invite};

    return run(pg, decline_work, &job, NULL);
}

static struct str hash_of(struct str text, unsigned char hash[CODE_HASH_LEN]) {
    crypto_hash_sha256(hash, (const unsigned char *)text.data, text.len);
    return (struct str){(const char *)hash, CODE_HASH_LEN};
}

enum hum_status codes_create(struct pg *pg, int64_t caller, int64_t server, int64_t max_uses,
                             int64_t max_age_s, struct code *ret) {
    struct job job = {
        .caller = caller, .server = server, .max_uses = max_uses, .max_age_s = max_age_s};
    unsigned char bytes[CODE_BYTES], hash[CODE_HASH_LEN];
    struct code code = {0};

    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(code.text, sizeof code.text, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    job.hash = hash_of(str_of(code.text), hash);
    enum hum_status status = run(pg, create_work, &job, NULL);
    if (status == HUM_OK) {
        code.expires_at = job.expires_at;
        *ret = code;
    }
    return status;
}

enum hum_status codes_redeem(struct pg *pg, int64_t caller, struct str code,
                             struct pg_result **ret_rows) {
    unsigned char hash[CODE_HASH_LEN];
    struct job job = {.caller = caller, .hash = hash_of(code, hash)};

    return code.len == CODE_LEN ? run(pg, redeem_work, &job, ret_rows) : HUM_NOT_FOUND;
}
