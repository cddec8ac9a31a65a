/* Invites to servers, and invite codes. */
#ifndef HUM_HANDLERS_INVITES_H
#define HUM_HANDLERS_INVITES_H

#include "http.h"

enum hum_status handle_invite_send(struct request *request, struct reply *reply);
enum hum_status handle_invites_list(struct request *request, struct reply *reply);
enum hum_status handle_invite_accept(struct request *request, struct reply *reply);
enum hum_status handle_invite_decline(struct request *request, struct reply *reply);
enum hum_status handle_code_create(struct request *request, struct reply *reply);
enum hum_status handle_code_redeem(struct request *request, struct reply *reply);

#endif
