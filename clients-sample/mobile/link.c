/* The connection: when it is tried, what is subscribed, how long it may be silent. */
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum {
    OPEN_MS = 20 * 1000,     /* until one is let in */
    PATIENCE_MS = 20 * 1000, /* for the answer to a ping; */
    URGENT_MS = 5 * 1000,    /* when the phone says that its network is another */
    SUSPECT_MS = 60 * 1000,  /* back so soon: it was not the network that was gone */
    FRESH_MS = 60 * 1000,    /* lists that need not be asked for when the app is opened */
    HEALTHY_MS = 60 * 1000,  /* a connection that has lived so long ended by chance */
    PACKET_FILTERS_MAX = 1000,
};

/* Refused subscriptions are tried again: a right that was just given may not have reached the
 * broker. After some tries one stops waiting for it, but asks now and then. */
static const int64_t retries_ms[] = {200, 600, 2000, 6000};
enum {
    TRIES_MAX = sizeof retries_ms / sizeof retries_ms[0],
    RETRY_MAX_MS = 5 * 60 * 1000,
};

static int64_t retry_ms(int tries) {
    int64_t wait = retries_ms[tries < TRIES_MAX ? tries : TRIES_MAX - 1];

    for (int i = TRIES_MAX; i <= tries && wait < RETRY_MAX_MS; i++) {
        wait *= 2;
    }
    return wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS;
}

/* ---- State ---- */

void link_state(struct engine *engine, hum_line line) {
    if (atomic_exchange(&engine->line_now, (int)line) != (int)line) {
        engine_tell(engine, &(hum_event){.kind = HUM_EVENT_LINE, .line = line});
    }
}

static bool wanted(const struct engine *engine) { return session_lives(engine) && !engine->paused; }

bool link_up(const struct engine *engine) {
    return engine->line && engine->caught && !engine->drop;
}

void link_lost(struct engine *engine) { engine->drop = true; }

void link_wanted(struct engine *engine) {
    if (wanted(engine) && !engine->line) {
        engine->connect.at = clock_steady_ms();
    }
}

/* A server that goes on refusing is not asked at once each time. */
void link_renewed(struct engine *engine) {
    if (engine->connect.attempt <= 1) {
        link_wanted(engine);
    }
}

static void count_bytes(struct engine *engine, bool closing) {
    int64_t in = 0, out = 0;

    if (engine->line) {
        line_bytes(engine->line, &in, &out);
    }
    atomic_store(&engine->figures.bytes_in, engine->bytes_in + in);
    atomic_store(&engine->figures.bytes_out, engine->bytes_out + out);
    if (closing) {
        engine->bytes_in += in;
        engine->bytes_out += out;
    }
}

void link_close(struct engine *engine) {
    count_bytes(engine, true);
    line_close(engine->line);
    engine->line = NULL;
    resolve_drop(engine->resolve);
    engine->resolve = NULL;
    engine->drop = engine->let_in = engine->ready = engine->caught = false;
    engine->up_at = engine->pinged_at = 0;
    engine->subs_at = NEVER;
    for (size_t i = 0; i < engine->subs_count; i++) {
        engine->subs[i].state = SUB_NEW;
        engine->subs[i].packet = engine->subs[i].tries = 0;
    }
    sync_stop(engine);
    outbox_stop(engine);
    back_off_clear(&engine->connect);
}

/* ---- Keep-alive ---- */

static void save_keepalive(struct engine *engine) {
    const struct keepalive *keepalive = &engine->keepalive;

    (void)store_number_put(engine->store, "keepalive", keepalive->seconds);
    (void)store_number_put(engine->store, "keepalive_ceiling", keepalive->ceiling);
    (void)store_number_put(engine->store, "keepalive_ceiling_at", keepalive->ceiling_at);
    atomic_store(&engine->figures.keepalive_s, keepalive->seconds);
}

static int32_t learnt(struct engine *engine, const char *name) {
    int64_t value = store_number(engine->store, name, 0);

    return value > 0 && value <= KEEPALIVE_MAX_S ? (int32_t)value : 0;
}

