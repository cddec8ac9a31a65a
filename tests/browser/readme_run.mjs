// node readme_run.mjs CLIENT: runs what clients-sample/README.md says in TypeScript, built. Reads one JSON object: who signs in,
// where, what they say and how many messages there are in the end. Writes each that is shown.
import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";
import { pathToFileURL } from "node:url";

const { origin, email, password, room, say, count } = JSON.parse(readFileSync(0, "utf8"));
const far = globalThis.fetch;
let shown = 0;
globalThis.crypto ??= webcrypto; // Node.js 18 has none of its own
Object.assign(globalThis, {
    email, password, room,
    fetch: (path, init) => far(origin + path, init),
    show(message) {
        console.log(message.seq, message.text);
        if (++shown === count) process.exit(0);
    },
    refused(error) {
        console.error(error);
        process.exit(1);
    },
});
const { send } = await import(pathToFileURL(process.argv[2]));
for (const text of say) send(text);
