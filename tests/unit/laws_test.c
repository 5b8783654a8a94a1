#include "judge/law.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/hearing.h"

static struct hearing hearing;

static void tear_down(void)
{
    hearing_end(&hearing);
}

static void expect_held(const char *law)
{
    EXPECT_TEXT(slice_of(verdict_word(hearing_row(&hearing, law)->verdict)), "pass");
    EXPECT_U64(hearing_row(&hearing, law)->violations, 0);
}

/* Exactly one call broke it, for the reason given. */
static void expect_broken(const char *law, const char *why)
{
    const struct verdict_row *row = hearing_row(&hearing, law);

    EXPECT_TEXT(slice_of(verdict_word(row->verdict)), "fail");
    EXPECT_U64(row->violations, 1);
    CU_ASSERT_STRING_EQUAL(row->examples[0].text, why);
}

/* One call, due at 10 s, judged by itself. */
static void judge_one(const char *laws, const struct call_record *call)
{
    hearing_begin(&hearing, laws, NULL);
    CU_ASSERT_STRING_EQUAL(hearing.err.text, "");
    hearing_feed(&hearing, call);
    hearing_finish(&hearing);
}

static struct call_record refused(enum outcome outcome, uint16_t status)
{
    struct call_record call = sample_call(100);

    sample_fail(&call, outcome, status, call.due_at + 300 * NANOS_MS);
    return call;
}

/* --- one-outcome ------------------------------------------------------------------------------ */

static void one_outcome_holds_for_one_record_a_call(void)
{
    struct call_record call = sample_call(100);

    judge_one(NULL, &call);
    expect_held("one-outcome");
    EXPECT_U64(hearing_row(&hearing, "one-outcome")->n, 1);
}

static void one_outcome_is_broken_by_a_second_record(void)
{
    struct call_record call = sample_call(100);

    hearing_begin(&hearing, NULL, NULL);
    hearing_feed(&hearing, &call);
    judge_feed_call(hearing.judge, &call);
    hearing_finish(&hearing);
    expect_broken("one-outcome", "it has a second record (due 10.000 s)");
    expect_broken("log-complete", "it has a second record (due 10.000 s)");
    EXPECT_U64(judge_figures(hearing.judge)->calls, 1); /* and it is not counted twice */
}

static void one_outcome_names_the_call_without_a_record(void)
{
    hearing_begin(&hearing, NULL, NULL);
    for (uint64_t i = 0; i < SAMPLE_CALLS; i++) {
        struct call_record call = sample_call(i);

        if (i != 217)
            hearing_feed(&hearing, &call);
    }
    hearing.facts.calls_planned = SAMPLE_CALLS;
    hearing_finish(&hearing);
    expect_broken("one-outcome", "it has no record (due 21.700 s)");
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "one-outcome")->examples[0].call, "steady:217");
}

static void one_outcome_does_not_ask_for_calls_that_an_interrupt_prevented(void)
{
    struct call_record call = sample_call(0);

    hearing_begin(&hearing, NULL, NULL);
    hearing_feed(&hearing, &call);
    hearing.facts.calls_planned = SAMPLE_CALLS;
    hearing.facts.was_interrupted = true;
    hearing_finish(&hearing);
    expect_held("one-outcome");
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_INCONCLUSIVE);
}

/* --- no-hang ---------------------------------------------------------------------------------- */

static struct call_record unfinished(enum call_pending pending)
{
    struct call_record call = sample_call(500);

    call.outcome = OUTCOME_UNFINISHED;
    call.ended_at = NANOS_NEVER;
    call.attempts[0].ended_at = NANOS_NEVER;
    call.attempts[0].outcome = OUTCOME_UNFINISHED;
    call.pending = pending;
    strcpy(call.error, "still open when the run was cut");
    return call;
}

static void no_hang_holds_while_an_attempt_is_pending(void)
{
    struct call_record call = unfinished(PENDING_ATTEMPT);

    judge_one(NULL, &call);
    expect_held("no-hang");
}

static void no_hang_is_broken_by_a_call_that_nobody_works_on(void)
{
    struct call_record call = unfinished(PENDING_NOTHING);

    judge_one(NULL, &call);
    expect_broken("no-hang",
                  "open at the cut with neither an attempt nor a wait pending (due 50.000 s)");
}

static void no_hang_is_broken_by_silence_beyond_its_limit(void)
{
    struct call_record call = unfinished(PENDING_ATTEMPT); /* silent from 52 s to the cut at 80 s */

    judge_one("{\"no-hang\": {\"silence\": \"27s\"}}", &call);
    expect_broken(
        "no-hang",
        "attempt 1 at claude-sonnet-4-5 was silent for 28 s; 27 s are allowed (due 50.000 s)");
    hearing_end(&hearing);
    judge_one("{\"no-hang\": {\"silence\": \"28s\"}}", &call);
    expect_held("no-hang");
}

/* --- complete-answers ------------------------------------------------------------------------- */

static void judge_cut_answer(enum outcome reported)
{
    struct call_record call = sample_call(100);
    struct journal_record record;

    hearing_begin(&hearing, NULL, NULL);
    if (reported != OUTCOME_OK)
        sample_fail(&call, reported, 200, call.ended_at);
    record = sample_journal(&hearing.scenario, &call, 0);
    record.is_complete = false;
    record.tokens_written = 27;
    judge_feed_journal(hearing.judge, &record);
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing_finish(&hearing);
}

static void complete_answers_holds_for_whole_ones(void)
{
    struct call_record call = sample_call(100);

    judge_one(NULL, &call);
    expect_held("complete-answers");
}

static void complete_answers_is_broken_by_a_cut_answer_reported_ok(void)
{
    judge_cut_answer(OUTCOME_OK);
    expect_broken("complete-answers",
                  "reported ok, but the mock broke attempt 1 off after 27 tokens (due 10.000 s)");
}

