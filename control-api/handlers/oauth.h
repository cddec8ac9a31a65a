/* /auth/oauth and /auth/identities: signing in by what identity providers say. */
#ifndef HUM_HANDLERS_OAUTH_H
#define HUM_HANDLERS_OAUTH_H

#include "http.h"

enum hum_status handle_oauth_providers(struct request *request, struct reply *reply);
enum hum_status handle_oauth_authorize(struct request *request, struct reply *reply);
enum hum_status handle_oauth_callback(struct request *request, struct reply *reply);
enum hum_status handle_oauth_sign_in(struct request *request, struct reply *reply);
enum hum_status handle_identities_list(struct request *request, struct reply *reply);
enum hum_status handle_identity_link(struct request *request, struct reply *reply);
enum hum_status handle_identity_unlink(struct request *request, struct reply *reply);

#endif
