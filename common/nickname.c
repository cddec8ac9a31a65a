#include "nickname.h"

#include <stdlib.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

/* Room for a form while it is being made. A letter may be typed as a base and several marks, and
 * become one character only in NFC. */
enum { POINTS_MAX = 4 * NICKNAME_MAX };

struct points {
    uint32_t at[POINTS_MAX];
    size_t count;
};

static const char bad_length[] = "must have 2 to 32 characters";
static const char bad_utf8[] = "must be UTF-8 without a NUL";
static const char bad_character[] =
    "may not hold spaces, control or invisible characters, nor symbols outside of ASCII";
static const char bad_direction[] = "mixes directions of writing (RFC 5893, section 2)";

/* libunistring writes into the buffer it is given, or, should that be too small, returns one of its
 * own. False: too long, or no memory. */
static bool keep(struct points *out, uint32_t *made, size_t count) {
    bool ok = made && count <= POINTS_MAX;

    if (ok && made != out->at) {
        memcpy(out->at, made, count * sizeof *made);
    }
    if (made != out->at) {
        free(made);
    }
    out->count = ok ? count : 0;
    return ok;
}

static bool to_nfc(struct points *points) {
    struct points out;
    size_t count = POINTS_MAX;
    uint32_t *made = u32_normalize(UNINORM_NFC, points->at, points->count, out.at, &count);

    if (!keep(&out, made, count)) {
        return false;
    }
    *points = out;
    return true;
}

/* in: well-formed UTF-8. */
static bool decode(struct str in, struct points *out) {
    size_t count = POINTS_MAX;
    uint32_t *made = u8_to_u32((const uint8_t *)in.data, in.len, out->at, &count);

    return keep(out, made, count) && to_nfc(out);
}

static bool encode(const struct points *in, struct nickname *out) {
    uint8_t *text = (uint8_t *)out->text;
    size_t len = NICKNAME_BYTES;
    uint8_t *made = u32_to_u8(in->at, in->count, text, &len);

    if (made != text) {
        free(made);
        return false;
    }
    out->text[len] = '\0';
    out->len = len;
    return true;
}

static bool in_range(uint32_t point, uint32_t first, uint32_t last) {
    return point >= first && point <= last;
}

/* RFC 8265, 3.3.2: fullwidth and halfwidth forms become the characters they stand for. */
static uint32_t map_width(uint32_t point) {
    ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
    int tag = UC_DECOMP_CANONICAL;
    int count = uc_decomposition(point, &tag, parts);
    bool mapped = count == 1 && (tag == UC_DECOMP_WIDE || tag == UC_DECOMP_NARROW);

    return mapped ? parts[0] : point;
}

static void widen(const struct points *in, struct points *out) {
    out->count = in->count;
    for (size_t i = 0; i < in->count; i++) {
        out->at[i] = map_width(in->at[i]);
    }
}

/* Lower case, then NFC: the key's form. */
static bool lower(const struct points *wide, struct points *out) {
    size_t count = POINTS_MAX;
    uint32_t *made = u32_tolower(wide->at, wide->count, NULL, NULL, out->at, &count);

    if (!keep(out, made, count)) {
        return false;
    }
    for (size_t i = 0; i < out->count; i++) {
        if (out->at[i] == 0x03C2) { /* final sigma */
            out->at[i] = 0x03C3;
        }
    }
    return to_nfc(out);
}

/* RFC 5892, 2.6: letters and digits by category that are none, and the other way round. */
static bool is_excepted(uint32_t point, bool *ret_allowed) {
    static const uint32_t allowed[] = {0x00DF, 0x03C2, 0x06FD, 0x06FE, 0x0F0B, 0x3007,
                                       0x00B7, 0x0375, 0x05F3, 0x05F4, 0x30FB};
    static const uint32_t refused[] = {0x0640, 0x07FA, 0x302E, 0x302F, 0x3031,
                                       0x3032, 0x3033, 0x3034, 0x3035, 0x303B};

    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (point == allowed[i]) {
            *ret_allowed = true; /* some of them depend on what is around: see fits_context */
            return true;
        }
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (point == refused[i]) {
            *ret_allowed = false;
            return true;
        }
    }
    return false;
}

