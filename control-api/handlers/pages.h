/* /openapi.yaml, /asyncapi.yaml, /docs: the specification, for machines and for people; / and
 * /desktop: the client. */
#ifndef HUM_HANDLERS_PAGES_H
#define HUM_HANDLERS_PAGES_H

#include "http.h"

/* Writes the Content-Security-Policy of the desktop client, whose broker is at ws_url. False: the
 * text does not fit. */
HUM_MUSTCHECK bool page_policy(const char *ws_url, char *out, size_t size);

enum hum_status handle_page(struct request *request, struct reply *reply);

#endif
