#include "judge/run_laws.h"

#include <assert.h>
#include <stdio.h>

#include "judge/readable.h"

/* --- percentiles-agree ------------------------------------------------------------------------ */

static nanos figure(const struct rolling_figures *figures, uint32_t index)
{
    const nanos all[LATENCY_PERCENTILES] = {figures->p50, figures->p95, figures->p99};

    return all[index];
}

static void compare_report(const struct run_evidence *e, uint32_t model, uint32_t index,
                           struct law_state *state)
{
    const struct rolling_figures *reported = &e->facts->reported[model];
    const struct rolling_figures own = latencies_rolling(e->latencies, model);
    char text[128];

    state->n++;
    if (figure(reported, index) == figure(&own, index))
        return;
    snprintf(text, sizeof(text), "%s was reported as %s; its last %llu answers say %s",
             latency_percentile_word(index), readable_span(figure(reported, index)).text,
             (unsigned long long)own.n, readable_span(figure(&own, index)).text);
    law_state_blame_named(state, e->scenario->models[model].name, 0, text);
}

static void hold_report(const struct run_evidence *e, uint32_t model, struct law_state *state)
{
    uint64_t n = latencies_rolling(e->latencies, model).n;
    uint64_t reported = e->facts->reported[model].n;
    char text[128];

    if (n == reported) {
        for (uint32_t i = 0; n > 0 && i < LATENCY_PERCENTILES; i++)
            compare_report(e, model, i, state);
        return;
    }
    state->n++;
    snprintf(text, sizeof(text), "percentiles were reported over %llu answers; there were %llu",
             (unsigned long long)reported, (unsigned long long)n);
    law_state_blame_named(state, e->scenario->models[model].name, 0, text);
}

/* How far the two accounts of one service time may be apart. A generator that hands over late reads
 * late as well; and in the simulator the wire itself takes its time, which only the caller feels.
 */
static nanos distance_allowed(const struct run_evidence *e, const struct law_limits *limits,
                              nanos mock)
{
    nanos wire = e->facts->is_simulated ? 2 * e->scenario->link.latency : 0;
    nanos share = (nanos)(limits->apart_share * (double)mock);

    return nanos_max(limits->apart, share) + wire + e->send_lag;
}

static void doubt(struct law_state *state, const char *why)
{
    state->undecided++;
    slice_copy(slice_of(why), state->doubt, sizeof(state->doubt));
}

/* Attempt by attempt most times agree, and only the slowest take longer for the caller than for the
 * mock: a process of this machine came late to some sockets. A caller that measures wrongly does so
 * at most attempts, or too little; and in the simulator nobody is late. */
static bool is_machine_late(const struct run_evidence *e, const struct law_limits *limits,
                            const struct latency_pair *pair, struct latency_lags *lags)
{
    return !e->facts->is_simulated && pair->caller > pair->mock &&
           latencies_lags(e->latencies, lags) && lags->apart_p50 <= distance_allowed(e, limits, 0);
}

static void doubt_machine(uint32_t index, const struct latency_pair *pair,
                          const struct latency_lags *lags, struct law_state *state)
{
    char text[256];

    snprintf(text, sizeof(text),
             "this machine was busy: %s is %s for the caller, %s for the mock; requests arrived "
             "%s late, answers %s (p99)",
             latency_percentile_word(index), readable_span(pair->caller).text,
             readable_span(pair->mock).text, readable_span(lags->there_p99).text,
             readable_span(lags->back_p99).text);
    doubt(state, text);
}

static void hold_service(const struct run_evidence *e, uint32_t index, struct law_state *state)
{
    struct latency_pair pair;
    struct latency_lags lags;
    nanos apart;
    char text[128];

    if (!latencies_service(e->latencies, index, &pair))
        return;
    state->n++;
    apart = pair.caller > pair.mock ? pair.caller - pair.mock : pair.mock - pair.caller;
    if (apart <= distance_allowed(e, &state->rules.limits, pair.mock))
        return;
    if (!e->is_schedule_kept) {
        doubt(state, "the generator was late (schedule-kept)");
        return;
    }
    if (is_machine_late(e, &state->rules.limits, &pair, &lags)) {
        doubt_machine(index, &pair, &lags, state);
        return;
    }
    snprintf(text, sizeof(text), "%s is %s for the caller, %s for the mock",
             latency_percentile_word(index), readable_span(pair.caller).text,
             readable_span(pair.mock).text);
    law_state_blame_named(state, "service", 0, text);
}

