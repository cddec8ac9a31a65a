"""A profile, other people, and friends."""

from lib import pictures
from lib.mqtt import eventually, granted
from lib.rest import ok, problem, unique


def nicknames(person, typed):
    items, _ = person.pages("/v1/users/search", 100, nickname=typed)
    return [u["nickname"] for u in items]


def friends(person, state="accepted"):
    """Ids of the other side by state."""
    items, _ = person.pages("/v1/friends", 100, state=state)
    return {f["user"]["id"]: f["state"] for f in items}


def shown(person):
    return {"id": person.id, "nickname": ok(person.get("/v1/users/me"))["nickname"]}


def test_a_profile(alice, bob):
    """One's own, as oneself and as others see it; its nickname is nobody else's, in whatever spelling."""
    name = unique("Älice")
    mine = ok(alice.patch("/v1/users/me", {"nickname": name, "about": "Plays chess.\nMostly white."}))
    assert (mine["nickname"], mine["about"], mine["email"]) == (name, "Plays chess.\nMostly white.", alice.email)
    assert ok(alice.get("/v1/users/me")) == mine
    seen = ok(bob.get(f"/v1/users/{alice.id}"))
    assert seen == {k: mine[k] for k in ("id", "nickname", "about", "avatar_url")}
    for taken in (name, name.upper(), "A\u0308" + name[1:]):
        problem(bob.patch("/v1/users/me", {"nickname": taken}), 409, "nickname_taken")
    assert ok(bob.get("/v1/users/me"))["nickname"] == bob.nickname


def test_an_avatar(alice, bob):
    """Everybody finds the picture by the profile, small and without what the camera had written into it."""
    picture = pictures.plain("JPEG", size=(300, 200), color=(20, 200, 30))
    mine = ok(alice.call("PUT", "/v1/users/me/avatar", data=picture, headers={"Content-Type": "image/jpeg"}))
    seen = ok(bob.get(f"/v1/users/{alice.id}"))
    assert seen["avatar_url"] == mine["avatar_url"]
    got = bob.http.get(seen["avatar_url"], timeout=30)
    assert got.ok and pictures.close(pictures.read(got.content).getpixel((128, 128)), (20, 200, 30))
    ok(alice.delete("/v1/users/me/avatar"), 204)
    assert ok(bob.get(f"/v1/users/{alice.id}"))["avatar_url"] is None


def test_a_new_nickname_is_what_friends_see(live, alice, bob):
    """Also as the title of the room that is open."""
    ok(alice.post("/v1/friends/requests", {"user_id": bob.id}), 201)
    ok(bob.post(f"/v1/friends/requests/{alice.id}/accept"))
    dm = ok(alice.post("/v1/dms", {"user_id": bob.id}), 201)["id"]
    name = unique("renamed")
    ok(alice.patch("/v1/users/me", {"nickname": name}))
    assert ok(bob.get(f"/v1/rooms/{dm}"))["title"] == name
    assert [f["user"]["nickname"] for f in ok(bob.get("/v1/friends"))["items"]] == [name]
    b = live(bob)
    ok(alice.delete(f"/v1/friends/{bob.id}"), 204)
    assert b.told("friend_removed")["user"] == {"id": alice.id, "nickname": name}


def test_people_are_searched_by_nickname(hum, alice):
    """By how it begins, whatever the case; who begins like that comes first."""
    word = unique("Zoe")
    for end in ("b", "A", "c"):
        hum.sign_up(nickname=word + end)
    assert nicknames(alice, word)[:3] == [word + "A", word + "b", word + "c"]
    assert nicknames(alice, word.swapcase())[:3] == [word + "A", word + "b", word + "c"]
    assert nicknames(alice, word + "a")[0] == word + "A"
    assert nicknames(alice, "\U0001F9CD" * 3) == []


def test_a_friend_is_found_asked_and_accepts(live, alice, bob):
    """The one who is asked hears of it at once; so does the one who asked, of the answer."""
    a, b = live(alice), live(bob)
    (found,) = [u for u in ok(alice.get("/v1/users/search", nickname=bob.nickname))["items"]
                if u["nickname"] == bob.nickname]
    ok(alice.post("/v1/friends/requests", {"user_id": found["id"]}), 201)
    assert b.told("friend_request_received")["user"] == shown(alice)
    assert friends(alice, "outgoing") == {bob.id: "outgoing"}
    assert friends(bob, "incoming") == {alice.id: "incoming"}
    assert friends(alice) == friends(bob) == {}
    ok(bob.post(f"/v1/friends/requests/{alice.id}/accept"))
    assert a.told("friend_request_accepted")["user"] == shown(bob)
    assert friends(alice) == {bob.id: "accepted"} and friends(bob) == {alice.id: "accepted"}
    assert friends(alice, "outgoing") == friends(bob, "incoming") == {}


