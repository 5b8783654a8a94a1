#include <CUnit/CUnit.h>

#include "monitor/price.h"
#include "tests/support/expect.h"
#include "tests/support/tree.h"

static struct price price;
static money cost;

/* Of a model in the table; fails the test when it has no price. */
static void priced(const char *model)
{
    CU_ASSERT_FATAL(price_find(slice_of(model), &price));
    CU_ASSERT(price.is_known);
}

static money costs(enum api api, struct usage usage)
{
    usage.is_known = true;
    cost = -1;
    CU_ASSERT(price_cost(&price, api, &usage, &cost));
    return cost;
}

/* --- names ------------------------------------------------------------------------------------ */

static void finds_a_model_by_its_exact_name(void)
{
    priced("claude-sonnet-4-5");
    EXPECT_I64(price.tariff.input, 3000000);
    EXPECT_I64(price.tariff.output, 15000000);
    EXPECT_I64(price.tariff.cached, 300000);
    EXPECT_I64(price.tariff.cache_write, 3750000);
    priced("gpt-4o");
    EXPECT_I64(price.tariff.input, 2500000);
    EXPECT_I64(price.tariff.output, 10000000);
    EXPECT_I64(price.tariff.cached, 1250000);
}

static void a_dated_or_tagged_name_is_the_same_model(void)
{
    static const char *const kinds[][2] = {
        {"claude-sonnet-4-5-20250929", "claude-sonnet-4-5"},
        {"claude-sonnet-4-5@20250929", "claude-sonnet-4-5"},
        {"claude-sonnet-4-5-latest", "claude-sonnet-4-5"},
        {"claude-sonnet-4@default", "claude-sonnet-4"},
        {"claude-sonnet-4-20250514", "claude-sonnet-4"},
        {"gpt-4o-2024-08-06", "gpt-4o"},
        {"gpt-4o-mini-2024-07-18", "gpt-4o-mini"},
        {"gemini-2.5-flash-001", "gemini-2.5-flash"},
        {"gemini-3-pro-preview", "gemini-3-pro"},
        {"gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"},
        {"gemini-2.5-flash-lite-preview-09-2025", "gemini-2.5-flash-lite"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct price kind;

        CU_ASSERT_FATAL(price_find(slice_of(kinds[i][0]), &kind));
        priced(kinds[i][1]);
        EXPECT_I64(kind.tariff.input, price.tariff.input);
        EXPECT_I64(kind.tariff.output, price.tariff.output);
    }
}

static void a_longer_name_is_another_model(void)
{
    priced("gpt-4o-mini");
    EXPECT_I64(price.tariff.input, 150000);
    priced("claude-sonnet-4");
    EXPECT_I64(price.tariff.input, 3000000);
    priced("claude-sonnet-5-5");
    EXPECT_I64(price.tariff.input, 2000000);
}

static void an_unknown_model_has_no_price(void)
{
    static const char *const unknown[] = {
        "",
        "claude",
        "claude-sonnet",
        "claude-sonnet-4-",
        "claude-sonnet-4-7",
        "claude-sonnet-4-5-",
        "claude-sonnet-4-5-20250929-",
        "claude-sonnet-4-5-20250929-x",
        "claude-sonnet-4-5-fast",
        "claude-sonnet-4-5x",
        "claude-sonnet-4-5@",
        "xclaude-sonnet-4-5",
        "Claude-Sonnet-4-5",
        "gpt-4o-realtime",
        "gpt-4o-mini-tts",
        "gemini-2.5-flash-preview-",
        "gemini-2.5-flash-preview-tts",
        "gpt-4",
        "gpt-5.4-20",
    };

    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        price.is_known = true;
        CU_ASSERT(!price_find(slice_of(unknown[i]), &price));
        CU_ASSERT(!price.is_known);
        EXPECT_I64(price.tariff.input, 0);
    }
}

/* What lets price_find take the first that fits. */
static void no_name_of_the_table_is_a_kind_of_another(void)
{
    const char *name;
    struct price own;
    uint32_t count = 0;

    for (; (name = price_at(count, &own)) != NULL; count++) {
        priced(name);
        EXPECT_I64(price.tariff.input, own.tariff.input);
        EXPECT_I64(price.tariff.output, own.tariff.output);
        EXPECT_I64(price.tariff.cached, own.tariff.cached);
        EXPECT_U64(price.long_prompt_tokens, own.long_prompt_tokens);
    }
    CU_ASSERT(count > 50);
}

