/* `explain`, and the summaries beside the table, as a shell and a CI job see them. */

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "tests/support/xml.h"
#include "workplace.h"

/* Claude refuses everything for ever; two attempts, at once, and no more than one is allowed. */
static const char scenario[] =
    "{\"name\": \"storm\",\n"
    " \"subject\": {\"client\": {\"retry\": {\"on\": [429], \"attempts\": 2, \"advice\": "
    "\"ignore\",\n"
    "   \"backoff\": {\"base\": \"30ms\", \"jitter\": \"none\"}}}},\n"
    " \"target\": {\"mock\": {\"models\": {\"claude-sonnet-4-5\": {\"api\": \"anthropic\"}}}},\n"
    " \"load\": {\"requests\": [{\"model\": \"claude-sonnet-4-5\", \"stream\": true,\n"
    "   \"input_tokens\": 10, \"output_tokens\": 10}],\n"
    "   \"arrivals\": [{\"part\": \"steady\", \"rate\": \"50/s\", \"process\": \"constant\",\n"
    "     \"for\": \"400ms\"}]},\n"
    " \"chaos\": [{\"phase\": \"storm\", \"at\": \"0s\", \"for\": \"10s\",\n"
    "   \"fault\": {\"status\": 429, \"retry_after\": \"3s\"}}],\n"
    " \"laws\": {\"attempts-bounded\": {\"max\": 1}}}\n";

static struct workplace place;
static char folder[WORKPLACE_PATH_MAX], call[64];

/* Keeps the folder and the call of its "explain" line. */
static void run_with(const char *command, const char *options)
{
    char arguments[128];
    const char *hint;

    snprintf(arguments, sizeof(arguments), "%s storm.jsonc%s", command, options);
    EXPECT_I64(workplace_run(&place, arguments), 99);
    hint = strstr(place.out, "explain  brownout explain ");
    CU_ASSERT_PTR_NOT_NULL_FATAL(hint);
    CU_ASSERT_FATAL(sscanf(hint, "explain  brownout explain %500s %60s", folder, call) == 2);
}

static void run(const char *command)
{
    run_with(command, "");
}

static void set_up(void)
{
    workplace_open(&place);
    workplace_write(&place, "storm.jsonc", scenario);
}

static void tear_down(void)
{
    unsetenv("GITHUB_STEP_SUMMARY");
    workplace_close(&place);
}

static bool says(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        return true;
    fprintf(stderr, "expected \"%s\" in:\n%s\n", part, text);
    return false;
}

static int explain(const char *id)
{
    char arguments[WORKPLACE_PATH_MAX + 64];

    snprintf(arguments, sizeof(arguments), "explain %s %s", folder, id);
    return workplace_run(&place, arguments);
}

static void tells_the_call_that_the_report_names(void)
{
    run("sim");
    EXPECT_I64(explain(call), 0);
    CU_ASSERT(says(place.out, "steady:0: one call, seen from both ends"));
    CU_ASSERT(
        says(place.out, "attempts-bounded       2 attempts (2 x 429 rate_limited); at most 1"));
    CU_ASSERT(says(place.out, "-> request 1 in; rule storm"));
    CU_ASSERT(says(place.out, "though told to wait 3 s"));
}

static void a_run_over_sockets_is_told_in_the_same_way(void)
{
    run("run");
    EXPECT_I64(explain("steady:3"), 0);
    CU_ASSERT(says(place.out, "attempts   2; 2 reached the mock"));
    CU_ASSERT(says(place.out, "though told to wait 3 s"));
}

static void an_unknown_call_is_refused_with_its_neighbours(void)
{
    run("sim");
    EXPECT_I64(explain("steady:1000"), 2);
    CU_ASSERT(says(place.err, "has no call steady:1000; nearest: steady:19, steady:18"));
    EXPECT_I64(explain("stead:7"), 2);
    CU_ASSERT(says(place.err, "did you mean \"steady\"?"));
    EXPECT_I64(explain("7"), 2);
    CU_ASSERT(says(place.err, "they are written like steady:0"));
    EXPECT_I64(workplace_run(&place, "explain nowhere steady:7"), 2);
    CU_ASSERT(says(place.err, "nowhere: found no scenario.jsonc there, expected the results"));
    EXPECT_I64(workplace_run(&place, "explain nowhere"), 2);
}

/* A file of the results folder, for us: the program may name its folder from where it stands. */
static const char *file_path(const char *file)
{
    static char path[3 * WORKPLACE_PATH_MAX];
    const char *slash = strrchr(folder, '/');

    snprintf(path, sizeof(path), "%s/%s/%s", place.results, slash != NULL ? slash + 1 : folder,
             file);
    return path;
}

