/* What clients ask for by publishing: messages to send, marks, catch-up, a new token, typing. The
 * broker's thread. */
#ifndef HUM_REQUESTS_H
#define HUM_REQUESTS_H

#include "plugin.h"

/* How the broker is to go on. REFUSE: a negative acknowledgement; an Error tells why. CLOSE: no
 * acknowledgement at all, and the connection is closed, so that its client keeps what it sent. */
enum request_verdict { REQUEST_TAKE, REQUEST_REFUSE, REQUEST_CLOSE };

struct publish {
    const char *topic;
    struct str payload;
    int qos;
    bool retain;
};

/* Before the broker takes a publish or sends a will: what may be published at all. */
enum request_verdict request_check(struct plugin *plugin, struct client *client,
                                   const struct publish *publish);
/* Whether the will of a connection of this user, which has just ended, may go out. */
bool request_allows_will(const struct user *user, const struct publish *publish);
/* A publish that passed the check. Wills do not come here. */
enum request_verdict request_handle(struct plugin *plugin, struct client *client,
                                    const struct publish *publish);
/* Once a second or more often: writes the read marks that are due. */
void requests_flush(struct plugin *plugin);

#endif
