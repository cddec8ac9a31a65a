#include "status.h"

#include <stddef.h>

struct entry {
    const char *code;
    const char *text;
    int http;
};

static const struct entry entries[] = {
#define X(name, code, http, text) {code, text, http},
    HUM_STATUS_MAP(X)
#undef X
};

static const struct entry *entry_of(enum hum_status status) {
    size_t i = (size_t)status;

    return &entries[i < sizeof entries / sizeof entries[0] ? i : HUM_INTERNAL];
}

const char *hum_status_code(enum hum_status status) { return entry_of(status)->code; }

const char *hum_status_text(enum hum_status status) { return entry_of(status)->text; }

int hum_status_http(enum hum_status status) { return entry_of(status)->http; }
