/* /rooms/{id}/messages: a room's log, page by page, and what is added to it. */
#ifndef HUM_HANDLERS_MESSAGES_H
#define HUM_HANDLERS_MESSAGES_H

#include "http.h"

enum hum_status handle_messages_list(struct request *request, struct reply *reply);
enum hum_status handle_message_send(struct request *request, struct reply *reply);

#endif
