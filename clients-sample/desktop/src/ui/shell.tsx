// The frame: the rail of servers, the list of what there is in one of them, and what one looks at.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Client } from "../lib/client";
import type { RoomState } from "../lib/store";
import { Avatar, Badge, Dialog, Icon, nameOf, shortTime, Tile, walk, type IconName } from "./bits";
import { Chat, Head } from "./chat";
import { FriendButton, FriendsPage, Person } from "./friends";
import { attempt, use, useClient, useTexts } from "./hooks";
import { Mark } from "./mark";
import { watchNotices } from "./notices";
import { NotificationsPage } from "./notifications";
import { go, route as routeSignal, type Route } from "./route";
import { InviteLink, ServerBar, ServerPage, ServersPage } from "./servers";
import { SettingsPage } from "./settings";

export function inboxUnread(client: Client, rooms: Map<string, RoomState>): number {
    const inbox = rooms.get(client.id);
    return inbox ? Math.max(0, inbox.last_seq - inbox.read_seq) : 0;
}

export function Shell({ onSignOut }: { onSignOut: () => void }) {
    const client = useClient();
    const t = useTexts();
    const route = use(routeSignal);
    const rooms = use(client.rooms);
    const [quick, setQuick] = useState(false);
    useEffect(() => watchNotices(client), [client]);
    const main = useRef<HTMLElement>(null);

    // The title tells how much is unread, whichever tab is on top.
    const unread = [...rooms.values()].reduce((sum, room) => sum + (room.kind === "inbox" ? 0 : room.unread), 0) + inboxUnread(client, rooms);
    useEffect(() => {
        document.title = unread > 0 ? `(${unread > 99 ? "99+" : unread}) Hum` : "Hum";
    }, [unread]);

    useEffect(() => {
        const key = (event: KeyboardEvent) => {
            if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
                event.preventDefault();
                setQuick(true);
            } else if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
                event.preventDefault();
                step(event.key === "ArrowDown" ? 1 : -1);
            }
        };
        addEventListener("keydown", key);
        return () => removeEventListener("keydown", key);
    }, []);

    // A page that has no place of its own to write in gets the focus at its title.
    const place = JSON.stringify(route);
    const first = useRef(true);
    useEffect(() => {
        if (first.current) {
            first.current = false;
            return;
        }
        if (!main.current?.contains(document.activeElement)) main.current?.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
    }, [place]);

    return (
        <div class={`shell ${route.page === "home" || (route.page === "server" && !route.channel && !route.tab) ? "at-list" : "at-main"}`}>
            <a class="skip" href="#main" onClick={(event) => {
                event.preventDefault();
                main.current?.focus();
            }}>{t.skip}</a>
            <Rail route={route} />
            <Sidebar route={route} onQuick={() => setQuick(true)} />
            <main id="main" ref={main} tabIndex={-1}>
                <Connection />
                <Main route={route} onSignOut={onSignOut} />
            </main>
            {quick && <Quick onClose={() => setQuick(false)} />}
        </div>
    );
}

function step(by: number): void {
    const links = [...document.querySelectorAll<HTMLAnchorElement>(".sidebar nav a[href]")];
    const at = links.findIndex((link) => link.getAttribute("aria-current"));
    links[(at + by + links.length) % links.length]?.click();
}

function Main({ route, onSignOut }: { route: Route; onSignOut: () => void }) {
    switch (route.page) {
        case "home": return <Welcome />;
        case "friends": return <FriendsPage tab={route.tab} />;
        case "notifications": return <NotificationsPage />;
        case "dm": return <DmPage key={route.id} id={route.id} />;
        case "servers": return <ServersPage />;
        case "server": return <ServerPage key={route.id} id={route.id} channel={route.channel} tab={route.tab} />;
        case "settings": return <SettingsPage tab={route.tab} onSignOut={onSignOut} />;
        case "invite": return <InviteLink code={route.code} />;
    }
}

