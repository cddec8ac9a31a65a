// What the tabs of one person tell each other. Whoever says something hears it as well.

import type { Shown } from "./store";

export interface LiveState {
    phase: "connecting" | "syncing" | "online" | "offline";
    retryAt?: number; // of offline
}

export type Note =
    // The tab that is connected, to all
    | { type: "state"; state: LiveState }
    | { type: "presence"; online: string[] }
    | { type: "typing"; room: string; user: string }
    | { type: "messages"; room: string; shown: Shown[] }
    | { type: "reset"; room: string }
    | { type: "rooms" }
    | { type: "outbox" }
    // Any tab to all: fetch again
    | { type: "friends" }
    | { type: "servers" }
    | { type: "channels"; server: string }
    | { type: "me" }
    | { type: "signed-out"; session: string }
    | { type: "looked" } // somebody looks at that tab
    // Any tab to the one that is connected
    | { type: "hello" }
    | { type: "refresh" } // rooms and subscriptions
    | { type: "mark"; room: string; seq: number }
    | { type: "types"; room: string }
    | { type: "wake" };

export class Hub {
    private channel: BroadcastChannel;
    private listeners = new Set<(note: Note) => void>();

    constructor(user: string) {
        this.channel = new BroadcastChannel(`hum.${user}`);
        this.channel.onmessage = (event) => this.dispatch(event.data as Note);
    }

    tell(note: Note): void {
        this.channel.postMessage(note);
        this.dispatch(note);
    }

    listen(listener: (note: Note) => void): () => void {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    }

    private dispatch(note: Note): void {
        for (const listener of [...this.listeners]) listener(note);
    }

    close(): void {
        this.channel.close();
        this.listeners.clear();
    }
}
