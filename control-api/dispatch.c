#include "dispatch.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "access_log.h"
#include "body.h"
#include "domain/services.h"
#include "lines.h"
#include "routes.h"
#include "sending.h"
#include "throttle.h"

enum { STREAM_BLOCK = 32 * 1024 };

/* One request on its way through. */
struct exchange {
    const struct _u_request *in;
    struct _u_response *out;
    struct request request;
    struct reply reply;
    struct sending *sending; /* a streamed answer on its way, not this thread's to free; or NULL */
    const struct route *route; /* NULL: none was found */
    const char *resource;      /* pattern of the path; NULL: none */
    char *query_text;
    bool checked;       /* a token that was not known came with the request, and cost a check */
    bool token_refused; /* a token came with the request, and was not good */
    char id[REQUEST_ID_MAX + 1];
};

size_t dispatch_body_max(void) {
    size_t max = 0;

    for (size_t i = 0; i < routes_count; i++) {
        max = routes[i].limit > max ? routes[i].limit : max;
    }
    return max;
}

static void header(struct exchange *exchange, const char *name, const char *value) {
    if (u_map_put(exchange->out->map_header, name, value) != U_OK) {
        y_log_message(Y_LOG_LEVEL_ERROR, "no memory for the header %s of an answer", name);
    }
}

/* The pattern that the path fits; one with ids in its places before one without. */
static const char *find_resource(const char *path, bool *ret_bad_id) {
    int64_t ids[PATH_IDS_MAX];
    const char *almost = NULL;

    *ret_bad_id = false;
    for (size_t i = 0; i < routes_count; i++) {
        enum match match = match_path(routes[i].path, path, ids);

        if (match == MATCH_YES) {
            return routes[i].path;
        }
        if (match == MATCH_BAD_ID && !almost) {
            almost = routes[i].path;
        }
    }
    *ret_bad_id = almost != NULL;
    return almost;
}

/* HEAD is GET whose body libmicrohttpd leaves out. */
static const struct route *find_route(const char *resource, const char *method) {
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;

    for (size_t i = 0; i < routes_count; i++) {
        if (strcmp(routes[i].path, resource) == 0 && strcmp(routes[i].method, wanted) == 0) {
            return &routes[i];
        }
    }
    return NULL;
}

/* What the resource can do, as the values of Allow and of Access-Control-Allow-Methods. */
static void allow(struct exchange *exchange, const char *name) {
    char methods[96] = "OPTIONS";
    size_t len = strlen(methods);

    for (size_t i = 0; i < routes_count; i++) {
        if (strcmp(routes[i].path, exchange->resource) == 0 && len < sizeof methods) {
            const char *more = strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "";

            len += (size_t)snprintf(methods + len, sizeof methods - len, ", %s%s", routes[i].method,
                                    more);
        }
    }
    header(exchange, name, methods);
}

/* Any page of any origin may call: what it needs is a bearer token, which a browser, unlike a
 * cookie, never sends by itself. */
static enum hum_status preflight(struct exchange *exchange) {
    exchange->reply.http = MHD_HTTP_NO_CONTENT;
    allow(exchange, "Allow");
    allow(exchange, "Access-Control-Allow-Methods");
    header(exchange, "Access-Control-Allow-Headers", "Authorization, Content-Type, X-Request-Id");
    header(exchange, "Access-Control-Max-Age", "86400");
    return HUM_OK;
}

/* The token of "Authorization: Bearer …" (RFC 6750, section 2.1). */
static struct str bearer(const struct _u_request *in) {
    static const char scheme[] = "Bearer ";
    const char *value = u_map_get_case(in->map_header, "Authorization");

    if (!value || strncasecmp(value, scheme, sizeof scheme - 1) != 0) {
        return (struct str){0};
    }
    value += sizeof scheme - 1;
    return str_of(value + strspn(value, " "));
}

/* One more call of somebody; user 0: of nobody who is known. */
static enum hum_status count_call(struct exchange *exchange, int64_t user) {
    struct request *request = &exchange->request;

    return reply_limited(&exchange->reply,
                         throttle_call(request->api->throttle, &request->client, user));
}

/* At which rate an open call, or one of somebody who has shown who they are, may come. */
static enum hum_status count_welcome(struct exchange *exchange) {
    struct request *request = &exchange->request;
    struct throttle *throttle = request->api->throttle;

