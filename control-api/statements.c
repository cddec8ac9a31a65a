#include "statements.h"

#include "store/accounts.h"
#include "store/avatars.h"
#include "store/backlog.h"
#include "store/blocks.h"
#include "store/channels.h"
#include "store/dms.h"
#include "store/events.h"
#include "store/export.h"
#include "store/friends.h"
#include "store/health.h"
#include "store/identities.h"
#include "store/invites.h"
#include "store/jobs.h"
#include "store/limits.h"
#include "store/mail_requests.h"
#include "store/mails.h"
#include "store/messages.h"
#include "store/notify.h"
#include "store/oauth_codes.h"
#include "store/registrations.h"
#include "store/rooms.h"
#include "store/servers.h"
#include "store/services.h"
#include "store/sessions.h"
#include "store/users.h"

/* name, as in store_{name}_statements */
#define STORES(X)                                                                                  \
    X(accounts)                                                                                    \
    X(avatars)                                                                                     \
    X(backlog)                                                                                     \
    X(blocks)                                                                                      \
    X(channels)                                                                                    \
    X(dms)                                                                                         \
    X(events)                                                                                      \
    X(export)                                                                                      \
    X(friends)                                                                                     \
    X(health)                                                                                      \
    X(identities)                                                                                  \
    X(invites)                                                                                     \
    X(jobs)                                                                                        \
    X(limits)                                                                                      \
    X(mail_requests)                                                                               \
    X(mails)                                                                                       \
    X(messages)                                                                                    \
    X(notify)                                                                                      \
    X(oauth_codes)                                                                                 \
    X(registrations)                                                                               \
    X(rooms)                                                                                       \
    X(servers)                                                                                     \
    X(services)                                                                                    \
    X(sessions)                                                                                    \
    X(users)

static void print(FILE *out, const struct pg_statement *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s\t", list[i]->name);
        for (const char *at = list[i]->sql; *at; at++) {
            fputc(*at == '\n' || *at == '\t' ? ' ' : *at, out);
        }
        fputc('\n', out);
    }
}

void statements_print(FILE *out) {
#define X(name) print(out, store_##name##_statements, store_##name##_statements_count);
    STORES(X)
#undef X
}
