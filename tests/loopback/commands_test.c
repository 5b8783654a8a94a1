/* The `brownout` program as a shell sees it: what it says, what it leaves behind, how it ends. */

#include <CUnit/CUnit.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "wire/json.h"
#include "workplace.h"

/* A model that answers in 20 ms, `expect` as given, for as long as given. */
#define SCENARIO(name, lasts, expect)                                                         \
    "{\"name\": \"" name "\", \"subject\": {\"client\": {\"preset\": \"none\"}},\n"           \
    " \"target\": {\"mock\": {\"models\": {\"m\": {\"api\": \"anthropic\",\n"                 \
    "   \"first_token\": \"10ms\", \"rate\": \"1000 tokens/s\"}}}},\n"                        \
    " \"load\": {\"requests\": [{\"model\": \"m\", \"stream\": true, \"input_tokens\": 10,\n" \
    "   \"output_tokens\": 10}], \"in_flight_max\": 512,\n"                                   \
    "   \"arrivals\": [{\"rate\": \"100/s\", \"process\": \"constant\", \"for\": \"" lasts    \
    "\"}]},\n \"laws\": {\"schedule-kept\": false}, \"expect\": [\"" expect "\"]}\n"

static struct workplace place;

static void set_up(void)
{
    workplace_open(&place);
    workplace_write(&place, "good.jsonc", SCENARIO("good", "300ms", "calls.useful >= 90%"));
    workplace_write(&place, "bad.jsonc", SCENARIO("bad", "300ms", "calls.count == 7"));
    workplace_write(&place, "doubt.jsonc", SCENARIO("doubt", "300ms", "response.p99 <= 5s"));
    workplace_write(&place, "long.jsonc", SCENARIO("long", "30s", "calls.useful >= 50%"));
    workplace_write(&place, "broken.jsonc",
                    "{\"name\": \"broken\",\n \"lod\": {}, \"target\": {}}\n");
}

static void tear_down(void)
{
    workplace_close(&place);
}

static bool says(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        return true;
    fprintf(stderr, "expected \"%s\" in:\n%s\n", part, text);
    return false;
}

static bool is_there(const char *file)
{
    struct slice text;

    return workplace_result(&place, 0, file, &text);
}

static bool ends_whole(const char *file)
{
    struct slice text;

    return workplace_result(&place, 0, file, &text) &&
           (text.size == 0 || text.data[text.size - 1] == '\n');
}

/* --- bad usage -------------------------------------------------------------------------------- */

static void refuses_an_unknown_command_with_the_nearest_one(void)
{
    EXPECT_I64(workplace_run(&place, "rnu good.jsonc"), 2);
    CU_ASSERT(says(place.err, "did you mean \"run\"?"));
}

static void refuses_an_unknown_option_with_the_nearest_one(void)
{
    EXPECT_I64(workplace_run(&place, "sim good.jsonc --sead 3"), 2);
    CU_ASSERT(says(place.err, "unknown option --sead"));
    CU_ASSERT(says(place.err, "did you mean \"--seed\"?"));
}

static void refuses_values_that_are_none(void)
{
    EXPECT_I64(workplace_run(&place, "sim good.jsonc --seed x"), 2);
    EXPECT_I64(workplace_run(&place, "sim good.jsonc --max-time soon"), 2);
    EXPECT_I64(workplace_run(&place, "sim good.jsonc --set deadline=5s"), 2);
    EXPECT_I64(workplace_run(&place, "sim good.jsonc --out"), 2);
    EXPECT_I64(workplace_run(&place, "sim good.jsonc --json=yes"), 2);
    EXPECT_I64(workplace_run(&place, "sim"), 2);
    EXPECT_U64(workplace_results_count(&place), 0);
}

