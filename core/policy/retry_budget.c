#include "policy/retry_budget.h"

#include <assert.h>
#include <stddef.h>

static const uint64_t ONE = 1000000;
static const uint64_t FULL = 1000000 * (uint64_t)RETRY_BUDGET_BURST;

static bool is_on(const struct retry_budget *b)
{
    return b->rules != NULL && b->rules->is_on;
}

void retry_budget_init(struct retry_budget *b, const struct retry_budget_rules *rules)
{
    *b = (struct retry_budget){.rules = rules};
    if (is_on(b))
        b->level = FULL;
}

void retry_budget_earn(struct retry_budget *b)
{
    if (!is_on(b))
        return;
    b->level += (uint64_t)(b->rules->share * (double)ONE + 0.5);
    if (b->level > FULL)
        b->level = FULL;
}

bool retry_budget_has(const struct retry_budget *b)
{
    return !is_on(b) || b->level >= ONE;
}

void retry_budget_spend(struct retry_budget *b)
{
    assert(retry_budget_has(b));
    if (is_on(b))
        b->level -= ONE;
}
