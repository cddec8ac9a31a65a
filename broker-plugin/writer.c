#include "writer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "append.h"
#include "link.h"
#include "numbers.h"
#include "recent.h"

enum {
    BATCH_MAX = APPEND_MAX,
    BATCH_BYTES_MAX = 1 << 20, /* of their texts */
    DEFERRED_MAX = 8 * 1024,   /* messages whose rooms are locked by somebody else */
    DEFERRED_TRIED = 32,       /* of a room, tried again in one batch */
    RECENT_KEYS = 64 * 1024,
    LOADED_BATCH = 16, /* a batch of as many says that more are coming */
    LOADED_PAUSE_MS = 3,
    BUSY_FIRST_MS = 5,
    BUSY_LAST_MS = 1000,
    BACKOFF_FIRST_MS = 50,
    BACKOFF_LAST_MS = 2000,
};

enum { NEW = -1 };

/* A message on its way. Its texts stay in the journal until they are released. */
struct pending {
    struct record record;
    unsigned char key[MESSAGE_KEY_LEN];
    bool maybe_known;
    bool settled; /* of one that waited: done with */
    int slot;     /* where it waits among the deferred, or NEW */
};

struct writer {
    struct link link;
    struct journal *journal;
    struct hub *hub;
    struct recent *recent;
    struct pg_params *params;
    pthread_t thread;
    atomic_bool stop;
    _Atomic(int64_t) oldest; /* when the oldest message that is not committed was taken; 0: none */
    struct pending batch[BATCH_MAX];
    size_t count;
    /* Messages whose rooms were locked, in order: the others pass them.
     * All later ones of the same rooms join them here. */
    struct pending deferred[DEFERRED_MAX];
    size_t deferred_count;
    int64_t busy[BATCH_MAX]; /* rooms that were locked at this round */
    size_t busy_count;
    time_t last_refusal_logged;
    char reason[256]; /* why a message is set aside */
    struct append *append;
    struct append_verdict verdicts[BATCH_MAX];
};

static const struct pg_statement set_message_aside = {
    "set_message_aside",
    "select hum_set_aside($1, $2, $3, $4, $5)",
};

const struct pg_statement *const writer_statements[] = {&set_message_aside};
const size_t writer_statement_count = 1;

static void pause_ms(int ms) {
    nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL);
}

static bool stopping(struct writer *writer) {
    return atomic_load_explicit(&writer->stop, memory_order_relaxed);
}

/* Connects, however long it takes. False: the writer is to stop first. */
static bool connected(struct writer *writer) {
    int backoff = BACKOFF_FIRST_MS;
    char error[256];

    while (!writer->link.pg) {
        if (link_open(&writer->link, error, sizeof error)) {
            hub_log(writer->hub, false, "hum: writer: connected to PostgreSQL");
            return true;
        }
        if (backoff == BACKOFF_FIRST_MS) {
            hub_log(writer->hub, true, "hum: writer: PostgreSQL is away, messages wait: %s", error);
        }
        if (stopping(writer)) {
            return false;
        }
        pause_ms(backoff);
        backoff = backoff * 2 < BACKOFF_LAST_MS ? backoff * 2 : BACKOFF_LAST_MS;
    }
    return true;
}

static void refuse(struct writer *writer, const struct pending *pending, enum hum_status status,
                   const char *detail) {
    struct error_item *item = item_new(ITEM_ERROR, sizeof *item);

    if (!item) {
        return;
    }
    item->user = pending->record.sender;
    item->room = pending->record.room;
    item->status = status;
    item->detail = detail;
    if (str_nonce(pending->record.nonce)) { /* a damaged journal may hold another */
        memcpy(item->nonce, pending->record.nonce.data, pending->record.nonce.len);
    }
    hub_post(writer->hub, item);
}

static bool contains(const int64_t *rooms, size_t count, int64_t room) {
    for (size_t i = 0; i < count; i++) {
        if (rooms[i] == room) {
            return true;
        }
    }
    return false;
}

static size_t count_of_room(const struct pending *list, size_t count, int64_t room) {
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        found += list[i].record.room == room;
    }
    return found;
}

/* Puts a message with those that wait for their rooms; one that is there keeps its place. */
static void defer(struct writer *writer, const struct pending *pending) {
    if (pending->slot == NEW) {
        struct pending *waiting = &writer->deferred[writer->deferred_count];

        *waiting = *pending;
        waiting->slot = (int)writer->deferred_count++;
    }
}

static void defer_busy(struct writer *writer, const struct pending *pending) {
    if (!contains(writer->busy, writer->busy_count, pending->record.room)) {
        writer->busy[writer->busy_count++] = pending->record.room;
    }
    defer(writer, pending);
}

