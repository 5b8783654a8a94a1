#include "judge/judge.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "judge/conditions.h"
#include "judge/examples.h"
#include "judge/expectation.h"
#include "judge/law.h"
#include "judge/measure.h"
#include "judge/open_calls.h"
#include "judge/readable.h"
#include "judge/seen_calls.h"
#include "judge/tally.h"

/*   call record ------+                             +--> laws ---------+
 *                     +--> both ends in? --> case --+--> measures      +--> rows --> verdict
 *   journal record ---+    (open_calls)             +--> tally --------+
 *
 * Calls that were cut unfinished wait for judge_finish, which brings the instant of the cut. */

struct law_state {
    struct law_rules rules;
    bool is_judging; /* on, and its limits are given */
    uint64_t n;
    uint64_t violations;
    uint64_t undecided; /* held by what is known, but the journal did not say all */
    int64_t worst;      /* largest `seen` of a finding */
    struct examples examples;
};

struct judge {
    const struct scenario *scenario;
    const struct memory *memory;
    struct law_state laws[LAWS_COUNT];
    struct expectation *expects;
    uint32_t expects_count; /* that were read */
    struct open_calls open;
    struct seen_calls seen;
    struct tally tally;
    uint64_t calls_seen;
    uint64_t calls_lost;    /* could not be told from doubled ones */
    uint64_t requests_lost; /* could not be kept until their call came */
    uint64_t requests_late; /* beyond those that their call, judged already, knew of */
    bool is_finished;
    struct verdict_row *rows;
    uint32_t rows_count;
    enum verdict verdict;
};

const char *verdict_word(enum verdict verdict)
{
    static const char *const words[] = {[VERDICT_PASS] = "pass",
                                        [VERDICT_FAIL] = "fail",
                                        [VERDICT_INCONCLUSIVE] = "inconclusive",
                                        [VERDICT_NOT_APPLICABLE] = "n/a"};

    return words[verdict];
}

/* --- building --------------------------------------------------------------------------------- */

static enum rc read_laws(struct judge *judge, struct error *err)
{
    struct law_rules rules[LAWS_COUNT];

    TRY(laws_read(judge->scenario, judge->memory, rules, err));
    for (int i = 0; i < LAWS_COUNT; i++) {
        struct law_state *law = &judge->laws[i];

        law->rules = rules[i];
        law->is_judging = rules[i].is_on &&
                          law_inapplicable((enum law)i, judge->scenario, &rules[i].limits) == NULL;
    }
    return RC_OK;
}

static enum rc read_expects(struct judge *judge, struct error *err)
{
    const struct scenario *scenario = judge->scenario;

    judge->expects = memory_zeroed(judge->memory, scenario->expects_count, sizeof(*judge->expects));
    if (judge->expects == NULL)
        return error_set(err, RC_NOMEM, "judge: %s", rc_text(RC_NOMEM));
    for (; judge->expects_count < scenario->expects_count; judge->expects_count++)
        TRY(expectation_read(&judge->expects[judge->expects_count], scenario,
                             &scenario->expects[judge->expects_count], judge->memory, err));
    return RC_OK;
}

static enum rc take_memory(struct judge *judge, struct error *err)
{
    enum rc rc = tally_init(&judge->tally, judge->scenario, judge->memory);

    if (rc == RC_OK) {
        judge->rows =
            memory_zeroed(judge->memory, LAWS_COUNT + judge->expects_count, sizeof(*judge->rows));
        rc = judge->rows != NULL ? RC_OK : RC_NOMEM;
    }
    return rc == RC_OK ? RC_OK : error_set(err, rc, "judge: %s", rc_text(rc));
}

static enum rc build(struct judge *judge, struct error *err)
{
    TRY(read_laws(judge, err));
    TRY(read_expects(judge, err));
    return take_memory(judge, err);
}

