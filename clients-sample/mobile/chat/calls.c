/* REST calls: who asked, what for, and what to do with the answer. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "chat.h"

const char *json_text(const json_t *object, const char *member) {
    const char *text = json_string_value(json_object_get(object, member));
    return text == NULL ? "" : text;
}

int64_t json_id(const json_t *object, const char *member) {
    return strtoll(json_text(object, member), NULL, 10);
}

char *calls_escape(const char *text) {
    char *escaped = malloc(strlen(text) * 3 + 1), *to = escaped;
    for (const char *at = text; escaped != NULL && *at != '\0'; at++) {
        if (isalnum((unsigned char)*at) || strchr("-._~", *at) != NULL)
            *to++ = *at;
        else
            to += sprintf(to, "%%%02X", (unsigned)(unsigned char)*at);
    }
    if (escaped != NULL)
        *to = '\0';
    return escaped;
}

/* ---- Asking ---- */

static void keep(struct chat *chat, const struct call *call) {
    for (int i = 0; i < CALLS_MAX; i++) {
        if (chat->calls[i].id == 0) {
            chat->calls[i] = *call;
            return;
        }
    }
    json_decref(call->context);
}

static void begin(struct chat *chat, const char *method, json_t *body, struct call *call,
                  const char *path) {
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    call->id = hum_call(chat->hum, method, path, text);
    if (call->id != 0) {
        keep(chat, call);
    } else {
        json_decref(call->context);
        show_problem(chat, "refused", "That cannot be asked, or too much is being asked already");
    }
    free(text);
    json_decref(body);
}

void calls_ask(struct chat *chat, const char *method, json_t *body, on_answer answer,
               json_t *context, const char *path, ...) {
    struct call call = {.answer = answer, .context = context};
    char *whole = NULL;
    va_list args;
    va_start(args, path);
    int length = vasprintf(&whole, path, args);
    va_end(args);
    if (length < 0)
        return;
    begin(chat, method, body, &call, whole);
    free(whole);
}

void calls_watch(struct chat *chat, int64_t id) {
    if (id != 0)
        keep(chat, &(struct call){.id = id});
    else
        show_problem(chat, "refused", "That cannot be sent as it is");
}

/* ---- Looking for something in a list ---- */

static const json_t *member_of(const json_t *item, const char *member) {
    char first[32];
    const char *dot = strchr(member, '.');
    if (dot == NULL)
        return json_object_get(item, member);
    snprintf(first, sizeof first, "%.*s", (int)(dot - member), member);
    return json_object_get(json_object_get(item, first), dot + 1);
}

/* user.nickname → user.id, name → id */
static bool is_wanted(const json_t *item, const char *member, const char *wanted) {
    char id[64];
    const char *dot = strrchr(member, '.');
    const char *text = json_string_value(member_of(item, member));
    if (*wanted != '#')
        return text != NULL && strcasecmp(text, wanted) == 0;
    snprintf(id, sizeof id, "%.*sid", dot == NULL ? 0 : (int)(dot + 1 - member), member);
    text = json_string_value(member_of(item, id));
    return text != NULL && strcmp(text, wanted + 1) == 0;
}

static void ask_page(struct chat *chat, struct call *call, const char *cursor) {
    const char *path = json_text(call->context, "path");
    char *whole = NULL;
    if (asprintf(&whole, "%s%climit=100%s%s", path, strchr(path, '?') == NULL ? '?' : '&',
                 cursor == NULL ? "" : "&cursor=", cursor == NULL ? "" : cursor) < 0)
        return;
    begin(chat, "GET", NULL, call, whole);
    free(whole);
}

void calls_find(struct chat *chat, const char *path, const char *member, const char *wanted,
                on_found found, json_t *context) {
    struct call call = {.found = found};
    call.context = json_pack("{s:s, s:s, s:s, s:o*}", "path", path, "member", member, "wanted",
                             wanted, "context", context);
    ask_page(chat, &call, NULL);
}

void calls_person(struct chat *chat, const char *wanted, on_found found, json_t *context) {
    char path[512];
    if (*wanted == '#') {
        json_t *item = json_pack("{s:s}", "id", wanted + 1);
        found(chat, item, context);
        json_decref(item);
        json_decref(context);
        return;
    }
    char *escaped = calls_escape(wanted);
    if (escaped != NULL) {
        snprintf(path, sizeof path, "/users/search?nickname=%.400s", escaped);
        calls_find(chat, path, "nickname", wanted, found, context);
    }
    free(escaped);
}

static void look_through(struct chat *chat, struct call *call, json_t *body) {
    const char *wanted = json_text(call->context, "wanted");
    const char *member = json_text(call->context, "member");
    const char *next = json_string_value(json_object_get(body, "next"));
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(body, "items"), i, item) {
        if (is_wanted(item, member, wanted)) {
            call->found(chat, item, json_object_get(call->context, "context"));
            return;
        }
    }
    if (next != NULL)
        ask_page(chat, &(struct call){.found = call->found, .context = json_incref(call->context)},
                 next);
    else
        screen_say(chat->screen, WARN, "error", "not_found: there is no %s", wanted);
}

/* ---- Answers ---- */

static void say_refusal(struct chat *chat, const hum_event *event, json_t *body) {
    json_t *why;
    const char *name;
    if (event->status == 0) {
        show_problem(chat, event->code == NULL ? "unavailable" : event->code,
                     "No answer: is there a line?");
        return;
    }
    show_problem(chat, event->code == NULL ? json_text(body, "code") : event->code,
                 json_text(body, "detail"));
    json_object_foreach(json_object_get(body, "fields"), name, why) {
        const char *text = json_string_value(why);
        screen_say(chat->screen, WARN, "field", "  %s: %s", name, text == NULL ? "" : text);
    }
}

void calls_answer(struct chat *chat, const hum_event *event) {
    struct call call = {0};
    for (int i = 0; i < CALLS_MAX && call.id == 0; i++) {
        if (chat->calls[i].id == event->call) {
            call = chat->calls[i];
            chat->calls[i] = (struct call){0};
        }
    }
    if (call.id == 0)
        return; /* asked before a sign-out */
    json_t *body = event->text == NULL ? NULL : json_loads(event->text, 0, NULL);
    if (event->status < 200 || event->status > 299)
        say_refusal(chat, event, body);
    else if (call.found != NULL)
        look_through(chat, &call, body);
    else if (call.answer != NULL)
        call.answer(chat, body, call.context);
    json_decref(body);
    json_decref(call.context);
}

bool calls_wait(const struct chat *chat) {
    for (int i = 0; i < CALLS_MAX; i++)
        if (chat->calls[i].id != 0)
            return true;
    return false;
}

void calls_forget(struct chat *chat) {
    for (int i = 0; i < CALLS_MAX; i++)
        json_decref(chat->calls[i].context);
    memset(chat->calls, 0, sizeof chat->calls);
}
