"""Servers, channels and who is in them, by REST."""

from lib.rest import ok, unique


def make_server(owner, visibility="public", **members):
    """A new server; its JSON."""
    body = {"name": unique("server "), "visibility": visibility, **members}
    return ok(owner.post("/v1/servers", body), 201)


def join(person, server):
    return ok(person.put(f"/v1/servers/{server}/members/me"))


def leave(person, server):
    ok(person.delete(f"/v1/servers/{server}/members/me"), 204)


def kick(owner, server, person, **query):
    ok(owner.delete(f"/v1/servers/{server}/members/{person.id}", params=query), 204)


def invite(member, server, person):
    """The invite's id."""
    return ok(member.post(f"/v1/servers/{server}/invites", {"user_id": person.id}), 201)["id"]


def make_code(member, server, **members):
    return ok(member.post(f"/v1/servers/{server}/invite-codes", members), 201)["code"]


def redeem(person, code):
    return person.post(f"/v1/invite-codes/{code}/redeem")


def make_channel(owner, server, name="general"):
    """The channel's id."""
    return ok(owner.post(f"/v1/servers/{server}/channels", {"name": name}), 201)["id"]


def enter(person, channel):
    return ok(person.put(f"/v1/channels/{channel}/members/me"))


def members(person, server):
    """Ids by role."""
    items, _ = person.pages(f"/v1/servers/{server}/members", 100)
    return {m["user"]["id"]: m["role"] for m in items}


def inside(person, channel):
    items, _ = person.pages(f"/v1/channels/{channel}/members", 100)
    return {m["user"]["id"] for m in items}


def events(hum, kind, actor=None):
    """(subject, data) of the events of a kind, oldest first."""
    return hum.database.rows(
        "select subject_id::text, data from events where kind = %s"
        " and (%s::bigint is null or actor_id = %s) order by id", kind, actor, actor)
