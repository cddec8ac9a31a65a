// node oauth.js ORIGIN PROVIDER LOGIN VERIFIER CHALLENGE: somebody signs in at an identity provider, in a browser, and
// comes back; what the client gets for its one-time code, and what the page can read of cookies.
"use strict";
const { open } = require("./browser");

const [origin, provider, login, verifier, challenge] = process.argv.slice(2);
const query = new URLSearchParams({ code_challenge: challenge, code_challenge_method: "S256" });

open(origin, async (page) => {
    await page.goto(`${origin}/v1/auth/oauth/${provider}/authorize?${query}`);
    await page.fill("input[name=login]", login);
    await page.fill("input[name=password]", "any");
    await page.click("button[type=submit]");
    await page.waitForSelector("button[autofocus][type=submit]:has-text('Continue')");
    await page.click("button[type=submit]");
    await page.waitForURL(`${origin}/#oauth=*`);
    const url = page.url();
    const sign_in = (code_verifier) => page.evaluate(async (grant) => {
        const answer = await fetch("/v1/auth/oauth", {
            method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(grant),
        });
        return [answer.status, await answer.json()];
    }, { provider: "hum", code: url.split("#oauth=")[1], code_verifier });
    const [status, session] = await sign_in(verifier);
    const [again] = await sign_in(verifier);
    return { url, status, session, again, cookie: await page.evaluate(() => document.cookie) };
}).then((found) => console.log(JSON.stringify(found)));
