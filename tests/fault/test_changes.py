"""Friends, servers and channels change while the control API and PostgreSQL die: each change is whole, with its event, its
notification and what the broker knows of it, or it never was."""

import random
import threading
from collections import Counter

import requests

from lib.mqtt import V5, Client, eventually, granted
from lib.rest import unique
from lib.servers import make_channel, make_server

PEOPLE = 5
FINE = {200, 201, 204, 400, 403, 404, 409}


class Town:
    """Five people and two servers, each with two channels."""

    def __init__(self, bed):
        self.bed, self.database = bed, bed.database
        self.people = [bed.instance.sign_up() for _ in range(PEOPLE)]
        self.owners = {make_server(p)["id"]: p for p in self.people[:2]}
        self.channels = {make_channel(owner, server, name): server for server, owner in self.owners.items()
                         for name in ("a", "b")}
        self.ids = [int(p.id) for p in self.people]

    def rows(self, sql):
        """Of these people only; ids as texts."""
        return {tuple(map(str, r)) for r in self.database.rows(sql, self.ids)}


class Actor(threading.Thread):
    """One person at a time does something, chosen by the seed; what was answered is written down."""

    def __init__(self, town, number, seed):
        super().__init__(daemon=True)
        self.town, self.random = town, random.Random(f"{seed}/{number}")
        self.over = threading.Event()
        self.said = Counter()  # (kind, actor, subject) of events that a success promises
        self.answers = Counter()
        self.problems = []

    def run(self):
        while not self.over.is_set():
            try:
                self.act()
            except requests.RequestException as error:
                self.answers[type(error).__name__] += 1
                self.over.wait(self.random.uniform(0, 0.05))

    def act(self):
        chosen = self.random
        person, other = chosen.sample(self.town.people, 2)
        channel = chosen.choice(list(self.town.channels))
        server = self.town.channels[channel]
        owner = self.town.owners[server]
        chosen.choice((self.about_friends, self.about_friends, self.about_servers, self.about_channels))(
            person, other, server, channel, owner)

    def call(self, person, method, path, body=None, promise=None):
        """promise: the event that this answer tells of, by status."""
        answer = person.call(method, path, json=body, timeout=5)
        self.answers[answer.status_code] += 1
        if answer.status_code not in FINE | {503}:
            self.problems.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        if promise and answer.status_code in promise:
            self.said[promise[answer.status_code]] += 1
        return answer

    def about_friends(self, person, other, *_):
        a, b = person.id, other.id
        done = self.random.choice((
            ("POST", "/v1/friends/requests", {"user_id": b},
             {201: ("FriendRequestSent", a, b), 200: ("FriendRequestAccepted", a, b)}),
            ("POST", f"/v1/friends/requests/{b}/accept", None, {200: ("FriendRequestAccepted", a, b)}),
            ("POST", f"/v1/friends/requests/{b}/accept", None, {200: ("FriendRequestAccepted", a, b)}),
            ("POST", f"/v1/friends/requests/{b}/decline", None, {204: ("FriendRequestDeclined", a, b)}),
            ("DELETE", f"/v1/friends/requests/{b}", None, {204: ("FriendRequestWithdrawn", a, b)}),
            ("DELETE", f"/v1/friends/{b}", None, {204: ("FriendRemoved", a, b)}),
            ("POST", "/v1/dms", {"user_id": b}, {201: ("ChatCreated", a, b)}),
            ("PUT", f"/v1/blocks/{b}", None, None),
            ("DELETE", f"/v1/blocks/{b}", None, {204: ("UserUnblocked", a, b)}),
        ))
        self.call(person, *done)

    def about_servers(self, person, other, server, _, owner):
        path = f"/v1/servers/{server}"
        done = self.random.choice((
            (person, "PUT", f"{path}/members/me", None, None),
            (person, "PUT", f"{path}/members/me", None, None),
            (person, "DELETE", f"{path}/members/me", None, {204: ("MemberLeft", person.id, server)}),
            (owner, "DELETE", f"{path}/members/{other.id}", None, {204: ("MemberLeft", owner.id, server)}),
            (owner, "DELETE", f"{path}/members/{other.id}?ban=true", None, None),
            (owner, "DELETE", f"{path}/bans/{other.id}", None, {204: ("MemberUnbanned", owner.id, server)}),
            (person, "POST", f"{path}/invites", {"user_id": other.id}, {201: ("ServerInviteSent", person.id, server)}),
            None,
        ))
        if done:
            self.call(*done)
            return
        invites = self.call(person, "GET", "/v1/invites")
        for invite in invites.json()["items"][:1] if invites.status_code == 200 else ():
            verb = self.random.choice(("accept", "decline"))
            kind = "ServerInviteAccepted" if verb == "accept" else "ServerInviteDeclined"
            self.call(person, "POST", f"/v1/invites/{invite['id']}/{verb}", None,
                      {200: (kind, person.id, invite["server"]["id"]), 204: (kind, person.id, invite["server"]["id"])})

    def about_channels(self, person, _, __, channel, ___):
        path = f"/v1/channels/{channel}/members/me"
        if self.random.random() < 0.7:
            self.call(person, "PUT", path)
        else:
            self.call(person, "DELETE", path, None, {204: ("ChannelLeft", person.id, channel)})


