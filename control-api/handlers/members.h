/* /servers/{id}/members and …/bans: who is in a server, and who is kept out. */
#ifndef HUM_HANDLERS_MEMBERS_H
#define HUM_HANDLERS_MEMBERS_H

#include "http.h"

enum hum_status handle_member_join(struct request *request, struct reply *reply);
enum hum_status handle_member_leave(struct request *request, struct reply *reply);
enum hum_status handle_members_list(struct request *request, struct reply *reply);
enum hum_status handle_member_remove(struct request *request, struct reply *reply);
enum hum_status handle_bans_list(struct request *request, struct reply *reply);
enum hum_status handle_ban_get(struct request *request, struct reply *reply);
enum hum_status handle_ban_lift(struct request *request, struct reply *reply);

struct pg_result;

/* Answers with a page of members: rows of store_member_at, one more than limit where the list goes
 * on. Frees them. */
void answer_members(const struct request *request, struct reply *reply, struct pg_result *rows,
                    int limit);

#endif
