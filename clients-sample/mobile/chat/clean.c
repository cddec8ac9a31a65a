#include "clean.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum {
    MARKS_MAX = 6,
    GROWTH = 7 /* bytes that one byte becomes at most: a break with its indent */
};

#define INDENT "\n      "

static const uint32_t BAD = 0xFFFD;

/* One character of UTF-8 (RFC 3629), or BAD for one byte that is none. Moves *at on. */
static uint32_t take(const unsigned char **at) {
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *p = *at;
    int more = p[0] < 0x80 ? 0 : p[0] >= 0xF0 ? 3 : p[0] >= 0xE0 ? 2 : 1;
    uint32_t c = p[0];
    *at += 1;
    if (more == 0)
        return c;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return BAD;
    c &= 0x3Fu >> more;
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xC0) != 0x80) /* also at the end: NUL */
            return BAD;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return BAD;
    *at += more;
    return c;
}

static char *put(char *to, uint32_t c) {
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (char)(0xE0 | c >> 12);
        } else {
            *to++ = (char)(0xF0 | c >> 18);
            *to++ = (char)(0x80 | (c >> 12 & 0x3F));
        }
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
    }
    *to++ = (char)(0x80 | (c & 0x3F));
    return to;
}

/* Embeddings, overrides, isolates, marks of direction; what terminals may take for a line break or
 * an instruction. */
static bool unwanted(uint32_t c) {
    return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E ||
           c == 0x200F || c == 0x061C || (c >= 0xFFF9 && c <= 0xFFFB) || c == 0xFEFF;
}

static bool from_right_to_left(uint32_t c) {
    return (c >= 0x0590 && c <= 0x08FF) || (c >= 0xFB1D && c <= 0xFDFF) ||
           (c >= 0xFE70 && c <= 0xFEFC) || (c >= 0x10800 && c <= 0x10FFF) ||
           (c >= 0x1E800 && c <= 0x1EFFF);
}

/* Whether a part of it goes from right to left. */
static bool turns(const unsigned char *at) {
    while (*at != '\0') {
        uint32_t c = take(&at);
        if (from_right_to_left(c) && !unwanted(c))
            return true;
    }
    return false;
}

static bool line_break(uint32_t c) { return c == '\n' || c == 0x2028 || c == 0x2029; }

static uint32_t picture(uint32_t c) {
    if (c == '\t')
        return ' ';
    if (c < 0x20)
        return 0x2400 + c;
    if (c == 0x7F)
        return 0x2421;
    return c >= 0x80 && c < 0xA0 ? BAD : c;
}

static char *put_break(char *to, enum clean_for whom) {
    for (const char *as = whom == CLEAN_TERMINAL ? INDENT : "\\n"; *as != '\0'; as++)
        *to++ = *as;
    return to;
}

static char *put_shown(char *to, uint32_t c, enum clean_for whom) {
    if (line_break(c))
        return put_break(to, whom);
    if (c == '\\' && whom == CLEAN_SCRIPT)
        *to++ = '\\';
    return put(to, picture(c));
}

char *clean_text(const char *text, enum clean_for whom) {
    const unsigned char *at = (const unsigned char *)text;
    char *clean = malloc(strlen(text) * GROWTH + 7); /* two isolates and NUL */
    if (clean == NULL)
        return NULL;
    char *to = clean;
    int marks = 0;
    bool isolated = whom == CLEAN_TERMINAL && turns(at);
    if (isolated)
        to = put(to, 0x2068);
    while (*at != '\0') {
        uint32_t c = take(&at);
        if (c == '\r' && *at == '\n')
            continue;
        marks = wcwidth((wchar_t)c) == 0 ? marks + 1 : 0;
        if (!unwanted(c) && marks <= MARKS_MAX)
            to = put_shown(to, c, whom);
    }
    if (isolated)
        to = put(to, 0x2069);
    *to = '\0';
    return clean;
}

void clean_unescape(char *line) {
    char *to = line;
    for (const char *at = line; *at != '\0'; at++) {
        bool escape = at[0] == '\\' && (at[1] == 'n' || at[1] == '\\');
        if (escape)
            at++;
        if (escape && *at == 'n')
            *to++ = '\n';
        else
            *to++ = *at;
    }
    *to = '\0';
}