function Welcome() {
    const client = useClient();
    const t = useTexts();
    const me = use(client.me);
    const online = use(client.online);
    const here = (use(client.friends) ?? []).filter((friend) => friend.state === "accepted" && online.has(friend.user.id)).slice(0, 8);
    return (
        <div class="blank">
            <Mark size={72} />
            <h1>{me.nickname}</h1>
            <p class="muted">{t.tagline}</p>
            {here.length > 0 && (
                <section class="here">
                    <h2>{t.hereNow}</h2>
                    <ul class="rows" aria-label={t.hereNow}>
                        {here.map(({ user }) => <Person key={user.id} user={user} online><FriendButton user={user} /></Person>)}
                    </ul>
                </section>
            )}
            <p class="inline wrap">
                <a class="button primary" href="#/friends/find"><Icon name="search" size={18} />{t.findPeople}</a>
                <a class="button" href="#/servers"><Icon name="plus" size={18} />{t.addServer}</a>
            </p>
        </div>
    );
}

function DmPage({ id }: { id: string }) {
    const client = useClient();
    const t = useTexts();
    const room = use(client.rooms).get(id);
    const online = use(client.online);
    use(client.friends);
    use(client.users);
    if (!room) return <><Head title={t.directMessages} /><p class="page muted">{t.loading}</p></>;
    const peer = client.peer(id);
    const friend = client.friends.value?.some((one) => one.dm_id === id && one.state === "accepted");
    const name = peer ? nameOf(peer, t) : room.title ?? t.somebody;
    return (
        <>
            <Head title={name} before={<Avatar user={peer} size={36} {...(friend && peer ? { online: online.has(peer.id) } : {})} />}
                sub={friend && peer ? (online.has(peer.id) ? t.online : t.offline) : undefined} />
            <Chat room={room} name={name} />
        </>
    );
}

// --- the state of the connection ---

function Connection() {
    const client = useClient();
    const t = useTexts();
    const live = use(client.live);
    const waiting = use(client.outbox).filter((item) => !item.failed).length;
    const [now, setNow] = useState(Date.now());
    const [slow, setSlow] = useState(false); // a moment of connecting is nothing to speak of
    useEffect(() => {
        if (live.phase === "online") return setSlow(false);
        const timer = setTimeout(() => setSlow(true), 1200);
        return () => clearTimeout(timer);
    }, [live.phase === "online"]);
    useEffect(() => {
        if (!live.retryAt) return;
        setNow(Date.now());
        const timer = setInterval(() => setNow(Date.now()), 1000);
        return () => clearInterval(timer);
    }, [live.retryAt]);
    const shown = live.phase !== "online" && (slow || live.phase === "offline");
    const left = live.retryAt ? Math.max(0, Math.ceil((live.retryAt - now) / 1000)) : 0;
    return (
        <div class={`connection ${live.phase}`} role="status" data-phase={live.phase}>
            {shown && (
                <p>
                    <span class="pulse" aria-hidden="true" />
                    <strong>{t.phase[live.phase]}</strong>
                    {live.phase === "offline" && left > 0 && <span aria-hidden="true"> · {t.retryIn(left)}</span>}
                    {waiting > 0 && <span> · {t.waitingToSend(waiting)}</span>}
                    {live.phase === "offline" && <button type="button" class="link" onClick={() => client.wake()}>{t.retryNow}</button>}
                </p>
            )}
        </div>
    );
}

// --- the rail ---

