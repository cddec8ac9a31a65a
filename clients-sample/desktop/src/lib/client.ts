// What a tab works with: the state of everything as signals, and what one can do. One tab of them all runs the engine.

import { Api, ApiError } from "./api";
import { Engine } from "./engine";
import { Hub, type LiveState, type Note } from "./hub";
import { pause, withLock } from "./locks";
import { Signal } from "./signal";
import { Store, type Outgoing, type RoomState, type Shown } from "./store";
import type { Channel, Friend, Invite, Me, Server, Session, TextMessage, User } from "./types";
import { Vault } from "./vault";

const TYPING_MS = 5000;
const TYPING_EVERY_MS = 3000;
const USER_AGE_MS = 10 * 60 * 1000;

export class Client {
    readonly me: Signal<Me>;
    readonly rooms = new Signal<Map<string, RoomState>>(new Map());
    readonly friends = new Signal<Friend[] | null>(null);
    readonly servers = new Signal<Server[] | null>(null);
    readonly invites = new Signal<Invite[]>([]);
    readonly channels = new Signal<Map<string, Channel[]>>(new Map());
    readonly outbox = new Signal<Outgoing[]>([]);
    readonly users = new Signal<Map<string, User>>(new Map());
    readonly online = new Signal<Set<string>>(new Set());
    readonly typing = new Signal<Map<string, Map<string, number>>>(new Map());
    readonly live = new Signal<LiveState>({ phase: "connecting" });
    readonly leading = new Signal(false);

    private stop = new AbortController();
    private engine: Engine | null = null;
    private asked = new Map<string, number>(); // users, and when
    private typed = 0;
    private order = 0;

    private constructor(
        readonly session: Session,
        readonly api: Api,
        readonly store: Store,
        readonly hub: Hub,
        private ended: () => void,
    ) {
        this.me = new Signal(session.user);
    }

    // ended: the session is over, and nothing of it is left here.
    static async start(vault: Vault, api: Api, ended: () => void): Promise<Client> {
        const { session } = vault.get()!;
        const id = session.user.id;
        void Store.eraseOthers(id).catch(() => undefined);
        const client = new Client(session, api.of(session.session_id), await Store.open(id), new Hub(id), ended);
        await client.begin();
        return client;
    }

    get id(): string {
        return this.session.user.id;
    }

    private async begin(): Promise<void> {
        this.hub.listen((note) => this.heard(note));
        this.api.onSignedOut = () => this.over();
        addEventListener("storage", this.stored);
        this.api.onRenewed = () => this.hub.tell({ type: "me" });
        await Promise.all([this.readRooms(), this.readOutbox()]);
        this.users.value = new Map((await this.store.users()).map((user) => [user.id, user]));
        void this.lead();
        this.hub.tell({ type: "hello" });
        void this.fetchFriends();
        void this.fetchServers();
        void this.fetchMe();
    }

    // One tab holds the connection. When it goes, the next takes over.
    private async lead(): Promise<void> {
        const work = async (held: AbortSignal) => {
            this.engine = new Engine(this.id, this.api, this.store, this.hub, held);
            this.leading.value = true;
            while (!held.aborted) {
                await this.engine.run().catch(console.error); // a defect here must not end the connection for all tabs
                await pause(1000, held);
            }
            this.leading.value = false;
            this.engine = null;
        };
        while (!this.stop.signal.aborted) {
            await withLock(`hum.live.${this.id}`, work, this.stop.signal).catch(() => pause(1000, this.stop.signal));
        }
    }

    // --- what is heard ---

    private heard(note: Note): void {
        switch (note.type) {
            case "state":
                this.live.value = note.state;
                break;
            case "presence":
                this.online.value = new Set(note.online);
                break;
            case "typing":
                this.sawTyping(note.room, note.user);
                break;
            case "messages":
                for (const item of note.shown) if (item.kind === "text") this.forgetTyping(note.room, item.from);
                break;
            case "rooms":
            case "reset":
                this.soon("rooms", () => this.readRooms());
                break;
            case "outbox":
                void this.readOutbox();
                break;
            case "friends":
                this.soon("friends", () => this.fetchFriends());
                break;
            case "servers":
                this.soon("servers", () => this.fetchServers());
                break;
            case "channels":
                if (this.channels.value.has(note.server)) void this.fetchChannels(note.server);
                break;
            case "me":
                this.engine?.renewed();
                break;
            case "signed-out":
                if (note.session === this.session.session_id) this.leave();
                break;
        }
    }

