/* /users: the caller's own profile, others', and the search by nickname. */
#ifndef HUM_HANDLERS_USERS_H
#define HUM_HANDLERS_USERS_H

#include "http.h"
#include "store/users.h"

enum hum_status handle_me_get(struct request *request, struct reply *reply);
enum hum_status handle_me_patch(struct request *request, struct reply *reply);
enum hum_status handle_user_get(struct request *request, struct reply *reply);
enum hum_status handle_users_search(struct request *request, struct reply *reply);

/* Answers with a User: with the caller's own, where it is theirs. */
enum hum_status answer_user(struct request *request, struct reply *reply, int64_t id);

/* Appends the User as a JSON object; with what only oneself sees when own is true (the user then
 * comes from store_user_get). */
void render_user(struct buf *out, const struct api *api, const struct user *user, bool own);

#endif
