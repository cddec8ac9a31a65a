"""Pictures of people: what is taken, what comes out, who sees it, and what becomes of the rest."""

import hashlib
import io
import zipfile
import zlib

import pytest
from PIL import Image, PngImagePlugin

from lib import pictures, raw
from lib.pictures import ME, QUARTERS, TYPES, close, corners, plain, put, quarters, save
from lib.race import race
from lib.rest import ok, problem


def path_of(hum, user):
    """The path of a User's avatar_url, which is one of this instance."""
    assert user["avatar_url"].startswith(hum.http_url + f"/v1/users/{user['id']}/avatar?v="), user
    return user["avatar_url"][len(hum.http_url):]


def fetch(hum, path, **headers):
    return hum.rest.call("GET", path, headers=headers)


def made_of(hum, person, data, kind="image/png"):
    """The avatar that a picture becomes, as pixels."""
    answer = fetch(hum, path_of(hum, ok(put(person, data, kind))))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/webp"), answer.text
    return pictures.read(answer.content)


def refuse(person, data, status, code, kind="image/png"):
    before = ok(person.get("/v1/users/me"))
    answer = put(person, data, kind)
    body = problem(answer, status, code)
    assert ok(person.get("/v1/users/me")) == before
    return body["detail"]


@pytest.fixture(scope="module")
def person(hum):
    return hum.sign_up()


# --- the way of a picture ---


def test_from_upload_to_removal(hum):
    person, other = hum.sign_up(), hum.sign_up()
    assert ok(person.get("/v1/users/me"))["avatar_url"] is None
    problem(fetch(hum, f"/v1/users/{person.id}/avatar"), 404, "not_found")

    user = ok(put(person, plain()))
    assert user == ok(person.get("/v1/users/me"))
    assert ok(other.get(f"/v1/users/{person.id}"))["avatar_url"] == user["avatar_url"]
    answer = fetch(hum, path_of(hum, user))
    assert answer.status_code == 200
    assert close(pictures.read(answer.content).getpixel((128, 128)), (200, 30, 40))

    ok(person.delete(ME), 204)
    ok(person.delete(ME), 204)
    assert ok(person.get("/v1/users/me"))["avatar_url"] is None
    problem(fetch(hum, path_of(hum, user)), 404, "not_found")


def test_it_is_shown_wherever_a_person_is(hum):
    a, b, _ = hum.pair()
    url = ok(put(a, plain()))["avatar_url"]
    assert ok(b.get("/v1/friends"))["items"][0]["user"]["avatar_url"] == url
    assert ok(b.get("/v1/users/search", nickname=a.nickname))["items"][0]["avatar_url"] == url
    assert ok(hum.rest.post("/v1/auth/login", {"email": a.email, "password": a.password}))["user"][
        "avatar_url"] == url
    server = ok(a.post("/v1/servers", {"name": "Club"}), 201)["id"]
    assert ok(a.get(f"/v1/servers/{server}/members"))["items"][0]["user"]["avatar_url"] == url
    ok(a.post(f"/v1/servers/{server}/invites", {"user_id": b.id}), 201)
    assert ok(b.get("/v1/invites"))["items"][0]["from"]["avatar_url"] == url
    channel = ok(a.post(f"/v1/servers/{server}/channels", {"name": "talk"}), 201)["id"]
    ok(a.put(f"/v1/channels/{channel}/members/me"))
    assert ok(a.get(f"/v1/channels/{channel}/members"))["items"][0]["user"]["avatar_url"] == url
    asker = hum.sign_up()
    asker_url = ok(put(asker, plain(color=(1, 2, 3))))["avatar_url"]
    ok(asker.post("/v1/friends/requests", {"user_id": b.id}), 201)
    (request,) = ok(b.get("/v1/friends", state="incoming"))["items"]
    assert request["user"]["avatar_url"] == asker_url


def test_the_event(hum):
    person = hum.sign_up()
    ok(put(person, plain()))
    ok(put(person, plain()))  # the same again is no change
    ok(person.delete(ME), 204)
    ok(person.delete(ME), 204)
    events = hum.database.rows(
        "select data from events where kind = 'UserProfileUpdated' and actor_id = %s and subject_id = %s"
        " order by id", person.id, person.id)
    first, second = (row[0] for row in events)
    assert len(first["avatar"]) == 64 and second == {"avatar": None}


