/* Control runs: the same without faults, played first, in both worlds. */

#include <CUnit/CUnit.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "workplace.h"

/* Every second attempt meets a 529 in a window that covers the run. */
#define SCENARIO(name, lasts, expect)                                                         \
    "{\"name\": \"" name "\", \"seed\": 3, \"control\": \"no-chaos\",\n"                      \
    " \"subject\": {\"client\": {\"preset\": \"careful\", \"retry\": {\"attempts\": 4,\n"     \
    "   \"backoff\": {\"base\": \"20ms\", \"factor\": 2, \"cap\": \"100ms\"}}}},\n"           \
    " \"target\": {\"mock\": {\"models\": {\"m\": {\"api\": \"anthropic\",\n"                 \
    "   \"first_token\": \"10ms\", \"rate\": \"1000 tokens/s\"}}}},\n"                        \
    " \"load\": {\"requests\": [{\"model\": \"m\", \"stream\": true, \"input_tokens\": 10,\n" \
    "   \"output_tokens\": 10}], \"in_flight_max\": 512,\n"                                   \
    "   \"arrivals\": [{\"rate\": \"100/s\", \"process\": \"constant\", \"for\": \"" lasts    \
    "\"}]},\n \"chaos\": [{\"phase\": \"overload\", \"share\": \"50%\", // half of them\n"    \
    "   \"fault\": {\"status\": 529}},\n"                                                     \
    "  {\"phase\": \"broken\", \"fault\": {\"context_window\": 500}}"                         \
    "],\n \"laws\": {\"set\": \"essential\", \"schedule-kept\": false,\n"                     \
    "   \"faults-consumed\": false}, \"expect\": [\"" expect "\"]}\n"

static struct workplace place;

static void set_up(void)
{
    workplace_open(&place);
    workplace_write(&place, "good.jsonc", SCENARIO("good", "500ms", "attempts.max >= 2"));
    workplace_write(&place, "long.jsonc", SCENARIO("long", "30s", "calls.useful >= 50%"));
}

static void tear_down(void)
{
    workplace_close(&place);
}

static struct slice result(const char *file)
{
    struct slice text = {"", 0};

    if (!workplace_result(&place, 0, file, &text))
        CU_FAIL(file);
    return text;
}

static bool is_there(const char *file)
{
    struct slice text;

    return workplace_result(&place, 0, file, &text);
}

static uint32_t lines_with(const char *file, const char *part)
{
    struct slice text = result(file);
    struct slice line;
    uint32_t count = 0;

    while (slice_cut(&text, '\n', &line))
        count += slice_has(line, slice_of(part));
    return count;
}

static void expect_a_calm_twin(void)
{
    EXPECT_U64(lines_with("calls.jsonl", "\"call\":"), 50);
    EXPECT_U64(lines_with("control/calls.jsonl", "\"call\":"), 50);
    CU_ASSERT(lines_with("journal.jsonl", "\"status\":529") > 10);
    EXPECT_U64(lines_with("control/journal.jsonl", "\"status\":529"), 0);
    EXPECT_U64(lines_with("control/journal.jsonl", "\"status\":200"), 50);
    CU_ASSERT(slice_has(result("control/run.json"), SLICE("\"verdict\"")));
    CU_ASSERT(!is_there("control/summary.txt"));
    CU_ASSERT(slice_has(slice_of(place.out), SLICE("control ")));
}

static void the_calm_twin_is_played_first_with_evidence_of_its_own(void)
{
    EXPECT_I64(workplace_run(&place, "run good.jsonc --out results"), 0);
    EXPECT_U64(workplace_results_count(&place), 1);
    expect_a_calm_twin();
}

static void the_simulator_has_calm_twins_too(void)
{
    EXPECT_I64(workplace_run(&place, "sim good.jsonc --out results"), 0);
    EXPECT_U64(workplace_results_count(&place), 1);
    expect_a_calm_twin();
}

static void the_calm_scenario_is_the_same_text_with_shares_of_nothing(void)
{
    struct slice text;

    EXPECT_I64(workplace_run(&place, "sim good.jsonc --out results --seed 9"), 0);
    text = result("control/scenario.jsonc");
    CU_ASSERT(slice_has(text, SLICE("\"phase\": \"overload\", \"share\": \"0%\", // half")));
    CU_ASSERT(slice_has(text, SLICE("\"seed\": 9")));
    CU_ASSERT(!slice_has(text, SLICE("50%\",")));
    CU_ASSERT(slice_has(result("scenario.jsonc"), SLICE("\"share\": \"50%\"")));
}

static void an_interrupt_of_the_control_run_ends_all(void)
{
    workplace_start(&place, "run long.jsonc --out results");
    CU_ASSERT(workplace_await(&place, "control/calls.jsonl"));
    kill(place.pid, SIGINT);
    EXPECT_I64(workplace_finish(&place), 130);
    CU_ASSERT(slice_has(result("control/run.json"), SLICE("\"interrupted\":true")));
    CU_ASSERT(slice_has(result("run.json"), SLICE("\"interrupted\":true")));
    EXPECT_U64(lines_with("calls.jsonl", "\"call\":"), 0);
}

static void a_control_run_out_of_time_decides_nothing(void)
{
    EXPECT_I64(workplace_run(&place, "run long.jsonc --max-time 300ms --out results"), 98);
    CU_ASSERT(lines_with("control/calls.jsonl", "\"call\":") > 0);
    EXPECT_U64(lines_with("calls.jsonl", "\"call\":"), 0);
}

static void a_control_run_that_fails_is_said_to_be_it(void)
{
    pid_t mock = 0;
    int mock_fd;

    workplace_start(&place, "run long.jsonc --out results");
    CU_ASSERT(workplace_await(&place, "control/calls.jsonl"));
    mock_fd = workplace_mock(&place, &mock);
    CU_ASSERT_FATAL(mock_fd >= 0);
    kill(mock, SIGKILL);
    close(mock_fd);
    EXPECT_I64(workplace_finish(&place), 3);
    CU_ASSERT(slice_has(slice_of(place.err), SLICE("control run: the mock died")));
    CU_ASSERT(lines_with("control/calls.jsonl", "\"call\":") > 0);
    CU_ASSERT(slice_has(result("run.json"), SLICE("control run: the mock died")));
}

static CU_TestInfo tests[] = {
    {"the calm twin is played first, with evidence of its own",
     the_calm_twin_is_played_first_with_evidence_of_its_own},
    {"the simulator has calm twins too", the_simulator_has_calm_twins_too},
    {"the calm scenario is the same text with shares of nothing",
     the_calm_scenario_is_the_same_text_with_shares_of_nothing},
    {"an interrupt of the control run ends all", an_interrupt_of_the_control_run_ends_all},
    {"a control run out of time decides nothing", a_control_run_out_of_time_decides_nothing},
    {"a control run that fails is said to be it", a_control_run_that_fails_is_said_to_be_it},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo control_suite = {"control", NULL, NULL, set_up, tear_down, tests};
