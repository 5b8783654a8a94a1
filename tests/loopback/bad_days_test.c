/* What befalls a run from outside while it runs, whatever the number of workers: its mock dies or
 * freezes, its disk is full. It ends by itself, says why, and leaves whole lines. */

#include <CUnit/CUnit.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "workplace.h"

#define SCENARIO(lasts, deadline)                                                             \
    "{\"name\": \"bad-day\", \"subject\": {\"instances\": 4, \"client\": {\"preset\": "       \
    "\"none\"}},\n"                                                                           \
    " \"target\": {\"mock\": {\"models\": {\"m\": {\"api\": \"anthropic\",\n"                 \
    "   \"first_token\": \"10ms\", \"rate\": \"1000 tokens/s\"}}}},\n"                        \
    " \"load\": {\"requests\": [{\"model\": \"m\", \"stream\": true, \"input_tokens\": 10,\n" \
    "   \"output_tokens\": 10}], \"deadline\": \"" deadline "\",\n"                           \
    "   \"arrivals\": [{\"rate\": \"100/s\", \"process\": \"constant\", \"for\": \"" lasts    \
    "\"}]},\n \"laws\": {\"schedule-kept\": false}}\n"

static struct workplace place;
static pid_t mock;
static int mock_fd;

static void set_up(void)
{
    workplace_open(&place);
    workplace_write(&place, "long.jsonc", SCENARIO("30s", "60s"));
    workplace_write(&place, "short.jsonc", SCENARIO("3s", "500ms"));
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

static bool ends_whole(const char *file)
{
    struct slice text;

    return workplace_result(&place, 0, file, &text) && text.size > 0 &&
           text.data[text.size - 1] == '\n';
}

static bool has_report(void)
{
    struct slice text;

    return workplace_result(&place, 0, "run.json", &text);
}

/* A run in the middle of its load. */
static void start(const char *arguments)
{
    workplace_start(&place, arguments);
    CU_ASSERT_FATAL(workplace_await_calls(&place));
    mock_fd = workplace_mock(&place, &mock);
    CU_ASSERT_FATAL(mock_fd >= 0);
}

static void a_mock_that_dies_ends_every_worker(void)
{
    start("run long.jsonc --workers 4 --out results");
    kill(mock, SIGKILL);
    close(mock_fd);
    EXPECT_I64(workplace_finish(&place), 3);
    CU_ASSERT(says(place.err, "the mock died"));
    CU_ASSERT(ends_whole("calls.jsonl"));
    CU_ASSERT(has_report());
}

static void an_interrupt_ends_every_worker(void)
{
    start("run long.jsonc --workers 4 --out results");
    kill(place.pid, SIGINT);
    EXPECT_I64(workplace_finish(&place), 130);
    CU_ASSERT(workplace_await_end(mock_fd));
    close(mock_fd);
    CU_ASSERT(ends_whole("calls.jsonl"));
    CU_ASSERT(ends_whole("journal.jsonl"));
}

/* Its calls stay open until the cut; what it has not told decides nothing. */
static void a_frozen_mock_is_given_up(void)
{
    start("run short.jsonc --workers 2 --quiet --out results");
    kill(mock, SIGSTOP);
    CU_ASSERT(workplace_finish(&place) != 0);
    CU_ASSERT(place.exit_code == 98 || place.exit_code == 99);
    CU_ASSERT(workplace_await_end(mock_fd)); /* it was not left behind */
    close(mock_fd);
    CU_ASSERT(ends_whole("calls.jsonl"));
    CU_ASSERT(has_report());
}

static void a_full_disk_ends_every_worker(void)
{
    place.file_bytes_max = 150000; /* the lines of the first second fit */
    EXPECT_I64(workplace_run(&place, "run long.jsonc --workers 4 --out results"), 3);
    CU_ASSERT(says(place.err, "could not be carried out"));
    CU_ASSERT(ends_whole("calls.jsonl"));
    CU_ASSERT(ends_whole("attempts.jsonl"));
    CU_ASSERT(ends_whole("journal.jsonl"));
}

static CU_TestInfo tests[] = {
    {"a mock that dies ends every worker", a_mock_that_dies_ends_every_worker},
    {"an interrupt ends every worker", an_interrupt_ends_every_worker},
    {"a frozen mock is given up", a_frozen_mock_is_given_up},
    {"a full disk ends every worker", a_full_disk_ends_every_worker},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo bad_days_suite = {"bad_days", NULL, NULL, set_up, tear_down, tests};