# --- what comes out ---


@pytest.mark.parametrize("kind", TYPES)
def test_each_type(hum, person, kind):
    image = made_of(hum, person, save(quarters(), kind), TYPES[kind])
    assert all(close(pixel, color + (255,)) for pixel, color in zip(corners(image), QUARTERS))


@pytest.mark.parametrize("size", [(300, 100), (100, 300)])
def test_the_middle_is_cropped(hum, person, size):
    source = Image.new("RGB", size, (10, 200, 10))
    source.paste((200, 10, 10), (100 if size[0] > 100 else 0, 100 if size[1] > 100 else 0,
                                 200 if size[0] > 100 else 100, 200 if size[1] > 100 else 100))
    image = made_of(hum, person, save(source, "PNG"))
    for at in ((3, 3), (252, 3), (128, 128), (3, 252), (252, 252)):
        assert close(image.getpixel(at), (200, 10, 10, 255)), at


MODES = {
    "grey": ("L", 120, (120, 120, 120, 255)),
    "grey with alpha": ("LA", (90, 128), (90, 90, 90, 128)),
    "one bit": ("1", 1, (255, 255, 255, 255)),
    "colours with alpha": ("RGBA", (10, 200, 30, 128), (10, 200, 30, 128)),
    "invisible": ("RGBA", (10, 200, 30, 0), None),
}


@pytest.mark.parametrize("mode, color, expected", MODES.values(), ids=MODES)
def test_kinds_of_png(hum, person, mode, color, expected):
    pixel = made_of(hum, person, plain("PNG", mode=mode, color=color)).getpixel((128, 128))
    assert close(pixel, expected) if expected else pixel[3] == 0, pixel


def test_a_png_of_16_bits(hum, person):
    raw_pixels = b"\x00\x40" * 64 * 64
    image = Image.frombytes("I;16", (64, 64), raw_pixels)
    assert close(made_of(hum, person, save(image, "PNG")).getpixel((128, 128)), (64, 64, 64, 255))


def test_a_palette_with_alpha(hum, person):
    image = Image.new("P", (64, 64), 1)
    image.putpalette([0, 0, 0, 250, 20, 20])
    image.paste(0, (0, 0, 64, 32))
    data = save(image, "PNG", transparency=bytes([0, 255]))
    avatar = made_of(hum, person, data)
    assert avatar.getpixel((128, 40))[3] == 0
    assert close(avatar.getpixel((128, 200)), (250, 20, 20, 255))


@pytest.mark.parametrize("mode, color, expected", [("CMYK", (0, 255, 255, 0), (255, 0, 0)),
                                                   ("L", 77, (77, 77, 77))])
@pytest.mark.parametrize("progressive", [False, True])
def test_kinds_of_jpeg(hum, person, mode, color, expected, progressive):
    data = plain("JPEG", mode=mode, color=color, progressive=progressive)
    avatar = made_of(hum, person, data, "image/jpeg")
    assert close(avatar.getpixel((128, 128)), expected + (255,))


@pytest.mark.parametrize("lossless", [False, True])
def test_kinds_of_webp(hum, person, lossless):
    data = plain("WEBP", mode="RGBA", color=(20, 30, 240, 128), lossless=lossless)
    assert close(made_of(hum, person, data, "image/webp").getpixel((128, 128)), (20, 30, 240, 128))


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"minimize_size": True}])
def test_of_an_animation_the_first_frame(hum, person, options):
    frames = [quarters(mode="RGBA"), *(Image.new("RGBA", (128, 128), (0, 0, 0, 255)) for _ in range(3))]
    data = save(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100, **options)
    assert b"ANMF" in data
    image = made_of(hum, person, data, "image/webp")
    assert all(close(pixel, color + (255,)) for pixel, color in zip(corners(image), QUARTERS))


@pytest.mark.parametrize("size", [(16, 16), (4096, 4096), (16, 4096)])
def test_the_smallest_and_the_largest(hum, person, size):
    assert close(made_of(hum, person, plain(size=size)).getpixel((128, 128)), (200, 30, 40, 255))


# --- what does not come out ---


def exif(orientation=None):
    data = Image.Exif()
    data[0x010f] = "Secret Maker"
    gps = data.get_ifd(0x8825)
    gps[1], gps[2] = "N", (51.0, 30.0, 26.0)
    if orientation:
        data[0x0112] = orientation
    return data.tobytes()


