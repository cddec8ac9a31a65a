#include "rooms.h"

#include "run.h"

/* Around a relation x(id, other) of rooms that $1 may read. What is unread is counted to 100, and
 * looked for among the 1,000 messages that follow the read mark: somebody who writes and never
 * reads does not make the list of rooms slow. */
#define ROOM_COLUMNS                                                                               \
    "select r.id, r.kind, o.nickname, r.last_seq, coalesce(k.seq, 0), "                            \
    "case when r.last_seq > coalesce(k.seq, 0) then "                                              \
    "(select count(*) from (select from "                                                          \
    " (select m.kind, m.sender_id from messages m "                                                \
    "  where m.room_id = r.id and m.seq > coalesce(k.seq, 0) order by m.seq limit 1000) n "        \
    " where n.kind = 1 and n.sender_id <> $1 limit 100) c) else 0 end, "                           \
    "r.kind = 1 and hum_may_write($1, x.other) "
#define ROOM_JOINS                                                                                 \
    "join rooms r on r.id = x.id "                                                                 \
    "left join users o on o.id = x.other "                                                         \
    "left join read_marks k on k.user_id = $1 and k.room_id = x.id "

static const struct pg_statement get = {
    "room_get",
    ROOM_COLUMNS
    "from (select room_id as id, user_hi as other from dms where room_id = $2 and user_lo = $1 "
    "      union all "
    "      select room_id, user_lo from dms where room_id = $2 and user_hi = $1 "
    "      union all "
    "      select id, null from rooms where id = $2 and id = $1 and kind = 4) x " ROOM_JOINS,
};

static const struct pg_statement list = {
    "rooms_list",
    ROOM_COLUMNS "from (select * from ("
                 "      (select room_id as id, user_hi as other from dms "
                 "       where user_lo = $1 and room_id > $2 order by room_id limit $3) "
                 "      union all "
                 "      (select room_id, user_lo from dms "
                 "       where user_hi = $1 and room_id > $2 order by room_id limit $3) "
                 "      union all "
                 "      (select id, null from rooms where id = $1 and id > $2 and kind = 4)) y "
                 "      order by id limit $3) x " ROOM_JOINS "order by x.id",
};

static const struct pg_statement access = {
    "rooms_access",
    "select r.id, r.kind, case d.user_lo when $1 then d.user_hi else d.user_lo end, r.last_seq "
    "from rooms r left join dms d on d.room_id = r.id "
    "where r.id = any ($2::bigint[]) "
    "and (d.user_lo = $1 or d.user_hi = $1 or (r.kind = 4 and r.id = $1))",
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
