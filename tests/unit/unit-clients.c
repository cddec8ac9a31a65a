/* Who is connected: connections, sessions, sets, subscriptions, and the rooms that they hold. */
#include "clients-fixture.h"

enum { ALICE = 1, BOB = 2, SESSION = 10, DM = 20 };

static struct access_set *set_of(int64_t user, int64_t session, int64_t room) {
    struct access_set *set = access_set_new(user);
    const struct access_right right = {
        .room = room, .kind = ROOM_DM, .rights = ACCESS_READ | ACCESS_SEND, .last_seq = 5};

    if (session) {
        assert_int_equal(access_set_session(set, session, END), HUM_OK);
    }
    if (room) {
        assert_int_equal(access_set_right(set, &right), HUM_OK);
    }
    set->as_of = INT64_MAX / 2; /* long after the sessions of these tests */
    return set;
}

static struct client *connect(int n, const char *id, int64_t user, int64_t session) {
    assert_int_equal(clients_connect(clients, handle(n), id, user, session, END, false, NOW),
                     HUM_OK);
    struct client *client = clients_find(clients, handle(n));
    assert_non_null(client);
    return client;
}

static char kicked[32][40];
static size_t kick_count;

static void kick(const char *id) {
    assert_true(kick_count < COUNT(kicked));
    snprintf(kicked[kick_count++], sizeof kicked[0], "%s", id);
}

static void assert_kicks(size_t count) {
    kick_count = 0;
    clients_kick_doomed(clients, kick);
    assert_int_equal(kick_count, count);
}

/* ---- Connections ---- */

static void test_connect_and_disconnect(void **state) {
    (void)state;
    assert_null(clients_find(clients, handle(1)));
    clients_disconnect(clients, handle(1), NOW);
    assert_false(clients_install(clients, set_of(ALICE, SESSION, DM), NOW));
    struct client *client = connect(1, "10", ALICE, SESSION);
    assert_int_equal(client_user(client)->id, ALICE);
    assert_int_equal(client_session(client), SESSION);
    assert_string_equal(client_id(client), "10");
    assert_false(client_doomed(client));
    assert_false(client_waits(client));
    assert_int_equal(clients_count(clients), 1);
    clients_disconnect(clients, handle(1), NOW);
    clients_disconnect(clients, handle(1), NOW); /* the broker may say it twice */
    assert_null(clients_find(clients, handle(1)));
    assert_int_equal(clients_count(clients), 0);
    assert_non_null(clients_find_user(clients, ALICE));
}

/* The broker uses a pointer again whose disconnect it never told. */
static void test_a_pointer_used_again(void **state) {
    (void)state;
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    assert_int_equal(subscribe(connect(1, "10", ALICE, SESSION), "dm/20/#"), HUM_OK);
    assert_int_equal(live(DM), 1);
    struct client *client = connect(1, "11", BOB, 11);
    assert_int_equal(client_user(client)->id, BOB);
    assert_int_equal(clients_count(clients), 1);
    assert_int_equal(live(DM), 0);
}

static void test_takeover(void **state) {
    (void)state;
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    struct client *old = connect(1, "10", ALICE, SESSION);
    assert_int_equal(subscribe(old, "dm/20/messages"), HUM_OK);
    struct client *new = connect(2, "10", ALICE, SESSION);
    assert_int_equal(subscribe(new, "dm/20/messages"), HUM_OK);
    assert_int_equal(live(DM), 2);
    /* Kicking the old one by its id would hit the new one. */
    client_doom(clients, old);
    assert_kicks(0);
    clients_disconnect(clients, handle(1), NOW);
    assert_ptr_equal(clients_find(clients, handle(2)), new);
    assert_int_equal(live(DM), 1);
    client_doom(clients, new);
    assert_kicks(1);
    assert_string_equal(kicked[0], "10");
    assert_kicks(0);
}

