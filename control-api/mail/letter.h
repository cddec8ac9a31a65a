/* The text of a mail, headers and all (RFC 5322). English, ASCII, and nothing in it that anybody
 * could choose but the address: whoever signs up with somebody else's has no way to write to them.
 * Pure. */
#ifndef HUM_MAIL_LETTER_H
#define HUM_MAIL_LETTER_H

#include <time.h>

#include "buf.h"
#include "mail/mail.h"
#include "status.h"

enum {
    LETTER_MAX = 8192,   /* bytes */
    LETTER_URL_MAX = 900 /* of public_url: a line of a mail has at most 998 bytes */
};

struct letter {
    enum mail_kind kind;
    int64_t id; /* of the mail; in its Message-ID, so that a repeated one is known as such */
    time_t at;
    struct str from, to;    /* addresses */
    const char *public_url; /* what the links begin with */
    const char *token;      /* in the link; "" for a kind without one */
};

/* Writes it with lines that end in CR LF. HUM_INVALID_REQUEST: something in it is not printable
 * ASCII, or no such kind; HUM_INTERNAL: no memory. Any thread. */
HUM_MUSTCHECK enum hum_status letter_write(struct buf *out, const struct letter *letter);
/* The kind in a word, for a log. */
const char *letter_kind_name(enum mail_kind kind);

#endif