void link_init(struct engine *engine) {
    int32_t max = engine->keepalive.max;

    keepalive_init(&engine->keepalive, max, learnt(engine, "keepalive"),
                   learnt(engine, "keepalive_ceiling"),
                   store_number(engine->store, "keepalive_ceiling_at", 0));
    atomic_store(&engine->figures.keepalive_s, engine->keepalive.seconds);
    engine->subs_at = NEVER;
    back_off_clear(&engine->connect);
    back_off_clear(&engine->list);
    back_off_clear(&engine->doubt);
    back_off_clear(&engine->sync);
    back_off_clear(&engine->hold);
    back_off_clear(&engine->renewal);
}

/* Silence in both directions is what boxes on the way count; the broker counts ours alone. */
static int64_t ping_due(const struct engine *engine) {
    int64_t heard = line_heard_at(engine->line), spoke = line_spoke_at(engine->line);
    int64_t silent = (heard > spoke ? heard : spoke) + 1000 * (int64_t)engine->keepalive.seconds;
    int64_t last = spoke + 1000 * (int64_t)engine->keepalive.max;

    return silent < last ? silent : last;
}

static void ping(struct engine *engine, int64_t now, int64_t patience, bool idle) {
    engine->pinged_at = now;
    engine->ping_patience = patience;
    engine->ping_reads = line_reads(engine->line);
    engine->ping_idle = idle;
    engine->ping_again = false;
    if (!line_ping(engine->line)) {
        engine->ping_idle = false; /* something else is on its way, and will be answered */
    }
}

static void watch_ping(struct engine *engine, int64_t now) {
    if (engine->pinged_at && line_reads(engine->line) != engine->ping_reads) {
        engine->pinged_at = 0;
        if (engine->ping_again) {
            ping(engine, now, URGENT_MS, false);
        } else if (engine->ping_idle && keepalive_held(&engine->keepalive, clock_wall_ms())) {
            save_keepalive(engine);
        }
    }
    if (engine->pinged_at && now - engine->pinged_at >= engine->ping_patience) {
        link_lost(engine);
    } else if (!engine->pinged_at && now >= ping_due(engine)) {
        ping(engine, now, PATIENCE_MS, true);
    }
}

/* ---- Subscriptions ---- */

static int by_filter(const void *a, const void *b) {
    const struct sub *left = a, *right = b;

    return strcmp(left->filter, right->filter);
}

struct wish {
    struct sub *subs;
    size_t count;
};

__attribute__((format(printf, 4, 5))) static void wish(struct wish *list, int64_t room, bool own,
                                                       const char *format, ...) {
    char filter[LINE_FILTER_MAX];
    va_list args;

    va_start(args, format);
    int length = vsnprintf(filter, sizeof filter, format, args);
    va_end(args);
    if (list->count == ENGINE_FILTERS_MAX || length < 0 || (size_t)length >= sizeof filter) {
        return;
    }
    struct sub *sub = &list->subs[list->count];
    *sub = (struct sub){.filter = strdup(filter), .room = room, .own = own};
    list->count += sub->filter != NULL;
}

/* What is asked for, the most important first. A DM and a channel with all that is below it, since
 * one filter has the fewest bytes; of a server not everybody's read marks, which may be thousands
 * an entry, and not its channels, which are rooms themselves. */
static void wish_all(struct engine *engine, struct wish *list) {
    long long me = (long long)engine->session.user;

    wish(list, 0, true, "user/%lld/inbox", me);
    wish(list, 0, true, "user/%lld/errors", me);
    wish(list, 0, true, "user/%lld/sync/%s", me, engine->tag);
    for (size_t i = 0; i < engine->places_count; i++) {
        const struct place *place = &engine->places[i];

        if (place->kind == 's') {
            wish(list, place->id, false, "%s/messages", place->topic);
        } else if (place->kind != 'i') {
            wish(list, place->id, false, "%s/#", place->topic);
        }
    }
    for (size_t i = 0; i < engine->friends_count; i++) {
        wish(list, 0, false, "user/%lld/presence", (long long)engine->friends[i].id);
    }
    for (size_t i = 0; i < engine->places_count; i++) {
        if (engine->places[i].kind == 's') {
            wish(list, 0, false, "%s/read/%lld", engine->places[i].topic, me);
        }
    }
}

static void free_subs(struct sub *subs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(subs[i].filter);
    }
    free(subs);
}

/* Packets of some filters, each within the broker's bound. */
struct packet {
    char *filters[PACKET_FILTERS_MAX];
    struct sub *subs[PACKET_FILTERS_MAX];
    int count;
    size_t bytes;
};