@pytest.mark.parametrize("kind", TYPES)
def test_metadata_is_gone(hum, person, kind):
    extra = {"exif": exif()}
    if kind == "PNG":
        extra["pnginfo"] = PngImagePlugin.PngInfo()
        extra["pnginfo"].add_text("Comment", "Secret Maker", zip=False)
        extra["pnginfo"].add_itxt("XML:com.adobe.xmp", "Secret Maker")
    elif kind == "JPEG":
        extra["comment"] = b"Secret Maker"
    else:
        extra["xmp"] = b"<x>Secret Maker</x>"
    data = save(quarters(), kind, **extra)
    assert b"Secret Maker" in data
    ok(put(person, data, TYPES[kind]))
    avatar = fetch(hum, f"/v1/users/{person.id}/avatar").content
    assert b"Secret" not in avatar and b"Exif" not in avatar
    assert set(pictures.chunks(avatar)) <= {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}
    assert not Image.open(io.BytesIO(avatar)).getexif()


# Where the four quarters (0 1 / 2 3) go, as EXIF defines it.
TURNED = {1: (0, 1, 2, 3), 2: (1, 0, 3, 2), 3: (3, 2, 1, 0), 4: (2, 3, 0, 1),
          5: (0, 2, 1, 3), 6: (2, 0, 3, 1), 7: (3, 1, 2, 0), 8: (1, 3, 0, 2)}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", TYPES)
def test_it_is_held_up_as_exif_says(hum, person, kind, orientation):
    data = save(quarters(), kind, exif=exif(orientation))
    image = made_of(hum, person, data, TYPES[kind])
    for pixel, quarter in zip(corners(image), TURNED[orientation]):
        assert close(pixel, QUARTERS[quarter] + (255,))


# --- what is refused ---


OTHERS = {
    "GIF": lambda: save(quarters(), "GIF"),
    "an animated GIF": lambda: save(quarters(), "GIF", save_all=True, append_images=[plain_image()]),
    "BMP": lambda: save(quarters(), "BMP"),
    "TIFF": lambda: save(quarters(), "TIFF"),
    "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "XML": lambda: b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><svg>&y;</svg>',
    "HTML": lambda: b"<!doctype html><script>alert(1)</script>",
    "PDF": lambda: b"%PDF-1.7\n",
    "ELF": lambda: b"\x7fELF" + b"\0" * 60,
    "JSON": lambda: b'{"url":"http://127.0.0.1/"}',
    "a RIFF of sound": lambda: b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 28,
    "one byte": lambda: b"\x89",
    "zeros": lambda: bytes(5000),
}


def plain_image():
    return Image.new("RGB", (128, 128), (1, 2, 3))


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("kind", ["image/png", "image/gif", "image/svg+xml"])
def test_other_formats(person, make, kind):
    refuse(person, make(), 415, "unsupported_media_type", kind)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("declared", [None, "", "image/gif", "image/*", "text/html", "image/pngx", "*/*", "png",
                                      "application/octet-stream", "application/json", "image/svg+xml",
                                      "multipart/form-data; boundary=x",
                                      "application/x-www-form-urlencoded"])
def test_a_content_type_that_is_not_the_pictures(person, kind, declared):
    refuse(person, plain(kind), 415, "unsupported_media_type", declared)


@pytest.mark.parametrize("kind", TYPES)
def test_the_content_type_of_another_picture(person, kind):
    for declared in set(TYPES.values()) - {TYPES[kind]}:
        refuse(person, plain(kind), 415, "unsupported_media_type", declared)


@pytest.mark.parametrize("declared", ["IMAGE/PNG", "image/png; charset=binary", "image/png ;q=1"])
def test_ways_to_name_a_type(person, declared):
    ok(put(person, plain(), declared))


def archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("index.html", "<script>alert(1)</script>")
    return out.getvalue()


TAILS = {"HTML": b"<html><script>alert(1)</script>", "a ZIP": archive(), "a NUL": b"\0", "a line": b"\n",
         "PHP": b"<?php system($_GET[0]); ?>", "another picture": plain("JPEG")}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
@pytest.mark.parametrize("kind", TYPES)
def test_something_behind_the_end(person, kind, tail):
    assert "behind" in refuse(person, plain(kind) + tail, 415, "unsupported_media_type", TYPES[kind])


