/* The caller's devices, and the password that opens them. */
#ifndef HUM_HANDLERS_SESSIONS_H
#define HUM_HANDLERS_SESSIONS_H

#include "http.h"

enum hum_status handle_sessions_list(struct request *request, struct reply *reply);
enum hum_status handle_session_end(struct request *request, struct reply *reply);
enum hum_status handle_password_change(struct request *request, struct reply *reply);

#endif
