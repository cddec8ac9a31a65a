/* The thread that sends the mails that wait in the database, one after another. A mail server that
 * is slow, refuses or hangs holds up mails and nothing else: no lock is held while one is sent.
 *
 * A mail goes out once, and again only when the answer to it is lost (its Message-ID is the same
 * then). */
#ifndef HUM_MAILER_H
#define HUM_MAILER_H

#include "keyring.h"
#include "mail/transport.h"
#include "pool.h"

struct mailer;

/* Gets a line when a mail was not sent, and when the server is back. Mailer thread. */
typedef void (*mailer_report_fn)(const char *line);

struct mailer_config {
    struct transport_config transport;
    const char *public_url;  /* what links begin with; must outlive the mailer, as the rest below */
    struct keyring *keyring; /* of the tokens */
    struct pool *pool;       /* for the mailer alone */
    mailer_report_fn report;
};

/* HUM_INVALID_REQUEST: an option does not fit, or there is no memory or thread; error gets a line.
 */
HUM_MUSTCHECK enum hum_status mailer_start(const struct mailer_config *config,
                                           struct mailer **ret_mailer, char *error,
                                           size_t error_size);
/* Cuts the mail that is under way off, if one is: it stays in the queue. NULL is fine. */
void mailer_stop(struct mailer *mailer);

struct mailer_numbers {
    uint64_t sent;     /* taken by the server */
    uint64_t delayed;  /* tries that are to be repeated */
    uint64_t given_up; /* refused for good, or for too long */
    uint64_t over;     /* not sent, as their link had ended meanwhile */
};

/* NULL: all are 0. Any thread. */
void mailer_count(struct mailer *mailer, struct mailer_numbers *ret);

#endif
