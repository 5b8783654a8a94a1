/* One scenario, two worlds, any number of workers: the same verdict from every law and expectation,
 * and the same decision of every keyed rule for every (call, attempt). Windows cover the whole run,
 * so that no decision hangs on an instant. */

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/checkpoint.h"
#include "judge/evidence.h"
#include "scenario/scenario.h"
#include "tests/support/expect.h"
#include "wire/json.h"
#include "workplace.h"

enum { DECISIONS_MAX = 4096, CALLS_MAX = 512, ROWS_MAX = 64 };

/* Whether real time could keep the schedule, and whether bytes were met as soon as they came, is
 * the machine's affair, not the worlds'. */
#define SCENARIO(client, chaos, more)                                                       \
    "{\"name\": \"twin\", \"seed\": 7, \"subject\": {\"client\": " client "},\n"            \
    " \"target\": {\"mock\": {\"models\": {\n"                                              \
    "   \"claude\": {\"api\": \"anthropic\", \"first_token\": \"20ms\",\n"                  \
    "                \"rate\": \"500 tokens/s\", \"context_window\": 1000},\n"              \
    "   \"gpt\": {\"api\": \"openai-chat\", \"first_token\": \"20ms\",\n"                   \
    "             \"rate\": \"500 tokens/s\"}}}},\n"                                        \
    " \"load\": {\"requests\": [\n"                                                         \
    "   {\"model\": \"claude\", \"stream\": true, \"input_tokens\": 100,"                   \
    "    \"output_tokens\": 20},\n"                                                         \
    "   {\"model\": \"claude\", \"input_tokens\": 900, \"output_tokens\": 10}],\n"          \
    "   \"arrivals\": [{\"rate\": \"80/s\", \"process\": \"poisson\", \"for\": \"1s\"}],\n" \
    "   \"deadline\": \"5s\"},\n" chaos                                                     \
    " \"laws\": {\"set\": \"strict\", \"schedule-kept\": false,\n"                          \
    "   \"percentiles-agree\": false}" more "}\n"

#define CHAOS(rules) " \"chaos\": [" rules "],\n"

/* What one world decided. */
struct decision {
    char key[CALL_ID_TEXT_MAX + 16]; /* call and attempt */
    int rule;
    uint16_t status;
};

struct row {
    char name[128];
    char verdict[16];
};

struct world {
    int exit_code;
    char calls[CALLS_MAX][CALL_ID_TEXT_MAX]; /* that ended, sorted */
    uint32_t calls_count;
    struct decision decisions[DECISIONS_MAX];
    uint32_t decisions_count;
    struct row rows[ROWS_MAX];
    uint32_t rows_count;
};

static struct workplace place;
static struct scenario scenario;
static struct arena arena;
static struct world sockets, simulated, crowd;

static enum rc no_files(void *context, struct slice path, struct arena *into, struct slice *bytes,
                        struct error *err)
{
    (void)context, (void)path, (void)into, (void)bytes;
    return error_set(err, RC_SYSTEM, "no files here");
}

static void set_up(void)
{
    workplace_open(&place);
    arena_init(&arena, memory_heap(), 4 << 20);
}

static void tear_down(void)
{
    arena_deinit(&arena);
    workplace_close(&place);
}

/* --- reading what a world left ---------------------------------------------------------------- */

static int compare_decisions(const void *a, const void *b)
{
    return strcmp(((const struct decision *)a)->key, ((const struct decision *)b)->key);
}

static void read_decisions(struct world *world, struct slice journal)
{
    struct slice line;

    world->decisions_count = 0;
    while (slice_cut(&journal, '\n', &line)) {
        struct decision *decision = &world->decisions[world->decisions_count];
        struct journal_record record;
        struct error err = {0};

        if (line_is_checkpoint(line))
            continue;
        world->decisions_count++;
        CU_ASSERT_FATAL(world->decisions_count < DECISIONS_MAX);
        EXPECT_RC(evidence_read_journal(&scenario, line, &record, &err), RC_OK);
        snprintf(decision->key, sizeof(decision->key), "%s/%u", record.call, record.attempt);
        decision->rule = record.rule;
        decision->status = record.status;
    }
    qsort(world->decisions, world->decisions_count, sizeof(world->decisions[0]), compare_decisions);
}

