/* /rooms/{id}/messages: a room's log, page by page, what is added to it, and what is changed in it;
 * /notifications. */
#ifndef HUM_HANDLERS_MESSAGES_H
#define HUM_HANDLERS_MESSAGES_H

#include "http.h"

enum hum_status handle_messages_list(struct request *request, struct reply *reply);
enum hum_status handle_message_send(struct request *request, struct reply *reply);
enum hum_status handle_message_edit(struct request *request, struct reply *reply);
enum hum_status handle_message_delete(struct request *request, struct reply *reply);
/* The log of the caller's inbox. */
enum hum_status handle_notifications_list(struct request *request, struct reply *reply);

#endif
