#include "mailer.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "domain/mails.h"
#include "mail/letter.h"

enum {
    LOOK_MS = 250,           /* from one look for mails to the next */
    LOST_MS = 1000,          /* to the next try without a database */
    LEASE_S = 120,           /* well above the longest that a mail takes */
    AWAY_FIRST_MS = 1000,    /* rest when the server is away, doubled each time */
    AWAY_MAX_MS = 60 * 1000, /* up to this */
    STOP_S = 3,
};

struct mailer {
    struct mailer_config config;
    struct transport *transport;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool stopping;
    int64_t away_ms; /* the last rest; 0: the server was there. Mailer thread, as the next */
    int64_t broken;  /* the mail that was broken off last, when none has got through since; or 0 */
    _Atomic uint64_t sent, delayed, given_up, over;
};

/* False: it is time to stop. */
static bool rest(struct mailer *mailer, int64_t ms) {
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t until_ms = (int64_t)until.tv_sec * 1000 + until.tv_nsec / 1000000 + ms;
    until = (struct timespec){until_ms / 1000, (long)(until_ms % 1000) * 1000000};
    pthread_mutex_lock(&mailer->lock);
    while (!atomic_load(&mailer->stopping) &&
           pthread_cond_timedwait(&mailer->wake, &mailer->lock, &until) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&mailer->lock);
    return !atomic_load(&mailer->stopping);
}

static void say(struct mailer *mailer, const struct waiting_mail *mail, const char *reason,
                const char *then) {
    char line[256];

    snprintf(line, sizeof line, "mail %" PRId64 " (%s) was not sent: %s; %s", mail->id,
             letter_kind_name(mail->kind), reason, then);
    mailer->config.report(line);
}

/* The connection to the database is not held while the mail server is spoken to. */
static enum transport_result send(struct mailer *mailer, const struct waiting_mail *mail,
                                  char *reason, size_t reason_size) {
    struct mailer_config *config = &mailer->config;
    char token[MAIL_TOKEN_MAX] = "";
    struct buf text;

    if (mail->token != 0) {
        const struct keyset *keys = keyring_take(config->keyring);
        mail_token_make(&keys->mail, mail->token, mail->purpose, mail->seed, token);
        keyring_give(config->keyring, keys);
    }
    buf_init(&text, LETTER_MAX);
    struct letter letter = {mail->kind,    mail->id,           time(NULL), config->transport.from,
                            mail->address, config->public_url, token};
    enum transport_result result = TRANSPORT_REFUSED;
    if (letter_write(&text, &letter) == HUM_OK) {
        result = transport_send(mailer->transport, mail->address, (struct str){text.data, text.len},
                                &mailer->stopping, reason, reason_size);
    } else {
        snprintf(reason, reason_size, "it cannot be written");
    }
    sodium_memzero(token, sizeof token);
    buf_free(&text);
    return result;
}

static void count(_Atomic uint64_t *number) { atomic_fetch_add(number, 1); }

static enum mail_fate fate_of(struct mailer *mailer, const struct waiting_mail *mail,
                              enum transport_result result, const char *reason) {
    switch (result) {
    case TRANSPORT_SENT:
        count(&mailer->sent);
        return MAIL_SENT;
    case TRANSPORT_STOPPED:
        return MAIL_UNTRIED;
    case TRANSPORT_DELAYED:
    case TRANSPORT_BROKEN:
    case TRANSPORT_AWAY:
        if (!mails_worth_another_try(mail)) {
            break;
        }
        say(mailer, mail, reason, "it is tried again later");
        count(&mailer->delayed);
        return MAIL_DELAYED;
    case TRANSPORT_REFUSED:
        break;
    }
    say(mailer, mail, reason, "it is given up");
    count(&mailer->given_up);
    return MAIL_GIVEN_UP;
}

/* A mail that is broken off may be its recipient's doing, whose server ours asks first: one address
 * must not hold up everybody's mails. Two mails in a row are the server's. */
static bool breaks_all(struct mailer *mailer, enum transport_result result, int64_t mail) {
    bool other = mailer->broken != 0 && mailer->broken != mail;

    if (result == TRANSPORT_BROKEN) {
        mailer->broken = mail;
        return other;
    }
    if (result != TRANSPORT_AWAY && result != TRANSPORT_STOPPED) {
        mailer->broken = 0;
    }
    return result == TRANSPORT_AWAY;
}

