"""The journal is full, torn, flipped, unwritable, taken, or its disk fails."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

from lib.bed import journal
from lib.bed.bed import HEAL_S, WAIT_S
from lib.bed.preload import Preload
from lib.mqtt import eventually
from lib.rawmqtt import Raw

SMALL = 512 * 1024  # the smallest that the plugin takes
FLOOD = {"window": 3000, "pace": 1000, "eager": False}  # of six people: some times what fits


def can_mount():
    """Root in a container may not."""
    status = pathlib.Path("/proc/self/status").read_text()
    (line,) = [x for x in status.splitlines() if x.startswith("CapEff:")]
    return int(line.split()[1], 16) >> 21 & 1


# --- full ---


@contextlib.contextmanager
def few_bytes(bed):
    bed.broker.restart(journal_bytes=SMALL)
    yield


@contextlib.contextmanager
def full_disk(bed):
    """As the C library would tell it."""
    disk = Preload(bed.broker, bed.instance.home / "disk")
    bed.broker.restart(env=disk.env, journal_bytes=SMALL)
    with disk.full():
        yield


@contextlib.contextmanager
def small_disk(bed):
    """A file system that is smaller than the journal may grow."""
    folder = bed.instance.home / "small"
    folder.mkdir()
    owner = bed.broker.owner
    options = f"size=1m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        bed.broker.restart(journal_dir=folder, journal_bytes=4 * SMALL)
        yield
        bed.hush()
        eventually(lambda: journal.empty(folder))
    finally:
        bed.broker.restart()
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


FULL = {"few bytes": few_bytes, "full disk": full_disk, **({"small disk": small_disk} if can_mount() else {})}


@pytest.mark.parametrize("how", FULL)
def test_full(bed, how):
    """Publishers are disconnected without an acknowledgement and keep their messages; who only listens
    stays; when there is room again, all goes on."""
    (alice, *_), (ab, bc) = bed.crowd(**FLOOD)
    quiet = bed.chatter("quiet", alice.sign_in(), [ab], dead_s=WAIT_S)
    quiet.budget = 0
    with FULL[how](bed):
        bed.ready()
        bed.talk()
        bed.moment()
        pid, connections = bed.broker.pid, quiet.connections
        with bed.hold(ab, bc):
            bed.turned_away([c for c in bed.chatters if c is not quiet])
            eventually(lambda: bed.broker.numbers()["hum_journal_bytes"] > SMALL / 4)
            answered = len(quiet.pings)
            bed.until(lambda: len(quiet.pings) > answered + 1, "pings are answered")
            acked = bed.acked()
            bed.figure("bytes when full", bed.broker.numbers()["hum_journal_bytes"])
        bed.until(lambda: bed.acked() > acked, "there is room again")
        assert (bed.broker.pid, quiet.connections) == (pid, connections)
    quiet.budget = None
    bed.talk()
    bed.healed("with room again, all", limit=max(30, HEAL_S))
    bed.finish()


# --- damaged while the broker is down ---


def flip_header(random, found, _):
    record = random.choice(found)
    journal.flip(record.path, record.offset + random.randrange(journal.HEADER.size), random.randrange(8))


def flip_body(random, found, _):
    record = random.choice(found)
    journal.flip(record.path, record.offset + random.randrange(journal.HEADER.size, record.size), random.randrange(8))


def flip_many(random, found, _):
    for record in random.sample(found, min(8, len(found))):
        journal.flip(record.path, record.offset + random.randrange(record.size), random.randrange(8))


def tear_inside(random, found, _):
    record = random.choice(found)
    journal.tear(record.path, record.offset + random.randrange(1, record.size))


def tear_between(random, found, _):
    record = random.choice(found)
    journal.tear(record.path, record.offset)


def cut_off(random, found, _):
    record = random.choice(found)
    os.truncate(record.path, record.offset + random.randrange(record.size))


def zeros_within(random, found, _):
    """A page that never reached the disk, between others that did."""
    record = random.choice(found[: len(found) // 2])
    page = record.offset // 4096 * 4096
    journal.patch(record.path, page, bytes(4096))


def garbage_behind(random, found, _):
    record = found[-1]
    room = record.path.stat().st_size - record.offset - record.size
    journal.patch(record.path, record.offset + record.size, random.randbytes(min(room, 5000)))


def strange_files(random, found, folder):
    """What is not the journal's is left alone; an empty segment holds nothing."""
    last = journal.segments(folder)[-1]
    (folder / "notes.txt").write_text("not a segment")
    (folder / f"{journal.start_of(last) + last.stat().st_size:016x}.seg").touch(mode=0o600)
    os.chown(journal.segments(folder)[-1], *(lambda s: (s.st_uid, s.st_gid))(last.stat()))


