/* Events, for other systems. */
#ifndef HUM_HANDLERS_EVENTS_H
#define HUM_HANDLERS_EVENTS_H

#include "http.h"

enum hum_status handle_events_list(struct request *request, struct reply *reply);

#endif
