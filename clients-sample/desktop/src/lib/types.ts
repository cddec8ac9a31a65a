// What the server says, as docs/openapi.yaml and docs/asyncapi.yaml of the repository have it.

export interface User {
    id: string;
    nickname: string;
    about: string;
    avatar_url: string | null;
    deleted?: true;
}

export interface Me extends User {
    email: string;
    email_verified: boolean;
    created_at: string;
}

export interface MqttCredentials {
    client_id: string;
    username: string;
    password: string;
    expires_in: number;
    ws: string;
}

export interface Session {
    user: Me;
    session_id: string;
    access_token: string;
    expires_in: number;
    refresh_token: string;
    mqtt: MqttCredentials;
}

export interface Device {
    id: string;
    device: { name: string; kind: string };
    created_at: string;
    last_seen_at: string;
    current: boolean;
}

export type RoomKind = "dm" | "server" | "channel" | "inbox";

export interface Room {
    id: string;
    kind: RoomKind;
    topic: string;
    title: string | null;
    last_seq: number;
    read_seq: number;
    unread: number;
    can_send: boolean;
    peer_id?: string; // of a DM: the other one
    peer_read_seq?: number;
}

export interface TextMessage {
    room: string;
    seq: number;
    id: string;
    kind: "text";
    from: string;
    nonce: string;
    text?: string;
    reply_to?: number;
    sent_at: string;
    edited_at?: string;
    deleted_at?: string;
}

export interface ChangeMessage {
    room: string;
    seq: number;
    id: string;
    kind: "edit" | "delete";
    from: string;
    target: number;
    text?: string;
    sent_at: string;
    deleted_at?: string;
}

interface Named {
    id: string;
    name: string;
}

export interface Notification {
    room: string;
    seq: number;
    id: string;
    kind:
        | "friend_request_received"
        | "friend_request_accepted"
        | "friend_request_declined"
        | "friend_removed"
        | "dm_opened"
        | "server_invite_received"
        | "server_removed"
        | "channel_removed";
    data: {
        user?: { id: string; nickname: string };
        dm_id?: string;
        invite_id?: string;
        server?: Named;
        channel?: Named;
        reason?: "kicked" | "banned" | "deleted";
    };
    sent_at: string;
}

export type Message = TextMessage | ChangeMessage | Notification;

export interface Friend {
    user: User;
    state: "accepted" | "incoming" | "outgoing";
    since: string;
    dm_id: string | null;
}

export interface Server {
    id: string;
    name: string;
    about: string;
    visibility: "public" | "private";
    owner_id: string;
    role: "owner" | "member" | null;
    topic: string;
    created_at: string;
}

export interface Channel {
    id: string;
    server_id: string;
    name: string;
    topic: string;
    joined: boolean;
    created_at: string;
}

export interface Member {
    user: User;
    joined_at: string;
    role: "owner" | "member";
}

export interface Invite {
    id: string;
    server: Server;
    user_id: string;
    from: User;
    created_at: string;
}

export interface Provider {
    id: string;
    name?: string;
}

export interface Identity {
    id: string;
    provider: string;
    email: string | null;
}

export interface Page<T> {
    items: T[];
    next: string | null;
}

export interface Problem {
    status: number;
    code: string;
    detail: string;
    fields?: Record<string, string>;
}

export function isText(message: Message): message is TextMessage {
    return message.kind === "text";
}

export function isChange(message: Message): message is ChangeMessage {
    return message.kind === "edit" || message.kind === "delete";
}
