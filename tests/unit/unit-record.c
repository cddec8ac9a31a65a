/* Records of the journal: written, read back, and found among damage. CRC-32C against its vectors.
 */
#include "unit.h"

#include "crc32c.h"
#include "record.h"

/* The same once more, as it is built where the processor has no instruction for it. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t len);
#undef __x86_64__
#define crc32c crc32c_portable
#include "../../broker-plugin/crc32c.c" // NOLINT(bugprone-suspicious-include): see above
#undef crc32c

/* ---- CRC-32C ---- */

static void test_vectors(void **state) {
    unsigned char up[32], down[32], zeros[32] = {0}, ones[32];

    (void)state;
    for (int i = 0; i < 32; i++) {
        up[i] = (unsigned char)i;
        down[i] = (unsigned char)(31 - i);
        ones[i] = 0xff;
    }
    /* RFC 3720, appendix B.4, whose bytes stand in network order */
    assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
    assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43);
    assert_int_equal(crc32c(0, up, 32), 0x46dd794e);
    assert_int_equal(crc32c(0, down, 32), 0x113fdb5c);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(0, "", 0), 0);
}

/* A bit at a time, as in the definition. */
static uint32_t slowly(const unsigned char *bytes, size_t len) {
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
        }
    }
    return ~crc;
}

static void test_lengths_and_pieces(void **state) {
    unsigned char bytes[300];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)dice(256);
    }
    for (size_t from = 0; from < 9; from++) {
        for (size_t len = 0; len + from <= 100; len++) {
            assert_int_equal(crc32c(0, bytes + from, len), slowly(bytes + from, len));
            assert_int_equal(crc32c_portable(0, bytes + from, len), slowly(bytes + from, len));
        }
    }
    for (int i = 0; i < 2000; i++) {
        size_t cut = (size_t)dice(sizeof bytes + 1);

        assert_int_equal(crc32c(crc32c(0, bytes, cut), bytes + cut, sizeof bytes - cut),
                         slowly(bytes, sizeof bytes));
    }
}

/* ---- One record ---- */

static const uint64_t place = 4096 * 17;

static struct record record_of(size_t nonce_len, size_t text_len) {
    static char letters[MESSAGE_PAYLOAD_MAX + 64];

    for (size_t i = 0; i < sizeof letters; i++) {
        letters[i] = (char)('a' + i % 23);
    }
    return (struct record){.room = 5,
                           .sender = INT64_MAX,
                           .reply_to = 3,
                           .accepted_at = 1800000000123,
                           .nonce = {letters, nonce_len},
                           .text = {letters + 1, text_len}};
}

static void assert_same(const struct record *a, const struct record *b) {
    assert_int_equal(a->room, b->room);
    assert_int_equal(a->sender, b->sender);
    assert_int_equal(a->reply_to, b->reply_to);
    assert_int_equal(a->accepted_at, b->accepted_at);
    assert_true(str_equal(a->nonce, b->nonce));
    assert_true(str_equal(a->text, b->text));
}

static void test_round_trip(void **state) {
    (void)state;
    for (size_t text = 0; text <= MESSAGE_PAYLOAD_MAX; text = text < 40 ? text + 1 : text * 2) {
        for (size_t nonce = 1; nonce <= MESSAGE_NONCE_MAX; nonce += 7) {
            struct record record = record_of(nonce, text), read = {0};
            size_t size = record_size(&record);
            unsigned char *bytes = malloc(size);

            assert_int_equal(size % RECORD_ALIGN, 0);
            assert_true(size <= RECORD_MAX);
            record_write(bytes, &record, place);
            assert_int_equal(record_read(bytes, size, place, &read), size);
            assert_same(&record, &read);
            assert_int_equal(read.position, place);
            free(bytes);
        }
    }
}

/* Every bit counts, and so does the place; a record that is cut is none. */
static void test_damage_is_seen(void **state) {
    struct record record = record_of(5, 19), read;
    size_t size = record_size(&record);
    unsigned char *bytes = malloc(size);

    (void)state;
    record_write(bytes, &record, place);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_int_equal(record_read(bytes, size, place, &read), 0);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_int_equal(record_read(bytes, size, place + 8, &read), 0);
    assert_int_equal(record_read(bytes, size, 0, &read), 0);
    for (size_t len = 0; len < size; len++) {
        unsigned char *cut = malloc(len);

        if (len > 0) {
            memcpy(cut, bytes, len);
        }
        assert_int_equal(record_read(cut, len, place, &read), 0);
        free(cut);
    }
    assert_int_equal(record_read(bytes, size, place, &read), size);
    free(bytes);
}

/* Bytes that look like a header: whatever length they claim, nothing is read behind the block. */
static void test_headers_that_lie(void **state) {
    struct record record = record_of(5, 19), read;
    size_t size = record_size(&record);

    (void)state;
    for (int i = 0; i < 50000; i++) {
        unsigned char *bytes = malloc(size);

        record_write(bytes, &record, place);
        for (size_t at = 4; at < 16; at++) { /* checksum and lengths; the magic stays */
            if (dice(2)) {
                bytes[at] = (unsigned char)dice(256);
            }
        }
        size_t got = record_read(bytes, size, place, &read);
        assert_true(got == 0 || got == size);
        free(bytes);
    }
}

/* ---- A segment of them ---- */

enum { SEGMENT = 16 * 1024, RECORDS_MAX = 200 };

static unsigned char *segment;
static size_t offsets[RECORDS_MAX], sizes[RECORDS_MAX], count, used;

