"""Nicknames by RFC 8265: which are one, which are different, which are none."""

import json
import secrets

import pytest

from lib.rest import ok, problem, refused_member, unique

# Another way to write a nickname that must count as the same. {} is a part that makes it unique.
SAME = [
    ("Alice{}", "aLICE{}", "case"),
    ("alice{}", "ａｌｉｃｅ{}", "fullwidth letters"),
    ("alice{}7", "alice{}７", "fullwidth digits"),
    ("カナ{}", "ｶﾅ{}", "halfwidth katakana"),
    ("caf\u00e9{}", "cafe\u0301{}", "combining acute"),
    ("CAF\u00c9{}", "cafe\u0301{}", "combining acute and case"),
    ("\u1e69x{}", "s\u0307\u0323x{}", "marks in another order"),
    ("kelvin{}", "\u212aelvin{}", "Kelvin sign"),
    ("\u00e5ngstrom{}", "\u212bngstrom{}", "Angstrom sign"),
    ("ΣΊΣΥΦΟΣ{}", "σίσυφοσ{}", "Greek case"),
    ("οδος{}", "οδοσ{}", "final sigma"),
    ("ПРИВЕТ{}", "привет{}", "Cyrillic case"),
]

DIFFERENT = [
    ("alice{}", "аlice{}", "Cyrillic a: another letter, as the RFC has it"),
    ("cafe{}", "café{}", "an accent counts"),
    ("strasse{}", "straße{}", "sharp s is a letter"),
    ("a-b{}", "a_b{}", "punctuation counts"),
]

GOOD = ["{}", "Ünïcödé{}", "名前{}", "علي", "שלום", "ไทย{}", "हिन्दी{}", "a.b-c_d{}", "l·l{}", "1{}", "!?{}"]

BAD = {
    "one character": "x", "empty": "", "33 characters": "x" * 33, "very long": "x" * 30000,
    "space": "a b", "space at the end": "ab ", "space in front": " ab", "tab": "a\tb", "line": "a\nb",
    "return": "a\rb", "NUL": "a\u0000b", "escape": "a\u001bb", "delete": "a\u007fb", "C1": "a\u0085b",
    "no-break space": "a\u00a0b", "ideographic space": "a\u3000b", "line separator": "a\u2028b",
    "soft hyphen": "a\u00adb", "zero-width space": "al\u200bice", "zero-width non-joiner": "al\u200cice",
    "zero-width joiner": "al\u200dice", "word joiner": "al\u2060ice", "byte order mark": "\ufeffalice",
    "left-to-right mark": "al\u200eice", "right-to-left mark": "al\u200fice",
    "right-to-left override": "al\u202eice", "left-to-right embedding": "al\u202aice",
    "isolate": "al\u2066ice\u2069", "Arabic letter mark": "al\u061cice",
    "Hangul filler": "al\u3164ice", "halfwidth Hangul filler": "al\uffa0ice",
    "Mongolian vowel separator": "al\u180eice", "variation selector": "al\ufe0fice",
    "tag": "al\U000e0061ice", "combining grapheme joiner": "al\u034fice",
    "a mark in front": "\u0301alice", "marks only": "\u0301\u0302",
    "ligature": "o\ufb03ce", "Roman numeral": "henry\u2163", "circled": "\u24d0lice",
    "superscript": "x\u00b2y", "long s": "\u017fam", "mathematical": "\U0001d41alice",
    "emoji": "\U0001f41fish", "currency": "a€b", "private use": "a\ue000b", "not a character": "a\ufffeb",
    "unassigned": "a\u0378b", "lone surrogate": "a\ud800b", "old hangul": "\u1100\u1161",
    "left to right, then Hebrew": "abcש", "Hebrew, then Latin": "שלוםabc",
    "Arabic digits of two kinds": "ع\u0661\u06f1", "middle dot outside of l": "a·b",
}


def register(hum, nickname):
    body = {"email": f"{unique('m')}@example.org", "password": "12345678", "nickname": nickname}
    # Escaped by json.dumps: a lone surrogate has no UTF-8.
    return hum.rest.call("POST", "/v1/auth/register", data=json.dumps(body),
                         headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("first, second, why", SAME, ids=[row[2] for row in SAME])
def test_two_ways_to_write_one_nickname(hum, alice, first, second, why):
    part = unique("")
    first, second = first.format(part), second.format(part)
    ok(register(hum, first), 201)
    problem(register(hum, second), 409, "nickname_taken")
    items = ok(alice.get("/v1/users/search", nickname=second))["items"]
    # Names of other tests may be similar enough to follow.
    assert [i["nickname"] for i in items if part in i["nickname"]] == [first], "found by either"


@pytest.mark.parametrize("first, second, why", DIFFERENT, ids=[row[2] for row in DIFFERENT])
def test_two_nicknames(hum, first, second, why):
    part = unique("")
    ok(register(hum, first.format(part)), 201)
    ok(register(hum, second.format(part)), 201)


@pytest.mark.parametrize("name", GOOD)
def test_good_nicknames(hum, name):
    name = name.format(unique(""))
    assert ok(register(hum, name), 201)["user"]["nickname"] == name


def test_the_shown_form_is_the_composed_one(hum):
    part = unique("")
    user = ok(register(hum, f"Cafe\u0301{part}"), 201)["user"]
    assert user["nickname"] == f"Caf\u00e9{part}"


@pytest.mark.parametrize("length", [2, 32])
def test_lengths_at_the_bounds(hum, length):
    name = "".join(secrets.choice("一二三四五六七八九十百千山川田木林森火水土金石日月") for _ in range(length))
    assert ok(register(hum, name), 201)["user"]["nickname"] == name


@pytest.mark.parametrize("name", BAD.values(), ids=BAD.keys())
def test_bad_nicknames(hum, alice, name):
    refused_member(register(hum, name), "nickname", name)
    if name != "a\ud800b":  # has no UTF-8
        answer = alice.patch("/v1/users/me", {"nickname": name})
        refused_member(answer, "nickname", name)


@pytest.mark.parametrize("name", [7, True, [], {}, 1.5], ids=repr)
def test_what_is_no_text(hum, name):
    assert "nickname" in problem(register(hum, name), 400, "invalid_request")["fields"]
