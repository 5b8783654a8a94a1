#include "scenario/arithmetic.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scenario/base_url.h"
#include "scenario/source.h"

/* The condition `faults-consumed` speaks of a rule only where so many firings are expected. */
static const double FIRINGS_FOR_A_JUDGEMENT = 10;

/* What is gathered on the walk through the calls, and not shown. */
struct walk_sums {
    nanos second; /* the one being counted */
    uint64_t in_second, in_second_most;
    double busy_s;      /* of all good answers together */
    uint64_t too_long;  /* undisturbed answers that take longer than the deadline */
    uint64_t too_large; /* inputs beyond their model's own window */
    uint64_t in_phase[PHASES_MAX];
    struct {
        int64_t index; /* the one being filled */
        money spent;
    } windows[MONITOR_BUDGETS_MAX];
};

PRINTF_LIKE(3, 4)
static void warn(struct arithmetic *sum, struct json_position position, const char *format, ...)
{
    va_list arguments;

    if (sum->warnings_count == WARNINGS_MAX)
        return;
    sum->warnings[sum->warnings_count].position = position;
    va_start(arguments, format);
    vsnprintf(sum->warnings[sum->warnings_count].text, sizeof(sum->warnings[0].text), format,
              arguments);
    va_end(arguments);
    sum->warnings_count++;
}

/* --- the walk --------------------------------------------------------------------------------- */

/* A good answer, on average: its first token, then the others at the model's pace. */
static double answer_s(const struct model *model, uint64_t output_tokens)
{
    return distribution_mean(&model->first_token) / 1e9 +
           (double)(output_tokens - 1) / model->tokens_per_s;
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
    sums->too_long += lasts_s > (double)scenario->load.deadline / 1e9;
    sums->too_large += plan->input_tokens > model->context_window;
    sum->lasts_least = nanos_max(sum->lasts_least, ends_at);
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
    };

    for (uint32_t i = 0; i < chaos->phases.count; i++)
        sums->in_phase[i] += phase_is_open(&chaos->phases.list[i], plan->due_at);
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        if (!phase_is_open(&chaos->phases.list[chaos->rules[i].phase], plan->due_at) ||
            !chaos_rule_matches(&chaos->rules[i], &facts))
            continue;
        sum->rules[i].calls++;
        sum->rules[i].firings += chaos_rule_chance(chaos, i, &facts);
    }
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

    if (!price_cost(&scenario->prices[plan->model],
                    scenario->providers[scenario->models[plan->model].provider].api, &usage, &cost))
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

    source_init(&source, scenario);
    while (source_next(&source, &plan)) {
        sum->calls++;
        sum->input_tokens += plan.input_tokens;
        sum->output_tokens += plan.output_tokens;
        sum->lasts_most = plan.due_at; /* of the last */
        count_second(sums, plan.due_at);
        count_answer(scenario, &plan, sums, sum);
        count_rules(scenario, &plan, sums, sum);
        count_cost(scenario, &plan, sums, sum);
    }
    for (uint32_t i = 0; i < scenario->monitor.budgets_count; i++) {
        end_window(scenario, i, sums, sum);
        sum->budgets[i].windows =
            (uint64_t)((scenario->load.lasts - 1) / scenario->monitor.budgets[i].per) + 1;
    }
}

/* --- warnings --------------------------------------------------------------------------------- */

static void warn_of_load(const struct scenario *scenario, const struct walk_sums *sums,
                         struct arithmetic *sum)
{
    const struct load *load = &scenario->load;

    if (sum->calls == 0)
        warn(sum, scenario->places.parts[0], "the load makes no call at all");
    if (sum->in_flight_mean > load->in_flight_max)
        warn(sum, scenario->places.parts[0],
             "about %.0f calls in flight, but load.in_flight_max is %u: calls will wait, and the "
             "wait is send lag",
             sum->in_flight_mean, load->in_flight_max);
    if (sums->too_long > 0)
        warn(
            sum, scenario->places.requests[0],
            "of the calls, %llu ask for answers longer than the deadline although nothing is wrong",
            (unsigned long long)sums->too_long);
    if (sums->too_large > 0)
        warn(sum, scenario->places.requests[0],
             "of the calls, %llu exceed their model's own context window",
             (unsigned long long)sums->too_large);
}

