"""Profiles, and finding people."""

import pytest

from lib import raw
from lib.race import race
from lib.rest import ok, problem, refused_member, unique

PUBLIC = {"id", "nickname", "about", "avatar_url"}
OWN = PUBLIC | {"email", "email_verified", "created_at"}


def search(person, text, **kw):
    return person.get("/v1/users/search", nickname=text, **kw)


def found(person, text):
    items, _ = person.pages("/v1/users/search", 100, nickname=text)
    return [item["nickname"] for item in items]


def test_me(alice):
    me = ok(alice.get("/v1/users/me"))
    assert set(me) == OWN
    assert me == alice.session["user"]
    assert me["email"] == alice.email


def test_whether_the_address_is_verified(hum):
    person = hum.sign_up()
    verified = "select email_verified_at is not null from users where id = %s"
    assert ok(person.get("/v1/users/me"))["email_verified"] is False
    hum.database.rows("update users set email_verified_at = now() where id = %s", person.id)
    assert ok(person.get("/v1/users/me"))["email_verified"] is True
    hum.database.rows("update users set email = upper(email) where id = %s", person.id)
    assert hum.database.value(verified, person.id), "the same address"
    hum.database.rows("update users set email = %s where id = %s", f"{unique('m')}@example.org", person.id)
    assert not hum.database.value(verified, person.id), "another address is not verified"
    hum.database.rows("update users set email = %s, email_verified_at = now() where id = %s",
                      f"{unique('m')}@example.org", person.id)
    assert hum.database.value(verified, person.id), "unless it is said to be"
    ok(person.delete("/v1/users/me", json={"password": person.password}), 204)
    assert not hum.database.value(verified, person.id)


def test_others_see_less(alice, bob):
    user = ok(bob.get(f"/v1/users/{alice.id}"))
    assert set(user) == PUBLIC
    assert (user["id"], user["nickname"]) == (alice.id, alice.nickname)


def test_oneself_by_id(alice):
    user = ok(alice.get(f"/v1/users/{alice.id}"))
    assert PUBLIC <= set(user) and user["id"] == alice.id


@pytest.mark.parametrize("user", ["1", "9223372036854775807"])
def test_nobody(alice, user):
    problem(alice.get(f"/v1/users/{user}"), 404, "not_found")


def test_a_room_is_nobody(hum):
    a, _, dm = hum.pair()
    problem(a.get(f"/v1/users/{dm}"), 404, "not_found")


@pytest.mark.parametrize("user", [
    "0", "-1", "+1", "01", "1.0", "1e3", "0x10", "abc", "9223372036854775808",
    "18446744073709551617", "1" * 100, "%31", "1%00", "1%20", "%201", "Me", "me ", "ME", "٣", "1;2",
    "1,2", "'", "1' or '1'='1", "null", "-", "..",
])
def test_what_is_no_id(alice, user):
    answer = alice.get(f"/v1/users/{user}")
    assert answer.status_code in (400, 404), answer.text
    problem(answer, answer.status_code, {400: "invalid_request", 404: "not_found"}[answer.status_code])


def test_patch_changes_what_is_given(hum):
    person = hum.sign_up()
    name = unique("New")
    after = ok(person.patch("/v1/users/me", {"nickname": name}))
    assert set(after) == OWN
    assert (after["nickname"], after["about"]) == (name, "")
    after = ok(person.patch("/v1/users/me", {"about": "I like\nlines & <b>"}))
    assert (after["nickname"], after["about"]) == (name, "I like\nlines & <b>")
    assert ok(person.get("/v1/users/me")) == after
    assert ok(person.patch("/v1/users/me", {})) == after
    assert ok(person.patch("/v1/users/me", {"about": ""}))["about"] == ""


def test_patch_is_refused_whole(hum):
    person, other = hum.sign_up(), hum.sign_up()
    before = ok(person.get("/v1/users/me"))
    body = {"nickname": other.nickname.upper(), "about": "changed"}
    problem(person.patch("/v1/users/me", body), 409, "nickname_taken")
    refused = problem(person.patch("/v1/users/me", {"nickname": "x", "about": "changed"}), 400,
                      "invalid_request")
    assert "nickname" in refused["fields"]
    assert ok(person.get("/v1/users/me")) == before


def test_the_case_of_ones_own_nickname_may_change(hum):
    person = hum.sign_up()
    name = person.nickname.upper()
    assert ok(person.patch("/v1/users/me", {"nickname": name}))["nickname"] == name
    assert found(person, person.nickname) == [name]


