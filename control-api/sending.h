/* A streamed answer on its way, counted: its line in the access log is written when it has ended,
 * with what was sent of it and how long that took. */
#ifndef HUM_SENDING_H
#define HUM_SENDING_H

#include "access_log.h"
#include "stream.h"

struct sending;

/* Takes the stream over. NULL: no memory, and the stream is freed. */
struct sending *sending_new(struct stream *stream);
/* What the line says, but for bytes and duration; copied. began_us: of the monotonic clock, when
 * the request was there. False: no memory, the line is the caller's to write. */
HUM_MUSTCHECK bool sending_log(struct sending *sending, const struct access_entry *entry,
                               int64_t began_us);
/* As stream_read. */
ssize_t sending_read(struct sending *sending, char *out, size_t size);
/* The answer has ended, whole or not: writes the line. */
void sending_free(struct sending *sending);

#endif