static void warn_of_client(const struct scenario *scenario, struct arithmetic *sum)
{
    const struct client_policy *client = &scenario->client;
    struct json_position at = scenario->places.client;

    if (sum->attempts_max > CONDUCT_ATTEMPTS_MAX)
        warn(sum, at, "the layers multiply to %u attempts a call; it is cut at %d",
             sum->attempts_max, CONDUCT_ATTEMPTS_MAX);
    if (client->fallbacks_count > 0 && sum->attempts_max == 1)
        warn(sum, at, "going to another model is an attempt too: with 1 attempt none is left");
    for (uint32_t i = 0; i < client->fallbacks_count; i++) {
        if (sum->attempts_max > 1 && client->fallbacks[i].after >= sum->attempts_max)
            warn(sum, at, "fallback %u waits for %u attempts; the client makes %u at most", i + 1,
                 client->fallbacks[i].after, sum->attempts_max);
    }
}

static void warn_of_instances(const struct scenario *scenario, struct arithmetic *sum)
{
    if (scenario->instances > sum->calls)
        warn(sum, scenario->places.instances,
             "%u instances share %llu calls: some make none at all", scenario->instances,
             (unsigned long long)sum->calls);
}

static void warn_of_control(const struct scenario *scenario, struct arithmetic *sum)
{
    if (scenario->has_control && scenario->chaos.rules_count == 0)
        warn(sum, scenario->places.control,
             "there is no chaos to leave out: the control run is the same run twice");
}

/* Does the load ask it, or the client go there? */
static bool is_reached(const struct scenario *scenario, uint32_t model)
{
    const struct client_policy *client = &scenario->client;

    for (uint32_t i = 0; i < scenario->load.requests_count; i++) {
        if (scenario->load.requests[i].model == model)
            return true;
    }
    for (uint32_t i = 0; i < client->fallbacks_count; i++) {
        if (scenario_model(scenario, slice_of(client->fallbacks[i].to)) == model)
            return true;
    }
    return false;
}

static void warn_of_prices(const struct scenario *scenario, struct arithmetic *sum)
{
    bool has_limit = scenario->spend_limit != MONEY_MAX;

    if (!has_limit && scenario->monitor.budgets_count == 0)
        return;
    for (uint32_t i = 0; i < scenario->models_count; i++) {
        if (!scenario->prices[i].is_known && is_reached(scenario, i))
            warn(sum, scenario->places.models[i],
                 "model \"%s\" has no known price: what it costs counts towards no %s; give it a "
                 "\"price\"",
                 scenario->models[i].name, has_limit ? "spend_limit" : "budget");
    }
}

static void warn_of_spending(const struct scenario *scenario, struct arithmetic *sum)
{
    if (sum->cost > scenario->spend_limit)
        warn(
            sum, scenario->places.spend_limit,
            "the calls cost more than spend_limit although nothing is wrong: it will stop the run");
}

static bool is_paid_for(const struct scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->providers_count; i++) {
        if (scenario->target == TARGET_LIVE &&
            !base_url_is_loopback(scenario->providers[i].base_url))
            return true;
    }
    return false;
}

static void warn_of_no_limit(const struct scenario *scenario, struct arithmetic *sum)
{
    if (is_paid_for(scenario) && scenario->spend_limit == MONEY_MAX)
        warn(sum, (struct json_position){0},
             "the target is live: it cannot be run without a \"spend_limit\"");
}

/* A key over http can be read on its way. */
static void warn_of_open_keys(const struct scenario *scenario, struct arithmetic *sum)
{
    for (uint32_t i = 0; i < scenario->providers_count; i++) {
        const struct provider *provider = &scenario->providers[i];

        if (provider->key_env[0] != '\0' && !base_url_is_secure(provider->base_url) &&
            !base_url_is_loopback(provider->base_url))
            warn(sum, scenario->places.providers[i],
                 "the key of provider \"%s\" will travel unencrypted: its base URL is http",
                 provider->name);
    }
}

/* Rules of one phase lie end to end on [0, 1): what does not fit never fires. */
static void warn_of_shares(const struct scenario *scenario, uint32_t rule, struct arithmetic *sum)
{
    double wanted = scenario->chaos.rules[rule].share * (double)sum->rules[rule].calls;

    if (sum->rules[rule].firings < wanted * 0.999)
        warn(sum, scenario->places.rules[rule],
             "rule \"%s\" cannot have its share: those before it in phase \"%s\" leave too little "
             "of 100 %%",
             scenario->chaos.rules[rule].name,
             scenario->chaos.phases.list[scenario->chaos.rules[rule].phase].name);
}

