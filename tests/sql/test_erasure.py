"""Migration 13 on a database in which people have been for a while."""

from lib.instance import ROOT
from lib.migrations import copy, finish, migrate

FILE = next((ROOT / "sql").glob("*_erasure.sql"))
OLD = """
    insert into users (id, email, nickname, nickname_key, about)
        select i, 'p' || i || '@example.org', 'P' || i, 'p' || i, 'about' || i from generate_series(1, 4) i;
    insert into rooms (id, kind) select i, 4 from generate_series(1, 4) i;
    insert into rooms (id, kind) values (10, 2), (11, 3), (12, 3), (20, 1);
    insert into servers (id, owner_id, name, public) values (10, 1, 'club', true);
    insert into channels (id, server_id, name) values (11, 10, 'a'), (12, 10, 'b');
    insert into server_members (server_id, user_id) values (10, 1), (10, 2), (10, 3);
    insert into channel_members (user_id, server_id, channel_id) values (2, 10, 11), (3, 10, 12);
    insert into messages (room_id, seq, id, sender_id, kind, text, data, sent_at) values
        (11, 1, 101, 2, 1, 'here', null, '2026-01-01Z'), (11, 2, 102, 3, 1, 'was here', null, '2026-01-02Z'),
        (11, 3, 103, 3, 1, 'again', null, '2026-01-03Z'), (20, 1, 104, 1, 1, 'a DM', null, '2026-01-04Z'),
        (4, 1, 105, null, 16, null, '{"user":{"id":"1","nickname":"P1"}}', now()),
        (4, 2, 106, null, 20, null, '{"user":{"id":"2","nickname":"old name"},"dm_id":"20"}', now()),
        (4, 3, 107, null, 22, null, '{"reason":"deleted","server":{"id":"9","name":"P1"}}', now());
    insert into events (kind, actor_id, data) values ('UserProfileUpdated', 1, '{"about":"about1"}')
"""


def older(database, folder):
    """A database before this migration, with people in it."""
    before = copy(folder)
    for file in before.glob("[0-9]*.sql"):
        if file.name >= FILE.name:
            file.unlink()
    status, said = finish(migrate(database, before))
    assert status == 0, said
    database.rows(OLD)


def upgrade(database):
    status, said = finish(migrate(database))
    assert status == 0, said


def test_visits_are_made_up_for(empty, tmp_path):
    """From who is in a channel, and from who has written in one."""
    older(empty, tmp_path)
    upgrade(empty)
    visits = empty.rows("select user_id, channel_id from channel_visits order by 1, 2")
    assert visits == [(2, 11), (3, 11), (3, 12)]
    first = empty.value("select since at time zone 'UTC' from channel_visits where user_id = 3 and channel_id = 11")
    assert str(first) == "2026-01-02 00:00:00"


def test_names_go_from_notices(empty, tmp_path):
    older(empty, tmp_path)
    upgrade(empty)
    assert [r[0] for r in empty.rows("select data from messages where room_id = 4 order by seq")] == [
        {"user": {"id": "1"}}, {"user": {"id": "2"}, "dm_id": "20"},
        {"reason": "deleted", "server": {"id": "9", "name": "P1"}}]
    shown = empty.rows("select data::jsonb from hum_room_tail(4, 0, 10)")
    assert [r[0].get("user") for r in shown] == [
        {"id": "1", "nickname": "P1"}, {"id": "2", "nickname": "P2"}, None]


def test_who_was_there_before_can_go(empty, tmp_path):
    older(empty, tmp_path)
    upgrade(empty)
    assert empty.value("select hum_erase(1)") is True
    while empty.value("select hum_purge(1, 100)"):
        pass
    assert empty.value("select data from events where kind = 'UserProfileUpdated'") == {}
    shown = empty.rows("select data::jsonb #>> '{user,nickname}' from hum_room_tail(4, 0, 10)")
    assert shown == [("deleted user",), ("P2",), (None,)]
