"""A mail server for the tests: aiosmtpd with STARTTLS by a certificate authority of its own. It hands over the mails
as they come, and misbehaves on request."""

import asyncio
import collections
import contextlib
import email
import email.policy
import pathlib
import re
import shutil
import socket
import tempfile
import threading
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from lib import rest
from lib.authority import Authority
from lib.instance import Instance, free_ports

WAIT_S = 60  # for a mail; it comes within half a second unless the machine is busy
LINK = re.compile(r"^(http\S+)#token=(\S+)$", re.M)


class Mail:
    """As it came: the envelope, the bytes, and what they say."""

    def __init__(self, envelope, peer_name):
        self.to = envelope.rcpt_tos
        self.sender = envelope.mail_from
        self.raw = envelope.content
        self.greeting = peer_name
        self.message = email.message_from_bytes(self.raw, policy=email.policy.default)
        self.text = self.message.get_content().replace("\r\n", "\n")
        self.subject = self.message["Subject"]
        found = LINK.search(self.text)
        self.link, self.token = (found[0], found[2]) if found else (None, None)
        if self.token:
            rest.SECRETS.add(self.token)


class _Handler:
    def __init__(self, server):
        self.server = server

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        return await self._step("RCPT", address) or self._take(envelope, address)

    @staticmethod
    def _take(envelope, address):
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):
        answer = await self._step("DATA", envelope.rcpt_tos[0])
        if answer in (None, "drop the answer"):
            self.server.take(Mail(envelope, session.host_name))
        return answer or "250 OK"

    async def _step(self, command, address):
        """What to answer instead of doing it, if anything."""
        self.server.seen(command, address)
        answer = self.server.answers.get(command)
        if answer == "hang":
            while self.server.answers.get(command) == "hang":
                await asyncio.sleep(0.05)
            return "421 4.3.2 was asleep"
        return answer


class _Smtp(SMTP):
    """Drops the connection where it is told to."""

    async def push(self, status):
        if isinstance(status, str) and status.startswith("drop"):
            self.transport.abort()
            return
        await super().push(status)


class _Controller(Controller):
    def factory(self):
        return _Smtp(self.handler, **self.SMTP_kwargs)


class MailServer:
    """Listens on a port that stays the same. answers: what to say at "RCPT" or "DATA" instead of taking the mail: a
    line, "drop" to end the connection ("drop the answer": the mail is taken all the same), "hang" to say nothing until that is taken back."""

    USER, PASSWORD = "hum", "sw@rd:fish/5%?#x"  # with all that has to be escaped in a URL

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hum-mail-"))
        self.folder.chmod(0o755)  # the daemons' user reads the authority's certificate there
        self.ca, self.other_ca = Authority(self.folder), Authority(self.folder, "other")
        (self.port,) = free_ports(1)
        self.answers = {}
        self.seen_commands = collections.deque(maxlen=10000)
        self._mails = []
        self._came = threading.Condition()
        self._controller = None
        rest.SECRETS.add(self.PASSWORD)

    # --- what it is ---

    @property
    def url(self):
        return f"smtp://{self.USER}:sw%40rd%3Afish%2F5%25%3F%23x@localhost:{self.port}"

    @property
    def settings(self):
        return {"HUM_SMTP_URL": self.url, "HUM_SMTP_CA_FILE": self.ca.file, "HUM_MAIL_FROM": "hum@example.org"}

    def start(self, tls="right"):
        """tls: right, none (no STARTTLS), implicit (smtps), or a certificate that is not to be trusted: stranger (of
        another authority), other (for another host), old."""
        self.stop()
        context = {
            "none": lambda: None,
            "stranger": lambda: self.other_ca.context("stranger"),
            "other": lambda: self.ca.context("other", host="mail.example.org"),
            "old": lambda: self.ca.context("old", days=-1),
        }.get(tls, lambda: self.ca.context("right"))()
        how = {"ssl_context": context} if tls == "implicit" else {
            "tls_context": context, "require_starttls": context is not None}
        self._controller = _Controller(
            _Handler(self), hostname="127.0.0.1", port=self.port, ready_timeout=WAIT_S, timeout=600,
            authenticator=self._sign_in, auth_required=True, auth_require_tls=tls not in ("none", "implicit"), **how)
        self._controller.start()
        return self

    def stop(self):
        if self._controller:
            self._controller.stop()
            self._controller = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _sign_in(self, _server, _session, _envelope, _mechanism, data):
        self.seen("AUTH", data.login.decode())
        if (data.login.decode(), data.password.decode()) == (self.USER, self.PASSWORD):
            return AuthResult(success=True)
        return AuthResult(success=False, handled=False)

    # --- what came ---

    def seen(self, command, word):
        with self._came:
            self.seen_commands.append((command, word))
            self._came.notify_all()

    def take(self, mail):
        with self._came:
            self._mails.append(mail)
            self._came.notify_all()

    def wait_for_command(self, command, word):
        """Waits until a client has sent it."""
        with self._came:
            assert self._came.wait_for(lambda: (command, word) in self.seen_commands, WAIT_S), \
                f"no {command} {word}: {list(self.seen_commands)}"

    def wait(self, to, subject=None):
        """The next mail to an address, taken out of what came."""
        def find():
            return next((m for m in self._mails if to in m.to and subject in (None, m.subject)), None)

        with self._came:
            assert self._came.wait_for(find, WAIT_S), f"no mail to {to}: {[m.to for m in self._mails]}"
            mail = find()
            self._mails.remove(mail)
            return mail

    def to(self, address):
        """What is there for an address, now."""
        with self._came:
            return [m for m in self._mails if address in m.to]


class Silent:
    """Something that takes connections on a port and says nothing."""

    def __init__(self, port):
        self.socket = socket.create_server(("127.0.0.1", port), backlog=100)
        self.taken = threading.Event()
        self._open = []
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self):
        with contextlib.suppress(OSError):
            while True:
                self._open.append(self.socket.accept()[0])
                self.taken.set()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._thread.join()
        for connection in self._open:
            connection.close()


def instance(server, **settings):
    """An instance, not started yet, that sends its mails there."""
    return Instance(**{**server.settings, **settings})


def emptied(hum):
    """Waits until no mail waits to be sent."""
    deadline = time.monotonic() + WAIT_S
    while hum.database.value("select count(*) from mails"):
        assert time.monotonic() < deadline, hum.database.rows("select kind, address, tries from mails")
        time.sleep(0.02)
