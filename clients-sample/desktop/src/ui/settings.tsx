// Oneself: profile, devices, looks, account.

import { useRef, useState } from "preact/hooks";
import { ApiError } from "../lib/api";
import { canLeave, leaveFor } from "../lib/oauth";
import type { Device } from "../lib/types";
import { Avatar, Button, Confirm, Dialog, Empty, Field, Icon, shortTime, Tabs, type FieldProps as AllOfField } from "./bits";
import { Head } from "./chat";
import { Person } from "./friends";
import { toast, use, useClient, useFetched, useTask, useTexts, words } from "./hooks";
import { askForNotices, canNotify, wantsNotices } from "./notices";
import { language, languages, notify, theme, type Theme } from "./settings-store";

export function SettingsPage({ tab, onSignOut }: { tab: string; onSignOut: () => void }) {
    const t = useTexts();
    const current = ["devices", "appearance", "account"].includes(tab) ? tab : "profile";
    return (
        <>
            <Head title={t.settings} />
            <Tabs label={t.settings} current={current} tabs={(["profile", "devices", "appearance", "account"] as const).map((id) => ({ id, text: t[id], href: `#/settings/${id}` }))} />
            <div class="page">
                {current === "devices" ? <Devices onSignOut={onSignOut} /> : current === "appearance" ? <Appearance /> : current === "account" ? <Account onSignOut={onSignOut} /> : <Profile />}
            </div>
        </>
    );
}

function Profile() {
    const client = useClient();
    const t = useTexts();
    const me = use(client.me);
    const [nickname, setNickname] = useState(me.nickname);
    const [about, setAbout] = useState(me.about);
    const [busy, run] = useTask();
    const file = useRef<HTMLInputElement>(null);
    return (
        <div class="stack narrow">
            <section class="picture">
                <Avatar user={me} size={96} />
                <div class="stack">
                    <div class="inline">
                        <input ref={file} type="file" class="hidden" tabIndex={-1} aria-label={t.choosePicture} accept="image/png,image/jpeg,image/webp" onChange={(event) => {
                            const picture = event.currentTarget.files?.[0];
                            event.currentTarget.value = "";
                            if (picture) void run(async () => client.setMe(await client.api.setAvatar(await fitting(picture))));
                        }} />
                        <Button busy={busy} onClick={() => file.current?.click()}>{t.choosePicture}</Button>
                        {me.avatar_url && <Button busy={busy} onClick={() => run(async () => {
                            await client.api.removeAvatar();
                            client.setMe({ ...me, avatar_url: null });
                        })}>{t.removePicture}</Button>}
                    </div>
                    <p class="hint">{t.pictureHint}</p>
                </div>
            </section>
            <form class="stack" onSubmit={(event) => {
                event.preventDefault();
                void run(async () => {
                    client.setMe(await client.api.changeMe({ nickname: nickname.trim(), about: about.trim() }));
                    toast(t.saved);
                });
            }}>
                <Field label={t.nickname} value={nickname} onText={setNickname} required minLength={2} maxLength={32} autocomplete="nickname" />
                <Field label={t.aboutMe} value={about} onText={setAbout} rows={3} maxLength={500} />
                <div class="actions"><Button kind="primary" type="submit" busy={busy} disabled={nickname.trim() === me.nickname && about.trim() === me.about}>{t.save}</Button></div>
            </form>
        </div>
    );
}

const PICTURE_MAX = 1024 * 1024; // bytes that the server takes
const PICTURE_PX = 512;

// A picture as the server takes it: photographs are larger than that, and shown small. What the browser cannot read either is left for
// the server to say.
async function fitting(picture: Blob): Promise<Blob> {
    if (picture.size <= PICTURE_MAX) return picture;
    const image = await createImageBitmap(picture).catch(() => null);
    const side = image && Math.min(image.width, image.height);
    if (!image || !side) return picture;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = Math.min(side, PICTURE_PX);
    canvas.getContext("2d")!.drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob((small) => resolve(small ?? picture), "image/jpeg", 0.9));
}

