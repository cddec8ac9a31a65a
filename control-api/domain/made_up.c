#include "made_up.h"

#include <sodium.h>
#include <string.h>

void nickname_make_up(struct nickname *ret_nickname) {
    static const char base32[] = "abcdefghijkmnpqrstuvwxyz23456789";

    memcpy(ret_nickname->text, "user-", 5);
    for (int i = 5; i < 13; i++) {
        ret_nickname->text[i] = base32[randombytes_uniform(sizeof base32 - 1)];
    }
    ret_nickname->text[13] = '\0';
    ret_nickname->len = 13;
}
