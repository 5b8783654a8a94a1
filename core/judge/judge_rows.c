#include "judge/judge_state.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "judge/conditions.h"
#include "judge/measure.h"
#include "judge/readable.h"

/* --- laws and conditions ---------------------------------------------------------------------- */

const char *judge_lost_evidence(const struct judge *judge, bool reads_journal)
{
    const struct run_facts *facts = &judge->facts;

    if (judge->calls_lost > 0)
        return "calls beyond the judge's memory could not be told apart";
    if (!reads_journal || !facts->has_journal)
        return NULL;
    if (!facts->journal_is_whole)
        return "the journal broke off before its end";
    if (judge->requests_lost > 0)
        return "requests of the journal could not be kept until their call came";
    if (judge->requests_late > 0)
        return "the journal has requests that their callers know nothing of";
    return NULL;
}

static void set_reason(struct verdict_row *row, enum verdict verdict, const char *reason)
{
    row->verdict = verdict;
    slice_copy(slice_of(reason), row->reason, sizeof(row->reason));
}

static const char *doubt_about(const struct judge *judge, enum law law)
{
    const struct law_state *state = &judge->laws[law];
    const char *lost = judge_lost_evidence(judge, state->reads_journal);

    if (lost != NULL || state->undecided == 0)
        return lost;
    if (state->doubt[0] != '\0')
        return state->doubt;
    return judge->facts.has_journal ? "the journal does not say all about every call" : NULL;
}

/* What only the program itself could tell, in a run without our driver. */
static const char *without_caller(const struct judge *judge, enum law law)
{
    unsigned flags = law_facts(law)->flags;

    if (judge->scenario->subject != SUBJECT_EXEC)
        return NULL;
    if ((flags & LAW_NEEDS_CALLER) && !judge->facts.has_caller)
        return "needs the application's own account: brownout exec --log FILE";
    if ((flags & LAW_NEEDS_CALLER) && law != LAW_LOG_COMPLETE && judge->facts.log_lost[0] != '\0')
        return judge->laws[LAW_LOG_COMPLETE].rules.is_on
                   ? "needs the application's log, which could not be read"
                   : judge->facts.log_lost;
    if (law == LAW_COMMAND_SUCCEEDED && !judge->facts.has_command)
        return "no command was run";
    if (law == LAW_SECRETS_KEPT && !judge->facts.has_canaries)
        return "no canary stood in the place of a key";
    return NULL;
}

static const char *without_journal(const struct judge *judge, enum law law)
{
    if (law == LAW_PERCENTILES_AGREE)
        return judge->facts.has_reported ? NULL : "needs a monitor, or the journal of a mock";
    if (!(law_facts(law)->flags & LAW_NEEDS_JOURNAL))
        return NULL;
    if (law == LAW_ALERT_ONCE || law == LAW_ALERT_DELIVERED || law == LAW_ALERT_TIMELY)
        return "needs the mock as the receiver of its hooks";
    return judge->facts.is_live ? "needs the journal of a mock: a live target has none"
                                : "needs the journal of a mock";
}

static const char *not_applicable(const struct judge *judge, enum law law)
{
    const struct law_rules *rules = &judge->laws[law].rules;
    const char *why_not = NULL;

    if (!rules->is_on)
        return "switched off by the scenario";
    if (!judge->facts.has_journal)
        why_not = without_journal(judge, law);
    if (why_not == NULL)
        why_not = law_inapplicable(law, judge->scenario, &rules->limits);
    return why_not != NULL ? why_not : without_caller(judge, law);
}

/* A waiver that has ended softens nothing. */
static bool has_expired(const struct judge *judge, const struct law_rules *rules)
{
    return rules->until[0] != '\0' && judge->facts.today[0] != '\0' &&
           strcmp(judge->facts.today, rules->until) > 0;
}

PRINTF_LIKE(2, 3)
static void add_reason(struct verdict_row *row, const char *format, ...)
{
    size_t used = strlen(row->reason);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(row->reason + used, sizeof(row->reason) - used, format, arguments);
    va_end(arguments);
}

/* The scenario's own words about a law that it softens. */
static void add_because(const struct judge *judge, const struct law_rules *rules,
                        struct verdict_row *row)
{
    const char *comma = row->reason[0] != '\0' ? "; " : "";

