// One tab at a time. Browsers have Web Locks, but only on pages that came over HTTPS or from the machine itself; elsewhere
// a lease in localStorage stands in, which is as good as its clock.

const LEASE_MS = 5000;

// Runs work while no other tab holds the lock; waits for it. An aborted signal ends the waiting.
export async function withLock<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (typeof navigator !== "undefined" && navigator.locks) {
        return navigator.locks.request(name, signal ? { signal } : {}, work) as Promise<T>;
    }
    return withLease(`hum.lock.${name}`, work, signal);
}

async function withLease<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
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
    const renewal = setInterval(take, LEASE_MS / 3);
    const leave = () => localStorage.removeItem(key);
    addEventListener("pagehide", leave);
    try {
        return await work();
    } finally {
        clearInterval(renewal);
        removeEventListener("pagehide", leave);
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