static void complete_answers_has_nothing_against_a_cut_answer_reported_truncated(void)
{
    judge_cut_answer(OUTCOME_TRUNCATED);
    EXPECT_U64(hearing_row(&hearing, "complete-answers")->verdict, VERDICT_NOT_APPLICABLE);
}

/* --- attempts-bounded ------------------------------------------------------------------------- */

static struct call_record call_of_attempts(uint32_t attempts)
{
    struct call_record call = sample_call(100);

    while (call.attempts_count < attempts) {
        sample_fail(&call, OUTCOME_SERVER_ERROR, 500,
                    call.attempts[call.attempts_count - 1].sent_at);
        sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + NANOS_S);
    }
    return call;
}

static void attempts_bounded_holds_up_to_its_max(void)
{
    struct call_record call = call_of_attempts(5);

    judge_one(NULL, &call);
    expect_held("attempts-bounded");
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "attempts-bounded")->value, "5 attempts");
}

static void attempts_bounded_is_broken_by_one_more(void)
{
    struct call_record call = call_of_attempts(6);

    judge_one(NULL, &call);
    expect_broken(
        "attempts-bounded",
        "6 attempts (5 x 500 server_error, 200 ok); at most 5 are allowed (due 10.000 s)");
}

static void attempts_bounded_counts_requests_that_the_caller_does_not_know_of(void)
{
    struct call_record call = sample_call(100);

    hearing_begin(&hearing, "{\"attempts-bounded\": {\"max\": 2}}", NULL);
    for (uint32_t i = 0; i < 3; i++) { /* a layer below sent it three times */
        struct journal_record record = sample_journal(&hearing.scenario, &call, 0);

        record.number += i;
        judge_feed_journal(hearing.judge, &record);
    }
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing_finish(&hearing);
    expect_broken("attempts-bounded",
                  "3 attempts (3 x 200 ok), 1 of them known to the caller; at most 2 are allowed "
                  "(due 10.000 s)");
}

static void attempts_bounded_counts_attempts_that_never_reached_the_mock(void)
{
    struct call_record call = call_of_attempts(3);

    call.attempts[0].sent_at = call.attempts[1].sent_at = NANOS_NEVER;
    judge_one("{\"attempts-bounded\": {\"max\": 2}}", &call);
    expect_broken(
        "attempts-bounded",
        "3 attempts (2 x 500 server_error, 200 ok), 1 of them in the journal; at most 2 are "
        "allowed (due 10.000 s)");
}

/* One was refused a connection, and a layer below sent the other three times. */
static void attempts_bounded_counts_what_either_end_alone_knows(void)
{
    struct call_record call = call_of_attempts(2);

    sample_fail(&call, OUTCOME_CONNECT, 0, call.due_at);
    hearing_begin(&hearing, "{\"attempts-bounded\": {\"max\": 3}}", NULL);
    call.attempts[0].sent_at = NANOS_NEVER;
    for (uint32_t i = 0; i < 3; i++) {
        struct journal_record record = sample_journal(&hearing.scenario, &call, 1);

        record.number += i;
        judge_feed_journal(hearing.judge, &record);
    }
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing_finish(&hearing);
    EXPECT_U64(hearing_row(&hearing, "attempts-bounded")->violations, 1);
    CU_ASSERT(strncmp(hearing_row(&hearing, "attempts-bounded")->examples[0].text, "4 attempts ",
                      11) == 0);
}

/* --- permanent-not-retried -------------------------------------------------------------------- */

static void permanent_not_retried_holds_when_the_call_ends_there(void)
{
    struct call_record call = refused(OUTCOME_CONTEXT_LENGTH, 400);

    judge_one(NULL, &call);
    expect_held("permanent-not-retried");
}

static void permanent_not_retried_holds_when_another_model_is_asked(void)
{
    struct call_record call = refused(OUTCOME_CONTEXT_LENGTH, 400);

    sample_retry(&call, SAMPLE_GPT, call.ended_at);
    judge_one(NULL, &call);
    expect_held("permanent-not-retried");
}

static void permanent_not_retried_is_broken_by_asking_the_same_model_again(void)
{
    struct call_record call = refused(OUTCOME_CONTEXT_LENGTH, 400);

    sample_retry(&call, SAMPLE_CLAUDE, call.due_at + 800 * NANOS_MS);
    judge_one(NULL, &call);
    expect_broken("permanent-not-retried", "attempt 2 asked claude-sonnet-4-5 again, 800 ms after "
                                           "its 400 context_length (due 10.000 s)");
}

static void permanent_not_retried_knows_every_permanent_refusal(void)
{
    static const struct {
        enum outcome outcome;
        uint16_t status;
        bool is_permanent;
    } refusals[] = {
        {OUTCOME_INVALID_REQUEST, 400, true},
        {OUTCOME_AUTH, 401, true},
        {OUTCOME_AUTH, 403, true},
        {OUTCOME_SERVER_ERROR, 404, true},
        {OUTCOME_SERVER_ERROR, 413, true},
        {OUTCOME_SERVER_ERROR, 422, true},
        {OUTCOME_QUOTA, 429, true},
        {OUTCOME_CONTENT_POLICY, 200, true},
        {OUTCOME_RATE_LIMITED, 429, false},
        {OUTCOME_OVERLOADED, 529, false},
        {OUTCOME_SERVER_ERROR, 408, false},
        {OUTCOME_SERVER_ERROR, 500, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        struct call_record call = refused(refusals[i].outcome, refusals[i].status);

        sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + NANOS_S);
        judge_one(NULL, &call);
        EXPECT_U64(hearing_row(&hearing, "permanent-not-retried")->violations,
                   refusals[i].is_permanent);
        hearing_end(&hearing);
    }
}

