#include "judge/journal_calls.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/sample.h"

static struct scenario scenario;
static struct journal_calls *calls;
static struct law_rules rules[LAWS_COUNT];
static struct verdict_row row;
static uint64_t number;

static void open_calls(void)
{
    CU_ASSERT_FATAL(journal_calls_new(&calls, &scenario, memory_heap()) == RC_OK);
}

static void set_up(void)
{
    struct error err;

    sample_scenario(&scenario);
    CU_ASSERT_FATAL(laws_read(&scenario, memory_heap(), rules, &err) == RC_OK);
    number = 0;
    open_calls();
}

static void tear_down(void)
{
    journal_calls_free(calls);
    calls = NULL;
}

/* A request that came at `at` and was answered 100 ms later. */
static struct journal_record request_at(const char *call, nanos at)
{
    struct journal_record record = {
        .number = ++number,
        .model = SAMPLE_CLAUDE,
        .provider = scenario.models[SAMPLE_CLAUDE].provider,
        .key = KEY_MARKER,
        .head_in_at = at,
        .body_in_at = at,
        .first_out_at = at + 100 * NANOS_MS,
        .last_out_at = at + 100 * NANOS_MS,
        .closed_at = at + 100 * NANOS_MS,
        .closed_by = CLOSED_WHOLE,
        .status = 200,
        .is_complete = true,
        .rule = PLAN_NO_RULE,
    };

    slice_copy(slice_of(call), record.call, sizeof(record.call));
    return record;
}

static struct journal_record refusal_at(const char *call, nanos at, uint16_t status,
                                        enum outcome answered)
{
    struct journal_record record = request_at(call, at);

    record.status = status;
    record.answered = answered;
    return record;
}

static void add(struct journal_record record)
{
    EXPECT_RC(journal_calls_add(calls, &record), RC_OK);
}

static enum verdict judged(enum law law)
{
    journal_calls_judge(calls, law, &rules[law].limits, NULL, &row);
    return row.verdict;
}

static void groups_requests_by_call_and_isolation_in_the_order_of_their_first(void)
{
    struct journal_record apart;
    struct journal_call call;

    add(refusal_at("z", 0, 529, OUTCOME_OVERLOADED));
    add(request_at("b", NANOS_S));
    add(request_at("z", 2 * NANOS_S));
    add(request_at("a", 3 * NANOS_S));
    apart = request_at("a", 5 * NANOS_S);
    slice_copy(SLICE("other"), apart.isolation, sizeof(apart.isolation));
    add(apart);
    journal_calls_settle(calls);
    EXPECT_U64(journal_calls_count(calls), 4);
    journal_calls_at(calls, 0, &call);
    CU_ASSERT_STRING_EQUAL(call.call, "z");
    EXPECT_U64(call.requests_count, 2);
    EXPECT_U64(call.outcome, OUTCOME_OK);
    EXPECT_I64(call.first_at, 0);
    journal_calls_at(calls, 3, &call);
    CU_ASSERT_STRING_EQUAL(call.call, "a");
    EXPECT_I64(call.first_at, 5 * NANOS_S);
}

static void attempts_are_as_said_or_else_in_order_of_arrival(void)
{
    struct journal_record first = refusal_at("said", 0, 529, OUTCOME_OVERLOADED);
    struct journal_record second = request_at("said", NANOS_S);
    struct call_record record;
    struct call_case c;

    first.attempt = 2;
    second.attempt = 1;
    add(first);
    add(second);
    add(refusal_at("unsaid", 0, 429, OUTCOME_RATE_LIMITED));
    add(request_at("unsaid", NANOS_S));
    journal_calls_settle(calls);
    journal_calls_case(calls, 0, &record, &c);
    EXPECT_U64(c.steps_count, 2);
    EXPECT_U64(c.steps[0].seen->status, 200);
    EXPECT_U64(c.steps[1].seen->status, 529);
    EXPECT_U64(record.outcome, OUTCOME_OVERLOADED);
    journal_calls_case(calls, 1, &record, &c);
    EXPECT_U64(c.steps[0].ordinal, 1);
    EXPECT_U64(c.steps[0].seen->status, 429);
    EXPECT_U64(c.steps[1].ordinal, 2);
    CU_ASSERT_PTR_NOT_NULL(c.steps[1].felt);
    EXPECT_U64(record.attempts_count, 2);
    EXPECT_I64(record.wait_max, 900 * NANOS_MS);
}

