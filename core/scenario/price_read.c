/* A model's price: what the scenario says, else the table's.
 *
 * It is written as providers write it, per million tokens, and kept per token, where one picodollar
 * is a millionth of a dollar per million: a sixth decimal is the last that is exact. */

#include <string.h>

#include "base/units.h"
#include "scenario/read.h"

static const int64_t NANO_USD_PER_PICO_USD_A_TOKEN = 1000;         /* per million tokens */
static const int64_t NANO_USD_MAX = (int64_t)9000000 * 1000000000; /* as `money` it still fits */

static enum rc read_per_token(struct reading *r, const struct value *value, void *out)
{
    struct slice text = value->token.kind == JSON_STRING ? value->token.raw : (struct slice){0};
    int64_t nano_usd = 0;
    enum rc rc = units_money(text, &nano_usd);
    money per_token;

    if (rc == RC_MALFORMED)
        return read_refuse(r, rc, value, "a price per million tokens such as \"$3.00\"");
    if (rc != RC_OK || nano_usd > NANO_USD_MAX || nano_usd % NANO_USD_PER_PICO_USD_A_TOKEN != 0)
        return read_refuse(r, RC_LIMIT, value,
                           "at most $9000000 per million tokens, in at most six decimals");
    per_token = nano_usd / NANO_USD_PER_PICO_USD_A_TOKEN;
    memcpy(out, &per_token, sizeof(per_token));
    return RC_OK;
}

struct tariff_block {
    struct tariff tariff;
    struct value cached, cache_write;
    struct value long_prompt; /* in a price */
    uint64_t above;           /* in its "long_prompt" */
};

/* A price is all but the first, its "long_prompt" all but the last. */
static const struct read_key tariff_keys[] = {
    {"above", NEEDED, read_tokens, offsetof(struct tariff_block, above)},
    {"input", NEEDED, read_per_token, offsetof(struct tariff_block, tariff.input)},
    {"output", NEEDED, read_per_token, offsetof(struct tariff_block, tariff.output)},
    {"cached", OPTIONAL, read_keep, offsetof(struct tariff_block, cached)},
    {"cache_write", OPTIONAL, read_keep, offsetof(struct tariff_block, cache_write)},
    {"long_prompt", OPTIONAL, read_keep, offsetof(struct tariff_block, long_prompt)},
};

enum { TARIFF_KEYS_COUNT = ARRAY_SIZE(tariff_keys) - 1 };

static enum rc read_tariff(struct reading *r, const struct value *value,
                           const struct read_key *keys, struct tariff_block *block)
{
    struct tariff *tariff = &block->tariff;

    TRY(read_object(r, value, keys, TARIFF_KEYS_COUNT, block));
    tariff->cached = tariff->input;
    tariff->cache_write = tariff->input;
    if (value_is_there(&block->cached))
        TRY(read_per_token(r, &block->cached, &tariff->cached));
    if (value_is_there(&block->cache_write))
        TRY(read_per_token(r, &block->cache_write, &tariff->cache_write));
    return RC_OK;
}

enum rc read_price(struct reading *r, const struct value *value, struct slice model,
                   struct price *price)
{
    struct tariff_block block = {0}, beyond = {.above = UINT64_MAX};

    if (!value_is_there(value)) {
        (void)price_find(model, price); /* without a price a model costs an unknown amount */
        return RC_OK;
    }
    TRY(read_tariff(r, value, tariff_keys + 1, &block));
    if (value_is_there(&block.long_prompt))
        TRY(read_tariff(r, &block.long_prompt, tariff_keys, &beyond));
    *price = (struct price){.is_known = true,
                            .tariff = block.tariff,
                            .long_prompt_tokens = beyond.above,
                            .long_tariff = beyond.tariff};
    return RC_OK;
}
