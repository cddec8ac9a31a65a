/* The journal against a model. The input is a program: push, read, release, fill up, be killed with
 * or without damage to what is on the disk, start again. A record that was pushed and not released
 * is read again, once and in order, unless one of its own bytes was damaged; a released one comes
 * again only when the mark was damaged; there is room again once all is released; the disk never
 * holds more than the bound and a spare. */
#include "fuzz.h"

#include <poll.h>
#include <unistd.h>

#include "folder.h"
#include "journal.h"

enum {
    OPERATIONS_MAX = 100,
    RECORDS_MAX = 4000,
    BYTES = 512 * 1024,
    SEGMENTS = 8, /* of the bound, with bounds like ours */
    PATIENCE_MS = 5000,
    MARK_BYTES = 12, /* of the file "mark" that count */
};

/* By number from 1 on. */
static struct {
    uint16_t len;
    bool damaged;
} sent[RECORDS_MAX + 1];

static struct {
    struct journal *journal;
    char folder[FOLDER_PATH];
    size_t bytes;     /* the bound */
    size_t left_over; /* bytes that were on the disk at the start */
    int pushed;
    int read;     /* the last one that was read in this run */
    int marked;   /* the mark on the disk says: all up to this one are released */
    int released; /* the highest that ever was */
    int earlier;  /* the last one that was pushed by an earlier run */
    uint64_t position;
    /* Where what was read in this run ends; RECORDS_MAX + 1 entries. */
    uint64_t behind[RECORDS_MAX + 1];
} model;

/* ---- Records ---- */

static const char *letters(void) {
    static char text[MESSAGE_PAYLOAD_MAX + 32];

    if (!text[0]) {
        for (size_t i = 0; i < sizeof text; i++) {
            text[i] = (char)('a' + i % 23);
        }
    }
    return text;
}

static struct record record_of(int number) {
    static char nonce[16];

    snprintf(nonce, sizeof nonce, "n%d", number);
    return (struct record){
        .room = number % 5 + 1,
        .sender = number,
        .reply_to = number % 3,
        .accepted_at = 1000 + number,
        .nonce = str_of(nonce),
        .text = {letters() + number % 23, sent[number].len},
    };
}

static void check_record(const struct record *record) {
    CHECK(record->sender >= 1 && record->sender <= model.pushed);
    struct record expected = record_of((int)record->sender);

    CHECK(record->room == expected.room && record->reply_to == expected.reply_to &&
          record->accepted_at == expected.accepted_at);
    CHECK(str_equal(record->nonce, expected.nonce) && str_equal(record->text, expected.text));
    CHECK(record->replayed == (record->sender <= model.earlier));
}

/* ---- Pushing ---- */

static size_t segment_size(void) { return model.bytes / SEGMENTS; }

static bool try_push(int number) {
    struct record record = record_of(number);

    return journal_push(model.journal, &record) == HUM_OK;
}

/* Refused although the bound leaves a segment: the journal's own thread is only late. */
static bool push(size_t len) {
    if (model.pushed == RECORDS_MAX) {
        return false;
    }
    int number = model.pushed + 1;
    sent[number].len = (uint16_t)len;
    sent[number].damaged = false;
    for (int waited = 0; !try_push(number); waited++) {
        if (folder_bytes(model.folder) + segment_size() > model.bytes) {
            return false;
        }
        CHECK(waited < PATIENCE_MS);
        (void)poll(NULL, 0, 1);
    }
    model.pushed = number;
    return true;
}

static void fill(size_t len) {
    while (push(len)) {
    }
}

/* ---- Reading ---- */

/* Those between the last one read and this one were not there. */
static void check_passed_over(int until) {
    for (int n = model.read + 1; n < until; n++) {
        CHECK(n <= model.released || sent[n].damaged);
    }
}

static bool read_one(void) {
    struct record record;

    if (!journal_read(model.journal, &record)) {
        check_passed_over(model.pushed + 1);
        return false;
    }
    check_record(&record);
    int number = (int)record.sender;
    CHECK(number > model.read && number > model.marked);
    check_passed_over(number);
    uint64_t behind = journal_position(model.journal);
    CHECK(record.position >= model.position && behind >= record.position + record_size(&record));
    model.position = behind;
    model.read = number;
    model.behind[number] = behind;
    return true;
}

static void release_up_to(int number) {
    if (number > model.marked && number <= model.read && model.behind[number] > 0) {
        journal_release(model.journal, model.behind[number]);
        model.marked = number;
        if (model.released < number) {
            model.released = number;
        }
    }
}

/* As the writer does when nothing waits: all that was read, and what was found to be damaged. */
static void release_all(void) {
    journal_release(model.journal, journal_position(model.journal));
    release_up_to(model.read);
}

/* ---- Runs ---- */

static void log_line(void *arg, bool error, const char *line) {
    (void)arg;
    CHECK(error && strncmp(line, "hum: journal: ", 14) == 0);
}

static void start(size_t bytes) {
    const struct journal_config config = {.folder = model.folder, .bytes = bytes, .log = log_line};
    char error[200];

    model.left_over = folder_bytes(model.folder);
    model.bytes = bytes;
    model.journal = journal_open(&config, error, sizeof error);
    CHECK(model.journal);
    model.read = 0;
    model.position = 0;
    model.earlier = model.pushed;
    memset(model.behind, 0, sizeof model.behind);
}