    if (rules->because[0] != '\0')
        add_reason(row, "%s%s", comma, rules->because);
    if (rules->until[0] == '\0')
        return;
    if (has_expired(judge, rules))
        add_reason(row, ", waived until %s, which has passed", rules->until);
    else
        add_reason(row, ", until %s", rules->until);
}

static void judge_condition(const struct judge *judge, enum law law, struct verdict_row *row)
{
    const struct law_limits *limits = &judge->laws[law].rules.limits;

    switch (law) {
    case LAW_REQUESTS_ARRIVED:
        condition_requests_arrived(&judge->tally, judge->facts.lost, row);
        return;
    case LAW_PATHS_KNOWN:
        condition_paths_known(&judge->tally, row);
        return;
    case LAW_FAULTS_CONSUMED:
        condition_faults_consumed(&judge->tally, limits, row);
        return;
    default:
        assert(law == LAW_SCHEDULE_KEPT);
        condition_schedule_kept(&judge->tally, limits, row);
    }
}

static void judge_command(const struct run_facts *facts, struct verdict_row *row)
{
    row->n = 1;
    row->violations = facts->command_exit != 0;
    row->verdict = facts->command_exit == 0 ? VERDICT_PASS : VERDICT_FAIL;
    snprintf(row->value, sizeof(row->value), "%s", readable_exit(facts->command_exit).text);
}

static void judge_law(const struct judge *judge, enum law law, struct verdict_row *row)
{
    const struct law_state *state = &judge->laws[law];
    const struct law_hearing hearing = {.scenario = judge->scenario,
                                        .lost = doubt_about(judge, law),
                                        .has_calls = judge->calls_seen > 0};
    const char *why_not = not_applicable(judge, law);

    if (why_not != NULL)
        set_reason(row, VERDICT_NOT_APPLICABLE, why_not);
    else if (law_facts(law)->flags & LAW_CONDITION)
        judge_condition(judge, law, row);
    else if (law == LAW_COMMAND_SUCCEEDED)
        judge_command(&judge->facts, row);
    else
        law_state_fill_row(state, law, &hearing, row);
}

/* What a machine needs for a turn of its own: below it a compressed limit says nothing of a client.
 */
#define OWN_TIME_LEAST (50 * NANOS_MS)

static void doubt_compressed(const struct judge *judge, nanos own_time, struct verdict_row *row)
{
    uint32_t times = judge->scenario->compression;
    char text[128];

    if (times < 2 || own_time >= OWN_TIME_LEAST || row->verdict == VERDICT_NOT_APPLICABLE)
        return;
    snprintf(text, sizeof(text),
             "compressed %u times it allows %s: below 50 ms that judges the machine", times,
             readable_span(own_time).text);
    set_reason(row, VERDICT_INCONCLUSIVE, text);
}

/* Evidence that is damaged or missing makes nothing good; what was seen broken stays. A log that is
 * missing has a row that says so, and only what looks into its lines is in doubt. */
static void doubt(const struct judge *judge, enum law law, struct verdict_row *row)
{
    const struct run_facts *facts = &judge->facts;

    if (row->verdict == VERDICT_PASS && facts->lost[0] != '\0')
        set_reason(row, VERDICT_INCONCLUSIVE, facts->lost);
    if (facts->log_lost[0] == '\0' || !judge->laws[law].rules.is_on)
        return;
    if (law == LAW_LOG_COMPLETE)
        set_reason(row, VERDICT_INCONCLUSIVE, facts->log_lost);
    else if (law == LAW_SECRETS_KEPT && row->verdict == VERDICT_PASS)
        set_reason(row, VERDICT_INCONCLUSIVE, "the application's log could not be read");
}

static void fill_law_row(const struct judge *judge, enum law law, struct verdict_row *row)
{
    const struct law_state *state = &judge->laws[law];

    *row = (struct verdict_row){.kind = ROW_LAW,
                                .is_warning =
                                    state->rules.is_warning && !has_expired(judge, &state->rules)};
    if (law_facts(law)->flags & LAW_CONDITION)
        row->kind = ROW_CONDITION;
    slice_copy(slice_of(law_facts(law)->name), row->name, sizeof(row->name));
    judge_law(judge, law, row);
    doubt(judge, law, row);
    doubt_compressed(judge, law_own_time(law, &state->rules.limits), row);
    if (state->rules.is_on)
        law_limit_text(law, judge->scenario, &state->rules.limits, row->limit, sizeof(row->limit));
    add_because(judge, &state->rules, row);
}

