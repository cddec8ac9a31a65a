/* One HTTP request to an identity provider, through libcurl, with everything bounded: time, bytes,
 * where it may go. No redirect is followed, no proxy of the environment used, no cookie kept. */
#ifndef HUM_OAUTH_FETCH_H
#define HUM_OAUTH_FETCH_H

#include "buf.h"
#include "status.h"

enum {
    FETCH_BODY_MAX = 128 * 1024,   /* bytes of an answer; more is a failure */
    FETCH_HEADERS_MAX = 32 * 1024, /* of its headers together */
    FETCH_CONNECT_MS = 3000,
};

/* Texts of a request are the caller's; NULL leaves a thing out. */
struct fetch_request {
    const char *url;
    const char *form;            /* body of a POST, application/x-www-form-urlencoded */
    const char *user, *password; /* HTTP's basic authentication, as they are sent */
    const char *bearer;          /* RFC 6750 */
    int64_t deadline_ms;         /* of fetch_now */
    bool allow_private;          /* addresses of any kind, and http to loopback ones */
};

struct fetch_answer {
    long status; /* HTTP's */
    struct buf body;
};

/* Milliseconds of a clock that only goes forward. */
int64_t fetch_now(void);
/* Whether the URL is one that fetch would ask: https (with allow_private also http), a host, no
 * user and no fragment in it. */
bool fetch_url_ok(const char *url, bool allow_private);
/* Asks. HUM_UNAVAILABLE: no whole answer came; ret_why is then a text of the program, without a
 * secret. ret_answer is released by fetch_release, which wipes it. Any thread; up to the deadline.
 */
HUM_MUSTCHECK enum hum_status fetch(const struct fetch_request *request,
                                    struct fetch_answer *ret_answer, const char **ret_why);
void fetch_release(struct fetch_answer *answer);
/* name=value, escaped for a form or a query, behind a '&' unless the buffer is empty. */
void fetch_add_field(struct buf *form, const char *name, const char *value);

#endif
