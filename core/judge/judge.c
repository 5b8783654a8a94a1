#include "judge/judge.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "judge/alert_laws.h"
#include "judge/conditions.h"
#include "judge/judge_state.h"
#include "judge/measure.h"
#include "judge/readable.h"
#include "judge/run_laws.h"

/*   call record ------+                             +--> laws ---------+
 *                     +--> both ends in? --> case --+--> measures      +--> rows --> verdict
 *   journal record ---+    (open_calls)             +--> tally         |
 *      |                                            +--> spending -+   |
 *      +-- post to a hook --+                       +--> latencies +---+
 *   alert record -----------+--> alert_book -----------------------+
 *
 * Calls that were cut unfinished wait for judge_finish, which brings the instant of the cut. */

const char *verdict_word(enum verdict verdict)
{
    static const char *const words[] = {[VERDICT_PASS] = "pass",
                                        [VERDICT_FAIL] = "fail",
                                        [VERDICT_INCONCLUSIVE] = "inconclusive",
                                        [VERDICT_NOT_APPLICABLE] = "n/a"};

    return words[verdict];
}

/* --- building --------------------------------------------------------------------------------- */

/* Where nobody but the mock saw the calls, whatever is said of them is the journal's word. */
static bool reads_journal(const struct judge *judge, enum law law)
{
    return (law_facts(law)->flags & (LAW_READS_JOURNAL | LAW_NEEDS_JOURNAL)) != 0 ||
           judge->scenario->subject == SUBJECT_EXEC;
}

static enum rc read_laws(struct judge *judge, struct error *err)
{
    struct law_rules rules[LAWS_COUNT];