void run_law_percentiles(const struct run_evidence *e, struct law_state *state)
{
    for (uint32_t model = 0; e->facts->has_reported && model < e->scenario->models_count; model++)
        hold_report(e, model, state);
    for (uint32_t i = 0; e->facts->has_journal && i < LATENCY_PERCENTILES; i++)
        hold_service(e, i, state);
}

/* --- alert-once ------------------------------------------------------------------------------- */

static void blame_alert(const struct run_evidence *e, struct law_state *state, struct alert_key key,
                        nanos at, const char *text)
{
    char name[ALERT_KEY_MAX];

    alert_key_write(e->scenario, key, name);
    law_state_blame_named(state, name, at, text);
}

static void hold_repeats(const struct run_evidence *e, const struct alert_entry *entry,
                         struct law_state *state)
{
    char text[128];

    if (entry->accepted <= 1)
        return;
    snprintf(text, sizeof(text), "was posted to %s %s times, first at %s",
             hook_kind_word(entry->key.hook), readable_count(entry->accepted).text,
             readable_instant(entry->accepted_at).text);
    blame_alert(e, state, entry->key, entry->accepted_at, text);
}

/* Posted once, for a window that cannot have been breached. */
static void hold_reason(const struct run_evidence *e, const struct alert_entry *entry,
                        struct law_state *state)
{
    const struct budget_rules *budget = &e->scenario->monitor.budgets[entry->key.budget];
    struct spent spent;
    char text[160];

    if (entry->key.kind != ALERT_BUDGET || entry->accepted != 1)
        return;
    spent = spending_in(e->spending, entry->key.budget, entry->key.period);
    if (spent.most >= budget->limit)
        return;
    if (!e->is_whole || !spending_is_kept(e->spending, entry->key.budget, entry->key.period)) {
        state->undecided++;
        return;
    }
    snprintf(text, sizeof(text), "was posted to %s at %s, though %s of %s was billed at most",
             hook_kind_word(entry->key.hook), readable_instant(entry->accepted_at).text,
             readable_money(spent.most).text, readable_money(budget->limit).text);
    blame_alert(e, state, entry->key, entry->accepted_at, text);
}

/* Breached for sure: somebody must have been told. What was raised and did not arrive is the
 * business of alert-delivered. */
static void hold_window(const struct run_evidence *e, struct alert_key key, struct law_state *state)
{
    const struct budget_rules *budget = &e->scenario->monitor.budgets[key.budget];
    struct spent spent = spending_in(e->spending, key.budget, key.period);
    const struct alert_entry *entry;
    char text[160];

    entry = alert_book_find(e->alerts, key);
    if (entry != NULL)
        return;
    state->unknown += spent.most > budget->limit;
    if (spent.sure <= budget->limit)
        return;
    state->n++;
    if (!e->is_whole) {
        state->undecided++;
        return;
    }
    snprintf(text, sizeof(text), "was never posted to %s: %s was billed, %s is the limit",
             hook_kind_word(key.hook), readable_money(spent.sure).text,
             readable_money(budget->limit).text);
    blame_alert(e, state, key, (nanos)key.period * budget->per, text);
}

static void hold_budget(const struct run_evidence *e, uint32_t budget, struct law_state *state)
{
    const struct monitor_rules *rules = &e->scenario->monitor;

    for (uint64_t window = 0; spending_is_kept(e->spending, budget, window); window++)
        for (uint32_t hook = 0; hook < rules->hooks_count; hook++)
            hold_window(e,
                        (struct alert_key){.hook = rules->hooks[hook],
                                           .kind = ALERT_BUDGET,
                                           .budget = budget,
                                           .period = window},
                        state);
}

