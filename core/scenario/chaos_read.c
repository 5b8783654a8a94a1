/* The chaos block: windows, whom they hit, and what goes wrong.
 *
 * Entries that name the same phase share its window: the first says when, later ones may repeat it
 * or leave it out. Phases are listed in order of first appearance, rules in the order of the file,
 * because the rules of one phase share one draw (fault/chaos.h). */

#include <stdio.h>

#include "scenario/read.h"

/* --- whom it hits ----------------------------------------------------------------------------- */

struct match_block {
    struct value provider, model, stream, input_tokens;
};

static const struct read_key match_keys[] = {
    {"provider", OPTIONAL, read_keep, offsetof(struct match_block, provider)},
    {"model", OPTIONAL, read_keep, offsetof(struct match_block, model)},
    {"stream", OPTIONAL, read_keep, offsetof(struct match_block, stream)},
    {"input_tokens", OPTIONAL, read_keep, offsetof(struct match_block, input_tokens)},
};

static enum rc read_match_provider(struct reading *r, const struct value *value,
                                   struct match *match)
{
    const struct scenario *scenario = r->scenario;
    struct nearest nearest;

    TRY(read_text(r, value, match->provider, sizeof(match->provider)));
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

static enum rc read_match_model(struct reading *r, const struct value *value, struct match *match)
{
    const struct scenario *scenario = r->scenario;
    struct nearest nearest;
    struct slice rest, head;

    TRY(read_text(r, value, match->model, sizeof(match->model)));
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

static enum rc read_match(struct reading *r, const struct value *value, struct match *match)
{
    struct match_block block = {0};

    TRY(read_object(r, value, match_keys, ARRAY_SIZE(match_keys), &block));
    if (value_is_there(&block.provider))
        TRY(read_match_provider(r, &block.provider, match));
    if (value_is_there(&block.model))
        TRY(read_match_model(r, &block.model, match));
    if (value_is_there(&block.input_tokens))
        TRY(read_match_tokens(r, &block.input_tokens, match));
    match->has_stream = value_is_there(&block.stream);
    if (match->has_stream)
        TRY(read_bool(r, &block.stream, &match->stream));
    return RC_OK;
}

/* --- when ------------------------------------------------------------------------------------- */

struct chaos_block {
    struct value phase, rule, at, lasts, match, fault;
    double share;
};

static const struct read_key chaos_keys[] = {
    {"phase", NEEDED, read_keep, offsetof(struct chaos_block, phase)},
    {"rule", OPTIONAL, read_keep, offsetof(struct chaos_block, rule)},
    {"at", OPTIONAL, read_keep, offsetof(struct chaos_block, at)},
    {"for", OPTIONAL, read_keep, offsetof(struct chaos_block, lasts)},
    {"match", OPTIONAL, read_keep, offsetof(struct chaos_block, match)},
    {"share", OPTIONAL, read_share, offsetof(struct chaos_block, share)},
    {"fault", NEEDED, read_keep, offsetof(struct chaos_block, fault)},
    {"every", OPTIONAL, read_not_built, 0},
    {"from", OPTIONAL, read_not_built, 0},
};

static enum rc read_phase_name(struct reading *r, const struct value *value, struct phase *phase)
{
    TRY(read_name(r, value, 0, phase->name, sizeof(phase->name)));
    if (slice_is(slice_of(phase->name), SLICE("before")) ||
        slice_is(slice_of(phase->name), SLICE("quiet")))
        return read_refuse(r, RC_MALFORMED, value, "a name that is not built in");
    return RC_OK;
}

static enum rc read_window(struct reading *r, const struct chaos_block *block, struct phase *phase)
{
    const struct load *load = &r->scenario->load;

