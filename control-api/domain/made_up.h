/* Nicknames for those who have not chosen one. */
#ifndef HUM_DOMAIN_MADE_UP_H
#define HUM_DOMAIN_MADE_UP_H

#include "nickname.h"

enum { MADE_UP_TRIES = 5 }; /* until one is free */

/* "user-" and eight random letters and digits that are hard to confuse. Any thread. */
void nickname_make_up(struct nickname *ret_nickname);

#endif
