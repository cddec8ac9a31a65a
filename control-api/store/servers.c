#include "servers.h"

#include "run.h"

/* Of a relation s like servers, as $1 sees it. */
#define SERVER_COLUMNS                                                                             \
    "s.id, s.owner_id, s.name, s.about, s.public, "                                                \
    "exists (select from server_members m where m.server_id = s.id and m.user_id = $1), "          \
    "(extract(epoch from s.created_at) * 1000)::bigint, "                                          \
    "(select r.last_seq from rooms r where r.id = s.id)"
#define SERVER_GET                                                                                 \
    "select " SERVER_COLUMNS ", 0, null from servers s where s.id = $2 and s.deleted_at is null"

static const struct pg_statement get = {"server_get", SERVER_GET};
/* These two stand in each other's way, and two of the first do not. */
static const struct pg_statement hold = {"server_hold", SERVER_GET " for share of s"};
static const struct pg_statement lock = {"server_lock", SERVER_GET " for no key update of s"};

static const struct pg_statement insert = {
    "server_insert",
    "with room as (insert into rooms (id, kind) values (hum_id(), 2) returning id) "
    "insert into servers (id, owner_id, name, about, public) "
    "select id, $1, $2::text, $3::text, $4::bigint = 1 from room returning id",
};

/* Each branch reads a range of an index, and only when its role is asked for. */
static const struct pg_statement list = {
    "servers_list",
    "select " SERVER_COLUMNS ", 0, null from ("
    "(select id from servers where owner_id = $1 and id > $2 and deleted_at is null "
    " and $3 & 1 <> 0 order by id limit $4) "
    "union all "
    "(select b.server_id from server_members b join servers x on x.id = b.server_id "
    " where b.user_id = $1 and b.server_id > $2 and x.deleted_at is null and x.owner_id <> $1 "
    " and $3 & 2 <> 0 order by b.server_id limit $4) "
    "order by id limit $4) y join servers s on s.id = y.id order by s.id",
};

/* Folded as the database folds names. No key holds U+10FFFF, which is no character. Similar ones
 * are looked for once those with the prefix do not fill the page. */
#define FOLDED "(lower(normalize($2::text, NFKC) collate \"und-x-icu\") collate \"C\")"
static const struct pg_statement search = {
    "servers_search",
    "with p as materialized (select id, name_key, 0 as rank from servers "
    " where public and deleted_at is null and $3 = 0 "
    " and name_key >= " FOLDED " and name_key < " FOLDED " || chr(1114111) "
    " and (name_key, id) > ($4::text collate \"C\", $5) order by name_key, id limit $6) "
    "select " SERVER_COLUMNS ", y.rank, y.name_key from ("
    "select * from p "
    "union all "
    "(select id, name_key collate \"C\", rank from hum_similar_servers(" FOLDED ") "
    " where (select count(*) from p) < $6 "
    " and (rank, name_key collate \"C\", id) > ($3, $4::text collate \"C\", $5) "
    " order by rank, name_key collate \"C\", id limit $6) "
    "order by rank, name_key, id limit $6) y "
    "join servers s on s.id = y.id order by y.rank, y.name_key, s.id",
};

static const struct pg_statement update = {
    "server_update",
    "update servers set name = coalesce($2::text, name), about = coalesce($3::text, about), "
    "public = case $4::bigint when 0 then false when 1 then true else public end where id = $1",
};

static const struct pg_statement delete = {
    "server_delete",
    "with gone as (update servers set deleted_at = now() where id = $1 returning id) "
    "select pg_notify('hum', 'gone ' || id) from gone "
    "union all "
    "select pg_notify('hum', 'gone ' || c.id) from gone g join channels c on c.server_id = g.id "
    "where c.deleted_at is null",
};

static const struct pg_statement is_member = {
    "is_member",
    "select from server_members where server_id = $1 and user_id = $2",
};

static const struct pg_statement member_insert = {
    "member_insert",
    "insert into server_members (server_id, user_id) values ($1, $2) on conflict do nothing "
    "returning 1",
};

static const struct pg_statement member_delete = {
    "member_delete",
    "delete from server_members where server_id = $1 and user_id = $2 returning 1",
};

#define MEMBER_COLUMNS "select " USER_COLUMNS ", "

static const struct pg_statement members_list = {
    "members_list",
    MEMBER_COLUMNS
    "m.user_id = s.owner_id, (extract(epoch from m.joined_at) * 1000)::bigint "
    "from (select * from server_members where server_id = $1 and user_id > $2 "
    "      order by user_id limit $3) m "
    "join servers s on s.id = m.server_id join users u on u.id = m.user_id order by m.user_id",
};

static const struct pg_statement bans_list = {
    "bans_list",
    MEMBER_COLUMNS "false, (extract(epoch from b.banned_at) * 1000)::bigint "
                   "from (select * from server_bans where server_id = $1 and user_id > $2 "
                   "      order by user_id limit $3) b "
                   "join users u on u.id = b.user_id order by b.user_id",
};

static const struct pg_statement ban_get = {
    "ban_get",
    MEMBER_COLUMNS "false, (extract(epoch from b.banned_at) * 1000)::bigint "
                   "from server_bans b join users u on u.id = b.user_id "
                   "where b.server_id = $1 and b.user_id = $2",
};

static const struct pg_statement is_banned = {
    "is_banned",
    "select from server_bans where server_id = $1 and user_id = $2",
};

static const struct pg_statement ban_insert = {
    "ban_insert",
    "insert into server_bans (server_id, user_id) values ($1, $2) on conflict do nothing "
    "returning 1",
};

