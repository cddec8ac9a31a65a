// Small parts that everything else is made of.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { User } from "../lib/types";
import { toasts, use, useTask, useTexts } from "./hooks";

// --- icons: 24 by 24, strokes ---

const PATHS = {
    bell: "M6 9a6 6 0 0 1 12 0c0 6 2.5 7 2.5 7h-17S6 15 6 9M10 20a2.2 2.2 0 0 0 4 0",
    people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.4c2.2.8 3.5 2.9 3.5 5.6",
    plus: "M12 5v14M5 12h14",
    gear: "M12 15.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4M19 12a7 7 0 0 0-.1-1.3l2-1.5-2-3.4-2.3 1a7 7 0 0 0-2.2-1.3L14 3h-4l-.4 2.5a7 7 0 0 0-2.2 1.3l-2.3-1-2 3.4 2 1.5a7 7 0 0 0 0 2.6l-2 1.5 2 3.4 2.3-1a7 7 0 0 0 2.2 1.3L10 21h4l.4-2.5a7 7 0 0 0 2.2-1.3l2.3 1 2-3.4-2-1.5c.1-.4.1-.9.1-1.3",
    back: "M15 5l-7 7 7 7",
    send: "M4 12l16-8-5 16-3.5-6.5L4 12M11.5 13.5L20 4",
    reply: "M9 7L4 12l5 5M4 12h9a7 7 0 0 1 7 7",
    pencil: "M4 20h4L19.5 8.5a2.1 2.1 0 0 0-3-3L5 17l-1 3M14.5 7.5l3 3",
    trash: "M4 7h16M9.5 7V4.5h5V7M6.5 7l1 13h9l1-13M10.5 11v5.5M13.5 11v5.5",
    check: "M5 12.5l4.5 4.5L19 7.5",
    checks: "M2.5 12.5L7 17l9.5-9.5M11.5 16l1.5 1 9-9.5",
    clock: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17M12 7.5V12l3 2",
    alert: "M12 3.5L2.5 20h19L12 3.5M12 10v4.5M12 17.2v.1",
    close: "M6 6l12 12M18 6L6 18",
    search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13M15.5 15.5L20.5 20.5",
    hash: "M9.5 4L7.5 20M16.5 4l-2 16M4.5 9h16M3.5 15h16",
    horn: "M4 10v4h3l8 4.5v-13L7 10H4M18 9.5a3.5 3.5 0 0 1 0 5",
    more: "M5.5 12h.1M12 12h.1M18.5 12h.1",
    door: "M14 4h5v16h-5M4 12h10M10.5 8.5L14 12l-3.5 3.5",
    chat: "M4 5h16v11H9.5L5 20v-4H4V5",
    down: "M12 5v14M6 13l6 6 6-6",
    link: "M10 14a4 4 0 0 0 5.7 0l3.5-3.5a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3.5 3.5a4 4 0 0 0 5.7 5.7l1-1",
    lock: "M6 11h12v9H6v-9M8.5 11V8a3.5 3.5 0 0 1 7 0v3",
    laptop: "M5 5h14v10H5V5M2.5 19h19",
    phone: "M8 3h8v18H8V3M11.5 18h1",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
    return (
        <svg class={`icon icon-${name}`} width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d={PATHS[name]} />
        </svg>
    );
}

// --- people ---

function initials(name: string): string {
    const letters = [...name.replace(/[^\p{L}\p{N}]+/gu, " ").trim()];
    return (letters[0] ?? "?").toUpperCase();
}

// One of eight colours, always the same for the same thing.
function hue(id: string): number {
    let sum = 0;
    for (const c of id) sum = (sum * 31 + c.charCodeAt(0)) % 8191;
    return sum % 8;
}

// The address as this page reaches the server, whatever name the server gives itself.
export function pictureOf(user: User): string | null {
    if (!user.avatar_url) return null;
    const url = new URL(user.avatar_url);
    return url.pathname + url.search;
}

export function Avatar({ user, online, size = 36 }: { user: User | undefined; online?: boolean; size?: number }) {
    const t = useTexts();
    const picture = user && pictureOf(user);
    return (
        <span class={`avatar avatar-${size} hue-${user && !user.deleted ? hue(user.id) : "none"}`}>
            {picture ? <img src={picture} alt="" width={size} height={size} loading="lazy" /> : <span aria-hidden="true">{user ? initials(user.nickname) : "·"}</span>}
            {online !== undefined && (
                <span class={`dot ${online ? "on" : "off"}`}>
                    <span class="hidden">{online ? t.online : t.offline}</span>
                </span>
            )}
        </span>
    );
}