function Rail({ route }: { route: Route }) {
    const client = useClient();
    const t = useTexts();
    const servers = use(client.servers) ?? [];
    const rooms = use(client.rooms);
    const at = route.page === "server" ? route.id : route.page === "servers" || route.page === "invite" ? "servers" : "home";
    const unreadOf = (id: string) =>
        [...rooms.values()].reduce((sum, room) => sum + (room.topic === `server/${id}` || room.topic.startsWith(`server/${id}/`) ? room.unread : 0), 0);
    const direct = [...rooms.values()].reduce((sum, room) => sum + (room.kind === "dm" ? room.unread : 0), 0);
    return (
        <nav class="rail" aria-label={t.servers} onKeyDown={(event) => walk(event, "a")}>
            <a class="rail-item" href="#/" aria-current={at === "home" ? "page" : undefined} title={t.home}>
                <Mark size={44} />
                <span class="hidden">{t.home}</span>
                <Badge count={direct} label={t.unread(direct)} />
            </a>
            <hr />
            {servers.map((server) => {
                const unread = unreadOf(server.id);
                return (
                    <a key={server.id} class="rail-item" href={`#/server/${server.id}`} aria-current={at === server.id ? "page" : undefined} title={server.name}>
                        <Tile id={server.id} name={server.name} />
                        <span class="hidden">{server.name}</span>
                        <Badge count={unread} label={t.unread(unread)} />
                    </a>
                );
            })}
            <a class="rail-item" href="#/servers" aria-current={at === "servers" ? "page" : undefined} title={t.addServer}>
                <span class="tile tile-44 add"><Icon name="plus" size={22} /></span>
                <span class="hidden">{t.addServer}</span>
            </a>
        </nav>
    );
}

// --- the sidebar ---

export function SideLink({ href, icon, text, current, count, label, children }: {
    href: string; icon?: IconName; text: string; current: boolean; count?: number; label?: string; children?: preact.ComponentChildren;
}) {
    return (
        <a class={`side-link ${count ? "has-unread" : ""}`} href={href} aria-current={current ? "page" : undefined}>
            {icon && <Icon name={icon} />}
            <span class="grow">{text}</span>
            {children}
            {!!count && <Badge count={count} label={label ?? ""} />}
        </a>
    );
}

function Sidebar({ route, onQuick }: { route: Route; onQuick: () => void }) {
    const client = useClient();
    const t = useTexts();
    const me = use(client.me);
    const live = use(client.live);
    return (
        <div class="sidebar">
            <button type="button" class="quick-open" onClick={onQuick}>
                <Icon name="search" size={16} /><span class="grow">{t.quick}</span><kbd aria-hidden="true">Ctrl K</kbd>
            </button>
            {route.page === "server" ? <ServerBar route={route} /> : <HomeBar route={route} />}
            <div class="self">
                <Avatar user={me} size={36} online={live.phase === "online"} />
                <p><strong>{me.nickname}</strong><span class="muted">{t.phase[live.phase]}</span></p>
                <a class="icon-button" href="#/settings/profile" aria-label={t.settings} title={t.settings} aria-current={route.page === "settings" ? "page" : undefined}><Icon name="gear" /></a>
            </div>
        </div>
    );
}

function HomeBar({ route }: { route: Route }) {
    const client = useClient();
    const t = useTexts();
    const rooms = use(client.rooms);
    const friends = use(client.friends) ?? [];
    const online = use(client.online);
    const typing = use(client.typing);
    use(client.users);
    const asking = friends.filter((friend) => friend.state === "incoming").length;
    const notices = inboxUnread(client, rooms);
    const dms = useMemo(() => [...rooms.values()].filter((room) => room.kind === "dm").sort(byRecent), [rooms]);
    return (
        <nav aria-label={t.home} onKeyDown={(event) => walk(event, "a")}>
            <SideLink href="#/friends" icon="people" text={t.friends} current={route.page === "friends"} count={asking} label={t.unread(asking)} />
            <SideLink href="#/notifications" icon="bell" text={t.notifications} current={route.page === "notifications"} count={notices} label={t.unread(notices)} />
            <h2>{t.directMessages}</h2>
            {dms.length === 0 && <p class="muted side-empty">{t.dmsNone}</p>}
            {dms.map((room) => {
                const peer = client.peer(room.id);
                const friend = friends.some((one) => one.dm_id === room.id && one.state === "accepted");
                const types = (typing.get(room.id)?.size ?? 0) > 0;
                const last = room.last?.kind === "text" ? room.last : undefined;
                return (
                    <a key={room.id} class={`side-link dm ${room.unread ? "has-unread" : ""}`} href={`#/dm/${room.id}`}
                        aria-current={route.page === "dm" && route.id === room.id ? "page" : undefined}>
                        <Avatar user={peer} size={36} {...(friend && peer ? { online: online.has(peer.id) } : {})} />
                        <span class="grow">
                            <span class="line"><span class="name">{peer ? nameOf(peer, t) : room.title}</span>{last && <time>{shortTime(last.sent_at, t)}</time>}</span>
                            <span class="line"><span class="preview">{types ? <em>{t.typing([peer?.nickname ?? ""])}</em> : last ? `${last.from === client.id ? `${t.you}: ` : ""}${last.text ?? t.deleted}` : " "}</span><Badge count={room.unread} label={t.unread(room.unread)} /></span>
                        </span>
                    </a>
                );
            })}
        </nav>
    );
}

