"""What passes over loopback to and from some TCP ports: packets and bytes as IP has them.

A packet socket (root, or CAP_NET_RAW) sees every frame of the loopback interface twice, going out and
coming in; those coming in are counted. Loopback never cuts a segment, a mobile network does: what is
longer than SEGMENT counts as so many packets, each with headers of its own.
"""

import collections
import ctypes
import errno
import socket
import struct

SEGMENT = 1348  # of TCP's bytes, as on a path of 1,400 with timestamps
QUIET_S = 0.3  # longer than a delayed acknowledgement (40 ms, 200 ms at most)
_ETH_P_IP = 0x0800
_PACKET_HOST = 0
_SOL_PACKET, _PACKET_STATISTICS, _SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 263, 6, 26, 33

Count = collections.namedtuple("Count", "packets bytes packets_up bytes_up said_up connections")
NOTHING = Count(0, 0, 0, 0, 0, 0)


def minus(later, earlier):
    return Count(*(a - b for a, b in zip(later, earlier)))


def _filter(ports):
    """Classic BPF: TCP over IPv4 with one of the ports at either end; else nothing is copied."""
    load = [(0x30, 0, 0, 9), (0x15, 0, 0xFF, 6), (0xB1, 0, 0, 0)]  # protocol, TCP?, X = header's length
    tests = [[(0x48, 0, 0, at)] + [(0x15, "yes", 0, port) for port in ports] for at in (0, 2)]
    program = load + tests[0] + tests[1] + [(0x06, 0, 0, 0), (0x06, 0, 0, 0x40000)]
    yes, no = len(program) - 1, len(program) - 2
    lines = []
    for number, (code, jt, jf, value) in enumerate(program):
        jt = yes - number - 1 if jt == "yes" else jt
        jf = no - number - 1 if jf == 0xFF else jf
        lines.append(struct.pack("HBBI", code, jt, jf, value))
    return b"".join(lines), len(lines)


class Wire:
    """Counts from its start to its end. `watched` are the ports of servers: what goes to them is up. The
    kernel keeps what passed until it is looked at; too much of it, and the next look is an error."""

    def __init__(self, *watched):
        self.watched = frozenset(watched)
        self._counts = {port: NOTHING for port in watched}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
        self._attach()
        self._socket.bind(("lo", _ETH_P_IP))
        self._socket.settimeout(QUIET_S)

    def _attach(self):
        program, length = _filter(sorted(self.watched))
        buffer = ctypes.create_string_buffer(program)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER,
                                struct.pack("HL", length, ctypes.addressof(buffer)))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 16 << 20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _take(self, frame):
        header = (frame[0] & 15) * 4
        total, = struct.unpack_from("!H", frame, 2)
        source, target = struct.unpack_from("!HH", frame, header)
        overhead = header + (frame[header + 12] >> 4) * 4
        packets = max(1, -(-(total - overhead) // SEGMENT))
        size = total + (packets - 1) * overhead
        up = target in self.watched
        said = up and total > overhead  # bytes of TCP's, and no bare acknowledgement
        begun = up and frame[header + 13] & 0x12 == 0x02  # SYN
        port = target if up else source
        had = self._counts[port]
        self._counts[port] = Count(had.packets + packets, had.bytes + size, had.packets_up + packets * up,
                                   had.bytes_up + size * up, had.said_up + said, had.connections + begun)

    def settled(self, *ports):
        """The counts of these ports, or all, once nothing has passed for QUIET_S."""
        try:
            while True:
                frame, address = self._socket.recvfrom(128)
                if address[2] == _PACKET_HOST:
                    self._take(frame)
        except TimeoutError:
            self._check()
        counts = [self._counts[port] for port in ports or self.watched]
        return Count(*(sum(values) for values in zip(*counts)))

    def _check(self):
        """Nothing was missed since the last look."""
        told = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        if struct.unpack("II", told)[1]:
            raise OSError(errno.ENOBUFS, "packets were not counted: the machine is too busy")