    switch (exchange->route->auth) {
    case OPEN:
        break;
    case PROBE:
        return reply_limited(&exchange->reply, throttle_probe(throttle, &request->client));
    case SENDER:
        return reply_limited(&exchange->reply, throttle_message(throttle, request->caller.user));
    case SIGNED_IN:
        return count_call(exchange, request->caller.user);
    case SERVICE:
        return HUM_OK;
    }
    return count_call(exchange, 0);
}

/* What is to be checked by more than memory. */
static enum hum_status begin_check(struct exchange *exchange) {
    struct request *request = &exchange->request;

    HTTP_TRY(
        reply_limited(&exchange->reply, throttle_check(request->api->throttle, &request->client)));
    exchange->checked = true;
    return HUM_OK;
}

static enum hum_status check_person(struct exchange *exchange, struct str token) {
    struct request *request = &exchange->request;
    const struct auth *auth = &request->api->auth;
    struct auth_known known;

    auth_recall(auth, token, &known);
    if (known.state == VERIFIED_UNKNOWN) {
        HTTP_TRY(begin_check(exchange));
    }
    HTTP_TRY(auth_check(auth, &request->lease, token, &known));
    request->caller = (struct caller){.user = known.claims.user, .session = known.claims.session};
    return HUM_OK;
}

static enum hum_status check_service(struct exchange *exchange, struct str token) {
    struct request *request = &exchange->request;

    HTTP_TRY(begin_check(exchange));
    return services_check(&request->lease, token, &request->caller.service);
}

/* A call by somebody who has not shown who they are. */
static enum hum_status count_unwelcome(struct exchange *exchange) {
    struct request *request = &exchange->request;

    if (!exchange->checked) {
        return count_call(exchange, 0);
    }
    return reply_limited(&exchange->reply,
                         throttle_bad_token(request->api->throttle, &request->client));
}

static enum hum_status check_token(struct exchange *exchange, struct str token) {
    if (!token.data) {
        return HUM_UNAUTHORIZED;
    }
    enum hum_status status = exchange->route->auth == SERVICE ? check_service(exchange, token)
                                                              : check_person(exchange, token);
    exchange->token_refused = status == HUM_UNAUTHORIZED;
    return status;
}

/* Who has no good token counts for the address, those who have one for themselves: somebody's flood
 * must not shut out all who share a way into the net with them. */
static enum hum_status guard(struct exchange *exchange) {
    enum route_auth auth = exchange->route->auth;

    if (auth == OPEN || auth == PROBE) {
        return count_welcome(exchange);
    }
    enum hum_status status = check_token(exchange, bearer(exchange->in));
    if (status == HUM_UNAUTHORIZED) {
        HTTP_TRY(count_unwelcome(exchange));
    }
    HTTP_TRY(status);
    return count_welcome(exchange);
}

static enum hum_status read_body(struct exchange *exchange) {
    const struct _u_request *in = exchange->in;
    size_t limit = exchange->route->limit;
    struct str text = {in->binary_body, in->binary_body_length};

    if (limit == NO_BODY) {
        return HUM_OK;
    }
    /* Ulfius keeps one byte more than the largest limit, and drops the rest. */
    if (text.len > limit) {
        return HUM_TOO_LARGE;
    }
    if (limit == BODY_PICTURE) {
        exchange->request.bytes = text;
        exchange->request.content_type = u_map_get_case(in->map_header, "Content-Type");
        return HUM_OK;
    }
    if (text.len > 0 && !body_is_json(u_map_get_case(in->map_header, "Content-Type"))) {
        return reply_problem(&exchange->reply, HUM_UNSUPPORTED_MEDIA_TYPE, "The body must be JSON");
    }
    return body_parse(text, &exchange->request.body, &exchange->reply.detail);
}

/* Ulfius joins what has the same name, but only where that is written alike; asked for one, it then
 * hands out whichever came first. */
static bool spelled_twice(const struct _u_map *headers, const char *name) {
    const char *const *names = u_map_enum_keys(headers);
    size_t count = 0;

    for (size_t i = 0; names[i]; i++) {
        count += strcasecmp(names[i], name) == 0;
    }
    return count > 1;
}

/* Who calls, by which token, must not depend on which of two headers is read: a proxy that adds its
 * own beside the client's would have it read the client's. */