static void refuses_names_that_are_empty(void)
{
    EXPECT_I64(workplace_run(&place, "sim good.jsonc --out="), 2);
    CU_ASSERT(says(place.err, "--out: found \"\", expected a folder"));
    EXPECT_I64(workplace_run(&place, "sim good.jsonc --client="), 2);
    EXPECT_U64(workplace_results_count(&place), 0);
}

static void refuses_what_a_command_has_no_use_for(void)
{
    EXPECT_I64(workplace_run(&place, "laws attempts-bounded"), 2);
    CU_ASSERT(says(place.err, "laws: found \"attempts-bounded\", expected nothing more"));
    EXPECT_I64(workplace_run(&place, "check good.jsonc --out results"), 2);
    CU_ASSERT(says(place.err, "--out is an option of other commands"));
}

static void refuses_an_unknown_client_with_the_nearest_preset(void)
{
    EXPECT_I64(workplace_run(&place, "sim good.jsonc --client carefull"), 2);
    CU_ASSERT(says(place.err, "did you mean \"careful\"?"));
}

static void names_the_place_of_what_is_wrong_in_a_scenario(void)
{
    EXPECT_I64(workplace_run(&place, "check broken.jsonc"), 2);
    CU_ASSERT(says(place.err, "broken.jsonc:2:2"));
    CU_ASSERT(says(place.err, "load"));
}

static void says_when_the_place_is_one_of_the_changed_text(void)
{
    EXPECT_I64(workplace_run(&place, "check good.jsonc --set /sed=5"), 2);
    CU_ASSERT(says(place.err, "as changed by the command line: "));
    CU_ASSERT(says(place.err, "did you mean \"seed\"?"));
    EXPECT_I64(workplace_run(&place, "check broken.jsonc"), 2);
    CU_ASSERT(!slice_has(slice_of(place.err), SLICE("as changed")));
}

static void a_mistake_in_a_clients_file_is_told_with_its_place_there(void)
{
    workplace_write(&place, "client.json",
                    "// mine\n/* {} */ {\"preset\": \"careful\",\n \"retri\": {}} // }\n");
    EXPECT_I64(workplace_run(&place, "check good.jsonc --client client.json"), 2);
    CU_ASSERT(says(place.err, "good.jsonc: --client client.json:3:2: found \"retri\""));
    workplace_write(&place, "client.json", "// mine\n  {\"preset\": \"carefull\"}");
    EXPECT_I64(workplace_run(&place, "check good.jsonc --client client.json --seed 5"), 2);
    CU_ASSERT(says(place.err, "--client client.json:2:14: found \"carefull\""));
    EXPECT_I64(workplace_run(&place, "check good.jsonc --client client.json --set /sed=5"), 2);
    CU_ASSERT(says(place.err, "as changed by the command line: good.jsonc:"));
    workplace_write(&place, "client.json", "{\"preset\": }");
    EXPECT_I64(workplace_run(&place, "check good.jsonc --client client.json"), 2);
    CU_ASSERT(says(place.err, "--client client.json:1:12: "));
}

static void says_what_no_file_may_exceed(void)
{
    static char large[70000];

    memset(large, ' ', sizeof(large) - 1);
    workplace_write(&place, "large.json", large);
    EXPECT_I64(workplace_run(&place, "check good.jsonc --client large.json"), 2);
    CU_ASSERT(says(place.err, "the file is too large, expected at most 65536 bytes"));
}

static void checks_every_file_before_anything_runs(void)
{
    EXPECT_I64(workplace_run(&place, "sim good.jsonc broken.jsonc --out results"), 2);
    EXPECT_U64(workplace_results_count(&place), 0);
}

/* --- verdicts and results --------------------------------------------------------------------- */

static void passes_with_zero_and_leaves_every_file(void)
{
    static const char *const files[] = {"scenario.jsonc", "run.json",      "calls.jsonl",
                                        "attempts.jsonl", "journal.jsonl", "summary.txt"};

    EXPECT_I64(workplace_run(&place, "run good.jsonc --out results"), 0);
    EXPECT_U64(workplace_results_count(&place), 1);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        CU_ASSERT(is_there(files[i]) && ends_whole(files[i]));
}

