/* How a model behaves while nothing is wrong with it: its pace, its limits, its capacity. */

#include <stdio.h>

#include "base/units.h"
#include "scenario/read.h"

/* --- limits ----------------------------------------------------------------------------------- */

/* "min" in "600/min", as a span: 60 s. */
static bool find_unit(struct slice unit, nanos *per)
{
    char one[8];

    if (unit.size == 0 || unit.size > 3 || (unit.data[0] >= '0' && unit.data[0] <= '9'))
        return false;
    snprintf(one, sizeof(one), "1%.*s", SLICE_ARG(unit));
    return units_duration(slice_of(one), per) == RC_OK;
}

/* Exact, for a bucket counts whole units. */
static enum rc read_limit_rate(struct reading *r, const struct value *value, void *out)
{
    static const uint64_t AMOUNT_MAX = 1000000000;
    struct slice rest = value->token.kind == JSON_STRING ? value->token.raw : SLICE("");
    struct slice amount;
    struct limit *limit = out;
    uint64_t number;
    nanos per;

    if (!slice_cut(&rest, '/', &amount) || !slice_u64(slice_trim(amount), &number) ||
        !find_unit(slice_trim(rest), &per))
        return read_refuse(r, RC_MALFORMED, value, "a limit such as \"600/min\"");
    if (number == 0 || number > AMOUNT_MAX)
        return read_refuse(r, RC_LIMIT, value, "a limit from 1 to 1000000000");
    limit->amount = number;
    limit->per = per;
    return RC_OK;
}

static enum rc read_limit(struct reading *r, const struct value *value, void *out)
{
    static const struct read_key keys[] = {
        {"rate", NEEDED, read_limit_rate, 0},
        {"burst", OPTIONAL, read_tokens, offsetof(struct limit, burst)},
    };

    if (value->token.kind == JSON_OBJECT)
        return read_object(r, value, keys, ARRAY_SIZE(keys), out);
    return read_limit_rate(r, value, out);
}

