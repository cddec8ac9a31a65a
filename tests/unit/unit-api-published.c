/* What a provider publishes, while it hangs and after: control-api/oauth/published.c with a clock
 * and a provider of the test's own. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "unit.h"

#include "oauth/fetch.h"
#include "oauth/github.h"
#include "oauth/id_token.h"
#include "oauth/published.h"

enum { THREADS = 20, HOUR_MS = 60 * 60 * 1000 };

/* --- the clock and the provider --- */

static _Atomic int64_t ahead;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* under the lock */
static bool hangs, fails;
static int asked_for, at_it, key; /* key: the one that the provider signs with */

int64_t fetch_now(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + ahead;
}

enum hum_status exchange_get(const struct exchange *exchange, const char *url, const char *bearer,
                             json_t **ret_document, const char **ret_why) {
    bool ok;

    (void)exchange, (void)url, (void)bearer;
    pthread_mutex_lock(&lock);
    asked_for++;
    at_it++;
    pthread_cond_broadcast(&changed);
    while (hangs) {
        pthread_cond_wait(&changed, &lock);
    }
    at_it--;
    ok = !fails;
    *ret_document = ok ? json_pack("{s:[i]}", "keys", key) : NULL;
    *ret_why = ok ? NULL : "it does not answer";
    pthread_mutex_unlock(&lock);
    return ok ? HUM_OK : HUM_UNAVAILABLE;
}

bool metadata_parse(const struct provider_settings *settings, bool allow_private, json_t *document,
                    struct metadata *ret_metadata, const char **ret_why) {
    (void)settings, (void)allow_private, (void)document, (void)ret_why;
    *ret_metadata = (struct metadata){.jwks_uri = "https://idp.example.org/jwks"};
    return true;
}

void github_metadata(const struct provider_settings *settings, struct metadata *ret_metadata) {
    (void)settings, (void)ret_metadata;
    fail();
}

/* A token here is the number of its key. */
enum hum_status id_token_key(const char *token, const json_t *key_set, unsigned algs,
                             json_t **ret_key, const char **ret_why) {
    json_t *only = json_array_get(json_object_get(key_set, "keys"), 0);

    (void)algs, (void)ret_why;
    if (json_integer_value(only) != atoi(token)) {
        return HUM_NOT_FOUND;
    }
    *ret_key = json_incref(only);
    return HUM_OK;
}

/* --- those who ask --- */

static struct provider_settings settings = {.kind = PROVIDER_OIDC,
                                            .issuer = "https://idp.example.org"};
static struct published *published;

static struct exchange exchange_now(void) {
    return (struct exchange){.settings = &settings, .deadline_ms = fetch_now() + 10000};
}

static enum hum_status metadata_now(const char **ret_why) {
    struct exchange exchange = exchange_now();
    struct metadata metadata;

    return published_metadata(published, &exchange, &metadata, ret_why);
}

static enum hum_status key_now(const char *token) {
    struct exchange exchange = exchange_now();
    struct metadata metadata = {.algs = 0};
    json_t *found = NULL;
    const char *why;
    enum hum_status status = published_key(published, &exchange, &metadata, token, &found, &why);

    json_decref(found);
    return status;
}

static _Atomic int refused, served, quick; /* quick: did not wait for the one who asks */

static void *ask(void *arg) {
    int64_t start = fetch_now();
    const char *why;

    (void)arg;
    (*(metadata_now(&why) == HUM_OK ? &served : &refused))++;
    quick += fetch_now() - start < PUBLISHED_WAIT_MS;
    return NULL;
}

static void *ask_key(void *arg) {
    (*(key_now(arg) == HUM_OK ? &served : &refused))++;
    return NULL;
}

static void wait_until_asked(void) {
    pthread_mutex_lock(&lock);
    while (at_it == 0) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static void provider_is(bool hanging, bool failing) {
    pthread_mutex_lock(&lock);
    hangs = hanging;
    fails = failing;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static int setup(void **state) {
    (void)state;
    ahead = 0;
    refused = served = quick = 0;
    asked_for = 0;
    key = 1;
    provider_is(false, false);
    return published_new(&published) == HUM_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    published_free(published);
    return 0;
}

/* --- the tests --- */

static void test_where_nothing_is_known_few_wait_and_not_for_long(void **state) {
    pthread_t first, others[THREADS];

    (void)state;
    provider_is(true, false);
    pthread_create(&first, NULL, ask, NULL);
    wait_until_asked();
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&others[i], NULL, ask, NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(others[i], NULL); /* while the provider hangs on */
    }
    assert_int_equal(refused, THREADS);
    assert_in_range(quick, 1, THREADS - PUBLISHED_WAITERS_MAX);
    assert_int_equal(served, 0);
    provider_is(false, false);
    pthread_join(first, NULL);
    assert_int_equal(served, 1);
    assert_int_equal(asked_for, 1);
}

static void test_what_is_old_does_while_one_asks(void **state) {
    pthread_t first;
    const char *why;

    (void)state;
    assert_int_equal(metadata_now(&why), HUM_OK);
    ahead += PUBLISHED_KEPT_MS;
    provider_is(true, false);
    pthread_create(&first, NULL, ask, NULL);
    wait_until_asked();
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(metadata_now(&why), HUM_OK); /* in this thread: it does not wait */
    }
    assert_int_equal(asked_for, 2);
    provider_is(false, false);
    pthread_join(first, NULL);
    assert_int_equal(metadata_now(&why), HUM_OK);
    assert_int_equal(asked_for, 2);
}

static void test_what_is_old_does_when_asking_fails_for_a_day(void **state) {
    const char *why = NULL;

    (void)state;
    assert_int_equal(metadata_now(&why), HUM_OK);
    provider_is(false, true);
    ahead += 23 * HOUR_MS;
    assert_int_equal(metadata_now(&why), HUM_OK);
    assert_non_null(why); /* the operator hears of it */
    assert_int_equal(metadata_now(&why), HUM_OK);
    assert_null(why);
    assert_int_equal(asked_for, 2); /* just now it failed: not again */
    ahead += HOUR_MS;
    assert_int_equal(metadata_now(&why), HUM_UNAVAILABLE);
}

static void test_keys_do_for_an_hour(void **state) {
    (void)state;
    assert_int_equal(key_now("1"), HUM_OK);
    provider_is(false, true);
    ahead += HOUR_MS - 10000;
    assert_int_equal(key_now("1"), HUM_OK);
    assert_int_equal(asked_for, 2);
    ahead += 10000;
    assert_int_equal(key_now("1"), HUM_UNAVAILABLE);
}

static void test_a_new_key_is_not_looked_for_among_the_old(void **state) {
    pthread_t first, second;

    (void)state;
    assert_int_equal(key_now("1"), HUM_OK);
    assert_int_equal(key_now("2"), HUM_NOT_FOUND); /* asked for just now */
    assert_int_equal(asked_for, 1);
    ahead += PUBLISHED_NEW_KEYS_MS;
    key = 2;
    provider_is(true, false);
    pthread_create(&first, NULL, ask_key, "2");
    wait_until_asked();
    assert_int_equal(key_now("1"), HUM_OK); /* nobody with the old one waits */
    pthread_create(&second, NULL, ask_key, "2");
    provider_is(false, false);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    assert_int_equal(served, 2);
    assert_int_equal(asked_for, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_where_nothing_is_known_few_wait_and_not_for_long,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_old_does_while_one_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_old_does_when_asking_fails_for_a_day, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_keys_do_for_an_hour, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_key_is_not_looked_for_among_the_old, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
