/* Sign-ins to one account: who guesses waits, its owner does not. */
#include "unit.h"

#include "siege.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const int64_t day = (int64_t)24 * HOUR;

static struct siege *siege;
static bool is_home; /* of the last try */

static int set_up(void **state) {
    (void)state;
    return siege_new(&siege) != HUM_OK;
}

static int tear_down(void **state) {
    (void)state;
    siege_free(siege);
    return 0;
}

/* Spread as keyed hashes are. */
static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* An address of a network, 0 to 999 each. */
static struct siege_keys from(uint64_t account, uint64_t network, uint64_t address) {
    uint64_t base = account << 32;

    return (struct siege_keys){
        .account = mix(base + 1),
        .network = mix(base + (network << 12) + 2),
        .address = mix(base + (network << 12) + (address << 2) + 3),
    };
}

static int64_t try(uint64_t account, uint64_t network, int64_t now) {
    struct siege_keys keys = from(account, network, 0);

    return siege_try(siege, &keys, now, &is_home);
}

static void owner(uint64_t account, uint64_t network, uint64_t address, int64_t now) {
    struct siege_keys keys = from(account, network, address);

    siege_owner(siege, &keys, now);
}

/* Tries from so many networks in turn, each as soon as it may, for a time. Returns how many. */
static int attack(uint64_t account, uint64_t first, uint64_t networks, int64_t *now, int64_t end) {
    int tries = 0;

    while (*now < end) {
        int64_t soonest = HOUR;

        for (uint64_t i = 0; i < networks; i++) {
            int64_t wait;

            while ((wait = try(account, first + i, *now)) == 0) {
                tries++;
            }
            soonest = wait < soonest ? wait : soonest;
        }
        *now = *now + soonest < end ? *now + soonest : end;
    }
    return tries;
}

/* Whether who has tried often is let in no more, now. */
static bool is_shut(uint64_t account, uint64_t network, int64_t now) {
    for (int i = 0; i < 2; i++) {
        if (try(account, network, now) > 0) {
            return true;
        }
    }
    return false;
}

static void test_ten_at_once(void **state) {
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(try(1, 1, SECOND), 0);
    }
    assert_int_equal(try(1, 1, SECOND), 6 * SECOND);
    assert_int_equal(try(1, 1, 2 * SECOND), 5 * SECOND);
    assert_int_equal(try(2, 1, SECOND), 0); /* another account is another matter */
    assert_int_equal(try(1, 1, 7 * SECOND), 0);
}

/* Who waits as told gets their try, and the waits grow. */
static void test_growing_delays(void **state) {
    int64_t now = SECOND, longest = 0;

    (void)state;
    for (int i = 0; i < 60; i++) {
        int64_t wait = try(1, 1, now);

        assert_true(wait >= longest || wait == 0);
        longest = wait > longest ? wait : longest;
        if (wait > 0) {
            assert_true(try(1, 1, now + wait - 1) > 0);
            now += wait;
            assert_int_equal(try(1, 1, now), 0);
        }
    }
    assert_int_equal(longest, 15 * MINUTE);
}

/* However many networks take part: a few tries each, and then hardly any. */
static void test_a_siege_gets_little(void **state) {
    (void)state;
    for (uint64_t networks = 1; networks <= 100; networks *= 10) {
        int64_t now = SECOND;
        int first_minute = attack(networks, 0, networks, &now, now + MINUTE);
        int first_day = attack(networks, 0, networks, &now, day);
        int second_day = attack(networks, 0, networks, &now, 2 * day);

        assert_true(first_minute <= 25);
        assert_true(first_day <= 200 + (int)networks * SIEGE_FRESH);
        assert_true(second_day <= 200);
    }
}

/* All the while. */
static void test_the_owner_at_home_never_waits(void **state) {
    int64_t now = SECOND;

    (void)state;
    owner(1, 500, 7, now);
    for (int i = 0; i < 48; i++) {
        attack(1, 0, 50, &now, now + HOUR / 2);
        struct siege_keys home = from(1, 500, 7), near = from(1, 500, 8);

        for (int wrong = 0; wrong < 10; wrong++) {
            assert_int_equal(siege_try(siege, &home, now, &is_home), 0);
            assert_int_equal(siege_try(siege, &near, now, &is_home), 0);
        }
        assert_true(siege_try(siege, &home, now, &is_home) > 0);
        assert_true(siege_try(siege, &near, now, &is_home) > 0);
    }
}

