/* A name's addresses, looked up on a thread that nobody has to wait for: getaddrinfo may take half
 * a minute and cannot be interrupted. */
#ifndef HUM_MOBILE_RESOLVE_H
#define HUM_MOBILE_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>

enum { RESOLVE_MAX = 8 /* addresses that are kept */ };

struct resolve;

/* wake(arg) is called on the other thread when there is a result, never after resolve_drop. An
 * address is its own result, at once. NULL: no memory. */
struct resolve *resolve_start(const char *host, void (*wake)(void *arg), void *arg);
bool resolve_done(struct resolve *resolve);
/* The address of a number, as digits; NULL: there are no more, or none. Only when done. */
const char *resolve_address(struct resolve *resolve, size_t number);
/* Does not wait. NULL is taken. */
void resolve_drop(struct resolve *resolve);

#endif
