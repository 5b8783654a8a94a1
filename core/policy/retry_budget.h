#ifndef POLICY_RETRY_BUDGET_H
#define POLICY_RETRY_BUDGET_H

/* A retry budget: how many retries an application instance may make in proportion to its calls, so
 * that it never answers an overload with several times the load (INC-10).
 *
 * A bucket: every call puts its `share` of a retry in, every retry takes one out, and without a
 * whole one there is none to make. It holds RETRY_BUDGET_BURST retries and is full at first, so
 * that single failures are retried however few calls there are. *Ordered*: which retry finds the
 * bucket empty depends on the order of events.
 *
 * Happy path: failures are rare, the bucket stays full, every retry is made. Failure modes: none of
 * its own. Pure, exact: it counts in millionths of a retry. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

enum { RETRY_BUDGET_BURST = 10 };

struct retry_budget_rules {
    bool is_on;   /* else retries are not counted */
    double share; /* retries a call, 0 to 1 */
};

struct retry_budget {
    const struct retry_budget_rules *rules; /* borrowed; NULL: no budget */
    uint64_t level;                         /* millionths */
};

void retry_budget_init(struct retry_budget *b, const struct retry_budget_rules *rules);

void retry_budget_earn(struct retry_budget *b); /* a call begins */
bool retry_budget_has(const struct retry_budget *b);
void retry_budget_spend(struct retry_budget *b); /* only if it has one */

#endif
