/* The lines of the log, written by a thread of its own: a request never waits for a full pipe or a
 * slow disk. What does not fit into the queue is dropped, and counted. */
#ifndef HUM_LINES_H
#define HUM_LINES_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

enum {
    LINES_MAX = 4096,          /* bytes of a line: what a pipe takes as a whole (PIPE_BUF) */
    LINES_QUEUE = 1024 * 1024, /* bytes that may wait, some 4,000 requests */
    LINES_STOP_MS = 1000,
};

enum lines_stream { LINES_OUT, LINES_ERR, LINES_STREAMS };

/* Gets how many lines have been dropped since it was told last, once lines are taken again. Writer
 * thread; may call lines_put. */
typedef void (*lines_report_fn)(uint64_t dropped);

/* Starts the thread that writes to the two descriptors. HUM_INTERNAL: no memory or no thread. */
HUM_MUSTCHECK enum hum_status lines_start(int out, int err, lines_report_fn report);
/* Writes what is queued, for at most LINES_STOP_MS, and ends the thread; one that is stuck in a
 * write is left behind. Nothing when it was not started. */
void lines_stop(void);

/* Queues a line that ends with a newline; a longer one is cut to LINES_MAX. Never waits, unless the
 * thread does not run: then the line is written at once, to the process' own streams. Any thread.
 */
void lines_put(enum lines_stream stream, const char *line, size_t len);
/* Lines dropped so far, also those that could not be written. Any thread. */
uint64_t lines_dropped(void);

#endif
