/* The same story N times faster, and what of it is as it was. */

#include "scenario/compress.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "scenario/merge.h"
#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/tree.h"

static const char TEXT[] =
    "{\"name\": \"wall\", \"seed\": 7, \"subject\": {\"client\": {\"preset\": \"careful\","
    " \"retry\": {\"attempts\": 4, \"backoff\": {\"base\": \"500ms\", \"factor\": 2, \"cap\": "
    "\"8s\"}},"
    " \"timeouts\": {\"connect\": \"5s\", \"attempt\": \"never\", \"call\": \"60s\"}}},\n"
    " \"target\": {\"mock\": {\"models\": {\"claude-x\": {\"api\": \"anthropic\","
    " \"first_token\": {\"p50\": \"400ms\", \"p99\": \"2s\"}, \"rate\": \"60 tokens/s\","
    " \"limits\": {\"requests\": \"600/min\"}}}}},\n"
    " \"load\": {\"requests\": [{\"model\": \"claude-x\", \"input_tokens\": 800,"
    " \"output_tokens\": 120}], \"arrivals\": [{\"rate\": \"5/s\", \"for\": \"60s\"}],"
    " \"deadline\": \"40s\"},\n"
    " \"chaos\": [{\"phase\": \"a\", \"at\": \"10s\", \"for\": \"20s\", \"share\": \"40%\","
    " \"fault\": {\"status\": 429, \"retry_after\": \"30s\"}},"
    " {\"phase\": \"b\", \"at\": \"40s\", \"for\": \"10s\", \"fault\": {\"status\": 429,"
    " \"retry_after\": {\"ms\": \"7ms\"}}},"
    " {\"phase\": \"c\", \"at\": \"52s\", \"for\": \"2s\", \"fault\": {\"late_first_token\": "
    "\"6s\"}}],\n"
    " \"monitor\": {\"budgets\": [{\"limit\": \"$5.00\", \"per\": \"1h\"}], \"slow\": \"15s\"},\n"
    " \"laws\": {\"set\": \"strict\", \"no-hang\": {\"silence\": \"100s\"}, \"advice-heeded\": "
    "{\"slack\": \"80ms\"}},\n"
    " \"expect\": [\"response.p95{phase=a} <= 4s\", \"goodput >= 4.5\", \"cost.total <= $9.00\","
    " \"amplification <= 2.0\", \"send_lag.p99 <= 20ms\", \"calls.useful >= 90%\"]}";

static struct arena arena;
static struct error err;
static struct scenario scenario, fast;

