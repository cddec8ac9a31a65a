/* What the other threads have posted, taken on the broker's thread. */
#include <time.h>

#include "plugin.h"

int64_t seconds_now(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}

int64_t milliseconds_now(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t steady_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool load_user(void *arg, int64_t user) {
    struct plugin *plugin = arg;

    return listener_load(plugin->listener, user);
}

void plugin_ask_for_set(struct plugin *plugin, struct user *user) {
    if (!user->loading) {
        user->loading = listener_load(plugin->listener, user->id);
    }
}

/* After a lost link everything that is cached may be old. */
static void link_changed(struct plugin *plugin, const struct link_item *link) {
    plugin->link_down = !link->up;
    number_set(NUMBER_LINK_UP, link->up);
    plugin_log(false, link->up ? "hum: the link to PostgreSQL is up"
                               : "hum: the link to PostgreSQL is down");
    if (link->up) {
        clients_reload(plugin->clients, load_user, plugin);
        delivery_check(&plugin->delivery);
    }
}

static void install_set(struct plugin *plugin, struct set_item *item) {
    int64_t id = item->set->user;
    bool again = clients_install(plugin->clients, item->set, seconds_now());
    struct user *user = clients_find_user(plugin->clients, id);

    item->set = NULL;
    if (again && user) {
        plugin_ask_for_set(plugin, user);
    }
    budget_renew(&plugin->budget);
}

static void tell_marked(struct plugin *plugin, const struct marked_item *item) {
    plugin->marks_written = false;
    for (size_t i = 0; i < item->count; i++) {
        delivery_read_mark(&plugin->delivery, &item->marks[i]);
    }
}

static void tell_sync(struct plugin *plugin, const struct sync_item *item) {
    struct user *user = clients_find_user(plugin->clients, item->user);

    if (item->done && user && user->syncs > 0) {
        user->syncs--;
    }
    delivery_sync(item);
}

/* How long a right that has ended was still good for something. */
static void measure_revocation(const struct item *item) {
    number_measure(MEASURE_REVOCATION_US, hub_now_us() - item->posted_us);
}

static void change_right(struct plugin *plugin, const struct right_item *item) {
    clients_change_right(plugin->clients, item->user, &item->right);
    measure_revocation(&item->item);
}

static void drop_room(struct plugin *plugin, const struct head_item *item) {
    clients_drop_room(plugin->clients, item->room);
    measure_revocation(&item->item);
}

static void end_session(struct plugin *plugin, const struct session_item *item) {
    clients_end_session(plugin->clients, item->user, item->session);
    measure_revocation(&item->item);
}

static void change_friend(struct plugin *plugin, const struct friend_item *item) {
    clients_change_friend(plugin->clients, item->user, item->friend_id, item->friends);
}

static void refuse_late(const struct error_item *item) {
    number_refused(item->status);
    delivery_error(item->user, item->room, item->nonce, item->status, item->detail, 0);
}

static void reach_head(struct plugin *plugin, const struct head_item *item) {
    delivery_head(&plugin->delivery, item->room, item->seq);
}

/* The last one is the newest that is known, whether it signs yet or not. */
void plugin_take_keys(struct plugin *plugin, struct keys *keys) {
    plugin->keys = *keys;
    keys_wipe(keys);
    number_set(NUMBER_NEWEST_KEY_S, keyfile_time(plugin->keys.list[plugin->keys.count - 1].kid));
}

static void renew_keys(struct plugin *plugin, struct keys_item *item) {
    rekey_taken(plugin->rekey);
    if (item->status == HUM_OK) {
        plugin_take_keys(plugin, &item->keys);
    } else {
        plugin_log(true, item->status == HUM_NOT_FOUND
                             ? "hum: the keys stay as they were: none is in their folder"
                             : "hum: the keys stay as they were: their folder holds what is none");
    }
}

static void handle(struct plugin *plugin, struct item *item) {
    switch (item->kind) {
    case ITEM_BATCH:
        delivery_batch(&plugin->delivery, (const struct batch_item *)item);
        break;
    case ITEM_PAGE:
        delivery_page(&plugin->delivery, (const struct batch_item *)item);
        break;
    case ITEM_HEAD:
        reach_head(plugin, (const struct head_item *)item);
        break;
    case ITEM_ERROR:
        refuse_late((const struct error_item *)item);
        break;
    case ITEM_SET:
        install_set(plugin, (struct set_item *)item);
        break;
    case ITEM_RIGHT:
        change_right(plugin, (const struct right_item *)item);
        break;
    case ITEM_GONE:
        drop_room(plugin, (const struct head_item *)item);
        break;
    case ITEM_SESSION_END:
        end_session(plugin, (const struct session_item *)item);
        break;
    case ITEM_FRIEND:
        change_friend(plugin, (const struct friend_item *)item);
        break;
    case ITEM_READ:
        delivery_read_mark(&plugin->delivery, &((const struct read_item *)item)->mark);
        break;
    case ITEM_MARKED:
        tell_marked(plugin, (const struct marked_item *)item);
        break;
    case ITEM_SYNC:
        tell_sync(plugin, (const struct sync_item *)item);
        break;
    case ITEM_LINK:
        link_changed(plugin, (const struct link_item *)item);
        break;
    case ITEM_KEYS:
        renew_keys(plugin, (struct keys_item *)item);
        break;
    case ITEM_LOG:
        plugin_log(((const struct log_item *)item)->error, ((const struct log_item *)item)->line);
        break;
    }
    item_free(item);
}

void plugin_drain(struct plugin *plugin) {
    struct mail *mail = mailbox_take(&plugin->hub.box);

    while (mail) {
        struct mail *next = mail->next;

        handle(plugin, (struct item *)mail);
        mail = next;
    }
}

bool plugin_set_loaded(struct plugin *plugin, struct client *client) {
    int64_t start = steady_ms(), now = start;

    if (!client_waits(client)) {
        return true;
    }
    plugin_ask_for_set(plugin, client_user(client));
    int64_t allowed = plugin->link_down ? 0 : budget_allows(&plugin->budget, start);
    number_add(NUMBER_LOADS_AWAITED, allowed > 0);
    while (client_waits(client) && !client_doomed(client) && now - start < allowed) {
        mailbox_wait(&plugin->hub.box, (int)(allowed - (now - start)));
        plugin_drain(plugin);
        now = steady_ms();
    }
    if (allowed > 0) {
        budget_spend(&plugin->budget, now - start, !client_waits(client) || client_doomed(client));
    }
    if (client_waits(client)) {
        client_doom(plugin->clients, client);
    }
    return !client_doomed(client);
}
