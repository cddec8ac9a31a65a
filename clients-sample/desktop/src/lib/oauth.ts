// Signing in by way of an identity provider: the browser goes there and comes back with a one-time code in the fragment,
// which is good only together with the verifier that stayed here (RFC 7636).

const VERIFIER = "hum.oauth";

export interface Grant {
    provider: "hum";
    code: string;
    code_verifier: string;
}

const base64url = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// The digest that this takes is there on secure pages only.
export const canLeave = (): boolean => typeof crypto.subtle !== "undefined";

// Where to go; to sign in, or for somebody to add a way in to their account.
export async function leaveFor(provider: string, user = ""): Promise<string> {
    const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
    sessionStorage.setItem(VERIFIER, `${verifier} ${user}`);
    const query = new URLSearchParams({ code_challenge: base64url(new Uint8Array(digest)), code_challenge_method: "S256" });
    return `v1/auth/oauth/${encodeURIComponent(provider)}/authorize?${query}`;
}

// What one has come back with, once: a grant, and for whose account; or the code of an error.
export function comeBack(): { grant?: Grant; user?: string; error?: string } {
    const found = /^#(oauth|oauth_error)=([A-Za-z0-9_-]+)$/.exec(location.hash);
    const [code_verifier, user] = (sessionStorage.getItem(VERIFIER) ?? "").split(" ");
    if (!found || !code_verifier) return {}; // or it was not this tab that left
    history.replaceState(null, "", location.pathname);
    sessionStorage.removeItem(VERIFIER);
    if (found[1] === "oauth_error") return { error: found[2]! };
    return { grant: { provider: "hum", code: found[2]!, code_verifier }, user: user ?? "" };
}
