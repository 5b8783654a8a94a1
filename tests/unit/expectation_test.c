#include "judge/expectation.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/sample.h"

static struct scenario scenario;
static struct expectation expectation;
static struct error err;
static const struct run_figures figures;

static void set_up(void)
{
    sample_scenario(&scenario);
    expectation = (struct expectation){0};
}

static void tear_down(void)
{
    expectation_deinit(&expectation);
}

/* As if it stood in line 7 with its quote in column 4. */
static enum rc read(const char *text)
{
    const struct scenario_text place = {slice_of(text), {.line = 7, .column = 4}};

    expectation_deinit(&expectation);
    err = (struct error){0};
    return expectation_read(&expectation, &scenario, &place, memory_heap(), &err);
}

static void expect_refused(const char *text, const char *message)
{
    EXPECT_RC(read(text), RC_MALFORMED);
    CU_ASSERT_STRING_EQUAL(err.text, message);
}

static void reads_a_measure_its_statistic_and_a_duration(void)
{
    EXPECT_RC(read("response.p95 <= 4s"), RC_OK);
    CU_ASSERT_STRING_EQUAL(expectation.left.measure->name, "response");
    EXPECT_U64(expectation.left.statistic, STATISTIC_P95);
    EXPECT_U64(expectation.comparison, COMPARE_AT_MOST);
    CU_ASSERT_DOUBLE_EQUAL(expectation.limit, 4e9, 0);
    EXPECT_TEXT(expectation.demand, "<= 4s");
}

