#include "report/terminal.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/golden.h"
#include "tests/support/hearing.h"
#include "tests/support/sample_runs.h"

static struct hearing hearing;
static struct buffer out;

static void set_up(void)
{
    buffer_init(&out, memory_heap(), 1 << 16);
}

static void tear_down(void)
{
    hearing_end(&hearing);
    buffer_deinit(&out);
}

static void report(const struct report_facts *facts)
{
    report_terminal(&hearing.scenario, hearing.judge, facts, &out);
    EXPECT_RC(out.rc, RC_OK);
}

static const struct report_facts sim = {
    .world = "sim", .results = "results/sample-20260101T000000Z-1", .took = 210 * NANOS_MS};

static void a_passing_run_is_quiet(void)
{
    run_that_passes(&hearing);
    report(&sim);
    expect_golden(buffer_slice(&out), "report-pass.txt");
}

static void a_failing_run_names_its_calls(void)
{
    run_that_fails(&hearing);
    report(&sim);
    expect_golden(buffer_slice(&out), "report-fail.txt");
}

static void an_inconclusive_run_says_why(void)
{
    struct report_facts facts = sim;

    facts.world = "run";
    facts.results = NULL;
    facts.was_interrupted = true;
    run_that_is_inconclusive(&hearing);
    report(&facts);
    expect_golden(buffer_slice(&out), "report-inconclusive.txt");
}

static void no_line_is_wide_or_ends_in_a_blank(void)
{
    struct slice rest, line;

    run_that_fails(&hearing);
    report(&sim);
    rest = buffer_slice(&out);
    while (slice_cut(&rest, '\n', &line)) {
        CU_ASSERT(line.size <= 110);
        CU_ASSERT(line.size == 0 || line.data[line.size - 1] != ' ');
    }
}

static void the_verdict_stands_last(void)
{
    struct slice rest, line = {0};

    run_that_fails(&hearing);
    report(&sim);
    rest = buffer_slice(&out);
    while (slice_cut(&rest, '\n', &line))
        ;
    CU_ASSERT(slice_starts_with(line, SLICE("verdict  fail")));
}

static void colour_comes_only_when_asked_for(void)
{
    struct report_facts facts = sim;

    run_that_passes(&hearing);
    report(&facts);
    CU_ASSERT(!slice_has(buffer_slice(&out), SLICE("\033[")));
    facts.has_colour = true;
    report(&facts);
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("verdict  \033[32mpass\033[0m\n")));
}

static void rows_that_were_not_judged_again_say_so(void)
{
    static const bool quoted[128] = {[3] = true};
    struct report_facts facts = sim;

    facts.quoted = quoted;
    facts.is_rejudged = true;
    run_that_fails(&hearing);
    report(&facts);
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("7 attempts      600  fail (online)\n")));
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("500  pass\n")));
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("online   1 rows as the run itself found")));
}

static void the_first_broken_row_gives_the_call_to_explain(void)
{
    struct report_facts facts = sim;

    run_that_fails(&hearing);
    report(&facts);
    CU_ASSERT(slice_has(
        buffer_slice(&out),
        SLICE("explain  brownout explain results/sample-20260101T000000Z-1 steady:103\n")));
    buffer_clear(&out);
    facts.results = NULL; /* nothing was kept */
    report(&facts);
    CU_ASSERT(!slice_has(buffer_slice(&out), SLICE("explain")));
}

static CU_TestInfo tests[] = {
    {"a passing run is quiet", a_passing_run_is_quiet},
    {"a failing run names its calls", a_failing_run_names_its_calls},
    {"an inconclusive run says why", an_inconclusive_run_says_why},
    {"no line is wide or ends in a blank", no_line_is_wide_or_ends_in_a_blank},
    {"the verdict stands last", the_verdict_stands_last},
    {"rows that were not judged again say so", rows_that_were_not_judged_again_say_so},
    {"the first broken row gives the call to explain",
     the_first_broken_row_gives_the_call_to_explain},
    {"colour comes only when asked for", colour_comes_only_when_asked_for},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo terminal_suite = {"terminal", NULL, NULL, set_up, tear_down, tests};
