#include "judge/law_state.h"

#include <stdio.h>

#include "judge/readable.h"

void law_state_note(struct law_state *state, const struct law_finding *finding)
{
    state->worst = finding->seen > state->worst ? finding->seen : state->worst;
    if ((finding->agreed | finding->unknown) == 0)
        return; /* most laws; this is once per call and law */
    state->agreed += finding->agreed;
    state->unknown += finding->unknown;
    state->unknown_billed = money_add(state->unknown_billed, finding->unknown_billed);
}

void law_state_blame(struct law_state *state, struct call_id id, nanos due_at, const char *text)
{
    state->violations++;
    examples_offer(&state->examples, id, due_at, text);
}

void law_state_blame_named(struct law_state *state, const char *name, nanos at, const char *text)
{
    state->violations++;
    examples_offer_named(&state->examples, name, at, text);
}

void law_state_doubt(struct law_state *state, const char *why)
{
    state->undecided++;
    slice_copy(slice_of(why), state->doubt, sizeof(state->doubt));
}

/* --- the row ---------------------------------------------------------------------------------- */

/* What the law is about, one and several. */
static const char *subject(enum law law, bool is_one)
{
    switch (law) {
    case LAW_PERCENTILES_AGREE:
        return is_one ? "percentile" : "percentiles";
    case LAW_ALERT_ONCE:
    case LAW_ALERT_DELIVERED:
    case LAW_ALERT_TIMELY:
        return is_one ? "alert" : "alerts";
    case LAW_SECRETS_KEPT:
        return is_one ? "request" : "requests";
    default:
        return is_one ? "call" : "calls";
    }
}

static void write_count(const char *what, uint64_t count, enum law law, struct verdict_row *row)
{
    snprintf(row->value, sizeof(row->value), "%s %s%s", readable_count(count).text,
             subject(law, count == 1), what);
}

/* "3,558 attempts agree, 27 unknown", and for money what was billed for these. Who is no client of
 * ours tells of whole calls. */
static void write_agreed(const struct law_state *state, enum law law,
                         const struct law_hearing *hearing, struct verdict_row *row)
{
    bool is_of_calls = hearing->scenario->subject != SUBJECT_CLIENT;
    char billed[48] = "";

    if (law == LAW_COST_AGREE && state->unknown_billed > 0)
        snprintf(billed, sizeof(billed), " (%s billed)",
                 readable_money(state->unknown_billed).text);
    snprintf(row->value, sizeof(row->value), "%.20s %s%s, %.20s unknown%s",
             readable_count(state->agreed).text, is_of_calls ? "call" : "attempt",
             state->agreed == 1 ? " agrees" : "s agree", readable_count(state->unknown).text,
             billed);
}

static void write_value(const struct law_state *state, enum law law,
                        const struct law_hearing *hearing, struct verdict_row *row)
{
    switch (law) {
    case LAW_ATTEMPTS_BOUNDED:
        snprintf(row->value, sizeof(row->value), "%llu attempt%s", (unsigned long long)state->worst,
                 state->worst == 1 ? "" : "s");
        break;
    case LAW_NO_HANG:
    case LAW_DEADLINE_KEPT:
        snprintf(row->value, sizeof(row->value), "%s", readable_span(state->worst).text);
        break;
    case LAW_TOKENS_AGREE:
    case LAW_COST_AGREE:
        write_agreed(state, law, hearing, row);
        break;
    case LAW_PERCENTILES_AGREE:
        write_count(" compared", state->n, law, row);
        break;
    case LAW_ALERT_ONCE:
    case LAW_ALERT_DELIVERED:
        write_count("", state->n, law, row);
        break;
    case LAW_ALERT_TIMELY:
        if (state->n > 0)
            snprintf(row->value, sizeof(row->value), "%s late", readable_span(state->worst).text);
        break;
    default:
        if (state->violations > 0)
            write_count("", state->violations, law, row);
    }
}

static const char *nothing_to_judge(const struct law_state *state, enum law law)
{
    if (law == LAW_ALERT_ONCE && state->unknown > 0)
        return "no alert was raised; more was billed than a budget allows, but near a window's "
               "edge "
               "or untold, so that none was surely due";
    switch (law) {
    case LAW_TOKENS_AGREE:
    case LAW_COST_AGREE:
        return "no usage arrived that both ends know";
    case LAW_PERCENTILES_AGREE:
        return "too few answers for a percentile";
    case LAW_ALERT_ONCE:
    case LAW_ALERT_DELIVERED:
        return "no alert was raised, and none was due";
    case LAW_ALERT_TIMELY:
        return "no budget was breached for sure, or nobody was told (alert-once)";
    case LAW_SECRETS_KEPT:
        return "no request came";
    default:
        return "no call was its business";
    }
}

static void set_reason(struct verdict_row *row, enum verdict verdict, const char *reason)
{
    row->verdict = verdict;
    slice_copy(slice_of(reason), row->reason, sizeof(row->reason));
}

void law_state_fill_row(const struct law_state *state, enum law law,
                        const struct law_hearing *hearing, struct verdict_row *row)
{
    uint64_t of = state->n > state->violations ? state->n : state->violations;

    row->n = state->n;
    row->violations = state->violations;
    write_value(state, law, hearing, row);
    examples_copy(&state->examples, hearing->scenario, row);
    row->verdict = VERDICT_PASS;
    if (state->violations > 0) {
        row->verdict = VERDICT_FAIL;
        snprintf(row->reason, sizeof(row->reason), "broken by %llu of %llu %s",
                 (unsigned long long)state->violations, (unsigned long long)of,
                 subject(law, false));
    } else if (hearing->lost != NULL) {
        set_reason(row, VERDICT_INCONCLUSIVE, hearing->lost);
    } else if (!hearing->has_calls) {
        set_reason(row, VERDICT_INCONCLUSIVE, "no call was seen");
    } else if (state->n == 0) {
        set_reason(row, VERDICT_NOT_APPLICABLE, nothing_to_judge(state, law));
    }
}