static void test_connections_of_a_session(void **state) {
    char id[20];

    (void)state;
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    assert_int_equal(access_set_session(clients_find_user(clients, ALICE)->set, 11, END), HUM_OK);
    for (int i = 0; i < SESSION_CONNECTIONS_MAX; i++) {
        snprintf(id, sizeof id, "10:%d", i);
        connect(i, id, ALICE, SESSION);
    }
    assert_int_equal(clients_connect(clients, handle(20), "10:x", ALICE, SESSION, END, false, NOW),
                     HUM_RATE_LIMITED);
    assert_null(clients_find(clients, handle(20)));
    connect(21, "11:x", ALICE, 11);      /* another session's */
    connect(22, "10:3", ALICE, SESSION); /* takes one of them over */
    assert_int_equal(clients_connect(clients, handle(20), "10:x", ALICE, SESSION, END, false, NOW),
                     HUM_RATE_LIMITED);
    clients_disconnect(clients, handle(3), NOW);
    assert_int_equal(clients_connect(clients, handle(20), "10:x", ALICE, SESSION, END, false, NOW),
                     HUM_RATE_LIMITED);
    client_doom(clients, clients_find(clients, handle(4))); /* on its way out */
    connect(20, "10:x", ALICE, SESSION);
    assert_int_equal(clients_connect(clients, handle(23), "10:y", ALICE, SESSION, END, false, NOW),
                     HUM_RATE_LIMITED);
}

/* ---- Dooming ---- */

static void test_doomed_are_kicked_once(void **state) {
    (void)state;
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    struct client *client = connect(1, "10:a", ALICE, SESSION);
    client_doom(clients, client);
    client_doom(clients, client);
    assert_true(client_doomed(client));
    assert_kicks(1);
    assert_string_equal(kicked[0], "10:a");
    assert_kicks(0);
    client_doom(clients, client);
    assert_kicks(0);
    clients_disconnect(clients, handle(1), NOW);
    assert_kicks(0);
}

static void test_doomed_that_leave_by_themselves(void **state) {
    (void)state;
    client_doom(clients, connect(1, "10", ALICE, SESSION));
    client_doom(clients, connect(2, "11", ALICE, 11));
    clients_disconnect(clients, handle(1), NOW);
    assert_kicks(1);
    assert_string_equal(kicked[0], "11");
}

static void kick_and_tell(const char *id) {
    kick(id);
    clients_disconnect(clients, handle(id[1] - '0'), NOW); /* as the broker does at once */
    assert_int_equal(strlen(id), 2);                       /* still readable */
}

static void test_the_broker_calls_back(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        char id[3] = {'1', (char)('0' + i), '\0'};

        client_doom(clients, connect(i, id, ALICE, 10 + i));
    }
    kick_count = 0;
    clients_kick_doomed(clients, kick_and_tell);
    assert_int_equal(kick_count, 5);
    assert_int_equal(clients_count(clients), 0);
}

static void test_a_session_ends(void **state) {
    (void)state;
    struct access_set *set = set_of(ALICE, SESSION, DM);
    assert_int_equal(access_set_session(set, 11, END), HUM_OK);
    clients_install(clients, set, NOW);
    struct client *ends = connect(1, "10", ALICE, SESSION), *also = connect(2, "10:b", ALICE, 10);
    struct client *stays = connect(3, "11", ALICE, 11), *other = connect(4, "10", BOB, SESSION);

    clients_end_session(clients, ALICE, SESSION);
    assert_true(client_doomed(ends) && client_doomed(also));
    assert_false(client_doomed(stays) || client_doomed(other));
    assert_false(access_session_lives(client_user(stays)->set, SESSION, NOW));
    assert_true(access_session_lives(client_user(stays)->set, 11, NOW));
    clients_end_session(clients, 99, 1);
    assert_kicks(2);
}