export function Tile({ id, name, size = 44 }: { id: string; name: string; size?: number }) {
    return <span class={`tile tile-${size} hue-${hue(id)}`} aria-hidden="true">{initials(name)}</span>;
}

export function nameOf(user: User | undefined, t: { somebody: string; deletedUser: string }): string {
    return user ? (user.deleted ? t.deletedUser : user.nickname) : t.somebody;
}

// --- controls ---

type ButtonProps = {
    kind?: "primary" | "plain" | "danger" | "quiet";
    icon?: IconName;
    busy?: boolean;
    small?: boolean;
    children?: ComponentChildren;
} & Omit<JSX.ButtonHTMLAttributes<HTMLButtonElement>, "icon" | "size">;

export function Button({ kind = "plain", icon, busy, small, children, class: more, ...rest }: ButtonProps) {
    return (
        <button {...rest} type={rest.type ?? "button"} class={`button ${kind} ${small ? "small" : ""} ${(more as string | undefined) ?? ""}`}
            aria-busy={busy} disabled={busy || (rest.disabled as boolean | undefined)}>
            {icon && <Icon name={icon} size={small ? 16 : 18} />}
            {children}
        </button>
    );
}

export function IconButton({ icon, label, ...rest }: { icon: IconName; label: string } & Omit<JSX.ButtonHTMLAttributes<HTMLButtonElement>, "icon" | "label">) {
    return (
        <button title={label} aria-label={label} {...rest} type={rest.type ?? "button"} class={`icon-button ${(rest.class as string | undefined) ?? ""}`}>
            <Icon name={icon} />
        </button>
    );
}

export type FieldProps = { label: string; hint?: string; error?: string | undefined; value: string; onText: (text: string) => void; rows?: number } & Omit<
    JSX.InputHTMLAttributes<HTMLInputElement>, "value" | "label" | "rows">;

export function Field({ label, hint, error, value, onText, rows, ...rest }: FieldProps) {
    const id = useId();
    const t = useTexts();
    const [shown, setShown] = useState(false);
    const secret = rest.type === "password";
    const common = {
        id, value, "aria-invalid": error ? true : undefined,
        "aria-describedby": hint || error ? `${id}-hint` : undefined,
        onInput: (event: Event) => onText((event.target as HTMLInputElement).value),
    };
    return (
        <div class="field">
            <label for={id}>{label}</label>
            <div class="field-box">
                {rows ? <textarea {...common} rows={rows} maxLength={rest.maxLength as number} /> : <input {...rest} {...common} type={secret && shown ? "text" : rest.type ?? "text"} />}
                {secret && (
                    <button type="button" class="reveal" aria-pressed={shown} onClick={() => setShown(!shown)}>
                        {shown ? t.hidePassword : t.showPassword}
                    </button>
                )}
            </div>
            {(error || hint) && <p id={`${id}-hint`} class={error ? "hint bad" : "hint"}>{error ?? hint}</p>}
        </div>
    );
}

export function Badge({ count, label }: { count: number; label: string }) {
    if (count === 0) return null;
    return (
        <span class="badge">
            <span aria-hidden="true">{count >= 100 ? "99+" : count}</span>
            <span class="hidden">{label}</span>
        </span>
    );
}

export function Empty({ icon, children }: { icon: IconName; children: ComponentChildren }) {
    return (
        <div class="empty">
            <Icon name={icon} size={36} />
            <p>{children}</p>
        </div>
    );
}

// --- dialogs: the browser's own keep the focus inside, and close by Escape ---

export function Dialog({ title, onClose, children, wide }: { title: string; onClose: () => void; children: ComponentChildren; wide?: boolean }) {
    const box = useRef<HTMLDialogElement>(null);
    const id = useId();
    const t = useTexts();
    useLayoutEffect(() => {
        const before = document.activeElement as HTMLElement | null;
        box.current?.showModal();
        const around = before?.parentElement?.closest<HTMLElement>("[tabindex]");
        // What opened it may be gone: then to what was around it. And as long as the dialog is there, nothing else takes the focus.
        return () => queueMicrotask(() => [before, around, document.getElementById("main")].find((one) => one?.isConnected)?.focus());
    }, []);
    return (
        <dialog ref={box} class={wide ? "dialog wide" : "dialog"} aria-labelledby={id} onClose={onClose}
            onMouseDown={(event) => event.target === box.current && onClose()}>
            <div class="dialog-box">
                <header>
                    <h2 id={id}>{title}</h2>
                    <IconButton icon="close" label={t.close} onClick={onClose} />
                </header>
                {children}
            </div>
        </dialog>
    );
}

