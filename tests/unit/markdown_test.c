#include "report/markdown.h"

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
    report_markdown(&hearing.scenario, hearing.judge, facts, &out);
    EXPECT_RC(out.rc, RC_OK);
}

static const struct report_facts sim = {
    .world = "sim", .results = "results/sample-1", .took = 210 * NANOS_MS};

static void failures_stand_before_all_rows(void)
{
    run_that_fails(&hearing);
    report(&sim);
    expect_golden(buffer_slice(&out), "summary-fail.md");
}

static void an_inconclusive_run_says_why(void)
{
    struct report_facts facts = sim;

    facts.was_interrupted = true;
    facts.problem = "the mock died";
    run_that_is_inconclusive(&hearing);
    report(&facts);
    expect_golden(buffer_slice(&out), "summary-inconclusive.md");
}

static void a_passing_run_is_short(void)
{
    run_that_passes(&hearing);
    report(&sim);
    CU_ASSERT(!slice_has(buffer_slice(&out), SLICE("What did not pass")));
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("brownout: sample **pass**\n")));
}

/* However hostile, a cell stays a cell and a line a line. */
static void hostile_text_breaks_no_table(void)
{
    struct slice rest, line;
    uint32_t lines = 0, hostile = 0;

    run_that_fails(&hearing);
    report(&sim);
    rest = buffer_slice(&out);
    while (slice_cut(&rest, '\n', &line))
        lines++;
    buffer_clear(&out);
    slice_copy(SLICE("|</details>\n# <script> `*_\\ \xFF &"), hearing.scenario.name,
               sizeof(hearing.scenario.name));
    report(&sim);
    rest = buffer_slice(&out);
    while (slice_cut(&rest, '\n', &line))
        hostile++;
    EXPECT_U64(hostile, lines);
    CU_ASSERT(!slice_has(buffer_slice(&out), SLICE("<script>")));
    CU_ASSERT(slice_has(
        buffer_slice(&out),
        SLICE("\\|&lt;/details&gt; \\# &lt;script&gt; \\`\\*\\_\\\\ \xEF\xBF\xBD &amp;")));
}

static void as_many_rows_as_there_can_be_are_far_below_what_a_job_takes(void)
{
    struct scenario *s = &hearing.scenario;

    sample_scenario(s);
    for (s->expects_count = 0; s->expects_count < SCENARIO_EXPECTS_MAX; s->expects_count++)
        s->expects[s->expects_count].text = slice_of("calls.useful >= 99%");
    hearing_start(&hearing, NULL, NULL);
    hearing_finish(&hearing);
    report(&sim);
    CU_ASSERT(out.size < 64 << 10);
}

static CU_TestInfo tests[] = {
    {"failures stand before all rows", failures_stand_before_all_rows},
    {"an inconclusive run says why", an_inconclusive_run_says_why},
    {"a passing run is short", a_passing_run_is_short},
    {"hostile text breaks no table", hostile_text_breaks_no_table},
    {"as many rows as there can be are far below what a job takes",
     as_many_rows_as_there_can_be_are_far_below_what_a_job_takes},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo markdown_suite = {"markdown", NULL, NULL, set_up, tear_down, tests};
