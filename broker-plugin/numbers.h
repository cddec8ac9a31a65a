/* The broker's numbers, and the port where Prometheus reads them. Any thread counts; one list names
 * everything that is counted. */
#ifndef HUM_NUMBERS_H
#define HUM_NUMBERS_H

#include "status.h"

#include <stdint.h>

/* name, kind, help. Counters only rise, gauges are set. */
#define NUMBERS_MAP(X)                                                                             \
    X(CONNECTIONS, "hum_connections", "gauge", "Connections that are signed in")                   \
    X(USERS, "hum_users_loaded", "gauge", "Users whose rights are in memory")                      \
    X(ACCEPTED, "hum_messages_accepted_total", "counter", "Messages taken into the journal")       \
    X(COMMITTED, "hum_messages_committed_total", "counter", "Messages committed by the writer")    \
    X(KNOWN, "hum_messages_known_total", "counter", "Messages that had been committed before")     \
    X(PUBLISHED, "hum_messages_published_total", "counter", "Messages published to subscribers")   \
    X(DELIVERIES, "hum_deliveries_total", "counter", "Copies of messages handed to subscribers")   \
    X(SET_ASIDE, "hum_messages_set_aside_total", "counter", "Messages that could not be stored")   \
    X(REPLAYED, "hum_messages_replayed_total", "counter", "Messages read again after a restart")   \
    X(GAP_REPAIRS, "hum_gap_repairs_total", "counter",                                             \
      "Pages fetched because numbers were missing")                                                \
    X(LOADS_AWAITED, "hum_loads_awaited_total", "counter", "Times the broker waited for rights")   \
    X(JOURNAL_BYTES, "hum_journal_bytes", "gauge", "Bytes taken and not yet committed")            \
    X(JOURNAL_AGE_MS, "hum_journal_oldest_milliseconds", "gauge",                                  \
      "Age of the oldest message that is not yet committed")                                       \
    X(JOURNAL_BROKEN, "hum_journal_broken", "gauge", "1 after a sync of the journal failed")       \
    X(NEWEST_KEY_S, "hum_newest_key_seconds", "gauge",                                             \
      "When the newest key of tokens that is known was made, since 1970")                          \
    X(LINK_UP, "hum_postgres_link_up", "gauge", "1 while notifications of PostgreSQL are heard")

enum number {
#define X(name, text, kind, help) NUMBER_##name,
    NUMBERS_MAP(X)
#undef X
        NUMBER_COUNT
};

/* What is measured in steps: name, help, and the upper bounds in their unit. */
enum measure { MEASURE_BATCH_SIZE, MEASURE_COMMIT_US, MEASURE_REVOCATION_US, MEASURE_COUNT };

void number_add(enum number number, int64_t count);
void number_set(enum number number, int64_t value);
/* A publish, subscription or connection was refused with this status. */
void number_refused(enum hum_status status);
void number_measure(enum measure measure, int64_t value);

struct numbers_port;

/* Serves GET /metrics. HUM_UNAVAILABLE: the port cannot be had. */
HUM_MUSTCHECK enum hum_status numbers_open(const char *address, uint16_t port,
                                           struct numbers_port **ret_port);
/* NULL is fine. */
void numbers_close(struct numbers_port *port);

#endif
