// node drive.js ORIGIN [LANGUAGE [KEY]]: a browser for a test in another language. Reads a call a line, answers a line: {"id", "who", "call", "args"}
// makes person `who`'s page do what playwright's Page can ("click", "fill", "waitForSelector" …), or one of the words below.
// Each `who` is a browser of its own (a context); "who/2" is a second tab of it. Every host *.test is this machine, by a name
// that browsers do not take for it: a page from there is as one over plain HTTP in a network.
"use strict";
const { chromium } = require("playwright-core");
const readline = require("node:readline");

// KEY: the hash of a server's key (SPKI) whose certificate nobody here vouches for, and which is taken all the same.
const [origin, language = "en", key] = process.argv.slice(2);
const contexts = new Map(), pages = new Map(), lines = new Map(), sessions = new Map(), trouble = [], frames = [], requests = [];
let browser;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// What a cut line makes the browser say is no trouble of the page's.
const expected = /net::ERR_|WebSocket connection to|Failed to load resource/;

async function context(name) {
    if (!contexts.has(name)) {
        const made = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: language });
        await made.addInitScript(() => {
            addEventListener("securitypolicyviolation", (e) => console.error(`policy: ${e.violatedDirective}: ${e.blockedURI} at ${e.sourceFile}:${e.lineNumber}`));
        });
        contexts.set(name, made);
    }
    return contexts.get(name);
}

// The line of somebody's WebSockets: whole; cut: closed, and none comes up; silent: up, and nothing passes.
function wire(who, one) {
    const line = { state: "whole", sockets: new Set(), opened: 0 };
    lines.set(who, line);
    return one.routeWebSocket(/mqtt/, (near) => {
        line.opened++;
        if (line.state === "cut") return void near.close();
        const far = near.connectToServer();
        line.sockets.add(near);
        near.onMessage((m) => {
            if (line.state === "silent") return;
            frames.push([who, Buffer.from(m).toString("latin1")]);
            far.send(m);
        });
        far.onMessage((m) => line.state !== "silent" && near.send(m));
        near.onClose(() => (line.sockets.delete(near), far.close()));
        far.onClose(() => (line.sockets.delete(near), near.close()));
    });
}

async function page(who) {
    if (!pages.has(who)) {
        const one = await (await context(who.split("/")[0])).newPage();
        one.setDefaultTimeout(30000);
        one.on("console", (m) => ["error", "warning"].includes(m.type()) && !expected.test(m.text()) && trouble.push(`${who}: ${m.text()}`));
        one.on("pageerror", (e) => trouble.push(`${who}: ${e.stack}`));
        one.on("request", (r) => !/^(data|blob):/.test(r.url()) && !r.url().startsWith(`${origin}/`) && trouble.push(`${who}: elsewhere: ${r.url()}`));
        one.on("request", (r) => requests.push([who, `${r.method()} ${r.url()}`]));
        await wire(who, one);
        pages.set(who, one);
    }
    return pages.get(who);
}

const words = {
    async allow(who, what) { await (await context(who)).grantPermissions(what); },
    async offline(who, on) { await (await context(who)).setOffline(on); },
    async cdp(who, method, params) {
        const one = await page(who);
        sessions.set(who, sessions.get(who) ?? (await one.context().newCDPSession(one)));
        return sessions.get(who).send(method, params);
    },
    async close(who) { await (await page(who)).close(); pages.delete(who); },
    // As if its process had been killed: nothing in it is told.
    async crash(who) {
        const one = await page(who), crashed = one.waitForEvent("crash");
        one.goto("chrome://crash").catch(() => undefined);
        await crashed;
    },
    async line(who, state) {
        await page(who);
        const line = lines.get(who);
        line.state = state;
        if (state === "cut") for (const socket of line.sockets) await socket.close();
    },
    async opened(who) { return lines.get(who).opened; },
    async trouble() { return trouble.splice(0); },
    async frames(who, text) { return frames.filter(([w, f]) => w === who && f.includes(text)).length; },
    async asked(who, text) { return requests.filter(([w, r]) => w === who && r.includes(text)).length; },
    async wheel(who, x, y, by) {
        const one = await page(who);
        await one.mouse.move(x, y);
        await one.mouse.wheel(0, by);
        await one.waitForTimeout(60); // two frames: what is out of sight comes in
    },
    async press(who, key) { await (await page(who)).keyboard.press(key); },
    async type(who, text) { await (await page(who)).keyboard.type(text); },
    async media(who, options) { await (await page(who)).emulateMedia(options); },
    async files(who, selector, path) { await (await page(who)).setInputFiles(selector, path); },
    async count(who, selector) { return (await page(who)).locator(selector).count(); },
    async texts(who, selector) { return (await page(who)).locator(selector).allTextContents(); },
    async script(who, path) { await (await page(who)).evaluate(require("node:fs").readFileSync(path, "utf8")); },
    async js(who, code) { return (await page(who)).evaluate(code); },
    // Polls from outside: the page's policy lets nobody evaluate text inside.
    async until(who, code) {
        for (const end = Date.now() + 30000; !(await (await page(who)).evaluate(code)); await pause(50)) {
            if (Date.now() > end) throw new Error(`never: ${code.slice(0, 200)}`);
        }
    },
};

const plain = (value) => { try { return JSON.parse(JSON.stringify(value ?? null)); } catch { return null; } };

async function answer({ id, who, call, args }) {
    try {
        const result = words[call] ? await words[call](who, ...args) : await (await page(who))[call](...args);
        console.log(JSON.stringify({ id, result: ["goto", "waitForSelector", "reload", "screenshot"].includes(call) ? null : plain(result) }));
    } catch (error) {
        console.log(JSON.stringify({ id, error: String(error.message ?? error) }));
    }
}

(async () => {
    const args = ["--disable-dev-shm-usage", "--host-resolver-rules=MAP *.test 127.0.0.1"];
    if (key) args.push(`--ignore-certificate-errors-spki-list=${key}`);
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args });
    console.log(JSON.stringify({ ready: true }));
    for await (const line of readline.createInterface({ input: process.stdin })) await answer(JSON.parse(line));
    await browser.close();
})();
