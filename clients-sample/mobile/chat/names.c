#include "names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void names_free(struct names *names) {
    free(names->all);
    *names = (struct names){0};
}

static struct name *find(const struct names *names, int64_t user) {
    for (int i = 0; i < names->count; i++)
        if (names->all[i].user == user)
            return &names->all[i];
    return NULL;
}

struct name *names_of(struct names *names, int64_t user) {
    struct name *name = user > 0 ? find(names, user) : NULL;
    if (name != NULL || user <= 0)
        return name;
    if (names->all == NULL)
        names->all = calloc(NAMES_CAP, sizeof *names->all);
    if (names->all == NULL || names->count == NAMES_CAP)
        return NULL;
    name = &names->all[names->count++];
    name->user = user;
    snprintf(name->nickname, sizeof name->nickname, "#%" PRId64, user);
    return name;
}

void names_learn(struct names *names, int64_t user, const char *nickname) {
    struct name *name = nickname != NULL && *nickname != '\0' ? names_of(names, user) : NULL;
    if (name == NULL)
        return;
    snprintf(name->nickname, sizeof name->nickname, "%s", nickname);
    name->known = true;
}

const char *names_text(struct names *names, int64_t user) {
    const struct name *name = names_of(names, user);
    return name != NULL ? name->nickname : "somebody";
}

const struct name *names_with_dm(const struct names *names, int64_t dm) {
    for (int i = 0; i < names->count; i++)
        if (names->all[i].dm == dm)
            return &names->all[i];
    return NULL;
}

enum { MARKS = sizeof((struct marks *)0)->of / sizeof *((struct marks *)0)->of };

void marks_learn(struct marks *marks, int64_t room, int64_t seq) {
    unsigned i = 0;
    while (i < MARKS && marks->of[i].room != room)
        i++;
    if (i == MARKS) {
        i = marks->next++ % MARKS;
        marks->of[i].room = room;
        marks->of[i].seq = 0;
    }
    if (seq > marks->of[i].seq)
        marks->of[i].seq = seq;
}

int64_t marks_of(const struct marks *marks, int64_t room) {
    for (unsigned i = 0; i < MARKS; i++)
        if (marks->of[i].room == room)
            return marks->of[i].seq;
    return 0;
}
