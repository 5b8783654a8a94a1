/* The target: who serves which models, and how a model behaves while nothing is wrong with it. */

#include "scenario/read.h"

struct mock_block {
    struct value models, providers;
};

static enum rc read_api(struct reading *r, const struct value *value, void *out)
{
    const char *words[API_COUNT];
    enum api *api = out;
    uint32_t index;

    for (uint32_t i = 0; i < API_COUNT; i++)
        words[i] = api_word((enum api)i);
    TRY(read_word(r, value, words, API_COUNT, &index));
    *api = (enum api)index;
    return RC_OK;
}

/* --- providers -------------------------------------------------------------------------------- */

/* Its index, or providers_count. */
static uint32_t find_provider(const struct scenario *scenario, struct slice name)
{
    uint32_t i = 0;

    while (i < scenario->providers_count && !slice_is(name, slice_of(scenario->providers[i].name)))
        i++;
    return i;
}

static enum rc read_provider(struct reading *r, const struct value *name, const struct value *value)
{
    static const struct read_key keys[] = {
        {"api", NEEDED, read_api, offsetof(struct provider, api)},
    };
    struct provider provider = {0};
    struct value text = *name;

    if (r->scenario->providers_count == SCENARIO_PROVIDERS_MAX)
        return read_refuse(r, RC_LIMIT, name, "at most %d providers", SCENARIO_PROVIDERS_MAX);
    text.token.kind = JSON_STRING; /* a key is as good a name */
    TRY(read_name(r, &text, 0, provider.name, sizeof(provider.name)));
    TRY(read_object(r, value, keys, ARRAY_SIZE(keys), &provider));
    r->scenario->providers[r->scenario->providers_count++] = provider;
    return RC_OK;
}

static enum rc read_providers(struct reading *r, const struct value *value)
{
    struct walk walk;
    struct value name, member;

    TRY(read_expect_object(r, value));
    walk_init(&walk, value);
    while (walk_next(&walk, &name, &member))
        TRY(read_provider(r, &name, &member));
    return RC_OK;
}

static enum rc refuse_provider(struct reading *r, const struct value *value)
{
    struct nearest nearest;

    nearest_init(&nearest, value->token.raw);
    for (uint32_t i = 0; i < r->scenario->providers_count; i++)
        nearest_offer(&nearest, slice_of(r->scenario->providers[i].name));
    for (uint32_t i = 0; i < API_COUNT; i++)
        nearest_offer(&nearest, slice_of(api_provider((enum api)i)));
    return read_refuse_word(r, value, &nearest,
                            "a provider that target.mock.providers defines, or \"%s\"",
                            api_provider(API_ANTHROPIC));
}

/* Who serves a model of that api: as named, else the api's own provider. Those need no entry under
 * `providers`. */
static enum rc pick_provider(struct reading *r, const struct value *named, enum api api,
                             const struct value *model, uint32_t *provider)
{
    struct scenario *scenario = r->scenario;
    struct slice own = slice_of(api_provider(api));
    struct slice name = own;
    uint32_t index;

    if (value_is_there(named))
        TRY(read_string(r, named, &name));
    index = find_provider(scenario, name);
    if (index == scenario->providers_count) {
        if (!slice_is(name, own))
            return refuse_provider(r, named);
        if (index == SCENARIO_PROVIDERS_MAX)
            return read_refuse(r, RC_LIMIT, model, "at most %d providers", SCENARIO_PROVIDERS_MAX);
        slice_copy(own, scenario->providers[index].name, sizeof(scenario->providers[index].name));
        scenario->providers[index].api = api;
        scenario->providers_count++;
    }
    if (scenario->providers[index].api != api)
        return read_refuse_as(r, RC_MALFORMED, value_is_there(named) ? named : model,
                              "found api \"%s\" at provider \"%s\", expected its \"%s\"",
                              api_word(api), scenario->providers[index].name,
                              api_word(scenario->providers[index].api));
    *provider = index;
    return RC_OK;
}

/* --- models ----------------------------------------------------------------------------------- */

struct model_block {
    enum api api;
    struct value provider;
    struct model model;
};

static enum rc read_tokens_per_event(struct reading *r, const struct value *value, void *out)
{
    return read_whole32(r, value, 1, 1000, out);
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
    TRY(pick_provider(r, &block.provider, block.api, value, &block.model.provider));
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
    return read_refuse_word(r, value, &nearest, "a model of target.mock.models");
}

/* --- the section ------------------------------------------------------------------------------ */

enum rc read_target(struct reading *r, const struct value *value)
{
    static const struct read_key target_keys[] = {
        {"mock", NEEDED, read_keep, 0}, {"providers", OPTIONAL, read_not_built, 0}, /* real ones */
    };
    static const struct read_key mock_keys[] = {
        {"models", NEEDED, read_keep, offsetof(struct mock_block, models)},
        {"providers", OPTIONAL, read_keep, offsetof(struct mock_block, providers)},
    };
    struct value mock;
    struct mock_block block = {0};

    TRY(read_object(r, value, target_keys, ARRAY_SIZE(target_keys), &mock));
    TRY(read_object(r, &mock, mock_keys, ARRAY_SIZE(mock_keys), &block));
    if (value_is_there(&block.providers))
        TRY(read_providers(r, &block.providers));
    return read_models(r, &block.models);
}
