// Signing up and in.

import { useEffect, useState } from "preact/hooks";
import { ApiError, type Api } from "../lib/api";
import type { Provider, Session } from "../lib/types";
import { Button, Field, Icon } from "./bits";
import { canLeave, leaveFor, type comeBack } from "../lib/oauth";
import { toast, useTexts, words } from "./hooks";
import { Mark } from "./mark";
import { language, languages } from "./settings-store";

type View = "in" | "up" | "forgot" | "mail";

function device(): { name: string; kind: string } {
    const agent = navigator.userAgent;
    const browser = /Firefox/.test(agent) ? "Firefox" : /Edg\//.test(agent) ? "Edge" : /Chrom/.test(agent) ? "Chrome" : /Safari/.test(agent) ? "Safari" : "Browser";
    const system = /Windows/.test(agent) ? "Windows" : /Mac OS/.test(agent) ? "macOS" : /Android/.test(agent) ? "Android" : /Linux/.test(agent) ? "Linux" : "";
    return { name: system ? `${browser}, ${system}` : browser, kind: "desktop" };
}

export function SignIn({ api, ended, back, onSession }: {
    api: Api; ended: boolean; back: ReturnType<typeof comeBack>; onSession: (session: Session) => void;
}) {
    const t = useTexts();
    const [view, setView] = useState<View>("in");
    const [email, setEmail] = useState("");
    const [password, setPassword] = useState("");
    const [nickname, setNickname] = useState("");
    const [busy, setBusy] = useState(false);
    const [problem, setProblem] = useState<ApiError | null>(null);
    const [word, setWord] = useState(ended ? t.endedHere : "");
    const [linking, setLinking] = useState(false);
    const [providers, setProviders] = useState<Provider[]>([]);

    useEffect(() => {
        if (canLeave()) api.providers().then((found) => setProviders(found.items ?? []), () => undefined);
        if (back.error) setProblem(new ApiError(401, back.error, ""));
        if (back.grant) void run(async () => onSession(await api.oauth({ ...back.grant, device: device() })));
    }, []);

    async function run(work: () => Promise<void>): Promise<void> {
        setBusy(true);
        setProblem(null);
        setWord("");
        try {
            await work();
        } catch (error) {
            setProblem(error instanceof ApiError ? error : new ApiError(0, "internal", String(error)));
        }
        setBusy(false);
    }

    useEffect(() => {
        if (problem?.code === "link_required") setLinking(true);
    }, [problem]);

    const show = (next: View) => {
        setView(next);
        setProblem(null);
        setWord("");
    };

    async function submit(event: Event): Promise<void> {
        event.preventDefault();
        await run(async () => {
            if (view === "forgot") {
                await api.forgot(email.trim());
                setWord(t.forgotSent);
                return;
            }
            const body = { email: email.trim(), password, device: device() };
            if (view === "in") {
                const session = await api.login(body);
                onSession(session);
                // The way in by a provider that is to be added to this account.
                if (back.grant && linking) await api.linkIdentity(back.grant).then(() => toast(t.linked), (error) => toast(words(error), true));
                return;
            }
            const session = await api.register(nickname.trim() ? { ...body, nickname: nickname.trim() } : body);
            if ("session_id" in session) onSession(session as Session);
            else show("mail");
        });
    }

    const fields = problem?.fields ?? {};
    return (
        <div class="welcome">
            <main class="welcome-card">
                <header>
                    <Mark size={56} />
                    <h1>Hum</h1>
                    <p class="muted">{t.tagline}</p>
                </header>
                {view === "mail" ? (
                    <section class="stack">
                        <h2>{t.checkMail}</h2>
                        <p>{t.checkMailText(email.trim())}</p>
                        <div role="status">{word && <p class="notice">{word}</p>}</div>
                        <Button busy={busy} onClick={() => run(async () => {
                            await api.resend(email.trim());
                            setWord(t.resent);
                        })}>{t.resend}</Button>
                        <Button kind="primary" onClick={() => show("in")}>{t.signIn}</Button>
                    </section>
                ) : (
                    <form class="stack" onSubmit={submit}>
                        <h2>{view === "in" ? t.signIn : view === "up" ? t.signUp : t.forgot}</h2>
                        <div role="status">{word && <p class="notice">{word}</p>}</div>
                        <div role="alert">
                            {problem && (
                                <p class="notice bad">
                                    <Icon name="alert" size={18} />
                                    {problem.code === "email_unverified" ? t.unverified : words(problem)}
                                </p>
                            )}
                        </div>
                        {problem?.code === "email_unverified" && (
                            <Button busy={busy} onClick={() => run(async () => {
                                await api.resend(email.trim());
                                setWord(t.resent);
                            })}>{t.resend}</Button>
                        )}
                        <Field label={t.email} type="email" name="email" autocomplete="username" required autoFocus value={email} onText={setEmail} error={fields["email"]} />
                        {view !== "forgot" && (
                            <Field label={t.password} type="password" name="password" required minLength={view === "up" ? 8 : 1} maxLength={128}
                                autocomplete={view === "up" ? "new-password" : "current-password"} value={password} onText={setPassword}
                                hint={view === "up" ? t.passwordHint : ""} error={fields["password"]} />
                        )}
                        {view === "up" && (
                            <Field label={t.nickname} name="nickname" maxLength={32} autocomplete="nickname" value={nickname} onText={setNickname}
                                hint={t.nicknameHint} error={fields["nickname"]} />
                        )}
                        <Button kind="primary" type="submit" busy={busy}>
                            {view === "in" ? t.signIn : view === "up" ? t.signUp : t.forgotSend}
                        </Button>
                        {view === "in" && <button type="button" class="link" onClick={() => show("forgot")}>{t.forgot}</button>}
                        {view !== "forgot" && providers.length > 0 && (
                            <div class="stack">
                                <p class="rule"><span>{t.or}</span></p>
                                {providers.map((provider) => (
                                    <Button key={provider.id} onClick={async () => location.assign(await leaveFor(provider.id))}>
                                        {t.signInWith(provider.name ?? provider.id)}
                                    </Button>
                                ))}
                            </div>
                        )}
                    </form>
                )}
                <footer>
                    {view === "in" ? (
                        <p>{t.noAccount} <button type="button" class="link" onClick={() => show("up")}>{t.signUp}</button></p>
                    ) : view === "up" ? (
                        <p>{t.haveAccount} <button type="button" class="link" onClick={() => show("in")}>{t.signIn}</button></p>
                    ) : (
                        <p><button type="button" class="link" onClick={() => show("in")}>{t.back}</button></p>
                    )}
                    <p class="languages">
                        {Object.entries(languages).map(([id, one]) => (
                            <button key={id} type="button" class="link" lang={id} aria-pressed={t.lang === id} onClick={() => (language.value = id)}>{one.name}</button>
                        ))}
                    </p>
                </footer>
            </main>
        </div>
    );
}