@pytest.mark.parametrize("kind", TYPES)
def test_something_in_front(person, kind):
    for front in (b"GIF89a", b"<html>", b"\n", b"%PDF-1.4\n", b"PK\x03\x04"):
        refuse(person, front + plain(kind), 415, "unsupported_media_type", TYPES[kind])


def test_nothing_at_all(person):
    assert "empty" in refuse(person, b"", 400, "invalid_request")


@pytest.mark.parametrize("kind", TYPES)
def test_cut_anywhere(person, kind):
    whole = save(quarters(), kind)
    for end in sorted({3, 8, 12, 20, 30, 40, len(whole) // 2, len(whole) - 20, len(whole) - 2, len(whole) - 1}):
        answer = put(person, whole[:end], TYPES[kind])
        assert answer.status_code in (400, 415), (end, answer.text)
        problem(answer, answer.status_code, {400: "invalid_request", 415: "unsupported_media_type"}[
            answer.status_code])


@pytest.mark.parametrize("kind", TYPES)
def test_damaged_anywhere(hum, person, kind):
    """Each either is decoded after all, or refused by name."""
    whole = bytearray(save(pictures.noise((48, 48)), kind))
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        damaged = bytearray(whole)
        damaged[at] ^= 0xff
        answer = put(person, bytes(damaged), TYPES[kind])
        assert answer.status_code in (200, 400, 415), (at, answer.text)
    assert hum.rest.get("/health/live").status_code == 200


@pytest.mark.parametrize("size, detail", [((15, 64), "fewer"), ((64, 1), "fewer"), ((4097, 16), "more"),
                                          ((16, 5000), "more")])
@pytest.mark.parametrize("kind", TYPES)
def test_too_small_or_too_big(person, kind, size, detail):
    assert detail in refuse(person, plain(kind, size=size), 400, "invalid_request", TYPES[kind])


def test_a_bomb_is_not_decoded(person):
    """A lot of zeros behind a header of a size that is refused, and behind one that does not tell of them."""
    zeros = zlib.compress(bytes(64 << 20), 9)
    for width, height in ((30000, 30000), (2**31 - 1, 2**31 - 1), (0, 0), (2**32 - 1, 64)):
        bomb = pictures.png(pictures.header(width, height), pictures.chunk(b"IDAT", zeros),
                            pictures.chunk(b"IEND", b""))
        refuse(person, bomb, 400, "invalid_request")
    # More data than a picture of that size has: what is too much is not read.
    bomb = pictures.png(pictures.header(64, 64), pictures.chunk(b"IDAT", zeros), pictures.chunk(b"IEND", b""))
    assert put(person, bomb).status_code in (200, 400)


def test_a_webp_whose_parts_disagree(person):
    """The size that counts is the bitstream's; headers that name a smaller one would hide it."""
    still = plain("WEBP", size=(2000, 2000))
    bitstream = still[12:]
    canvas = pictures.riff_chunk(b"VP8X", bytes([0, 0, 0, 0]) + (63).to_bytes(3, "little") * 2)
    refuse(person, pictures.riff(canvas, bitstream), 400, "invalid_request", "image/webp")
    frame = bytes(6) + (63).to_bytes(3, "little") * 2 + bytes(4) + bitstream
    animation = pictures.riff(canvas[:8] + b"\x02" + canvas[9:], pictures.riff_chunk(b"ANIM", bytes(6)),
                              pictures.riff_chunk(b"ANMF", frame))
    refuse(person, animation, 400, "invalid_request", "image/webp")


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 3_000_000])
def test_more_than_a_mebibyte(hum, person, size):
    for kind in ("image/png", "text/plain"):
        problem(put(person, bytes(size), kind), 413, "too_large")


def test_a_mebibyte(hum, person):
    """Exactly as much as is taken: the rest of a small picture is a chunk that nobody needs."""
    small = plain()
    rest = 1024 * 1024 - len(small) - 12
    whole = small[:-12] + pictures.chunk(b"prIv", bytes(rest)) + small[-12:]
    assert len(whole) == 1024 * 1024
    made_of(hum, person, whole)


def test_it_needs_a_sign_in(hum):
    for method in ("PUT", "DELETE"):
        problem(hum.rest.call(method, ME, data=plain(), headers={"Content-Type": "image/png"}), 401,
                "unauthorized")


