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
import { Shell } from "./shell";
import { SignIn } from "./signin";
import { Mark } from "./mark";

const vault = new Vault();
const api = new Api(vault);
const back = comeBack();
const wasSignedIn = vault.get() !== null;
let added = !wasSignedIn;

function App() {
    const [client, setClient] = useState<Client | null>(null);
    const [signedIn, setSignedIn] = useState(wasSignedIn);
    const [ended, setEnded] = useState(false);
    const [mine, setMine] = useState(false); // it was me who signed out
    const [stuck, setStuck] = useState(false); // nothing can be stored here

    useEffect(() => {
        if (!signedIn) {
            // Another tab may sign in.
            const look = (event: StorageEvent) => event.key === Vault.key && event.newValue && setSignedIn(true);
            addEventListener("storage", look);
            return () => removeEventListener("storage", look);
        }
        let over = false;
        const ending = () => {
            over = true;
            setClient(null);
            setSignedIn(false);
            setEnded(true);
            history.replaceState(null, "", location.pathname);
        };
        Client.start(vault, api, ending).then((started) => !over && setClient(started), () => setStuck(true));
        return undefined;
    }, [signedIn]);

    useEffect(() => {
        if (!client) return;
        // Whoever was signed in and has come back from a provider adds it to the account.
        if (back.grant && !added) {
            added = true;
            void attempt(api.linkIdentity(back.grant)).then((well) => well && toast(texts.value.linked));
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

    const start = (session: Session) => {
        vault.set(session);
        setMine(false);
        setEnded(false);
        setSignedIn(true);
    };
    if (!signedIn) return <><SignIn api={api} ended={ended && !mine} back={back} onSession={start} /><Toasts /></>;
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
