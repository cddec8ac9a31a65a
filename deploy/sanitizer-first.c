/* Preloaded into Mosquitto together with a sanitizer's runtime, to start the runtime before any
 * other library's constructor runs (linked with -z initfirst).
 *
 * Otherwise it starts at the first malloc of the process, which is one that libgpg-error's
 * constructor makes inside bindtextdomain(), under a lock of the C library. Starting, the runtime
 * asks dlerror() for a message, whose translation takes and gives back the same lock: it stays
 * broken, and the first connection to PostgreSQL waits for it forever. */

#include <stdlib.h>

static void *volatile first;

__attribute__((constructor)) static void start_runtime(void) {
    first = malloc(1);
    free(first);
}
