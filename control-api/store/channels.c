#include "channels.h"

#include "run.h"

/* As $1 sees them. */
#define CHANNEL_COLUMNS                                                                            \
    "select c.id, c.server_id, s.owner_id, c.name, s.name, "                                       \
    "(extract(epoch from c.created_at) * 1000)::bigint, r.last_seq, s.public, "                    \
    "exists (select from server_members m where m.server_id = s.id and m.user_id = $1), "          \
    "exists (select from channel_members m where m.user_id = $1 and m.channel_id = c.id) "
#define CHANNEL_JOINS                                                                              \
    "join servers s on s.id = c.server_id and s.deleted_at is null join rooms r on r.id = c.id "
#define CHANNEL_GET                                                                                \
    CHANNEL_COLUMNS "from channels c " CHANNEL_JOINS "where c.id = $2 and c.deleted_at is null"

static const struct pg_statement get = {"channel_get", CHANNEL_GET};
static const struct pg_statement hold = {"channel_hold", CHANNEL_GET " for share of s, c"};

static const struct pg_statement list = {
    "channels_list",
    CHANNEL_COLUMNS "from channels c " CHANNEL_JOINS
                    "where c.server_id = $2 and c.id > $3 and c.deleted_at is null "
                    "order by c.id limit $4",
};

static const struct pg_statement count_ = {
    "channels_count",
    "select count(*) from channels where server_id = $1 and deleted_at is null",
};

static const struct pg_statement insert = {
    "channel_insert",
    "with room as (insert into rooms (id, kind) values (hum_id(), 3) returning id) "
    "insert into channels (id, server_id, name) select id, $1, $2::text from room returning id",
};

static const struct pg_statement delete = {
    "channel_delete",
    "update channels set deleted_at = now() where id = $1 and deleted_at is null returning 1",
};

/* A user's place is a number of their own in the space of advisory locks; see pair_lock. */
static const struct pg_statement place_lock = {
    "place_lock",
    "select pg_advisory_xact_lock(hashtextextended('place ' || $1::bigint, 0))",
};

#define PLACE                                                                                      \
    "select m.channel_id, m.server_id, c.deleted_at is not null or s.deleted_at is not null "      \
    "from channel_members m join channels c on c.id = m.channel_id "                               \
    "join servers s on s.id = c.server_id where m.user_id = $1"

static const struct pg_statement place_get = {"place_get", PLACE};
static const struct pg_statement place_hold = {"place_hold", PLACE " for share of m"};

static const struct pg_statement place_set = {
    "place_set",
    "with visit as (insert into channel_visits (user_id, channel_id) values ($1, $3) "
    " on conflict do nothing) "
    "insert into channel_members (user_id, server_id, channel_id) values ($1, $2, $3) "
    "on conflict (user_id) do update set server_id = excluded.server_id, "
    "channel_id = excluded.channel_id, joined_at = now()",
};

static const struct pg_statement place_clear = {
    "place_clear",
    "delete from channel_members where user_id = $1",
};

static const struct pg_statement members = {
    "channel_members",
    "select " USER_COLUMNS ", m.user_id = s.owner_id, "
    "(extract(epoch from m.joined_at) * 1000)::bigint "
    "from (select * from channel_members where channel_id = $1 and user_id > $2 "
    "      order by user_id limit $3) m "
    "join servers s on s.id = m.server_id join users u on u.id = m.user_id order by m.user_id",
};

struct channel store_channel_at(const struct pg_result *rows, size_t row) {
    return (struct channel){
        .id = pg_get_int(rows, row, 0),
        .server = pg_get_int(rows, row, 1),
        .owner = pg_get_int(rows, row, 2),
        .name = pg_get_text(rows, row, 3),
        .server_name = pg_get_text(rows, row, 4),
        .created_at = pg_get_int(rows, row, 5),
        .last_seq = pg_get_int(rows, row, 6),
        .public = pg_get_int(rows, row, 7) != 0,
        .visible = pg_get_int(rows, row, 8) != 0,
        .joined = pg_get_int(rows, row, 9) != 0,
    };
}

static enum pg_outcome run_for_number(struct pg *pg, const struct pg_statement *statement,
                                      int64_t id, int64_t *ret) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, statement, &rows, INT(id)));
    *ret = pg_rows(rows) > 0 ? pg_get_int(rows, 0, 0) : 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_channel_insert(struct pg *pg, int64_t server, struct str name,
                                     int64_t *ret_id) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &insert, &rows, INT(server), TEXT(name)));
    *ret_id = pg_get_int(rows, 0, 0);
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_channels_count(struct pg *pg, int64_t server, int64_t *ret) {
    return run_for_number(pg, &count_, server, ret);
}

enum pg_outcome store_channel_get(struct pg *pg, int64_t user, int64_t channel,
                                  struct pg_result **ret_rows) {
    return RUN(pg, &get, ret_rows, INT(user), INT(channel));
}

enum pg_outcome store_channel_hold(struct pg *pg, int64_t user, int64_t channel,
                                   struct pg_result **ret_rows) {
    return RUN(pg, &hold, ret_rows, INT(user), INT(channel));
}

enum pg_outcome store_channels_list(struct pg *pg, int64_t user, int64_t server, int64_t after,
                                    int limit, struct pg_result **ret_rows) {
    return RUN(pg, &list, ret_rows, INT(user), INT(server), INT(after), INT(limit));
}

enum pg_outcome store_channel_delete(struct pg *pg, int64_t channel, bool *ret_deleted) {
    int64_t deleted;

    PG_TRY(run_for_number(pg, &delete, channel, &deleted));
    *ret_deleted = deleted != 0;
    return PG_DONE;
}

enum pg_outcome store_place_lock(struct pg *pg, int64_t user) {
    return RUN(pg, &place_lock, NULL, INT(user));
}

static enum pg_outcome run_for_place(struct pg *pg, const struct pg_statement *statement,
                                     int64_t user, struct place *ret) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, statement, &rows, INT(user)));
    *ret = (struct place){0};
    if (pg_rows(rows) > 0) {
        *ret = (struct place){pg_get_int(rows, 0, 0), pg_get_int(rows, 0, 1),
                              pg_get_int(rows, 0, 2) != 0};
    }
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_place_get(struct pg *pg, int64_t user, struct place *ret) {
    return run_for_place(pg, &place_get, user, ret);
}

enum pg_outcome store_place_hold(struct pg *pg, int64_t user, struct place *ret) {
    return run_for_place(pg, &place_hold, user, ret);
}

enum pg_outcome store_place_set(struct pg *pg, int64_t user, int64_t server, int64_t channel) {
    return RUN(pg, &place_set, NULL, INT(user), INT(server), INT(channel));
}

enum pg_outcome store_place_clear(struct pg *pg, int64_t user) {
    return RUN(pg, &place_clear, NULL, INT(user));
}

enum pg_outcome store_channel_members(struct pg *pg, int64_t channel, int64_t after, int limit,
                                      struct pg_result **ret_rows) {
    return RUN(pg, &members, ret_rows, INT(channel), INT(after), INT(limit));
}

const struct pg_statement *const store_channels_statements[] = {
    &get,        &hold,      &list,       &count_,    &insert,      &delete,
    &place_lock, &place_get, &place_hold, &place_set, &place_clear, &members,
};
const size_t store_channels_statements_count =
    sizeof store_channels_statements / sizeof store_channels_statements[0];