def mark_lost(random, found, folder):
    """Nobody knows what is committed: all is read again, and the nonces make that harmless."""
    journal.patch(folder / "mark", 0, random.randbytes(16))


DAMAGE = [flip_header, flip_body, flip_many, tear_inside, tear_between, cut_off, zeros_within, garbage_behind,
          strange_files, mark_lost]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda d: d.__name__)
def test_damaged(bed, damage):
    """What is whole before and after is kept, in order; what is lost is told in the log."""
    (alice, bob, carol), (ab, bc) = bed.people()
    clients = [bed.chatter(f"c{room}", person, [room], resend=False, window=200, pace=3000)
               for person, room in ((alice, ab), (bob, ab), (carol, bc))]
    bed.ready()
    bed.talk()
    bed.moment(50, 100)
    with bed.hold(ab, bc):
        heads = bed.head(ab) + bed.head(bc)
        bed.until(lambda: bed.acked() >= heads + 450, "messages gather")
        bed.hush()
        bed.until(lambda: bed.acked() == sum(len(c.sent) for c in clients), "all are acknowledged")
        bed.broker.kill()
        committed = {m["nonce"].encode() for room in (ab, bc) for m in bed.history(room)}
        before = waiting(bed.broker.journal, (ab, bc), committed)
        assert len(before) >= 450
        size = disk_size(bed.broker.journal)
        damage(bed.random, before, bed.broker.journal)
        kept = waiting(bed.broker.journal, (ab, bc), committed)
    lost = {r.nonce.decode() for r in before} - {r.nonce.decode() for r in kept}
    bed.forgive(lost)
    with bed.broker.log_after() as log:
        bed.broker.start()
        bed.site.settle()
        for room in (ab, bc):
            come = [m["nonce"] for m in bed.history(room) if m["nonce"].encode() not in committed]
            assert come == [r.nonce.decode() for r in kept if r.room == int(room)]
        # A tear between two records looks like the end of what was written.
        if damage not in (tear_between, strange_files, mark_lost):
            eventually(lambda: "are damaged and were passed over" in log())
        elif damage is not tear_between:
            assert not lost and "damaged" not in log()
    bed.figure(f"records lost of {len(before)}", len(lost))
    bed.talk()
    bed.healed("after damage, all")
    bed.finish()
    eventually(lambda: disk_size(bed.broker.journal) <= size)
    (bed.broker.journal / "notes.txt").unlink(missing_ok=True)


def waiting(folder, rooms, committed):
    """Segments also hold what earlier tests have left."""
    rooms = [int(room) for room in rooms]
    return [r for r in journal.records(folder) if r.room in rooms and r.nonce not in committed]


def disk_size(folder):
    return sum(p.stat().st_size for p in journal.segments(folder))


# --- unwritable, taken, failing ---


@contextlib.contextmanager
def unwritable(folder):
    mode = folder.stat().st_mode
    folder.chmod(0o500)
    try:
        yield
    finally:
        folder.chmod(mode & 0o7777)


def test_a_folder_that_cannot_be_written_at_the_start(bed):
    bed.crowd()
    bed.talk()
    bed.moment()
    bed.broker.kill()
    for path in journal.segments(bed.broker.journal):
        assert path.stat().st_mode & 0o777 == 0o600
    with unwritable(bed.broker.journal), bed.broker.log_after() as log:
        bed.broker.start(env=bed.broker.doomed_env, wait=False)
        eventually(lambda: not bed.broker.alive)
        assert "hum: cannot start: the journal: " in log() and "Permission denied" in log()
    bed.broker.start()
    bed.healed("with the folder writable, all")
    bed.finish()


