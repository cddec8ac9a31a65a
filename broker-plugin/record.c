#include "record.h"

#include "crc32c.h"

static const uint32_t record_magic = 0x4a4d5548; /* "HUMJ" */

struct header {
    uint32_t magic;
    uint32_t crc;
    uint32_t size;
    uint16_t nonce_len;
    uint16_t text_len;
    int64_t room;
    int64_t sender;
    int64_t reply_to;
    int64_t accepted_at;
};

_Static_assert(sizeof(struct header) % RECORD_ALIGN == 0, "the header is aligned");

static size_t padded(size_t nonce_len, size_t text_len) {
    size_t len = sizeof(struct header) + nonce_len + text_len;

    return (len + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
}

size_t record_size(const struct record *record) {
    return padded(record->nonce.len, record->text.len);
}

/* Over all of the record behind the checksum, and its position. */
static uint32_t checksum(const unsigned char *at, size_t size, uint64_t position) {
    const size_t skip = offsetof(struct header, size);

    return crc32c(crc32c(0, &position, sizeof position), at + skip, size - skip);
}

void record_write(unsigned char *at, const struct record *record, uint64_t position) {
    size_t size = record_size(record);
    size_t used = sizeof(struct header) + record->nonce.len + record->text.len;
    struct header header = {
        .magic = record_magic,
        .size = (uint32_t)size,
        .nonce_len = (uint16_t)record->nonce.len,
        .text_len = (uint16_t)record->text.len,
        .room = record->room,
        .sender = record->sender,
        .reply_to = record->reply_to,
        .accepted_at = record->accepted_at,
    };

    memcpy(at + sizeof header, record->nonce.data, record->nonce.len);
    memcpy(at + sizeof header + record->nonce.len, record->text.data, record->text.len);
    memset(at + used, 0, size - used);
    memcpy(at, &header, sizeof header);
    header.crc = checksum(at, size, position);
    memcpy(at, &header, sizeof header);
}

size_t record_read(const unsigned char *at, size_t len, uint64_t position,
                   struct record *ret_record) {
    struct header header;

    if (len < sizeof header) {
        return 0;
    }
    memcpy(&header, at, sizeof header);
    if (header.magic != record_magic || header.size > len || header.nonce_len > MESSAGE_NONCE_MAX ||
        header.text_len > MESSAGE_PAYLOAD_MAX ||
        header.size != padded(header.nonce_len, header.text_len) ||
        header.crc != checksum(at, header.size, position)) {
        return 0;
    }
    const char *body = (const char *)at + sizeof header;
    *ret_record = (struct record){
        .room = header.room,
        .sender = header.sender,
        .reply_to = header.reply_to,
        .accepted_at = header.accepted_at,
        .nonce = {body, header.nonce_len},
        .text = {body + header.nonce_len, header.text_len},
        .position = position,
    };
    return header.size;
}

static bool untouched(const unsigned char *at) {
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word == 0;
}

bool record_find(const unsigned char *base, size_t size, uint64_t start, size_t *offset,
                 struct record *ret_record, size_t *ret_damaged) {
    size_t from = *offset, touched = 0;

    *ret_damaged = 0;
    for (size_t at = from; at + RECORD_ALIGN <= size; at += RECORD_ALIGN) {
        size_t got = record_read(base + at, size - at, start + at, ret_record);

        if (got > 0) {
            /* Zeros before a record are a loss, too: records stand without gaps. */
            *ret_damaged = at - from;
            *offset = at + got;
            return true;
        }
        if (!untouched(base + at)) {
            touched = at + RECORD_ALIGN - from;
        }
    }
    *ret_damaged = touched;
    *offset = size;
    return false;
}