export function Confirm({ title, text, yes, onYes, onClose, children }: {
    title: string; text: string; yes: string; onYes: () => Promise<unknown>; onClose: () => void; children?: ComponentChildren;
}) {
    const t = useTexts();
    const [busy, run] = useTask();
    return (
        <Dialog title={title} onClose={onClose}>
            <form onSubmit={async (event) => {
                event.preventDefault();
                if (await run(onYes)) onClose();
            }}>
                <p>{text}</p>
                {children}
                <div class="actions">
                    <Button onClick={onClose}>{t.cancel}</Button>
                    <Button kind="danger" type="submit" busy={busy}>{yes}</Button>
                </div>
            </form>
        </Dialog>
    );
}

// A button that opens a short list of actions.
export interface Action {
    label: string;
    icon?: IconName;
    bad?: boolean;
    act: () => void;
}

export function Menu({ label, actions, icon = "more" }: { label: string; actions: Action[]; icon?: IconName }) {
    const [open, setOpen] = useState(false);
    const box = useRef<HTMLDivElement>(null);
    useEffect(() => {
        if (!open) return;
        box.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
        const away = (event: Event) => !box.current?.contains(event.target as Node) && setOpen(false);
        addEventListener("pointerdown", away);
        return () => removeEventListener("pointerdown", away);
    }, [open]);
    const close = () => {
        setOpen(false);
        box.current?.querySelector<HTMLElement>("button")?.focus();
    };
    return (
        <div class="menu" ref={box} onKeyDown={(event) => {
            if (!open) return;
            if (event.key === "Escape") {
                event.stopPropagation();
                close();
            }
            walk(event, "[role=menuitem]");
        }}>
            <IconButton icon={icon} label={label} aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)} />
            {open && (
                <ul role="menu" aria-label={label}>
                    {actions.map((action) => (
                        <li role="none" key={action.label}>
                            <button type="button" role="menuitem" tabIndex={-1} class={action.bad ? "bad" : ""} onClick={() => {
                                close();
                                action.act();
                            }}>
                                {action.icon && <Icon name={action.icon} size={18} />}
                                {action.label}
                            </button>
                        </li>
                    ))}
                </ul>
            )}
        </div>
    );
}

// Arrow keys, Home and End among the elements of a kind.
export function walk(event: KeyboardEvent, selector: string): void {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const items = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>(selector)];
    const at = items.indexOf(document.activeElement as HTMLElement);
    if (items.length === 0 || (at < 0 && !Number.isFinite(step))) return;
    event.preventDefault();
    const next = Number.isFinite(step) ? (at + step + items.length) % items.length : step < 0 ? 0 : items.length - 1;
    items[next]?.focus();
}

export function Tabs({ label, tabs, current }: { label: string; tabs: { id: string; text: string; href: string; count?: number }[]; current: string }) {
    const t = useTexts();
    const bar = useRef<HTMLElement>(null);
    useLayoutEffect(() => bar.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }), [current]);
    return (
        <nav class="tabs" aria-label={label} ref={bar}>
            {tabs.map((tab) => (
                <a key={tab.id} href={tab.href} aria-current={tab.id === current ? "page" : undefined}>
                    {tab.text}
                    {!!tab.count && <Badge count={tab.count} label={t.unread(tab.count)} />}
                </a>
            ))}
        </nav>
    );
}

export function More({ more }: { more: (() => void) | null }) {
    const t = useTexts();
    return more && <p class="center"><Button onClick={more}>{t.loadMore}</Button></p>;
}

export function Toasts() {
    const list = use(toasts);
    return (
        <div class="toasts" role="status" aria-live="polite">
            {list.map((one) => <p key={one.id} class={one.bad ? "toast bad" : "toast"}>{one.text}</p>)}
        </div>
    );
}

// --- times ---

export function timeOf(at: string | number, lang: string): string {
    return new Intl.DateTimeFormat(lang, { hour: "numeric", minute: "2-digit" }).format(new Date(at));
}

export function dayOf(at: string | number, t: { lang: string; today: string; yesterday: string }): string {
    const date = new Date(at), now = new Date();
    const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
    if (days === 0) return t.today;
    if (days === 1) return t.yesterday;
    const year = date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" as const };
    return new Intl.DateTimeFormat(t.lang, { weekday: "long", day: "numeric", month: "long", ...year }).format(date);
}

// As short as it can be: the time of today, the day of this year.
export function shortTime(at: string | number, t: { lang: string; yesterday: string }): string {
    const date = new Date(at), now = new Date();
    const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
    if (days === 0) return timeOf(at, t.lang);
    if (days === 1) return t.yesterday;
    return new Intl.DateTimeFormat(t.lang, days < 300 ? { day: "numeric", month: "short" } : { year: "numeric", month: "short" }).format(date);
}