/* Models that the scenario has not share one place; what they were asked by tells them apart. */
static void permanent_not_retried_tells_unknown_models_apart(void)
{
    static const struct {
        const char *names[2];
        uint32_t providers[2];
        bool is_same;
    } cases[] = {
        {{"nope-1", "nope-2"}, {0, 0}, false},
        {{"nope-1", "nope-1"}, {0, 0}, true},
        {{"", ""}, {0, 0}, true}, /* a 401 before the model was read */
        {{"", ""}, {0, 1}, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct call_record call = refused(OUTCOME_INVALID_REQUEST, 404);

        sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + NANOS_S);
        hearing_begin(&hearing, NULL, NULL);
        for (uint32_t a = 0; a < 2; a++) {
            struct journal_record record = sample_journal(&hearing.scenario, &call, a);

            record.model = hearing.scenario.models_count;
            record.provider = cases[i].providers[a];
            slice_copy(slice_of(cases[i].names[a]), record.model_asked, sizeof(record.model_asked));
            judge_feed_journal(hearing.judge, &record);
        }
        judge_feed_call(hearing.judge, &call);
        hearing_finish(&hearing);
        EXPECT_U64(hearing_row(&hearing, "permanent-not-retried")->violations, cases[i].is_same);
        hearing_end(&hearing);
    }
}

/* --- advice-heeded ---------------------------------------------------------------------------- */

/* A 429 at 10.3 s that asks for `advice`, and the next attempt `waited` later. */
static void judge_advice(nanos advice, nanos waited, uint32_t model)
{
    struct call_record call = refused(OUTCOME_RATE_LIMITED, 429);
    struct journal_record record;

    sample_retry(&call, model, call.ended_at + waited);
    hearing_begin(&hearing, NULL, NULL);
    record = sample_journal(&hearing.scenario, &call, 0);
    record.advice = PLAN_ADVICE_SECONDS;
    record.advice_wait = advice;
    judge_feed_journal(hearing.judge, &record);
    record = sample_journal(&hearing.scenario, &call, 1);
    judge_feed_journal(hearing.judge, &record);
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing_finish(&hearing);
}

static void advice_heeded_forgives_five_per_cent_and_the_slack(void)
{
    judge_advice(10 * NANOS_S, 9450 * NANOS_MS, SAMPLE_CLAUDE); /* 10 s - 0.5 s - 0.05 s */
    expect_held("advice-heeded");
}

static void advice_heeded_is_broken_one_nanosecond_earlier(void)
{
    judge_advice(10 * NANOS_S, 9450 * NANOS_MS - 1, SAMPLE_CLAUDE);
    expect_broken("advice-heeded",
                  "attempt 2 came 9.45 s after a 429 that asked for 10 s (due 10.000 s)");
}

static void advice_heeded_is_broken_by_a_retry_within_the_hour(void)
{
    judge_advice(3600 * NANOS_S, 430 * NANOS_MS, SAMPLE_CLAUDE);
    expect_broken("advice-heeded",
                  "attempt 2 came 430 ms after a 429 that asked for 3600 s (due 10.000 s)");
}

static void advice_heeded_lets_a_call_go_elsewhere(void)
{
    judge_advice(3600 * NANOS_S, 0, SAMPLE_GPT);
    expect_held("advice-heeded");
}

static void advice_heeded_goes_by_the_latest_answer_of_that_provider(void)
{
    struct call_record call = refused(OUTCOME_RATE_LIMITED, 429);
    struct journal_record record;

    sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + 2 * NANOS_S);
    sample_fail(&call, OUTCOME_RATE_LIMITED, 429, call.attempts[1].sent_at);
    sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + NANOS_S);
    hearing_begin(&hearing, NULL, NULL);
    for (uint32_t i = 0; i < 3; i++) {
        record = sample_journal(&hearing.scenario, &call, i);
        record.advice_wait = i == 0 ? 2 * NANOS_S : i == 1 ? 5 * NANOS_S : 0;
        judge_feed_journal(hearing.judge, &record);
    }
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing_finish(&hearing);
    expect_broken("advice-heeded",
                  "attempt 3 came 1 s after a 429 that asked for 5 s (due 10.000 s)");
}

static void advice_heeded_asks_nothing_of_a_caller_that_left_before_it_read_the_advice(void)
{
    struct call_record call = refused(OUTCOME_TIMEOUT_ATTEMPT, 0);
    struct journal_record record;

    sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + 10 * NANOS_MS);
    hearing_begin(&hearing, NULL, NULL);
    record = sample_journal(&hearing.scenario, &call, 0);
    record.status = 429; /* written, just as the caller's patience ended */
    record.advice_wait = 5 * NANOS_S;
    judge_feed_journal(hearing.judge, &record);
    record = sample_journal(&hearing.scenario, &call, 1);
    judge_feed_journal(hearing.judge, &record);
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing_finish(&hearing);
    expect_held("advice-heeded");
}

static void advice_heeded_counts_answers_behind_the_callers_back(void)
{
    struct call_record call = sample_call(100);
    struct journal_record record;

    hearing_begin(&hearing, NULL, NULL);
    record = sample_journal(&hearing.scenario, &call, 0);
    record.number++; /* after the hidden one */
    judge_feed_journal(hearing.judge, &record);
    record.number--; /* a layer below made it, and slept too little */
    record.attempt = 0;
    record.status = 429;
    record.answered = OUTCOME_RATE_LIMITED;
    record.last_out_at = record.head_in_at - 10 * NANOS_MS;
    record.advice_wait = NANOS_S;
    judge_feed_journal(hearing.judge, &record);
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing_finish(&hearing);
    expect_broken("advice-heeded",
                  "attempt 1 came 10 ms after a 429 that asked for 1 s (due 10.000 s)");
}

