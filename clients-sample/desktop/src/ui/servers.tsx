// Servers: finding and making them, their channels, members and settings.

import { useEffect, useState } from "preact/hooks";
import type { Channel, Server } from "../lib/types";
import { Button, Confirm, Dialog, Empty, Field, Icon, Menu, More, Tile, walk } from "./bits";
import { Chat, Head } from "./chat";
import { FriendButton, Person, useSettled } from "./friends";
import { attempt, toast, use, useClient, usePaged, useTask, useTexts, words } from "./hooks";
import { InviteButtons } from "./notifications";
import { go, type Route } from "./route";
import { SideLink } from "./shell";

// --- finding and making ---

export function ServersPage() {
    const client = useClient();
    const t = useTexts();
    const invites = use(client.invites);
    const mine = use(client.servers) ?? [];
    const [word, setWord] = useState("");
    const settled = useSettled(word.trim());
    const { items: found, error, more } = usePaged(async (cursor) => (settled ? client.api.searchServers(settled, cursor) : null), [settled]);
    const [making, setMaking] = useState(false);
    const [code, setCode] = useState("");
    const [busy, run] = useTask();
    const enter = (server: Server) => go(`/server/${server.id}/posts`);
    return (
        <>
            <Head title={t.servers}>
                <Button kind="primary" icon="plus" onClick={() => setMaking(true)}>{t.createServer}</Button>
            </Head>
            <div class="page">
                {invites.length > 0 && (
                    <section>
                        <h2>{t.invitesWaiting}</h2>
                        <ul class="rows">
                            {invites.map((invite) => (
                                <li class="row fresh" key={invite.id}>
                                    <Tile id={invite.server.id} name={invite.server.name} />
                                    <div class="grow">
                                        <p class="row-name">{invite.server.name}</p>
                                        <p class="muted">{t.notice.server_invite_received(invite.from.nickname, invite.server.name)}</p>
                                    </div>
                                    <InviteButtons id={invite.id} />
                                </li>
                            ))}
                        </ul>
                    </section>
                )}
                <section>
                    <h2>{t.findServers}</h2>
                    <div role="search"><Field label={t.searchServers} type="search" value={word} onText={setWord} maxLength={100} autocomplete="off" /></div>
                    <div aria-live="polite">
                        {error !== null && <p class="notice bad">{words(error)}</p>}
                        {settled && found && (found.length === 0 ? <Empty icon="search">{t.serversNone}</Empty> : (
                            <ul class="rows" aria-label={t.findServers}>
                                {found.map((server) => {
                                    const inside = server.role !== null || mine.some((one) => one.id === server.id);
                                    return (
                                        <li class="row" key={server.id}>
                                            <Tile id={server.id} name={server.name} />
                                            <div class="grow">
                                                <p class="row-name">{server.name}</p>
                                                {server.about && <p class="muted ellipsis">{server.about}</p>}
                                            </div>
                                            {inside ? <Button small onClick={() => enter(server)}>{t.open}</Button>
                                                : <Button kind="primary" small busy={busy} onClick={() => run(async () => enter(await client.change(client.api.joinServer(server.id))))}>{t.join}</Button>}
                                        </li>
                                    );
                                })}
                            </ul>
                        ))}
                        {settled && <More more={more} />}
                    </div>
                </section>
                <section>
                    <h2>{t.useCode}</h2>
                    <form class="inline" onSubmit={(event) => {
                        event.preventDefault();
                        void run(async () => enter(await client.change(client.api.redeem(codeIn(code)))));
                    }}>
                        <Field label={t.code} placeholder={t.codeHint} value={code} onText={setCode} required autocomplete="off" />
                        <Button type="submit" busy={busy}>{t.join}</Button>
                    </form>
                </section>
            </div>
            {making && <ServerForm onClose={() => setMaking(false)} onDone={enter} />}
        </>
    );
}

// A code, or the address that has it at its end.
const codeIn = (text: string) => text.trim().split("/").at(-1)!;

// Somebody has followed a link with a code.
export function InviteLink({ code }: { code: string }) {
    const client = useClient();
    const t = useTexts();
    const [busy, run] = useTask();
    return (
        <>
            <Head title={t.useCode} />
            <div class="blank">
                <Icon name="link" size={48} />
                <Button kind="primary" busy={busy} onClick={() => run(async () => {
                    const server = await client.change(client.api.redeem(codeIn(code)));
                    go(`/server/${server.id}/posts`, true);
                })}>{t.join}</Button>
            </div>
        </>
    );
}

