/* Ways into a server: invites to a person, and codes for whoever holds one. */
#ifndef HUM_DOMAIN_INVITES_H
#define HUM_DOMAIN_INVITES_H

#include "store/invites.h"

/* By a member. ret_rows: the invite, as the invited sees it, freed with pg_result_free.
 * HUM_NOT_FOUND: no such server or nobody; HUM_ALREADY_MEMBER, HUM_INVITE_PENDING, HUM_BANNED;
 * HUM_BLOCKED and HUM_FORBIDDEN as blocks_check; HUM_LIMIT_REACHED. Event ServerInviteSent. */
HUM_MUSTCHECK enum hum_status invites_send(struct pg *pg, int64_t caller, int64_t server,
                                           int64_t user, struct pg_result **ret_rows);
/* As store_invites_list. */
HUM_MUSTCHECK enum hum_status invites_list(struct pg *pg, int64_t caller, int64_t after, int limit,
                                           struct pg_result **ret_rows);
/* Answer one's own invite. HUM_NOT_FOUND: there is none; HUM_LIMIT_REACHED. ret_rows: the server.
 * Events ServerInviteAccepted, MemberJoined; ServerInviteDeclined. */
HUM_MUSTCHECK enum hum_status invites_accept(struct pg *pg, int64_t caller, int64_t invite,
                                             struct pg_result **ret_rows);
HUM_MUSTCHECK enum hum_status invites_decline(struct pg *pg, int64_t caller, int64_t invite);

enum {
    CODE_BYTES = 16,
    CODE_LEN = 22, /* of its text: URL-safe base64 without padding */
    CODE_USES_MAX = 1000000,
    CODE_AGE_DEFAULT_S = 7 * 24 * 3600,
    CODE_AGE_MAX_S = 365 * 24 * 3600,
};

struct code {
    char text[CODE_LEN + 1];
    int64_t expires_at; /* milliseconds since 1970 */
};

/* By a member. max_uses 0: as often as anybody likes. HUM_LIMIT_REACHED. Event
 * ServerInviteCodeCreated. */
HUM_MUSTCHECK enum hum_status codes_create(struct pg *pg, int64_t caller, int64_t server,
                                           int64_t max_uses, int64_t max_age_s, struct code *ret);
/* Joins the server of a code. A member's code is not used. ret_rows: the server. HUM_NOT_FOUND: no
 * such code, or not any more; HUM_BANNED; HUM_LIMIT_REACHED. Event MemberJoined. */
HUM_MUSTCHECK enum hum_status codes_redeem(struct pg *pg, int64_t caller, struct str code,
                                           struct pg_result **ret_rows);

#endif
