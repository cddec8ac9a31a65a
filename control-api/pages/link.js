// Where the links of mails lead. The token stands in the fragment, which a browser sends to nobody: it is in no log and
// no Referer. Nothing happens by opening the page, since programs that look at mails open it, too.
"use strict";

const PAGES = {
    verify: {
        title: "Confirm your e-mail address",
        about: "Only go on if it was you who signed up.",
        button: "Confirm",
        call: "v1/auth/email/verify",
        done: "Your e-mail address is confirmed. You can sign in now.",
    },
    change: {
        title: "Change your e-mail address",
        about: "Only go on if it was you who asked for it.",
        button: "Use this address",
        call: "v1/auth/email/verify",
        done: "From now on this is the e-mail address of your account.",
    },
    reset: {
        title: "Choose a new password",
        about: "It takes the place of the old one, and all devices are signed out.",
        button: "Set the password",
        call: "v1/auth/password/reset",
        done: "The new password is set. You can sign in with it now.",
        secret: true,
    },
};

const page = PAGES[location.pathname.split("/").pop()] ?? PAGES.verify;
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const part = (id) => document.getElementById(id);

function say(text, kind) {
    part("outcome").textContent = text;
    part("outcome").className = kind;
}

// Over: this link is of no use any more, so it need not stay in the browser's history either.
function end(text, kind) {
    part("form").hidden = true;
    part("about").hidden = true;
    history.replaceState(null, "", location.pathname);
    say(text, kind);
}

// What is wrong, in the server's words: of a refused member first.
async function reason(answer) {
    const problem = await answer.json().catch(() => ({}));
    return problem.fields?.password ? `The password ${problem.fields.password}.` : `${problem.detail ?? "It did not work"}.`;
}

async function send() {
    const body = page.secret ? { token, password: part("password").value } : { token };
    const answer = await fetch(page.call, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
    });
    if (answer.ok) return end(page.done, "good");
    const text = await reason(answer);
    if (answer.status === 401 || answer.status === 409) return end(text, "bad");
    say(text, "bad");
}

part("title").textContent = page.title;
document.title = `Hum: ${page.title}`;
part("about").textContent = page.about;
part("button").textContent = page.button;
part("secret").hidden = !page.secret;
part("password").required = Boolean(page.secret);
part("shown").addEventListener("change", (event) => {
    part("password").type = event.target.checked ? "text" : "password";
});
part("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    part("button").disabled = true;
    say("", "");
    try {
        await send();
    } catch {
        say("The server cannot be reached. Try again in a while.", "bad");
    }
    part("button").disabled = false;
});
if (token) {
    part("form").hidden = false;
} else {
    end("This link is not whole: open it again from the mail.", "bad");
}
