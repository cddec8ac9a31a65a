"""Servers: made, found, joined, left, posted to; and their channels."""

from lib.mqtt import REFUSED, TAKEN, V5, eventually, granted
from lib.race import race
from lib.rest import ok, problem, unique
from lib.servers import enter, inside, invite, join, leave, make_channel, make_code, make_server, members, redeem


def posts(server):
    return f"server/{server}/messages"


def talk(server, channel):
    return f"server/{server}/channel/{channel}/messages"


def mine(person, role="all"):
    """Ids of the person's servers by role."""
    items, _ = person.pages("/v1/users/me/servers", 100, role=role)
    return {s["id"]: s["role"] for s in items}


def refused(client, topic):
    """A Send that is refused; the code of the Error."""
    nonce = unique("n")
    client.may(f"user/{client.user}/errors")
    code = client.publish(f"{topic}/send", {"nonce": nonce, "text": "x"})
    assert code == (REFUSED if client.version == V5 else 0)
    return client.error(nonce)["code"]


def taken(client, topic, text="hello"):
    """A Send that is taken; its nonce."""
    nonce = unique("n")
    assert client.publish(f"{topic}/send", {"nonce": nonce, "text": text}) in TAKEN
    return nonce


def test_a_server_is_created(alice, bob, live):
    made = ok(alice.post("/v1/servers", {"name": "Chess", "about": "Wednesdays"}), 201)
    assert (made["name"], made["about"], made["owner_id"], made["role"]) == ("Chess", "Wednesdays", alice.id, "owner")
    assert members(alice, made["id"]) == {alice.id: "owner"}
    a = live(alice).may(posts(made["id"]))  # without a reconnect
    a.message(posts(made["id"]), taken(a, f"server/{made['id']}"))
    changed = ok(alice.patch(f"/v1/servers/{made['id']}", {"name": "Go"}))
    assert ok(bob.get(f"/v1/servers/{made['id']}"))["name"] == changed["name"] == "Go"


def test_a_server_is_found_and_joined(live, alice, bob):
    """Posts arrive from then on, on a connection that was there before."""
    name = unique("Garden ")
    made = make_server(alice, name=name + " of Berlin")
    hidden = make_server(alice, "private", name=name + " of secrets")
    b = live(bob)
    assert not granted(b.subscribe(posts(made["id"])))
    found = [s["id"] for s in ok(bob.get("/v1/servers/search", q=name.lower()))["items"]]
    assert found[0] == made["id"] and hidden["id"] not in found
    assert join(bob, made["id"])["role"] == "member"
    b.may(posts(made["id"]))
    said = alice.say(made["id"], "Welcome")
    assert b.message(posts(made["id"]), said["nonce"]) == said
    assert members(bob, made["id"]) == {alice.id: "owner", bob.id: "member"}


def test_a_server_is_left(live, alice, bob, carol):
    server = make_server(alice)["id"]
    for person in (bob, carol):
        join(person, server)
    b, c = live(bob, posts(server)), live(carol, posts(server))
    heard = alice.say(server, "before")["nonce"]
    for client in (b, c):
        client.message(posts(server), heard)
    leave(bob, server)
    eventually(lambda: not granted(b.subscribe(posts(server))))
    c.message(posts(server), alice.say(server, "after")["nonce"])
    b.barrier()
    assert [m["text"] for m in b.messages(posts(server))] == ["before"]
    assert members(alice, server) == {alice.id: "owner", carol.id: "member"}
    problem(bob.get(f"/v1/rooms/{server}/messages"), 404, "not_found")
    problem(alice.delete(f"/v1/servers/{server}/members/me"), 409, "owner_cannot_leave")


def test_ones_servers_joined_and_own(alice, bob):
    own, joined, left = (make_server(owner)["id"] for owner in (alice, bob, bob))
    join(alice, joined)
    join(alice, left)
    leave(alice, left)
    assert mine(alice) == {own: "owner", joined: "member"}
    assert mine(alice, "owner") == {own: "owner"} and mine(alice, "member") == {joined: "member"}
    assert mine(bob) == {joined: "owner", left: "owner"}