def test_a_folder_that_cannot_be_written_any_more(bed):
    """What is ready is used up; then publishers are turned away, until it can be written again."""
    _, (ab, bc) = bed.crowd(**FLOOD)
    bed.broker.restart(journal_bytes=4 * SMALL)  # more than what is ready
    bed.ready()
    bed.talk()
    bed.moment()
    with bed.hold(ab, bc):
        with unwritable(bed.broker.journal), bed.broker.log_after() as log:
            bed.turned_away()
            eventually(lambda: "hum: journal: no new segment: Permission denied" in log())
            acked = bed.acked()
        bed.until(lambda: bed.acked() > acked, "messages are taken again")
    bed.healed("with the folder writable, all", limit=max(30, HEAL_S))
    bed.finish()


def test_a_second_broker_on_the_same_journal(bed, tmp_path):
    """It says whose the journal is, and ends; the first one goes on."""
    bed.crowd()
    bed.talk()
    bed.moment()
    pid = bed.broker.pid
    folder = bed.instance.home / "second"
    folder.mkdir()
    conf = bed.broker.variant()
    for name in ("mqtt", "ws", "metrics"):
        port = getattr(bed.instance, f"{name}_port")
        conf = conf.replace(f" {port}", f" {port + 4000}")
    conf = conf.replace(f"file {bed.instance.home}/log/mosquitto.log", "stderr").replace(
        str(bed.instance.home / "run" / "wake.sock"), str(folder / "wake.sock"))
    (folder / "mosquitto.conf").write_text(conf)
    argv = [str(folder / "mosquitto.conf") if a == str(bed.broker.conf) else a for a in bed.broker.argv]
    second = bed.broker.spawn(argv=argv, env=bed.broker.doomed_env, log=folder / "log")
    try:
        assert second.wait(30) != 0
    finally:
        second.kill()
    said = (folder / "log").read_text()
    assert f"hum: cannot start: the journal: {bed.broker.journal} belongs to another broker that runs" in said
    shutil.rmtree(folder)
    bed.healed("with a second broker turned away, all")
    assert bed.broker.pid == pid
    bed.finish()


@pytest.mark.parametrize("call", ("fdatasync", "fsync"))
def test_a_sync_that_fails_once(bed, call):
    """Nobody knows then what is on the disk: no message is taken until a restart."""
    (alice, *_), (ab, bc) = bed.crowd(**{**FLOOD, "pace": 500})
    disk = Preload(bed.broker, bed.instance.home / "disk")
    # Of small segments, one after another is begun, and each changes the folder, which is what fsync is for.
    bed.broker.restart(env=disk.env, journal_bytes=2 * SMALL)
    bed.ready()
    bed.talk()
    bed.moment()
    with bed.broker.log_after() as log:
        with bed.hold(ab, bc):
            disk.wish(call)
            eventually(lambda: disk.granted(call))  # what waits is synced
            eventually(lambda: bed.broker.numbers()["hum_journal_broken"] == 1)
            assert "a sync failed; no message is taken until the broker is restarted" in log()
            accepted = bed.broker.numbers()["hum_messages_accepted_total"]
        bed.site.settle()  # what was taken before is committed
        posted = bed.clients[-1]
        moment = time.monotonic()
        bed.until(lambda: posted.seen_since(moment), "by REST messages are still taken")
        bed.turned_away()
        assert bed.broker.numbers()["hum_messages_accepted_total"] == accepted
    assert bed.broker.alive
    with Raw(bed.address) as raw:  # who does not send may stay
        mqtt = alice.mqtt
        assert raw.connect(mqtt["client_id"] + ":still", mqtt["username"], mqtt["password"]) == 0
        raw.ping()
    bed.broker.restart()
    bed.healed("restarted after a failed sync, all")
    bed.finish()


def test_stopped_and_killed_many_times_while_postgresql_is_away(bed):
    """Starts leave no room behind that the next ones count as used."""
    bed.crowd()
    bed.broker.restart(journal_bytes=SMALL)
    bed.ready()
    bed.talk()
    bed.moment()
    bed.postgres.stop()
    for i in range(12):
        bed.broker.stop(signal.SIGKILL if i % 2 else signal.SIGTERM)
        bed.broker.start()
    assert disk_size(bed.broker.journal) <= SMALL * 2
    bed.postgres.start()
    bed.healed("after a dozen starts without PostgreSQL, all")
    bed.finish()
