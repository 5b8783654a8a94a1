/* The collector between a load that must not wait and what may be slow: a disk, a hook. Nothing is
 * timed: a disk that is never read from, and a hook that never answers, are as slow as can be, and
 * the calls that the server has counted by then say whether the load waited. */

#include "collector.h"

#include <CUnit/CUnit.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "raw_server.h"
#include "tests/support/expect.h"
#include "workplace.h"

static struct workplace place;
static struct arena arena;
static struct scenario scenario;
static struct prepared prepared;
static struct options options;
static struct trial trial;
static struct raw_server server, hooks;
static struct crew crew;
static struct collector collector;
static struct journal_stream journal;
static struct progress progress;
static struct hook_sender *sender;
static uint64_t calls;
static struct {
    uint32_t count, delivered;
} alerts;

static enum rc no_files(void *context, struct slice path, struct arena *into, struct slice *bytes,
                        struct error *err)
{
    (void)context, (void)path, (void)into, (void)bytes;
    return error_set(err, RC_SYSTEM, "no files here");
}

static void need(enum rc rc, const struct error *err)
{
    if (rc != RC_OK)
        fprintf(stderr, "%s\n", err->text);
    CU_ASSERT_FATAL(rc == RC_OK);
}

/* --- set up ----------------------------------------------------------------------------------- */

static void load(const char *arrivals, const char *more)
{
    struct file_reader files = {no_files, NULL};
    struct error err = {0};
    static char text[2048];

    snprintf(text, sizeof(text),
             "{\"name\": \"slow\", \"subject\": {\"client\": {\"preset\": \"none\"}},"
             "\"target\": {\"mock\": {\"models\": {\"claude-sonnet-4-5\": {\"api\": "
             "\"anthropic\"}}}},\"load\": {\"requests\": [{\"model\": \"claude-sonnet-4-5\","
             "\"input_tokens\": 10, \"output_tokens\": 10}], \"arrivals\": [%s],"
             "\"in_flight_max\": 16, \"deadline\": \"60s\"}%s}",
             arrivals, more);
    need(scenario_load(&scenario, slice_of(text), SLICE("test"), &files, &arena, &err), &err);
    prepared = (struct prepared){.scenario = &scenario, .portable = slice_of(text)};
}

static void open_trial(void)
{
    char out[] = "--out", quiet[] = "--quiet";
    char *arguments[] = {quiet, out, place.results};
    struct trial_options trial_options = {
        .prepared = &prepared, .options = &options, .world = "run", .signals_fd = -1};
    struct error err = {0};

    need(options_parse(&options, ARRAY_SIZE(arguments), arguments, OPTION_OUT | OPTION_QUIET, &err),
         &err);
    need(trial_open(&trial, &trial_options, &err), &err);
    trial.t0 = clock_monotonic();
}

static void take_alert(void *context, const struct alert_record *record)
{
    (void)context;
    alerts.count++;
    alerts.delivered += record->is_delivered;
}

static void hire(void)
{
    static const char *const origins[] = {server.origin};
    struct crew_options crew_options = {
        .scenario = &scenario,
        .origins = origins,
        .t0 = trial.t0,
        .marks_requests = true,
        .workers = 1,
        .memory = memory_heap(),
    };
    struct hook_sender_options hook_options = {
        .monitor = trial.monitor,
        .origin = hooks.origin,
        .memory = memory_heap(),
        .on_settled = take_alert,
    };
    struct error err = {0};

    need(crew_open(&crew, &crew_options, &err), &err);
    if (trial.monitor != NULL)
        need(hook_sender_new(&sender, &hook_options, &err), &err);
    progress_begin(&progress, trial.t0, scenario.load.lasts, false);
    collector = (struct collector){.trial = &trial,
                                   .crew = &crew,
                                   .journal = &journal,
                                   .hooks = sender,
                                   .progress = &progress,
                                   .ends_at = NANOS_NEVER,
                                   .flush_at = trial.t0};
}

static void set_up(void)
{
    workplace_open(&place);
    arena_init(&arena, memory_heap(), 4 << 20);
    memset(&alerts, 0, sizeof(alerts));
    sender = NULL;
    CU_ASSERT_FATAL(raw_server_start(&server, (const enum raw_act[]){RAW_ANSWER, RAW_END}));
    CU_ASSERT_FATAL(raw_server_start(&hooks, (const enum raw_act[]){RAW_SILENCE, RAW_END}));
}

static void tear_down(void)
{
    crew_deinit(&crew);
    hook_sender_free(sender);
    (void)trial_close(&trial, NULL);
    raw_server_stop(&server);
    raw_server_stop(&hooks);
    arena_deinit(&arena);
    workplace_close(&place);
}

