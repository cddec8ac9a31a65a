#include "mail.h"

#include <stddef.h>

enum { HOUR_S = 60 * 60 };

enum mail_purpose mail_purpose_of(enum mail_kind kind) {
    switch (kind) {
    case MAIL_VERIFY:
        return MAIL_FOR_VERIFY;
    case MAIL_RESET:
        return MAIL_FOR_RESET;
    case MAIL_CHANGE_CONFIRM:
        return MAIL_FOR_CHANGE;
    default:
        return MAIL_FOR_NOTHING;
    }
}

int mail_life_s(enum mail_purpose purpose) {
    static const int lives[] = {
        [MAIL_FOR_NOTHING] = 0,     [MAIL_FOR_VERIFY] = 24 * HOUR_S, [MAIL_FOR_RESET] = HOUR_S,
        [MAIL_FOR_CHANGE] = HOUR_S, [MAIL_FOR_SIGNUP] = 24 * HOUR_S,
    };

    return (size_t)purpose < sizeof lives / sizeof lives[0] ? lives[purpose] : 0;
}