static void test_tokens_expire(void **state) {
    (void)state;
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    assert_int_equal(
        clients_connect(clients, handle(1), "10:a", ALICE, SESSION, NOW + 5, false, NOW), HUM_OK);
    struct client *soon = clients_find(clients, handle(1)),
                  *later = connect(2, "10:b", ALICE, SESSION);
    clients_sweep(clients, NOW + 4);
    assert_false(client_doomed(soon));
    client_renew(later, NOW + 6);
    clients_sweep(clients, NOW + 5);
    assert_true(client_doomed(soon));
    assert_false(client_doomed(later));
    clients_sweep(clients, NOW + 6);
    assert_true(client_doomed(later));
    assert_kicks(2);
}

static void assert_seen(int64_t now, size_t count, int64_t first) {
    int64_t sessions[SEEN_MAX];

    clients_sweep(clients, now);
    assert_int_equal(clients_seen(clients, sessions), count);
    assert_int_equal(clients_seen(clients, sessions), 0);
    if (count > 0) {
        assert_int_equal(sessions[0], first);
    }
}

static void test_sessions_that_are_connected(void **state) {
    (void)state;
    assert_seen(NOW, 0, 0);
    connect(1, "10", ALICE, SESSION);
    assert_seen(NOW, 0, 0); /* it waits: nobody knows yet whether there is such a session */
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    assert_seen(NOW + 1, 1, SESSION);
    assert_seen(NOW + SEEN_EVERY_S, 0, 0);
    assert_seen(NOW + 1 + SEEN_EVERY_S, 1, SESSION);
    clients_end_session(clients, ALICE, SESSION);
    assert_seen(NOW + 2 + 2 * SEEN_EVERY_S, 0, 0);
    assert_kicks(1);
}

/* ---- Sets ---- */

static void test_a_set_without_the_session(void **state) {
    (void)state;
    struct client *client = connect(1, "10", ALICE, SESSION);
    assert_true(client_waits(client));
    assert_false(clients_install(clients, set_of(ALICE, 0, DM), NOW));
    assert_true(client_doomed(client));
}

/* A session so young that the set may be older: one more load, then the verdict. */
static void test_a_set_that_may_be_too_old(void **state) {
    for (int comes = 0; comes < 2; comes++) {
        struct client *client = connect(1, "10", ALICE, SESSION);
        struct access_set *old = set_of(ALICE, 0, DM), *again = set_of(ALICE, 0, DM);

        (void)state;
        old->as_of = SESSION - 1;
        again->as_of = SESSION - 1;
        assert_true(clients_install(clients, old, NOW));
        assert_true(client_waits(client));
        assert_false(client_doomed(client));
        if (comes) {
            assert_int_equal(access_set_session(again, SESSION, END), HUM_OK);
        }
        assert_false(clients_install(clients, again, NOW));
        assert_int_equal(client_waits(client), !comes);
        assert_int_equal(client_doomed(client), !comes);
        clients_disconnect(clients, handle(1), NOW);
        clients_install(clients, set_of(ALICE, 0, 0), NOW);
    }
}

static void test_a_set_takes_the_place_of_another(void **state) {
    (void)state;
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    clients_install(clients, set_of(BOB, 11, DM), NOW);
    assert_int_equal(sets(DM), 2);
    struct client *client = connect(1, "10", ALICE, SESSION);
    assert_int_equal(subscribe(client, "dm/20/messages"), HUM_OK);
    clients_find_user(clients, ALICE)->loading = true;
    clients_install(clients, set_of(ALICE, SESSION, 21), NOW);
    assert_false(client_user(client)->loading);
    assert_int_equal(sets(DM), 1);
    assert_int_equal(sets(21), 1);
    assert_int_equal(live(DM), 1);
    clients_install(clients, set_of(BOB, 11, 0), NOW);
    assert_int_equal(sets(DM), 0);
    assert_non_null(rooms_find(rooms, DM)); /* somebody listens */
    clients_disconnect(clients, handle(1), NOW);
    assert_null(rooms_find(rooms, DM));
}

