#include "commands.h"

#include <string.h>

#include "clean.h"

struct row {
    const char *name, *words, *does;
    int least, most; /* words; the last takes the rest of the line */
    bool signed_in;  /* somebody must be */
    bool in_room;    /* a room must be open */
    command *run;
};

static const struct row rows[] = {
    {"signup", "EMAIL NICKNAME", "make an account; the password is asked for", 2, 2, false, false,
     account_sign_up},
    {"login", "EMAIL", "sign in; the password is asked for", 1, 1, false, false, account_sign_in},
    {"logout", "", "sign out here; what is stored here goes", 0, 0, true, false, account_sign_out},
    {"rooms", "", "your rooms, with what is unread", 0, 0, true, false, talk_rooms},
    {"open", "ROOM", "go to a friend's, server's or channel's room, by name or #number", 1, 1, true,
     false, talk_open_room},
    {"close", "", "leave the room open on the screen", 0, 0, true, true, talk_close},
    {"older", "", "what was said before", 0, 0, true, true, talk_older},
    {"reply", "N TEXT", "answer message N", 2, 2, true, true, talk_reply},
    {"edit", "N TEXT", "change your message N", 2, 2, true, true, talk_edit},
    {"delete", "N", "take back your message N", 1, 1, true, true, talk_delete},
    {"again", "NONCE", "send once more what was refused", 1, 1, true, false, talk_again},
    {"forget", "NONCE", "give up what was refused", 1, 1, true, false, talk_forget},
    {"friends", "[all|incoming|outgoing]", "friends, or who asked whom", 0, 1, true, false,
     people_list},
    {"add", "NICKNAME", "ask somebody to be friends", 1, 1, true, false, people_add},
    {"accept", "NICKNAME", "say yes to who asked", 1, 1, true, false, people_accept},
    {"decline", "NICKNAME", "say no", 1, 1, true, false, people_decline},
    {"remove", "NICKNAME", "end a friendship", 1, 1, true, false, people_remove},
    {"search", "TEXT", "people whose nickname is like that", 1, 1, true, false, people_search},
    {"block", "NICKNAME", "hear nothing of somebody", 1, 1, true, false, people_block},
    {"unblock", "NICKNAME", "lift a block", 1, 1, true, false, people_unblock},
    {"blocked", "", "whom you have blocked", 0, 0, true, false, people_blocked},
    {"who", "", "who is online, or in this room", 0, 0, true, false, people_who},
    {"profile", "[NICKNAME]", "yours, or somebody's", 0, 1, true, false, account_profile},
    {"about", "TEXT", "what your profile says", 0, 1, true, false, account_about},
    {"nickname", "NAME", "change your nickname", 1, 1, true, false, account_nickname},
    {"devices", "[end N]", "where you are signed in; signs one out", 0, 2, true, false,
     account_devices},
    {"servers", "[TEXT]", "your servers, or public ones to be found", 0, 1, true, false,
     servers_list},
    {"create", "NAME", "make a server; private NAME: by invite only", 1, 1, true, false,
     servers_create},
    {"join", "SERVER", "join a public server", 1, 1, true, false, servers_join},
    {"leave", "SERVER", "leave a server", 1, 1, true, false, servers_leave},
    {"post", "SERVER TEXT", "write to all of your server", 2, 2, true, false, servers_post},
    {"members", "SERVER", "who is in a server", 1, 1, true, false, servers_members},
    {"invite", "SERVER NICKNAME", "invite somebody", 2, 2, true, false, servers_invite},
    {"invites", "[accept|decline SERVER]", "who invites you, and your answer", 0, 2, true, false,
     servers_invites},
    {"code", "SERVER", "a code by which anybody may join", 1, 1, true, false, servers_code},
    {"redeem", "CODE", "join by a code", 1, 1, true, false, servers_redeem},
    {"channels", "SERVER", "the channels of a server", 1, 1, true, false, servers_channels},
    {"channel", "create|delete|join|leave SERVER NAME", "one of them", 3, 3, true, false,
     servers_channel},
    {"destroy", "SERVER", "delete your server with all that is in it", 1, 1, true, false,
     servers_delete},
    {"notices", "", "what happened to you", 0, 0, true, false, talk_notices},
    {"pause", "", "no line until /resume; what you write waits", 0, 0, false, false, talk_pause},
    {"resume", "", "a line again, at once", 0, 0, false, false, talk_resume},
    {"figures", "", "what the line has cost so far", 0, 0, false, false, talk_figures},
    {"help", "", "this", 0, 0, false, false, commands_help},
    {"quit", "", "end; what waits is sent the next time", 0, 0, false, false, commands_quit},
};