static void a_client_that_left_gave_up(void)
{
    struct journal_record record = request_at("a", 0);
    struct journal_call call;

    record.closed_by = CLOSED_CLIENT_RESET;
    record.is_complete = false;
    add(record);
    record = request_at("b", 1);
    record.closed_by = CLOSED_FAULT;
    record.is_complete = false;
    add(record);
    record.closed_by = CLOSED_RUN;
    slice_copy(SLICE("c"), record.call, sizeof(record.call));
    record.number = ++number;
    add(record);
    journal_calls_settle(calls);
    journal_calls_at(calls, 0, &call);
    EXPECT_U64(call.outcome, OUTCOME_CANCELLED);
    journal_calls_at(calls, 1, &call);
    EXPECT_U64(call.outcome, OUTCOME_TRUNCATED);
    journal_calls_at(calls, 2, &call);
    EXPECT_U64(call.outcome, OUTCOME_UNFINISHED);
}

static void passes_over_what_asks_no_model_for_an_answer(void)
{
    struct journal_record record = request_at("a", 0);

    record.is_hook = true;
    record.kind = JOURNAL_HOOK;
    add(record);
    record.is_hook = false;
    record.kind = JOURNAL_COUNT;
    add(record);
    add(request_at("", 0));
    journal_calls_settle(calls);
    EXPECT_U64(journal_calls_count(calls), 0);
    EXPECT_U64(journal_calls_strangers(calls), 1);
    EXPECT_U64(judged(LAW_ATTEMPTS_BOUNDED), VERDICT_INCONCLUSIVE);
}

static void judges_how_many_attempts_a_call_made(void)
{
    for (int i = 0; i < 6; i++)
        add(refusal_at("a", i * NANOS_S, 529, OUTCOME_OVERLOADED));
    add(request_at("b", 0));
    journal_calls_settle(calls);
    EXPECT_U64(judged(LAW_ATTEMPTS_BOUNDED), VERDICT_FAIL);
    EXPECT_U64(row.violations, 1);
    EXPECT_U64(row.n, 2);
    CU_ASSERT_STRING_EQUAL(row.examples[0].call, "a");
    CU_ASSERT_PTR_NOT_NULL(strstr(row.examples[0].text, "6 attempts (6 x 529 overloaded)"));
    rules[LAW_ATTEMPTS_BOUNDED].limits.attempts_max = 6;
    EXPECT_U64(judged(LAW_ATTEMPTS_BOUNDED), VERDICT_PASS);
}

static void judges_attempts_after_a_permanent_refusal(void)
{
    add(refusal_at("a", 0, 401, OUTCOME_AUTH));
    add(refusal_at("a", NANOS_S, 401, OUTCOME_AUTH));
    journal_calls_settle(calls);
    EXPECT_U64(judged(LAW_PERMANENT_NOT_RETRIED), VERDICT_FAIL);
}

static void judges_whether_advice_was_heeded(void)
{
    struct journal_record refusal = refusal_at("a", 0, 429, OUTCOME_RATE_LIMITED);

    refusal.advice_wait = 2 * NANOS_S;
    add(refusal);
    add(request_at("a", NANOS_S));
    refusal = refusal_at("b", 0, 429, OUTCOME_RATE_LIMITED);
    refusal.advice_wait = 2 * NANOS_S;
    add(refusal);
    add(request_at("b", 3 * NANOS_S));
    journal_calls_settle(calls);
    EXPECT_U64(judged(LAW_ADVICE_HEEDED), VERDICT_FAIL);
    EXPECT_U64(row.violations, 1);
    CU_ASSERT_STRING_EQUAL(row.examples[0].call, "a");
}

static void judges_the_order_of_models(void)
{
    struct journal_record fallback;

    add(refusal_at("a", 0, 529, OUTCOME_OVERLOADED));
    fallback = request_at("a", NANOS_S);
    fallback.model = SAMPLE_GPT;
    fallback.provider = scenario.models[SAMPLE_GPT].provider;
    add(fallback);
    journal_calls_settle(calls);
    EXPECT_U64(judged(LAW_FALLBACK_ORDERED), VERDICT_NOT_APPLICABLE);
    rules[LAW_FALLBACK_ORDERED].limits.order[0] = SAMPLE_CLAUDE;
    rules[LAW_FALLBACK_ORDERED].limits.order[1] = SAMPLE_GPT;
    rules[LAW_FALLBACK_ORDERED].limits.order_count = 2;
    EXPECT_U64(judged(LAW_FALLBACK_ORDERED), VERDICT_PASS);
    rules[LAW_FALLBACK_ORDERED].limits.order_count = 1;
    EXPECT_U64(judged(LAW_FALLBACK_ORDERED), VERDICT_FAIL);
}

