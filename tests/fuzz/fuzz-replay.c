/* Files of any content, size and name as what an earlier run has left: never a crash, never the
 * same place twice, and what is pushed afterwards is there after a kill. */
#include "fuzz.h"

#include <poll.h>

#include "crc32c.h"
#include "folder.h"
#include "journal.h"

enum { BYTES = 512 * 1024, FILES = 4, FILE_BYTES = 256 * 1024, PUSHED = 3, PATIENCE_MS = 2000 };

static char folder[FOLDER_PATH];
static bool in_order; /* no file reaches into the next one, as the journal leaves them */

/* Records at the places where the input says so, else its bytes. */
static void make_file(struct input *input) {
    static unsigned char bytes[FILE_BYTES];
    char path[FILE_PATH];
    uint64_t start = take_number(input, 2) << (take_byte(input) % 49);
    size_t size = take_number(input, 3) % sizeof bytes, at = 0;

    memset(bytes, 0, size);
    for (uint8_t count = take_byte(input) % 16; count > 0; count--) {
        struct record record = {.room = count,
                                .nonce = {"0123456789abcdef", take_byte(input) % 16},
                                .text = {"fedcba9876543210", take_byte(input) % 16}};

        at += (size_t)(take_byte(input) % 8) * RECORD_ALIGN;
        if (at + record_size(&record) <= size) {
            record_write(bytes + at, &record, start + at);
            at += record_size(&record);
        }
    }
    size_t rest = take_byte(input);
    for (; rest > 0 && at < size; rest--) {
        bytes[at++] = take_byte(input);
    }
    folder_file(folder, start, path);
    file_write(path, bytes, size);
}

static void make_mark(struct input *input) {
    struct {
        uint64_t position;
        uint32_t crc;
    } mark = {0};
    char path[FILE_PATH];

    mark.position = take_number(input, 2) << (take_byte(input) % 48); /* no more than 2^63 */
    mark.crc = crc32c(0, &mark.position, sizeof mark.position);
    snprintf(path, sizeof path, "%s/mark", folder);
    file_write(path, &mark, sizeof mark);
}

static void look_at_order(void) {
    struct file files[FILES_MAX];
    size_t count = folder_list(folder, files);

    in_order = true;
    for (size_t i = 1; i < count; i++) {
        in_order = in_order && files[i].start - files[i - 1].start >= files[i - 1].size;
    }
}

static void ignore_line(void *arg, bool error, const char *line) {
    (void)arg;
    (void)error;
    CHECK(strlen(line) < 256);
}

static struct journal *open_journal(void) {
    const struct journal_config config = {.folder = folder, .bytes = BYTES, .log = ignore_line};
    char error[200];
    struct journal *journal = journal_open(&config, error, sizeof error);

    CHECK(journal);
    return journal;
}

/* Reads all; returns how many of ours were among them. */
static int read_all(struct journal *journal, int release_each) {
    struct record record;
    uint64_t position = 0;
    int ours = 0;

    for (int i = 0; journal_read(journal, &record); i++) {
        uint64_t behind = journal_position(journal);

        CHECK(behind > record.position);
        CHECK(record.position >= position || !in_order);
        position = behind;
        ours += record.sender == 77;
        if (release_each > 0 && i % release_each == 0) {
            journal_release(journal, position);
        }
    }
    return ours;
}

static void push_some(struct journal *journal) {
    const struct record record = {
        .room = 1, .sender = 77, .nonce = str_of("ours"), .text = str_of("text")};

    for (int i = 0, waited = 0; i < PUSHED;) {
        if (journal_push(journal, &record) == HUM_OK) {
            i++;
        } else {
            CHECK(waited++ < PATIENCE_MS);
            (void)poll(NULL, 0, 1);
        }
    }
}

static void kill_it(struct journal **journal) {
    char left[FOLDER_PATH];

    folder_link(folder, left);
    journal_close(*journal);
    folder_remove(folder);
    memcpy(folder, left, sizeof left);
    *journal = open_journal();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    uint8_t how = take_byte(&input);

    folder_make(folder);
    if (how & 1) {
        make_mark(&input);
    }
    for (int i = 0; i < FILES && input.left > 0; i++) {
        make_file(&input);
    }
    look_at_order();
    struct journal *journal = open_journal();
    CHECK(read_all(journal, how >> 6) == 0);
    journal_release(journal, journal_position(journal));
    if (in_order) {
        push_some(journal);
        kill_it(&journal);
        CHECK(read_all(journal, 0) == PUSHED);
    }
    journal_close(journal);
    folder_remove(folder);
    return 0;
}
