#include "message.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>

const char *message_kind_name(int kind) {
    switch ((enum message_kind)kind) {
    case MESSAGE_TEXT:
        return "text";
    case MESSAGE_EDIT:
        return "edit";
    case MESSAGE_DELETE:
        return "delete";
    case MESSAGE_FRIEND_REQUEST_RECEIVED:
        return "friend_request_received";
    case MESSAGE_FRIEND_REQUEST_ACCEPTED:
        return "friend_request_accepted";
    case MESSAGE_FRIEND_REQUEST_DECLINED:
        return "friend_request_declined";
    case MESSAGE_FRIEND_REMOVED:
        return "friend_removed";
    case MESSAGE_DM_OPENED:
        return "dm_opened";
    case MESSAGE_SERVER_INVITE_RECEIVED:
        return "server_invite_received";
    case MESSAGE_SERVER_REMOVED:
        return "server_removed";
    case MESSAGE_CHANNEL_REMOVED:
        return "channel_removed";
    }
    return NULL;
}

const char *room_kind_name(int kind) {
    switch ((enum room_kind)kind) {
    case ROOM_DM:
        return "dm";
    case ROOM_SERVER:
        return "server";
    case ROOM_CHANNEL:
        return "channel";
    case ROOM_INBOX:
        return "inbox";
    }
    return NULL;
}

/* Ids are strings in JSON: past 2^53 a JavaScript number is not exact. */
static void add_id(struct buf *out, const char *name, int64_t id) {
    buf_text(out, name);
    buf_add(out, "\"", 1);
    buf_int(out, id);
    buf_add(out, "\"", 1);
}

static void add_time(struct buf *out, const char *name, int64_t ms) {
    if (ms) {
        buf_text(out, name);
        buf_json_time(out, ms);
    }
}

static void add_string(struct buf *out, const char *name, struct str text) {
    if (text.data) {
        buf_text(out, name);
        buf_json_string(out, text);
    }
}

void message_json(struct buf *out, const struct message *message) {
    const char *kind = message_kind_name(message->kind);

    add_id(out, "{\"room\":", message->room);
    buf_text(out, ",\"seq\":");
    buf_int(out, message->seq);
    add_id(out, ",\"id\":", message->id);
    buf_text(out, ",\"kind\":\"");
    buf_text(out, kind ? kind : "unknown");
    buf_add(out, "\"", 1);
    if (message->from) {
        add_id(out, ",\"from\":", message->from);
    }
    add_string(out, ",\"nonce\":", message->nonce);
    add_string(out, ",\"text\":", message->text);
    if (message->ref) {
        buf_text(out, message->kind == MESSAGE_TEXT ? ",\"reply_to\":" : ",\"target\":");
        buf_int(out, message->ref);
    }
    if (message->data.data) {
        buf_text(out, ",\"data\":");
        buf_add(out, message->data.data, message->data.len);
    }
    add_time(out, ",\"sent_at\":", message->sent_at);
    add_time(out, ",\"edited_at\":", message->edited_at);
    add_time(out, ",\"deleted_at\":", message->deleted_at);
    buf_add(out, "}", 1);
}

static struct str json_str(const json_t *value) {
    return (struct str){json_string_value(value), json_string_length(value)};
}

static bool take_nonce(const json_t *root, struct send_request *request) {
    const json_t *nonce = json_object_get(root, "nonce");

    if (!json_is_string(nonce) || !str_nonce(json_str(nonce))) {
        return false;
    }
    memcpy(request->nonce, json_string_value(nonce), json_string_length(nonce) + 1);
    return true;
}

static bool take_reply_to(const json_t *root, struct send_request *request) {
    const json_t *reply_to = json_object_get(root, "reply_to");

    if (!reply_to || json_is_null(reply_to)) {
        return true;
    }
    if (!json_is_integer(reply_to) || json_integer_value(reply_to) < 1) {
        return false;
    }
    request->reply_to = json_integer_value(reply_to);
    return true;
}

static bool take_text(const json_t *root, struct send_request *request) {
    const json_t *text = json_object_get(root, "text");
    size_t chars;

    if (!json_is_string(text) || !str_utf8(json_str(text), &chars) || chars < 1 ||
        chars > MESSAGE_TEXT_MAX) {
        return false;
    }
    request->owned = strdup(json_string_value(text));
    request->text = (struct str){request->owned, json_string_length(text)};
    return request->owned != NULL;
}

/* What is wrong with the members of a Send, or NULL. The nonce comes first: a refusal names it. */
static const char *take_members(const json_t *root, struct send_request *request) {
    if (!json_is_object(root)) {
        return "the payload must be a JSON object";
    }
    if (!take_nonce(root, request)) {
        return "nonce must be a string of 1 to 64 characters of A-Z a-z 0-9 _ . : -";
    }
    if (!take_reply_to(root, request)) {
        return "reply_to must be the number of a message";
    }
    if (!take_text(root, request)) {
        return "text must be a string of 1 to 4000 characters";
    }
    return NULL;
}

