/* Hands mails to a mail server: SMTP by libcurl, always under TLS and with the server's certificate
 * checked. One thread at a time. */
#ifndef HUM_MAIL_TRANSPORT_H
#define HUM_MAIL_TRANSPORT_H

#include <stdatomic.h>

#include "status.h"
#include "str.h"

enum { TRANSPORT_CONNECT_MS = 10 * 1000, TRANSPORT_WHOLE_MS = 30 * 1000 };

struct transport;

struct transport_config {
    const char *url;     /* smtp[s]://[user:password@]host[:port]; not needed after transport_new */
    const char *ca_file; /* "": whom the system trusts */
    struct str from;     /* the address mails come from; its domain is what we greet with */
};

enum transport_result {
    TRANSPORT_SENT,
    TRANSPORT_REFUSED, /* for good: this mail, or to this address (5xx) */
    TRANSPORT_DELAYED, /* not now: this mail, or to this address (4xx) */
    TRANSPORT_BROKEN,  /* no answer, or none for this mail alone, after the recipient was named: it
                        * may  be about that, or about the server */
    TRANSPORT_AWAY,    /* the server cannot be reached or spoken to, or does not want us */
    TRANSPORT_STOPPED,
};

/* HUM_INVALID_REQUEST: error gets a line without secrets. */
HUM_MUSTCHECK enum hum_status transport_new(const struct transport_config *config,
                                            struct transport **ret_transport, char *error,
                                            size_t error_size);
/* NULL is fine. */
void transport_free(struct transport *transport);

/* Sends a letter; takes at most TRANSPORT_WHOLE_MS. Ends within a second or so once *stop is set.
 * reason gets a few words of our own or of libcurl, never what the server said, which may name the
 * address. */
HUM_MUSTCHECK enum transport_result transport_send(struct transport *transport, struct str to,
                                                   struct str letter, const atomic_bool *stop,
                                                   char *reason, size_t reason_size);

#endif