static bool fits(const struct packet *packet, const char *filter) {
    return packet->count < PACKET_FILTERS_MAX &&
           packet->bytes + strlen(filter) + 3 <= LINE_PACKET_MAX;
}

static void put(struct packet *packet, struct sub *sub) {
    packet->filters[packet->count] = sub->filter;
    packet->subs[packet->count++] = sub;
    packet->bytes += strlen(sub->filter) + 3;
}

static void send_subscribe(struct engine *engine, struct packet *packet) {
    int id = packet->count ? line_subscribe(engine->line, packet->filters, packet->count) : 0;

    if (packet->count && !id) {
        link_lost(engine);
    }
    for (int i = 0; i < packet->count; i++) {
        packet->subs[i]->state = SUB_ASKED;
        packet->subs[i]->packet = id;
        packet->subs[i]->index = i;
    }
    packet->count = 0;
    packet->bytes = 0;
}

static bool to_be_asked(struct engine *engine, const struct sub *sub, int64_t now) {
    if (sub->state == SUB_REFUSED && sub->at > now) {
        engine->subs_at = sub->at < engine->subs_at ? sub->at : engine->subs_at;
        return false;
    }
    return sub->state == SUB_NEW || sub->state == SUB_REFUSED;
}

/* Asks for all subscriptions that there are not yet. */
static void subscribe(struct engine *engine) {
    struct packet *packet = calloc(1, sizeof *packet);
    int64_t now = clock_steady_ms();

    engine->subs_at = NEVER;
    if (!packet) {
        link_lost(engine);
        return;
    }
    for (size_t i = 0; i < engine->subs_count; i++) {
        struct sub *sub = &engine->subs[i];

        if (!to_be_asked(engine, sub, now)) {
            continue;
        }
        if (!fits(packet, sub->filter)) {
            send_subscribe(engine, packet);
        }
        put(packet, sub);
    }
    send_subscribe(engine, packet);
    free(packet);
}

/* Those of which nothing is left in the new list. */
static void unsubscribe_gone(struct engine *engine, struct sub *old, size_t count) {
    struct packet *packet = engine->up_at ? calloc(1, sizeof *packet) : NULL;

    for (size_t i = 0; packet && i < count; i++) {
        if (old[i].state != SUB_GRANTED && old[i].state != SUB_ASKED) {
            continue;
        }
        if (!fits(packet, old[i].filter)) {
            (void)line_unsubscribe(engine->line, packet->filters, packet->count);
            packet->count = 0;
            packet->bytes = 0;
        }
        put(packet, &old[i]);
    }
    if (packet && packet->count) {
        (void)line_unsubscribe(engine->line, packet->filters, packet->count);
    }
    free(packet);
}

/* Takes over what became of the old ones; those are not asked to end then. */
static void carry_over(struct engine *engine, struct wish *list) {
    for (size_t i = 0; i < list->count && engine->subs_count; i++) {
        struct sub *old = bsearch(&list->subs[i], engine->subs, engine->subs_count,
                                  sizeof *engine->subs, by_filter);
        if (old) {
            list->subs[i].state = old->state;
            list->subs[i].packet = old->packet;
            list->subs[i].index = old->index;
            list->subs[i].tries = old->tries;
            list->subs[i].at = old->at;
            old->state = SUB_NEW;
        }
    }
}

void link_filters(struct engine *engine) {
    struct wish list = {0};

    if (session_lives(engine)) {
        list.subs = calloc(ENGINE_FILTERS_MAX, sizeof *list.subs);
        if (!list.subs) {
            link_lost(engine);
            return;
        }
        wish_all(engine, &list);
        qsort(list.subs, list.count, sizeof *list.subs, by_filter);
        carry_over(engine, &list);
    }
    if (engine->line) {
        unsubscribe_gone(engine, engine->subs, engine->subs_count);
    }
    free_subs(engine->subs, engine->subs_count);
    engine->subs = list.subs;
    engine->subs_count = list.count;
    if (engine->up_at) {
        subscribe(engine);
    }
}

bool link_hears(const struct engine *engine, int64_t room) {
    for (size_t i = 0; i < engine->subs_count; i++) {
        const struct sub *sub = &engine->subs[i];

        if (sub->room == room && sub->state != SUB_GRANTED && sub->tries <= TRIES_MAX) {
            return false;
        }
    }
    return true;
}

