/* /friends: requests, answers to them, the list. */
#ifndef HUM_HANDLERS_FRIENDS_H
#define HUM_HANDLERS_FRIENDS_H

#include "http.h"

enum hum_status handle_friend_request(struct request *request, struct reply *reply);
enum hum_status handle_friend_accept(struct request *request, struct reply *reply);
enum hum_status handle_friend_decline(struct request *request, struct reply *reply);
enum hum_status handle_friend_withdraw(struct request *request, struct reply *reply);
enum hum_status handle_friends_list(struct request *request, struct reply *reply);
enum hum_status handle_friend_remove(struct request *request, struct reply *reply);

#endif
