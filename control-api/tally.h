/* What is counted of requests: how many of each route ended with which status, and how long they
 * took. Any thread counts, without a lock. */
#ifndef HUM_TALLY_H
#define HUM_TALLY_H

#include "buf.h"
#include "status.h"

struct tally;

/* For so many routes, which are to be named before anybody counts. HUM_INTERNAL: no memory. */
HUM_MUSTCHECK enum hum_status tally_new(size_t count, struct tally **ret_tally);
/* NULL is fine. */
void tally_free(struct tally *tally);
/* Names the route of that number by two constant strings. */
void tally_name(struct tally *tally, size_t route, const char *method, const char *path);

/* A request has come; tally_end must follow. */
void tally_begin(struct tally *tally);
/* It was answered with an HTTP status (100 to 599) after so many microseconds. route: its
 * number; anything past the last counts as no route. */
void tally_end(struct tally *tally, size_t route, int status, int64_t us);

/* A request ended before it was one of ours: the HTTP server found it malformed and said so, or its
 * connection broke. */
void tally_malformed(struct tally *tally);

/* Everything, for Prometheus; what never happened is left out. */
void tally_write(const struct tally *tally, struct buf *out);

#endif