/* --- a disk that does not write --------------------------------------------------------------- */

/* Calls go into a pipe that nobody reads yet. Returns the end to read from. */
static int stop_disk(void)
{
    int ends[2];

    CU_ASSERT_FATAL(pipe2(ends, O_CLOEXEC) == 0);
    CU_ASSERT_FATAL(dup2(ends[1], trial.files.list[EVIDENCE_FILE_CALLS].fd) ==
                    trial.files.list[EVIDENCE_FILE_CALLS].fd);
    close(ends[1]);
    return ends[0];
}

static uint64_t count_lines(int fd)
{
    static char piece[1 << 16];
    uint64_t lines = 0;
    ssize_t size;

    while ((size = read(fd, piece, sizeof(piece))) > 0)
        for (ssize_t i = 0; i < size; i++)
            lines += piece[i] == '\n';
    close(fd);
    return lines;
}

/* As a thread of its own, since it will stand still. */
static void *collect(void *context)
{
    (void)context;
    collector_run(&collector);
    crew_join(&crew);
    evidence_files_flush(&trial.files);
    close(trial.files.list[EVIDENCE_FILE_CALLS].fd); /* whoever reads comes to the end */
    trial.files.list[EVIDENCE_FILE_CALLS].is_open = false;
    return NULL;
}

static pthread_t start(void)
{
    struct error err = {0};
    pthread_t thread;

    need(crew_start(&crew, &err), &err);
    CU_ASSERT_FATAL(pthread_create(&thread, NULL, collect, NULL) == 0);
    return thread;
}

static void every_call_is_made_while_the_disk_stands_still(void)
{
    pthread_t thread;
    uint64_t lines;
    int disk;

    load("{\"rate\": \"10000/s\", \"process\": \"constant\", \"for\": \"300ms\"}", "");
    open_trial();
    hire();
    disk = stop_disk();
    calls = scenario_calls_count(&scenario);
    thread = start();
    while (atomic_load(&server.requests) < calls)
        sched_yield();
    lines = count_lines(disk); /* from here on the disk writes */
    pthread_join(thread, NULL);
    EXPECT_U64(server.requests, calls);
    EXPECT_U64(crew_counts(&crew).ring_waits, 0);
    CU_ASSERT(lines >= calls); /* and perhaps a line about the file */
}

static void a_ring_that_fills_up_holds_the_load_and_says_so(void)
{
    pthread_t thread;
    uint64_t before;
    int disk;

    load("{\"rate\": \"100000/s\", \"process\": \"constant\", \"for\": \"120ms\"}", "");
    open_trial();
    hire();
    disk = stop_disk();
    calls = scenario_calls_count(&scenario);
    CU_ASSERT(calls * sizeof(struct attempt_record) > RING_BYTES / 2);
    thread = start();
    while (atomic_load(&crew.workers[0].ring.waits) == 0)
        sched_yield();
    before = atomic_load(&server.requests);
    CU_ASSERT(before < calls);
    CU_ASSERT(count_lines(disk) >= calls);
    pthread_join(thread, NULL);
    EXPECT_U64(server.requests, calls);
    CU_ASSERT(crew_counts(&crew).ring_waits > 0);
}

/* --- a hook that does not answer -------------------------------------------------------------- */

static void every_call_is_made_while_a_hook_says_nothing(void)
{
    struct error err = {0};

    load("{\"rate\": \"2000/s\", \"process\": \"constant\", \"for\": \"500ms\"}",
         ", \"monitor\": {\"budgets\": [{\"limit\": \"$0.000001\", \"per\": \"1h\"}],"
         " \"hook\": \"mock\"}");
    open_trial();
    hire();
    calls = scenario_calls_count(&scenario);
    need(crew_start(&crew, &err), &err);
    EXPECT_U64(collector_run(&collector), COLLECTOR_CALLS_ENDED);
    crew_join(&crew);
    EXPECT_U64(server.requests, calls);
    EXPECT_U64(alerts.count, 0); /* under way, and nobody waited for it */
    collector_finish_alerts(&collector, 0);
    EXPECT_U64(alerts.count, 1);
    EXPECT_U64(alerts.delivered, 0);
}

static int start_libcurl(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}

static int end_libcurl(void)
{
    curl_global_cleanup();
    return 0;
}

static CU_TestInfo tests[] = {
    {"every call is made while the disk stands still",
     every_call_is_made_while_the_disk_stands_still},
    {"a ring that fills up holds the load, and says so",
     a_ring_that_fills_up_holds_the_load_and_says_so},
    {"every call is made while a hook says nothing", every_call_is_made_while_a_hook_says_nothing},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo collector_suite = {"collector", start_libcurl, end_libcurl, set_up, tear_down, tests};
