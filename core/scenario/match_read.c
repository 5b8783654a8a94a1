/* Whom a rule hits, or whom a scripted answer is for. */

#include "scenario/read.h"

struct match_block {
    struct value provider, model, stream, input_tokens, isolation;
};

static const struct read_key match_keys[] = {
    {"provider", OPTIONAL, read_keep, offsetof(struct match_block, provider)},
    {"model", OPTIONAL, read_keep, offsetof(struct match_block, model)},
    {"stream", OPTIONAL, read_keep, offsetof(struct match_block, stream)},
    {"input_tokens", OPTIONAL, read_keep, offsetof(struct match_block, input_tokens)},
    {"isolation", OPTIONAL, read_keep, offsetof(struct match_block, isolation)},
};

/* Posts to hooks, whose kind is the model then. */
static bool is_hooks(const struct match *match)
{
    return slice_is(slice_of(match->provider), SLICE("hooks"));
}

static enum rc read_match_provider(struct reading *r, const struct value *value,
                                   bool of_connections, struct match *match)
{
    const struct scenario *scenario = r->known;
    struct nearest nearest;

    TRY(read_text(r, value, match->provider, sizeof(match->provider)));
    if (is_hooks(match) ||
        (of_connections && slice_is(slice_of(match->provider), SLICE("gateway"))))
        return RC_OK;
    nearest_init(&nearest, slice_of(match->provider));
    for (uint32_t i = 0; i < scenario->providers_count; i++) {
        if (slice_is(slice_of(match->provider), slice_of(scenario->providers[i].name)))
            return RC_OK;
        nearest_offer(&nearest, slice_of(scenario->providers[i].name));
    }
    return read_refuse_word(r, value, &nearest, "a provider that serves a model");
}

static bool is_served_by(const struct scenario *scenario, const struct model *model,
                         const char *provider)
{
    return provider[0] == '\0' ||
           slice_is(slice_of(provider), slice_of(scenario->providers[model->provider].name));
}

/* Suggests the name whose beginning is nearest to what stands before the first star. */
static void offer_name(struct nearest *nearest, struct slice name)
{
    uint32_t distance = nearest->distance;
    struct slice head = {name.data,
                         name.size < nearest->word.size ? name.size : nearest->word.size};

    nearest_offer(nearest, head);
    if (nearest->distance < distance)
        nearest->best = name;
}

static enum rc read_hook(struct reading *r, const struct value *value, const struct match *match)
{
    struct nearest nearest;

    nearest_init(&nearest, slice_of(match->model));
    for (uint32_t kind = 0; kind < HOOK_KINDS_COUNT; kind++) {
        struct slice word = slice_of(hook_kind_word((enum hook_kind)kind));

        if (slice_glob(slice_of(match->model), word))
            return RC_OK;
        nearest_offer(&nearest, word);
    }
    return read_refuse_word(r, value, &nearest, "a pattern that a hook's name matches");
}

static enum rc read_match_model(struct reading *r, const struct value *value, struct match *match)
{
    const struct scenario *scenario = r->known;
    struct nearest nearest;
    struct slice rest, head;

    TRY(read_text(r, value, match->model, sizeof(match->model)));
    if (is_hooks(match))
        return read_hook(r, value, match);
    rest = slice_of(match->model);
    slice_cut(&rest, '*', &head);
    nearest_init(&nearest, head);
    for (uint32_t i = 0; i < scenario->models_count; i++) {
        struct slice name = slice_of(scenario->models[i].name);

        if (!is_served_by(scenario, &scenario->models[i], match->provider))
            continue;
        if (slice_glob(slice_of(match->model), name))
            return RC_OK;
        offer_name(&nearest, name);
    }
    return read_refuse_word(r, value, &nearest, "a pattern that a model's name matches");
}

static enum rc read_match_tokens(struct reading *r, const struct value *value, struct match *match)
{
    static const struct read_key keys[] = {
        {"min", OPTIONAL, read_tokens, offsetof(struct match, input_tokens_min)},
        {"max", OPTIONAL, read_tokens, offsetof(struct match, input_tokens_max)},
    };

    TRY(read_object(r, value, keys, ARRAY_SIZE(keys), match));
    if (match->input_tokens_max < match->input_tokens_min)
        return read_refuse_as(r, RC_LIMIT, value,
                              "found a max below the min, expected one that is not");
    return RC_OK;
}

enum rc read_match(struct reading *r, const struct value *value, bool of_connections,
                   struct match *match)
{
    struct match_block block = {0};

    *match = (struct match){.input_tokens_max = UINT64_MAX};
    TRY(read_object(r, value, match_keys, ARRAY_SIZE(match_keys), &block));
    if (value_is_there(&block.provider))
        TRY(read_match_provider(r, &block.provider, of_connections, match));
    if (value_is_there(&block.model))
        TRY(read_match_model(r, &block.model, match));
    if (value_is_there(&block.input_tokens))
        TRY(read_match_tokens(r, &block.input_tokens, match));
    if (value_is_there(&block.isolation))
        TRY(read_text(r, &block.isolation, match->isolation, sizeof(match->isolation)));
    match->has_stream = value_is_there(&block.stream);
    if (match->has_stream)
        TRY(read_bool(r, &block.stream, &match->stream));
    return RC_OK;
}
