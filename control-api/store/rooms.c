#include "rooms.h"

#include "run.h"
#include "users.h"

/* Around a relation x(id, other, owner, server, name) of rooms that $1 may read: other is null but
 * of DMs, owner but of servers, server but of channels, name but of these two. What is unread is
 * counted to 100, and looked for among the 1,000 messages that follow the read mark: somebody who
 * writes and never reads does not make the list of rooms slow. */
#define ROOM_COLUMNS                                                                               \
    "select r.id, r.kind, case when x.other is null then x.name "                                  \
    "else coalesce(o.nickname, '" USER_DELETED "') end, r.last_seq, coalesce(k.seq, 0), "          \
    "case when r.last_seq > coalesce(k.seq, 0) then "                                              \
    "(select count(*) from (select from "                                                          \
    " (select m.kind, m.sender_id, m.deleted_at from messages m "                                  \
    "  where m.room_id = r.id and m.seq > coalesce(k.seq, 0) order by m.seq limit 1000) n "        \
    " where n.kind = 1 and n.sender_id <> $1 and n.deleted_at is null limit 100) c) else 0 end, "  \
    "case r.kind when 1 then hum_may_write($1, x.other) when 2 then x.owner = $1 "                 \
    "else r.kind = 3 end, x.server, coalesce(x.other, 0), coalesce(p.seq, 0) "
#define ROOM_JOINS                                                                                 \
    "join rooms r on r.id = x.id "                                                                 \
    "left join users o on o.id = x.other "                                                         \
    "left join read_marks k on k.user_id = $1 and k.room_id = x.id "                               \
    "left join read_marks p on p.user_id = x.other and p.room_id = x.id "

/* The servers and the channel that $1 is in. */
#define SERVERS                                                                                    \
    "select s.id, null, s.owner_id, null, s.name from server_members m "                           \
    "join servers s on s.id = m.server_id and s.deleted_at is null where m.user_id = $1 "
#define CHANNEL                                                                                    \
    "select c.id, null, null, c.server_id, c.name from channel_members m "                         \
    "join channels c on c.id = m.channel_id and c.deleted_at is null "                             \
    "join servers s on s.id = c.server_id and s.deleted_at is null where m.user_id = $1 "

static const struct pg_statement get = {
    "room_get",
    ROOM_COLUMNS "from (select room_id as id, user_hi as other, null::bigint as owner, "
                 "      null::bigint as server, null as name "
                 "      from dms where room_id = $2 and user_lo = $1 "
                 "      union all "
                 "      select room_id, user_lo, null, null, null "
                 "      from dms where room_id = $2 and user_hi = $1 "
                 "      union all " SERVERS "and m.server_id = $2 "
                 "      union all " CHANNEL "and m.channel_id = $2 "
                 "      union all "
                 "      select id, null, null, null, null "
                 "      from rooms where id = $2 and id = $1 and kind = 4) x " ROOM_JOINS,
};

static const struct pg_statement list = {
    "rooms_list",
    ROOM_COLUMNS "from (select * from ("
                 "      (select room_id as id, user_hi as other, null::bigint as owner, "
                 "       null::bigint as server, null as name from dms "
                 "       where user_lo = $1 and room_id > $2 order by room_id limit $3) "
                 "      union all "
                 "      (select room_id, user_lo, null, null, null from dms "
                 "       where user_hi = $1 and room_id > $2 order by room_id limit $3) "
                 "      union all "
                 "      (" SERVERS "and m.server_id > $2 order by m.server_id limit $3) "
                 "      union all "
                 "      (" CHANNEL "and m.channel_id > $2) "
                 "      union all "
                 "      (select id, null, null, null, null from rooms "
                 "       where id = $1 and id > $2 and kind = 4)) y "
                 "      order by id limit $3) x " ROOM_JOINS "order by x.id",
};

static const struct pg_statement access = {
    "rooms_access",
    "select r.id, r.kind, x.other, r.last_seq "
    "from (select room_id as id, user_hi as other from dms "
    "      where user_lo = $1 and room_id = any ($2::bigint[]) "
    "      union all "
    "      select room_id, user_lo from dms where user_hi = $1 and room_id = any ($2) "
    "      union all "
    "      select s.id, null from server_members m "
    "      join servers s on s.id = m.server_id and s.deleted_at is null "
    "      where m.user_id = $1 and m.server_id = any ($2) "
    "      union all "
    "      select c.id, null from channel_members m "
    "      join channels c on c.id = m.channel_id and c.deleted_at is null "
    "      join servers s on s.id = c.server_id and s.deleted_at is null "
    "      where m.user_id = $1 and m.channel_id = any ($2) "
    "      union all "
    "      select id, null from rooms where id = $1 and id = any ($2) and kind = 4) x "
    "join rooms r on r.id = x.id",
};

static const struct pg_statement read_mark = {
    "read_mark",
    "with moved as ("
    "insert into read_marks (user_id, room_id, seq) "
    "select $1, id, least($3::bigint, last_seq) from rooms where id = $2 "
    "on conflict (user_id, room_id) do update set seq = excluded.seq "
    "where read_marks.seq < excluded.seq returning user_id, room_id, seq) "
    "select pg_notify('hum', 'read ' || user_id || ' ' || room_id || ' ' || seq) from moved",
};

enum pg_outcome store_room_get(struct pg *pg, int64_t user, int64_t room,
                               struct pg_result **ret_rows) {
    return RUN(pg, &get, ret_rows, INT(user), INT(room));
}

enum pg_outcome store_rooms_list(struct pg *pg, int64_t user, int64_t after, int limit,
                                 struct pg_result **ret_rows) {
    return RUN(pg, &list, ret_rows, INT(user), INT(after), INT(limit));
}

struct room store_room_at(const struct pg_result *rows, size_t row) {
    return (struct room){
        .id = pg_get_int(rows, row, 0),
        .kind = (int)pg_get_int(rows, row, 1),
        .title = pg_get_text(rows, row, 2),
        .last_seq = pg_get_int(rows, row, 3),
        .read_seq = pg_get_int(rows, row, 4),
        .unread = pg_get_int(rows, row, 5),
        .can_send = pg_get_int(rows, row, 6) != 0,
        .server = pg_get_int(rows, row, 7),
        .peer = pg_get_int(rows, row, 8),
        .peer_read_seq = pg_get_int(rows, row, 9),
    };
}

enum pg_outcome store_rooms_access(struct pg *pg, int64_t user, const int64_t *rooms, size_t count,
                                   struct room_access *ret_list, size_t *ret_count) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &access, &rows, INT(user), INTS(rooms, count)));
    *ret_count = pg_rows(rows) < count ? pg_rows(rows) : count;
    for (size_t i = 0; i < *ret_count; i++) {
        ret_list[i] = (struct room_access){
            .id = pg_get_int(rows, i, 0),
            .kind = (int)pg_get_int(rows, i, 1),
            .other = pg_get_int(rows, i, 2),
            .last_seq = pg_get_int(rows, i, 3),
        };
    }
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_read_mark(struct pg *pg, int64_t user, int64_t room, int64_t seq) {
    return RUN(pg, &read_mark, NULL, INT(user), INT(room), INT(seq));
}

const struct pg_statement *const store_rooms_statements[] = {&get, &list, &access, &read_mark};
const size_t store_rooms_statements_count =
    sizeof store_rooms_statements / sizeof store_rooms_statements[0];
