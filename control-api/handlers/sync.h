/* /sync: what was missed in many rooms, in one answer. */
#ifndef HUM_HANDLERS_SYNC_H
#define HUM_HANDLERS_SYNC_H

#include "http.h"

enum hum_status handle_sync(struct request *request, struct reply *reply);

#endif
