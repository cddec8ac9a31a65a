#include "export.h"

#include "run.h"
#include "store/messages.h"
#include "store/users.h"

#define MS(column) "(extract(epoch from " column ") * 1000)::bigint"

/* In each: the key, then what the section's columns are. */
static const struct pg_statement sessions = {
    "export_sessions",
    "select id, id, device_name, device_kind, " MS("created_at") ", " MS("last_seen_at") ", " MS(
        "expires_at") ", " MS("revoked_at") " "
                                            "from sessions where user_id = $1 and id > $2 order by "
                                            "id limit $3",
};

static const struct pg_statement identities = {
    "export_identities",
    "select id, id, provider, issuer, subject, email, " MS("created_at") ", " MS(
        "last_used_at") " from identities where user_id = $1 and id > $2 order by id limit $3",
};

static const struct pg_statement friends = {
    "export_friends",
    "select f.friend_id, f.friend_id, u.nickname, " MS(
        "f.since") " "
                   "from friendships f join users u on u.id = f.friend_id "
                   "where f.user_id = $1 and f.friend_id > $2 order by f.friend_id limit $3",
};

/* Of a pair there is one at most. */
static const struct pg_statement requests = {
    "export_requests",
    "select other, from_id, to_id, " MS(
        "created_at") " from ("
                      "select to_id as other, * from friend_requests where from_id = $1 and to_id "
                      "> $2 "
                      "union all "
                      "select from_id, * from friend_requests where to_id = $1 and from_id > $2) x "
                      "order by other limit $3",
};

static const struct pg_statement blocks = {
    "export_blocks",
    "select b.blocked_id, b.blocked_id, u.nickname, " MS(
        "b.created_at") " "
                        "from blocks b join users u on u.id = b.blocked_id "
                        "where b.user_id = $1 and b.blocked_id > $2 order by b.blocked_id limit $3",
};

static const struct pg_statement dms = {
    "export_dms",
    "select x.room_id, x.room_id, x.other, u.nickname, " MS(
        "r.created_at") " from ("
                        "(select room_id, user_hi as other from dms where user_lo = $1 and room_id "
                        "> $2 "
                        " order by room_id limit $3) "
                        "union all "
                        "(select room_id, user_lo from dms where user_hi = $1 and room_id > $2 "
                        " order by room_id limit $3)) x "
                        "join rooms r on r.id = x.room_id join users u on u.id = x.other order by "
                        "x.room_id limit $3",
};

static const struct pg_statement servers = {
    "export_servers",
    "select s.id, s.id, s.name, s.about, s.public, s.owner_id = $1, " MS("s.created_at") ", " MS(
        "m.joined_at") " "
                       "from server_members m join servers s on s.id = m.server_id and "
                       "s.deleted_at is null "
                       "where m.user_id = $1 and m.server_id > $2 order by m.server_id limit $3",
};

static const struct pg_statement bans = {
    "export_bans",
    "select server_id, server_id, " MS(
        "banned_at") " from server_bans "
                     "where user_id = $1 and server_id > $2 order by server_id limit $3",
};

static const struct pg_statement invites = {
    "export_invites",
    "select id, id, server_id, inviter_id, user_id, " MS(
        "created_at") " from ("
                      "(select * from server_invites where user_id = $1 and id > $2 order by id "
                      "limit $3) "
                      "union all "
                      "(select * from server_invites where inviter_id = $1 and user_id <> $1 and "
                      "id > $2 "
                      " order by id limit $3)) x order by id limit $3",
};

/* The key is the first half of a code's hash: there is nothing else to tell them apart by. */
static const struct pg_statement codes = {
    "export_codes",
    "select key, server_id, max_uses, uses, " MS(
        "expires_at") " from ("
                      "select *, ('x0' || left(encode(hash, 'hex'), 15))::bit(64)::bigint as key "
                      "from invite_codes where creator_id = $1) x where key > $2 order by key "
                      "limit $3",
};

static const struct pg_statement channels = {
    "export_channels",
    "select m.channel_id, m.channel_id, m.server_id, c.name, " MS(
        "m.joined_at") " "
                       "from channel_members m join channels c on c.id = m.channel_id "
                       "where m.user_id = $1 and m.channel_id > $2 order by m.channel_id limit $3",
};

static const struct pg_statement visits = {
    "export_visits",
    "select channel_id, channel_id, " MS(
        "since") " from channel_visits "
                 "where user_id = $1 and channel_id > $2 order by channel_id limit $3",
};

