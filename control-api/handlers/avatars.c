#include "avatars.h"

#include "api.h"
#include "avatar/decoder.h"
#include "domain/avatars.h"
#include "handlers/users.h"

/* Looked at before anything is decoded. */
static enum hum_status check_picture(const struct request *request, struct reply *reply) {
    const enum hum_status other_type = HUM_UNSUPPORTED_MEDIA_TYPE;
    struct picture picture;

    if (request->bytes.len == 0) {
        return reply_problem(reply, HUM_INVALID_REQUEST, "The body is empty; it must be a picture");
    }
    switch (picture_read(request->bytes, &picture)) {
    case PICTURE_GOOD:
        break;
    case PICTURE_UNKNOWN:
        return reply_problem(reply, other_type, "A picture must be PNG, JPEG or WebP");
    case PICTURE_TRAILING:
        return reply_problem(reply, other_type, "Something stands behind the end of the picture");
    case PICTURE_BROKEN:
        return reply_problem(reply, HUM_INVALID_REQUEST, "The picture is damaged or incomplete");
    case PICTURE_TOO_SMALL:
        return reply_problem(reply, HUM_INVALID_REQUEST,
                             "A side of the picture has fewer than 16 pixels");
    case PICTURE_TOO_BIG:
        return reply_problem(reply, HUM_INVALID_REQUEST,
                             "A side of the picture has more than 4096 pixels");
    }
    if (!picture_is_type(request->content_type, picture.format)) {
        return reply_problem(reply, other_type, "The Content-Type is not the picture's");
    }
    return HUM_OK;
}

static enum hum_status set_avatar(struct request *request, struct reply *reply,
                                  struct buf *avatar) {
    struct pg *pg;

    lease_return(&request->lease); /* making one takes longer than others would like to wait */
    enum hum_status status =
        studio_make(request->api->studio, request->caller.user, request->bytes, avatar);
    if (status == HUM_INVALID_REQUEST) {
        return reply_problem(reply, status, "The picture cannot be decoded");
    }
    if (status == HUM_RATE_LIMITED) {
        return reply_problem(reply, status, "A picture of yours is just being made");
    }
    HTTP_TRY(status);
    HTTP_TRY(request_pg(request, &pg));
    return avatars_set(pg, request->caller.user, (struct str){avatar->data, avatar->len});
}

enum hum_status handle_avatar_put(struct request *request, struct reply *reply) {
    struct buf avatar;

    HTTP_TRY(check_picture(request, reply));
    buf_init(&avatar, DECODER_OUTPUT_MAX);
    enum hum_status status = set_avatar(request, reply, &avatar);
    buf_free(&avatar);
    HTTP_TRY(status);
    return answer_user(request, reply, request->caller.user);
}

enum hum_status handle_avatar_delete(struct request *request, struct reply *reply) {
    struct pg *pg;

    (void)reply;
    HTTP_TRY(request_pg(request, &pg));
    return avatars_remove(pg, request->caller.user);
}

/* An address that names the picture (User's avatar_url does) stays true for ever. */
static const char *cache_for(struct str version, const char *hash) {
    enum { VERSION_MIN = 16 };

    if (version.len >= VERSION_MIN && version.len <= AVATAR_HEX &&
        memcmp(version.data, hash, version.len) == 0) {
        return "public, max-age=31536000, immutable";
    }
    return "public, max-age=300";
}

static enum hum_status answer_avatar(struct request *request, struct reply *reply,
                                     struct avatar *avatar) {
    struct str version = {0};
    struct pg *pg;

    query_text(request, reply, "v", &version);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(avatars_get(pg, request->id[0], avatar));
    snprintf(reply->etag, sizeof reply->etag, "\"%s\"", avatar->hash);
    reply->cache_control = cache_for(version, avatar->hash);
    if (request_knows(request, reply->etag)) {
        reply->http = 304;
        return HUM_OK;
    }
    reply->type = "image/webp";
    buf_add(&reply->body, avatar->bytes.data, avatar->bytes.len);
    return HUM_OK;
}

enum hum_status handle_avatar_get(struct request *request, struct reply *reply) {
    struct avatar avatar;

    buf_init(&avatar.bytes, DECODER_OUTPUT_MAX);
    enum hum_status status = answer_avatar(request, reply, &avatar);
    buf_free(&avatar.bytes);
    return status;
}
