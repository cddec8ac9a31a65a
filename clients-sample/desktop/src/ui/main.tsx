// The page: either somebody is signed in here, or may do so.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Api } from "../lib/api";
import { Client } from "../lib/client";
import { comeBack } from "../lib/oauth";
import { Vault } from "../lib/vault";
import type { Session } from "../lib/types";
import { Empty, Toasts } from "./bits";
import { attempt, ClientContext, toast } from "./hooks";
import { texts } from "./settings-store";
import { drafts } from "./chat";
import { go } from "./route";
import { Shell } from "./shell";
import { SignIn } from "./signin";
import { Mark } from "./mark";

const vault = new Vault();
const api = new Api(vault);
const back = comeBack();
const sessionOf = () => vault.get()?.session.session_id ?? null;
const wasSignedIn = sessionOf() !== null;
let added = !wasSignedIn;

function App() {
    const [client, setClient] = useState<Client | null>(null);
    const [session, setSession] = useState(sessionOf);
    const [ended, setEnded] = useState(false);
    const [mine, setMine] = useState(false); // it was me who signed out
    const [stuck, setStuck] = useState(false); // nothing can be stored here

    useEffect(() => {
        // Another tab may sign in, also as somebody else.
        const look = (event: StorageEvent) => event.key === Vault.key && event.newValue && setSession(sessionOf());
        addEventListener("storage", look);
        return () => removeEventListener("storage", look);
    }, []);

    useEffect(() => {
        if (!session) return;
        let over = false, mine: Client | null = null;
        const ending = () => {
            if (over) return;
            setSession(sessionOf());
            setEnded(sessionOf() === null);
        };
        Client.start(vault, api, ending).then((started) => {
            mine = started;
            if (over) started.leave();
            else setClient(started);
        }, () => setStuck(true));
        return () => {
            over = true;
            mine?.leave();
            setClient(null);
            setStuck(false);
            drafts.clear();
            go("/", true);
        };
    }, [session]);

    useEffect(() => {
        if (!client) return;
        // Whoever left to do so and has come back from a provider adds it to the account.
        if (back.grant && back.user === client.id && !added) {
            added = true;
            void attempt(client.api.linkIdentity(back.grant)).then((well) => well && toast(texts.value.linked));
        }
        const seen = () => document.visibilityState === "visible" && client.wake();
        const online = () => client.wake();
        const offline = () => client.lost();
        document.addEventListener("visibilitychange", seen);
        addEventListener("online", online);
        addEventListener("offline", offline);
        return () => {
            document.removeEventListener("visibilitychange", seen);
            removeEventListener("online", online);
            removeEventListener("offline", offline);
        };
    }, [client]);

    const start = (made: Session) => {
        vault.set(made);
        setMine(false);
        setEnded(false);
        setSession(made.session_id);
    };
    if (!session) return <><SignIn api={api} ended={ended && !mine} back={back} onSession={start} /><Toasts /></>;
    if (stuck) return <div class="splash"><Empty icon="alert">{texts.value.cannotStore}</Empty></div>;
    if (!client) return <div class="splash"><Mark size={56} /></div>;
    return (
        <ClientContext.Provider value={client}>
            <Shell onSignOut={() => setMine(true)} />
            <Toasts />
        </ClientContext.Provider>
    );
}

render(<App />, document.getElementById("app")!);
