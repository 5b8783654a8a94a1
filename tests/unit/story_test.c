#include "report/story.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/golden.h"
#include "tests/support/hearing.h"

/* One call of the sample world at a time, spoiled by hand, and what `explain` tells of it. */

static const char laws[] = "{\"fallback-eligible\": {\"to\": \"gpt-4o\", \"after\": 1}}";

static struct hearing hearing;
static struct buffer out;
static struct call_record call;
static struct journal_record requests[STORY_REQUESTS_MAX];
static uint32_t requests_count;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), 1 << 16);
    hearing_begin(&hearing, laws, NULL);
    requests_count = 0;
}

static void tear_down(void)
{
    hearing_end(&hearing);
    buffer_deinit(&out);
}

/* The mock's account of an attempt; half a millisecond of network each way. */
static struct journal_record *asked(uint32_t index, int rule, const char *plan)
{
    struct journal_record *r = &requests[requests_count++];

    *r = sample_journal(&hearing.scenario, &call, index);
    r->number = 217 + 5 * index;
    r->head_in_at = r->body_in_at = call.attempts[index].sent_at + NANOS_MS / 2;
    r->last_out_at = r->closed_at = call.attempts[index].ended_at - NANOS_MS / 2;
    if (rule != PLAN_NO_RULE)
        r->rules_matched = (uint64_t)1 << rule;
    r->rule = (int16_t)rule;
    snprintf(r->plan, sizeof(r->plan), "%s", plan);
    return r;
}

static struct journal_record *refused(uint32_t index, nanos advice)
{
    char plan[64];
    struct journal_record *r;

    snprintf(plan, sizeof(plan), "429 rate_limited, retry-after %llds",
             (long long)(advice / NANOS_S));
    r = asked(index, SAMPLE_STORM_RULE, plan);
    r->advice = PLAN_ADVICE_SECONDS;
    r->advice_wait = advice;
    call.attempts[index].advice_form = ADVICE_SECONDS;
    call.attempts[index].advice_wait = advice;
    return r;
}

static void is_refused(nanos wait, uint32_t model)
{
    struct attempt_record *last = &call.attempts[call.attempts_count - 1];

    sample_fail(&call, OUTCOME_RATE_LIMITED, 429, last->sent_at + 2 * NANOS_MS);
    sample_retry(&call, model, call.ended_at + wait);
}

static void tell(bool has_journal, nanos cut_at)
{
    struct story story = {.scenario = &hearing.scenario,
                          .call = &call,
                          .requests = requests,
                          .requests_count = requests_count,
                          .has_journal = has_journal,
                          .cut_at = cut_at};

    hearing.facts.calls_planned = 1;
    hearing.facts.has_journal = has_journal;
    if (cut_at != NANOS_NEVER)
        hearing.facts.cut_at = cut_at;
    judge_feed_call(hearing.judge, &call);
    for (uint32_t i = 0; i < requests_count; i++)
        judge_feed_journal(hearing.judge, &requests[i]);
    judge_finish(hearing.judge, &hearing.facts);
    story.rows = judge_rows(hearing.judge, &story.rows_count);
    report_story(&story, &out);
    EXPECT_RC(out.rc, RC_OK);
}

/* A loop of three around a library that tries twice: six attempts, and no ear for advice. */
static void an_impatient_client_is_shown_what_it_was_told(void)
{
    call = sample_call(103);
    for (uint32_t i = 0; i < 5; i++)
        is_refused(i % 2 == 0 ? 430 * NANOS_MS : 1000 * NANOS_MS, SAMPLE_CLAUDE);
    for (uint32_t i = 0; i < 5; i++)
        refused(i, i == 2 ? 3600 * NANOS_S : NANOS_S);
    call.attempts[2].layer = call.attempts[4].layer = 1;
    asked(5, PLAN_NO_RULE, "200 stream 120 tokens: first 400ms, then every 13.4ms");
    tell(true, NANOS_NEVER);
    expect_golden(buffer_slice(&out), "story-impatient.txt");
}