/* --- deadline-kept ---------------------------------------------------------------------------- */

static void judge_end(nanos after_due)
{
    struct call_record call = sample_call(100);

    sample_fail(&call, OUTCOME_RATE_LIMITED, 429, call.due_at + after_due);
    judge_one(NULL, &call);
}

static void deadline_kept_holds_until_deadline_and_grace_are_over(void)
{
    judge_end(11 * NANOS_S);
    expect_held("deadline-kept");
}

static void deadline_kept_is_broken_by_a_later_end(void)
{
    judge_end(14 * NANOS_S + 210 * NANOS_MS);
    expect_broken("deadline-kept",
                  "1 attempt (429 rate_limited), ended as rate_limited 14.21 s after "
                  "it was due; 11 s are allowed (due 10.000 s)");
}

static void deadline_kept_is_broken_by_a_call_still_open_then(void)
{
    struct call_record call = unfinished(PENDING_WAIT);

    judge_one(NULL, &call);
    expect_broken("deadline-kept",
                  "1 attempt (200 unfinished), still waiting to try again 30 s after it was due; "
                  "11 s are allowed (due 50.000 s)");
}

static void deadline_kept_does_not_blame_a_call_cut_before_its_deadline(void)
{
    struct call_record call = unfinished(PENDING_WAIT);

    hearing_begin(&hearing, NULL, NULL);
    hearing_feed(&hearing, &call);
    hearing.facts.cut_at = call.due_at + 11 * NANOS_S;
    hearing_finish(&hearing);
    EXPECT_U64(hearing_row(&hearing, "deadline-kept")->verdict, VERDICT_NOT_APPLICABLE);
}

/* --- fallback-eligible ------------------------------------------------------------------------ */

static const char eligible[] = "{\"fallback-eligible\": {\"to\": \"gpt-4o\", \"after\": 1}}";

static void fallback_eligible_does_not_apply_without_a_model_to_go_to(void)
{
    struct call_record call = refused(OUTCOME_OVERLOADED, 529);

    judge_one(NULL, &call);
    EXPECT_U64(hearing_row(&hearing, "fallback-eligible")->verdict, VERDICT_NOT_APPLICABLE);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "fallback-eligible")->reason,
                           "the scenario gives this law no model to fall back \"to\"");
}

static void fallback_eligible_is_broken_by_giving_up_on_an_overload(void)
{
    struct call_record call = refused(OUTCOME_OVERLOADED, 529);

    judge_one(eligible, &call);
    expect_broken(
        "fallback-eligible",
        "met 529 overloaded at attempt 1; never tried gpt-4o, ended as overloaded (due 10.000 s)");
}

static void fallback_eligible_is_broken_by_giving_up_on_a_refused_connection(void)
{
    struct call_record call = refused(OUTCOME_CONNECT, 0);

    call.attempts[0].sent_at = NANOS_NEVER; /* the journal cannot know */
    judge_one(eligible, &call);
    expect_broken("fallback-eligible",
                  "met connect at attempt 1; never tried gpt-4o, ended as connect (due 10.000 s)");
}

static void fallback_eligible_holds_when_the_other_model_was_tried_in_vain(void)
{
    struct call_record call = refused(OUTCOME_OVERLOADED, 529);

    sample_retry(&call, SAMPLE_GPT, call.ended_at);
    sample_fail(&call, OUTCOME_SERVER_ERROR, 500, call.ended_at);
    judge_one(eligible, &call);
    expect_held("fallback-eligible");
}

static void fallback_eligible_holds_when_a_retry_helped(void)
{
    struct call_record call = refused(OUTCOME_OVERLOADED, 529);

    sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + NANOS_S);
    judge_one(eligible, &call);
    expect_held("fallback-eligible");
}

static void fallback_eligible_asks_for_nothing_before_enough_attempts(void)
{
    struct call_record call = refused(OUTCOME_OVERLOADED, 529);

    judge_one("{\"fallback-eligible\": {\"to\": \"gpt-4o\", \"after\": 2}}", &call);
    expect_held("fallback-eligible");
}

static void fallback_eligible_goes_by_the_causes_given(void)
{
    struct call_record call = refused(OUTCOME_RATE_LIMITED, 429);

    judge_one(eligible, &call);
    expect_held("fallback-eligible");
    hearing_end(&hearing);
    judge_one("{\"fallback-eligible\": {\"to\": \"gpt-4o\", \"on\": [429]}}", &call);
    EXPECT_U64(hearing_row(&hearing, "fallback-eligible")->violations, 1);
}

static void fallback_eligible_is_broken_by_falling_back_on_a_bad_request(void)
{
    struct call_record call = refused(OUTCOME_INVALID_REQUEST, 400);

    sample_retry(&call, SAMPLE_GPT, call.ended_at);
    judge_one(eligible, &call);
    expect_broken("fallback-eligible", "fell back to gpt-4o after a 400 invalid_request, which no "
                                       "other model mends (due 10.000 s)");
}

static void fallback_eligible_allows_a_larger_context_window_elsewhere(void)
{
    struct call_record call = refused(OUTCOME_CONTEXT_LENGTH, 400);

    sample_retry(&call, SAMPLE_GPT, call.ended_at);
    judge_one(eligible, &call);
    expect_held("fallback-eligible");
}

/* --- fallback-ordered ------------------------------------------------------------------------- */

static const char ordered[] =
    "{\"fallback-ordered\": {\"order\": [\"claude-sonnet-4-5\", \"gpt-4o\"]}}";

static void fallback_ordered_does_not_apply_without_an_order(void)
{
    struct call_record call = sample_call(100);

    judge_one(NULL, &call);
    EXPECT_U64(hearing_row(&hearing, "fallback-ordered")->verdict, VERDICT_NOT_APPLICABLE);
}

