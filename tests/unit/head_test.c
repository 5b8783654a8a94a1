#include "report/head.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/hearing.h"
#include "tests/support/sample_runs.h"

static struct scenario scenario;
static struct run_figures figures;
static struct report_facts facts;
static struct run_facts run;
static struct head head;

static void set_up(void)
{
    sample_scenario(&scenario);
    figures = (struct run_figures){.calls = 10, .useful = 10, .attempts = 12};
    facts = (struct report_facts){.world = "run"};
    run = (struct run_facts){0};
}

/* The line of that word; empty when there is none. */
static struct slice said(const char *word)
{
    head_read(&scenario, &figures, &run, &facts, &head);
    for (uint32_t i = 0; i < head.count; i++)
        if (strcmp(head.lines[i].word, word) == 0)
            return slice_of(head.lines[i].text);
    return (struct slice){0};
}

static void what_there_is_nothing_to_tell_of_has_no_line(void)
{
    EXPECT_U64(said("cost").size, 0);
    EXPECT_U64(said("tokens").size, 0);
    EXPECT_U64(said("alerts").size, 0);
    EXPECT_U64(said("control").size, 0);
    EXPECT_U64(said("target").size, 0);
    EXPECT_U64(said("judged").size, 0);
    EXPECT_U64(said("response").size, 0);
}

static void money_is_told_with_the_date_of_its_prices(void)
{
    figures.cost = MONEY_USD + 2345 * (MONEY_USD / 10000);
    figures.cost_failed = 2011 * (MONEY_USD / 10000);
    figures.billed = MONEY_USD + 2501 * (MONEY_USD / 10000);
    figures.cost_unknown = 12;
    EXPECT_TEXT(said("cost"), "$1.23, $0.20 of it for failed attempts (prices of " PRICES_DATED
                              "); billed $1.25 by the mock's account; 12 attempts of unknown "
                              "cost");
}

static void unknown_cost_is_no_zero(void)
{
    figures.cost_unknown = 1;
    EXPECT_TEXT(said("cost"), "$0.00 (prices of " PRICES_DATED "); 1 attempt of unknown cost");
}

static void alerts_are_told_by_kind_and_delivery(void)
{
    scenario.monitor.is_on = true;
    EXPECT_TEXT(said("alerts"), "");
    scenario.monitor.hooks_count = 1;
    EXPECT_TEXT(said("alerts"), "none");
    figures.alerts[ALERT_BUDGET] = 1;
    figures.alerts[ALERT_ERROR] = 2;
    figures.alerts_delivered = 2;
    figures.alerts_lost = 1;
    EXPECT_TEXT(said("alerts"), "budget 1, error 2; delivered 2 of 3");
}

static void tokens_are_those_that_answers_told(void)
{
    figures.tokens_in = 8000;
    EXPECT_TEXT(said("tokens"), "8,000 in, 0 out, where the answer told");
}

static void a_live_target_is_said_at_once_and_by_its_host_alone(void)
{
    char title[256];

    scenario.target = TARGET_LIVE;
    scenario.providers[0].base_url = SLICE("https://user:secret@api.example.test:8443/v1?key=abc");
    scenario.providers[1].base_url = SLICE("http://127.0.0.1:9");
    head_title(&scenario, &run, &facts, title, sizeof(title));
    CU_ASSERT_STRING_EQUAL(title,
                           "sample: a model of a client; no code of yours ran, against a live "
                           "target: real answers, real money");
    EXPECT_TEXT(said("target"), "anthropic at api.example.test:8443, openai at 127.0.0.1:9; no "
                                "faults, no journal");
}

static void the_control_run_stands_beside(void)
{
    struct hearing hearing;

    run_that_passes(&hearing);
    facts.control = hearing.judge;
    EXPECT_TEXT(said("control"), "the same without faults: 600 of 600 useful, 750 attempts, $2.42, "
                                 "response p95 3.25 s");
    hearing_end(&hearing);
}

static void a_second_judgement_says_that_it_is_one(void)
{
    facts.is_rejudged = true;
    EXPECT_TEXT(said("judged"), "again, from the files of that run");
}

static struct verdict_row broken(const char *example)
{
    struct verdict_row row = {.verdict = VERDICT_FAIL, .examples_count = 1};

    slice_copy(slice_of(example), row.examples[0].call, sizeof(row.examples[0].call));
    return row;
}

