// The REST client. A call that needs a sign-in brings its access token along; one that has run out is renewed first, by one
// tab at a time and once for all calls that wait for it.

import { withLock } from "./locks";
import type {
    Channel, Device, Friend, Identity, Invite, Me, Member, Message, Notification, Page, Problem, Provider, Room, Server, Session,
    TextMessage, User,
} from "./types";
import { Vault, type Kept } from "./vault";

const RENEW_BEFORE_MS = 30_000; // the clocks of the two sides differ

export class ApiError extends Error {
    constructor(
        readonly status: number, // 0: no answer came
        readonly code: string,
        detail: string,
        readonly fields: Record<string, string> = {},
        readonly retryAfter = 0, // seconds
    ) {
        super(detail);
    }
}

type Query = Record<string, string | number | undefined>;
interface Call {
    body?: unknown;
    raw?: Blob;
    query?: Query;
    open?: boolean; // needs no sign-in
}

export class Api {
    // Called when the session has ended, by whomever.
    onSignedOut: () => void = () => {};
    // Called in the tab that renewed the tokens.
    onRenewed: (kept: Kept) => void = () => {};

    private renewal: Promise<Kept> | null = null;

    constructor(
        readonly vault: Vault,
        private base = "",
        private fetcher: typeof fetch = (...args) => fetch(...args),
        private session?: string,
    ) {}

    // The same for one session only: that of another one in the vault counts as the end of this one.
    of(session: string): Api {
        return new Api(this.vault, this.base, this.fetcher, session);
    }

    // The session that calls go out for.
    kept(): Kept | null {
        const kept = this.vault.get();
        return kept && (this.session ?? kept.session.session_id) === kept.session.session_id ? kept : null;
    }

    // --- calls ---

    async call<T>(method: string, path: string, options: Call = {}): Promise<T> {
        if (options.open) return this.answer<T>(await this.send(method, path, options));
        let kept = await this.fresh();
        let response = await this.send(method, path, options, kept.session.access_token);
        if (response.status === 401 && (await this.codeOf(response)) === "unauthorized") {
            kept = await this.renew(kept.session.access_token);
            response = await this.send(method, path, options, kept.session.access_token);
            if (response.status === 401 && (await this.codeOf(response)) === "unauthorized") this.onSignedOut();
        }
        return this.answer<T>(response);
    }

    private async send(method: string, path: string, options: Call, token?: string): Promise<Response> {
        const headers: Record<string, string> = {};
        if (token) headers["Authorization"] = `Bearer ${token}`;
        if (options.body !== undefined) headers["Content-Type"] = "application/json";
        if (options.raw) headers["Content-Type"] = options.raw.type;
        const query = new URLSearchParams();
        for (const [name, value] of Object.entries(options.query ?? {})) {
            if (value !== undefined) query.set(name, String(value));
        }
        const search = String(query) && `?${query}`; // URLSearchParams.size is too new for some
        const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
        try {
            return await this.fetcher(`${this.base}/v1${path}${search}`, {
                method, headers, body, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(30_000),
            });
        } catch {
            throw new ApiError(0, "offline", "");
        }
    }

    private async codeOf(response: Response): Promise<string> {
        const problem = (await response.clone().json().catch(() => ({}))) as Partial<Problem>;
        return problem.code ?? "";
    }

    private async answer<T>(response: Response): Promise<T> {
        if (response.ok) {
            if (response.status === 204) return undefined as T;
            return (await response.json().catch(() => ({}))) as T;
        }
        const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
        throw new ApiError(
            response.status, problem.code ?? "internal", problem.detail ?? response.statusText, problem.fields,
            Number(response.headers.get("Retry-After") ?? 0),
        );
    }

    // --- tokens ---

    // A session whose access token is good.
    async fresh(): Promise<Kept> {
        const kept = this.kept();
        if (!kept) {
            this.onSignedOut();
            throw new ApiError(401, "unauthorized", "");
        }
        return kept.access_until - RENEW_BEFORE_MS > Date.now() ? kept : this.renew(kept.session.access_token);
    }

    // A session with another access token than that one: what another tab has got meanwhile, or a new one.
    renew(stale: string): Promise<Kept> {
        this.renewal ??= withLock("hum.refresh", () => this.refresh(stale)).finally(() => {
            this.renewal = null;
        });
        return this.renewal;
    }

