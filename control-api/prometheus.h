/* Prometheus' text format, version 0.0.4. Pure. */
#ifndef HUM_PROMETHEUS_H
#define HUM_PROMETHEUS_H

#include "buf.h"

/* kind: "counter", "gauge" or "histogram"; once, before the lines of that name. */
void prometheus_head(struct buf *out, const char *name, const char *kind, const char *help);
/* A line; labels are with their braces, or "". */
void prometheus_value(struct buf *out, const char *name, const char *labels, int64_t value);
/* A line whose value is given in microseconds and written in seconds. */
void prometheus_seconds(struct buf *out, const char *name, const char *labels, int64_t us);
/* Head and one line. */
void prometheus_single(struct buf *out, const char *name, const char *kind, const char *help,
                       int64_t value);

#endif