/* The text is kept as bytes, and may be no text. */
static const struct pg_statement set_aside = {
    "export_set_aside",
    "select id, id, room_id, nonce, translate(encode(body, 'base64'), E'\\n', ''), reason, " MS(
        "at") " from set_aside where sender_id = $1 and id > $2 order by id limit $3",
};

static const struct pg_statement read_marks = {
    "export_read_marks",
    "select room_id, room_id, seq from read_marks where user_id = $1 and room_id > $2 "
    "order by room_id limit $3",
};

static const struct pg_statement room = {
    "export_room",
    "select r.id, r.last_seq from ("
    "(select room_id from dms where user_lo = $1 and room_id > $2 order by room_id limit 1) "
    "union all "
    "(select room_id from dms where user_hi = $1 and room_id > $2 order by room_id limit 1) "
    "union all "
    "(select id from servers where owner_id = $1 and id > $2 and deleted_at is null "
    " order by id limit 1) "
    "union all "
    "(select channel_id from channel_visits where user_id = $1 and channel_id > $2 "
    " order by channel_id limit 1)) x "
    "join rooms r on r.id = x.room_id order by r.id limit 1",
};

/* No index tells who has written what. The numbers of a room are a range of its primary key, and
 * the caller bounds it. */
static const struct pg_statement messages = {
    "export_messages",
    "select room_id, seq, id, sender_id, kind, nonce, text, ref_seq, data::text, " MS(
        "sent_at") ", " MS("edited_at") ", " MS("deleted_at") " "
                                                              "from messages where room_id = $2 "
                                                              "and seq > $3 and seq <= $4 and "
                                                              "sender_id = $1 "
                                                              "order by seq limit $5",
};

static const struct pg_statement *const of_section[EXPORT_SECTIONS] = {
    [EXPORT_SESSIONS] = &sessions, [EXPORT_IDENTITIES] = &identities,
    [EXPORT_FRIENDS] = &friends,   [EXPORT_REQUESTS] = &requests,
    [EXPORT_BLOCKS] = &blocks,     [EXPORT_DMS] = &dms,
    [EXPORT_SERVERS] = &servers,   [EXPORT_BANS] = &bans,
    [EXPORT_INVITES] = &invites,   [EXPORT_CODES] = &codes,
    [EXPORT_CHANNELS] = &channels, [EXPORT_READ_MARKS] = &read_marks,
    [EXPORT_VISITS] = &visits,     [EXPORT_SET_ASIDE] = &set_aside,
};

enum pg_outcome store_export_rows(struct pg *pg, enum export_section section, int64_t user,
                                  int64_t after, int limit, struct pg_result **ret_rows) {
    switch (section) {
    case EXPORT_PROFILE:
        return store_user_get(pg, user, ret_rows);
    case EXPORT_NOTIFICATIONS:
        return store_messages_after(pg, user, after, limit, ret_rows);
    default:
        return RUN(pg, of_section[section], ret_rows, INT(user), INT(after), INT(limit));
    }
}

int64_t store_export_key(enum export_section section, const struct pg_result *rows, size_t row) {
    return section == EXPORT_NOTIFICATIONS ? store_message_at(rows, row).seq
                                           : pg_get_int(rows, row, 0);
}

enum pg_outcome store_export_room(struct pg *pg, int64_t user, int64_t after, int64_t *ret_room,
                                  int64_t *ret_last_seq) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &room, &rows, INT(user), INT(after)));
    bool found = pg_rows(rows) > 0;
    *ret_room = found ? pg_get_int(rows, 0, 0) : 0;
    *ret_last_seq = found ? pg_get_int(rows, 0, 1) : 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_export_messages(struct pg *pg, int64_t user, int64_t room_id, int64_t after,
                                      int64_t upto, int limit, struct pg_result **ret_rows) {
    return RUN(pg, &messages, ret_rows, INT(user), INT(room_id), INT(after), INT(upto), INT(limit));
}

const struct pg_statement *const store_export_statements[] = {
    &sessions, &identities, &friends,  &requests,   &blocks, &dms,       &servers, &bans,
    &invites,  &codes,      &channels, &read_marks, &visits, &set_aside, &room,    &messages,
};
const size_t store_export_statements_count =
    sizeof store_export_statements / sizeof store_export_statements[0];
