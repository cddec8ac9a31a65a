/* TLS of the MQTT connection: whom to believe, and the session of the last connection, so that the
 * next one is resumed with fewer bytes and no certificates.
 *
 * libmosquitto makes the SSL of each connection itself, from a context that may be ours, and starts
 * the handshake within the same call. OpenSSL tells the context of that start before anything is
 * written: there the name and the session are put in.
 */
#ifndef HUM_MOBILE_TLS_H
#define HUM_MOBILE_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "store.h"

struct tls;

/* ca_file: PEM, or NULL for the system's. The session is kept in the store, which must outlive
 * this, and so lasts beyond the process. NULL: no memory, or the file cannot be read. */
struct tls *tls_new(const char *ca_file, struct store *store);
void tls_free(struct tls *tls); /* NULL is taken */

/* For a connection to host, which its certificate must name. The session of another host is
 * forgotten. NULL: no memory, or no name for a host. The context stays the tls's. */
SSL_CTX *tls_context(struct tls *tls, const char *host);

/* Whether a connection's handshake is over, and whether it resumed a session. ssl may be NULL: no
 * TLS. */
bool tls_ready(const SSL *ssl);
bool tls_resumed(const SSL *ssl);

#endif
