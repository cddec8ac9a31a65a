/* Topic and rights to a verdict. Pure. */
#ifndef HUM_AUTHZ_H
#define HUM_AUTHZ_H

#include "access.h"
#include "topic.h"

enum authz_action { AUTHZ_SUBSCRIBE, AUTHZ_READ, AUTHZ_WRITE };

/* Whether the user of the set may do this. HUM_OK; HUM_NOT_FRIENDS, HUM_NOT_OWNER: a DM, a server
 * that may be read, but not written to; HUM_FORBIDDEN. topic: for SUBSCRIBE from
 * topic_parse_filter, else from topic_parse. set NULL: nothing is allowed. Any thread that may read
 * the set. */
enum hum_status authz_verdict(const struct access_set *set, enum authz_action action,
                              const struct topic *topic);

#endif
