/* Our driver against the bare responder: how many short calls a second it makes when it does all it
 * does in earnest (engine, policy, parsing, evidence lines on disk), at a given number of
 * connections.
 *
 * Usage: driver ORIGIN CONNECTIONS SECONDS FOLDER; prints calls/s. Far more calls are due than can
 * be made, so the ceiling in_flight_max makes it a closed loop, like the bare one it is compared
 * with. */

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/crew.h"
#include "harness/evidence_files.h"
#include "os/clock.h"
#include "scenario/scenario.h"

struct bench {
    struct arena arena;
    struct scenario *scenario;
    struct evidence_files files;
    struct crew crew;
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
        .folder = folder, .scenario = b->scenario, .memory = memory_heap(), .level = EVIDENCE_FULL};

    origins[0] = origin;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (evidence_files_open(&b->files, &files, &err) != RC_OK ||
        crew_open(&b->crew, &options, &err) != RC_OK || crew_start(&b->crew, &err) != RC_OK)
        fail(&err);
}

static void take_call(void *context, const struct call_record *call)
{
    struct bench *b = context;

    evidence_files_call(&b->files, call);
    b->calls += call->outcome == OUTCOME_OK;
    b->failed += call->outcome != OUTCOME_OK && call->outcome != OUTCOME_UNFINISHED;
}

int main(int argc, char **argv)
{
    static struct bench b;
    nanos began_at, ends_at;
    bool is_stopped = false;
    double took_s = 0;
    uint64_t calls = 0;

    if (argc != 5) {
        fprintf(stderr, "usage: driver ORIGIN CONNECTIONS SECONDS FOLDER\n");
        return 2;
    }
    load(&b, argv[2]);
    began_at = clock_monotonic();
    ends_at = began_at + (nanos)(atof(argv[3]) * (double)NANOS_S);
    start(&b, argv[1], argv[4]);
    while (!crew_is_over(&b.crew)) {
        struct pollfd ready = {.fd = b.crew.wake_fd, .events = POLLIN};

        poll(&ready, 1, 20);
        if (ready.revents != 0)
            crew_take_wake(&b.crew);
        while (crew_take(&b.crew, take_call, &b))
            continue;
        if (!is_stopped && clock_monotonic() >= ends_at) {
            took_s = (double)(clock_monotonic() - began_at) / 1e9;
            calls = b.calls;
            is_stopped = true;
            crew_stop(&b.crew);
        }
    }
    crew_join(&b.crew);
    crew_deinit(&b.crew);
    evidence_files_close(&b.files);
    arena_deinit(&b.arena);
    if (b.failed > 0) {
        fprintf(stderr, "driver: %llu calls failed\n", (unsigned long long)b.failed);
        return 1;
    }
    printf("%.0f\n", (double)calls / took_s);
    return 0;
}
