// A value that can be watched: what the user interface shows is made of these.

export class Signal<T> {
    private watchers = new Set<(value: T) => void>();

    constructor(private current: T) {}

    get value(): T {
        return this.current;
    }

    set value(next: T) {
        if (Object.is(next, this.current)) return;
        this.current = next;
        for (const watcher of [...this.watchers]) watcher(next);
    }

    // Tells what stops it.
    watch(watcher: (value: T) => void): () => void {
        this.watchers.add(watcher);
        return () => this.watchers.delete(watcher);
    }
}
