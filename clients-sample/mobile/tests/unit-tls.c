/* TLS of the client, against a server in the same process: what is resumed, who is believed, what a
 * spoilt note in the store does. The same with a server of its own: tests/mobile/test_tls.py. */
#include "store-world.h"
#include "tls.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

static const char NAMES[] = "DNS:localhost,IP:127.0.0.1";
static char ca_path[128];

/* ---- A server that vouches for itself ---- */

static X509 *make_certificate(EVP_PKEY *key) {
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);

    assert_true(X509_set_version(certificate, 2));
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    assert_true(X509_set_issuer_name(certificate, name));
    assert_true(X509_set_pubkey(certificate, key));
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, NAMES);
    assert_true(X509_add_ext(certificate, names, -1));
    X509_EXTENSION_free(names);
    assert_true(X509_sign(certificate, key, EVP_sha256()));
    return certificate;
}

static SSL_CTX *make_server(const char *certificate_path) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key);
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());

    assert_true(SSL_CTX_use_certificate(server, certificate));
    assert_true(SSL_CTX_use_PrivateKey(server, key));
    if (certificate_path) {
        FILE *file = fopen(certificate_path, "w");
        assert_true(PEM_write_X509(file, certificate));
        fclose(file);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    return server;
}

/* ---- Connecting ---- */

struct outcome {
    bool done, resumed, resumed_there;
    char asked_for[64]; /* SNI */
};

static void shake_hands(SSL *client, SSL *server) {
    for (int turn = 0; turn < 10; turn++) {
        (void)SSL_do_handshake(client);
        (void)SSL_do_handshake(server);
    }
}

/* A word from the server, before which its tickets come. */
static void hear(SSL *client, SSL *server) {
    char byte;

    assert_int_equal(SSL_write(server, "x", 1), 1);
    assert_int_equal(SSL_read(client, &byte, 1), 1);
}

static struct outcome dial(struct tls *tls, const char *host, SSL_CTX *to) {
    struct outcome outcome = {0};
    BIO *here = NULL, *there = NULL;
    SSL_CTX *context = tls_context(tls, host);

    assert_non_null(context);
    SSL *client = SSL_new(context), *server = SSL_new(to);
    assert_true(BIO_new_bio_pair(&here, 1 << 16, &there, 1 << 16));
    SSL_set_bio(client, here, here);
    SSL_set_bio(server, there, there);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    /* as libmosquitto does */
    (void)SSL_set_tlsext_host_name(client, "192.0.2.1");
    shake_hands(client, server);
    outcome.done = tls_ready(client) && SSL_is_init_finished(server);
    if (outcome.done) {
        hear(client, server);
        const char *name = SSL_get_servername(server, TLSEXT_NAMETYPE_host_name);
        snprintf(outcome.asked_for, sizeof outcome.asked_for, "%s", name ? name : "");
        outcome.resumed = tls_resumed(client);
        outcome.resumed_there = SSL_session_reused(server);
    }
    /* Sessions of connections that did not end well are not taken again. */
    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_set_shutdown(server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(client);
    SSL_free(server);
    return outcome;
}

static void assert_dial(struct tls *tls, const char *host, SSL_CTX *to, bool resumed) {
    struct outcome outcome = dial(tls, host, to);

    assert_true(outcome.done);
    assert_int_equal(outcome.resumed, resumed);
    assert_int_equal(outcome.resumed_there, resumed);
}

static int setup_tls(void **state) {
    setup(state);
    snprintf(ca_path, sizeof ca_path, "%s/ca.pem", ((struct world *)*state)->folder);
    return 0;
}

static int teardown_tls(void **state) {
    unlink(ca_path);
    return teardown(state);
}

/* ---- Tests ---- */

static void test_resumed(void **state) {
    struct world *world = *state;
    SSL_CTX *server = make_server(ca_path);
    struct tls *tls = tls_new(ca_path, world->store);

    assert_non_null(tls);
    assert_dial(tls, "localhost", server, false);
    assert_dial(tls, "localhost", server, true);
    assert_dial(tls, "localhost", server, true);
    /* another process */
    tls_free(tls);
    reopen(world);
    tls = tls_new(ca_path, world->store);
    assert_dial(tls, "localhost", server, true);
    /* another host, and back: one session is kept, the last one's */
    assert_dial(tls, "127.0.0.1", server, false);
    assert_dial(tls, "127.0.0.1", server, true);
    assert_dial(tls, "localhost", server, false);
    tls_free(tls);
    SSL_CTX_free(server);
}

static void test_old_tls(void **state) {
    struct world *world = *state;
    SSL_CTX *server = make_server(ca_path);
    struct tls *tls = tls_new(ca_path, world->store);

    assert_true(SSL_CTX_set_max_proto_version(server, TLS1_2_VERSION));
    assert_dial(tls, "localhost", server, false);
    assert_dial(tls, "localhost", server, true);
    assert_true(SSL_CTX_set_max_proto_version(server, TLS1_1_VERSION));
    assert_false(dial(tls, "localhost", server).done);
    tls_free(tls);
    SSL_CTX_free(server);
}

static void test_names(void **state) {
    struct world *world = *state;
    SSL_CTX *server = make_server(ca_path);
    struct tls *tls = tls_new(ca_path, world->store);

    assert_string_equal(dial(tls, "localhost", server).asked_for, "localhost");
    assert_string_equal(dial(tls, "127.0.0.1", server).asked_for, "");
    static const char *const OTHERS[] = {"elsewhere.example", "127.0.0.2", "::1",
                                         "localhost.example"};
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        assert_false(dial(tls, OTHERS[i], server).done);
        assert_true(dial(tls, "localhost", server).done);
    }
    tls_free(tls);
    SSL_CTX_free(server);
}

