// The messages of a room. However long the log, only a piece of it is in the page: it moves as one scrolls, and what one
// looks at stays where it is.

import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Conversation } from "../lib/conversation";
import type { Outgoing, RoomState } from "../lib/store";
import type { TextMessage, User } from "../lib/types";
import { Avatar, Button, Confirm, dayOf, Empty, Icon, IconButton, nameOf, timeOf, walk, type IconName } from "./bits";
import { attempt, memo, use, useClient, useTexts } from "./hooks";

const STEP = 60; // messages at a time
const MOST = 180; // in the page
const EDGE_PX = 800; // from the edge at which more are put in
const NEAR_PX = 80; // from the bottom: still there
const GROUP_MS = 5 * 60 * 1000;

// Who has asked for what of a message.
export interface Ask {
    kind: "reply" | "edit";
    message: TextMessage;
}

interface Range {
    from: number; // seqs, the first and the last in the page
    to: number; // Infinity: the newest
}

export function Messages({ conversation, room, owner, onAsk }: {
    conversation: Conversation; room: RoomState; owner: boolean; onAsk: (ask: Ask) => void;
}) {
    const t = useTexts();
    const client = useClient();
    const all = use(conversation.shown);
    const start = use(conversation.start);
    const ready = use(conversation.ready);
    const failed = use(conversation.failed);
    const users = use(client.users);
    const outbox = use(client.outbox).filter((item) => item.room === room.id);
    const texts = useMemo(() => all.filter((item): item is TextMessage => item.kind === "text"), [all]);

    const box = useRef<HTMLDivElement>(null);
    const [range, setRange] = useState<Range>({ from: 0, to: Infinity });
    const [pinned, drawPinned] = useState(true);
    const stays = useRef(true); // the same at once, before anything is drawn
    const setPinned = (on: boolean) => {
        stays.current = on;
        drawPinned(on);
    };
    const [below, setBelow] = useState(0);
    const [doomed, setDoomed] = useState<TextMessage | null>(null);
    const [hot, setHot] = useState(0); // the one under the pointer or with the focus: it alone has buttons
    const heat = (event: Event) => {
        const row = (event.target as HTMLElement).closest<HTMLElement>("[data-seq]");
        if (row) setHot(Number(row.dataset["seq"]));
    };
    const anchor = useRef<{ seq: string; top: number } | null>(null);
    const [readAt] = useState(room.read_seq); // where the line "new" is drawn

    const first = texts[0]?.seq ?? 0, last = texts.at(-1)?.seq ?? 0;
    const end = range.to === Infinity ? texts.length : upper(texts, range.to);
    let begin = lower(texts, range.from);
    if (range.to === Infinity && pinned) begin = Math.max(begin, texts.length - STEP * 2);
    begin = Math.max(begin, end - MOST);
    const page = useMemo(() => texts.slice(begin, end), [texts, begin, end]); // as long as it is the same, nothing is scrolled

    // --- scrolling ---

    const remember = () => {
        const top = box.current!.getBoundingClientRect().top;
        for (const row of box.current!.querySelectorAll<HTMLElement>("[data-seq]")) {
            const rect = row.getBoundingClientRect();
            if (rect.bottom > top) {
                anchor.current = { seq: row.dataset["seq"]!, top: rect.top - top };
                return;
            }
        }
    };

    const move = (from: number, to: number) => {
        remember();
        setRange({ from: texts[Math.max(0, from)]?.seq ?? 0, to: to >= texts.length ? Infinity : texts[to - 1]!.seq });
    };

    const scrolled = useRef<() => void>(() => undefined);
    scrolled.current = () => {
        const view = box.current;
        if (!view) return;
        const left = view.scrollHeight - view.clientHeight - view.scrollTop;
        const near = left < NEAR_PX && end === texts.length;
        if (anchor.current) remember(); // older ones are on their way, and one has scrolled on
        if (near !== pinned) {
            if (!near) move(begin, end);
            else setBelow(0);
            setPinned(near);
        }
        if (view.scrollTop < EDGE_PX) {
            if (begin > 0) move(begin - STEP, Math.min(end, begin - STEP + MOST));
            else if (!start && ready && !failed) {
                remember();
                void conversation.older();
            }
        } else if (left < EDGE_PX && end < texts.length) {
            move(Math.max(begin, end + STEP - MOST), end + STEP);
        }
    };

    // What came in above or below must not move what is looked at.
    useLayoutEffect(() => {
        const view = box.current;
        if (!view) return;
        if (pinned) {
            view.scrollTop = view.scrollHeight;
        } else if (anchor.current) {
            const row = view.querySelector(`[data-seq="${anchor.current.seq}"]`);
            if (row) view.scrollTop += row.getBoundingClientRect().top - view.getBoundingClientRect().top - anchor.current.top;
            anchor.current = null;
        }
    }, [page, outbox.length, pinned]);

    // The first page in may be shorter than the window; and who stands at the top already will not scroll there again.
    useEffect(() => {
        if (ready) scrolled.current();
    }, [first, begin, ready, start]);

    // The window changes, and with it where lines break.
    useEffect(() => {
        const view = box.current!;
        const observer = new ResizeObserver(() => {
            if (stays.current) view.scrollTop = view.scrollHeight;
        });
        for (const one of [view, view.querySelector("ol")!]) observer.observe(one);
        return () => observer.disconnect();
    }, []);

    // --- what is new ---

    const known = useRef(last);
    useEffect(() => {
        if (last > known.current && !pinned) {
            setBelow((n) => n + texts.filter((m) => m.seq > known.current && m.from !== client.id).length);
        }
        if (last > known.current && texts.at(-1)?.from === client.id) toNewest();
        known.current = last;
    }, [last]);

    useEffect(() => {
        const mark = () => {
            if (pinned && document.visibilityState === "visible" && document.hasFocus() && room.high > room.read_seq) {
                client.markRead(room.id, room.high);
            }
        };
        mark();
        addEventListener("focus", mark);
        document.addEventListener("visibilitychange", mark);
        return () => {
            removeEventListener("focus", mark);
            document.removeEventListener("visibilitychange", mark);
        };
    }, [pinned, room.high, room.read_seq, room.id]);

    const toNewest = () => {
        anchor.current = null;
        setRange({ from: 0, to: Infinity });
        setPinned(true);
        setBelow(0);
    };
    const pending = outbox.length;
    useEffect(() => {
        if (pending > 0) toNewest();
    }, [pending]);

    const readBy = room.reads[room.peer_id ?? ""] ?? 0;
    const ask = useCallback(onAsk, [room.id]);
    const doom = useCallback((message: TextMessage) => setDoomed(message), []);
    const firstNew = readAt > 0 || room.kind !== "dm" ? texts.find((m) => m.seq > readAt && m.from !== client.id)?.seq : undefined;

    return (
        <div class="messages-frame">
            <div class="messages" ref={box} onScroll={() => scrolled.current()} tabIndex={0} role="group" aria-label={t.messages}
                onPointerOver={heat} onFocusIn={heat}
                onKeyDown={(event) => {
                    if (event.target === box.current && event.key === "ArrowUp") {
                        event.preventDefault();
                        const rows = box.current!.querySelectorAll<HTMLElement>(".message");
                        rows[rows.length - 1]?.focus();
                    } else {
                        walk(event, ".message");
                    }
                }}>
                {begin === 0 && start && (
                    texts.length + pending === 0 ? <Empty icon={room.kind === "server" ? "horn" : "chat"}>{room.kind === "server" ? t.noPosts : t.noMessages}</Empty>
                        : <p class="beginning muted">{t.beginning}</p>
                )}
                {!start && !failed && <p class="beginning muted">{t.loading}</p>}
                {failed && (
                    <p class="beginning muted">{t.olderFailed} <button type="button" class="link" onClick={() => void conversation.older()}>{t.retry}</button></p>
                )}
                <ol>
                    {page.flatMap((message, i) => {
                        const previous = page[i - 1];
                        const day = dayOf(message.sent_at, t);
                        const newDay = !previous || dayOf(previous.sent_at, t) !== day;
                        const isNew = message.seq === firstNew;
                        const compact = !newDay && !isNew && !message.reply_to && previous.from === message.from &&
                            Date.parse(message.sent_at) - Date.parse(previous.sent_at) < GROUP_MS;
                        return [
                            newDay && <li key={`day ${message.seq}`} class="day"><span>{day}</span></li>,
                            isNew && <li key="new" class="day new"><span>{t.newMessages}</span></li>,
                            <Row key={message.seq} message={message} compact={compact}
                                author={message.from === client.id ? client.me.value : users.get(message.from) ?? client.user(message.from)}
                                hot={message.seq === hot} mine={message.from === client.id} owner={owner} canSend={room.can_send}
                                read={room.kind === "dm" && message.from === client.id && readBy >= message.seq}
                                quoted={message.reply_to ? find(texts, message.reply_to) ?? null : undefined}
                                quotedBy={quotedBy(message, texts, users, client.me.value)} onAsk={ask} onDelete={doom} />,
                        ];
                    })}
                    {end === texts.length && outbox.map((item) => <Waiting key={item.nonce} item={item} me={client.me.value} after={texts.at(-1)} />)}
                </ol>
            </div>
            {!pinned && (
                <Button class="to-newest" icon="down" small onClick={toNewest}>{below > 0 ? t.newBelow(below) : t.jumpToNewest}</Button>
            )}
            {doomed && (
                <Confirm title={t.deleteMessage} text={t.deleteMessageText} yes={t.delete} onClose={() => setDoomed(null)} onYes={() => client.remove(doomed)}>
                    <blockquote class="quote">{doomed.text}</blockquote>
                </Confirm>
            )}
        </div>
    );
}

