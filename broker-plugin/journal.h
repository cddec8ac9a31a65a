/* The journal: what stands between the broker's thread, which takes messages, and the writer, which
 * commits them. It is their queue, what survives the broker being killed, and the spool while
 * PostgreSQL is away.
 *
 * A folder of segments, mapped into memory. Positions count bytes and only rise, over all runs. One
 * thread pushes: a memcpy and a checksum, no system call. One thread reads and releases. A third,
 * the journal's own, makes segments ready before they are needed, takes back those behind the
 * released position, and syncs while the database is away.
 *
 * Bound: the bytes given at opening, what an earlier run left included. When it is reached, or the
 * disk is full, push refuses until there is room again; after a failed sync it refuses until the
 * next start, since nobody knows what of the file is on the disk. */
#ifndef HUM_JOURNAL_H
#define HUM_JOURNAL_H

#include "record.h"

struct journal;

struct journal_config {
    const char *folder;
    size_t bytes;
    /* Called for each line worth logging, from any thread. */
    void (*log)(void *arg, bool error, const char *line);
    void *log_arg;
};

/* Opens a folder (made with 0700 when missing, files with 0600), takes its lock, finds what is to
 * be replayed. NULL: error gets one line. Touches the file system. */
struct journal *journal_open(const struct journal_config *config, char *error, size_t error_size);
/* Waits for the journal's thread. What is not released stays on disk. NULL is fine. */
void journal_close(struct journal *journal);

/* The pushing thread: appends a record. HUM_UNAVAILABLE: full, or broken. */
HUM_MUSTCHECK enum hum_status journal_push(struct journal *journal, const struct record *record);

/* The reading thread: the next record, first those of earlier runs. Its texts point into the
 * journal until its position is released. False: none. */
bool journal_read(struct journal *journal, struct record *ret_record);
/* The reading thread: the position behind the last record read. */
uint64_t journal_position(const struct journal *journal);
/* The reading thread: everything before this position is committed. */
void journal_release(struct journal *journal, uint64_t position);
/* The reading thread: waits for a record, journal_wake, or timeout_ms (-1: no limit). */
void journal_wait(struct journal *journal, int timeout_ms);
/* Any thread: ends a journal_wait. */
void journal_wake(struct journal *journal);

/* Any thread: bytes that are pushed and not released. */
uint64_t journal_backlog(const struct journal *journal);
/* Any thread: whether pushing is refused for good. */
bool journal_broken(const struct journal *journal);

#endif