/* wire-facts.md §9.1: a slip of a digit shows here. */
static void the_table_keeps_the_vendors_own_rules(void)
{
    const char *name;

    for (uint32_t i = 0; (name = price_at(i, &price)) != NULL; i++) {
        const struct tariff *t = &price.tariff;

        CU_ASSERT(t->input > 0);
        CU_ASSERT(t->output >= 4 * t->input);
        CU_ASSERT(t->output <= 9 * t->input);
        CU_ASSERT(t->cached <= t->input);
        CU_ASSERT(t->cache_write >= t->input);
        if (slice_starts_with(slice_of(name), SLICE("claude-")))
            EXPECT_I64(t->cache_write, t->input * 5 / 4);
        CU_ASSERT(price.long_tariff.input >= t->input);
        CU_ASSERT(price.long_tariff.output >= t->output);
    }
}

static void write_million(struct buffer *row, money per_token)
{
    money_write(row, money_times(per_token, 1000000));
}

static void write_tariff(struct buffer *row, const struct tariff *tariff, const char *separator)
{
    write_million(row, tariff->input);
    buffer_text(row, separator);
    write_million(row, tariff->cached);
    buffer_text(row, separator);
    write_million(row, tariff->cache_write);
    buffer_text(row, separator);
    write_million(row, tariff->output);
}

static void write_row(struct buffer *row, const char *name)
{
    buffer_clear(row);
    buffer_printf(row, "| `%s` | ", name);
    write_tariff(row, &price.tariff, " | ");
    if (price.long_prompt_tokens == UINT64_MAX) {
        buffer_text(row, " | no |\n");
        return;
    }
    buffer_printf(row, " | above %llu: ", (unsigned long long)price.long_prompt_tokens);
    write_tariff(row, &price.long_tariff, ", ");
    buffer_text(row, " |\n");
}

static void the_page_shows_the_table_as_it_is(void)
{
    struct arena arena;
    struct buffer row;
    struct slice page;
    const char *name;

    arena_init(&arena, memory_heap(), 1 << 20);
    buffer_init(&row, memory_heap(), 1024);
    page = tree_read("docs/monitor.md", &arena);
    CU_ASSERT_FATAL(page.data != NULL);
    CU_ASSERT(slice_has(page, SLICE("Prices of " PRICES_DATED ",")));
    for (uint32_t i = 0; (name = price_at(i, &price)) != NULL; i++) {
        write_row(&row, name);
        if (!slice_has(page, buffer_slice(&row)))
            EXPECT_TEXT(buffer_slice(&row), "a row of docs/monitor.md");
    }
    buffer_deinit(&row);
    arena_deinit(&arena);
}

/* --- arithmetic ------------------------------------------------------------------------------- */

static void eight_hundred_tokens_in_cost_exactly_0_0024_dollars(void)
{
    priced("claude-sonnet-4-5");
    EXPECT_I64(costs(API_ANTHROPIC, (struct usage){.input_tokens = 800}), 2400000000); /* $0.0024 */
    EXPECT_I64(costs(API_ANTHROPIC, (struct usage){.output_tokens = 1}), 15000000);
    EXPECT_I64(costs(API_ANTHROPIC, (struct usage){.input_tokens = 800, .output_tokens = 120}),
               4200000000);
}

/* 1,000 tokens sent, 600 of them from a cache, 100 written to one. */
static void anthropic_counts_cached_tokens_apart(void)
{
    priced("claude-sonnet-4-5");
    EXPECT_I64(
        costs(API_ANTHROPIC,
              (struct usage){.input_tokens = 300, .cached_tokens = 600, .cache_write_tokens = 100}),
        300 * 3000000 + 600 * 300000 + 100 * 3750000);
}

static void openai_counts_cached_tokens_in(void)
{
    priced("gpt-6-sol");
    EXPECT_I64(costs(API_OPENAI_CHAT, (struct usage){.input_tokens = 1000,
                                                     .cached_tokens = 600,
                                                     .cache_write_tokens = 100}),
               300 * 2000000 + 600 * 200000 + 100 * 2500000);
    priced("gpt-4o"); /* charges nothing for the writing */
    EXPECT_I64(costs(API_OPENAI_CHAT, (struct usage){.input_tokens = 1000,
                                                     .cached_tokens = 600,
                                                     .cache_write_tokens = 100}),
               400 * 2500000 + 600 * 1250000);
}

static void more_cached_than_sent_is_not_a_negative_number_of_tokens(void)
{
    priced("gpt-4o");
    EXPECT_I64(costs(API_OPENAI_CHAT, (struct usage){.input_tokens = 1, .cached_tokens = 5}),
               5 * 1250000);
}

static void a_long_prompt_makes_the_whole_request_dearer(void)
{
    priced("claude-sonnet-4-5");
    EXPECT_I64(costs(API_ANTHROPIC, (struct usage){.input_tokens = 200000, .output_tokens = 10}),
               200000 * (money)3000000 + 10 * 15000000);
    EXPECT_I64(costs(API_ANTHROPIC, (struct usage){.input_tokens = 200001, .output_tokens = 10}),
               200001 * (money)6000000 + 10 * 22500000);
}

