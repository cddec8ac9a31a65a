"""What one keeps from others, and takes along or away."""

from lib.mqtt import eventually, granted
from lib.rest import ok, problem
from lib.servers import join, make_server


def found(person, other):
    items, _ = person.pages("/v1/users/search", 100, nickname=other.nickname)
    return other.id in [u["id"] for u in items]


def test_somebody_is_blocked(hum, live, alice, bob):
    """They are friends no more, do not find each other, and neither writes nor asks; what was said stays."""
    hum.befriend(alice, bob)
    dm = hum.open_dm(alice, bob)
    said = alice.say(dm, "before")
    b = live(bob, f"dm/{dm}/messages", f"user/{alice.id}/presence")
    assert found(alice, bob) and found(bob, alice)
    ok(alice.put(f"/v1/blocks/{bob.id}"), 204)
    assert b.told("friend_removed")["user"]["id"] == alice.id
    eventually(lambda: not granted(b.subscribe(f"user/{alice.id}/presence")))
    assert not found(alice, bob) and not found(bob, alice)
    problem(bob.post("/v1/friends/requests", {"user_id": alice.id}), 403, "forbidden")
    problem(alice.post("/v1/friends/requests", {"user_id": bob.id}), 409, "blocked")
    for person in (alice, bob):
        problem(person.post(f"/v1/rooms/{dm}/messages", {"nonce": "n", "text": "x"}), 403, "not_friends")
        assert person.history(dm) == [said]
    assert [x["user"]["id"] for x in ok(alice.get("/v1/blocks"))["items"]] == [bob.id]
    ok(alice.delete(f"/v1/blocks/{bob.id}"), 204)
    ok(bob.post("/v1/friends/requests", {"user_id": alice.id}), 201)


def test_notifications_are_read(live, alice, bob, carol):
    """The same ones live, in the list and in the room of one's own; what was read is read on every device."""
    a = live(alice)
    for person in (bob, carol):
        ok(person.post("/v1/friends/requests", {"user_id": alice.id}), 201)
    heard = a.until(f"user/{alice.id}/inbox", 2)
    assert ok(alice.get("/v1/notifications"))["items"] == heard == alice.inbox()
    assert [m["data"]["user"]["id"] for m in heard] == [bob.id, carol.id]
    assert ok(alice.get("/v1/notifications", after=1))["items"] == heard[1:]
    ok(alice.put("/v1/notifications/read", {"seq": 2}), 204)
    assert ok(alice.sign_in().get(f"/v1/rooms/{alice.id}"))["read_seq"] == 2


def test_all_of_ones_data(hum, alice, bob):
    """Everything that alice has written and is part of; nothing that only others have."""
    hum.befriend(alice, bob)
    dm = hum.open_dm(alice, bob)
    alice.say(dm, "written by alice")
    bob.say(dm, "written by bob")
    server = make_server(alice, name="Alice's own")["id"]
    alice.say(server, "posted by alice")
    text = alice.get("/v1/users/me/export").text
    for known in (alice.email, bob.id, "written by alice", "posted by alice", "Alice's own"):
        assert known in text
    for strange in (bob.email, "written by bob", alice.session["refresh_token"]):
        assert strange not in text


def test_an_account_is_erased(hum, live, alice, bob):
    """Signed out everywhere, gone from lists and servers; what was said to others stays, without a name."""
    hum.befriend(alice, bob)
    dm = hum.open_dm(alice, bob)
    said = alice.say(dm, "still here")
    server = make_server(alice)
    join(bob, server["id"])
    a, b = live(alice), live(bob, f"dm/{dm}/messages")
    problem(alice.delete("/v1/users/me", json={"password": "wrong" + alice.password}), 401, "invalid_credentials")
    ok(alice.delete("/v1/users/me", json={"password": alice.password}), 204)
    a.closed()
    b.told("friend_removed")
    assert b.told("server_removed")["server"]["id"] == server["id"]
    problem(alice.get("/v1/users/me"), 401, "unauthorized")
    problem(hum.rest.post("/v1/auth/login", {"email": alice.email, "password": alice.password}), 401,
            "invalid_credentials")
    seen = ok(bob.get(f"/v1/users/{alice.id}"))
    assert (seen["nickname"], seen["deleted"], seen["avatar_url"]) == ("deleted user", True, None)
    assert bob.history(dm) == [said] and not found(bob, alice)
    assert ok(bob.get("/v1/friends"))["items"] == []
    problem(bob.post(f"/v1/rooms/{dm}/messages", {"nonce": "n", "text": "x"}), 403, "not_friends")
    again = hum.sign_up(nickname=alice.nickname, email=alice.email)
    assert again.id != alice.id and again.inbox() == []
