/* What main has put together, and the requests work with. Constant while the server runs; what the
 * pointers lead to may be used by any thread. */
#ifndef HUM_API_H
#define HUM_API_H

#include "avatar/studio.h"
#include "config.h"
#include "domain/auth.h"
#include "domain/export.h"
#include "mailer.h"
#include "oauth/provider.h"
#include "pages.h"
#include "reads.h"
#include "tally.h"
#include "throttle.h"

struct api {
    struct config config;
    struct pool *pool;
    struct reads *reads;      /* on the pool */
    struct pool *worker_pool; /* one connection: what was left for later takes none of the others */
    struct pool *mail_pool;   /* one connection, for mails; NULL without a mail server */
    struct mailer *mailer;    /* NULL: the same */
    struct auth auth;
    struct tally *tally; /* of requests */
    struct throttle *throttle;
    struct exports *exports;
    struct studio *studio;
    struct pages *pages;
    struct providers *providers;
    char page_policy[1024]; /* Content-Security-Policy of the desktop client */
};

#endif
