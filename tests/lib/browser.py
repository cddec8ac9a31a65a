"""People in front of Debian's Chromium, by tests/node/drive.js."""

import itertools
import json
import os
import select
import subprocess
import time

from lib import node
from lib.rest import SECRETS, Rest, ok, unique

ANSWER_S = 120


def newcomer():
    """What somebody who is new here fills in."""
    name = unique()
    person = {"nickname": name, "email": f"{name}@example.org", "password": f"pass {name} word"}
    SECRETS.add(person["password"])
    return person


class Driver:
    """One Chromium; what its pages complain of is in trouble(). key: the hash of a server's key (SPKI) that is trusted."""

    def __init__(self, origin, language="en", key=None):
        self.origin = origin
        env = {k: v for k, v in os.environ.items() if not k.startswith(("HUM_", "NODE_"))}
        self.process = subprocess.Popen(["node", node.FOLDER / "drive.js", origin, language, *filter(None, [key])],
                                        text=True, bufsize=1, env={**env, "NODE_PATH": str(node.modules())},
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ids = itertools.count(1)
        self._line()

    def _line(self):
        deadline = time.monotonic() + ANSWER_S
        while not select.select([self.process.stdout], [], [], 1)[0]:
            assert time.monotonic() < deadline, "the browser does not answer"
        line = self.process.stdout.readline()
        assert line, "the browser has ended"
        return json.loads(line)

    def call(self, who, call, *args):
        number = next(self.ids)
        self.process.stdin.write(json.dumps({"id": number, "who": who, "call": call, "args": args}) + "\n")
        answer = self._line()
        assert answer["id"] == number, answer
        if "error" in answer:
            raise AssertionError(f"{who}: {call}{args}: {answer['error']}")
        return answer["result"]

    def trouble(self):
        return self.call("", "trouble")

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def page(self, who):
        return Page(self, who)


class Page:
    """One tab: what playwright's Page can do, and what people do with Hum."""

    def __init__(self, driver, who):
        self.driver, self.who = driver, who

    def __getattr__(self, call):
        return lambda *args: self.driver.call(self.who, call, *args)

    def see(self, selector):
        """Waits until something is there to be seen."""
        self.waitForSelector(selector)

    def gone(self, selector):
        self.waitForSelector(selector, {"state": "hidden"})

    def at(self, path=""):
        self.goto(f"{self.driver.origin}/{path}")

    def link(self, name):
        self.click(f'role=link[name="{name}"]')

    def button(self, name):
        self.click(f'role=button[name="{name}"]')

    # --- Hum ---

    def sign_up(self, person):
        """person: nickname, email, password."""
        self.at()
        self.button("Create an account")
        self.fill('input[name="email"]', person["email"])
        self.fill('input[name="password"]', person["password"])
        self.fill('input[name="nickname"]', person["nickname"])
        self.click('form button[type="submit"]')
        self.see(".self")

    def sign_in(self, email, password):
        self.at()
        self.fill('input[name="email"]', email)
        self.fill('input[name="password"]', password)
        self.click('form button[type="submit"]')
        self.see(".self")

    def enter(self, person):
        """What signing in leaves behind, without the form."""
        body = {"email": person.email, "password": person.password, "device": {"name": "Chrome, Linux", "kind": "desktop"}}
        session = ok(Rest(person.url, http=person.http).post("/v1/auth/login", body))
        SECRETS.update([session["access_token"], session["refresh_token"], session["mqtt"]["password"]])
        now = time.time() * 1000
        kept = {"session": session, "access_until": now + session["expires_in"] * 1000,
                "mqtt_until": now + session["mqtt"]["expires_in"] * 1000}
        self.at("desktop/icon.svg")  # of the same origin, and no tab of the client
        self.js(f"localStorage.setItem('hum.session', {json.dumps(json.dumps(kept))})")
        self.at()
        self.see(".self")
        self.online()

    def online(self):
        self.waitForSelector('.connection[data-phase="online"]', {"state": "attached"})

    def offline_seen(self):
        self.waitForSelector('.connection[data-phase="offline"]', {"state": "attached"})

    def say(self, text):
        self.fill(".composer textarea", text)
        self.press("Enter")

    def message(self, text):
        return f'.message:has(.text:text-is("{text}"))'

    def hears(self, text):
        self.see(self.message(text))

    def sent(self, text, status="sent"):
        """Waits until a message of one's own has come back; or, status "read", has been read."""
        states = [".status.read"] if status == "read" else [".status.sent", ".status.read"]
        self.see(", ".join(f"{self.message(text)} {state}" for state in states))

    def messages(self):
        return [text.strip() for text in self.texts(".message .text")]
