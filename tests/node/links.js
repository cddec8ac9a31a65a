// node links.js ORIGIN FOLDER STEPS: opens each link of STEPS ([{"name":…,"link":…,"password":…}] as JSON) as somebody
// would who came from a mail, presses the button, and tells what the page then says. A picture of each in FOLDER.
"use strict";
const path = require("node:path");
const { open } = require("./browser");

const [origin, folder, text] = process.argv.slice(2);

async function follow(page, { name, link, password }) {
    const sent = [];
    const note = (request) => sent.push(`${request.method()} ${request.url()} ${request.headers().referer ?? ""}`);
    page.on("request", note);
    await page.goto("about:blank"); // or a link to the same page would not be opened anew
    await page.goto(link);
    const before = await page.textContent("main");
    await page.screenshot({ path: path.join(folder, `${name}.png`) });
    const form = await page.isVisible("form");
    if (form) {
        if (password !== undefined) await page.fill("#password", password);
        await page.click("#button");
    }
    await page.waitForFunction(() => document.getElementById("outcome").textContent !== "");
    await page.screenshot({ path: path.join(folder, `${name}-then.png`) });
    page.off("request", note);
    return {
        name, before, form, sent,
        title: await page.title(),
        outcome: await page.textContent("#outcome"),
        kind: await page.getAttribute("#outcome", "class"),
        again: await page.isVisible("form"),
        url: page.url(),
    };
}

open(origin, async (page) => {
    const steps = [];
    for (const step of JSON.parse(text)) steps.push(await follow(page, step));
    return { steps };
}).then((found) => console.log(JSON.stringify(found)));