    if (value_is_there(&block->at))
        TRY(read_duration(r, &block->at, &phase->at));
    if (value_is_there(&block->lasts))
        TRY(read_span_or_never(r, &block->lasts, &phase->lasts));
    if (phase->at >= nanos_add(load->lasts, load->drain))
        return read_refuse(r, RC_LIMIT, &block->at,
                           "an instant within the run: its load lasts %.3g s, its drain %.3g s",
                           (double)load->lasts / (double)NANOS_S,
                           (double)load->drain / (double)NANOS_S);
    return RC_OK;
}

/* A later entry of a phase must mean the same window. */
static enum rc check_window(struct reading *r, const struct chaos_block *block,
                            const struct phase *phase)
{
    struct phase again = *phase;

    TRY(read_window(r, block, &again));
    if (again.at != phase->at)
        return read_refuse(r, RC_MALFORMED, &block->at,
                           "the same \"at\" as above for phase \"%s\", or none", phase->name);
    if (again.lasts != phase->lasts)
        return read_refuse(r, RC_MALFORMED, &block->lasts,
                           "the same \"for\" as above for phase \"%s\", or none", phase->name);
    return RC_OK;
}

static enum rc read_phase(struct reading *r, const struct chaos_block *block, uint32_t *index)
{
    struct phases *phases = &r->scenario->chaos.phases;
    struct phase phase = {.lasts = NANOS_NEVER};

    TRY(read_phase_name(r, &block->phase, &phase));
    for (uint32_t i = 0; i < phases->count; i++) {
        if (slice_is(slice_of(phase.name), slice_of(phases->list[i].name))) {
            *index = i;
            return check_window(r, block, &phases->list[i]);
        }
    }
    if (phases->count == PHASES_MAX)
        return read_refuse(r, RC_LIMIT, &block->phase, "at most %d phases", PHASES_MAX);
    TRY(read_window(r, block, &phase));
    *index = phases->count;
    phases->list[phases->count++] = phase;
    return RC_OK;
}

/* --- rules ------------------------------------------------------------------------------------ */

/* The phase's name; for its second rule "limits/2", and so on. */
static void name_rule(const struct chaos *chaos, struct chaos_rule *rule)
{
    const char *phase = chaos->phases.list[rule->phase].name;
    uint32_t ordinal = 1;

    for (uint32_t i = 0; i < chaos->rules_count; i++)
        ordinal += chaos->rules[i].phase == rule->phase;
    if (ordinal == 1)
        snprintf(rule->name, sizeof(rule->name), "%s", phase);
    else
        snprintf(rule->name, sizeof(rule->name), "%.40s/%u", phase, ordinal);
}

static enum rc read_rule_name(struct reading *r, const struct chaos_block *block,
                              const struct value *entry, struct chaos_rule *rule)
{
    const struct chaos *chaos = &r->scenario->chaos;

    name_rule(chaos, rule);
    if (value_is_there(&block->rule))
        TRY(read_name(r, &block->rule, '/', rule->name, sizeof(rule->name)));
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        if (slice_is(slice_of(rule->name), slice_of(chaos->rules[i].name)))
            return read_refuse_as(r, RC_MALFORMED, entry,
                                  "found a second rule \"%s\", expected a name of its own",
                                  rule->name);
    }
    return RC_OK;
}

static enum rc read_rule(struct reading *r, const struct value *value)
{
    struct scenario *scenario = r->scenario;
    struct chaos_block block = {.share = 1};
    struct chaos_rule rule = {.match = {.input_tokens_max = UINT64_MAX}};

    TRY(read_object(r, value, chaos_keys, ARRAY_SIZE(chaos_keys), &block));
    TRY(read_phase(r, &block, &rule.phase));
    TRY(read_rule_name(r, &block, value, &rule));
    if (value_is_there(&block.match))
        TRY(read_match(r, &block.match, &rule.match));
    TRY(read_sequence(r, &block.fault, &rule));
    rule.share = block.share;
    scenario->places.rules[scenario->chaos.rules_count] = value_position(r, value);
    scenario->chaos.rules[scenario->chaos.rules_count++] = rule;
    return RC_OK;
}

enum rc read_chaos(struct reading *r, const struct value *value)
{
    struct walk walk;
    struct value element;

    TRY(read_expect_array(r, value, CHAOS_RULES_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element))
        TRY(read_rule(r, &element));
    return RC_OK;
}
