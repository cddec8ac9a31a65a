"""People who talk in DMs, signed up over REST as any client would; credentials for hum-load."""

import json
import secrets
import urllib.error
import urllib.request

from brokers import BenchError

TIMEOUT_S = 30
# Of everybody in this run.
PASSWORD = secrets.token_urlsafe(16)
# Whatever proxy the caller's environment names: this stays on the machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(method, url, body=None, token=None):
    """What REST answers; None for an empty answer."""
    request = urllib.request.Request(url, method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with _direct.open(request, timeout=TIMEOUT_S) as answer:
            text = answer.read()
            return json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        raise BenchError(f"{method} {url} answered {error.code}: {text}") from error


def sign_up(url, count, name="bench"):
    """Sessions of `count` new users, who are called after `name`."""
    return [call("POST", f"{url}/v1/auth/register",
                 {"email": f"{name}-{number}@example.org", "password": PASSWORD,
                  "nickname": f"{name}-{number}"})
            for number in range(count)]


def sign_in(url, person):
    """Another session of somebody who has signed up."""
    return call("POST", f"{url}/v1/auth/login",
                {"email": person["user"]["email"], "password": PASSWORD})


def befriend_in_pairs(url, people):
    """Makes the first and second friends, the third and fourth and so on; the ids of their DMs."""
    rooms = []
    for one, other in zip(people[::2], people[1::2]):
        call("POST", f"{url}/v1/friends/requests", {"user_id": other["user"]["id"]},
              one["access_token"])
        call("POST", f"{url}/v1/friends/requests/{one['user']['id']}/accept", None,
              other["access_token"])
        room = call("POST", f"{url}/v1/dms", {"user_id": other["user"]["id"]},
                     one["access_token"])
        rooms.append(room["id"])
    return rooms


def dm_members(people, rooms):
    """For write_credentials: those whom befriend_in_pairs brought together."""
    return [(person["mqtt"]["client_id"], person["mqtt"]["username"], person["mqtt"]["password"],
             rooms[number // 2]) for number, person in enumerate(people)]


def write_credentials(folder, brokers, name, members):
    """hum-load's file for each broker: the same ids, the password only where it is asked for."""
    for broker in brokers:
        path = folder / f"{broker.name}-{name}.credentials"
        path.touch(mode=0o600)
        with path.open("w") as file:
            for client_id, username, password, room in members:
                file.write(f"{client_id} {username} "
                           f"{password if broker.mode == 'hum' else '-'} {room}\n")
        broker.credentials[name] = path
