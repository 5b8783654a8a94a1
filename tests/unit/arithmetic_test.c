/* What `check` works out before anything runs, and what it warns of. */

#include "scenario/arithmetic.h"

#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/tree.h"

static struct scenario scenario;
static struct arithmetic sum;
static struct arena arena;
static struct error err;

static void set_up(void)
{
    arena_init(&arena, memory_heap(), 16 << 20);
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

static void work_out_demo(void)
{
    if (tree_load(&scenario, "scenarios/demo.jsonc", &arena, &err) != RC_OK)
        CU_FAIL_FATAL(err.text);
    arithmetic_of(&scenario, &sum);
}

/* 10 calls/s for 20 s of 61 tokens at 60 tokens/s after 500 ms: 1.5 s each. */
static const char STEADY[] =
    "{\"name\": \"steady\",\n"
    " \"target\": {\"mock\": {\"models\": {\"claude\": {\"api\": \"anthropic\", \"first_token\": "
    "\"500ms\"}, \"gpt\": {\"api\": \"openai-chat\"}}}},\n"
    " \"load\": {\"requests\": [{\"model\": \"claude\", \"input_tokens\": 800, \"output_tokens\": "
    "61}],\n"
    "  \"arrivals\": [{\"rate\": \"10/s\", \"for\": \"20s\"}], \"deadline\": \"30s\"},\n"
    " \"chaos\": [],\n"
    " \"subject\": {\"client\": {\"preset\": \"careful\"}}}";

/* A live one of 10 calls, one a second, of 1,000 tokens in and 100 out: $0.006 each. */
static const char PAID[] =
    "{\"name\": \"paid\", \"spend_limit\": \"$1\",\n"
    " \"target\": {\"providers\": {\"acme\": {\"api\": \"anthropic\", \"api_key\": \"$KEY\", "
    "\"base_url\": \"https://acme.example\"}},\n"
    "  \"models\": {\"m\": {\"api\": \"anthropic\", \"provider\": \"acme\", \"price\": "
    "{\"input\": \"$5\", \"output\": \"$10\"}}}},\n"
    " \"load\": {\"requests\": [{\"model\": \"m\", \"input_tokens\": 1000, \"output_tokens\": "
    "100}],\n"
    "  \"arrivals\": [{\"rate\": \"1/s\", \"for\": \"10s\"}]}}";

static void work_out_paid_with(const char *pointer, const char *value)
{
    struct slice text = slice_of(PAID);
    enum rc rc = RC_OK;

    if (pointer[0] != '\0')
        rc = scenario_set(text, slice_of(pointer), slice_of(value), &arena, &text, &err);
    if (rc == RC_OK)
        rc = scenario_load(&scenario, text, SLICE("p.jsonc"), NULL, &arena, &err);
    if (rc != RC_OK)
        CU_FAIL_FATAL(err.text);
    arithmetic_of(&scenario, &sum);
}

/* STEADY with one thing different ("" for none). */
static void work_out_with(const char *pointer, const char *value)
{
    struct slice text = slice_of(STEADY);
    enum rc rc = RC_OK;

    if (strcmp(pointer, "/chaos") != 0)
        rc = scenario_set(text, SLICE("/chaos"),
                          SLICE("[{\"phase\": \"over\", \"at\": \"5s\", \"for\": \"10s\", "
                                "\"fault\": {\"status\": 529}}]"),
                          &arena, &text, &err);
    if (rc == RC_OK && pointer[0] != '\0')
        rc = scenario_set(text, slice_of(pointer), slice_of(value), &arena, &text, &err);
    if (rc == RC_OK)
        rc = scenario_load(&scenario, text, SLICE("s.jsonc"), NULL, &arena, &err);
    if (rc != RC_OK)
        CU_FAIL_FATAL(err.text);
    arithmetic_of(&scenario, &sum);
}

/* The scenario at hand with one more thing different. */
static void work_out_also_with(const char *pointer, const char *value)
{
    struct slice text = scenario.text;

    if (scenario_set(text, slice_of(pointer), slice_of(value), &arena, &text, &err) != RC_OK ||
        scenario_load(&scenario, text, SLICE("s.jsonc"), NULL, &arena, &err) != RC_OK)
        CU_FAIL_FATAL(err.text);
    arithmetic_of(&scenario, &sum);
}

static void expect_warning(const char *text)
{
    for (uint32_t i = 0; i < sum.warnings_count; i++) {
        if (strstr(sum.warnings[i].text, text) != NULL)
            return;
    }
    CU_FAIL(text);
    if (sum.warnings_count > 0)
        CU_FAIL(sum.warnings[0].text);
}

/* --- the sums --------------------------------------------------------------------------------- */

static void counts_the_demo_s_calls_and_tokens(void)
{
    work_out_demo();
    EXPECT_U64(sum.calls, 3628);
    EXPECT_U64(sum.input_tokens, 7309910);
    EXPECT_U64(sum.output_tokens, 100545);
    CU_ASSERT_DOUBLE_EQUAL(sum.calls_per_s, 90.7, 0.01);
    EXPECT_U64((uint64_t)sum.calls_per_s_peak, 504);
    EXPECT_U64(sum.attempts_max, 4);
}

static void expects_the_demo_s_rules_to_fire_by_their_shares(void)
{
    work_out_demo();
    for (int i = 0; i < 4; i++) {
        EXPECT_U64(sum.rules[i].calls, sum.rules[0].calls);
        CU_ASSERT_DOUBLE_EQUAL(sum.rules[i].firings, 0.15 * (double)sum.rules[0].calls, 1e-6);
    }
    CU_ASSERT_DOUBLE_EQUAL(sum.rules[4].firings, 0.9 * (double)sum.rules[4].calls, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(sum.rules[5].firings, (double)sum.rules[5].calls, 1e-6);
    CU_ASSERT(sum.rules[6].calls < sum.rules[5].calls / 10); /* only prompts beyond 7,000 */
    for (int i = 0; i < 7; i++)
        CU_ASSERT(sum.rules[i].firings >= 10);
}

/* Both windows are open all the time; nothing is left for the second rule. */
static void a_rule_that_another_phase_stands_before_is_not_expected_to_fire(void)
{
    work_out_with("/chaos",
                  "[{\"phase\": \"a\", \"fault\": {\"status\": 529}},"
                  " {\"phase\": \"b\", \"share\": \"50%\", \"fault\": {\"status\": 500}}]");
    CU_ASSERT_DOUBLE_EQUAL(sum.rules[0].firings, 200, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(sum.rules[1].firings, 0, 1e-6);
    expect_warning("rule \"b\" will fire about 0.0 times");
    work_out_also_with("/chaos/1/priority", "1");
    CU_ASSERT_DOUBLE_EQUAL(sum.rules[0].firings, 100, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(sum.rules[1].firings, 100, 1e-6);
}

static void calls_in_flight_follow_from_rate_and_time(void)
{
    work_out_with("", "");
    EXPECT_U64(sum.calls, 200);
    CU_ASSERT_DOUBLE_EQUAL(sum.in_flight_mean, 15.0, 1e-6);
    EXPECT_U64(sum.rules[0].calls, 100);
}

static void no_more_calls_are_in_flight_than_there_are(void)
{
    work_out_with("/load/arrivals/0", "{\"rate\": \"1000/s\", \"for\": \"10ms\"}");
    EXPECT_U64(sum.calls, 10);
    CU_ASSERT_DOUBLE_EQUAL(sum.in_flight_mean, 10.0, 1e-6);
}

static void a_run_lasts_from_the_last_good_answer_to_the_end_of_the_drain(void)
{
    work_out_with("", "");
    EXPECT_I64(sum.lasts_least, 19900 * NANOS_MS + 1500 * NANOS_MS);
    EXPECT_I64(sum.lasts_most, 19900 * NANOS_MS + 30 * NANOS_S);
}

/* --- money ------------------------------------------------------------------------------------ */

static void calls_cost_what_their_tokens_do(void)
{
    work_out_paid_with("", "");
    EXPECT_I64(sum.cost, 60 * MONEY_USD / 1000);
    EXPECT_U64(sum.calls_unpriced, 0);
}

static void calls_without_a_price_are_counted_apart(void)
{
    work_out_with("", "");
    EXPECT_I64(sum.cost, 0);
    EXPECT_U64(sum.calls_unpriced, 200);
}

static void budget_windows_are_counted_and_their_breaches_expected(void)
{
    work_out_paid_with("/monitor",
                       "{\"budgets\": [{\"limit\": \"$0.024\", \"per\": \"4s\"},"
                       " {\"limit\": \"$0.023999999\", \"per\": \"4s\"},"
                       " {\"limit\": \"$0.011\", \"per\": \"4s\"}, {\"limit\": \"$1\", \"per\": "
                       "\"1h\"}]}");
    for (int i = 0; i < 3; i++)
        EXPECT_U64(sum.budgets[i].windows, 3); /* of 4, 4 and 2 calls */
    EXPECT_I64(sum.budgets[0].most, 24 * MONEY_USD / 1000);
    EXPECT_U64(sum.budgets[0].breaches, 0); /* the limit itself is within it */
    EXPECT_U64(sum.budgets[1].breaches, 2);
    EXPECT_U64(sum.budgets[2].breaches, 3); /* the last window too */
    EXPECT_U64(sum.budgets[3].windows, 1);
    EXPECT_I64(sum.budgets[3].most, sum.cost);
}

static void windows_without_calls_are_no_breaches(void)
{
    work_out_paid_with("/load/arrivals", "[{\"rate\": \"2/min\", \"for\": \"2m\"}]");
    EXPECT_U64(sum.calls, 4);
    work_out_also_with("/monitor", "{\"budgets\": [{\"limit\": \"$0.001\", \"per\": \"5s\"}]}");
    EXPECT_U64(sum.budgets[0].windows, 24);
    EXPECT_U64(sum.budgets[0].breaches, 4);
}

/* --- the warnings ----------------------------------------------------------------------------- */

static void a_sound_scenario_has_no_warning(void)
{
    work_out_with("", "");
    EXPECT_U64(sum.warnings_count, 0);
}

static void warns_of_more_calls_than_the_ceiling(void)
{
    work_out_with("/load/in_flight_max", "14");
    expect_warning("about 15 calls in flight, but load.in_flight_max is 14");
}

static void warns_of_answers_longer_than_the_deadline(void)
{
    work_out_with("/load/deadline", "1s");
    expect_warning("200 ask for answers longer than the deadline");
}

static void warns_of_prompts_beyond_the_window(void)
{
    work_out_with("/target/mock/models/claude/context_window", "700");
    expect_warning("200 exceed their model's own context window");
}

static void warns_of_a_window_without_load(void)
{
    work_out_with("/chaos/0/at", "25s");
    expect_warning("no call is due in phase \"over\"");
    EXPECT_U64(sum.warnings[0].position.line, 5);
    EXPECT_U64(sum.warnings[0].position.column, 12);
}

static void warns_of_a_rule_that_meets_no_first_attempt(void)
{
    work_out_with("/chaos/0/match", "{\"model\": \"gpt\"}");
    expect_warning("rule \"over\" matches no first attempt");
}

static void warns_of_a_rule_that_hardly_fires(void)
{
    work_out_with("/chaos/0/share", "5%");
    expect_warning("rule \"over\" will fire about 5.0 times");
    work_out_with("/chaos/0/share", "0%");
    EXPECT_U64(sum.warnings_count, 0); /* meant so */
}

static void warns_of_shares_beyond_the_whole(void)
{
    work_out_with("/chaos", "[{\"phase\": \"over\", \"share\": \"80%\", \"fault\": {\"status\": "
                            "529}}, {\"phase\": \"over\", \"share\": \"30%\", \"fault\": "
                            "{\"status\": 429}}]");
    expect_warning("rule \"over/2\" cannot have its share");
    EXPECT_U64(sum.warnings_count, 1);
}

static void warns_of_layers_that_multiply_too_far(void)
{
    work_out_with("/subject/client", "{\"layers\": [{\"attempts\": 8, \"on\": [529]}, "
                                     "{\"attempts\": 8, \"on\": [529]}]}");
    expect_warning("the layers multiply to 64 attempts a call; it is cut at 32");
}

static void warns_of_a_fallback_that_is_never_taken(void)
{
    work_out_with("/subject/client",
                  "{\"preset\": \"none\", \"fallback\": [{\"on\": [529], \"to\": \"gpt\"}]}");
    expect_warning("with 1 attempt none is left");
    work_out_with("/subject/client", "{\"preset\": \"careful\", \"fallback\": "
                                     "[{\"on\": [529], \"after\": 4, \"to\": \"gpt\"}]}");
    expect_warning("fallback 1 waits for 4 attempts; the client makes 4 at most");
}

static void warns_of_percentiles_over_too_few_calls(void)
{
    work_out_with("/expect", "[\"response.p99{phase=over} <= 9s\", \"response.p999 <= 9s\", "
                             "\"response.p999{phase=over} <= 9s\"]");
    EXPECT_U64(sum.warnings_count, 2); /* the phase's 100 calls just do for a p99 */
    expect_warning("200 calls at most are too few for this percentile: it needs 1000");
    expect_warning("100 calls at most are too few for this percentile: it needs 1000");
}

static void warns_of_instances_that_make_no_call(void)
{
    work_out_paid_with("/subject", "{\"instances\": 11, \"client\": {}}");
    expect_warning("11 instances share 10 calls: some make none at all");
    work_out_paid_with("/subject", "{\"instances\": 10, \"client\": {}}");
    EXPECT_U64(sum.warnings_count, 0);
}

static void warns_of_a_control_run_that_is_the_same(void)
{
    work_out_with("/control", "no-chaos");
    EXPECT_U64(sum.warnings_count, 0);
    work_out_also_with("/chaos", "[]");
    expect_warning("the control run is the same run twice");
}

static void warns_of_models_whose_cost_nobody_knows(void)
{
    work_out_with("/monitor", "{\"budgets\": [{\"limit\": \"$1\", \"per\": \"1h\"}]}");
    EXPECT_U64(sum.warnings_count, 1); /* "gpt" is asked by nobody */
    expect_warning("model \"claude\" has no known price: what it costs counts towards no budget");
    EXPECT_U64(sum.warnings[0].position.line, 2);
    EXPECT_U64(sum.warnings[0].position.column, 33);
    work_out_with("/spend_limit", "$1");
    expect_warning("counts towards no spend_limit");
    work_out_with("/subject/client", "{\"preset\": \"careful\", \"fallback\": "
                                     "[{\"on\": [529], \"to\": \"gpt\"}]}");
    EXPECT_U64(sum.warnings_count, 0); /* nothing needs a price */
    work_out_also_with("/spend_limit", "$1");
    expect_warning("model \"gpt\" has no known price");
    EXPECT_U64(sum.warnings_count, 2);
}

static void warns_of_a_spend_limit_that_will_stop_the_run(void)
{
    work_out_paid_with("/spend_limit", "$0.06");
    EXPECT_U64(sum.warnings_count, 0);
    work_out_paid_with("/spend_limit", "$0.059999999");
    expect_warning("the calls cost more than spend_limit although nothing is wrong");
    EXPECT_U64(sum.warnings[0].position.line, 1);
    EXPECT_U64(sum.warnings[0].position.column, 33);
}

static void warns_of_a_live_target_without_a_limit(void)
{
    work_out_paid_with("/target/providers/acme/base_url", "http://localhost:80");
    EXPECT_U64(sum.warnings_count, 0);
    scenario.spend_limit = MONEY_MAX;
    arithmetic_of(&scenario, &sum);
    EXPECT_U64(sum.warnings_count, 0); /* this machine costs nothing */
    work_out_paid_with("", "");
    scenario.spend_limit = MONEY_MAX;
    arithmetic_of(&scenario, &sum);
    expect_warning("it cannot be run without a \"spend_limit\"");
}

static void warns_of_keys_that_travel_in_the_open(void)
{
    work_out_paid_with("/target/providers/acme/base_url", "http://acme.example");
    expect_warning("the key of provider \"acme\" will travel unencrypted");
    EXPECT_U64(sum.warnings[0].position.line, 2);
    EXPECT_U64(sum.warnings[0].position.column, 27);
}

static void writes_money_windows_and_what_a_provider_will_feel(void)
{
    struct buffer out;

    work_out_paid_with("/monitor", "{\"budgets\": [{\"name\": \"short\", \"limit\": \"$0.02\", "
                                   "\"per\": \"4s\"}, {\"limit\": \"$5\", \"per\": \"1m30s\"}]}");
    buffer_init(&out, memory_heap(), 1 << 16);
    arithmetic_write(&scenario, &sum, &out);
    EXPECT_TEXT(buffer_slice(&out),
                "paid: 10 calls in 10s, 1.0/s, up to 1 in one second, about 2 in flight\n"
                "  10000 tokens in, 1000 out; at most 1 attempts a call; over in 10.9s to 69s\n"
                "  about $0.06 (prices of " PRICES_DATED ", nothing wrong)\n"
                "  budget short         $0.02 per 4s: 3 windows, at most $0.02 in one, 2 breached\n"
                "  budget budget2       $5.00 per 90s: 1 window, at most $0.06 in one, 0 breached\n"
                "  live: 1.0 requests/s, 1.0 if every call needs all its attempts\n");
    buffer_deinit(&out);
}

static void says_that_a_control_run_takes_as_long_again(void)
{
    struct buffer out;

    work_out_with("/control", "no-chaos");
    buffer_init(&out, memory_heap(), 1 << 16);
    arithmetic_write(&scenario, &sum, &out);
    CU_ASSERT(slice_has(buffer_slice(&out),
                        SLICE("over in 21.4s to 49.9s, and as long before that for the control run "
                              "without chaos\n")));
    buffer_deinit(&out);
}

static void writes_the_lines_of_check(void)
{
    struct buffer out;

    work_out_with("/load/in_flight_max", "14");
    buffer_init(&out, memory_heap(), 1 << 16);
    arithmetic_write(&scenario, &sum, &out);
    arithmetic_write_warnings(&scenario, &sum, &out);
    EXPECT_TEXT(
        buffer_slice(&out),
        "steady: 200 calls in 20s, 10.0/s, up to 10 in one second, about 15 in flight\n"
        "  160000 tokens in, 12200 out; at most 4 attempts a call; over in 21.4s to 49.9s\n"
        "  over                 5s to 15s: 100 calls, about 100 of their first attempts hit\n"
        "s.jsonc:4:16: warning: about 15 calls in flight, but load.in_flight_max is 14: calls will "
        "wait, and the wait is send lag\n");
    buffer_deinit(&out);
}

/* --- what depends on order -------------------------------------------------------------------- */

static struct slice print(void)
{
    struct buffer out;
    struct slice text;

    buffer_init(&out, memory_heap(), 1 << 16);
    arithmetic_write(&scenario, &sum, &out);
    text = arena_copy(&arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

static void warns_of_load_beyond_limits(void)
{
    work_out_with("/target/mock/models/claude/limits", "{\"requests\": \"601/min\"}");
    EXPECT_U64(sum.warnings_count, 0);
    work_out_with("/target/mock/models/claude/limits",
                  "{\"requests\": {\"rate\": \"300/min\", \"burst\": 1}, "
                  "\"input_tokens\": \"1000000/s\"}");
    EXPECT_U64(sum.warnings_count, 1);
    expect_warning("model \"claude\" is asked for more than its limits allow, mostly of requests: "
                   "100 of 200 first attempts find a bucket empty");
    EXPECT_U64(sum.warnings[0].position.line, 2);
}

static void warns_of_calls_larger_than_a_bucket(void)
{
    work_out_with("/target/mock/models/claude/limits", "{\"input_tokens\": \"799/s\"}");
    expect_warning("200 calls of model \"claude\" are larger than a whole bucket of its limits");
}

/* 15 in flight, by Little's law. */
static void warns_of_more_answers_at_once_than_there_are_places(void)
{
    work_out_with("/target/mock/models/claude/capacity", "{\"places\": 15}");
    EXPECT_U64(sum.warnings_count, 0);
    work_out_with("/target/mock/models/claude/capacity", "{\"places\": 14}");
    expect_warning("about 15 answers at once when all its places are taken, but has 14");
    work_out_with("/target/mock/models/claude/capacity", "{\"places\": 29, \"slowdown\": 2}");
    expect_warning("about 30 answers at once when all its places are taken, but has 29");
    work_out_with("/target/mock/models/gpt/capacity", "{\"places\": 1}"); /* nobody asks it */
    EXPECT_U64(sum.warnings_count, 0);
}

static void a_gap_between_tokens_makes_answers_as_long_as_a_rate_does(void)
{
    work_out_with("/target/mock/models/claude/token_gap", "\"25ms\""); /* 60 of them: 1.5 s */
    CU_ASSERT_DOUBLE_EQUAL(sum.in_flight_mean, 20.0, 1e-6);
}

static void says_which_rules_are_ordered(void)
{
    work_out_with("/chaos",
                  "[{\"phase\": \"over\", \"every_nth\": 5, \"fault\": {\"status\": 529}},"
                  " {\"phase\": \"over\", \"share\": \"20%\", \"fault\": {\"status\": 500}}]");
    EXPECT_U64(sum.warnings_count, 0);
    CU_ASSERT(
        slice_has(print(), SLICE("200 calls, ordered: reproducible in the simulator only\n")));
    CU_ASSERT(slice_has(print(), SLICE("200 calls, about 40 of their first attempts hit\n")));
}

static void warns_of_an_order_that_is_never_reached(void)
{
    work_out_with("/chaos", "[{\"phase\": \"over\", \"nth\": 201, \"fault\": {\"status\": 529}}]");
    expect_warning("rule \"over\" waits for request 201, but matches 200 first attempts");
    work_out_with("/chaos", "[{\"phase\": \"over\", \"state\": {\"name\": \"db\", \"is\": "
                            "\"down\"}, \"fault\": {\"status\": 529}}]");
    expect_warning("no rule makes the state \"db\" \"down\"");
    work_out_with("/chaos", "[{\"phase\": \"over\", \"state\": {\"name\": \"db\", \"is\": "
                            "\"start\", \"becomes\": \"down\"}, \"fault\": {\"status\": 529}},"
                            " {\"phase\": \"over\", \"state\": {\"name\": \"db\", \"is\": "
                            "\"down\"}, \"fault\": {\"status\": 500}}]");
    EXPECT_U64(sum.warnings_count, 0);
}

static void windows_may_wait_for_the_first_request_or_a_mark(void)
{
    work_out_with("/chaos", "[{\"phase\": \"over\", \"from\": \"first_request\", \"at\": \"1s\", "
                            "\"for\": \"2s\", \"every\": \"4s\", \"fault\": {\"status\": 529}},"
                            " {\"phase\": \"late\", \"from\": {\"mark\": \"deployed\"}, "
                            "\"fault\": {\"status\": 529}}]");
    EXPECT_U64(sum.warnings_count, 0);
    EXPECT_U64(sum.rules[0].calls, 100);
    CU_ASSERT(slice_has(print(), SLICE("over                 first request, 1s to 3s, again every "
                                       "4s: 100 calls")));
    CU_ASSERT(slice_has(print(), SLICE("late                 mark deployed, 0s to ")));
}

static void connections_and_places_are_no_attempts(void)
{
    work_out_with("/chaos",
                  "[{\"phase\": \"over\", \"share\": \"5%\", \"fault\": {\"connection\": "
                  "\"silent\"}}, {\"phase\": \"small\", \"fault\": {\"capacity\": \"30%\"}}]");
    EXPECT_U64(sum.warnings_count, 1);
    expect_warning("rule \"small\" hits no model that has a capacity");
    CU_ASSERT(slice_has(print(), SLICE(": about 5 % of new connections\n")));
    CU_ASSERT(slice_has(print(), SLICE(": 30 % of the places work\n")));
    work_out_also_with("/target/mock/models/claude/capacity", "{\"places\": 50}");
    EXPECT_U64(sum.warnings_count, 0);
}

static void conditions_on_bytes_are_not_worked_out(void)
{
    work_out_with("/chaos", "[{\"phase\": \"over\", \"share\": \"20%\", \"match\": {\"path\": "
                            "\"/v1/x\"}, \"fault\": {\"status\": 500}}]");
    CU_ASSERT(
        slice_has(print(), SLICE("200 calls, at most about 40 of their first attempts hit\n")));
}

/* Anthropic's streams have no [DONE], and a body that is not streamed has no events. */
static void warns_of_faults_that_have_no_place(void)
{
    work_out_with("/chaos", "[{\"phase\": \"over\", \"fault\": {\"done\": \"missing\"}}]");
    expect_warning("rule \"over\" matches no first attempt");
    work_out_also_with("/load/requests/0/stream", "true");
    expect_warning("rule \"over\" matches no first attempt");
    work_out_also_with("/chaos/0/fault/done", "wrong");
    EXPECT_U64(sum.warnings_count, 0);
}

static void a_rule_that_is_switched_off_is_not_missed(void)
{
    work_out_with("/chaos",
                  "[{\"phase\": \"over\", \"enabled\": false, \"fault\": {\"status\": 529}}]");
    EXPECT_U64(sum.warnings_count, 0);
    CU_ASSERT(slice_has(print(), SLICE("never: switched off\n")));
    work_out_also_with("/chaos/0/fault", "{\"connection\": \"reset\"}");
    CU_ASSERT(slice_has(print(), SLICE("never: switched off\n")));
}

/* --- programs --------------------------------------------------------------------------------- */

static void nothing_is_worked_out_of_a_command_s_calls(void)
{
    work_out_with("/subject", "{\"exec\": {}}");
    EXPECT_U64(sum.calls, 0);
    EXPECT_U64(sum.warnings_count, 0);
    EXPECT_TEXT(print(), "steady: for a command of yours: brownout exec FILE -- COMMAND\n"
                         "  the mock plays claude, gpt, and any other name as the first of its "
                         "API\n"
                         "  over                 5s to 15s: 100 % of the attempts that match\n");
}

static void of_a_command_s_rules_order_and_share_are_told(void)
{
    struct slice text = slice_of(STEADY);

    CU_ASSERT_FATAL(scenario_set(text, SLICE("/subject"), SLICE("{\"exec\": {}}"), &arena, &text,
                                 &err) == RC_OK);
    CU_ASSERT_FATAL(
        scenario_set(text, SLICE("/chaos"),
                     SLICE("[{\"phase\": \"a\", \"nth\": 3, \"fault\": {\"status\": 529}},"
                           " {\"phase\": \"b\", \"every_nth\": 5, \"fault\": {\"status\": 500}},"
                           " {\"phase\": \"c\", \"fault\": {\"capacity\": \"30%\"}},"
                           " {\"phase\": \"d\", \"state\": {\"name\": \"s\", \"is\": \"on\"},"
                           "  \"fault\": {\"status\": 500}}]"),
                     &arena, &text, &err) == RC_OK);
    EXPECT_RC(scenario_load(&scenario, text, SLICE("x.jsonc"), NULL, &arena, &err), RC_OK);
    arithmetic_of(&scenario, &sum);
    CU_ASSERT(slice_has(print(), SLICE("a                    0s to never: request 3 of those")));
    CU_ASSERT(slice_has(print(), SLICE("b                    0s to never: by the order in")));
    EXPECT_U64(sum.warnings_count, 2);
    EXPECT_TEXT(slice_of(sum.warnings[0].text), "rule \"c\" hits no model that has a capacity");
    CU_ASSERT(slice_has(slice_of(sum.warnings[1].text), SLICE("no rule makes the state \"s\"")));
}

static void a_service_is_asked_once_a_call(void)
{
    work_out_with("/subject", "{\"service\": \"http://127.0.0.1:1\", \"send\": {\"speaks\": "
                              "\"openai-chat\"}}");
    EXPECT_U64(sum.calls, 200);
    CU_ASSERT(slice_has(print(), SLICE("; the service is asked once a call; over in")));
}

static CU_TestInfo tests[] = {
    {"nothing is worked out of a command's calls", nothing_is_worked_out_of_a_command_s_calls},
    {"of a command's rules order and share are told",
     of_a_command_s_rules_order_and_share_are_told},
    {"a service is asked once a call", a_service_is_asked_once_a_call},
    {"warns of load beyond limits", warns_of_load_beyond_limits},
    {"warns of calls larger than a bucket", warns_of_calls_larger_than_a_bucket},
    {"warns of more answers at once than there are places",
     warns_of_more_answers_at_once_than_there_are_places},
    {"a gap between tokens makes answers as long as a rate does",
     a_gap_between_tokens_makes_answers_as_long_as_a_rate_does},
    {"says which rules are ordered", says_which_rules_are_ordered},
    {"warns of an order that is never reached", warns_of_an_order_that_is_never_reached},
    {"windows may wait for the first request or a mark",
     windows_may_wait_for_the_first_request_or_a_mark},
    {"connections and places are no attempts", connections_and_places_are_no_attempts},
    {"conditions on bytes are not worked out", conditions_on_bytes_are_not_worked_out},
    {"warns of faults that have no place", warns_of_faults_that_have_no_place},
    {"a rule that is switched off is not missed", a_rule_that_is_switched_off_is_not_missed},
    {"counts the demo's calls and tokens", counts_the_demo_s_calls_and_tokens},
    {"no more calls are in flight than there are", no_more_calls_are_in_flight_than_there_are},
    {"expects the demo's rules to fire by their shares",
     expects_the_demo_s_rules_to_fire_by_their_shares},
    {"a rule that another phase stands before is not expected to fire",
     a_rule_that_another_phase_stands_before_is_not_expected_to_fire},
    {"calls in flight follow from rate and time", calls_in_flight_follow_from_rate_and_time},
    {"a run lasts from the last good answer to the end of the drain",
     a_run_lasts_from_the_last_good_answer_to_the_end_of_the_drain},
    {"a sound scenario has no warning", a_sound_scenario_has_no_warning},
    {"warns of more calls than the ceiling", warns_of_more_calls_than_the_ceiling},
    {"warns of answers longer than the deadline", warns_of_answers_longer_than_the_deadline},
    {"warns of prompts beyond the window", warns_of_prompts_beyond_the_window},
    {"warns of a window without load", warns_of_a_window_without_load},
    {"warns of a rule that meets no first attempt", warns_of_a_rule_that_meets_no_first_attempt},
    {"warns of a rule that hardly fires", warns_of_a_rule_that_hardly_fires},
    {"warns of shares beyond the whole", warns_of_shares_beyond_the_whole},
    {"warns of layers that multiply too far", warns_of_layers_that_multiply_too_far},
    {"warns of a fallback that is never taken", warns_of_a_fallback_that_is_never_taken},
    {"warns of percentiles over too few calls", warns_of_percentiles_over_too_few_calls},
    {"calls cost what their tokens do", calls_cost_what_their_tokens_do},
    {"calls without a price are counted apart", calls_without_a_price_are_counted_apart},
    {"budget windows are counted and their breaches expected",
     budget_windows_are_counted_and_their_breaches_expected},
    {"windows without calls are no breaches", windows_without_calls_are_no_breaches},
    {"warns of instances that make no call", warns_of_instances_that_make_no_call},
    {"warns of a control run that is the same", warns_of_a_control_run_that_is_the_same},
    {"warns of models whose cost nobody knows", warns_of_models_whose_cost_nobody_knows},
    {"warns of a spend limit that will stop the run",
     warns_of_a_spend_limit_that_will_stop_the_run},
    {"warns of a live target without a limit", warns_of_a_live_target_without_a_limit},
    {"warns of keys that travel in the open", warns_of_keys_that_travel_in_the_open},
    {"writes money windows and what a provider will feel",
     writes_money_windows_and_what_a_provider_will_feel},
    {"says that a control run takes as long again", says_that_a_control_run_takes_as_long_again},
    {"writes the lines of check", writes_the_lines_of_check},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo arithmetic_suite = {"arithmetic", NULL, NULL, set_up, tear_down, tests};
