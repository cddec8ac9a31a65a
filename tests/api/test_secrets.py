"""Passwords and tokens stay out of logs, command lines and answers. The end of every test run looks
through the logs for all that was used (tests/conftest.py); this adds what goes wrong on purpose."""

from lib import jwts, processes, raw
from lib.rest import ok, unique

MARK = "swordfish"


def test_what_goes_wrong_is_not_logged_with_its_secret(hum):
    person = hum.sign_up()
    secret = unique(MARK)
    token = f"{person.token[:-60]}{secret}{person.token[-10:]}"
    login = {"email": person.email, "password": secret}
    hum.rest.post("/v1/auth/login", login)
    hum.rest.post("/v1/auth/login", {**login, "email": f"{secret}@example.org"})
    hum.rest.post("/v1/auth/register", {**login, "nickname": unique()})  # email_taken
    hum.rest.post("/v1/auth/register", {**login, "email": "no address"})
    hum.rest.post("/v1/auth/refresh", {"refresh_token": secret})
    hum.rest.call("GET", "/v1/users/me", headers={"Authorization": f"Bearer {token}"})
    hum.rest.get(f"/v1/users/me?access_token={secret}")
    hum.rest.get(f"/v1/{secret}")
    raw.request(hum, "GET", f"/{secret} {secret}")
    raw.request(hum, "POST", "/v1/auth/login", f'{{"password":"{secret}"'.encode())
    raw.exchange(hum, f"BAD {secret}\r\n{secret}\r\n\r\n".encode(), close=True)
    person.post("/v1/rooms/1/messages", {"nonce": "n", "text": secret})
    hum.settle()
    for part in ("api", "mosquitto", "postgres"):
        assert secret not in hum.log(part), part


def test_codes_and_queries_are_not_logged(hum):
    """An invite code stands in a path, and lets whoever reads it in."""
    owner, guest = hum.sign_up(), hum.sign_up()
    server = ok(owner.post("/v1/servers", {"name": "Club"}), 201)["id"]
    code = ok(owner.post(f"/v1/servers/{server}/invite-codes", {}), 201)["code"]
    secret = unique(MARK)
    guest.post(f"/v1/invite-codes/{secret}/redeem")
    guest.get(f"/v1/invite-codes/{code}/redeem")
    guest.get(f"/v1/invite-codes/{code}")
    guest.get(f"/v1/users/{code}")
    guest.get(f"/v1/users/me?{code}={secret}")
    guest.call(secret, f"/v1/invite-codes/{code}/redeem")
    raw.request(hum, "GET", "/v1/users/me", token=guest.token, headers=[f"X-Request-Id: {secret} {code}"])
    ok(guest.post(f"/v1/invite-codes/{code}/redeem"))
    hum.settle()
    for part in ("api", "mosquitto", "postgres"):
        assert secret not in hum.log(part) and code not in hum.log(part), part


def test_what_people_write_is_not_logged(people, hum):
    a, b, dm = people
    secret = unique(MARK)
    a.say(dm, f"the password is {secret}")
    a.say(dm, secret, nonce="n")
    a.say(dm, secret, nonce="n")
    ok(b.patch("/v1/users/me", {"about": secret}))
    b.get("/v1/users/search", nickname=secret)
    a.post("/v1/friends/requests", {"nickname": secret})
    hum.settle()
    for part in ("api", "mosquitto", "postgres"):
        assert secret not in hum.log(part), part


def test_command_lines_hold_no_secret(hum):
    secrets = [p.read_text().strip() for p in (hum.home / "secrets").iterdir()]
    kid, key = jwts.mqtt_key(hum)
    secrets += [key.hex(), jwts.b64(key), hum.sign_up().token]
    lines = processes.command_lines()
    assert [line for line in lines.values() if str(hum.home) in line]
    for secret in secrets:
        assert not [line for line in lines.values() if secret in line]


def test_answers_hold_no_hash_and_no_seed(hum):
    person = hum.sign_up()
    stored = hum.database.value("select hash from user_passwords where user_id = %s", person.id)
    seed = hum.database.value("select encode(refresh_seed, 'hex') from sessions where id = %s", person.sid)
    for answer in (person.get("/v1/users/me"), hum.sign_up().get(f"/v1/users/{person.id}"),
                   person.get("/v1/rooms"), person.get("/v1/friends", state="all")):
        assert "argon2" not in answer.text and stored not in answer.text and seed not in answer.text


def test_the_private_keys_are_in_no_answer(hum):
    answer = hum.rest.get("/.well-known/jwks.json").text
    for path in (hum.home / "keys").rglob("*.key"):
        assert jwts.b64(path.read_bytes()) not in answer
    for path in (hum.home / "keys" / "api").glob("*.jwk"):
        private = jwts.json.loads(path.read_text())["d"]
        assert private not in answer