/* Whoever is near takes nothing from those who were there before. */
static void test_a_neighbour_does_not_take_the_home(void **state) {
    int64_t now = SECOND;

    (void)state;
    owner(1, 5, 7, now);
    for (uint64_t i = 0; i < 100; i++) {
        struct siege_keys near = from(1, 5, 10 + i);

        assert_int_equal(siege_try(siege, &near, now, &is_home) == 0, i < 10);
    }
    assert_true(is_home);
    struct siege_keys home = from(1, 5, 7);
    assert_int_equal(siege_try(siege, &home, now, &is_home), 0);
    assert_true(is_home);
    assert_int_equal(try(1, 6, now), 0);
    assert_false(is_home);
}

/* From a network that has never been seen, once those who attack have shown themselves. */
static void test_the_owner_on_a_journey_gets_in(void **state) {
    int64_t now = SECOND;

    (void)state;
    attack(1, 0, 50, &now, HOUR);
    for (uint64_t i = 0; i < 40; i++) {
        attack(1, 0, 50, &now, now + 20 * MINUTE);
        for (int mistyped = 0; mistyped < SIEGE_FRESH; mistyped++) {
            assert_int_equal(try(1, 100 + i, now), 0);
        }
        owner(1, 100 + i, 0, now);
        for (int again = 0; again < 10; again++) {
            assert_int_equal(try(1, 100 + i, now), 0);
        }
    }
}

/* Nor does the owner's own clumsiness count once it has ended well. */
static void test_what_the_owner_tried_is_taken_back(void **state) {
    int64_t now = SECOND;

    (void)state;
    for (uint64_t i = 0; i < 100; i++, now += HOUR) {
        for (int wrong = 0; wrong < 10; wrong++) {
            assert_int_equal(try(1, i, now), 0);
        }
        owner(1, i, 0, now);
    }
}

/* But each only once: who comes again and again, as with each refresh, wipes out nobody else's. */
static void test_what_others_tried_stays(void **state) {
    int64_t now = SECOND;

    (void)state;
    attack(1, 0, 2, &now, HOUR);
    for (int i = 0; i < 1000; i++) {
        owner(1, 1, 0, now);
    }
    now += 15 * MINUTE;
    assert_int_equal(try(1, 0, now), 0);
    assert_true(try(1, 0, now) > 0);
}

/* A good token, or a mail's link, makes a home without any try before it. */
static void test_a_home_without_a_try(void **state) {
    int64_t now = SECOND;

    (void)state;
    attack(1, 0, 10, &now, HOUR);
    assert_true(is_shut(1, 0, now));
    owner(1, 0, 0, now);
    assert_int_equal(try(1, 0, now), 0);
}

static void test_a_home_ends(void **state) {
    int64_t now = SECOND;

    (void)state;
    owner(1, 5, 0, now);
    now += 30 * day - 2;
    attack(1, 100, 10, &now, now + 1);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(try(1, 5, now), 0);
    }
    owner(2, 5, 0, now);
    now += 30 * day;
    attack(2, 100, 10, &now, now + HOUR);
    for (int i = 0; i < SIEGE_FRESH; i++) {
        assert_int_equal(try(2, 5, now), 0);
    }
    assert_true(is_shut(2, 5, now));
}

/* An attack is forgotten in a day or two. */
static void test_peace(void **state) {
    int64_t now = SECOND;

    (void)state;
    attack(1, 0, 50, &now, 2 * day);
    now += 2 * day;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(try(1, 0, now), 0);
    }
}

/* A million accounts that are tried once do not make the one under attack forgotten. */
static void test_room(void **state) {
    int64_t now = SECOND;

    (void)state;
    owner(1, 500, 7, now);
    attack(1, 0, 10, &now, HOUR);
    for (uint64_t i = 0; i < 1000000; i++) {
        assert_int_equal(try(1000 + i, i % 1000, now), 0);
    }
    assert_true(is_shut(1, 0, now));
    assert_true(is_shut(1, 9, now));
    struct siege_keys home = from(1, 500, 7);
    assert_int_equal(siege_try(siege, &home, now, &is_home), 0);
    assert_int_equal(siege_evicted(siege), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_ten_at_once),
        TEST(test_growing_delays),
        TEST(test_a_siege_gets_little),
        TEST(test_the_owner_at_home_never_waits),
        TEST(test_a_neighbour_does_not_take_the_home),
        TEST(test_the_owner_on_a_journey_gets_in),
        TEST(test_what_the_owner_tried_is_taken_back),
        TEST(test_what_others_tried_stays),
        TEST(test_a_home_without_a_try),
        TEST(test_a_home_ends),
        TEST(test_peace),
        TEST(test_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