function quotedBy(message: TextMessage, texts: TextMessage[], users: Map<string, User>, me: User): User | undefined {
    const from = message.reply_to ? find(texts, message.reply_to)?.from : undefined;
    return from === me.id ? me : from ? users.get(from) : undefined;
}

// The first index whose seq is at least, and the first whose is beyond.
function lower(list: TextMessage[], seq: number): number {
    let low = 0, high = list.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (list[middle]!.seq < seq) low = middle + 1;
        else high = middle;
    }
    return low;
}
function find(list: TextMessage[], seq: number): TextMessage | undefined {
    const found = list[lower(list, seq)];
    return found?.seq === seq ? found : undefined;
}

const upper = (list: TextMessage[], seq: number) => lower(list, seq + 1);

interface RowProps {
    message: TextMessage;
    author: User | undefined;
    compact: boolean;
    hot: boolean;
    mine: boolean;
    owner: boolean;
    canSend: boolean;
    read: boolean;
    quoted: TextMessage | null | undefined;
    quotedBy: User | undefined;
    onAsk: (ask: Ask) => void;
    onDelete: (message: TextMessage) => void;
}

const Row = memo(function Row({ message, author, compact, hot, mine, owner, canSend, read, quoted, quotedBy, onAsk, onDelete }: RowProps) {
    const t = useTexts();
    const name = nameOf(author, t);
    const gone = message.text === undefined;
    const time = timeOf(message.sent_at, t.lang);
    return (
        <li class={`message ${compact ? "compact" : ""} ${mine ? "mine" : ""}`} data-seq={message.seq} tabIndex={-1}>
            {compact ? <time class="aside" dateTime={message.sent_at}>{time.replace(/\s?[AP]M$/, "")}</time> : <Avatar user={author} size={36} />}
            <div class="message-body">
                {!compact && (
                    <p class="message-head">
                        <span class="author">{name}</span>
                        <time dateTime={message.sent_at} title={new Date(message.sent_at).toLocaleString(t.lang)}>{time}</time>
                    </p>
                )}
                {quoted !== undefined && (
                    <p class="in-reply">
                        <Icon name="reply" size={14} />
                        <span class="hidden">{t.inReplyTo}</span>
                        {quoted ? <><strong>{nameOf(quotedBy, t)}</strong> <span>{quoted.text ?? t.deleted}</span></> : <span>…</span>}
                    </p>
                )}
                <div class="said">
                    <p class={gone ? "text gone" : "text"}>
                        {gone ? t.deleted : <Text text={message.text!} />}
                        {message.edited_at && !gone && <span class="edited" title={new Date(message.edited_at).toLocaleString(t.lang)}> ({t.edited})</span>}
                    </p>
                    {mine && !gone && <Status name={read ? "read" : "sent"} icon={read ? "checks" : "check"} text={read ? t.read : t.sent} />}
                </div>
            </div>
            {hot && !gone && (canSend || mine || owner) && (
                <div class="tools">
                    {canSend && <IconButton icon="reply" label={t.reply} onClick={() => onAsk({ kind: "reply", message })} />}
                    {mine && canSend && <IconButton icon="pencil" label={t.edit} onClick={() => onAsk({ kind: "edit", message })} />}
                    {(mine || owner) && <IconButton icon="trash" label={t.delete} onClick={() => onDelete(message)} />}
                </div>
            )}
        </li>
    );
});

