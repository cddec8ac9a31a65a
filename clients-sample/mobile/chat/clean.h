/* Other people's text on the way to a terminal or a script: nothing in it can move the cursor, set
 * a colour or a title, turn the order of what stands beside it, or begin a line. No state.
 */
#ifndef HUM_CHAT_CLEAN_H
#define HUM_CHAT_CLEAN_H

#include <stdbool.h>

enum clean_for {
    CLEAN_TERMINAL, /* a line break goes on in the next line, indented; text from right to left is
                       isolated from what stands beside it */
    CLEAN_SCRIPT    /* one line: \n and \\ stand for a line break and a backslash */
};

/* A new string, to be freed; NULL: no memory. Bytes that are no UTF-8 become U+FFFD, control
 * characters their pictures (U+241B for ESC), direction overrides and invisible line breaks go, and
 * no more than a few combining marks pile up on one character. */
char *clean_text(const char *text, enum clean_for whom);

/* The reverse of CLEAN_SCRIPT, in place. Other escapes stay as they are. */
void clean_unescape(char *line);

#endif
