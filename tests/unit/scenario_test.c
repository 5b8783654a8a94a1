/* The text of a scenario and the plan that comes of it. What is refused, and in which words, stands
 * in tests/unit/fixtures/broken, one mistake a file: schema_test.c reads them all. */

#include "scenario/scenario.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "scenario/source.h"
#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/tree.h"

static const char WHOLE[] = "tests/unit/fixtures/whole.jsonc";
static const char LIVE[] = "tests/unit/fixtures/live.jsonc";
static const char EXEC[] = "tests/unit/fixtures/exec.jsonc";
static const char SERVICE[] = "tests/unit/fixtures/service.jsonc";

/* As little as a scenario can say. */
static const char SMALL[] =
    "{\"name\": \"small\",\n"
    " \"target\": {\"mock\": {\"models\": {\"gpt-4o\": {\"api\": \"openai-chat\"}}}},\n"
    " \"load\": {\"requests\": [{\"model\": \"gpt-4o\", \"input_tokens\": 8, \"output_tokens\": "
    "3}],\n"
    "            \"arrivals\": [{\"rate\": \"10/s\", \"for\": \"6s\"}]}}";

static struct scenario scenario;
static struct arena arena;
static struct error err;

static void set_up(void)
{
    scenario = (struct scenario){0};
    err = (struct error){0};
    arena_init(&arena, memory_heap(), 16 << 20);
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

static enum rc load(struct slice text)
{
    return scenario_load(&scenario, text, SLICE("test.jsonc"), NULL, &arena, &err);
}

/* SMALL with the value at a place replaced, or a member added. */
static enum rc load_small_with(const char *pointer, const char *value)
{
    struct slice text = slice_of(SMALL);

    if (scenario_set(text, slice_of(pointer), slice_of(value), &arena, &text, &err) != RC_OK)
        return err.rc;
    return load(text);
}

static void load_whole(void)
{
    if (tree_load(&scenario, WHOLE, &arena, &err) != RC_OK)
        CU_FAIL(err.text);
}

static void load_live(void)
{
    if (tree_load(&scenario, LIVE, &arena, &err) != RC_OK)
        CU_FAIL(err.text);
}

/* LIVE with the value at a place replaced, or a member added. */
static enum rc load_live_with(const char *pointer, const char *value)
{
    struct slice text = tree_read(LIVE, &arena);

    if (scenario_set(text, slice_of(pointer), slice_of(value), &arena, &text, &err) != RC_OK)
        return err.rc;
    return load(text);
}

static void expect_refusal(const char *pointer, const char *value, struct slice text)
{
    CU_ASSERT_NOT_EQUAL(load_small_with(pointer, value), RC_OK);
    expect_text(slice_of(err.text), text,
                &(struct expect_place){"the message of a refusal", __FILE__, __LINE__});
}

/* --- what is read ----------------------------------------------------------------------------- */

static void fills_in_what_a_small_scenario_leaves_out(void)
{
    EXPECT_RC(load(slice_of(SMALL)), RC_OK);
    EXPECT_U64(scenario.seed, 1);
    EXPECT_TEXT(slice_of(scenario.client.preset), "none");
    EXPECT_U64(scenario.client.layers[0].attempts, 1);
    EXPECT_TEXT(slice_of(scenario.providers[0].name), "openai");
    EXPECT_I64((nanos)scenario.models[0].first_token.p50, 300 * NANOS_MS);
    CU_ASSERT_EQUAL(scenario.models[0].tokens_per_s, 60.0);
    EXPECT_U64(scenario.models[0].tokens_per_event, 1);
    EXPECT_U64(scenario.models[0].context_window, UINT64_MAX);
    CU_ASSERT_FALSE(scenario.load.requests[0].stream);
    CU_ASSERT_EQUAL(scenario.load.requests[0].weight, 1.0);
    EXPECT_TEXT(slice_of(scenario.load.parts[0].name), "arrivals");
    EXPECT_U64(scenario.load.parts[0].arrivals.process, ARRIVAL_CONSTANT);
    EXPECT_I64(scenario.load.deadline, 60 * NANOS_S);
    EXPECT_I64(scenario.load.drain, 60 * NANOS_S);
    EXPECT_U64(scenario.load.in_flight_max, 4096);
    EXPECT_I64(scenario.link.latency, 500 * NANOS_US);
    EXPECT_I64(scenario.link.connect, 300 * NANOS_US);
    EXPECT_I64(scenario.link.idle_close, 60 * NANOS_S);
    EXPECT_U64(scenario.laws.text.size, 0);
    EXPECT_U64(scenario.instances, 1);
    EXPECT_U64(scenario.target, TARGET_MOCK);
    EXPECT_I64(scenario.spend_limit, MONEY_MAX);
    CU_ASSERT_FALSE(scenario.monitor.is_on);
    CU_ASSERT_FALSE(scenario.has_control);
    CU_ASSERT_FALSE(scenario.client.alerts.repeats_budget);
    CU_ASSERT_FALSE(scenario.client.alerts.repeats_anomalies);
}

static void reads_the_head_with_its_escapes(void)
{
    load_whole();
    EXPECT_TEXT(slice_of(scenario.name), "whole");
    EXPECT_TEXT(slice_of(scenario.about), "Every key \xe2\x80\x94 once.");
    EXPECT_U64(scenario.seed, 9007199254740991u);
}

static void reads_the_layers_of_a_client_over_its_preset(void)
{
    const struct retry_layer *inner = &scenario.client.layers[0];
    const struct retry_layer *outer = &scenario.client.layers[1];

    load_whole();
    EXPECT_U64(scenario.client.layers_count, 2);
    EXPECT_U64(inner->attempts, 2);
    CU_ASSERT(cause_set_has(&inner->on, OUTCOME_TIMEOUT_STALL, 0));
    CU_ASSERT(cause_set_has(&inner->on, OUTCOME_SERVER_ERROR, 500));
    CU_ASSERT_FALSE(cause_set_has(&inner->on, OUTCOME_SERVER_ERROR, 409));
    EXPECT_I64(inner->backoff.cap, 90 * NANOS_S);
    EXPECT_I64(inner->advice_max, 60 * NANOS_S);
    CU_ASSERT_FALSE(inner->obeys_should_retry); /* the preset's says true */
    EXPECT_U64(outer->attempts, 3);
    CU_ASSERT(cause_set_has(&outer->on, OUTCOME_OVERLOADED, 529));
    EXPECT_I64(outer->backoff.base, 1 * NANOS_S); /* the preset's */
    EXPECT_I64(outer->backoff.cap, NANOS_NEVER);
    EXPECT_U64(outer->advice, ADVICE_WHOLE_INT);
}

static void reads_fallbacks_and_timeouts(void)
{
    const struct client_policy *client = &scenario.client;

    load_whole();
    EXPECT_U64(client->fallbacks_count, 2);
    EXPECT_TEXT(slice_of(client->fallbacks[0].to), "gpt-4o");
    EXPECT_U64(client->fallbacks[0].after, 2);
    EXPECT_U64(client->fallbacks[1].after, 1);
    EXPECT_I64(client->timeouts.connect, 5 * NANOS_S);
    EXPECT_I64(client->timeouts.first_token, NANOS_NEVER);
    EXPECT_I64(client->timeouts.attempt, 20 * NANOS_S);
}

static void a_preset_comes_first_wherever_it_stands(void)
{
    EXPECT_RC(
        load_small_with("/subject",
                        "{\"client\": {\"retry\": {\"attempts\": 2}, \"preset\": \"careful\"}}"),
        RC_OK);
    EXPECT_TEXT(slice_of(scenario.client.preset), "careful");
    EXPECT_U64(scenario.client.layers[0].attempts, 2);
    EXPECT_I64(scenario.client.layers[0].backoff.cap, 8 * NANOS_S);
}

static void a_client_that_keeps_its_deadline_gives_up_at_95_percent_of_it(void)
{
    EXPECT_RC(load_small_with("/subject", "{\"client\": {\"preset\": \"careful\"}}"), RC_OK);
    EXPECT_I64(scenario.client.timeouts.call, 57 * NANOS_S);
    EXPECT_RC(load_small_with("/subject", "{\"client\": {\"preset\": \"careful\", "
                                          "\"timeouts\": {\"call\": \"20s\"}}}"),
              RC_OK);
    EXPECT_I64(scenario.client.timeouts.call, 20 * NANOS_S);
}

static void providers_follow_from_the_formats_of_the_models(void)
{
    load_whole();
    EXPECT_U64(scenario.providers_count, 4);
    EXPECT_TEXT(slice_of(scenario.providers[0].name), "deepseek"); /* defined, so first */
    EXPECT_TEXT(slice_of(scenario.providers[1].name), "anthropic");
    EXPECT_TEXT(slice_of(scenario.providers[2].name), "openai");
    EXPECT_TEXT(slice_of(scenario.providers[3].name), "gemini");
    EXPECT_U64(scenario.models[scenario_model(&scenario, SLICE("deepseek/v3"))].provider, 0);
    EXPECT_U64(scenario_model(&scenario, SLICE("gpt-7")), SCENARIO_MODELS_MAX);
}

static void parts_run_one_after_another_and_the_trace_last(void)
{
    const struct load *read = &scenario.load;

    load_whole();
    EXPECT_U64(read->parts_count, 3);
    EXPECT_I64(read->parts[0].arrivals.start_at, 0);
    EXPECT_I64(read->parts[1].arrivals.start_at, 10 * NANOS_S);
    EXPECT_U64(read->parts[2].kind, PART_TRACE);
    EXPECT_I64(read->parts[2].trace.start_at, 70 * NANOS_S);
    CU_ASSERT(read->parts[2].rows[0].due_at >= 70 * NANOS_S);
    EXPECT_I64(read->lasts, 100 * NANOS_S); /* 10 s, 60 s, and 10 minutes 20 times as fast */
}

static void phases_stand_in_order_of_first_appearance(void)
{
    const struct chaos *chaos = &scenario.chaos;

    load_whole();
    EXPECT_U64(chaos->phases.count, 11);
    EXPECT_TEXT(slice_of(chaos->phases.list[0].name), "storm");
    EXPECT_TEXT(slice_of(chaos->phases.list[1].name), "odd");
    EXPECT_I64(chaos->phases.list[0].at, 15 * NANOS_S);
    EXPECT_I64(chaos->phases.list[0].lasts, 20 * NANOS_S);
    EXPECT_I64(chaos->phases.list[1].lasts, NANOS_NEVER);
    EXPECT_U64(chaos->rules[3].phase, 0);
    EXPECT_U64(chaos->rules[4].phase, 1);
}

static void rules_without_a_name_take_their_phase_s(void)
{
    load_whole();
    EXPECT_TEXT(slice_of(scenario.chaos.rules[0].name), "storm/first");
    EXPECT_TEXT(slice_of(scenario.chaos.rules[1].name), "storm/2");
    EXPECT_TEXT(slice_of(scenario.chaos.rules[3].name), "storm/4");
    EXPECT_TEXT(slice_of(scenario.chaos.rules[4].name), "odd");
}

static void reads_whom_a_rule_hits(void)
{
    const struct match *match = &scenario.chaos.rules[0].match;

    load_whole();
    EXPECT_TEXT(slice_of(match->provider), "anthropic");
    EXPECT_TEXT(slice_of(match->model), "claude-*");
    CU_ASSERT(match->has_stream && match->stream);
    EXPECT_U64(match->input_tokens_min, 10);
    EXPECT_U64(match->input_tokens_max, 100000);
    CU_ASSERT_EQUAL(scenario.chaos.rules[0].share, 0.125);
    EXPECT_U64(scenario.chaos.rules[1].match.input_tokens_max, UINT64_MAX);
    CU_ASSERT_FALSE(scenario.chaos.rules[1].match.has_stream);
    CU_ASSERT_EQUAL(scenario.chaos.rules[4].share, 1.0);
}

static void reads_retry_after_in_every_form(void)
{
    const struct chaos_rule *rules = scenario.chaos.rules;

    load_whole();
    EXPECT_U64(rules[0].sequence[0].advice, PLAN_ADVICE_SECONDS);
    EXPECT_I64(rules[0].sequence[0].advice_wait, 1500 * NANOS_MS);
    EXPECT_U64(rules[1].sequence[0].advice, PLAN_ADVICE_DATE);
    EXPECT_I64(rules[1].sequence[0].advice_wait, 2 * NANOS_S);
    EXPECT_U64(rules[2].sequence[0].advice, PLAN_ADVICE_MS);
    EXPECT_I64(rules[2].sequence[0].advice_wait, 250 * NANOS_MS);
    EXPECT_U64(rules[3].sequence[0].advice, PLAN_ADVICE_RAW);
    EXPECT_TEXT(slice_of(rules[3].sequence[0].advice_raw), "soon");
    EXPECT_U64(rules[4].sequence[0].advice, PLAN_ADVICE_NONE);
}

static void a_status_tells_its_failure_unless_one_is_named(void)
{
    load_whole();
    EXPECT_U64(scenario.chaos.rules[0].sequence[0].failure, OUTCOME_RATE_LIMITED);
    EXPECT_U64(scenario.chaos.rules[1].sequence[0].failure, OUTCOME_QUOTA);
    EXPECT_U64(scenario.chaos.rules[2].sequence[0].failure, OUTCOME_OVERLOADED);
    EXPECT_U64(scenario.chaos.rules[4].sequence[0].failure, OUTCOME_OVERLOADED);
}

static void an_array_of_faults_is_a_sequence(void)
{
    const struct chaos_rule *rule = &scenario.chaos.rules[4];

    load_whole();
    EXPECT_U64(rule->sequence_count, 4);
    EXPECT_U64(rule->sequence[0].kind, FAULT_STATUS);
    EXPECT_U64(rule->sequence[1].kind, FAULT_NONE);
    EXPECT_U64(rule->sequence[2].kind, FAULT_RESET);
    EXPECT_U64(rule->sequence[2].close, PLAN_CLOSE_RST);
    EXPECT_U64(rule->sequence[3].kind, FAULT_CUT);
    EXPECT_U64(rule->sequence[3].tokens, 5);
    EXPECT_U64(rule->sequence[3].close, PLAN_CLOSE_FIN);
}

static void reads_faults_that_shape_an_answer(void)
{
    const struct chaos_rule *rules = scenario.chaos.rules;

    load_whole();
    EXPECT_U64(rules[5].sequence[0].kind, FAULT_SLOW_TOKENS);
    CU_ASSERT_EQUAL(rules[5].sequence[0].factor, 10.0);
    EXPECT_U64(rules[6].sequence[0].kind, FAULT_LATE_FIRST);
    EXPECT_I64(rules[6].sequence[0].delay, 2 * NANOS_S);
    EXPECT_U64(rules[7].sequence[0].kind, FAULT_CONTEXT_WINDOW);
    EXPECT_U64(rules[7].sequence[0].tokens, 7000);
    EXPECT_U64(rules[8].sequence[0].kind, FAULT_STALL);
    EXPECT_U64(rules[8].sequence_count, 1);
}

/* --- money and what is watched ---------------------------------------------------------------- */

static void prices_are_exact_to_the_picodollar_a_token(void)
{
    const struct price *price = &scenario.prices[0];

    load_whole();
    CU_ASSERT(price->is_known);
    EXPECT_I64(price->tariff.input, 3000001);
    EXPECT_I64(price->tariff.output, 15000000);
    EXPECT_I64(price->tariff.cached, 300000);
    EXPECT_I64(price->tariff.cache_write, 3750000);
    EXPECT_U64(price->long_prompt_tokens, 200000);
    EXPECT_I64(price->long_tariff.output, 22500000);
    EXPECT_I64(price->long_tariff.cached, 0); /* said to be free */
}

static void what_a_cache_changes_costs_like_input_unless_it_is_said(void)
{
    const struct price *price = &scenario.prices[2];

    load_whole();
    EXPECT_I64(price->tariff.cached, 270000);
    EXPECT_I64(price->tariff.cache_write, 270000);
    EXPECT_U64(price->long_prompt_tokens, UINT64_MAX);
}

static void models_without_a_price_take_the_table_s(void)
{
    struct price table;

    load_whole();
    CU_ASSERT(price_find(SLICE("gpt-4o"), &table));
    CU_ASSERT(scenario.prices[1].is_known);
    EXPECT_I64(scenario.prices[1].tariff.input, table.tariff.input);
    EXPECT_I64(scenario.prices[1].tariff.output, table.tariff.output);
    load_live();
    CU_ASSERT_FALSE(scenario.prices[scenario_model(&scenario, SLICE("llama"))].is_known);
}

static void reads_what_is_watched(void)
{
    const struct monitor_rules *rules = &scenario.monitor;

    load_whole();
    CU_ASSERT(rules->is_on);
    EXPECT_U64(rules->budgets_count, 2);
    EXPECT_TEXT(slice_of(rules->budgets[0].name), "hourly");
    EXPECT_I64(rules->budgets[0].limit, 5 * MONEY_USD);
    EXPECT_I64(rules->budgets[0].per, 3600 * NANOS_S);
    EXPECT_TEXT(slice_of(rules->budgets[1].name), "budget2");
    EXPECT_I64(rules->budgets[1].limit, 9000000 * MONEY_USD);
    EXPECT_I64(rules->slow, 15 * NANOS_S);
    EXPECT_U64(rules->tokens_high, 8000);
    CU_ASSERT(rules->errors);
    EXPECT_I64(rules->cool_down, 90 * NANOS_S);
    EXPECT_I64(rules->patience, 1500 * NANOS_MS);
}

static void alerts_go_to_each_named_hook_of_the_mock(void)
{
    const struct monitor_rules *rules = &scenario.monitor;

    load_whole();
    EXPECT_U64(rules->hooks_count, 3);
    EXPECT_U64(rules->hooks[0], HOOK_SLACK);
    EXPECT_U64(rules->hooks[1], HOOK_ANY); /* "mock" */
    EXPECT_U64(rules->hooks[2], HOOK_DISCORD);
    EXPECT_RC(load_small_with("/monitor", "{\"hook\": \"discord\"}"), RC_OK);
    EXPECT_U64(rules->hooks_count, 1);
    EXPECT_U64(rules->hooks[0], HOOK_DISCORD);
    EXPECT_RC(load_small_with("/monitor", "{\"hook\": []}"), RC_OK);
    CU_ASSERT(rules->is_on);
    EXPECT_U64(rules->hooks_count, 0);
}

static void a_monitor_watches_only_what_is_said(void)
{
    const struct monitor_rules *rules = &scenario.monitor;

    EXPECT_RC(load_small_with("/monitor", "{}"), RC_OK);
    CU_ASSERT(rules->is_on);
    EXPECT_U64(rules->budgets_count, 0);
    EXPECT_I64(rules->slow, NANOS_NEVER);
    EXPECT_U64(rules->tokens_high, UINT64_MAX);
    CU_ASSERT_FALSE(rules->errors);
    EXPECT_I64(rules->cool_down, 60 * NANOS_S);
    EXPECT_I64(rules->patience, 5 * NANOS_S);
    EXPECT_U64(rules->hooks_count, 1);
    EXPECT_U64(rules->hooks[0], HOOK_ANY);
}

static void reads_how_often_a_client_alerts_over_its_preset(void)
{
    load_whole(); /* the guide repeats both */
    CU_ASSERT_FALSE(scenario.client.alerts.repeats_budget);
    CU_ASSERT(scenario.client.alerts.repeats_anomalies);
    EXPECT_RC(load_small_with("/subject", "{\"client\": {\"preset\": \"guide\"}}"), RC_OK);
    CU_ASSERT(scenario.client.alerts.repeats_budget);
}

static void reads_instances_control_and_spend_limit(void)
{
    load_whole();
    EXPECT_U64(scenario.instances, 64);
    CU_ASSERT(scenario.has_control);
    EXPECT_I64(scenario.spend_limit, 1000);
    EXPECT_U64(scenario.places.control.line, 7);
    EXPECT_U64(scenario.places.instances.line, 9);
    EXPECT_U64(scenario.places.budgets[1].column, 78);
}

/* --- live targets ----------------------------------------------------------------------------- */

static void a_live_target_has_base_urls_and_names_of_keys(void)
{
    const struct provider *providers = scenario.providers;

    load_live();
    EXPECT_U64(scenario.target, TARGET_LIVE);
    EXPECT_U64(scenario.providers_count, 4);
    EXPECT_TEXT(slice_of(providers[0].name), "anthropic");
    EXPECT_U64(providers[0].api, API_ANTHROPIC); /* by its name */
    EXPECT_TEXT(providers[0].base_url, "https://api.anthropic.com");
    EXPECT_TEXT(slice_of(providers[0].key_env), "ANTHROPIC_API_KEY");
    EXPECT_TEXT(providers[1].base_url, "https://api.openai.com");
    EXPECT_TEXT(providers[2].base_url, "http://[::1]:8080/some/prefix");
    EXPECT_TEXT(slice_of(providers[2].key_env), ""); /* a server of one's own needs none */
    EXPECT_U64(scenario.models[2].provider, 2);
    EXPECT_I64(scenario.spend_limit, 2 * MONEY_USD);
    EXPECT_TEXT(providers[3].base_url, "https://generativelanguage.googleapis.com");
    EXPECT_U64(providers[3].api, API_GEMINI);
    EXPECT_U64(scenario.models[scenario_model(&scenario, SLICE("gpt-5"))].provider, 1);
}

static void a_monitor_of_a_live_target_has_nobody_to_tell(void)
{
    load_live();
    CU_ASSERT(scenario.monitor.is_on);
    EXPECT_U64(scenario.monitor.hooks_count, 0);
}

/* Even what is wrong with it does not show it. */
static void secrets_are_never_part_of_a_message(void)
{
    static const struct {
        const char *pointer, *value;
    } slips[] = {
        {"/target/providers/anthropic/api_key", "sk-secret"},
        {"/target/providers/anthropic/api_key", "\"$sk-secret\""},
        {"/target/providers/anthropic/api_key", "[\"secret\"]"},
        {"/target/providers/anthropic/api_key", "\"\\u0024secret\""},
        {"/target/providers/anthropic/base_url", "https://secret@host"},
        {"/target/providers/anthropic/base_url", "https://user:secret@host/v1"},
        {"/target/providers/anthropic/base_url", "https://host/?key=secret"},
        {"/target/providers/anthropic/base_url", "https://host/#secret"},
        {"/target/providers/anthropic/base_url", "https://secret:secret"},
        {"/target/providers/anthropic/base_url", "secret"},
        {"/target/providers/anthropic/base_url", "[\"secret\"]"},
        {"/monitor/hook", "https://hooks.slack.com/secret"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(slips); i++) {
        CU_ASSERT_NOT_EQUAL(load_live_with(slips[i].pointer, slips[i].value), RC_OK);
        CU_ASSERT(err.text[0] != '\0');
        CU_ASSERT_PTR_NULL(strstr(err.text, "secret"));
    }
    expect_refusal("/monitor", "{\"hook\": \"https:\\/\\/hooks.slack.com/secret\"}",
                   SLICE("test.jsonc:1:22: found a URL, expected \"mock\", \"any\", \"slack\" or "
                         "\"discord\": alerts are posted to the mock, never to a real hook"));
}

static void keeps_what_the_judge_reads_as_text_with_its_place(void)
{
    load_whole();
    EXPECT_U64(scenario.expects_count, 2);
    EXPECT_TEXT(scenario.expects[1].text, "response.p95{phase=storm} <= 20s");
    EXPECT_U64(scenario.expects[1].position.line, 91);
    EXPECT_U64(scenario.expects[1].position.column, 34);
    EXPECT_U64(scenario.laws.position.line, 90);
    CU_ASSERT(slice_starts_with(scenario.laws.text, SLICE("{\"set\": \"strict\"")));
}

/* --- what is refused -------------------------------------------------------------------------- */

static void a_refusal_names_file_line_and_column(void)
{
    expect_refusal("/load/deadline", "5x",
                   SLICE("test.jsonc:3:23: found \"5x\", expected a duration such as \"250ms\" or "
                         "\"1m30s\""));
}

static void input_is_cut_between_characters_before_it_is_shown(void)
{
    expect_refusal("/name", "a name of forty-two bytes, followed by an \xc3\xa4 and more",
                   SLICE("test.jsonc:1:10: found \"a name of forty-two bytes, followed by an ..., "
                         "expected a name of letters, digits and ._- that begins with a letter or "
                         "digit"));
}

static void the_grammar_is_refused_at_its_byte(void)
{
    EXPECT_RC(load(SLICE("{\"name\": \"x\",\n \"seed\" 5}")), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "test.jsonc:2:9: found '5', expected a colon after the key");
}

static void a_character_that_is_not_expected_is_shown_whole(void)
{
    EXPECT_RC(load(SLICE("{\"name\": \xe2\x80\x9cx\xe2\x80\x9d}")), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "test.jsonc:1:10: found '\xe2\x80\x9c', expected a value");
    EXPECT_RC(load(SLICE("\0\0")), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "test.jsonc:1:1: found the byte 0x00, expected a value");
}

/* Other programs would take the text to end there. */
static void a_nul_byte_is_refused_even_in_a_comment(void)
{
    EXPECT_RC(load(SLICE("{} // a\0b")), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "test.jsonc:1:8: found the byte 0x00, expected a text without");
}

static void minus_zero_is_no_count(void)
{
    expect_refusal("/seed", "-0",
                   SLICE("test.jsonc:1:10: found -0, expected a whole number from 0 to "
                         "9007199254740991"));
}

static void expectations_are_read_with_their_escapes(void)
{
    EXPECT_RC(load_small_with("/expect", "[\"calls.useful \\u003e= 90%\"]"), RC_OK);
    EXPECT_TEXT(scenario.expects[0].text, "calls.useful >= 90%");
}

static void a_scenario_that_is_no_object_is_refused(void)
{
    EXPECT_RC(load(SLICE("[]")), RC_MALFORMED);
    EXPECT_TEXT(slice_of(err.text), "test.jsonc:1:1: found an array, expected an object { }");
    EXPECT_RC(load(SLICE("")), RC_MALFORMED);
}

static void a_text_beyond_the_ceiling_is_refused(void)
{
    struct slice long_text = {arena_take(&arena, SCENARIO_TEXT_MAX + 1, 1), SCENARIO_TEXT_MAX + 1};

    EXPECT_RC(load(long_text), RC_LIMIT);
}

static void tables_have_ceilings(void)
{
    char models[4096] = "{\"gpt-4o\": {\"api\": \"openai-chat\"}";

    for (int i = 1; i <= SCENARIO_MODELS_MAX; i++)
        snprintf(models + strlen(models), sizeof(models) - strlen(models),
                 ", \"m%d\": {\"api\": \"anthropic\"}", i);
    strcat(models, "}");
    EXPECT_RC(load_small_with("/target/mock/models", models), RC_LIMIT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "found \"m16\", expected at most 16 models"));
}

static void a_trace_that_is_not_there_is_refused_where_it_is_named(void)
{
    struct file_reader files = tree_beside("scenarios/none.jsonc");
    struct slice text;

    EXPECT_RC(scenario_set(slice_of(SMALL), SLICE("/load/trace"), SLICE("{\"file\": \"no.csv\"}"),
                           &arena, &text, &err),
              RC_OK);
    EXPECT_RC(scenario_load(&scenario, text, SLICE("s.jsonc"), &files, &arena, &err), RC_SYSTEM);
    EXPECT_TEXT(slice_of(err.text), "s.jsonc:3:29: scenarios/no.csv: no such file");
}

static void a_refused_scenario_is_left_empty(void)
{
    EXPECT_RC(load_small_with("/link", "{\"latency\": 5}"), RC_MALFORMED);
    EXPECT_U64(scenario.models_count, 0);
    EXPECT_U64(scenario.load.parts_count, 0);
    EXPECT_U64(scenario.text.size, 0);
}

static void expect_no_cut_is_taken(const char *path)
{
    struct file_reader files = tree_beside(path);
    struct slice text = tree_read(path, &arena);
    size_t last_brace = text.size;

    while (text.data[last_brace - 1] != '}')
        last_brace--;
    for (size_t size = 0; size < last_brace; size++) {
        struct arena scratch;

        arena_init(&scratch, memory_heap(), 1 << 20);
        if (scenario_load(&scenario, (struct slice){text.data, size}, SLICE("cut"), &files,
                          &scratch, &err) != RC_MALFORMED)
            CU_FAIL("a cut scenario was not refused");
        arena_deinit(&scratch);
    }
}

static void no_cut_of_the_text_is_taken_for_a_scenario(void)
{
    expect_no_cut_is_taken(WHOLE);
    expect_no_cut_is_taken(LIVE);
    expect_no_cut_is_taken(EXEC);
    expect_no_cut_is_taken(SERVICE);
}

/* A byte of the text is another one: it loads, or it is refused with its place. Nothing else. */
static void expect_mutations_survived(const char *path, size_t stride)
{
    static const char others[] = {'\0', '"', '{', ']', '\\', '/', '$', '0', '9', '-', '.', '\x80'};
    struct file_reader files = tree_beside(path);
    struct slice text = tree_read(path, &arena);
    char *changed = arena_take(&arena, text.size, 1);

    memcpy(changed, text.data, text.size);
    for (size_t i = 0; i < text.size; i += stride) {
        struct arena scratch;

        arena_init(&scratch, memory_heap(), 4 << 20);
        changed[i] = others[i / stride % sizeof(others)];
        err = (struct error){0};
        if (scenario_load(&scenario, (struct slice){changed, text.size}, SLICE("mutant"), &files,
                          &scratch, &err) != RC_OK)
            CU_ASSERT(strncmp(err.text, "mutant:", 7) == 0);
        changed[i] = text.data[i];
        arena_deinit(&scratch);
    }
}

static void any_other_byte_is_read_or_refused_with_its_place(void)
{
    expect_mutations_survived(WHOLE, 7);
    expect_mutations_survived(LIVE, 1);
    expect_mutations_survived(EXEC, 1);
    expect_mutations_survived(SERVICE, 1);
}

static void walk_failing_memory(const char *path)
{
    struct file_reader files = tree_beside(path);
    struct slice text = tree_read(path, &arena);
    struct flaky flaky;
    struct memory memory;
    uint64_t allow = 0;
    enum rc rc;

    do {
        struct arena poor;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        arena_init(&poor, &memory, 16 << 20);
        rc = scenario_load(&scenario, text, SLICE("poor"), &files, &poor, &err);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        arena_deinit(&poor);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 2);
}

static void memory_may_run_out_anywhere(void)
{
    walk_failing_memory(WHOLE);
    walk_failing_memory(LIVE);
    walk_failing_memory(EXEC);
    walk_failing_memory(SERVICE);
}

/* --- what is printed -------------------------------------------------------------------------- */

static struct slice print(void)
{
    struct buffer out;
    struct slice printed;

    buffer_init(&out, memory_heap(), SCENARIO_TEXT_MAX);
    scenario_write(&scenario, &out);
    printed = arena_copy(&arena, buffer_slice(&out));
    buffer_deinit(&out);
    return printed;
}

static struct call_plan last_call(void)
{
    struct source source;
    struct call_plan plan = {0};

    source_init(&source, &scenario);
    while (source_next(&source, &plan))
        continue;
    return plan;
}

static void expect_same_when_printed(const char *path)
{
    struct file_reader files = tree_beside(path);
    struct slice first, second;
    struct call_plan last;

    EXPECT_RC(tree_load(&scenario, path, &arena, &err), RC_OK);
    first = print();
    last = last_call();
    if (scenario_load(&scenario, first, SLICE("printed"), &files, &arena, &err) != RC_OK)
        CU_FAIL(err.text);
    second = print();
    CU_ASSERT(first.size > 1000);
    CU_ASSERT(slice_is(first, second));
    EXPECT_U64(last_call().id.index, last.id.index);
    EXPECT_I64(last_call().due_at, last.due_at);
    EXPECT_U64(last_call().output_tokens, last.output_tokens);
}

static void what_is_printed_loads_and_prints_again_the_same(void)
{
    glob_t found;

    expect_same_when_printed(WHOLE);
    expect_same_when_printed(LIVE);
    expect_same_when_printed(EXEC);
    expect_same_when_printed(SERVICE);
    CU_ASSERT_FATAL(glob("scenarios/*.jsonc", 0, NULL, &found) == 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        arena_deinit(&arena);
        arena_init(&arena, memory_heap(), 64 << 20);
        expect_same_when_printed(found.gl_pathv[i]);
    }
    CU_ASSERT(found.gl_pathc > 1);
    globfree(&found);
}

static void printing_fills_in_the_defaults(void)
{
    struct slice printed;

    EXPECT_RC(load(slice_of(SMALL)), RC_OK);
    printed = print();
    CU_ASSERT(slice_has(printed, SLICE("\"preset\": \"none\"")));
    CU_ASSERT(slice_has(printed, SLICE("\"first_token\": \"300ms\", \"rate\": \"60 tokens/s\"")));
    CU_ASSERT(slice_has(printed, SLICE("\"deadline\": \"60s\", \"drain\": \"60s\"")));
    CU_ASSERT(slice_has(printed, SLICE("\"latency\": \"500us\"")));
    CU_ASSERT(slice_has(printed, SLICE("\"instances\": 1")));
    CU_ASSERT(
        slice_has(printed, SLICE("\"alerts\": {\"budget\": \"once\", \"anomalies\": \"once\"}")));
    CU_ASSERT(
        slice_has(printed, SLICE("\"price\": {\"input\": \"$2.50\", \"output\": \"$10.00\"")));
    CU_ASSERT_FALSE(slice_has(printed, SLICE("\"monitor\"")));
    CU_ASSERT_FALSE(slice_has(printed, SLICE("\"spend_limit\"")));
    CU_ASSERT_FALSE(slice_has(printed, SLICE("\"control\"")));
}

/* "--set /chaos=[]" is how a run without faults is asked for. */
static void chaos_and_expectations_may_be_none(void)
{
    EXPECT_RC(load_small_with("/chaos", "[]"), RC_OK);
    EXPECT_U64(scenario.chaos.rules_count, 0);
    EXPECT_RC(load_small_with("/expect", "[]"), RC_OK);
    EXPECT_U64(scenario.expects_count, 0);
}

static CU_TestInfo tests[] = {
    {"chaos and expectations may be none", chaos_and_expectations_may_be_none},
    {"fills in what a small scenario leaves out", fills_in_what_a_small_scenario_leaves_out},
    {"reads the head with its escapes", reads_the_head_with_its_escapes},
    {"reads the layers of a client over its preset", reads_the_layers_of_a_client_over_its_preset},
    {"reads fallbacks and timeouts", reads_fallbacks_and_timeouts},
    {"a preset comes first wherever it stands", a_preset_comes_first_wherever_it_stands},
    {"a client that keeps its deadline gives up at 95 percent of it",
     a_client_that_keeps_its_deadline_gives_up_at_95_percent_of_it},
    {"providers follow from the formats of the models",
     providers_follow_from_the_formats_of_the_models},
    {"parts run one after another and the trace last",
     parts_run_one_after_another_and_the_trace_last},
    {"phases stand in order of first appearance", phases_stand_in_order_of_first_appearance},
    {"rules without a name take their phase's", rules_without_a_name_take_their_phase_s},
    {"reads whom a rule hits", reads_whom_a_rule_hits},
    {"reads retry-after in every form", reads_retry_after_in_every_form},
    {"a status tells its failure unless one is named",
     a_status_tells_its_failure_unless_one_is_named},
    {"an array of faults is a sequence", an_array_of_faults_is_a_sequence},
    {"reads faults that shape an answer", reads_faults_that_shape_an_answer},
    {"prices are exact to the picodollar a token", prices_are_exact_to_the_picodollar_a_token},
    {"what a cache changes costs like input unless it is said",
     what_a_cache_changes_costs_like_input_unless_it_is_said},
    {"models without a price take the table's", models_without_a_price_take_the_table_s},
    {"reads what is watched", reads_what_is_watched},
    {"alerts go to each named hook of the mock", alerts_go_to_each_named_hook_of_the_mock},
    {"a monitor watches only what is said", a_monitor_watches_only_what_is_said},
    {"reads how often a client alerts over its preset",
     reads_how_often_a_client_alerts_over_its_preset},
    {"reads instances control and spend limit", reads_instances_control_and_spend_limit},
    {"a live target has base urls and names of keys",
     a_live_target_has_base_urls_and_names_of_keys},
    {"a monitor of a live target has nobody to tell",
     a_monitor_of_a_live_target_has_nobody_to_tell},
    {"secrets are never part of a message", secrets_are_never_part_of_a_message},
    {"any other byte is read or refused with its place",
     any_other_byte_is_read_or_refused_with_its_place},
    {"keeps what the judge reads as text with its place",
     keeps_what_the_judge_reads_as_text_with_its_place},
    {"a refusal names file, line and column", a_refusal_names_file_line_and_column},
    {"input is cut between characters before it is shown",
     input_is_cut_between_characters_before_it_is_shown},
    {"the grammar is refused at its byte", the_grammar_is_refused_at_its_byte},
    {"a character that is not expected is shown whole",
     a_character_that_is_not_expected_is_shown_whole},
    {"a NUL byte is refused even in a comment", a_nul_byte_is_refused_even_in_a_comment},
    {"minus zero is no count", minus_zero_is_no_count},
    {"expectations are read with their escapes", expectations_are_read_with_their_escapes},
    {"a scenario that is no object is refused", a_scenario_that_is_no_object_is_refused},
    {"a text beyond the ceiling is refused", a_text_beyond_the_ceiling_is_refused},
    {"tables have ceilings", tables_have_ceilings},
    {"a trace that is not there is refused where it is named",
     a_trace_that_is_not_there_is_refused_where_it_is_named},
    {"a refused scenario is left empty", a_refused_scenario_is_left_empty},
    {"no cut of the text is taken for a scenario", no_cut_of_the_text_is_taken_for_a_scenario},
    {"memory may run out anywhere", memory_may_run_out_anywhere},
    {"what is printed loads and prints again the same",
     what_is_printed_loads_and_prints_again_the_same},
    {"printing fills in the defaults", printing_fills_in_the_defaults},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo scenario_suite = {"scenario", NULL, NULL, set_up, tear_down, tests};
