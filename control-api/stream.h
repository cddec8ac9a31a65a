/* An answer that is made while it is sent, piece by piece: as long as it may be, no more than one
 * piece of it is in memory. The thread of its connection. */
#ifndef HUM_STREAM_H
#define HUM_STREAM_H

#include <sys/types.h>

#include "buf.h"
#include "status.h"

struct stream;

/* How the pieces are made. */
struct stream_source {
    /* Appends the next piece, which may be empty, to out; *ret_end: it was the last one. What is
     * not HUM_OK breaks the answer off, so that nobody takes it for a whole one. */
    enum hum_status (*next)(void *arg, struct buf *out, bool *ret_end);
    /* Called once, after the last piece or when no more are wanted. */
    void (*end)(void *arg);
    void *arg;
};

/* Takes the source over, also when it fails, and makes the first piece at once: what keeps it from
 * being made is a failure of the request. piece_max: bytes. */
HUM_MUSTCHECK enum hum_status stream_open(const struct stream_source *source, size_t piece_max,
                                          struct stream **ret_stream);
/* Copies up to size bytes. 0: the answer is complete; less: it breaks off here. */
ssize_t stream_read(struct stream *stream, char *out, size_t size);
/* Drops what has not been read; reading finds the end. */
void stream_cut(struct stream *stream);
/* NULL is fine. */
void stream_free(struct stream *stream);

#endif
