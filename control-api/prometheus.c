#include "prometheus.h"

#include <inttypes.h>
#include <stdio.h>

void prometheus_head(struct buf *out, const char *name, const char *kind, const char *help) {
    const char *const parts[] = {"# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        buf_text(out, parts[i]);
    }
}

static void add_line(struct buf *out, const char *name, const char *labels, const char *value) {
    const char *const parts[] = {name, labels, " ", value, "\n"};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        buf_text(out, parts[i]);
    }
}

void prometheus_value(struct buf *out, const char *name, const char *labels, int64_t value) {
    char text[32];

    snprintf(text, sizeof text, "%" PRId64, value);
    add_line(out, name, labels, text);
}

void prometheus_seconds(struct buf *out, const char *name, const char *labels, int64_t us) {
    char text[40];

    snprintf(text, sizeof text, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
    add_line(out, name, labels, text);
}

void prometheus_single(struct buf *out, const char *name, const char *kind, const char *help,
                       int64_t value) {
    prometheus_head(out, name, kind, help);
    prometheus_value(out, name, "", value);
}
