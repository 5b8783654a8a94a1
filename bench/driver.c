/* Our driver against the bare responder: how many short calls a second it makes when it does all it
 * does in earnest (engine, policy, parsing, evidence on disk), at a given number of connections.
 *
 *     driver ORIGIN CONNECTIONS SECONDS FOLDER LEVEL      prints calls per second
 *
 * Far more calls are due than can be made, so the ceiling in_flight_max makes it a closed loop,
 * like the bare one it is compared with. LEVEL is one of evidence: "full" writes two lines a call,
 * "failures" keeps what the judge would have kept. */

#include <curl/curl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/crew.h"
#include "harness/evidence_files.h"
#include "harness/options.h"
#include "os/clock.h"
#include "scenario/scenario.h"

struct bench {
    struct arena arena;
    struct scenario *scenario;
    struct evidence_files files;
    struct crew crew;
    enum evidence_level level;
    uint64_t calls, failed;
};

static void fail(const struct error *err)
{
    fprintf(stderr, "driver: %s\n", err->text);
    exit(1);
}

static void load(struct bench *b, const char *connections)
{
    static char text[1024];
    struct error err;

    snprintf(
        text, sizeof(text),
        "{\"name\": \"driver\", \"seed\": 1, \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
        " \"target\": {\"mock\": {\"models\": {\"gpt-4o\": {\"api\": \"openai-chat\","
        " \"first_token\": \"1ms\", \"rate\": \"1000 tokens/s\"}}}},\n"
        " \"load\": {\"requests\": [{\"model\": \"gpt-4o\", \"stream\": false,"
        " \"input_tokens\": 10, \"output_tokens\": 10}], \"in_flight_max\": %s,"
        " \"arrivals\": [{\"part\": \"flood\", \"rate\": \"200000/s\", \"for\": \"60s\"}]}}",
        connections);
    arena_init(&b->arena, memory_heap(), 16 << 20);
    b->scenario = arena_take(&b->arena, 1, sizeof(*b->scenario));
    if (scenario_load(b->scenario, slice_of(text), SLICE("driver"), NULL, &b->arena, &err) != RC_OK)
        fail(&err);
}

static void start(struct bench *b, const char *origin, const char *folder)
{
    static const char *origins[1];
    struct error err;
    struct crew_options options = {
        .scenario = b->scenario,
        .origins = origins,
        .t0 = clock_monotonic(),
        .wall_unix_ns = clock_wall_unix_ns(),
        .memory = memory_heap(),
        .workers = 1,
    };
    const struct evidence_files_options files = {
        .folder = folder, .scenario = b->scenario, .memory = memory_heap(), .level = b->level};

    origins[0] = origin;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (evidence_files_open(&b->files, &files, &err) != RC_OK ||
        crew_open(&b->crew, &options, &err) != RC_OK || crew_start(&b->crew, &err) != RC_OK)
        fail(&err);
}

/* The worker stays where we were put; the thread that collects, this one, may go anywhere. */
static void collect_anywhere(void)
{
    cpu_set_t all;

    memset(&all, 0xff, sizeof(all));
    if (sched_setaffinity(0, sizeof(all), &all) != 0)
        perror("sched_setaffinity");
}

static enum evidence_level read_level(char *word)
{
    char option[] = "--evidence";
    char *arguments[] = {option, word};
    struct options options;
    struct error err;

    if (options_parse(&options, ARRAY_SIZE(arguments), arguments, OPTION_EVIDENCE, &err) != RC_OK)
        fail(&err);
    return options.evidence;
}

static void take_call(void *context, const struct call_record *call)
{
    struct bench *b = context;
    bool is_ok = call->outcome == OUTCOME_OK;

    evidence_files_call(&b->files, call);
    evidence_files_judged(&b->files, call, !is_ok);
    b->calls += is_ok;
    b->failed += !is_ok && call->outcome != OUTCOME_UNFINISHED;
}

static void collect(struct bench *b)
{
    struct pollfd ready = {.fd = b->crew.wake_fd, .events = POLLIN};

    poll(&ready, 1, 20);
    if (ready.revents != 0)
        crew_take_wake(&b->crew);
    while (crew_take(&b->crew, take_call, b))
        continue;
}

/* Returns when it ended. */
static nanos collect_until(struct bench *b, nanos until)
{
    nanos now = clock_monotonic();

    for (; now < until; now = clock_monotonic())
        collect(b);
    return now;
}

static double measure(struct bench *b, nanos span)
{
    nanos began_at = collect_until(b, clock_monotonic() + NANOS_S / 2); /* connecting is not it */
    uint64_t warm = b->calls;
    nanos ended_at = collect_until(b, began_at + span);

    return (double)(b->calls - warm) * NANOS_S / (double)(ended_at - began_at);
}

static void stop(struct bench *b)
{
    crew_stop(&b->crew);
    while (!crew_is_over(&b->crew))
        collect(b);
    crew_join(&b->crew);
    crew_deinit(&b->crew);
    evidence_files_close(&b->files);
    arena_deinit(&b->arena);
}

int main(int argc, char **argv)
{
    static struct bench b;
    double rate;

    if (argc != 6) {
        fprintf(stderr, "usage: driver ORIGIN CONNECTIONS SECONDS FOLDER LEVEL\n");
        return 2;
    }
    b.level = read_level(argv[5]);
    load(&b, argv[2]);
    start(&b, argv[1], argv[4]);
    collect_anywhere();
    rate = measure(&b, (nanos)(atof(argv[3]) * (double)NANOS_S));
    stop(&b);
    if (b.failed > 0) {
        fprintf(stderr, "driver: %llu calls failed\n", (unsigned long long)b.failed);
        return 1;
    }
    printf("%.0f\n", rate);
    return 0;
}
