// What one tab does for all of this browser: it holds the connection, takes in what comes, asks for what was missed, and
// sends the outbox. The others see its work in the store and by the hub.

import { Api, ApiError } from "./api";
import { Hub, type Note } from "./hub";
import { Live, Refused } from "./live";
import { backoff, pause } from "./locks";
import { type Failure, Sender } from "./sender";
import type { RoomState, Store } from "./store";
import type { Message } from "./types";

const STEADY_MS = 10_000; // a connection that held for so long is no reason to wait with the next
const RETRIES_MS = [200, 600, 2000, 6000];
const MQTT_BEFORE_MS = 24 * 3600 * 1000;
const RENEW_EVERY_MS = 60_000;
const TICK_MS = 5000;
const FILTERS_MAX = 100;
const KEEP = 200; // messages of a room, when there is no space left
const SYNC_ROOMS_MAX = 200;

export class Engine {
    private live: Live | null = null;
    private phase: "connecting" | "syncing" | "online" | "offline" = "connecting";
    private retryAt: number | undefined;
    private subscribed = new Set<string>();
    private online = new Set<string>();
    private topics = new Map<string, string>(); // by room id
    private incoming: Message[] = [];
    private taking: Promise<void> | null = null;
    private behind = new Set<string>(); // rooms with a gap
    private syncing: Promise<void> | null = null;
    private refreshing: Promise<void> | null = null;
    private refreshAgain = false;
    private staleAt = 0; // when to refresh again, since it did not go well; 0: it did
    private failures = 0;
    private sender: Sender;
    private onlineAt = 0;
    private renewedAt = 0;
    private nudge: AbortController = new AbortController(); // ends a wait for the next attempt

    constructor(
        private me: string,
        private api: Api,
        private store: Store,
        private hub: Hub,
        private signal: AbortSignal,
    ) {
        this.sender = new Sender(api, store, hub, this.topics, signal, (message) => {
            this.behind.add(message.room);
            this.fill().catch(() => undefined);
        });
    }

    // Until the signal is aborted.
    async run(): Promise<void> {
        const stop = this.hub.listen((note) => this.heard(note));
        const ticks = setInterval(() => this.tick(), TICK_MS);
        const abort = () => {
            this.live?.end();
            this.nudge.abort();
        };
        this.signal.addEventListener("abort", abort);
        try {
            for (let attempt = 0; !this.signal.aborted; attempt++) {
                const held = await this.connection();
                if (held > STEADY_MS) attempt = 0;
                if (held === 0) await this.judge();
                if (this.signal.aborted) break;
                await this.rest(backoff(attempt));
            }
        } finally {
            clearInterval(ticks);
            this.signal.removeEventListener("abort", abort);
            stop();
        }
    }

    // Turned away, or let in and closed at once: the session may have ended elsewhere. REST knows, and says so (Api).
    private async judge(): Promise<void> {
        if (!this.signal.aborted) await this.api.me().catch(() => undefined);
    }

    // One connection, from its opening to its end. For how long one could work with it, in ms.
    private async connection(): Promise<number> {
        this.state("connecting");
        const kept = this.api.kept();
        if (!kept) {
            this.api.onSignedOut();
            return 0;
        }
        try {
            this.live = await Live.open(kept.session.mqtt, (topic, payload) => this.arrived(topic, payload), this.signal);
        } catch (error) {
            if (error instanceof Refused && error.credentials) {
                await this.api.renew(kept.session.access_token).catch(() => undefined);
            }
            return 0;
        }
        this.subscribed.clear();
        this.online.clear();
        this.onlineAt = 0;
        this.state("syncing");
        this.catchUp().catch(() => this.live?.end());
        await this.live.closed;
        this.live = null;
        this.sender.use(null);
        this.hub.tell({ type: "presence", online: [] });
        return this.onlineAt > 0 ? Math.max(1, performance.now() - this.onlineAt) : 0;
    }

    private async rest(ms: number): Promise<void> {
        this.retryAt = Date.now() + ms;
        this.state("offline");
        this.nudge = new AbortController();
        await pause(ms, this.nudge.signal);
        this.retryAt = undefined;
    }

    private state(phase: Engine["phase"]): void {
        this.phase = phase;
        const state = this.retryAt === undefined ? { phase } : { phase, retryAt: this.retryAt };
        this.hub.tell({ type: "state", state });
    }

