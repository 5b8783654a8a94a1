#include "judge/measure.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "judge/judge.h"
#include "judge/law.h"
#include "judge/readable.h"
#include "scenario/compress.h"

enum { RECOVERY_WINDOW_S = 5, RECOVERY_SECONDS_MAX = 86400 };

static const double recovery_points = 0.05;

const char *statistic_word(enum statistic statistic)
{
#define STATISTIC_WORD(id, word) [STATISTIC_##id] = word,
    static const char *const words[] = {STATISTIC_LIST(STATISTIC_WORD)};
#undef STATISTIC_WORD

    assert(statistic < STATISTICS_COUNT);
    return words[statistic];
}

/* --- what a call is --------------------------------------------------------------------------- */

static bool is_any(const struct call_case *c, const struct filters *filters)
{
    (void)filters;
    (void)c;
    return true;
}

static bool is_useful(const struct call_case *c, const struct filters *filters)
{
    (void)filters;
    return c->is_useful;
}

static bool is_unfinished(const struct call_case *c, const struct filters *filters)
{
    (void)filters;
    return c->call->outcome == OUTCOME_UNFINISHED;
}

/* So that useful + failed + unfinished is every call. */
static bool is_failed(const struct call_case *c, const struct filters *filters)
{
    return !is_useful(c, filters) && !is_unfinished(c, filters);
}

static bool is_shed(const struct call_case *c, const struct filters *filters)
{
    (void)filters;
    return c->call->outcome == OUTCOME_SHED;
}

static bool is_hung(const struct call_case *c, const struct filters *filters)
{
    (void)filters;
    return call_hangs(c, scenario_compressed(c->scenario, LAW_SILENCE_DEFAULT));
}

/* What our driver asked a service for is no attempt of its own: those are the steps. */
static bool is_of_service(const struct call_case *c)
{
    return c->scenario->subject == SUBJECT_SERVICE;
}

static bool service_fell_back(const struct call_case *c)
{
    for (uint32_t i = 0; i < c->steps_count; i++)
        if (c->steps[i].model != c->call->model_asked)
            return true;
    return false;
}

static bool fell_back(const struct call_case *c, const struct filters *filters)
{
    (void)filters;
    if (is_of_service(c))
        return service_fell_back(c);
    for (uint32_t i = 0; i < call_attempts_kept(c->call); i++)
        if (c->call->attempts[i].model != c->call->model_asked)
            return true;
    return false;
}

static bool was_answered_by(const struct call_case *c, const struct filters *filters)
{
    return c->call->model_answered == filters->model;
}

/* --- what a call gives ------------------------------------------------------------------------ */

static bool span_between(nanos from_at, nanos to_at, int64_t *value)
{
    if (from_at == NANOS_NEVER || to_at == NANOS_NEVER)
        return false;
    *value = to_at - from_at;
    return true;
}

static bool response(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    (void)filters;
    return span_between(c->call->due_at, c->call->ended_at, value);
}

static bool service(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    const struct attempt_record *last = call_last_attempt(c->call);

    (void)filters;
    return last != NULL && span_between(last->sent_at, last->last_content_at, value);
}

static bool first_byte(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    const struct attempt_record *last = call_last_attempt(c->call);

    (void)filters;
    return last != NULL && span_between(c->call->due_at, last->first_byte_at, value);
}

static bool first_token(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    const struct attempt_record *last = call_last_attempt(c->call);

    (void)filters;
    return last != NULL && span_between(c->call->due_at, last->first_token_at, value);
}

static bool first_content(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    const struct attempt_record *last = call_last_attempt(c->call);

    (void)filters;
    return last != NULL && span_between(c->call->due_at, last->first_content_at, value);
}

static bool silence(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    const struct attempt_record *last = call_last_attempt(c->call);

    (void)filters;
    if (last == NULL)
        return false;
    *value = last->gap_max;
    return true;
}

static bool gave_up_after(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    if (call_is_answered(c->call) || c->call->outcome == OUTCOME_UNFINISHED)
        return false;
    return response(c, filters, value);
}

/* Between the end of one request and the next, by the mock's clock. */
static nanos service_wait_max(const struct call_case *c)
{
    nanos longest = 0;

    for (uint32_t i = 1; i < c->requests_count; i++)
        if (c->requests[i - 1].closed_at != NANOS_NEVER)
            longest = nanos_max(longest, c->requests[i].head_in_at - c->requests[i - 1].closed_at);
    return longest;
}

static bool wait_max(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    (void)filters;
    *value = is_of_service(c) ? service_wait_max(c) : c->call->wait_max;
    return true;
}

static bool send_lag(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    (void)filters;
    return c->call->attempts_count > 0 && c->scenario->subject != SUBJECT_EXEC &&
           span_between(c->call->due_at, c->call->attempts[0].handed_at, value);
}

static bool attempts(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    (void)filters;
    *value = c->attempts;
    return true;
}

