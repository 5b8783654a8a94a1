#include "scenario/arithmetic.h"

#include <assert.h>
#include <math.h>

#include "scenario/arithmetic_walk.h"
#include "scenario/fault_words.h"
#include "scenario/source.h"

/* --- the walk --------------------------------------------------------------------------------- */

/* A good answer, on average: its first token, then the others at the model's pace. */
static double answer_s(const struct model *model, uint64_t output_tokens)
{
    double gap_s =
        model->has_token_gap ? distribution_mean(&model->token_gap) / 1e9 : 1 / model->tokens_per_s;

    return distribution_mean(&model->first_token) / 1e9 + (double)(output_tokens - 1) * gap_s;
}

static void count_second(struct walk_sums *sums, nanos due_at)
{
    nanos second = due_at / NANOS_S;

    if (second != sums->second)
        sums->in_second = 0;
    sums->second = second;
    sums->in_second++;
    if (sums->in_second > sums->in_second_most)
        sums->in_second_most = sums->in_second;
}

static void count_answer(const struct scenario *scenario, const struct call_plan *plan,
                         struct walk_sums *sums, struct arithmetic *sum)
{
    const struct model *model = &scenario->models[plan->model];
    double lasts_s = answer_s(model, plan->output_tokens > 0 ? plan->output_tokens : 1);
    nanos ends_at = plan->due_at + (nanos)(lasts_s * 1e9);

    sums->busy_s += lasts_s;
    sums->models[plan->model].busy_s += lasts_s;
    sums->too_long += lasts_s > (double)scenario->load.deadline / 1e9;
    sums->too_large += plan->input_tokens > model->context_window;
    sum->lasts_least = nanos_max(sum->lasts_least, ends_at);
}

/* Whom the buckets would refuse if every call were its first attempt, and took what it is given. */
static void count_limits(const struct call_plan *plan, struct walk_sums *sums)
{
    struct limiter_verdict verdict;

    sums->models[plan->model].calls++;
    limiter_take(&sums->models[plan->model].limiter, plan->input_tokens, plan->output_tokens,
                 plan->due_at, &verdict);
    if (verdict.is_admitted)
        return;
    sums->models[plan->model].refused[verdict.kind]++;
    sums->models[plan->model].hopeless += verdict.is_hopeless;
}

static void count_rules(const struct scenario *scenario, const struct call_plan *plan,
                        struct walk_sums *sums, struct arithmetic *sum)
{
    const struct chaos *chaos = &scenario->chaos;
    const struct model *model = &scenario->models[plan->model];
    char id[CALL_ID_TEXT_MAX];
    struct attempt_facts facts = {
        .provider = slice_of(scenario->providers[model->provider].name),
        .model = model,
        .call = {id, call_id_write(scenario, plan->id, id)},
        .attempt = 1,
        .input_tokens = plan->input_tokens,
        .output_tokens = plan->output_tokens,
        .output_tokens_max = UINT64_MAX,
        .stream = plan->stream,
        .quirks_impossible = fault_quirks_impossible(scenario->apis[plan->model]),
    };
    uint64_t matched = 0;

    for (uint32_t i = 0; i < chaos->phases.count; i++)
        sums->in_phase[i] += phase_is_open(&sums->phases.list[i], plan->due_at);
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        if (!phase_is_open(&sums->phases.list[chaos->rules[i].phase], plan->due_at) ||
            !chaos_rule_matches(&chaos->rules[i], &facts))
            continue;
        sum->rules[i].calls++;
        sums->laid[i] += chaos_rule_chance(chaos, i, &facts);
        matched |= (uint64_t)!chaos_rule_is_ordered(&chaos->rules[i]) << i;
    }
    chaos_add_chances(chaos, matched, sums->firings);
}

static void end_window(const struct scenario *scenario, uint32_t budget, struct walk_sums *sums,
                       struct arithmetic *sum)
{
    money spent = sums->windows[budget].spent;

    if (spent > sum->budgets[budget].most)
        sum->budgets[budget].most = spent;
    sum->budgets[budget].breaches += spent > scenario->monitor.budgets[budget].limit;
    sums->windows[budget].spent = 0;
}

/* Calls come in the order in which they are due, so one window at a time is enough. */
static void count_window(const struct scenario *scenario, uint32_t budget, nanos due_at, money cost,
                         struct walk_sums *sums, struct arithmetic *sum)
{
    int64_t index = due_at / scenario->monitor.budgets[budget].per;

    if (index != sums->windows[budget].index)
        end_window(scenario, budget, sums, sum);
    sums->windows[budget].index = index;
    sums->windows[budget].spent = money_add(sums->windows[budget].spent, cost);
}

static void count_cost(const struct scenario *scenario, const struct call_plan *plan,
                       struct walk_sums *sums, struct arithmetic *sum)
{
    struct usage usage = {
        .is_known = true, .input_tokens = plan->input_tokens, .output_tokens = plan->output_tokens};
    money cost = 0;

    if (!price_cost(&scenario->prices[plan->model], scenario->apis[plan->model], &usage, &cost))
        sum->calls_unpriced++;
    sum->cost = money_add(sum->cost, cost);
    for (uint32_t i = 0; i < scenario->monitor.budgets_count; i++)
        count_window(scenario, i, plan->due_at, cost, sums, sum);
}

static void walk_calls(const struct scenario *scenario, struct walk_sums *sums,
                       struct arithmetic *sum)
{
    struct source source;
    struct call_plan plan;

    for (uint32_t i = 0; i < scenario->models_count; i++)
        limiter_init(&sums->models[i].limiter, &scenario->models[i].limits);
    source_init(&source, scenario);
    while (source_next(&source, &plan)) {
        if (sum->calls++ == 0)
            phases_first_request(&sums->phases, plan.due_at);
        sum->input_tokens += plan.input_tokens;
        sum->output_tokens += plan.output_tokens;
        sum->lasts_most = plan.due_at; /* of the last */
        count_second(sums, plan.due_at);
        count_answer(scenario, &plan, sums, sum);
        count_limits(&plan, sums);
        count_rules(scenario, &plan, sums, sum);
        count_cost(scenario, &plan, sums, sum);
    }
    for (uint32_t i = 0; i < scenario->monitor.budgets_count; i++) {
        end_window(scenario, i, sums, sum);
        sum->budgets[i].windows =
            (uint64_t)((scenario->load.lasts - 1) / scenario->monitor.budgets[i].per) + 1;
    }
}

void arithmetic_of(const struct scenario *scenario, struct arithmetic *sum)
{
    const struct load *load = &scenario->load;
    struct walk_sums sums = {.second = -1, .phases = scenario->chaos.phases};
    double load_s = (double)load->lasts / 1e9;

    assert(load->lasts > 0);
    *sum = (struct arithmetic){0};
    if (scenario->subject == SUBJECT_EXEC) { /* its calls are its own affair */
        arithmetic_warn_of_a_program(scenario, sum);
        return;
    }
    sum->attempts_max = conduct_attempts_max(&scenario->client);
    walk_calls(scenario, &sums, sum);
    for (uint32_t i = 0; i < scenario->chaos.rules_count; i++)
        sum->rules[i].firings = sums.firings[i];
    sum->calls_per_s = (double)sum->calls / load_s;
    sum->calls_per_s_peak = (double)sums.in_second_most;
    sum->in_flight_mean = fmin(sums.busy_s / load_s, (double)sum->calls); /* a burst: all of it */
    sum->lasts_most = nanos_add(sum->lasts_most, load->drain);
    sum->lasts_least = nanos_min(sum->lasts_least, sum->lasts_most);
    arithmetic_warn(scenario, &sums, sum);
}