static void set_up(void)
{
    err = (struct error){0};
    arena_init(&arena, memory_heap(), 256 << 20);
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

static bool load(struct slice text, const struct file_reader *files, struct scenario *into)
{
    bool is_loaded = scenario_load(into, text, SLICE("wall"), files, &arena, &err) == RC_OK;

    if (!is_loaded)
        printf("%s\n", err.text);
    return is_loaded;
}

static void compress_text(uint32_t times)
{
    struct slice text = {0};

    CU_ASSERT_TRUE_FATAL(load(slice_of(TEXT), NULL, &scenario));
    EXPECT_RC(scenario_compress(&scenario, times, &arena, &text, &err), RC_OK);
    CU_ASSERT_TRUE_FATAL(load(text, NULL, &fast));
}

static void spans_are_divided_and_rates_multiplied(void)
{
    compress_text(20);
    EXPECT_I64(fast.load.lasts, 3 * NANOS_S);
    CU_ASSERT_DOUBLE_EQUAL(fast.load.parts[0].arrivals.rate_per_s, 100, 1e-9);
    EXPECT_U64(scenario_calls_count(&fast), scenario_calls_count(&scenario));
    EXPECT_I64(fast.load.deadline, 2 * NANOS_S);
    EXPECT_I64(fast.client.layers[0].backoff.base, 25 * NANOS_MS);
    EXPECT_I64(fast.client.layers[0].backoff.cap, 400 * NANOS_MS);
    EXPECT_I64(fast.client.timeouts.connect, 250 * NANOS_MS);
    EXPECT_I64(fast.client.timeouts.attempt, NANOS_NEVER);
    EXPECT_I64(fast.chaos.phases.list[0].at, 500 * NANOS_MS);
    EXPECT_I64(fast.chaos.phases.list[0].lasts, NANOS_S);
    EXPECT_I64(fast.chaos.rules[2].sequence[0].delay, 300 * NANOS_MS);
    EXPECT_I64((int64_t)fast.models[0].first_token.p50, 20 * NANOS_MS);
    EXPECT_I64((int64_t)fast.models[0].first_token.p99, 100 * NANOS_MS);
    CU_ASSERT_DOUBLE_EQUAL(fast.models[0].tokens_per_s, 1200, 1e-9);
    EXPECT_I64(fast.monitor.slow, 750 * NANOS_MS);
    EXPECT_I64(fast.monitor.budgets[0].per, 180 * NANOS_S);
    EXPECT_I64(fast.link.latency, scenario.link.latency / 20);
}

static void what_is_no_time_stays(void)
{
    compress_text(20);
    EXPECT_U64(fast.seed, 7);
    EXPECT_U64(fast.client.layers[0].attempts, 4);
    CU_ASSERT_DOUBLE_EQUAL(fast.chaos.rules[0].share, 0.4, 1e-9);
    CU_ASSERT_EQUAL(fast.monitor.budgets[0].limit, scenario.monitor.budgets[0].limit);
    CU_ASSERT_DOUBLE_EQUAL(fast.load.requests[0].output_tokens.p50, 120, 1e-9);
}

static void a_limit_lets_as_much_through_at_once_as_before(void)
{
    compress_text(20);
    EXPECT_U64(fast.models[0].limits.of[LIMIT_REQUESTS].amount, 12000);
    EXPECT_I64(fast.models[0].limits.of[LIMIT_REQUESTS].per, 60 * NANOS_S);
    EXPECT_U64(fast.models[0].limits.of[LIMIT_REQUESTS].burst, 600);
}

static void advice_is_rounded_up_to_what_its_notation_can_say(void)
{
    compress_text(20);
    EXPECT_I64(fast.chaos.rules[0].sequence[0].advice_wait, 2 * NANOS_S);
    EXPECT_I64(fast.chaos.rules[1].sequence[0].advice_wait, NANOS_MS);
    compress_text(1000);
    EXPECT_I64(fast.chaos.rules[0].sequence[0].advice_wait, NANOS_S);
}

static void laws_and_expectations_are_rewritten_as_text(void)
{
    compress_text(20);
    CU_ASSERT(slice_has(fast.laws.text, SLICE("\"silence\": \"5s\"")));
    CU_ASSERT(slice_has(fast.laws.text, SLICE("\"slack\": \"80ms\"")));
    EXPECT_TEXT(fast.expects[0].text, "response.p95{phase=a} <= 200ms");
    EXPECT_TEXT(fast.expects[1].text, "goodput >= 90");
    EXPECT_TEXT(fast.expects[2].text, "cost.total <= $9.00");
    EXPECT_TEXT(fast.expects[3].text, "amplification <= 2.0");
    EXPECT_TEXT(fast.expects[4].text, "send_lag.p99 <= 20ms");
    EXPECT_TEXT(fast.expects[5].text, "calls.useful >= 90%");
}

/* --- one value at a time ---------------------------------------------------------------------- */

static enum rc compress_with(const char *pointer, const char *value, uint32_t times)
{
    struct slice text = slice_of(TEXT);

    EXPECT_RC(scenario_set(text, slice_of(pointer), slice_of(value), &arena, &text, &err), RC_OK);
    CU_ASSERT_TRUE_FATAL(load(text, NULL, &scenario));
    TRY(scenario_compress(&scenario, times, &arena, &text, &err));
    CU_ASSERT_TRUE_FATAL(load(text, NULL, &fast));
    return RC_OK;
}

static void expect_advice(const char *advice, nanos wait)
{
    EXPECT_RC(compress_with("/chaos/0/fault/retry_after", advice, 20), RC_OK);
    EXPECT_I64(fast.chaos.rules[0].sequence[0].advice_wait, wait);
}

static void expect_raw(const char *advice, const char *raw)
{
    EXPECT_RC(compress_with("/chaos/0/fault/retry_after", advice, 20), RC_OK);
    CU_ASSERT_STRING_EQUAL(fast.chaos.rules[0].sequence[0].advice_raw, raw);
}

static void advice_in_each_form_is_divided(void)
{
    expect_advice("2s", NANOS_S);
    expect_advice("50s", 3 * NANOS_S);
    expect_advice("1500ms", 75 * NANOS_MS);
    expect_advice("{\"date\": \"50s\"}", 3 * NANOS_S);
    expect_advice("{\"ms\": \"50ms\"}", 3 * NANOS_MS);
    expect_raw("{\"raw\": \"50\"}", "3");
    expect_raw("{\"raw\": \"soon\"}", "soon");
    expect_raw("{\"raw\": \"0\"}", "0");
    expect_raw("{\"raw\": \"-50\"}", "-50");
}

static void advice_of_gemini_can_say_any_time(void)
{
    EXPECT_RC(compress_with("/target/mock/models/claude-x/api", "gemini", 20), RC_OK);
    EXPECT_I64(fast.chaos.rules[0].sequence[0].advice_wait, 1500 * NANOS_MS);
}

static void expect_expectation(const char *text, const char *compressed)
{
    EXPECT_RC(compress_with("/expect/0", text, 20), RC_OK);
    expect_text(fast.expects[0].text, slice_of(compressed),
                &(struct expect_place){text, __FILE__, __LINE__});
}

static void numbers_of_a_second_are_multiplied_and_factors_are_not(void)
{
    expect_expectation("goodput{phase=a} >= 1.5", "goodput{phase=a} >= 30");
    expect_expectation("goodput{phase=a} >= 0.9 * goodput{phase=before}",
                       "goodput{phase=a} >= 0.9 * goodput{phase=before}");
    expect_expectation("subject.rss.slope <= 1.5MB", "subject.rss.slope <= 30MB");
    expect_expectation("response.p95{phase=a} <= 1.5 * response.p95{phase=before}",
                       "response.p95{phase=a} <= 1.5 * response.p95{phase=before}");
    expect_expectation("response.max{phase=a, stream=false}<1m30s",
                       "response.max{phase=a, stream=false}<4500ms");
}

static void every_time_in_a_scenario_is_divided(void)
{
    EXPECT_RC(compress_with("/load/drain", "30s", 20), RC_OK);
    EXPECT_I64(fast.load.drain, 1500 * NANOS_MS);
    EXPECT_RC(compress_with("/chaos/0/every", "30s", 20), RC_OK);
    EXPECT_I64(fast.chaos.phases.list[0].every, 1500 * NANOS_MS);
    EXPECT_RC(compress_with("/target/mock/models/claude-x/pings", "10s", 20), RC_OK);
    EXPECT_I64(fast.models[0].ping_every, 500 * NANOS_MS);
    EXPECT_RC(compress_with("/target/mock/models/claude-x/capacity",
                            "{\"places\": 4, \"recovers\": {\"from\": \"50%\", "
                            "\"over\": \"60s\"}}",
                            20),
              RC_OK);
    EXPECT_I64(fast.models[0].capacity.recovers_over, 3 * NANOS_S);
    EXPECT_U64(fast.models[0].capacity.places, 4);
    EXPECT_RC(compress_with("/subject/client/retry/advice_max", "60s", 20), RC_OK);
    EXPECT_I64(fast.client.layers[0].advice_max, 3 * NANOS_S);
    EXPECT_RC(compress_with("/monitor/cool_down", "40s", 20), RC_OK);
    EXPECT_I64(fast.monitor.cool_down, 2 * NANOS_S);
    EXPECT_RC(compress_with("/monitor/patience", "4s", 20), RC_OK);
    EXPECT_I64(fast.monitor.patience, 200 * NANOS_MS);
    EXPECT_RC(compress_with("/link", "{\"idle_close\": \"20s\", \"connect\": \"2ms\"}", 20), RC_OK);
    EXPECT_I64(fast.link.idle_close, NANOS_S);
    EXPECT_I64(fast.link.connect, 100 * NANOS_US);
}

static void expect_delay(const char *fault, nanos delay)
{
    EXPECT_RC(compress_with("/chaos/2/fault", fault, 20), RC_OK);
    EXPECT_I64(fast.chaos.rules[2].sequence[0].delay, delay);
}

static void every_delay_of_a_fault_is_divided(void)
{
    expect_delay("{\"freeze\": {\"after_tokens\": 5, \"for\": \"6s\"}}", 300 * NANOS_MS);
    expect_delay("{\"slow_headers\": \"8s\"}", 400 * NANOS_MS);
    expect_delay("{\"connection\": {\"slow\": \"2s\"}}", 100 * NANOS_MS);
    expect_delay("{\"connection\": {\"idle_closed\": {\"after\": \"4s\"}}}", 200 * NANOS_MS);
}

static void slack_of_machines_stays_beside_times_that_are_divided(void)
{
    EXPECT_RC(compress_with("/laws",
                            "{\"percentiles-agree\": {\"apart\": \"20ms\"}, \"deadline-kept\": "
                            "{\"deadline\": \"20s\", \"grace\": \"2s\"}}",
                            20),
              RC_OK);
    CU_ASSERT(slice_has(fast.laws.text, SLICE("\"apart\": \"20ms\"")));
    CU_ASSERT(slice_has(fast.laws.text, SLICE("\"deadline\": \"1s\"")));
    CU_ASSERT(slice_has(fast.laws.text, SLICE("\"grace\": \"100ms\"")));
}

static void it_multiplies_with_what_is_compressed_already(void)
{
    struct slice text;

    compress_text(20);
    EXPECT_U64(fast.compression, 20);
    scenario = fast;
    EXPECT_RC(scenario_compress(&scenario, 3, &arena, &text, &err), RC_OK);
    CU_ASSERT_TRUE_FATAL(load(text, NULL, &fast));
    EXPECT_U64(fast.compression, 60);
    EXPECT_I64(fast.load.lasts, NANOS_S);
}

static void once_changes_nothing(void)
{
    struct slice text;
    struct buffer whole;

    CU_ASSERT_TRUE_FATAL(load(slice_of(TEXT), NULL, &scenario));
    EXPECT_RC(compress_with("/seed", "7", 1), RC_OK);
    EXPECT_U64(fast.compression, 1);
    EXPECT_I64(fast.load.lasts, scenario.load.lasts);
    EXPECT_U64(scenario_calls_count(&fast), scenario_calls_count(&scenario));
    buffer_init(&whole, memory_heap(), SCENARIO_TEXT_MAX);
    scenario_write(&fast, &whole);
    text = buffer_slice(&whole);
    CU_ASSERT(!slice_has(text, SLICE("\"compressed\"")));
    CU_ASSERT(slice_has(text, SLICE("\"retry_after\": \"30s\"")));
    buffer_deinit(&whole);
}

/* --- what is refused -------------------------------------------------------------------------- */

static void a_budgets_window_below_a_second_is_refused_with_its_place(void)
{
    EXPECT_RC(compress_with("/monitor/budgets/0/per", "20s", 20), RC_OK);
    EXPECT_I64(fast.monitor.budgets[0].per, NANOS_S);
    EXPECT_RC(compress_with("/monitor/budgets/0/per", "19s", 20), RC_LIMIT);
    CU_ASSERT_STRING_EQUAL(err.text, "wall:5:26: --compress 20: found a window of the budget "
                                     "\"budget1\" below 1s, expected at most 19 times");
}

static void a_limit_is_said_by_a_smaller_unit_or_refused(void)
{
    static const char *const pointer = "/target/mock/models/claude-x/limits/requests";

    EXPECT_RC(compress_with(pointer, "600000000/min", 20), RC_OK);
    EXPECT_U64(fast.models[0].limits.of[LIMIT_REQUESTS].amount, 200000000);
    EXPECT_I64(fast.models[0].limits.of[LIMIT_REQUESTS].per, NANOS_S);
    EXPECT_U64(fast.models[0].limits.of[LIMIT_REQUESTS].burst, 600000000);
    EXPECT_RC(compress_with(pointer, "999999997/min", 20), RC_LIMIT);
    CU_ASSERT(slice_has(slice_of(err.text), SLICE("found more requests of \"claude-x\"")));
}

static void a_live_target_is_refused(void)
{
    static const char live[] =
        "{\"name\": \"live\", \"target\": {\"providers\": {\"anthropic\": {\"api\": "
        "\"anthropic\", \"base_url\": \"http://127.0.0.1:9\"}}, \"models\": {\"claude-x\": "
        "{\"api\": \"anthropic\"}}}, \"spend_limit\": \"$1.00\", \"load\": {\"requests\": "
        "[{\"model\": \"claude-x\", \"input_tokens\": 8, \"output_tokens\": 8}], \"arrivals\": "
        "[{\"rate\": \"1/s\", \"for\": \"2s\"}]}}";
    struct slice text;

    CU_ASSERT_TRUE_FATAL(load(slice_of(live), NULL, &scenario));
    EXPECT_RC(scenario_compress(&scenario, 20, &arena, &text, &err), RC_MALFORMED);
    CU_ASSERT(slice_has(slice_of(err.text), SLICE("found a live target")));
}

/* --- whole files ------------------------------------------------------------------------------ */

/* Compressed, loaded and printed it is the same text again. */
static void expect_same_text(const char *path, struct slice text)
{
    struct file_reader files = tree_beside(path);
    static struct merged merged;
    static struct scenario whole;
    struct slice compressed = {0};
    struct buffer again;

    CU_ASSERT_PTR_NOT_NULL_FATAL(text.data);
    EXPECT_RC(scenario_merge(text, slice_of(path), &files, 0, &arena, &merged, &err), RC_OK);
    CU_ASSERT_TRUE_FATAL(load(merged.text, &files, &whole));
    if (whole.target == TARGET_LIVE)
        return;
    EXPECT_RC(scenario_compress(&whole, 20, &arena, &compressed, &err), RC_OK);
    CU_ASSERT_TRUE(load(compressed, &files, &fast));
    buffer_init(&again, memory_heap(), SCENARIO_TEXT_MAX);
    scenario_write(&fast, &again);
    CU_ASSERT(slice_is(buffer_slice(&again), compressed));
    if (!slice_is(buffer_slice(&again), compressed))
        printf("%s prints otherwise\n", path);
    buffer_deinit(&again);
}

static uint32_t expect_same_in(const char *name)
{
    DIR *folder = opendir(name);
    struct dirent *entry;
    uint32_t files = 0;
    char path[512];

    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    while ((entry = readdir(folder)) != NULL) {
        size_t size = strlen(entry->d_name);

        if (size < 6 || strcmp(entry->d_name + size - 6, ".jsonc") != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
        expect_same_text(path, tree_read(path, &arena));
        arena_deinit(&arena);
        arena_init(&arena, memory_heap(), 256 << 20);
        files++;
    }
    closedir(folder);
    return files;
}

static void every_scenario_loads_compressed_and_prints_the_same(void)
{
    CU_ASSERT(expect_same_in("scenarios") > 15);
    CU_ASSERT(expect_same_in("scenarios/exec") > 0);
    CU_ASSERT(expect_same_in("scenarios/failover") > 15);
    CU_ASSERT(expect_same_in("scenarios/findings") > 5);
    CU_ASSERT(expect_same_in("scenarios/service") > 0);
}

/* One fixture with every key there is; a budget of it has the shortest window there is. */
static void what_has_every_key_loads_compressed_and_prints_the_same(void)
{
    static const char path[] = "tests/unit/fixtures/whole.jsonc";
    struct slice text = tree_read(path, &arena);

    EXPECT_RC(scenario_set(text, SLICE("/monitor/budgets/1/per"), SLICE("1m"), &arena, &text, &err),
              RC_OK);
    expect_same_text(path, text);
}

static void memory_may_run_out_anywhere(void)
{
    struct flaky flaky;
    struct memory memory;
    uint64_t allow = 0;

    CU_ASSERT_TRUE_FATAL(load(slice_of(TEXT), NULL, &scenario));
    do {
        struct slice text = {0};
        struct arena weak;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        arena_init(&weak, &memory, 64 << 20);
        rc = scenario_compress(&scenario, 20, &weak, &text, &err);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        arena_deinit(&weak);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 4);
}

static CU_TestInfo tests[] = {
    {"spans are divided and rates multiplied", spans_are_divided_and_rates_multiplied},
    {"what is no time stays", what_is_no_time_stays},
    {"a limit lets as much through at once as before",
     a_limit_lets_as_much_through_at_once_as_before},
    {"advice is rounded up to what its notation can say",
     advice_is_rounded_up_to_what_its_notation_can_say},
    {"laws and expectations are rewritten as text", laws_and_expectations_are_rewritten_as_text},
    {"advice in each form is divided", advice_in_each_form_is_divided},
    {"advice of Gemini can say any time", advice_of_gemini_can_say_any_time},
    {"numbers of a second are multiplied and factors are not",
     numbers_of_a_second_are_multiplied_and_factors_are_not},
    {"every time in a scenario is divided", every_time_in_a_scenario_is_divided},
    {"every delay of a fault is divided", every_delay_of_a_fault_is_divided},
    {"slack of machines stays beside times that are divided",
     slack_of_machines_stays_beside_times_that_are_divided},
    {"it multiplies with what is compressed already",
     it_multiplies_with_what_is_compressed_already},
    {"once changes nothing", once_changes_nothing},
    {"a budget's window below a second is refused with its place",
     a_budgets_window_below_a_second_is_refused_with_its_place},
    {"a limit is said by a smaller unit, or refused", a_limit_is_said_by_a_smaller_unit_or_refused},
    {"a live target is refused", a_live_target_is_refused},
    {"every scenario loads compressed and prints the same",
     every_scenario_loads_compressed_and_prints_the_same},
    {"what has every key loads compressed and prints the same",
     what_has_every_key_loads_compressed_and_prints_the_same},
    {"memory may run out anywhere", memory_may_run_out_anywhere},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo compress_suite = {"compress", NULL, NULL, set_up, tear_down, tests};