static void mark_settled(struct writer *writer, const struct pending *pending) {
    if (pending->slot != NEW) {
        writer->deferred[pending->slot].settled = true;
    }
}

static void announce(struct writer *writer, struct batch_item *batch, const struct pending *pending,
                     const struct append_verdict *verdict) {
    struct message message = {
        .room = pending->record.room,
        .seq = verdict->seq,
        .id = verdict->id,
        .from = pending->record.sender,
        .ref = pending->record.reply_to,
        .sent_at = verdict->sent_at,
        .kind = MESSAGE_TEXT,
        .nonce = pending->record.nonce,
        .text = pending->record.text,
    };

    if (!batch_add(batch, &message)) {
        hub_log(writer->hub, true, "hum: writer: no memory to deliver message %lld of room %lld",
                (long long)message.seq, (long long)message.room);
    }
}

/* A known message: the broker looks whether its number was already delivered. The text is not ours
 * to tell, the original's counts. */
static void announce_head(struct writer *writer, int64_t room, int64_t seq) {
    struct head_item *item = item_new(ITEM_HEAD, sizeof *item);

    if (item) {
        item->room = room;
        item->seq = seq;
        hub_post(writer->hub, item);
    }
}

static enum pg_outcome try_set_aside(struct writer *writer, const struct record *record) {
    pg_params_reset(writer->params);
    pg_add_int(writer->params, record->room);
    pg_add_int(writer->params, record->sender);
    pg_add_text(writer->params, record->nonce);
    pg_add_bytes(writer->params, record->text);
    pg_add_text(writer->params, str_of(writer->reason));
    return pg_run(writer->link.pg, &set_message_aside, writer->params, NULL);
}

/* Keeps what cannot be stored for the operator to look at. Where even that is refused, its sender
 * has it. False: the writer is to stop, and the journal keeps it. */
static bool set_aside(struct writer *writer, const struct pending *pending) {
    while (connected(writer)) {
        enum pg_outcome outcome = try_set_aside(writer, &pending->record);

        if (outcome == PG_LOST) {
            link_close(&writer->link);
        } else if (outcome != PG_BUSY) {
            number_add(NUMBER_SET_ASIDE, 1);
            return true;
        } else if (stopping(writer)) {
            link_close(&writer->link);
            return false;
        } else {
            pause_ms(BUSY_LAST_MS);
        }
    }
    return false;
}

/* A message that was taken and can never be stored, through nobody's fault or with its sender
 * perhaps gone: it leaves a trace. */
static void give_up(struct writer *writer, const struct pending *pending, enum hum_status status,
                    const char *detail, bool keep) {
    if (keep) {
        snprintf(writer->reason, sizeof writer->reason, "%s", detail);
        (void)set_aside(
            writer, pending); /* where the writer is to stop first, only its sender hears of it */
    }
    refuse(writer, pending, status, detail);
}

static void settle_one(struct writer *writer, struct batch_item *done,
                       const struct pending *pending, const struct append_verdict *verdict) {
    if (verdict->status != APPEND_BUSY) {
        mark_settled(writer, pending);
    }
    switch (verdict->status) {
    case APPENDED:
        announce(writer, done, pending, verdict);
        break;
    case APPEND_KNOWN:
        number_add(NUMBER_KNOWN, 1);
        announce_head(writer, pending->record.room, verdict->seq);
        break;
    case APPEND_BUSY:
        defer_busy(writer, pending);
        break;
    case APPEND_GONE:
        give_up(writer, pending, HUM_NOT_FOUND, "the room is gone", true);
        break;
    case APPEND_BAD_REFERENCE:
        give_up(writer, pending, HUM_INVALID_PAYLOAD, "reply_to is not a message of this room",
                pending->record.replayed);
        break;
    }
}

