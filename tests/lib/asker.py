"""Hum as the client of the provider that lies."""

from lib.idp import pkce
from lib.oauth_probe import Probe, write_file

REDIRECT = "http://127.0.0.1:8080/v1/auth/oauth/evil/callback"


class Asker:
    """Hum, with a provider of a name, and nothing known of it yet."""

    def __init__(self, idp, path, name="evil", private=True, **more):
        self.idp, self.name, self.told = idp, name, 0
        settings = {"id": name, "issuer": idp.issuer, "client_id": idp.client_id, "client_secret": idp.secret, **more}
        self.probe = Probe(write_file(path, [settings]), private)

    @classmethod
    def of(cls, idp, probe, name):
        """One of several that a running Hum has."""
        made = cls.__new__(cls)
        made.idp, made.name, made.probe, made.told = idp, name, probe, 0
        return made

    def grant(self, nonce="n-1", **changes):
        """A code that the provider has given out for us, and what goes with it."""
        verifier, challenge = pkce()
        return {"code": self.idp.code(challenge, REDIRECT, nonce), "code_verifier": verifier, "redirect_uri": REDIRECT,
                "nonce": nonce, **changes}

    def identity(self, nonce="n-1", **changes):
        return self.probe.call("identity", self.name, **self.grant(nonce, **changes))

    def start(self):
        return self.probe.start("identity", self.name, **self.grant())

    def refused(self, *words, status="invalid_grant", **changes):
        """The sign-in fails, and the operator reads why; without words nobody reads anything."""
        self.told += len(self.probe.reported())
        assert self.identity(**changes) == {"status": status}
        told = self.probe.reported()
        self.told += len(told)
        if words:
            assert len(told) == 1 and all(w in told[0] for w in words), told
        else:
            assert told == []