static void fails_with_ninety_nine(void)
{
    EXPECT_I64(workplace_run(&place, "sim bad.jsonc --out results"), 99);
    CU_ASSERT(says(place.out, "calls.count == 7"));
}

static void the_worst_of_several_files_counts(void)
{
    EXPECT_I64(workplace_run(&place, "sim good.jsonc bad.jsonc good.jsonc --out results"), 99);
    EXPECT_U64(workplace_results_count(&place), 3);
}

static void doubt_may_count_as_a_fail_or_a_pass(void)
{
    EXPECT_I64(workplace_run(&place, "sim doubt.jsonc --out results"), 98);
    EXPECT_I64(workplace_run(&place, "sim doubt.jsonc --out results --inconclusive fail"), 99);
    CU_ASSERT(says(place.out, "inconclusive"));
    EXPECT_I64(workplace_run(&place, "sim doubt.jsonc --out results --inconclusive pass"), 0);
    CU_ASSERT(says(place.out, "inconclusive"));
    EXPECT_I64(workplace_run(&place, "sim bad.jsonc --out results --inconclusive pass"), 99);
}

static void doubt_may_be_tried_again(void)
{
    EXPECT_I64(workplace_run(&place, "sim doubt.jsonc --out results --inconclusive retry:2"), 98);
    EXPECT_U64(workplace_results_count(&place), 3);
    EXPECT_I64(workplace_run(&place, "sim good.jsonc --out results --inconclusive retry:2"), 0);
    EXPECT_U64(workplace_results_count(&place), 4);
}

static void more_workers_than_instances_are_mentioned(void)
{
    EXPECT_I64(workplace_run(&place, "run good.jsonc --out results --workers 4"), 0);
    CU_ASSERT(says(place.err, "4 workers for 1 instance: calls of one instance are spread over "
                              "threads"));
    EXPECT_I64(workplace_run(&place, "run good.jsonc --out results --workers 1"), 0);
    EXPECT_TEXT(slice_of(place.err), "");
    EXPECT_I64(workplace_run(&place, "sim good.jsonc --out results --workers 4"), 0);
    EXPECT_TEXT(slice_of(place.err), "");
}

static void json_is_what_run_json_holds(void)
{
    static struct json_key_seen keys[JSON_KEYS_MAX];
    struct slice text;
    struct json json;
    struct json_token token;
    enum rc rc;

    EXPECT_I64(workplace_run(&place, "sim bad.jsonc --json --out results"), 99);
    CU_ASSERT_FATAL(workplace_result(&place, 0, "run.json", &text));
    CU_ASSERT(slice_is(text, slice_of(place.out)));
    CU_ASSERT(slice_has(text, SLICE("\"verdict\"")));
    json_init_unique(&json, text, JSON_UNIQUE, keys);
    while ((rc = json_next(&json, &token)) == RC_OK)
        continue;
    EXPECT_RC(rc, RC_END);
}

static void quiet_says_nothing(void)
{
    EXPECT_I64(workplace_run(&place, "sim bad.jsonc --quiet --out results"), 99);
    EXPECT_TEXT(slice_of(place.out), "");
    EXPECT_TEXT(slice_of(place.err), "");
}

static void options_change_the_scenario_that_is_kept(void)
{
    struct slice text;

    EXPECT_I64(workplace_run(&place, "sim good.jsonc --set /load/deadline=7s --seed 41 "
                                     "--client guide --out results"),
               0);
    CU_ASSERT_FATAL(workplace_result(&place, 0, "scenario.jsonc", &text));
    CU_ASSERT(slice_has(text, SLICE("7s")));
    CU_ASSERT(slice_has(text, SLICE("41")));
    CU_ASSERT(slice_has(text, SLICE("guide")));
}