/* How long to leave the server alone. */
static int64_t pause_after(struct mailer *mailer, enum transport_result result, int64_t mail) {
    bool away = breaks_all(mailer, result, mail);

    if (!away && result == TRANSPORT_BROKEN) {
        return 0;
    }
    if (!away) {
        if (mailer->away_ms > 0 && result != TRANSPORT_STOPPED) {
            mailer->config.report("the mail server is back");
        }
        return mailer->away_ms = 0;
    }
    mailer->away_ms = mailer->away_ms == 0 ? AWAY_FIRST_MS : mailer->away_ms * 2;
    if (mailer->away_ms > AWAY_MAX_MS) {
        mailer->away_ms = AWAY_MAX_MS;
    }
    return mailer->away_ms;
}

static enum hum_status lease_one(struct mailer *mailer, struct waiting_mail *ret) {
    struct pg *pg;
    enum hum_status status = pool_take(mailer->config.pool, LOST_MS, &pg);

    if (status == HUM_OK) {
        status = mails_lease(pg, LEASE_S, ret);
        pool_give(mailer->config.pool, pg);
    }
    return status;
}

/* If this fails the lease ends by itself, and a mail that was sent is sent once more: better twice
 * than never. */
static void conclude(struct mailer *mailer, const struct waiting_mail *mail, enum mail_fate fate) {
    struct pg *pg;

    if (pool_take(mailer->config.pool, LOST_MS, &pg) != HUM_OK) {
        return;
    }
    if (mails_conclude(pg, mail, fate) != HUM_OK) {
        mailer->config.report("what became of a mail could not be written down");
    }
    pool_give(mailer->config.pool, pg);
}

/* Deals with a mail, if one is due; how long to rest after it. */
static int64_t work(struct mailer *mailer) {
    struct waiting_mail mail = {0};
    char reason[128] = "";
    int64_t pause = 0;

    if (lease_one(mailer, &mail) != HUM_OK) {
        return LOST_MS;
    }
    if (mail.id == 0) {
        return LOOK_MS;
    }
    enum mail_fate fate = MAIL_GIVEN_UP;
    if (mail.over) {
        count(&mailer->over);
    } else {
        enum transport_result result = send(mailer, &mail, reason, sizeof reason);
        fate = fate_of(mailer, &mail, result, reason);
        pause = pause_after(mailer, result, mail.id);
    }
    conclude(mailer, &mail, fate);
    pg_result_free(mail.rows);
    return pause;
}

static void *loop(void *arg) {
    struct mailer *mailer = arg;

    while (rest(mailer, work(mailer))) {
    }
    return NULL;
}

static void init_locks(struct mailer *mailer) {
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&mailer->lock, NULL);
    pthread_cond_init(&mailer->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void free_mailer(struct mailer *mailer) {
    pthread_cond_destroy(&mailer->wake);
    pthread_mutex_destroy(&mailer->lock);
    transport_free(mailer->transport);
    free(mailer);
}

enum hum_status mailer_start(const struct mailer_config *config, struct mailer **ret_mailer,
                             char *error, size_t error_size) {
    struct mailer *mailer = calloc(1, sizeof *mailer);

    if (!mailer) {
        snprintf(error, error_size, "no memory");
        return HUM_INVALID_REQUEST;
    }
    mailer->config = *config;
    init_locks(mailer);
    enum hum_status status =
        transport_new(&config->transport, &mailer->transport, error, error_size);
    if (status == HUM_OK && pthread_create(&mailer->thread, NULL, loop, mailer) != 0) {
        snprintf(error, error_size, "no thread");
        status = HUM_INVALID_REQUEST;
    }
    if (status != HUM_OK) {
        free_mailer(mailer);
        return status;
    }
    *ret_mailer = mailer;
    return HUM_OK;
}

/* A database that hangs is not waited for any longer than this; one that does not is told what
 * became of the last mail. */
static void join(struct mailer *mailer) {
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STOP_S;
    if (pthread_timedjoin_np(mailer->thread, NULL, &until) != 0) {
        pool_cut(mailer->config.pool);
        pthread_join(mailer->thread, NULL);
    }
}

void mailer_stop(struct mailer *mailer) {
    if (!mailer) {
        return;
    }
    pthread_mutex_lock(&mailer->lock);
    atomic_store(&mailer->stopping, true);
    pthread_cond_signal(&mailer->wake);
    pthread_mutex_unlock(&mailer->lock);
    join(mailer);
    free_mailer(mailer);
}

void mailer_count(struct mailer *mailer, struct mailer_numbers *ret) {
    *ret = (struct mailer_numbers){0};
    if (mailer) {
        ret->sent = atomic_load(&mailer->sent);
        ret->delayed = atomic_load(&mailer->delayed);
        ret->given_up = atomic_load(&mailer->given_up);
        ret->over = atomic_load(&mailer->over);
    }
}