def test_a_nickname_that_was_given_up_is_free(hum):
    person, other = hum.sign_up(), hum.sign_up()
    old = person.nickname
    ok(person.patch("/v1/users/me", {"nickname": unique()}))
    assert ok(other.patch("/v1/users/me", {"nickname": old}))["nickname"] == old


def test_changes_that_race_for_a_nickname(hum):
    people = [hum.sign_up() for _ in range(5)]
    name = unique("Race")
    answers = race(*[lambda p=p: p.patch("/v1/users/me", {"nickname": name}) for p in people])
    assert sorted(a.status_code for a in answers) == [200] + [409] * 4
    for answer in answers:
        if answer.status_code == 409:
            problem(answer, 409, "nickname_taken")


@pytest.mark.parametrize("about", [7, [], {}, True, "x" * 501, "a\u0000b"], ids=lambda a: repr(a)[:20])
def test_no_about(alice, about):
    refused_member(alice.patch("/v1/users/me", {"about": about}), "about", about)


def test_the_longest_about(hum):
    text = "🐟" * 500
    assert ok(hum.sign_up().patch("/v1/users/me", {"about": text}))["about"] == text


def test_unknown_members_promote_nobody(hum):
    person, other = hum.sign_up(), hum.sign_up()
    before = ok(person.get("/v1/users/me"))
    after = ok(person.patch("/v1/users/me", {
        "id": other.id, "user_id": other.id, "email": "evil@example.org", "email_verified": True,
        "created_at": "2001-01-01T00:00:00.000Z", "nickname_key": other.nickname, "owner": True,
        "avatar_url": "javascript:alert(1)", "role": "admin", "password": "12345678"}))
    assert after == before


def test_markup_and_sql_stay_text(hum):
    for text in ("<script>alert(1)</script>", "'; drop table users; --", "\\'\"%s{}$1", "\u202eabc",
                 "line\r\nX-Evil: 1", "\u007f\u0001"):
        person = hum.sign_up()
        answer = person.patch("/v1/users/me", {"about": text})
        assert ok(answer)["about"] == text
        assert "X-Evil" not in answer.headers
        assert ok(hum.sign_up().get(f"/v1/users/{person.id}"))["about"] == text


# --- search ---


def test_search_by_prefix_whatever_the_case(hum, alice):
    stem = unique("Find")
    names = [stem + end for end in ("", "a", "AB", "b")]
    for name in names:
        hum.sign_up(nickname=name)
    hum.sign_up(nickname="x" + stem)
    for typed in (stem, stem.upper(), stem.lower(), stem[:-1]):
        assert [n for n in found(alice, typed) if n.startswith(stem)] == names
    assert found(alice, stem + "A")[:2] == names[1:3]
    assert "x" + stem not in found(alice, stem)[:4], "those that begin with it come first"


def test_similar_nicknames_come_after_those_with_the_prefix(hum, alice):
    word = unique("Goldfinch")
    names = [word + "b", word.upper() + "A", "The" + word, word[:-1]]
    for name in names:
        hum.sign_up(nickname=name)
    expected = found(alice, word)
    assert expected[:2] == [names[1], names[0]]
    assert set(expected[2:]) == {names[2], names[3]}
    for limit in (1, 2, 3):
        items, _ = alice.pages("/v1/users/search", limit, nickname=word.lower())
        assert [i["nickname"] for i in items] == expected, "in pages as in one"
    for typed in (word[:3] + word[4] + word[3] + word[5:], word[:5] + word[6:], word[:5] + "x" + word[5:]):
        assert {names[0], names[1]} <= set(found(alice, typed.upper())), "swapped, left out, too much"


