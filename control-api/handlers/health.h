/* Probes: whether the process runs, and whether it can serve. */
#ifndef HUM_HANDLERS_HEALTH_H
#define HUM_HANDLERS_HEALTH_H

#include "http.h"

enum hum_status handle_health_live(struct request *request, struct reply *reply);
enum hum_status handle_health_ready(struct request *request, struct reply *reply);

#endif