    private waiting = new Set<string>();

    // Once for all that ask within a moment.
    private soon(name: string, work: () => Promise<void>): void {
        if (this.waiting.has(name)) return;
        this.waiting.add(name);
        setTimeout(() => {
            this.waiting.delete(name);
            if (!this.stop.signal.aborted) void work();
        }, 20);
    }

    private async readRooms(): Promise<void> {
        const rooms = await this.store.rooms().catch(() => null);
        if (rooms) this.rooms.value = new Map(rooms.map((room) => [room.id, room]));
    }

    private async readOutbox(): Promise<void> {
        const outbox = await this.store.outbox().catch(() => null);
        if (outbox) this.outbox.value = outbox;
    }

    private async fetchFriends(): Promise<void> {
        const friends = await this.quietly(this.api.friends());
        if (!friends) return;
        this.friends.value = friends;
        this.learn(friends.map((friend) => friend.user));
    }

    private async fetchServers(): Promise<void> {
        const [servers, invites] = await Promise.all([this.quietly(this.api.servers()), this.quietly(this.api.invites())]);
        if (servers) this.servers.value = servers;
        if (invites) this.invites.value = invites;
    }

    async fetchChannels(server: string): Promise<void> {
        const channels = await this.quietly(this.api.channels(server));
        if (channels) this.channels.value = new Map(this.channels.value).set(server, channels);
    }

    private async fetchMe(): Promise<void> {
        const me = await this.quietly(this.api.me());
        if (me) this.me.value = me;
    }

    private async quietly<T>(work: Promise<T>): Promise<T | null> {
        return work.catch(() => null);
    }

    // The machine has found its network again, or this tab was looked at after a while.
    wake(): void {
        this.hub.tell({ type: "wake" });
        void this.fetchFriends();
        void this.fetchServers();
    }

    // Somebody looks at the list of friends.
    look(): void {
        this.soon("friends", () => this.fetchFriends());
    }

    lost(): void {
        this.engine?.lost();
    }

    // --- people ---

    learn(users: User[]): void {
        const next = new Map(this.users.value);
        for (const user of users) {
            next.set(user.id, user);
            this.asked.set(user.id, Date.now());
        }
        this.users.value = next;
        void this.store.putUsers(users).catch(() => undefined);
    }

    // Somebody, as far as known; looked up if that is not at all, or from earlier.
    user(id: string): User | undefined {
        if (id === this.id) return this.me.value;
        if (Date.now() - (this.asked.get(id) ?? 0) > USER_AGE_MS) {
            this.asked.set(id, Date.now());
            this.api.user(id).then((user) => this.learn([user]), () => undefined);
        }
        return this.users.value.get(id);
    }

    // The other one of a DM.
    peer(room: string): User | undefined {
        const id = this.rooms.value.get(room)?.peer_id;
        if (id === undefined) return undefined;
        return this.friends.value ? this.user(id) : this.users.value.get(id); // nearly all of them come with the friends
    }

    // --- typing ---

    private sawTyping(room: string, user: string): void {
        const next = new Map(this.typing.value);
        const until = Date.now() + TYPING_MS;
        next.set(room, new Map(next.get(room)).set(user, until));
        this.typing.value = next;
        setTimeout(() => {
            if (this.typing.value.get(room)?.get(user) === until) this.forgetTyping(room, user);
        }, TYPING_MS);
    }

    private forgetTyping(room: string, user: string): void {
        if (!this.typing.value.get(room)?.has(user)) return;
        const inside = new Map(this.typing.value.get(room));
        inside.delete(user);
        this.typing.value = new Map(this.typing.value).set(room, inside);
    }

    types(room: string): void {
        if (Date.now() - this.typed < TYPING_EVERY_MS) return;
        this.typed = Date.now();
        this.hub.tell({ type: "types", room });
    }

    // --- messages ---

