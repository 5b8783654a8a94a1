/* Bad days of the program itself: a disk that is full, a folder that cannot be, signals at every
 * stage of a run. */

#include <CUnit/CUnit.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "workplace.h"

#define SCENARIO(name, rate, lasts, requests)                                                 \
    "{\"name\": \"" name "\", \"subject\": {\"client\": {\"preset\": \"none\"}},\n"           \
    " \"target\": {\"mock\": {\"models\": {\n"                                                \
    "   \"fast\": {\"api\": \"anthropic\", \"first_token\": \"10ms\"},\n"                     \
    "   \"slow\": {\"api\": \"anthropic\", \"first_token\": \"50s\"}}}},\n"                   \
    " \"load\": {\"requests\": [" requests "], \"in_flight_max\": 512,\n"                     \
    "   \"arrivals\": [{\"rate\": \"" rate "\", \"process\": \"constant\", \"for\": \"" lasts \
    "\"}]},\n \"laws\": {\"set\": \"essential\", \"schedule-kept\": false}}\n"

#define REQUEST(model) \
    "{\"model\": \"" model "\", \"stream\": true, \"input_tokens\": 10, \"output_tokens\": 3}"
#define FAST REQUEST("fast")
#define SLOW REQUEST("slow")

static struct workplace place;

static void set_up(void)
{
    workplace_open(&place);
    workplace_write(&place, "short.jsonc", SCENARIO("short", "100/s", "20ms", FAST));
    workplace_write(&place, "long.jsonc", SCENARIO("very-long", "100/s", "30s", FAST));
    workplace_write(&place, "hanging.jsonc", SCENARIO("hanging", "200/s", "100ms", FAST "," SLOW));
}

static void tear_down(void)
{
    workplace_close(&place);
}

static bool has(const char *file)
{
    struct slice text;

    return workplace_result(&place, 0, file, &text);
}

static bool result_says(const char *file, const char *part)
{
    struct slice text;

    return workplace_result(&place, 0, file, &text) && slice_has(text, slice_of(part));
}

static bool ends_whole(const char *file)
{
    struct slice text;

    return workplace_result(&place, 0, file, &text) &&
           (text.size == 0 || text.data[text.size - 1] == '\n');
}

static void expect_an_orderly_end(void)
{
    EXPECT_I64(workplace_finish(&place), 130);
    CU_ASSERT(result_says("run.json", "\"interrupted\":true"));
    CU_ASSERT(ends_whole("calls.jsonl"));
    CU_ASSERT(ends_whole("attempts.jsonl"));
    CU_ASSERT(ends_whole("journal.jsonl"));
}

/* --- folders and disks ------------------------------------------------------------------------ */

/* Also to those whom no permission stops. */
static void a_results_folder_that_cannot_be_made_is_said(void)
{
    EXPECT_I64(workplace_run(&place, "run short.jsonc --out /proc/brownout"), 3);
    CU_ASSERT(strstr(place.err, "/proc/brownout: ") != NULL);
}

/* Evidence of two calls fits, the result does not. */
static void a_result_that_does_not_fit_is_not_left_in_half(void)
{
    place.file_bytes_max = 3000;
    EXPECT_I64(workplace_run(&place, "sim short.jsonc --out results"), 3);
    CU_ASSERT(strstr(place.err, "run.json") != NULL);
    CU_ASSERT(strstr(place.err, "what was gathered lies in results/short-") != NULL);
    CU_ASSERT(ends_whole("calls.jsonl"));
    CU_ASSERT(!has("run.json"));
    CU_ASSERT(!has("run.json.part"));
}

static void a_good_run_leaves_no_parts(void)
{
    EXPECT_I64(workplace_run(&place, "run short.jsonc --out results"), 0);
    CU_ASSERT(has("run.json"));
    CU_ASSERT(!has("run.json.part"));
    CU_ASSERT(!has("scenario.jsonc.part"));
}

/* --- time ------------------------------------------------------------------------------------- */

static void max_time_holds_while_calls_drain(void)
{
    EXPECT_I64(workplace_run(&place, "run hanging.jsonc --max-time 300ms --out results"), 98);
    CU_ASSERT(result_says("run.json", "\"interrupted\":true"));
    CU_ASSERT(result_says("calls.jsonl", "\"outcome\":\"unfinished\""));
    CU_ASSERT(result_says("calls.jsonl", "\"outcome\":\"ok\""));
}