/* The batch is committed: everybody hears what became of it. */
static void settle(struct writer *writer, const struct pending *batch, size_t count) {
    struct batch_item *done = batch_new(ITEM_BATCH, count);

    if (!done) {
        hub_log(writer->hub, true, "hum: writer: no memory to deliver %zu messages", count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        settle_one(writer, done, &batch[i], &writer->verdicts[i]);
    }
    number_add(NUMBER_COMMITTED, (int64_t)done->count);
    if (done->count > 0) {
        hub_post(writer->hub, done);
    } else {
        item_free(&done->item);
    }
}

/* Leaves out messages of rooms that were locked earlier in this round: their order counts. Returns
 * how many are left. */
static size_t hold_back(struct writer *writer, struct pending *batch, size_t count) {
    size_t kept = 0;

    if (writer->busy_count == 0) {
        return count;
    }
    for (size_t i = 0; i < count; i++) {
        if (contains(writer->busy, writer->busy_count, batch[i].record.room)) {
            defer(writer, &batch[i]);
        } else {
            batch[kept++] = batch[i];
        }
    }
    return kept;
}

static enum pg_outcome append(struct writer *writer, const struct pending *batch, size_t count,
                              bool lookup) {
    append_clear(writer->append);
    for (size_t i = 0; i < count; i++) {
        append_add(writer->append, &batch[i].record, batch[i].key);
    }
    int64_t start = hub_now_us();
    enum pg_outcome outcome = append_run(writer->append, writer->link.pg, lookup, writer->verdicts);
    if (outcome == PG_DONE) {
        number_measure(MEASURE_COMMIT_US, hub_now_us() - start);
        number_measure(MEASURE_BATCH_SIZE, (int64_t)count);
        settle(writer, batch, count);
    }
    return outcome;
}

static bool any_maybe_known(const struct pending *batch, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (batch[i].maybe_known) {
            return true;
        }
    }
    return false;
}

static bool commit(struct writer *writer, struct pending *batch, size_t count);

/* At most a line a second: when the table is gone, every message is refused. */
static void log_refusal(struct writer *writer, const struct pending *pending) {
    time_t now = time(NULL);

    if (now != writer->last_refusal_logged) {
        writer->last_refusal_logged = now;
        hub_log(writer->hub, true,
                "hum: writer: a message of user %lld to room %lld is refused: %s",
                (long long)pending->record.sender, (long long)pending->record.room,
                pg_error(writer->link.pg));
    }
}

/* Told once it has lasted: short waits for a lock are nothing new. */
static void log_busy(struct writer *writer, int busy_ms) {
    if (busy_ms >= BUSY_LAST_MS / 2 && busy_ms < BUSY_LAST_MS) {
        hub_log(writer->hub, true, "hum: writer: PostgreSQL cannot store now, messages wait: %s",
                pg_error(writer->link.pg));
    }
}

/* Some message makes the statement fail. Halves find it, and the others go on. */
static bool commit_apart(struct writer *writer, struct pending *batch, size_t count) {
    if (count == 1) {
        snprintf(writer->reason, sizeof writer->reason, "%s", pg_error(writer->link.pg));
        log_refusal(writer, batch);
        if (!set_aside(writer, batch)) {
            return false;
        }
        mark_settled(writer, batch);
        refuse(writer, batch, HUM_INTERNAL, "the message could not be stored");
        return true;
    }
    return commit(writer, batch, count / 2) && commit(writer, batch + count / 2, count - count / 2);
}

/* Ends with every message of the batch appended, refused or set aside. False: the
 * writer is to stop first; what was not reached stays in the journal. */
static bool commit(struct writer *writer, struct pending *batch, size_t count) {
    bool lookup = any_maybe_known(batch, count);
    int busy_ms = BUSY_FIRST_MS;

    count = hold_back(writer, batch, count);
    while (count > 0 && connected(writer)) {
        switch (append(writer, batch, count, lookup)) {
        case PG_DONE:
            return true;
        case PG_LOST:
            /* The commit may have happened: the nonces will tell. */
            link_close(&writer->link);
            lookup = true;
            break;
        case PG_BUSY:
            if (stopping(writer)) {
                link_close(&writer->link);
                return false;
            }
            log_busy(writer, busy_ms);
            pause_ms(busy_ms);
            busy_ms = busy_ms * 2 < BUSY_LAST_MS ? busy_ms * 2 : BUSY_LAST_MS;
            break;
        case PG_CONFLICT:
            if (!lookup) {
                lookup = true;
                break;
            }
            return commit_apart(writer, batch, count);
        case PG_REJECTED:
        case PG_FAILED:
            return commit_apart(writer, batch, count);
        }
    }
    return count == 0;
}

/* The first messages of each room that wait: some of each, so that one room which stays locked
 * leaves place for the others. */
static void gather_deferred(struct writer *writer) {
    for (size_t i = 0; i < writer->deferred_count && writer->count < BATCH_MAX / 2; i++) {
        const struct pending *pending = &writer->deferred[i];

        if (count_of_room(writer->batch, writer->count, pending->record.room) < DEFERRED_TRIED) {
            writer->batch[writer->count++] = *pending;
        }
    }
}

/* The next message of the journal, into the batch or behind those of its room that wait. False:
 * none.
 */