def test_somebody_is_invited(live, alice, bob, carol):
    """Into a private server, which is not there for others; each hears of what concerns them."""
    server = make_server(alice, "private")["id"]
    problem(bob.get(f"/v1/servers/{server}"), 404, "not_found")
    b, c = live(bob), live(carol)
    number = invite(alice, server, bob)
    told = b.told("server_invite_received")
    assert (told["invite_id"], told["server"]["id"], told["user"]["id"]) == (number, server, alice.id)
    assert [i["id"] for i in ok(bob.get("/v1/invites"))["items"]] == [number]
    ok(bob.post(f"/v1/invites/{number}/accept"))
    b.may(posts(server))
    invite(bob, server, carol)  # any member may
    ok(carol.post(f"/v1/invites/{c.told('server_invite_received')['invite_id']}/decline"), 204)
    assert members(alice, server) == {alice.id: "owner", bob.id: "member"}
    problem(carol.put(f"/v1/servers/{server}/members/me"), 403, "invite_required")
    ok(redeem(carol, make_code(bob, server, max_uses=1)))
    c.may(posts(server))
    said = alice.say(server, "Welcome")["nonce"]
    for client in (b, c):
        client.message(posts(server), said)


def test_the_owner_alone_posts(live, alice, bob):
    server = make_server(alice)["id"]
    join(bob, server)
    a, b = live(alice, posts(server)), live(bob, posts(server))
    nonces = [alice.say(server, "by REST")["nonce"], taken(a, f"server/{server}", "by MQTT")]
    for client in (a, b):
        for nonce in nonces:
            client.message(posts(server), nonce)
    assert refused(b, f"server/{server}") == "not_owner"
    problem(bob.post(f"/v1/rooms/{server}/messages", {"nonce": "n", "text": "x"}), 403, "not_owner")
    assert [m["from"] for m in alice.history(server)] == [alice.id, alice.id]


def test_a_servers_posts_are_read(live, alice, bob, carol):
    """By its members, from the first, also those from before they came."""
    server = make_server(alice)["id"]
    sent = [alice.say(server, f"post {i}") for i in range(5)]
    join(bob, server)
    assert bob.history(server) == sent
    assert ok(bob.get(f"/v1/rooms/{server}/messages", before=4, limit=2))["items"] == sent[1:3]
    assert ok(bob.get(f"/v1/rooms/{server}"))["unread"] == 5
    b = live(bob, f"server/{server}/#")
    b.publish(f"server/{server}/read", {"seq": 5})
    b.wait(lambda: b.messages(f"server/{server}/read/{bob.id}") == [{"seq": 5}])
    assert ok(bob.get(f"/v1/rooms/{server}"))["unread"] == 0
    problem(carol.get(f"/v1/rooms/{server}/messages"), 404, "not_found")


def test_a_server_is_deleted(live, alice, bob):
    server = make_server(alice)
    join(bob, server["id"])
    b = live(bob, posts(server["id"]))
    problem(bob.delete(f"/v1/servers/{server['id']}"), 403, "not_owner")
    ok(alice.delete(f"/v1/servers/{server['id']}"), 204)
    told = b.told("server_removed")
    assert (told["reason"], told["server"]) == ("deleted", {"id": server["id"], "name": server["name"]})
    eventually(lambda: not granted(b.subscribe(posts(server["id"]))))
    assert mine(alice) == mine(bob) == {}
    problem(bob.get(f"/v1/servers/{server['id']}"), 404, "not_found")


def test_channels_are_created_and_deleted_by_the_owner(live, alice, bob):
    server = make_server(alice)["id"]
    join(bob, server)
    problem(bob.post(f"/v1/servers/{server}/channels", {"name": "mine"}), 403, "not_owner")
    lobby, games = make_channel(alice, server, "Lobby"), make_channel(alice, server, "Games")
    assert [(c["id"], c["name"]) for c in ok(bob.get(f"/v1/servers/{server}/channels"))["items"]] == [
        (lobby, "Lobby"), (games, "Games")]
    enter(bob, games)
    b = live(bob, talk(server, games))
    problem(bob.delete(f"/v1/channels/{games}"), 403, "not_owner")
    ok(alice.delete(f"/v1/channels/{games}"), 204)
    assert b.told("channel_removed")["channel"] == {"id": games, "name": "Games"}
    assert [c["id"] for c in ok(bob.get(f"/v1/servers/{server}/channels"))["items"]] == [lobby]
    assert refused(b, f"server/{server}/channel/{games}") == "forbidden"


