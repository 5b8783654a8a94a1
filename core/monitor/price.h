#ifndef MONITOR_PRICE_H
#define MONITOR_PRICE_H

/* What tokens cost: a small table of well-known models, and the arithmetic. Exact: a tariff is in
 * picodollars per token, so $3.00 per million tokens is 3,000,000.
 *
 * Some models have a dearer tariff for long prompts: once the whole prompt (cached parts too) is
 * longer than `long_prompt_tokens`, it applies to the whole request (wire-facts.md §9.1).
 * Prices move monthly: PRICES_DATED stands beside every figure of money. Source: wire-facts.md §9.
 *
 * Pure; cannot fail. A model without a price costs an unknown amount, never nothing. */

#include <stdbool.h>
#include <stdint.h>

#include "base/money.h"
#include "base/slice.h"
#include "wire/format.h"

#define PRICES_DATED "2026-11"

/* Per token. */
struct tariff {
    money input, output;
    money cached;      /* read from a cache */
    money cache_write; /* written to one (the five-minute kind) */
};

struct price {
    bool is_known;
    struct tariff tariff;
    uint64_t long_prompt_tokens; /* above it long_tariff applies; UINT64_MAX: never */
    struct tariff long_tariff;
};

/* The price of a model by its name: exactly, or a dated or tagged kind of it
 * ("claude-sonnet-4-5-20250929" is claude-sonnet-4-5, but "gpt-4o-mini" is not gpt-4o). False, and
 * `price` zeroed, when it is not in the table. */
bool price_find(struct slice model, struct price *price);

/* The table itself, for `brownout prices` and the docs; NULL past the last. */
const char *price_at(uint32_t index, struct price *price);

/* What a request cost. False when the price or the usage is unknown. The formats count differently:
 * OpenAI's input_tokens include the cached ones, Anthropic's do not (wire-facts.md §2, §3). */
bool price_cost(const struct price *price, enum api api, const struct usage *usage, money *cost);

#endif
