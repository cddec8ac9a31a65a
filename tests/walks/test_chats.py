"""Writing to a friend, and reading what was written."""

from lib.mqtt import TAKEN, eventually
from lib.rest import ok, problem, unique


def room(dm):
    return f"dm/{dm}/messages"


def friends(hum, a, b):
    hum.befriend(a, b)
    return hum.open_dm(a, b)


def test_a_message_to_a_friend_by_mqtt(hum, live, alice, bob):
    """It arrives at both, numbered, as it stands in the history."""
    b = live(bob)
    dm = friends(hum, alice, bob)
    assert b.told("dm_opened")["dm_id"] == dm
    a = live(alice, room(dm))
    b.may(room(dm))
    nonce = unique("n")
    assert a.publish(f"dm/{dm}/send", {"nonce": nonce, "text": "Hello, Bob"}) in TAKEN
    at_a, at_b = a.message(room(dm), nonce), b.message(room(dm), nonce)
    assert at_a == at_b == bob.history(dm)[0]
    assert (at_b["room"], at_b["seq"], at_b["from"], at_b["text"]) == (dm, 1, alice.id, "Hello, Bob")


def test_a_message_to_a_friend_by_rest(hum, live, alice, bob):
    dm = friends(hum, alice, bob)
    b = live(bob, room(dm))
    first = alice.say(dm, "Hello")
    assert b.message(room(dm), first["nonce"]) == first
    answer = b.send(dm, "Hello yourself", reply_to=first["seq"])
    eventually(lambda: len(alice.history(dm)) == 2)
    assert alice.history(dm)[1]["reply_to"] == 1 and alice.history(dm)[1]["nonce"] == answer


def test_one_writes_to_friends_alone(hum, alice, bob, carol):
    problem(alice.post("/v1/dms", {"user_id": bob.id}), 403, "not_friends")
    dm = friends(hum, alice, bob)
    assert ok(bob.post("/v1/dms", {"user_id": alice.id}))["id"] == dm, "one room for both"
    problem(carol.post(f"/v1/rooms/{dm}/messages", {"nonce": "n", "text": "x"}), 404, "not_found")
    problem(carol.get(f"/v1/rooms/{dm}/messages"), 404, "not_found")


def test_a_chat_is_read(hum, live, alice, bob):
    """From its end back and from its start on, and what is unread goes away by reading, on every device."""
    dm = friends(hum, alice, bob)
    sent = [(alice, bob)[i % 2].say(dm, f"text {i}") for i in range(9)]
    last = ok(bob.get(f"/v1/rooms/{dm}/messages", before=10, limit=4))["items"]
    assert last == sent[5:]
    assert ok(bob.get(f"/v1/rooms/{dm}/messages", before=last[0]["seq"], limit=100))["items"] == sent[:5]
    assert ok(bob.get(f"/v1/rooms/{dm}/messages", after=7))["items"] == sent[7:]
    mine = ok(bob.get(f"/v1/rooms/{dm}"))
    assert (mine["last_seq"], mine["unread"], mine["title"]) == (9, 5, alice.nickname)
    a, tablet = live(alice, f"dm/{dm}/#"), live(bob.sign_in(), f"dm/{dm}/#")
    ok(bob.put(f"/v1/rooms/{dm}/read", {"seq": 8}), 204)
    for client in (a, tablet):
        client.wait(lambda c=client: c.messages(f"dm/{dm}/read/{bob.id}") == [{"seq": 8}])
    assert ok(bob.get(f"/v1/rooms/{dm}"))["unread"] == 1
    tablet.publish(f"dm/{dm}/read", {"seq": 9})
    a.wait(lambda: {"seq": 9} in a.messages(f"dm/{dm}/read/{bob.id}"))
    assert ok(bob.get(f"/v1/rooms/{dm}"))["unread"] == 0


def test_what_was_missed_is_caught_up(hum, live, alice, bob):
    dm = friends(hum, alice, bob)
    first = alice.say(dm, "seen")
    missed = [alice.say(dm, f"missed {i}") for i in range(3)]
    b = live(bob, room(dm), f"user/{bob.id}/sync/+")
    b.publish(f"user/{bob.id}/sync", {"tag": "back", "rooms": {dm: first["seq"]}})
    answer = f"user/{bob.id}/sync/back"
    b.wait(lambda: any(m["done"] for m in b.messages(answer)))
    assert [m for piece in b.messages(answer) for m in piece["items"]] == missed
    assert ok(bob.post("/v1/sync", {"rooms": {dm: first["seq"]}}))["rooms"][dm]["items"] == missed


def test_a_message_is_changed_and_taken_back(hum, live, alice, bob):
    """Who is here hears of it; who reads later finds it so."""
    dm = friends(hum, alice, bob)
    b = live(bob, room(dm))
    said = alice.say(dm, "Helo")
    ok(alice.patch(f"/v1/rooms/{dm}/messages/{said['seq']}", {"text": "Hello"}))
    notice = b.wait(lambda: [m for m in b.messages(room(dm)) if m["kind"] == "edit"])[0]
    assert (notice["target"], notice["text"], notice["from"]) == (said["seq"], "Hello", alice.id)
    read = bob.history(dm)[0]
    assert read["text"] == "Hello" and read["edited_at"]
    problem(bob.patch(f"/v1/rooms/{dm}/messages/{said['seq']}", {"text": "mine"}), 403, "forbidden")
    ok(alice.delete(f"/v1/rooms/{dm}/messages/{said['seq']}"), 204)
    notice = b.wait(lambda: [m for m in b.messages(room(dm)) if m["kind"] == "delete"])[0]
    assert notice["target"] == said["seq"]
    read = bob.history(dm)[0]
    assert read.get("text") is None and read["deleted_at"]
    assert "Hello" not in str(bob.history(dm))


def test_ones_chats(hum, alice, bob, carol):
    """All rooms, each with what is new in it."""
    first, second = friends(hum, alice, bob), friends(hum, carol, alice)
    bob.say(first, "one")
    bob.say(first, "two")
    rooms = {r["id"]: r for r in alice.pages("/v1/rooms", 2)[0]}
    assert set(rooms) == {first, second, alice.id}
    assert (rooms[first]["title"], rooms[first]["unread"], rooms[first]["can_send"]) == (bob.nickname, 2, True)
    assert (rooms[second]["title"], rooms[second]["unread"]) == (carol.nickname, 0)
    assert rooms[alice.id]["kind"] == "inbox"