static int64_t service_retries(const struct call_case *c, const struct filters *filters)
{
    int64_t count = 0;

    for (uint32_t i = 0; i + 1 < c->steps_count; i++)
        count += !filters->has_cause || step_has_cause(&c->steps[i], &filters->cause);
    return count;
}

/* Attempts that were followed by another one; with a cause, those that failed by it. */
static bool retries(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    const struct call_record *call = c->call;

    *value = is_of_service(c) ? service_retries(c, filters) : 0;
    for (uint32_t i = 0; i + 1 < call_attempts_kept(call) && !is_of_service(c); i++)
        if (!filters->has_cause ||
            cause_set_has(&filters->cause, call->attempts[i].outcome, call->attempts[i].status))
            ++*value;
    return true;
}

static bool tokens_in(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    (void)filters;
    *value = (int64_t)c->call->usage.input_tokens;
    return c->call->usage.is_known;
}

static bool tokens_out(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    (void)filters;
    *value = (int64_t)c->call->usage.output_tokens;
    return c->call->usage.is_known;
}

static bool tokens_cached(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    (void)filters;
    *value = (int64_t)c->call->usage.cached_tokens;
    return c->call->usage.is_known;
}

/* As the wire counts them. */
static int64_t tokens_of(const struct usage *usage)
{
    return usage->is_known ? (int64_t)(usage->input_tokens + usage->output_tokens) : 0;
}

static bool tokens_of_attempts(const struct call_case *c, const struct filters *filters,
                               int64_t *value)
{
    (void)filters;
    *value = 0;
    for (uint32_t i = 0; i < call_attempts_kept(c->call); i++)
        *value += tokens_of(&c->call->attempts[i].usage);
    return true;
}

static bool tokens_of_answer(const struct call_case *c, const struct filters *filters,
                             int64_t *value)
{
    (void)filters;
    *value = tokens_of(&c->call->usage);
    return c->is_useful;
}

/* A call that made no attempt cost nothing; one of whose attempts no cost is known cost we do not
 * know what. */
static bool has_known_cost(const struct call_record *call)
{
    for (uint32_t i = 0; i < call_attempts_kept(call); i++)
        if (call->attempts[i].has_cost)
            return true;
    return call->cost_unknown == 0;
}

static bool cost(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    (void)filters;
    *value = c->call->cost;
    return has_known_cost(c->call);
}

static bool cost_wasted(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    (void)filters;
    *value = c->is_useful ? c->call->cost_failed : c->call->cost;
    return has_known_cost(c->call);
}

static bool cost_of_answer(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    const struct attempt_record *last = call_last_attempt(c->call);

    (void)filters;
    *value = last != NULL && last->has_cost ? last->cost : 0;
    return c->is_useful;
}

/* --- what nobody told the caller -------------------------------------------------------------- */

/* Sent, and the caller does not know for how much; or sent behind its back. A refusal is free. */
static bool is_cost_unknown(const struct step *step)
{
    if (step->seen != NULL && step->seen->status >= 400)
        return false;
    return step->felt == NULL || (step->felt->sent_at != NANOS_NEVER && !step->felt->has_cost);
}

static void add_gap(const struct call_case *c, const struct step *step, struct measure_gap *gap)
{
    gap->attempts++;
    if (step->seen == NULL)
        gap->is_open |= !c->has_journal; /* else it never came so far as to cost anything */
    else if (step->seen->has_cost)
        gap->billed = money_add(gap->billed, step->seen->cost);
    else
        gap->is_open = true;
}

static bool is_answer_of(const struct call_case *c, const struct step *step)
{
    return step->felt != NULL && step->felt == call_last_attempt(c->call);
}

static void cost_gap(const struct call_case *c, struct measure_gap *gap)
{
    for (uint32_t i = 0; i < c->steps_count; i++)
        if (is_cost_unknown(&c->steps[i]))
            add_gap(c, &c->steps[i], gap);
}

/* The answer of a useful call is no waste, whatever it cost. */
static void cost_wasted_gap(const struct call_case *c, struct measure_gap *gap)
{
    for (uint32_t i = 0; i < c->steps_count; i++)
        if (is_cost_unknown(&c->steps[i]) && !(c->is_useful && is_answer_of(c, &c->steps[i])))
            add_gap(c, &c->steps[i], gap);
}

/* A refusal has no tokens. What was asked and what was written stand for what was never told. */
static void tokens_gap(const struct call_case *c, struct measure_gap *gap)
{
    for (uint32_t i = 0; i < c->steps_count; i++) {
        const struct step *step = &c->steps[i];

        if (!is_cost_unknown(step) || (step->felt != NULL && step->felt->usage.is_known))
            continue;
        gap->attempts++;
        if (step->seen != NULL)
            gap->billed += (int64_t)(c->call->input_tokens_asked + step->seen->tokens_written);
        else
            gap->is_open |= !c->has_journal;
    }
}

