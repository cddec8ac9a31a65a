"""What each view looks like to axe-core, in light and dark, wide and narrow; nothing serious may be wrong with it. With
HUM_TEST_PICTURES set to a folder, pictures of the views are left there (those of docs/desktop.md were made so)."""

import os
import pathlib

import pytest
from PIL import Image, ImageDraw

from lib import node, pictures
from lib.browser import Driver
from lib.paths import ROOT
from lib.rest import befriend, ok, open_dm
from lib.servers import join, make_channel, make_server

pytestmark = pytest.mark.release_only

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 780}
TALK = [
    (0, "The kettle is on. Are you coming by?"), (1, "In ten minutes!"), (1, "Shall I bring the seedlings? The tomatoes have outgrown the window sill."),
    (0, "Yes please, and the small pots if you still have them."), (0, "There is a list at https://example.org/garden of what we still need."),
    (1, "Read it. I have the twine, but no labels."), (0, "I will cut some from the old yoghurt cups, as every year."),
    (1, "You are a treasure. See you soon."),
]
ROTA = [
    (1, "I can take Monday and Thursday."), (0, "Then Tuesday is mine. Who has the key to the pump?"), (1, "Carol, I think. She had it on the weekend."),
    (1, "And the long hose leaks again, near the third bed."), (0, "There is tape in the shed, on the left."),
]
POSTS = [
    "Welcome! Here is what everybody should know; talk goes on in the channels.",
    "The water is back on from Saturday. Please check the taps of your beds, and tell the channel if one drips.",
    "We got the two apple trees. They go in behind the big shed, as agreed. Bring gloves.",
    "Seed swap on Sunday at three. The list is at https://example.org/seeds",
]
AXE = """axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 200) + " " + node.any.map((a) => a.message)).join(" | ")}`))"""


# What sticks out of the window, or of its own box, although one should be able to read or press it.
OUT = """[...document.querySelectorAll("button, a, h1, h2, input, label, .row")].filter((one) => {
    const {left, right, width} = one.getBoundingClientRect();
    const hidden = getComputedStyle(one).overflowX !== "visible" || one.closest(".hidden, .skip, .tabs");
    return width > 0 && !hidden && (left < -1 || right > innerWidth + 1 || one.scrollWidth > one.clientWidth + 2);
}).map((one) => one.outerHTML.slice(0, 120))"""


def bring_axe(page):
    page.script(str(node.modules(ROOT / "tests" / "browser" / "node", "checkers") / "axe-core" / "axe.min.js"))


def named(hum, name):
    return hum.sign_up(nickname=f"{name}")


def hills(sky, near, far):
    """A small landscape to stand for a face."""
    image = Image.new("RGB", (256, 256), sky)
    draw = ImageDraw.Draw(image)
    draw.ellipse((150, 40, 206, 96), fill=(255, 244, 214))
    draw.ellipse((-120, 130, 200, 420), fill=far)
    draw.ellipse((60, 165, 380, 460), fill=near)
    return pictures.save(image, "PNG")


@pytest.fixture(scope="module")
def village(hum):
    """Some people, with faces and words, and what they have to do with each other."""
    names = ["Alice", "Bob", "Carol", "Dave", "Erin", "Frank"]
    people = [named(hum, name) for name in names]
    alice, bob, carol, dave, erin, frank = people
    for person, colors, about in ((alice, ((233, 178, 140), (150, 74, 60), (196, 120, 84)), "Rings twice."),
                                  (bob, ((150, 192, 214), (40, 84, 100), (74, 130, 150)), "Mostly in the garden"),
                                  (carol, ((214, 220, 170), (74, 104, 60), (130, 152, 92)), "")):
        pictures.put(person, hills(*colors))
        ok(person.patch("/v1/users/me", {"about": about}))
    for other in (bob, carol, dave):
        befriend(alice, other)
    ok(erin.post("/v1/friends/requests", {"user_id": alice.id}), 201)
    dm = open_dm(alice, bob)
    said = [(alice, bob)[who].say(dm, text) for who, text in TALK]
    alice.say(dm, "Mind the step, it is wet.", reply_to=said[-1]["seq"])
    ok(carol.patch(f"/v1/rooms/{(c := open_dm(alice, carol))}/messages/{carol.say(c, 'Chess on thursday')['seq']}", {"text": "Chess on Thursday?"}))
    server = make_server(alice, name="Allotment 12")
    ok(alice.patch(f"/v1/servers/{server['id']}", {"about": "Beds, sheds and who waters when."}))
    for other in (bob, carol, frank):
        join(other, server["id"])
    channels = [make_channel(alice, server["id"], name=name) for name in ("watering", "seed swap", "tools")]
    ok(alice.put(f"/v1/channels/{channels[0]}/members/me"))
    ok(bob.put(f"/v1/channels/{channels[0]}/members/me"))
    for who, text in ROTA:
        (alice, bob)[who].say(channels[0], text)
    for text in POSTS:
        alice.say(server["id"], text)
    return {"alice": alice, "bob": bob, "dm": dm, "server": server["id"], "channel": channels[0], "other": channels[1]}