static void fallback_ordered_holds_down_the_list(void)
{
    struct call_record call = refused(OUTCOME_OVERLOADED, 529);

    sample_retry(&call, SAMPLE_CLAUDE, call.ended_at);
    sample_fail(&call, OUTCOME_OVERLOADED, 529, call.attempts[1].sent_at);
    sample_retry(&call, SAMPLE_GPT, call.ended_at);
    judge_one(ordered, &call);
    expect_held("fallback-ordered");
}

static void fallback_ordered_is_broken_by_going_back(void)
{
    struct call_record call = refused(OUTCOME_OVERLOADED, 529);

    sample_retry(&call, SAMPLE_GPT, call.ended_at);
    sample_fail(&call, OUTCOME_SERVER_ERROR, 500, call.attempts[1].sent_at);
    sample_retry(&call, SAMPLE_CLAUDE, call.ended_at);
    judge_one(ordered, &call);
    expect_broken("fallback-ordered", "attempt 3 went to claude-sonnet-4-5, which had been left "
                                      "before (due 10.000 s)");
}

static void fallback_ordered_is_broken_by_a_model_outside_the_order(void)
{
    struct call_record call = refused(OUTCOME_OVERLOADED, 529);

    sample_retry(&call, SAMPLE_GPT, call.ended_at);
    judge_one("{\"fallback-ordered\": {\"order\": [\"claude-sonnet-4-5\"]}}", &call);
    expect_broken("fallback-ordered",
                  "attempt 2 went to gpt-4o, which is not in the order (due 10.000 s)");
}

static void fallback_ordered_is_broken_by_skipping_a_model(void)
{
    struct call_record call = refused(OUTCOME_OVERLOADED, 529);

    sample_scenario(&hearing.scenario);
    hearing.scenario.models[2] = hearing.scenario.models[SAMPLE_GPT];
    strcpy(hearing.scenario.models[2].name, "gpt-4o-mini");
    hearing.scenario.models_count = 3;
    hearing_start(&hearing,
                  "{\"fallback-ordered\": {\"order\": "
                  "[\"claude-sonnet-4-5\", \"gpt-4o\", \"gpt-4o-mini\"]}}",
                  NULL);
    sample_retry(&call, 2, call.ended_at);
    hearing_feed(&hearing, &call);
    hearing_finish(&hearing);
    expect_broken("fallback-ordered",
                  "attempt 2 went to gpt-4o-mini, which came before its turn (due 10.000 s)");
}

/* --- log-complete ----------------------------------------------------------------------------- */

static void log_complete_holds_for_failures_that_say_why(void)
{
    struct call_record call = refused(OUTCOME_OVERLOADED, 529);

    judge_one(NULL, &call);
    expect_held("log-complete");
}

static void log_complete_is_broken_by_a_failure_without_an_error_text(void)
{
    struct call_record call = refused(OUTCOME_OVERLOADED, 529);

    call.error[0] = '\0';
    judge_one(NULL, &call);
    expect_broken("log-complete",
                  "its line, ended as overloaded, has no error text (due 10.000 s)");
}

static void log_complete_is_broken_by_an_end_without_a_latency(void)
{
    struct call_record call = sample_call(100);

    call.ended_at = NANOS_NEVER;
    judge_one(NULL, &call);
    expect_broken("log-complete", "its line, ended as ok, has no latency (due 10.000 s)");
}

static void log_complete_is_broken_by_a_line_without_a_model(void)
{
    struct call_record call = sample_call(100);

    call.model_answered = hearing.scenario.models_count;
    judge_one(NULL, &call);
    expect_broken("log-complete", "its line, ended as ok, has no model answered (due 10.000 s)");
}

/* --- tokens-agree, cost-agree ----------------------------------------------------------------- */

/* The call with attempt 1 of the journal changed by the test, and any other as it was. */
static void judge_accounts(const struct call_record *call, const struct usage *told)
{
    hearing_begin(&hearing, NULL, NULL);
    for (uint32_t i = 0; i < call->attempts_count; i++) {
        struct journal_record record = sample_journal(&hearing.scenario, call, i);

        if (i == 0)
            record.usage_told = *told;
        record.cost = SAMPLE_CLAUDE_COST;
        judge_feed_journal(hearing.judge, &record);
    }
    judge_feed_call(hearing.judge, call);
    hearing.facts.calls_planned = 1;
    hearing_finish(&hearing);
}

static void expect_value(const char *law, const char *value)
{
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, law)->value, value);
}

static const struct usage sample_usage = {
    .is_known = true, .input_tokens = 800, .output_tokens = 120};

static void tokens_and_cost_agree_where_both_ends_say_the_same(void)
{
    struct call_record call = sample_call(100);

    judge_accounts(&call, &sample_usage);
    expect_held("tokens-agree");
    expect_held("cost-agree");
    expect_value("tokens-agree", "1 attempt agrees, 0 unknown");
    expect_value("cost-agree", "1 attempt agrees, 0 unknown");
}

static void tokens_agree_is_broken_by_one_token(void)
{
    static const struct {
        struct usage told;
        const char *why;
    } cases[] = {
        {{true, 801, 120, 0, 0},
         "attempt 1: the caller counts 800 in, 120 out; the mock told 801 "
         "in, 120 out (due 10.000 s)"},
        {{true, 800, 119, 0, 0},
         "attempt 1: the caller counts 800 in, 120 out; the mock told 800 "
         "in, 119 out (due 10.000 s)"},
        {{true, 800, 120, 1, 0},
         "attempt 1: the caller counts 800 in, 120 out; the mock told 800 "
         "in, 120 out, 1 cached, 0 written (due 10.000 s)"},
        {{true, 800, 120, 0, 1},
         "attempt 1: the caller counts 800 in, 120 out; the mock told 800 "
         "in, 120 out, 0 cached, 1 written (due 10.000 s)"},
        {{false, 0, 0, 0, 0},
         "attempt 1: the caller counts 800 in, 120 out; the mock told nothing "
         "(due 10.000 s)"},
    };
    struct call_record call = sample_call(100);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        judge_accounts(&call, &cases[i].told);
        expect_broken("tokens-agree", cases[i].why);
        EXPECT_U64(hearing_row(&hearing, "cost-agree")->verdict, VERDICT_FAIL);
        hearing_end(&hearing);
    }
}

