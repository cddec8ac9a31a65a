/* HTTP calls to the control API, over curl's multi interface, and the wait of the library's only
 * loop: whoever waits here waits for curl's sockets, for one more and for a word from another
 * thread.
 *
 * All but rest_wakeup: the library's thread.
 */
#ifndef HUM_MOBILE_REST_H
#define HUM_MOBILE_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REST_BODY_MAX = 8 * 1024 * 1024, /* of an answer; a longer one is no answer */
    REST_CALLS_MAX = 128,            /* at once */
};

struct rest;

struct rest_request {
    const char *method; /* GET, POST, PUT, PATCH or DELETE */
    const char *path;   /* below /v1 */
    const char *body;   /* JSON, or NULL */
    const char *token;  /* access token, or NULL */
};

struct rest_answer {
    int32_t status;   /* 0: none came */
    const char *body; /* ends in NUL; "" when there is none */
    size_t length;
};

typedef void (*rest_done)(void *arg, const struct rest_answer *answer);

/* url: http(s)://host[:port]. ca_file: PEM, or NULL for the system's. NULL: no memory, or no such
 * url. */
struct rest *rest_new(const char *url, const char *ca_file);
/* Gives all calls that are under way no answer, and takes none any more. */
void rest_end(struct rest *rest);
/* After rest_end. NULL is taken. */
void rest_free(struct rest *rest);

/* done is called once by a later rest_turn; false: not, there is no memory or there are too many
 * calls. */
bool rest_send(struct rest *rest, const struct rest_request *request, rest_done done, void *arg);
/* Works on what is ready. */
void rest_turn(struct rest *rest);
/* How many calls were made so far. */
int64_t rest_calls(const struct rest *rest);

/* What happens at a socket, or is waited for. */
enum { REST_READ = 1, REST_WRITE = 2 };
/* Waits until a call or the socket fd (-1: none) is ready, rest_wakeup, or the time is over. Tells
 * what is ready at fd. */
unsigned rest_wait(struct rest *rest, int fd, unsigned wanted, int32_t timeout_ms);
/* Any thread. */
void rest_wakeup(struct rest *rest);

/* Whether a path and a method can be sent at all. */
bool rest_sane(const char *method, const char *path);

#endif
