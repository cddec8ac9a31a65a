/* /openapi.yaml, /asyncapi.yaml, /docs: the specification, for machines and for people. */
#ifndef HUM_HANDLERS_PAGES_H
#define HUM_HANDLERS_PAGES_H

#include "http.h"

enum hum_status handle_page(struct request *request, struct reply *reply);

#endif