static void a_kept_scenario_finds_its_trace(void)
{
    char command[2 * WORKPLACE_PATH_MAX];
    struct slice text;

    workplace_write(&place, "trace.csv",
                    "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                    "2023-11-16 18:17:03.9799600,48,10\n2023-11-16 18:17:04.0319600,31,8\n");
    workplace_write(&place, "traced.jsonc",
                    "{\"name\": \"traced\", \"target\": {\"mock\": {\"models\": {\"m\": "
                    "{\"api\": \"anthropic\", \"first_token\": \"10ms\"}}}},\n"
                    "\"load\": {\"requests\": [{\"model\": \"m\"}], \"trace\": {\"file\": "
                    "\"trace.csv\", \"format\": \"azure\"}}}");
    EXPECT_I64(workplace_run(&place, "run traced.jsonc --out results --set /laws={\"set\":"
                                     "\"essential\",\"schedule-kept\":false}"),
               0);
    CU_ASSERT_FATAL(workplace_result(&place, 0, "scenario.jsonc", &text));
    workplace_write(&place, "results/copy.jsonc", text.data);
    snprintf(command, sizeof(command), "check %s/copy.jsonc", place.results);
    EXPECT_I64(workplace_run(&place, command), 0);
}

static void what_check_prints_can_be_checked(void)
{
    EXPECT_I64(workplace_run(&place, "check good.jsonc --print"), 0);
    workplace_write(&place, "printed.jsonc", place.out);
    EXPECT_I64(workplace_run(&place, "check printed.jsonc"), 0);
}

static void lists_what_exists(void)
{
    EXPECT_I64(workplace_run(&place, "laws"), 0);
    CU_ASSERT(says(place.out, "advice-heeded"));
    EXPECT_I64(workplace_run(&place, "measures"), 0);
    CU_ASSERT(says(place.out, "amplification"));
    EXPECT_I64(workplace_run(&place, "faults"), 0);
    CU_ASSERT(says(place.out, "slow_tokens"));
    EXPECT_I64(workplace_run(&place, "presets"), 0);
    CU_ASSERT(says(place.out, "careful"));
    EXPECT_I64(workplace_run(&place, "sim --help"), 0);
    CU_ASSERT(says(place.out, "example: brownout sim"));
}

static bool is_json(const char *text)
{
    struct slice rest = slice_of(text);
    struct json json;
    struct json_token token;
    enum rc rc;

    json_init(&json, rest, JSON_STRICT);
    while ((rc = json_next(&json, &token)) == RC_OK)
        continue;
    return rc == RC_END;
}

static void lists_are_there_for_programs_too(void)
{
    static const char *const lists[] = {"laws", "measures", "faults", "presets"};

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        char command[32];

        snprintf(command, sizeof(command), "%s --json", lists[i]);
        EXPECT_I64(workplace_run(&place, command), 0);
        CU_ASSERT(is_json(place.out));
        CU_ASSERT(says(place.out, "{\"name\": "));
    }
}

static void check_tells_programs_a_line_per_file(void)
{
    EXPECT_I64(workplace_run(&place, "check doubt.jsonc --json"), 0);
    CU_ASSERT(is_json(place.out));
    CU_ASSERT(says(place.out, "\"valid\":true,\"name\":\"doubt\",\"calls\":30,"));
    CU_ASSERT(says(place.out, "\"text\":"));
    EXPECT_I64(workplace_run(&place, "check broken.jsonc --json"), 2);
    CU_ASSERT(is_json(place.out));
    CU_ASSERT(says(place.out, "\"valid\":false,\"error\":\"broken.jsonc:2:2: "));
}

static void a_quiet_check_says_what_is_wrong_alone(void)
{
    EXPECT_I64(workplace_run(&place, "check good.jsonc --quiet"), 0);
    EXPECT_TEXT(slice_of(place.out), "");
    EXPECT_I64(workplace_run(&place, "check doubt.jsonc --quiet"), 0);
    EXPECT_TEXT(slice_of(place.out), "");
    CU_ASSERT(says(place.err, "warning: "));
}