function ServerForm({ server, onClose, onDone }: { server?: Server; onClose: () => void; onDone: (server: Server) => void }) {
    const client = useClient();
    const t = useTexts();
    const [name, setName] = useState(server?.name ?? "");
    const [about, setAbout] = useState(server?.about ?? "");
    const [visibility, setVisibility] = useState<"public" | "private">(server?.visibility ?? "public");
    const [busy, run] = useTask();
    return (
        <Dialog title={server ? t.serverSettings : t.createServer} onClose={onClose}>
            <form class="stack" onSubmit={async (event) => {
                event.preventDefault();
                const body = { name: name.trim(), about: about.trim(), visibility };
                let made: Server | undefined;
                if (await run(async () => (made = await client.change(server ? client.api.changeServer(server.id, body) : client.api.createServer(body))))) {
                    onClose();
                    onDone(made!);
                }
            }}>
                <Field label={t.serverName} value={name} onText={setName} required maxLength={100} autoFocus />
                <Field label={t.about} value={about} onText={setAbout} rows={3} maxLength={1000} />
                <fieldset>
                    <legend>{t.visibility}</legend>
                    {(["public", "private"] as const).map((one) => (
                        <label class="choice" key={one}>
                            <input type="radio" name="visibility" checked={visibility === one} onChange={() => setVisibility(one)} />{t[one]}
                        </label>
                    ))}
                </fieldset>
                <div class="actions">
                    <Button onClick={onClose}>{t.cancel}</Button>
                    <Button kind="primary" type="submit" busy={busy}>{server ? t.save : t.create}</Button>
                </div>
            </form>
        </Dialog>
    );
}

// --- one server: the sidebar ---

type ServerRoute = Extract<Route, { page: "server" }>;

function useServer(id: string): { server: Server | undefined; channels: Channel[] | undefined; gone: boolean } {
    const client = useClient();
    const servers = use(client.servers);
    const server = servers?.find((one) => one.id === id);
    const channels = use(client.channels).get(id);
    const there = !!server;
    useEffect(() => {
        if (there) void client.fetchChannels(id);
    }, [id, there]);
    return { server, channels, gone: servers !== null && !server };
}

export function ServerBar({ route }: { route: ServerRoute }) {
    const client = useClient();
    const t = useTexts();
    const { server, channels } = useServer(route.id);
    const rooms = use(client.rooms);
    const [dialog, setDialog] = useState<"invite" | "leave" | "delete" | "edit" | "channel" | null>(null);
    if (!server) return <nav aria-label={t.servers} />;
    const owner = server.role === "owner";
    const unread = (id: string) => rooms.get(id)?.unread ?? 0;
    const close = () => setDialog(null);
    return (
        <nav aria-label={server.name} onKeyDown={(event) => walk(event, "a")}>
            <div class="server-head">
                <h2 class="grow" title={server.name}>{server.name}</h2>
                <Menu label={`${t.more}: ${server.name}`} actions={[
                    { label: t.invitePeople, icon: "plus", act: () => setDialog("invite") },
                    ...(owner ? [
                        { label: t.newChannel, icon: "hash" as const, act: () => setDialog("channel") },
                        { label: t.serverSettings, icon: "gear" as const, act: () => setDialog("edit") },
                        { label: t.deleteServer, icon: "trash" as const, bad: true, act: () => setDialog("delete") },
                    ] : [{ label: t.leaveServer, icon: "door" as const, bad: true, act: () => setDialog("leave") }]),
                ]} />
            </div>
            {server.about && <p class="server-about muted">{server.about}</p>}
            <SideLink href={`#/server/${server.id}/posts`} icon="horn" text={t.posts} current={!route.channel && route.tab !== "members"} count={unread(server.id)} label={t.unread(unread(server.id))} />
            <SideLink href={`#/server/${server.id}/members`} icon="people" text={t.members} current={route.tab === "members"} />
            <h2>{t.channels}{owner && <button type="button" class="icon-button mini" aria-label={t.newChannel} title={t.newChannel} onClick={() => setDialog("channel")}><Icon name="plus" size={16} /></button>}</h2>
            {channels?.length === 0 && <p class="muted side-empty">{t.channelsNone}</p>}
            {channels?.map((channel) => (
                <SideLink key={channel.id} href={`#/server/${server.id}/channel/${channel.id}`} icon="hash" text={channel.name} current={route.channel === channel.id}
                    count={unread(channel.id)} label={t.unread(unread(channel.id))}>
                    {channel.joined && <span class="in" title={t.joined}><Icon name="check" size={15} /><span class="hidden">{t.joined}</span></span>}
                </SideLink>
            ))}
            {dialog === "invite" && <Invite server={server} onClose={close} />}
            {dialog === "edit" && <ServerForm server={server} onClose={close} onDone={() => toast(t.saved)} />}
            {dialog === "channel" && <NewChannel server={server} onClose={close} />}
            {dialog === "leave" && (
                <Confirm title={t.leaveServer} text={t.leaveServerText(server.name)} yes={t.leaveServer} onClose={close}
                    onYes={async () => {
                        await client.change(client.api.leaveServer(server.id));
                        go("/");
                    }} />
            )}
            {dialog === "delete" && (
                <Confirm title={t.deleteServer} text={t.deleteServerText(server.name)} yes={t.deleteServer} onClose={close}
                    onYes={async () => {
                        await client.change(client.api.deleteServer(server.id));
                        go("/");
                    }} />
            )}
        </nav>
    );
}