static void judges_a_fallback_that_never_came(void)
{
    add(refusal_at("a", 0, 529, OUTCOME_OVERLOADED));
    journal_calls_settle(calls);
    rules[LAW_FALLBACK_ELIGIBLE].limits.to = SAMPLE_GPT;
    EXPECT_U64(judged(LAW_FALLBACK_ELIGIBLE), VERDICT_FAIL);
}

static struct journal_record asked_again(struct journal_record record, uint32_t retry_count)
{
    record.key = KEY_RETRY_COUNT;
    record.question = 7;
    record.has_retry_count = true;
    record.retry_count = retry_count;
    return record;
}

static struct journal_record alike(struct journal_record record)
{
    record.key = KEY_LIKENESS;
    record.question = 7;
    return record;
}

/* Two rounds of an SDK that tries three times, both refused. */
static void add_two_rounds(nanos at)
{
    for (uint32_t i = 0; i < 6; i++)
        add(asked_again(refusal_at("a", at + i * NANOS_S, 529, OUTCOME_OVERLOADED), i % 3));
}

static void a_question_asked_until_it_is_answered_is_one_call(void)
{
    struct journal_call call;

    add_two_rounds(0);
    add(asked_again(request_at("b", 6 * NANOS_S), 0)); /* whatever the mock called it */
    journal_calls_settle(calls);
    EXPECT_U64(journal_calls_count(calls), 1);
    journal_calls_at(calls, 0, &call);
    EXPECT_U64(call.requests_count, 7);
    CU_ASSERT_FALSE(call.is_doubtful);
    EXPECT_U64(judged(LAW_ATTEMPTS_BOUNDED), VERDICT_FAIL);
}

static void a_retry_without_any_count_is_sure_too(void)
{
    for (int i = 0; i < 6; i++)
        add(alike(refusal_at("a", i * NANOS_S, 529, OUTCOME_OVERLOADED)));
    journal_calls_settle(calls);
    EXPECT_U64(judged(LAW_ATTEMPTS_BOUNDED), VERDICT_FAIL);
}

static void a_question_that_is_asked_time_and_again_leaves_its_retries_in_doubt(void)
{
    add(asked_again(request_at("a", 0), 0));
    add_two_rounds(NANOS_S);
    journal_calls_settle(calls);
    EXPECT_U64(journal_calls_count(calls), 3);
    EXPECT_U64(judged(LAW_ATTEMPTS_BOUNDED), VERDICT_INCONCLUSIVE);
    CU_ASSERT_PTR_NOT_NULL(strstr(row.reason, "marker"));
    EXPECT_U64(row.n, 3);
}

static void what_one_round_breaks_by_itself_is_broken_in_doubt_too(void)
{
    add(asked_again(request_at("a", 0), 0));
    add_two_rounds(NANOS_S);
    journal_calls_settle(calls);
    rules[LAW_ATTEMPTS_BOUNDED].limits.attempts_max = 2;
    EXPECT_U64(judged(LAW_ATTEMPTS_BOUNDED), VERDICT_FAIL);
    EXPECT_U64(row.violations, 2);
}

static void what_is_not_asked_about_tells_calls_apart_all_the_same(void)
{
    struct journal_call call;

    for (int i = 0; i < 3; i++) {
        struct journal_record good;

        add(asked_again(refusal_at("a", 2 * i * NANOS_S, 529, OUTCOME_OVERLOADED), 0));
        good = asked_again(request_at("a", (2 * i + 1) * NANOS_S), 1);
        EXPECT_RC(journal_calls_note(calls, &good), RC_OK);
    }
    journal_calls_settle(calls);
    EXPECT_U64(journal_calls_count(calls), 3);
    journal_calls_at(calls, 2, &call);
    EXPECT_U64(call.requests_count, 1);
    CU_ASSERT_FALSE(call.is_doubtful);
    CU_ASSERT(judged(LAW_ATTEMPTS_BOUNDED) == VERDICT_PASS);
}

