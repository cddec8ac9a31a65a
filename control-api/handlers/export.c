#include "export.h"

#include <stdlib.h>
#include <time.h>

#include "api.h"
#include "domain/export.h"
#include "handlers/users.h"
#include "store/messages.h"

enum { MEMBERS_MAX = 8, PIECE_MAX = (EXPORT_PAGE + 1) * MESSAGE_JSON_MAX };

/* What a section's columns are, from the second on. */
struct section {
    const char *name;
    struct {
        const char *name;
        enum { AS_ID, AS_INT, AS_TEXT, AS_TIME, AS_BOOL } type;
    } members[MEMBERS_MAX];
};

static const struct section sections[EXPORT_SECTIONS] = {
    [EXPORT_PROFILE] = {"profile", {{0}}},
    [EXPORT_SESSIONS] = {"sessions",
                         {{"id", AS_ID},
                          {"device_name", AS_TEXT},
                          {"device_kind", AS_TEXT},
                          {"created_at", AS_TIME},
                          {"last_seen_at", AS_TIME},
                          {"expires_at", AS_TIME},
                          {"revoked_at", AS_TIME}}},
    [EXPORT_IDENTITIES] = {"identities",
                           {{"id", AS_ID},
                            {"provider", AS_TEXT},
                            {"issuer", AS_TEXT},
                            {"subject", AS_TEXT},
                            {"email", AS_TEXT},
                            {"created_at", AS_TIME},
                            {"last_used_at", AS_TIME}}},
    [EXPORT_FRIENDS] = {"friends", {{"user_id", AS_ID}, {"nickname", AS_TEXT}, {"since", AS_TIME}}},
    [EXPORT_REQUESTS] = {"friend_requests",
                         {{"from", AS_ID}, {"to", AS_ID}, {"created_at", AS_TIME}}},
    [EXPORT_BLOCKS] = {"blocks", {{"user_id", AS_ID}, {"nickname", AS_TEXT}, {"since", AS_TIME}}},
    [EXPORT_DMS] =
        {"dms",
         {{"id", AS_ID}, {"user_id", AS_ID}, {"nickname", AS_TEXT}, {"created_at", AS_TIME}}},
    [EXPORT_SERVERS] = {"servers",
                        {{"id", AS_ID},
                         {"name", AS_TEXT},
                         {"about", AS_TEXT},
                         {"public", AS_BOOL},
                         {"owner", AS_BOOL},
                         {"created_at", AS_TIME},
                         {"joined_at", AS_TIME}}},
    [EXPORT_BANS] = {"bans", {{"server_id", AS_ID}, {"since", AS_TIME}}},
    [EXPORT_INVITES] = {"invites",
                        {{"id", AS_ID},
                         {"server_id", AS_ID},
                         {"from", AS_ID},
                         {"to", AS_ID},
                         {"created_at", AS_TIME}}},
    [EXPORT_CODES] =
        {"invite_codes",
         {{"server_id", AS_ID}, {"max_uses", AS_INT}, {"uses", AS_INT}, {"expires_at", AS_TIME}}},
    [EXPORT_CHANNELS] =
        {"channels",
         {{"id", AS_ID}, {"server_id", AS_ID}, {"name", AS_TEXT}, {"joined_at", AS_TIME}}},
    [EXPORT_VISITS] = {"channel_visits", {{"channel_id", AS_ID}, {"since", AS_TIME}}},
    [EXPORT_READ_MARKS] = {"read_marks", {{"room", AS_ID}, {"seq", AS_INT}}},
    [EXPORT_SET_ASIDE] = {"unstored_messages",
                          {{"id", AS_ID},
                           {"room", AS_ID},
                           {"nonce", AS_TEXT},
                           {"body_base64", AS_TEXT},
                           {"reason", AS_TEXT},
                           {"at", AS_TIME}}},
    [EXPORT_NOTIFICATIONS] = {"notifications", {{0}}},
    [EXPORT_MESSAGES] = {"messages", {{0}}},
};

struct writer {
    const struct api *api;
    struct export *export;
    const struct section *section; /* the one that is open; NULL before the first */
    bool first;                    /* nothing of it has been written */
};

