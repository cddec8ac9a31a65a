/* Notifications of PostgreSQL: what is understood says exactly what was written. */
#include "fuzz.h"

#include "notice.h"

static int written(char *out, size_t size, const struct notice *notice) {
    const struct access_right *right = &notice->right;
    long long user = notice->user, other = notice->other;
    long long room = right->room, seq = right->last_seq;

    switch (notice->kind) {
    case NOTICE_USER:
        return snprintf(out, size, "user %lld", user);
    case NOTICE_SESSION:
        return snprintf(out, size, "session %lld %lld", user, other);
    case NOTICE_ACCESS:
        return snprintf(out, size, "access %lld %lld %s %d %lld %lld", user, room,
                        room_kind_name(right->kind), right->rights, seq, (long long)right->server);
    case NOTICE_GONE:
        return snprintf(out, size, "gone %lld", room);
    case NOTICE_FRIEND:
        return snprintf(out, size, "friend %lld %lld %d", user, other, notice->friends);
    case NOTICE_ROOM:
        return snprintf(out, size, "room %lld %lld", room, seq);
    case NOTICE_READ:
        return snprintf(out, size, "read %lld %lld %lld", user, room, seq);
    }
    return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = exact(data, size);
    struct notice notice;

    if (notice_parse(text, &notice)) {
        char out[200];
        int len = written(out, sizeof out, &notice);

        CHECK(len > 0 && str_equal(text, (struct str){out, (size_t)len}));
        CHECK(notice.kind == NOTICE_ROOM || notice.kind == NOTICE_GONE || notice.user > 0);
        CHECK(notice.right.rights <= (ACCESS_READ | ACCESS_SEND));
    }
    exact_free(text);
    return 0;
}