static void a_fallback_that_asks_the_same_is_of_the_same_call(void)
{
    struct journal_record fallback;

    add(asked_again(refusal_at("a", 0, 529, OUTCOME_OVERLOADED), 0));
    fallback = asked_again(request_at("b", NANOS_S), 0);
    fallback.model = SAMPLE_GPT;
    fallback.provider = scenario.models[SAMPLE_GPT].provider;
    add(fallback);
    journal_calls_settle(calls);
    EXPECT_U64(journal_calls_count(calls), 1);
}

static void a_client_that_left_may_be_back_before_that_is_known(void)
{
    struct journal_record left = asked_again(request_at("a", 0), 0);
    struct journal_call call;

    left.closed_by = CLOSED_CLIENT;
    left.is_complete = false;
    left.closed_at = 2 * NANOS_S;
    add(left);
    add(asked_again(request_at("a", 2 * NANOS_S - 10 * NANOS_MS), 1));
    journal_calls_settle(calls);
    journal_calls_at(calls, 0, &call);
    EXPECT_U64(call.requests_count, 2);
    CU_ASSERT_FALSE(call.is_doubtful);
}

/* --- a judge ---------------------------------------------------------------------------------- */

static struct judge *judge;
static struct run_facts facts;

static void open_judge(void)
{
    struct error err;

    scenario.load.parts[0].kind = PART_FOREIGN;
    strcpy(scenario.load.parts[0].name, "call");
    CU_ASSERT_FATAL(judge_new(&judge, &scenario, memory_heap(), &err) == RC_OK);
    facts =
        (struct run_facts){.has_journal = true, .journal_is_whole = true, .cut_at = 60 * NANOS_S};
}

