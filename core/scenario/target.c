/* The target: who serves which models, and what they say. */

#include "scenario/read.h"

/* --- models ----------------------------------------------------------------------------------- */

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
    struct value mock, providers, models, answers, any_model;
};

static enum rc read_mock(struct reading *r, const struct value *value)
{
    static const struct read_key keys[] = {
        {"models", NEEDED, read_keep, offsetof(struct target_block, models)},
        {"providers", OPTIONAL, read_keep, offsetof(struct target_block, providers)},
        {"answers", OPTIONAL, read_keep, offsetof(struct target_block, answers)},
        {"any_model", OPTIONAL, read_keep, offsetof(struct target_block, any_model)},
    };
    struct target_block block = {0};

    TRY(read_object(r, value, keys, ARRAY_SIZE(keys), &block));
    r->scenario->serves_any_model = r->scenario->subject == SUBJECT_EXEC;
    if (value_is_there(&block.any_model))
        TRY(read_bool(r, &block.any_model, &r->scenario->serves_any_model));
    if (value_is_there(&block.providers))
        TRY(read_providers(r, &block.providers));
    TRY(read_models(r, &block.models));
    return value_is_there(&block.answers) ? read_answers(r, &block.answers) : RC_OK;
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
