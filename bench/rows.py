"""The rows of the benchmark: what is done, how many take part, and what is aimed at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One figure of a row. The aim holds for Hum's own value, for its ratio to what is beside it,
    or for how much more it is."""

    label: str
    key: str  # in a round's result
    scale: float = 1
    decimals: int = 0
    aim: float | None = None
    at_least: bool = False
    of: str = "value"  # or ratio, either, difference


@dataclass(frozen=True)
class Row:
    name: str
    what: str  # for people
    kind: str  # how it is measured: send, crowd, revoke, big, or by a file of that name
    people: int
    figures: tuple[Figure, ...]
    shape: str = ""  # hum-load's
    default: bool = True
    measured: str = "hum"
    beside: str | None = "raw"


def _latencies(p50_aim=None, p99_aim=None):
    return (
        Figure("p50 to own echo, ms", "p50_us", 1e-3, 2, p50_aim),
        Figure("p99 to own echo, ms", "p99_us", 1e-3, 2, p99_aim),
    )


_TIMES = (Figure("p50, ms", "p50_us", 1e-3, 2), Figure("p99, ms", "p99_us", 1e-3, 2))

# Of what passes on the wire.
_COSTS = (("KiB", "bytes", 1 / 1024, 2), ("packets", "packets", 1, 1))

_ALL = (
    Row("first", "32 senders in 16 DMs, 16 messages in flight each", "send", 32, (
        Figure("messages/s to both", "messages_per_s", aim=0.80, at_least=True, of="ratio"),
        Figure("deliveries/s", "deliveries_per_s"),
        *_latencies(),
    ), "pairs"),
    Row("lone", "one sender in a DM, one message in flight", "send", 2, (
        *_latencies(0.6, 3.0),
        Figure("messages/s to both", "messages_per_s"),
    ), "lone"),
    Row("fanout", "posts to a server with 1,000 members online, 8 in flight", "send", 1000, (
        Figure("deliveries/s", "deliveries_per_s", aim=0.95, at_least=True, of="ratio"),
        Figure("posts/s", "messages_per_s", decimals=1),
        Figure("p50 until all have it, ms", "p50_us", 1e-3, 1),
    ), "fanout"),
    Row("idle", "up to 10,000 sessions over TCP that do nothing", "crowd", 10000, (
        Figure("resident KiB a session", "kib_per_session", decimals=2, aim=1, of="difference"),
        Figure("sessions", "clients"),
    ), "crowd"),
    Row("idle-ws", "the same over WebSocket", "crowd", 10000, (
        Figure("resident KiB a session", "kib_per_session", decimals=2, aim=1, of="difference"),
        Figure("sessions", "clients"),
    ), "crowd-ws"),
    Row("reconnect", "up to 10,000 clients at once on a restarted broker", "crowd", 10000, (
        Figure("s until all are subscribed", "ready_s", decimals=2, aim=2, of="ratio"),
        Figure("PostgreSQL connections more", "database_connections_more", aim=0),
        Figure("PostgreSQL connections", "database_connections"),
        Figure("sent away, came again", "turned_away"),
        Figure("clients", "clients"),
    ), "crowd"),
    Row("revoke", "unfriended or signed out, until the last delivery", "revoke", 10, (
        Figure("p50, ms", "p50_ms", decimals=1),
        Figure("p99, ms", "p99_ms", decimals=1, aim=250),
        Figure("longest, ms", "max_ms", decimals=1),
        Figure("p99 unfriended, ms", "unfriend_p99_ms", decimals=1),
        Figure("p99 signed out, ms", "logout_p99_ms", decimals=1),
    ), beside=None),
    Row("rest-profile", "REST: one's own profile, 20 connections", "rest", 20, (
        Figure("requests/s", "requests_per_s", aim=0.5, at_least=True, of="ratio"),
        *_TIMES,
    ), beside="pgbench"),
    Row("rest-page", "REST: the last 50 messages of a room, 20 connections", "rest", 20, (
        Figure("requests/s", "requests_per_s"),
        *_TIMES,
    ), beside="pgbench"),
    Row("battery", "a phone's line over TLS, beside an app that polls", "battery", 2, (
        *(Figure(f"an hour of silence, {what}; polls each {interval} s", f"idle_{interval}_{key}", scale, decimals)
          for interval in (30, 60, 300) for what, key, scale, decimals in _COSTS),
        *(Figure(f"{label}, {what}", f"{name}_{key}", scale, decimals)
          for label, name in (("a keep-alive", "ping"), ("a message received", "received"),
                              ("a message sent", "sent"), ("back with 2 rooms", "return_2"),
                              ("back with 20 rooms", "return_20"), ("back with 100 rooms", "return_100"),
                              ("back with 20 rooms, TLS anew", "full_20"))
          for what, key, scale, decimals in _COSTS),
    ), default=False, beside="polling"),
    Row("history", "a page of 50 at the tail of a room of 1 million, beside one at its head", "history", 2, (
        Figure("p50, ms", "p50_us", 1e-3, 2, 1.2, of="either"),
        Figure("p99, ms", "p99_us", 1e-3, 2),
        Figure("requests/s", "requests_per_s"),
    ), default=False, measured="tail", beside="head"),
    Row("search", "people search among 1 million, 2 connections", "search", 1, (
        *_TIMES,
        Figure("longest, ms", "max_us", 1e-3, 1),
        Figure("requests/s", "requests_per_s"),
    ), default=False, beside=None),
    Row("big-server", "a server of 100,000 is used and deleted, and others meanwhile, beside nothing going on",
        "bigserver", 5, (
            Figure("p99 of a post, ms", "post_p99_ms", decimals=1),
            Figure("p99 until a member has it, ms", "arrival_p99_ms", decimals=1),
            Figure("p99 of joining, ms", "join_p99_ms", decimals=1),
            Figure("p99 of leaving, ms", "leave_p99_ms", decimals=1),
            Figure("posts, each with a joining and a leaving", "turns"),
            Figure("in use: others' REST p99, ms", "used_rest_p99_us", 1e-3, 2),
            Figure("in use: others' MQTT p99 to own echo, ms", "used_mqtt_p99_us", 1e-3, 2),
            Figure("answer to the DELETE, ms", "answer_ms", decimals=1),
            Figure("s until all are told and all is gone", "gone_s", decimals=1),
            Figure("deleted: others' REST p50, ms", "rest_p50_us", 1e-3, 2),
            Figure("deleted: others' REST p99, ms", "rest_p99_us", 1e-3, 2),
            Figure("deleted: others' REST longest, ms", "rest_max_us", 1e-3, 1),
            Figure("deleted: others' MQTT p50 to own echo, ms", "mqtt_p50_us", 1e-3, 2),
            Figure("deleted: others' MQTT p99 to own echo, ms", "mqtt_p99_us", 1e-3, 2),
            Figure("deleted: others' MQTT longest, ms", "mqtt_max_us", 1e-3, 1),
        ), default=False, measured="large", beside="quiet"),
    Row("big", "the first row on 10 million messages in 1 million rooms", "big", 32, (
        Figure("messages/s to both", "messages_per_s", aim=0.9, at_least=True, of="ratio"),
        *_latencies(),
    ), "pairs", default=False, measured="big", beside="hum"),
)

ROWS = {row.name: row for row in _ALL}