static void cost_per_answer_gap(const struct call_case *c, struct measure_gap *gap)
{
    const struct attempt_record *last = call_last_attempt(c->call);

    cost_gap(c, gap);
    gap->is_below_unknown = c->is_useful && (last == NULL || !last->has_cost);
}

/* --- below the line --------------------------------------------------------------------------- */

static bool one_if_useful(const struct call_case *c, const struct filters *filters, int64_t *value)
{
    (void)filters;
    *value = 1;
    return c->is_useful;
}

/* --- what a run gives ------------------------------------------------------------------------- */

static double alerts(const struct run_figures *figures, const struct filters *filters,
                     uint32_t subject)
{
    uint64_t count = 0;

    (void)subject;
    for (uint32_t kind = 0; kind < ALERT_KINDS_COUNT; kind++)
        if (!filters->has_kind || filters->kind == (enum alert_kind)kind)
            count += figures->alerts[kind];
    return (double)count;
}

static double alerts_of_kind(const struct run_figures *figures, const struct filters *filters,
                             uint32_t subject)
{
    (void)filters;
    return (double)figures->alerts[subject];
}

static double hook_count(const struct run_figures *figures, const struct filters *filters,
                         uint32_t subject)
{
    (void)filters;
    return (double)figures->hooks[subject].posts;
}

static double hook_first(const struct run_figures *figures, const struct filters *filters,
                         uint32_t subject)
{
    (void)filters;
    return figures->hooks[subject].posts > 0 ? (double)figures->hooks[subject].first_at : INFINITY;
}

static double billed(const struct run_figures *figures, const struct filters *filters,
                     uint32_t subject)
{
    (void)filters;
    (void)subject;
    return (double)figures->billed;
}

static double leaked(const struct run_figures *figures, const struct filters *filters,
                     uint32_t subject)
{
    (void)filters;
    (void)subject;
    return (double)(figures->requests_leaking + figures->lines_leaking);
}

/* --- what a service's processes are ----------------------------------------------------------- */

static uint64_t rss(const struct sample_record *sample)
{
    return sample->rss_bytes;
}

static uint64_t descriptors(const struct sample_record *sample)
{
    return sample->descriptors;
}

static uint64_t threads(const struct sample_record *sample)
{
    return sample->threads;
}

/* --- the list --------------------------------------------------------------------------------- */

#define BIT(statistic) (1u << STATISTIC_##statistic)

enum {
    ALL_OF_SAMPLES = BIT(P50) | BIT(P90) | BIT(P95) | BIT(P99) | BIT(P999) | BIT(MIN) | BIT(MAX) |
                     BIT(MEAN) | BIT(COUNT),
    ALL_OF_TOTALS = ALL_OF_SAMPLES | BIT(SUM),
    ALL_OF_CALLS = BIT(COUNT) | BIT(SHARE),
    ALL_OF_PROCESSES = ALL_OF_SAMPLES | BIT(SLOPE),
};

#define CALLS(NAME, HOLDS, ABOUT)                                                              \
    {                                                                                          \
        .name = (NAME), .shape = SHAPE_CALLS, .unit = UNIT_NUMBER, .statistics = ALL_OF_CALLS, \
        .statistic_usual = STATISTIC_COUNT, .holds = (HOLDS), .about = (ABOUT)                 \
    }
#define SHARE(NAME, FLAGS, HOLDS, ABOUT)                                                         \
    {                                                                                            \
        .name = (NAME), .shape = SHAPE_CALLS, .unit = UNIT_SHARE,                                \
        .statistic_usual = STATISTIC_SHARE, .flags = (FLAGS), .holds = (HOLDS), .about = (ABOUT) \
    }
#define SAMPLES(NAME, UNIT, STATISTICS, USUAL, FLAGS, SAMPLE, ABOUT)                        \
    {                                                                                       \
        .name = (NAME), .shape = SHAPE_SAMPLES, .unit = (UNIT), .statistics = (STATISTICS), \
        .statistic_usual = STATISTIC_##USUAL, .flags = (FLAGS), .sample = (SAMPLE),         \
        .about = (ABOUT)                                                                    \
    }
#define SPANS(NAME, STATISTICS, USUAL, FLAGS, SAMPLE, ABOUT) \
    SAMPLES(NAME, UNIT_SPAN, STATISTICS, USUAL, FLAGS, SAMPLE, ABOUT)
#define LATENCY(NAME, SAMPLE, ABOUT) \
    SPANS(NAME, ALL_OF_SAMPLES, OWN, MEASURE_OF_SUCCESSES | MEASURE_LATENCY, SAMPLE, ABOUT)
#define NUMBERS(NAME, STATISTICS, USUAL, FLAGS, SAMPLE, ABOUT) \
    SAMPLES(NAME, UNIT_NUMBER, STATISTICS, USUAL, FLAGS, SAMPLE, ABOUT)
