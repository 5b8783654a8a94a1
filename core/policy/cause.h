#ifndef POLICY_CAUSE_H
#define POLICY_CAUSE_H

/* A set of causes: why an attempt failed, by outcome word or by HTTP status. In a scenario:
 * [529, 503, "timeout", "connect", "rate_limited"]. A number matches that status; a word matches
 * that outcome; "timeout" is every timeout, "5xx" every status from 500, "network" is dns, connect,
 * tls, reset_before and reset_after. A zeroed set is empty.
 *
 * Mind the difference: 429 matches an account without money too (wire-facts.md §3.4), rate_limited
 * does not. Words that name no failure of an attempt (ok, useless, cancelled, client_crash, shed,
 * unfinished) and statuses outside 300 to 599 are not causes. */

#include <stdbool.h>
#include <stdint.h>

#include "base/outcome.h"
#include "base/slice.h"

enum { CAUSE_STATUSES_MAX = 16 };

struct cause_set {
    outcome_set outcomes;
    uint16_t statuses[CAUSE_STATUSES_MAX];
    uint32_t statuses_count;
    bool has_5xx;
};

/* `status` is 0 where no answer came. OUTCOME_OK is never a cause. */
bool cause_set_has(const struct cause_set *set, enum outcome outcome, uint16_t status);

bool cause_set_is_empty(const struct cause_set *set);

/* Adds a word ("timeout", "529", "overloaded", "5xx", "network"). False: not a known cause, or
 * full. */
bool cause_set_add(struct cause_set *set, struct slice word);

#endif