    TRY(laws_read(judge->scenario, judge->memory, rules, err));
    for (int i = 0; i < LAWS_COUNT; i++) {
        struct law_state *state = &judge->laws[i];
        enum law law = (enum law)i;

        state->rules = rules[i];
        state->reads_journal = reads_journal(judge, law);
        state->is_judging =
            rules[i].is_on && law_inapplicable(law, judge->scenario, &rules[i].limits) == NULL;
        if (state->is_judging && law_is_of_calls(law))
            judge->call_laws[judge->call_laws_count++] = law;
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

    if (rc == RC_OK)
        rc = latencies_init(&judge->latencies, judge->scenario, judge->memory);
    if (rc == RC_OK)
        rc = spending_init(&judge->spending, judge->scenario, judge->memory);
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
    alert_book_init(&built->alerts, scenario, memory);
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
    latencies_deinit(&judge->latencies);
    spending_deinit(&judge->spending);
    alert_book_deinit(&judge->alerts);
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

/* Can nothing be said of this call? Of a program's a doubtful one may have sent more than is known:
 * what it broke by what it sent stands. Elsewhere a request that was matched by likeness may be
 * another call's, and proves nothing. */
static bool is_in_doubt(enum law law, const struct law_state *state, const struct call_case *c,
                        enum law_result result)
{
    if (c->scenario->subject == SUBJECT_EXEC)
        return c->call->is_doubtful && law != LAW_NO_HANG && /* which looks at single attempts */
               (result != LAW_BROKEN || !(law_facts(law)->flags & LAW_SHOWN));
    return state->reads_journal && has_likeness(c);
}

/* The latest count stands. */
static void note_doubt(struct law_state *state, const struct call_case *c)
{
    bool is_one = ++state->undecided == 1;

    if (c->scenario->subject == SUBJECT_EXEC)
        snprintf(state->doubt, sizeof(state->doubt),
                 "%.24s %s doubtful: further requests may be %s. Each call with a prompt or marker "
                 "\xE2\x9F\xA6k1\xE2\x9F\xA7 of its own would tell (docs/evidence.md)",
                 readable_plural(state->undecided, "call").text, is_one ? "is" : "are",
                 is_one ? "its own" : "theirs");
}

/* What was seen stands, even if more was to come. True when the call broke the law. */
static bool hold_against(struct law_state *state, enum law law, const struct call_case *c)
{
    char text[LAW_TEXT_MAX];
    struct law_finding finding = {.text = text};
    enum law_result result = law_judge(law, &state->rules.limits, c, &finding);

    law_state_note(state, &finding);
    if (result == LAW_SILENT)
        return false;
    state->n++;
    if (result == LAW_UNDECIDED || is_in_doubt(law, state, c, result)) {
        note_doubt(state, c);
        return false;
    }
    if (result == LAW_BROKEN) {
        law_state_blame(state, c->call->id, c->call->due_at, finding.text);
        return true;
    }
    state->undecided += state->reads_journal && !c->has_journal;
    return false;
}

static bool hold_against_laws(struct judge *judge, const struct call_case *c)
{
    bool is_told = call_is_told(c);
    bool is_violation = false;

    for (uint32_t i = 0; i < judge->call_laws_count; i++) {
        enum law law = judge->call_laws[i];

        if (is_told || !(law_facts(law)->flags & LAW_NEEDS_CALLER))
            is_violation |= hold_against(&judge->laws[law], law, c);
    }
    return is_violation;
}

static void tell(const struct judge *judge, const struct call_record *call, bool is_violation)
{
    if (judge->on_judged != NULL)
        judge->on_judged(judge->on_judged_context, call, is_violation);
}

/* Whether there is a log at all, and whether its lines can be told apart, is known at the end. */
static void note_unlogged(struct judge *judge, const struct call_record *call)
{
    char text[LAW_TEXT_MAX];

    if (call->is_doubtful) {
        judge->calls_unlogged_doubtful++;
        return;
    }
    snprintf(text, sizeof(text), "no line of the log tells of it, ended as %s (at %s)",
             outcome_word(call->outcome), readable_instant(call->due_at).text);
    judge->calls_unlogged++;
    examples_offer(&judge->unlogged, call->id, call->due_at, text);
}

static void judge_case(struct judge *judge, const struct call_case *c)
{
    if (!call_is_told(c))
        note_unlogged(judge, c->call);
    bool is_violation = hold_against_laws(judge, c);

    for (uint32_t i = 0; i < judge->expects_count; i++)
        expectation_feed(&judge->expects[i], c);
    tally_call(&judge->tally, c);
    spending_call(&judge->spending, c);
    latencies_call(&judge->latencies, c);
    tell(judge, c->call, is_violation);
}

/* A program's attempts are the requests that came; its record may hold fewer of them. */
static uint32_t attempts_sent(const struct judge *judge, const struct call_record *call)
{
    uint32_t count = 0;

    if (judge->scenario->subject == SUBJECT_EXEC)
        return call->attempts_count;
    for (uint32_t i = 0; i < call_attempts_kept(call); i++)
        count += call->attempts[i].sent_at != NANOS_NEVER;
    return count;
}

/* How often a service asks the mock nobody can say before the journal is whole: its calls wait for
 * judge_finish, as many of them as open_calls holds. */
static bool is_ready(const struct judge *judge, const struct call_record *call,
                     uint32_t requests_count)
{
    return judge->scenario->subject != SUBJECT_SERVICE && call->outcome != OUTCOME_UNFINISHED &&
           requests_count >= attempts_sent(judge, call);
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
        law_state_blame(&judge->laws[LAW_ONE_OUTCOME], id, due_at, text);
    if (judge->laws[LAW_LOG_COMPLETE].is_judging)
        law_state_blame(&judge->laws[LAW_LOG_COMPLETE], id, due_at, text);
}

void judge_feed_call(struct judge *judge, const struct call_record *call)
{
    bool is_live = judge->scenario->target == TARGET_LIVE; /* no journal will ever come */
    struct open_call *open;
    bool was_there = false;

    assert(!judge->is_finished);
    if (seen_calls_mark(&judge->seen, call->id, &was_there) != RC_OK)
        judge->calls_lost++;
    if (was_there) {
        blame_record(judge, call->id, call->due_at, "it has a second record");
        tell(judge, call, true);
        return;
    }
    judge->calls_seen++;
    latencies_record(&judge->latencies, call);
    open = open_calls_find(&judge->open, call->id);
    if (is_ready(judge, call, open != NULL ? open->requests_count : 0)) {
        judge_now(judge, call, open, true);
        return;
    }
    if (is_live && call->outcome != OUTCOME_UNFINISHED) {
        judge_now(judge, call, open, false);
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
    if (open->has_call && is_ready(judge, open->call, open->requests_count))
        judge_now(judge, open->call, open, true);
}

static void feed_post(struct judge *judge, const struct journal_record *record)
{
    tally_post(&judge->tally, record);
    if (judge->scenario->monitor.is_on)
        alert_book_posted(&judge->alerts, record);
}

void judge_feed_journal(struct judge *judge, const struct journal_record *record)
{
    struct call_id id;

    assert(!judge->is_finished);
    if (record->is_hook) {
        feed_post(judge, record);
        return;
    }
    tally_request(&judge->tally, record);
    if (call_id_read(judge->scenario, slice_of(record->call), &id))
        keep_request(judge, id, record);
    else
        spending_stranger(&judge->spending, record); /* counted, and nobody's */
}

void judge_feed_sample(struct judge *judge, const struct sample_record *record)
{
    assert(!judge->is_finished);
    for (uint32_t i = 0; i < judge->expects_count; i++)
        expectation_feed_sample(&judge->expects[i], record);
    tally_sample(&judge->tally, record);
}

void judge_feed_alert(struct judge *judge, const struct alert_record *record)
{
    assert(!judge->is_finished);
    tally_alert(&judge->tally, record);
    if (judge->scenario->monitor.is_on)
        alert_book_raised(&judge->alerts, record);
}

void judge_set_on_judged(struct judge *judge, judge_on_judged *on_judged, void *context)
{
    judge->on_judged = on_judged;
    judge->on_judged_context = context;
}

void judge_set_control(struct judge *judge, const struct judge *control)
{
    assert(control == NULL || control->is_finished);
    judge->control = control;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Has the journal said all about this call? */
static bool is_told_whole(const struct judge *judge, const struct open_call *open)
{
    if (judge->facts.journal_is_whole)
        return true;
    return judge->scenario->subject != SUBJECT_SERVICE &&
           open->requests_count >= attempts_sent(judge, open->call);
}

static void judge_open_calls(struct judge *judge)
{

    for (uint32_t i = 0; i < judge->open.places_count; i++) {
        struct open_call *open = &judge->open.places[i];
        struct call_case c;

        if (!open->is_open || !open->has_call)
            continue;
        call_case_init(&c, judge->scenario, open->call, open->requests, open->requests_count);
        c.has_journal = is_told_whole(judge, open);
        c.cut_at = judge->facts.cut_at;
        judge_case(judge, &c);
    }
}

/* Walks the plan again to name the calls of which nobody wrote a line. */
static void blame_missing(struct judge *judge)
{
    const struct run_facts *facts = &judge->facts;
    struct source source;
    struct call_plan plan;

    if (facts->was_interrupted || judge->calls_seen >= facts->calls_planned ||
        judge->scenario->subject == SUBJECT_EXEC)
        return;
    source_init(&source, judge->scenario);
    while (source_next(&source, &plan))
        if (!seen_calls_has(&judge->seen, plan.id))
            blame_record(judge, plan.id, plan.due_at, "it has no record");
}

static void blame_unlogged(const struct judge *judge, struct law_state *state)
{
    state->n += judge->calls_unlogged;
    state->violations += judge->calls_unlogged;
    for (uint32_t i = 0; i < judge->unlogged.count; i++)
        examples_offer(&state->examples, judge->unlogged.list[i].id, judge->unlogged.list[i].due_at,
                       judge->unlogged.list[i].text);
}

/* A program's log against the mock's account of its calls. A line that names no call may be that of
 * any call without one. */
static void judge_log(struct judge *judge)
{
    const struct run_facts *facts = &judge->facts;
    struct law_state *state = &judge->laws[LAW_LOG_COMPLETE];
    uint64_t silent = judge->calls_unlogged + judge->calls_unlogged_doubtful;
    char text[LAW_TEXT_MAX];

    if (judge->scenario->subject != SUBJECT_EXEC || !facts->has_caller || !state->is_judging ||
        facts->log_lost[0] != '\0')
        return;
    if (facts->log_malformed > 0) {
        snprintf(text, sizeof(text), "%s cannot be read, of %s",
                 readable_plural(facts->log_malformed, "line").text,
                 readable_count(facts->log_lines).text);
        law_state_blame_named(state, "the log", 0, text);
    }
    if (facts->log_strangers == 0) {
        blame_unlogged(judge, state);
        silent = judge->calls_unlogged_doubtful;
    }
    if (facts->log_unmapped[0] != '\0') {
        law_state_doubt(state, facts->log_unmapped);
        return;
    }
    if (silent == 0)
        return;
    snprintf(text, sizeof(text), "%s without a line, %s of no known call (--map id=/POINTER)",
             readable_plural(silent, "call").text,
             readable_plural(facts->log_strangers, "line").text);
    law_state_doubt(state, text);
}

/* Broken only where a person could see why: not by a generator that was late. */
static bool schedule_is_kept(const struct judge *judge)
{
    const struct law_state *state = &judge->laws[LAW_SCHEDULE_KEPT];
    struct verdict_row row = {0};

    if (!state->is_judging)
        return true;
    condition_schedule_kept(&judge->tally, &state->rules.limits, &row);
    return row.verdict != VERDICT_INCONCLUSIVE;
}

static void judge_run(struct judge *judge)
{
    const struct run_evidence evidence = {
        .scenario = judge->scenario,
        .facts = &judge->facts,
        .latencies = &judge->latencies,
        .alerts = &judge->alerts,
        .spending = &judge->spending,
        .figures = &judge->tally.figures,
        .control = judge->control != NULL ? &judge->control->tally.figures : NULL,
        .control_facts = judge->control != NULL ? &judge->control->facts : NULL,
        .is_whole = judge_lost_evidence(judge, true) == NULL && judge->facts.lost[0] == '\0' &&
                    !judge->facts.was_interrupted,
        .send_lag = judge->tally.figures.send_lag_p99,
        .is_schedule_kept = judge->is_schedule_kept,
    };

    if (judge->laws[LAW_PERCENTILES_AGREE].is_judging)
        run_law_percentiles(&evidence, &judge->laws[LAW_PERCENTILES_AGREE]);
    if (judge->laws[LAW_ALERT_ONCE].is_judging)
        run_law_alert_once(&evidence, &judge->laws[LAW_ALERT_ONCE]);
    if (judge->laws[LAW_ALERT_DELIVERED].is_judging)
        run_law_alert_delivered(&evidence, &judge->laws[LAW_ALERT_DELIVERED]);
    if (judge->laws[LAW_ALERT_TIMELY].is_judging)
        run_law_alert_timely(&evidence, &judge->laws[LAW_ALERT_TIMELY]);
    if (judge->laws[LAW_ALERT_OUT_OF_BAND].is_judging)
        run_law_alert_out_of_band(&evidence, &judge->laws[LAW_ALERT_OUT_OF_BAND]);
    if (judge->laws[LAW_SECRETS_KEPT].is_judging)
        run_law_secrets(&evidence, &judge->laws[LAW_SECRETS_KEPT]);
}

/* --- the verdict ------------------------------------------------------------------------------ */

/* What was cut short, or is not whole, proves nothing by not failing. */
static enum verdict sum_up(const struct judge *judge)
{
    bool is_part = judge->facts.was_interrupted || judge->facts.lost[0] != '\0' ||
                   judge->facts.log_lost[0] != '\0';
    enum verdict verdict = is_part ? VERDICT_INCONCLUSIVE : VERDICT_PASS;

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
    judge->facts = *facts;
    judge->facts.has_journal = facts->has_journal && !facts->is_live;
    judge_open_calls(judge);
    blame_missing(judge);
    judge_log(judge);
    judge->tally.figures.lines_leaking = facts->log_leaking;
    tally_finish(&judge->tally);
    judge->is_schedule_kept = schedule_is_kept(judge);
    judge_run(judge);
    judge_fill_rows(judge);
    judge->verdict = sum_up(judge);
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

const struct run_facts *judge_facts(const struct judge *judge)
{
    assert(judge->is_finished);
    return &judge->facts;
}

const struct run_figures *judge_figures(const struct judge *judge)
{
    assert(judge->is_finished);
    return &judge->tally.figures;
}

bool judge_first_not_useful(const struct judge *judge, struct call_id *id)
{
    assert(judge->is_finished);
    *id = judge->tally.not_useful;
    return judge->tally.has_not_useful;
}

void judge_amend(struct judge *judge, const struct verdict_row *rows,
                 const struct run_figures *figures)
{
    assert(judge->is_finished);
    memcpy(judge->rows, rows, judge->rows_count * sizeof(*rows));
    if (figures != NULL)
        judge->tally.figures = *figures;
    judge->verdict = sum_up(judge);
}

const struct histogram *judge_series(const struct judge *judge, uint32_t index, const char **name)
{
    const struct {
        const char *name;
        const struct histogram *histogram;
    } series[] = {
        {"response", &judge->tally.response},  {"first_token", &judge->tally.first_token},
        {"service", &judge->latencies.caller}, {"failed", &judge->tally.failed},
        {"send_lag", &judge->tally.send_lag},
    };

    if (index >= ARRAY_SIZE(series))
        return NULL;
    *name = series[index].name;
    return series[index].histogram;
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
