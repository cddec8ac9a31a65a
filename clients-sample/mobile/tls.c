#include "tls.h"

#include <arpa/inet.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the store calls it, and what stands before it there: whom it is with, and who vouched. */
static const char NOTE[] = "tls_session";
enum { OWNER_SIZE = 512 };

struct tls {
    SSL_CTX *context;
    SSL_SESSION *session; /* of the last connection; NULL: none */
    struct store *store;
    char *ca_file;
    char *host;
};

static pthread_once_t index_once = PTHREAD_ONCE_INIT;
static int own_index; /* of a context's tls */

static void make_index(void) { own_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL); }

static struct tls *tls_of(const SSL *ssl) {
    return SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), own_index);
}

/* ---- The session, kept over the end of the process ---- */

static size_t owner_of(const struct tls *tls, char owner[OWNER_SIZE]) {
    int length =
        snprintf(owner, OWNER_SIZE, "%s\n%s\n", tls->host, tls->ca_file ? tls->ca_file : "");

    return length > 0 && length < OWNER_SIZE ? (size_t)length : 0;
}

/* A session that is not kept costs some bytes at the next start, no more. */
static void keep(const struct tls *tls) {
    unsigned char bytes[OWNER_SIZE + 8192];
    char owner[OWNER_SIZE];
    size_t used = owner_of(tls, owner);
    int length = i2d_SSL_SESSION(tls->session, NULL);

    if (used == 0 || length <= 0 || used + (size_t)length > sizeof bytes) {
        return;
    }
    memcpy(bytes, owner, used);
    unsigned char *end = bytes + used;
    (void)i2d_SSL_SESSION(tls->session, &end);
    (void)store_bytes_put(tls->store, NOTE, bytes, used + (size_t)length);
    OPENSSL_cleanse(bytes, sizeof bytes);
}

static void recall(struct tls *tls) {
    char owner[OWNER_SIZE];
    size_t used = owner_of(tls, owner), length = 0;
    void *bytes = NULL;

    if (store_bytes(tls->store, NOTE, &bytes, &length) != HUM_DONE) {
        return;
    }
    if (used > 0 && length > used && memcmp(bytes, owner, used) == 0) {
        const unsigned char *at = (const unsigned char *)bytes + used;
        tls->session = d2i_SSL_SESSION(NULL, &at, (long)(length - used));
    }
    OPENSSL_cleanse(bytes, length);
    free(bytes);
}

/* ---- A connection ---- */

static bool is_address(const char *host) {
    unsigned char ignored[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, ignored) == 1 || inet_pton(AF_INET6, host, ignored) == 1;
}

/* libmosquitto has put the address that it connects to where the host's name belongs (SNI). */
static void on_handshake(SSL *ssl, const struct tls *tls) {
    (void)SSL_set_tlsext_host_name(ssl, is_address(tls->host) ? NULL : tls->host);
    if (tls->session) {
        (void)SSL_set_session(ssl, tls->session);
    }
}

/* One that ends the handshake may be about the session: the next connection does without. */
static bool is_failure(const SSL *ssl, int where, int alert) {
    return where & SSL_CB_ALERT && alert >> 8 == SSL3_AL_FATAL && !SSL_is_init_finished(ssl);
}

static void forget(struct tls *tls) {
    if (tls->session) {
        SSL_SESSION_free(tls->session);
        tls->session = NULL;
        (void)store_bytes_put(tls->store, NOTE, NULL, 0);
    }
}

static void on_info(const SSL *ssl, int where, int result) {
    if (where == SSL_CB_HANDSHAKE_START && SSL_get_state(ssl) == TLS_ST_BEFORE) {
        union {
            const SSL *given;
            SSL *ssl;
        } handle = {.given = ssl}; /* OpenSSL's own examples cast it away */

        on_handshake(handle.ssl, tls_of(ssl));
    } else if (is_failure(ssl, where, result)) {
        forget(tls_of(ssl));
    }
}

/* A ticket has come; with TLS 1.3 some time after the handshake, each good for one connection. */
static int on_session(SSL *ssl, SSL_SESSION *session) {
    struct tls *tls = tls_of(ssl);

    SSL_SESSION_free(tls->session);
    tls->session = session; /* it is ours now */
    keep(tls);
    return 1;
}

struct tls *tls_new(const char *ca_file, struct store *store) {
    struct tls *tls = calloc(1, sizeof *tls);
    SSL_CTX *context = tls ? SSL_CTX_new(TLS_client_method()) : NULL;

    if (!context) {
        free(tls);
        return NULL;
    }
    *tls = (struct tls){.context = context, .store = store};
    (void)pthread_once(&index_once, make_index);
    tls->ca_file = ca_file ? strdup(ca_file) : NULL;
    int known = ca_file ? SSL_CTX_load_verify_locations(context, ca_file, NULL)
                        : SSL_CTX_set_default_verify_paths(context);
    if ((ca_file && !tls->ca_file) || !known || !SSL_CTX_set_ex_data(context, own_index, tls)) {
        tls_free(tls);
        return NULL;
    }
    (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_info_callback(context, on_info);
    (void)SSL_CTX_set_session_cache_mode(context,
                                         SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
    return tls;
}

void tls_free(struct tls *tls) {
    if (!tls) {
        return;
    }
    SSL_SESSION_free(tls->session);
    SSL_CTX_free(tls->context);
    free(tls->host);
    free(tls->ca_file);
    free(tls);
}

/* What the certificate must name. */
static bool expect(SSL_CTX *context, const char *host) {
    X509_VERIFY_PARAM *wanted = SSL_CTX_get0_param(context);

    if (is_address(host)) {
        return X509_VERIFY_PARAM_set1_host(wanted, NULL, 0) == 1 &&
               X509_VERIFY_PARAM_set1_ip_asc(wanted, host) == 1;
    }
    return X509_VERIFY_PARAM_set1_ip(wanted, NULL, 0) == 1 &&
           X509_VERIFY_PARAM_set1_host(wanted, host, 0) == 1;
}

SSL_CTX *tls_context(struct tls *tls, const char *host) {
    if (tls->host && strcmp(tls->host, host) == 0) {
        return tls->context;
    }
    char *copy = strdup(host);

    free(tls->host);
    tls->host = NULL;
    SSL_SESSION_free(tls->session);
    tls->session = NULL;
    if (!copy || !expect(tls->context, host)) {
        free(copy);
        return NULL;
    }
    tls->host = copy;
    recall(tls);
    return tls->context;
}

bool tls_ready(const SSL *ssl) { return !ssl || SSL_is_init_finished(ssl); }

bool tls_resumed(const SSL *ssl) { return ssl && SSL_session_reused(ssl); }
