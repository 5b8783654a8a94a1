#include "policy/cause.h"

#include "base/attributes.h"

enum { STATUS_MIN = 300, STATUS_MAX = 599 };

static const outcome_set NETWORK = OUTCOME_BIT(OUTCOME_DNS) | OUTCOME_BIT(OUTCOME_CONNECT) |
                                   OUTCOME_BIT(OUTCOME_TLS) | OUTCOME_BIT(OUTCOME_RESET_BEFORE) |
                                   OUTCOME_BIT(OUTCOME_RESET_AFTER);

/* How a call can end, but no attempt can fail. */
static const outcome_set NEVER_A_CAUSE =
    OUTCOME_BIT(OUTCOME_OK) | OUTCOME_BIT(OUTCOME_USELESS) | OUTCOME_BIT(OUTCOME_CANCELLED) |
    OUTCOME_BIT(OUTCOME_CLIENT_CRASH) | OUTCOME_BIT(OUTCOME_SHED) | OUTCOME_BIT(OUTCOME_UNFINISHED);

static bool has_status(const struct cause_set *set, uint16_t status)
{
    for (uint32_t i = 0; i < set->statuses_count; i++) {
        if (set->statuses[i] == status)
            return true;
    }
    return false;
}

bool cause_set_has(const struct cause_set *set, enum outcome outcome, uint16_t status)
{
    if (outcome == OUTCOME_OK)
        return false;
    if (set->outcomes & OUTCOME_BIT(outcome))
        return true;
    if (set->has_5xx && status >= 500)
        return true;
    return status != 0 && has_status(set, status);
}

bool cause_set_is_empty(const struct cause_set *set)
{
    return set->outcomes == 0 && set->statuses_count == 0 && !set->has_5xx;
}

static bool add_status(struct cause_set *set, uint64_t status)
{
    if (status < STATUS_MIN || status > STATUS_MAX)
        return false;
    if (has_status(set, (uint16_t)status))
        return true;
    if (set->statuses_count == ARRAY_SIZE(set->statuses))
        return false;
    set->statuses[set->statuses_count++] = (uint16_t)status;
    return true;
}

static bool add_outcome(struct cause_set *set, struct slice word)
{
    enum outcome outcome;

    if (!outcome_find(word, &outcome) || (OUTCOME_BIT(outcome) & NEVER_A_CAUSE))
        return false;
    set->outcomes |= OUTCOME_BIT(outcome);
    return true;
}

bool cause_set_add(struct cause_set *set, struct slice word)
{
    uint64_t status;

    if (slice_u64(word, &status))
        return add_status(set, status);
    if (slice_is(word, SLICE("timeout"))) {
        set->outcomes |= OUTCOME_TIMEOUTS;
        return true;
    }
    if (slice_is(word, SLICE("network"))) {
        set->outcomes |= NETWORK;
        return true;
    }
    if (slice_is(word, SLICE("5xx"))) {
        set->has_5xx = true;
        return true;
    }
    return add_outcome(set, word);
}
