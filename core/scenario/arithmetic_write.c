/* The arithmetic as `check` shows it. */

#include "scenario/arithmetic.h"

#include <stdio.h>

#include "base/units.h"

/* For people: cents are enough, below one a millionth of a dollar is. */
struct amount {
    char text[32];
};

static struct amount amount_of(money value)
{
    struct amount amount = {""};
    money cent = MONEY_USD / 100;

    if (value >= cent || value == 0)
        snprintf(amount.text, sizeof(amount.text), "$%lld.%02lld", (long long)(value / MONEY_USD),
                 (long long)(value % MONEY_USD / cent));
    else
        snprintf(amount.text, sizeof(amount.text), "$0.%06lld",
                 (long long)(value / (MONEY_USD / 1000000)));
    return amount;
}

static void write_span(struct buffer *out, nanos span)
{
    units_write_duration(out, span / (NANOS_S / 10) * (NANOS_S / 10));
}

static void write_money(const struct scenario *scenario, const struct arithmetic *sum,
                        struct buffer *out)
{
    if (sum->calls_unpriced == sum->calls)
        return;
    buffer_printf(out, "  about %s", amount_of(sum->cost).text);
    if (sum->calls_unpriced > 0)
        buffer_printf(out, ", and %llu calls of models without a price",
                      (unsigned long long)sum->calls_unpriced);
    buffer_text(out, " (prices of " PRICES_DATED ", nothing wrong)\n");
    for (uint32_t i = 0; i < scenario->monitor.budgets_count; i++) {
        const struct budget_rules *budget = &scenario->monitor.budgets[i];

        buffer_printf(out, "  budget %-13s %s per ", budget->name, amount_of(budget->limit).text);
        units_write_duration(out, budget->per);
        buffer_printf(out, ": %llu window%s, at most %s in one, %llu breached\n",
                      (unsigned long long)sum->budgets[i].windows,
                      sum->budgets[i].windows == 1 ? "" : "s", amount_of(sum->budgets[i].most).text,
                      (unsigned long long)sum->budgets[i].breaches);
    }
}

/* What a provider will feel. */
static void write_live(const struct scenario *scenario, const struct arithmetic *sum,
                       struct buffer *out)
{
    if (scenario->target != TARGET_LIVE)
        return;
    buffer_printf(out, "  live: %.1f requests/s, %.1f if every call needs all its attempts\n",
                  sum->calls_per_s, sum->calls_per_s * sum->attempts_max);
}

static void write_window(struct buffer *out, const struct phase *phase)
{
    if (phase->from == PHASE_FROM_MARK)
        buffer_printf(out, "mark %s, ", phase->mark);
    if (phase->from == PHASE_FROM_FIRST_REQUEST)
        buffer_text(out, "first request, ");
    units_write_duration(out, phase->at);
    buffer_text(out, " to ");
    units_write_duration(out, nanos_add(phase->at, phase->lasts));
    if (phase->every == 0)
        return;
    buffer_text(out, ", again every ");
    units_write_duration(out, phase->every);
}

static void write_firings(struct buffer *out, const struct chaos_rule *rule, double firings)
{
    if (chaos_rule_is_ordered(rule))
        buffer_text(out, "ordered: reproducible in the simulator only\n");
    else if (rule->match.conditions_count > 0) /* bytes that nobody has made yet */
        buffer_printf(out, "at most about %.0f of their first attempts hit\n", firings);
    else
        buffer_printf(out, "about %.0f of their first attempts hit\n", firings);
}

/* What is known of a rule before a program has asked anything. */
static void write_share(struct buffer *out, const struct chaos_rule *rule)
{
    if (rule->order.nth > 0)
        buffer_printf(out, ": request %llu of those that match\n",
                      (unsigned long long)rule->order.nth);
    else if (chaos_rule_is_ordered(rule))
        buffer_text(out, ": by the order in which requests arrive\n");
    else
        buffer_printf(out, ": %.4g %% of the attempts that match\n", rule->share * 100);
}

