"""Messages that are edited and deleted, and what a reader makes of it."""

from lib.rest import ok


def edit(person, room, seq, text="changed", **more):
    return ok(person.patch(f"/v1/rooms/{room}/messages/{seq}", {"text": text, **more}))


def delete(person, room, seq):
    ok(person.delete(f"/v1/rooms/{room}/messages/{seq}"), 204)


def applied(messages):
    """What a reader has who has heard a stream from its beginning, and does what its entries say."""
    log = {}
    for m in messages:
        m = dict(m)
        log[m["seq"]] = m
        if m["kind"] in ("edit", "delete") and m["target"] in log:
            target = log[m["target"]]
            if m["kind"] == "edit":
                target.pop("text", None)
                target.update({"text": m["text"]} if "text" in m else {}, edited_at=m["sent_at"])
                continue
            for gone in [target, *(e for e in log.values() if e["kind"] == "edit" and e["target"] == m["target"])]:
                gone.pop("text", None)
                gone["deleted_at"] = m["sent_at"]
    return list(log.values())
