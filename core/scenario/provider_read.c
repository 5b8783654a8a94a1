/* Who serves: listeners of the mock, or real providers behind base URLs.
 *
 * Whatever may hold a secret is never shown in a message: API keys, and base URLs, in which people
 * leave keys too. */

#include <string.h>

#include "scenario/base_url.h"
#include "scenario/read.h"

enum rc read_api(struct reading *r, const struct value *value, void *out)
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

/* A listener serves all formats of one family, so a provider is of that. */
static enum rc read_family(struct reading *r, const struct value *value, void *out)
{
    enum api api;

    TRY(read_api(r, value, &api));
    *(enum api *)out = api_family(api);
    return RC_OK;
}

/* --- real ones -------------------------------------------------------------------------------- */

struct live_block {
    struct value api, base_url, api_key;
};

static enum rc read_base_url(struct reading *r, const struct value *value, struct slice *base_url)
{
    const char *problem;
    struct slice text;
    enum rc rc;

    if (value->token.kind != JSON_STRING)
        return read_refuse(r, RC_MALFORMED, value, "a string");
    TRY(read_string(r, value, &text));
    rc = base_url_read(text, base_url, &problem);
    return rc == RC_OK ? rc : read_refuse_as(r, rc, value, "%s", problem);
}

static enum rc read_key_env(struct reading *r, const struct value *value, struct provider *provider)
{
    struct slice name;

    TRY(read_key_variable(r, value, "an api_key", &name));
    slice_copy(name, provider->key_env, sizeof(provider->key_env));
    return RC_OK;
}

/* Providers named as a format's own speak that format. */
static bool find_own_api(struct slice name, enum api *api)
{
    for (uint32_t i = 0; i < API_COUNT; i++) {
        if (!slice_is(name, slice_of(api_provider((enum api)i))))
            continue;
        *api = api_family((enum api)i);
        return true;
    }
    return false;
}

static enum rc read_live(struct reading *r, const struct value *value, struct provider *provider)
{
    static const struct read_key keys[] = {
        {"api", OPTIONAL, read_keep, offsetof(struct live_block, api)},
        {"base_url", NEEDED, read_keep, offsetof(struct live_block, base_url)},
        {"api_key", OPTIONAL, read_keep, offsetof(struct live_block, api_key)},
    };
    struct live_block block = {0};

    TRY(read_object(r, value, keys, ARRAY_SIZE(keys), &block));
    if (value_is_there(&block.api))
        TRY(read_family(r, &block.api, &provider->api));
    else if (!find_own_api(slice_of(provider->name), &provider->api))
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found no \"api\" in this object, expected one");
    if (value_is_there(&block.api_key))
        TRY(read_key_env(r, &block.api_key, provider));
    return read_base_url(r, &block.base_url, &provider->base_url);
}

/* --- all of them ------------------------------------------------------------------------------ */

static enum rc read_listener(struct reading *r, const struct value *value,
                             struct provider *provider)
{
    static const struct read_key keys[] = {
        {"api", NEEDED, read_family, offsetof(struct provider, api)},
    };

    return read_object(r, value, keys, ARRAY_SIZE(keys), provider);
}

/* The mock says where it listens by these words, beside its providers' names. */
static bool is_own_listener(const char *name)
{
    return strcmp(name, "hooks") == 0 || strcmp(name, "admin") == 0 || strcmp(name, "gateway") == 0;
}

static enum rc read_provider(struct reading *r, const struct value *name, const struct value *value)
{
    struct provider provider = {0};
    struct value text = *name;

    if (r->scenario->providers_count == SCENARIO_PROVIDERS_MAX)
        return read_refuse(r, RC_LIMIT, name, "at most %d providers", SCENARIO_PROVIDERS_MAX);
    text.token.kind = JSON_STRING; /* a key is as good a name */
    TRY(read_name(r, &text, 0, provider.name, sizeof(provider.name)));
    if (is_own_listener(provider.name))
        return read_refuse(r, RC_MALFORMED, name, "a name that no listener of the mock's own has");
    if (r->scenario->target == TARGET_LIVE)
        TRY(read_live(r, value, &provider));
    else
        TRY(read_listener(r, value, &provider));
    r->scenario->places.providers[r->scenario->providers_count] = value_position(r, name);
    r->scenario->providers[r->scenario->providers_count++] = provider;
    return RC_OK;
}

enum rc read_providers(struct reading *r, const struct value *value)
{
    struct walk walk;
    struct value name, member;

    TRY(read_expect_object(r, value));
    walk_init(&walk, value);
    while (walk_next(&walk, &name, &member))
        TRY(read_provider(r, &name, &member));
    return RC_OK;
}

/* --- whose a model is ------------------------------------------------------------------------- */

/* Its index, or providers_count. */
static uint32_t find_provider(const struct scenario *scenario, struct slice name)
{
    uint32_t i = 0;

    while (i < scenario->providers_count && !slice_is(name, slice_of(scenario->providers[i].name)))
        i++;
    return i;
}

static enum rc refuse_provider(struct reading *r, const struct value *named, struct slice name,
                               const struct value *model)
{
    struct nearest nearest;

    if (!value_is_there(named)) /* only with a live target: the mock has its own for every api */
        return read_refuse_as(r, RC_MALFORMED, model,
                              "found a model of provider \"%.*s\", expected target.providers to "
                              "define it, or \"provider\" to name another",
                              SLICE_ARG(name));
    nearest_init(&nearest, named->token.raw);
    for (uint32_t i = 0; i < r->scenario->providers_count; i++)
        nearest_offer(&nearest, slice_of(r->scenario->providers[i].name));
    if (r->scenario->target == TARGET_LIVE)
        return read_refuse_word(r, named, &nearest, "a provider that target.providers defines");
    for (uint32_t i = 0; i < API_COUNT; i++)
        nearest_offer(&nearest, slice_of(api_provider((enum api)i)));
    return read_refuse_word(r, named, &nearest,
                            "a provider that target.mock.providers defines, or \"%s\"",
                            api_provider(API_ANTHROPIC));
}

/* The mock has a listener for every format without being told. */
static enum rc add_own_provider(struct reading *r, enum api api, const struct value *model)
{
    struct scenario *scenario = r->scenario;
    struct provider *provider = &scenario->providers[scenario->providers_count];

    if (scenario->providers_count == SCENARIO_PROVIDERS_MAX)
        return read_refuse(r, RC_LIMIT, model, "at most %d providers", SCENARIO_PROVIDERS_MAX);
    *provider = (struct provider){.api = api_family(api)};
    slice_copy(slice_of(api_provider(api)), provider->name, sizeof(provider->name));
    scenario->providers_count++;
    return RC_OK;
}

enum rc read_model_provider(struct reading *r, const struct value *named, enum api api,
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
        if (scenario->target == TARGET_LIVE || !slice_is(name, own))
            return refuse_provider(r, named, name, model);
        TRY(add_own_provider(r, api, model));
    }
    if (scenario->providers[index].api != api_family(api))
        return read_refuse_as(r, RC_MALFORMED, value_is_there(named) ? named : model,
                              "found api \"%s\" at provider \"%s\", expected its \"%s\"",
                              api_word(api), scenario->providers[index].name,
                              api_word(scenario->providers[index].api));
    *provider = index;
    return RC_OK;
}