/* --- ended early ------------------------------------------------------------------------------ */

static void max_time_ends_in_order_and_decides_nothing(void)
{
    EXPECT_I64(workplace_run(&place, "run long.jsonc --max-time 300ms --out results"), 98);
    CU_ASSERT(ends_whole("calls.jsonl"));
    CU_ASSERT(is_there("run.json"));
}

static void an_interrupt_ends_in_order_with_everything_written(void)
{
    struct slice text;

    workplace_start(&place, "run long.jsonc --out results");
    CU_ASSERT(workplace_await_calls(&place));
    kill(place.pid, SIGINT);
    EXPECT_I64(workplace_finish(&place), 130);
    CU_ASSERT(ends_whole("calls.jsonl"));
    CU_ASSERT(ends_whole("journal.jsonl"));
    CU_ASSERT_FATAL(workplace_result(&place, 0, "run.json", &text));
    CU_ASSERT(slice_has(text, SLICE("\"interrupted\":true")));
}

static void an_interrupt_skips_the_files_that_are_left(void)
{
    workplace_start(&place, "run long.jsonc good.jsonc --out results");
    CU_ASSERT(workplace_await_calls(&place));
    kill(place.pid, SIGTERM);
    EXPECT_I64(workplace_finish(&place), 130);
    EXPECT_U64(workplace_results_count(&place), 1);
}

static void the_mock_is_gone_when_the_driver_is_killed(void)
{
    pid_t mock;
    int mock_fd;

    workplace_start(&place, "run long.jsonc --out results");
    CU_ASSERT(workplace_await_calls(&place));
    mock_fd = workplace_mock(&place, &mock);
    CU_ASSERT_FATAL(mock_fd >= 0);
    kill(place.pid, SIGKILL);
    EXPECT_I64(workplace_finish(&place), 128 + SIGKILL);
    CU_ASSERT(workplace_await_end(mock_fd));
    close(mock_fd);
    CU_ASSERT(ends_whole("calls.jsonl"));
}

static void a_mock_that_dies_is_said_and_the_evidence_kept(void)
{
    pid_t mock = 0;
    int mock_fd;

    workplace_start(&place, "run long.jsonc --out results");
    CU_ASSERT(workplace_await_calls(&place));
    mock_fd = workplace_mock(&place, &mock);
    CU_ASSERT_FATAL(mock_fd >= 0);
    kill(mock, SIGKILL);
    close(mock_fd);
    EXPECT_I64(workplace_finish(&place), 3);
    CU_ASSERT(says(place.err, "the mock died"));
    CU_ASSERT(ends_whole("calls.jsonl"));
    CU_ASSERT(is_there("run.json"));
}

/* --- what the system does not give ------------------------------------------------------------ */

static void too_few_descriptors_are_said_before_the_load(void)
{
    place.descriptors_max = 64;
    EXPECT_I64(workplace_run(&place, "run good.jsonc --out results"), 3);
    CU_ASSERT(says(place.err, "in_flight_max"));
    EXPECT_U64(workplace_results_count(&place), 0);
}

static void a_file_in_the_way_of_the_results_is_said(void)
{
    EXPECT_I64(workplace_run(&place, "run good.jsonc --out good.jsonc"), 3);
    CU_ASSERT(says(place.err, "good.jsonc: Not a directory"));
}

static void a_results_folder_that_cannot_be_filled_is_not_left(void)
{
    place.file_bytes_max = 64; /* less than the scenario's copy */
    EXPECT_I64(workplace_run(&place, "sim good.jsonc --out results"), 3);
    CU_ASSERT(says(place.err, "scenario.jsonc"));
    EXPECT_U64(workplace_results_count(&place), 0);
}

