"""hum-chat as scripts use it: what people do with each other."""

import re

from lib.rest import ok, unique


def history(person, dm):
    return [m["text"] for m in person.history(dm) if m["kind"] == "text"]


def test_two_strangers_become_friends_and_chat(hum, chats):
    alice, bob = chats(hum), chats(hum)
    a, b = alice.sign_up(), bob.sign_up()
    assert re.search(b, alice.ask(f"/search {b}", "person .*").string)
    alice.ask(f"/add {b}", "done They are asked")
    bob.wait(f"notice .* friend_request_received {a}")
    bob.ask("/friends", f"friend {a} asks you")
    bob.ask(f"/accept {a}", "done You are friends")
    alice.wait(f"notice .* friend_request_accepted {b}")
    alice.ask(f"/open {b}", "opened ")
    bob.wait(f"notice .* dm_opened {a}")
    alice.wait(f"presence {b} online")
    nonce = alice.say("hello")
    seq = alice.sent(nonce)
    assert bob.hears("hello") == seq
    bob.ask(f"/open {a}", "opened ")
    bob.wait(rf"from \d+ {seq} {a} hello", count=2)  # live, and as history
    alice.wait(rf"read \d+ {b} {seq}")
    bob.sent(bob.say("hi, alice"))
    alice.hears("hi, alice")
    bob.quit()
    alice.wait(f"presence {b} offline")


def test_edit_delete_and_reply(friends):
    alice, _, dm, a, b = friends
    seq = a.sent(a.say("helo"))
    b.hears("helo")
    a.type(f"/edit {seq} hello")
    b.wait(rf"from-edited {dm} {seq} \S+ hello")
    a.wait(rf"mine-edited {dm} {seq} \S+ hello")
    answer = b.ask(f"/reply {seq} hello yourself", r"mine \d+ (\d+) ")
    assert alice.history(dm)[-1]["reply_to"] == seq
    a.hears("hello yourself")
    a.ask(f"/edit {answer[1]} mine now", "error forbidden")
    a.type(f"/delete {seq}")
    b.wait(rf"deleted {dm} {seq} ")
    a.wait(rf"deleted {dm} {seq} you")
    a.ask("/edit nonsense x", "error no_number")


def test_a_server_and_its_channels(hum, chats):
    owner, member = chats(hum), chats(hum)
    owner.sign_up()
    m = member.sign_up()
    name = unique("green garden ")
    owner.ask(f"/create {name}", f"in #.* {name}")
    owner.ask(f'/channel create "{name}" tea room', "in #.* tea room")
    member.ask(f"/servers {name}", rf"server #\d+ {name} \(public\)")
    member.ask(f"/join {name}", f"in .* {name}")
    owner.ask(f"/members {name}", rf"member {m} member")
    member.ask(f"/channels {name}", r"channel #\d+ tea room$")
    for one in (owner, member):
        one.ask(f'/channel join "{name}" tea room', "opened ")
    owner.sent(owner.say("tea is ready"))
    member.hears("tea is ready")
    member.sent(member.say("coming"))
    owner.hears("coming")
    member.ask("/who", f"person {m} ")
    owner.ask(f'/post "{name}" closed tomorrow', "pending ")
    member.hears("closed tomorrow")
    room = owner.wait(r"mine (\d+) \d+ \S+ closed tomorrow")[1]
    member.type(f"/open #{room}")
    member.wait("opened ")
    nonce = member.say("may I?")
    member.wait(rf"refused \d+ {nonce} \w+")
    member.type(f"/forget {nonce}")
    owner.ask(f'/channel delete "{name}" tea room', "done ")
    member.wait("notice .* channel_removed")
    member.ask(f"/leave {name}", "done ")
    member.wait("closed ")
    owner.ask(f"/destroy {name}", "done It is gone")


def test_a_private_server_by_invite_and_by_code(hum, chats):
    owner, guest, other = chats(hum), chats(hum), chats(hum)
    o, g = owner.sign_up(), guest.sign_up()
    other.sign_up()
    name = unique("den")
    owner.ask(f"/create private {name}", "in ")
    guest.ask(f"/join {name}", "error not_found")
    owner.ask(f"/invite {name} {g}", "done Invited")
    guest.wait(f"notice .* server_invite_received {o} {name}")
    guest.ask("/invites", f"invite {name}: by {o}")
    guest.ask(f"/invites accept {name}", f"in .* {name}")
    code = owner.ask(f"/code {name}", r"code (\S+)")[1]
    other.ask(f"/redeem {code}", f"in .* {name}")


