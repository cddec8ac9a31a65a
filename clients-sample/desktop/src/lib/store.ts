// What this browser keeps of one person, in IndexedDB: rooms with how far their logs are known, messages, and the outbox.
// All tabs work on it, so each change is one transaction.

import { isChange, type ChangeMessage, type Message, type Notification, type Room, type TextMessage, type User } from "./types";

// A room, and the piece of its log that is kept: every entry from low to high, without gaps. low > high: none.
export interface RoomState extends Room {
    low: number;
    high: number;
    counted: number; // up to where `unread` counts
    reads: Record<string, number>; // how far others have read, as far as that was heard
    last?: Shown; // the newest entry to show
}

export type Shown = TextMessage | Notification;

export interface Outgoing {
    nonce: string;
    room: string;
    text: string;
    reply_to?: number;
    at: number;
    order: number;
    failed?: string; // the code of the Error that refused it
}

const VERSION = 1;

function wait<T>(request: IDBRequest<T>): Promise<T> {
    return new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
}

export class Store {
    private db!: IDBDatabase;

    private constructor(db: IDBDatabase, user: string) {
        this.use(db, user);
    }

    private use(db: IDBDatabase, user: string): void {
        this.db = db;
        db.onversionchange = () => db.close(); // somebody signs out: the database goes
        // The browser has closed it, for want of space or after a fault of its own.
        db.onclose = () => void Store.connect(user).then((again) => this.use(again, user), () => undefined);
    }

    static async open(user: string): Promise<Store> {
        return new Store(await Store.connect(user), user);
    }

    private static connect(user: string): Promise<IDBDatabase> {
        const request = indexedDB.open(`hum.${user}`, VERSION);
        request.onupgradeneeded = () => {
            const db = request.result;
            db.createObjectStore("rooms", { keyPath: "id" });
            db.createObjectStore("messages", { keyPath: ["room", "seq"] });
            db.createObjectStore("outbox", { keyPath: "nonce" }).createIndex("order", "order");
            db.createObjectStore("users", { keyPath: "id" });
        };
        return wait(request);
    }

    close(): void {
        this.db.close();
    }

    static async erase(user: string): Promise<void> {
        await new Promise<void>((resolve) => {
            const request = indexedDB.deleteDatabase(`hum.${user}`);
            request.onsuccess = request.onerror = () => resolve();
            request.onblocked = () => undefined; // other tabs close it when they hear of the sign-out
        });
    }

    // What a sign-out could not remove, since another tab still held it.
    static async eraseOthers(user: string): Promise<void> {
        for (const { name } of (await indexedDB.databases?.()) ?? []) {
            if (name?.startsWith("hum.") && name !== `hum.${user}`) void Store.erase(name.slice("hum.".length));
        }
    }

    private async change<T>(names: string[], work: (tx: IDBTransaction) => Promise<T>): Promise<T> {
        const tx = this.db.transaction(names, "readwrite");
        const done = new Promise<void>((resolve, reject) => {
            tx.oncomplete = () => resolve();
            tx.onabort = () => reject(tx.error); // which names the reason only now, not at the request that failed
        });
        done.catch(() => undefined); // work may fail first
        const result = await work(tx);
        await done;
        return result;
    }

    private read(name: string): IDBObjectStore {
        return this.db.transaction(name).objectStore(name);
    }

    // --- rooms ---

    rooms = async (): Promise<RoomState[]> => wait(this.read("rooms").getAll());
    room = async (id: string): Promise<RoomState | undefined> => wait(this.read("rooms").get(id));

    // Changes a room; what is not there stays so.
    updateRoom(id: string, work: (room: RoomState) => RoomState): Promise<RoomState | undefined> {
        return this.change(["rooms"], async (tx) => {
            const rooms = tx.objectStore("rooms");
            const room = (await wait(rooms.get(id))) as RoomState | undefined;
            if (!room) return undefined;
            const next = work(room);
            await wait(rooms.put(next));
            return next;
        });
    }

