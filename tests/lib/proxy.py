"""Debian's HAProxy with the sample configuration, in front of an instance."""

import base64
import functools
import hashlib
import os
import socket
import ssl
import subprocess
import time

import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lib.instance import free_ports
from lib.paths import ROOT

CONFIGURATION = ROOT / "deploy" / "haproxy.cfg"
AS_ROOT = ("user ", "group ", "chroot ")


def configuration():
    """As it is for root; for anybody else without the lines that need root."""
    lines = CONFIGURATION.read_text().splitlines(keepends=True)
    return "".join(ln for ln in lines if os.geteuid() == 0 or not ln.strip().startswith(AS_ROOT))


def key_of(certificate):
    """The hash by which Chromium knows a key."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes().partition(b"END PRIVATE KEY-----")[2].strip()).public_key()
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


class Proxy:
    """Stands where an instance does for lib/mqtt and lib/raw: its ports are those behind TLS."""

    host = "127.0.0.1"

    def __init__(self, folder, authority, **settings):
        """settings: of the configuration. Before the instance, which has to be told the ports."""
        self.http_port, self.mqtt_port, self.plain_port = free_ports(3)
        self.ws_port = self.http_port
        self.url = f"https://{self.host}:{self.http_port}"
        self.ca_file = str(authority.file)
        self.tls = ssl.create_default_context(cafile=self.ca_file)
        certificate = authority.certificate("proxy")
        self.key = key_of(certificate)
        self.folder = folder
        self.settings = {
            "PROXY_CERTIFICATE": certificate, "PROXY_BIND": self.host, "PROXY_CONNECTIONS": 400,
            "PROXY_HTTP_PORT": self.plain_port, "PROXY_HTTPS_PORT": self.http_port, "PROXY_MQTTS_PORT": self.mqtt_port,
            **settings}
        self.process = None

    def up(self, **behind):
        """behind: where the instance listens."""
        file = self.folder / "haproxy.cfg"
        file.write_text(configuration())
        env = {k: str(v) for k, v in {"PATH": "/usr/sbin:/usr/bin:/bin", **self.settings, **behind}.items()}
        with open(self.folder / "haproxy.log", "wb") as log:
            self.process = subprocess.Popen(["haproxy", "-db", "-f", file], env=env, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, self.log()
            try:
                self.dial(self.http_port, 60).close()
                return self
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.02)

    def down(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)

    def log(self):
        return (self.folder / "haproxy.log").read_text(errors="replace")

    def bare(self, port, timeout=60, source="127.0.0.1"):
        """A connection before TLS. source: an address of the loopback, all of which are ours to call from."""
        return socket.create_connection((self.host, port), timeout, (source, 0))

    def dial(self, port, timeout=60, source="127.0.0.1", session=None):
        return self.tls.wrap_socket(self.bare(port, timeout, source), server_hostname=self.host, session=session)

    def at(self, source):
        """The proxy as somebody else calls it."""
        return _At(self, source)

    @functools.cached_property
    def http(self):
        session = requests.Session()
        session.verify = self.ca_file
        return session


class _At:
    def __init__(self, proxy, source):
        self.host, self.http_port = proxy.host, proxy.http_port
        self.dial = functools.partial(proxy.dial, source=source)