static void a_fallback_after_a_stall_is_one_story(void)
{
    call = sample_call(301);
    call.attempts[0].first_byte_at = call.due_at + 390 * NANOS_MS;
    sample_fail(&call, OUTCOME_TIMEOUT_STALL, 0, call.due_at + 5 * NANOS_S);
    call.attempts[0].first_token_at = call.due_at + 400 * NANOS_MS;
    call.attempts[0].last_content_at = call.due_at + 980 * NANOS_MS;
    call.attempts[0].handed_at = call.due_at + 20 * NANOS_MS;
    call.attempts[0].sent_at = call.due_at + 220 * NANOS_MS;
    sample_retry(&call, SAMPLE_GPT, call.ended_at);
    asked(0, SAMPLE_OVERLOAD_RULE, "200 stream 120 tokens, silence after 40");
    requests[0].answered = OUTCOME_OK;
    requests[0].is_complete = false;
    requests[0].first_out_at = requests[0].head_in_at + 170 * NANOS_MS;
    requests[0].closed_by = CLOSED_CLIENT;
    requests[0].tokens_written = 40;
    asked(1, PLAN_NO_RULE, "200 stream 120 tokens: first 400ms, then every 13.4ms");
    tell(true, NANOS_NEVER);
    expect_golden(buffer_slice(&out), "story-fallback.txt");
}

static void a_call_that_waits_at_the_cut_is_still_open(void)
{
    call = sample_call(150);
    sample_fail(&call, OUTCOME_RATE_LIMITED, 429, call.due_at + 3 * NANOS_MS);
    refused(0, 3600 * NANOS_S);
    call.outcome = OUTCOME_UNFINISHED;
    call.pending = PENDING_WAIT;
    call.ended_at = NANOS_NEVER;
    tell(true, call.due_at + 43 * NANOS_S);
    expect_golden(buffer_slice(&out), "story-waiting.txt");
}

static void a_call_without_a_place_never_tried(void)
{
    call = sample_call(150);
    call.attempts_count = 0;
    call.ended_at = NANOS_NEVER;
    call.outcome = OUTCOME_UNFINISHED;
    call.pending = PENDING_WAIT;
    call.usage = (struct usage){0};
    call.cost = 0;
    tell(true, call.due_at + 43 * NANOS_S);
    CU_ASSERT(slice_has(buffer_slice(&out),
                        SLICE("still open, waiting for a place (load.in_flight_max), when")));
}

static void an_attempt_that_nobody_answers_is_open_at_the_cut(void)
{
    struct attempt_record *attempt = &call.attempts[0];

    call = sample_call(150);
    attempt->first_byte_at = attempt->first_token_at = NANOS_NEVER;
    attempt->first_content_at = attempt->last_content_at = attempt->ended_at = NANOS_NEVER;
    attempt->outcome = OUTCOME_UNFINISHED;
    attempt->status = 0;
    attempt->has_cost = false;
    attempt->usage = call.usage = (struct usage){0};
    call.cost = 0;
    call.cost_unknown = 1;
    snprintf(call.error, sizeof(call.error), "%s", outcome_meaning(OUTCOME_UNFINISHED));
    call.outcome = OUTCOME_UNFINISHED;
    call.pending = PENDING_ATTEMPT;
    call.ended_at = NANOS_NEVER;
    asked(0, SAMPLE_STORM_RULE, "silence");
    requests[0].is_complete = false;
    requests[0].tokens_written = 0;
    requests[0].status = 0;
    requests[0].closed_by = CLOSED_RUN;
    requests[0].first_out_at = requests[0].last_out_at = NANOS_NEVER;
    requests[0].closed_at = call.due_at + 43 * NANOS_S;
    tell(true, call.due_at + 43 * NANOS_S);
    expect_golden(buffer_slice(&out), "story-open.txt");
}

static void an_error_is_told_where_it_says_more_than_the_outcome(void)
{
    call = sample_call(7);
    call.outcome = OUTCOME_USELESS;
    call.ended_at = call.due_at + 65 * NANOS_S;
    snprintf(call.error, sizeof(call.error), "useless");
    tell(false, NANOS_NEVER);
    CU_ASSERT(!slice_has(buffer_slice(&out), SLICE("\n  error ")));
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("(its deadline was ")));
    tear_down();
    set_up();
    memset(call.error, 'x', sizeof(call.error) - 1);
    tell(false, NANOS_NEVER);
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("xxx...\n")));
}

static void without_a_journal_one_end_speaks(void)
{
    call = sample_call(7);
    tell(false, NANOS_NEVER);
    expect_golden(buffer_slice(&out), "story-live.txt");
}

static void a_call_that_was_never_sent_has_no_bars(void)
{
    call = sample_call(7);
    call.attempts_count = 0;
    call.outcome = OUTCOME_SHED;
    call.usage = (struct usage){0};
    call.ended_at = call.due_at;
    tell(true, NANOS_NEVER);
    expect_golden(buffer_slice(&out), "story-shed.txt");
}

