#include "engine/upstream_state.h"

#include <assert.h>

/* --- rate limits ------------------------------------------------------------------------------ */

static nanos round_up(nanos span, nanos unit)
{
    return nanos_add(span, unit - 1) / unit * unit;
}

/* As each provider advises once a bucket is empty: whole seconds; OpenAI also to the millisecond;
 * Gemini in the body alone. Waiting is no help to what exceeds the whole bucket. */
static void advise(struct exchange *x, nanos wait)
{
    if (x->limit.is_hopeless)
        return;
    switch (api_family(x->api)) {
    case API_ANTHROPIC:
        x->plan.advice = PLAN_ADVICE_SECONDS;
        x->plan.advice_wait = round_up(wait, NANOS_S);
        break;
    case API_OPENAI_CHAT:
        x->plan.advice = PLAN_ADVICE_MS;
        x->plan.advice_wait = round_up(wait, NANOS_MS);
        break;
    default:
        break;
    }
}

/* Every attempt is charged, whatever comes of it; an answer it stays only when there was enough. */
static void charge(struct upstream *u, struct exchange *x, uint64_t output_tokens_max, nanos now)
{
    struct limiter *limiter = &u->limiters[x->record.model];
    uint64_t tokens = output_tokens_max != UINT64_MAX ? output_tokens_max : x->plan.output_tokens;
    uint64_t rules_matched = x->plan.rules_matched;
    struct limiter_verdict verdict;

    if (!limits_any(limiter->limits))
        return;
    limiter_take(limiter, x->plan.input_tokens, tokens, now, &verdict);
    x->is_charged = verdict.is_admitted;
    x->tokens_charged = tokens;
    if (verdict.is_admitted || x->plan.kind != PLAN_ANSWER || x->plan.rule != PLAN_NO_RULE)
        return;
    x->is_over_the_limit = true;
    x->limit = verdict;
    x->record.is_limited = true;
    x->record.limited_by = verdict.kind;
    requests_refuse(x, OUTCOME_RATE_LIMITED, 429);
    x->plan.rules_matched = rules_matched;
    advise(x, verdict.wait);
}

static void settle(struct upstream *u, struct exchange *x, nanos now)
{
    if (!x->is_charged)
        return;
    limiter_settle(&u->limiters[x->record.model], x->tokens_charged, x->record.tokens_written, now);
    x->is_charged = false;
}

/* --- capacity --------------------------------------------------------------------------------- */

static uint32_t alarm_of(const struct upstream *u, uint32_t model)
{
    return u->options.exchanges_max + model;
}

/* How long the answer takes, were nothing to end it before its time: a stall is no work, but work
 * for a stalled client goes on. */
static nanos work_of(const struct plan *plan)
{
    struct plan whole = *plan;

    whole.ending = PLAN_WHOLE;
    return plan_ends_at(&whole);
}

static nanos stretched(nanos span, double factor)
{
    double longer = (double)span * factor;

    return longer < 0x1p62 ? (nanos)(longer + 0.5) : (nanos)1 << 62;
}

static void start(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    double factor = capacity_slowdown(u->capacities[x->record.model], index);

    if (factor > 1.0) {
        x->plan.first_token = stretched(x->plan.first_token, factor);
        x->plan.token_gap = stretched(x->plan.token_gap, factor);
    }
    upstream_start(u, index, now);
}

/* The share of the model's places that work now, and when that may change. */
static double share_open(const struct upstream *u, uint32_t model, nanos now, nanos *until)
{
    const struct model *of = &u->scenario->models[model];

    return chaos_capacity(&u->chaos, slice_of(u->scenario->providers[of->provider].name),
                          slice_of(of->name), now, until);
}

void order_wake(struct upstream *u, uint32_t model, nanos now)
{
    struct capacity *capacity = u->capacities[model];
    nanos until = NANOS_NEVER;
    uint32_t index;

    if (capacity == NULL)
        return;
    capacity_shrink(capacity, share_open(u, model, now, &until), now);
    while (capacity_next(capacity, now, &index)) {
        u->exchanges[index].record.queued = now - u->exchanges[index].begun_at;
        start(u, index, now);
    }
    timers_set(&u->timers, alarm_of(u, model), nanos_min(until, capacity_wakes_at(capacity)));
}

static enum outcome failure_when_full(uint16_t status)
{
    return status == 429                    ? OUTCOME_RATE_LIMITED
           : status == 503 || status == 529 ? OUTCOME_OVERLOADED
                                            : OUTCOME_SERVER_ERROR;
}

static void take_place(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct capacity *capacity = u->capacities[x->record.model];
    const struct capacity_rules *rules = &u->scenario->models[x->record.model].capacity;

    order_wake(u, x->record.model, now);
    switch (capacity_admit(capacity, index, work_of(&x->plan), now)) {
    case CAPACITY_RUNS:
        x->has_place = true;
        start(u, index, now);
        break;
    case CAPACITY_WAITS:
        x->has_place = true;
        x->state = EXCHANGE_WAITING;
        timers_set(&u->timers, index, NANOS_NEVER);
        break;
    case CAPACITY_REFUSED:
        requests_refuse(x, failure_when_full(rules->when_full), rules->when_full);
        break;
    }
    timers_set(&u->timers, alarm_of(u, x->record.model),
               nanos_min(u->timers.at[alarm_of(u, x->record.model)], capacity_wakes_at(capacity)));
}

/* --- both ------------------------------------------------------------------------------------- */

void order_admit(struct upstream *u, uint32_t index, uint64_t output_tokens_max, nanos now)
{
    struct exchange *x = &u->exchanges[index];

    assert(x->record.model < u->scenario->models_count);
    if (!u->is_ordered[x->record.model])
        return;
    charge(u, x, output_tokens_max, now);
    if (x->plan.kind == PLAN_ANSWER && u->capacities[x->record.model] != NULL)
        take_place(u, index, now);
}

void order_leave(struct upstream *u, uint32_t index, bool is_abandoned, nanos now)
{
    struct exchange *x = &u->exchanges[index];

    settle(u, x, now);
    if (!x->has_place)
        return;
    x->has_place = false;
    capacity_leave(u->capacities[x->record.model], index, is_abandoned, now);
    order_wake(u, x->record.model, now);
}

enum rc order_init(struct upstream *u)
{
    const struct scenario *scenario = u->scenario;

    order_reset(u);
    for (uint32_t model = 0; model < scenario->models_count; model++) {
        const struct capacity_rules *rules = &scenario->models[model].capacity;

        u->is_ordered[model] = rules->places > 0 || limits_any(&scenario->models[model].limits);
        if (rules->places == 0)
            continue;
        TRY(capacity_new(&u->capacities[model], rules, u->options.exchanges_max,
                         u->options.memory));
    }
    return RC_OK;
}

void order_deinit(struct upstream *u)
{
    for (uint32_t model = 0; model < u->scenario->models_count; model++)
        capacity_free(u->capacities[model]);
}

void order_reset(struct upstream *u)
{
    for (uint32_t model = 0; model < u->scenario->models_count; model++)
        limiter_init(&u->limiters[model], &u->scenario->models[model].limits);
}