static bool is_old_hangul(uint32_t point) {
    return in_range(point, 0x1100, 0x11FF) || in_range(point, 0xA960, 0xA97C) ||
           in_range(point, 0xD7B0, 0xD7FB);
}

static bool has_compat(uint32_t point) {
    uint32_t out[UC_DECOMPOSITION_MAX_LENGTH];
    size_t count = UC_DECOMPOSITION_MAX_LENGTH;
    uint32_t *made = u32_normalize(UNINORM_NFKC, &point, 1, out, &count);
    bool same = made && count == 1 && made[0] == point;

    if (made != out) {
        free(made);
    }
    return !same;
}

/* The IdentifierClass of RFC 8264, in the order of its section 8, without the joiners. */
static bool is_identifier(uint32_t point) {
    bool allowed;

    if (is_excepted(point, &allowed)) {
        return allowed;
    }
    if (point < 0x80) {
        return in_range(point, 0x21, 0x7E);
    }
    if (is_old_hangul(point) || uc_is_property_default_ignorable_code_point(point) ||
        uc_is_property_not_a_character(point) || has_compat(point)) {
        return false;
    }
    return uc_is_general_category_withtable(point, UC_CATEGORY_MASK_Ll | UC_CATEGORY_MASK_Lu |
                                                       UC_CATEGORY_MASK_Lo | UC_CATEGORY_MASK_Nd |
                                                       UC_CATEGORY_MASK_Lm | UC_CATEGORY_MASK_Mn |
                                                       UC_CATEGORY_MASK_Mc);
}

/* Every character by itself, and no mark in front. */
static bool is_made_of_identifiers(const struct points *points) {
    for (size_t i = 0; i < points->count; i++) {
        if (!is_identifier(points->at[i])) {
            return false;
        }
    }
    return !uc_is_general_category_withtable(points->at[0], UC_CATEGORY_MASK_M);
}

static bool has_script(uint32_t point, const char *name) {
    const uc_script_t *script = uc_script(point);

    return script && strcmp(script->name, name) == 0;
}

static bool has_between(const struct points *points, uint32_t first, uint32_t last) {
    for (size_t i = 0; i < points->count; i++) {
        if (in_range(points->at[i], first, last)) {
            return true;
        }
    }
    return false;
}

static bool has_japanese(const struct points *points) {
    for (size_t i = 0; i < points->count; i++) {
        if (has_script(points->at[i], "Hiragana") || has_script(points->at[i], "Katakana") ||
            has_script(points->at[i], "Han")) {
            return true;
        }
    }
    return false;
}

/* RFC 5892, appendix A.3 to A.9, of one character of a key. */
static bool fits_context(const struct points *key, size_t i) {
    uint32_t before = i > 0 ? key->at[i - 1] : 0;
    uint32_t after = i + 1 < key->count ? key->at[i + 1] : 0;

    switch (key->at[i]) {
    case 0x00B7: /* middle dot, of Catalan */
        return before == 'l' && after == 'l';
    case 0x0375: /* Greek lower numeral sign */
        return after && has_script(after, "Greek");
    case 0x05F3: /* Hebrew geresh and gershayim */
    case 0x05F4:
        return before && has_script(before, "Hebrew");
    case 0x30FB: /* Katakana middle dot */
        return has_japanese(key);
    default:
        return true;
    }
}

static bool is_in_context(const struct points *key) {
    for (size_t i = 0; i < key->count; i++) {
        if (!fits_context(key, i)) {
            return false;
        }
    }
    /* Arabic-Indic digits and extended ones look alike. */
    return !(has_between(key, 0x0660, 0x0669) && has_between(key, 0x06F0, 0x06F9));
}

static bool is_one_of(int class, const int *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (class == list[i]) {
            return true;
        }
    }
    return false;
}

#define ONE_OF(class, ...)                                                                         \
    is_one_of(class, (const int[]){__VA_ARGS__}, sizeof(int[]){__VA_ARGS__} / sizeof(int))