class Told:
    """What the events say there must be. Of two about one thing, the one with the greater id is the later."""

    def __init__(self, town):
        self.requests, self.friends, self.blocks = set(), set(), set()
        self.members = {(server, owner.id) for server, owner in town.owners.items()}
        self.bans, self.invites, self.dms, self.places, self.inboxes = set(), set(), set(), {}, set()
        self.count = Counter()
        for kind, actor, subject, data in town.database.rows(
                "select kind, actor_id::text, subject_id::text, data from events"
                " where actor_id = any(%s) order by id", town.ids):
            self.count[kind, actor, subject] += 1
            getattr(self, kind, self.nothing)(actor, subject, data)

    def nothing(self, *_):
        pass

    def FriendRequestSent(self, a, b, _):
        self.requests.add((a, b))

    def FriendRequestWithdrawn(self, a, b, _):
        self.requests.remove((a, b))

    def FriendRequestDeclined(self, a, b, _):
        self.requests.remove((b, a))

    def FriendRequestAccepted(self, a, b, _):
        self.requests.remove((b, a))
        self.friends |= {(a, b), (b, a)}

    def FriendRemoved(self, a, b, _):
        self.friends -= {(a, b), (b, a)}

    def UserBlocked(self, a, b, _):
        self.blocks.add((a, b))
        self.requests -= {(a, b), (b, a)}
        self.invites = {i for i in self.invites if set(i[1:]) != {a, b}}

    def UserUnblocked(self, a, b, _):
        self.blocks.remove((a, b))

    def ChatCreated(self, a, b, data):
        assert frozenset((a, b)) not in {pair for _, pair in self.dms}, "opened twice"
        self.dms.add((data["room"], frozenset((a, b))))

    def MemberJoined(self, user, server, _):
        assert (server, user) not in self.members
        self.members.add((server, user))
        self.uninvite(server, user)

    def MemberLeft(self, _, server, data):
        self.members.remove((server, data["user"]))

    def MemberBanned(self, _, server, data):
        self.bans.add((server, data["user"]))
        self.uninvite(server, data["user"])

    def MemberUnbanned(self, _, server, data):
        self.bans.remove((server, data["user"]))

    def ServerInviteSent(self, actor, server, data):
        self.invites.add((server, data["user"], actor))

    def ServerInviteAccepted(self, user, server, _):
        self.uninvite(server, user)

    ServerInviteDeclined = ServerInviteAccepted

    def uninvite(self, server, user):
        self.invites = {i for i in self.invites if i[:2] != (server, user)}

    def ChannelJoined(self, user, channel, _):
        self.places[user] = channel

    def ChannelLeft(self, _, channel, data):
        assert self.places.pop(data["user"]) == channel

    def NotificationSent(self, _, user, data):
        self.inboxes.add((user, str(data["seq"]), data["kind"]))


