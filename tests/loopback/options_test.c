/* The command line alone: nothing is run. */

#include <CUnit/CUnit.h>
#include <string.h>

#include "harness/options.h"
#include "tests/support/expect.h"

static struct options options;
static struct error err;

static enum rc parse(const char *first, const char *second)
{
    static char words[2][64];
    char *arguments[] = {words[0], words[1]};

    strcpy(words[0], first);
    if (second != NULL)
        strcpy(words[1], second);
    err = (struct error){0};
    return options_parse(&options, second == NULL ? 1 : 2, arguments, ~0u, &err);
}

static void one_worker_and_full_evidence_unless_asked(void)
{
    EXPECT_RC(parse("a.jsonc", NULL), RC_OK);
    EXPECT_U64(options.workers, 1);
    EXPECT_U64(options.evidence, EVIDENCE_FULL);
    EXPECT_U64(options.inconclusive, INCONCLUSIVE_STANDS);
    EXPECT_U64(options.retries, 0);
    CU_ASSERT(!options.allows_live);
    CU_ASSERT(!options.is_certain);
}

static void workers_are_counted_from_1_to_64(void)
{
    EXPECT_RC(parse("--workers", "64"), RC_OK);
    EXPECT_U64(options.workers, 64);
    EXPECT_RC(parse("--workers=1", NULL), RC_OK);
    EXPECT_U64(options.workers, 1);
    EXPECT_RC(parse("--workers", "65"), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text),
                "--workers: found \"65\", expected a whole number from 1 to 64");
    EXPECT_RC(parse("--workers", "0"), RC_MALFORMED);
    EXPECT_RC(parse("--workers", "two"), RC_MALFORMED);
    EXPECT_RC(parse("--workers", "-1"), RC_MALFORMED);
}

static void a_port_has_sixteen_bits(void)
{
    EXPECT_RC(parse("--port", "65535"), RC_OK);
    CU_ASSERT_STRING_EQUAL(options.port, "65535");
    EXPECT_RC(parse("--port", "99999"), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "--port: found \"99999\", expected a port, 0 to 65535");
    EXPECT_RC(parse("--port", "http"), RC_MALFORMED);
    EXPECT_RC(parse("--port", ""), RC_MALFORMED);
}

static void a_map_names_a_field_of_the_log(void)
{
    EXPECT_RC(parse("--map", "id=/response/id"), RC_OK);
    CU_ASSERT_STRING_EQUAL(options.maps[0], "id=/response/id");
    EXPECT_RC(parse("--map", "idd=/x"), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "--map: found \"idd\", expected a field such as id or "
                                    "latency_ms; did you mean \"id\"?");
    EXPECT_RC(parse("--map", "latency=/x"), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "--map: found \"latency\", expected a field such as id or "
                                    "latency_ms");
    EXPECT_RC(parse("--map", "modell=/x"), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "--map: found \"modell\", expected a field such as id or "
                                    "latency_ms; did you mean \"model\"?");
}

static void a_command_has_a_name(void)
{
    EXPECT_RC(parse("--", "true"), RC_OK);
    CU_ASSERT_PTR_NOT_NULL(options.command);
    EXPECT_RC(parse("--", ""), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "--: found \"\", expected a command");
    EXPECT_RC(parse("--", NULL), RC_OK);
    CU_ASSERT_PTR_NULL(options.command);
}

static void evidence_has_three_levels(void)
{
    EXPECT_RC(parse("--evidence", "failures"), RC_OK);
    EXPECT_U64(options.evidence, EVIDENCE_FAILURES);
    EXPECT_RC(parse("--evidence", "summary"), RC_OK);
    EXPECT_U64(options.evidence, EVIDENCE_SUMMARY);
    EXPECT_RC(parse("--evidence", "sumary"), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "--evidence: found \"sumary\", expected full or failures or "
                                    "summary; did you mean \"summary\"?");
}

static void an_inconclusive_trial_may_fail_pass_or_be_held_again(void)
{
    EXPECT_RC(parse("--inconclusive", "fail"), RC_OK);
    EXPECT_U64(options.inconclusive, INCONCLUSIVE_FAILS);
    EXPECT_RC(parse("--inconclusive", "pass"), RC_OK);
    EXPECT_U64(options.inconclusive, INCONCLUSIVE_PASSES);
    EXPECT_RC(parse("--inconclusive", "retry:3"), RC_OK);
    EXPECT_U64(options.inconclusive, INCONCLUSIVE_STANDS);
    EXPECT_U64(options.retries, 3);
}

static void retries_are_few_and_said(void)
{
    static const char *const wrong[] = {"retry", "retry:", "retry:0", "retry:11", "retry:3:4"};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        EXPECT_RC(parse("--inconclusive", wrong[i]), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text),
                "--inconclusive: found \"retry:3:4\", expected retry:1 to retry:10");
    EXPECT_RC(parse("--inconclusive", "fial"), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "--inconclusive: found \"fial\", expected fail or pass or "
                                    "retry:N; did you mean \"fail\"?");
}

static void the_latest_of_two_wishes_counts(void)
{
    EXPECT_RC(parse("--inconclusive=retry:3", "--inconclusive=pass"), RC_OK);
    EXPECT_U64(options.inconclusive, INCONCLUSIVE_PASSES);
    EXPECT_U64(options.retries, 0);
}

static void the_guards_of_live_targets_are_two(void)
{
    EXPECT_RC(parse("--live", NULL), RC_OK);
    CU_ASSERT(options.allows_live);
    CU_ASSERT(!options.is_certain);
    EXPECT_RC(parse("--live", "--yes-really"), RC_OK);
    CU_ASSERT(options.is_certain);
}

static CU_TestInfo tests[] = {
    {"one worker and full evidence unless asked", one_worker_and_full_evidence_unless_asked},
    {"workers are counted from 1 to 64", workers_are_counted_from_1_to_64},
    {"a command has a name", a_command_has_a_name},
    {"a port has sixteen bits", a_port_has_sixteen_bits},
    {"a map names a field of the log", a_map_names_a_field_of_the_log},
    {"evidence has three levels", evidence_has_three_levels},
    {"an inconclusive trial may fail, pass or be held again",
     an_inconclusive_trial_may_fail_pass_or_be_held_again},
    {"retries are few, and said", retries_are_few_and_said},
    {"the latest of two wishes counts", the_latest_of_two_wishes_counts},
    {"the guards of live targets are two", the_guards_of_live_targets_are_two},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo options_suite = {"options", NULL, NULL, NULL, NULL, tests};
