"""What a phone's line costs: packets and bytes of the mobile client over MQTT and TLS, beside an app
that polls by HTTPS, through the same HAProxy, on loopback."""

import statistics
import time

import poller
import wire
from brokers import BenchError, Hum, tell
from people import PASSWORD, befriend_in_pairs, call, sign_up
from phone import binding, open_phone
from terminator import Terminator

KEEPALIVE_S = 900  # what the client comes to on a line that lasts
SHORT_S = 4  # what is counted instead, and scaled: a ping is a ping
PINGS = 6
MESSAGES = 10
POLLS = 10
RETURNS = 5
ROOMS = (2, 20, 100)
INTERVALS_S = (30, 60, 300)
TEXT = "I left the keys with the neighbours, the bell is the upper one"


class Scene:
    """A phone's owner and a friend, in a DM; servers, to have more rooms."""

    def __init__(self, bench, hum, folder, terminator):
        self.hum, self.folder, self.terminator = hum, folder, terminator
        self.times = lambda times: max(1, bench.size(times))
        self.reader, self.writer = sign_up(hum.url, 2, folder.name)
        (self.dm,) = befriend_in_pairs(hum.url, [self.reader, self.writer])
        self.seq = 0
        self.servers = []

    def phone(self, name, keepalive_s=0):
        return open_phone(self.folder / name, self.terminator.url, self.terminator.ca_file, keepalive_s)

    def sign_in(self, phone):
        phone.sign_in(self.reader["user"]["email"], PASSWORD)
        phone.until_line(binding.UP)

    def write(self):
        self.seq += 1
        call("POST", f"{self.hum.url}/v1/rooms/{self.dm}/messages",
             {"text": TEXT, "nonce": f"b-{self.seq}"}, self.writer["access_token"])
        return self.seq

    def have_rooms(self, count):
        """The DM and the inbox are two of them."""
        while len(self.servers) < count - 2:
            server = call("POST", f"{self.hum.url}/v1/servers", {"name": f"Garden {len(self.servers)}"},
                          self.writer["access_token"])
            call("PUT", f"{self.hum.url}/v1/servers/{server['id']}/members/me", None,
                 self.reader["access_token"])
            self.servers.append(server["id"])

    def cursors(self):
        rooms = [self.dm, self.reader["user"]["id"], *self.servers]
        return {room: self.seq if room == self.dm else 0 for room in rooms}


def _put(result, key, count, times=1):
    result[f"{key}_bytes"] = count.bytes / times
    result[f"{key}_packets"] = count.packets / times
    tell("battery", f"{key}: {count.bytes / times:,.0f} bytes in {count.packets / times:.1f} packets, "
         f"{count.packets_up / times:.1f} of them up; {count.connections / times:.1f} connections")


def _idle(scene, count, result):
    with scene.phone("idle", SHORT_S) as phone:
        scene.sign_in(phone)
        before = count.settled()
        while (passed := wire.minus(count.settled(), before)).said_up < scene.times(PINGS):
            time.sleep(SHORT_S / 8)
    _put(result, "ping", passed, passed.said_up)
    for key in ("bytes", "packets"):
        for interval in INTERVALS_S:
            # The same line, whatever it is set beside.
            result[f"idle_{interval}_{key}"] = result[f"ping_{key}"] * 3600 / KEEPALIVE_S


def _median(counts):
    return wire.Count(*map(statistics.median, zip(*counts)))


def _each(count, times, act):
    """The median of what `act` costs, each time alone on the line."""
    counts = []
    for _ in range(times):
        before = count.settled()
        act()
        counts.append(wire.minus(count.settled(), before))
    return _median(counts)


def _messages(scene, phone, count, result):
    room = int(scene.dm)
    _put(result, "received", _each(count, scene.times(MESSAGES), lambda: phone.receive(room, scene.write())))

    def send():
        phone.send(room, TEXT)
        scene.seq += 1

    _put(result, "sent", _each(count, scene.times(MESSAGES), send))


def _return(phone, count):
    phone.pause()
    before = count.settled()
    phone.resume()
    return wire.minus(count.settled(), before)


def _reconnects(scene, count, result):
    """Of a phone that has been told of all rooms, and missed nothing."""
    for rooms in ROOMS:
        scene.have_rooms(rooms)
        with scene.phone(f"rooms-{rooms}") as phone:
            scene.sign_in(phone)
            _return(phone, count)
            again = [_return(phone, count) for _ in range(scene.times(RETURNS))]
            _put(result, f"return_{rooms}", _median(again))
            if rooms != ROOMS[1]:
                continue
            phone.pause()
            scene.terminator.restart()
            before = count.settled()
            phone.resume()
            _put(result, f"full_{rooms}", wire.minus(count.settled(), before))


def _phone(scene, count):
    result = {"cpu_elsewhere": 0}  # it is no matter of time
    _idle(scene, count, result)
    with scene.phone("phone") as phone:
        scene.sign_in(phone)
        _messages(scene, phone, count, result)
    _reconnects(scene, count, result)
    return result


def _fresh_poll(line, resume):
    line.connect(resume)
    line.poll()
    line.close()


def _polling(scene, count):
    """Each way, of one poll. A line that is kept costs the polls only; nothing to keep it up is
    counted, which some networks would need."""
    result = {"cpu_elsewhere": 0}
    for rooms in ROOMS:
        cursors = dict(list(scene.cursors().items())[:rooms])
        line = poller.Poller(scene.terminator.https, scene.terminator.ca_file,
                             scene.reader["access_token"], cursors)
        _put(result, f"full_{rooms}", _each(count, 1, lambda: _fresh_poll(line, False)))
        _put(result, f"return_{rooms}", _each(count, scene.times(RETURNS), lambda: _fresh_poll(line, True)))
        line.connect()
        line.poll()
        _put(result, f"kept_{rooms}", _each(count, scene.times(POLLS), line.poll))
        _one_message(scene, line, count, rooms, result)
        line.close()
    for interval in INTERVALS_S:
        way = "kept" if interval <= 60 else "return"
        for key in ("bytes", "packets"):
            result[f"idle_{interval}_{key}"] = result[f"{way}_{ROOMS[1]}_{key}"] * 3600 / interval
    return result


def _one_message(scene, line, count, rooms, result):
    """A poll that brings one message, less one that brings none."""
    scene.write()
    with_one = _each(count, scene.times(POLLS), line.poll)
    for key in ("bytes", "packets"):
        result[f"received_{key}"] = getattr(with_one, key) - result[f"kept_{rooms}_{key}"]


def measure(bench, row):
    terminator = Terminator(bench.folder)
    settings = {"HUM_PUBLIC_URL": terminator.url, "HUM_MQTT_URL": terminator.mqtt_url}
    with Hum(bench.checkout, bench.folder, row.name, **settings) as hum, bench.running(hum):
        try:
            terminator.start(hum.http_port, hum.port)
            return _rounds(bench, hum, terminator)
        except binding.InVain as error:
            raise BenchError(str(error)) from error
        finally:
            terminator.stop()


def _rounds(bench, hum, terminator):
    rounds = {"hum": [], "polling": []}
    for number in range(bench.arguments.rounds):
        folder = bench.folder / f"battery-{number}"
        folder.mkdir()
        with wire.Wire(terminator.https, terminator.mqtts) as count:
            scene = Scene(bench, hum, folder, terminator)
            rounds["hum"].append(_phone(scene, count))
            rounds["polling"].append(_polling(scene, count))
    return rounds
