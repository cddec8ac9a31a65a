#include "email.h"

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

enum { LOCAL_MAX = 64, LABEL_MAX = 63 };

static size_t span(struct str text, const char *allowed) {
    size_t len = 0;

    while (len < text.len && text.data[len] && strchr(allowed, text.data[len])) {
        len++;
    }
    return len;
}

static bool label_valid(struct str label) {
    return label.len >= 1 && label.len <= LABEL_MAX && span(label, ALNUM "-") == label.len &&
           label.data[0] != '-' && label.data[label.len - 1] != '-';
}

static bool domain_valid(struct str domain) {
    for (;;) {
        const char *dot = memchr(domain.data, '.', domain.len);
        size_t len = dot ? (size_t)(dot - domain.data) : domain.len;

        if (!label_valid((struct str){domain.data, len})) {
            return false;
        }
        if (!dot) {
            return true;
        }
        domain.data += len + 1;
        domain.len -= len + 1;
    }
}

bool email_valid(struct str text) {
    size_t local = span(text, ALNUM ".!#$%&'*+/=?^_`{|}~-");

    return text.len <= EMAIL_MAX && local >= 1 && local <= LOCAL_MAX && local < text.len &&
           text.data[local] == '@' &&
           domain_valid((struct str){text.data + local + 1, text.len - local - 1});
}