# --- who is served ---


def test_etag_and_cache(hum):
    person = hum.sign_up()
    path = path_of(hum, ok(put(person, plain())))
    answer = fetch(hum, path)
    tag = answer.headers["ETag"]
    assert tag == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    bare = path.split("?")[0]
    for other in (bare, bare + "?v=", bare + "?v=0000000000000000", path[:-1], path + "x",
                  bare + "?v=" + "a" * 500, bare + "?V=" + tag):
        assert fetch(hum, other).headers["Cache-Control"] == "public, max-age=300", other
    assert "immutable" in fetch(hum, f"{bare}?v={tag.strip(chr(34))}").headers["Cache-Control"]
    head = hum.rest.call("HEAD", path)
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", tag)


@pytest.mark.parametrize("form, status", [
    ("{tag}", 304), ("W/{tag}", 304), ("*", 304), ('"x", {tag}', 304), ('"x",W/{tag} , "y"', 304),
    ('"x"', 200), ("{bare}", 200), ("", 200), (",,", 200), ("W/", 200), ('{tag}"', 200), ("**", 200),
])
def test_if_none_match(hum, person, form, status):
    path = path_of(hum, ok(put(person, plain())))
    tag = fetch(hum, path).headers["ETag"]
    answer = fetch(hum, path, **{"If-None-Match": form.format(tag=tag, bare=tag.strip('"'))})
    assert (answer.status_code, answer.headers["ETag"]) == (status, tag)
    assert (answer.content == b"") == (status == 304)
    assert "immutable" in answer.headers["Cache-Control"]


def test_another_picture_has_another_address(hum, person):
    first = ok(put(person, plain(color=(1, 2, 3))))
    second = ok(put(person, plain(color=(200, 2, 3))))
    assert first["avatar_url"] != second["avatar_url"]
    assert "immutable" not in fetch(hum, path_of(hum, first)).headers["Cache-Control"]


@pytest.mark.parametrize("query", ["?v=%00", "?v=a&v=b", "?v=%ff"])
def test_a_version_that_is_none(hum, person, query):
    ok(put(person, plain()))
    answer = raw.request(hum, "GET", f"/v1/users/{person.id}/avatar{query}")
    raw.problem(answer, 400, "invalid_request")


# --- what is kept ---


def kept(hum, *tags):
    return hum.database.value("select count(*) from avatars where encode(hash, 'hex') = any (%s)",
                              [tag.strip('"') for tag in tags])


def tag_of(hum, person):
    return fetch(hum, f"/v1/users/{person.id}/avatar").headers["ETag"]


def test_one_picture_is_kept_once_and_goes_with_its_last_user(hum):
    people = [hum.sign_up() for _ in range(3)]
    for one in people:
        ok(put(one, plain(color=(77, 88, 99))))
    (tag,) = {tag_of(hum, one) for one in people}
    assert kept(hum, tag) == 1
    ok(people[0].delete(ME), 204)
    ok(put(people[1], plain(color=(99, 88, 77))))
    assert kept(hum, tag) == 1
    assert tag_of(hum, people[2]) == tag
    ok(people[2].delete(ME), 204)
    assert kept(hum, tag) == 0


def test_two_people_race_for_the_same_pictures(hum):
    """However they meet, what somebody shows is there, and what nobody shows is gone."""
    people = [hum.sign_up() for _ in range(4)]
    pair = [plain(color=(5, 120, 200)), plain(color=(200, 120, 5))]
    ok(put(people[0], pair[0]))
    ok(put(people[1], pair[1]))
    tags = [tag_of(hum, one) for one in people[:2]]
    for turn in range(6):
        calls = []
        for i, one in enumerate(people):
            calls.append(lambda one=one, i=i: put(one, pair[(i + turn) % 2]))
            calls.append(lambda one=one: one.delete(ME))
        answers = race(*calls)
        assert {a.status_code for a in answers} <= {200, 204, 503}, [a.text for a in answers]
        shown = {fetch(hum, f"/v1/users/{one.id}/avatar").headers.get("ETag") for one in people}
        assert kept(hum, *tags) == len(shown - {None})
        assert hum.database.value("select count(*) from avatars a where not exists"
                                  " (select from users where avatar_hash = a.hash)") == 0
    for one in people:
        ok(one.delete(ME), 204)
    assert kept(hum, *tags) == 0
