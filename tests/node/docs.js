// node docs.js ORIGIN PICTURE: what /docs shows of the REST API, and the answer to one operation that is tried out.
"use strict";
const { open } = require("./browser");

const [origin, picture] = process.argv.slice(2);

open(origin, async (page) => {
    await page.goto(`${origin}/docs`);
    await page.waitForSelector(".opblock");
    const operations = await page.$$eval(".opblock-summary", (all) => all.map((one) => [
        one.querySelector(".opblock-summary-method").textContent.trim(),
        one.querySelector(".opblock-summary-path").getAttribute("data-path"),
    ]));
    const title = await page.textContent(".info .title");
    await page.screenshot({ path: picture });
    // With its text, its answers and their examples, and tried out against this very server.
    await page.click("#operations-service-isReady .opblock-summary-control");
    await page.click("#operations-service-isReady .try-out__btn");
    await page.click("#operations-service-isReady .execute");
    const live = await page.waitForSelector("#operations-service-isReady .live-responses-table tbody .response-col_status");
    const status = (await live.textContent()).trim();
    await page.click("#operations-rooms-sendMessage .opblock-summary-control");
    await page.waitForSelector("#operations-rooms-sendMessage .responses-table .response");
    const errors = await page.$$eval("#errors, .errors-wrapper", (all) => all.map((one) => one.textContent));
    const block = await page.$("#operations-rooms-sendMessage");
    await block.screenshot({ path: picture.replace(".png", "-open.png") });
    return { title, operations, status, errors };
}).then((found) => console.log(JSON.stringify(found)));
