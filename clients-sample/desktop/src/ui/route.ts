// Where one is: the fragment of the address.

import { Signal } from "../lib/signal";

export type Route =
    | { page: "home" }
    | { page: "friends"; tab: string }
    | { page: "notifications" }
    | { page: "dm"; id: string }
    | { page: "servers" }
    | { page: "server"; id: string; channel?: string; tab?: string }
    | { page: "settings"; tab: string }
    | { page: "invite"; code: string };

// A link that was mangled on its way leads somewhere still.
function decode(part: string): string {
    try {
        return decodeURIComponent(part);
    } catch {
        return part;
    }
}

export function parse(hash: string): Route {
    const [page, id, what, more] = hash.replace(/^#\/?/, "").split("/").map(decode);
    switch (page) {
        case "friends": return { page, tab: id ?? "all" };
        case "notifications":
        case "servers": return { page };
        case "dm": return id ? { page, id } : { page: "home" };
        case "server":
            if (!id) return { page: "servers" };
            if (what === "channel" && more) return { page, id, channel: more };
            return what ? { page, id, tab: what } : { page, id };
        case "settings": return { page, tab: id ?? "" };
        case "invite": return id ? { page, code: id } : { page: "home" };
        default: return { page: "home" };
    }
}

export const route = new Signal<Route>(parse(location.hash));
addEventListener("hashchange", () => {
    route.value = parse(location.hash);
});

export function go(path: string, replace = false): void {
    if (replace) {
        history.replaceState(null, "", `#${path}`);
        route.value = parse(location.hash);
    } else {
        location.hash = path;
    }
}
