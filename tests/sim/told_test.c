/* The same simulation twice: as values where nothing is wrong with the bytes (engine/told.h), and
 * as bytes throughout. Every line of evidence must be the same, over many seeds, formats, faults
 * and clients. */

#include "engine/told.h"

#include <CUnit/CUnit.h>
#include <stdio.h>

#include "tests/support/expect.h"
#include "tests/support/world.h"

enum { SEEDS = 12 };

static const char *const chaoses[] = {
    "",
    "[{\"phase\": \"bad\", \"at\": \"1s\", \"for\": \"4s\", \"share\": \"60%\","
    " \"fault\": {\"status\": 529}},"
    " {\"phase\": \"worse\", \"at\": \"2s\", \"for\": \"4s\", \"share\": \"30%\","
    " \"fault\": {\"status\": 429, \"retry_after\": \"1s\"}}]",
    "[{\"phase\": \"cut\", \"at\": \"0s\", \"for\": \"3s\", \"share\": \"40%\","
    " \"fault\": {\"cut\": {\"after_tokens\": 2, \"by\": \"fin\"}}},"
    " {\"phase\": \"stall\", \"at\": \"1s\", \"for\": \"5s\", \"share\": \"20%\","
    " \"fault\": {\"stall\": {\"after_tokens\": 1}}},"
    " {\"phase\": \"reset\", \"at\": \"2s\", \"for\": \"3s\", \"share\": \"20%\","
    " \"fault\": {\"reset\": \"rst\"}},"
    " {\"phase\": \"window\", \"at\": \"4s\", \"for\": \"3s\", \"share\": \"50%\","
    " \"fault\": {\"context_window\": 20}}]",
    "[{\"phase\": \"slow\", \"at\": \"0s\", \"for\": \"8s\", \"share\": \"50%\","
    " \"fault\": {\"slow_tokens\": 5}},"
    " {\"phase\": \"late\", \"at\": \"2s\", \"for\": \"5s\", \"share\": \"30%\","
    " \"fault\": {\"late_first_token\": \"250ms\"}},"
    " {\"phase\": \"quota\", \"at\": \"5s\", \"for\": \"2s\", \"share\": \"30%\","
    " \"fault\": {\"status\": 401}}]",
};

/* The first half of a load: more requests may follow. */
#define CLAUDE                                                                   \
    "{\"requests\": ["                                                           \
    " {\"model\": \"claude\", \"stream\": true, \"input_tokens\": {\"p50\": 20," \
    " \"p99\": 80}, \"output_tokens\": {\"p50\": 3, \"p99\": 30}},"              \
    " {\"model\": \"claude\", \"stream\": false, \"input_tokens\": 30,"          \
    " \"output_tokens\": 5000}"
#define GPT                                                                                 \
    ", {\"model\": \"gpt\", \"stream\": true, \"input_tokens\": 10, \"output_tokens\": 4}," \
    " {\"model\": \"gpt\", \"stream\": false, \"input_tokens\": 10, \"output_tokens\": 1}"
#define ARRIVALS                                                                      \
    "], \"in_flight_max\": 40, \"deadline\": \"4s\", \"drain\": \"5s\","              \
    " \"arrivals\": [{\"part\": \"p\", \"rate\": \"20/s\", \"process\": \"poisson\"," \
    " \"for\": \"8s\"}]}"

static const struct {
    const char *client, *load;
} sides[] = {
    {"{\"preset\": \"none\"}", CLAUDE GPT ARRIVALS},
    {"{\"preset\": \"guide\"}", CLAUDE GPT ARRIVALS},
    {"{\"preset\": \"careful\", \"timeouts\": {\"first_token\": \"300ms\","
     " \"between_tokens\": \"400ms\", \"attempt\": \"900ms\", \"call\": \"3s\"},"
     " \"fallback\": [{\"on\": [529, \"timeout\"], \"after\": 1, \"to\": \"gpt\"}]}",
     CLAUDE ARRIVALS},
};

/* Every API, what models do by themselves, and answers that are scripted. */
#define MODEL(name, api, more)                                                            \
    "\"" name "\": {\"api\": \"" api "\", \"first_token\": {\"p50\": \"80ms\", \"p99\": " \
    "\"300ms\"}, \"rate\": \"60 tokens/s\"" more "}"
