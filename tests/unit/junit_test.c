#include "report/junit.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/golden.h"
#include "tests/support/hearing.h"
#include "tests/support/sample_runs.h"
#include "tests/support/xml.h"

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
    report_junit(&hearing.scenario, hearing.judge, facts, &out);
    EXPECT_RC(out.rc, RC_OK);
    CU_ASSERT(xml_is_well_formed(buffer_slice(&out)));
}

static const struct report_facts sim = {
    .world = "sim", .results = "results/sample-20260101T000000Z-1", .took = 12345 * NANOS_MS};

static uint32_t count(const char *element)
{
    return xml_elements(buffer_slice(&out), element);
}

static void a_failing_run_has_its_calls_as_text(void)
{
    run_that_fails(&hearing);
    report(&sim);
    EXPECT_U64(count("failure"), 6);
    EXPECT_U64(count("error"), 0);
    expect_golden(buffer_slice(&out), "junit-fail.xml");
}

static void what_could_not_be_judged_is_an_error(void)
{
    struct report_facts facts = sim;

    facts.was_interrupted = true;
    run_that_is_inconclusive(&hearing);
    report(&facts);
    EXPECT_U64(count("failure"), 0);
    EXPECT_U64(count("error"), 14); /* thirteen rows, and the run */
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE(" errors=\"14\"")));
}

static void a_run_that_was_not_carried_out_is_an_error(void)
{
    struct report_facts facts = sim;

    facts.problem = "the mock \"died\" & left";
    run_that_passes(&hearing);
    report(&facts);
    EXPECT_U64(count("error"), 1);
    CU_ASSERT(
        slice_has(buffer_slice(&out), SLICE("message=\"the mock &quot;died&quot; &amp; left\"")));
}

static void a_passing_run_has_cases_and_nothing_else(void)
{
    run_that_passes(&hearing);
    report(&sim);
    EXPECT_U64(count("testcase"), 21);
    EXPECT_U64(count("failure") + count("error"), 0);
    EXPECT_U64(count("skipped"), 2); /* laws of alerts, and none is asked for */
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("tests=\"21\"")));
    CU_ASSERT(slice_has(buffer_slice(&out), SLICE("time=\"12.345\"")));
}

static void a_warning_is_shown_and_not_counted(void)
{
    struct call_record call = sample_call(0);

    hearing_begin(&hearing, "{\"attempts-bounded\": {\"max\": 1, \"level\": \"warn\"}}", NULL);
    sample_fail(&call, OUTCOME_OVERLOADED, 529, call.due_at + NANOS_MS);
    sample_retry(&call, SAMPLE_GPT, call.ended_at);
    hearing_feed(&hearing, &call);
    hearing_finish(&hearing);
    report(&sim);
    EXPECT_U64(count("failure"), 0);
    EXPECT_U64(count("system-out"), 1);
}

static void hostile_text_stays_text(void)
{
    run_that_fails(&hearing);
    slice_copy(SLICE("]]> </testsuite> \"a\" & \x01\x7F\xFF\xC3 \xEF\xBF\xBF\n\xC3\xBC"),
               hearing.scenario.name, sizeof(hearing.scenario.name));
    report(&sim);
    EXPECT_U64(count("testsuite"), 1);
}

static void characters_that_xml_forbids_are_replaced(void)
{
    char all[256];

    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    buffer_text(&out, "<a b=\"");
    xml_write_text(&out, (struct slice){all, sizeof(all)});
    xml_write_text(&out, SLICE("\xEF\xBF\xBE\xED\xA0\x80"));
    buffer_text(&out, "\"/>");
    CU_ASSERT(xml_is_well_formed(buffer_slice(&out)));
    buffer_clear(&out);
    xml_write_text(&out, SLICE("a<b>\"&\t\n\r\x02\xE2\x82\xAC\x80"));
    EXPECT_TEXT(buffer_slice(&out), "a&lt;b&gt;&quot;&amp;&#9;&#10;&#13;\xEF\xBF\xBD\xE2\x82\xAC"
                                    "\xEF\xBF\xBD");
}

/* The checker, that it can say no. */
static void the_check_notices_what_is_not_well_formed(void)
{
    CU_ASSERT(!xml_is_well_formed(SLICE("<a><b></a></b>")));
    CU_ASSERT(!xml_is_well_formed(SLICE("<a>")));
    CU_ASSERT(!xml_is_well_formed(SLICE("<a b=\"<\"/>")));
    CU_ASSERT(!xml_is_well_formed(SLICE("<a b=\"1\" b=\"2\"/>")));
    CU_ASSERT(!xml_is_well_formed(SLICE("<a>&nbsp;</a>")));
    CU_ASSERT(!xml_is_well_formed(SLICE("<a>\x01</a>")));
    CU_ASSERT(!xml_is_well_formed(SLICE("<a>\xFF</a>")));
    CU_ASSERT(!xml_is_well_formed(SLICE("<a/><b/>")));
}

static CU_TestInfo tests[] = {
    {"a failing run has its calls as text", a_failing_run_has_its_calls_as_text},
    {"what could not be judged is an error", what_could_not_be_judged_is_an_error},
    {"a run that was not carried out is an error", a_run_that_was_not_carried_out_is_an_error},
    {"a passing run has cases and nothing else", a_passing_run_has_cases_and_nothing_else},
    {"a warning is shown and not counted", a_warning_is_shown_and_not_counted},
    {"hostile text stays text", hostile_text_stays_text},
    {"characters that XML forbids are replaced", characters_that_xml_forbids_are_replaced},
    {"the check notices what is not well-formed", the_check_notices_what_is_not_well_formed},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo junit_suite = {"junit", NULL, NULL, set_up, tear_down, tests};