static void cached_tokens_make_a_prompt_long_too(void)
{
    priced("claude-sonnet-4-5");
    EXPECT_I64(costs(API_ANTHROPIC, (struct usage){.input_tokens = 1,
                                                   .cached_tokens = 199000,
                                                   .cache_write_tokens = 1000}),
               6000000 + 199000 * (money)600000 + 1000 * (money)7500000);
    priced("gpt-5.4"); /* here they are in it already, and do not count twice */
    EXPECT_I64(
        costs(API_OPENAI_CHAT, (struct usage){.input_tokens = 272000, .cached_tokens = 200000}),
        72000 * (money)2500000 + 200000 * (money)250000);
    EXPECT_I64(
        costs(API_OPENAI_CHAT, (struct usage){.input_tokens = 272001, .cached_tokens = 200001}),
        72000 * (money)5000000 + 200001 * (money)500000);
}

static void each_family_has_its_own_threshold(void)
{
    priced("claude-haiku-5-5");
    EXPECT_U64(price.long_prompt_tokens, 100000);
    EXPECT_I64(price.long_tariff.input, 500000);
    EXPECT_I64(price.long_tariff.output, 2500000);
    EXPECT_I64(price.long_tariff.cached, 50000);
    EXPECT_I64(price.long_tariff.cache_write, 625000);
    priced("gemini-2.5-pro");
    EXPECT_U64(price.long_prompt_tokens, 200000);
    EXPECT_I64(price.long_tariff.input, 2500000);
    EXPECT_I64(price.long_tariff.output, 15000000);
    EXPECT_I64(price.long_tariff.cached, 250000);
    priced("claude-opus-4-6");
    EXPECT_U64(price.long_prompt_tokens, UINT64_MAX);
}

static void what_is_not_known_costs_an_unknown_amount(void)
{
    struct usage usage = {.is_known = true, .input_tokens = 800};
    struct price none = {0};

    cost = 77;
    CU_ASSERT(!price_cost(&none, API_ANTHROPIC, &usage, &cost));
    priced("claude-sonnet-4-5");
    usage.is_known = false;
    CU_ASSERT(!price_cost(&price, API_ANTHROPIC, &usage, &cost));
    EXPECT_I64(cost, 77);
}

static void nothing_used_costs_nothing_and_is_known(void)
{
    priced("claude-sonnet-4-5");
    EXPECT_I64(costs(API_ANTHROPIC, (struct usage){0}), 0);
}

static void absurd_counts_saturate(void)
{
    struct usage all = {.input_tokens = UINT64_MAX,
                        .output_tokens = UINT64_MAX,
                        .cached_tokens = UINT64_MAX,
                        .cache_write_tokens = UINT64_MAX};

    priced("gpt-5.5-pro");
    EXPECT_I64(costs(API_ANTHROPIC, all), MONEY_MAX);
    EXPECT_I64(costs(API_OPENAI_CHAT, all), MONEY_MAX);
    priced("claude-opus-5"); /* no long tariff, however long */
    EXPECT_I64(costs(API_ANTHROPIC, all), MONEY_MAX);
}

static CU_TestInfo tests[] = {
    {"finds a model by its exact name", finds_a_model_by_its_exact_name},
    {"a dated or tagged name is the same model", a_dated_or_tagged_name_is_the_same_model},
    {"a longer name is another model", a_longer_name_is_another_model},
    {"an unknown model has no price", an_unknown_model_has_no_price},
    {"no name of the table is a kind of another", no_name_of_the_table_is_a_kind_of_another},
    {"the table keeps the vendors' own rules", the_table_keeps_the_vendors_own_rules},
    {"the page shows the table as it is", the_page_shows_the_table_as_it_is},
    {"800 tokens in cost $0.0024, exactly", eight_hundred_tokens_in_cost_exactly_0_0024_dollars},
    {"Anthropic counts cached tokens apart", anthropic_counts_cached_tokens_apart},
    {"OpenAI counts cached tokens in", openai_counts_cached_tokens_in},
    {"more cached than sent is not a negative number of tokens",
     more_cached_than_sent_is_not_a_negative_number_of_tokens},
    {"a long prompt makes the whole request dearer", a_long_prompt_makes_the_whole_request_dearer},
    {"cached tokens make a prompt long, too", cached_tokens_make_a_prompt_long_too},
    {"each family has its own threshold", each_family_has_its_own_threshold},
    {"what is not known costs an unknown amount", what_is_not_known_costs_an_unknown_amount},
    {"nothing used costs nothing, and is known", nothing_used_costs_nothing_and_is_known},
    {"absurd counts saturate", absurd_counts_saturate},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo price_suite = {"price", NULL, NULL, NULL, NULL, tests};