#define ASKED(name, stream)                                                             \
    "{\"model\": \"" name "\", \"stream\": " stream ", \"input_tokens\": {\"p50\": 50," \
    " \"p99\": 200}, \"output_tokens\": {\"p50\": 6, \"p99\": 40}}"
static const char
    everything[] =
        "{\"name\": \"test\", \"seed\": 7, \"subject\": {\"client\": {\"preset\": \"careful\"}},"
        " \"target\": {\"mock\": {\"models\": {" MODEL("claude", "anthropic", ", \"limits\": {\"requests\": \"200/min\", \"output_tokens\": \"400000/min\"}") "," MODEL("gpt", "openai-chat", ", \"capacity\": {\"places\": 2, \"queue\": 3, \"when_full\": 503, \"slowdown\": 2}") "," MODEL(
            "gpt-r", "openai-responses",
            ", \"pings\": \"20ms\"") "," MODEL("gemini", "gemini",
                                               ", \"limits\": {\"requests\": "
                                               "\"200/min\"}") "},"
                                                               " \"answers\": "
                                                               "[{\"name\": \"a\", "
                                                               "\"match\": "
                                                               "{\"model\": "
                                                               "\"gemini\", "
                                                               "\"stream\": true},"
                                                               "  \"text\": \"Let "
                                                               "me see.\", "
                                                               "\"thinking_"
                                                               "tokens\": 7, "
                                                               "\"cached_tokens\": "
                                                               "9,"
                                                               "  \"tool\": "
                                                               "{\"name\": "
                                                               "\"look\", "
                                                               "\"input\": "
                                                               "{\"at\": 1}}}]}},"
                                                               " \"chaos\": "
                                                               "[{\"phase\": "
                                                               "\"bad\", \"at\": "
                                                               "\"2s\", \"for\": "
                                                               "\"2s\", \"share\": "
                                                               "\"30%\","
                                                               "  \"fault\": "
                                                               "{\"usage\": "
                                                               "{\"times\": 2}}},"
                                                               "  {\"phase\": "
                                                               "\"worse\", \"at\": "
                                                               "\"3s\", \"for\": "
                                                               "\"3s\", \"share\": "
                                                               "\"30%\","
                                                               "  \"fault\": "
                                                               "{\"error_event\": "
                                                               "{\"after_tokens\": "
                                                               "3}}},"
                                                               "  {\"phase\": "
                                                               "\"third\", "
                                                               "\"every_nth\": 3, "
                                                               "\"fault\": "
                                                               "{\"freeze\": "
                                                               "{\"after_tokens\": "
                                                               "2,"
                                                               "  \"for\": "
                                                               "\"1s\"}}}],"
                                                               " \"load\": "
                                                               "{\"requests\": "
                                                               "[" ASKED("claude", "true") "," ASKED("claude", "false") "," ASKED("gpt", "true") "," ASKED(
                                                                   "gpt",
                                                                   "false") "," ASKED("gpt-r",
                                                                                      "true") "," ASKED("gpt-r",
                                                                                                        "false") "," ASKED("gemini",
                                                                                                                           "true") "," ASKED("gemini",
                                                                                                                                             "false") "],"
                                                                                                                                                      " \"in_flight_max\": 60, \"deadline\": \"4s\", \"drain\": \"5s\", \"arrivals\": [{\"part\": \"p\","
                                                                                                                                                      " \"rate\": \"30/s\", \"process\": \"poisson\", \"for\": \"8s\"}]}}";

static struct buffer evidence;

static void write_evidence(const struct world_run *world, struct buffer *out)
{
    for (uint32_t i = 0; i < world->calls_count; i++) {
        evidence_write_call(world->scenario, &world->calls[i], out);
        evidence_write_attempts(world->scenario, &world->calls[i], out);
    }
    for (uint32_t i = 0; i < world->journal_count; i++)
        evidence_write_journal(world->scenario, &world->journal[i], out);
}

