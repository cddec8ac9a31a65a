// What stands around the engine in these tests: a store in memory, a hub of one tab, a line whose other end the test is.
import "fake-indexeddb/auto";
import { afterEach } from "node:test";
import { Engine } from "../../src/lib/engine";
import type { Note } from "../../src/lib/hub";
import { Live } from "../../src/lib/live";
import { Store, type Outgoing, type RoomState } from "../../src/lib/store";
import type { Message, Notification, Room, TextMessage } from "../../src/lib/types";

export const ME = "1", OTHER = "2";
export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(what: () => unknown, ms = 10_000): Promise<void> {
    for (const end = Date.now() + ms; !(await what());) {
        if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
        await sleep(5);
    }
}

export function text(seq: number, over: Partial<TextMessage> = {}): TextMessage {
    return { room: "5", seq, id: String(100 + seq), kind: "text", from: OTHER, nonce: `n${seq}`, text: `text ${seq}`, sent_at: "2026-01-31T09:30:00.125Z", ...over };
}

export const notice = (seq: number, kind: string) =>
    ({ room: ME, seq, id: String(900 + seq), kind, data: {}, sent_at: "2026-01-31T09:30:00.125Z" }) as unknown as Notification;

export const dm = (over: Partial<Room> = {}): Room =>
    ({ id: "5", kind: "dm", topic: "dm/5", title: "bob", peer_id: OTHER, last_seq: 0, read_seq: 0, unread: 0, can_send: true, ...over });
export const inbox = (over: Partial<Room> = {}): Room =>
    ({ id: ME, kind: "inbox", topic: `user/${ME}/inbox`, title: null, last_seq: 0, read_seq: 0, unread: 0, can_send: false, ...over });
export const kept = (room: Room, high = room.last_seq): RoomState => ({ ...room, low: 1, high, counted: high, reads: {} });
export const waiting = (n: number, over: Partial<Outgoing> = {}): Outgoing =>
    ({ nonce: `mine-${n}`, room: "5", text: `mine ${n}`, at: n, order: n, ...over });

export class Hub {
    notes: Note[] = [];
    private listeners = new Set<(note: Note) => void>();
    tell(note: Note): void {
        this.notes.push(note);
        for (const listener of [...this.listeners]) listener(note);
    }
    listen(listener: (note: Note) => void): () => void {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    }
}

// The broker's end of a line.
export class FakeLine {
    closed: Promise<void>;
    ended = false;
    subscribed: string[] = [];
    private done!: () => void;
    constructor(private world: World, private onMessage: (topic: string, payload: string) => void) {
        this.closed = new Promise((resolve) => (this.done = resolve));
    }
    async subscribe(filters: string[]): Promise<string[]> {
        const refused = filters.filter((filter) => this.world.refuses(filter));
        this.subscribed.push(...filters.filter((filter) => !refused.includes(filter)));
        return refused;
    }
    unsubscribe(): void {}
    publish(topic: string, payload: string): void {
        this.world.published.push([topic, JSON.parse(payload)]);
        this.world.onPublish(this, topic, payload);
    }
    check(): void {}
    end(): void {
        this.ended = true;
        this.done();
    }
    deliver(topic: string, body: unknown): void {
        if (!this.ended) this.onMessage(topic, JSON.stringify(body));
    }
}

const made: World[] = [];
afterEach(() => made.splice(0).forEach((world) => world.over()));

// A server with one log a room, and its answers.
export class World {
    rooms: Room[] = [dm()];
    logs = new Map<string, Message[]>();
    calls: string[] = [];
    sent: string[] = []; // nonces that came by REST
    published: [string, any][] = [];
    lines: FakeLine[] = [];
    failing = new Set<string>(); // calls that fail
    refuses: (filter: string) => boolean = () => false;
    onPublish: (line: FakeLine, topic: string, payload: string) => void = () => undefined;
    reachable = true;
    hub = new Hub();
    engine!: Engine;
    stop = new AbortController();

    private constructor(readonly store: Store) {}

    // Its rooms are kept already, as far as `high`.
    static async make(name: string, rooms: Room[] = [dm()]): Promise<World> {
        const world = new World(await Store.open(name));
        world.rooms = rooms;
        for (const room of rooms) await world.store.putRoom(kept(room), false);
        made.push(world);
        return world;
    }

    get line(): FakeLine {
        return this.lines.at(-1)!;
    }

    log(room = "5"): Message[] {
        if (!this.logs.has(room)) this.logs.set(room, []);
        return this.logs.get(room)!;
    }

    append(message: Partial<TextMessage> = {}): TextMessage {
        const log = this.log(message.room);
        const made = text(log.length + 1, message);
        log.push(made);
        return made;
    }

    private answer<T>(name: string, make: () => T): () => Promise<T> {
        return async () => {
            this.calls.push(name);
            await sleep(1);
            if (this.failing.has(name)) throw new Error(`${name} fails`);
            return make();
        };
    }

    api(): any {
        const vault = { session: { mqtt: { expires_in: 1e6 }, access_token: "a" }, mqtt_until: Date.now() + 1e12 };
        const now = () => this.rooms.map((room) => ({ ...room, last_seq: Math.max(room.last_seq, this.log(room.id).length) }));
        return {
            vault: { get: () => vault }, kept: () => vault, onSignedOut: () => undefined, renew: async () => vault,
            me: this.answer("me", () => ({})),
            friends: this.answer("friends", () => []),
            rooms: this.answer("rooms", now),
            room: (id: string) => this.answer("room", () => now().find((room) => room.id === id))(),
            markRead: (id: string, seq: number) => this.answer("markRead", () => void this.published.push([`rest/${id}/read`, { seq }]))(),
            markNotifications: (seq: number) => this.answer("markNotifications", () => void this.published.push(["rest/inbox/read", { seq }]))(),
            sync: (asked: Record<string, number>) => this.answer("sync", () => ({
                missing: [],
                rooms: Object.fromEntries(Object.entries(asked).map(([id, high]) =>
                    [id, { items: this.log(id).slice(high, high + 100), done: high + 100 >= this.log(id).length }])),
            }))(),
            messages: (id: string, { before = Infinity, limit = 100 }) => this.answer("messages", () => {
                const log = this.log(id), to = Math.min(before - 1, log.length), from = Math.max(0, to - limit);
                return { items: log.slice(from, to), next: from > 0 ? "more" : null };
            })(),
            post: (id: string, body: { nonce: string; text: string }) => this.answer("post", () => {
                this.sent.push(body.nonce);
                const known = this.log(id).find((item) => item.kind === "text" && item.from === ME && item.nonce === body.nonce);
                return known ?? this.append({ room: id, from: ME, ...body });
            })(),
        };
    }

    // Runs the engine, until over().
    begin(): this {
        Live.open = (async (_: unknown, onMessage: (topic: string, payload: string) => void) => {
            if (!this.reachable) throw new Error("no line");
            this.lines.push(new FakeLine(this, onMessage));
            return this.line;
        }) as unknown as typeof Live.open;
        this.engine = new Engine(ME, this.api(), this.store, this.hub as never, this.stop.signal);
        void this.engine.run();
        return this;
    }

    state(): string {
        const last = this.hub.notes.findLast((note) => note.type === "state");
        return last?.type === "state" ? last.state.phase : "";
    }

    online = () => until(() => this.state() === "online");

    over(): void {
        this.stop.abort();
        this.store.close();
    }
}