    // After a connection has come up: subscribe first, then ask for what was missed, so that nothing falls between the two.
    private async catchUp(): Promise<void> {
        const live = this.live;
        const known = await this.store.rooms();
        for (const room of known) this.topics.set(room.id, room.topic);
        const user = `user/${this.me}`;
        const own = [`${user}/inbox`, `${user}/errors`];
        await this.subscribe([...own, ...known.flatMap((room) => filters(room, this.me))]);
        if ((await this.insist(own)).length > 0) return live?.end();
        for (let attempt = 0; this.live === live && !this.signal.aborted; attempt++) {
            try {
                await this.refreshing?.catch(() => undefined); // it may have asked before we subscribed
                await this.refresh();
                break;
            } catch (error) {
                if (error instanceof ApiError && error.status === 401) return;
                await pause(backoff(attempt));
            }
        }
        if (this.live !== live) return;
        this.onlineAt = performance.now();
        this.state("online");
        this.sender.use(this.live);
    }

    // --- rooms and subscriptions ---

    // Asks which rooms there are and how they stand, and fetches what is missing. One at a time; who asks meanwhile gets
    // the next.
    private refresh(): Promise<void> {
        if (this.refreshing) {
            this.refreshAgain = true;
            return this.refreshing;
        }
        this.staleAt = 0;
        this.refreshing = this.doRefresh().then(() => {
            if (this.staleAt === 0) this.failures = 0;
        }, (error) => {
            this.failed();
            throw error;
        }).finally(() => {
            this.refreshing = null;
            if (this.refreshAgain) {
                this.refreshAgain = false;
                this.refresh().catch(() => undefined);
            }
        });
        return this.refreshing;
    }

    // What is not as it should be is looked at again, in a while.
    private failed(): void {
        this.staleAt = performance.now() + backoff(this.failures++);
    }

    private async doRefresh(): Promise<void> {
        const [rooms, friends] = await Promise.all([this.api.rooms(), this.api.friends()]);
        await this.store.putUsers(friends.map((friend) => friend.user));
        const gone = new Map((await this.store.rooms()).map((room) => [room.id, room]));
        const merged = await this.store.mergeRooms(rooms);
        for (const [i, { state, forget, begun }] of merged.entries()) {
            this.topics.set(state.id, state.topic);
            if (begun) await this.sender.doubt(state.id);
            if (forget) this.hub.tell({ type: "reset", room: state.id });
            if (state.high < state.last_seq) this.behind.add(state.id);
            if (state.read_seq > rooms[i]!.read_seq) this.tellRead(state); // read without a line
            gone.delete(state.id);
        }
        for (const room of gone.values()) await this.leave(room);
        this.hub.tell({ type: "rooms" });
        const accepted = friends.filter((friend) => friend.state === "accepted");
        const presence = accepted.map((friend) => `user/${friend.user.id}/presence`);
        this.forgetPresence(new Set(presence));
        const refused = await this.subscribe([...rooms.flatMap((room) => filters(room, this.me)), ...presence]);
        if (refused.length > 0) void this.insistAndFill(refused);
        await this.fill();
    }

    // What was said before a subscription came to be is asked for.
    private async insistAndFill(refused: string[]): Promise<void> {
        const left = await this.insist(refused).catch(() => refused);
        if (left.length > 0) this.failed();
        if (left.length === refused.length) return;
        for (const room of await this.api.rooms().catch(() => [])) {
            if (room.last_seq > ((await this.store.room(room.id))?.high ?? room.last_seq)) this.behind.add(room.id);
        }
        this.fill().catch(() => undefined);
    }

    private async leave(room: RoomState): Promise<void> {
        const gone = filters(room, this.me);
        this.live?.unsubscribe(gone.filter((filter) => this.subscribed.delete(filter)));
        this.topics.delete(room.id);
        await this.store.dropRoom(room.id);
        this.hub.tell({ type: "reset", room: room.id });
    }

    private forgetPresence(wanted: Set<string>): void {
        const gone = [...this.subscribed].filter((f) => f.endsWith("/presence") && !wanted.has(f));
        this.live?.unsubscribe(gone);
        for (const filter of gone) {
            this.subscribed.delete(filter);
            this.online.delete(filter.split("/")[1]!);
        }
        if (gone.length > 0) this.tellPresence();
    }

    // Subscribes to what is not subscribed yet. Tells what was refused.
    private async subscribe(wanted: string[]): Promise<string[]> {
        const live = this.live;
        const left = [...new Set(wanted)].filter((filter) => !this.subscribed.has(filter));
        const refused: string[] = [];
        for (let i = 0; live && i < left.length; i += FILTERS_MAX) {
            refused.push(...(await live.subscribe(left.slice(i, i + FILTERS_MAX))));
        }
        for (const filter of left) if (live === this.live && !refused.includes(filter)) this.subscribed.add(filter);
        return refused;
    }