#define MONEY(NAME, USUAL, SAMPLE, GAP, ABOUT)                                                   \
    {                                                                                            \
        .name = (NAME), .shape = SHAPE_SAMPLES, .unit = UNIT_MONEY,                              \
        .statistic_usual = STATISTIC_##USUAL, .sample = (SAMPLE), .gap = (GAP), .about = (ABOUT) \
    }
#define RATIO(NAME, UNIT, SAMPLE, BASE, GAP, ABOUT)                                             \
    {                                                                                           \
        .name = (NAME), .shape = SHAPE_RATIO, .unit = (UNIT), .statistic_usual = STATISTIC_OWN, \
        .sample = (SAMPLE), .base = (BASE), .gap = (GAP), .about = (ABOUT)                      \
    }
#define RUN(NAME, UNIT, FLAGS, OF_RUN, SUBJECT, ABOUT)                                        \
    {                                                                                         \
        .name = (NAME), .shape = SHAPE_RUN, .unit = (UNIT), .statistic_usual = STATISTIC_OWN, \
        .flags = (FLAGS), .of_run = (OF_RUN), .subject = (SUBJECT), .about = (ABOUT)          \
    }
#define SUBJECT(NAME, UNIT, OF_SAMPLE, ABOUT)                                                   \
    {                                                                                           \
        .name = (NAME), .shape = SHAPE_SUBJECT, .unit = (UNIT), .statistics = ALL_OF_PROCESSES, \
        .statistic_usual = STATISTIC_OWN, .of_sample = (OF_SAMPLE), .about = (ABOUT)            \
    }
#define ALERTS_OF(ID, WORD)                                                             \
    RUN("alerts." WORD, UNIT_NUMBER, MEASURE_NEEDS_MONITOR, alerts_of_kind, ALERT_##ID, \
        "alerts of the kind " WORD ", raised"),
