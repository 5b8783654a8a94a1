#include "monitor/price.h"

#include <assert.h>

#include "base/attributes.h"

/* Prices for long prompts, as halves of the ordinary ones: what is doubled is 4 halves. */
enum long_rule { LONG_NEVER, LONG_100K_FIVEFOLD, LONG_200K_DOUBLE, LONG_272K_DOUBLE };

static const struct {
    uint64_t prompt_tokens;
    uint32_t input_halves; /* caches too */
    uint32_t output_halves;
} long_rules[] = {
    [LONG_NEVER] = {UINT64_MAX, 2, 2},
    [LONG_100K_FIVEFOLD] = {100000, 10, 10},
    [LONG_200K_DOUBLE] = {200000, 4, 3},
    [LONG_272K_DOUBLE] = {272000, 4, 3},
};

struct row {
    const char *model;
    /* Dollars per thousand million tokens: $0.075 per million is 75. */
    uint32_t input, output, cached, cache_write;
    enum long_rule long_rule;
};

/* wire-facts.md §9.2 to §9.4. Where a vendor sells no cheaper cached input, or does not charge for
 * cache writes apart, these cost what input costs. */
static const struct row rows[] = {
    {"claude-fable-5-1", 10000, 50000, 250, 12500, LONG_NEVER},
    {"claude-mythos-5-1", 10000, 50000, 250, 12500, LONG_NEVER},
    {"claude-fable-5", 10000, 50000, 1000, 12500, LONG_NEVER},
    {"claude-mythos-5", 10000, 50000, 1000, 12500, LONG_NEVER},
    {"claude-opus-5-5", 4000, 20000, 200, 5000, LONG_NEVER},
    {"claude-opus-5", 5000, 25000, 500, 6250, LONG_NEVER},
    {"claude-opus-4-8", 5000, 25000, 500, 6250, LONG_NEVER},
    {"claude-opus-4-7", 5000, 25000, 500, 6250, LONG_NEVER},
    {"claude-opus-4-6", 5000, 25000, 500, 6250, LONG_NEVER},
    {"claude-opus-4-5", 5000, 25000, 500, 6250, LONG_NEVER},
    {"claude-opus-4-1", 15000, 75000, 1500, 18750, LONG_NEVER},
    {"claude-opus-4", 15000, 75000, 1500, 18750, LONG_NEVER},
    {"claude-sonnet-5-5", 2000, 10000, 100, 2500, LONG_NEVER},
    {"claude-sonnet-5", 2000, 10000, 200, 2500, LONG_NEVER},
    {"claude-sonnet-4-6", 3000, 15000, 300, 3750, LONG_NEVER},
    {"claude-sonnet-4-5", 3000, 15000, 300, 3750, LONG_200K_DOUBLE},
    {"claude-sonnet-4", 3000, 15000, 300, 3750, LONG_200K_DOUBLE},
    {"claude-haiku-5-5", 100, 500, 10, 125, LONG_100K_FIVEFOLD},
    {"claude-haiku-4-5", 1000, 5000, 100, 1250, LONG_NEVER},
    {"claude-3-5-haiku", 800, 4000, 80, 1000, LONG_NEVER},

    {"gpt-4o", 2500, 10000, 1250, 2500, LONG_NEVER},
    {"gpt-4o-mini", 150, 600, 75, 150, LONG_NEVER},
    {"gpt-4.1", 2000, 8000, 500, 2000, LONG_NEVER},
    {"gpt-4.1-mini", 400, 1600, 100, 400, LONG_NEVER},
    {"gpt-4.1-nano", 100, 400, 25, 100, LONG_NEVER},
    {"o1", 15000, 60000, 7500, 15000, LONG_NEVER},
    {"o3", 2000, 8000, 500, 2000, LONG_NEVER},
    {"o3-mini", 1100, 4400, 550, 1100, LONG_NEVER},
    {"o3-pro", 20000, 80000, 20000, 20000, LONG_NEVER},
    {"o4-mini", 1100, 4400, 275, 1100, LONG_NEVER},
    {"gpt-5", 1250, 10000, 125, 1250, LONG_NEVER},
    {"gpt-5-mini", 250, 2000, 25, 250, LONG_NEVER},
    {"gpt-5-nano", 50, 400, 5, 50, LONG_NEVER},
    {"gpt-5.1", 1250, 10000, 125, 1250, LONG_NEVER},
    {"gpt-5.2", 1750, 14000, 175, 1750, LONG_NEVER},
    {"gpt-5.3-codex", 1750, 14000, 175, 1750, LONG_NEVER},
    {"gpt-5.4", 2500, 15000, 250, 2500, LONG_272K_DOUBLE},
    {"gpt-5.4-mini", 750, 4500, 75, 750, LONG_272K_DOUBLE},
    {"gpt-5.4-nano", 200, 1250, 20, 200, LONG_272K_DOUBLE},
    {"gpt-5.5", 5000, 30000, 500, 5000, LONG_272K_DOUBLE},
    {"gpt-5.5-pro", 30000, 180000, 30000, 30000, LONG_272K_DOUBLE},
    {"gpt-5.6-sol", 5000, 30000, 500, 5000, LONG_272K_DOUBLE},
    {"gpt-5.6-terra", 2000, 12000, 200, 2000, LONG_272K_DOUBLE},
    {"gpt-5.6-luna", 200, 1200, 20, 200, LONG_272K_DOUBLE},
    {"gpt-6-astra", 10000, 50000, 1000, 10000, LONG_272K_DOUBLE},
    {"gpt-6-sol", 2000, 10000, 200, 2500, LONG_272K_DOUBLE},
    {"gpt-6-luna", 100, 500, 10, 125, LONG_272K_DOUBLE},
    {"gpt-6.1-sol", 2000, 10000, 100, 2500, LONG_272K_DOUBLE},
    {"gpt-6.1-terra", 1000, 5000, 50, 1250, LONG_272K_DOUBLE},

    {"gemini-2.5-pro", 1250, 10000, 125, 1250, LONG_200K_DOUBLE},
    {"gemini-2.5-flash", 300, 2500, 30, 300, LONG_NEVER},
    {"gemini-2.5-flash-lite", 100, 400, 10, 100, LONG_NEVER},
    {"gemini-3-pro", 2000, 12000, 200, 2000, LONG_200K_DOUBLE},
    {"gemini-3.1-pro", 2000, 12000, 200, 2000, LONG_200K_DOUBLE},
    {"gemini-3-flash", 500, 3000, 50, 500, LONG_NEVER},
    {"gemini-3.1-flash-lite", 250, 1500, 25, 250, LONG_NEVER},
    {"gemini-3.5-flash", 1500, 9000, 150, 1500, LONG_NEVER},
};

