#include "tests/support/sample_runs.h"

static const char laws[] =
    "{\"fallback-eligible\": {\"to\": \"gpt-4o\", \"after\": 1},\n"
    " \"fallback-ordered\": {\"order\": [\"claude-sonnet-4-5\", \"gpt-4o\"]}}";

static void begin(struct hearing *hearing)
{
    struct scenario *s = &hearing->scenario;

    sample_scenario(s);
    slice_copy(SLICE("careful"), s->client.preset, sizeof(s->client.preset));
    s->expects[0].text = SLICE("calls.useful >= 99%");
    s->expects[1].text = SLICE("response.p95 <= 6s");
    s->expects[2].text =
        SLICE("amplification{phase=storm, model=claude-sonnet-4-5, stream=true} <= "
              "2 * amplification{phase=before}");
    s->expects_count = 3;
    hearing_start(hearing, laws, NULL);
}

static bool is_in(const struct hearing *hearing, uint32_t rule, nanos at)
{
    return phase_is_open(&hearing->scenario.chaos.phases.list[rule], at);
}

/* What the journal says of an attempt that a rule refused, its advice included. */
static void feed_request(struct hearing *hearing, const struct call_record *call, uint32_t attempt,
                         int rule)
{
    struct journal_record record = sample_journal(&hearing->scenario, call, attempt);

    if (rule != PLAN_NO_RULE) {
        record.rules_matched = (uint64_t)1 << rule;
        record.rule = record.answered == OUTCOME_OK ? PLAN_NO_RULE : (int16_t)rule;
    }
    if (record.answered == OUTCOME_RATE_LIMITED) {
        record.advice = PLAN_ADVICE_SECONDS;
        record.advice_wait = NANOS_S;
    }
    judge_feed_journal(hearing->judge, &record);
}

static void feed(struct hearing *hearing, const struct call_record *call, int rule)
{
    for (uint32_t i = 0; i < call->attempts_count; i++)
        feed_request(hearing, call, i,
                     call->attempts[i].model == SAMPLE_CLAUDE ? rule : PLAN_NO_RULE);
    judge_feed_call(hearing->judge, call);
    hearing->facts.calls_planned++;
}

void run_that_passes(struct hearing *hearing)
{
    begin(hearing);
    for (uint64_t i = 0; i < SAMPLE_CALLS; i++) {
        struct call_record call = sample_call(i);
        int rule = PLAN_NO_RULE;

        if (is_in(hearing, SAMPLE_STORM_RULE, call.due_at))
            rule = SAMPLE_STORM_RULE;
        if (is_in(hearing, SAMPLE_OVERLOAD_RULE, call.due_at))
            rule = SAMPLE_OVERLOAD_RULE;
        if (rule == SAMPLE_STORM_RULE && i % 2 == 0) {
            sample_fail(&call, OUTCOME_RATE_LIMITED, 429, call.due_at + 50 * NANOS_MS);
            sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + 1200 * NANOS_MS);
        }
        if (rule == SAMPLE_OVERLOAD_RULE) {
            sample_fail(&call, OUTCOME_OVERLOADED, 529, call.due_at + 50 * NANOS_MS);
            sample_retry(&call, SAMPLE_GPT, call.ended_at);
        }
        feed(hearing, &call, rule);
    }
    hearing_finish(hearing);
}

static void insist(struct call_record *call, uint32_t attempts)
{
    while (call->attempts_count < attempts) {
        nanos sent_at = call->attempts[call->attempts_count - 1].sent_at;

        sample_fail(call, OUTCOME_RATE_LIMITED, 429, sent_at + 50 * NANOS_MS);
        sample_retry(call, SAMPLE_CLAUDE, call->ended_at + 430 * NANOS_MS);
    }
}

void run_that_fails(struct hearing *hearing)
{
    begin(hearing);
    for (uint64_t i = 0; i < SAMPLE_CALLS; i++) {
        struct call_record call = sample_call(i);
        int rule = PLAN_NO_RULE;

        if (is_in(hearing, SAMPLE_STORM_RULE, call.due_at)) {
            rule = SAMPLE_STORM_RULE;
            insist(&call, 1 + (uint32_t)(i % 7));
        }
        if (is_in(hearing, SAMPLE_OVERLOAD_RULE, call.due_at)) {
            rule = SAMPLE_OVERLOAD_RULE;
            sample_fail(&call, OUTCOME_OVERLOADED, 529, call.due_at + 13 * NANOS_S);
        }
        feed(hearing, &call, rule);
    }
    hearing_finish(hearing);
}

void run_that_is_inconclusive(struct hearing *hearing)
{
    begin(hearing);
    for (uint64_t i = 0; i < 420; i++) {
        struct call_record call = sample_call(i);

        call.attempts[0].handed_at = call.attempts[0].sent_at = call.due_at + 35 * NANOS_MS;
        feed(hearing, &call, PLAN_NO_RULE);
    }
    hearing->facts.calls_planned = SAMPLE_CALLS;
    hearing->facts.was_interrupted = true;
    hearing->facts.journal_is_whole = false;
    hearing->facts.cut_at = 42 * NANOS_S;
    hearing_finish(hearing);
}
