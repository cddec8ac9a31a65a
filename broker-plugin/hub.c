#include "hub.h"

#include <stdarg.h>
#include <stdio.h>

void hub_post(struct hub *hub, void *item) {
    if (mailbox_push(&hub->box, &((struct item *)item)->mail) && hub->wake) {
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
