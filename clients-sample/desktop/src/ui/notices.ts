// What comes while nobody looks at Hum is said by the system, where somebody has asked for that. The tab that is connected
// does so, unless another one says that it is being looked at.

import type { Client } from "../lib/client";
import type { RoomState, Shown } from "../lib/store";
import { nameOf, pictureOf } from "./bits";
import { go } from "./route";
import { notify, texts } from "./settings-store";

const WAIT_MS = 300; // for the word of another tab
const BODY_MAX = 160;

// Pages that came neither over HTTPS nor from the machine itself may not.
export const canNotify = (): boolean => isSecureContext && "Notification" in window;

export const wantsNotices = (): boolean => notify.value && canNotify() && Notification.permission === "granted";

// Asks for leave. Whether it was given.
export async function askForNotices(): Promise<boolean> {
    return (await Notification.requestPermission()) === "granted";
}

const looking = (): boolean => document.visibilityState === "visible" && document.hasFocus();

export function watchNotices(client: Client): () => void {
    const open = new Map<string, Notification>(); // by room
    let looked = 0;
    const close = (room: string) => {
        open.get(room)?.close();
        open.delete(room);
    };
    const unlisten = client.hub.listen((note) => {
        if (note.type === "looked") looked = Date.now();
        if (note.type !== "messages") return;
        const item = note.shown.findLast((one) => isNews(client, one));
        if (!item) return;
        if (looking()) return client.hub.tell({ type: "looked" });
        if (!client.leading.value || !wantsNotices()) return;
        const since = Date.now();
        setTimeout(() => {
            const room = client.rooms.value.get(note.room);
            if (looked < since && room && item.seq > room.read_seq) open.set(room.id, say(client, room, item));
        }, WAIT_MS);
    });
    // What has been read, here or elsewhere, is no news any more.
    const unwatch = client.rooms.watch((rooms) => {
        for (const id of open.keys()) {
            const room = rooms.get(id);
            if (!room || room.read_seq >= room.last_seq) close(id);
        }
    });
    return () => {
        unlisten();
        unwatch();
        for (const id of [...open.keys()]) close(id);
    };
}

function isNews(client: Client, item: Shown): boolean {
    if (item.seq <= (client.rooms.value.get(item.room)?.read_seq ?? 0)) return false;
    if (item.kind === "text") return item.from !== client.id && item.text !== undefined && !item.edited_at;
    return item.kind !== "friend_request_declined" && item.kind !== "friend_removed";
}

function say(client: Client, room: RoomState, item: Shown): Notification {
    const t = texts.value;
    const options: NotificationOptions = { tag: room.id, lang: t.lang };
    let title = "Hum";
    if (item.kind === "text") {
        const author = client.user(item.from);
        const name = nameOf(author, t);
        const picture = author && pictureOf(author);
        const text = item.text!.length > BODY_MAX ? `${item.text!.slice(0, BODY_MAX)}…` : item.text!;
        title = room.kind === "dm" ? name : room.kind === "channel" ? `#${room.title}` : (room.title ?? title);
        options.body = room.kind === "dm" ? text : t.messageFrom(name, text);
        if (picture) options.icon = picture;
    } else {
        const { user, server, channel, reason } = item.data;
        const words = t.notice[item.kind] as (who: string, server: string, channel: string, reason: string) => string;
        options.body = words(user?.nickname ?? "", server?.name ?? "", channel?.name ?? "", reason ?? "");
    }
    const notice = new Notification(title, options);
    notice.onclick = () => {
        window.focus();
        go(placeOf(room));
        notice.close();
    };
    return notice;
}

function placeOf(room: RoomState): string {
    const parts = room.topic.split("/");
    switch (room.kind) {
        case "dm": return `/dm/${room.id}`;
        case "channel": return `/server/${parts[1]}/channel/${room.id}`;
        case "server": return `/server/${room.id}/posts`;
        case "inbox": return "/notifications";
    }
}
