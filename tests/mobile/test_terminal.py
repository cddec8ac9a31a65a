"""hum-chat in front of a terminal: what one sees."""

import re

import pytest

from lib.mqtt import eventually
from lib.rest import SECRETS, unique

PROMPT = r"^● .*› ?"


@pytest.fixture
def at_terminal(hum, chats, terminal, pair_on):
    """A person in front of a terminal, with the DM open, and a friend who has --plain."""
    alice, bob, dm, a, b = pair_on(hum, chats)
    a.quit()
    screen = terminal(hum, a.name)
    screen.see("dm #")
    screen.line(f"/open {b.name}")
    screen.see(f"── {b.name} ──")
    screen.see(rf"^● {b.name} online")
    return alice, bob, dm, screen, b


def test_signing_up_without_an_echo(hum, terminal):
    screen = terminal(hum)
    screen.see("Welcome to Hum")
    name, password = unique(), f"pass {unique()}"
    SECRETS.add(password)
    screen.line(f"/signup {name}@example.org {name}")
    screen.see("Password:$")
    eventually(lambda: not screen.echoes())
    screen.line(password)
    screen.see("You are signed in")
    screen.see(r"^● › ?$")
    assert password.encode() not in screen.raw
    screen.line("/quit")
    assert screen.end() == 0


def test_pending_sent_read(at_terminal):
    _, _, dm, screen, b = at_terminal
    screen.line("/pause")
    screen.see("^● off")
    screen.line("good morning")
    screen.see(r"you good morning ◌$")
    screen.line("/resume")
    screen.see(r"#1 you good morning ✓$")
    b.hears("good morning")
    b.ask(f"/open {screen.name}", "opened ")
    screen.see(r"#1 you good morning ✓✓$")
    screen.until(lambda text: text.count("good morning") == 1)


def test_a_line_half_typed_stays_whole(at_terminal):
    _, bob, dm, screen, b = at_terminal
    half = "I was about to say something that is longer than one row of this terminal, much longer than that, really"
    screen.keys(half)
    screen.see("really$")
    b.say("interrupted")
    screen.see(r"#1 \S+ interrupted$")
    screen.until(lambda text: text.partition("› ")[2].replace("\n", "") == half)
    screen.keys("\r")
    b.hears(half)
    screen.see(PROMPT + "$")


def test_typing_is_seen(at_terminal, chats):
    _, _, dm, screen, b = at_terminal
    screen.keys("h")
    b.wait(rf"typing {dm} {screen.name}")


def test_edits_and_deletes_are_put_right(at_terminal):
    _, _, dm, screen, b = at_terminal
    b.ask(f"/open {screen.name}", "opened ")
    seq = b.sent(b.say("helo"))
    screen.see(f"{b.name} helo$")
    b.type(f"/edit {seq} hello")
    screen.see(f"{b.name} hello \\(edited\\)$")
    b.type(f"/delete {seq}")
    screen.see(f"{b.name} \\(deleted\\)$")
    screen.until(lambda text: "hel" not in text)


def test_hostile_texts_do_not_move_the_cursor(at_terminal):
    _, bob, dm, screen, b = at_terminal
    before = screen.text().splitlines()[0]
    bob.say(dm, "x\x1b[2J\x1b[H\x1b]0;title\x07\x9b31m\r\x08\x08forged\nsecond \u202eline")
    screen.see(r"x␛\[2J␛\[H␛\]0;title␇�31m␍␈␈forged\n      second line$")
    assert screen.text().splitlines()[0] == before
    assert screen.screen.title == ""


def test_a_window_that_changes_its_size(at_terminal):
    _, _, dm, screen, b = at_terminal
    screen.resize(50, 12)
    for i in range(30):
        b.say(f"line {i} of many")
    screen.see(r"line 29 of many$")
    screen.line("and one of mine")
    screen.see(r"and one of mine ✓+$")

    def in_order(text):
        shown = re.findall(r"line (\d+) of many", text)
        return shown == sorted(set(shown), key=int)

    screen.until(in_order)


def test_the_first_sync_is_seen(hum, chats, terminal):
    """Many rooms: how far it has come stands before the line, and is gone when it is up."""
    alice, others = hum.sign_up(), [hum.sign_up() for _ in range(30)]
    for other in others:
        hum.befriend(other, alice)
        dm = hum.open_dm(other, alice)
        for i in range(3):
            other.say(dm, f"message {i}")
    screen = terminal(hum)
    screen.see("Welcome to Hum")
    screen.line(f"/login {alice.email}")
    screen.see("Password:$")
    screen.line(alice.password)
    screen.see("You are signed in")
    screen.see(r"^● \(90\)› ?$")
    assert re.search("▱ \\d+/31 sync", screen.raw.decode(errors="replace"))
    screen.until(lambda text: not re.search("[▰▱]", text))
    screen.line(f"/open {others[7].nickname}")
    screen.see(f"#3 {others[7].nickname} message 2$")
    screen.see(r"\(87\)› ?$")


def test_ctrl_d_and_the_terminal_is_as_before(at_terminal):
    screen = at_terminal[3]
    screen.keys("\x04")
    assert screen.end() == 0