static enum hum_status refuse_doubt(struct exchange *exchange) {
    const struct _u_map *headers = exchange->in->map_header;

    if (exchange->request.proxied && spelled_twice(headers, "X-Forwarded-For")) {
        return reply_problem(&exchange->reply, HUM_INVALID_REQUEST,
                             "X-Forwarded-For is there in two spellings");
    }
    if (spelled_twice(headers, "Authorization")) {
        return reply_problem(&exchange->reply, HUM_INVALID_REQUEST,
                             "Authorization is there in two spellings");
    }
    return HUM_OK;
}

static enum hum_status serve(struct exchange *exchange) {
    const char *method = exchange->in->http_verb;
    struct request *request = &exchange->request;
    bool bad_id;

    HTTP_TRY(refuse_doubt(exchange));
    exchange->resource = find_resource(request->path, &bad_id);
    if (exchange->resource) {
        exchange->route = find_route(exchange->resource, method);
    }
    if (!exchange->route) {
        HTTP_TRY(count_call(exchange, 0));
    }
    if (!exchange->resource) {
        return HUM_NOT_FOUND;
    }
    if (strcmp(method, "OPTIONS") == 0) {
        return preflight(exchange);
    }
    if (!exchange->route) {
        allow(exchange, "Allow");
        return HUM_METHOD_NOT_ALLOWED;
    }
    HTTP_TRY(guard(exchange));
    if (bad_id) {
        return reply_problem(&exchange->reply, HUM_INVALID_REQUEST,
                             "An id in the path is not a decimal number");
    }
    match_path(exchange->resource, request->path, request->id);
    HTTP_TRY(read_body(exchange));
    return exchange->route->handler(request, &exchange->reply);
}

/* RFC 9110, 12.5.3, for the one coding that there is; "*" is not taken for it. */
static bool accepts_gzip(const char *header) {
    const char *at = header ? strcasestr(header, "gzip") : NULL;

    if (!at || (at > header && !strchr(", \t", at[-1])) || !strchr(", \t;", at[4])) {
        return false;
    }
    at += 4 + strspn(at + 4, " \t;");
    return strncasecmp(at, "q=0", 3) != 0 || strcspn(at, ",") > 3 + strspn(at + 3, ".0 \t");
}

/* Cuts Ulfius' copy of the raw URL into path and query. */
static bool open_exchange(struct exchange *exchange, const struct sockaddr *peer) {
    struct request *request = &exchange->request;
    const struct config *config = &request->api->config;
    const struct _u_map *headers = exchange->in->map_header;
    const char *forwarded = u_map_get_case(headers, "X-Forwarded-For");
    const char *query = strchr(exchange->in->http_url, '?');

    buf_init(&exchange->reply.body, REPLY_MAX);
    request->path = exchange->in->url_path;
    request->if_none_match = u_map_get_case(headers, "If-None-Match");
    request->proxied = forwarded && proxies_trust(&config->proxies, peer);
    request->client = proxies_client(&config->proxies, peer, forwarded);
    request->cookies = u_map_get_case(headers, "Cookie");
    request->takes_gzip = accepts_gzip(u_map_get_case(headers, "Accept-Encoding"));
    if (query) {
        exchange->query_text = strdup(query + 1);
        if (!exchange->query_text) {
            return false;
        }
        query_parse(exchange->query_text, &request->query);
    }
    return true;
}

static void render_problem(struct exchange *exchange, enum hum_status status) {
    struct reply *reply = &exchange->reply;
    struct buf *out = &reply->body;

    buf_reset(out);
    buf_text(out, "{\"type\":\"about:blank\",\"title\":");
    buf_json_string(out, str_of(hum_status_text(status)));
    buf_text(out, ",\"status\":");
    buf_int(out, hum_status_http(status));
    buf_text(out, ",\"code\":");
    buf_json_string(out, str_of(hum_status_code(status)));
    buf_text(out, ",\"detail\":");
    buf_json_string(out, str_of(reply->detail ? reply->detail : hum_status_text(status)));
    for (size_t i = 0; i < reply->fields_count; i++) {
        buf_text(out, i ? "," : ",\"fields\":{");
        buf_json_string(out, str_of(reply->fields[i].name));
        buf_text(out, ":");
        buf_json_string(out, str_of(reply->fields[i].text));
    }
    buf_text(out, reply->fields_count ? "}}" : "}");
}

