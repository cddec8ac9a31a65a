/* How long the broker's thread may wait for the rights of users: 10 ms a time, 50 ms in any second,
 * and no more once a wait has been in vain, until a load succeeds. The broker's thread. */
#ifndef HUM_BUDGET_H
#define HUM_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum { BUDGET_ONCE_MS = 10, BUDGET_SECOND_MS = 50 };

struct budget {
    int64_t second; /* milliseconds of a steady clock at which the current second began */
    int64_t spent;
    bool in_vain;
};

/* Milliseconds that may be waited now; 0: not at all. now: milliseconds of a steady clock. */
int64_t budget_allows(struct budget *budget, int64_t now);
/* A wait is over. loaded: what it waited for has come. */
void budget_spend(struct budget *budget, int64_t ms, bool loaded);
/* A load has come: waiting makes sense again. */
void budget_renew(struct budget *budget);

#endif
