/* The API's numbers, for Prometheus. */
#ifndef HUM_HANDLERS_METRICS_H
#define HUM_HANDLERS_METRICS_H

#include "http.h"

enum hum_status handle_metrics(struct request *request, struct reply *reply);

#endif
