// Friends, those who ask, and people to find.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Friend, User } from "../lib/types";
import { Avatar, Button, Confirm, Empty, Field, Menu, More, nameOf, Tabs } from "./bits";
import { Head } from "./chat";
import { attempt, use, useClient, usePaged, useTask, useTexts, words } from "./hooks";
import { go } from "./route";

export function FriendsPage({ tab }: { tab: string }) {
    const client = useClient();
    const t = useTexts();
    const friends = use(client.friends);
    // People change their names and pictures without a word to anybody.
    useEffect(() => client.look(), [tab]);
    const asking = friends?.filter((friend) => friend.state === "incoming").length ?? 0;
    return (
        <>
            <Head title={t.friends} />
            <Tabs label={t.friends} current={tab} tabs={[
                { id: "all", text: t.allFriends, href: "#/friends" },
                { id: "requests", text: t.requests, href: "#/friends/requests", count: asking },
                { id: "find", text: t.findPeople, href: "#/friends/find" },
            ]} />
            <div class="page">
                {tab === "find" ? <Find /> : !friends ? <p class="muted">{t.loading}</p> : tab === "requests" ? <Requests friends={friends} /> : <All friends={friends} />}
            </div>
        </>
    );
}

export function Person({ user, online, sub, children }: { user: User; online?: boolean; sub?: string; children?: ComponentChildren }) {
    const t = useTexts();
    return (
        <li class="row">
            <Avatar user={user} size={44} {...(online === undefined ? {} : { online })} />
            <div class="grow">
                <p class="row-name">{nameOf(user, t)}</p>
                {(sub ?? user.about) && <p class="muted ellipsis">{sub ?? user.about}</p>}
            </div>
            {children}
        </li>
    );
}

export function openChat(client: ReturnType<typeof useClient>, user: string): Promise<boolean> {
    return attempt(client.openDm(user).then((room) => go(`/dm/${room}`)));
}

function All({ friends }: { friends: Friend[] }) {
    const client = useClient();
    const t = useTexts();
    const online = use(client.online);
    const [parting, setParting] = useState<{ user: User; block: boolean } | null>(null);
    const accepted = friends.filter((friend) => friend.state === "accepted")
        .sort((a, b) => Number(online.has(b.user.id)) - Number(online.has(a.user.id)) || a.user.nickname.localeCompare(b.user.nickname));
    if (accepted.length === 0) {
        return (
            <>
                <Empty icon="people">{t.friendsNone}</Empty>
                <p class="center"><a class="button primary" href="#/friends/find">{t.findPeople}</a></p>
            </>
        );
    }
    return (
        <>
            <ul class="rows" aria-label={t.friends}>
                {accepted.map(({ user }) => (
                    <Person key={user.id} user={user} online={online.has(user.id)} sub={user.about || (online.has(user.id) ? t.online : t.offline)}>
                        <Button icon="chat" small onClick={() => openChat(client, user.id)}>{t.message}</Button>
                        <Menu label={`${t.more}: ${user.nickname}`} actions={[
                            { label: t.removeFriend, icon: "close", act: () => setParting({ user, block: false }) },
                            { label: t.block, icon: "lock", bad: true, act: () => setParting({ user, block: true }) },
                        ]} />
                    </Person>
                ))}
            </ul>
            {parting && (
                <Confirm title={parting.block ? t.block : t.removeFriend} yes={parting.block ? t.block : t.removeFriend}
                    text={parting.block ? t.blockText(parting.user.nickname) : t.removeFriendText(parting.user.nickname)}
                    onClose={() => setParting(null)}
                    onYes={() => client.change(parting.block ? client.api.block(parting.user.id) : client.api.removeFriend(parting.user.id))} />
            )}
        </>
    );
}

function Requests({ friends }: { friends: Friend[] }) {
    const t = useTexts();
    const incoming = friends.filter((friend) => friend.state === "incoming");
    const outgoing = friends.filter((friend) => friend.state === "outgoing");
    if (incoming.length + outgoing.length === 0) return <Empty icon="people">{t.requestsNone}</Empty>;
    return (
        <>
            {incoming.length > 0 && <><h2>{t.incoming}</h2><ul class="rows">{incoming.map((one) => <Person key={one.user.id} user={one.user}><FriendButton user={one.user} /></Person>)}</ul></>}
            {outgoing.length > 0 && <><h2>{t.outgoing}</h2><ul class="rows">{outgoing.map((one) => <Person key={one.user.id} user={one.user}><FriendButton user={one.user} /></Person>)}</ul></>}
        </>
    );
}

// What can be done about somebody, as one stands to them.
export function FriendButton({ user }: { user: User }) {
    const client = useClient();
    const t = useTexts();
    const [busy, run] = useTask();
    const friend = use(client.friends)?.find((one) => one.user.id === user.id);
    if (user.id === client.id || user.deleted) return null;
    switch (friend?.state) {
        case "accepted":
            return <Button icon="chat" small busy={busy} onClick={() => openChat(client, user.id)}>{t.message}</Button>;
        case "outgoing":
            return <Button small busy={busy} onClick={() => run(() => client.change(client.api.withdrawFriend(user.id)))}>{t.withdraw}</Button>;
        case "incoming":
            return (
                <>
                    <Button kind="primary" small busy={busy} onClick={() => run(() => client.change(client.api.acceptFriend(user.id)))}>{t.accept}</Button>
                    <Button small busy={busy} onClick={() => run(() => client.change(client.api.declineFriend(user.id)))}>{t.decline}</Button>
                </>
            );
        default:
            return <Button kind="primary" icon="plus" small busy={busy} onClick={() => run(() => client.change(client.api.askFriend(user.id)))}>{t.addFriend}</Button>;
    }
}

// What one types, a moment after one has stopped.
export function useSettled(text: string): string {
    const [settled, setSettled] = useState(text);
    useEffect(() => {
        const timer = setTimeout(() => setSettled(text), 250);
        return () => clearTimeout(timer);
    }, [text]);
    return settled;
}

function Find() {
    const client = useClient();
    const t = useTexts();
    const [word, setWord] = useState("");
    const settled = useSettled(word.trim());
    const { items: found, error, more } = usePaged(async (cursor) => (settled ? client.api.searchUsers(settled, cursor) : null), [settled]);
    return (
        <>
            <div role="search"><Field label={t.findPeopleHint} type="search" autoFocus value={word} onText={setWord} maxLength={32} autocomplete="off" /></div>
            <div aria-live="polite">
                {error !== null && <p class="notice bad">{words(error)}</p>}
                {settled && found && (found.length === 0 ? <Empty icon="search">{t.peopleNone}</Empty> : (
                    <>
                        <ul class="rows" aria-label={t.findPeople}>
                            {found.map((user) => <Person key={user.id} user={user}><FriendButton user={user} /></Person>)}
                        </ul>
                        <More more={more} />
                    </>
                ))}
            </div>
        </>
    );
}
