"""The mobile client's TLS: whom it believes, and that the server sees its sessions come again."""

import glob
import subprocess
import sys

import pytest

from lib.authority import Authority
from lib.gate import Gate
from lib.instance import ROOT, Instance, build_dir
from lib.mqtt import eventually

sys.path.append(str(ROOT / "clients-sample" / "mobile" / "tests"))

import binding  # noqa: E402

pytestmark = pytest.mark.release_only  # Python cannot load a library that is built for a sanitizer

LIBRARY = build_dir() / "clients-sample" / "mobile" / "libhum.so"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def gates(authority):
    """For REST and for MQTT."""
    pair = Gate(authority.context("rest")), Gate(authority.context("mqtt"))
    yield pair
    for gate in pair:
        gate.close()


@pytest.fixture(scope="module")
def behind(gates):
    rest, mqtt = gates
    instance = Instance(HUM_PUBLIC_URL=f"https://127.0.0.1:{rest.port}",
                        HUM_MQTT_URL=f"mqtts://127.0.0.1:{mqtt.port}")
    try:
        instance.up()
        rest.target, mqtt.target = instance.http_port, instance.mqtt_port
        yield instance
        instance.down()
    finally:
        instance.remove()


@pytest.fixture
def rest(behind, gates):
    return gates[0]


@pytest.fixture
def mqtt(behind, gates, authority):
    yield gates[1]
    gates[1].context = authority.context("mqtt")


@pytest.fixture
def open_phone(behind, gates, authority, tmp_path):
    """Somebody's phone; opened again, the same one."""
    person = behind.sign_up()
    opened = []

    def open_it(ca_file=authority.file, library=LIBRARY):
        new = not (tmp_path / "store").exists()
        url = f"https://127.0.0.1:{gates[0].port}"
        opened.append(binding.Phone(binding.load(library), tmp_path / "store", url, ca_file))
        if new:
            opened[-1].sign_in(person.email, person.password)
        return opened[-1]

    yield open_it
    for phone in opened:
        phone.close()


def test_a_session_is_resumed(mqtt, open_phone):
    phone = open_phone()
    phone.until_line(binding.UP)
    assert mqtt.resumed[-1] is False
    for times in (1, 2):
        phone.pause()
        phone.resume()
        assert mqtt.resumed[-1] is True
        assert phone.figures().tls_resumed == times


def test_also_by_the_next_process(mqtt, open_phone):
    phone = open_phone()
    phone.until_line(binding.UP)
    phone.close()
    phone = open_phone()
    phone.until_line(binding.UP)
    assert mqtt.resumed[-1] is True


def test_not_for_whoever_vouches(mqtt, authority, open_phone, tmp_path):
    """A session belongs to those who were believed when it began."""
    phone = open_phone()
    phone.until_line(binding.UP)
    phone.close()
    same = tmp_path / "the-same.pem"
    same.write_bytes(authority.file.read_bytes())
    phone = open_phone(same)
    phone.until_line(binding.UP)
    assert mqtt.resumed[-1] is False


def test_a_server_that_forgot_is_greeted_anew(mqtt, authority, open_phone):
    phone = open_phone()
    phone.until_line(binding.UP)
    mqtt.context = authority.context("mqtt")  # with new keys for its tickets
    phone.pause()
    phone.resume()
    assert mqtt.resumed[-1] is False
    phone.pause()
    phone.resume()
    assert mqtt.resumed[-1] is True


@pytest.mark.parametrize("impostor", ["another name", "another authority"])
def test_whom_it_does_not_believe(mqtt, authority, open_phone, tmp_path, impostor):
    phone = open_phone()
    phone.until_line(binding.UP)
    if impostor == "another name":
        mqtt.context = authority.context("impostor", host="elsewhere.example")
    else:
        mqtt.context = Authority(tmp_path, "other").context("impostor")
    seen, refused = len(mqtt.resumed), mqtt.refused
    mqtt.cut()
    phone.until_line(binding.AWAY)
    eventually(lambda: mqtt.refused >= refused + 2)
    assert len(mqtt.resumed) == seen
    assert phone.line() in (binding.AWAY, binding.CONNECTING)
    # and believes again whom it knows
    mqtt.context = authority.context("mqtt")
    phone.pause()
    phone.resume()


@pytest.fixture(scope="module")
def with_openssl(tmp_path_factory):
    """The library with a libcurl on OpenSSL, which apps have. Debian's for developers, on GnuTLS, turns tickets off."""
    (curl,) = glob.glob("/usr/lib/*-linux-gnu/libcurl.so.4")
    library = tmp_path_factory.mktemp("openssl") / "libhum.so"
    others = subprocess.run(["pkg-config", "--cflags", "--libs", "libmosquitto", "jansson", "sqlite3", "openssl"],
                            capture_output=True, text=True, check=True).stdout.split()
    sources = glob.glob(str(ROOT / "clients-sample" / "mobile" / "*.c"))
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", '-DHUM_VERSION="0"', "-o", library, *sources, curl,
                    *others, "-lpthread"], check=True)
    return library


def test_rest_resumes_too(rest, open_phone, with_openssl):
    phone = open_phone(library=with_openssl)
    phone.until_line(binding.UP)
    for _ in range(2):
        seen = len(rest.resumed)
        rest.cut()
        assert phone.call("GET", "/users/me") == 200
        assert rest.resumed[seen:] and all(rest.resumed[seen:])
