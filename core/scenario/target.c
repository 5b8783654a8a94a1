/* The target: who serves which models, and how a model behaves while nothing is wrong with it. */

#include "scenario/read.h"

/* --- models ----------------------------------------------------------------------------------- */

struct model_block {
    enum api api;
    struct value provider, price;
    struct model model;
};

static enum rc read_tokens_per_event(struct reading *r, const struct value *value, void *out)
{
    return read_whole32(r, value, 1, TOKENS_PER_EVENT_MAX, out);
}

static const struct read_key model_keys[] = {
    {"api", NEEDED, read_api, offsetof(struct model_block, api)},
    {"provider", OPTIONAL, read_keep, offsetof(struct model_block, provider)},
    {"first_token", OPTIONAL, read_span_distribution,
     offsetof(struct model_block, model.first_token)},
    {"rate", OPTIONAL, read_token_rate, offsetof(struct model_block, model.tokens_per_s)},
    {"tokens_per_event", OPTIONAL, read_tokens_per_event,
     offsetof(struct model_block, model.tokens_per_event)},
    {"context_window", OPTIONAL, read_tokens, offsetof(struct model_block, model.context_window)},
    {"price", OPTIONAL, read_keep, offsetof(struct model_block, price)},
    {"limits", OPTIONAL, read_not_built, 0},
    {"capacity", OPTIONAL, read_not_built, 0},
};

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
    TRY(read_price(r, &block.price, slice_of(block.model.name),
                   &scenario->prices[scenario->models_count]));
    scenario->places.models[scenario->models_count] = value_position(r, name);
    scenario->apis[scenario->models_count] = block.api;
    scenario->models[scenario->models_count++] = block.model;
    return RC_OK;
}

static enum rc read_models(struct reading *r, const struct value *value)
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

uint32_t scenario_model(const struct scenario *scenario, struct slice name)
{
    for (uint32_t i = 0; i < scenario->models_count; i++) {
        if (slice_is(name, slice_of(scenario->models[i].name)))
            return i;
    }
    return SCENARIO_MODELS_MAX;
}

enum rc read_model(struct reading *r, const struct value *value, uint32_t *model)
{
    struct nearest nearest;
    struct slice name;
    uint32_t index;

    TRY(read_string(r, value, &name));
    index = scenario_model(r->scenario, name);
    if (index < SCENARIO_MODELS_MAX) {
        *model = index;
        return RC_OK;
    }
    nearest_init(&nearest, name);
    for (uint32_t i = 0; i < r->scenario->models_count; i++)
        nearest_offer(&nearest, slice_of(r->scenario->models[i].name));
    return read_refuse_word(r, value, &nearest,
                            r->scenario->target == TARGET_LIVE ? "a model of target.models"
                                                               : "a model of target.mock.models");
}

/* --- the section ------------------------------------------------------------------------------ */

struct target_block {
    struct value mock, providers, models;
};

static enum rc read_mock(struct reading *r, const struct value *value)
{
    static const struct read_key keys[] = {
        {"models", NEEDED, read_keep, offsetof(struct target_block, models)},
        {"providers", OPTIONAL, read_keep, offsetof(struct target_block, providers)},
    };
    struct target_block block = {0};

    TRY(read_object(r, value, keys, ARRAY_SIZE(keys), &block));
    if (value_is_there(&block.providers))
        TRY(read_providers(r, &block.providers));
    return read_models(r, &block.models);
}

static enum rc read_live(struct reading *r, const struct value *value,
                         const struct target_block *block)
{
    if (!value_is_there(&block->models))
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found no \"models\" beside \"providers\", expected one");
    r->scenario->target = TARGET_LIVE;
    TRY(read_providers(r, &block->providers));
    return read_models(r, &block->models);
}

enum rc read_target(struct reading *r, const struct value *value)
{
    static const struct read_key keys[] = {
        {"mock", OPTIONAL, read_keep, offsetof(struct target_block, mock)},
        {"providers", OPTIONAL, read_keep, offsetof(struct target_block, providers)},
        {"models", OPTIONAL, read_keep, offsetof(struct target_block, models)},
    };
    struct target_block block = {0};
    bool is_live;

    TRY(read_object(r, value, keys, ARRAY_SIZE(keys), &block));
    is_live = value_is_there(&block.providers);
    if (is_live == value_is_there(&block.mock))
        return read_refuse_as(r, RC_MALFORMED, value,
                              is_live ? "found \"mock\" beside \"providers\", expected one of them"
                                      : "found no \"mock\" and no \"providers\" in this object, "
                                        "expected one of them");
    if (is_live)
        return read_live(r, value, &block);
    if (value_is_there(&block.models))
        return read_refuse_as(r, RC_MALFORMED, &block.models,
                              "found \"models\" beside \"mock\", expected them inside of it");
    return read_mock(r, &block.mock);
}
