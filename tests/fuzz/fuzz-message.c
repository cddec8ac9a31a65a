/* The payload of a Send, and the JSON form of a Message. The input's first bytes are the numbers of
 * a message, the rest is a payload, and its text, too. */
#include "fuzz.h"

#include <jansson.h>
#include <time.h>

#include "message.h"

static void check_text(const json_t *root, const char *name, struct str expected) {
    const json_t *value = json_object_get(root, name);

    CHECK(json_is_string(value) == (expected.data != NULL));
    if (expected.data) {
        CHECK(
            str_equal(expected, (struct str){json_string_value(value), json_string_length(value)}));
    }
}

static void check_id(const json_t *root, const char *name, int64_t id) {
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)id);
    check_text(root, name, id || strcmp(name, "from") != 0 ? str_of(text) : (struct str){NULL, 0});
}

static void check_number(const json_t *root, const char *name, int64_t number) {
    const json_t *value = json_object_get(root, name);

    CHECK(json_is_integer(value) == (number != 0));
    CHECK(json_integer_value(value) == number);
}

static void check_time(const json_t *root, const char *name, int64_t ms) {
    char text[64];
    time_t seconds = ms / 1000;
    struct tm utc;

    CHECK(gmtime_r(&seconds, &utc));
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, sizeof text - len, ".%03dZ", (int)(ms % 1000));
    check_text(root, name, ms ? str_of(text) : (struct str){NULL, 0});
}

static void check_message(const struct message *message) {
    struct buf json;

    buf_init(&json, MESSAGE_JSON_MAX);
    message_json(&json, message);
    CHECK(!json.failed);
    json_t *root = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
    CHECK(root);
    check_id(root, "room", message->room);
    check_id(root, "id", message->id);
    check_id(root, "from", message->from);
    CHECK(json_integer_value(json_object_get(root, "seq")) == message->seq);
    const char *kind = message_kind_name(message->kind);
    check_text(root, "kind", str_of(kind ? kind : "unknown"));
    check_text(root, "nonce", message->nonce);
    check_text(root, "text", message->text);
    bool is_text = message->kind == MESSAGE_TEXT;
    check_number(root, "reply_to", is_text ? message->ref : 0);
    check_number(root, "target", is_text ? 0 : message->ref);
    check_time(root, "sent_at", message->sent_at);
    check_time(root, "edited_at", message->edited_at);
    check_time(root, "deleted_at", message->deleted_at);
    json_decref(root);
    buf_free(&json);
}

/* Positive, of any length in digits. */
static int64_t take_id(struct input *input) {
    return (int64_t)(take_number(input, 8) >> (1 + take_byte(input) % 63));
}

static int64_t take_time(struct input *input) {
    return take_id(input) % 253402300800000; /* the year 10000 */
}

static struct message take_message(struct input *input) {
    struct message message = {
        .room = take_id(input),
        .seq = take_id(input),
        .id = take_id(input),
        .from = take_id(input),
        .ref = take_id(input),
        .sent_at = take_time(input),
        .edited_at = take_time(input),
        .deleted_at = take_time(input),
        .kind = take_byte(input) % 32,
    };

    return message;
}

static void check_send(struct str payload) {
    struct send_request request;
    const char *detail = NULL;
    enum hum_status status = send_parse(payload, &request, &detail);
    size_t chars;

    CHECK(request.nonce[0] == '\0' || str_nonce(str_of(request.nonce)));
    if (status != HUM_OK) {
        CHECK(status == HUM_INVALID_PAYLOAD || status == HUM_TOO_LARGE);
        CHECK(detail && !request.text.data);
        return;
    }
    const struct message message = {
        .room = 1,
        .seq = 1,
        .id = 1,
        .kind = MESSAGE_TEXT,
        .nonce = str_of(request.nonce),
        .text = request.text,
        .ref = request.reply_to,
    };
    CHECK(request.nonce[0] && request.reply_to >= 0);
    CHECK(str_utf8(message.text, &chars) && chars >= 1 && chars <= MESSAGE_TEXT_MAX);
    check_message(&message);
    send_free(&request);
}

/* With a member that nobody knows, jansson reads the payload: the plain form means the same to
 * both. */
static void check_both_ways(struct str payload) {
    static const char more[] = "{\"?\":0,";
    char other[MESSAGE_PAYLOAD_MAX];
    struct send_request plain, whole;
    const char *detail;

    if (payload.len < 1 || payload.data[0] != '{' || payload.len + sizeof more > sizeof other ||
        send_parse(payload, &plain, &detail) != HUM_OK) {
        return;
    }
    memcpy(other, more, sizeof more - 1);
    memcpy(other + sizeof more - 1, payload.data + 1, payload.len - 1);
    enum hum_status status =
        send_parse((struct str){other, payload.len + sizeof more - 2}, &whole, &detail);
    if (status == HUM_OK) {
        CHECK(strcmp(plain.nonce, whole.nonce) == 0 && plain.reply_to == whole.reply_to);
        CHECK(str_equal(plain.text, whole.text));
        send_free(&whole);
    } else {
        CHECK(plain.owned); /* not plain, and has that member itself */
    }
    send_free(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    bool as_text = take_byte(&input) & 1;
    struct message message = as_text ? take_message(&input) : (struct message){0};
    struct str rest = exact(input.data, input.left);
    if (!as_text) {
        check_send(rest);
        check_both_ways(rest);
    } else if (rest.len <= MESSAGE_PAYLOAD_MAX && str_utf8(rest, NULL)) {
        message.text = rest;
        check_message(&message);
    }
    exact_free(rest);
    return 0;
}
