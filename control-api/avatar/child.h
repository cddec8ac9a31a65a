/* A program run for one answer: given bytes on its standard input, read from its standard output,
 * and gone when this returns, whatever it did. */
#ifndef HUM_AVATAR_CHILD_H
#define HUM_AVATAR_CHILD_H

#include "buf.h"
#include "status.h"

enum child_end {
    CHILD_ENDED,     /* with status 0, or all was read before it came to that */
    CHILD_EXHAUSTED, /* it ran into a limit of its own, or crashed: a signal ended it */
    CHILD_LATE,      /* it was still at it after wait_ms, and was killed */
    CHILD_FAILED,    /* it could not be started, or ended with another status */
};

/* Starts argv[0], a path, and waits for it, at most wait_ms. It inherits no descriptor but the two
 * pipes and /dev/null as its standard error, no signal mask, and of the environment what the
 * sanitizers need. output's bound is the most that it may write; more than that and output has
 * failed. Any thread; a process of many threads is no hindrance, as nothing is copied. */
HUM_MUSTCHECK enum child_end child_run(const char *const argv[], struct str input, int wait_ms,
                                       struct buf *output);

#endif
