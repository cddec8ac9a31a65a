"""sql/migrate: from empty, again, edited, ahead, broken, and many at once."""

import hashlib

from lib.instance import ROOT
from lib.migrations import copy, finish, migrate

FILES = sorted((ROOT / "sql").glob("[0-9]*.sql"))
APPLIED = "select version, name, sha256 from schema_migrations order by version"


def expected():
    return [
        (int(f.name[:4]), f.stem, hashlib.sha256(f.read_bytes()).hexdigest()) for f in FILES
    ]


def tables(database):
    return database.rows("select relname from pg_class where relnamespace = 'public'::regnamespace")


def test_applies_everything_from_empty_and_records_it(empty):
    status, said = finish(migrate(empty))
    assert status == 0, said
    assert empty.rows(APPLIED) == expected()
    assert empty.value("select count(*) from messages") == 0


def test_again_changes_nothing(empty):
    finish(migrate(empty))
    before = empty.rows("select * from schema_migrations"), tables(empty)
    status, said = finish(migrate(empty))
    assert (status, said) == (0, "")
    assert (empty.rows("select * from schema_migrations"), tables(empty)) == before


def test_an_edited_migration_is_refused(empty, tmp_path):
    folder = copy(tmp_path)
    finish(migrate(empty, folder))
    edited = folder / FILES[2].name
    edited.write_text(edited.read_text() + "\n-- a second thought\n")
    following = folder / f"{len(FILES) + 1:04}_more.sql"
    following.write_text("create table more (id bigint);")
    status, said = finish(migrate(empty, folder))
    assert status != 0
    assert edited.stem in said and "edited" in said
    assert empty.rows(APPLIED) == expected(), "what follows an edited one must not be applied"


def test_a_new_migration_goes_on_top(empty, tmp_path):
    folder = copy(tmp_path)
    finish(migrate(empty, folder))
    (folder / f"{len(FILES) + 1:04}_more.sql").write_text("create table more (id bigint);")
    status, said = finish(migrate(empty, folder))
    assert status == 0, said
    assert empty.value("select count(*) from more") == 0
    assert len(empty.rows(APPLIED)) == len(FILES) + 1


def test_files_older_than_the_database_are_refused(empty, tmp_path):
    finish(migrate(empty))
    folder = copy(tmp_path)
    (folder / FILES[-1].name).unlink()
    status, said = finish(migrate(empty, folder))
    assert status != 0
    assert str(len(FILES)) in said
    assert empty.rows(APPLIED) == expected()


def test_a_migration_that_fails_leaves_nothing_of_itself(empty, tmp_path):
    folder = copy(tmp_path)
    bad = folder / f"{len(FILES) + 1:04}_bad.sql"
    bad.write_text("create table half (id bigint);\nselect 1 / 0;\n")
    status, said = finish(migrate(empty, folder))
    assert status != 0 and "division by zero" in said
    assert empty.rows(APPLIED) == expected()
    assert empty.value("select to_regclass('half')") is None


def test_a_gap_in_the_numbers_is_refused(empty, tmp_path):
    folder = copy(tmp_path)
    (folder / FILES[1].name).unlink()
    status, said = finish(migrate(empty, folder))
    assert status != 0 and FILES[2].stem in said
    assert tables(empty) == []


def test_many_at_once_apply_each_migration_once(empty):
    started = [migrate(empty) for _ in range(4)]
    said = [finish(p) for p in started]
    assert [status for status, _ in said] == [0, 0, 0, 0], said
    assert empty.rows(APPLIED) == expected()
    applying = "".join(text for _, text in said).count("applying")
    assert applying == len(FILES)
