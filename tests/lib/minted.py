"""The tokens in the links of mails, made as the control API makes them: for where no mail is sent."""

import base64
import hmac
import secrets

VERIFY, RESET, CHANGE = 1, 2, 3


def mint(hum, person, purpose, address=None):
    """A token that is good for an hour, for the person's address or another one."""
    seed = secrets.token_bytes(32)
    number = hum.database.value(
        "insert into mail_tokens (user_id, purpose, address, seed, expires_at)"
        " values (%s, %s, %s, %s, now() + interval '1 hour') returning id", person.id, purpose,
        address or person.email, seed)
    key = max((hum.home / "keys" / "mail").glob("*.key")).read_bytes()
    head = int(number).to_bytes(8, "big")
    mac = hmac.digest(key, head + bytes([purpose]) + seed, "sha256")
    return base64.urlsafe_b64encode(head + mac).decode().rstrip("=")