static void max_time_holds_in_the_simulator(void)
{
    EXPECT_I64(workplace_run(&place, "sim long.jsonc --max-time 1ns --out results"), 98);
    CU_ASSERT(result_says("run.json", "\"interrupted\":true"));
}

/* --- signals ---------------------------------------------------------------------------------- */

static void a_signal_at_the_start_ends_in_order(void)
{
    workplace_start(&place, "run long.jsonc --out results");
    CU_ASSERT(workplace_await(&place, "scenario.jsonc"));
    kill(place.pid, SIGHUP);
    expect_an_orderly_end();
}

static void a_signal_under_load_ends_in_order(void)
{
    workplace_start(&place, "run long.jsonc --workers 2 --out results");
    CU_ASSERT(workplace_await_calls(&place));
    kill(place.pid, SIGTERM);
    expect_an_orderly_end();
}

/* The load is over in 100 ms; evidence is on disk after a second. */
static void a_signal_while_calls_drain_ends_in_order(void)
{
    workplace_start(&place, "run hanging.jsonc --out results");
    CU_ASSERT(workplace_await_calls(&place));
    kill(place.pid, SIGINT);
    expect_an_orderly_end();
    CU_ASSERT(result_says("calls.jsonl", "\"outcome\":\"unfinished\""));
}

static void a_signal_between_two_runs_ends_the_second(void)
{
    workplace_start(&place, "run short.jsonc long.jsonc --out results");
    CU_ASSERT(workplace_await(&place, "run.json"));
    kill(place.pid, SIGINT);
    EXPECT_I64(workplace_finish(&place), 130);
}

static void a_signal_after_the_verdict_changes_nothing(void)
{
    workplace_start(&place, "run short.jsonc --out results");
    CU_ASSERT(workplace_await(&place, "summary.md"));
    kill(place.pid, SIGTERM); /* it may have left by now */
    EXPECT_I64(workplace_finish(&place), 0);
}

static bool has_ended_within(int milliseconds)
{
    struct pollfd ended = {.fd = place.pid_fd, .events = POLLIN};

    return poll(&ended, 1, milliseconds) == 1;
}

/* A mock that stands still is waited for; whoever asks again does not want to. Asking goes on until
 * it is heard: signals that come too close to the first are none. */
static void whoever_asks_again_does_not_wait(void)
{
    pid_t mock = 0;
    int mock_fd;

    workplace_start(&place, "run long.jsonc --out results");
    CU_ASSERT(workplace_await_calls(&place));
    mock_fd = workplace_mock(&place, &mock);
    CU_ASSERT_FATAL(mock_fd >= 0);
    kill(mock, SIGSTOP);
    do
        kill(place.pid, SIGINT);
    while (!has_ended_within(20));
    EXPECT_I64(workplace_finish(&place), 130);
    CU_ASSERT(ends_whole("calls.jsonl"));
    CU_ASSERT(!has("run.json"));
    kill(mock, SIGCONT); /* it finds that nobody is there any more */
    CU_ASSERT(workplace_await_end(mock_fd));
    close(mock_fd);
}

static CU_TestInfo tests[] = {
    {"a results folder that cannot be made is said", a_results_folder_that_cannot_be_made_is_said},
    {"a result that does not fit is not left in half",
     a_result_that_does_not_fit_is_not_left_in_half},
    {"a good run leaves no parts", a_good_run_leaves_no_parts},
    {"--max-time holds while calls drain", max_time_holds_while_calls_drain},
    {"--max-time holds in the simulator", max_time_holds_in_the_simulator},
    {"a signal at the start ends in order", a_signal_at_the_start_ends_in_order},
    {"a signal under load ends in order", a_signal_under_load_ends_in_order},
    {"a signal while calls drain ends in order", a_signal_while_calls_drain_ends_in_order},
    {"a signal between two runs ends the second", a_signal_between_two_runs_ends_the_second},
    {"a signal after the verdict changes nothing", a_signal_after_the_verdict_changes_nothing},
    {"whoever asks again does not wait", whoever_asks_again_does_not_wait},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo bad_days_suite = {"bad_days", NULL, NULL, set_up, tear_down, tests};