static void problem_headers(struct exchange *exchange, enum hum_status status) {
    char seconds[16];

    if (hum_status_http(status) == MHD_HTTP_UNAUTHORIZED) {
        header(exchange, "WWW-Authenticate",
               exchange->token_refused ? "Bearer realm=\"hum\", error=\"invalid_token\""
                                       : "Bearer realm=\"hum\"");
    }
    if (status == HUM_UNAVAILABLE || status == HUM_RATE_LIMITED) {
        int wait = exchange->reply.retry_after;

        snprintf(seconds, sizeof seconds, "%d", wait ? wait : 1);
        header(exchange, "Retry-After", seconds);
    }
}

/* While the database is away or all is busy, every request says so: one a second is enough to know.
 */
static bool told_lately(void) {
    static _Atomic time_t last;
    time_t now = time(NULL);

    return atomic_exchange(&last, now) == now;
}

/* One line for what somebody should know of. Names the route, not the path, which anybody may
 * write. */
static void log_failure(const struct exchange *exchange, enum hum_status status) {
    const struct request *request = &exchange->request;
    const char *error = request->lease.pg ? pg_error(request->lease.pg) : "";

    if (status != HUM_INTERNAL && (status != HUM_UNAVAILABLE || told_lately())) {
        return;
    }
    y_log_message(status == HUM_INTERNAL ? Y_LOG_LEVEL_ERROR : Y_LOG_LEVEL_WARNING,
                  "%s %s for user %" PRId64 " failed, answered with %d, request %s%s%s",
                  exchange->route ? exchange->route->method : "?",
                  exchange->resource ? exchange->resource : "?", request->caller.user,
                  hum_status_http(status), exchange->id, *error ? ": " : "", error);
}

