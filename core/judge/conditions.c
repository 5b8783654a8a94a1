#include "judge/conditions.h"

#include <stdio.h>

#include "judge/readable.h"

static void say_why(const struct tally *tally, uint32_t rule, struct verdict_row *row)
{
    const struct chaos_rule *of = &tally->scenario->chaos.rules[rule];
    double expected = tally_firings_expected(tally, rule);

    if (of->sequence[0].kind == FAULT_CONNECTION)
        snprintf(row->reason, sizeof(row->reason),
                 "rule \"%s\" hits new connections, and met none: %.0f requests came over those "
                 "that were open before",
                 of->name, expected);
    else
        snprintf(row->reason, sizeof(row->reason),
                 "rule \"%s\" never fired, where about %.0f firings were to be expected", of->name,
                 expected);
}

void condition_faults_consumed(const struct tally *tally, const struct law_limits *limits,
                               struct verdict_row *row)
{
    const struct chaos *chaos = &tally->scenario->chaos;
    uint32_t fired = 0, counted = 0, idle = chaos->rules_count;

    for (uint32_t rule = chaos->rules_count; rule-- > 0;) {
        counted += chaos_rule_is_counted(&chaos->rules[rule]);
        row->n += tally->figures.rules_fired[rule];
        if (tally_has_fired(tally, rule))
            fired++;
        else if (tally_firings_expected(tally, rule) >= (double)limits->firings_least)
            idle = rule; /* ends as the first of them */
    }
    snprintf(row->value, sizeof(row->value), "%u of %u rules", fired, counted);
    if (counted == 0 && chaos->rules_count > 0)
        snprintf(row->value, sizeof(row->value), "nothing to count");
    row->verdict = VERDICT_PASS;
    if (idle == chaos->rules_count)
        return;
    row->verdict = VERDICT_INCONCLUSIVE;
    say_why(tally, idle, row);
}

void condition_requests_arrived(const struct tally *tally, const char *lost,
                                struct verdict_row *row)
{
    row->n = tally->figures.requests;
    row->verdict = VERDICT_PASS;
    snprintf(row->value, sizeof(row->value), "%s request%s", readable_count(row->n).text,
             row->n == 1 ? "" : "s");
    if (row->n > 0)
        return;
    row->verdict = VERDICT_INCONCLUSIVE;
    snprintf(row->reason, sizeof(row->reason), "%s",
             lost[0] != '\0' ? lost : "nothing asked the mock for anything");
}

void condition_paths_known(const struct tally *tally, struct verdict_row *row)
{
    uint64_t unknown = tally->figures.unknown_paths;

    row->n = tally->figures.requests;
    row->violations = unknown;
    row->verdict = VERDICT_PASS;
    if (unknown == 0)
        return;
    row->verdict = VERDICT_INCONCLUSIVE;
    snprintf(row->value, sizeof(row->value), "%s unknown", readable_count(unknown).text);
    snprintf(
        row->reason, sizeof(row->reason),
        "%.20s of %.20s requests asked for a path that the mock has not: the base URL may lack a "
        "suffix such as /v1, or have one too many (docs/base-urls.md)",
        readable_count(unknown).text, readable_count(row->n).text);
}

void condition_schedule_kept(const struct tally *tally, const struct law_limits *limits,
                             struct verdict_row *row)
{
    nanos lag = tally->figures.send_lag_p99;

    row->n = tally->send_lag.count;
    row->verdict = VERDICT_INCONCLUSIVE;
    if (row->n == 0) {
        snprintf(row->reason, sizeof(row->reason), "no call was handed over");
        return;
    }
    snprintf(row->value, sizeof(row->value), "%s", readable_span(lag).text);
    if (lag <= limits->send_lag) {
        row->verdict = VERDICT_PASS;
        return;
    }
    snprintf(row->reason, sizeof(row->reason),
             "the generator was late: latencies of this run say nothing");
}