static void tokens_agree_is_broken_by_a_whole_answer_whose_usage_was_lost(void)
{
    struct call_record call = sample_call(100);

    call.attempts[0].usage = (struct usage){0};
    judge_accounts(&call, &sample_usage);
    expect_broken("tokens-agree", "attempt 1: the caller counts nothing; the mock told 800 in, 120 "
                                  "out (due 10.000 s)");
}

static void usage_that_never_arrived_is_unknown_and_its_bill_is_shown(void)
{
    struct call_record call = refused(OUTCOME_TIMEOUT_STALL, 200);

    sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + NANOS_S);
    judge_accounts(&call, &(struct usage){0});
    expect_held("tokens-agree");
    expect_held("cost-agree");
    expect_value("tokens-agree", "1 attempt agrees, 1 unknown");
    expect_value("cost-agree", "1 attempt agrees, 1 unknown ($0.0042 billed)");
}

static void a_refusal_has_no_tokens_and_costs_nothing(void)
{
    struct call_record call = refused(OUTCOME_RATE_LIMITED, 429);

    sample_retry(&call, SAMPLE_CLAUDE, call.ended_at + NANOS_S);
    judge_accounts(&call, &(struct usage){0});
    expect_value("tokens-agree", "1 attempt agrees, 0 unknown");
    expect_value("cost-agree", "1 attempt agrees, 0 unknown");
    hearing_end(&hearing);
    call.attempts[0].has_cost = true; /* known to be nothing */
    judge_accounts(&call, &(struct usage){0});
    expect_held("cost-agree");
    hearing_end(&hearing);
    call.attempts[0].cost = 1;
    call.cost++;
    judge_accounts(&call, &(struct usage){0});
    expect_broken("cost-agree",
                  "attempt 1: the caller knows of $0.000000000001; what the mock told "
                  "costs $0.00 (due 10.000 s)");
}

static void what_was_told_after_the_caller_had_left_is_unknown(void)
{
    struct call_record call = refused(OUTCOME_TIMEOUT_STALL, 200);
    const struct usage first_guess = {.is_known = true, .input_tokens = 800, .output_tokens = 1};

    call.attempts[0].usage = first_guess;
    call.attempts[0].has_cost = true;
    call.attempts[0].cost = call.cost = call.cost_failed = 2415000000;
    judge_accounts(&call, &sample_usage);
    expect_value("tokens-agree", "0 attempts agree, 1 unknown");
    EXPECT_U64(hearing_row(&hearing, "tokens-agree")->verdict, VERDICT_NOT_APPLICABLE);
    EXPECT_U64(hearing_row(&hearing, "cost-agree")->verdict, VERDICT_NOT_APPLICABLE);
    hearing_end(&hearing);
    call.attempts[0].usage.output_tokens = 121; /* more than was ever told */
    judge_accounts(&call, &sample_usage);
    EXPECT_U64(hearing_row(&hearing, "tokens-agree")->violations, 1);
}

static void an_answer_that_the_journal_does_not_have_leaves_the_accounts_open(void)
{
    struct call_record call = sample_call(100);

    hearing_begin(&hearing, NULL, NULL);
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing_finish(&hearing);
    EXPECT_U64(hearing_row(&hearing, "tokens-agree")->verdict, VERDICT_INCONCLUSIVE);
    EXPECT_U64(hearing_row(&hearing, "cost-agree")->verdict, VERDICT_INCONCLUSIVE);
}

static void cost_agree_is_broken_by_one_picodollar(void)
{
    struct call_record call = sample_call(100);

    call.cost = ++call.attempts[0].cost;
    judge_accounts(&call, &sample_usage);
    expect_broken("cost-agree",
                  "attempt 1: the caller knows of $0.004200000001; what the mock told "
                  "costs $0.0042 (due 10.000 s)");
    expect_held("tokens-agree");
}

static void cost_agree_is_broken_by_money_that_nobody_told_or_nobody_heard_of(void)
{
    struct call_record call = sample_call(100);

    judge_accounts(&call, &(struct usage){0});
    expect_broken("cost-agree", "attempt 1: the caller knows of $0.0042; what the mock told costs "
                                "nothing (due 10.000 s)");
    hearing_end(&hearing);
    call.attempts[0].has_cost = false;
    call.cost = 0;
    judge_accounts(&call, &sample_usage);
    expect_broken("cost-agree", "attempt 1: the caller knows of nothing; what the mock told costs "
                                "$0.0042 (due 10.000 s)");
}

static void cost_agree_is_broken_by_a_line_that_is_not_the_sum_of_its_attempts(void)
{
    struct call_record call = sample_call(100);

    call.cost *= 2;
    judge_accounts(&call, &sample_usage);
    expect_broken("cost-agree",
                  "its line says $0.0084, its attempts add up to $0.0042 (due 10.000 s)");
}

static void cost_agree_does_not_apply_without_a_price(void)
{
    struct call_record call = sample_call(100);

    sample_scenario(&hearing.scenario);
    hearing.scenario.prices[SAMPLE_CLAUDE] = hearing.scenario.prices[SAMPLE_GPT] =
        (struct price){0};
    hearing_start(&hearing, NULL, NULL);
    hearing_feed(&hearing, &call);
    hearing_finish(&hearing);
    EXPECT_U64(hearing_row(&hearing, "cost-agree")->verdict, VERDICT_NOT_APPLICABLE);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "cost-agree")->reason,
                           "no model of the scenario has a price");
    expect_held("tokens-agree");
}