/* A library below the client sent attempt 1 twice. */
static void a_request_that_nobody_asked_for_is_shown(void)
{
    call = sample_call(7);
    asked(0, PLAN_NO_RULE, "200 stream 120 tokens");
    asked(0, PLAN_NO_RULE, "200 stream 120 tokens");
    requests[0].closed_by = CLOSED_FAULT;
    requests[0].answered = OUTCOME_RESET_BEFORE;
    requests[0].status = 0;
    requests[0].closed_at = requests[0].head_in_at + 10 * NANOS_MS;
    snprintf(requests[0].plan, sizeof(requests[0].plan), "reset before the answer");
    requests[1].number++;
    requests[1].head_in_at = requests[0].closed_at + NANOS_MS;
    tell(true, NANOS_NEVER);
    expect_golden(buffer_slice(&out), "story-resent.txt");
}

/* The mock looks at its clock after writing; by then the caller may have read, and gone on. */
static void an_effect_is_not_told_before_its_cause(void)
{
    call = sample_call(103);
    is_refused(0, SAMPLE_GPT);
    refused(0, NANOS_S);
    requests[0].last_out_at = requests[0].closed_at = call.attempts[0].ended_at + NANOS_MS;
    call.attempts[1].ended_at += NANOS_MS; /* the call ended with its last content */
    tell(true, NANOS_NEVER);
    CU_ASSERT(slice_has(buffer_slice(&out),
                        SLICE("429 rate_limited                            <- 429 rate_limited, "
                              "retry-after 1s\n   +0.002 s  attempt 2 to gpt-4o, fallback\n")));
    CU_ASSERT(slice_has(buffer_slice(&out),
                        SLICE("longest silence 14 ms\n   +2.003 s  the call ends: ok\n")));
}

static void no_line_is_wide_or_ends_in_a_blank(void)
{
    struct slice rest, line;

    an_impatient_client_is_shown_what_it_was_told();
    rest = buffer_slice(&out);
    while (slice_cut(&rest, '\n', &line)) {
        CU_ASSERT(line.size <= 112);
        CU_ASSERT(line.size == 0 || line.data[line.size - 1] != ' ');
    }
}

/* What a damaged line may leave: instants in no order, counts beyond their arrays, nothing known.
 */
static void damaged_records_are_told_without_harm(void)
{
    call = sample_call(7);
    call.attempts_count = UINT32_MAX;
    for (uint32_t i = 0; i < RECORD_ATTEMPTS_MAX; i++)
        call.attempts[i] = (struct attempt_record){.ordinal = i,
                                                   .model = UINT32_MAX,
                                                   .handed_at = NANOS_NEVER - i,
                                                   .sent_at = i % 2 == 0 ? -1 : NANOS_NEVER,
                                                   .first_token_at = 5,
                                                   .ended_at = i % 3 == 0 ? NANOS_NEVER : 0};
    for (requests_count = 0; requests_count < STORY_REQUESTS_MAX; requests_count++)
        requests[requests_count] = (struct journal_record){
            .rule = INT16_MAX, .head_in_at = NANOS_NEVER - 1, .first_out_at = -1, .closed_at = -7};
    call.ended_at = call.due_at - 1;
    report_story(&(struct story){.scenario = &hearing.scenario,
                                 .call = &call,
                                 .requests = requests,
                                 .requests_count = requests_count,
                                 .has_journal = true,
                                 .cut_at = NANOS_NEVER},
                 &out);
    EXPECT_RC(out.rc, RC_OK);
    CU_ASSERT(out.size > 0);
    hearing_finish(&hearing);
}

static CU_TestInfo tests[] = {
    {"an error is told where it says more than the outcome",
     an_error_is_told_where_it_says_more_than_the_outcome},
    {"an impatient client is shown what it was told",
     an_impatient_client_is_shown_what_it_was_told},
    {"a fallback after a stall is one story", a_fallback_after_a_stall_is_one_story},
    {"a call that waits at the cut is still open", a_call_that_waits_at_the_cut_is_still_open},
    {"a call without a place never tried", a_call_without_a_place_never_tried},
    {"an attempt that nobody answers is open at the cut",
     an_attempt_that_nobody_answers_is_open_at_the_cut},
    {"without a journal one end speaks", without_a_journal_one_end_speaks},
    {"a call that was never sent has no bars", a_call_that_was_never_sent_has_no_bars},
    {"a request that nobody asked for is shown", a_request_that_nobody_asked_for_is_shown},
    {"an effect is not told before its cause", an_effect_is_not_told_before_its_cause},
    {"no line is wide or ends in a blank", no_line_is_wide_or_ends_in_a_blank},
    {"damaged records are told without harm", damaged_records_are_told_without_harm},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo story_suite = {"story", NULL, NULL, set_up, tear_down, tests};