static bool has_class(const struct points *key, int class) {
    for (size_t i = 0; i < key->count; i++) {
        if (uc_bidi_class(key->at[i]) == class) {
            return true;
        }
    }
    return false;
}

/* The class of the last character that is no mark. */
static int last_class(const struct points *key) {
    size_t i = key->count;

    while (i > 1 && uc_bidi_class(key->at[i - 1]) == UC_BIDI_NSM) {
        i--;
    }
    return uc_bidi_class(key->at[i - 1]);
}

/* The Bidi Rule of RFC 5893, section 2, by its numbers. It applies to what holds a character that
 * is written from right to left. */
static bool fits_bidi_rule(const struct points *key) {
    if (!has_class(key, UC_BIDI_R) && !has_class(key, UC_BIDI_AL) && !has_class(key, UC_BIDI_AN)) {
        return true;
    }
    int first = uc_bidi_class(key->at[0]);
    if (first != UC_BIDI_R && first != UC_BIDI_AL) {
        return false; /* 1; and 5: a name that begins from left to right holds none of them */
    }
    for (size_t i = 0; i < key->count; i++) {
        if (!ONE_OF(uc_bidi_class(key->at[i]), UC_BIDI_R, UC_BIDI_AL, UC_BIDI_AN, UC_BIDI_EN,
                    UC_BIDI_ES, UC_BIDI_CS, UC_BIDI_ET, UC_BIDI_ON, UC_BIDI_BN, UC_BIDI_NSM)) {
            return false; /* 2 */
        }
    }
    if (has_class(key, UC_BIDI_EN) && has_class(key, UC_BIDI_AN)) {
        return false; /* 4 */
    }
    return ONE_OF(last_class(key), UC_BIDI_R, UC_BIDI_AL, UC_BIDI_EN, UC_BIDI_AN); /* 3 */
}

static bool fits_length(const struct points *points) {
    return points->count >= NICKNAME_MIN && points->count <= NICKNAME_MAX;
}

/* What is wrong, or NULL. */
static const char *make_forms(struct str in, struct points *display, struct points *key) {
    struct points wide;
    size_t chars;

    if (!str_utf8(in, &chars)) {
        return bad_utf8;
    }
    if (chars < NICKNAME_MIN || chars > POINTS_MAX || !decode(in, display) ||
        !fits_length(display)) {
        return bad_length;
    }
    widen(display, &wide);
    if (!is_made_of_identifiers(&wide)) {
        return bad_character;
    }
    if (!lower(&wide, key) || !fits_length(key)) {
        return bad_length;
    }
    if (!is_in_context(key)) {
        return bad_character;
    }
    return fits_bidi_rule(key) ? NULL : bad_direction;
}

enum hum_status nickname_prepare(struct str in, struct nickname *ret_display,
                                 struct nickname *ret_key, const char **ret_why) {
    struct points display, key;
    struct nickname display_form, key_form;
    const char *why = make_forms(in, &display, &key);

    if (!why && (!encode(&display, &display_form) || !encode(&key, &key_form))) {
        why = bad_length;
    }
    if (why) {
        if (ret_why) {
            *ret_why = why;
        }
        return HUM_INVALID_REQUEST;
    }
    *ret_display = display_form;
    *ret_key = key_form;
    return HUM_OK;
}

enum hum_status nickname_prefix(struct str in, struct nickname *ret_key) {
    struct points typed, wide, key;
    struct nickname form;
    size_t chars;

    if (!str_utf8(in, &chars) || chars == 0) {
        return HUM_INVALID_REQUEST;
    }
    if (chars > POINTS_MAX || !decode(in, &typed)) {
        return HUM_NOT_FOUND;
    }
    widen(&typed, &wide);
    if (!is_made_of_identifiers(&wide) || !lower(&wide, &key) || key.count > NICKNAME_MAX ||
        !encode(&key, &form)) {
        return HUM_NOT_FOUND;
    }
    *ret_key = form;
    return HUM_OK;
}
