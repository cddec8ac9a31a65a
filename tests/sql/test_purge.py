"""What clears away a deleted channel takes nothing of those who have moved on."""

from concurrent.futures import ThreadPoolExecutor

from lib.mqtt import eventually

PEOPLE = """
    insert into users (id, email, nickname, nickname_key)
        select i, 'p' || i || '@example.org', 'P' || i, 'p' || i from generate_series(1, 3) i;
    insert into rooms (id, kind) values (10, 2), (11, 3), (12, 3);
    insert into servers (id, owner_id, name, public) values (10, 1, 'club', true);
    insert into channels (id, server_id, name) values (11, 10, 'a'), (12, 10, 'b');
    insert into server_members (server_id, user_id) select 10, i from generate_series(1, 3) i;
    insert into channel_members (user_id, server_id, channel_id) values (2, 10, 11), (3, 10, 11)
"""


def waits(db, pid):
    eventually(lambda: db.value("select wait_event_type = 'Lock' from pg_stat_activity where pid = %s", pid))


def test_who_enters_another_channel_meanwhile_stays_there(db):
    db.rows(PEOPLE)
    db.rows("update channels set deleted_at = now() where id = 11")
    with db.session(autocommit=False) as mover, db.session() as worker, ThreadPoolExecutor(1) as pool:
        mover.execute("update channel_members set channel_id = 12 where user_id = 2")
        purged = pool.submit(worker.execute, "select hum_purge(11, 100)")
        waits(db, worker.connection.get_backend_pid())
        mover.connection.commit()
        purged.result()
    while db.value("select hum_purge(11, 100)"):
        pass
    assert db.rows("select user_id, channel_id from channel_members") == [(2, 12)]
    assert db.rows("select id from channels") == [(12,)]