function Devices({ onSignOut }: { onSignOut: () => void }) {
    const client = useClient();
    const t = useTexts();
    const [devices, error, again] = useFetched(() => client.api.devices(), []);
    const [busy, run] = useTask();
    const [leaving, setLeaving] = useState(false);
    const missing = error instanceof ApiError && error.status === 404;
    const one = (device: Device) => (
        <li class="row" key={device.id}>
            <span class="tile tile-44 plain"><Icon name={device.device.kind === "mobile" ? "phone" : "laptop"} size={22} /></span>
            <div class="grow">
                <p class="row-name">{device.device.name || t.unknownDevice}{device.current && <span class="tag">{t.thisDevice}</span>}</p>
                <p class="muted">{t.signedInSince(shortTime(device.created_at, t))} · {t.lastSeen(shortTime(device.last_seen_at, t))}</p>
            </div>
            {!device.current && <Button small busy={busy} onClick={() => run(() => client.api.endDevice(device.id)).then(again)}>{t.signOutDevice}</Button>}
        </li>
    );
    return (
        <div class="stack">
            {missing ? <Empty icon="laptop">{t.devicesUnavailable}</Empty> : error !== null ? <p class="notice bad">{words(error)}</p> : null}
            {devices && <ul class="rows" aria-label={t.devices}>{devices.toSorted((a, b) => Number(b.current) - Number(a.current) || b.last_seen_at.localeCompare(a.last_seen_at)).map(one)}</ul>}
            <div><Button icon="door" onClick={() => setLeaving(true)}>{t.signOut}</Button></div>
            {leaving && <SignOut onClose={() => setLeaving(false)} onSignOut={onSignOut} />}
        </div>
    );
}

function SignOut({ onClose, onSignOut }: { onClose: () => void; onSignOut: () => void }) {
    const client = useClient();
    const t = useTexts();
    const waiting = use(client.outbox).length;
    return (
        <Confirm title={t.signOut} text={t.signOutText} yes={t.signOut} onClose={onClose} onYes={() => {
            onSignOut();
            return client.signOut();
        }}>
            {waiting > 0 && <p class="notice bad"><Icon name="alert" size={18} />{t.signOutWaiting(waiting)}</p>}
        </Confirm>
    );
}

function Appearance() {
    const t = useTexts();
    const chosen = use(theme);
    const tongue = use(language);
    return (
        <div class="stack narrow">
            <fieldset>
                <legend>{t.theme}</legend>
                {(["system", "light", "dark"] as Theme[]).map((one) => (
                    <label class="choice" key={one}><input type="radio" name="theme" checked={chosen === one} onChange={() => (theme.value = one)} />{t.themes[one]}</label>
                ))}
            </fieldset>
            <fieldset>
                <legend>{t.language}</legend>
                <label class="choice"><input type="radio" name="language" checked={tongue === ""} onChange={() => (language.value = "")} />{t.languageSystem}</label>
                {Object.entries(languages).map(([id, one]) => (
                    <label class="choice" key={id} lang={id}><input type="radio" name="language" checked={tongue === id} onChange={() => (language.value = id)} />{one.name}</label>
                ))}
            </fieldset>
            <Notices />
            <section>
                <h2>{t.shortcuts}</h2>
                <dl class="keys">
                    <dt><kbd>Ctrl</kbd> <kbd>K</kbd></dt><dd>{t.keys.quick}</dd>
                    <dt><kbd>Alt</kbd> <kbd>↓</kbd> <kbd>↑</kbd></dt><dd>{t.keys.next}</dd>
                    <dt><kbd>↑</kbd></dt><dd>{t.keys.editLast}</dd>
                    <dt><kbd>Shift</kbd> <kbd>Enter</kbd></dt><dd>{t.keys.newline}</dd>
                    <dt><kbd>Esc</kbd></dt><dd>{t.keys.escape}</dd>
                    <dt><kbd>↑</kbd> <kbd>↓</kbd></dt><dd>{t.keys.walk}</dd>
                </dl>
            </section>
        </div>
    );
}

function Notices() {
    const t = useTexts();
    const wanted = use(notify);
    const [, run] = useTask();
    const on = wanted && wantsNotices();
    return (
        <fieldset>
            <legend>{t.notifications}</legend>
            <label class="choice">
                <input type="checkbox" checked={on} disabled={!canNotify()} onChange={(event) => {
                    const box = event.currentTarget;
                    if (!box.checked) return void (notify.value = false);
                    void run(async () => {
                        notify.value = await askForNotices();
                        box.checked = notify.value;
                        if (!notify.value) toast(t.notifyDenied, true);
                    });
                }} />{t.notify}
            </label>
            {!canNotify() && <p class="hint">{t.notifySecure}</p>}
        </fieldset>
    );
}

