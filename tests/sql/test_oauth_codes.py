"""One-time codes of signing in by a provider: they go once the state that they came of is over."""

import re

import pytest

from lib import statements

ADD = ("insert into oauth_codes (hash, state_hash, challenge, provider, issuer, subject, expires_at)"
       " select sha256(convert_to('c' || n, 'UTF8')), sha256(convert_to('s' || n, 'UTF8')), sha256(''), 'p', 'i', n::text,"
       " now() - n * interval '1 minute' from generate_series(-4, 15) n")


@pytest.fixture
def sweep(db, roles):
    """Removes at most so many, as the worker does."""
    (sql,) = [sql for name, sql in statements.of_the_api() if name == "oauth_codes_sweep"]
    text = re.sub(r"\$(\d)", lambda m: {"1": "600", "2": "%(limit)s"}[m[1]], sql)

    def run(limit):
        with roles["api"].session() as cursor:
            cursor.execute(text, {"limit": limit})
        return sorted(int(s) for (s,) in db.rows("select subject from oauth_codes"))

    return run


def test_what_is_over_goes(db, sweep):
    db.rows(ADD)
    assert sweep(2) == list(range(-4, 14)), "the oldest first"
    assert sweep(100) == list(range(-4, 10)), "ten minutes after its end"


def test_a_state_yields_one_code(db):
    db.rows("delete from oauth_codes")
    db.rows(ADD)
    with pytest.raises(Exception, match="state_hash"):
        db.rows("insert into oauth_codes (hash, state_hash, challenge, provider, issuer, subject, expires_at)"
                " select sha256('new'), state_hash, challenge, provider, issuer, subject, now() from oauth_codes limit 1")
