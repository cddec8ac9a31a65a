/*
 * credentials: the file that says who connects and where they talk.
 *
 * One client a line: `client_id username password room_id`, separated by blanks; password `-` for
 * an anonymous client. Lines with the same room are the members of that room.
 */
#ifndef HUM_BENCH_CREDENTIALS_H
#define HUM_BENCH_CREDENTIALS_H

#include <stddef.h>

struct credential {
    char *client_id;
    char *username;
    char *password; /* NULL: anonymous */
    char *room;
    size_t peer; /* index of the other member, after credentials_pair_up */
};

struct credentials {
    struct credential *items;
    size_t count;
};

/* Returns NULL, or what is wrong with the file (a static text). Free in either case. */
const char *credentials_read(struct credentials *credentials, const char *path)
    __attribute__((warn_unused_result));
/* For DMs: finds everybody's peer. Returns NULL, or what is wrong (a static text). */
const char *credentials_pair_up(struct credentials *credentials)
    __attribute__((warn_unused_result));
void credentials_free(struct credentials *credentials);

#endif
