// The inbox: what has happened to oneself, the newest first. Looking at it is reading it.

import { useEffect, useMemo, useState } from "preact/hooks";
import { Conversation } from "../lib/conversation";
import type { Notification, User } from "../lib/types";
import { Avatar, Button, Empty, Icon, shortTime, Tile } from "./bits";
import { Head } from "./chat";
import { FriendButton, openChat } from "./friends";
import { use, useClient, useTask, useTexts } from "./hooks";
import { go } from "./route";

export function NotificationsPage() {
    const client = useClient();
    const t = useTexts();
    const conversation = useMemo(() => new Conversation(client, client.id), []);
    useEffect(() => () => conversation.close(), []);
    const shown = use(conversation.shown).filter((item): item is Notification => item.kind !== "text");
    const start = use(conversation.start);
    const room = use(client.rooms).get(client.id);
    use(client.users);
    const [readAt] = useState(room?.read_seq ?? 0);
    const high = room?.high ?? 0;
    useEffect(() => {
        const mark = () => document.visibilityState === "visible" && document.hasFocus() && client.markRead(client.id, high);
        mark();
        addEventListener("focus", mark);
        return () => removeEventListener("focus", mark);
    }, [high, room?.read_seq]);
    return (
        <>
            <Head title={t.notifications} />
            <div class="page">
                {shown.length === 0 ? <Empty icon="bell">{start ? t.notificationsNone : t.loading}</Empty> : (
                    <ul class="rows" aria-label={t.notifications}>
                        {shown.toReversed().map((item) => <Notice key={item.seq} item={item} fresh={item.seq > readAt} />)}
                    </ul>
                )}
                {!start && shown.length > 0 && <p class="center"><Button onClick={() => void conversation.older()}>{t.loadMore}</Button></p>}
            </div>
        </>
    );
}

function Notice({ item, fresh }: { item: Notification; fresh: boolean }) {
    const client = useClient();
    const t = useTexts();
    const { user, server, channel, reason } = item.data;
    const known: User | undefined = user ? client.user(user.id) ?? { ...user, about: "", avatar_url: null } : undefined;
    const say = t.notice[item.kind] as ((who: string, server: string, channel: string, reason: string) => string) | undefined;
    return (
        <li class={fresh ? "row fresh" : "row"}>
            {known ? <Avatar user={known} size={44} /> : server ? <Tile id={server.id} name={server.name} /> : <Icon name="bell" />}
            <div class="grow">
                <p class="row-name">{say?.(known?.nickname ?? "", server?.name ?? "", channel?.name ?? "", reason ?? "") ?? item.kind}</p>
                <p class="muted"><time dateTime={item.sent_at}>{shortTime(item.sent_at, t)}</time></p>
            </div>
            <What item={item} user={known} />
        </li>
    );
}

function What({ item, user }: { item: Notification; user: User | undefined }) {
    const client = useClient();
    const t = useTexts();
    const friends = use(client.friends) ?? [];
    const invites = use(client.invites);
    if (item.kind === "server_invite_received") {
        const invite = invites.find((one) => one.id === item.data.invite_id);
        return invite ? <InviteButtons id={invite.id} /> : null;
    }
    if (!user) return null;
    const state = friends.find((one) => one.user.id === user.id)?.state;
    if (item.kind === "friend_request_received" && state === "incoming") return <FriendButton user={user} />;
    if (state === "accepted" && item.kind !== "friend_removed") {
        return <Button small icon="chat" onClick={() => openChat(client, user.id)}>{t.message}</Button>;
    }
    return null;
}

export function InviteButtons({ id }: { id: string }) {
    const client = useClient();
    const t = useTexts();
    const [busy, run] = useTask();
    return (
        <>
            <Button kind="primary" small busy={busy} onClick={() => run(async () => {
                const server = await client.change(client.api.acceptInvite(id));
                go(`/server/${server.id}/posts`);
            })}>{t.join}</Button>
            <Button small busy={busy} onClick={() => run(() => client.change(client.api.declineInvite(id)))}>{t.decline}</Button>
        </>
    );
}