static void warn_of_rule(const struct scenario *scenario, const struct walk_sums *sums,
                         uint32_t index, struct arithmetic *sum)
{
    const struct chaos_rule *rule = &scenario->chaos.rules[index];
    const char *phase = scenario->chaos.phases.list[rule->phase].name;
    struct json_position at = scenario->places.rules[index];

    if (rule->share <= 0)
        return;
    if (sums->in_phase[rule->phase] == 0)
        warn(sum, at, "no call is due in phase \"%s\"", phase);
    else if (sum->rules[index].calls == 0)
        warn(sum, at, "rule \"%s\" matches no first attempt of the calls due in phase \"%s\"",
             rule->name, phase);
    else if (sum->rules[index].firings < FIRINGS_FOR_A_JUDGEMENT && rule->sequence_count == 1)
        warn(sum, at, "rule \"%s\" will fire about %.1f times: too few to demand that it does",
             rule->name, sum->rules[index].firings);
    warn_of_shares(scenario, index, sum);
}

/* "response.p99{phase=overload} <= 4s": its statistic as a share, or 0 when it has none. */
static double percentile_of(struct slice text)
{
    static const struct {
        const char *name;
        double share;
    } percentiles[] = {
        {".p999", 0.999}, {".p99", 0.99}, {".p95", 0.95}, {".p90", 0.90}, {".p50", 0.50}};

    for (size_t i = 0; i < ARRAY_SIZE(percentiles); i++) {
        if (slice_has(text, slice_of(percentiles[i].name)))
            return percentiles[i].share;
    }
    return 0;
}

/* How many calls it speaks of: those of one phase, or all. A filter that is not understood here is
 * the judge's to refuse. */
static uint64_t samples_of(const struct scenario *scenario, struct slice text,
                           const struct walk_sums *sums, const struct arithmetic *sum)
{
    char filter[64];

    for (uint32_t i = 0; i < scenario->chaos.phases.count; i++) {
        snprintf(filter, sizeof(filter), "phase=%s", scenario->chaos.phases.list[i].name);
        if (slice_has(text, slice_of(filter)))
            return sums->in_phase[i];
    }
    return sum->calls;
}

static void warn_of_samples(const struct scenario *scenario, const struct walk_sums *sums,
                            uint32_t index, struct arithmetic *sum)
{
    struct slice text = scenario->expects[index].text;
    double percentile = percentile_of(text);
    uint64_t samples = samples_of(scenario, text, sums, sum);
    double needed = 1 / (1 - percentile); /* below that it is just the largest: inconclusive */

    if (percentile > 0 && (double)samples < needed - 0.5)
        warn(sum, scenario->expects[index].position,
             "%llu calls at most are too few for this percentile: it needs %.0f",
             (unsigned long long)samples, needed);
}

void arithmetic_of(const struct scenario *scenario, struct arithmetic *sum)
{
    const struct load *load = &scenario->load;
    struct walk_sums sums = {.second = -1};
    double load_s = (double)load->lasts / 1e9;

    assert(load->lasts > 0);
    *sum = (struct arithmetic){.attempts_max = conduct_attempts_max(&scenario->client)};
    walk_calls(scenario, &sums, sum);
    sum->calls_per_s = (double)sum->calls / load_s;
    sum->calls_per_s_peak = (double)sums.in_second_most;
    sum->in_flight_mean = fmin(sums.busy_s / load_s, (double)sum->calls); /* a burst: all of it */
    sum->lasts_most = nanos_add(sum->lasts_most, load->drain);
    sum->lasts_least = nanos_min(sum->lasts_least, sum->lasts_most);
    warn_of_load(scenario, &sums, sum);
    warn_of_client(scenario, sum);
    warn_of_instances(scenario, sum);
    warn_of_control(scenario, sum);
    warn_of_prices(scenario, sum);
    warn_of_spending(scenario, sum);
    warn_of_no_limit(scenario, sum);
    warn_of_open_keys(scenario, sum);
    for (uint32_t i = 0; i < scenario->chaos.rules_count; i++)
        warn_of_rule(scenario, &sums, i, sum);
    for (uint32_t i = 0; i < scenario->expects_count; i++)
        warn_of_samples(scenario, &sums, i, sum);
}