static void test_rights_change(void **state) {
    struct access_right right = {.room = 21, .kind = ROOM_DM, .rights = 3, .last_seq = 7};

    (void)state;
    clients_change_right(clients, ALICE, &right); /* no set: the next load will say it */
    assert_null(clients_find_user(clients, ALICE));
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    clients_change_right(clients, ALICE, &right);
    clients_change_right(clients, ALICE, &right);
    assert_int_equal(sets(21), 1);
    assert_int_equal(rooms_find(rooms, 21)->head, 7);
    right.rights = 1;
    clients_change_right(clients, ALICE, &right);
    assert_int_equal(access_rights(clients_find_user(clients, ALICE)->set, 21), 1);
    assert_int_equal(sets(21), 1);
    right.rights = 0;
    clients_change_right(clients, ALICE, &right);
    clients_change_right(clients, ALICE, &right);
    assert_null(rooms_find(rooms, 21));
    assert_int_equal(sets(DM), 1);
}

/* A server or a channel that is gone is so for everybody, connected or not, and for nobody else. */
static void test_a_room_that_many_share_goes(void **state) {
    const struct access_right server = {.room = 30, .kind = ROOM_SERVER, .rights = 1};
    const struct access_right channel = {
        .room = 31, .kind = ROOM_CHANNEL, .rights = 3, .server = 30};

    (void)state;
    clients_drop_room(clients, 30); /* that nobody knows */
    for (int64_t user = 1; user <= 9; user++) {
        clients_install(clients, set_of(user, 10 * user, DM), NOW);
        clients_change_right(clients, user, &server);
        if (user % 3 == 0) {
            clients_change_right(clients, user, &channel);
        }
    }
    const struct topic posts = {.scope = TOPIC_SERVER, .verb = TOPIC_MESSAGES, .id = 30};
    struct client *client = connect(1, "30", 3, 30);
    assert_true(client_may_read(clients, client, &posts));
    clients_install(clients, set_of(5, 50, DM), NOW); /* is no member any more */
    assert_int_equal(sets(30), 8);
    clients_drop_room(clients, 31);
    assert_null(rooms_find(rooms, 31));
    assert_int_equal(sets(30), 8);
    clients_drop_room(clients, 30);
    clients_drop_room(clients, 30);
    assert_false(client_may_read(clients, client, &posts));
    assert_null(rooms_find(rooms, 30));
    assert_int_equal(sets(DM), 9);
    clients_change_right(clients, 5,
                         &server); /* ids do not come again: but nothing is left of it */
    assert_int_equal(sets(30), 1);
}

static void test_what_may_be_read(void **state) {
    struct access_right right = {.room = DM, .kind = ROOM_DM};
    struct topic topic = {.scope = TOPIC_DM, .verb = TOPIC_MESSAGES, .id = DM};

    (void)state;
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    struct client *client = connect(1, "10", ALICE, SESSION);
    assert_true(client_may_read(clients, client, &topic));
    assert_true(client_may_read(clients, client, &topic));
    topic.verb = TOPIC_SEND; /* a request is nobody's to read */
    assert_false(client_may_read(clients, client, &topic));
    topic = (struct topic){.scope = TOPIC_SERVER, .verb = TOPIC_MESSAGES, .id = DM};
    assert_false(client_may_read(clients, client, &topic)); /* no second name of the DM */
    topic.scope = TOPIC_DM;
    clients_change_right(clients, ALICE, &right);
    assert_false(client_may_read(clients, client, &topic));
    right.rights = 1;
    clients_change_right(clients, ALICE, &right);
    assert_true(client_may_read(clients, client, &topic));
    clients_install(clients, set_of(ALICE, SESSION, 0), NOW);
    assert_false(client_may_read(clients, client, &topic));
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    assert_true(client_may_read(clients, client, &topic));
    clients_end_session(clients, ALICE, SESSION);
    assert_false(client_may_read(clients, client, &topic));
}