def test_similar_nicknames_in_pages_while_people_arrive(hum, alice):
    word = unique("Kingfisher")
    before = [f"{n}{word}" for n in "abcde"] + [word + "1"]
    for name in before:
        hum.sign_up(nickname=name)
    seen, cursor = [], {}
    while True:
        page = ok(search(alice, word, limit=2, **cursor))
        seen += [item["nickname"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
        hum.sign_up(nickname=f"{word}0{len(seen)}")  # with the prefix, once these have been shown
        hum.sign_up(nickname=f"{'xyzuvwrst'[len(seen) // 2]}{word}")
    assert len(seen) == len(set(seen)) and seen[0] == word + "1"
    assert set(before) <= set(seen)


def test_a_nickname_that_was_given_up_finds_nobody(hum, alice):
    old, new = unique("Wagtail"), unique("Dunnock")
    person = hum.sign_up(nickname=old)
    assert found(alice, old) == found(alice, old[1:]) == [old]
    ok(person.patch("/v1/users/me", {"nickname": new}))
    assert found(alice, old) == found(alice, old[1:]) == []
    assert found(alice, new) == found(alice, new[1:]) == [new]


def test_search_shows_no_more_than_a_profile(hum, alice, bob):
    (item,) = ok(search(alice, bob.nickname))["items"]
    assert item == ok(alice.get(f"/v1/users/{bob.id}"))
    assert set(item) == PUBLIC


@pytest.mark.parametrize("typed", ["%", "_", "%%", "a%", "\\", "'", "*", ".*", "$1", "((", "a' or 1=1"])
def test_search_takes_every_character_literally(hum, alice, typed):
    for name in found(alice, typed):
        assert name.lower().startswith(typed.lower())


def test_a_nickname_with_pattern_characters_is_found(hum, alice):
    name = unique("p%_\\")
    hum.sign_up(nickname=name)
    other = hum.sign_up(nickname=name.replace("%", "q"))
    assert [n for n in found(alice, name) if n != other.nickname] == [name]
    assert found(alice, name)[0] == name, "the other is but similar"


@pytest.mark.parametrize("typed", ["zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "x" * 33, "x" * 3000, "a b", "\u200b",
                                   "a\u202e"], ids=lambda t: repr(t)[:20])
def test_what_nobody_is_called(alice, typed):
    assert ok(search(alice, typed)) == {"items": [], "next": None}


@pytest.mark.parametrize("query", ["", "?nickname=", "?nickname=%00", "?nickname=%ff", "?nickname=a%",
                                   "?nickname=a%4", "?nickname=a%zz", "?nickname=a&nickname=b",
                                   "?nickname=%c0%80", "?nickname=%ed%a0%80"])
def test_search_for_nothing(hum, alice, query):
    answer = raw.request(hum, "GET", "/v1/users/search" + query, token=alice.token)
    assert "nickname" in raw.problem(answer, 400, "invalid_request")["fields"]


def test_search_in_pages_while_people_arrive(hum, alice):
    stem = unique("pg")
    for i in range(7):
        hum.sign_up(nickname=f"{stem}{i * 10:03}")
    seen, cursor = [], {}
    while True:
        page = ok(search(alice, stem, limit=2, **cursor))
        seen += [item["nickname"] for item in page["items"]]
        assert len(page["items"]) <= 2
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
        hum.sign_up(nickname=f"{stem}{len(seen) * 10 - 15:03}")  # before and after the cursor
        hum.sign_up(nickname=f"{stem}{len(seen) * 10 + 1:03}")
    assert len(seen) == len(set(seen)), "none twice"
    assert {f"{stem}{i * 10:03}" for i in range(7)} <= set(seen), "none skipped"
    assert seen == sorted(seen)


@pytest.mark.parametrize("limit, count", [("0", 1), ("1", 1), ("100", 3), ("101", 3), ("007", 3),
                                          ("99999999999999999999999", 3)])
def test_limits_are_clamped(hum, alice, limit, count):
    stem = unique("lim")
    for i in range(3):
        hum.sign_up(nickname=f"{stem}{i}")
    items = ok(search(alice, stem, limit=limit))["items"]
    assert len(items) <= min(100, max(1, int(limit)))
    # Names of other tests may be similar enough to follow.
    assert [i["nickname"] for i in items][:count] == [f"{stem}{i}" for i in range(count)]
    assert len([i for i in items if i["nickname"].startswith(stem)]) == count


@pytest.mark.parametrize("limit", ["", "-1", "x", "1.5", "+1", " 1", "1e2", "0x1"])
def test_what_is_no_limit(alice, limit):
    body = problem(search(alice, "a", limit=limit), 400, "invalid_request")
    assert "limit" in body["fields"]


@pytest.mark.parametrize("cursor", ["!", "ü", "%", "A" * 5000, "_____w", "=", "a b", "", "x", "MA", "LTEgMSBh",
                                    "OTk5OTk5OTk5OTk5IDEgYQ", "MCAwMSBh", "/w", "MCAxIP8"])
def test_what_is_no_cursor(alice, cursor):
    answer = search(alice, "a", cursor=cursor)
    problem(answer, 400, "invalid_request")


def test_search_needs_a_sign_in(hum):
    problem(hum.rest.get("/v1/users/search", nickname="a"), 401, "unauthorized")