static void on_granted(struct engine *engine, struct sub *sub) {
    /* not of those that the connection began with: the first sync comes after these */
    bool later = sub->tries || engine->caught;
    struct place *place = later && sub->room ? lists_place(engine, sub->room) : NULL;

    sub->state = SUB_GRANTED;
    if (place) {
        place->behind = true; /* what was said before is asked for */
    }
}

static void on_refused(struct engine *engine, struct sub *sub) {
    sub->state = SUB_REFUSED;
    sub->at = clock_steady_ms() + retry_ms(sub->tries);
    sub->tries += sub->tries < INT32_MAX;
    engine->subs_at = sub->at < engine->subs_at ? sub->at : engine->subs_at;
    if (sub->tries > TRIES_MAX && sub->own) {
        link_lost(engine);
    } else if (sub->tries > TRIES_MAX && sub->room) {
        lists_doubted(engine);
    }
}

static void on_subscribed(void *arg, int id, const int *codes, int count) {
    struct engine *engine = arg;
    bool ready = true;

    for (size_t i = 0; i < engine->subs_count; i++) {
        struct sub *sub = &engine->subs[i];

        if (sub->state == SUB_ASKED && sub->packet == id && sub->index < count) {
            if (codes[sub->index] < 128) {
                on_granted(engine, sub);
            } else {
                on_refused(engine, sub);
            }
        }
        ready = ready && (!sub->own || sub->state == SUB_GRANTED);
    }
    engine->ready = ready;
}

/* ---- Up ---- */

static void on_up(void *arg) {
    struct engine *engine = arg;

    engine->let_in = true;
}

static void on_message(void *arg, const char *topic, const char *payload, size_t length) {
    intake_message(arg, topic, payload, length);
}

static void on_acknowledged(void *arg, int id, int code) {
    sync_acknowledged(arg, id, code);
    outbox_acknowledged(arg, id, code);
}

static void note_up(struct engine *engine, int64_t now) {
    engine->up_at = now;
    atomic_fetch_add(&engine->figures.connects, 1);
    atomic_fetch_add(&engine->figures.resumed, line_resumed(engine->line));
    if (engine->suspect_at && now - engine->suspect_at < SUSPECT_MS) {
        keepalive_broke(&engine->keepalive, clock_wall_ms());
        save_keepalive(engine);
    }
    engine->suspect_at = 0;
}

static void go_up(struct engine *engine, int64_t now) {
    engine->let_in = false;
    note_up(engine, now);
    back_off_clear(&engine->doubt);
    for (size_t i = 0; i < engine->friends_count; i++) {
        engine->friends[i].seen = false;
    }
    for (size_t i = 0; i < engine->places_count; i++) {
        engine->places[i].behind = true;
    }
    link_state(engine, HUM_LINE_CATCHING_UP);
    lists_connected(engine, now);
    subscribe(engine);
}

void link_caught_up(struct engine *engine) {
    engine->caught = true;
    intake_presence_settled(engine);
    link_state(engine, HUM_LINE_UP);
}

/* ---- Opening and ending ---- */

static void on_resolved(void *arg) { rest_wakeup(arg); }

static void give_up(struct engine *engine, int64_t now) {
    int attempt = engine->connect.attempt;

    link_close(engine);
    engine->connect.attempt = attempt;
    engine->address = 0;
    if (wanted(engine)) {
        back_off_next(&engine->connect, now);
        link_state(engine, HUM_LINE_AWAY);
    }
}

static void start(struct engine *engine, int64_t now) {
    engine->connect.at = NEVER;
    if (engine->session.mqtt_until <= clock_wall_ms()) {
        back_off_next(&engine->connect, now); /* at the latest; link_renewed comes before */
        session_renew(engine);
        return;
    }
    link_state(engine, HUM_LINE_CONNECTING);
    if (wire_address(engine->session.mqtt_tcp, &engine->target)) {
        engine->resolve = resolve_start(engine->target.host, on_resolved, engine->rest);
    }
    engine->opened_at = now;
    if (!engine->resolve) {
        give_up(engine, now);
    }
}

