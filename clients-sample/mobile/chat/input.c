#include "input.h"

#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

enum { LINE_CAP = 64 * 1024, PROMPT_CAP = 512, REMEMBERED = 200 };

struct input {
    EditLine *editor; /* NULL: plain lines */
    History *history;
    bool secret, echo_off, ended, skipping;
    char prompt[PROMPT_CAP];
    struct termios before;
    int columns, rows;
    size_t used, given; /* of `line`: what has come; what was handed out and goes next */
    char line[LINE_CAP];
};

/* ---- Width ---- */

int input_width(const char *text) {
    mbstate_t state = {0};
    wchar_t wide;
    int width = 0;
    bool hidden = false;
    while (*text != '\0') {
        size_t length = mbrtowc(&wide, text, MB_CUR_MAX, &state);
        if (length == (size_t)-1 || length == (size_t)-2)
            return width;
        if (wide == 1)
            hidden = !hidden;
        else if (!hidden && wcwidth(wide) > 0)
            width += wcwidth(wide);
        text += length;
    }
    return width;
}

static int width_of(const char *from, const char *to) {
    char piece[LINE_CAP];
    size_t length = (size_t)(to - from) < sizeof piece ? (size_t)(to - from) : sizeof piece - 1;
    memcpy(piece, from, length);
    piece[length] = '\0';
    return input_width(piece);
}

void input_resized(struct input *input) {
    struct winsize size;
    input->columns = 80;
    input->rows = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        input->columns = size.ws_col;
        input->rows = size.ws_row;
    }
    if (input->editor != NULL)
        el_resize(input->editor);
}

int input_columns(const struct input *input) { return input->columns; }

int input_rows(const struct input *input) { return input->rows; }

/* ---- The editor ---- */

static char *give_prompt(EditLine *editor) {
    struct input *input = NULL;
    el_get(editor, EL_CLIENTDATA, &input);
    return input->prompt;
}

