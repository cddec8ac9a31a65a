// The engine between a broker, REST and the store: what fails is done again, and nothing turns back what is known.
import assert from "node:assert/strict";
import { test } from "node:test";
import { forceCloseDatabase } from "fake-indexeddb";
import { Conversation } from "../src/lib/conversation";
import { loader } from "../src/lib/live";
import { ME, OTHER, World, dm, inbox, kept, notice, sleep, text, until } from "./stand/stand";

const ticks = (world: World) => (world.engine as any).tick();

test("a refresh that fails is done again, and what is new is subscribed", async () => {
    const world = await World.make("stale", [inbox()]);
    world.begin();
    await world.online();
    await until(() => !(world.engine as any).refreshing);
    world.rooms.push(dm());
    world.failing.add("rooms");
    const before = world.calls.length;
    world.line.deliver(`user/${ME}/inbox`, notice(1, "friend_request_accepted"));
    await until(() => world.calls.slice(before).includes("rooms"));
    await sleep(50);
    world.failing.clear();
    await until(async () => (ticks(world), await sleep(50), await world.store.room("5")));
    await until(() => world.line.subscribed.includes("dm/5/messages"));
});

test("a filter that goes on being refused is asked for again", async () => {
    const world = await World.make("refusedfilter");
    world.refuses = (filter) => filter === "dm/5/messages";
    world.begin();
    await world.online();
    const engine = world.engine as any;
    await until(() => engine.staleAt > 0, 15_000);
    world.refuses = () => false;
    await until(async () => (ticks(world), await sleep(50), world.line.subscribed.includes("dm/5/messages")));
    await until(() => engine.staleAt === 0 && engine.failures === 0);
});

test("a refresh that is under way when a line comes up does not stand for one after it", async () => {
    const world = await World.make("after");
    world.begin();
    await world.online();
    const engine = world.engine as any;
    let letGo: (() => void) | undefined;
    const rooms = engine.api.rooms;
    engine.api.rooms = async () => {
        const answer = await rooms();
        await new Promise<void>((resolve) => (letGo = resolve));
        return answer;
    };
    engine.refresh();
    await until(() => letGo);
    world.line.end();
    world.append(); // while there is no line; the answer under way does not know it
    engine.api.rooms = async () => (await sleep(50), rooms());
    await until(() => world.lines.length === 2 && world.state() === "syncing");
    letGo!();
    await world.online();
    assert.equal((await world.store.room("5"))?.high, 1);
});

test("of a channel nobody else's read marks are asked for, or kept", async () => {
    const channel = dm({ id: "9", kind: "channel", topic: "server/7/channel/9" });
    const world = await World.make("marks", [dm(), channel]);
    world.begin();
    await world.online();
    const marks = () => world.line.subscribed.filter((filter) => filter.includes("/read/")).sort();
    await until(() => marks().length === 2);
    assert.deepEqual(marks(), ["dm/5/read/+", `server/7/channel/9/read/${ME}`]);
    world.line.deliver(`server/7/channel/9/read/${OTHER}`, { seq: 3 });
    world.line.deliver(`dm/5/read/${OTHER}`, { seq: 4 });
    await until(async () => (await world.store.room("5"))?.reads[OTHER] === 4);
    assert.deepEqual((await world.store.room("9"))?.reads, {});
});

test("what comes while rooms are merged is not turned back", async () => {
    const many = Array.from({ length: 200 }, (_, i) => dm({ id: String(1000 + i), topic: `dm/${1000 + i}` }));
    const world = await World.make("race", [dm()]);
    for (let n = 1; n <= 10; n++) world.append();
    const answer = [...many, dm({ last_seq: 10 })];
    await world.store.append("5", ME, world.log());
    const merging = world.store.mergeRooms(answer);
    const live = world.store.append("5", ME, [text(11)]);
    await world.store.updateRoom("5", (room) => ({ ...room, reads: { [OTHER]: 9 } }));
    await Promise.all([merging, live]);
    const room = (await world.store.room("5"))!;
    assert.deepEqual([room.high, room.last_seq, room.last?.seq, room.reads], [11, 11, 11, { [OTHER]: 9 }]);
    await world.store.mergeRooms(answer);
    assert.equal((await world.store.room("5"))!.high, 11);
});

test("what was read without a line is told when there is one", async () => {
    const world = await World.make("offline", [dm({ last_seq: 10, read_seq: 8, unread: 2 }), inbox({ last_seq: 3 })]);
    for (let n = 1; n <= 10; n++) world.append();
    for (let n = 1; n <= 3; n++) world.log(ME).push(notice(n, "friend_request_received"));
    world.reachable = false;
    for (const call of ["markRead", "markNotifications"]) world.failing.add(call);
    world.begin();
    await until(() => world.state() === "offline");
    world.hub.tell({ type: "mark", room: "5", seq: 10 });
    world.hub.tell({ type: "mark", room: ME, seq: 3 });
    await until(() => world.calls.includes("markRead") && world.calls.includes("markNotifications"));
    world.reachable = true;
    world.failing.clear();
    world.hub.tell({ type: "wake" });
    await world.online();
    await until(() => world.published.length === 2);
    assert.deepEqual(world.published.sort(), [["dm/5/read", { seq: 10 }], ["rest/inbox/read", { seq: 3 }]]);
});

