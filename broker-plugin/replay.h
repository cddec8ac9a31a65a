/* The segments that an earlier run of the broker has left: read once, in order, each removed when
 * all of it is released. One thread. */
#ifndef HUM_REPLAY_H
#define HUM_REPLAY_H

#include "record.h"
#include "segment.h"

struct replay;

/* folder: a descriptor, not owned. committed: what lies before this position is passed over. NULL:
 * error gets one line. */
struct replay *replay_open(int folder, uint64_t committed, char *error, size_t error_size);
void replay_free(struct replay *replay);

/* The next whole record that is not committed. False: none. ret_damaged: bytes that were lost
 * before it (or before the end), ret_at: where. */
bool replay_read(struct replay *replay, struct record *ret_record, size_t *ret_damaged,
                 uint64_t *ret_at);
/* Removes the files that end at or before position. */
void replay_release(struct replay *replay, uint64_t position);
/* The position behind what was read; after the last record the end of the last file. */
uint64_t replay_position(const struct replay *replay);
/* Where the first file begins, and the greatest end of a file; 0 without files. */
uint64_t replay_begin(const struct replay *replay);
uint64_t replay_end(const struct replay *replay);
/* Bytes of files that are still there. */
size_t replay_bytes(const struct replay *replay);

#endif