    // What the server has said of rooms, with what has come meanwhile. begun: its log was, here or anew.
    mergeRooms(rooms: Room[]): Promise<{ state: RoomState; forget: boolean; begun: boolean }[]> {
        return this.change(["rooms", "messages"], async (tx) => {
            const merged = [];
            for (const room of rooms) {
                const known = (await wait(tx.objectStore("rooms").get(room.id))) as RoomState | undefined;
                const { state, forget } = merge(room, known);
                tx.objectStore("rooms").put(state);
                if (forget) tx.objectStore("messages").delete(whole(room.id));
                merged.push({ state, forget, begun: forget || !known });
            }
            return merged;
        });
    }

    putRoom(room: RoomState, forget: boolean): Promise<void> {
        return this.change(["rooms", "messages"], async (tx) => {
            tx.objectStore("rooms").put(room);
            if (forget) tx.objectStore("messages").delete(whole(room.id));
        });
    }

    dropRoom(id: string): Promise<void> {
        return this.change(["rooms", "messages"], async (tx) => {
            tx.objectStore("rooms").delete(id);
            tx.objectStore("messages").delete(whole(id));
        });
    }

    // --- messages ---

    // The last `count` before a seq, oldest first.
    window(room: string, before: number, count: number): Promise<Shown[]> {
        return new Promise((resolve, reject) => {
            const found: Shown[] = [];
            const range = IDBKeyRange.bound([room, 0], [room, before], false, true);
            const request = this.read("messages").openCursor(range, "prev");
            request.onerror = () => reject(request.error);
            request.onsuccess = () => {
                const cursor = request.result;
                if (!cursor || found.length >= count) return resolve(found.reverse());
                found.push(cursor.value as Shown);
                cursor.continue();
            };
        });
    }

    // Takes in the next entries of a log, as far as they go on from what is known. Tells what to show of them, changed
    // targets among it; and what of the outbox has come back.
    append(id: string, me: string, items: Message[]): Promise<{ room: RoomState; shown: Shown[]; echoed: string[] } | null> {
        return this.change(["rooms", "messages", "outbox"], async (tx) => {
            const rooms = tx.objectStore("rooms");
            const messages = tx.objectStore("messages");
            const outbox = tx.objectStore("outbox");
            const room = (await wait(rooms.get(id))) as RoomState | undefined;
            if (!room) return null;
            const shown = new Map<number, Shown>();
            const echoed: string[] = [];
            for (const item of items) {
                if (item.seq <= room.high && mine(item, me)) {
                    outbox.delete(item.nonce); // of a piece that was skipped, or sent once more
                    echoed.push(item.nonce);
                }
                room.last_seq = Math.max(room.last_seq, item.seq);
                if (item.seq !== room.high + 1) continue;
                room.high = item.seq;
                if (isChange(item)) {
                    const key = [id, item.target];
                    const target = shown.get(item.target) ?? ((await wait(messages.get(key))) as TextMessage | undefined);
                    if (target?.kind !== "text") continue;
                    const next = changed(target, item);
                    shown.set(item.target, next);
                    messages.put(next);
                    if (room.last?.seq === item.target) room.last = next;
                    continue;
                }
                count(room, item, me);
                messages.put(item);
                shown.set(item.seq, item);
                room.last = item;
                if (mine(item, me)) {
                    outbox.delete(item.nonce);
                    echoed.push(item.nonce);
                }
            }
            await wait(rooms.put(room));
            return { room, shown: [...shown.values()], echoed };
        });
    }

    // Takes in older entries, those right before what is known. start: the log begins with them.
    prepend(id: string, me: string, items: Message[], start: boolean): Promise<void> {
        return this.change(["rooms", "messages", "outbox"], async (tx) => {
            const rooms = tx.objectStore("rooms");
            const room = (await wait(rooms.get(id))) as RoomState | undefined;
            const last = items.at(-1);
            if (!room || (last && last.seq !== room.low - 1)) return;
            for (const item of items) {
                if (!isChange(item)) tx.objectStore("messages").put(item);
                if (mine(item, me)) tx.objectStore("outbox").delete(item.nonce);
            }
            room.low = start ? 1 : (items[0]?.seq ?? room.low);
            rooms.put(room);
        });
    }