static void write_rules(const struct scenario *scenario, const struct arithmetic *sum,
                        struct buffer *out)
{
    for (uint32_t i = 0; i < scenario->chaos.rules_count; i++) {
        const struct chaos_rule *rule = &scenario->chaos.rules[i];

        buffer_printf(out, "  %-20s ", rule->name);
        write_window(out, &scenario->chaos.phases.list[rule->phase]);
        if (rule->is_disabled) {
            buffer_text(out, ": switched off\n");
            continue;
        }
        if (rule->sequence[0].kind == FAULT_CONNECTION) {
            buffer_printf(out, ": about %.0f %% of new connections\n", rule->share * 100);
            continue;
        }
        if (rule->sequence[0].kind == FAULT_CAPACITY) {
            buffer_printf(out, ": %.0f %% of the places work\n", rule->sequence[0].factor * 100);
            continue;
        }
        if (scenario->chaos.phases.list[rule->phase].from == PHASE_FROM_MARK) {
            buffer_text(out, ": when the mark is set\n");
            continue;
        }
        if (scenario->subject == SUBJECT_EXEC) {
            write_share(out, rule);
            continue;
        }
        buffer_printf(out, ": %llu calls, ", (unsigned long long)sum->rules[i].calls);
        write_firings(out, rule, sum->rules[i].firings);
    }
}

void arithmetic_write_warnings(const struct scenario *scenario, const struct arithmetic *sum,
                               struct buffer *out)
{
    for (uint32_t i = 0; i < sum->warnings_count; i++) {
        const struct warning *warning = &sum->warnings[i];
        struct text_place place = scenario_place(scenario, warning->position);

        buffer_append(out, place.file);
        if (warning->position.line > 0)
            buffer_printf(out, ":%u:%u", place.position.line, place.position.column);
        buffer_printf(out, ": warning: %s\n", warning->text);
    }
}

static void write_models(const struct scenario *scenario, struct buffer *out)
{
    for (uint32_t i = 0; i < scenario->models_count; i++)
        buffer_printf(out, "%s%s", i == 0 ? "" : ", ", scenario->models[i].name);
}

static void write_program(const struct scenario *scenario, const struct arithmetic *sum,
                          struct buffer *out)
{
    buffer_printf(out,
                  "%s: for a command of yours: brownout exec FILE -- COMMAND\n  the mock plays ",
                  scenario->name);
    write_models(scenario, out);
    buffer_text(out, scenario->serves_any_model ? ", and any other name as the first of its API\n"
                                                : "\n");
    write_rules(scenario, sum, out);
}

void arithmetic_write(const struct scenario *scenario, const struct arithmetic *sum,
                      struct buffer *out)
{
    if (scenario->subject == SUBJECT_EXEC) {
        write_program(scenario, sum, out);
        return;
    }
    buffer_printf(out, "%s: %llu calls in ", scenario->name, (unsigned long long)sum->calls);
    write_span(out, scenario->load.lasts);
    buffer_printf(out, ", %.1f/s, up to %.0f in one second, about %.0f in flight\n",
                  sum->calls_per_s, sum->calls_per_s_peak, sum->in_flight_mean);
    buffer_printf(out, "  %llu tokens in, %llu out; ", (unsigned long long)sum->input_tokens,
                  (unsigned long long)sum->output_tokens);
    if (scenario->subject == SUBJECT_SERVICE)
        buffer_text(out, "the service is asked once a call; over in ");
    else
        buffer_printf(out, "at most %u attempts a call; over in ", sum->attempts_max);
    write_span(out, sum->lasts_least);
    buffer_text(out, " to ");
    write_span(out, sum->lasts_most);
    buffer_text(out, scenario->has_control
                         ? ", and as long before that for the control run without chaos\n"
                         : "\n");
    write_money(scenario, sum, out);
    write_live(scenario, sum, out);
    write_rules(scenario, sum, out);
}
