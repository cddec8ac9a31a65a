#include "screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clean.h"

enum { REACH = 128 /* lines that may be put right */ };

struct row {
    char key[KEY_SIZE];
    int height;
};

struct screen {
    struct input *input;
    bool plain, colours;
    struct row rows[REACH]; /* the newest at `next` - 1, in a circle */
    size_t next;
};

static const char *const codes[] = {
    [AS_IS] = "",        [DIM] = "\033[2m",   [BOLD] = "\033[1m", [NAME] = "\033[1;36m",
    [GOOD] = "\033[32m", [WARN] = "\033[33m", [BAD] = "\033[31m",
};

struct screen *screen_new(bool plain, struct input *input) {
    struct screen *screen = calloc(1, sizeof *screen);
    if (screen == NULL)
        return NULL;
    screen->input = input;
    screen->plain = plain;
    screen->colours = !plain && getenv("NO_COLOR") == NULL;
    return screen;
}

void screen_free(struct screen *screen) {
    if (screen == NULL)
        return;
    input_hide(screen->input);
    fflush(stdout);
    free(screen);
}

bool screen_is_plain(const struct screen *screen) { return screen->plain; }

/* Where `mark` is put around what takes no place, something that does must follow: libedit hangs
 * the one onto the other. So a style ends where the next begins, and a prompt ends without one. */
static void put_piece(const struct screen *screen, FILE *to, const struct piece *piece,
                      const char *mark) {
    char *text = clean_text(piece->text, screen->plain ? CLEAN_SCRIPT : CLEAN_TERMINAL);
    if (text != NULL && *text != '\0' && screen->colours)
        fprintf(to, "%s\033[0m%s%s", mark, codes[piece->style], mark);
    if (text != NULL)
        fputs(text, to);
    free(text);
}

/* The line with its colours, to be freed. */
static char *render(const struct screen *screen, const struct piece *pieces, const char *mark) {
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL)
        return NULL;
    for (; pieces->text != NULL; pieces++)
        put_piece(screen, to, pieces, mark);
    if (*mark == '\0' && screen->colours)
        fputs("\033[0m", to);
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}

/* Rows of the terminal that a text takes, which may have line breaks in it. */
static int height_of(const struct screen *screen, const struct piece *pieces) {
    const struct screen bare = {.input = screen->input};
    char *text = render(&bare, pieces, "");
    int columns = input_columns(screen->input), height = 0;
    char *rest = text, *line;
    while (text != NULL && (line = strsep(&rest, "\n")) != NULL) {
        int width = input_width(line);
        height += width == 0 ? 1 : (width + columns - 1) / columns;
    }
    free(text);
    return height;
}

static void remember(struct screen *screen, const char *key, int height) {
    struct row *row = &screen->rows[screen->next++ % REACH];
    snprintf(row->key, sizeof row->key, "%s", key == NULL ? "" : key);
    row->height = height;
}

void screen_line(struct screen *screen, const char *word, const char *key,
                 const struct piece *pieces) {
    char *text = render(screen, pieces, "");
    if (text == NULL)
        return;
    input_hide(screen->input);
    if (screen->plain)
        printf("%s%s%s\n", word, *text == '\0' ? "" : " ", text);
    else
        printf("%s\n", text);
    fflush(stdout);
    input_show(screen->input);
    remember(screen, key, height_of(screen, pieces));
    free(text);
}

/* How far above the line that is typed that row begins; 0: it is not there. */
static int distance(struct screen *screen, const char *key, struct row **ret_row) {
    int up = 0;
    size_t known = screen->next < REACH ? screen->next : REACH;
    for (size_t back = 1; back <= known; back++) {
        struct row *row = &screen->rows[(screen->next - back) % REACH];
        up += row->height;
        if (strcmp(row->key, key) == 0) {
            *ret_row = row;
            return up;
        }
    }
    return 0;
}

static void overwrite(int up, int height, const char *text) {
    printf("\033[%dA", up);
    for (int i = 0; i < height; i++)
        printf("\033[2K\n");
    printf("\033[%dA\r%s\r\033[%dB", height, text, up - height + 1);
    fflush(stdout);
}

enum screen_found screen_again(struct screen *screen, const char *key, const char *new_key,
                               const struct piece *pieces) {
    struct row *row = NULL;
    int up = screen->plain ? 0 : distance(screen, key, &row);
    if (up == 0)
        return SCREEN_UNKNOWN;
    snprintf(row->key, sizeof row->key, "%s", new_key);
    bool fits = up < input_rows(screen->input) - 1 && row->height == height_of(screen, pieces);
    char *text = fits ? render(screen, pieces, "") : NULL;
    if (text == NULL)
        return SCREEN_OUT_OF_REACH;
    input_hide(screen->input);
    overwrite(up, row->height, text);
    input_show(screen->input);
    free(text);
    return SCREEN_DONE;
}

void screen_say(struct screen *screen, enum style style, const char *word, const char *format,
                ...) {
    va_list args;
    char *text = NULL;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        return;
    screen_line(screen, word, NULL, (struct piece[]){{style, text}, {0}});
    free(text);
}

void screen_prompt(struct screen *screen, const struct piece *pieces) {
    char *text = screen->plain ? NULL : render(screen, pieces, "\1");
    if (text != NULL)
        input_prompt(screen->input, text);
    free(text);
}

void screen_resized(struct screen *screen) {
    input_resized(screen->input);
    screen->next = 0; /* where lines stand now is the terminal's secret */
}
