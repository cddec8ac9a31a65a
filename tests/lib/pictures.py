"""Pictures of every kind, made and read by an independent library."""

import io
import random
import struct
import zlib

from PIL import Image

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
# Of the four quarters: upper left, upper right, lower left, lower right.
QUARTERS = ((220, 30, 30), (30, 200, 40), (40, 50, 220), (240, 230, 40))

ME = "/v1/users/me/avatar"


def put(person, data, kind="image/png", **kw):
    headers = {"Content-Type": kind} if kind else {}
    return person.call("PUT", ME, data=data, headers=headers, **kw)


def save(image, kind, **kw):
    out = io.BytesIO()
    image.save(out, kind, **kw)
    return out.getvalue()


def plain(kind="PNG", size=(64, 64), color=(200, 30, 40), mode="RGB", **kw):
    return save(Image.new(mode, size, color), kind, **kw)


def quarters(size=(128, 128), mode="RGB"):
    image = Image.new(mode, size)
    width, height = size[0] // 2, size[1] // 2
    for i, color in enumerate(QUARTERS):
        image.paste(color, (i % 2 * width, i // 2 * height, (i % 2 + 1) * width, (i // 2 + 1) * height))
    return image


def noise(size, seed=1):
    """A picture that does not compress."""
    return Image.frombytes("RGB", size, random.Random(seed).randbytes(size[0] * size[1] * 3))


def read(data):
    """An avatar's pixels, once it is what every avatar is."""
    image = Image.open(io.BytesIO(data))
    assert image.format == "WEBP" and image.size == (256, 256), image
    assert not getattr(image, "is_animated", False)
    return image.convert("RGBA")


def chunks(webp):
    """The names of a WebP's chunks."""
    found, at = [], 12
    while at < len(webp):
        size = struct.unpack_from("<I", webp, at + 4)[0]
        found.append(webp[at:at + 4])
        at += 8 + size + size % 2
    return found


def close(pixel, color, by=24):
    return all(abs(a - b) <= by for a, b in zip(pixel, color))


def corners(image):
    """The colours of the four quarters of an avatar."""
    return [image.getpixel((x, y)) for y in (64, 192) for x in (64, 192)]


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(*parts):
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def header(width, height, depth=8, color=2, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))


def riff(*parts):
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff_chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def endless_jpeg():
    """A JPEG of almost a mebibyte that takes a decoder minutes: 4,096 by 4,096 pixels, and some 24 thousand scans that
    each go through all of them and change nothing."""
    def segment(marker, data):
        return bytes([0xff, marker]) + struct.pack(">H", len(data) + 2) + data

    def huffman(table, symbol):  # one code, of one bit
        return segment(0xc4, bytes([table, 1] + [0] * 15 + [symbol]))

    def scan(start, end):
        return segment(0xda, bytes([1, 1, 0, start, end, 0]))

    blocks = 512 * 512
    first = scan(0, 0) + bytes(blocks // 8)
    # Symbol 0xe0 says that nothing follows for 16,384 blocks: with its 14 bits, 16 times.
    others = scan(1, 63) + bytes(30)
    head = (b"\xff\xd8" + segment(0xdb, bytes([0] + [1] * 64)) + segment(0xc2, struct.pack(">BHHB", 8, 4096, 4096, 1)
            + bytes([1, 0x11, 0])) + huffman(0x00, 0x00) + huffman(0x10, 0xe0) + first)
    return head + others * ((1000 * 1024 - len(head)) // len(others)) + b"\xff\xd9"
