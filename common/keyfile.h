/* Keys as files of a folder, {kid}{suffix}: their names, how one is written, and which may go. A
 * kid is the UTC time from which on its key is used, as YYYYMMDDTHHMMSSZ. Any thread; all but
 * keyfile_time and keyfile_next touch the file system. */
#ifndef HUM_KEYFILE_H
#define HUM_KEYFILE_H

#include "status.h"
#include "str.h"

enum { KID_MAX = 32 };

/* The time that a kid says, in seconds since 1970. 0: it says none. */
int64_t keyfile_time(const char *kid);
/* A kid for a key that is made now: greater than newest (NULL: there is none), also where the clock
 * stands behind that. HUM_INVALID_REQUEST: newest says no time. */
HUM_MUSTCHECK enum hum_status keyfile_next(const char *newest, int64_t now,
                                           char ret_kid[KID_MAX + 1]);
/* Writes a file (0600) and waits until it is on the disk. Under another name first: a half-written
 * key is never seen under its own. HUM_INTERNAL: errno tells. */
HUM_MUSTCHECK enum hum_status keyfile_write(const char *folder, const char *kid, const char *suffix,
                                            const void *bytes, size_t len);
/* Removes the keys that made their last token more than life_s before now: since then a newer one
 * signs. One of a kid that says no time stays, and so does the one before it. HUM_INTERNAL: errno
 * tells. */
HUM_MUSTCHECK enum hum_status keyfile_prune(const char *folder, const char *suffix, int64_t life_s,
                                            int64_t now);

#endif