static void both_accounts_need_the_journal(void)
{
    struct call_record call = sample_call(100);

    hearing_begin(&hearing, NULL, NULL);
    judge_feed_call(hearing.judge, &call);
    hearing.facts.calls_planned = 1;
    hearing.facts.has_journal = false;
    hearing_finish(&hearing);
    EXPECT_U64(hearing_row(&hearing, "tokens-agree")->verdict, VERDICT_NOT_APPLICABLE);
    EXPECT_U64(hearing_row(&hearing, "cost-agree")->verdict, VERDICT_NOT_APPLICABLE);
}

/* --- their settings --------------------------------------------------------------------------- */

static void expect_refused(const char *laws, const char *text)
{
    hearing_begin(&hearing, laws, NULL);
    EXPECT_RC(hearing.rc, RC_MALFORMED);
    CU_ASSERT_STRING_EQUAL(hearing.err.text, text);
    hearing_end(&hearing);
}

static void a_wrong_setting_is_refused_at_its_place(void)
{
    expect_refused("{\"attempt-bounded\": true}",
                   "sample.jsonc:1:2: found \"attempt-bounded\", expected the name of a law; did "
                   "you mean \"attempts-bounded\"?");
    expect_refused("{\"set\": \"strict\",\n  \"budget-reaction\": true}",
                   "sample.jsonc:2:3: the law \"budget-reaction\" is not built yet");
    expect_refused("{\"fallback-eligible\": {\"to\": \"gpt-4\"}}",
                   "sample.jsonc:1:30: found \"gpt-4\", expected a model of target.mock.models; "
                   "did you mean \"gpt-4o\"?");
    expect_refused("{\"no-hang\": 5}",
                   "sample.jsonc:1:13: found 5, expected true, false or an object of limits");
    expect_refused("{\"log-complete\": {\"until\": \"soon\"}}",
                   "sample.jsonc:1:28: found \"soon\", expected a date such as \"2027-01-31\"");
    expect_refused("{\"log-complete\": {\"until\": \"2027-02-31\"}}",
                   "sample.jsonc:1:28: found \"2027-02-31\", expected a date such as "
                   "\"2027-01-31\"");
    expect_refused("{\"fallback-eligible\": {\"on\": [\"rained\"]}}",
                   "sample.jsonc:1:31: found \"rained\", expected a status or an outcome such as "
                   "\"timeout\"");
}

static void the_essential_set_leaves_the_other_laws_out(void)
{
    struct call_record call = sample_call(0);
    uint32_t count;

    judge_one("{\"set\": \"essential\", \"log-complete\": true}", &call);
    (void)judge_rows(hearing.judge, &count);
    EXPECT_U64(count, 6 + 1 + 2); /* essential laws, the one named, conditions */
    expect_held("log-complete");
}

static void a_law_switched_off_says_so(void)
{
    struct call_record call = call_of_attempts(6);

    judge_one("{\"attempts-bounded\": false}", &call);
    EXPECT_U64(hearing_row(&hearing, "attempts-bounded")->verdict, VERDICT_NOT_APPLICABLE);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "attempts-bounded")->reason,
                           "switched off by the scenario");
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_PASS);
}

static void a_warning_is_shown_and_not_counted(void)
{
    struct call_record call = call_of_attempts(6);

    judge_one("{\"attempts-bounded\": {\"level\": \"warn\", \"because\": \"known, #12\","
              " \"until\": \"2027-01-31\"}}",
              &call);
    EXPECT_U64(hearing_row(&hearing, "attempts-bounded")->verdict, VERDICT_FAIL);
    CU_ASSERT_STRING_EQUAL(hearing_row(&hearing, "attempts-bounded")->reason,
                           "broken by 1 of 1 calls; known, #12, until 2027-01-31");
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_PASS);
}