/* Cuts a file of the results folder down to its lines that do not have `part`. */
static void thin(const char *file, const char *part)
{
    struct slice text, line;
    FILE *out;

    CU_ASSERT_FATAL(workplace_result(&place, 0, file, &text));
    out = fopen(file_path(file), "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    while (slice_cut(&text, '\n', &line))
        if (!slice_has(line, slice_of(part)))
            fprintf(out, "%.*s\n", SLICE_ARG(line));
    fclose(out);
}

static void a_call_that_was_thinned_out_is_said_to_be(void)
{
    run("sim");
    thin("calls.jsonl", "\"steady:7\"");
    EXPECT_I64(explain("steady:7"), 2);
    CU_ASSERT(says(place.err, "steady:7 was planned, but its records were not kept"));
    CU_ASSERT(says(place.err, "nearest that were: steady:6, steady:8, steady:5, steady:9") ||
              says(place.err, "nearest that were: steady:8, steady:6"));
}

static void without_run_json_the_plan_says_when_it_ended(void)
{
    run("sim");
    CU_ASSERT(unlink(file_path("run.json")) == 0);
    EXPECT_I64(explain("steady:7"), 0);
    CU_ASSERT(says(place.out, "steady:7: one call, seen from both ends"));
}

static void what_the_level_of_evidence_left_out_is_said(void)
{
    run_with("sim", " --evidence summary");
    EXPECT_I64(explain("steady:7"), 2);
    CU_ASSERT(says(place.err, "kept no lines at all (--evidence summary)"));
}

static void a_missing_attempt_is_no_story(void)
{
    run("sim");
    thin("attempts.jsonl", "\"steady:7\",\"attempt\":2");
    EXPECT_I64(explain("steady:7"), 2);
    CU_ASSERT(says(place.err, "has 1 of the 2 attempts of steady:7"));
}

static void without_its_journal_one_end_speaks(void)
{
    run("sim");
    CU_ASSERT(unlink(file_path("journal.jsonl")) == 0);
    EXPECT_I64(explain("steady:7"), 0);
    CU_ASSERT(says(place.out, "no journal"));
}

static void a_job_summary_is_added_to_and_never_overfilled(void)
{
    char path[WORKPLACE_PATH_MAX + 16];
    struct stat status;
    off_t once;

    snprintf(path, sizeof(path), "%s/job.md", place.folder);
    setenv("GITHUB_STEP_SUMMARY", path, 1);
    run("sim");
    CU_ASSERT_FATAL(stat(path, &status) == 0);
    once = status.st_size;
    CU_ASSERT(once > 500);
    workplace_run(&place, "sim storm.jsonc");
    CU_ASSERT(stat(path, &status) == 0 && status.st_size > once);
    CU_ASSERT_FATAL(truncate(path, 900 << 10) == 0);
    EXPECT_I64(workplace_run(&place, "sim storm.jsonc"), 99);
    CU_ASSERT(says(place.err, "the job's summary is full"));
    CU_ASSERT(stat(path, &status) == 0 && status.st_size == 900 << 10);
    setenv("GITHUB_STEP_SUMMARY", "/nonexistent/job.md", 1);
    EXPECT_I64(workplace_run(&place, "sim storm.jsonc"), 99); /* the verdict stands */
    CU_ASSERT(says(place.err, "/nonexistent/job.md"));
}

static void leaves_summaries_for_machines(void)
{
    struct slice text;

    run("sim");
    CU_ASSERT(workplace_result(&place, 0, "junit.xml", &text) && xml_is_well_formed(text));
    CU_ASSERT(workplace_result(&place, 0, "summary.md", &text) &&
              slice_has(text, SLICE("brownout: storm **fail**")));
}

static CU_TestInfo tests[] = {
    {"tells the call that the report names", tells_the_call_that_the_report_names},
    {"a run over sockets is told in the same way", a_run_over_sockets_is_told_in_the_same_way},
    {"an unknown call is refused with its neighbours",
     an_unknown_call_is_refused_with_its_neighbours},
    {"a call that was thinned out is said to be", a_call_that_was_thinned_out_is_said_to_be},
    {"without run.json the plan says when it ended", without_run_json_the_plan_says_when_it_ended},
    {"what the level of evidence left out is said", what_the_level_of_evidence_left_out_is_said},
    {"a missing attempt is no story", a_missing_attempt_is_no_story},
    {"without its journal one end speaks", without_its_journal_one_end_speaks},
    {"leaves summaries for machines", leaves_summaries_for_machines},
    {"a job's summary is added to and never overfilled",
     a_job_summary_is_added_to_and_never_overfilled},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo explain_suite = {"explain", NULL, NULL, set_up, tear_down, tests};