function Waiting({ item, me, after }: { item: Outgoing; me: User; after: TextMessage | undefined }) {
    const t = useTexts();
    const client = useClient();
    const compact = after?.from === me.id && item.at - Date.parse(after.sent_at) < GROUP_MS && !item.reply_to;
    return (
        <li class={`message mine waiting ${compact ? "compact" : ""} ${item.failed ? "failed" : ""}`} tabIndex={-1} data-nonce={item.nonce}>
            {compact ? <time class="aside">{timeOf(item.at, t.lang).replace(/\s?[AP]M$/, "")}</time> : <Avatar user={me} size={36} />}
            <div class="message-body">
                {!compact && (
                    <p class="message-head">
                        <span class="author">{me.nickname}</span>
                        <time>{timeOf(item.at, t.lang)}</time>
                    </p>
                )}
                <div class="said">
                    <p class="text"><Text text={item.text} /></p>
                    {!item.failed && <Status name="pending" icon="clock" text={t.pending} />}
                </div>
                {item.failed && (
                    <p class="failure" role="alert">
                        <Icon name="alert" size={15} />
                        <span>{t.notSent}: {t.errors[item.failed] ?? t.errors["internal"]}</span>
                        <button type="button" class="link" onClick={() => attempt(client.retry(item.nonce))}>{t.retry}</button>
                        <button type="button" class="link" onClick={() => attempt(client.discard(item.nonce))}>{t.discard}</button>
                    </p>
                )}
            </div>
        </li>
    );
}

function Status({ name, icon, text }: { name: string; icon: IconName; text: string }) {
    return (
        <span class={`status ${name}`} title={text}>
            <Icon name={icon} size={15} />
            <span class="hidden">{text}</span>
        </span>
    );
}

// Text as text; addresses in it can be followed.
function Text({ text }: { text: string }) {
    const parts = text.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'»])/g);
    return (
        <>
            {parts.map((part, i) => (i % 2 ? <a key={i} href={part} target="_blank" rel="noopener noreferrer nofollow">{part}</a> : part))}
        </>
    );
}
