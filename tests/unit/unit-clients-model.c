/* Connections, sets, rights and subscriptions in any order: the rooms know how many name them, and
 * what is remembered of a right is what the rights say. */
#include "clients-fixture.h"

enum { PEOPLE = 4, PLACES = 12, SHARED_ROOMS = 6 };

/* Half of the rooms are servers, which can go. */
static enum room_kind kind_of(int64_t room) { return room % 2 ? ROOM_DM : ROOM_SERVER; }

static struct access_set *any_set(int64_t user) {
    struct access_set *set = access_set_new(user);

    for (int64_t session = user * 10; session < user * 10 + 3; session++) {
        if (dice(4)) {
            assert_int_equal(access_set_session(set, session, END), HUM_OK);
        }
    }
    for (int64_t room = 101; room <= 100 + SHARED_ROOMS; room++) {
        if (dice(2)) {
            const struct access_right right = {.room = room,
                                               .kind = (uint8_t)kind_of(room),
                                               .rights = 3,
                                               .last_seq = (int64_t)dice(9)};

            assert_int_equal(access_set_right(set, &right), HUM_OK);
        }
    }
    set->as_of = dice(2) ? INT64_MAX / 2 : 0;
    return set;
}

static bool load_some(void *arg, int64_t user) {
    (void)arg;
    (void)user;
    return dice(2) != 0;
}

static void kick_some(const char *id) { (void)id; }

/* How many sets and subscriptions of readers name each room, counted anew. */
static void assert_counts(void) {
    for (int64_t room = 101; room <= 100 + SHARED_ROOMS; room++) {
        uint32_t expected = 0;

        for (int64_t user = 1; user <= PEOPLE; user++) {
            const struct user *found = clients_find_user(clients, user);

            expected += found && access_find(found->set, room);
        }
        assert_int_equal(sets(room), expected);
    }
}

static void subscribe_anything(struct client *client) {
    static const char *const tails[] = {"messages", "#", "+", "+/#", "typing/+"};
    int64_t room = (int64_t)(101 + dice(SHARED_ROOMS));
    char filter[40];

    snprintf(filter, sizeof filter, "%s/%lld/%s", kind_of(room) == ROOM_DM ? "dm" : "server",
             (long long)room, tails[dice(COUNT(tails))]);
    if (dice(3) == 0) {
        client_unsubscribe(clients, client, filter);
    } else if (access_find(client_user(client)->set, room)) {
        assert_int_equal(subscribe(client, filter), HUM_OK);
    }
}

/* Whoever had a right in it, connected or not, has it no more. */
static void drop(int64_t room) {
    clients_drop_room(clients, room);
    for (int64_t user = 1; user <= PEOPLE; user++) {
        const struct user *found = clients_find_user(clients, user);

        assert_false(found && access_find(found->set, room));
    }
}

static void anything(int64_t now) {
    int64_t user = (int64_t)(1 + dice(PEOPLE)), session = user * 10 + (int64_t)dice(3);
    struct access_right right = {.room = (int64_t)(101 + dice(SHARED_ROOMS)),
                                 .rights = (uint8_t)dice(4)};
    int n = (int)dice(PLACES);
    struct client *client = clients_find(clients, handle(n));
    int64_t told;
    char id[20];
    bool flag;

    right.kind = (uint8_t)kind_of(right.room);
    snprintf(id, sizeof id, "%lld:%d", (long long)session, (int)dice(3));
    switch (dice(12)) {
    case 0:
        (void)!clients_connect(clients, handle(n), id, user, session, now + 50, false, now);
        break;
    case 1:
        clients_disconnect(clients, handle(n), now);
        break;
    case 2:
        (void)clients_install(clients, any_set(user), now);
        break;
    case 3:
        clients_change_right(clients, user, &right);
        break;
    case 4:
        clients_end_session(clients, user, session);
        break;
    case 5:
        clients_sweep(clients, now);
        break;
    case 6:
        clients_kick_doomed(clients, kick_some);
        break;
    case 7:
        if (dice(10) == 0) {
            clients_reload(clients, load_some, NULL);
        }
        break;
    case 8:
        (void)clients_presence(clients, &told, &flag);
        break;
    case 9:
        if (kind_of(right.room) == ROOM_SERVER) {
            drop(right.room);
        }
        break;
    default:
        if (client && !client_waits(client)) {
            subscribe_anything(client);
        }
    }
}

/* What is remembered of a right is what the rights say, asked in any order. */
static void assert_verdicts(void) {
    const struct topic topic = {.scope = dice(4) ? TOPIC_DM : TOPIC_SERVER,
                                .verb = dice(4) ? TOPIC_MESSAGES : TOPIC_SEND,
                                .id = (int64_t)(101 + dice(SHARED_ROOMS))};

    for (int n = 0; n < PLACES; n++) {
        struct client *client = clients_find(clients, handle(n));

        if (client) {
            bool allowed = !client_waits(client) && !client_doomed(client) &&
                           authz_verdict(client_user(client)->set, AUTHZ_READ, &topic) == HUM_OK;

            assert_int_equal(client_may_read(clients, client, &topic), allowed);
        }
    }
}

/* Whatever happens, the rooms know how many sets name them, and in the end nobody names any. */
static void test_anything(void **state) {
    int64_t now = NOW;

    (void)state;
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 400; i++) {
            anything(now);
            assert_counts();
            assert_verdicts();
            now += dice(200) == 0 ? IDLE_SETS_S : (int64_t)dice(3);
        }
        for (int n = 0; n < PLACES; n++) {
            clients_disconnect(clients, handle(n), now);
        }
        for (int64_t room = 101; room <= 100 + SHARED_ROOMS; room++) {
            assert_int_equal(live(room), 0);
        }
        now += 2 * IDLE_SETS_S;
        int64_t user;
        bool online;
        while (clients_presence(clients, &user, &online)) {
        }
        clients_sweep(clients, now);
        assert_int_equal(clients_count(clients), 0);
        assert_int_equal(clients_users(clients), 0);
        for (int64_t room = 101; room <= 100 + SHARED_ROOMS; room++) {
            assert_null(rooms_find(rooms, room));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {FRESH(test_anything)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
