// Sends the outbox: what waits goes out in its order. Of a room one message is under way at a time, so that none can pass
// another, whatever is refused or lost on the way.

import { type Api, ApiError } from "./api";
import type { Hub } from "./hub";
import type { Outgoing, Store } from "./store";
import type { TextMessage } from "./types";

const FLIGHT_MAX = 16; // rooms at once
const ECHO_MS = 15_000; // as long a message may be under way before it is sent again, with its nonce
const TRIES_MAX = 2; // without an echo; then REST is asked, which answers with the original if there is one
const HOLD_MS = 3000;
const PASSING = ["rate_limited", "unavailable", "internal", "offline", "unauthorized"]; // it may well go the next time

export interface Failure {
    room?: string;
    nonce?: string;
    code: string;
    retry_after_ms?: number;
}

// What the sender needs of the connection.
export interface Line {
    publish(topic: string, payload: string): void;
    check(): void;
}

interface Flight {
    nonce: string;
    at: number;
}

export class Sender {
    private line: Line | null = null;
    private flight = new Map<string, Flight>(); // by room
    private tries = new Map<string, number>(); // by nonce
    private holdUntil = 0;
    private pumping = false;
    private pumpAgain = false;

    constructor(
        private api: Api,
        private store: Store,
        private hub: Hub,
        private topics: Map<string, string>, // by room id
        private signal: AbortSignal,
        private taken: (message: TextMessage) => void, // told by REST to be in the log
    ) {}

    // The connection that can be worked with, or none.
    use(line: Line | null): void {
        this.line = line;
        this.flight.clear();
        this.holdUntil = 0;
        if (line) void this.pump();
    }

    // These are in the log.
    echoed(nonces: string[]): void {
        for (const nonce of nonces) this.land(nonce);
        if (nonces.length > 0) void this.pump();
    }

    // A part of this room's log is skipped, and with it perhaps the echo of what waits.
    async doubt(room: string): Promise<void> {
        for (const item of await this.store.outbox()) if (item.room === room) this.tries.set(item.nonce, TRIES_MAX);
    }

    async pump(): Promise<void> {
        if (this.pumping) {
            this.pumpAgain = true;
            return;
        }
        this.pumping = true;
        try {
            do {
                this.pumpAgain = false;
                await this.pumpOnce();
            } while (this.pumpAgain);
        } catch {
            // The store does not answer: the next tick asks again.
        } finally {
            this.pumping = false;
        }
    }

    private async pumpOnce(): Promise<void> {
        if (!this.line || performance.now() < this.holdUntil) return;
        const waiting = await this.store.outbox();
        const nonces = new Set(waiting.map((item) => item.nonce));
        for (const { nonce } of [...this.flight.values()]) if (!nonces.has(nonce)) this.land(nonce);
        for (const item of waiting) {
            if (!this.line || this.flight.size >= FLIGHT_MAX || performance.now() < this.holdUntil) return;
            if (item.failed || this.flight.has(item.room)) continue;
            const topic = this.topics.get(item.room);
            if (topic) this.send(item, topic);
            else await this.fail(item.nonce, "not_found");
        }
    }

    private send(item: Outgoing, topic: string): void {
        const { nonce, room, text, reply_to } = item;
        const tries = this.tries.get(nonce) ?? 0;
        this.flight.set(room, { nonce, at: performance.now() });
        if (tries >= TRIES_MAX) return void this.ask(item);
        this.line?.publish(`${topic}/send`, JSON.stringify({ nonce, text, reply_to }));
    }

    // By REST, with the same nonce: the answer says where in the log it is.
    private async ask({ nonce, room, text, reply_to }: Outgoing): Promise<void> {
        try {
            const message = await this.api.post(room, { nonce, text, reply_to });
            const known = await this.store.room(room);
            if (known && message.seq > known.high) return this.taken(message); // its echo is to be fetched
            await this.store.dropOutgoing(nonce);
            this.hub.tell({ type: "outbox" });
            this.echoed([nonce]);
        } catch (error) {
            const { code, retryAfter } = error instanceof ApiError ? error : { code: "internal", retryAfter: 0 };
            await this.refused({ nonce, code, retry_after_ms: retryAfter * 1000 || HOLD_MS });
        }
    }

    private land(nonce: string): void {
        for (const [room, flight] of [...this.flight]) if (flight.nonce === nonce) this.flight.delete(room);
        this.tries.delete(nonce);
    }

    private async fail(nonce: string, code: string): Promise<void> {
        await this.store.failOutgoing(nonce, code);
        this.land(nonce);
        this.hub.tell({ type: "outbox" });
    }

    async refused(failure: Failure): Promise<void> {
        const { nonce, code } = failure;
        if (!nonce) return;
        if (!PASSING.includes(code)) return this.fail(nonce, code);
        const wait = failure.retry_after_ms ?? HOLD_MS;
        this.holdUntil = Math.max(this.holdUntil, performance.now() + wait);
        for (const [room, flight] of [...this.flight]) if (flight.nonce === nonce) this.flight.delete(room);
        setTimeout(() => {
            if (!this.signal.aborted) void this.pump();
        }, wait + 10);
    }

    // What has had no echo for long goes again, and the line is looked at.
    tick(now = performance.now()): void {
        const late = [...this.flight].filter(([, { at }]) => now - at > ECHO_MS);
        for (const [room, { nonce }] of late) {
            this.flight.delete(room);
            this.tries.set(nonce, (this.tries.get(nonce) ?? 0) + 1);
        }
        if (late.length > 0) this.line?.check();
        void this.pump();
    }
}