enum rc judge_new(struct judge **judge, const struct scenario *scenario,
                  const struct memory *memory, struct error *err)
{
    struct judge *built = memory_zeroed(memory, 1, sizeof(*built));
    enum rc rc;

    if (built == NULL)
        return error_set(err, RC_NOMEM, "judge: %s", rc_text(RC_NOMEM));
    built->scenario = scenario;
    built->memory = memory;
    built->seen.memory = memory;
    open_calls_init(&built->open, memory);
    rc = build(built, err);
    if (rc != RC_OK) {
        judge_free(built);
        return rc;
    }
    *judge = built;
    return RC_OK;
}

void judge_free(struct judge *judge)
{
    if (judge == NULL)
        return;
    for (uint32_t i = 0; i < judge->expects_count; i++)
        expectation_deinit(&judge->expects[i]);
    open_calls_deinit(&judge->open);
    seen_calls_deinit(&judge->seen);
    tally_deinit(&judge->tally);
    memory_release(judge->memory, judge->expects);
    memory_release(judge->memory, judge->rows);
    memory_release(judge->memory, judge);
}

/* --- one call --------------------------------------------------------------------------------- */

static bool has_likeness(const struct call_case *c)
{
    for (uint32_t i = 0; i < c->requests_count; i++)
        if (c->requests[i].is_likeness)
            return true;
    return false;
}

static void add_violation(struct law_state *law, struct call_id id, nanos due_at, const char *text)
{
    law->violations++;
    examples_offer(&law->examples, id, due_at, text);
}

/* What was seen stands, even if more was to come; but a request that may belong to another call
 * proves nothing. */
static void hold_against(struct law_state *state, enum law law, const struct call_case *c)
{
    struct law_finding finding;
    enum law_result result = law_judge(law, &state->rules.limits, c, &finding);
    bool reads_journal = (law_facts(law)->flags & (LAW_READS_JOURNAL | LAW_NEEDS_JOURNAL)) != 0;

    if (result == LAW_SILENT)
        return;
    state->n++;
    state->worst = finding.seen > state->worst ? finding.seen : state->worst;
    if (reads_journal && has_likeness(c))
        state->undecided++;
    else if (result == LAW_BROKEN)
        add_violation(state, c->call->id, c->call->due_at, finding.text);
    else if (reads_journal && !c->has_journal)
        state->undecided++;
}

static void judge_case(struct judge *judge, const struct call_case *c)
{
    for (int law = 0; law < LAWS_COUNT; law++)
        if (judge->laws[law].is_judging)
            hold_against(&judge->laws[law], (enum law)law, c);
    for (uint32_t i = 0; i < judge->expects_count; i++)
        expectation_feed(&judge->expects[i], c);
    tally_call(&judge->tally, c);
}

static uint32_t attempts_sent(const struct call_record *call)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < call_attempts_kept(call); i++)
        count += call->attempts[i].sent_at != NANOS_NEVER;
    return count;
}

static bool is_ready(const struct call_record *call, uint32_t requests_count)
{
    return call->outcome != OUTCOME_UNFINISHED && requests_count >= attempts_sent(call);
}

static void judge_now(struct judge *judge, const struct call_record *call, struct open_call *open,
                      bool has_journal)
{
    struct call_case c;

    call_case_init(&c, judge->scenario, call, open != NULL ? open->requests : NULL,
                   open != NULL ? open->requests_count : 0);
    c.has_journal = has_journal;
    judge_case(judge, &c);
    if (open != NULL)
        open_calls_release(&judge->open, open);
}

/* Two laws are about the records themselves. */
static void blame_record(struct judge *judge, struct call_id id, nanos due_at, const char *what)
{
    char text[64];

    snprintf(text, sizeof(text), "%s (due %s)", what, readable_instant(due_at).text);
    if (judge->laws[LAW_ONE_OUTCOME].is_judging)
        add_violation(&judge->laws[LAW_ONE_OUTCOME], id, due_at, text);
    if (judge->laws[LAW_LOG_COMPLETE].is_judging)
        add_violation(&judge->laws[LAW_LOG_COMPLETE], id, due_at, text);
}