static bool gather_new(struct writer *writer) {
    struct pending *pending = &writer->batch[writer->count];

    if (!journal_read(writer->journal, &pending->record)) {
        return false;
    }
    pending->slot = NEW;
    pending->settled = false;
    message_dedup_key(pending->record.sender, pending->record.nonce, pending->key);
    pending->maybe_known =
        recent_seen(writer->recent, pending->record.room, pending->key) || pending->record.replayed;
    number_add(NUMBER_REPLAYED, pending->record.replayed);
    if (count_of_room(writer->deferred, writer->deferred_count, pending->record.room) > 0) {
        defer(writer, pending);
    } else {
        writer->count++;
    }
    return true;
}

static void gather(struct writer *writer) {
    size_t bytes = 0;

    writer->count = 0;
    writer->busy_count = 0;
    gather_deferred(writer);
    while (writer->count < BATCH_MAX && bytes < BATCH_BYTES_MAX &&
           writer->deferred_count + writer->count < DEFERRED_MAX && gather_new(writer)) {
        bytes += writer->count > 0 ? writer->batch[writer->count - 1].record.text.len : 0;
    }
}

static void forget_settled(struct writer *writer) {
    size_t kept = 0;

    for (size_t i = 0; i < writer->deferred_count; i++) {
        if (!writer->deferred[i].settled) {
            writer->deferred[kept] = writer->deferred[i];
            writer->deferred[kept].slot = (int)kept;
            kept++;
        }
    }
    writer->deferred_count = kept;
}

static void note_oldest(struct writer *writer, int64_t accepted_at) {
    atomic_store_explicit(&writer->oldest, accepted_at, memory_order_relaxed);
}

/* The lowest position that is not committed, and since when it waits. What waits for rooms is in
 * order for each room, not for all of them. */
static void release(struct writer *writer) {
    uint64_t position = journal_position(writer->journal);
    int64_t oldest = 0;

    for (size_t i = 0; i < writer->deferred_count; i++) {
        const struct record *record = &writer->deferred[i].record;

        if (record->position < position) {
            position = record->position;
            oldest = record->accepted_at;
        }
    }
    note_oldest(writer, oldest);
    journal_release(writer->journal, position);
}

/* False: the writer is to stop, and what it has read is not committed. */
static bool work(struct writer *writer) {
    gather(writer);
    note_oldest(writer, writer->count > 0 ? writer->batch[0].record.accepted_at : 0);
    if (!commit(writer, writer->batch, writer->count)) {
        return false;
    }
    forget_settled(writer);
    release(writer);
    if (writer->busy_count > 0) {
        pause_ms(BUSY_FIRST_MS);
    }
    return true;
}

/* Under load a commit costs PostgreSQL much the same whether it holds 20 messages or 200. A pause
 * of a millisecond makes the batches larger, and leaves the processor to the broker; who sends
 * alone never meets it. */
static void *run(void *arg) {
    struct writer *writer = arg;
    bool whole = true;

    (void)connected(writer); /* before the first message waits for it */
    while (!stopping(writer)) {
        if (writer->deferred_count == 0) {
            journal_wait(writer->journal, -1);
        }
        if (writer->count >= LOADED_BATCH) {
            pause_ms(LOADED_PAUSE_MS);
        }
        whole = work(writer);
    }
    while (whole && writer->link.pg && writer->deferred_count == 0 &&
           journal_backlog(writer->journal) > 0) {
        whole = work(writer);
    }
    link_close(&writer->link);
    return NULL;
}

static void writer_free(struct writer *writer) {
    if (writer) {
        recent_free(writer->recent);
        append_free(writer->append);
        pg_params_free(writer->params);
        link_destroy(&writer->link);
        free(writer);
    }
}

struct writer *writer_start(const struct pg_config *config, struct journal *journal,
                            struct hub *hub) {
    struct writer *writer = calloc(1, sizeof *writer);

    if (!writer) {
        return NULL;
    }
    link_init(&writer->link, config);
    writer->journal = journal;
    writer->hub = hub;
    writer->recent = recent_new(RECENT_KEYS);
    writer->params = pg_params_new();
    writer->append = append_new();
    if (!writer->recent || !writer->params || !writer->append ||
        pthread_create(&writer->thread, NULL, run, writer) != 0) {
        writer_free(writer);
        return NULL;
    }
    return writer;
}

int64_t writer_oldest(const struct writer *writer) {
    return atomic_load_explicit(&writer->oldest, memory_order_relaxed);
}

void writer_stop(struct writer *writer) {
    if (!writer) {
        return;
    }
    atomic_store(&writer->stop, true);
    journal_wake(writer->journal);
    link_join(&writer->link, writer->thread);
    writer_free(writer);
}
