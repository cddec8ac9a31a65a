#include "health.h"

#include "api.h"
#include "domain/health.h"

static enum hum_status reply_ok(struct reply *reply) {
    buf_text(&reply->body, "{\"status\":\"ok\"}");
    return HUM_OK;
}

enum hum_status handle_health_live(struct request *request, struct reply *reply) {
    (void)request;
    return reply_ok(reply);
}

enum hum_status handle_health_ready(struct request *request, struct reply *reply) {
    HTTP_TRY(health_ready(request->api->pool));
    return reply_ok(reply);
}