void judge_feed_call(struct judge *judge, const struct call_record *call)
{
    struct open_call *open;
    bool was_there = false;

    assert(!judge->is_finished);
    if (seen_calls_mark(&judge->seen, call->id, &was_there) != RC_OK)
        judge->calls_lost++;
    if (was_there) {
        blame_record(judge, call->id, call->due_at, "it has a second record");
        return;
    }
    judge->calls_seen++;
    open = open_calls_find(&judge->open, call->id);
    if (is_ready(call, open != NULL ? open->requests_count : 0)) {
        judge_now(judge, call, open, true);
        return;
    }
    if (open == NULL)
        open = open_calls_take(&judge->open, call->id);
    if (open == NULL || open_call_keep(&judge->open, open, call) != RC_OK)
        judge_now(judge, call, open, false);
}

static void keep_request(struct judge *judge, struct call_id id,
                         const struct journal_record *record)
{
    struct request_seen request = request_seen_of(record);
    struct open_call *open = open_calls_find(&judge->open, id);

    if (open == NULL && seen_calls_has(&judge->seen, id)) {
        judge->requests_late++;
        return;
    }
    if (open == NULL)
        open = open_calls_take(&judge->open, id);
    if (open == NULL || open_call_add(&judge->open, open, &request) != RC_OK) {
        judge->requests_lost++;
        return;
    }
    if (open->has_call && is_ready(open->call, open->requests_count))
        judge_now(judge, open->call, open, true);
}

void judge_feed_journal(struct judge *judge, const struct journal_record *record)
{
    struct call_id id;

    assert(!judge->is_finished);
    tally_request(&judge->tally, record);
    if (call_id_read(judge->scenario, slice_of(record->call), &id))
        keep_request(judge, id, record); /* else a stranger's request: counted, and nobody's */
}

/* --- the end ---------------------------------------------------------------------------------- */

static void judge_open_calls(struct judge *judge, const struct run_facts *facts)
{
    for (uint32_t i = 0; i < judge->open.places_count; i++) {
        struct open_call *open = &judge->open.places[i];
        struct call_case c;

        if (!open->is_open || !open->has_call)
            continue;
        call_case_init(&c, judge->scenario, open->call, open->requests, open->requests_count);
        c.has_journal =
            facts->journal_is_whole || open->requests_count >= attempts_sent(open->call);
        c.cut_at = facts->cut_at;
        judge_case(judge, &c);
    }
}

/* Walks the plan again to name the calls of which nobody wrote a line. */
static void blame_missing(struct judge *judge, const struct run_facts *facts)
{
    struct source source;
    struct call_plan plan;

    if (facts->was_interrupted || judge->calls_seen >= facts->calls_planned)
        return;
    source_init(&source, judge->scenario);
    while (source_next(&source, &plan))
        if (!seen_calls_has(&judge->seen, plan.id))
            blame_record(judge, plan.id, plan.due_at, "it has no record");
}

/* --- rows ------------------------------------------------------------------------------------- */

static void set_reason(struct verdict_row *row, enum verdict verdict, const char *reason)
{
    row->verdict = verdict;
    slice_copy(slice_of(reason), row->reason, sizeof(row->reason));
}

static void write_worst(const struct law_state *state, enum law law, struct verdict_row *row)
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
    default:
        if (state->violations > 0)
            snprintf(row->value, sizeof(row->value), "%llu call%s",
                     (unsigned long long)state->violations, state->violations == 1 ? "" : "s");
    }
}