static bool set_up_editor(struct input *input) {
    HistEvent event;
    input->history = history_init();
    input->editor = el_init("hum-chat", stdin, stdout, stderr);
    if (input->history == NULL || input->editor == NULL)
        return false;
    history(input->history, &event, H_SETSIZE, REMEMBERED);
    history(input->history, &event, H_SETUNIQUE, 1);
    el_set(input->editor, EL_CLIENTDATA, input);
    el_set(input->editor, EL_PROMPT_ESC, give_prompt, '\1');
    el_set(input->editor, EL_EDITOR, "emacs");
    el_set(input->editor, EL_HIST, history, input->history);
    el_set(input->editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
    return true;
}

struct input *input_new(bool terminal) {
    struct input *input = calloc(1, sizeof *input);
    if (input == NULL)
        return NULL;
    if (tcgetattr(STDIN_FILENO, &input->before) == 0)
        input->echo_off = false;
    if (terminal && !set_up_editor(input)) {
        input_free(input);
        return NULL;
    }
    input_resized(input);
    if (input->editor != NULL)
        el_set(input->editor, EL_UNBUFFERED, 1);
    return input;
}

static void echo(struct input *input, bool on) {
    struct termios now;
    if (input->echo_off == !on || tcgetattr(STDIN_FILENO, &now) != 0)
        return;
    now.c_lflag = on ? now.c_lflag | ECHO : now.c_lflag & ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
    input->echo_off = !on;
}

void input_free(struct input *input) {
    if (input == NULL)
        return;
    echo(input, true);
    if (input->editor != NULL) {
        el_set(input->editor, EL_UNBUFFERED, 0);
        el_end(input->editor);
    }
    if (input->history != NULL)
        history_end(input->history);
    explicit_bzero(input, sizeof *input);
    free(input);
}

int input_fd(const struct input *input) {
    (void)input;
    return STDIN_FILENO;
}

bool input_writes(const struct input *input) {
    if (input->editor == NULL || input->secret)
        return false;
    const LineInfo *line = el_line(input->editor);
    return line->lastchar > line->buffer && line->buffer[0] != '/';
}

/* ---- The line on the screen ---- */

static void wipe(int rows_up) {
    if (rows_up > 0)
        printf("\033[%dA", rows_up);
    printf("\r\033[J");
}

void input_hide(struct input *input) {
    if (input->editor == NULL)
        return;
    if (input->secret) {
        wipe(0);
        return;
    }
    const LineInfo *line = el_line(input->editor);
    wipe((input_width(input->prompt) + width_of(line->buffer, line->cursor)) / input->columns);
}

void input_show(struct input *input) {
    if (input->editor == NULL)
        return;
    if (input->secret)
        printf("%s", input->prompt);
    fflush(stdout);
    if (!input->secret)
        el_set(input->editor, EL_REFRESH);
}

void input_prompt(struct input *input, const char *prompt) {
    if (input->secret || input->editor == NULL || strcmp(input->prompt, prompt) == 0)
        return;
    input_hide(input);
    snprintf(input->prompt, sizeof input->prompt, "%s", prompt);
    input_show(input);
}

void input_secret(struct input *input, const char *prompt) {
    input_hide(input);
    if (input->editor != NULL)
        el_set(input->editor, EL_UNBUFFERED, 0);
    input->secret = true;
    echo(input, false);
    snprintf(input->prompt, sizeof input->prompt, "%s", prompt);
    input_show(input);
}

static void end_secret(struct input *input) {
    input->secret = false;
    echo(input, true);
    input->prompt[0] = '\0';
    if (input->editor != NULL) {
        wipe(0);
        fflush(stdout);
        el_set(input->editor, EL_UNBUFFERED, 1);
    }
}

/* ---- Plain lines ---- */

/* A whole line of what has come, or what is left at the end. */
static enum input_got cut(struct input *input, char **ret_line) {
    char *end = memchr(input->line, '\n', input->used);
    if (end == NULL && !(input->ended && input->used > 0))
        return input->ended ? INPUT_END : INPUT_NOTHING;
    size_t length = end != NULL ? (size_t)(end - input->line) : input->used;
    input->line[length] = '\0';
    input->given = length + (end != NULL);
    if (length > 0 && input->line[length - 1] == '\r')
        input->line[length - 1] = '\0';
    *ret_line = input->line;
    if (!input->secret)
        return INPUT_LINE;
    end_secret(input);
    return INPUT_SECRET;
}

static void drop_given(struct input *input) {
    explicit_bzero(input->line, input->given);
    memmove(input->line, input->line + input->given, input->used - input->given);
    input->used -= input->given;
    input->given = 0;
}

static enum input_got read_plain(struct input *input, char **ret_line) {
    drop_given(input);
    enum input_got got = cut(input, ret_line);
    if (got != INPUT_NOTHING)
        return got;
    if (input->used == LINE_CAP - 1)
        input->used = 0; /* longer than any message may be */
    if (poll(&(struct pollfd){.fd = STDIN_FILENO, .events = POLLIN}, 1, 0) <= 0)
        return INPUT_NOTHING;
    ssize_t length = read(STDIN_FILENO, input->line + input->used, LINE_CAP - 1 - input->used);
    if (length < 0)
        return errno == EINTR || errno == EAGAIN ? INPUT_NOTHING : INPUT_END;
    input->ended = length == 0;
    input->used += (size_t)length;
    return cut(input, ret_line);
}

/* ---- Edited lines ---- */

static enum input_got take_edited(struct input *input, const char *text, size_t length) {
    HistEvent event;
    wipe((input_width(input->prompt) + width_of(text, text + length)) / input->columns + 1);
    fflush(stdout);
    snprintf(input->line, sizeof input->line, "%.*s", (int)length, text);
    el_set(input->editor, EL_UNBUFFERED, 0);
    if (length > 0)
        history(input->history, &event, H_ENTER, input->line);
    el_set(input->editor, EL_UNBUFFERED, 1);
    return INPUT_LINE;
}

enum input_got input_read(struct input *input, char **ret_line) {
    int count = 0;
    if (input->editor == NULL || input->secret)
        return read_plain(input, ret_line);
    input->used = input->given = 0;
    errno = 0;
    const char *text = el_gets(input->editor, &count);
    if (text == NULL || count <= 0)
        return count < 0 && errno != EINTR ? INPUT_END : INPUT_NOTHING;
    if (count == 1 && (unsigned char)text[0] == input->before.c_cc[VEOF])
        return INPUT_END;
    size_t length = (size_t)count; /* there is no NUL behind it yet */
    if (text[length - 1] != '\n' && text[length - 1] != '\r')
        return INPUT_NOTHING;
    *ret_line = input->line;
    return take_edited(input, text, length - 1);
}
