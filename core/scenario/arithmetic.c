#include "scenario/arithmetic.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
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
    for (uint32_t i = 0; i < scenario->chaos.rules_count; i++)
        warn_of_rule(scenario, &sums, i, sum);
    for (uint32_t i = 0; i < scenario->expects_count; i++)
        warn_of_samples(scenario, &sums, i, sum);
}

/* --- the lines of `check` --------------------------------------------------------------------- */

static void write_span(struct buffer *out, nanos span)
{
    units_write_duration(out, span / (NANOS_S / 10) * (NANOS_S / 10));
}

static void write_rules(const struct scenario *scenario, const struct arithmetic *sum,
                        struct buffer *out)
{
    for (uint32_t i = 0; i < scenario->chaos.rules_count; i++) {
        const struct chaos_rule *rule = &scenario->chaos.rules[i];
        const struct phase *phase = &scenario->chaos.phases.list[rule->phase];

        buffer_printf(out, "  %-20s ", rule->name);
        units_write_duration(out, phase->at);
        buffer_text(out, " to ");
        units_write_duration(out, phase_ends_at(phase));
        buffer_printf(out, ": %llu calls, about %.0f of their first attempts hit\n",
                      (unsigned long long)sum->rules[i].calls, sum->rules[i].firings);
    }
}

void arithmetic_write_warnings(const struct scenario *scenario, const struct arithmetic *sum,
                               struct buffer *out)
{
    for (uint32_t i = 0; i < sum->warnings_count; i++) {
        const struct warning *warning = &sum->warnings[i];

        buffer_append(out, scenario->file);
        if (warning->position.line > 0)
            buffer_printf(out, ":%u:%u", warning->position.line, warning->position.column);
        buffer_printf(out, ": warning: %s\n", warning->text);
    }
}

void arithmetic_write(const struct scenario *scenario, const struct arithmetic *sum,
                      struct buffer *out)
{
    buffer_printf(out, "%s: %llu calls in ", scenario->name, (unsigned long long)sum->calls);
    write_span(out, scenario->load.lasts);
    buffer_printf(out, ", %.1f/s, up to %.0f in one second, about %.0f in flight\n",
                  sum->calls_per_s, sum->calls_per_s_peak, sum->in_flight_mean);
    buffer_printf(out, "  %llu tokens in, %llu out; at most %u attempts a call; over in ",
                  (unsigned long long)sum->input_tokens, (unsigned long long)sum->output_tokens,
                  sum->attempts_max);
    write_span(out, sum->lasts_least);
    buffer_text(out, " to ");
    write_span(out, sum->lasts_most);
    buffer_byte(out, '\n');
    write_rules(scenario, sum, out);
}
