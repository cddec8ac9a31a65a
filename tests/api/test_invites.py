"""Ways into a server: invites to a person, codes for whoever holds one."""

import base64
import hashlib

import pytest

from lib.mqtt import eventually
from lib.race import race
from lib.rest import ok, problem
from lib.servers import events, invite, join, kick, make_code, make_server, members, redeem

NOBODY = "9223372036854775807"


@pytest.fixture(scope="module")
def owner(hum):
    return hum.sign_up()


@pytest.fixture
def server(owner):
    return make_server(owner, "private")["id"]


@pytest.fixture
def bob(hum):
    return hum.sign_up()


def invites(person):
    items, _ = person.pages("/v1/invites", 2)
    return items


# --- to a person ---


def test_an_invite(hum, owner, bob, server):
    made = ok(owner.post(f"/v1/servers/{server}/invites", {"user_id": bob.id}), 201)
    assert set(made) == {"id", "server", "user_id", "from", "created_at"}
    assert (made["server"]["id"], made["server"]["role"], made["user_id"]) == (server, None, bob.id)
    assert made["from"]["id"] == owner.id
    assert invites(bob) == [made] and invites(owner) == []
    (told,) = bob.inbox()
    assert told["kind"] == "server_invite_received"
    assert told["data"] == {"user": {"id": owner.id, "nickname": owner.nickname}, "invite_id": made["id"],
                            "server": {"id": server, "name": made["server"]["name"]}}
    joined = ok(bob.post(f"/v1/invites/{made['id']}/accept"))
    assert (joined["id"], joined["role"]) == (server, "member")
    assert invites(bob) == []
    for answer in ("accept", "decline"):
        problem(bob.post(f"/v1/invites/{made['id']}/{answer}"), 404, "not_found")
    for kind, actor in (("ServerInviteSent", owner), ("ServerInviteAccepted", bob), ("MemberJoined", bob)):
        assert server in [s for s, _ in events(hum, kind, actor.id)]


def test_declined(owner, bob, server):
    number = invite(owner, server, bob)
    ok(bob.post(f"/v1/invites/{number}/decline"), 204)
    assert invites(bob) == []
    problem(bob.put(f"/v1/servers/{server}/members/me"), 403, "invite_required")
    invite(owner, server, bob)  # one may ask again


def test_an_invite_is_for_one_person(hum, owner, bob, stranger, server):
    number = invite(owner, server, bob)
    for person in (stranger, owner):
        for answer in ("accept", "decline"):
            problem(person.post(f"/v1/invites/{number}/{answer}"), 404, "not_found")
    assert len(invites(bob)) == 1 and stranger.id not in members(owner, server)


def test_any_member_invites(hum, owner, bob, server):
    carol = hum.sign_up()
    invite(owner, server, bob)
    join(bob, server)
    invite(bob, server, carol)
    join(carol, server)
    assert members(owner, server) == {owner.id: "owner", bob.id: "member", carol.id: "member"}


def test_what_is_no_invite(hum, owner, bob, server):
    invite(owner, server, bob)
    problem(owner.post(f"/v1/servers/{server}/invites", {"user_id": bob.id}), 409, "invite_pending")
    problem(owner.post(f"/v1/servers/{server}/invites", {"user_id": owner.id}), 409, "already_member")
    join(bob, server)
    problem(owner.post(f"/v1/servers/{server}/invites", {"user_id": bob.id}), 409, "already_member")
    problem(owner.post(f"/v1/servers/{server}/invites", {"user_id": NOBODY}), 404, "not_found")
    for body in ({}, {"user_id": 7}, {"user_id": "x"}, {"user_id": None}):
        problem(owner.post(f"/v1/servers/{server}/invites", body), 400, "invalid_request")