static void write_value(struct buf *out, const struct pg_result *rows, size_t row, int column,
                        int type) {
    int64_t number = type == AS_TEXT ? 0 : pg_get_int(rows, row, column);

    if (pg_is_null(rows, row, column)) {
        buf_text(out, "null");
        return;
    }
    switch (type) {
    case AS_ID:
        buf_json_id(out, number);
        return;
    case AS_INT:
        buf_int(out, number);
        return;
    case AS_TIME:
        buf_json_time(out, number);
        return;
    case AS_BOOL:
        buf_text(out, number ? "true" : "false");
        return;
    default:
        buf_json_string(out, pg_get_text(rows, row, column));
    }
}

static void write_members(struct buf *out, const struct section *section,
                          const struct pg_result *rows, size_t row) {
    for (int i = 0; i < MEMBERS_MAX && section->members[i].name; i++) {
        buf_text(out, i ? ",\"" : "{\"");
        buf_text(out, section->members[i].name);
        buf_text(out, "\":");
        write_value(out, rows, row, i + 1, section->members[i].type);
    }
    buf_text(out, "}");
}

static void write_row(struct buf *out, const struct api *api, const struct export_piece *piece,
                      size_t row) {
    switch (piece->section) {
    case EXPORT_PROFILE: {
        struct user user = store_user_at(piece->rows, row);

        render_user(out, api, &user, true);
        return;
    }
    case EXPORT_NOTIFICATIONS:
    case EXPORT_MESSAGES: {
        struct message message = store_message_at(piece->rows, row);

        message_json(out, &message);
        return;
    }
    default:
        write_members(out, &sections[piece->section], piece->rows, row);
    }
}

static void open_section(struct writer *writer, struct buf *out, const struct section *section) {
    bool list = section != &sections[EXPORT_PROFILE];

    if (writer->section) {
        buf_text(out, ",\n\"");
    } else {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        buf_text(out, "{\"exported_at\":");
        buf_json_time(out, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
        buf_text(out, ",\n\"");
    }
    buf_text(out, section->name);
    buf_text(out, list ? "\":[" : "\":");
    writer->section = section;
    writer->first = true;
}

/* A piece without rows leaves a space: a connection on which nothing moves would be closed. */
static void write_piece(struct writer *writer, struct buf *out, const struct export_piece *piece) {
    const struct section *section = &sections[piece->section];
    size_t count = piece->rows ? pg_rows(piece->rows) : 0;

    if (writer->section != section) {
        open_section(writer, out, section);
    }
    for (size_t row = 0; row < count; row++) {
        buf_text(out, writer->first ? "\n" : ",\n");
        write_row(out, writer->api, piece, row);
        writer->first = false;
    }
    if (piece->last && piece->section != EXPORT_PROFILE) {
        buf_text(out, "]");
    } else if (count == 0) {
        buf_text(out, " ");
    }
}

static enum hum_status next(void *arg, struct buf *out, bool *ret_end) {
    struct writer *writer = arg;
    struct export_piece piece;

    HTTP_TRY(export_next(writer->export, &piece));
    write_piece(writer, out, &piece);
    pg_result_free(piece.rows);
    *ret_end = piece.last && piece.section == EXPORT_SECTIONS - 1;
    if (*ret_end) {
        buf_text(out, "}\n");
    }
    return HUM_OK;
}

static void end(void *arg) {
    struct writer *writer = arg;

    export_end(writer->export);
    free(writer);
}

enum hum_status handle_me_export(struct request *request, struct reply *reply) {
    struct writer *writer = calloc(1, sizeof *writer);
    const struct stream_source source = {next, end, writer};

    if (!writer) {
        return HUM_INTERNAL;
    }
    writer->api = request->api;
    enum hum_status status = export_begin(request->api->exports, request->caller.user,
                                          request->caller.session, &writer->export);
    if (status != HUM_OK) {
        free(writer);
        return status == HUM_RATE_LIMITED
                   ? reply_problem(reply, status, "An export of yours is under way")
                   : status;
    }
    lease_return(&request->lease); /* it takes one for each piece */
    return stream_open(&source, PIECE_MAX, &reply->stream);
}