/* Why what holds so far may not hold: NULL when nothing was lost. */
static const char *lost_evidence(const struct judge *judge, enum law law,
                                 const struct run_facts *facts)
{
    unsigned flags = law_facts(law)->flags;

    if (judge->calls_lost > 0)
        return "calls beyond the judge's memory could not be told apart";
    if (!(flags & (LAW_READS_JOURNAL | LAW_NEEDS_JOURNAL)) || !facts->has_journal)
        return NULL;
    if (!facts->journal_is_whole)
        return "the journal broke off before its end";
    if (judge->requests_lost > 0)
        return "requests of the journal could not be kept until their call came";
    if (judge->requests_late > 0)
        return "the journal has requests that their callers know nothing of";
    if (judge->laws[law].undecided > 0)
        return "the journal does not say all about every call";
    return NULL;
}

static void judge_law(const struct judge *judge, enum law law, const struct run_facts *facts,
                      struct verdict_row *row)
{
    const struct law_state *state = &judge->laws[law];
    const char *lost = lost_evidence(judge, law, facts);

    row->n = state->n;
    row->violations = state->violations;
    write_worst(state, law, row);
    examples_copy(&state->examples, judge->scenario, row);
    row->verdict = VERDICT_PASS;
    if (state->violations > 0) {
        row->verdict = VERDICT_FAIL;
        snprintf(row->reason, sizeof(row->reason), "broken by %llu of %llu calls",
                 (unsigned long long)state->violations,
                 (unsigned long long)(state->n > state->violations ? state->n : state->violations));
    } else if (lost != NULL) {
        set_reason(row, VERDICT_INCONCLUSIVE, lost);
    } else if (judge->calls_seen == 0) {
        set_reason(row, VERDICT_INCONCLUSIVE, "no call was seen");
    } else if (state->n == 0) {
        set_reason(row, VERDICT_NOT_APPLICABLE, "no call was its business");
    }
}

static const char *not_applicable(const struct judge *judge, enum law law,
                                  const struct run_facts *facts)
{
    const struct law_rules *rules = &judge->laws[law].rules;

    if (!rules->is_on)
        return "switched off by the scenario";
    if ((law_facts(law)->flags & LAW_NEEDS_JOURNAL) && !facts->has_journal)
        return "needs the journal of a mock";
    return law_inapplicable(law, judge->scenario, &rules->limits);
}

/* The scenario's own words about a law that it softens. */
static void add_because(const struct law_rules *rules, struct verdict_row *row)
{
    size_t used = strlen(row->reason);

    if (rules->because[0] != '\0')
        snprintf(row->reason + used, sizeof(row->reason) - used, "%s%s", used > 0 ? "; " : "",
                 rules->because);
    used = strlen(row->reason);
    if (rules->until[0] != '\0')
        snprintf(row->reason + used, sizeof(row->reason) - used, "%suntil %s", used > 0 ? ", " : "",
                 rules->until);
}

static void fill_law_row(const struct judge *judge, enum law law, const struct run_facts *facts,
                         struct verdict_row *row)
{
    const struct law_state *state = &judge->laws[law];
    const char *why_not = not_applicable(judge, law, facts);

    *row = (struct verdict_row){.kind = ROW_LAW, .is_warning = state->rules.is_warning};
    if (law_facts(law)->flags & LAW_CONDITION)
        row->kind = ROW_CONDITION;
    slice_copy(slice_of(law_facts(law)->name), row->name, sizeof(row->name));
    if (why_not != NULL)
        set_reason(row, VERDICT_NOT_APPLICABLE, why_not);
    else if (law == LAW_FAULTS_CONSUMED)
        condition_faults_consumed(&judge->tally, &state->rules.limits, row);
    else if (law == LAW_SCHEDULE_KEPT)
        condition_schedule_kept(&judge->tally, &state->rules.limits, row);
    else
        judge_law(judge, law, facts, row);
    if (state->rules.is_on)
        law_limit_text(law, judge->scenario, &state->rules.limits, row->limit, sizeof(row->limit));
    add_because(&state->rules, row);
}

static bool schedule_is_kept(const struct judge *judge)
{
    for (uint32_t i = 0; i < judge->rows_count; i++)
        if (strcmp(judge->rows[i].name, law_facts(LAW_SCHEDULE_KEPT)->name) == 0)
            return judge->rows[i].verdict != VERDICT_INCONCLUSIVE;
    return true;
}

