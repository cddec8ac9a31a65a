/* /rooms: what one can read, and how far one has. */
#ifndef HUM_HANDLERS_ROOMS_H
#define HUM_HANDLERS_ROOMS_H

#include "http.h"
#include "store/rooms.h"

enum hum_status handle_rooms_list(struct request *request, struct reply *reply);
enum hum_status handle_room_get(struct request *request, struct reply *reply);
enum hum_status handle_room_read(struct request *request, struct reply *reply);
/* How far the caller has read in their inbox. */
enum hum_status handle_notifications_read(struct request *request, struct reply *reply);

/* Appends the Room as a JSON object. */
void render_room(struct buf *out, const struct room *room);

#endif
