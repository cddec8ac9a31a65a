// The session of this browser: in localStorage, since all tabs share it.

import type { Session } from "./types";

const KEY = "hum.session";

export interface Kept {
    session: Session;
    access_until: number; // ms since 1970, by this machine's clock
    mqtt_until: number;
}

export interface Storage {
    getItem(key: string): string | null;
    setItem(key: string, value: string): void;
    removeItem(key: string): void;
}

export class Vault {
    constructor(private storage: Storage = localStorage) {}

    get(): Kept | null {
        try {
            return JSON.parse(this.storage.getItem(KEY) ?? "null") as Kept | null;
        } catch {
            return null;
        }
    }

    set(session: Session, now = Date.now()): Kept {
        const kept = {
            session,
            access_until: now + session.expires_in * 1000,
            mqtt_until: now + session.mqtt.expires_in * 1000,
        };
        this.storage.setItem(KEY, JSON.stringify(kept));
        return kept;
    }

    clear(): void {
        this.storage.removeItem(KEY);
    }

    static readonly key = KEY;
}
