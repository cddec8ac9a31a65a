#include "list.h"

void list_begin(struct buf *out) { buf_text(out, "{\"items\":["); }

void list_item(struct buf *out, size_t i) {
    if (i > 0) {
        buf_text(out, ",");
    }
}

void list_end(struct buf *out, struct str next) {
    buf_text(out, "],\"next\":");
    if (next.data) {
        buf_json_string(out, next);
    } else {
        buf_text(out, "null");
    }
    buf_text(out, "}");
}

void list_end_id(struct buf *out, int64_t next) {
    buf_text(out, next ? "],\"next\":\"" : "],\"next\":null");
    if (next) {
        buf_int(out, next);
        buf_text(out, "\"");
    }
    buf_text(out, "}");
}