    private async refresh(stale: string): Promise<Kept> {
        const known = this.kept();
        if (known && known.session.access_token !== stale) return known;
        if (!known) {
            this.onSignedOut();
            throw new ApiError(401, "unauthorized", "");
        }
        try {
            const body = { refresh_token: known.session.refresh_token };
            const session = await this.call<Session>("POST", "/auth/refresh", { body, open: true });
            if (this.kept()?.session.session_id !== known.session.session_id) throw new ApiError(401, "unauthorized", ""); // signed out meanwhile
            const kept = this.vault.set(session);
            this.onRenewed(kept);
            return kept;
        } catch (error) {
            if (error instanceof ApiError && error.status === 401) this.onSignedOut();
            throw error;
        }
    }

    // Every page of a list.
    async all<T>(path: string, query: Query = {}, most = 5000): Promise<T[]> {
        const items: T[] = [];
        let cursor: string | undefined;
        do {
            const page: Page<T> = await this.call("GET", path, { query: { ...query, limit: 100, cursor } });
            items.push(...page.items);
            cursor = page.next ?? undefined;
        } while (cursor && items.length < most);
        return items;
    }

    // --- signing up, in and out ---

    register = (body: { email: string; password: string; nickname?: string; device: object }) =>
        this.call<Session | Record<string, never>>("POST", "/auth/register", { body, open: true });
    login = (body: { email: string; password: string; device: object }) =>
        this.call<Session>("POST", "/auth/login", { body, open: true });
    resend = (email: string) => this.call<void>("POST", "/auth/email/resend", { body: { email }, open: true });
    forgot = (email: string) => this.call<void>("POST", "/auth/password/forgot", { body: { email }, open: true });
    providers = () => this.call<{ items: Provider[] }>("GET", "/auth/oauth/providers", { open: true });
    oauth = (body: object) => this.call<Session>("POST", "/auth/oauth", { body, open: true });
    identities = () => this.all<Identity>("/auth/identities");
    linkIdentity = (body: object) => this.call<Identity>("POST", "/auth/identities", { body });
    unlinkIdentity = (id: string) => this.call<void>("DELETE", `/auth/identities/${id}`);
    changeEmail = (email: string, password: string) => this.call<void>("POST", "/auth/email", { body: { email, password } });
    logout = () => this.call<void>("POST", "/auth/logout");
    devices = () => this.all<Device>("/auth/sessions");
    endDevice = (id: string) => this.call<void>("DELETE", `/auth/sessions/${id}`);
    changePassword = (old: string, next: string) =>
        this.call<void>("POST", "/auth/password", { body: { old, new: next } });

    // --- people ---

    me = () => this.call<Me>("GET", "/users/me");
    changeMe = (body: { nickname?: string; about?: string }) => this.call<Me>("PATCH", "/users/me", { body });
    erase = (password: string) => this.call<void>("DELETE", "/users/me", { body: { password } });
    export = () => this.call<object>("GET", "/users/me/export");
    setAvatar = (picture: Blob) => this.call<Me>("PUT", "/users/me/avatar", { raw: picture });
    removeAvatar = () => this.call<void>("DELETE", "/users/me/avatar");
    user = (id: string) => this.call<User>("GET", `/users/${id}`);
    searchUsers = (nickname: string, cursor?: string) =>
        this.call<Page<User>>("GET", "/users/search", { query: { nickname, cursor, limit: 30 } });

    // --- friends ---

    friends = () => this.all<Friend>("/friends", { state: "all" });
    askFriend = (user_id: string) => this.call<Friend>("POST", "/friends/requests", { body: { user_id } });
    acceptFriend = (id: string) => this.call<Friend>("POST", `/friends/requests/${id}/accept`);
    declineFriend = (id: string) => this.call<void>("POST", `/friends/requests/${id}/decline`);
    withdrawFriend = (id: string) => this.call<void>("DELETE", `/friends/requests/${id}`);
    removeFriend = (id: string) => this.call<void>("DELETE", `/friends/${id}`);
    block = (id: string) => this.call<void>("PUT", `/blocks/${id}`);
    unblock = (id: string) => this.call<void>("DELETE", `/blocks/${id}`);
    blocks = () => this.all<{ user: User; since: string }>("/blocks");

