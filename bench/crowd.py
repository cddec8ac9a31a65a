"""People in bulk: written into the database as its owner, their tokens signed with the instance's
key. Signing up 10,000 of them over REST would be minutes of password hashing."""

import base64
import hmac
import json
import time

# In pairs of friends with a DM, so that everybody has rights to keep in memory. The broker is not
# told: it loads them when they come, or when it starts.
_PEOPLE = """
begin;
select hum_ids({count}) as users, hum_ids({count}) as sessions, hum_ids({count} / 2) as dms \\gset
insert into users (id, email, nickname, nickname_key)
select :users + n, 'crowd-' || n || '@example.org', 'crowd-' || n, 'crowd-' || n
from generate_series(0, {count} - 1) n;
insert into rooms (id, kind) select :users + n, 4 from generate_series(0, {count} - 1) n;
insert into sessions (id, user_id, refresh_seed, expires_at)
select :sessions + n, :users + n, sha256(random()::text::bytea), now() + interval '30 days'
from generate_series(0, {count} - 1) n;
insert into rooms (id, kind) select :dms + n, 1 from generate_series(0, {count} / 2 - 1) n;
insert into dms (room_id, user_lo, user_hi)
select :dms + n, :users + 2 * n, :users + 2 * n + 1 from generate_series(0, {count} / 2 - 1) n;
insert into friendships (user_id, friend_id)
select :users + n, :users + (n # 1) from generate_series(0, {count} - 1) n;
commit;
analyze users, rooms, sessions, dms, friendships;
\\echo :users :sessions
"""

_SERVER = """
begin;
insert into rooms (id, kind) values (hum_id(), 2) returning id as server \\gset
insert into servers (id, owner_id, name, public) values (:server, {owner}, 'Bench', true);
insert into server_members (server_id, user_id)
select :server, {owner} + n from generate_series(0, {count} - 1) n;
commit;
analyze server_members;
\\echo :server
"""


def _b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _sign(kid, secret, user, session):
    now = int(time.time())
    header = {"typ": "JWT", "alg": "HS256", "kid": kid}
    claims = {"iss": "hum", "aud": "hum-mqtt", "sub": str(user), "sid": str(session), "iat": now,
              "exp": now + 30 * 86400}
    text = ".".join(_b64(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{_b64(hmac.digest(secret, text.encode(), 'sha256'))}"


def sign_up_many(hum, count):
    """`count` (even) new users with a session each, as (session, user, token): what they connect
    with."""
    user, session = map(int, hum.sql(_PEOPLE.format(count=count)).split())
    kid, secret = hum.mqtt_key()
    return [(session + n, user + n, _sign(kid, secret, user + n, session + n))
            for n in range(count)]


def found_server(hum, members):
    """The id of a server of these people; the first owns it. Their ids must be consecutive."""
    return int(hum.sql(_SERVER.format(owner=members[0][1], count=len(members))))
