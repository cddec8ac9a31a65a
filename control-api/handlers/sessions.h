/* The caller's devices, the password that opens them, and what their tokens are to other systems.
 */
#ifndef HUM_HANDLERS_SESSIONS_H
#define HUM_HANDLERS_SESSIONS_H

#include "http.h"

enum hum_status handle_sessions_list(struct request *request, struct reply *reply);
enum hum_status handle_session_end(struct request *request, struct reply *reply);
enum hum_status handle_password_change(struct request *request, struct reply *reply);
enum hum_status handle_introspect(struct request *request, struct reply *reply);

#endif
