#include "tls.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

struct tls {
    SSL_CTX *context;
    SSL_SESSION *session; /* of the last connection; NULL: none */
    char *host;
};

static int own_index(void) {
    static int index = -1; /* the library's threads open stores one after another at worst twice */

    if (index < 0) {
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    }
    return index;
}

static struct tls *tls_of(const SSL *ssl) {
    return SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), own_index());
}

static bool is_address(const char *host) {
    unsigned char ignored[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, ignored) == 1 || inet_pton(AF_INET6, host, ignored) == 1;
}

/* What libmosquitto connects to is an address; what the certificate must name is the host. */
static void on_handshake(SSL *ssl, const struct tls *tls) {
    X509_VERIFY_PARAM *wanted = SSL_get0_param(ssl);

    if (is_address(tls->host)) {
        (void)X509_VERIFY_PARAM_set1_ip_asc(wanted, tls->host);
        (void)SSL_set_tlsext_host_name(ssl, NULL);
    } else {
        (void)X509_VERIFY_PARAM_set1_host(wanted, tls->host, 0);
        (void)SSL_set_tlsext_host_name(ssl, tls->host);
    }
    if (tls->session) {
        (void)SSL_set_session(ssl, tls->session);
    }
}

static void on_info(const SSL *ssl, int where, int result) {
    (void)result;
    if (where == SSL_CB_HANDSHAKE_START && SSL_get_state(ssl) == TLS_ST_BEFORE) {
        union {
            const SSL *given;
            SSL *ssl;
        } handle = {.given = ssl}; /* OpenSSL's own examples cast it away */

        on_handshake(handle.ssl, tls_of(ssl));
    }
}

/* A ticket has come; with TLS 1.3 some time after the handshake, each good for one connection. */
static int on_session(SSL *ssl, SSL_SESSION *session) {
    struct tls *tls = tls_of(ssl);

    SSL_SESSION_free(tls->session);
    tls->session = session;
    return 1; /* it is ours now */
}

struct tls *tls_new(const char *ca_file) {
    struct tls *tls = calloc(1, sizeof *tls);
    SSL_CTX *context = tls ? SSL_CTX_new(TLS_client_method()) : NULL;

    if (!context) {
        free(tls);
        return NULL;
    }
    tls->context = context;
    int known = ca_file ? SSL_CTX_load_verify_locations(context, ca_file, NULL)
                        : SSL_CTX_set_default_verify_paths(context);
    if (!known || !SSL_CTX_set_ex_data(context, own_index(), tls)) {
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
    free(tls);
}

SSL_CTX *tls_context(struct tls *tls, const char *host) {
    if (!tls->host || strcmp(tls->host, host) != 0) {
        char *copy = strdup(host);

        if (!copy) {
            return NULL;
        }
        free(tls->host);
        tls->host = copy;
        SSL_SESSION_free(tls->session);
        tls->session = NULL;
    }
    return tls->context;
}

bool tls_ready(const SSL *ssl) { return !ssl || SSL_is_init_finished(ssl); }

bool tls_resumed(const SSL *ssl) { return ssl && SSL_session_reused(ssl); }
