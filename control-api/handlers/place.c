#include "place.h"

#include <sodium.h>

#include "handlers/list.h"

enum {
    CURSOR_MAX = sodium_base64_ENCODED_LEN(PLACE_MAX, sodium_base64_VARIANT_URLSAFE_NO_PADDING)
};

void list_end_place(struct buf *out, const struct search_place *last) {
    char cursor[CURSOR_MAX];
    struct buf place;

    buf_init(&place, PLACE_MAX);
    buf_int(&place, last->rank);
    buf_text(&place, " ");
    buf_int(&place, last->id);
    buf_text(&place, " ");
    buf_add(&place, last->key.data, last->key.len);
    if (place.failed) {
        out->failed = true;
    } else {
        sodium_bin2base64(cursor, sizeof cursor, (const unsigned char *)place.data, place.len,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        list_end(out, str_of(cursor));
    }
    buf_free(&place);
}

/* Takes the word up to a space off the text, as a number; 0 is one, too. */
static bool take_number(struct str *text, int64_t *ret) {
    const char *space = text->len ? memchr(text->data, ' ', text->len) : NULL;

    if (!space) {
        return false;
    }
    struct str word = {text->data, (size_t)(space - text->data)};
    *text = (struct str){space + 1, text->len - word.len - 1};
    *ret = 0;
    return str_equal(word, str_of("0")) || str_id(word, ret);
}

void query_place(struct request *request, struct reply *reply, char *bytes,
                 struct search_place *ret) {
    struct str cursor = {NULL, 0};
    struct search_place place;
    size_t len;

    query_text(request, reply, "cursor", &cursor);
    if (!cursor.data) {
        return;
    }
    bool ok = sodium_base642bin((unsigned char *)bytes, PLACE_MAX, cursor.data, cursor.len, NULL,
                                &len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
    struct str text = {bytes, ok ? len : 0};
    if (!ok || !take_number(&text, &place.rank) || !take_number(&text, &place.id) ||
        place.rank > INT32_MAX || !str_utf8(text, NULL)) {
        reply_field(reply, "cursor", "is not one of this list");
        return;
    }
    place.key = text;
    *ret = place;
}
