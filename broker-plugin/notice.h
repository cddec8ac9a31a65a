/* The texts of PostgreSQL's notifications on channel "hum". Pure. */
#ifndef HUM_NOTICE_H
#define HUM_NOTICE_H

#include "access.h"

enum notice_kind {
    NOTICE_USER,
    NOTICE_SESSION,
    NOTICE_ACCESS,
    NOTICE_GONE,
    NOTICE_FRIEND,
    NOTICE_ROOM,
    NOTICE_READ
};

struct notice {
    enum notice_kind kind;
    int64_t user;              /* of all but ROOM and GONE */
    int64_t other;             /* SESSION: the session; FRIEND: the friend */
    bool friends;              /* FRIEND */
    struct access_right right; /* ACCESS; of ROOM, READ and GONE: room, last_seq */
};

/* user UID · session UID SID · access UID ROOM KIND RIGHTS LAST_SEQ SERVER · gone ROOM · friend UID
 * FRIEND 0|1 · room ROOM SEQ · read UID ROOM SEQ. False: none of these. */
bool notice_parse(struct str text, struct notice *ret_notice);

#endif