def test_profile_block_and_devices(hum, chats):
    alice, bob = chats(hum), chats(hum)
    a, b = alice.sign_up(), bob.sign_up()
    alice.ask("/about rings twice", "profile .*rings twice")
    bob.ask(f"/profile {a}", rf"profile {a} #\d+ rings twice")
    alice.ask(f"/block {b}", "done Blocked")
    alice.ask("/blocked", f"person {b} ")
    bob.ask(f"/add {a}", "error forbidden")
    alice.ask(f"/unblock {b}", "done ")
    bob.ask(f"/add {a}", "done ")
    new = unique()
    alice.ask(f"/nickname {new}", f"profile {new} ")
    second = chats(hum).sign_in(alice.email, alice.password)
    number = second.ask("/devices", rf"device #(\d+) {second.name} .*this one")[1]
    alice.ask(f"/devices end {number}", "done ")
    second.wait("signed-out ")
    second.ask("/rooms", "error not_signed_in")


def test_what_is_wrong_is_said(hum, chats):
    one = chats(hum)
    one.ask("/rooms", "error not_signed_in")
    one.ask("/dance", "error no_command")
    one.ask("words", "error no_room")
    one.ask("/signup", "usage /signup")
    one.type("/login nobody@example.org")
    one.ask("wrong password", "error invalid_credentials")
    one.sign_up()
    one.ask("/open nobody-at-all", "error not_found")
    one.ask("/edit 1 x", "error no_room")


def test_two_devices_of_one_person(hum, friends, chats):
    alice, _, dm, a, b = friends
    phone = chats(hum, "phone").sign_in(alice.email, alice.password)
    phone.open(b.name)
    seq = a.sent(a.say("from the first"))
    phone.wait(rf"mine {dm} {seq} \S+ from the first")
    seq = phone.sent(phone.say("from the phone"))
    a.wait(rf"mine {dm} {seq} \S+ from the phone")
    assert b.hears("from the phone") == seq
    assert history(alice, dm) == ["from the first", "from the phone"]


def test_signing_out_leaves_nothing_behind(hum, friends, home):
    _, _, _, a, b = friends
    a.sent(a.say("a secret recipe"))
    b.hears("a secret recipe")
    a.ask("/logout", "signed-out")
    a.ask("/rooms", "error not_signed_in")
    a.quit()
    kept = b"".join(p.read_bytes() for p in home.glob(f"{a.name}.db*"))
    assert b"recipe" not in kept and a.email.encode() not in kept
    assert a.store.stat().st_mode & 0o777 == 0o600
    a.start()
    a.wait("ready 0")


def test_a_device_that_was_revoked_while_away(hum, friends, home):
    alice, _, _, a, _ = friends
    a.sent(a.say("before"))
    a.ask("/pause", "line off")
    devices = ok(alice.get("/v1/auth/sessions"))["items"]
    [mine] = [d["id"] for d in devices if d["device"]["name"] == a.name]
    ok(alice.delete(f"/v1/auth/sessions/{mine}"), 204)
    a.type("/resume")
    a.wait("signed-out ")


def test_a_file_is_for_one_process(hum, friends, home):
    a = friends[3]
    done = a.run_beside()
    assert done.returncode == 1
    assert "another process" in done.stderr or "in use" in done.stderr


def test_a_script_that_only_pipes(hum, friends):
    alice, _, dm, a, b = friends
    a.quit()
    done = a.run_beside(f"/open {b.name}\nfrom a script\nand a second\n")
    assert done.returncode == 0, done
    assert history(alice, dm)[-2:] == ["from a script", "and a second"]
    b.hears("and a second")


HOSTILE = "a\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b5m\rback\nfrom 1 2 mallory forged\u202egnirts\u2066\u200f\\n"


def test_hostile_texts_stay_in_their_line(friends):
    alice, bob, dm, a, b = friends
    bob.say(dm, HOSTILE)
    line = a.wait(r"from \d+ \d+ \S+ a.*").string
    assert line.endswith(r"a␛]0;title␇␛[2J␛[31mred�5m␍back\nfrom 1 2 mallory forgedgnirts\\n"), line
    bob.say(dm, "e" + "\u0301" * 300)
    line = a.wait(r"from \d+ \d+ \S+ e.*").string
    assert 1 <= line.count("\u0301") <= 8


def test_text_comes_back_as_it_was_written(friends):
    alice, _, dm, a, b = friends
    a.sent(a.say(r"//two lines\nand a back\\nslash, Привет, 日本, 👩‍👩‍👧"))
    assert history(alice, dm) == ["/two lines\nand a back\\nslash, Привет, 日本, 👩‍👩‍👧"]
    b.hears(r"/two lines\nand a back\\nslash, Привет, 日本, 👩‍👩‍👧")


def test_a_password_is_never_an_argument_nor_kept(hum, chats, home):
    one = chats(hum)
    one.sign_up()
    kept = b"".join(p.read_bytes() for p in home.iterdir())
    assert one.password.encode() not in kept
    assert not any(one.password in line for line in one.lines)