/* What evidence that is worth nothing says either way. A latency counts from the due, so a late
 * generator can make it fail as well as pass; and of a run that was cut short, calls are unfinished
 * for no fault of the client's. */
static void weaken(const struct judge *judge, const struct expectation *e,
                   const struct run_facts *facts, bool schedule_kept, struct verdict_row *row)
{
    if (row->verdict != VERDICT_PASS && row->verdict != VERDICT_FAIL)
        return;
    if (facts->was_interrupted && row->verdict == VERDICT_FAIL)
        set_reason(row, VERDICT_INCONCLUSIVE, "the run was cut short");
    else if (!schedule_kept && expectation_has(e, MEASURE_LATENCY))
        set_reason(row, VERDICT_INCONCLUSIVE, "the generator was late (schedule-kept)");
    else if (judge->calls_lost > 0 && row->verdict == VERDICT_PASS)
        set_reason(row, VERDICT_INCONCLUSIVE, "calls were lost");
    else if (facts->has_journal && !facts->journal_is_whole && row->verdict == VERDICT_PASS &&
             expectation_has(e, MEASURE_JOURNAL))
        set_reason(row, VERDICT_INCONCLUSIVE, "the journal broke off before its end");
}

static void fill_rows(struct judge *judge, const struct run_facts *facts)
{
    bool schedule_kept;

    for (int law = 0; law < LAWS_COUNT; law++)
        if (judge->laws[law].rules.is_listed)
            fill_law_row(judge, (enum law)law, facts, &judge->rows[judge->rows_count++]);
    schedule_kept = schedule_is_kept(judge);
    for (uint32_t i = 0; i < judge->expects_count; i++) {
        struct verdict_row *row = &judge->rows[judge->rows_count++];

        expectation_judge(&judge->expects[i], row);
        weaken(judge, &judge->expects[i], facts, schedule_kept, row);
    }
}

/* What was cut short proves nothing by not failing. */
static enum verdict sum_up(const struct judge *judge, const struct run_facts *facts)
{
    enum verdict verdict = facts->was_interrupted ? VERDICT_INCONCLUSIVE : VERDICT_PASS;

    for (uint32_t i = 0; i < judge->rows_count; i++) {
        const struct verdict_row *row = &judge->rows[i];

        if (row->is_warning)
            continue;
        if (row->verdict == VERDICT_FAIL)
            return VERDICT_FAIL;
        if (row->verdict == VERDICT_INCONCLUSIVE)
            verdict = VERDICT_INCONCLUSIVE;
    }
    return verdict;
}

void judge_finish(struct judge *judge, const struct run_facts *facts)
{
    assert(!judge->is_finished);
    judge_open_calls(judge, facts);
    blame_missing(judge, facts);
    tally_finish(&judge->tally);
    fill_rows(judge, facts);
    judge->verdict = sum_up(judge, facts);
    judge->is_finished = true;
}

enum verdict judge_verdict(const struct judge *judge)
{
    assert(judge->is_finished);
    return judge->verdict;
}

const struct verdict_row *judge_rows(const struct judge *judge, uint32_t *count)
{
    assert(judge->is_finished);
    *count = judge->rows_count;
    return judge->rows;
}

const struct run_figures *judge_figures(const struct judge *judge)
{
    assert(judge->is_finished);
    return &judge->tally.figures;
}

const char *judge_law_name(uint32_t index, const char **about)
{
    if (index >= LAWS_COUNT)
        return NULL;
    *about = law_facts((enum law)index)->about;
    return law_facts((enum law)index)->name;
}

const char *judge_measure_name(uint32_t index, const char **about)
{
    const struct measure *measure = measure_at(index);

    if (measure == NULL)
        return NULL;
    *about = measure->about;
    return measure->name;
}
