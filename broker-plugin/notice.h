/* The texts of PostgreSQL's notifications on channel "hum". Pure. */
#ifndef HUM_NOTICE_H
#define HUM_NOTICE_H

#include "access.h"

enum notice_kind { NOTICE_USER, NOTICE_SESSION, NOTICE_ACCESS, NOTICE_ROOM };

struct notice {
    enum notice_kind kind;
    int64_t user;              /* USER, SESSION, ACCESS */
    int64_t session;           /* SESSION */
    struct access_right right; /* ACCESS; of ROOM: room and last_seq */
};

/* user UID · session UID SID · access UID ROOM KIND RIGHTS LAST_SEQ · room ROOM SEQ. False: none of
 * these. */
bool notice_parse(struct str text, struct notice *ret_notice);

#endif