test("a message that comes while a room is opened does not hide those before it", async () => {
    const world = await World.make("opened", []);
    await world.store.putRoom(kept(dm()), false);
    await world.store.append("5", ME, Array.from({ length: 21 }, (_, n) => text(n + 1)));
    const conversation = new Conversation({ id: ME, hub: world.hub, store: world.store, api: {} } as never, "5");
    const edited = { ...text(21), text: "as it is now" };
    world.hub.tell({ type: "messages", room: "5", shown: [edited] });
    await until(() => conversation.ready.value);
    assert.deepEqual(conversation.shown.value.map(({ seq }) => seq), Array.from({ length: 21 }, (_, n) => n + 1));
    assert.equal((conversation.shown.value.at(-1) as typeof edited).text, "as it is now");
    conversation.close();
});

test("a page that does not go on from what is known is not asked for again and again", async () => {
    const world = await World.make("pages", []);
    await world.store.putRoom({ ...kept(dm({ last_seq: 500 })), low: 461 }, false);
    let asked = 0;
    const api = { messages: async () => (asked++, { items: [text(500)], next: "more" }) };
    const conversation = new Conversation({ id: ME, hub: world.hub, store: world.store, api, outbox: { value: [] } } as never, "5");
    await until(() => conversation.failed.value);
    assert.equal(asked, 1);
    conversation.close();
});

test("a module that could not be fetched is fetched from another address", async () => {
    const asked: string[] = [];
    const load = loader("./mqtt.js?v=1", async (url) => {
        asked.push(url);
        if (asked.length < 3) throw new TypeError("no network");
        return {};
    });
    await assert.rejects(load());
    await assert.rejects(load());
    await load();
    await load();
    assert.deepEqual(asked, ["./mqtt.js?v=1", "./mqtt.js?v=1&try=1", "./mqtt.js?v=1&try=2", "./mqtt.js?v=1&try=2"]);
});

test("a store that fails once loses nothing of what came, in any room", async () => {
    const world = await World.make("quota", [dm(), dm({ id: "6", topic: "dm/6" })]);
    world.begin();
    await world.online();
    const { append } = world.store, { prune } = world.store;
    let pruned = 0;
    world.store.prune = (keep) => (pruned++, prune.call(world.store, keep));
    world.store.append = async () => {
        world.store.append = append;
        throw new DOMException("full", "QuotaExceededError");
    };
    const [one, other] = [world.append(), world.append({ room: "6" })];
    world.line.deliver("dm/5/messages", one);
    world.line.deliver("dm/6/messages", other);
    await until(async () => (ticks(world), await sleep(20), (await world.store.room("5"))?.high === 1 && (await world.store.room("6"))?.high === 1));
    assert.equal(pruned, 1);
});

test("what is pruned is the oldest, and can be fetched again", async () => {
    const { store } = await World.make("prune");
    await store.append("5", ME, Array.from({ length: 30 }, (_, n) => text(n + 1)));
    await store.prune(10);
    assert.deepEqual((await store.window("5", Infinity, 100)).map(({ seq }) => seq), Array.from({ length: 10 }, (_, n) => 21 + n));
    assert.equal((await store.room("5"))?.low, 21);
    await store.prepend("5", ME, [text(19), text(20)], false);
    assert.equal((await store.window("5", Infinity, 100)).length, 12);
});

test("a store that the browser has closed is opened again", async () => {
    const { store } = await World.make("closed");
    forceCloseDatabase((store as any).db);
    await until(() => store.room("5").then(Boolean, () => false));
});

test("what came past a gap while the gap was filled is fetched, too", async () => {
    const world = await World.make("gap");
    world.begin();
    await world.online();
    for (let n = 1; n <= 3; n++) world.append();
    const engine = world.engine as any, { sync } = engine.api;
    engine.api.sync = async (asked: object) => {
        const answer = await sync(asked); // 1 to 3; and then the fifth comes, without the fourth
        engine.api.sync = sync;
        world.append();
        world.line.deliver("dm/5/messages", world.append());
        await until(async () => (await world.store.room("5"))?.last_seq === 5);
        return answer;
    };
    world.line.deliver("dm/5/messages", world.log()[2]);
    await until(async () => (await world.store.room("5"))?.high === 5, 3000);
});
