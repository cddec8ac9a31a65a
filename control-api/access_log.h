/* A line of JSON for every request, and the id by which a request is told from all others. Holds
 * nothing that a client may write but a well-formed request id. */
#ifndef HUM_ACCESS_LOG_H
#define HUM_ACCESS_LOG_H

#include "address.h"
#include "str.h"

enum { REQUEST_ID_MAX = 64, ACCESS_LINE_MAX = 1024 };

struct access_entry {
    int64_t at_ms;          /* since 1970 */
    const char *request_id; /* well-formed */
    const char *method;     /* as it came; one that HTTP does not know is written as "other" */
    const char *route;      /* the pattern; NULL: the path fits none */
    const char *path;       /* raw, without the query */
    int status;             /* of HTTP */
    int64_t us;             /* from the whole request to its answer */
    size_t bytes;           /* of the answer's body */
    int64_t user;           /* 0: nobody is signed in */
    struct address client;  /* as far as trusted proxies tell */
};

/* The client's id if it is [A-Za-z0-9_.:-]{1,64}, else a new one. given may be NULL. Any thread. */
void request_id(const char *given, char ret_id[REQUEST_ID_MAX + 1]);

/* Writes the line with its newline; returns its length. Of the path only what the route's pattern
 * says and ids are written: anything else may be a secret, in a wrong place at times. Any thread.
 */
size_t access_line(const struct access_entry *entry, char ret_line[ACCESS_LINE_MAX]);

#endif
