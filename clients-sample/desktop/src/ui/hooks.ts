import { Component, createContext, h, type FunctionComponent } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../lib/api";
import type { Client } from "../lib/client";
import { Signal } from "../lib/signal";
import type { Page } from "../lib/types";
import type { Texts } from "../texts/en";
import { texts } from "./settings-store";

// The value of a signal; the component is drawn again when it changes.
export function use<T>(signal: Signal<T>): T {
    const [, draw] = useState({});
    const seen = useRef(signal.value);
    seen.current = signal.value;
    useEffect(() => {
        if (!Object.is(seen.current, signal.value)) draw({});
        return signal.watch(() => draw({}));
    }, [signal]);
    return signal.value;
}

export const useTexts = (): Texts => use(texts);

export const ClientContext = createContext<Client | null>(null);
export const useClient = (): Client => useContext(ClientContext)!;

// A component that is drawn again only when what it was given has changed.
export function memo<P extends object>(what: FunctionComponent<P>): FunctionComponent<P> {
    class Memo extends Component<P> {
        override shouldComponentUpdate(next: P): boolean {
            const before = this.props as Record<string, unknown>;
            return Object.entries(next).some(([name, value]) => !Object.is(before[name], value));
        }
        override render() {
            return h(what, this.props as P);
        }
    }
    return Memo as unknown as FunctionComponent<P>;
}

// A short word that goes away by itself.
export interface Toast {
    text: string;
    bad: boolean;
    id: number;
}
export const toasts = new Signal<Toast[]>([]);
let toastId = 0;

export function toast(text: string, bad = false): void {
    const id = ++toastId;
    toasts.value = [...toasts.value.slice(-2), { text, bad, id }];
    setTimeout(() => {
        toasts.value = toasts.value.filter((one) => one.id !== id);
    }, bad ? 7000 : 3500);
}

export function words(error: unknown): string {
    const t = texts.value;
    if (error instanceof ApiError) return t.errors[error.code] ?? (error.message || t.errors["internal"]!);
    return t.errors["internal"]!;
}

// Runs what may fail, says so if it does. Whether it went well.
export async function attempt(work: Promise<unknown>): Promise<boolean> {
    try {
        await work;
        return true;
    } catch (error) {
        if (!(error instanceof ApiError)) console.error(error);
        toast(words(error), true);
        return false;
    }
}

// A task of a button: busy while it runs.
export function useTask(): [boolean, (work: () => Promise<unknown>) => Promise<boolean>] {
    const [busy, setBusy] = useState(false);
    const here = useRef(true);
    useEffect(() => () => void (here.current = false), []);
    return [busy, async (work) => {
        setBusy(true);
        const well = await attempt(work());
        if (here.current) setBusy(false);
        return well;
    }];
}

// Something that is fetched when the component comes up, or when what it depends on changes.
export function useFetched<T>(fetch: () => Promise<T>, on: unknown[]): [T | null, unknown, () => void] {
    const [value, setValue] = useState<T | null>(null);
    const [error, setError] = useState<unknown>(null);
    const [round, setRound] = useState(0);
    useEffect(() => {
        let current = true;
        fetch().then(
            (found) => {
                if (current) setValue(() => found), setError(null);
            },
            (problem) => current && setError(problem),
        );
        return () => void (current = false);
    }, [...on, round]);
    return [value, error, () => setRound((n) => n + 1)];
}

export interface Paged<T> {
    items: T[] | null; // null: nothing has come yet
    error: unknown;
    more: (() => void) | null; // null: that is all, or it is on its way
    again: () => void;
}

// A list that is fetched a page at a time.
export function usePaged<T>(fetch: (cursor?: string) => Promise<Page<T> | null>, on: unknown[]): Paged<T> {
    const [page, setPage] = useState<Page<T> | null>(null);
    const [error, setError] = useState<unknown>(null);
    const [busy, setBusy] = useState(false);
    const [round, setRound] = useState(0);
    const turn = useRef(0); // what was asked for before that is not waited for
    const ask = (cursor?: string, before: T[] = []) => {
        const mine = ++turn.current;
        setBusy(true);
        fetch(cursor).then(
            (found) => {
                if (mine !== turn.current) return;
                setPage(found && { items: [...before, ...found.items], next: found.next });
                setError(null);
                setBusy(false);
            },
            (problem) => {
                if (mine !== turn.current) return;
                setError(problem);
                setBusy(false);
            },
        );
    };
    useEffect(() => {
        ask();
        return () => void turn.current++;
    }, [...on, round]);
    const next = page?.next;
    return { items: page?.items ?? null, error, more: next && !busy ? () => ask(next, page.items) : null, again: () => setRound((n) => n + 1) };
}