function Account({ onSignOut }: { onSignOut: () => void }) {
    const client = useClient();
    const t = useTexts();
    const me = use(client.me);
    const [dialog, setDialog] = useState<"email" | "password" | "leave" | "erase" | null>(null);
    const [password, setPassword] = useState("");
    const [blocks, , again] = useFetched(() => client.api.blocks(), []);
    const [busy, run] = useTask();
    const close = () => {
        setDialog(null);
        setPassword("");
    };
    return (
        <div class="stack">
            <section>
                <ul class="rows">
                    <li class="row stacked">
                        <div class="grow"><p class="row-name">{t.email}</p><p class="muted">{me.email} <span class="tag">{me.email_verified ? t.emailVerified : t.emailUnverified}</span></p></div>
                        <Button small onClick={() => setDialog("email")}>{t.changeEmail}</Button>
                    </li>
                    <li class="row stacked">
                        <div class="grow"><p class="row-name">{t.password}</p></div>
                        <Button small onClick={() => setDialog("password")}>{t.changePassword}</Button>
                    </li>
                </ul>
            </section>
            <Identities />
            <section class="inline wrap">
                <Button icon="door" onClick={() => setDialog("leave")}>{t.signOut}</Button>
                <Button icon="down" busy={busy} onClick={() => run(async () => save(await client.api.export()))}>{t.exportData}</Button>
                <Button icon="trash" kind="danger" onClick={() => setDialog("erase")}>{t.eraseAccount}</Button>
            </section>
            <section>
                <h2>{t.blocked}</h2>
                {blocks?.length === 0 && <p class="muted">{t.blockedNone}</p>}
                <ul class="rows" aria-label={t.blocked}>
                    {blocks?.map(({ user }) => (
                        <Person key={user.id} user={user}><Button small busy={busy} onClick={() => run(() => client.change(client.api.unblock(user.id))).then(again)}>{t.unblock}</Button></Person>
                    ))}
                </ul>
            </section>
            {dialog === "password" && (
                <Two title={t.changePassword} onClose={close} fields={[
                    { label: t.newPassword, type: "password", autocomplete: "new-password", minLength: 8, maxLength: 128, hint: t.passwordHint },
                    { label: t.oldPassword, type: "password", autocomplete: "current-password" },
                ]} onSave={async (next, old) => {
                    await client.api.changePassword(old, next);
                    return t.passwordChanged;
                }} />
            )}
            {dialog === "email" && (
                <Two title={t.changeEmail} onClose={close} fields={[
                    { label: t.email, type: "email", autocomplete: "email" },
                    { label: t.password, type: "password", autocomplete: "current-password" },
                ]} onSave={async (email, password) => {
                    await client.api.changeEmail(email.trim(), password);
                    return t.checkMailText(email.trim());
                }} />
            )}
            {dialog === "leave" && <SignOut onClose={close} onSignOut={onSignOut} />}
            {dialog === "erase" && (
                <Confirm title={t.eraseAccount} text={t.eraseText} yes={t.erase} onClose={close} onYes={async () => {
                    await client.api.erase(password);
                    onSignOut();
                    client.over();
                }}>
                    <Field label={t.password} type="password" autocomplete="current-password" required value={password} onText={setPassword} />
                </Confirm>
            )}
        </div>
    );
}

// The providers that one can sign in by, where there are any.
function Identities() {
    const client = useClient();
    const t = useTexts();
    const [found, , again] = useFetched(async () => ({ all: await client.api.identities(), providers: (await client.api.providers()).items }), []);
    const [busy, run] = useTask();
    if (!found || found.all.length + found.providers.length === 0 || !canLeave()) return null;
    const name = (id: string) => found.providers.find((one) => one.id === id)?.name ?? id;
    const free = found.providers.filter((one) => !found.all.some((identity) => identity.provider === one.id));
    return (
        <section>
            <h2>{t.identities}</h2>
            <ul class="rows" aria-label={t.identities}>
                {found.all.map((identity) => (
                    <li class="row" key={identity.id}>
                        <div class="grow"><p class="row-name">{name(identity.provider)}</p><p class="muted">{identity.email}</p></div>
                        <Button small busy={busy} onClick={() => run(() => client.api.unlinkIdentity(identity.id)).then(again)}>{t.unlink}</Button>
                    </li>
                ))}
                {free.map((provider) => (
                    <li class="row" key={provider.id}>
                        <div class="grow"><p class="row-name">{name(provider.id)}</p></div>
                        <Button small busy={busy} onClick={() => run(async () => location.assign(await leaveFor(provider.id, client.id)))}>{t.link}</Button>
                    </li>
                ))}
            </ul>
        </section>
    );
}

type FieldProps = Omit<AllOfField, "value" | "onText">;

// A dialog with two things to fill in.
function Two({ title, fields, onSave, onClose }: {
    title: string; fields: [FieldProps, FieldProps]; onSave: (first: string, second: string) => Promise<string>; onClose: () => void;
}) {
    const t = useTexts();
    const [first, setFirst] = useState("");
    const [second, setSecond] = useState("");
    const [busy, run] = useTask();
    return (
        <Dialog title={title} onClose={onClose}>
            <form class="stack" onSubmit={async (event) => {
                event.preventDefault();
                if (await run(async () => toast(await onSave(first, second)))) onClose();
            }}>
                <Field {...fields[0]} required value={first} onText={setFirst} />
                <Field {...fields[1]} required value={second} onText={setSecond} />
                <div class="actions">
                    <Button onClick={onClose}>{t.cancel}</Button>
                    <Button kind="primary" type="submit" busy={busy}>{t.save}</Button>
                </div>
            </form>
        </Dialog>
    );
}

// Hands a file to the browser to keep.
function save(data: object): void {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));
    link.download = "hum.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
