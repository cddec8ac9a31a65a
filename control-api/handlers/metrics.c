#include "metrics.h"

#include <stdio.h>

#include "api.h"
#include "domain/backlog.h"
#include "lines.h"
#include "oauth/provider.h"
#include "prometheus.h"

struct number {
    const char *name, *kind, *help;
    uint64_t value;
};

static void write_numbers(struct buf *out, const struct number *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        prometheus_single(out, list[i].name, list[i].kind, list[i].help, (int64_t)list[i].value);
    }
}

#define WRITE(out, list) write_numbers(out, list, sizeof(list) / sizeof((list)[0]))

static void write_pool(struct buf *out, struct pool *pool) {
    struct pool_numbers n;

    pool_count(pool, &n);
    const struct number list[] = {
        {"hum_api_pool_size", "gauge", "Connections to the database that there are to be", n.size},
        {"hum_api_pool_open", "gauge", "Connections to the database that are open", n.open},
        {"hum_api_pool_in_use", "gauge", "Connections to the database that a request holds",
         n.in_use},
        {"hum_api_pool_waits_total", "counter", "Times a request waited for a connection", n.waits},
        {"hum_api_pool_timeouts_total", "counter", "Times it got none in time", n.timeouts},
    };
    WRITE(out, list);
}

static void write_passwords(struct buf *out, struct passwords *passwords) {
    struct passwords_numbers n;

    passwords_count(passwords, &n);
    const struct number list[] = {
        {"hum_api_password_permits", "gauge", "Passwords that may be hashed at once",
         (uint64_t)n.permits},
        {"hum_api_password_permits_in_use", "gauge", "Passwords that are being hashed",
         (uint64_t)n.in_use},
        {"hum_api_password_waits_total", "counter", "Times a request waited for a permit", n.waits},
        {"hum_api_password_timeouts_total", "counter", "Times it got none in time", n.timeouts},
        {"hum_api_password_crowded_total", "counter", "Times too many waited already", n.crowded},
    };
    WRITE(out, list);
}

static void write_studio(struct buf *out, struct studio *studio) {
    struct studio_numbers n;

    studio_count(studio, &n);
    const struct number list[] = {
        {"hum_api_avatar_places", "gauge", "Pictures that may be decoded at once", STUDIO_PLACES},
        {"hum_api_avatar_places_in_use", "gauge", "Pictures that are being decoded",
         (uint64_t)n.in_use},
        {"hum_api_avatar_waits_total", "counter", "Times a picture waited for a place", n.waits},
        {"hum_api_avatar_timeouts_total", "counter", "Times it got none in time", n.timeouts},
        {"hum_api_avatar_crowded_total", "counter", "Times too many waited already", n.crowded},
    };
    WRITE(out, list);
}

static void write_mails(struct buf *out, struct mailer *mailer) {
    struct mailer_numbers n;

    mailer_count(mailer, &n);
    const struct number list[] = {
        {"hum_api_mails_sent_total", "counter", "Mails that the mail server has taken", n.sent},
        {"hum_api_mails_delayed_total", "counter", "Times a mail was not sent, to be tried again",
         n.delayed},
        {"hum_api_mails_given_up_total", "counter",
         "Mails that were refused for good, or for too long", n.given_up},
        {"hum_api_mails_over_total", "counter", "Mails whose link ended before they could be sent",
         n.over},
    };
    WRITE(out, list);
}

static void write_oauth(struct buf *out, const struct providers *providers) {
    static const char *const outcomes[] = {"known", "refused", "unavailable"};
    const char *name = "hum_api_oauth_total";

    prometheus_head(out, name, "counter", "Codes of identity providers, by what became of them");
    for (size_t i = 0; i < providers_count(providers); i++) {
        const struct provider *provider = providers_at(providers, i);
        struct provider_numbers n;

        provider_count(provider, &n);
        const uint64_t counts[] = {n.known, n.refused, n.unavailable};
        for (size_t j = 0; j < sizeof outcomes / sizeof outcomes[0]; j++) {
            char labels[128];

            snprintf(labels, sizeof labels, "{provider=\"%s\",outcome=\"%s\"}",
                     provider_id(provider), outcomes[j]);
            prometheus_value(out, name, labels, (int64_t)counts[j]);
        }
    }
}

/* Only the first line while the database is away: a gap says more than a zero. */
static void write_backlog(struct buf *out, struct pool *pool) {
    struct backlog n = {0};
    bool up = backlog_get(pool, &n) == HUM_OK;
    const struct number list[] = {
        {"hum_api_database_up", "gauge", "1 while the database answers", up},
        {"hum_jobs_waiting", "gauge", "Pieces of work that were left for later", (uint64_t)n.jobs},
        {"hum_jobs_oldest_milliseconds", "gauge", "Age of the oldest of them",
         (uint64_t)n.oldest_job_ms},
        {"hum_mails_waiting", "gauge", "Mails that wait to be sent", (uint64_t)n.mails},
        {"hum_mails_oldest_milliseconds", "gauge", "Age of the oldest of them",
         (uint64_t)n.oldest_mail_ms},
        {"hum_mail_requests_waiting", "gauge", "Requests that may become mails",
         (uint64_t)n.mail_requests},
        {"hum_events_rows", "gauge", "Events that are kept, as PostgreSQL estimates",
         (uint64_t)n.events},
        {"hum_events_oldest_milliseconds", "gauge", "Age of the oldest of them",
         (uint64_t)n.oldest_event_ms},
    };

    write_numbers(out, list, up ? sizeof list / sizeof list[0] : 1);
}

enum hum_status handle_metrics(struct request *request, struct reply *reply) {
    struct api *api = request->api;
    struct buf *out = &reply->body;

    /* They tell of what nobody outside may learn, whether an address has an account, say. */
    if (request->proxied) {
        return HUM_NOT_FOUND;
    }
    reply->type = "text/plain; version=0.0.4; charset=utf-8";
    tally_write(api->tally, out);
    throttle_write(api->throttle, out);
    write_pool(out, api->pool);
    write_passwords(out, api->auth.passwords);
    write_studio(out, api->studio);
    write_mails(out, api->mailer);
    write_oauth(out, api->providers);
    prometheus_single(out, "hum_api_log_lines_dropped_total", "counter",
                      "Lines of the log that nobody took in time", (int64_t)lines_dropped());
    write_backlog(out, api->pool);
    return HUM_OK;
}
