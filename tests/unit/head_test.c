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
    head_title(&scenario, &run, title, sizeof(title));
    CU_ASSERT_STRING_EQUAL(title,
                           "sample: a model of a client; no code of yours ran, against a live "
                           "target: real answers, real money");
    EXPECT_TEXT(said("target"), "anthropic at api.example.test:8443, openai at 127.0.0.1:9; no "
                                "faults, no journal");
}

static struct slice title(void)
{
    static char text[256];

    head_title(&scenario, &run, text, sizeof(text));
    return slice_of(text);
}

static void a_command_is_named_with_its_end(void)
{
    scenario.subject = SUBJECT_EXEC;
    EXPECT_TEXT(title(), "exec: what your command did");
    run = (struct run_facts){.has_command = true, .command_took = 12 * NANOS_S};
    EXPECT_TEXT(title(), "exec: what your command did; it exited 0 after 12 s");
    strcpy(run.command, "python app.py");
    EXPECT_TEXT(title(), "exec: what your command did; `python app.py` exited 0 after 12 s");
    run.command_exit = 137;
    EXPECT_TEXT(title(),
                "exec: what your command did; `python app.py` exited 137 (signal 9) after 12 s");
    EXPECT_U64(said("command").size, 0);
}

static void a_long_command_has_a_line_of_its_own(void)
{
    scenario.subject = SUBJECT_EXEC;
    run.has_command = true;
    strcpy(run.command, "python -m pytest tests/test_answers.py -k refund --maxfail 1");
    EXPECT_TEXT(title(), "exec: what your command did; `python -m pytest tests/test_answers.py -k "
                         "ref...` exited 0 after 0 s");
    EXPECT_TEXT(said("command"), "python -m pytest tests/test_answers.py -k refund --maxfail 1");
}

static void a_command_has_no_schedule_of_ours(void)
{
    EXPECT_TEXT(said("send lag"), "p99 0 s");
    scenario.subject = SUBJECT_EXEC;
    EXPECT_U64(said("send lag").size, 0);
    EXPECT_TEXT(said("scenario"), "sample, in 0 s; seed 529");
    EXPECT_U64(said("world").size, 0);
}

static void whose_word_the_calls_are_is_said(void)
{
    scenario.subject = SUBJECT_EXEC;
    EXPECT_TEXT(said("calls"),
                "10, as the mock saw them: 10 useful, 0 failed, 0 unfinished; at most 0 at once");
    run.has_caller = true;
    EXPECT_TEXT(said("calls"), "10: 10 useful, 0 failed, 0 unfinished; at most 0 at once");
}

static void a_compressed_run_says_how_often(void)
{
    scenario.compression = 1;
    EXPECT_TEXT(said("world"), "real sockets, in 0 s; client none, seed 529");
    scenario.compression = 20;
    EXPECT_TEXT(said("world"), "real sockets, in 0 s; client none, seed 529; compressed 20 times");
}

static void how_calls_were_told_apart_is_said(void)
{
    EXPECT_U64(said("identity").size, 0);
    scenario.subject = SUBJECT_EXEC;
    figures.told_by[KEY_MARKER] = 12;
    figures.told_by[KEY_RETRY_COUNT] = 30;
    EXPECT_TEXT(said("identity"), "calls told apart by: marker 12, retry count 30 (asked again "
                                  "after a failure: the same call)");
    figures.doubtful = 3;
    EXPECT_TEXT(said("identity"), "calls told apart by: marker 12, retry count 30; 3 doubtful "
                                  "(asked again after a failure: the same call)");
}

static void a_service_is_named_by_where_it_listens(void)
{
    struct service_rules *service = &scenario.subject_rules.service;

    scenario.subject = SUBJECT_SERVICE;
    service->urls[service->urls_count++] = SLICE("http://user:secret@127.0.0.1:4000/v1");
    EXPECT_TEXT(title(), "service at 127.0.0.1:4000");
    service->urls[service->urls_count++] = SLICE("http://127.0.0.1:4001");
    EXPECT_TEXT(title(), "service at 127.0.0.1:4000, 2 instances");
    EXPECT_TEXT(said("attempts"), "12 at the mock, 1.2 per call");
}

static void what_was_sampled_of_a_service_is_said(void)
{
    EXPECT_U64(said("processes").size, 0);
    figures.samples = 60;
    figures.rss_most = 98304000;
    figures.descriptors_most = 34;
    figures.threads_most = 12;
    EXPECT_TEXT(said("processes"), "at most 98.3 MB resident, 34 descriptors, 12 threads; n 60");
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
    {"a compressed run says how often", a_compressed_run_says_how_often},
    {"money is told with the date of its prices", money_is_told_with_the_date_of_its_prices},
    {"unknown cost is no zero", unknown_cost_is_no_zero},
    {"alerts are told by kind and delivery", alerts_are_told_by_kind_and_delivery},
    {"tokens are those that answers told", tokens_are_those_that_answers_told},
    {"a live target is said at once, and by its host alone",
     a_live_target_is_said_at_once_and_by_its_host_alone},
    {"a command is named with its end", a_command_is_named_with_its_end},
    {"a long command has a line of its own", a_long_command_has_a_line_of_its_own},
    {"a command has no schedule of ours", a_command_has_no_schedule_of_ours},
    {"whose word the calls are is said", whose_word_the_calls_are_is_said},
    {"how calls were told apart is said", how_calls_were_told_apart_is_said},
    {"a service is named by where it listens", a_service_is_named_by_where_it_listens},
    {"what was sampled of a service is said", what_was_sampled_of_a_service_is_said},
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
