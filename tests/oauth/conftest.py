"""A provider that lies on demand, and Hum's side of it."""

import pytest

from lib.hostile_idp import HostileIdp
from lib.idp import pkce
from lib.oauth_probe import Probe, write_file

REDIRECT = "http://127.0.0.1:8080/v1/auth/oauth/evil/callback"


@pytest.fixture(scope="session")
def idp():
    with HostileIdp() as made:
        yield made


class Asker:
    """Hum, with a provider of a name, and nothing known of it yet."""

    def __init__(self, idp, path, name="evil", private=True, **more):
        self.idp, self.name = idp, name
        settings = {"id": name, "issuer": idp.issuer, "client_id": idp.client_id, "client_secret": idp.secret, **more}
        self.probe = Probe(write_file(path, [settings]), private)

    def grant(self, nonce="n-1", **changes):
        """A code that the provider has given out for us, and what goes with it."""
        verifier, challenge = pkce()
        return {"code": self.idp.code(challenge, REDIRECT, nonce), "code_verifier": verifier, "redirect_uri": REDIRECT,
                "nonce": nonce, **changes}

    def identity(self, nonce="n-1", **changes):
        return self.probe.call("identity", self.name, **self.grant(nonce, **changes))

    def refused(self, *words, status="invalid_grant", **changes):
        """The sign-in fails, and the operator reads why; without words nobody reads anything."""
        self.probe.reported()
        assert self.identity(**changes) == {"status": status}
        told = self.probe.reported()
        if words:
            assert len(told) == 1 and all(w in told[0] for w in words), told
        else:
            assert told == []


@pytest.fixture
def asker(idp, tmp_path):
    """Makes one; what the provider was told to lie about is forgotten at the end."""
    made = []

    def make(**more):
        made.append(Asker(idp, tmp_path / f"oauth-{len(made)}.json", **more))
        return made[-1]

    yield make
    idp.reset()
    for one in made:
        one.probe.stop()
