/* A message that was taken and is not yet committed, and its form in the journal. Pure.
 *
 * On disk: magic, CRC-32C, length, then the rest of the header, nonce, text, and zeros up to a
 * multiple of eight. The checksum covers the record's position in the journal, too, so that a
 * record which was left over from an earlier use of the space is not taken for a new one. Native
 * byte order: a journal does not travel. */
#ifndef HUM_RECORD_H
#define HUM_RECORD_H

#include "message.h"

struct record {
    int64_t room;
    int64_t sender;
    int64_t reply_to;    /* 0: none */
    int64_t accepted_at; /* milliseconds since 1970 */
    struct str nonce;
    struct str text;
    uint64_t position; /* in the journal; set by reading */
    bool replayed;     /* it was taken by an earlier run of the broker; set by reading */
};

enum { RECORD_ALIGN = 8, RECORD_MAX = 64 + MESSAGE_NONCE_MAX + MESSAGE_PAYLOAD_MAX };

/* Bytes in the journal, a multiple of RECORD_ALIGN. */
size_t record_size(const struct record *record);
/* Writes it; at must have record_size bytes. */
void record_write(unsigned char *at, const struct record *record, uint64_t position);
/* Reads the record at the start of len bytes. Its texts point into them. 0: there is no whole
 * record here; else its size. */
size_t record_read(const unsigned char *at, size_t len, uint64_t position,
                   struct record *ret_record);

/* Finds the first whole record at or after *offset, which must be a multiple of RECORD_ALIGN. base
 * is the start of a segment of size bytes, which begins at position start. Moves *offset behind the
 * record. False: there is none, and *offset is size. *ret_damaged: bytes that were passed over and
 * are not an untouched end. */
bool record_find(const unsigned char *base, size_t size, uint64_t start, size_t *offset,
                 struct record *ret_record, size_t *ret_damaged);

#endif