/* Posts that say of no alert which it is: any alert may be among them. */
static void doubt_unreadable(const struct run_evidence *e, struct law_state *state)
{
    char why[sizeof(state->doubt)];

    if (e->alerts->unreadable + e->alerts->lost == 0)
        return;
    snprintf(why, sizeof(why), "alerts that could not be told apart: %s",
             readable_count(e->alerts->unreadable + e->alerts->lost).text);
    doubt(state, why);
}

void run_law_alert_once(const struct run_evidence *e, struct law_state *state)
{
    for (uint32_t i = 0; i < e->alerts->entries_count; i++) {
        state->n++;
        hold_repeats(e, &e->alerts->entries[i], state);
        hold_reason(e, &e->alerts->entries[i], state);
    }
    for (uint32_t i = 0; i < e->scenario->monitor.budgets_count; i++)
        hold_budget(e, i, state);
    doubt_unreadable(e, state);
}

/* --- alert-delivered -------------------------------------------------------------------------- */

static void blame_undelivered(const struct run_evidence *e, const struct alert_entry *entry,
                              uint64_t count, struct law_state *state)
{
    char text[160], answer[24] = "no answer";

    if (entry->failure.status != 0)
        snprintf(answer, sizeof(answer), "a %u", (unsigned)entry->failure.status);
    snprintf(text, sizeof(text), "did not reach %s: %u tr%s, at last %s; raised at %s",
             hook_kind_word(entry->key.hook), entry->failure.tries,
             entry->failure.tries == 1 ? "y" : "ies", answer,
             readable_instant(entry->failure.raised_at).text);
    blame_alert(e, state, entry->key, entry->failure.raised_at, text);
    state->violations += count - 1;
}

static void blame_body(const struct run_evidence *e, const struct alert_entry *entry,
                       struct law_state *state)
{
    char text[128];

    snprintf(text, sizeof(text), "came to %s with a body that it does not take, first at %s",
             hook_kind_word(entry->key.hook), readable_instant(entry->accepted_at).text);
    blame_alert(e, state, entry->key, entry->accepted_at, text);
    state->violations += entry->invalid - 1;
}

static void blame_missing(const struct run_evidence *e, const struct alert_entry *entry,
                          struct law_state *state)
{
    char text[128];

    snprintf(text, sizeof(text), "is said to have reached %s %s times; the journal has %s posts",
             hook_kind_word(entry->key.hook), readable_count(entry->delivered).text,
             readable_count(entry->accepted).text);
    blame_alert(e, state, entry->key, nanos_min(entry->accepted_at, INT64_MAX - 1), text);
    state->violations += entry->delivered - entry->accepted - 1;
}

/* An interrupt leaves nobody the time to deliver what was under way. */
static uint64_t not_delivered(const struct run_evidence *e, const struct alert_entry *entry)
{
    return entry->undelivered + (e->facts->was_interrupted ? 0 : entry->open);
}

static void hold_delivery(const struct run_evidence *e, const struct alert_entry *entry,
                          struct law_state *state)
{
    uint64_t failed = not_delivered(e, entry);

    state->n += entry->raised;
    if (failed > 0)
        blame_undelivered(e, entry, failed, state);
    if (failed < entry->undelivered + entry->open)
        doubt(state, "the run was cut short with alerts on their way");
    if (entry->raised == 0)
        doubt(state, "hooks were told of alerts of which the monitor has no record");
    if (entry->invalid > 0)
        blame_body(e, entry, state);
    if (entry->delivered > entry->accepted && e->is_whole)
        blame_missing(e, entry, state);
}

void run_law_alert_delivered(const struct run_evidence *e, struct law_state *state)
{
    for (uint32_t i = 0; i < e->alerts->entries_count; i++)
        hold_delivery(e, &e->alerts->entries[i], state);
    doubt_unreadable(e, state);
}
