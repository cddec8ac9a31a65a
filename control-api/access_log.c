#include "access_log.h"

#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>

#include "buf.h"
#include "match.h"

static _Atomic uint64_t counter;

static void begin_anywhere(void) {
    uint64_t start;

    randombytes_buf(&start, sizeof start);
    atomic_store(&counter, start);
}

/* The order of a counter is hidden by mixing its bits (splitmix64's finalizer, which maps no two
 * numbers to one), and two runs are told apart by where each begins. */
static uint64_t next_id(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, begin_anywhere);
    uint64_t next = atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
    next = (next ^ next >> 30) * 0xbf58476d1ce4e5b9;
    next = (next ^ next >> 27) * 0x94d049bb133111eb;
    return next ^ next >> 31;
}

void request_id(const char *given, char ret_id[REQUEST_ID_MAX + 1]) {
    struct str id = str_of(given);

    if (str_nonce(id)) { /* the same characters */
        memcpy(ret_id, id.data, id.len);
        ret_id[id.len] = '\0';
    } else {
        snprintf(ret_id, REQUEST_ID_MAX + 1, "%016" PRIx64, next_id());
    }
}

static const char *known_method(const char *method) {
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i], method) == 0) {
            return known[i];
        }
    }
    return "other";
}

/* The pattern, with the ids of the path. */
static void add_path(struct buf *out, const char *pattern, const char *path) {
    int64_t id;

    for (size_t i = 0; *pattern == '/'; i++) {
        size_t len = strcspn(++pattern, "/");
        struct str have = match_segment(path, i);
        bool is_id = str_equal((struct str){pattern, len}, str_of("{id}")) && str_id(have, &id);

        buf_add(out, "/", 1);
        buf_add(out, is_id ? have.data : pattern, is_id ? have.len : len);
        pattern += len;
    }
}

static void add_ms(struct buf *out, int64_t us) {
    char text[32];

    snprintf(text, sizeof text, "%" PRId64 ".%03" PRId64, us / 1000, us % 1000);
    buf_text(out, text);
}

static void add_route(struct buf *out, const struct access_entry *entry) {
    if (!entry->route) {
        return;
    }
    buf_text(out, ",\"route\":\"");
    buf_text(out, entry->route);
    buf_text(out, "\",\"path\":\"");
    add_path(out, entry->route, entry->path);
    buf_text(out, "\"");
}

static void add_user(struct buf *out, int64_t user) {
    if (user) {
        buf_text(out, ",\"user\":\"");
        buf_int(out, user);
        buf_text(out, "\"");
    }
}

size_t access_line(const struct access_entry *entry, char ret_line[ACCESS_LINE_MAX]) {
    /* Never grows, so that it needs no memory of its own: all parts are bounded. */
    char address[ADDRESS_TEXT_MAX];
    struct buf out = {.data = ret_line, .cap = ACCESS_LINE_MAX, .max = ACCESS_LINE_MAX};

    buf_text(&out, "{\"time\":");
    buf_json_time(&out, entry->at_ms);
    buf_text(&out, ",\"request_id\":\"");
    buf_text(&out, entry->request_id);
    buf_text(&out, "\",\"method\":\"");
    buf_text(&out, known_method(entry->method));
    buf_text(&out, "\"");
    add_route(&out, entry);
    buf_text(&out, ",\"status\":");
    buf_int(&out, entry->status);
    buf_text(&out, ",\"ms\":");
    add_ms(&out, entry->us);
    buf_text(&out, ",\"bytes\":");
    buf_int(&out, (int64_t)entry->bytes);
    add_user(&out, entry->user);
    buf_text(&out, ",\"address\":\"");
    address_text(&entry->client, address);
    buf_text(&out, address);
    buf_text(&out, "\"}\n");
    return out.failed ? 0 : out.len;
}
