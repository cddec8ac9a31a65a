#include "buf.h"

#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *buf, size_t max) { *buf = (struct buf){.max = max}; }

void buf_free(struct buf *buf) {
    free(buf->data);
    buf_init(buf, buf->max);
}

void buf_reset(struct buf *buf) {
    buf->len = 0;
    buf->failed = false;
}

/* Room for len more bytes, or NULL and a failed buffer. */
static char *reserve(struct buf *buf, size_t len) {
    if (buf->failed || len > buf->max - buf->len) {
        buf->failed = true;
        return NULL;
    }
    if (len > buf->cap - buf->len) {
        size_t cap = buf->cap ? buf->cap : 256;

        while (cap < buf->len + len) {
            cap *= 2;
        }
        if (cap > buf->max) {
            cap = buf->max;
        }
        char *data = realloc(buf->data, cap);
        if (!data) {
            buf->failed = true;
            return NULL;
        }
        buf->data = data;
        buf->cap = cap;
    }
    return buf->data + buf->len;
}

void buf_add(struct buf *buf, const void *bytes, size_t len) {
    if (len == 0) {
        return;
    }
    char *at = reserve(buf, len);

    if (at) {
        memcpy(at, bytes, len);
        buf->len += len;
    }
}

void buf_text(struct buf *buf, const char *text) { buf_add(buf, text, strlen(text)); }

void buf_int(struct buf *buf, int64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0) {
        digits[--at] = '-';
    }
    buf_add(buf, digits + at, sizeof digits - at);
}

void buf_be16(struct buf *buf, uint16_t value) {
    const unsigned char bytes[2] = {(unsigned char)(value >> 8), (unsigned char)value};

    buf_add(buf, bytes, sizeof bytes);
}

void buf_be32(struct buf *buf, uint32_t value) {
    buf_be16(buf, (uint16_t)(value >> 16));
    buf_be16(buf, (uint16_t)value);
}

void buf_be64(struct buf *buf, uint64_t value) {
    buf_be32(buf, (uint32_t)(value >> 32));
    buf_be32(buf, (uint32_t)value);
}

static void add_escaped(struct buf *buf, unsigned char c) {
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

    switch (c) {
    case '"':
    case '\\':
        escape[1] = (char)c;
        break;
    case '\n':
        escape[1] = 'n';
        break;
    case '\r':
        escape[1] = 'r';
        break;
    case '\t':
        escape[1] = 't';
        break;
    default:
        buf_add(buf, escape, 6);
        return;
    }
    buf_add(buf, escape, 2);
}

void buf_json_string(struct buf *buf, struct str text) {
    size_t plain = 0; /* start of the run that needs no escape */

    buf_add(buf, "\"", 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
            buf_add(buf, text.data + plain, i - plain);
            add_escaped(buf, c);
            plain = i + 1;
        }
    }
    buf_add(buf, text.data + plain, text.len - plain);
    buf_add(buf, "\"", 1);
}

/* Days since 1970 to year, month, day: Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms", civil_from_days. gmtime_r takes a lock and reads the time zone. */
static void civil(int64_t days, int *year, int *month, int *day) {
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;

    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

static void digits(char *at, int value, int count) {
    for (int i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void buf_json_time(struct buf *buf, int64_t ms) {
    char text[] = "\"0000-00-00T00:00:00.000Z\"";
    int year, month, day;

    if (ms < 0 || ms > 253402300799999) {
        buf->failed = true;
        return;
    }
    civil(ms / 86400000, &year, &month, &day);
    int of_day = (int)(ms % 86400000);
    digits(text + 1, year, 4);
    digits(text + 6, month, 2);
    digits(text + 9, day, 2);
    digits(text + 12, of_day / 3600000, 2);
    digits(text + 15, of_day / 60000 % 60, 2);
    digits(text + 18, of_day / 1000 % 60, 2);
    digits(text + 21, of_day % 1000, 3);
    buf_add(buf, text, sizeof text - 1);
}