static int fill_segment(void **state) {
    (void)state;
    segment = calloc(1, SEGMENT);
    count = used = 0;
    for (;;) {
        struct record record = record_of(1 + (size_t)dice(64), (size_t)dice(300));
        size_t size = record_size(&record);

        if (used + size > SEGMENT - 1000) {
            return segment ? 0 : -1;
        }
        record.reply_to = (int64_t)count;
        record_write(segment + used, &record, place + used);
        offsets[count] = used;
        sizes[count++] = size;
        used += size;
    }
}

static int free_segment(void **state) {
    (void)state;
    free(segment);
    return 0;
}

/* Reads all; those in [lost, lost_end) are expected to be missing, and so many bytes of damage. */
static void assert_found(size_t lost, size_t lost_end, size_t expected_damage) {
    size_t offset = 0, damaged, damage = 0;
    struct record record;

    for (size_t i = 0; i < count; i++) {
        if (i >= lost && i < lost_end) {
            continue;
        }
        assert_true(record_find(segment, SEGMENT, place, &offset, &record, &damaged));
        assert_int_equal(record.reply_to, i);
        assert_int_equal(offset, offsets[i] + sizes[i]);
        assert_int_equal(record.position, place + offsets[i]);
        damage += damaged;
    }
    assert_false(record_find(segment, SEGMENT, place, &offset, &record, &damaged));
    assert_int_equal(offset, SEGMENT);
    assert_int_equal(damage + damaged, expected_damage);
}

static void test_whole_segment(void **state) {
    (void)state;
    assert_true(count > 20);
    assert_found(0, 0, 0);
}

static void test_one_byte_anywhere(void **state) {
    (void)state;
    for (size_t i = 0; i < count; i++) {
        size_t at = offsets[i] + (size_t)dice(sizes[i]);

        segment[at] ^= 0x10;
        /* Of the last one, nothing stands behind it that would show how far it went. */
        if (i + 1 < count) {
            assert_found(i, i + 1, sizes[i]);
        }
        segment[at] ^= 0x10;
    }
}

/* Of the first, a middle and a late record: each bit costs this one record and no other. */
static void test_each_bit(void **state) {
    const size_t which[] = {0, count / 2, count - 2};

    (void)state;
    for (size_t i = 0; i < COUNT(which); i++) {
        for (size_t bit = 0; bit < sizes[which[i]] * 8; bit++) {
            unsigned char *byte = segment + offsets[which[i]] + bit / 8;

            *byte ^= (unsigned char)(1 << bit % 8);
            assert_found(which[i], which[i] + 1, sizes[which[i]]);
            *byte ^= (unsigned char)(1 << bit % 8);
        }
    }
    assert_found(0, 0, 0);
}

static void test_some_records_overwritten(void **state) {
    (void)state;
    for (int fill = 0; fill < 256; fill += 51) {
        size_t first = (size_t)dice(count - 5), last = first + 1 + (size_t)dice(3);
        size_t from = offsets[first], len = offsets[last] - from;
        unsigned char kept[2048];

        assert_true(len <= sizeof kept);
        memcpy(kept, segment + from, len);
        memset(segment + from, fill, len);
        assert_found(first, last, len);
        memcpy(segment + from, kept, len);
    }
}

/* As after a kill in the middle of a record, at every byte of it. */
static void test_torn_end(void **state) {
    size_t last = count - 1, from = offsets[last];
    unsigned char kept[2048];

    (void)state;
    assert_true(sizes[last] <= sizeof kept);
    memcpy(kept, segment + from, sizes[last]);
    for (size_t len = 0; len < sizes[last]; len++) {
        size_t offset = from, damaged;
        struct record record;

        memset(segment + from, 0, sizes[last]);
        memcpy(segment + from, kept, len);
        bool same = memcmp(segment + from, kept, sizes[last]) == 0; /* the rest are zeros anyway */
        bool found = record_find(segment, SEGMENT, place, &offset, &record, &damaged);
        assert_int_equal(found, same);
        assert_true(found || (damaged <= len + RECORD_ALIGN && (len == 0) == (damaged == 0)));
    }
    memcpy(segment + from, kept, sizes[last]);
    assert_found(0, 0, 0);
}

/* A segment that was used before, at another place: what is left of then is no record. */
static void test_records_of_another_time(void **state) {
    struct record record;
    size_t offset = 0, damaged;

    (void)state;
    assert_false(record_find(segment, SEGMENT, place + SEGMENT, &offset, &record, &damaged));
    assert_int_equal(offset, SEGMENT);
    assert_true(damaged > 0 && damaged <= used);
}

static void test_an_empty_segment(void **state) {
    unsigned char *zeros = calloc(1, 4096);
    struct record record;
    size_t offset = 0, damaged = 99;

    (void)state;
    assert_false(record_find(zeros, 4096, place, &offset, &record, &damaged));
    assert_int_equal(damaged, 0);
    assert_int_equal(offset, 4096);
    offset = 0;
    assert_false(record_find(zeros, 0, place, &offset, &record, &damaged));
    assert_int_equal(offset, 0);
    free(zeros);
}

#define IN_A_SEGMENT(test) cmocka_unit_test_setup_teardown(test, fill_segment, free_segment)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_lengths_and_pieces),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damage_is_seen),
        cmocka_unit_test(test_headers_that_lie),
        IN_A_SEGMENT(test_whole_segment),
        IN_A_SEGMENT(test_one_byte_anywhere),
        IN_A_SEGMENT(test_each_bit),
        IN_A_SEGMENT(test_some_records_overwritten),
        IN_A_SEGMENT(test_torn_end),
        IN_A_SEGMENT(test_records_of_another_time),
        cmocka_unit_test(test_an_empty_segment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