static void an_answer_that_cannot_be_written_is_not_given(void)
{
    place.file_bytes_max = 64;
    EXPECT_I64(workplace_run(&place, "check good.jsonc --print"), 3);
    CU_ASSERT(says(place.err, "standard output could not be written"));
}

static void a_full_disk_is_said_and_no_line_is_half(void)
{
    place.file_bytes_max = 4096;
    EXPECT_I64(workplace_run(&place, "sim long.jsonc --out results"), 3);
    CU_ASSERT(says(place.err, "could not be carried out"));
    CU_ASSERT(ends_whole("calls.jsonl"));
    CU_ASSERT(ends_whole("journal.jsonl"));
}

static CU_TestInfo tests[] = {
    {"refuses an unknown command with the nearest one",
     refuses_an_unknown_command_with_the_nearest_one},
    {"refuses an unknown option with the nearest one",
     refuses_an_unknown_option_with_the_nearest_one},
    {"refuses values that are none", refuses_values_that_are_none},
    {"refuses names that are empty", refuses_names_that_are_empty},
    {"refuses what a command has no use for", refuses_what_a_command_has_no_use_for},
    {"refuses an unknown client with the nearest preset",
     refuses_an_unknown_client_with_the_nearest_preset},
    {"names the place of what is wrong in a scenario",
     names_the_place_of_what_is_wrong_in_a_scenario},
    {"says when the place is one of the changed text",
     says_when_the_place_is_one_of_the_changed_text},
    {"a mistake in a client's file is told with its place there",
     a_mistake_in_a_clients_file_is_told_with_its_place_there},
    {"says what no file may exceed", says_what_no_file_may_exceed},
    {"checks every file before anything runs", checks_every_file_before_anything_runs},
    {"passes with 0 and leaves every file", passes_with_zero_and_leaves_every_file},
    {"fails with 99", fails_with_ninety_nine},
    {"the worst of several files counts", the_worst_of_several_files_counts},
    {"doubt may count as a fail or a pass", doubt_may_count_as_a_fail_or_a_pass},
    {"doubt may be tried again", doubt_may_be_tried_again},
    {"more workers than instances are mentioned", more_workers_than_instances_are_mentioned},
    {"--json prints what run.json holds", json_is_what_run_json_holds},
    {"--quiet says nothing", quiet_says_nothing},
    {"options change the scenario that is kept", options_change_the_scenario_that_is_kept},
    {"a kept scenario finds its trace", a_kept_scenario_finds_its_trace},
    {"what check --print prints can be checked", what_check_prints_can_be_checked},
    {"lists what exists", lists_what_exists},
    {"lists are there for programs too", lists_are_there_for_programs_too},
    {"check tells programs a line per file", check_tells_programs_a_line_per_file},
    {"a quiet check says what is wrong alone", a_quiet_check_says_what_is_wrong_alone},
    {"--max-time ends in order and decides nothing", max_time_ends_in_order_and_decides_nothing},
    {"an interrupt ends in order with everything written",
     an_interrupt_ends_in_order_with_everything_written},
    {"an interrupt skips the files that are left", an_interrupt_skips_the_files_that_are_left},
    {"the mock is gone when the driver is killed", the_mock_is_gone_when_the_driver_is_killed},
    {"a mock that dies is said, and the evidence kept",
     a_mock_that_dies_is_said_and_the_evidence_kept},
    {"too few descriptors are said before the load", too_few_descriptors_are_said_before_the_load},
    {"a file in the way of the results is said", a_file_in_the_way_of_the_results_is_said},
    {"a results folder that cannot be filled is not left",
     a_results_folder_that_cannot_be_filled_is_not_left},
    {"an answer that cannot be written is not given",
     an_answer_that_cannot_be_written_is_not_given},
    {"a full disk is said, and no line is half", a_full_disk_is_said_and_no_line_is_half},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo commands_suite = {"commands", NULL, NULL, set_up, tear_down, tests};
