"""The journal's files as an outsider reads and writes them: what broker-plugin/record.h describes."""

import struct
from dataclasses import dataclass

MAGIC = 0x4A4D5548
MARK = MAGIC.to_bytes(4, "little")
HEADER = struct.Struct("<IIIHHqqqq")
ALIGN = 8
CRC_AT, CRC_FROM = 4, 8  # where the checksum stands, and from where it counts


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


@dataclass
class Record:
    room: int
    sender: int
    nonce: bytes
    text: bytes
    reply_to: int = 0
    accepted_at: int = 1_700_000_000_000
    path: object = None  # where it was found
    offset: int = 0
    size: int = 0

    def pack(self, position):
        used = HEADER.size + len(self.nonce) + len(self.text)
        size = -(-used // ALIGN) * ALIGN
        data = bytearray(HEADER.pack(MAGIC, 0, size, len(self.nonce), len(self.text), self.room, self.sender,
                                     self.reply_to, self.accepted_at))
        data += self.nonce + self.text + bytes(size - used)
        data[CRC_AT:CRC_FROM] = struct.pack("<I", crc32c(struct.pack("<Q", position) + data[CRC_FROM:]))
        return bytes(data)


def segments(folder):
    return sorted(folder.glob("*.seg"))


def start_of(path):
    return int(path.stem, 16)


def _find(data, start, at, check):
    """The record at or behind a place: (place, fields), or None."""
    while (at := data.find(MARK, at)) >= 0:
        if at % ALIGN == 0 and at + HEADER.size <= len(data):
            fields = HEADER.unpack_from(data, at)
            size = fields[2]
            if HEADER.size <= size <= len(data) - at and (
                    not check or fields[1] == crc32c(struct.pack("<Q", start + at) + data[at + CRC_FROM : at + size])):
                return at, fields
        at += 1
    return None


def records(folder):
    """All whole records, in order."""
    found = []
    for path in segments(folder):
        data, at = path.read_bytes(), 0
        while hit := _find(data, start_of(path), at, True):
            at, (_, _, size, nonce, text, room, sender, ref, when) = hit
            body = data[at + HEADER.size : at + size]
            found.append(Record(room, sender, body[:nonce], body[nonce : nonce + text], ref, when, path, at, size))
            at += size
    return found


def committed(folder):
    """The position before which everything is committed."""
    data = (folder / "mark").read_bytes()
    position, crc = struct.unpack_from("<QI", data)
    return position if crc == crc32c(data[:8]) else 0


def empty(folder):
    """Whether nothing waits."""
    mark = committed(folder)
    for path in segments(folder):
        try:
            data = path.read_bytes()
        except FileNotFoundError:  # taken back meanwhile
            continue
        if _find(data, start_of(path), max(0, mark - start_of(path)), False):
            return False
    return True


def append(folder, record):
    """Writes a record behind the last one. The broker must be down."""
    last = records(folder)[-1]
    offset = last.offset + last.size
    data = record.pack(start_of(last.path) + offset)
    assert offset + len(data) <= last.path.stat().st_size, "no room behind the last record"
    patch(last.path, offset, data)


def patch(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def flip(path, offset, bit):
    with open(path, "r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


def tear(path, offset):
    """As if all from there on had never reached the disk."""
    size = path.stat().st_size
    patch(path, offset, bytes(size - offset))
