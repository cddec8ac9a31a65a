/* What the tests of clients.c share: a list of clients made for each test, and a look at it. */
#ifndef HUM_UNIT_CLIENTS_H
#define HUM_UNIT_CLIENTS_H

#include "unit.h"

#include <stdio.h>

#include "authz.h"
#include "clients.h"

enum { NOW = 1000000, END = 2000000 };

static struct rooms *rooms;
static struct clients *clients;

static int begin(void **state) {
    (void)state;
    rooms = rooms_new();
    clients = clients_new(rooms);
    return rooms && clients ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    clients_free(clients);
    rooms_free(rooms);
    return 0;
}

/* Any address will do for the broker's pointer. */
static char handles[64];

static const void *handle(int n) { return &handles[n]; }

static enum hum_status subscribe(struct client *client, const char *filter) {
    struct topic topic;

    assert_true(topic_parse_filter(str_of(filter), &topic));
    return client_subscribe(clients, client, filter, &topic);
}

static uint32_t live(int64_t room) {
    const struct room *found = rooms_find(rooms, room);

    return found ? found->live : 0;
}

static uint32_t sets(int64_t room) {
    const struct room *found = rooms_find(rooms, room);

    return found ? found->sets : 0;
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