static void test_friends_change(void **state) {
    (void)state;
    clients_change_friend(clients, ALICE, BOB, true);
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    const struct access_set *set = clients_find_user(clients, ALICE)->set;
    assert_false(access_is_friend(set, BOB));
    clients_change_friend(clients, ALICE, BOB, true);
    clients_change_friend(clients, ALICE, BOB, true);
    assert_true(access_is_friend(set, BOB));
    clients_change_friend(clients, ALICE, BOB, false);
    clients_change_friend(clients, ALICE, BOB, false);
    assert_false(access_is_friend(set, BOB));
}

static void test_idle_sets_are_forgotten(void **state) {
    (void)state;
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    clients_install(clients, set_of(BOB, 11, DM), NOW + 1);
    connect(1, "11", BOB, 11);
    clients_sweep(clients, NOW + IDLE_SETS_S);
    assert_non_null(clients_find_user(clients, ALICE));
    clients_sweep(clients, NOW + IDLE_SETS_S + 1);
    assert_null(clients_find_user(clients, ALICE));
    assert_non_null(clients_find_user(clients, BOB));
    assert_int_equal(sets(DM), 1);
    clients_disconnect(clients, handle(1), NOW + 5000);
    clients_sweep(clients, NOW + 5000 + IDLE_SETS_S);
    assert_non_null(clients_find_user(clients, BOB));
    clients_sweep(clients, NOW + 5001 + IDLE_SETS_S);
    assert_null(clients_find_user(clients, BOB));
    assert_null(rooms_find(rooms, DM));
    assert_int_equal(clients_users(clients), 0);
}

static size_t asked;

static bool ask(void *arg, int64_t user) {
    assert_ptr_equal(arg, &asked);
    assert_int_equal(user, BOB);
    asked++;
    return true;
}

/* After the link was lost: who is connected is loaded again, the others are forgotten. */
static void test_reload(void **state) {
    (void)state;
    asked = 0;
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    clients_install(clients, set_of(BOB, 11, DM), NOW);
    struct client *client = connect(1, "11", BOB, 11);
    clients_reload(clients, ask, &asked);
    assert_int_equal(asked, 1);
    assert_null(clients_find_user(clients, ALICE));
    assert_true(client_user(client)->loading);
    assert_non_null(client_user(client)->set); /* good until the new one comes */
    clients_reload(clients, ask, &asked);
    assert_int_equal(asked, 1); /* that load is still under way */
    assert_int_equal(sets(DM), 1);
}

/* ---- Subscriptions ---- */

static void test_each_filter_by_itself(void **state) {
    static const char *const filters[] = {"dm/20/messages", "dm/20/#", "dm/20/+", "dm/20/+/#"};

    (void)state;
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    struct client *client = connect(1, "10", ALICE, SESSION);
    for (size_t i = 0; i < COUNT(filters); i++) {
        assert_int_equal(subscribe(client, filters[i]), HUM_OK);
        assert_int_equal(subscribe(client, filters[i]), HUM_OK); /* again is nothing new */
        assert_int_equal(live(DM), i + 1);
    }
    for (size_t i = COUNT(filters); i-- > 0;) {
        client_unsubscribe(clients, client, filters[i]);
        client_unsubscribe(clients, client, filters[i]);
        client_unsubscribe(clients, client, "dm/99/#");
        assert_int_equal(live(DM), i);
    }
    /* What brings no messages of the room does not make it live. */
    assert_int_equal(subscribe(client, "dm/20/typing/+"), HUM_OK);
    assert_int_equal(subscribe(client, "user/1/errors"), HUM_OK);
    assert_int_equal(live(DM), 0);
}

