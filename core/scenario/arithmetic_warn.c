/* Where a scenario cannot do what it seems to want. */

#include "scenario/arithmetic_walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scenario/base_url.h"

/* The condition `faults-consumed` speaks of a rule only where so many firings are expected. */
static const double FIRINGS_FOR_A_JUDGEMENT = 10;

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

/* --- the load and the client ------------------------------------------------------------------ */

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

/* --- rules ------------------------------------------------------------------------------------ */

/* Rules of one phase lie end to end on [0, 1): what does not fit never fires. */
static void warn_of_shares(const struct scenario *scenario, const struct walk_sums *sums,
                           uint32_t rule, struct arithmetic *sum)
{
    double wanted = scenario->chaos.rules[rule].share * (double)sum->rules[rule].calls;

    if (sums->laid[rule] < wanted * 0.999)
        warn(sum, scenario->places.rules[rule],
             "rule \"%s\" cannot have its share: those before it in phase \"%s\" leave too little "
             "of 100 %%",
             scenario->chaos.rules[rule].name,
             scenario->chaos.phases.list[scenario->chaos.rules[rule].phase].name);
}

/* Does any rule set this state so? */
static bool is_reachable(const struct chaos *chaos, const struct chaos_order *wanted)
{
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        const struct chaos_order *order = &chaos->rules[i].order;

        if (strcmp(order->state, wanted->state) == 0 &&
            strcmp(order->state_becomes, wanted->state_is) == 0)
            return true;
    }
    return strcmp(wanted->state_is, "start") == 0;
}

static void warn_of_state(const struct scenario *scenario, uint32_t index, struct arithmetic *sum)
{
    const struct chaos_rule *rule = &scenario->chaos.rules[index];

    if (rule->order.state_is[0] != '\0' && !is_reachable(&scenario->chaos, &rule->order))
        warn(sum, scenario->places.rules[index],
             "no rule makes the state \"%s\" \"%s\": rule \"%s\" fires only if the mock "
             "is told so",
             rule->order.state, rule->order.state_is, rule->name);
}

static void warn_of_order(const struct scenario *scenario, uint32_t index, struct arithmetic *sum)
{
    const struct chaos_rule *rule = &scenario->chaos.rules[index];
    struct json_position at = scenario->places.rules[index];
    uint64_t needed = rule->order.nth > 0 ? rule->order.nth : rule->order.every;

    if (needed > sum->rules[index].calls)
        warn(sum, at, "rule \"%s\" waits for request %llu, but matches %llu first attempts",
             rule->name, (unsigned long long)needed, (unsigned long long)sum->rules[index].calls);
    warn_of_state(scenario, index, sum);
}

static bool has_places(const struct scenario *scenario, const struct match *match)
{
    for (uint32_t i = 0; i < scenario->models_count; i++) {
        const struct model *model = &scenario->models[i];

        if (model->capacity.places > 0 &&
            (match->model[0] == '\0' ||
             slice_glob(slice_of(match->model), slice_of(model->name))) &&
            (match->provider[0] == '\0' ||
             strcmp(match->provider, scenario->providers[model->provider].name) == 0))
            return true;
    }
    return false;
}

/* Does the rule speak of a model that only a fallback asks? Who goes there nobody can tell. */
static bool waits_for_a_fallback(const struct scenario *scenario, const struct match *match)
{
    const struct client_policy *client = &scenario->client;

    for (uint32_t i = 0; i < client->fallbacks_count && match->model[0] != '\0'; i++) {
        if (slice_glob(slice_of(match->model), slice_of(client->fallbacks[i].to)))
            return true;
    }
    return false;
}

/* Rules that hit attempts, and so can be counted. */
static void warn_of_attempts(const struct scenario *scenario, const struct walk_sums *sums,
                             uint32_t index, struct arithmetic *sum)
{
    const struct chaos_rule *rule = &scenario->chaos.rules[index];
    struct json_position at = scenario->places.rules[index];

    if (sum->rules[index].calls == 0 && waits_for_a_fallback(scenario, &rule->match))
        return;
    if (sum->rules[index].calls == 0)
        warn(sum, at, "rule \"%s\" matches no first attempt of the calls due in phase \"%s\"",
             rule->name, scenario->chaos.phases.list[rule->phase].name);
    else if (chaos_rule_is_ordered(rule))
        warn_of_order(scenario, index, sum);
    else if (sum->rules[index].firings < FIRINGS_FOR_A_JUDGEMENT && rule->sequence_count == 1)
        warn(sum, at, "rule \"%s\" will fire about %.1f times: too few to demand that it does",
             rule->name, sum->rules[index].firings);
    if (!chaos_rule_is_ordered(rule))
        warn_of_shares(scenario, sums, index, sum);
}

