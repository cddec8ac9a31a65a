/* Any bytes as a segment of the journal: never read past their end, and what is found is a record
 * with its checksum. The first bytes choose the segment's position and whether checksums are made
 * to fit, which no fuzzer finds by itself. */
#include "fuzz.h"

#include "crc32c.h"
#include "record.h"

enum { CRC_AT = 4, SIZE_AT = 8, HEADER = 48 };

static uint32_t word(const unsigned char *at) {
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t checksum(const unsigned char *at, size_t size, uint64_t position) {
    return crc32c(crc32c(0, &position, sizeof position), at + SIZE_AT, size - SIZE_AT);
}

/* Wherever a header could stand, gives it the checksum of the length that it claims. Backwards:
 * records within records. */
static void fit_checksums(unsigned char *base, size_t size, uint64_t start) {
    for (size_t at = size / RECORD_ALIGN * RECORD_ALIGN; at >= RECORD_ALIGN;) {
        at -= RECORD_ALIGN;
        if (size - at >= HEADER && memcmp(base + at, "HUMJ", 4) == 0) {
            size_t len = word(base + at + SIZE_AT);

            if (len >= HEADER && len <= size - at) {
                uint32_t crc = checksum(base + at, len, start + at);

                memcpy(base + at + CRC_AT, &crc, sizeof crc);
            }
        }
    }
}

static bool within(struct str text, const unsigned char *from, size_t len) {
    const unsigned char *data = (const unsigned char *)text.data;

    return data >= from && data <= from + len && text.len <= (size_t)(from + len - data);
}

static void check_found(const unsigned char *base, uint64_t start, size_t end, size_t from,
                        const struct record *record) {
    size_t size = record_size(record), at = (size_t)(record->position - start);

    CHECK(at % RECORD_ALIGN == 0 && at >= from && at + size == end);
    CHECK(word(base + at) == 0x4a4d5548 && word(base + at + SIZE_AT) == size);
    CHECK(word(base + at + CRC_AT) == checksum(base + at, size, record->position));
    CHECK(within(record->nonce, base + at, size) && within(record->text, base + at, size));
    CHECK(!record->replayed);
}

/* Written again it is the same, but for what stands in the padding. */
static void check_again(const struct record *record) {
    size_t size = record_size(record);
    unsigned char *bytes = malloc(size);
    struct record again;

    CHECK(bytes);
    record_write(bytes, record, record->position);
    CHECK(record_read(bytes, size, record->position, &again) == size);
    CHECK(again.room == record->room && again.sender == record->sender &&
          again.reply_to == record->reply_to && again.accepted_at == record->accepted_at);
    CHECK(str_equal(again.nonce, record->nonce) && str_equal(again.text, record->text));
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    uint8_t how = take_byte(&input);
    uint64_t start = take_number(&input, 2) << 16;
    struct str segment = exact(input.data, input.left);
    unsigned char *base = (unsigned char *)(uintptr_t)segment.data;
    size_t offset = 0, from = 0, damaged, passed = 0;
    struct record record;

    if (how & 1) {
        fit_checksums(base, segment.len, start);
    }
    while (record_find(base, segment.len, start, &offset, &record, &damaged)) {
        check_found(base, start, offset, from, &record);
        check_again(&record);
        CHECK(damaged == record.position - start - from);
        passed += offset - from;
        from = offset;
    }
    CHECK(offset == segment.len && damaged <= segment.len - from);
    CHECK(passed + (offset - from) == segment.len);
    exact_free(segment);
    return 0;
}