    // The same, and again after a while where it was refused: a right that was just given may not be known to the broker yet.
    private async insist(wanted: string[]): Promise<string[]> {
        const live = this.live;
        let left = await this.subscribe(wanted);
        for (const wait of RETRIES_MS) {
            if (left.length === 0 || live !== this.live || this.signal.aborted) break;
            await pause(wait, this.signal);
            left = await this.subscribe(left);
        }
        return left;
    }

    // --- what comes ---

    private arrived(topic: string, payload: string): void {
        const parts = topic.split("/");
        const last = parts.at(-1)!;
        if (parts[0] === "user" && parts[2] === "presence") return this.presence(parts[1]!, payload);
        if (parts.at(-2) === "typing") {
            // Of all that comes this alone was written by somebody else: what is in it does not matter.
            if (last !== this.me) this.hub.tell({ type: "typing", room: roomOf(parts), user: last });
            return;
        }
        const body = payload ? (JSON.parse(payload) as unknown) : null;
        if (last === "messages" || last === "inbox") {
            this.incoming.push(body as Message);
            void this.take();
        } else if (last === "errors") {
            void this.sender.refused(body as Failure);
        } else if (parts.at(-2) === "read") {
            void this.marked(roomOf(parts), last, (body as { seq: number }).seq);
        }
    }

    // Takes in all that has come meanwhile, room by room, one transaction each.
    private take(): Promise<void> {
        this.taking ??= this.takeAll().finally(() => {
            this.taking = null;
            if (this.incoming.length > 0) void this.take();
        });
        return this.taking;
    }

    private async takeAll(): Promise<void> {
        while (this.incoming.length > 0) {
            const rooms = new Map<string, Message[]>();
            for (const message of this.incoming.splice(0)) {
                if (!rooms.has(message.room)) rooms.set(message.room, []);
                rooms.get(message.room)!.push(message);
            }
            for (const [room, messages] of rooms) {
                await this.append(room, messages).catch((error) => {
                    this.behind.add(room); // the next tick asks for it again
                    return this.makeRoom(error);
                });
            }
        }
    }

    // A full disk: what can be fetched again goes.
    private async makeRoom(error: unknown): Promise<void> {
        if ((error as Error | null)?.name === "QuotaExceededError") await this.store.prune(KEEP).catch(() => undefined);
    }

    private async append(id: string, items: Message[]): Promise<RoomState | undefined> {
        const done = await this.store.append(id, this.me, items);
        if (!done) {
            this.refresh().catch(() => undefined); // a room that is new to us
            return undefined;
        }
        if (done.shown.length > 0) this.hub.tell({ type: "messages", room: id, shown: done.shown });
        this.hub.tell({ type: "rooms" });
        if (done.echoed.length > 0) this.hub.tell({ type: "outbox" });
        this.sender.echoed(done.echoed);
        for (const item of items) if (id === this.me) this.notified(item);
        if (items.some((item) => item.seq > done.room.high)) {
            this.behind.add(id);
            this.fill().catch(() => undefined);
        }
        return done.room;
    }

    // Fetches what is missing of the rooms that are behind.
    private fill(): Promise<void> {
        this.syncing ??= this.doFill().catch(async (error) => {
            await this.makeRoom(error);
            throw error;
        }).finally(() => {
            this.syncing = null;
        });
        return this.syncing;
    }

    private async doFill(): Promise<void> {
        while (this.behind.size > 0 && !this.signal.aborted) {
            const asked: Record<string, number> = {};
            for (const id of [...this.behind].slice(0, SYNC_ROOMS_MAX)) {
                const room = await this.store.room(id);
                if (room) asked[id] = room.high;
                else this.behind.delete(id);
            }
            if (Object.keys(asked).length === 0) return;
            const answer = await this.api.sync(asked);
            for (const id of answer.missing) this.behind.delete(id);
            for (const [id, { items, done }] of Object.entries(answer.rooms)) {
                const room = await this.append(id, items);
                // More may have come while that was under way.
                if (done && (!room || items.length === 0 || room.high >= room.last_seq)) this.behind.delete(id);
            }
        }
    }

    // An entry of the inbox tells of a change that has to be looked up.
    private notified(item: Message): void {
        switch (item.kind) {
            case "friend_request_received":
            case "friend_request_declined":
                this.hub.tell({ type: "friends" });
                break;
            case "friend_request_accepted":
            case "friend_removed":
            case "dm_opened":
                this.hub.tell({ type: "friends" });
                this.refresh().catch(() => undefined);
                break;
            case "server_invite_received":
                this.hub.tell({ type: "servers" });
                break;
            case "server_removed":
            case "channel_removed":
                this.hub.tell({ type: "servers" });
                if (item.data.server) this.hub.tell({ type: "channels", server: item.data.server.id });
                this.refresh().catch(() => undefined);
                break;
        }
    }

