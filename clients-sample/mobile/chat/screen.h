/* What is shown. On a terminal: lines in colours above the one that is typed, and some of them are
 * put right later (a message that waits has been sent, has been read). For scripts (plain): one
 * line each, its first word says what it is, and nothing is ever put right.
 *
 * Whatever is shown goes through clean_text here, so nobody else needs to think of it.
 */
#ifndef HUM_CHAT_SCREEN_H
#define HUM_CHAT_SCREEN_H

#include "input.h"

enum style { AS_IS, DIM, BOLD, NAME, GOOD, WARN, BAD };

struct piece {
    enum style style;
    const char *text;
};

enum { KEY_SIZE = 72 };

struct screen;

struct screen *screen_new(bool plain, struct input *input); /* NULL: no memory */
void screen_free(struct screen *screen);
bool screen_is_plain(const struct screen *screen);

/* pieces: up to one whose text is NULL. word: for scripts. key: by which screen_again finds the
 * line, or NULL. */
void screen_line(struct screen *screen, const char *word, const char *key,
                 const struct piece *pieces);
enum screen_found {
    SCREEN_DONE,
    SCREEN_OUT_OF_REACH, /* scrolled away, or it would take another height now */
    SCREEN_UNKNOWN       /* there is none, or it was too long ago; always so for scripts */
};
/* Writes that line anew, and gives it another key. */
enum screen_found screen_again(struct screen *screen, const char *key, const char *new_key,
                               const struct piece *pieces);
/* A line that says something, in one style. */
__attribute__((format(printf, 4, 5))) void screen_say(struct screen *screen, enum style style,
                                                      const char *word, const char *format, ...);
/* What stands before what one types. Not for scripts. */
void screen_prompt(struct screen *screen, const struct piece *pieces);

void screen_resized(struct screen *screen);

#endif