static void vary(struct scenario *scenario, uint64_t seed)
{
    scenario->models[0].first_token = (struct distribution){DISTRIBUTION_LOGNORMAL, 1e8, 4e8};
    scenario->models[1].tokens_per_event = 3;
    scenario->models[1].first_token.p50 = seed % 2 == 0 ? 0 : 1e8;
    scenario->prices[0] = (struct price){
        .is_known = true, .tariff = {.input = 7, .output = 100}, .long_prompt_tokens = UINT64_MAX};
}

static void run(struct buffer *out, const char *text, uint64_t seed, bool writes_bytes)
{
    struct world_run world;

    if (world_load(&world, text)) {
        world.scenario->seed = seed;
        vary(world.scenario, seed);
        world.writes_bytes = writes_bytes;
        world_simulate(&world);
        CU_ASSERT(world.calls_count > 100);
        buffer_append(out, buffer_slice(&world.timeline));
        write_evidence(&world, out);
    }
    world_close(&world);
}

static bool is_the_same(const char *text, uint64_t seed)
{
    struct buffer by_bytes;
    bool is_same;

    buffer_init(&evidence, memory_heap(), 64 << 20);
    buffer_init(&by_bytes, memory_heap(), 64 << 20);
    run(&evidence, text, seed, false);
    run(&by_bytes, text, seed, true);
    is_same = slice_is(buffer_slice(&evidence), buffer_slice(&by_bytes));
    CU_ASSERT(evidence.size > 10000);
    buffer_deinit(&evidence);
    buffer_deinit(&by_bytes);
    return is_same;
}

static void tells_the_same_by_values_as_by_bytes(void)
{
    for (size_t side = 0; side < ARRAY_SIZE(sides); side++) {
        for (size_t chaos = 0; chaos < ARRAY_SIZE(chaoses); chaos++) {
            const char *text = world_text(sides[side].client, chaoses[chaos], sides[side].load);

            for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                bool is_same = is_the_same(text, seed);

                if (!is_same)
                    fprintf(stderr, "\nside %zu, chaos %zu, seed %u differ\n", side, chaos,
                            (unsigned)seed);
                CU_ASSERT(is_same);
            }
        }
    }
}

static void tells_the_same_of_every_api_and_of_limits_and_places(void)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        CU_ASSERT(is_the_same(everything, seed));
}

/* Nobody else can know what a header said. */
static void needs_bytes_where_a_rule_or_a_script_looks_at_them(void)
{
    struct world_run world;

    CU_ASSERT_FATAL(world_load(&world, everything));
    CU_ASSERT(told_suffices(world.scenario));
    world.scenario->scripts[0].match.conditions_count = 1;
    CU_ASSERT(!told_suffices(world.scenario));
    world.scenario->scripts[0].match.conditions_count = 0;
    world.scenario->chaos.rules[1].match.conditions_count = 1;
    CU_ASSERT(!told_suffices(world.scenario));
    world_close(&world);
}

static void matches_bytes_in_the_simulator_too(void)
{
    struct world_run world;

    world_run(&world,
              world_text("{\"preset\": \"none\"}",
                         "[{\"phase\": \"bad\", \"match\": {\"path\": {\"glob\": \"*/messages\"},"
                         " \"body\": {\"/stream\": \"true\"}}, \"fault\": {\"status\": 529}}]",
                         CLAUDE GPT ARRIVALS));
    CU_ASSERT(world.journal_count > 100);
    for (uint32_t i = 0; i < world.journal_count; i++) {
        const struct journal_record *record = &world.journal[i];

        EXPECT_I64(record->rule, record->model == 0 && record->stream ? 0 : PLAN_NO_RULE);
    }
    world_close(&world);
}

static CU_TestInfo tests[] = {
    {"tells the same by values as by bytes", tells_the_same_by_values_as_by_bytes},
    {"tells the same of every API, and of limits and places",
     tells_the_same_of_every_api_and_of_limits_and_places},
    {"needs bytes where a rule or a script looks at them",
     needs_bytes_where_a_rule_or_a_script_looks_at_them},
    {"matches bytes in the simulator, too", matches_bytes_in_the_simulator_too},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo told_suite = {"told", NULL, NULL, NULL, NULL, tests};
