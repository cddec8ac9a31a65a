/* Who is who: nicknames that were seen, friends, who is online. In memory, bounded. */
#ifndef HUM_CHAT_NAMES_H
#define HUM_CHAT_NAMES_H

#include <stdbool.h>
#include <stdint.h>

struct name {
    int64_t user; /* 0: free */
    int64_t dm;   /* 0: none known */
    bool friend, online;
    bool known;         /* by nickname, and not only by number */
    bool told;          /* to a script: online */
    char nickname[132]; /* 32 characters */
};

enum { NAMES_CAP = 8192 };

struct names {
    struct name *all;
    int count;
};

void names_free(struct names *names);
/* Who it is, added when new. NULL: no memory, or too many. */
struct name *names_of(struct names *names, int64_t user);
/* nickname may be NULL: nothing is learnt. */
void names_learn(struct names *names, int64_t user, const char *nickname);
/* The friend with whom one has that DM, or NULL. */
const struct name *names_with_dm(const struct names *names, int64_t dm);
/* #number when not known. */
const char *names_text(struct names *names, int64_t user);

/* How far others have read, of the rooms where that was heard last. */
struct marks {
    struct {
        int64_t room, seq;
    } of[64];
    unsigned next;
};
void marks_learn(struct marks *marks, int64_t room, int64_t seq);
int64_t marks_of(const struct marks *marks, int64_t room); /* 0: not heard */

#endif