export function byRecent(a: RoomState, b: RoomState): number {
    return (b.last?.sent_at ?? "").localeCompare(a.last?.sent_at ?? "") || b.id.length - a.id.length || b.id.localeCompare(a.id);
}

// --- jumping ---

function Quick({ onClose }: { onClose: () => void }) {
    const client = useClient();
    const t = useTexts();
    const [word, setWord] = useState("");
    const [at, setAt] = useState(0);
    const needle = word.trim().toLocaleLowerCase();
    const found = useMemo(() => {
        const list: { key: string; name: string; href: string; icon: preact.ComponentChildren; act?: () => Promise<void> }[] = [];
        for (const friend of client.friends.value ?? []) {
            if (friend.state !== "accepted") continue;
            list.push({
                key: friend.user.id, name: nameOf(friend.user, t), href: "", icon: <Avatar user={friend.user} size={28} />,
                act: async () => go(`/dm/${await client.openDm(friend.user.id)}`),
            });
        }
        for (const server of client.servers.value ?? []) list.push({ key: server.id, name: server.name, href: `/server/${server.id}/posts`, icon: <Tile id={server.id} name={server.name} size={28} /> });
        for (const channels of client.channels.value.values()) {
            for (const one of channels) list.push({ key: one.id, name: one.name, href: `/server/${one.server_id}/channel/${one.id}`, icon: <Icon name="hash" /> });
        }
        return list.filter((one) => one.name.toLocaleLowerCase().includes(needle)).slice(0, 12);
    }, [needle]);
    const choose = (index: number) => {
        const one = found[index];
        if (!one) return;
        onClose();
        if (one.act) void attempt(one.act());
        else go(one.href);
    };
    return (
        <Dialog title={t.quick} onClose={onClose}>
            <div class="quick" role="search">
                <input type="text" role="combobox" aria-expanded="true" aria-controls="quick-list" aria-activedescendant={found[at] ? `quick-${at}` : undefined}
                    aria-label={t.quickHint} placeholder={t.quickHint} value={word} autoFocus
                    onInput={(event) => {
                        setWord(event.currentTarget.value);
                        setAt(0);
                    }}
                    onKeyDown={(event) => {
                        const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
                        if (move && found.length) {
                            event.preventDefault();
                            setAt((at + move + found.length) % found.length);
                        } else if (event.key === "Enter") {
                            choose(at);
                        }
                    }} />
                <ul id="quick-list" role="listbox" aria-label={t.quick}>
                    {found.map((one, i) => (
                        <li key={one.key} id={`quick-${i}`} role="option" aria-selected={i === at} onClick={() => choose(i)} onMouseMove={() => setAt(i)}>
                            {one.icon}<span>{one.name}</span>
                        </li>
                    ))}
                </ul>
                {found.length === 0 && <p class="muted">{t.quickNone}</p>}
            </div>
        </Dialog>
    );
}
