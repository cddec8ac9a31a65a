/* Nicknames for those who have not chosen one. */
#ifndef HUM_DOMAIN_MADE_UP_H
#define HUM_DOMAIN_MADE_UP_H

#include "nickname.h"

enum { MADE_UP_TRIES = 5 }; /* until one is free */

/* "user-" and eight random letters and digits that are hard to confuse. Any thread. */
void nickname_make_up(struct nickname *ret_nickname);

/* Both forms of a nickname like a name from elsewhere: the name itself at the first try, then with
 * a number behind it. False: there is none like this, or it has been tried enough. Any thread. */
bool nickname_like(struct str name, int tries, struct nickname *ret_display,
                   struct nickname *ret_key);

#endif
