/* A growing byte buffer with a bound. A write past the bound, or without memory, makes the buffer
 * fail; it stays failed, so that a builder checks once, at its end. Any thread, one at a time. */
#ifndef HUM_BUF_H
#define HUM_BUF_H

#include "str.h"

struct buf {
    char *data; /* owned; not NUL-terminated */
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
};

/* An empty buffer that grows to at most max bytes. Allocates nothing yet. */
void buf_init(struct buf *buf, size_t max);
/* Frees what the buffer holds; it may be used again after buf_init. */
void buf_free(struct buf *buf);
/* Empties the buffer, keeps its memory, forgets a failure. */
void buf_reset(struct buf *buf);

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_text(struct buf *buf, const char *text);
void buf_int(struct buf *buf, int64_t value);
/* Two and four bytes in network order. */
void buf_be16(struct buf *buf, uint16_t value);
void buf_be32(struct buf *buf, uint32_t value);
void buf_be64(struct buf *buf, uint64_t value);
/* A JSON string with its quotes (RFC 8259). text must be UTF-8. */
void buf_json_string(struct buf *buf, struct str text);
/* RFC 3339 in UTC with milliseconds, in quotes. ms: since 1970, 0 to year 9999. */
void buf_json_time(struct buf *buf, int64_t ms);

#endif
