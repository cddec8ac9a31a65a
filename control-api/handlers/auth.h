/* /auth: signing up, in and out. */
#ifndef HUM_HANDLERS_AUTH_H
#define HUM_HANDLERS_AUTH_H

#include "domain/auth.h"
#include "http.h"

enum { PASSWORD_MIN = 8, PASSWORD_MAX = 128 }; /* code points of one that is chosen */

/* The body's member "device"; what does not fit is refused with reply_field. */
void read_device(const struct request *request, struct reply *reply, struct auth_device *device);
/* Answers with a Session, and frees it. */
enum hum_status reply_session(const struct request *request, struct reply *reply, int http,
                              struct auth_session *session);

enum hum_status handle_register(struct request *request, struct reply *reply);
enum hum_status handle_login(struct request *request, struct reply *reply);
enum hum_status handle_refresh(struct request *request, struct reply *reply);
enum hum_status handle_me_delete(struct request *request, struct reply *reply);
enum hum_status handle_logout(struct request *request, struct reply *reply);

/* Says what was missing in a proof that it is the person who asks (password_prove), whose password
 * came as this member; returns status, for the handler to pass on. */
enum hum_status reply_proof(struct reply *reply, enum hum_status status, const char *member);

#endif
