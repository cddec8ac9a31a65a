// Tokens: renewed in time, once for all who wait, and never with a token that another tab has used up.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Api, ApiError } from "../src/lib/api";
import { backoff } from "../src/lib/locks";
import type { Session } from "../src/lib/types";
import { Vault } from "../src/lib/vault";

// One at a time, as Web Locks are.
let last: Promise<unknown> = Promise.resolve();
Object.defineProperty(globalThis, "navigator", {
    configurable: true,
    value: { locks: { request: (_: string, __: object, work: () => Promise<unknown>) => (last = last.then(work, work)) } },
});

function session(n: number): Session {
    return {
        user: { id: "1", nickname: "a", about: "", avatar_url: null, email: "a@example.org", email_verified: true, created_at: "" },
        session_id: "9", access_token: `access-${n}`, expires_in: 900, refresh_token: `refresh-${n}`,
        mqtt: { client_id: "9", username: "1", password: `mqtt-${n}`, expires_in: 2592000, ws: "ws://127.0.0.1:9001/mqtt" },
    };
}

function memory() {
    const kept = new Map<string, string>();
    return { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v), removeItem: (k: string) => void kept.delete(k) };
}

// A server that knows which access token is good, and rolls refresh tokens.
function server(good = 1) {
    const state = { good, refreshes: 0, calls: 0 };
    const answer = (status: number, body: object) => new Response(JSON.stringify(body), { status });
    const fetcher = async (url: string, init: RequestInit): Promise<Response> => {
        state.calls++;
        if (url === "/v1/auth/refresh") {
            state.refreshes++;
            const { refresh_token } = JSON.parse(init.body as string) as { refresh_token: string };
            if (refresh_token !== `refresh-${state.good}`) return answer(401, { code: "invalid_token" });
            return answer(200, session(++state.good));
        }
        const token = (init.headers as Record<string, string>)["Authorization"];
        return token === `Bearer access-${state.good}` ? answer(200, { id: "1" }) : answer(401, { code: "unauthorized" });
    };
    return { state, fetcher: fetcher as unknown as typeof fetch };
}

test("many calls with a token that has run out renew it once", async () => {
    const { state, fetcher } = server();
    const vault = new Vault(memory());
    vault.set(session(1), Date.now() - 900_000);
    const api = new Api(vault, "", fetcher);
    await Promise.all(Array.from({ length: 20 }, () => api.me()));
    assert.deepEqual([state.refreshes, vault.get()?.session.refresh_token], [1, "refresh-2"]);
});

test("two tabs renew it once", async () => {
    const { state, fetcher } = server();
    const storage = memory();
    new Vault(storage).set(session(1), Date.now() - 900_000);
    const tabs = [new Api(new Vault(storage), "", fetcher), new Api(new Vault(storage), "", fetcher)];
    await Promise.all(tabs.map((tab) => tab.me()));
    assert.equal(state.refreshes, 1);
});

test("a token that the server refuses is renewed, once", async () => {
    const { state, fetcher } = server(1);
    const vault = new Vault(memory());
    vault.set({ ...session(1), access_token: "revoked" });
    await new Api(vault, "", fetcher).me();
    assert.equal(state.refreshes, 1);
});

test("a session that has ended is told, and nothing loops", async () => {
    const { state, fetcher } = server(7);
    const vault = new Vault(memory());
    vault.set(session(1));
    const api = new Api(vault, "", fetcher);
    let ended = 0;
    api.onSignedOut = () => ended++;
    await assert.rejects(api.me(), (error: ApiError) => error.status === 401);
    assert.deepEqual([ended, state.refreshes], [1, 1]);
});

test("calls go out for one session: that of somebody else who has signed in since is not touched", async () => {
    const { state, fetcher } = server();
    const vault = new Vault(memory());
    vault.set(session(1));
    const api = new Api(vault, "", fetcher).of("9");
    let ended = 0;
    api.onSignedOut = () => ended++;
    await api.me();
    vault.set({ ...session(2), session_id: "10" });
    await assert.rejects(api.me(), (error: ApiError) => error.status === 401);
    assert.deepEqual([ended, state.calls, vault.get()?.session.session_id], [1, 1, "10"]);
});

test("new tokens that come after somebody else has signed in are not kept", async () => {
    const { fetcher } = server();
    const vault = new Vault(memory());
    vault.set(session(1), Date.now() - 900_000);
    const api = new Api(vault, "", (async (url: string, init: RequestInit) => {
        const answer = await fetcher(url, init);
        vault.set({ ...session(5), session_id: "10" });
        return answer;
    }) as typeof fetch).of("9");
    await assert.rejects(api.me());
    assert.equal(vault.get()?.session.session_id, "10");
});

test("without an answer nobody is signed out", async () => {
    const vault = new Vault(memory());
    vault.set(session(1), Date.now() - 900_000);
    const api = new Api(vault, "", (() => Promise.reject(new TypeError("no network"))) as unknown as typeof fetch);
    let ended = 0;
    api.onSignedOut = () => ended++;
    await assert.rejects(api.me(), (error: ApiError) => error.code === "offline");
    assert.deepEqual([ended, vault.get()?.session.refresh_token], [0, "refresh-1"]);
});

test("a query reaches the server, in browsers that do not count its parts, too", async () => {
    const urls: string[] = [];
    const size = Object.getOwnPropertyDescriptor(URLSearchParams.prototype, "size")!;
    delete (URLSearchParams.prototype as { size?: number }).size;
    try {
        const vault = new Vault(memory());
        vault.set(session(1));
        const api = new Api(vault, "", (async (url: string) => (urls.push(url), new Response("{}"))) as unknown as typeof fetch);
        await api.messages("5", { before: 7, limit: 100 });
        await api.me();
    } finally {
        Object.defineProperty(URLSearchParams.prototype, "size", size);
    }
    assert.deepEqual(urls, ["/v1/rooms/5/messages?before=7&limit=100", "/v1/users/me"]);
});

test("attempts back off, to 30 seconds, and are spread", () => {
    for (let n = 0; n < 40; n++) {
        const [least, most] = [backoff(n, () => 0), backoff(n, () => 1)];
        assert.ok(most <= 30_000 && least >= most / 2 - 1 && most > least);
        if (n > 0) assert.ok(most >= backoff(n - 1, () => 1));
    }
});