static const struct verdict_row *judged_row(const char *name)
{
    uint32_t count;
    const struct verdict_row *rows;

    journal_calls_settle(calls);
    journal_calls_feed(calls, judge, &facts);
    judge_finish(judge, &facts);
    rows = judge_rows(judge, &count);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static void a_judge_gets_calls_by_number_and_their_requests(void)
{
    const struct verdict_row *attempts;
    struct journal_record lost = request_at("", 0);

    open_judge();
    lost.kind = JOURNAL_UNKNOWN;
    add(lost);
    add(request_at("b", 0));
    for (int i = 0; i < 100; i++)
        add(refusal_at("a", i * NANOS_MS, 529, OUTCOME_OVERLOADED));
    attempts = judged_row("attempts-bounded");
    CU_ASSERT_FATAL(attempts != NULL);
    EXPECT_U64(attempts->verdict, VERDICT_FAIL);
    EXPECT_U64(attempts->n, 2);
    CU_ASSERT_STRING_EQUAL(attempts->examples[0].call, "call:2");
    EXPECT_U64(judge_figures(judge)->calls, 2);
    EXPECT_U64(judge_figures(judge)->attempts, 101);
    EXPECT_U64(facts.calls_planned, 2);
    EXPECT_U64(facts.unknown_paths, 1);
    judge_free(judge);
}

static void what_the_log_tells_is_the_callers_account(void)
{
    struct app_log_entry entry = {.is_ours = true,
                                  .id = "msg_00000000000000ffr2",
                                  .has_latency = true,
                                  .latency_ms = 1500.5,
                                  .has_output_tokens = true,
                                  .output_tokens = 7,
                                  .has_cost = true,
                                  .cost = 9,
                                  .stop_reason = "end_turn"};
    struct app_log_entry failure = {.is_ours = true, .error = "overloaded"};
    struct call_record record;
    struct call_case c;

    add(refusal_at("a", NANOS_S, 529, OUTCOME_OVERLOADED));
    add(request_at("a", 2 * NANOS_S));
    add(refusal_at("b", 0, 529, OUTCOME_OVERLOADED));
    EXPECT_RC(journal_calls_add_log(calls, &entry), RC_OK);
    EXPECT_RC(journal_calls_add_log(calls, &failure), RC_OK);
    journal_calls_settle(calls);
    journal_calls_case(calls, 0, &record, &c);
    CU_ASSERT(record.has_account);
    EXPECT_U64(record.outcome, OUTCOME_OK);
    EXPECT_I64(record.ended_at, NANOS_S + 1500500 * NANOS_US);
    CU_ASSERT(record.usage.is_known);
    EXPECT_U64(record.usage.output_tokens, 7);
    EXPECT_I64(record.cost, 9);
    EXPECT_U64(record.cost_unknown, 0);
    CU_ASSERT_STRING_EQUAL(record.stop_reason, "end_turn");
    journal_calls_case(calls, 1, &record, &c);
    CU_ASSERT(record.has_account);
    EXPECT_U64(record.outcome, OUTCOME_OVERLOADED);
    CU_ASSERT_STRING_EQUAL(record.error, "overloaded");
}

static void a_call_without_a_line_has_no_account(void)
{
    struct call_record record;
    struct call_case c;

    add(request_at("a", NANOS_S));
    journal_calls_settle(calls);
    journal_calls_case(calls, 0, &record, &c);
    CU_ASSERT_FALSE(record.has_account);
}

static void an_answer_of_which_the_log_says_an_error_was_lost_on_the_way(void)
{
    struct app_log_entry entry = {
        .is_ours = true, .request = "req_00000000000000ffr1", .error = "ValueError"};
    struct call_record record;
    struct call_case c;

    add(request_at("a", NANOS_S));
    EXPECT_RC(journal_calls_add_log(calls, &entry), RC_OK);
    journal_calls_settle(calls);
    journal_calls_case(calls, 0, &record, &c);
    EXPECT_U64(record.outcome, OUTCOME_CLIENT_CRASH);
    CU_ASSERT_STRING_EQUAL(record.error, "ValueError");
}

static void a_call_that_the_log_tells_twice_breaks_log_complete(void)
{
    const struct app_log_entry entry = {.is_ours = true, .id = "00000000000000ffr1"};
    const struct verdict_row *log_complete;

    open_judge();
    add(request_at("a", 0));
    EXPECT_RC(journal_calls_add_log(calls, &entry), RC_OK);
    EXPECT_RC(journal_calls_add_log(calls, &entry), RC_OK);
    log_complete = judged_row("log-complete");
    CU_ASSERT_FATAL(log_complete != NULL);
    EXPECT_U64(log_complete->verdict, VERDICT_FAIL);
    EXPECT_U64(log_complete->violations, 1);
    CU_ASSERT(facts.has_caller);
    EXPECT_U64(facts.log_lines, 2);
    EXPECT_U64(facts.calls_planned, 1);
    judge_free(judge);
}

static void map_the_log(void)
{
    struct log_map *map = &scenario.subject_rules.exec.log;

    log_map_init(map);
    map->pointers[LOG_FIELD_ID] = SLICE("/nope");
    map->pointers[LOG_FIELD_COST] = SLICE("/usd");
    map->pointers[LOG_FIELD_MODEL] = SLICE("/who");
    map->pointers[LOG_FIELD_ERROR] = SLICE("/exception");
}

static void a_pointer_that_no_line_has_is_told(void)
{
    const struct app_log_entry entry = {.is_ours = true, .fields = 1u << LOG_FIELD_MODEL};

    open_judge();
    map_the_log();
    EXPECT_RC(journal_calls_add_log(calls, &entry), RC_OK);
    EXPECT_RC(journal_calls_add_log(calls, &entry), RC_OK);
    (void)judged_row("log-complete");
    CU_ASSERT_STRING_EQUAL(facts.log_unmapped, "--map id=/nope, cost=/usd: none of 2 lines has it");
    judge_free(judge);
}

static void lines_of_failures_alone_need_not_have_what_an_answer_has(void)
{
    const struct app_log_entry entry = {
        .is_ours = true, .error = "overloaded", .fields = 1u << LOG_FIELD_ERROR};

    open_judge();
    map_the_log();
    EXPECT_RC(journal_calls_add_log(calls, &entry), RC_OK);
    (void)judged_row("log-complete");
    CU_ASSERT_STRING_EQUAL(facts.log_unmapped, "");
    judge_free(judge);
}

static void what_is_missing_lets_nothing_pass_and_excuses_nothing(void)
{
    add(request_at("a", 0));
    journal_calls_settle(calls);
    journal_calls_judge(calls, LAW_ATTEMPTS_BOUNDED, &rules[LAW_ATTEMPTS_BOUNDED].limits,
                        "the journal was full", &row);
    EXPECT_U64(row.verdict, VERDICT_INCONCLUSIVE);
    CU_ASSERT_STRING_EQUAL(row.reason, "the journal was full");
    rules[LAW_ATTEMPTS_BOUNDED].limits.attempts_max = 0;
    journal_calls_judge(calls, LAW_ATTEMPTS_BOUNDED, &rules[LAW_ATTEMPTS_BOUNDED].limits,
                        "the journal was full", &row);
    EXPECT_U64(row.verdict, VERDICT_FAIL);
}

static void more_attempts_than_a_record_holds_are_counted(void)
{
    struct call_record record;
    struct call_case c;

    for (int i = 0; i < 100; i++)
        add(refusal_at("a", i * NANOS_S, 529, OUTCOME_OVERLOADED));
    journal_calls_settle(calls);
    journal_calls_case(calls, 0, &record, &c);
    EXPECT_U64(record.attempts_count, 100);
    EXPECT_U64(c.attempts, 100);
    EXPECT_U64(judged(LAW_ATTEMPTS_BOUNDED), VERDICT_FAIL);
}

static void survives_every_failing_allocation(void)
{
    struct flaky flaky;
    uint64_t allow = 0;

    do {
        struct memory memory;
        struct journal_calls *few = NULL;
        bool was_refused = false;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        if (journal_calls_new(&few, &scenario, &memory) == RC_OK) {
            for (int i = 0; i < 200; i++) {
                struct journal_record record = request_at("a", i);

                was_refused |= journal_calls_add(few, &record) != RC_OK;
            }
            for (int i = 0; i < 200; i++)
                was_refused |=
                    journal_calls_add_log(few, &(struct app_log_entry){.is_ours = true}) != RC_OK;
            journal_calls_settle(few);
            CU_ASSERT_EQUAL(was_refused, flaky.failed);
        }
        journal_calls_free(few);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 6);
}

static CU_TestInfo journal_calls_tests[] = {
    {"groups requests by call and isolation, in the order of their first",
     groups_requests_by_call_and_isolation_in_the_order_of_their_first},
    {"attempts are as said, or else in order of arrival",
     attempts_are_as_said_or_else_in_order_of_arrival},
    {"a client that left gave up", a_client_that_left_gave_up},
    {"passes over what asks no model for an answer", passes_over_what_asks_no_model_for_an_answer},
    {"judges how many attempts a call made", judges_how_many_attempts_a_call_made},
    {"judges attempts after a permanent refusal", judges_attempts_after_a_permanent_refusal},
    {"judges whether advice was heeded", judges_whether_advice_was_heeded},
    {"judges the order of models", judges_the_order_of_models},
    {"judges a fallback that never came", judges_a_fallback_that_never_came},
    {"a question asked until it is answered is one call",
     a_question_asked_until_it_is_answered_is_one_call},
    {"a retry without any count is sure, too", a_retry_without_any_count_is_sure_too},
    {"a question that is asked time and again leaves its retries in doubt",
     a_question_that_is_asked_time_and_again_leaves_its_retries_in_doubt},
    {"what one round breaks by itself is broken in doubt, too",
     what_one_round_breaks_by_itself_is_broken_in_doubt_too},
    {"what is not asked about tells calls apart all the same",
     what_is_not_asked_about_tells_calls_apart_all_the_same},
    {"a fallback that asks the same is of the same call",
     a_fallback_that_asks_the_same_is_of_the_same_call},
    {"a client that left may be back before that is known",
     a_client_that_left_may_be_back_before_that_is_known},
    {"a judge gets calls by number and their requests",
     a_judge_gets_calls_by_number_and_their_requests},
    {"what the log tells is the caller's account", what_the_log_tells_is_the_callers_account},
    {"a call without a line has no account", a_call_without_a_line_has_no_account},
    {"an answer of which the log says an error was lost on the way",
     an_answer_of_which_the_log_says_an_error_was_lost_on_the_way},
    {"a pointer that no line has is told", a_pointer_that_no_line_has_is_told},
    {"lines of failures alone need not have what an answer has",
     lines_of_failures_alone_need_not_have_what_an_answer_has},
    {"a call that the log tells twice breaks log-complete",
     a_call_that_the_log_tells_twice_breaks_log_complete},
    {"what is missing lets nothing pass and excuses nothing",
     what_is_missing_lets_nothing_pass_and_excuses_nothing},
    {"more attempts than a record holds are counted",
     more_attempts_than_a_record_holds_are_counted},
    {"survives every failing allocation", survives_every_failing_allocation},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo journal_calls_suite = {"journal_calls", NULL,      NULL,
                                    set_up,          tear_down, journal_calls_tests};