static const struct pg_statement ban_delete = {
    "ban_delete",
    "delete from server_bans where server_id = $1 and user_id = $2 returning 1",
};

struct server_row store_server_at(const struct pg_result *rows, size_t row) {
    return (struct server_row){
        .id = pg_get_int(rows, row, 0),
        .owner = pg_get_int(rows, row, 1),
        .name = pg_get_text(rows, row, 2),
        .about = pg_get_text(rows, row, 3),
        .public = pg_get_int(rows, row, 4) != 0,
        .member = pg_get_int(rows, row, 5) != 0,
        .created_at = pg_get_int(rows, row, 6),
        .last_seq = pg_get_int(rows, row, 7),
        .rank = (int)pg_get_int(rows, row, 8),
        .name_key = pg_get_text(rows, row, 9),
    };
}

enum pg_outcome store_server_insert(struct pg *pg, int64_t owner, struct str name, struct str about,
                                    bool public, int64_t *ret_id) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &insert, &rows, INT(owner), TEXT(name), TEXT(about), INT(public)));
    *ret_id = pg_get_int(rows, 0, 0);
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_server_get(struct pg *pg, int64_t user, int64_t server,
                                 struct pg_result **ret_rows) {
    return RUN(pg, &get, ret_rows, INT(user), INT(server));
}

enum pg_outcome store_server_hold(struct pg *pg, int64_t user, int64_t server,
                                  struct pg_result **ret_rows) {
    return RUN(pg, &hold, ret_rows, INT(user), INT(server));
}

enum pg_outcome store_server_lock(struct pg *pg, int64_t user, int64_t server,
                                  struct pg_result **ret_rows) {
    return RUN(pg, &lock, ret_rows, INT(user), INT(server));
}

enum pg_outcome store_servers_list(struct pg *pg, int64_t user, int roles, int64_t after, int limit,
                                   struct pg_result **ret_rows) {
    return RUN(pg, &list, ret_rows, INT(user), INT(after), INT(roles), INT(limit));
}

enum pg_outcome store_servers_search(struct pg *pg, int64_t user, struct str prefix,
                                     const struct search_place *after, int limit,
                                     struct pg_result **ret_rows) {
    return RUN(pg, &search, ret_rows, INT(user), TEXT(prefix), INT(after->rank), TEXT(after->key),
               INT(after->id), INT(limit));
}

enum pg_outcome store_server_update(struct pg *pg, int64_t server, struct str name,
                                    struct str about, int public) {
    return RUN(pg, &update, NULL, INT(server), TEXT(name), TEXT(about), INT(public));
}

enum pg_outcome store_server_delete(struct pg *pg, int64_t server) {
    return RUN(pg, &delete, NULL, INT(server));
}

/* ret: whether the statement returned a row. */
static enum pg_outcome run_for_member(struct pg *pg, const struct pg_statement *statement,
                                      int64_t server, int64_t user, bool *ret) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, statement, &rows, INT(server), INT(user)));
    *ret = pg_rows(rows) > 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_is_member(struct pg *pg, int64_t server, int64_t user, bool *ret) {
    return run_for_member(pg, &is_member, server, user, ret);
}

enum pg_outcome store_member_insert(struct pg *pg, int64_t server, int64_t user, bool *ret_added) {
    return run_for_member(pg, &member_insert, server, user, ret_added);
}

enum pg_outcome store_member_delete(struct pg *pg, int64_t server, int64_t user, bool *ret_found) {
    return run_for_member(pg, &member_delete, server, user, ret_found);
}

struct member store_member_at(const struct pg_result *rows, size_t row) {
    return (struct member){
        .user = store_user_shown(rows, row, 0),
        .owner = pg_get_int(rows, row, USER_COLUMNS_COUNT) != 0,
        .since = pg_get_int(rows, row, USER_COLUMNS_COUNT + 1),
    };
}

enum pg_outcome store_members_list(struct pg *pg, int64_t server, int64_t after, int limit,
                                   struct pg_result **ret_rows) {
    return RUN(pg, &members_list, ret_rows, INT(server), INT(after), INT(limit));
}

enum pg_outcome store_bans_list(struct pg *pg, int64_t server, int64_t after, int limit,
                                struct pg_result **ret_rows) {
    return RUN(pg, &bans_list, ret_rows, INT(server), INT(after), INT(limit));
}

enum pg_outcome store_ban_get(struct pg *pg, int64_t server, int64_t user,
                              struct pg_result **ret_rows) {
    return RUN(pg, &ban_get, ret_rows, INT(server), INT(user));
}

enum pg_outcome store_is_banned(struct pg *pg, int64_t server, int64_t user, bool *ret) {
    return run_for_member(pg, &is_banned, server, user, ret);
}

enum pg_outcome store_ban_insert(struct pg *pg, int64_t server, int64_t user, bool *ret_changed) {
    return run_for_member(pg, &ban_insert, server, user, ret_changed);
}

enum pg_outcome store_ban_delete(struct pg *pg, int64_t server, int64_t user, bool *ret_changed) {
    return run_for_member(pg, &ban_delete, server, user, ret_changed);
}

const struct pg_statement *const store_servers_statements[] = {
    &get,       &hold,    &lock,      &insert,        &list,          &search,
    &update,    &delete,  &is_member, &member_insert, &member_delete, &members_list,
    &bans_list, &ban_get, &is_banned, &ban_insert,    &ban_delete,
};
const size_t store_servers_statements_count =
    sizeof store_servers_statements / sizeof store_servers_statements[0];