    private presence(user: string, payload: string): void {
        if (payload ? this.online.has(user) : !this.online.has(user)) return;
        if (payload) this.online.add(user);
        else this.online.delete(user);
        this.tellPresence();
    }

    private tellPresence(): void {
        this.hub.tell({ type: "presence", online: [...this.online] });
    }

    // --- read marks ---

    private async marked(id: string, user: string, seq: number): Promise<void> {
        const before = await this.store.room(id);
        if (!before || (user !== this.me && before.kind !== "dm")) return; // who of a channel has read what is shown nowhere
        if (user === this.me) {
            if (seq <= before.read_seq) return;
            const unread = seq >= before.last_seq ? 0 : (await this.api.room(id).catch(() => before)).unread;
            await this.store.updateRoom(id, (room) => ({ ...room, read_seq: Math.max(seq, room.read_seq), unread }));
        } else {
            await this.store.updateRoom(id, (room) => ({
                ...room, reads: { ...room.reads, [user]: Math.max(seq, room.reads[user] ?? 0) },
            }));
        }
        this.hub.tell({ type: "rooms" });
    }

    // I have read up to there.
    private async mark(id: string, seq: number): Promise<void> {
        const room = await this.store.room(id);
        if (!room || seq <= room.read_seq) return;
        await this.store.updateRoom(id, (now) => ({
            ...now, read_seq: Math.max(seq, now.read_seq), unread: seq >= now.last_seq ? 0 : now.unread,
        }));
        this.hub.tell({ type: "rooms" });
        this.tellRead({ ...room, read_seq: seq });
    }

    // What does not reach the server now is told after the next refresh, which sees that the server does not know it.
    private tellRead({ id, kind, topic, read_seq: seq }: RoomState): void {
        if (kind === "inbox") this.api.markNotifications(seq).catch(() => this.failed());
        else if (this.live) this.live.publish(`${topic}/read`, JSON.stringify({ seq }));
        else this.api.markRead(id, seq).catch(() => this.failed());
    }

    // --- time and the other tabs ---

    private tick(): void {
        const kept = this.api.kept();
        const early = kept ? Math.min(MQTT_BEFORE_MS, kept.session.mqtt.expires_in * 200) : 0; // a fifth of its life at most
        if (kept && kept.mqtt_until - early < Date.now() && Date.now() - this.renewedAt > RENEW_EVERY_MS) {
            this.renewedAt = Date.now();
            this.api.renew(kept.session.access_token).catch(() => undefined);
        }
        this.sender.tick();
        if (this.staleAt > 0 && performance.now() >= this.staleAt && this.phase === "online") this.refresh().catch(() => undefined);
        if (this.behind.size > 0 && this.phase === "online") this.fill().catch(() => undefined);
    }

    // The session has new tokens: the connection goes on with the one of them that is for it.
    renewed(): void {
        const kept = this.api.kept();
        if (kept) this.live?.publish(`user/${this.me}/token`, kept.session.mqtt.password);
    }

    // The machine says that it has no network any more.
    lost(): void {
        this.live?.end();
    }

    private heard(note: Note): void {
        switch (note.type) {
            case "hello":
                this.state(this.phase);
                this.tellPresence();
                break;
            case "outbox":
                void this.sender.pump();
                break;
            case "refresh":
                this.refresh().catch(() => undefined);
                break;
            case "mark":
                void this.mark(note.room, note.seq);
                break;
            case "types": {
                const topic = this.topics.get(note.room);
                if (topic && this.live) this.live.publish(`${topic}/typing/${this.me}`, "{}", 0);
                break;
            }
            case "wake":
                if (this.live) this.live.check();
                else this.nudge.abort();
                break;
        }
    }
}

// What to subscribe to of a room. Others' read marks show in DMs only; where thousands are, they would be a flood. Of a
// server not its channels, which are rooms themselves.
function filters(room: { kind: string; topic: string }, me: string): string[] {
    switch (room.kind) {
        case "inbox":
            return [];
        case "server":
            return [`${room.topic}/messages`, `${room.topic}/read/${me}`];
        case "channel":
            return [`${room.topic}/messages`, `${room.topic}/typing/+`, `${room.topic}/read/${me}`];
        default:
            return [`${room.topic}/messages`, `${room.topic}/typing/+`, `${room.topic}/read/+`];
    }
}

// The room's id in a topic: server/7/channel/9/messages → 9.
function roomOf(parts: string[]): string {
    return parts[2] === "channel" ? parts[3]! : parts[1]!;
}
