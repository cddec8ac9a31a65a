// What somebody has chosen for this browser.

import { Signal } from "../lib/signal";
import { en, type Texts } from "../texts/en";
import { ru } from "../texts/ru";

export type Theme = "system" | "light" | "dark";
export const languages: Record<string, Texts> = { en, ru };

export const theme = new Signal<Theme>((localStorage.getItem("hum.theme") as Theme | null) ?? "system");
export const language = new Signal<string>(localStorage.getItem("hum.language") ?? "");
export const notify = new Signal<boolean>(localStorage.getItem("hum.notify") === "on");
export const texts = new Signal<Texts>(pick());

function pick(): Texts {
    const wanted = [language.value, ...navigator.languages.map((name) => name.slice(0, 2))];
    return wanted.map((name) => languages[name]).find((found) => found !== undefined) ?? en;
}

function apply(): void {
    const root = document.documentElement;
    root.lang = texts.value.lang;
    if (theme.value === "system") delete root.dataset["theme"];
    else root.dataset["theme"] = theme.value;
}

theme.watch((value) => {
    localStorage.setItem("hum.theme", value);
    apply();
});
notify.watch((value) => localStorage.setItem("hum.notify", value ? "on" : "off"));
language.watch((value) => {
    localStorage.setItem("hum.language", value);
    texts.value = pick();
    apply();
});
apply();