enum { ROWS = sizeof rows / sizeof *rows };

void commands_help(struct chat *chat, char *argv[WORDS_MAX]) {
    (void)argv;
    for (size_t i = 0; i < ROWS; i++) {
        char head[64];
        snprintf(head, sizeof head, "/%s %s", rows[i].name, rows[i].words);
        screen_say(chat->screen, AS_IS, "help", "%-34s %s", head, rows[i].does);
    }
    screen_say(chat->screen, AS_IS, "help", "%s",
               "Anything else is said in the open room; // begins a text with a slash. Names with "
               "spaces go \"in quotes\".");
}

void commands_quit(struct chat *chat, char *argv[WORDS_MAX]) {
    (void)argv;
    chat->quit = true;
}

/* Cuts off the next word, which may stand in quotes. */
static char *next_word(char **rest) {
    char *word = *rest + strspn(*rest, " "), *end;
    if (*word == '"' && (end = strchr(word + 1, '"')) != NULL && strchr(" ", end[1]) != NULL) {
        word++;
    } else {
        end = word + strcspn(word, " ");
    }
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    *rest += strspn(*rest, " ");
    return word;
}

/* The last of the words takes all that is left, without quotes around it. */
static char *last_word(char *rest) {
    size_t length = strlen(rest);
    while (length > 0 && rest[length - 1] == ' ')
        rest[--length] = '\0';
    if (length >= 2 && rest[0] == '"' && strchr(rest + 1, '"') == rest + length - 1) {
        rest[length - 1] = '\0';
        rest++;
    }
    return rest;
}

static int split(char *rest, int most, char *argv[WORDS_MAX]) {
    int count = 0;
    while (count < most && *rest != '\0') {
        argv[count] = count == most - 1 ? last_word(rest) : next_word(&rest);
        count++;
    }
    return count;
}

static void run_row(struct chat *chat, const struct row *row, char *rest) {
    char empty[] = "", *argv[WORDS_MAX] = {empty, empty, empty};
    int count = split(rest, row->most, argv);
    if (row->signed_in && hum_me(chat->hum) == 0)
        show_problem(chat, "not_signed_in", "/login or /signup first");
    else if (row->in_room && chat->room == 0)
        show_problem(chat, "no_room", "/open one first");
    else if (count < row->least)
        screen_say(chat->screen, WARN, "usage", "/%s %s", row->name, row->words);
    else
        row->run(chat, argv);
}

static void run_command(struct chat *chat, char *line) {
    const char *name = next_word(&line);
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            run_row(chat, &rows[i], line);
            return;
        }
    }
    screen_say(chat->screen, BAD, "error", "no_command: there is no /%s; see /help", name);
}

void commands_run(struct chat *chat, char *line) {
    if (screen_is_plain(chat->screen))
        clean_unescape(line);
    if (line[0] == '/' && line[1] != '/') {
        if (!screen_is_plain(chat->screen))
            screen_say(chat->screen, DIM, "", "%s", line);
        run_command(chat, line + 1);
        return;
    }
    if (*line == '\0')
        return;
    if (chat->room == 0)
        show_problem(chat, "no_room", "to whom? /rooms, /open, /help");
    else
        talk_say(chat, chat->room, line + (line[0] == '/'), 0);
}