/* ---- The plain form ----
 *
 * What nearly every client sends: only these members, no escapes. It is read where it lies; jansson
 * would allocate a dozen times in the broker's hook. Whatever is not plain is jansson's to judge.
 */

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static void skip_space(struct str *in) {
    while (in->len > 0 && is_space(*in->data)) {
        in->data++;
        in->len--;
    }
}

static bool skip(struct str *in, char wanted) {
    skip_space(in);
    if (in->len == 0 || *in->data != wanted) {
        return false;
    }
    in->data++;
    in->len--;
    return true;
}

static bool plain_string(struct str *in, struct str *ret) {
    size_t len = 0;

    if (!skip(in, '"')) {
        return false;
    }
    while (len < in->len && in->data[len] != '"') {
        if ((unsigned char)in->data[len] < ' ' || in->data[len] == '\\') {
            return false;
        }
        len++;
    }
    *ret = (struct str){in->data, len};
    in->data += len;
    in->len -= len;
    return skip(in, '"');
}

static bool plain_number(struct str *in, int64_t *ret) {
    size_t len = 0;

    skip_space(in);
    while (len < in->len && in->data[len] >= '0' && in->data[len] <= '9') {
        len++;
    }
    struct str digits = {in->data, len};
    in->data += len;
    in->len -= len;
    return str_id(digits, ret);
}

static bool plain_nonce(struct str *in, struct send_request *request) {
    struct str nonce;

    if (request->nonce[0] || !plain_string(in, &nonce) || !str_nonce(nonce)) {
        return false;
    }
    memcpy(request->nonce, nonce.data, nonce.len); /* it is zero behind */
    return true;
}

static bool plain_text(struct str *in, struct send_request *request) {
    size_t chars;

    return !request->text.data && plain_string(in, &request->text) &&
           str_utf8(request->text, &chars) && chars >= 1 && chars <= MESSAGE_TEXT_MAX;
}

static bool plain_member(struct str *in, struct send_request *request) {
    struct str name;

    if (!plain_string(in, &name) || !skip(in, ':')) {
        return false;
    }
    if (str_equal(name, str_of("nonce"))) {
        return plain_nonce(in, request);
    }
    if (str_equal(name, str_of("text"))) {
        return plain_text(in, request);
    }
    return str_equal(name, str_of("reply_to")) && request->reply_to == 0 &&
           plain_number(in, &request->reply_to);
}

static bool plain_send(struct str in, struct send_request *request) {
    bool good = skip(&in, '{') && plain_member(&in, request);

    while (good && !skip(&in, '}')) {
        good = skip(&in, ',') && plain_member(&in, request);
    }
    skip_space(&in);
    return good && in.len == 0 && request->nonce[0] && request->text.data;
}

enum hum_status send_parse(struct str payload, struct send_request *ret_request,
                           const char **ret_detail) {
    *ret_request = (struct send_request){0};
    if (payload.len > MESSAGE_PAYLOAD_MAX) {
        *ret_detail = "the payload may have 16384 bytes";
        return HUM_TOO_LARGE;
    }
    if (plain_send(payload, ret_request)) {
        return HUM_OK;
    }
    *ret_request = (struct send_request){0};
    json_t *root =
        json_loadb(payload.data ? payload.data : "", payload.len, JSON_REJECT_DUPLICATES, NULL);
    if (!root) {
        *ret_detail = "the payload is not JSON (UTF-8, each member once)";
        return HUM_INVALID_PAYLOAD;
    }
    *ret_detail = take_members(root, ret_request);
    json_decref(root);
    return *ret_detail ? HUM_INVALID_PAYLOAD : HUM_OK;
}

void send_free(struct send_request *request) {
    free(request->owned);
    request->owned = NULL;
    request->text = (struct str){NULL, 0};
}

void message_dedup_key(int64_t sender, struct str nonce, unsigned char ret_key[MESSAGE_KEY_LEN]) {
    unsigned char input[8 + MESSAGE_NONCE_MAX];
    unsigned char hash[crypto_hash_sha256_BYTES];
    size_t len = nonce.len <= MESSAGE_NONCE_MAX ? nonce.len : MESSAGE_NONCE_MAX;

    for (int i = 0; i < 8; i++) {
        input[i] = (unsigned char)((uint64_t)sender >> (56 - 8 * i));
    }
    memcpy(input + 8, nonce.data, len);
    crypto_hash_sha256(hash, input, 8 + len);
    memcpy(ret_key, hash, MESSAGE_KEY_LEN);
}