static struct tariff ordinary_tariff(const struct row *row)
{
    const money unit = MONEY_USD / 1000000000;

    return (struct tariff){
        .input = row->input * unit,
        .output = row->output * unit,
        .cached = row->cached * unit,
        .cache_write = row->cache_write * unit,
    };
}

static struct price price_of(const struct row *row)
{
    struct tariff t = ordinary_tariff(row);
    money input_halves = long_rules[row->long_rule].input_halves;
    money output_halves = long_rules[row->long_rule].output_halves;

    return (struct price){
        .is_known = true,
        .tariff = t,
        .long_prompt_tokens = long_rules[row->long_rule].prompt_tokens,
        .long_tariff =
            {
                .input = t.input * input_halves / 2,
                .output = t.output * output_halves / 2,
                .cached = t.cached * input_halves / 2,
                .cache_write = t.cache_write * input_halves / 2,
            },
    };
}

/* --- names ------------------------------------------------------------------------------------ */

static size_t count_digits(struct slice text)
{
    size_t count = 0;

    while (count < text.size && text.data[count] >= '0' && text.data[count] <= '9')
        count++;
    return count;
}

/* Groups of at least `digits_min` digits, joined by '-': "20250929", "2024-08-06", "001",
 * "09-2025". A single digit is a version of its own ("claude-sonnet-4" and "claude-sonnet-4-5"). */
static bool is_date(struct slice text, size_t digits_min)
{
    struct slice group;

    if (text.size == 0 || text.data[text.size - 1] == '-')
        return false;
    while (slice_cut(&text, '-', &group)) {
        if (group.size < digits_min || count_digits(group) < group.size)
            return false;
        digits_min = 2;
    }
    return true;
}

/* What may stand behind a name without making it another model. */
static bool is_tag(struct slice tail)
{
    const struct slice preview = SLICE("preview-");
    struct slice tag = {tail.data + 1, tail.size - 1};

    if (tail.data[0] != '-' && tail.data[0] != '@') /* Vertex: "claude-sonnet-4-5@20250929" */
        return false;
    if (slice_is(tag, SLICE("latest")) || slice_is(tag, SLICE("default")) ||
        slice_is(tag, SLICE("preview")))
        return true;
    if (slice_starts_with(tag, preview))
        return is_date((struct slice){tag.data + preview.size, tag.size - preview.size}, 2);
    return is_date(tag, 3);
}

static bool is_kind_of(struct slice model, struct slice name)
{
    if (!slice_starts_with(model, name))
        return false;
    return model.size == name.size ||
           is_tag((struct slice){model.data + name.size, model.size - name.size});
}

/* --- the door --------------------------------------------------------------------------------- */

/* No name of the table with a tag is another name of the table, so the first that fits is the only
 * one (a test walks all pairs). */
bool price_find(struct slice model, struct price *price)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (is_kind_of(model, slice_of(rows[i].model))) {
            *price = price_of(&rows[i]);
            return true;
        }
    }
    *price = (struct price){0};
    return false;
}

const char *price_at(uint32_t index, struct price *price)
{
    if (index >= ARRAY_SIZE(rows))
        return NULL;
    *price = price_of(&rows[index]);
    return rows[index].model;
}

/* --- the arithmetic --------------------------------------------------------------------------- */

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Input that was neither read from a cache nor written to one. */
static uint64_t plain_tokens(enum api api, const struct usage *usage)
{
    uint64_t apart = add(usage->cached_tokens, usage->cache_write_tokens);

    if (api == API_ANTHROPIC)
        return usage->input_tokens;
    return usage->input_tokens > apart ? usage->input_tokens - apart : 0;
}

bool price_cost(const struct price *price, enum api api, const struct usage *usage, money *cost)
{
    const struct tariff *tariff = &price->tariff;
    uint64_t plain, prompt;
    money sum;

    assert(api < API_COUNT);
    if (!price->is_known || !usage->is_known)
        return false;
    plain = plain_tokens(api, usage);
    prompt = add(plain, add(usage->cached_tokens, usage->cache_write_tokens));
    if (prompt > price->long_prompt_tokens)
        tariff = &price->long_tariff;
    sum = money_times(tariff->input, plain);
    sum = money_add(sum, money_times(tariff->cached, usage->cached_tokens));
    sum = money_add(sum, money_times(tariff->cache_write, usage->cache_write_tokens));
    sum = money_add(sum, money_times(tariff->output, usage->output_tokens));
    *cost = sum;
    return true;
}