def views(village):
    server = village["server"]
    return {
        "home": ("#/", ".self"), "conversation": (f"#/dm/{village['dm']}", ".message"), "friends": ("#/friends", ".row"),
        "requests": ("#/friends/requests", ".row"), "find": ("#/friends/find", 'input[type="search"]'),
        "notifications": ("#/notifications", ".row"), "servers": ("#/servers", 'input[type="search"]'),
        "posts": (f"#/server/{server}/posts", ".message"), "server": (f"#/server/{server}", ".server-head"),
        "channel": (f"#/server/{server}/channel/{village['channel']}", ".message"),
        "not-in-channel": (f"#/server/{server}/channel/{village['other']}", "text=You are not in"),
        "members": (f"#/server/{server}/members", ".row"), "profile": ("#/settings/profile", ".picture"),
        "devices": ("#/settings/devices", ".row"), "appearance": ("#/settings/appearance", "fieldset"),
        "account": ("#/settings/account", ".tag"),
    }


@pytest.fixture(scope="module")
def alice(hum, village):
    driver = Driver(hum.http_url)
    page = driver.page("alice")
    person = village["alice"]
    page.sign_in(person.email, person.password)
    page.online()
    bob = driver.page("bob")  # who is there as well, and has read what she said
    bob.sign_in(village["bob"].email, village["bob"].password)
    bob.at(f"#/dm/{village['dm']}")
    bob.see(".message >> nth=-1")
    page.at("#/friends")
    page.see('.row:has-text("Bob") .dot.on')
    bring_axe(page)
    yield page
    assert not driver.trouble()
    driver.close()


def picture(page, name, theme, size):
    folder = os.environ.get("HUM_TEST_PICTURES")
    if folder:
        page.js("new Promise((done) => setTimeout(done, 400))")
        wide = "wide" if size is WIDE else "narrow"
        page.screenshot({"path": str(pathlib.Path(folder) / f"{name}-{theme}-{wide}.png")})


def look(page, name, theme, size):
    page.media({"colorScheme": theme, "reducedMotion": "reduce"})
    page.setViewportSize(size)
    picture(page, name, theme, size)
    wrong = page.js(AXE)
    assert not wrong, f"{name} {theme}: " + "\n".join(wrong)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view(village, alice, theme):
    alice.setViewportSize(WIDE)
    for name, (path, sign) in views(village).items():
        alice.at(path)
        alice.waitForSelector(f"{sign} >> nth=0")
        look(alice, name, theme, WIDE)


def test_narrow(village, alice):
    alice.setViewportSize(NARROW)
    for name in ("home", "conversation", "friends", "server", "channel", "profile", "account"):
        path, _ = views(village)[name]
        alice.at(path)
        alice.waitForSelector(":is(.self, #main h1):visible >> nth=0")
        look(alice, name, "light", NARROW)
        assert alice.js("document.documentElement.scrollWidth - innerWidth") <= 0, name
        assert not alice.js(OUT), name
    look(alice, "account", "dark", NARROW)


def test_longer_words(village, alice):
    """Russian ones are a third longer; they find their place as well."""
    try:
        alice.media({"colorScheme": "light"})
        alice.js("localStorage.setItem('hum.language', 'ru')")
        alice.reload()
        alice.online()
        for name, (path, sign) in views(village).items():
            for size in (WIDE, NARROW):
                alice.setViewportSize(size)
                alice.at(path)
                alice.waitForSelector(".self:visible, #main h1:visible")
                picture(alice, f"ru-{name}", "light", size)
                assert not alice.js(OUT), name
    finally:
        alice.js("localStorage.setItem('hum.language', 'en')")
        alice.reload()
        bring_axe(alice)


def test_dialogs(village, alice):
    alice.setViewportSize(WIDE)
    alice.at(f"#/server/{village['server']}/posts")
    for item in ("Invite people", "New channel", "Server settings", "Delete server"):
        alice.click('.server-head [aria-haspopup="menu"]')
        alice.see("[role=menu]")
        alice.click(f'role=menuitem[name="{item}"]')
        alice.see("dialog[open]")
        look(alice, item.lower().replace(" ", "-"), "light", WIDE)
        alice.press("Escape")
        alice.gone("dialog")
    alice.press("Control+k")
    alice.see("dialog[open]")
    look(alice, "jump", "light", WIDE)
    alice.press("Escape")


def test_the_way_in(hum, alice):
    guest = alice.driver.page("guest")
    guest.at()
    bring_axe(guest)
    for view in ("Sign in", "Create an account"):
        if view != "Sign in":
            guest.button(view)
        for theme, size in (("light", WIDE), ("dark", NARROW)):
            look(guest, view.lower().replace(" ", "-"), theme, size)
