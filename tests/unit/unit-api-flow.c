/* The way through a browser to an identity provider and back: what its state is bound to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>

#include "oauth/flow.h"

enum { NOW = 1800000000, LATER = NOW + 600 };

static const struct str provider = {"google", 6};
static const unsigned char client[FLOW_DIGEST_LEN] = "thirty-two bytes of a challenge!";

static struct flow_secret secret_of(const char *text) {
    struct flow_secret secret;

    flow_secret(str_of(text), &secret);
    return secret;
}

static void the_way_there_and_back(void **state) {
    struct flow_secret secret = secret_of("");
    struct flow out, back;

    (void)state;
    flow_begin(&secret, provider, client, LATER, &out);
    assert_true(flow_resume(&secret, provider, str_of(out.state), NOW, &back));
    assert_memory_equal(&out, &back, sizeof out);
    assert_memory_equal(back.client_challenge, client, sizeof client);
    assert_true(flow_resume(&secret, provider, str_of(out.state), LATER - 1, &back));
    assert_false(flow_resume(&secret, provider, str_of(out.state), LATER, &back));
}

static void the_challenge_is_of_the_verifier(void **state) {
    struct flow_secret secret = secret_of("");
    unsigned char challenge[FLOW_DIGEST_LEN];
    struct flow flow;

    (void)state;
    flow_begin(&secret, provider, client, LATER, &flow);
    assert_true(flow_bytes(str_of(flow.challenge), challenge));
    assert_true(flow_verifies(str_of(flow.verifier), challenge));
    assert_false(flow_verifies(str_of(flow.nonce), challenge));
    assert_string_not_equal(flow.nonce, flow.verifier);
}

/* RFC 7636, appendix B. */
static void the_example_of_the_rfc(void **state) {
    static const char verifier[] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    unsigned char challenge[FLOW_DIGEST_LEN];

    (void)state;
    assert_true(flow_bytes(str_of("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), challenge));
    assert_true(flow_verifies(str_of(verifier), challenge));
    assert_false(flow_verifies((struct str){verifier, sizeof verifier - 2}, challenge));
    assert_false(flow_verifies((struct str){NULL, 0}, challenge));
}

static void another_browser(void **state) {
    struct flow_secret own = secret_of(""), other = secret_of("");
    struct flow flow, back;

    (void)state;
    assert_memory_not_equal(own.bytes, other.bytes, FLOW_SECRET_LEN);
    flow_begin(&own, provider, client, LATER, &flow);
    assert_false(flow_resume(&other, provider, str_of(flow.state), NOW, &back));
    assert_false(flow_resume(&own, str_of("github"), str_of(flow.state), NOW, &back));
}

static void every_way_is_its_own(void **state) {
    struct flow_secret secret = secret_of("");
    struct flow one, two;

    (void)state;
    flow_begin(&secret, provider, client, LATER, &one);
    flow_begin(&secret, provider, client, LATER, &two);
    assert_string_not_equal(one.state, two.state);
    assert_string_not_equal(one.nonce, two.nonce);
    assert_string_not_equal(one.verifier, two.verifier);
}

/* Each character, changed to its neighbour in the alphabet. */
static void a_state_that_was_written_into(void **state) {
    struct flow_secret secret = secret_of("");
    struct flow flow, back;

    (void)state;
    flow_begin(&secret, provider, client, LATER, &flow);
    for (size_t i = 0; flow.state[i]; i++) {
        char kept = flow.state[i];

        flow.state[i] = kept == 'A' ? 'B' : 'A';
        assert_false(flow_resume(&secret, provider, str_of(flow.state), NOW, &back));
        flow.state[i] = kept;
    }
    for (size_t len = 0; flow.state[len]; len++) {
        assert_false(flow_resume(&secret, provider, (struct str){flow.state, len}, NOW, &back));
    }
    assert_true(flow_resume(&secret, provider, str_of(flow.state), NOW, &back));
}

static void a_cookie_comes_back(void **state) {
    struct flow_secret secret = secret_of(""), again;
    char text[FLOW_TEXT_MAX];

    (void)state;
    flow_text(secret.bytes, text);
    flow_secret(str_of(text), &again);
    assert_memory_equal(secret.bytes, again.bytes, FLOW_SECRET_LEN);
    text[0] = '=';
    flow_secret(str_of(text), &again);
    assert_memory_not_equal(secret.bytes, again.bytes, FLOW_SECRET_LEN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_way_there_and_back),
        cmocka_unit_test(the_challenge_is_of_the_verifier),
        cmocka_unit_test(the_example_of_the_rfc),
        cmocka_unit_test(another_browser),
        cmocka_unit_test(every_way_is_its_own),
        cmocka_unit_test(a_state_that_was_written_into),
        cmocka_unit_test(a_cookie_comes_back),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
