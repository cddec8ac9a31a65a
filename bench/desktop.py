#!/usr/bin/env python3
"""Measures the desktop client in Debian's Chromium: what a first visit loads and how long that takes on a slow machine
and line, and how a room of many messages scrolls. Starts an instance of its own.

    python3 bench/desktop.py [MESSAGES]     10000
"""

import concurrent.futures
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))

from lib import spec  # noqa: E402
from lib.browser import Driver  # noqa: E402
from lib.instance import Instance  # noqa: E402

LINES = {  # round trip in ms, bytes a second down
    "loopback": (0, -1),
    "4G (100 ms, 9 Mbit/s)": (100, 9e6 / 8),
    "3G (300 ms, 1.6 Mbit/s)": (300, 1.6e6 / 8),
}
SHOWN = """new Promise((done) => {
    const look = () => document.querySelector('%s') ? requestAnimationFrame(() => done(performance.now())) : setTimeout(look, 5);
    look();
})"""
LOADED = "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation')).reduce((n, one) => n + one.transferSize, 0)"
# A hand that scrolls up without rest: so many pixels a frame, to the first message.
SCROLL = """new Promise((done) => {
    const box = document.querySelector(".messages"), frames = [], nodes = [];
    let before = performance.now(), still = 0;
    const step = (now) => {
        frames.push(now - before);
        before = now;
        if (frames.length % 50 === 0) nodes.push(document.querySelectorAll("*").length);
        still = box.scrollTop === 0 ? still + 1 : 0;
        if (document.querySelector(".beginning")?.textContent.includes("begins") && still > 5) {
            frames.sort((a, b) => a - b);
            const at = (part) => Math.round(frames[Math.floor((frames.length - 1) * part)] * 10) / 10;
            return done({frames: frames.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1), over50: frames.filter((f) => f > 50).length,
                nodes: Math.max(...nodes), heap: Math.round(performance.memory.usedJSHeapSize / 1048576)});
        }
        box.scrollTop -= 200;
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""


def first_visits(hum, person):
    for name, (latency, down) in LINES.items():
        for slowness in (1, 6):
            driver = Driver(hum.http_url)
            page = driver.page("visitor")
            page.cdp("Emulation.setCPUThrottlingRate", {"rate": slowness})
            page.cdp("Network.emulateNetworkConditions", {"offline": False, "latency": latency, "downloadThroughput": down, "uploadThroughput": -1})
            page.goto(f"{hum.http_url}/", {"waitUntil": "commit"})
            form = page.js(SHOWN % "form")
            page.fill('input[name="email"]', person.email)
            page.fill('input[name="password"]', person.password)
            page.js("window.since = performance.now()")
            page.press("Enter")
            # Until one can read and write, and the connection is up.
            usable = page.js(SHOWN % '.connection[data-phase="online"]') - page.js("window.since")
            print(f"{name:26} processor 1/{slowness}: form after {form:5.0f} ms, connected {usable:5.0f} ms after signing in, "
                  f"{page.js(LOADED) / 1024:5.1f} KiB loaded by then", flush=True)
            driver.close()


def scrolling(hum, count):
    alice, bob, dm = hum.pair()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: (alice, bob)[i % 3 == 0].say(dm, f"message {i} " + "with some words in it " * (i % 4)), range(count)))
    driver = Driver(hum.http_url)
    page = driver.page("reader")
    page.sign_in(alice.email, alice.password)
    page.at(f"#/dm/{dm}")
    page.see(".message >> nth=-1")
    for what in ("first time, fetching", "again, from the store"):
        found = page.js(SCROLL)
        print(f"{count} messages, {what}: {found}", flush=True)
        page.reload()
        page.see(".message >> nth=-1")
        page.online()
    driver.close()


def main():
    spec.check_response = lambda *_, **__: None  # the tests look at answers; here they only cost
    hum = Instance()
    try:
        hum.up()
        first_visits(hum, hum.sign_up())
        scrolling(hum, int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    finally:
        hum.remove()


main()
