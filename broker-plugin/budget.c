#include "budget.h"

int64_t budget_allows(struct budget *budget, int64_t now) {
    if (now - budget->second >= 1000) {
        budget->second = now;
        budget->spent = 0;
    }
    int64_t left = BUDGET_SECOND_MS - budget->spent;
    if (budget->in_vain || left <= 0) {
        return 0;
    }
    return left < BUDGET_ONCE_MS ? left : BUDGET_ONCE_MS;
}

void budget_spend(struct budget *budget, int64_t ms, bool loaded) {
    budget->spent += ms;
    budget->in_vain = !loaded;
}

void budget_renew(struct budget *budget) { budget->in_vain = false; }
