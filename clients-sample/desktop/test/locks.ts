// The lease that stands in for Web Locks: one holder at a time, who passes it on, or loses it by not coming back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pause, withLock } from "../src/lib/locks";

const kept = new Map<string, string>();
Object.defineProperty(globalThis, "navigator", { configurable: true, value: {} });
Object.assign(globalThis, {
    localStorage: {
        getItem: (key: string) => kept.get(key) ?? null,
        setItem: (key: string, value: string) => void kept.set(key, value),
        removeItem: (key: string) => void kept.delete(key),
    },
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
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
