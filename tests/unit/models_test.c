/* Who answers: the pace, limits and capacity of models, whose formats share a listener, and what is
 * said. What is refused stands in tests/unit/fixtures/broken. */

#include "scenario/scenario.h"

#include <stdio.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/tree.h"

static const char WHOLE[] = "tests/unit/fixtures/whole.jsonc";

static struct scenario scenario;
static struct arena arena;
static struct error err;

static void set_up(void)
{
    err = (struct error){0};
    arena_init(&arena, memory_heap(), 16 << 20);
    if (tree_load(&scenario, WHOLE, &arena, &err) != RC_OK)
        CU_FAIL(err.text);
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

static const struct model *model(const char *name)
{
    uint32_t index = scenario_model(&scenario, slice_of(name));

    CU_ASSERT_FATAL(index < scenario.models_count);
    return &scenario.models[index];
}

/* WHOLE with one more model. */
static const struct model *another(const char *text)
{
    struct file_reader files = tree_beside(WHOLE);
    struct slice changed = tree_read(WHOLE, &arena);

    CU_ASSERT_FATAL(scenario_set(changed, SLICE("/target/mock/models/another"), slice_of(text),
                                 &arena, &changed, &err) == RC_OK);
    if (scenario_load(&scenario, changed, SLICE("another"), &files, &arena, &err) != RC_OK)
        CU_FAIL_FATAL(err.text);
    return model("another");
}

/* --- pace ------------------------------------------------------------------------------------- */

static void a_gap_between_tokens_stands_in_for_a_rate(void)
{
    CU_ASSERT(model("gpt-5")->has_token_gap);
    EXPECT_I64((nanos)model("gpt-5")->token_gap.p50, 10 * NANOS_MS);
    EXPECT_I64((nanos)model("gpt-5")->token_gap.p99, 80 * NANOS_MS);
    CU_ASSERT_FALSE(model("gpt-4o")->has_token_gap);
}

static void a_model_may_think_ping_and_stop_at_its_window(void)
{
    EXPECT_U64((uint64_t)model("gpt-5")->thinking.p50, 200);
    EXPECT_I64(model("gpt-5")->ping_every, 5 * NANOS_S);
    CU_ASSERT(model("gpt-5")->stops_at_window);
    CU_ASSERT_FALSE(model("gemini-2.5-flash")->stops_at_window);
    EXPECT_U64((uint64_t)model("gpt-4o")->thinking.p50, 0);
}

/* --- limits and capacity ---------------------------------------------------------------------- */

static void limits_are_whole_numbers_for_a_time(void)
{
    const struct limits *limits = &model("gpt-5")->limits;

    EXPECT_U64(limits->of[LIMIT_REQUESTS].amount, 600);
    EXPECT_I64(limits->of[LIMIT_REQUESTS].per, 60 * NANOS_S);
    EXPECT_U64(limits->of[LIMIT_REQUESTS].burst, 10);
    EXPECT_U64(limits->of[LIMIT_INPUT_TOKENS].amount, 400000);
    EXPECT_U64(limits->of[LIMIT_INPUT_TOKENS].burst, 0);
    EXPECT_I64(limits->of[LIMIT_OUTPUT_TOKENS].per, 3600 * NANOS_S);
    EXPECT_I64(limits->of[LIMIT_TOKENS].per, NANOS_US);
    CU_ASSERT_FALSE(limits_any(&model("gpt-4o")->limits));
}

static void capacity_is_read_whole(void)
{
    const struct capacity_rules *rules = &model("gpt-5")->capacity;

    EXPECT_U64(rules->places, 50);
    EXPECT_U64(rules->queue, 200);
    EXPECT_U64(rules->when_full, 429);
    CU_ASSERT_EQUAL(rules->slowdown, 2.5);
    CU_ASSERT(rules->finishes_abandoned);
    CU_ASSERT_EQUAL(rules->recovers_from, 0.3);
    EXPECT_I64(rules->recovers_over, 60 * NANOS_S);
    EXPECT_U64(model("gemini-2.5-flash")->capacity.queue, UINT32_MAX);
}

static void a_model_without_capacity_has_any_number_of_places(void)
{
    EXPECT_U64(model("gpt-4o")->capacity.places, 0);
    CU_ASSERT_EQUAL(model("gpt-4o")->capacity.slowdown, 1.0);
    CU_ASSERT_EQUAL(model("gpt-4o")->capacity.recovers_from, 1.0);
}

static void a_full_house_answers_as_its_provider_does(void)
{
    EXPECT_U64(
        another("{\"api\": \"anthropic\", \"capacity\": {\"places\": 1}}")->capacity.when_full,
        529);
    EXPECT_U64(
        another("{\"api\": \"openai-chat\", \"capacity\": {\"places\": 1}}")->capacity.when_full,
        503);
    EXPECT_U64(
        another("{\"api\": \"openai-responses\", \"capacity\": {\"places\": 1}}")->capacity.queue,
        0);
    EXPECT_U64(another("{\"api\": \"gemini\", \"capacity\": {\"places\": 1}}")->capacity.when_full,
               503);
}

/* --- families --------------------------------------------------------------------------------- */

static void formats_of_one_family_share_a_listener(void)
{
    EXPECT_U64(model("gpt-5")->provider, model("gpt-4o")->provider);
    EXPECT_U64(scenario.providers[model("gpt-5")->provider].api, API_OPENAI_CHAT);
    EXPECT_U64(scenario.apis[scenario_model(&scenario, SLICE("gpt-5"))], API_OPENAI_RESPONSES);
}

/* deepseek is declared as openai-responses and serves openai-chat, too. */
static void a_provider_of_one_s_own_is_of_a_family_too(void)
{
    EXPECT_U64(scenario.providers[0].api, API_OPENAI_CHAT);
    EXPECT_U64(another("{\"api\": \"openai-responses\", \"provider\": \"deepseek\"}")->provider, 0);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void an_answer_has_text_a_tool_and_counts(void)
{
    const struct script *script = &scenario.scripts[0];

    EXPECT_U64(scenario.scripts_count, 3);
    EXPECT_TEXT(slice_of(script->name), "weather");
    EXPECT_TEXT(slice_of(script->match.model), "gpt-*");
    CU_ASSERT(script->match.has_stream && script->match.stream);
    EXPECT_TEXT(script->text, "It \"rains\".\n");
    EXPECT_TEXT(script->tool_name, "get_weather");
    EXPECT_TEXT(script->tool_input, "{\"city\": \"B\\u00f6blingen\", \"days\": [1, 2]}");
    EXPECT_U64(script->stop, STOP_TOOL);
    EXPECT_U64(script->thinking_tokens, 20);
    EXPECT_U64(script->cached_tokens, 1000);
    CU_ASSERT(script->has_cache_write_tokens);
    EXPECT_U64(script->cache_write_tokens, 0);
}

static void an_answer_says_only_what_it_was_told(void)
{
    const struct script *tool = &scenario.scripts[1];
    const struct script *refusal = &scenario.scripts[2];

    EXPECT_TEXT(slice_of(tool->name), "answer2");
    EXPECT_TEXT(tool->tool_input, "{}");
    CU_ASSERT_FALSE(tool->has_stop);
    CU_ASSERT_FALSE(tool->has_thinking_tokens || tool->has_cached_tokens);
    EXPECT_U64(tool->match.input_tokens_max, UINT64_MAX);
    CU_ASSERT(refusal->has_stop);
    EXPECT_U64(refusal->stop, STOP_REFUSAL);
    EXPECT_U64(refusal->tool_name.size, 0);
}

/* --- printed ---------------------------------------------------------------------------------- */

static void expect_same_spread(const struct distribution *a, const struct distribution *b)
{
    EXPECT_U64(a->kind, b->kind);
    CU_ASSERT_EQUAL(a->p50, b->p50);
    CU_ASSERT_EQUAL(a->p99, b->p99);
}

static void expect_same_limits(const struct limits *a, const struct limits *b)
{
    for (int kind = 0; kind < LIMIT_KINDS_COUNT; kind++) {
        EXPECT_U64(a->of[kind].amount, b->of[kind].amount);
        EXPECT_I64(a->of[kind].per, b->of[kind].per);
        EXPECT_U64(a->of[kind].burst, b->of[kind].burst);
    }
}

static void expect_same_capacity(const struct capacity_rules *a, const struct capacity_rules *b)
{
    EXPECT_U64(a->places, b->places);
    EXPECT_U64(a->queue, b->queue);
    CU_ASSERT_EQUAL(a->slowdown, b->slowdown);
    EXPECT_U64(a->when_full, b->when_full);
    EXPECT_U64(a->finishes_abandoned, b->finishes_abandoned);
    CU_ASSERT_EQUAL(a->recovers_from, b->recovers_from);
    EXPECT_I64(a->recovers_over, b->recovers_over);
}

static void expect_same_model(const struct model *a, const struct model *b)
{
    EXPECT_U64(a->provider, b->provider);
    expect_same_spread(&a->first_token, &b->first_token);
    CU_ASSERT_EQUAL(a->tokens_per_s, b->tokens_per_s);
    EXPECT_U64(a->has_token_gap, b->has_token_gap);
    expect_same_spread(&a->token_gap, &b->token_gap);
    EXPECT_U64(a->tokens_per_event, b->tokens_per_event);
    EXPECT_U64(a->context_window, b->context_window);
    EXPECT_U64(a->stops_at_window, b->stops_at_window);
    expect_same_spread(&a->thinking, &b->thinking);
    EXPECT_I64(a->ping_every, b->ping_every);
    expect_same_limits(&a->limits, &b->limits);
    expect_same_capacity(&a->capacity, &b->capacity);
}

static void expect_same_script(const struct script *a, const struct script *b)
{
    CU_ASSERT_STRING_EQUAL(a->name, b->name);
    CU_ASSERT(slice_is(a->text, b->text));
    CU_ASSERT(slice_is(a->tool_name, b->tool_name));
    CU_ASSERT(slice_is(a->tool_input, b->tool_input));
    EXPECT_U64(a->has_stop, b->has_stop);
    EXPECT_U64(a->stop, b->stop);
    EXPECT_U64(a->has_thinking_tokens, b->has_thinking_tokens);
    EXPECT_U64(a->thinking_tokens, b->thinking_tokens);
    EXPECT_U64(a->has_cached_tokens, b->has_cached_tokens);
    EXPECT_U64(a->cached_tokens, b->cached_tokens);
    EXPECT_U64(a->has_cache_write_tokens, b->has_cache_write_tokens);
    EXPECT_U64(a->cache_write_tokens, b->cache_write_tokens);
    CU_ASSERT_STRING_EQUAL(a->match.model, b->match.model);
    EXPECT_U64(a->match.has_stream, b->match.has_stream);
}

static void models_and_answers_print_as_what_they_are(void)
{
    static struct scenario again;
    struct file_reader files = tree_beside(WHOLE);
    struct buffer printed;

    buffer_init(&printed, memory_heap(), SCENARIO_TEXT_MAX);
    scenario_write(&scenario, &printed);
    if (scenario_load(&again, buffer_slice(&printed), SLICE("printed"), &files, &arena, &err) !=
        RC_OK)
        CU_FAIL_FATAL(err.text);
    EXPECT_U64(again.models_count, scenario.models_count);
    for (uint32_t i = 0; i < scenario.models_count; i++) {
        expect_same_model(&again.models[i], &scenario.models[i]);
        EXPECT_U64(again.apis[i], scenario.apis[i]);
    }
    EXPECT_U64(again.scripts_count, scenario.scripts_count);
    for (uint32_t i = 0; i < scenario.scripts_count; i++)
        expect_same_script(&again.scripts[i], &scenario.scripts[i]);
    buffer_deinit(&printed);
}

static CU_TestInfo tests[] = {
    {"models and answers print as what they are", models_and_answers_print_as_what_they_are},
    {"a gap between tokens stands in for a rate", a_gap_between_tokens_stands_in_for_a_rate},
    {"a model may think, ping, and stop at its window",
     a_model_may_think_ping_and_stop_at_its_window},
    {"limits are whole numbers for a time", limits_are_whole_numbers_for_a_time},
    {"capacity is read whole", capacity_is_read_whole},
    {"a model without capacity has any number of places",
     a_model_without_capacity_has_any_number_of_places},
    {"a full house answers as its provider does", a_full_house_answers_as_its_provider_does},
    {"formats of one family share a listener", formats_of_one_family_share_a_listener},
    {"a provider of one's own is of a family, too", a_provider_of_one_s_own_is_of_a_family_too},
    {"an answer has text, a tool and counts", an_answer_has_text_a_tool_and_counts},
    {"an answer says only what it was told", an_answer_says_only_what_it_was_told},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo models_suite = {"models", NULL, NULL, set_up, tear_down, tests};
