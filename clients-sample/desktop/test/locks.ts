// The lease that stands in for Web Locks: one holder at a time, who passes it on, or loses it by not coming back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pause, withLock } from "../src/lib/locks";
import { until } from "./stand/stand";

const kept = new Map<string, string>();
Object.defineProperty(globalThis, "navigator", { configurable: true, value: {} });
const page = new EventTarget(); // what a tab hears
Object.assign(globalThis, {
    localStorage: {
        getItem: (key: string) => kept.get(key) ?? null,
        setItem: (key: string, value: string) => void kept.set(key, value),
        removeItem: (key: string) => void kept.delete(key),
    },
    addEventListener: page.addEventListener.bind(page),
    removeEventListener: page.removeEventListener.bind(page),
});

test("one at a time, and everybody in the end", async () => {
    let inside = 0, most = 0, done = 0;
    await Promise.all(Array.from({ length: 6 }, () => withLock("a", async () => {
        most = Math.max(most, ++inside);
        await pause(20);
        inside--;
        done++;
    })));
    assert.deepEqual([most, done, kept.size], [1, 6, 0]);
});

test("work that fails lets go, and says how", async () => {
    await assert.rejects(withLock("b", () => Promise.reject(new Error("no"))), /no/);
    assert.equal(await withLock("b", async () => 7), 7);
});

test("a holder that is gone is waited for until its lease ends", async () => {
    kept.set("hum.lock.c", `somebody ${Date.now() + 300}`);
    const before = Date.now();
    await withLock("c", async () => undefined);
    assert.ok(Date.now() - before >= 290);
});

test("who does not want to wait any more does not get it", async () => {
    kept.set("hum.lock.d", `somebody ${Date.now() + 60_000}`);
    const stop = new AbortController();
    const waiting = withLock("d", async () => assert.fail("not held"), stop.signal);
    stop.abort();
    await assert.rejects(waiting);
    assert.ok(kept.get("hum.lock.d")!.startsWith("somebody"));
});

// Another tab takes what has run out.
function taken(key: string): string {
    const theirs = `another ${Date.now() + 60_000}`;
    kept.set(key, theirs);
    return theirs;
}

const lost = (held: AbortSignal) => until(() => held.aborted);

test("a holder that was too slow hears of it, and leaves the other one's lease alone", async () => {
    let theirs = "";
    await withLock("e", async (held) => {
        theirs = taken("hum.lock.e");
        page.dispatchEvent(Object.assign(new Event("storage"), { key: "hum.lock.e" }));
        await lost(held);
    });
    assert.equal(kept.get("hum.lock.e"), theirs);
});

test("it sees so itself when it is to renew it, or its page is shown again", async () => {
    for (const [name, wake] of [["f", () => undefined], ["g", () => page.dispatchEvent(new Event("pageshow"))]] as const) {
        let theirs = "";
        await withLock(name, async (held) => {
            theirs = taken(`hum.lock.${name}`);
            wake();
            await lost(held);
        });
        assert.equal(kept.get(`hum.lock.${name}`), theirs);
    }
});

test("a page that is put away lets go, and its work ends", async () => {
    await withLock("h", async (held) => {
        page.dispatchEvent(new Event("pagehide"));
        assert.ok(held.aborted);
        assert.equal(kept.has("hum.lock.h"), false);
    });
});

test("who is told to stop, stops", async () => {
    const stop = new AbortController();
    await withLock("i", async (held) => {
        stop.abort();
        assert.ok(held.aborted);
    }, stop.signal);
});