/* --- expectations ----------------------------------------------------------------------------- */

/* Why a value of this run is worth nothing, whichever way it falls; NULL when it is. A latency
 * counts from the due, so a late generator can make it fail as well as pass. */
static const char *worthless(const struct judge *judge, unsigned flags)
{
    const struct run_facts *facts = &judge->facts;

    if (!judge->is_schedule_kept && (flags & MEASURE_LATENCY))
        return "the generator was late (schedule-kept)";
    if (!facts->has_journal && (flags & MEASURE_NEEDS_JOURNAL))
        return "needs the journal of a mock";
    if (!facts->has_canaries && (flags & MEASURE_NEEDS_CANARIES))
        return "no canary stood in the place of a key";
    return NULL;
}

/* Why it may be too small; NULL when it is not. */
static const char *incomplete(const struct judge *judge, unsigned flags)
{
    const struct run_facts *facts = &judge->facts;
    bool is_broken_off = facts->has_journal && !facts->journal_is_whole;

    if (judge->calls_lost > 0)
        return "calls were lost";
    if (is_broken_off && (flags & (MEASURE_JOURNAL | MEASURE_NEEDS_JOURNAL)))
        return "the journal broke off before its end";
    if (facts->log_lost[0] != '\0')
        return "the application's log could not be read";
    return facts->lost[0] != '\0' ? facts->lost : NULL;
}

/* What evidence that is worth nothing says either way; and of a run that was cut short, calls are
 * unfinished for no fault of the client's: but what was too much before the cut is too much. */
static void weaken(const struct judge *judge, const struct expectation *e, struct verdict_row *row)
{
    const char *why = worthless(judge, expectation_flags(e));

    if (row->verdict != VERDICT_PASS && row->verdict != VERDICT_FAIL)
        return;
    if (judge->facts.was_interrupted && row->verdict == VERDICT_FAIL &&
        !expectation_failure_stands(e))
        why = "the run was cut short";
    else if (why == NULL && row->verdict == VERDICT_PASS)
        why = incomplete(judge, expectation_flags(e));
    if (why != NULL)
        set_reason(row, VERDICT_INCONCLUSIVE, why);
}

/* A control that can be trusted no more than a run that is inconclusive is no yardstick. */
static const char *control_doubt(const struct judge *control, const struct expectation *e)
{
    unsigned flags = e->right.measure->flags;
    const char *why;

    if (control == NULL)
        return "there is no control run to compare with";
    if (control->facts.was_interrupted)
        return "it was cut short";
    why = worthless(control, flags);
    return why != NULL ? why : incomplete(control, flags);
}

static void measure_control(const struct judge *judge, uint32_t index, struct measured *measured)
{
    const struct expectation *e = &judge->expects[index];
    const struct judge *control = judge->control;
    const char *why = control_doubt(control, e);
    char reason[sizeof(measured->reason)];

    if (why == NULL) {
        assert(control->expects_count == judge->expects_count);
        measurement_value(&control->expects[index].right, &control->tally.figures, measured);
        why = measured->is_known ? NULL : measured->reason;
        if (why == NULL && control->tally.figures.useful == 0)
            why = "no call of it was useful";
    }
    if (why == NULL)
        return;
    snprintf(reason, sizeof(reason), "%s%.100s", control != NULL ? "the control run: " : "", why);
    measured->is_known = false;
    slice_copy(slice_of(reason), measured->reason, sizeof(measured->reason));
}

static void fill_expectation_row(const struct judge *judge, uint32_t index, struct verdict_row *row)
{
    struct measured control = {0};

    if (judge->expects[index].is_control)
        measure_control(judge, index, &control);
    expectation_judge(&judge->expects[index], &judge->tally.figures, &control, row);
    weaken(judge, &judge->expects[index], row);
    doubt_compressed(judge, expectation_own_time(&judge->expects[index]), row);
}

void judge_fill_rows(struct judge *judge)
{
    for (int law = 0; law < LAWS_COUNT; law++)
        if (judge->laws[law].rules.is_listed)
            fill_law_row(judge, (enum law)law, &judge->rows[judge->rows_count++]);
    for (uint32_t i = 0; i < judge->expects_count; i++)
        fill_expectation_row(judge, i, &judge->rows[judge->rows_count++]);
}
