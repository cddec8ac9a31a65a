#include "stream.h"

#include <stdlib.h>

struct stream {
    struct stream_source source;
    struct buf piece;
    size_t at; /* what of the piece has been read */
    bool ended;
    bool broken;
};

static void end(struct stream *stream) {
    if (!stream->ended) {
        stream->ended = true;
        stream->source.end(stream->source.arg);
    }
}

/* The source has ended before its last piece is read: whoever has read all of it finds that the
 * server is done with it, too. */
static enum hum_status make_piece(struct stream *stream) {
    bool last = false;

    buf_reset(&stream->piece);
    stream->at = 0;
    enum hum_status status = stream->source.next(stream->source.arg, &stream->piece, &last);
    if (status == HUM_OK && stream->piece.failed) {
        status = HUM_INTERNAL;
    }
    if (status != HUM_OK) {
        stream->broken = true;
    }
    if (status != HUM_OK || last) {
        end(stream);
    }
    return status;
}

enum hum_status stream_open(const struct stream_source *source, size_t piece_max,
                            struct stream **ret_stream) {
    struct stream *stream = calloc(1, sizeof *stream);

    if (!stream) {
        source->end(source->arg);
        return HUM_INTERNAL;
    }
    stream->source = *source;
    buf_init(&stream->piece, piece_max);
    enum hum_status status = make_piece(stream);
    if (status != HUM_OK) {
        stream_free(stream);
        return status;
    }
    *ret_stream = stream;
    return HUM_OK;
}

ssize_t stream_read(struct stream *stream, char *out, size_t size) {
    while (stream->at == stream->piece.len && !stream->ended && make_piece(stream) == HUM_OK) {
    }
    if (stream->broken) {
        return -1;
    }
    size_t left = stream->piece.len - stream->at;
    size_t count = left < size ? left : size;
    if (count > 0) {
        memcpy(out, stream->piece.data + stream->at, count);
        stream->at += count;
    }
    return (ssize_t)count;
}

void stream_cut(struct stream *stream) {
    end(stream);
    buf_reset(&stream->piece);
    stream->at = 0;
}

void stream_free(struct stream *stream) {
    if (stream) {
        end(stream);
        buf_free(&stream->piece);
        free(stream);
    }
}
