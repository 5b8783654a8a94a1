#include "judge/run_laws.h"

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
    law_state_doubt(state, text);
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
        law_state_doubt(state, "the generator was late (schedule-kept)");
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

/* --- secrets-kept ----------------------------------------------------------------------------- */

static void blame_leak(struct law_state *state, const char *where, uint64_t count, const char *what)
{
    char text[128];

    if (count == 0)
        return;
    snprintf(text, sizeof(text), "a key stands in %s %s", readable_count(count).text, what);
    law_state_blame_named(state, where, 0, text);
    state->violations += count - 1;
}

void run_law_secrets(const struct run_evidence *e, struct law_state *state)
{
    state->n += e->figures->requests + e->facts->log_lines;
    blame_leak(state, "requests", e->figures->requests_leaking,
               "requests or posts, where no key belongs");
    blame_leak(state, "log", e->facts->log_leaking, "lines of the application's log");
}