def test_a_channel_is_joined(live, alice, bob, carol):
    """Who is in it talks and hears; who is in the server alone does not."""
    server = make_server(alice)["id"]
    for person in (bob, carol):
        join(person, server)
    channel = make_channel(alice, server)
    a, b, c = live(alice), live(bob, posts(server)), live(carol, f"server/{server}/#")
    assert refused(b, f"server/{server}/channel/{channel}") == "forbidden"
    assert enter(alice, channel)["joined"] and enter(bob, channel)["joined"]
    a.may(talk(server, channel))
    b.may(talk(server, channel))
    assert inside(carol, channel) == {alice.id, bob.id}
    for say in (lambda: taken(b, f"server/{server}/channel/{channel}"), lambda: alice.say(channel, "hi")["nonce"]):
        nonce = say()
        for client in (a, b):  # one after the other: MQTT and REST promise no order between them
            client.message(talk(server, channel), nonce)
    assert [m["from"] for m in bob.history(channel)] == [bob.id, alice.id]
    problem(carol.get(f"/v1/rooms/{channel}/messages"), 404, "not_found")
    c.message(posts(server), alice.say(server, "a post")["nonce"])
    c.barrier()
    assert c.messages(talk(server, channel)) == []


def test_one_channel_at_a_time(live, alice, bob):
    """Over all servers: joining one leaves the other."""
    first, second = make_server(alice)["id"], make_server(alice)["id"]
    rooms = []
    for server in (first, second):
        join(bob, server)
        rooms.append(make_channel(alice, server))
        enter(alice, rooms[-1])
    enter(bob, rooms[0])
    b = live(bob, talk(first, rooms[0]))
    enter(bob, rooms[1])
    b.may(talk(second, rooms[1]))
    eventually(lambda: not granted(b.subscribe(talk(first, rooms[0]))))
    b.message(talk(second, rooms[1]), alice.say(rooms[1], "here")["nonce"])
    assert inside(alice, rooms[0]) == set() and bob.id in inside(alice, rooms[1])
    assert refused(b, f"server/{first}/channel/{rooms[0]}") == "forbidden"


def test_joins_that_race_end_in_one_channel(live, alice, bob):
    """Two channels, ten joins of each at once: bob ends up in one, and the broker agrees with REST about which."""
    server = make_server(alice)["id"]
    join(bob, server)
    rooms = [make_channel(alice, server) for _ in range(2)]
    b = live(bob)
    answers = race(*[lambda r=r: bob.put(f"/v1/channels/{r}/members/me") for r in rooms * 10])
    assert {r.status_code for r in answers} == {200}
    (where,) = [r for r in rooms if bob.id in inside(alice, r)]
    (other,) = set(rooms) - {where}
    b.may(talk(server, where))
    eventually(lambda: not granted(b.subscribe(talk(server, other))))
    b.message(talk(server, where), taken(b, f"server/{server}/channel/{where}"))
    assert refused(b, f"server/{server}/channel/{other}") == "forbidden"
    joined = [c["id"] for c in ok(bob.get(f"/v1/servers/{server}/channels"))["items"] if c["joined"]]
    assert joined == [where]


def test_a_channel_is_left(live, alice, bob):
    server = make_server(alice)["id"]
    join(bob, server)
    channel = make_channel(alice, server)
    for person in (alice, bob):
        enter(person, channel)
    b = live(bob, f"server/{server}/#")
    b.message(talk(server, channel), alice.say(channel, "before")["nonce"])
    ok(bob.delete(f"/v1/channels/{channel}/members/me"), 204)
    eventually(lambda: not granted(b.subscribe(talk(server, channel))))
    alice.say(channel, "after")
    b.message(posts(server), alice.say(server, "a post")["nonce"])
    b.barrier()
    assert [m["text"] for m in b.messages(talk(server, channel))] == ["before"]
    assert inside(alice, channel) == {alice.id}
    problem(bob.delete(f"/v1/channels/{channel}/members/me"), 404, "not_found")
