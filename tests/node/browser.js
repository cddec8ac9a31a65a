// Debian's Chromium, by playwright-core. What goes wrong on a page is noted: errors, what its policy forbids, requests
// that fail or go to another host.
"use strict";
const { chromium } = require("playwright-core");

exports.open = async (origin, use) => {
    const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", headless: true });
    const trouble = [];
    try {
        const context = await browser.newContext({ viewport: { width: 1280, height: 1600 } });
        const page = await context.newPage();
        page.on("console", (m) => ["error", "warning"].includes(m.type()) && trouble.push(`console: ${m.text()}`));
        page.on("pageerror", (e) => trouble.push(`error: ${e.stack}`));
        page.on("requestfailed", (r) => trouble.push(`failed: ${r.url()}`));
        page.on("response", (r) => r.status() >= 400 && trouble.push(`${r.status()}: ${r.url()}`));
        page.on("request", (r) => {
            if (!r.url().startsWith(`${origin}/`) && !r.url().startsWith("data:")) trouble.push(`elsewhere: ${r.url()}`);
        });
        await page.addInitScript(() => {
            globalThis.forbidden = [];
            addEventListener("securitypolicyviolation", (e) => {
                globalThis.forbidden.push(`${e.violatedDirective}: ${e.blockedURI} at ${e.sourceFile}:${e.lineNumber}`);
            });
        });
        const result = await use(page);
        trouble.push(...(await page.evaluate(() => globalThis.forbidden)));
        return { ...result, trouble };
    } finally {
        await browser.close();
    }
};