function NewChannel({ server, onClose }: { server: Server; onClose: () => void }) {
    const client = useClient();
    const t = useTexts();
    const [name, setName] = useState("");
    const [busy, run] = useTask();
    return (
        <Dialog title={t.newChannel} onClose={onClose}>
            <form class="stack" onSubmit={async (event) => {
                event.preventDefault();
                let made: Channel | undefined;
                if (await run(async () => (made = await client.changeChannels(server.id, client.api.createChannel(server.id, name.trim()))))) {
                    onClose();
                    go(`/server/${server.id}/channel/${made!.id}`);
                }
            }}>
                <Field label={t.channelName} value={name} onText={setName} required maxLength={100} autoFocus />
                <div class="actions">
                    <Button onClick={onClose}>{t.cancel}</Button>
                    <Button kind="primary" type="submit" busy={busy}>{t.create}</Button>
                </div>
            </form>
        </Dialog>
    );
}

function Invite({ server, onClose }: { server: Server; onClose: () => void }) {
    const client = useClient();
    const t = useTexts();
    const friends = (use(client.friends) ?? []).filter((friend) => friend.state === "accepted");
    const [asked, setAsked] = useState<Set<string>>(new Set());
    const [link, setLink] = useState("");
    const [busy, run] = useTask();
    return (
        <Dialog title={t.invitePeople} onClose={onClose}>
            <div class="stack">
                {friends.length > 0 && (
                    <section>
                        <h3>{t.inviteFriend}</h3>
                        <ul class="rows small">
                            {friends.map(({ user }) => (
                                <Person key={user.id} user={user} sub="">
                                    {asked.has(user.id) ? <span class="muted">{t.invited}</span> : (
                                        <Button small onClick={async () => {
                                            if (await attempt(client.api.invite(server.id, user.id))) setAsked(new Set(asked).add(user.id));
                                        }}>{t.invite}</Button>
                                    )}
                                </Person>
                            ))}
                        </ul>
                    </section>
                )}
                <section>
                    <h3>{t.inviteLink}</h3>
                    {link ? (
                        <div class="inline">
                            <Field label={t.code} value={link} onText={() => undefined} readOnly onFocus={(event) => event.currentTarget.select()} />
                            <Button icon="link" onClick={(event) => copy(event.currentTarget.parentElement!.querySelector("input")!).then(() => toast(t.copied))}>{t.copy}</Button>
                        </div>
                    ) : (
                        <Button icon="link" busy={busy} onClick={() => run(async () => {
                            const { code } = await client.api.inviteCode(server.id);
                            setLink(`${location.origin}${location.pathname}#/invite/${code}`);
                        })}>{t.makeLink}</Button>
                    )}
                </section>
            </div>
        </Dialog>
    );
}

// navigator.clipboard is only there on secure pages.
async function copy(field: HTMLInputElement): Promise<void> {
    field.select();
    if (navigator.clipboard) await navigator.clipboard.writeText(field.value).catch(() => document.execCommand("copy"));
    else document.execCommand("copy");
}

// --- one server: what one looks at ---

export function ServerPage({ id, channel, tab }: { id: string; channel: string | undefined; tab: string | undefined }) {
    const client = useClient();
    const t = useTexts();
    const { server, channels, gone } = useServer(id);
    const room = use(client.rooms).get(id);
    if (gone) return <><Head title={t.servers} /><Empty icon="door">{t.errors["not_found"]}</Empty></>;
    if (!server) return <p class="page muted">{t.loading}</p>;
    if (channel) {
        const found = channels?.find((one) => one.id === channel);
        return found ? <ChannelPage key={channel} server={server} channel={found} />
            : <><Head title={server.name} />{channels && <Empty icon="hash">{t.errors["not_found"]}</Empty>}</>;
    }
    if (tab === "members") return <Members server={server} />;
    return (
        <>
            <Head title={t.posts} sub={server.name} before={<Icon name="horn" />} />
            {room ? <Chat room={room} name={server.name} owner={server.role === "owner"} /> : <p class="page muted">{t.loading}</p>}
        </>
    );
}

