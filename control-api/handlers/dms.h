/* /dms: opening one. */
#ifndef HUM_HANDLERS_DMS_H
#define HUM_HANDLERS_DMS_H

#include "http.h"

enum hum_status handle_dm_open(struct request *request, struct reply *reply);

#endif
