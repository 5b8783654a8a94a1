#include "engine/stake.h"

/* --- one attempt, one call -------------------------------------------------------------------- */

struct size {
    uint64_t input_tokens, output_tokens;
};

static struct size size_of(uint64_t input_tokens, uint64_t output_tokens)
{
    return (struct size){input_tokens + STAKE_EXTRA_TOKENS, output_tokens > 0 ? output_tokens : 1};
}

static money attempt_at(const struct scenario *scenario, uint32_t model, struct size size)
{
    struct usage usage = {
        .is_known = true, .input_tokens = size.input_tokens, .output_tokens = size.output_tokens};
    money cost = 0;

    if (!price_cost(&scenario->prices[model],
                    scenario->providers[scenario->models[model].provider].api, &usage, &cost))
        return MONEY_MAX;
    return cost;
}

/* At the dearest model that the call may reach. */
static money attempt_worst(const struct scenario *scenario, uint32_t model, struct size size)
{
    const struct client_policy *policy = &scenario->client;
    money worst = attempt_at(scenario, model, size);

    for (uint32_t i = 0; i < policy->fallbacks_count; i++) {
        uint32_t to = scenario_model(scenario, slice_of(policy->fallbacks[i].to));
        money cost = to < SCENARIO_MODELS_MAX ? attempt_at(scenario, to, size) : 0;

        if (cost > worst)
            worst = cost;
    }
    return worst;
}

static uint32_t attempts_max(const struct scenario *scenario)
{
    uint32_t most = conduct_attempts_max(&scenario->client);

    return most < CONDUCT_ATTEMPTS_MAX ? most : CONDUCT_ATTEMPTS_MAX;
}

static money call_worst(const struct scenario *scenario, uint32_t model, struct size size)
{
    return money_times(attempt_worst(scenario, model, size), attempts_max(scenario));
}

/* --- before the start ------------------------------------------------------------------------- */

struct stake_estimate stake_estimate(const struct scenario *scenario)
{
    struct stake_estimate sum = {.attempts_max = attempts_max(scenario)};
    struct call_plan plan;
    struct source source;

    source_init(&source, scenario);
    while (source_next(&source, &plan)) {
        struct size size = size_of(plan.input_tokens, plan.output_tokens);

        sum.calls++;
        sum.input_tokens += size.input_tokens;
        sum.output_tokens += size.output_tokens;
        sum.worst = money_add(sum.worst, call_worst(scenario, plan.model, size));
    }
    return sum;
}

uint32_t stake_unpriced(const struct scenario *scenario)
{
    const struct load *load = &scenario->load;
    const struct client_policy *policy = &scenario->client;

    for (uint32_t i = 0; i < load->requests_count; i++)
        if (!scenario->prices[load->requests[i].model].is_known)
            return load->requests[i].model;
    for (uint32_t i = 0; i < policy->fallbacks_count; i++) {
        uint32_t to = scenario_model(scenario, slice_of(policy->fallbacks[i].to));

        if (to < SCENARIO_MODELS_MAX && !scenario->prices[to].is_known)
            return to;
    }
    return SCENARIO_MODELS_MAX;
}

/* --- while it runs ---------------------------------------------------------------------------- */

static money next_worst(const struct stake *s)
{
    return call_worst(s->scenario, s->next.model,
                      size_of(s->next.input_tokens, s->next.output_tokens));
}

void stake_init(struct stake *s, const struct scenario *scenario)
{
    *s = (struct stake){.scenario = scenario, .excess = 1};
    source_init(&s->source, scenario);
    s->has_next = source_next(&s->source, &s->next);
}

static void note_excess(struct stake *s, money cost, money worst)
{
    uint64_t times = worst > 0 ? (uint64_t)((cost - 1) / worst) + 1 : 1; /* rounded up */

    if (cost > worst && times > s->excess)
        s->excess = times;
}

void stake_note(struct stake *s, const struct call_record *call)
{
    struct size size = size_of(call->input_tokens_asked, call->output_tokens_asked);
    money attempt = attempt_worst(s->scenario, call->model_asked, size);
    money worst = call_worst(s->scenario, call->model_asked, size);
    money cost = money_add(call->cost, money_times(attempt, call->cost_unknown));

    s->calls_ended++;
    s->spent = money_add(s->spent, cost);
    s->ended_worst = money_add(s->ended_worst, worst);
    note_excess(s, cost, worst);
}

static void take_due(struct stake *s, nanos now)
{
    while (s->has_next && s->next.due_at <= now) {
        s->due_worst = money_add(s->due_worst, next_worst(s));
        s->has_next = source_next(&s->source, &s->next);
    }
}

/* A call may end, and be noted, before anybody looked whether it was due. */
money stake_at(struct stake *s, nanos now)
{
    money open;

    take_due(s, now);
    open = s->due_worst > s->ended_worst ? s->due_worst - s->ended_worst : 0;
    if (s->has_next)
        open = money_add(open, next_worst(s));
    return money_add(s->spent, money_times(open, s->excess));
}

bool stake_is_over(struct stake *s, nanos now)
{
    return stake_at(s, now) > s->scenario->spend_limit;
}
