/* Memory for what requests bring along. Ulfius keeps a body before it asks anybody, up to the
 * largest that any route takes: with a thousand connections, none of them signed in, that would be
 * a gigabyte. So only so many bodies at a time may grow beyond what a JSON object may have. */
#ifndef HUM_BODIES_H
#define HUM_BODIES_H

enum { BODIES_LARGE_MAX = 64 };

/* Before the server starts. */
void bodies_install(void);

/* A request begins, all of it has come, it is over; each in the thread of its connection. Between
 * the first two, a body that would be the one too many has its connection closed. */
void bodies_begin(void);
void bodies_received(void);
void bodies_end(void);

#endif
