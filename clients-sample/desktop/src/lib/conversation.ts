// The piece of a room's log that is being looked at. It grows upwards, from the store first and then by REST.

import type { Client } from "./client";
import { Signal } from "./signal";
import type { Shown } from "./store";

const PAGE = 60;

export class Conversation {
    readonly shown = new Signal<Shown[]>([]);
    readonly start = new Signal(false); // the first one is the first of all
    readonly ready = new Signal(false);
    readonly failed = new Signal(false); // older ones could not be fetched

    private loading: Promise<void> | null = null;
    private stopped = false;
    private unlisten: () => void;

    constructor(private client: Client, readonly room: string) {
        this.unlisten = client.hub.listen((note) => {
            if (note.type === "messages" && note.room === room) this.upsert(note.shown);
            if (note.type === "reset" && note.room === room) {
                this.shown.value = [];
                this.start.value = false;
                void this.open();
            }
            // New here: what it holds has come now, or its first page may be fetched.
            if (note.type === "rooms" && this.shown.value.length < PAGE / 2 && !this.start.value) void this.open();
        });
        void this.open();
    }

    close(): void {
        this.stopped = true;
        this.unlisten();
    }

    private async open(): Promise<void> {
        const found = await this.client.store.window(this.room, Infinity, PAGE).catch(() => []);
        if (this.stopped) return;
        this.upsert(found, true);
        const state = await this.client.store.room(this.room).catch(() => undefined);
        if (!state) return;
        if (found.length < PAGE && state.low <= 1) this.start.value = true;
        if (found.length < PAGE / 2 && state.low > 1) await this.older();
        this.ready.value = true;
    }

    // Fetches older ones, once at a time.
    older(): Promise<void> {
        this.loading ??= this.doOlder().finally(() => {
            this.loading = null;
        });
        return this.loading;
    }

    private async doOlder(): Promise<void> {
        if (this.start.value || this.stopped) return;
        const first = this.shown.value[0]?.seq ?? Infinity;
        this.failed.value = false;
        for (;;) {
            const found = await this.client.store.window(this.room, first, PAGE);
            const state = await this.client.store.room(this.room);
            if (!state || this.stopped) return;
            if (found.length > 0 && (found.length >= PAGE / 2 || state.low <= 1)) {
                this.upsert(found, true);
                if (found.length < PAGE && state.low <= 1) this.start.value = true;
                return;
            }
            if (state.low <= 1) {
                this.start.value = true;
                return;
            }
            try {
                const page = await this.client.api.messages(this.room, { before: state.low, limit: 100 });
                await this.client.store.prepend(this.room, this.client.id, page.items, page.next === null);
                const mine = new Set(page.items.map((item) => (item.kind === "text" ? item.nonce : "")));
                if (this.client.outbox.value.some(({ nonce }) => mine.has(nonce))) this.client.hub.tell({ type: "outbox" });
                const now = await this.client.store.room(this.room);
                if (now?.low === state.low) throw new Error("a page that does not go on from there");
            } catch {
                this.failed.value = true;
                return;
            }
        }
    }

    // Puts them where they belong; the newest word on a number counts, which is never that of the store: older, those that
    // were asked for. Otherwise a change of something further up than what is looked at shows when one gets there.
    private upsert(items: Shown[], older = false): void {
        if (items.length === 0) return;
        const list = this.shown.value;
        const last = list.at(-1)?.seq ?? -1;
        if (items.every((item) => item.seq > last)) {
            this.shown.value = [...list, ...items];
            return;
        }
        const first = list[0]?.seq ?? Infinity;
        const bySeq = new Map(list.map((item) => [item.seq, item]));
        for (const item of items) if (older ? !bySeq.has(item.seq) : item.seq >= first) bySeq.set(item.seq, item);
        this.shown.value = [...bySeq.values()].sort((a, b) => a.seq - b.seq);
    }
}
