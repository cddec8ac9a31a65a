/* The identity providers of a file, asked by lines: oauth-probe FILE on|off. Each line of the input
 * is a JSON object and runs in a thread of its own; each answer is a line, in the order in which
 * they are done. {"report": …} is what the operator would read. */
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "oauth/provider.h"

static struct providers *providers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;
static int running;

static void put(json_t *answer) {
    char *text = json_dumps(answer, JSON_COMPACT);

    pthread_mutex_lock(&lock);
    puts(text);
    fflush(stdout);
    pthread_mutex_unlock(&lock);
    free(text);
    json_decref(answer);
}

static void report(const char *line) { put(json_pack("{s:s}", "report", line)); }

static const char *text(const json_t *call, const char *member) {
    return json_string_value(json_object_get(call, member));
}

static json_t *authorize(struct provider *provider, const json_t *call) {
    char *url = NULL;
    enum hum_status status =
        provider_authorize_url(provider, text(call, "redirect_uri"), text(call, "state"),
                               text(call, "nonce"), text(call, "code_challenge"), &url);
    json_t *answer = json_pack("{s:s, s:s*}", "status", hum_status_code(status), "url", url);

    free(url);
    return answer;
}

static json_t *identity(struct provider *provider, const json_t *call) {
    struct provider_grant grant = {text(call, "code"),
                                   text(call, "code_verifier"),
                                   text(call, "redirect_uri"),
                                   text(call, "nonce"),
                                   json_is_true(json_object_get(call, "by_callback")),
                                   text(call, "iss")};
    struct identity who;
    enum hum_status status = provider_identity(provider, &grant, &who);

    if (status != HUM_OK) {
        return json_pack("{s:s}", "status", hum_status_code(status));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "status", "ok", "issuer", who.issuer,
                     "subject", who.subject, "email", who.email, "email_verified",
                     (int)who.email_verified, "name", who.name);
}

static json_t *redirect(struct provider *provider, const json_t *call) {
    return json_pack("{s:s, s:b}", "status", "ok", "allowed",
                     (int)provider_redirect_allowed(provider, text(call, "redirect_uri")));
}

static void answer_call(const json_t *call) {
    const char *id = text(call, "provider"), *name = text(call, "call");
    struct provider *provider = provider_find(providers, str_of(id));
    json_t *answer;

    if (!provider) {
        answer = json_pack("{s:s}", "status", "not_found");
    } else if (strcmp(name, "authorize") == 0) {
        answer = authorize(provider, call);
    } else {
        answer =
            strcmp(name, "identity") == 0 ? identity(provider, call) : redirect(provider, call);
    }
    json_object_set(answer, "tag", json_object_get(call, "tag"));
    put(answer);
}

static void *run(void *arg) {
    json_t *call = arg;

    answer_call(call);
    json_decref(call);
    pthread_mutex_lock(&lock);
    running--;
    pthread_cond_signal(&idle);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void start(json_t *call) {
    pthread_t thread;

    pthread_mutex_lock(&lock);
    running++;
    pthread_mutex_unlock(&lock);
    if (pthread_create(&thread, NULL, run, call) != 0) {
        abort();
    }
    pthread_detach(thread);
}

int main(int argc, char **argv) {
    char error[256], line[16 * 1024];

    signal(SIGPIPE, SIG_IGN);
    if (argc != 3 || !providers_load(argv[1], strcmp(argv[2], "on") == 0, report, &providers, error,
                                     sizeof error)) {
        puts(argc == 3 ? error : "usage: oauth-probe FILE on|off");
        return EXIT_FAILURE;
    }
    while (fgets(line, sizeof line, stdin)) {
        json_t *call = json_loads(line, 0, NULL);

        if (call) {
            start(call);
        }
    }
    pthread_mutex_lock(&lock);
    while (running > 0) {
        pthread_cond_wait(&idle, &lock);
    }
    pthread_mutex_unlock(&lock);
    providers_free(providers);
    return EXIT_SUCCESS;
}