static CU_TestInfo tests[] = {
    {"one-outcome holds for one record a call", one_outcome_holds_for_one_record_a_call},
    {"one-outcome is broken by a second record", one_outcome_is_broken_by_a_second_record},
    {"one-outcome names the call without a record", one_outcome_names_the_call_without_a_record},
    {"one-outcome does not ask for calls that an interrupt prevented",
     one_outcome_does_not_ask_for_calls_that_an_interrupt_prevented},
    {"no-hang holds while an attempt is pending", no_hang_holds_while_an_attempt_is_pending},
    {"no-hang is broken by a call that nobody works on",
     no_hang_is_broken_by_a_call_that_nobody_works_on},
    {"no-hang is broken by silence beyond its limit",
     no_hang_is_broken_by_silence_beyond_its_limit},
    {"complete-answers holds for whole ones", complete_answers_holds_for_whole_ones},
    {"complete-answers is broken by a cut answer reported ok",
     complete_answers_is_broken_by_a_cut_answer_reported_ok},
    {"complete-answers has nothing against a cut answer reported truncated",
     complete_answers_has_nothing_against_a_cut_answer_reported_truncated},
    {"attempts-bounded holds up to its max", attempts_bounded_holds_up_to_its_max},
    {"attempts-bounded is broken by one more", attempts_bounded_is_broken_by_one_more},
    {"attempts-bounded counts requests that the caller does not know of",
     attempts_bounded_counts_requests_that_the_caller_does_not_know_of},
    {"attempts-bounded counts attempts that never reached the mock",
     attempts_bounded_counts_attempts_that_never_reached_the_mock},
    {"permanent-not-retried holds when the call ends there",
     permanent_not_retried_holds_when_the_call_ends_there},
    {"permanent-not-retried holds when another model is asked",
     permanent_not_retried_holds_when_another_model_is_asked},
    {"permanent-not-retried is broken by asking the same model again",
     permanent_not_retried_is_broken_by_asking_the_same_model_again},
    {"attempts-bounded counts what either end alone knows",
     attempts_bounded_counts_what_either_end_alone_knows},
    {"permanent-not-retried tells unknown models apart",
     permanent_not_retried_tells_unknown_models_apart},
    {"permanent-not-retried knows every permanent refusal",
     permanent_not_retried_knows_every_permanent_refusal},
    {"advice-heeded forgives five per cent and the slack",
     advice_heeded_forgives_five_per_cent_and_the_slack},
    {"advice-heeded is broken one nanosecond earlier",
     advice_heeded_is_broken_one_nanosecond_earlier},
    {"advice-heeded is broken by a retry within the hour",
     advice_heeded_is_broken_by_a_retry_within_the_hour},
    {"advice-heeded lets a call go elsewhere", advice_heeded_lets_a_call_go_elsewhere},
    {"advice-heeded goes by the latest answer of that provider",
     advice_heeded_goes_by_the_latest_answer_of_that_provider},
    {"advice-heeded asks nothing of a caller that left before it read the advice",
     advice_heeded_asks_nothing_of_a_caller_that_left_before_it_read_the_advice},
    {"advice-heeded counts answers behind the caller's back",
     advice_heeded_counts_answers_behind_the_callers_back},
    {"deadline-kept holds until deadline and grace are over",
     deadline_kept_holds_until_deadline_and_grace_are_over},
    {"deadline-kept is broken by a later end", deadline_kept_is_broken_by_a_later_end},
    {"deadline-kept is broken by a call still open then",
     deadline_kept_is_broken_by_a_call_still_open_then},
    {"deadline-kept does not blame a call cut before its deadline",
     deadline_kept_does_not_blame_a_call_cut_before_its_deadline},
    {"fallback-eligible does not apply without a model to go to",
     fallback_eligible_does_not_apply_without_a_model_to_go_to},
    {"fallback-eligible is broken by giving up on an overload",
     fallback_eligible_is_broken_by_giving_up_on_an_overload},
    {"fallback-eligible is broken by giving up on a refused connection",
     fallback_eligible_is_broken_by_giving_up_on_a_refused_connection},
    {"fallback-eligible holds when the other model was tried in vain",
     fallback_eligible_holds_when_the_other_model_was_tried_in_vain},
    {"fallback-eligible holds when a retry helped", fallback_eligible_holds_when_a_retry_helped},
    {"fallback-eligible asks for nothing before enough attempts",
     fallback_eligible_asks_for_nothing_before_enough_attempts},
    {"fallback-eligible goes by the causes given", fallback_eligible_goes_by_the_causes_given},
    {"fallback-eligible is broken by falling back on a bad request",
     fallback_eligible_is_broken_by_falling_back_on_a_bad_request},
    {"fallback-eligible allows a larger context window elsewhere",
     fallback_eligible_allows_a_larger_context_window_elsewhere},
    {"fallback-ordered does not apply without an order",
     fallback_ordered_does_not_apply_without_an_order},
    {"fallback-ordered holds down the list", fallback_ordered_holds_down_the_list},
    {"fallback-ordered is broken by going back", fallback_ordered_is_broken_by_going_back},
    {"fallback-ordered is broken by a model outside the order",
     fallback_ordered_is_broken_by_a_model_outside_the_order},
    {"fallback-ordered is broken by skipping a model",
     fallback_ordered_is_broken_by_skipping_a_model},
    {"log-complete holds for failures that say why", log_complete_holds_for_failures_that_say_why},
    {"log-complete is broken by a failure without an error text",
     log_complete_is_broken_by_a_failure_without_an_error_text},
    {"log-complete is broken by an end without a latency",
     log_complete_is_broken_by_an_end_without_a_latency},
    {"log-complete is broken by a line without a model",
     log_complete_is_broken_by_a_line_without_a_model},
    {"tokens and cost agree where both ends say the same",
     tokens_and_cost_agree_where_both_ends_say_the_same},
    {"tokens-agree is broken by one token", tokens_agree_is_broken_by_one_token},
    {"tokens-agree is broken by a whole answer whose usage was lost",
     tokens_agree_is_broken_by_a_whole_answer_whose_usage_was_lost},
    {"usage that never arrived is unknown, and its bill is shown",
     usage_that_never_arrived_is_unknown_and_its_bill_is_shown},
    {"a refusal has no tokens and costs nothing", a_refusal_has_no_tokens_and_costs_nothing},
    {"what was told after the caller had left is unknown",
     what_was_told_after_the_caller_had_left_is_unknown},
    {"an answer that the journal does not have leaves the accounts open",
     an_answer_that_the_journal_does_not_have_leaves_the_accounts_open},
    {"cost-agree is broken by one picodollar", cost_agree_is_broken_by_one_picodollar},
    {"cost-agree is broken by money that nobody told, or nobody heard of",
     cost_agree_is_broken_by_money_that_nobody_told_or_nobody_heard_of},
    {"cost-agree is broken by a line that is not the sum of its attempts",
     cost_agree_is_broken_by_a_line_that_is_not_the_sum_of_its_attempts},
    {"cost-agree does not apply without a price", cost_agree_does_not_apply_without_a_price},
    {"both accounts need the journal", both_accounts_need_the_journal},
    {"a wrong setting is refused at its place", a_wrong_setting_is_refused_at_its_place},
    {"the essential set leaves the other laws out", the_essential_set_leaves_the_other_laws_out},
    {"a law switched off says so", a_law_switched_off_says_so},
    {"a warning is shown and not counted", a_warning_is_shown_and_not_counted},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo laws_suite = {"laws", NULL, NULL, NULL, tear_down, tests};