static void test_who_vouches(void **state) {
    struct world *world = *state;
    SSL_CTX *server = make_server(ca_path), *stranger = make_server(NULL);
    struct tls *tls = tls_new(ca_path, world->store);

    assert_dial(tls, "localhost", server, false);
    assert_false(dial(tls, "localhost", stranger).done);
    assert_dial(tls, "localhost", server, false); /* it may have been the session's fault */
    assert_dial(tls, "localhost", server, true);
    tls_free(tls);
    /* A session that this file vouched for is none for the system's authorities. */
    tls = tls_new(NULL, world->store);
    assert_false(dial(tls, "localhost", server).done);
    tls_free(tls);
    assert_null(tls_new("/nowhere/ca.pem", world->store));
    tls_free(NULL);
    assert_true(tls_ready(NULL));
    assert_false(tls_resumed(NULL));
    SSL_CTX_free(server);
    SSL_CTX_free(stranger);
}

/* However the note was spoilt, one connection at most fails of it. */
static void test_spoilt_note(void **state) {
    struct world *world = *state;
    SSL_CTX *server = make_server(ca_path);
    struct tls *tls = tls_new(ca_path, world->store);
    void *note = NULL;
    size_t length = 0, failed = 0;

    assert_dial(tls, "localhost", server, false);
    tls_free(tls);
    assert_int_equal(store_bytes(world->store, "tls_session", &note, &length), HUM_DONE);
    unsigned char *bytes = note;
    for (size_t at = 0; at < 2 * length; at += 7) {
        unsigned char was = bytes[at % length];
        bytes[at % length] ^= at < length ? 0 : 0x55;
        store_bytes_put(world->store, "tls_session", bytes, at < length ? at : length);
        bytes[at % length] = was;
        tls = tls_new(ca_path, world->store);
        bool first = dial(tls, "localhost", server).done;
        assert_true(first || dial(tls, "localhost", server).done);
        tls_free(tls);
        failed += !first;
    }
    assert_true(failed > 0); /* or nothing was tried */
    free(note);
    SSL_CTX_free(server);
}

int main(void) {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup_tls, teardown_tls)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_resumed),     WITH_SERVER(test_old_tls),     WITH_SERVER(test_names),
        WITH_SERVER(test_who_vouches), WITH_SERVER(test_spoilt_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
