// One tab at a time. Browsers have Web Locks, but only on pages that came over HTTPS or from the machine itself; elsewhere
// a lease in localStorage stands in, which is as good as its clock.

const LEASE_MS = 5000;

// Runs work while no other tab holds the lock; waits for it. An aborted signal ends the waiting. The one that work is given
// aborts when the lock is lost, or the other does: then work is to end.
export async function withLock<T>(name: string, work: (held: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const held = new AbortController();
    const drop = () => held.abort();
    signal?.addEventListener("abort", drop);
    try {
        if (typeof navigator === "undefined" || !navigator.locks) return await withLease(`hum.lock.${name}`, work, held, signal);
        return (await navigator.locks.request(name, signal ? { signal } : {}, () => work(held.signal))) as T;
    } finally {
        signal?.removeEventListener("abort", drop);
        drop();
    }
}

// A tab in the background may be so slow that its lease runs out, and then another has it: it looks before it renews it,
// and hears when it is taken. One that is put away gives it back.
async function withLease<T>(key: string, work: (held: AbortSignal) => Promise<T>, held: AbortController, signal?: AbortSignal): Promise<T> {
    const me = `${Date.now()}.${Math.random()}`;
    const take = () => localStorage.setItem(key, `${me} ${Date.now() + LEASE_MS}`);
    const holder = () => (localStorage.getItem(key) ?? "").split(" ");
    const free = () => {
        const [who, until] = holder();
        return !who || who === me || Number(until) < Date.now();
    };
    for (;;) {
        signal?.throwIfAborted();
        if (free()) {
            take();
            await pause(50 + Math.random() * 50); // whoever took it at the same moment has overwritten it, or been
            if (holder()[0] === me) break;
        }
        await pause(200 + Math.random() * 200);
    }
    const renew = () => {
        if (holder()[0] === me && !held.signal.aborted) take();
        else held.abort();
    };
    const heard = (event: StorageEvent) => {
        if (event.key === key && holder()[0] !== me) held.abort();
    };
    const leave = () => {
        held.abort();
        if (holder()[0] === me) localStorage.removeItem(key);
    };
    const renewal = setInterval(renew, LEASE_MS / 3);
    const stop = new AbortController();
    addEventListener("storage", heard, { signal: stop.signal });
    addEventListener("pageshow", renew, { signal: stop.signal });
    for (const away of ["pagehide", "freeze"]) addEventListener(away, leave, { signal: stop.signal, capture: true });
    try {
        renew();
        return await work(held.signal);
    } finally {
        clearInterval(renewal);
        stop.abort();
        leave();
    }
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
        const timer = setTimeout(done, ms);
        function done() {
            clearTimeout(timer);
            signal?.removeEventListener("abort", done);
            resolve();
        }
        if (signal?.aborted) done();
        else signal?.addEventListener("abort", done);
    });
}

// How long to wait before the attempt of a number: 0.5 s, doubled up to 30 s, and a random part of that, so that many
// clients that lost the same server do not come back at the same moment.
export function backoff(attempt: number, random = Math.random): number {
    const ceiling = Math.min(30_000, 500 * 2 ** Math.min(attempt, 16));
    return ceiling / 2 + (ceiling / 2) * random();
}
