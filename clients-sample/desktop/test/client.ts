// A tab and its session: it works with no other, and its end takes nothing of another along.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Api, ApiError } from "../src/lib/api";
import { Client } from "../src/lib/client";
import { Hub } from "../src/lib/hub";
import { Store } from "../src/lib/store";
import type { Session } from "../src/lib/types";
import { Vault } from "../src/lib/vault";
import { sleep, until, waiting } from "./stand/stand";

const page = new EventTarget();
Object.assign(globalThis, { addEventListener: page.addEventListener.bind(page), removeEventListener: page.removeEventListener.bind(page) });
// Nobody gets the lock: there is no engine here.
Object.defineProperty(globalThis, "navigator", { configurable: true, value: { locks: { request: () => new Promise(() => undefined) } } });

function session(user: string, id = `s${user}`): Session {
    return {
        user: { id: user, nickname: `u${user}`, about: "", avatar_url: null, email: "a@example.org", email_verified: true, created_at: "" },
        session_id: id, access_token: `access-${id}`, expires_in: 900, refresh_token: `refresh-${id}`,
        mqtt: { client_id: id, username: user, password: `mqtt-${id}`, expires_in: 2592000, ws: "ws://127.0.0.1:9001/mqtt" },
    };
}

function browser() {
    const kept = new Map<string, string>();
    const vault = new Vault({ getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => void kept.set(k, v), removeItem: (k) => void kept.delete(k) });
    const asked: string[] = [];
    const answers = { status: 200 };
    const fetcher = (async (url: string, init: RequestInit) => {
        asked.push(`${(init.headers as Record<string, string>)["Authorization"]} ${url}`);
        return new Response(JSON.stringify({ items: [], next: null, code: "unavailable" }), { status: answers.status });
    }) as unknown as typeof fetch;
    return { vault, asked, answers, api: new Api(vault, "", fetcher) };
}

const databases = async () => (await indexedDB.databases()).map(({ name }) => name).sort();

test("when somebody else has signed in, the tab asks nothing in their name, and leaves", async () => {
    const { vault, asked, api } = browser();
    vault.set(session("11"));
    let ended = 0;
    const client = await Client.start(vault, api, () => ended++);
    await client.store.putOutgoing(waiting(1));
    await until(() => asked.length >= 3);
    vault.set(session("12"));
    asked.length = 0;
    client.wake();
    await until(() => ended === 1);
    assert.deepEqual([asked, vault.get()?.session.session_id], [[], "s12"]);
    await until(async () => !(await databases()).includes("hum.11"));
});

test("it hears so at once from the tab where that was", async () => {
    const { vault, api } = browser();
    vault.set(session("13"));
    let ended = 0;
    await Client.start(vault, api, () => ended++);
    page.dispatchEvent(Object.assign(new Event("storage"), { key: Vault.key })); // new tokens of the same session
    assert.equal(ended, 0);
    vault.set(session("14"));
    page.dispatchEvent(Object.assign(new Event("storage"), { key: Vault.key }));
    assert.deepEqual([ended, vault.get()?.session.session_id], [1, "s14"]);
});

test("a late word of a sign-out ends its own session only, and takes nothing from the same person's next one", async () => {
    const { vault, api } = browser();
    vault.set(session("15", "old"));
    let ended = 0;
    const client = await Client.start(vault, api, () => ended++);
    vault.set(session("15", "new"));
    const next = await Client.start(vault, api, () => assert.fail("ended"));
    const other = new Hub("15");
    other.tell({ type: "signed-out", session: "old" });
    await until(() => ended === 1);
    await sleep(50);
    other.close();
    assert.equal(vault.get()?.session.session_id, "new");
    assert.deepEqual([(await databases()).includes("hum.15"), await next.store.outbox()], [true, []]);
    assert.equal(client.api.kept(), null);
    vault.clear();
    next["ended"] = () => undefined;
    next.leave();
});

test("who signs out without being told that it went well is not signed out", async () => {
    const { vault, api, answers } = browser();
    vault.set(session("16"));
    let ended = 0;
    const client = await Client.start(vault, api, () => ended++);
    answers.status = 503;
    await assert.rejects(client.signOut(), (error: ApiError) => error.status === 503);
    assert.deepEqual([ended, vault.get()?.session.session_id], [0, "s16"]);
    answers.status = 200;
    await client.signOut();
    assert.deepEqual([ended, vault.get()], [1, null]);
});

test("what others left in this browser goes when the next one signs in", async () => {
    (await Store.open("17")).close();
    const { vault, api } = browser();
    vault.set(session("18"));
    const client = await Client.start(vault, api, () => undefined);
    await until(async () => !(await databases()).includes("hum.17"));
    assert.ok((await databases()).includes("hum.18"));
    client.leave();
});
