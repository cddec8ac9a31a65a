/* Channels of servers, and who is in one. */
#ifndef HUM_HANDLERS_CHANNELS_H
#define HUM_HANDLERS_CHANNELS_H

#include "http.h"

enum hum_status handle_channel_create(struct request *request, struct reply *reply);
enum hum_status handle_channels_list(struct request *request, struct reply *reply);
enum hum_status handle_channel_delete(struct request *request, struct reply *reply);
enum hum_status handle_channel_join(struct request *request, struct reply *reply);
enum hum_status handle_channel_leave(struct request *request, struct reply *reply);
enum hum_status handle_channel_members(struct request *request, struct reply *reply);

#endif
