#include "bodies.h"

#include <orcania.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "routes.h"

static _Atomic int large;

static _Thread_local struct {
    bool receiving;
    bool large; /* counted among them */
} own;

static bool may_grow(size_t size) {
    if (!own.receiving || own.large || size <= BODY_DEFAULT + 1) {
        return true;
    }
    if (atomic_fetch_add(&large, 1) >= BODIES_LARGE_MAX) {
        atomic_fetch_sub(&large, 1);
        return false;
    }
    own.large = true;
    return true;
}

/* While a request comes, Ulfius calls this for its body alone. Refused, it closes the connection
 * and forgets the memory that it had. */
static void *grow(void *memory, size_t size) {
    if (!may_grow(size)) {
        free(memory);
        return NULL;
    }
    return realloc(memory, size);
}

void bodies_install(void) { o_set_alloc_funcs(malloc, grow, free); }

void bodies_begin(void) {
    bodies_end();
    own.receiving = true;
}

void bodies_received(void) { own.receiving = false; }

void bodies_end(void) {
    if (own.large) {
        atomic_fetch_sub(&large, 1);
    }
    own.large = own.receiving = false;
}
