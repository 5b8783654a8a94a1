/* Whom a rule hits, or whom a scripted answer is for. */

#include "scenario/read.h"

struct match_block {
    struct value provider, model, stream, input_tokens, isolation, path, headers, body;
};

static const struct read_key match_keys[] = {
    {"provider", OPTIONAL, read_keep, offsetof(struct match_block, provider)},
    {"model", OPTIONAL, read_keep, offsetof(struct match_block, model)},
    {"stream", OPTIONAL, read_keep, offsetof(struct match_block, stream)},
    {"input_tokens", OPTIONAL, read_keep, offsetof(struct match_block, input_tokens)},
    {"isolation", OPTIONAL, read_keep, offsetof(struct match_block, isolation)},
    {"path", OPTIONAL, read_keep, offsetof(struct match_block, path)},
    {"headers", OPTIONAL, read_keep, offsetof(struct match_block, headers)},
    {"body", OPTIONAL, read_keep, offsetof(struct match_block, body)},
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
    if (scenario->serves_any_model)
        return RC_OK;
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

/* --- conditions on its bytes ------------------------------------------------------------------ */

struct pattern_block {
    struct value glob, regex, present, absent;
};

static const struct read_key pattern_keys[] = {
    {"glob", OPTIONAL, read_keep, offsetof(struct pattern_block, glob)},
    {"regex", OPTIONAL, read_keep, offsetof(struct pattern_block, regex)},
    {"present", OPTIONAL, read_keep, offsetof(struct pattern_block, present)},
    {"absent", OPTIONAL, read_keep, offsetof(struct pattern_block, absent)},
};

static enum rc compile(struct reading *r, const struct value *value, enum pattern_kind kind,
                       struct condition *condition)
{
    const char *problem = NULL;
    struct slice text;
    size_t offset = 0;
    enum rc rc;

    TRY(read_string(r, value, &text));
    condition->pattern = arena_take(r->arena, 1, sizeof(*condition->pattern));
    if (condition->pattern == NULL)
        return read_out_of_memory(r);
    rc = pattern_compile(condition->pattern, kind, text, r->arena, &offset, &problem);
    if (rc == RC_MALFORMED)
        return read_refuse_as(r, rc, value,
                              "found a regular expression that is none at its byte %zu, expected "
                              "one that is: %s",
                              offset + 1, problem);
    return rc == RC_OK ? rc : read_out_of_memory(r);
}

static enum rc expect_true(struct reading *r, const struct value *value)
{
    if (value->token.kind == JSON_TRUE)
        return RC_OK;
    return read_refuse(r, RC_MALFORMED, value, "true");
}

static enum rc read_pattern(struct reading *r, const struct value *value,
                            struct condition *condition)
{
    struct pattern_block block = {0};

    if (value->token.kind == JSON_STRING)
        return compile(r, value, PATTERN_EQUALS, condition);
    if (value->token.kind != JSON_OBJECT)
        return read_refuse(r, RC_MALFORMED, value,
                           "a string, or one of {\"glob\": ...}, {\"regex\": ...}, "
                           "{\"present\": true} and {\"absent\": true}");
    TRY(read_object(r, value, pattern_keys, ARRAY_SIZE(pattern_keys), &block));
    if (value_is_there(&block.glob) + value_is_there(&block.regex) +
            value_is_there(&block.present) + value_is_there(&block.absent) !=
        1)
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found not just one of \"glob\", \"regex\", \"present\" and "
                              "\"absent\", expected one");
    condition->is_absent = value_is_there(&block.absent);
    if (value_is_there(&block.glob))
        return compile(r, &block.glob, PATTERN_GLOB, condition);
    if (value_is_there(&block.regex))
        return compile(r, &block.regex, PATTERN_REGEX, condition);
    return expect_true(r, condition->is_absent ? &block.absent : &block.present);
}

static enum rc add_condition(struct reading *r, const struct value *at, struct match *match,
                             struct condition **condition)
{
    if (match->conditions_count == MATCH_CONDITIONS_MAX)
        return read_refuse_as(r, RC_LIMIT, at,
                              "found more than %d conditions on path, headers and body, expected "
                              "fewer",
                              MATCH_CONDITIONS_MAX);
    *condition = &match->conditions[match->conditions_count++];
    return RC_OK;
}

static enum rc read_path(struct reading *r, const struct value *value, struct match *match)
{
    struct condition *condition = NULL;

    if (!value_is_there(value))
        return RC_OK;
    TRY(add_condition(r, value, match, &condition));
    condition->kind = CONDITION_PATH;
    return read_pattern(r, value, condition);
}

static enum rc read_conditions(struct reading *r, const struct value *value,
                               enum condition_kind kind,
                               enum rc (*read_condition_name)(struct reading *,
                                                              const struct value *, struct slice *),
                               struct match *match)
{
    struct condition *condition = NULL;
    struct value key, member;
    struct walk walk;

    if (!value_is_there(value))
        return RC_OK;
    TRY(read_expect_object(r, value));
    walk_init(&walk, value);
    while (walk_next(&walk, &key, &member)) {
        TRY(add_condition(r, &key, match, &condition));
        condition->kind = kind;
        TRY(read_condition_name(r, &key, &condition->name));
        TRY(read_pattern(r, &member, condition));
    }
    return RC_OK;
}

/* --- all of it -------------------------------------------------------------------------------- */

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
    TRY(read_path(r, &block.path, match));
    TRY(read_conditions(r, &block.headers, CONDITION_HEADER, read_header_name, match));
    TRY(read_conditions(r, &block.body, CONDITION_BODY, read_pointer, match));
    match->has_stream = value_is_there(&block.stream);
    if (match->has_stream)
        TRY(read_bool(r, &block.stream, &match->stream));
    return RC_OK;
}