    // --- rooms ---

    openDm = (user_id: string) => this.call<Room>("POST", "/dms", { body: { user_id } });
    rooms = () => this.all<Room>("/rooms");
    room = (id: string) => this.call<Room>("GET", `/rooms/${id}`);
    messages = (room: string, query: { after?: number; before?: number; limit?: number }) =>
        this.call<Page<Message>>("GET", `/rooms/${room}/messages`, { query });
    post = (room: string, body: { nonce: string; text: string; reply_to: number | undefined }) =>
        this.call<TextMessage>("POST", `/rooms/${room}/messages`, { body });
    edit = (room: string, seq: number, text: string, nonce: string) =>
        this.call<TextMessage>("PATCH", `/rooms/${room}/messages/${seq}`, { body: { text, nonce } });
    remove = (room: string, seq: number) => this.call<void>("DELETE", `/rooms/${room}/messages/${seq}`);
    markRead = (room: string, seq: number) => this.call<void>("PUT", `/rooms/${room}/read`, { body: { seq } });
    sync = (rooms: Record<string, number>) =>
        this.call<{ rooms: Record<string, { items: Message[]; done: boolean }>; missing: string[] }>("POST", "/sync", {
            body: { rooms },
        });
    notifications = (query: { before?: number; limit?: number }) =>
        this.call<Page<Notification>>("GET", "/notifications", { query });
    markNotifications = (seq: number) => this.call<void>("PUT", "/notifications/read", { body: { seq } });

    // --- servers and channels ---

    servers = () => this.all<Server>("/users/me/servers", { role: "all" });
    server = (id: string) => this.call<Server>("GET", `/servers/${id}`);
    searchServers = (q: string, cursor?: string) =>
        this.call<Page<Server>>("GET", "/servers/search", { query: { q, cursor, limit: 30 } });
    createServer = (body: { name: string; about: string; visibility: string }) =>
        this.call<Server>("POST", "/servers", { body });
    changeServer = (id: string, body: { name?: string; about?: string; visibility?: string }) =>
        this.call<Server>("PATCH", `/servers/${id}`, { body });
    deleteServer = (id: string) => this.call<void>("DELETE", `/servers/${id}`);
    joinServer = (id: string) => this.call<Server>("PUT", `/servers/${id}/members/me`);
    leaveServer = (id: string) => this.call<void>("DELETE", `/servers/${id}/members/me`);
    members = (id: string, cursor?: string) =>
        this.call<Page<Member>>("GET", `/servers/${id}/members`, { query: { cursor, limit: 100 } });
    removeMember = (server: string, id: string, ban: boolean) =>
        this.call<void>("DELETE", `/servers/${server}/members/${id}`, { query: { ban: String(ban) } });
    invite = (server: string, user_id: string) =>
        this.call<Invite>("POST", `/servers/${server}/invites`, { body: { user_id } });
    invites = () => this.all<Invite>("/invites");
    acceptInvite = (id: string) => this.call<Server>("POST", `/invites/${id}/accept`);
    declineInvite = (id: string) => this.call<void>("POST", `/invites/${id}/decline`);
    inviteCode = (server: string) =>
        this.call<{ code: string; expires_at: string }>("POST", `/servers/${server}/invite-codes`, { body: {} });
    redeem = (code: string) =>
        this.call<Server>("POST", `/invite-codes/${encodeURIComponent(code)}/redeem`);
    channels = (server: string) => this.all<Channel>(`/servers/${server}/channels`);
    createChannel = (server: string, name: string) =>
        this.call<Channel>("POST", `/servers/${server}/channels`, { body: { name } });
    deleteChannel = (id: string) => this.call<void>("DELETE", `/channels/${id}`);
    joinChannel = (id: string) => this.call<Channel>("PUT", `/channels/${id}/members/me`);
    leaveChannel = (id: string) => this.call<void>("DELETE", `/channels/${id}/members/me`);
    channelMembers = (id: string, cursor?: string) =>
        this.call<Page<Member>>("GET", `/channels/${id}/members`, { query: { cursor, limit: 100 } });
}