    // Keeps the newest of each room.
    prune(keep: number): Promise<void> {
        return this.change(["rooms", "messages"], async (tx) => {
            for (const room of (await wait(tx.objectStore("rooms").getAll())) as RoomState[]) {
                const low = Math.max(room.low, room.high - keep + 1);
                tx.objectStore("messages").delete(IDBKeyRange.bound([room.id, 0], [room.id, low], false, true));
                tx.objectStore("rooms").put({ ...room, low });
            }
        });
    }

    // Puts a message that has changed in the place of the one that is kept.
    replace(message: Shown): Promise<void> {
        return this.change(["messages"], async (tx) => {
            const messages = tx.objectStore("messages");
            if (await wait(messages.getKey([message.room, message.seq]))) messages.put(message);
        });
    }

    // --- the outbox ---

    outbox = async (): Promise<Outgoing[]> => wait(this.read("outbox").index("order").getAll());

    putOutgoing(item: Outgoing): Promise<void> {
        return this.change(["outbox"], async (tx) => void tx.objectStore("outbox").put(item));
    }

    // What has come back meanwhile is not marked.
    failOutgoing(nonce: string, failed: string | undefined): Promise<void> {
        return this.change(["outbox"], async (tx) => {
            const outbox = tx.objectStore("outbox");
            const item = (await wait(outbox.get(nonce))) as Outgoing | undefined;
            if (item) outbox.put({ ...item, failed });
        });
    }

    dropOutgoing(nonce: string): Promise<void> {
        return this.change(["outbox"], async (tx) => void tx.objectStore("outbox").delete(nonce));
    }

    // --- people ---

    users = async (): Promise<User[]> => wait(this.read("users").getAll());

    putUsers(users: User[]): Promise<void> {
        return this.change(["users"], async (tx) => {
            for (const user of users) tx.objectStore("users").put(user);
        });
    }
}

function whole(room: string): IDBKeyRange {
    return IDBKeyRange.bound([room, 0], [room, Infinity]);
}

function mine(item: Message, me: string): item is TextMessage {
    return item.kind === "text" && item.from === me;
}

// A text as an edit or delete of it leaves it.
export function changed(target: TextMessage, change: ChangeMessage): TextMessage {
    const next = { ...target };
    if (change.kind === "delete") {
        delete next.text;
        next.deleted_at = change.sent_at;
    } else if (change.text !== undefined && !target.deleted_at) {
        next.text = change.text;
        next.edited_at = change.sent_at;
    }
    return next;
}

// A new text of somebody else's is unread until one has read past it. One's own says nothing about what is above it: it may
// have been written before that came, or elsewhere.
export function count(room: RoomState, item: Shown, me: string): void {
    if (item.seq <= room.counted) return;
    room.counted = item.seq;
    if (item.kind === "text" && item.from !== me && item.seq > room.read_seq) room.unread = Math.min(100, room.unread + 1);
}

// How far to go back in a room that is new here, or was left far behind.
export const TAIL = 40;
const FAR = 400;

// Others' marks, those of the server among them; none moves down.
function readsOf(room: Room, known: RoomState | undefined): Record<string, number> {
    const reads = (room.kind === "dm" && known?.reads) || {};
    if (!room.peer_id || !room.peer_read_seq) return reads;
    return { ...reads, [room.peer_id]: Math.max(room.peer_read_seq, reads[room.peer_id] ?? 0) };
}

// What is kept of a room, once the server has said how it stands. forget: what was kept is too old to be filled up.
export function merge(room: Room, known: RoomState | undefined): { state: RoomState; forget: boolean } {
    const far = known && room.last_seq - known.high > FAR;
    if (!known || far) {
        const high = Math.max(0, room.last_seq - TAIL);
        const state = { ...room, high, low: high + 1, counted: room.last_seq, reads: readsOf(room, known) };
        return { state, forget: !!far };
    }
    const state = {
        ...known, ...room,
        last_seq: Math.max(room.last_seq, known.high),
        read_seq: Math.max(room.read_seq, known.read_seq),
        unread: known.read_seq > room.read_seq || known.counted > room.last_seq ? known.unread : room.unread,
        counted: Math.max(known.counted, room.last_seq),
        reads: readsOf(room, known),
    };
    return { state, forget: false };
}