function ChannelPage({ server, channel }: { server: Server; channel: Channel }) {
    const client = useClient();
    const t = useTexts();
    const room = use(client.rooms).get(channel.id);
    const elsewhere = [...use(client.rooms).values()].some((one) => one.kind === "channel" && one.id !== channel.id);
    const [busy, run] = useTask();
    const [doomed, setDoomed] = useState(false);
    const owner = server.role === "owner";
    const people = usePaged((cursor) => client.api.channelMembers(channel.id, cursor), [channel.id, channel.joined]);
    const [listed, setListed] = useState(false);
    // Nobody tells who comes; but whoever says something is here.
    useEffect(() => client.hub.listen((note) => {
        const said = note.type === "typing" && note.room === channel.id ? [note.user]
            : note.type === "messages" && note.room === channel.id ? note.shown.flatMap((item) => (item.kind === "text" ? [item.from] : [])) : [];
        if (people.items && said.some((id) => !people.items!.some(({ user }) => user.id === id))) people.again();
    }), [channel.id, people.items]);
    const count = people.items && `${people.items.length}${people.more ? "+" : ""}`;
    return (
        <>
            <Head title={channel.name} before={<Icon name="hash" />} sub={<>{server.name}{count && <> · <button type="button" class="link" onClick={() => {
                people.again();
                setListed(true);
            }}>{t.inChannelCount(count)}</button></>}</>}>
                {channel.joined && <Button icon="door" small busy={busy} onClick={() => run(() => client.changeChannels(server.id, client.api.leaveChannel(channel.id)))}>{t.leaveChannel}</Button>}
                {owner && <Menu label={`${t.more}: ${channel.name}`} actions={[{ label: t.deleteChannel, icon: "trash", bad: true, act: () => setDoomed(true) }]} />}
            </Head>
            {channel.joined ? (room ? <Chat room={room} name={`#${channel.name}`} owner={owner} /> : <p class="page muted">{t.loading}</p>) : (
                <div class="blank">
                    <Icon name="hash" size={48} />
                    <p>{t.notInChannel(channel.name)}</p>
                    {elsewhere && <p class="muted">{t.oneChannel}</p>}
                    <Button kind="primary" busy={busy} onClick={() => run(() => client.changeChannels(server.id, client.api.joinChannel(channel.id)))}>{t.joinChannel}</Button>
                </div>
            )}
            {listed && (
                <Dialog title={t.inChannel(channel.name)} onClose={() => setListed(false)}>
                    <ul class="rows small" aria-label={t.inChannel(channel.name)}>
                        {people.items?.map(({ user }) => <Person key={user.id} user={user}><FriendButton user={user} /></Person>)}
                    </ul>
                    <More more={people.more} />
                </Dialog>
            )}
            {doomed && (
                <Confirm title={t.deleteChannel} text={t.deleteChannelText(channel.name)} yes={t.deleteChannel} onClose={() => setDoomed(false)}
                    onYes={async () => {
                        await client.changeChannels(server.id, client.api.deleteChannel(channel.id));
                        go(`/server/${server.id}/posts`);
                    }} />
            )}
        </>
    );
}

function Members({ server }: { server: Server }) {
    const client = useClient();
    const t = useTexts();
    const online = use(client.online);
    const friends = use(client.friends) ?? [];
    const { items: members, error, more, again } = usePaged((cursor) => client.api.members(server.id, cursor), [server.id]);
    const [doomed, setDoomed] = useState<{ id: string; name: string; ban: boolean } | null>(null);
    return (
        <>
            <Head title={t.members} sub={server.name} before={<Icon name="people" />} />
            <div class="page">
                {error !== null && <p class="notice bad">{words(error)}</p>}
                <ul class="rows" aria-label={t.members}>
                    {members?.map(({ user, role }) => {
                        const friend = friends.some((one) => one.user.id === user.id && one.state === "accepted");
                        return (
                            <Person key={user.id} user={user} {...(friend ? { online: online.has(user.id) } : {})} sub={role === "owner" ? t.owner : user.about}>
                                <FriendButton user={user} />
                                {server.role === "owner" && user.id !== client.id && (
                                    <Menu label={`${t.more}: ${user.nickname}`} actions={[
                                        { label: t.kick, icon: "door", act: () => setDoomed({ id: user.id, name: user.nickname, ban: false }) },
                                        { label: t.ban, icon: "lock", bad: true, act: () => setDoomed({ id: user.id, name: user.nickname, ban: true }) },
                                    ]} />
                                )}
                            </Person>
                        );
                    })}
                </ul>
                <More more={more} />
            </div>
            {doomed && (
                <Confirm title={doomed.ban ? t.ban : t.kick} text={doomed.name} yes={doomed.ban ? t.ban : t.kick} onClose={() => setDoomed(null)}
                    onYes={async () => {
                        await client.api.removeMember(server.id, doomed.id, doomed.ban);
                        again();
                    }} />
            )}
        </>
    );
}
