// A room: its head, its messages, and where one writes.

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Conversation } from "../lib/conversation";
import type { RoomState } from "../lib/store";
import type { TextMessage } from "../lib/types";
import { Icon, IconButton, nameOf } from "./bits";
import { attempt, use, useClient, useTexts } from "./hooks";
import { Messages, type Ask } from "./messages";
import { route } from "./route";

const TEXT_MAX = 4000;

export function Head({ title, sub, before, children }: { title: string; sub?: ComponentChildren; before?: ComponentChildren; children?: ComponentChildren }) {
    const t = useTexts();
    const at = use(route);
    return (
        <header class="head">
            <a class="icon-button to-list" href={at.page === "server" ? `#/server/${at.id}` : "#/"} aria-label={t.backToList} title={t.backToList}><Icon name="back" /></a>
            {before}
            <div class="head-text">
                <h1 tabIndex={-1}>{title}</h1>
                {sub && <p class="muted">{sub}</p>}
            </div>
            {children}
        </header>
    );
}

export function Chat({ room, name, owner = false }: { room: RoomState; name: string; owner?: boolean }) {
    const client = useClient();
    const t = useTexts();
    const conversation = useMemo(() => new Conversation(client, room.id), [room.id]);
    useEffect(() => () => conversation.close(), [conversation]);
    const [ask, setAsk] = useState<Ask | null>(null);
    useEffect(() => setAsk(null), [room.id]);
    return (
        <div class="chat">
            <Messages key={room.id} conversation={conversation} room={room} owner={owner} onAsk={setAsk} />
            <Typing room={room} />
            <Announcer conversation={conversation} />
            {room.can_send ? (
                <Composer key={room.id} room={room} name={name} ask={ask} onDone={() => setAsk(null)}
                    onEditLast={() => {
                        const last = conversation.shown.value.findLast((m): m is TextMessage => m.kind === "text" && m.from === client.id && m.text !== undefined);
                        if (last) setAsk({ kind: "edit", message: last });
                    }} />
            ) : (
                <p class="cannot muted"><Icon name="lock" size={16} />{t.cannotSend[room.kind as "dm"]}</p>
            )}
        </div>
    );
}

function Typing({ room }: { room: RoomState }) {
    const client = useClient();
    const t = useTexts();
    const typing = use(client.typing).get(room.id);
    const names = [...(typing?.keys() ?? [])].map((id) => nameOf(client.user(id), t));
    return (
        <p class="typing muted" aria-live="polite">
            {names.length > 0 && <><span class="dots" aria-hidden="true"><i /><i /><i /></span>{t.typing(names)}</>}
        </p>
    );
}

// Reads out what others say while one is here.
function Announcer({ conversation }: { conversation: Conversation }) {
    const client = useClient();
    const t = useTexts();
    const [word, setWord] = useState("");
    useEffect(() => client.hub.listen((note) => {
        if (note.type !== "messages" || note.room !== conversation.room) return;
        const texts = note.shown.filter((item): item is TextMessage => item.kind === "text" && item.from !== client.id && !item.edited_at && item.text !== undefined);
        const last = texts.at(-1);
        if (last) setWord(t.messageFrom(nameOf(client.user(last.from), t), last.text!));
    }), [conversation, t]);
    return <p class="hidden" role="log" aria-live="polite">{word}</p>;
}

export const drafts = new Map<string, string>();

function Composer({ room, name, ask, onDone, onEditLast }: {
    room: RoomState; name: string; ask: Ask | null; onDone: () => void; onEditLast: () => void;
}) {
    const client = useClient();
    const t = useTexts();
    const [text, setText] = useState(drafts.get(room.id) ?? "");
    const area = useRef<HTMLTextAreaElement>(null);
    const length = [...text.trim()].length;

    useEffect(() => {
        if (ask?.kind === "edit") setText(ask.message.text ?? "");
        if (ask) area.current?.focus();
    }, [ask]);
    useEffect(() => {
        if (matchMedia("(hover: hover)").matches) area.current?.focus({ preventScroll: true });
    }, []);
    // As high as what is in it.
    useEffect(() => {
        const box = area.current!;
        box.style.height = "auto";
        box.style.height = `${box.scrollHeight}px`;
    }, [text]);

    const leave = () => {
        if (ask?.kind === "edit") setText(drafts.get(room.id) ?? "");
        onDone();
    };
    const write = (next: string) => {
        setText(next);
        if (ask?.kind === "edit") return;
        drafts.set(room.id, next);
        if (next.trim()) client.types(room.id);
    };
    const send = async () => {
        const what = text.trim();
        if (!what || length > TEXT_MAX) return;
        if (ask?.kind === "edit") {
            const { message } = ask;
            if (what === message.text || (await attempt(client.edit(message, what)))) leave();
            return;
        }
        setText("");
        drafts.delete(room.id);
        onDone();
        if (await attempt(client.send(room.id, what, ask?.message.seq))) return;
        // It could not be kept: it is still there to be sent.
        drafts.set(room.id, drafts.get(room.id) || what);
        setText((now) => now || what);
    };

    return (
        <form class="composer" onSubmit={(event) => {
            event.preventDefault();
            void send();
        }}>
            {ask && (
                <div class="asking">
                    <Icon name={ask.kind === "edit" ? "pencil" : "reply"} size={16} />
                    <p>
                        <strong>{ask.kind === "edit" ? t.editing : t.replyingTo(ask.message.from === client.id ? t.you : nameOf(client.user(ask.message.from), t))}</strong>{" "}
                        <span class="muted">{ask.message.text}</span>
                    </p>
                    <IconButton icon="close" label={t.cancel} onClick={leave} />
                </div>
            )}
            <div class="composer-row">
                <textarea ref={area} rows={1} value={text} aria-label={t.writeTo(name)} placeholder={t.writeTo(name)}
                    onInput={(event) => write(event.currentTarget.value)}
                    onKeyDown={(event) => {
                        if (event.isComposing) return;
                        if (event.key === "Enter" && !event.shiftKey) {
                            event.preventDefault();
                            void send();
                        } else if (event.key === "Escape" && ask) {
                            event.stopPropagation();
                            leave();
                        } else if (event.key === "ArrowUp" && text === "" && !ask) {
                            event.preventDefault();
                            onEditLast();
                        }
                    }} />
                <IconButton icon="send" label={ask?.kind === "edit" ? t.save : t.send} type="submit" class="send" disabled={length === 0 || length > TEXT_MAX} />
            </div>
            {length > TEXT_MAX && <p class="hint bad" role="alert">{t.tooLong(length - TEXT_MAX)}</p>}
        </form>
    );
}