static void check_disk(void) {
    size_t most = model.left_over > model.bytes ? model.left_over : model.bytes;

    CHECK(folder_bytes(model.folder) <= most + segment_size());
    CHECK(!journal_broken(model.journal));
}

/* A kill: what the folder holds at this instant is all that the next run gets. */
static void kill_it(void) {
    char left[FOLDER_PATH];

    folder_link(model.folder, left);
    journal_close(model.journal);
    folder_remove(model.folder);
    memcpy(model.folder, left, sizeof left);
}

/* ---- Damage ---- */

/* Marks the records that have a byte in [from, to) of a segment. */
static void note_damage(uint64_t start, size_t from, size_t to) {
    char path[FILE_PATH];

    folder_file(model.folder, start, path);
    struct str bytes = file_read(path);
    struct record record;
    size_t offset = 0, damaged;

    while (record_find((const unsigned char *)bytes.data, bytes.len, start, &offset, &record,
                       &damaged)) {
        if (record.position - start < to && offset > from && record.sender <= model.pushed) {
            sent[record.sender].damaged = true;
        }
    }
    exact_free(bytes);
}

/* One of the segments; false: there is none. */
static bool choose(struct input *input, struct file *ret_file) {
    struct file files[FILES_MAX];
    size_t count = folder_list(model.folder, files);
    size_t chosen = take_byte(input);

    if (count == 0) {
        return false;
    }
    *ret_file = files[chosen % count];
    return ret_file->size > 0;
}

static void flip(struct input *input) {
    struct file file;
    char path[FILE_PATH];

    if (choose(input, &file)) {
        size_t at = take_number(input, 3) % file.size;

        note_damage(file.start, at, at + 1);
        folder_file(model.folder, file.start, path);
        file_flip(path, at, (uint8_t)(1 << take_byte(input) % 8));
    }
}

static void cut(struct input *input) {
    struct file file;
    char path[FILE_PATH];

    if (choose(input, &file)) {
        size_t at = take_number(input, 3) % file.size;

        note_damage(file.start, at, file.size);
        folder_file(model.folder, file.start, path);
        CHECK(truncate(path, (off_t)at) == 0);
    }
}

static void damage_mark(struct input *input) {
    char path[FILE_PATH];

    snprintf(path, sizeof path, "%s/mark", model.folder);
    size_t at = take_byte(input) % (MARK_BYTES + 1);
    if (at == MARK_BYTES) {
        (void)unlink(path);
    } else {
        file_flip(path, at, (uint8_t)(1 << take_byte(input) % 8));
    }
    model.marked = 0;
}

/* Killed while the next segment was being made: its file is there, empty. */
static void leave_empty_file(void) {
    struct file files[FILES_MAX];
    size_t count = folder_list(model.folder, files);
    char path[FILE_PATH];

    if (count > 0) {
        folder_file(model.folder, files[count - 1].start + files[count - 1].size, path);
        file_write(path, "", 0);
    }
}

static void damage(struct input *input) {
    for (uint8_t rest = take_byte(input) % 4; rest > 0; rest--) {
        switch (take_byte(input) % 4) {
        case 0:
            flip(input);
            break;
        case 1:
            cut(input);
            break;
        case 2:
            damage_mark(input);
            break;
        case 3:
            leave_empty_file();
            break;
        }
    }
}

/* ---- The program ---- */

static size_t take_len(struct input *input) {
    uint8_t byte = take_byte(input);

    return byte < 200 ? byte : (size_t)(byte - 199) * (MESSAGE_PAYLOAD_MAX / 56);
}

static void operate(struct input *input) {
    uint8_t operation = take_byte(input), count = take_byte(input);

    switch (operation % 8) {
    case 0:
        for (size_t len = take_len(input); count > 0 && push(len); count--) {
        }
        break;
    case 1:
        while (count-- > 0 && read_one()) {
        }
        break;
    case 2:
        release_up_to(model.marked + 1 + count);
        break;
    case 3:
        release_all();
        break;
    case 4:
        fill(take_len(input) | 1024);
        break;
    case 5: /* damage that comes while it runs */
        flip(input);
        break;
    case 6:
        kill_it();
        damage(input);
        start((size_t)BYTES << count % 3);
        break;
    case 7:
        journal_close(model.journal);
        start((size_t)BYTES << count % 3);
        break;
    }
}

/* Whatever happened: all comes, and once it is released, there is room again. */
static void finish(void) {
    while (read_one()) {
    }
    release_all();
    CHECK(journal_backlog(model.journal) == 0);
    if (model.pushed < RECORDS_MAX) {
        int number = model.pushed + 1;

        sent[number].len = 100;
        sent[number].damaged = false;
        for (int waited = 0; !try_push(number); waited++) {
            CHECK(waited < PATIENCE_MS);
            (void)poll(NULL, 0, 1);
        }
        model.pushed = number;
        CHECK(read_one() && model.read == number);
    }
    journal_wait(model.journal, 0);
    CHECK(!read_one());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};

    memset(&model, 0, sizeof model);
    folder_make(model.folder);
    start(BYTES);
    for (int i = 0; i < OPERATIONS_MAX && input.left > 0; i++) {
        operate(&input);
        check_disk();
    }
    finish();
    journal_close(model.journal);
    folder_remove(model.folder);
    return 0;
}