def check_state(town, told):
    rows = town.rows
    assert told.requests == rows("select from_id, to_id from friend_requests where from_id = any(%s)")
    assert told.friends == rows("select user_id, friend_id from friendships where user_id = any(%s)")
    assert told.blocks == rows("select user_id, blocked_id from blocks where user_id = any(%s)")
    assert told.members == rows("select server_id, user_id from server_members where user_id = any(%s)")
    assert told.bans == rows("select server_id, user_id from server_bans where user_id = any(%s)")
    assert told.invites == rows("select server_id, user_id, inviter_id from server_invites where user_id = any(%s)")
    assert set(told.places.items()) == rows("select user_id, channel_id from channel_members where user_id = any(%s)")
    assert told.dms == {(room, frozenset(pair)) for room, *pair in rows(
        "select room_id, user_lo, user_hi from dms where user_lo = any(%s)")}
    assert told.inboxes == rows("select room_id, seq, k.name from messages m join notification_kinds k on k.kind = m.kind"
                                " where room_id = any(%s)")


def check_rights(town, told, clients):
    """What the broker lets each of them hear and say is what there is."""
    for person in town.people:
        client = clients[person.id]
        for server in town.owners:
            hears(client, f"server/{server}/messages", (server, person.id) in told.members)
        for channel, server in town.channels.items():
            hears(client, f"server/{server}/channel/{channel}/messages", told.places.get(person.id) == channel)
        for room, pair in told.dms:
            hears(client, f"dm/{room}/messages", person.id in pair)
            if person.id in pair:
                writes(client, room, tuple(pair) in told.friends)


def hears(client, topic, wanted):
    eventually(lambda: granted(client.subscribe(topic)) == wanted)


def writes(client, room, wanted):
    """Said anew each time: a nonce that was taken is taken for ever."""
    def verdict():
        code = client.publish(f"dm/{room}/send", {"nonce": unique("n"), "text": "may I?"})
        assert code in (0x00, 0x10, 0x87), hex(code)
        return code != 0x87

    eventually(lambda: verdict() == wanted)


def kill_api(bed):
    bed.api.kill()
    bed.api.start()


def stop_api(bed):
    bed.api.stop()
    bed.api.start()


def break_off_api(bed):
    eventually(lambda: bed.postgres.terminate("hum-api"))


def kill_postgres(bed):
    bed.postgres.kill()
    bed.postgres.start()


BLOWS = (kill_api, kill_api, stop_api, break_off_api, break_off_api, kill_postgres)


def test_changes_are_whole(bed, rounds):
    town = Town(bed)
    actors = [Actor(town, i, bed.seed) for i in range(4)]
    clients = {p.id: Client(bed.instance, p.mqtt, version=V5).may(f"user/{p.id}/inbox") for p in town.people}
    try:
        for actor in actors:
            actor.start()
        for _ in range(8 * rounds):
            goal = answered(actors) + bed.random.randint(20, 150)
            eventually(lambda: answered(actors) >= goal)
            bed.random.choice(BLOWS)(bed)
        eventually(bed.api.ready)
        goal = answered(actors) + 50
        eventually(lambda: answered(actors) >= goal)
        for actor in actors:
            actor.over.set()
        for actor in actors:
            actor.join(30)
            assert not actor.is_alive() and not actor.problems, actor.problems[:3]
        settled(bed)
        told = Told(town)
        check_state(town, told)
        said = sum((a.said for a in actors), Counter())
        assert not said - told.count, "answered, and no event tells of it"
        for person in town.people:
            wanted = sorted(int(seq) for user, seq, _ in told.inboxes if user == person.id)
            assert wanted == list(range(1, len(wanted) + 1))
            inbox = f"user/{person.id}/inbox"
            eventually(lambda c=clients[person.id], w=wanted, t=inbox: [m["seq"] for m in c.messages(t)] == w)
        check_rights(town, told, clients)
        bed.figure("changes", sum(told.count.values()))
        bed.figure("answers", dict(sum((a.answers for a in actors), Counter())))
    finally:
        for actor in actors:
            actor.over.set()
        for client in clients.values():
            client.close()


def answered(actors):
    return sum(n for a in actors for code, n in list(a.answers.items()) if isinstance(code, int) and code < 500)


def settled(bed):
    """What a killed API had begun has ended, one way or the other."""
    eventually(lambda: not bed.database.rows("select 1 from pg_stat_activity where application_name = 'hum-api'"
                                             " and state <> 'idle'"))
    eventually(lambda: not bed.database.rows("select 1 from jobs"))