#define HOOKS_OF(ID, WORD)                                                                    \
    RUN("hooks." WORD ".count", UNIT_NUMBER, MEASURE_NEEDS_MONITOR | MEASURE_NEEDS_JOURNAL,   \
        hook_count, HOOK_##ID, "posts that the hook " WORD " accepted"),                      \
        RUN("hooks." WORD ".first", UNIT_SPAN, MEASURE_NEEDS_MONITOR | MEASURE_NEEDS_JOURNAL, \
            hook_first, HOOK_##ID, "from the start of the run to the first of them"),

static const struct measure measures[] = {
    CALLS("calls.count", is_any, "calls"),
    CALLS("calls.useful", is_useful, "calls with a complete answer within the deadline"),
    CALLS("calls.failed", is_failed, "calls that ended, and not useful"),
    CALLS("calls.unfinished", is_unfinished, "calls still open when the run was cut"),
    CALLS("calls.hung", is_hung, "calls forgotten at the cut or silent for over 120 s"),
    CALLS("calls.shed", is_shed, "calls refused by the client's own posture"),
    {.name = "goodput",
     .shape = SHAPE_GOODPUT,
     .unit = UNIT_NUMBER,
     .statistic_usual = STATISTIC_OWN,
     .flags = MEASURE_LATENCY,
     .holds = is_useful,
     .about = "useful calls per second"},
    LATENCY("response", response, "from the call's due to its last content"),
    LATENCY("service", service, "from the answering attempt's sent to its last content"),
    LATENCY("first_byte", first_byte, "from the call's due to the first byte of its answer"),
    LATENCY("first_token", first_token, "from the call's due to the first token of its answer"),
    LATENCY("first_content", first_content, "from the call's due to the first text of its answer"),
    SPANS("silence.max", 0, MAX, MEASURE_OF_SUCCESSES | MEASURE_LATENCY, silence,
          "longest gap between two events with content of one answer"),
    NUMBERS("attempts.max", 0, MAX, MEASURE_JOURNAL, attempts, "most attempts that one call made"),
    NUMBERS("amplification", 0, MEAN, MEASURE_JOURNAL, attempts, "attempts per call"),
    RATIO("amplification.tokens", UNIT_NUMBER, tokens_of_attempts, tokens_of_answer, tokens_gap,
          "tokens of all attempts for each token of a useful answer"),
    RATIO("amplification.cost", UNIT_NUMBER, cost, cost_of_answer, cost_per_answer_gap,
          "money for all attempts for each dollar of a useful answer"),
    NUMBERS("retries", ALL_OF_TOTALS, SUM, 0, retries, "failed attempts followed by another"),
    SPANS("wait.max", 0, MAX, 0, wait_max, "longest wait between two attempts of one call"),
    SPANS("gave_up_after", ALL_OF_SAMPLES, MAX, MEASURE_LATENCY, gave_up_after,
          "from the call's due to its end, of calls that ended without a whole answer"),
    SHARE("fallback.share", 0, fell_back, "calls with an attempt on another model"),
    SHARE("model.share", MEASURE_OF_SUCCESSES | MEASURE_TAKES_MODEL, was_answered_by,
          "answered calls that the model of {model=} answered"),
    {.name = "recovery.time",
     .shape = SHAPE_RECOVERY,
     .unit = UNIT_SPAN,
     .statistic_usual = STATISTIC_OWN,
     .flags = MEASURE_LATENCY | MEASURE_TAKES_PHASE,
     .holds = is_useful,
     .about = "from the end of {phase=} to the first 5 s as useful as before it, less 5 points"},
    NUMBERS("tokens.in", ALL_OF_TOTALS, SUM, 0, tokens_in,
            "input tokens, where the answer told them"),
    NUMBERS("tokens.out", ALL_OF_TOTALS, SUM, 0, tokens_out,
            "output tokens, where the answer told them"),
    NUMBERS("tokens.cached", ALL_OF_TOTALS, SUM, 0, tokens_cached,
            "input tokens read from a cache, where the answer told them"),
    MONEY("cost.total", SUM, cost, cost_gap, "what all attempts cost, as far as the caller knows"),
    MONEY("cost.wasted", SUM, cost_wasted, cost_wasted_gap,
          "likewise, failed attempts and useless answers"),
    MONEY("cost.max", MAX, cost, cost_gap, "likewise, the dearest call"),
    RATIO("cost.per_useful", UNIT_MONEY, cost, one_if_useful, cost_gap,
          "likewise, for each useful call"),
    RUN("billed.total", UNIT_MONEY, MEASURE_NEEDS_JOURNAL, billed, 0,
        "what the mock billed, told or not"),
    RUN("alerts", UNIT_NUMBER, MEASURE_NEEDS_MONITOR | MEASURE_TAKES_KIND, alerts, 0,
        "alerts raised, of the kind of {kind=} or of all"),
    SPANS("send_lag", ALL_OF_SAMPLES, OWN, MEASURE_LATENCY, send_lag,
          "from a call's due to the instant its first attempt was handed over"),
    RUN("secrets.leaked", UNIT_NUMBER, MEASURE_NEEDS_JOURNAL | MEASURE_NEEDS_CANARIES, leaked, 0,
        "requests, and lines of the log, with a key where none belongs"),
    SUBJECT("subject.rss", UNIT_SIZE, rss, "resident memory of a service's processes"),
    SUBJECT("subject.fds", UNIT_NUMBER, descriptors, "likewise open file descriptors"),
    SUBJECT("subject.threads", UNIT_NUMBER, threads, "likewise threads"),
    ALERT_KIND_LIST(ALERTS_OF) HOOK_KIND_LIST(HOOKS_OF)};

/* In the design, and not here yet. */
static const char *const planned[] = {"gap", "stalls", "connections"};

const struct measure *measure_at(uint32_t index)
{
    return index < ARRAY_SIZE(measures) ? &measures[index] : NULL;
}

const struct measure *measure_find(struct slice name)
{
    for (size_t i = 0; i < ARRAY_SIZE(measures); i++)
        if (slice_is(name, slice_of(measures[i].name)))
            return &measures[i];
    return NULL;
}

bool measure_is_planned(struct slice name)
{
    for (size_t i = 0; i < ARRAY_SIZE(planned); i++) {
        struct slice stem = slice_of(planned[i]);

        if (slice_starts_with(name, stem) &&
            (name.size == stem.size || name.data[stem.size] == '.'))
            return true;
    }
    return false;
}

/* --- recovery --------------------------------------------------------------------------------- */

/* The last time that a window ends within the load; of one that opens once, its end. */
static nanos last_end(const struct phase *phase, nanos load_lasts)
{
    nanos end_at = phase_ends_at(phase);

    if (phase->every == 0 || end_at >= load_lasts)
        return end_at;
    return end_at + (load_lasts - 1 - end_at) / phase->every * phase->every;
}

/* The end of the window that `phase` names; of several of one name, the last. */
static nanos window_ends_at(const struct scenario *scenario, const struct phase_set *phase)
{
    const struct phases *phases = &scenario->chaos.phases;
    nanos end_at = INT64_MIN;

    for (uint32_t i = 0; i < phases->count; i++)
        if (phase->named >> i & 1)
            end_at = nanos_max(end_at, last_end(&phases->list[i], scenario->load.lasts));
    return end_at;
}

/* A second of the story as it was told. */
static nanos story_second(const struct measurement *m)
{
    return scenario_compressed(m->scenario, NANOS_S);
}

static enum rc recovery_init(struct measurement *m)
{
    nanos lasts = m->scenario->load.lasts;
    nanos seconds;

    m->recovers_from = window_ends_at(m->scenario, &m->filters.phase);
    if (m->recovers_from >= lasts)
        return RC_OK; /* no load after it: no seconds, and the value will say so */
    seconds = (lasts - m->recovers_from) / story_second(m);
    m->seconds_count = (uint32_t)nanos_min(seconds, RECOVERY_SECONDS_MAX);
    m->seconds = memory_zeroed(m->memory, m->seconds_count, sizeof(*m->seconds));
    return m->seconds != NULL ? RC_OK : RC_NOMEM;
}

static void recovery_feed(struct measurement *m, const struct call_case *c)
{
    nanos due_at = c->call->due_at;
    uint64_t second;

    m->n++;
    if (c->phases.is_before) {
        m->before_calls++;
        m->before_useful += c->is_useful;
    }
    if (due_at < m->recovers_from)
        return;
    second = (uint64_t)((due_at - m->recovers_from) / story_second(m));
    if (second >= m->seconds_count)
        return;
    m->seconds[second].calls++;
    m->seconds[second].useful += c->is_useful;
}

static void not_known(struct measured *measured, const char *reason)
{
    measured->is_known = false;
    snprintf(measured->reason, sizeof(measured->reason), "%s", reason);
}

/* Tries windows of five seconds, one starting at each whole second after the end; those without
 * calls say nothing. */
static void recovery_value(const struct measurement *m, struct measured *measured)
{
    double wanted;
    bool has_calls = false;

    if (m->before_calls == 0) {
        not_known(measured, "no calls before the first window to compare with");
        return;
    }
    wanted = (double)m->before_useful / (double)m->before_calls - recovery_points;
    measured->value = INFINITY;
    for (uint32_t start = 0; start + RECOVERY_WINDOW_S <= m->seconds_count; start++) {
        uint64_t calls = 0, useful = 0;

        for (uint32_t i = 0; i < RECOVERY_WINDOW_S; i++) {
            calls += m->seconds[start + i].calls;
            useful += m->seconds[start + i].useful;
        }
        if (calls == 0)
            continue;
        has_calls = true;
        if ((double)useful / (double)calls >= wanted) {
            measured->value = (double)start * (double)story_second(m);
            return;
        }
    }
    if (!has_calls)
        not_known(measured, "no whole 5 s with calls between the window's end and the load's");
}

/* --- feeding ---------------------------------------------------------------------------------- */

static bool is_percentile(enum statistic statistic)
{
    return statistic <= STATISTIC_P999;
}

enum rc measurement_init(struct measurement *m, const struct scenario *scenario,
                         const struct memory *memory)
{
    m->scenario = scenario;
    m->memory = memory;
    if (m->measure->shape == SHAPE_RECOVERY)
        return recovery_init(m);
    if (!is_percentile(m->statistic) ||
        (m->measure->shape != SHAPE_SAMPLES && m->measure->shape != SHAPE_SUBJECT))
        return RC_OK;
    TRY(histogram_init(&m->histogram, memory));
    m->has_histogram = true;
    return RC_OK;
}

void measurement_deinit(struct measurement *m)
{
    if (m->has_histogram)
        histogram_deinit(&m->histogram);
    if (m->seconds != NULL)
        memory_release(m->memory, m->seconds);
    *m = (struct measurement){0};
}

static bool has_cause(const struct call_record *call, const struct cause_set *cause)
{
    for (uint32_t i = 0; i < call_attempts_kept(call); i++)
        if (cause_set_has(cause, call->attempts[i].outcome, call->attempts[i].status))
            return true;
    return false;
}

bool filters_pick_calls(const struct filters *f)
{
    return f->has_phase || f->has_model || f->has_answered || f->has_stream || f->has_outcome ||
           f->has_part || f->has_cause;
}

static bool passes(const struct measurement *m, const struct call_case *c)
{
    const struct filters *f = &m->filters;
    const struct call_record *call = c->call;
    bool by_phase = f->has_phase && !(m->measure->flags & MEASURE_TAKES_PHASE);
    bool by_model = f->has_model && !(m->measure->flags & MEASURE_TAKES_MODEL);

    if (by_phase && !phase_set_overlaps(&f->phase, &c->phases))
        return false;
    if (by_model && f->model != call->model_asked)
        return false;
    if (f->has_answered && (call->attempts_count == 0 || f->answered != call->model_answered))
        return false;
    if (f->has_stream && f->stream != call->stream)
        return false;
    if (f->has_part && f->part != call->id.source)
        return false;
    if (f->has_outcome && f->outcome != call->outcome)
        return false;
    return !f->has_cause || has_cause(call, &f->cause);
}

static void feed_sample(struct measurement *m, int64_t value)
{
    m->min = m->n == 0 || value < m->min ? value : m->min;
    m->max = m->n == 0 || value > m->max ? value : m->max;
    m->n++;
    if (m->measure->unit == UNIT_MONEY)
        m->amount = money_add(m->amount, value);
    else
        m->sum += (double)value;
    if (m->has_histogram)
        histogram_record(&m->histogram, value);
}

/* Tokens, picodollars or calls: all of them whole, so that the order of calls changes nothing. */
static void feed_ratio(struct measurement *m, const struct call_case *c)
{
    int64_t value = 0;

    if (m->measure->sample(c, &m->filters, &value)) {
        m->n++;
        m->amount = money_add(m->amount, value);
    }
    if (!m->measure->base(c, &m->filters, &value))
        return;
    m->hits++;
    m->amount_base = money_add(m->amount_base, value);
}

static void feed_gap(struct measurement *m, const struct call_case *c)
{
    struct measure_gap gap = {0};
    int64_t value = 0;

    if (!m->measure->sample(c, &m->filters, &value))
        value = 0;
    m->measure->gap(c, &gap);
    m->gap.attempts += gap.attempts;
    m->gap.billed = money_add(m->gap.billed, gap.billed);
    m->gap.is_open |= gap.is_open;
    m->bases_unknown += gap.is_below_unknown;
    m->max_most = nanos_max(m->max_most, money_add(value, gap.billed));
}

void measurement_feed(struct measurement *m, const struct call_case *c)
{
    const struct measure *measure = m->measure;
    int64_t value = 0;

    if (!passes(m, c))
        return;
    if ((measure->flags & MEASURE_OF_SUCCESSES) && !m->filters.has_outcome &&
        !call_is_answered(c->call))
        return;
    if (measure->gap != NULL)
        feed_gap(m, c);
    switch (measure->shape) {
    case SHAPE_SAMPLES:
        if (measure->sample(c, &m->filters, &value))
            feed_sample(m, value);
        break;
    case SHAPE_CALLS:
    case SHAPE_GOODPUT:
        m->n++;
        m->hits += measure->holds(c, &m->filters);
        break;
    case SHAPE_RATIO:
        feed_ratio(m, c);
        break;
    case SHAPE_RECOVERY:
        recovery_feed(m, c);
        break;
    case SHAPE_RUN:
    case SHAPE_SUBJECT:
        break; /* calls say nothing of it */
    }
}

void measurement_feed_sample(struct measurement *m, const struct sample_record *sample)
{
    uint64_t value;

    if (m->measure->shape != SHAPE_SUBJECT)
        return;
    value = m->measure->of_sample(sample);
    if (m->statistic == STATISTIC_SLOPE && sample->instance < SERVICE_URLS_MAX)
        trend_add(&m->trends[sample->instance], sample->at, (double)value);
    feed_sample(m, value < INT64_MAX ? (int64_t)value : INT64_MAX);
}

/* --- values ----------------------------------------------------------------------------------- */

static double percent_of(enum statistic statistic)
{
    static const double percents[] = {[STATISTIC_P50] = 50,
                                      [STATISTIC_P90] = 90,
                                      [STATISTIC_P95] = 95,
                                      [STATISTIC_P99] = 99,
                                      [STATISTIC_P999] = 99.9};

    return percents[statistic];
}

/* Below 1 / (1 - p) samples a percentile is just the largest of them. */
static uint64_t samples_needed(enum statistic statistic)
{
    return (uint64_t)(100.0 / (100.0 - percent_of(statistic)) + 0.5);
}

static void percentile_value(const struct measurement *m, struct measured *measured)
{
    uint64_t needed = samples_needed(m->statistic);
    nanos value = 0;

    if (m->n < needed) {
        measured->is_known = false;
        snprintf(measured->reason, sizeof(measured->reason),
                 "%s needs %llu samples, there are %llu", statistic_word(m->statistic),
                 (unsigned long long)needed, (unsigned long long)m->n);
        return;
    }
    (void)histogram_percentile(&m->histogram, percent_of(m->statistic), &value); /* not empty */
    measured->value = (double)value;
}

/* Of several instances the steepest. */
static void slope_value(const struct measurement *m, struct measured *measured)
{
    double per_hour;

    measured->is_known = false;
    for (uint32_t i = 0; i < SERVICE_URLS_MAX; i++) {
        if (!trend_slope(&m->trends[i], &per_hour))
            continue;
        measured->value = measured->is_known ? fmax(measured->value, per_hour) : per_hour;
        measured->is_known = true;
    }
    if (!measured->is_known)
        snprintf(measured->reason, sizeof(measured->reason), "a slope needs %d samples",
                 TREND_SAMPLES_LEAST);
}

static void samples_value(const struct measurement *m, struct measured *measured)
{
    switch (m->statistic) {
    case STATISTIC_MIN:
        measured->value = (double)m->min;
        break;
    case STATISTIC_MAX:
        measured->value = (double)m->max;
        break;
    case STATISTIC_MEAN:
        measured->value = m->sum / (double)m->n;
        break;
    case STATISTIC_SUM:
        measured->value = m->measure->unit == UNIT_MONEY ? (double)m->amount : m->sum;
        break;
    case STATISTIC_COUNT:
        measured->value = (double)m->n;
        break;
    case STATISTIC_SLOPE:
        slope_value(m, measured);
        break;
    default:
        percentile_value(m, measured);
    }
}

/* How much of the load's time lies in the phase: cut at every edge of a window, and ask in between.
 */
static nanos time_in_phase(const struct scenario *scenario, const struct phase_set *phase)
{
    const struct phases *phases = &scenario->chaos.phases;
    nanos from = 0, sum = 0;

    while (from < scenario->load.lasts) {
        struct phase_set here = phases_at(phases, from);
        nanos to = scenario->load.lasts;

        for (uint32_t i = 0; i < phases->count; i++)
            to = nanos_min(to, phase_changes_at(&phases->list[i], from));
        if (phase_set_overlaps(phase, &here))
            sum += to - from;
        from = to;
    }
    return sum;
}

static void goodput_value(const struct measurement *m, struct measured *measured)
{
    nanos time;

    if (m->scenario->load.lasts == NANOS_NEVER) {
        not_known(measured, "a command's calls come when it likes: there is no time to divide by");
        return;
    }
    time = m->filters.has_phase ? time_in_phase(m->scenario, &m->filters.phase)
                                : m->scenario->load.lasts;
    if (time <= 0) {
        not_known(measured, "the load has no time in that phase");
        return;
    }
    measured->value = (double)m->hits / ((double)time / (double)NANOS_S);
}

/* None of them is an answer to "how many", and no answer to anything else. */
static bool is_bare_count(const struct measurement *m)
{
    return m->statistic == STATISTIC_COUNT &&
           (m->measure->shape == SHAPE_SAMPLES || m->measure->shape == SHAPE_SUBJECT ||
            m->measure->holds == is_any);
}

static void ratio_value(const struct measurement *m, struct measured *measured)
{
    if (m->bases_unknown > 0) {
        not_known(measured, "the cost of useful answers is not known");
        return;
    }
    if (m->amount_base == 0) {
        not_known(measured, m->hits > 0 ? "the useful answers cost nothing to set it against"
                                        : "no useful answer to set it against");
        return;
    }
    measured->value = (double)m->amount / (double)m->amount_base;
}

/* The value with all that it leaves out. */
static double value_at_most(const struct measurement *m)
{
    if (m->gap.is_open)
        return INFINITY;
    if (m->statistic == STATISTIC_MAX)
        return (double)m->max_most;
    if (m->measure->shape == SHAPE_RATIO)
        return (double)money_add(m->amount, m->gap.billed) / (double)m->amount_base;
    return (double)money_add(m->amount, m->gap.billed);
}

/* Answers of models without a price: nobody can bill them. */
static void run_value(const struct measurement *m, const struct run_figures *figures,
                      struct measured *measured)
{
    measured->value = m->measure->of_run(figures, &m->filters, m->measure->subject);
    if (m->measure->of_run != billed)
        return;
    measured->unknown = figures->billed_unknown;
    measured->unknown_what = "cost";
    measured->most = INFINITY;
    if (figures->billed == 0 && measured->unknown > 0)
        not_known(measured, "no cost is known");
}

void measurement_value(const struct measurement *m, const struct run_figures *figures,
                       struct measured *measured)
{
    bool is_of_run = m->measure->shape == SHAPE_RUN;

    *measured = (struct measured){.is_known = true, .n = is_of_run ? figures->calls : m->n};
    if (measured->n == 0 && !is_bare_count(m)) {
        not_known(measured, m->measure->shape == SHAPE_SUBJECT
                                ? "no process of the subject was sampled"
                            : m->measure->unit == UNIT_MONEY ? "no cost is known"
                                                             : "no call to judge it by");
        return;
    }
    switch (m->measure->shape) {
    case SHAPE_SAMPLES:
    case SHAPE_SUBJECT:
        samples_value(m, measured);
        break;
    case SHAPE_CALLS:
        measured->value =
            m->statistic == STATISTIC_SHARE ? (double)m->hits / (double)m->n : (double)m->hits;
        break;
    case SHAPE_GOODPUT:
        goodput_value(m, measured);
        break;
    case SHAPE_RATIO:
        ratio_value(m, measured);
        break;
    case SHAPE_RECOVERY:
        recovery_value(m, measured);
        break;
    case SHAPE_RUN:
        run_value(m, figures, measured);
        break;
    }
    if (m->gap.attempts == 0 || !measured->is_known)
        return;
    measured->unknown = m->gap.attempts;
    measured->unknown_what = m->measure->gap == tokens_gap ? "usage" : "cost";
    measured->most = value_at_most(m);
}

enum unit measurement_unit(const struct measurement *m)
{
    if (m->statistic == STATISTIC_COUNT)
        return UNIT_NUMBER;
    return m->statistic == STATISTIC_SHARE ? UNIT_SHARE : m->measure->unit;
}