static void test_filters_are_bounded(void **state) {
    char filter[40];

    (void)state;
    struct client *client = connect(1, "10", ALICE, SESSION);
    for (int i = 1; i <= CONNECTION_FILTERS_MAX; i++) {
        snprintf(filter, sizeof filter, "dm/%d/messages", i);
        assert_int_equal(subscribe(client, filter), HUM_OK);
    }
    assert_int_equal(subscribe(client, "dm/999999/messages"), HUM_RATE_LIMITED);
    assert_int_equal(subscribe(client, filter), HUM_OK);
    client_unsubscribe(clients, client, "dm/7/messages");
    assert_int_equal(subscribe(client, "dm/999999/messages"), HUM_OK);
    assert_int_equal(subscribe(client, "dm/7/messages"), HUM_RATE_LIMITED);
}

/* ---- Presence ---- */

static void assert_presence(int64_t user, bool online) {
    int64_t told;
    bool told_online;

    assert_true(clients_presence(clients, &told, &told_online));
    assert_int_equal(told, user);
    assert_int_equal(told_online, online);
}

static void assert_no_presence(void) {
    int64_t user;
    bool online;

    assert_false(clients_presence(clients, &user, &online));
}

static void test_presence(void **state) {
    (void)state;
    assert_no_presence();
    struct client *first = connect(1, "10:a", ALICE, SESSION);
    assert_no_presence(); /* not before the rights are there */
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    assert_false(client_waits(first));
    assert_presence(ALICE, true);
    connect(2, "10:b", ALICE, SESSION);
    assert_no_presence();
    clients_disconnect(clients, handle(1), NOW);
    assert_no_presence();
    clients_disconnect(clients, handle(2), NOW);
    connect(1, "10:a", ALICE, SESSION); /* gone and back before anybody looked */
    assert_no_presence();
    clients_disconnect(clients, handle(1), NOW);
    assert_presence(ALICE, false);
    assert_no_presence();
}

static void test_presence_of_the_doomed(void **state) {
    (void)state;
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    connect(1, "10", ALICE, SESSION);
    assert_presence(ALICE, true);
    clients_end_session(clients, ALICE, SESSION);
    assert_kicks(1);
    clients_disconnect(clients, handle(1), NOW);
    assert_presence(ALICE, false);
    connect(2, "10", ALICE, SESSION); /* the session has ended: it waits, and is never online */
    assert_no_presence();
    clients_disconnect(clients, handle(2), NOW);
    assert_no_presence();
    clients_sweep(clients, NOW + 2 * IDLE_SETS_S);
    assert_int_equal(clients_users(clients), 0);
}

static bool ask_nobody(void *arg, int64_t user) {
    (void)arg;
    (void)user;
    return true;
}

/* Who was told to be online is told to be gone, even when all that is cached is dropped first. */
static void test_presence_outlives_a_reload(void **state) {
    (void)state;
    clients_install(clients, set_of(ALICE, SESSION, DM), NOW);
    connect(1, "10", ALICE, SESSION);
    assert_presence(ALICE, true);
    clients_disconnect(clients, handle(1), NOW);
    clients_reload(clients, ask_nobody, NULL);
    assert_presence(ALICE, false);
    assert_no_presence();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FRESH(test_connect_and_disconnect),
        FRESH(test_a_pointer_used_again),
        FRESH(test_takeover),
        FRESH(test_connections_of_a_session),
        FRESH(test_doomed_are_kicked_once),
        FRESH(test_doomed_that_leave_by_themselves),
        FRESH(test_the_broker_calls_back),
        FRESH(test_a_session_ends),
        FRESH(test_tokens_expire),
        FRESH(test_sessions_that_are_connected),
        FRESH(test_a_set_without_the_session),
        FRESH(test_a_set_that_may_be_too_old),
        FRESH(test_a_set_takes_the_place_of_another),
        FRESH(test_rights_change),
        FRESH(test_a_room_that_many_share_goes),
        FRESH(test_what_may_be_read),
        FRESH(test_friends_change),
        FRESH(test_idle_sets_are_forgotten),
        FRESH(test_reload),
        FRESH(test_each_filter_by_itself),
        FRESH(test_filters_are_bounded),
        FRESH(test_presence),
        FRESH(test_presence_of_the_doomed),
        FRESH(test_presence_outlives_a_reload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
