#include "letter.h"

/* Where a text goes on with something else. */
#define SITE "\x01"
#define LINK "\x02"

struct text {
    const char *name, *subject;
    const char *page; /* of the link */
    const char *body;
};

static const struct text texts[MAIL_KIND_END] = {
    [MAIL_VERIFY] =
        {"verify", "Confirm your e-mail address", "/verify#token=",
         "Hello,\n\n"
         "somebody, we hope you, has signed up with this address at\n" SITE "\n\n"
         "Open this link within 24 hours to show that the address is yours:\n\n" LINK "\n\n"
         "If it was not you, do nothing. Without the link nobody can use that account.\n"},
    [MAIL_ALREADY_REGISTERED] =
        {"already_registered", "You have an account already", NULL,
         "Hello,\n\n"
         "somebody has tried to sign up with this address, which has an account already, at\n" SITE
         "\n\n"
         "If it was you: sign in with your password, or ask there for a link to a new one.\n"
         "If it was not you, do nothing. Nothing has changed.\n"},
    [MAIL_RESET] =
        {"reset", "A new password", "/reset#token=",
         "Hello,\n\n"
         "somebody, we hope you, wants a new password for the account with this address at\n" SITE
         "\n\n"
         "Open this link within an hour to choose one:\n\n" LINK "\n\n"
         "If it was not you, do nothing. The old password stays.\n"},
    [MAIL_CHANGE_CONFIRM] =
        {"change_confirm", "Confirm your new e-mail address", "/change#token=",
         "Hello,\n\n"
         "somebody, we hope you, wants this to be the address of their account at\n" SITE "\n\n"
         "Open this link within an hour to make it so:\n\n" LINK "\n\n"
         "If it was not you, do nothing. Nothing changes without the link.\n"},
    [MAIL_ADDRESS_CHANGED] =
        {"address_changed", "Your e-mail address has been changed", NULL,
         "Hello,\n\n"
         "your account has another e-mail address now, and this one is not in use any more, "
         "at\n" SITE "\n\n"
         "If it was not you, somebody else knows your password: tell whoever runs that place.\n"},
    [MAIL_PASSWORD_CHANGED] =
        {"password_changed", "Your password has been changed", NULL,
         "Hello,\n\n"
         "your account has a new password, and all other devices are signed out, at\n" SITE "\n\n"
         "If it was not you, ask for a new password there at once: the link comes to this "
         "address.\n"},
    [MAIL_IDENTITY_ADDED] =
        {"identity_added", "A new way to sign in", NULL,
         "Hello,\n\n"
         "one can now sign in to your account by another provider, too, at\n" SITE "\n\n"
         "If it was not you, ask for a new password there at once: the link comes to this "
         "address,\nand other ways in end with it.\n"},
};

static bool is_printable(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return text.len > 0;
}

static void add_str(struct buf *out, struct str text) { buf_add(out, text.data, text.len); }

static void add_two(struct buf *out, int value) {
    char digits[2] = {(char)('0' + value / 10 % 10), (char)('0' + value % 10)};

    buf_add(out, digits, sizeof digits);
}

/* RFC 5322, section 3.3; not strftime, whose names are the locale's. */
static void add_date(struct buf *out, time_t at) {
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {0};

    gmtime_r(&at, &tm);
    buf_text(out, "Date: ");
    buf_add(out, days + (size_t)tm.tm_wday * 3, 3);
    buf_text(out, ", ");
    add_two(out, tm.tm_mday);
    buf_text(out, " ");
    buf_add(out, months + (size_t)tm.tm_mon * 3, 3);
    buf_text(out, " ");
    buf_int(out, tm.tm_year + 1900);
    buf_text(out, " ");
    add_two(out, tm.tm_hour);
    buf_text(out, ":");
    add_two(out, tm.tm_min);
    buf_text(out, ":");
    add_two(out, tm.tm_sec);
    buf_text(out, " +0000\r\n");
}

static void add_headers(struct buf *out, const struct letter *letter, const struct text *text) {
    const char *at = memchr(letter->from.data, '@', letter->from.len);

    add_date(out, letter->at);
    buf_text(out, "From: Hum <");
    add_str(out, letter->from);
    buf_text(out, ">\r\nTo: <");
    add_str(out, letter->to);
    buf_text(out, ">\r\nSubject: ");
    buf_text(out, text->subject);
    buf_text(out, "\r\nMessage-ID: <hum.");
    buf_int(out, letter->id);
    buf_add(out, at, letter->from.len - (size_t)(at - letter->from.data));
    /* RFC 3834: so that no "I am on holiday" comes back. */
    buf_text(out, ">\r\nAuto-Submitted: auto-generated\r\n"
                  "MIME-Version: 1.0\r\n"
                  "Content-Type: text/plain; charset=us-ascii\r\n"
                  "Content-Transfer-Encoding: 7bit\r\n\r\n");
}

static void add_body(struct buf *out, const struct letter *letter, const struct text *text) {
    for (const char *at = text->body; *at; at++) {
        switch (*at) {
        case '\n':
            buf_text(out, "\r\n");
            break;
        case '\x02': /* LINK */
            buf_text(out, letter->public_url);
            buf_text(out, text->page);
            buf_text(out, letter->token);
            break;
        case '\x01': /* SITE */
            buf_text(out, letter->public_url);
            break;
        default:
            buf_add(out, at, 1);
        }
    }
}

static const struct text *text_of(enum mail_kind kind) {
    return (size_t)kind < MAIL_KIND_END && texts[kind].name ? &texts[kind] : NULL;
}

enum hum_status letter_write(struct buf *out, const struct letter *letter) {
    const struct text *text = text_of(letter->kind);

    if (!text || !is_printable(letter->from) || !is_printable(letter->to) ||
        !memchr(letter->from.data, '@', letter->from.len) ||
        !is_printable(str_of(letter->public_url)) || strlen(letter->public_url) > LETTER_URL_MAX ||
        is_printable(str_of(letter->token)) != (text->page != NULL)) {
        return HUM_INVALID_REQUEST;
    }
    add_headers(out, letter, text);
    add_body(out, letter, text);
    return out->failed ? HUM_INTERNAL : HUM_OK;
}

const char *letter_kind_name(enum mail_kind kind) {
    const struct text *text = text_of(kind);

    return text ? text->name : "unknown";
}
