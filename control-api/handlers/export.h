/* GET /users/me/export: all of one's data, streamed. */
#ifndef HUM_HANDLERS_EXPORT_H
#define HUM_HANDLERS_EXPORT_H

#include "http.h"

enum hum_status handle_me_export(struct request *request, struct reply *reply);

#endif
