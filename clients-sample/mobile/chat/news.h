/* What is new: how far each room has been told, so that each message is told once and in order,
 * however events come. */
#ifndef HUM_CHAT_NEWS_H
#define HUM_CHAT_NEWS_H

#include <stdbool.h>
#include <stdint.h>

struct chat;

struct news {
    struct told {
        int64_t room, seq; /* up to here all was told */
    } * rooms;
    int count, cap;
    bool settled; /* the rooms are known: one that comes from now on is new */
};

/* What is in the store at the start is not new. */
void news_begin(struct chat *chat);
void news_free(struct news *news);

/* HUM_EVENT_MESSAGE: tells what there is beyond what was told, or, up to there, what has changed.
 * room 0: all; seq 0: whatever it is. */
void news_message(struct chat *chat, int64_t room, int64_t seq);
/* The line is up: all is there that will come, so holes stay. */
void news_settled(struct chat *chat);
/* The open room was shown up to seq. */
void news_shown(struct chat *chat, int64_t room, int64_t seq);

#endif
