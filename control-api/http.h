/* What a handler sees of HTTP: a request that has been checked, and a reply to fill in.
 *
 * A handler parses, calls domain/, renders, in the thread of its connection:
 *
 *     enum hum_status handle_dm_open(struct request *request, struct reply *reply) {
 *         struct pg *pg;
 *         int64_t other = 0;
 *         ...
 *         body_id(request, reply, "user_id", REQUIRED, &other);
 *         HTTP_TRY(reply_verdict(reply));
 *         HTTP_TRY(request_pg(request, &pg));
 *         HTTP_TRY(dms_open(pg, request->caller.user, other, &room));
 *         reply->http = room.created ? 201 : 200;
 *         render_room(&reply->body, &room);
 *         return HUM_OK;
 *     }
 *
 * Everything that a request holds lives until its handler has returned. */
#ifndef HUM_HTTP_H
#define HUM_HTTP_H

#include <jansson.h>

#include "address.h"
#include "buf.h"
#include "match.h"
#include "pool.h"
#include "stream.h"

struct api; /* api.h: what main has put together */

struct caller {
    int64_t user; /* 0: nobody is signed in (open routes), or a service is */
    int64_t session;
    int64_t service; /* 0: none */
};

enum { PATH_IDS_MAX = 2 };

struct request {
    struct api *api;
    const char *path;         /* raw, without the query */
    int64_t id[PATH_IDS_MAX]; /* the path's {id}s, in order */
    struct caller caller;
    struct address client; /* where it comes from, as far as trusted proxies tell */
    bool proxied;          /* a trusted proxy says that it sends it for somebody */
    json_t *body;          /* an object; NULL where the route takes no JSON */

    /* Of a route that takes a picture: the body as it came, and the Content-Type that it came with
     * (NULL: none). */
    struct str bytes;
    const char *content_type;
    const char *if_none_match; /* the header; NULL: none */
    const char *cookies;       /* the same */
    bool takes_gzip;           /* Accept-Encoding has it */

    struct lease lease; /* request_pg's; for a domain function that gives it back while it hashes */
    struct query query; /* query_*'s */
};

enum {
    REPLY_MAX = 16 * 1024 * 1024,
    REPLY_FIELDS_MAX = 8,
    REPLY_ETAG_MAX = 72,
    REPLY_COOKIE_MAX = 192
};

struct reply {
    /* 0: 200, or 204 while body is empty. Of success only: a failure's comes from its status. */
    int http;
    /* Built with buf_*, of at most REPLY_MAX bytes; a buffer that has failed is answered with 500.
     */
    struct buf body;
    /* Sent in the place of body, as JSON, when it is not NULL; the answer owns it. */
    struct stream *stream;
    int retry_after;           /* seconds, of RATE_LIMITED and UNAVAILABLE; 0: 1 s */
    const char *cache_control; /* NULL: "no-store" */
    /* Sent in the place of body when it is not NULL, not copied; lives as long as the process. */
    const struct str *file;
    const char *type;              /* of the body; NULL: "application/json" */
    const char *policy;            /* Content-Security-Policy; NULL: none */
    char etag[REPLY_ETAG_MAX];     /* with its quotes; "": none */
    char *location;                /* where a 302 leads, for free(); NULL: it is none */
    char cookie[REPLY_COOKIE_MAX]; /* the header Set-Cookie; "": none */
    const char *encoding;          /* Content-Encoding of file; NULL: none */
    const char *vary;              /* Vary; NULL: none */

    /* reply_problem's and reply_field's. */
    const char *detail;
    struct {
        const char *name;
        const char *text;
    } fields[REPLY_FIELDS_MAX];
    size_t fields_count;
};

/* HUM_OK: reply->http and reply->body are sent. Anything else: problem+json of that status, with
 * what reply_problem and reply_field have said; the body built so far is dropped. */
typedef enum hum_status (*handler_fn)(struct request *request, struct reply *reply);

/* Leaves the handler with whatever is not HUM_OK. */
#define HTTP_TRY(call)                                                                             \
    do {                                                                                           \
        enum hum_status try_status_ = (call);                                                      \
        if (try_status_ != HUM_OK) {                                                               \
            return try_status_;                                                                    \
        }                                                                                          \
    } while (0)

/* Lends a connection of the pool until the handler returns; the same one at every call. Waits at
 * most POOL_WAIT_MS, then HUM_UNAVAILABLE. No transaction is open on it, and none must be left. */
HUM_MUSTCHECK enum hum_status request_pg(struct request *request, struct pg **ret_pg);

/* Whether the client has the body of this tag, which ends with a 304 then. */
bool request_knows(const struct request *request, const char *etag);

/* The value of a cookie; empty without it, or with more than one of its name: then somebody else
 * may have set one. */
struct str request_cookie(const struct request *request, const char *name);

/* Says what is wrong, in a constant text for people; returns status, for the handler to pass on. */
enum hum_status reply_problem(struct reply *reply, enum hum_status status, const char *detail);
/* Says what is wrong with one member, path value or query value; both texts are constants. The
 * first word on a name stays, and what is past REPLY_FIELDS_MAX is not told. */
void reply_field(struct reply *reply, const char *name, const char *text);
/* HUM_INVALID_REQUEST once a field has been refused, by reply_field or the readers below. */
HUM_MUSTCHECK enum hum_status reply_verdict(const struct reply *reply);

/* What a rate says (throttle.h): HUM_RATE_LIMITED when there are seconds to wait, else HUM_OK. */
HUM_MUSTCHECK enum hum_status reply_limited(struct reply *reply, int seconds);

enum presence { OPTIONAL, REQUIRED };

/* Members of the body. What does not fit is refused with reply_field; look at reply_verdict once,
 * after the last of them. *ret is untouched when the member is absent, null or refused. */
/* A text of min to max code points. Terminated by a NUL, and without one inside. */
void body_text(const struct request *request, struct reply *reply, const char *name,
               enum presence presence, size_t min, size_t max, struct str *ret);
/* An id: a decimal string. */
void body_id(const struct request *request, struct reply *reply, const char *name,
             enum presence presence, int64_t *ret);
/* A number without fraction. */
void body_int(const struct request *request, struct reply *reply, const char *name,
              enum presence presence, int64_t min, int64_t max, int64_t *ret);
/* An object; *ret is borrowed. */
void body_object(const struct request *request, struct reply *reply, const char *name,
                 enum presence presence, json_t **ret);

/* Values of the query, percent-decoded. A name that is given twice, a bad escape, bad UTF-8 or a
 * NUL is refused. *ret is untouched when the name is absent or refused; empty values are given. */
void query_text(struct request *request, struct reply *reply, const char *name, struct str *ret);
/* A number from 0 (a position: seqs, ids) to 2^63-1. */
void query_int(struct request *request, struct reply *reply, const char *name, int64_t *ret);
/* "limit": 50 when absent, clamped to 1 to 100; only what is no number is refused. */
int query_limit(struct request *request, struct reply *reply);

/* An id as the JSON string that it is. */
void buf_json_id(struct buf *buf, int64_t id);

#endif