def test_invites_that_race(hum, owner, bob, server):
    answers = race(*[lambda: owner.post(f"/v1/servers/{server}/invites", {"user_id": bob.id})] * 8)
    assert sorted(r.status_code for r in answers) == [201] + [409] * 7
    assert len(bob.inbox()) == len(invites(bob)) == 1
    number = invites(bob)[0]["id"]
    answers = race(*[lambda: bob.post(f"/v1/invites/{number}/accept")] * 4,
                   *[lambda: bob.post(f"/v1/invites/{number}/decline")] * 4)
    good = [r.status_code for r in answers if r.status_code != 404]
    assert good in ([200], [204])
    assert (bob.id in members(owner, server)) == (good == [200])


def test_pages_of_invites(hum, bob):
    wanted = []
    for _ in range(5):
        other = hum.sign_up()
        wanted.append(invite(other, make_server(other)["id"], bob))
    assert [i["id"] for i in invites(bob)] == wanted


# --- codes ---


def test_a_code(hum, owner, bob, server):
    made = ok(owner.post(f"/v1/servers/{server}/invite-codes", {}), 201)
    assert set(made) == {"code", "max_uses", "expires_at"} and made["max_uses"] is None
    code = made["code"]
    assert len(base64.urlsafe_b64decode(code + "==")) == 16
    assert (ok(redeem(bob, code))["id"], ok(redeem(bob, code))["role"]) == (server, "member")
    rows = hum.database.rows("select hash, uses from invite_codes where server_id = %s", server)
    assert [(bytes(h), n) for h, n in rows] == [(hashlib.sha256(code.encode()).digest(), 1)]
    assert code not in hum.log("api") + hum.log("postgres")


def test_no_two_are_the_same(owner, server):
    assert len({make_code(owner, server) for _ in range(20)}) == 20


def test_what_is_no_code(owner, bob, server):
    code = make_code(owner, server)
    for wrong in (code[:-1], code + "A", code[:-1] + ("A" if code[-1] != "A" else "Q"), "x", "7", "%00", "a" * 5000,
                  code.swapcase(), "%2e%2e", "'", hashlib.sha256(code.encode()).hexdigest()):
        problem(redeem(bob, wrong), 404, "not_found")
    assert bob.id not in members(owner, server)


@pytest.mark.parametrize("body", [{"max_uses": 0}, {"max_uses": -1}, {"max_uses": "1"}, {"max_uses": 1.5},
                                  {"max_uses": 2**31}, {"max_uses": 2**63}, {"max_age_s": 0}, {"max_age_s": -1},
                                  {"max_age_s": "1"}, {"max_age_s": 366 * 86400}, {"max_age_s": True}], ids=repr)
def test_what_codes_are_not_made_with(owner, server, body):
    problem(owner.post(f"/v1/servers/{server}/invite-codes", body), 400, "invalid_request")


def test_a_code_ends(hum, owner, bob, server):
    code = make_code(owner, server, max_age_s=1)
    eventually(lambda: hum.database.value("select expires_at < now() from invite_codes where server_id = %s", server))
    problem(redeem(bob, code), 404, "not_found")


def test_racing_redeems_never_exceed_the_uses(hum, owner, server):
    people = [hum.sign_up() for _ in range(12)]
    code = make_code(owner, server, max_uses=5)
    answers = race(*[lambda p=p: redeem(p, code) for p in people])
    assert sorted(r.status_code for r in answers) == [200] * 5 + [404] * 7
    assert len(members(owner, server)) == 6
    assert hum.database.value("select uses from invite_codes where server_id = %s", server) == 5


def test_one_person_uses_a_code_once(hum, owner, bob, server):
    code = make_code(owner, server, max_uses=3)
    answers = race(*[lambda: redeem(bob, code)] * 8)
    assert {r.status_code for r in answers} == {200}
    assert hum.database.value("select uses from invite_codes where server_id = %s", server) == 1


def test_who_is_kept_out_does_not_use_one(hum, owner, bob, server):
    code = make_code(owner, server, max_uses=1)
    kick(owner, server, bob, ban="true")
    problem(redeem(bob, code), 403, "banned")
    assert hum.database.value("select uses from invite_codes where server_id = %s", server) == 0


def test_an_invite_is_used_up_by_a_code(owner, bob, server):
    invite(owner, server, bob)
    ok(redeem(bob, make_code(owner, server)))
    assert invites(bob) == []