static void open_line(struct engine *engine, int64_t now) {
    static const struct line_calls calls = {on_up, on_message, on_subscribed, on_acknowledged};
    const char *address = resolve_address(engine->resolve, engine->address);
    SSL_CTX *context = engine->target.tls ? tls_context(engine->tls, engine->target.host) : NULL;

    if (!address || (engine->target.tls && !context)) {
        give_up(engine, now);
        return;
    }
    const struct line_config config = {
        .address = address,
        .port = engine->target.port,
        .context = context,
        .client_id = engine->session.mqtt_client_id,
        .username = engine->session.mqtt_username,
        .password = engine->session.mqtt_password,
        .keepalive_s = engine->keepalive.max,
    };
    engine->opened_at = now;
    session_plan(engine);
    engine->line = line_open(&config, &calls, engine);
    if (!engine->line) {
        engine->address++; /* the next one, in the next turn */
    }
}

/* A connection has ended, or has to. */
static void end(struct engine *engine, enum line_end why, int64_t now) {
    bool was_up = engine->up_at != 0, was_caught = engine->caught;
    bool was_healthy = was_caught && now - engine->up_at >= HEALTHY_MS;

    if (engine->pinged_at && engine->ping_idle) {
        engine->suspect_at = now;
    }
    if (!was_up && why == LINE_LOST && resolve_address(engine->resolve, engine->address + 1)) {
        line_close(engine->line);
        engine->line = NULL;
        engine->drop = false;
        engine->address++;
        return;
    }
    if (was_caught) { /* so the server is there; only who comes and goes in no time waits longer */
        engine->flaps = was_healthy ? 0 : engine->flaps + 1;
        engine->connect.attempt = was_healthy ? 0 : engine->flaps - 1;
    }
    give_up(engine, now);
    /* who is let in and sent away at once has perhaps been signed out elsewhere: REST knows */
    if (why == LINE_REFUSED || (was_up && !was_caught)) {
        session_judge(engine);
    } else if (was_healthy) {
        engine->connect.at = now + (int64_t)(arc4random() % 1000); /* not all clients at once */
    }
}

static void tend(struct engine *engine, int64_t now) {
    if (engine->let_in) {
        go_up(engine, now);
    }
    (void)intake_flush(engine);
    if (!engine->up_at) {
        if (now - engine->opened_at >= OPEN_MS) {
            link_lost(engine);
        }
        return;
    }
    if (now >= engine->subs_at) {
        subscribe(engine);
    }
    sync_start(engine);
    watch_ping(engine, now);
}

void link_run(struct engine *engine, int64_t now, unsigned ready) {
    if (engine->line) {
        line_turn(engine->line, ready);
        if (line_ended(engine->line) == LINE_LIVES) {
            tend(engine, now);
        } else {
            (void)intake_flush(engine);
        }
        count_bytes(engine, false);
        if (line_ended(engine->line) != LINE_LIVES || engine->drop) {
            enum line_end why = line_ended(engine->line);

            end(engine, why == LINE_REFUSED ? LINE_REFUSED : LINE_LOST, now);
        }
    } else if (engine->resolve) {
        if (resolve_done(engine->resolve)) {
            open_line(engine, now);
        } else if (now - engine->opened_at >= OPEN_MS) {
            give_up(engine, now);
        }
    } else if (wanted(engine) && now >= engine->connect.at) {
        start(engine, now);
    }
}

int64_t link_due(const struct engine *engine) {
    if (engine->line && engine->up_at) {
        int64_t due =
            engine->pinged_at ? engine->pinged_at + engine->ping_patience : ping_due(engine);
        return engine->subs_at < due ? engine->subs_at : due;
    }
    if (engine->line || engine->resolve) {
        bool now = engine->resolve && !engine->line && resolve_done(engine->resolve);

        return now ? 0 : engine->opened_at + OPEN_MS;
    }
    return wanted(engine) ? engine->connect.at : NEVER;
}

/* ---- The phone's word ---- */

void link_pause(struct engine *engine) {
    engine->paused = true;
    link_close(engine);
    link_state(engine, HUM_LINE_OFF);
}

void link_resume(struct engine *engine) {
    int64_t now = clock_steady_ms();

    engine->paused = false;
    engine->connect.attempt = engine->flaps = 0;
    if (engine->line && engine->up_at && !engine->pinged_at) {
        ping(engine, now, URGENT_MS, false);
    } else if (engine->pinged_at) { /* it may have been answered before the network changed */
        engine->ping_patience = now - engine->pinged_at + URGENT_MS;
        engine->ping_again = true;
    }
    if (engine->listed && now - engine->listed_at > FRESH_MS) {
        lists_wanted(engine);
    }
    link_wanted(engine);
}
