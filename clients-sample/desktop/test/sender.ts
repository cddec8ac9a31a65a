// The outbox: what waits is in the log in its order, once, and gone from the outbox, whatever happens on the way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ME, OTHER, World, dm, kept, sleep, text, until, waiting, type FakeLine } from "./stand/stand";

// A broker that takes a burst and then so many a second, as the real one does; an Error that is one too many closes the line.
function limited(world: World, burst: number, aSecond: number, errors = 30) {
    const counts = { tokens: burst, errors, refused: 0, closed: 0, at: performance.now() };
    world.onPublish = (line: FakeLine, topic, payload) => {
        if (!topic.endsWith("/send")) return;
        const now = performance.now();
        counts.tokens = Math.min(burst, counts.tokens + ((now - counts.at) * aSecond) / 1000);
        counts.at = now;
        const [, room] = topic.split("/");
        const { nonce } = JSON.parse(payload);
        if (counts.tokens >= 1) {
            counts.tokens--;
            const echo = world.append({ room: room!, from: ME, nonce });
            setTimeout(() => line.deliver(`dm/${room}/messages`, echo), 2);
        } else if (counts.refused++, counts.errors-- > 0) {
            setTimeout(() => line.deliver(`user/${ME}/errors`, { room, nonce, code: "rate_limited", retry_after_ms: 1000 / aSecond }), 1);
        } else {
            counts.closed++;
            line.end();
        }
    };
    return counts;
}

const nonces = (world: World, room = "5") => world.log(room).map((item) => (item.kind === "text" ? item.nonce : ""));

test("more than the burst, in several rooms: in order, with few refusals, over one connection", async () => {
    const world = await World.make("burst", ["5", "6", "7"].map((id) => dm({ id, topic: `dm/${id}` })));
    for (let n = 0; n < 90; n++) await world.store.putOutgoing(waiting(n, { room: ["5", "6", "7"][n % 3]! }));
    const counts = limited(world, 20, 200);
    world.begin();
    await until(async () => (await world.store.outbox()).length === 0);
    for (const [i, room] of ["5", "6", "7"].entries()) {
        assert.deepEqual(nonces(world, room), Array.from({ length: 30 }, (_, n) => `mine-${n * 3 + i}`));
    }
    assert.deepEqual([world.lines.length, counts.closed], [1, 0]);
    assert.ok(counts.refused < 90, `${counts.refused} refusals`);
});

test("a refused one is not passed by those behind it, but another room is not held up by one without an echo", async () => {
    const world = await World.make("order", [dm(), dm({ id: "6", topic: "dm/6" })]);
    for (let n = 0; n < 3; n++) await world.store.putOutgoing(waiting(n));
    await world.store.putOutgoing(waiting(3, { room: "6" }));
    world.begin();
    const sends = () => world.published.filter(([topic]) => topic.endsWith("/send")).map(([, { nonce }]) => nonce);
    await until(() => sends().length === 2);
    assert.deepEqual(sends(), ["mine-0", "mine-3"]);
    world.line.deliver(`user/${ME}/errors`, { room: "5", nonce: "mine-0", code: "unavailable", retry_after_ms: 20 });
    await until(() => sends().length === 3);
    assert.equal(sends()[2], "mine-0");
    world.line.deliver("dm/5/messages", world.append({ from: ME, nonce: "mine-0" }));
    await until(() => sends().length === 4);
    assert.equal(sends()[3], "mine-1");
});

test("one that is refused for good is said so, and those behind it go", async () => {
    const world = await World.make("refused");
    for (let n = 0; n < 2; n++) await world.store.putOutgoing(waiting(n));
    world.begin();
    await until(() => world.published.length === 1);
    world.line.deliver(`user/${ME}/errors`, { room: "5", nonce: "mine-0", code: "forbidden" });
    await until(() => world.published.length === 2);
    assert.deepEqual((await world.store.outbox()).map((item) => item.failed), ["forbidden", undefined]);
});

test("connections that do not last are not made again at once", async () => {
    const world = await World.make("storm");
    world.begin();
    for (let n = 1; n <= 3; n++) {
        await until(() => world.lines.length === n && world.state() === "online");
        world.line.end();
        await until(() => world.state() === "offline");
    }
    const offline = world.hub.notes.findLast((note) => note.type === "state");
    assert.ok(offline?.type === "state" && offline.state.retryAt! - Date.now() > 900, "the third wait is a second at least");
});

test("one whose echo lies in a piece that was skipped is found there, and nothing of it is sent again", async () => {
    const world = await World.make("far");
    for (let n = 1; n <= 10; n++) world.append();
    await world.store.putRoom(kept(dm({ last_seq: 10, read_seq: 10 })), false);
    await world.store.putOutgoing(waiting(1));
    world.append({ from: ME, nonce: "mine-1" }); // committed; the line went before the echo came
    for (let n = 12; n <= 500; n++) world.append();
    world.begin();
    await until(async () => (await world.store.outbox()).length === 0);
    assert.deepEqual([world.sent, world.published.filter(([topic]) => topic.endsWith("/send")), world.log().length], [["mine-1"], [], 500]);
});

test("one that was never sent goes out in a room that was begun anew, too", async () => {
    const world = await World.make("far-new");
    for (let n = 1; n <= 500; n++) world.append();
    await world.store.putRoom(kept(dm(), 10), false);
    await world.store.putOutgoing(waiting(1));
    world.begin();
    await until(async () => (await world.store.outbox()).length === 0);
    assert.equal((await world.store.window("5", Infinity, 1))[0]?.seq, 501);
    assert.equal(nonces(world)[500], "mine-1");
});

test("own texts leave the outbox wherever they turn up: again, or on a page further up", async () => {
    const world = await World.make("anywhere");
    const { store } = world;
    await store.putRoom({ ...kept(dm({ last_seq: 20 })), low: 11 }, false);
    for (const n of [1, 2]) await store.putOutgoing(waiting(n));
    const done = await store.append("5", ME, [text(5, { from: ME, nonce: "mine-1" }), text(9, { nonce: "mine-2", from: OTHER })]);
    assert.deepEqual([done?.echoed, (await store.outbox()).map((item) => item.nonce)], [["mine-1"], ["mine-2"]]);
    await store.prepend("5", ME, [text(9), text(10, { from: ME, nonce: "mine-2" })], false);
    assert.deepEqual(await store.outbox(), []);
});

test("without an echo it is sent again, and then asked for", async () => {
    const world = await World.make("echo");
    await world.store.putOutgoing(waiting(1));
    world.begin();
    await until(() => world.published.length === 1);
    const sender = (world.engine as any).sender;
    sender.tick(performance.now() + 16_000);
    await until(() => world.published.length === 2);
    world.append({ from: ME, nonce: "mine-1" });
    sender.tick(performance.now() + 16_000);
    await until(() => world.sent.length === 1);
    await until(async () => (await world.store.outbox()).length === 0);
    await sleep(20);
    assert.deepEqual([world.published.length, world.log().length, (await world.store.room("5"))?.high], [2, 1, 1]);
});
