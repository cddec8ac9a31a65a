/* One file of the journal, mapped into memory. The only file that touches the journal's files. */
#ifndef HUM_SEGMENT_H
#define HUM_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct segment {
    int fd;
    unsigned char *base;
    size_t size;
    uint64_t start; /* its first byte's position in the journal; its file is named after it */
};

/* Makes a file of zeros (0600), with its blocks allocated and its pages there: neither a full disk
 * nor a page fault meets who writes to it. False: errno tells; nothing is left behind. */
bool segment_create(int folder, uint64_t start, size_t size, struct segment *ret_segment);
/* Turns a segment that is done with into the one at start, of zeros. False: errno tells; it is
 * closed and removed. */
bool segment_recycle(int folder, struct segment *segment, uint64_t start);
/* Maps a file of an earlier run, to be read. False: errno tells. */
bool segment_open(int folder, uint64_t start, struct segment *ret_segment);
/* Writes what was changed to the disk. False: errno tells, and what is on the disk is unknown. */
bool segment_sync(const struct segment *segment);
/* Shortens the file to what holds used bytes; the segment is to be closed next. */
void segment_cut(const struct segment *segment, size_t used);
void segment_close(struct segment *segment);
/* False: errno tells. */
bool segment_remove(int folder, uint64_t start);

/* Reads a file's name. False: not a segment's. */
bool segment_parse_name(const char *name, uint64_t *ret_start);

#endif