    async send(room: string, text: string, reply_to?: number): Promise<void> {
        this.typed = 0;
        this.order = Math.max(this.order + 1, Date.now());
        const item: Outgoing = { nonce: newNonce(), room, text, at: Date.now(), order: this.order };
        if (reply_to) item.reply_to = reply_to;
        await this.store.putOutgoing(item);
        this.hub.tell({ type: "outbox" });
    }

    async retry(nonce: string): Promise<void> {
        await this.store.failOutgoing(nonce, undefined);
        this.hub.tell({ type: "outbox" });
    }

    async discard(nonce: string): Promise<void> {
        await this.store.dropOutgoing(nonce);
        this.hub.tell({ type: "outbox" });
    }

    async edit(message: TextMessage, text: string): Promise<void> {
        await this.changed(await this.api.edit(message.room, message.seq, text, newNonce()));
    }

    async remove(message: TextMessage): Promise<void> {
        await this.api.remove(message.room, message.seq);
        const { text: _, ...rest } = message;
        await this.changed({ ...rest, deleted_at: new Date().toISOString() });
    }

    // Shown at once; the entry that tells of it comes to everybody.
    private async changed(message: Shown): Promise<void> {
        await this.store.replace(message);
        this.hub.tell({ type: "messages", room: message.room, shown: [message] });
    }

    markRead(room: string, seq: number): void {
        const known = this.rooms.value.get(room);
        if (known && seq > known.read_seq) this.hub.tell({ type: "mark", room, seq });
    }

    // --- what changes what there is ---

    // Does something, then looks at friends, servers and rooms again, here and in the other tabs.
    async change<T>(work: Promise<T>): Promise<T> {
        const result = await work;
        this.hub.tell({ type: "friends" });
        this.hub.tell({ type: "servers" });
        this.hub.tell({ type: "refresh" });
        return result;
    }

    async changeChannels<T>(server: string, work: Promise<T>): Promise<T> {
        const result = await this.change(work);
        // One is in one channel at a time, so joining one here may leave one of another server.
        for (const known of new Set([...this.channels.value.keys(), server])) this.hub.tell({ type: "channels", server: known });
        if (!this.channels.value.has(server)) await this.fetchChannels(server);
        return result;
    }

    async openDm(user: string): Promise<string> {
        const room = await this.api.openDm(user);
        this.hub.tell({ type: "friends" });
        this.hub.tell({ type: "refresh" });
        return room.id;
    }

    // Resolves when the room is there to be shown.
    async arrival(room: string): Promise<boolean> {
        if (this.rooms.value.has(room)) return true;
        return new Promise((resolve) => {
            const done = (there: boolean) => {
                clearTimeout(timer);
                stop();
                resolve(there);
            };
            const stop = this.rooms.watch((rooms) => rooms.has(room) && done(true));
            const timer = setTimeout(() => done(false), 15_000);
        });
    }

    setMe(me: Me): void {
        this.me.value = me;
        this.learn([me]);
    }

    // --- the end ---

    async signOut(): Promise<void> {
        try {
            await this.api.logout();
        } catch (error) {
            // Only that answer says that the session is no more; with its tokens thrown away nobody could end it.
            if (!(error instanceof ApiError) || error.status !== 401) throw error;
        }
        this.over();
    }

    // The session is over, for all tabs that work with it.
    over(): void {
        this.hub.tell({ type: "signed-out", session: this.session.session_id });
    }

    // Another tab has put another session in the place of this one, or nothing.
    private stored = (event: StorageEvent) => {
        if ((event.key === Vault.key || event.key === null) && !this.api.kept()) this.leave();
    };

    // Takes along what is of this session, and leaves alone what is of one that came after it.
    leave(): void {
        if (this.stop.signal.aborted) return;
        this.stop.abort();
        removeEventListener("storage", this.stored);
        if (this.api.kept()) this.api.vault.clear();
        this.store.close();
        if (this.api.vault.get()?.session.user.id !== this.id) void Store.erase(this.id);
        setTimeout(() => this.hub.close(), 100);
        this.ended();
    }
}

// crypto.randomUUID is only there on secure pages.
export function newNonce(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return `d-${[...bytes].map((byte) => byte.toString(36).padStart(2, "0")).join("")}`;
}
