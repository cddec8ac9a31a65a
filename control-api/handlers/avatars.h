/* /users/me/avatar and /users/{id}/avatar: one's own picture, and everybody's for all to see. */
#ifndef HUM_HANDLERS_AVATARS_H
#define HUM_HANDLERS_AVATARS_H

#include "http.h"

enum hum_status handle_avatar_put(struct request *request, struct reply *reply);
enum hum_status handle_avatar_delete(struct request *request, struct reply *reply);
enum hum_status handle_avatar_get(struct request *request, struct reply *reply);

#endif
