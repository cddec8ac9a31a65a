/* The line of those who wait for a core to hash a password. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "passwords.h"

enum { PEOPLE_MAX = 4000 }; /* in a crowd, were there a hundred cores */

static struct passwords *passwords;
static atomic_bool crowded;

/* Tries a password; joins no crowd. */
static void *person(void *arg) {
    (void)arg;
    if (passwords_crowded(passwords)) {
        atomic_store(&crowded, true);
        return NULL;
    }
    enum hum_status status = passwords_verify(passwords, NULL, str_of("a password"));
    assert_true(status == HUM_INVALID_CREDENTIALS || status == HUM_UNAVAILABLE);
    return NULL;
}

/* A crowd is told to come back, and is none any more once it has gone. */
static void test_crowds(void **state) {
    static pthread_t people[PEOPLE_MAX];
    struct passwords_numbers numbers;
    int count = 0;

    (void)state;
    assert_int_equal(passwords_new(&passwords), HUM_OK);
    assert_false(passwords_crowded(passwords));
    while (count < PEOPLE_MAX && !atomic_load(&crowded)) {
        assert_int_equal(pthread_create(&people[count++], NULL, person, NULL), 0);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(people[i], NULL);
    }
    assert_true(atomic_load(&crowded));
    assert_false(passwords_crowded(passwords));
    passwords_count(passwords, &numbers);
    assert_true(numbers.crowded > 0 && (int)numbers.crowded < count);
    assert_int_equal(numbers.in_use, 0);
    passwords_free(passwords);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_crowds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