def test_a_request_is_declined(live, alice, bob):
    a, b = live(alice), live(bob)
    ok(alice.post("/v1/friends/requests", {"nickname": bob.nickname.upper()}), 201)
    b.told("friend_request_received")
    ok(bob.post(f"/v1/friends/requests/{alice.id}/decline"), 204)
    assert a.told("friend_request_declined")["user"] == shown(bob)
    assert friends(alice, "all") == friends(bob, "all") == {}
    problem(bob.post(f"/v1/friends/requests/{alice.id}/accept"), 404, "not_found")
    ok(alice.post("/v1/friends/requests", {"user_id": bob.id}), 201)  # one may ask again


def test_a_request_is_taken_back(alice, bob):
    ok(alice.post("/v1/friends/requests", {"user_id": bob.id}), 201)
    ok(alice.delete(f"/v1/friends/requests/{bob.id}"), 204)
    assert friends(alice, "all") == friends(bob, "all") == {}
    problem(bob.post(f"/v1/friends/requests/{alice.id}/accept"), 404, "not_found")


def test_who_asks_back_is_a_friend_at_once(live, alice, bob):
    a = live(alice)
    ok(alice.post("/v1/friends/requests", {"user_id": bob.id}), 201)
    ok(bob.post("/v1/friends/requests", {"user_id": alice.id}), 200)
    assert a.told("friend_request_accepted")["user"] == shown(bob)
    assert friends(alice) == {bob.id: "accepted"} and friends(bob) == {alice.id: "accepted"}


def test_a_friend_is_removed(live, alice, bob):
    """Both keep what was said; nobody writes any more, and neither sees whether the other is here."""
    ok(alice.post("/v1/friends/requests", {"user_id": bob.id}), 201)
    ok(bob.post(f"/v1/friends/requests/{alice.id}/accept"))
    dm = ok(alice.post("/v1/dms", {"user_id": bob.id}), 201)["id"]
    a, b = live(alice, f"dm/{dm}/messages"), live(bob, f"dm/{dm}/messages", f"user/{alice.id}/presence")
    said = alice.say(dm, "before")
    b.message(f"dm/{dm}/messages", said["nonce"])
    ok(bob.delete(f"/v1/friends/{alice.id}"), 204)
    assert a.told("friend_removed")["user"] == shown(bob)
    assert friends(alice, "all") == friends(bob, "all") == {}
    for person, client in ((alice, a), (bob, b)):
        problem(person.post(f"/v1/rooms/{dm}/messages", {"nonce": "n", "text": "after"}), 403, "not_friends")
        eventually(lambda: not granted(client.subscribe(f"user/{alice.id if client is b else bob.id}/presence")))
        assert ok(person.get(f"/v1/rooms/{dm}"))["can_send"] is False
        assert person.history(dm) == [said]
    for client in (a, b):
        client.barrier()
        assert [m["text"] for m in client.messages(f"dm/{dm}/messages")] == ["before"]


def test_friends_confirmed_and_not(hum, alice):
    """One list, by state, each with whom and since when."""
    asked, asks, friend = (hum.sign_up() for _ in range(3))
    ok(alice.post("/v1/friends/requests", {"user_id": asked.id}), 201)
    ok(asks.post("/v1/friends/requests", {"user_id": alice.id}), 201)
    hum.befriend(alice, friend)
    dm = hum.open_dm(friend, alice)
    assert friends(alice, "accepted") == {friend.id: "accepted"}
    assert friends(alice, "incoming") == {asks.id: "incoming"}
    assert friends(alice, "outgoing") == {asked.id: "outgoing"}
    assert friends(alice, "all") == {friend.id: "accepted", asks.id: "incoming", asked.id: "outgoing"}
    (item,) = ok(alice.get("/v1/friends"))["items"]
    assert set(item) == {"user", "state", "since", "dm_id"} and item["dm_id"] == dm
    assert item["user"] == ok(alice.get(f"/v1/users/{friend.id}"))
