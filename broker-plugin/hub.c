#include "hub.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

int64_t hub_now_us(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void hub_post(struct hub *hub, void *posted) {
    struct item *item = posted;

    item->posted_us = hub_now_us();
    if (mailbox_push(&hub->box, &item->mail) && hub->wake) {
        wake_signal(hub->wake);
    }
}

void hub_log(struct hub *hub, bool error, const char *format, ...) {
    struct log_item *item = item_new(ITEM_LOG, sizeof *item);
    va_list args;

    if (!item) {
        return;
    }
    item->error = error;
    va_start(args, format);
    vsnprintf(item->line, sizeof item->line, format, args);
    va_end(args);
    hub_post(hub, item);
}