static int compare_calls(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void read_calls(struct world *world, struct slice calls)
{
    struct slice line;

    world->calls_count = 0;
    while (slice_cut(&calls, '\n', &line)) {
        const char *id = strstr(line.data, "\"call\":\"");

        if (line_is_checkpoint(line))
            continue;
        CU_ASSERT_FATAL(id != NULL && world->calls_count < CALLS_MAX);
        id += strlen("\"call\":\"");
        slice_copy((struct slice){id, strcspn(id, "\"")}, world->calls[world->calls_count++],
                   CALL_ID_TEXT_MAX);
    }
    qsort(world->calls, world->calls_count, sizeof(world->calls[0]), compare_calls);
}

/* Every {"name": ..., "verdict": ...} of run.json, in its order. */
static void read_rows(struct world *world, struct slice text)
{
    struct json json;
    struct json_token token;
    char name[128] = "";

    world->rows_count = 0;
    json_init(&json, text, JSON_STRICT);
    while (json_next(&json, &token) == RC_OK) {
        bool is_name = token.kind == JSON_KEY && json_is(&token, SLICE("name"));
        bool is_verdict = token.kind == JSON_KEY && json_is(&token, SLICE("verdict"));

        if (!is_name && !is_verdict)
            continue;
        CU_ASSERT_FATAL(json_next(&json, &token) == RC_OK);
        if (is_name) {
            slice_copy(token.raw, name, sizeof(name));
            continue;
        }
        CU_ASSERT_FATAL(world->rows_count < ROWS_MAX);
        strcpy(world->rows[world->rows_count].name, name);
        slice_copy(token.raw, world->rows[world->rows_count].verdict,
                   sizeof(world->rows[0].verdict));
        world->rows_count++;
    }
}

/* Results folders sort by when they were made, so `number` is how many came before. */
static void play_in(struct world *world, const char *command, uint32_t number)
{
    struct slice text;

    world->exit_code = workplace_run(&place, command);
    CU_ASSERT_FATAL(workplace_result(&place, number, "journal.jsonl", &text));
    read_decisions(world, text);
    CU_ASSERT_FATAL(workplace_result(&place, number, "calls.jsonl", &text));
    read_calls(world, text);
    CU_ASSERT_FATAL(workplace_result(&place, number, "run.json", &text));
    read_rows(world, text);
}

static void load(const char *text)
{
    struct file_reader files = {no_files, NULL};
    struct error err = {0};

    if (scenario_load(&scenario, slice_of(text), SLICE("twin"), &files, &arena, &err) != RC_OK)
        CU_FAIL_FATAL(err.text);
    workplace_write(&place, "twin.jsonc", text);
}

static void play(const char *text)
{
    load(text);
    play_in(&sockets, "run twin.jsonc --quiet --out results", 0);
    play_in(&simulated, "sim twin.jsonc --quiet --out results", 1);
}

/* --- comparing -------------------------------------------------------------------------------- */

static void expect_verdicts_of(const struct world *a, const struct world *b)
{
    EXPECT_I64(a->exit_code, b->exit_code);
    EXPECT_U64(a->rows_count, b->rows_count);
    CU_ASSERT(a->rows_count > 10);
    for (uint32_t i = 0; i < a->rows_count && i < b->rows_count; i++) {
        CU_ASSERT_STRING_EQUAL(a->rows[i].name, b->rows[i].name);
        if (strcmp(a->rows[i].verdict, b->rows[i].verdict) != 0)
            fprintf(stderr, "%s: %s here, %s there\n", a->rows[i].name, a->rows[i].verdict,
                    b->rows[i].verdict);
        CU_ASSERT_STRING_EQUAL(a->rows[i].verdict, b->rows[i].verdict);
    }
}

static void expect_equal_verdicts(void)
{
    expect_verdicts_of(&sockets, &simulated);
}

/* Each decision of one is that of the other, and each was made in both. */
static void expect_decisions_of(const struct world *a, const struct world *b, uint32_t least)
{
    EXPECT_U64(a->decisions_count, b->decisions_count);
    CU_ASSERT(a->decisions_count >= least);
    for (uint32_t i = 0; i < a->decisions_count && i < b->decisions_count; i++) {
        CU_ASSERT_STRING_EQUAL(a->decisions[i].key, b->decisions[i].key);
        EXPECT_I64(a->decisions[i].rule, b->decisions[i].rule);
        EXPECT_U64(a->decisions[i].status, b->decisions[i].status);
    }
}

static void expect_equal_decisions(uint32_t least)
{
    expect_decisions_of(&sockets, &simulated, least);
}

/* The same calls, each of them once. */
static void expect_calls_of(const struct world *a, const struct world *b)
{
    EXPECT_U64(a->calls_count, b->calls_count);
    for (uint32_t i = 0; i < a->calls_count && i < b->calls_count; i++) {
        CU_ASSERT_STRING_EQUAL(a->calls[i], b->calls[i]);
        CU_ASSERT(i == 0 || strcmp(a->calls[i - 1], a->calls[i]) != 0);
    }
}

/* --- scenarios -------------------------------------------------------------------------------- */

#define QUICK "\"backoff\": {\"base\": \"20ms\", \"factor\": 2, \"cap\": \"100ms\"}"

static void nothing_goes_wrong_alike(void)
{
    play(SCENARIO("{\"preset\": \"careful\"}", "", ", \"expect\": [\"calls.useful == 100%\"]"));
    expect_equal_verdicts();
    expect_equal_decisions(40);
    EXPECT_I64(sockets.exit_code, 0);
}

static void overload_is_met_by_retry_and_fallback_alike(void)
{
    play(SCENARIO("{\"preset\": \"careful\", \"retry\": {\"attempts\": 3, " QUICK "},"
                  " \"fallback\": [{\"on\": [529], \"after\": 2, \"to\": \"gpt\"}]}",
                  CHAOS("{\"phase\": \"overload\", \"match\": {\"model\": \"claude\"},"
                        " \"share\": \"60%\", \"fault\": {\"status\": 529}}"),
                  ", \"expect\": [\"calls.useful == 100%\", \"amplification >= 1.3\"]"));
    expect_equal_verdicts();
    expect_equal_decisions(60);
    EXPECT_I64(sockets.exit_code, 0);
}

static void sequences_and_shares_hit_the_same_attempts(void)
{
    play(SCENARIO("{\"preset\": \"careful\", \"retry\": {\"attempts\": 4, " QUICK "}}",
                  CHAOS("{\"phase\": \"one\", \"share\": \"50%\","
                        " \"fault\": [{\"status\": 503}, {\"status\": 500}, \"ok\"]},"
                        "{\"phase\": \"two\", \"share\": \"40%\","
                        " \"fault\": {\"status\": 429, \"retry_after\": {\"ms\": \"40ms\"}}}"),
                  ""));
    expect_equal_verdicts();
    expect_equal_decisions(80);
}

static void broken_connections_end_alike(void)
{
    play(SCENARIO("{\"preset\": \"careful\", \"retry\": {\"attempts\": 4, " QUICK "}}",
                  CHAOS("{\"phase\": \"a\", \"share\": \"20%\", \"fault\": {\"reset\": \"rst\"}},"
                        "{\"phase\": \"b\", \"share\": \"20%\", \"fault\": {\"reset\": \"fin\"}},"
                        "{\"phase\": \"c\", \"share\": \"20%\", \"fault\":"
                        " {\"cut\": {\"after_tokens\": 3, \"by\": \"fin\"}}},"
                        "{\"phase\": \"d\", \"share\": \"20%\", \"fault\":"
                        " {\"cut\": {\"after_tokens\": 3, \"by\": \"rst\"}}}"),
                  ", \"expect\": [\"calls.useful >= 50%\"]"));
    expect_equal_verdicts();
    expect_equal_decisions(80);
}

/* By their number at the provider: that of the mock's own doors counts apart. One call at a time,
 * and each opens a connection until one is left alone, which all later ones use. */
static void the_same_connections_are_closed(void)
{
    play("{\"name\": \"twin\", \"seed\": 11, \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
         " \"target\": {\"mock\": {\"models\": {\"claude\": {\"api\": \"anthropic\","
         "   \"first_token\": \"5ms\", \"rate\": \"1000 tokens/s\"}}}},\n"
         " \"load\": {\"requests\": [{\"model\": \"claude\", \"stream\": true,"
         "   \"input_tokens\": 100, \"output_tokens\": 5}],"
         "   \"arrivals\": [{\"rate\": \"5/s\", \"for\": \"2s\"}]},\n"
         " \"chaos\": [{\"phase\": \"doors\", \"share\": \"70%\","
         "   \"match\": {\"provider\": \"anthropic\"}, \"fault\": {\"connection\": \"closed\"}}],\n"
         " \"laws\": {\"set\": \"strict\", \"schedule-kept\": false,"
         "   \"percentiles-agree\": false}}\n");
    expect_equal_verdicts();
    expect_equal_decisions(10);
    CU_ASSERT(sockets.decisions[0].rule == 0);            /* the first was closed, */
    CU_ASSERT(sockets.decisions[9].rule == PLAN_NO_RULE); /* the last was not */
}

static void a_shrunken_window_refuses_the_same_calls(void)
{
    play(SCENARIO("{\"preset\": \"careful\"}",
                  CHAOS("{\"phase\": \"window\", \"match\": {\"model\": \"claude\"},"
                        " \"fault\": {\"context_window\": 500}}"),
                  ", \"expect\": [\"calls.failed >= 10%\"]"));
    expect_equal_verdicts();
    expect_equal_decisions(40);
}

static void a_naive_client_fails_alike(void)
{
    play(SCENARIO(
        "{\"preset\": \"none\", \"layers\": [{\"attempts\": 3, \"on\": [529], " QUICK
        "}, {\"attempts\": 3, \"on\": [529], " QUICK "}]}",
        CHAOS("{\"phase\": \"overload\", \"share\": \"100%\", \"fault\": {\"status\": 529}}"), ""));
    expect_equal_verdicts();
    expect_equal_decisions(360);
    EXPECT_I64(sockets.exit_code, 99);
}

/* --- alerts ----------------------------------------------------------------------------------- */

#define WATCHED                                                                                   \
    "{\"name\": \"twin\", \"seed\": 7,\n"                                                         \
    " \"target\": {\"mock\": {\"models\": {\"claude-sonnet-4-5\": {\"api\": \"anthropic\","       \
    "   \"first_token\": \"20ms\", \"rate\": \"500 tokens/s\"}}}},\n"                             \
    " \"load\": {\"requests\": [{\"model\": \"claude-sonnet-4-5\", \"stream\": true,"             \
    "   \"input_tokens\": 100, \"output_tokens\": 20}],"                                          \
    "   \"arrivals\": [{\"rate\": \"80/s\", \"process\": \"poisson\", \"for\": \"1s\"}]},\n"      \
    " \"monitor\": {\"budgets\": [{\"limit\": \"$0.02\", \"per\": \"1h\"}],"                      \
    "   \"hook\": [\"any\", \"slack\"]},\n"                                                       \
    " \"laws\": {\"set\": \"strict\", \"schedule-kept\": false, \"percentiles-agree\": false},\n" \
    " \"expect\": [\"alerts{kind=budget} == 1\", \"hooks.slack.count == 1\"]}\n"

static void a_breached_budget_is_told_once_alike(void)
{
    play(WATCHED);
    expect_equal_verdicts();
    expect_equal_decisions(60);
    EXPECT_I64(sockets.exit_code, 0);
    play_in(&crowd, "run twin.jsonc --quiet --workers 2 --out results", 2);
    expect_verdicts_of(&sockets, &crowd);
}

/* --- workers ---------------------------------------------------------------------------------- */

#define FAULTY                                                                                 \
    SCENARIO(                                                                                  \
        "{\"preset\": \"careful\", \"retry\": {\"attempts\": 4, " QUICK "},"                   \
        " \"fallback\": [{\"on\": [529], \"after\": 2, \"to\": \"gpt\"}]}",                    \
        CHAOS("{\"phase\": \"overload\", \"match\": {\"model\": \"claude\"},"                  \
              " \"share\": \"50%\", \"fault\": {\"status\": 529}},"                            \
              "{\"phase\": \"broken\", \"share\": \"20%\", \"fault\": {\"reset\": \"rst\"}}"), \
        "")

static void expect_the_same_with(const char *command, uint32_t number)
{
    play_in(&crowd, command, number);
    expect_verdicts_of(&sockets, &crowd);
    expect_decisions_of(&sockets, &crowd, 60);
    expect_calls_of(&sockets, &crowd);
}

static void the_number_of_workers_changes_nothing(void)
{
    play(FAULTY);
    expect_calls_of(&sockets, &simulated);
    EXPECT_U64(sockets.calls_count, scenario_calls_count(&scenario));
    expect_the_same_with("run twin.jsonc --quiet --workers 2 --out results", 2);
    expect_the_same_with("run twin.jsonc --quiet --workers 4 --out results", 3);
}

static void instances_are_shared_out_among_workers(void)
{
    load(FAULTY);
    play_in(&sockets, "run twin.jsonc --quiet --out results", 0);
    expect_the_same_with(
        "run twin.jsonc --quiet --set /subject/instances=4 --workers 2 --out results", 1);
}

static void more_workers_than_instances_make_each_call_once(void)
{
    load(FAULTY);
    play_in(&sockets, "run twin.jsonc --quiet --out results", 0);
    expect_the_same_with("run twin.jsonc --quiet --workers 16 --out results", 1);
}

/* A ceiling is one for all workers together. */
static void more_workers_than_places_keep_to_the_ceiling(void)
{
    struct slice text;

    load(SCENARIO("{}", "", ""));
    workplace_run(&place, "run twin.jsonc --quiet --set /load/in_flight_max=2 --workers 5"
                          " --set /load/arrivals/0/for=300ms --out results");
    CU_ASSERT_FATAL(workplace_result(&place, 0, "run.json", &text));
    CU_ASSERT(slice_has(text, SLICE("\"in_flight_most\":2,")));
    CU_ASSERT(slice_has(text, SLICE("\"driver\": {\"workers\": 2,")));
}

static CU_TestInfo tests[] = {
    {"nothing goes wrong, alike", nothing_goes_wrong_alike},
    {"overload is met by retry and fallback, alike", overload_is_met_by_retry_and_fallback_alike},
    {"sequences and shares hit the same attempts", sequences_and_shares_hit_the_same_attempts},
    {"broken connections end alike", broken_connections_end_alike},
    {"the same connections are closed", the_same_connections_are_closed},
    {"a shrunken window refuses the same calls", a_shrunken_window_refuses_the_same_calls},
    {"a naive client fails alike", a_naive_client_fails_alike},
    {"a breached budget is told once, alike", a_breached_budget_is_told_once_alike},
    {"the number of workers changes nothing", the_number_of_workers_changes_nothing},
    {"instances are shared out among workers", instances_are_shared_out_among_workers},
    {"more workers than instances make each call once",
     more_workers_than_instances_make_each_call_once},
    {"more workers than places keep to the ceiling", more_workers_than_places_keep_to_the_ceiling},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo worlds_suite = {"worlds", NULL, NULL, set_up, tear_down, tests};
