/* What is typed: on a terminal by libedit, else line by line. Never waits: see input_fd. */
#ifndef HUM_CHAT_INPUT_H
#define HUM_CHAT_INPUT_H

#include <stdbool.h>

struct input;

enum input_got {
    INPUT_NOTHING, /* so far */
    INPUT_LINE,
    INPUT_SECRET, /* a line that was asked for by input_secret */
    INPUT_END
};

/* terminal: edit lines there. NULL: no memory, or no such terminal. */
struct input *input_new(bool terminal);
/* Leaves the terminal as it was. */
void input_free(struct input *input);

int input_fd(const struct input *input);
/* To be called when the descriptor is readable, and again while it yields something. *ret_line is
 * good until the next call, without its line break. What was edited is wiped off the screen. */
enum input_got input_read(struct input *input, char **ret_line);

/* What stands before the line; \1 around what takes no place. Copied. */
void input_prompt(struct input *input, const char *prompt);
/* The next line is a secret: it is not echoed and not remembered. */
void input_secret(struct input *input, const char *prompt);

/* For who writes above the line: wipes it off, and draws it again. */
void input_hide(struct input *input);
void input_show(struct input *input);
void input_resized(struct input *input);
int input_columns(const struct input *input);
int input_rows(const struct input *input);
/* Whether a line is being written that is no command. */
bool input_writes(const struct input *input);

/* Places that a text takes on a terminal. */
int input_width(const char *text);

#endif