static ssize_t read_stream(void *cls, uint64_t pos, char *out, size_t size) {
    ssize_t count = sending_read(cls, out, size);

    (void)pos;
    return count > 0    ? count
           : count == 0 ? MHD_CONTENT_READER_END_OF_STREAM
                        : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_stream(void *cls) { sending_free(cls); }

/* libmicrohttpd reads and frees the stream, after this thread has come back to it. To HEAD it sends
 * the headers alone: the stream is done with now, not when that answer is. But it would send the
 * end of a chunked body as well, on a connection that goes on: hence none that does. */
static void send_stream(struct exchange *exchange) {
    if (strcmp(exchange->in->http_verb, "HEAD") == 0) {
        stream_cut(exchange->reply.stream);
        header(exchange, "Connection", "close");
    }
    struct sending *sending = sending_new(exchange->reply.stream);
    if (sending && ulfius_set_stream_response(exchange->out, (unsigned int)exchange->reply.http,
                                              read_stream, free_stream, U_STREAM_SIZE_UNKNOWN,
                                              STREAM_BLOCK, sending) == U_OK) {
        exchange->sending = sending;
        return;
    }
    if (sending) {
        sending_free(sending);
    }
    exchange->out->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static ssize_t read_file(void *cls, uint64_t pos, char *out, size_t size) {
    const struct str *file = cls;
    size_t left = file->len - (size_t)pos, count = left < size ? left : size;

    memcpy(out, file->data + pos, count);
    return (ssize_t)count;
}

static void keep_file(void *cls) { (void)cls; }

/* From where it is, however many want it at once: Ulfius would copy a body twice. */
static void send_file(struct exchange *exchange) {
    const struct str *file = exchange->reply.file;

    if (ulfius_set_stream_response(exchange->out, (unsigned int)exchange->reply.http, read_file,
                                   keep_file, file->len, STREAM_BLOCK,
                                   (void *)(uintptr_t)file) != U_OK) {
        exchange->out->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
}

static void answer(struct exchange *exchange, enum hum_status status) {
    struct reply *reply = &exchange->reply;
    const char *type = reply->type ? reply->type : "application/json";

    if (status == HUM_OK && reply->body.failed) {
        status = HUM_INTERNAL;
    }
    if (status != HUM_OK) {
        log_failure(exchange, status);
        render_problem(exchange, status);
        problem_headers(exchange, status);
        reply->http = hum_status_http(status);
        type = "application/problem+json";
    } else if (reply->http == 0) {
        bool empty = !reply->body.len && !reply->stream && !reply->file;

        reply->http = empty ? MHD_HTTP_NO_CONTENT : MHD_HTTP_OK;
    }
    header(exchange, "Access-Control-Allow-Origin", "*");
    header(exchange, "Access-Control-Expose-Headers",
           "ETag, Retry-After, WWW-Authenticate, X-Request-Id");
    header(exchange, "X-Content-Type-Options", "nosniff");
    header(exchange, "X-Request-Id", exchange->id);
    header(exchange, "Cache-Control",
           status == HUM_OK && reply->cache_control ? reply->cache_control : "no-store");
    exchange->out->status = reply->http;
    if (status == HUM_OK && *reply->etag) {
        header(exchange, "ETag", reply->etag);
    }
    if (status == HUM_OK && reply->location) {
        header(exchange, "Location", reply->location);
    }
    if (status == HUM_OK && *reply->cookie) {
        header(exchange, "Set-Cookie", reply->cookie);
    }
    if (status == HUM_OK && reply->vary) {
        header(exchange, "Vary", reply->vary);
    }
    if (status == HUM_OK && reply->encoding) {
        header(exchange, "Content-Encoding", reply->encoding);
    }
    if (status == HUM_OK && reply->policy) {
        header(exchange, "Content-Security-Policy", reply->policy);
    }
    if (status == HUM_OK && reply->file) {
        header(exchange, "Content-Type", type);
        send_file(exchange);
    } else if (reply->stream) {
        header(exchange, "Content-Type", type);
        send_stream(exchange);
    } else if (reply->body.len) {
        header(exchange, "Content-Type", type);
        if (ulfius_set_binary_body_response(exchange->out, (unsigned int)reply->http,
                                            reply->body.data, reply->body.len) != U_OK) {
            exchange->out->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
        }
    }
}

static int64_t clock_us(clockid_t clock) {
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static size_t body_len(const struct reply *reply) {
    return reply->file ? reply->file->len : reply->body.len;
}

static void log_access(const struct exchange *exchange, int64_t began_us, int64_t us) {
    const struct _u_request *in = exchange->in;
    bool has_body = strcmp(in->http_verb, "HEAD") != 0;
    struct access_entry entry = {
        .at_ms = clock_us(CLOCK_REALTIME) / 1000,
        .request_id = exchange->id,
        .method = in->http_verb,
        .route = exchange->resource,
        .path = exchange->request.path,
        .status = (int)exchange->out->status,
        .us = us,
        .bytes = has_body ? body_len(&exchange->reply) : 0,
        .user = exchange->request.caller.user,
        .client = exchange->request.client,
    };
    char line[ACCESS_LINE_MAX];

    if (exchange->sending && sending_log(exchange->sending, &entry, began_us)) {
        return;
    }
    lines_put(LINES_OUT, line, access_line(&entry, line));
}

static void finish(struct exchange *exchange) {
    lease_return(&exchange->request.lease);
    json_decref(exchange->request.body);
    buf_free(&exchange->reply.body);
    free(exchange->reply.location);
    free(exchange->query_text);
}

void dispatch(struct api *api, const struct _u_request *in, struct _u_response *out,
              const struct sockaddr *peer) {
    int64_t began = clock_us(CLOCK_MONOTONIC);
    struct exchange exchange = {
        .in = in, .out = out, .request = {.api = api, .lease = {.pool = api->pool}}};

    tally_begin(api->tally);
    request_id(u_map_get_case(in->map_header, "X-Request-Id"), exchange.id);
    enum hum_status status = open_exchange(&exchange, peer) ? serve(&exchange) : HUM_INTERNAL;
    answer(&exchange, status);
    int64_t us = clock_us(CLOCK_MONOTONIC) - began;
    size_t route = exchange.route ? (size_t)(exchange.route - routes) : routes_count;
    tally_end(api->tally, route, (int)out->status, us);
    log_access(&exchange, began, us);
    finish(&exchange);
}

enum hum_status dispatch_tally(struct tally **ret_tally) {
    enum hum_status status = tally_new(routes_count, ret_tally);

    for (size_t i = 0; status == HUM_OK && i < routes_count; i++) {
        tally_name(*ret_tally, i, routes[i].method, routes[i].path);
    }
    return status;
}
