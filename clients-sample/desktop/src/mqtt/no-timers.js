// In the place of the package worker-timers: the browser's own timers are used (live.ts), and the page's policy forbids these.
export const setInterval = undefined, clearInterval = undefined, setTimeout = undefined, clearTimeout = undefined;
