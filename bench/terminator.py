"""HAProxy in front of a Hum, as people put one there: it ends TLS for HTTPS and for MQTT."""

import datetime
import ipaddress
import shutil
import signal
import socket
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from brokers import BenchError, free_ports

START_S = 60
_CONFIG = """
global
    maxconn 200
    log stdout format raw local0 info
    ssl-default-bind-options ssl-min-ver TLSv1.2
    tune.ssl.lifetime 86400
defaults
    log global
    timeout connect 5s
    timeout client 1400s
    timeout server 1400s
    timeout tunnel 1400s
frontend https
    mode http
    bind 127.0.0.1:{https} ssl crt {folder}/proxy.pem alpn http/1.1
    log-format "https %[ssl_fc_is_resumed]"
    default_backend api
backend api
    mode http
    server hum 127.0.0.1:{http}
frontend mqtts
    mode tcp
    bind 127.0.0.1:{mqtts} ssl crt {folder}/proxy.pem
    log-format "mqtts %[ssl_fc_is_resumed]"
    default_backend broker
backend broker
    mode tcp
    server hum 127.0.0.1:{mqtt}
"""


def _certificate(name, key, issuer, issuer_key, ca, alternative=()):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateBuilder()
               .subject_name(_name(name)).issuer_name(_name(issuer)).public_key(key.public_key())
               .serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(days=1))
               .not_valid_after(now + datetime.timedelta(days=2))
               .add_extension(x509.BasicConstraints(ca, None), critical=True))
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def write_certificates(folder):
    """A chain as public ones have it, but wholly of P-256: a root (ca.pem), and in proxy.pem key,
    leaf and intermediate."""
    root, middle, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    local = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    (folder / "ca.pem").write_bytes(_pem(_certificate("root", root, "root", root, True)))
    pem = leaf.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())
    pem += _pem(_certificate("leaf", leaf, "middle", middle, False, local))
    pem += _pem(_certificate("middle", middle, "root", root, True))
    (folder / "proxy.pem").touch(mode=0o600)
    (folder / "proxy.pem").write_bytes(pem)
    return folder / "ca.pem"


class Terminator:
    def __init__(self, folder):
        self._folder = folder
        self.ca_file = write_certificates(folder)
        self.https, self.mqtts = free_ports(2)
        self.url = f"https://127.0.0.1:{self.https}"
        self.mqtt_url = f"mqtts://127.0.0.1:{self.mqtts}"
        self._process = self._hum = None

    def start(self, http_port, mqtt_port):
        self._hum = http_port, mqtt_port
        program = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
        if program is None:
            raise BenchError("HAProxy is not installed")
        config = self._folder / "haproxy.cfg"
        config.write_text(_CONFIG.format(folder=self._folder, https=self.https, mqtts=self.mqtts,
                                         http=http_port, mqtt=mqtt_port))
        with (self._folder / "haproxy.log").open("a") as log:
            self._process = subprocess.Popen([program, "-db", "-f", config], stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while any(self._refuses(port) for port in (self.https, self.mqtts)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"HAProxy does not start: {self.log()[-500:]}")
            time.sleep(0.05)

    @staticmethod
    def _refuses(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    def log(self):
        return (self._folder / "haproxy.log").read_text(errors="replace")

    def resumed(self, what):
        """How many connections of a kind have ended so far that were resumed, by HAProxy's own word."""
        return self.log().count(f"{what} 1\n")

    def stop(self):
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
            self._process = None

    def restart(self):
        """With new ticket keys: nobody's session is known any more."""
        self.stop()
        self.start(*self._hum)