static void the_call_to_begin_with_is_of_a_row_that_failed(void)
{
    struct verdict_row rows[] = {broken("steady:1"), broken("steady:2"), broken("budget:hourly:0"),
                                 broken("steady:4")};

    rows[0].verdict = VERDICT_INCONCLUSIVE;
    rows[1].is_warning = true;
    CU_ASSERT_STRING_EQUAL(rows_first_call(&scenario, rows, 4), "steady:4");
    CU_ASSERT_PTR_NULL(rows_first_call(&scenario, rows, 3));
}

static void feed_failed(struct hearing *hearing, uint64_t index)
{
    struct call_record call = sample_call(index);

    sample_fail(&call, OUTCOME_CONTENT_POLICY, 400, call.due_at + 3 * NANOS_MS);
    call.outcome = OUTCOME_CONTENT_POLICY;
    call.ended_at = call.due_at + 3 * NANOS_MS;
    snprintf(call.error, sizeof(call.error), "content_policy");
    hearing_feed(hearing, &call);
}

static void where_no_row_names_a_call_the_first_that_was_not_useful_is_named(void)
{
    struct hearing hearing;
    struct call_record call = sample_call(0);
    char text[CALL_ID_TEXT_MAX];

    hearing_begin(&hearing, NULL, "calls.useful >= 90%");
    hearing_feed(&hearing, &call);
    feed_failed(&hearing, 9);
    feed_failed(&hearing, 4);
    feed_failed(&hearing, 5);
    hearing_finish(&hearing);
    EXPECT_U64(judge_verdict(hearing.judge), VERDICT_FAIL);
    CU_ASSERT(head_first_call(&hearing.scenario, hearing.judge, text));
    CU_ASSERT_STRING_EQUAL(text, "steady:4");
    hearing_end(&hearing);
}

static void a_run_that_passes_names_no_call(void)
{
    struct hearing hearing;
    char text[CALL_ID_TEXT_MAX];

    hearing_begin(&hearing, NULL, "calls.useful >= 10%");
    for (uint64_t i = 0; i < 3; i++) {
        struct call_record call = sample_call(i);

        hearing_feed(&hearing, &call);
    }
    feed_failed(&hearing, 3);
    hearing_finish(&hearing);
    CU_ASSERT(judge_verdict(hearing.judge) != VERDICT_FAIL);
    CU_ASSERT(!head_first_call(&hearing.scenario, hearing.judge, text));
    hearing_end(&hearing);
}

static void everything_at_once_fits(void)
{
    a_live_target_is_said_at_once_and_by_its_host_alone();
    for (int i = 0; i < OUTCOME_COUNT; i++)
        figures.outcomes[i] = UINT64_MAX;
    for (int i = 0; i < ALERT_KINDS_COUNT; i++)
        figures.alerts[i] = UINT64_MAX;
    figures.cost = figures.cost_failed = figures.billed = MONEY_MAX;
    figures.n_ok = figures.n_failed = figures.tokens_in = figures.alerts_lost = 1;
    facts.is_rejudged = true;
    the_control_run_stands_beside();
    CU_ASSERT(head.count <= HEAD_LINES_MAX);
}

static CU_TestInfo tests[] = {
    {"what there is nothing to tell of has no line", what_there_is_nothing_to_tell_of_has_no_line},
    {"money is told with the date of its prices", money_is_told_with_the_date_of_its_prices},
    {"unknown cost is no zero", unknown_cost_is_no_zero},
    {"alerts are told by kind and delivery", alerts_are_told_by_kind_and_delivery},
    {"tokens are those that answers told", tokens_are_those_that_answers_told},
    {"a live target is said at once, and by its host alone",
     a_live_target_is_said_at_once_and_by_its_host_alone},
    {"the control run stands beside", the_control_run_stands_beside},
    {"where no row names a call, the first that was not useful is named",
     where_no_row_names_a_call_the_first_that_was_not_useful_is_named},
    {"a run that passes names no call", a_run_that_passes_names_no_call},
    {"a second judgement says that it is one", a_second_judgement_says_that_it_is_one},
    {"the call to begin with is of a row that failed",
     the_call_to_begin_with_is_of_a_row_that_failed},
    {"everything at once fits", everything_at_once_fits},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo head_suite = {"head", NULL, NULL, set_up, NULL, tests};