static void warn_of_rule(const struct scenario *scenario, const struct walk_sums *sums,
                         uint32_t index, struct arithmetic *sum)
{
    const struct chaos_rule *rule = &scenario->chaos.rules[index];
    const struct phase *phase = &sums->phases.list[rule->phase];
    struct json_position at = scenario->places.rules[index];

    if (rule->share <= 0 || rule->is_disabled || phase->is_waiting)
        return; /* it is not to fire, or nobody can tell when */
    if (slice_is(slice_of(rule->match.provider), SLICE("hooks")))
        return; /* alerts are not calls */
    if (sums->in_phase[rule->phase] == 0)
        warn(sum, at, "no call is due in phase \"%s\"", phase->name);
    else if (rule->sequence[0].kind == FAULT_CAPACITY && !has_places(scenario, &rule->match))
        warn(sum, at, "rule \"%s\" hits no model that has a capacity", rule->name);
    else if (rule->sequence[0].kind != FAULT_CAPACITY && rule->sequence[0].kind != FAULT_CONNECTION)
        warn_of_attempts(scenario, sums, index, sum);
}

/* --- models ----------------------------------------------------------------------------------- */

static void warn_of_limits(const struct scenario *scenario, const struct walk_sums *sums,
                           uint32_t index, struct arithmetic *sum)
{
    uint64_t refused = 0, most = 0;
    enum limit_kind worst = LIMIT_REQUESTS;

    for (uint32_t kind = 0; kind < LIMIT_KINDS_COUNT; kind++) {
        refused += sums->models[index].refused[kind];
        if (sums->models[index].refused[kind] > most) {
            most = sums->models[index].refused[kind];
            worst = (enum limit_kind)kind;
        }
    }
    if (refused > 0)
        warn(sum, scenario->places.models[index],
             "model \"%s\" is asked for more than its limits allow, mostly of %s: %llu of %llu "
             "first attempts find a bucket empty",
             scenario->models[index].name, limit_word(worst), (unsigned long long)refused,
             (unsigned long long)sums->models[index].calls);
    if (sums->models[index].hopeless > 0)
        warn(sum, scenario->places.models[index],
             "%llu calls of model \"%s\" are larger than a whole bucket of its limits: they will "
             "never be admitted",
             (unsigned long long)sums->models[index].hopeless, scenario->models[index].name);
}

/* Little's law, with answers as slow as they are when all places are taken. */
static void warn_of_places(const struct scenario *scenario, const struct walk_sums *sums,
                           uint32_t index, struct arithmetic *sum)
{
    const struct capacity_rules *rules = &scenario->models[index].capacity;
    double load_s = (double)scenario->load.lasts / 1e9;
    double busy = sums->models[index].busy_s / load_s * rules->slowdown;

    if (rules->places > 0 && busy > rules->places)
        warn(sum, scenario->places.models[index],
             "model \"%s\" is asked for about %.0f answers at once when all its places are taken, "
             "but has %u: its queue grows without end",
             scenario->models[index].name, busy, rules->places);
}

/* --- expectations ----------------------------------------------------------------------------- */

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

/* --- all of them ------------------------------------------------------------------------------ */

void arithmetic_warn(const struct scenario *scenario, const struct walk_sums *sums,
                     struct arithmetic *sum)
{
    warn_of_load(scenario, sums, sum);
    warn_of_client(scenario, sum);
    warn_of_instances(scenario, sum);
    warn_of_control(scenario, sum);
    warn_of_prices(scenario, sum);
    warn_of_spending(scenario, sum);
    warn_of_no_limit(scenario, sum);
    warn_of_open_keys(scenario, sum);
    for (uint32_t i = 0; i < scenario->models_count; i++) {
        warn_of_limits(scenario, sums, i, sum);
        warn_of_places(scenario, sums, i, sum);
    }
    for (uint32_t i = 0; i < scenario->chaos.rules_count; i++)
        warn_of_rule(scenario, sums, i, sum);
    for (uint32_t i = 0; i < scenario->expects_count; i++)
        warn_of_samples(scenario, sums, i, sum);
}

void arithmetic_warn_of_a_program(const struct scenario *scenario, struct arithmetic *sum)
{
    warn_of_control(scenario, sum);
    for (uint32_t i = 0; i < scenario->chaos.rules_count; i++) {
        const struct chaos_rule *rule = &scenario->chaos.rules[i];

        warn_of_state(scenario, i, sum);
        if (rule->sequence[0].kind == FAULT_CAPACITY && !has_places(scenario, &rule->match))
            warn(sum, scenario->places.rules[i], "rule \"%s\" hits no model that has a capacity",
                 rule->name);
    }
}