static void reads_every_operator(void)
{
    static const struct {
        const char *text;
        enum comparison comparison;
    } cases[] = {
        {"calls.count<=5", COMPARE_AT_MOST},    {"calls.count < 5", COMPARE_BELOW},
        {"calls.count >= 5", COMPARE_AT_LEAST}, {"calls.count > 5", COMPARE_ABOVE},
        {"calls.count ==5", COMPARE_EQUAL},     {"calls.count != 5", COMPARE_UNEQUAL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        EXPECT_RC(read(cases[i].text), RC_OK);
        EXPECT_U64(expectation.comparison, cases[i].comparison);
    }
}

static void a_measure_whose_name_ends_like_a_statistic_is_itself(void)
{
    EXPECT_RC(read("attempts.max <= 4"), RC_OK);
    CU_ASSERT_STRING_EQUAL(expectation.left.measure->name, "attempts.max");
    EXPECT_RC(read("silence.max <= 2s"), RC_OK);
    EXPECT_RC(read("tokens.out.mean <= 200"), RC_OK);
    EXPECT_U64(expectation.left.statistic, STATISTIC_MEAN);
}

static void a_percentage_asks_for_the_share_of_calls_and_a_number_for_the_count(void)
{
    EXPECT_RC(read("calls.useful >= 99.5%"), RC_OK);
    EXPECT_U64(expectation.left.statistic, STATISTIC_SHARE);
    CU_ASSERT_DOUBLE_EQUAL(expectation.limit, 0.995, 0);
    EXPECT_RC(read("calls.useful >= 600"), RC_OK);
    EXPECT_U64(expectation.left.statistic, STATISTIC_COUNT);
    EXPECT_RC(read("calls.useful.share >= 0.5"), RC_OK);
    EXPECT_U64(expectation.left.statistic, STATISTIC_SHARE);
}

static void reads_every_filter(void)
{
    const struct filters *f = &expectation.left.filters;

    EXPECT_RC(read("calls.count{phase=after:storm, model=claude-sonnet-4-5, answered=gpt-4o, "
                   "stream=false, outcome=ok, part=steady, cause=529} > 0"),
              RC_OK);
    CU_ASSERT(f->has_phase && f->has_model && f->has_answered && f->has_stream);
    CU_ASSERT(f->has_outcome && f->has_part && f->has_cause);
    EXPECT_U64(f->model, SAMPLE_CLAUDE);
    EXPECT_U64(f->answered, SAMPLE_GPT);
    CU_ASSERT(!f->stream);
    EXPECT_U64(f->outcome, OUTCOME_OK);
    CU_ASSERT(cause_set_has(&f->cause, OUTCOME_OVERLOADED, 529));
}

static void the_right_side_may_be_another_measure(void)
{
    EXPECT_RC(read("response.p95{phase=storm} <= 1.5 * response.p95{phase=before}"), RC_OK);
    CU_ASSERT(expectation.has_right);
    CU_ASSERT_DOUBLE_EQUAL(expectation.limit, 1.5, 0);
    CU_ASSERT(expectation.right.filters.has_phase);
    EXPECT_RC(read("response.p95 >= response.p50"), RC_OK);
    CU_ASSERT_DOUBLE_EQUAL(expectation.limit, 1, 0);
}

static void a_wrong_word_is_refused_at_its_column_with_the_nearest(void)
{
    expect_refused("respons.p95 <= 4s",
                   "sample.jsonc:7:5: found \"respons.p95\", expected a measure such as "
                   "\"response.p95\" or \"calls.useful\"; did you mean \"response\"?");
    expect_refused("response.p96 <= 4s",
                   "sample.jsonc:7:14: found \"p96\", expected a statistic that response has: p50 "
                   "p90 p95 p99 p999 min max mean count");
    expect_refused("calls.count{phas=storm} > 1",
                   "sample.jsonc:7:17: found \"phas\", expected a filter: phase, model, answered, "
                   "stream, outcome, part, cause or kind; did you mean \"phase\"?");
    expect_refused("calls.count{phase=strom} > 1",
                   "sample.jsonc:7:23: found \"strom\", expected a phase of this scenario, before, "
                   "after:NAME or quiet; did you mean \"storm\"?");
    expect_refused("calls.count{outcome=overload} > 1",
                   "sample.jsonc:7:25: found \"overload\", expected an outcome such as "
                   "\"rate_limited\"; did you mean \"overloaded\"?");
    expect_refused("calls.count => 1",
                   "sample.jsonc:7:17: found \"=> 1\", expected one of <= < >= > == !=");
}

static void a_measure_of_the_design_that_is_not_here_says_so(void)
{
    expect_refused("gap.p99 <= 1s", "sample.jsonc:7:5: the measure \"gap.p99\" is not built yet");
    expect_refused("connections.open <= 2",
                   "sample.jsonc:7:5: the measure \"connections.open\" is not built yet");
}

static void reads_an_amount_of_money_exactly(void)
{
    EXPECT_RC(read("cost.total <= $1.20"), RC_OK);
    CU_ASSERT_DOUBLE_EQUAL(expectation.limit, 1.2e12, 0);
    EXPECT_RC(read("cost.per_useful < $0.004200001"), RC_OK);
    CU_ASSERT_DOUBLE_EQUAL(expectation.limit, 4200001000.0, 0);
    expect_refused("cost.total <= 1.20",
                   "sample.jsonc:7:19: found \"1.20\", expected an amount such as \"$1.20\"");
    expect_refused("cost.total <= 2 * tokens.out",
                   "sample.jsonc:7:23: found a measure of another kind, expected an amount such as "
                   "\"$1.20\"");
}

static void the_right_side_may_be_of_the_control_run(void)
{
    scenario.has_control = true;
    EXPECT_RC(read("cost.total <= 1.3 * control.cost.total"), RC_OK);
    CU_ASSERT(expectation.is_control);
    CU_ASSERT_DOUBLE_EQUAL(expectation.limit, 1.3, 0);
    CU_ASSERT_STRING_EQUAL(expectation.right.measure->name, "cost.total");
    EXPECT_RC(read("response.p95{phase=storm} <= control.response.p95{phase=storm}"), RC_OK);
    CU_ASSERT(expectation.is_control);
    CU_ASSERT(expectation.right.filters.has_phase);
    expect_refused("control.cost.total <= $1",
                   "sample.jsonc:7:5: found \"control.\" on the left, where this run's measure "
                   "stands");
    expect_refused("cost.total <= control.cost.totl",
                   "sample.jsonc:7:27: found \"cost.totl\", expected a measure such as "
                   "\"response.p95\" or \"calls.useful\"; did you mean \"cost.total\"?");
}

static void a_control_that_the_scenario_does_not_have_is_refused(void)
{
    expect_refused("cost.total <= 1.3 * control.cost.total",
                   "sample.jsonc:7:25: found \"control.\" without a control run: add "
                   "\"control\": \"no-chaos\" to the scenario");
}

static void shows_both_sides_of_a_control(void)
{
    const struct measured control = {.is_known = true, .value = 1.02e12};
    const struct run_figures billed = {.calls = 600, .billed = MONEY_USD / 100 * 131};
    struct verdict_row row;

    scenario.has_control = true;
    EXPECT_RC(read("billed.total <= 1.3 * control.billed.total"), RC_OK);
    expectation_judge(&expectation, &billed, &control, &row);
    EXPECT_U64(row.verdict, VERDICT_PASS);
    CU_ASSERT_STRING_EQUAL(row.value, "$1.31 against $1.02, 1.28 times");
    CU_ASSERT_STRING_EQUAL(row.reason, "the right side is $1.33");
    EXPECT_RC(read("billed.total <= 1.2 * control.billed.total"), RC_OK);
    expectation_judge(&expectation, &billed, &control, &row);
    EXPECT_U64(row.verdict, VERDICT_FAIL);
}

static void alerts_are_asked_for_where_there_is_a_monitor(void)
{
    expect_refused("alerts == 0",
                   "sample.jsonc:7:5: alerts needs a monitor: add \"monitor\" to the scenario");
    scenario.monitor.is_on = true;
    expect_refused("alerts == 0", "sample.jsonc:7:5: alerts needs a hook among the monitor's");
    scenario.monitor.hooks[scenario.monitor.hooks_count++] = HOOK_ANY;
    EXPECT_RC(read("alerts == 0"), RC_OK);
    EXPECT_RC(read("alerts{kind=budget} == 1"), RC_OK);
    EXPECT_U64(expectation.left.filters.kind, ALERT_BUDGET);
    EXPECT_RC(read("alerts.budget == 1"), RC_OK);
    EXPECT_U64(expectation.left.measure->subject, ALERT_BUDGET);
    expect_refused("alerts{kind=bugdet} == 1",
                   "sample.jsonc:7:17: found \"bugdet\", expected a kind of alert: budget, slow, "
                   "tokens or error; did you mean \"budget\"?");
    expect_refused("alerts{phase=storm} == 1", "sample.jsonc:7:5: found filters that pick calls, "
                                               "but alerts is of the whole run");
    expect_refused("calls.count{kind=slow} == 1",
                   "sample.jsonc:7:5: found {kind=}, which only alerts has");
    expect_refused("hooks.slack.count == 1",
                   "sample.jsonc:7:5: hooks.slack.count needs the hook slack among the monitor's");
    scenario.monitor.hooks[scenario.monitor.hooks_count++] = HOOK_SLACK;
    EXPECT_RC(read("hooks.slack.count == 1"), RC_OK);
    EXPECT_RC(read("hooks.slack.first <= 25s"), RC_OK);
}

static void what_only_a_mock_knows_is_not_asked_of_a_live_target(void)
{
    scenario.monitor.is_on = true;
    scenario.target = TARGET_LIVE;
    expect_refused("alerts.budget == 1", "sample.jsonc:7:5: alerts.budget needs a mock: a live "
                                         "target has neither journal nor hooks");
    expect_refused("cost.total == billed.total",
                   "sample.jsonc:7:19: billed.total needs a mock: a live target has neither "
                   "journal nor hooks");
    EXPECT_RC(read("cost.total <= $1"), RC_OK);
}

static void what_does_not_fit_together_is_refused(void)
{
    expect_refused("response <= 4s", "sample.jsonc:7:5: found response without a statistic, "
                                     "expected one of: p50 p90 p95 p99 p999 min max mean count");
    expect_refused("response.p95 <= 4",
                   "sample.jsonc:7:21: found \"4\", expected a duration such as \"4s\"");
    expect_refused("amplification <= 4s",
                   "sample.jsonc:7:22: found \"4s\", expected a number such as 4");
    expect_refused("calls.useful >= 0.8", "sample.jsonc:7:21: found \"0.8\", expected a count such "
                                          "as 4 or a share such as \"99.5%\"");
    expect_refused("response.p95 <= 2 * amplification",
                   "sample.jsonc:7:25: found a measure of another kind, expected a duration such "
                   "as \"4s\"");
    expect_refused("recovery.time <= 3s", "sample.jsonc:7:5: expected recovery.time{phase=...} "
                                          "with a phase of this scenario");
    expect_refused("recovery.time{phase=before} <= 3s",
                   "sample.jsonc:7:5: expected recovery.time{phase=...} with a phase of this "
                   "scenario");
    expect_refused("model.share >= 50%", "sample.jsonc:7:5: expected model.share{model=...}");
}

static void a_window_that_waits_for_something_is_no_filter(void)
{
    struct phase *overload = &scenario.chaos.phases.list[1];

    overload->is_waiting = true;
    overload->from = PHASE_FROM_MARK;
    expect_refused("response.p95{phase=overload} <= 4s",
                   "sample.jsonc:7:24: found \"overload\", expected a phase whose time the "
                   "scenario tells: \"overload\" counts from a mark");
    expect_refused("response.p95{phase=after:overload} <= 4s",
                   "sample.jsonc:7:24: found \"after:overload\", expected a phase whose time the "
                   "scenario tells: \"overload\" counts from a mark");
    overload->from = PHASE_FROM_FIRST_REQUEST;
    expect_refused("response.p95{phase=quiet} <= 4s",
                   "sample.jsonc:7:24: found \"quiet\", expected a phase whose time the "
                   "scenario tells: \"overload\" counts from the first request");
    expect_refused("response.p95{phase=before} <= 4s",
                   "sample.jsonc:7:24: found \"before\", expected a phase whose time the "
                   "scenario tells: \"overload\" counts from the first request");
    EXPECT_RC(read("response.p95{phase=storm} <= 4s"), RC_OK);
    EXPECT_RC(read("response.p95 <= 4s"), RC_OK);
}

static void half_an_expectation_is_refused_at_its_end(void)
{
    static const char whole[] = "response.p95{phase=storm} <= 1.5 * response.p95{phase=before}";
    char cut[sizeof(whole)];

    for (size_t size = 0; size < sizeof(whole) - 1; size++) {
        slice_copy((struct slice){whole, size}, cut, sizeof(cut));
        if (size == sizeof("response.p95{phase=storm} <= 1.5 * response.p95") - 1)
            continue; /* whole as well */
        EXPECT_RC(read(cut), RC_MALFORMED);
        CU_ASSERT(slice_starts_with(slice_of(err.text), SLICE("sample.jsonc:7:")));
    }
    EXPECT_RC(read(whole), RC_OK);
    expect_refused("calls.count > 1 1", "sample.jsonc:7:19: found \"1 1\", expected a count such "
                                        "as 4 or a share such as \"99.5%\"");
}

static void judges_by_the_boundary_itself(void)
{
    static const struct {
        const char *text;
        enum verdict verdict;
    } cases[] = {
        {"calls.count <= 1", VERDICT_PASS}, {"calls.count < 1", VERDICT_FAIL},
        {"calls.count >= 1", VERDICT_PASS}, {"calls.count > 1", VERDICT_FAIL},
        {"calls.count == 1", VERDICT_PASS}, {"calls.count != 1", VERDICT_FAIL},
    };
    struct call_record call = sample_call(0);
    struct call_case c;

    call_case_init(&c, &scenario, &call, NULL, 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct verdict_row row;

        EXPECT_RC(read(cases[i].text), RC_OK);
        expectation_feed(&expectation, &c);
        expectation_judge(&expectation, &figures, NULL, &row);
        EXPECT_U64(row.verdict, cases[i].verdict);
        CU_ASSERT_STRING_EQUAL(row.name, cases[i].text);
    }
}

static void compares_with_the_factor_of_the_other_measure(void)
{
    struct call_record call = sample_call(0);
    struct verdict_row row;
    struct call_case c;

    call_case_init(&c, &scenario, &call, NULL, 0); /* response 2 s, first token 400 ms */
    EXPECT_RC(read("response.max <= 4.9 * first_token.max"), RC_OK);
    expectation_feed(&expectation, &c);
    expectation_judge(&expectation, &figures, NULL, &row);
    EXPECT_U64(row.verdict, VERDICT_FAIL);
    CU_ASSERT_STRING_EQUAL(row.value, "2 s against 400 ms, 5 times");
    CU_ASSERT_STRING_EQUAL(row.reason, "the right side is 1.96 s");
}

static CU_TestInfo tests[] = {
    {"reads a measure, its statistic and a duration", reads_a_measure_its_statistic_and_a_duration},
    {"reads every operator", reads_every_operator},
    {"a measure whose name ends like a statistic is itself",
     a_measure_whose_name_ends_like_a_statistic_is_itself},
    {"a percentage asks for the share of calls, and a number for the count",
     a_percentage_asks_for_the_share_of_calls_and_a_number_for_the_count},
    {"reads every filter", reads_every_filter},
    {"the right side may be another measure", the_right_side_may_be_another_measure},
    {"a wrong word is refused at its column, with the nearest",
     a_wrong_word_is_refused_at_its_column_with_the_nearest},
    {"a measure of the design that is not here says so",
     a_measure_of_the_design_that_is_not_here_says_so},
    {"reads an amount of money exactly", reads_an_amount_of_money_exactly},
    {"the right side may be of the control run", the_right_side_may_be_of_the_control_run},
    {"a control that the scenario does not have is refused",
     a_control_that_the_scenario_does_not_have_is_refused},
    {"shows both sides of a control", shows_both_sides_of_a_control},
    {"alerts are asked for where there is a monitor",
     alerts_are_asked_for_where_there_is_a_monitor},
    {"what only a mock knows is not asked of a live target",
     what_only_a_mock_knows_is_not_asked_of_a_live_target},
    {"what does not fit together is refused", what_does_not_fit_together_is_refused},
    {"a window that waits for something is no filter",
     a_window_that_waits_for_something_is_no_filter},
    {"half an expectation is refused", half_an_expectation_is_refused_at_its_end},
    {"judges by the boundary itself", judges_by_the_boundary_itself},
    {"compares with the factor of the other measure",
     compares_with_the_factor_of_the_other_measure},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo expectation_suite = {"expectation", NULL, NULL, set_up, tear_down, tests};