#define LIMIT_KEY(name, word) \
    {word, OPTIONAL, read_limit, offsetof(struct limits, of[LIMIT_##name])},
static const struct read_key limit_keys[] = {LIMIT_LIST(LIMIT_KEY)};
#undef LIMIT_KEY

static enum rc read_limits(struct reading *r, const struct value *value, void *out)
{
    struct limits limits = {0};

    TRY(read_object(r, value, limit_keys, ARRAY_SIZE(limit_keys), &limits));
    *(struct limits *)out = limits;
    return RC_OK;
}

/* --- capacity --------------------------------------------------------------------------------- */

enum { PLACES_MAX = 1000000 };

static enum rc read_places(struct reading *r, const struct value *value, void *out)
{
    return read_whole32(r, value, 1, PLACES_MAX, out);
}

static enum rc read_queue(struct reading *r, const struct value *value, void *out)
{
    uint32_t *queue = out;

    if (value->token.kind == JSON_STRING && json_is(&value->token, SLICE("unbounded"))) {
        *queue = UINT32_MAX;
        return RC_OK;
    }
    if (value->token.kind == JSON_STRING)
        return read_refuse(r, RC_MALFORMED, value, "a whole number or \"unbounded\"");
    return read_whole32(r, value, 0, PLACES_MAX, queue);
}

static enum rc read_when_full(struct reading *r, const struct value *value, void *out)
{
    uint16_t *status = out;
    uint64_t number = 0;

    TRY(read_whole(r, value, 400, 599, &number));
    *status = (uint16_t)number;
    return RC_OK;
}

static enum rc read_slowdown(struct reading *r, const struct value *value, void *out)
{
    return read_number(r, value, 1, 1000, out);
}

static enum rc read_abandoned(struct reading *r, const struct value *value, void *out)
{
    static const char *const words[] = {"stops", "finishes"};
    bool *finishes = out;
    uint32_t index;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    *finishes = index == 1;
    return RC_OK;
}

static enum rc read_recovers(struct reading *r, const struct value *value, void *out)
{
    static const struct read_key keys[] = {
        {"from", NEEDED, read_share, offsetof(struct capacity_rules, recovers_from)},
        {"over", NEEDED, read_span, offsetof(struct capacity_rules, recovers_over)},
    };

    return read_object(r, value, keys, ARRAY_SIZE(keys), out);
}

static const struct read_key capacity_keys[] = {
    {"places", NEEDED, read_places, offsetof(struct capacity_rules, places)},
    {"queue", OPTIONAL, read_queue, offsetof(struct capacity_rules, queue)},
    {"when_full", OPTIONAL, read_when_full, offsetof(struct capacity_rules, when_full)},
    {"slowdown", OPTIONAL, read_slowdown, offsetof(struct capacity_rules, slowdown)},
    {"abandoned", OPTIONAL, read_abandoned, offsetof(struct capacity_rules, finishes_abandoned)},
    {"recovers", OPTIONAL, read_recovers, 0},
};

/* --- the model -------------------------------------------------------------------------------- */

struct model_block {
    enum api api;
    struct value provider, price, rate, token_gap, capacity;
    struct model model;
};

static enum rc read_tokens_per_event(struct reading *r, const struct value *value, void *out)
{
    return read_whole32(r, value, 1, TOKENS_PER_EVENT_MAX, out);
}

static enum rc read_at_window(struct reading *r, const struct value *value, void *out)
{
    static const char *const words[] = {"refuses", "stops"};
    bool *stops = out;
    uint32_t index;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    *stops = index == 1;
    return RC_OK;
}

static const struct read_key model_keys[] = {
    {"api", NEEDED, read_api, offsetof(struct model_block, api)},
    {"provider", OPTIONAL, read_keep, offsetof(struct model_block, provider)},
    {"first_token", OPTIONAL, read_span_distribution,
     offsetof(struct model_block, model.first_token)},
    {"rate", OPTIONAL, read_keep, offsetof(struct model_block, rate)},
    {"token_gap", OPTIONAL, read_keep, offsetof(struct model_block, token_gap)},
    {"tokens_per_event", OPTIONAL, read_tokens_per_event,
     offsetof(struct model_block, model.tokens_per_event)},
    {"thinking_tokens", OPTIONAL, read_tokens_distribution,
     offsetof(struct model_block, model.thinking)},
    {"pings", OPTIONAL, read_span, offsetof(struct model_block, model.ping_every)},
    {"context_window", OPTIONAL, read_tokens, offsetof(struct model_block, model.context_window)},
    {"at_window", OPTIONAL, read_at_window, offsetof(struct model_block, model.stops_at_window)},
    {"limits", OPTIONAL, read_limits, offsetof(struct model_block, model.limits)},
    {"capacity", OPTIONAL, read_keep, offsetof(struct model_block, capacity)},
    {"price", OPTIONAL, read_keep, offsetof(struct model_block, price)},
};

static enum rc read_pace(struct reading *r, const struct model_block *block, struct model *model)
{
    if (value_is_there(&block->rate) && value_is_there(&block->token_gap))
        return read_refuse_as(r, RC_MALFORMED, &block->token_gap,
                              "found \"token_gap\" beside \"rate\", expected one of them");
    if (value_is_there(&block->rate))
        return read_token_rate(r, &block->rate, &model->tokens_per_s);
    model->has_token_gap = value_is_there(&block->token_gap);
    if (model->has_token_gap)
        return read_span_distribution(r, &block->token_gap, &model->token_gap);
    return RC_OK;
}

/* Without a word on it a full house answers as that provider's does. */
static enum rc read_capacity(struct reading *r, const struct model_block *block,
                             struct capacity_rules *rules)
{
    rules->slowdown = 1;
    rules->recovers_from = 1;
    rules->when_full = format_status(block->api, OUTCOME_OVERLOADED);
    if (!value_is_there(&block->capacity))
        return RC_OK;
    return read_object(r, &block->capacity, capacity_keys, ARRAY_SIZE(capacity_keys), rules);
}

static enum rc read_one_model(struct reading *r, const struct value *name,
                              const struct value *value)
{
    struct scenario *scenario = r->scenario;
    struct model_block block = {.model = {.first_token = {.p50 = 300 * NANOS_MS},
                                          .tokens_per_s = 60,
                                          .tokens_per_event = 1,
                                          .context_window = UINT64_MAX}};
    struct value text = *name;

    if (scenario->models_count == SCENARIO_MODELS_MAX)
        return read_refuse(r, RC_LIMIT, name, "at most %d models", SCENARIO_MODELS_MAX);
    text.token.kind = JSON_STRING;
    TRY(read_text(r, &text, block.model.name, sizeof(block.model.name)));
    TRY(read_object(r, value, model_keys, ARRAY_SIZE(model_keys), &block));
    TRY(read_model_provider(r, &block.provider, block.api, value, &block.model.provider));
    TRY(read_pace(r, &block, &block.model));
    TRY(read_capacity(r, &block, &block.model.capacity));
    TRY(read_price(r, &block.price, slice_of(block.model.name),
                   &scenario->prices[scenario->models_count]));
    scenario->places.models[scenario->models_count] = value_position(r, name);
    scenario->apis[scenario->models_count] = block.api;
    scenario->models[scenario->models_count++] = block.model;
    return RC_OK;
}

enum rc read_models(struct reading *r, const struct value *value)
{
    struct walk walk;
    struct value name, member;

    TRY(read_expect_object(r, value));
    walk_init(&walk, value);
    while (walk_next(&walk, &name, &member))
        TRY(read_one_model(r, &name, &member));
    if (r->scenario->models_count == 0)
        return read_refuse_as(r, RC_MALFORMED, value, "found no model, expected one or more");
    return RC_OK;
}
