/* The chaos block: windows, whom they hit, and what goes wrong.
 *
 * Entries that name the same phase share its window: the first says when, later ones may repeat it
 * or leave it out. Phases are listed in order of first appearance, rules in the order of the file,
 * because the rules of one phase share one draw (fault/chaos.h). */

#include <stdio.h>

#include "scenario/read.h"

/* --- when ------------------------------------------------------------------------------------- */

struct chaos_block {
    struct value phase, rule, at, lasts, every, from;
    struct value match, share, priority, nth, every_nth, times, state, enabled, fault;
};

static const struct read_key chaos_keys[] = {
    {"phase", NEEDED, read_keep, offsetof(struct chaos_block, phase)},
    {"rule", OPTIONAL, read_keep, offsetof(struct chaos_block, rule)},
    {"at", OPTIONAL, read_keep, offsetof(struct chaos_block, at)},
    {"for", OPTIONAL, read_keep, offsetof(struct chaos_block, lasts)},
    {"every", OPTIONAL, read_keep, offsetof(struct chaos_block, every)},
    {"from", OPTIONAL, read_keep, offsetof(struct chaos_block, from)},
    {"match", OPTIONAL, read_keep, offsetof(struct chaos_block, match)},
    {"share", OPTIONAL, read_keep, offsetof(struct chaos_block, share)},
    {"priority", OPTIONAL, read_keep, offsetof(struct chaos_block, priority)},
    {"nth", OPTIONAL, read_keep, offsetof(struct chaos_block, nth)},
    {"every_nth", OPTIONAL, read_keep, offsetof(struct chaos_block, every_nth)},
    {"times", OPTIONAL, read_keep, offsetof(struct chaos_block, times)},
    {"state", OPTIONAL, read_keep, offsetof(struct chaos_block, state)},
    {"enabled", OPTIONAL, read_keep, offsetof(struct chaos_block, enabled)},
    {"fault", NEEDED, read_keep, offsetof(struct chaos_block, fault)},
};

static enum rc read_phase_name(struct reading *r, const struct value *value, struct phase *phase)
{
    TRY(read_name(r, value, 0, phase->name, sizeof(phase->name)));
    if (slice_is(slice_of(phase->name), SLICE("before")) ||
        slice_is(slice_of(phase->name), SLICE("quiet")))
        return read_refuse(r, RC_MALFORMED, value, "a name that is not built in");
    return RC_OK;
}

static enum rc read_mark(struct reading *r, const struct value *value, void *out)
{
    struct phase *phase = out;

    return read_name(r, value, 0, phase->mark, sizeof(phase->mark));
}

static enum rc read_from(struct reading *r, const struct value *value, struct phase *phase)
{
    static const char *const words[] = {"start", "first_request"};
    static const struct read_key keys[] = {{"mark", NEEDED, read_mark, 0}};
    uint32_t index;

    phase->is_waiting = true;
    phase->from = PHASE_FROM_MARK;
    if (value->token.kind == JSON_OBJECT)
        return read_object(r, value, keys, ARRAY_SIZE(keys), phase);
    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    phase->from = index == 0 ? PHASE_FROM_START : PHASE_FROM_FIRST_REQUEST;
    phase->is_waiting = index != 0;
    return RC_OK;
}

/* A rule that is added to a mock that runs may count from any instant; in a file, one after the end
 * is a slip. */
static enum rc check_start(struct reading *r, const struct chaos_block *block,
                           const struct phase *phase)
{
    const struct load *load = &r->known->load;

    if (r->scenario == NULL || phase->from != PHASE_FROM_START ||
        phase->at < nanos_add(load->lasts, load->drain))
        return RC_OK;
    return read_refuse(r, RC_LIMIT, &block->at,
                       "an instant within the run: its load lasts %.3g s, its drain %.3g s",
                       (double)load->lasts / (double)NANOS_S,
                       (double)load->drain / (double)NANOS_S);
}

static enum rc read_window(struct reading *r, const struct chaos_block *block, struct phase *phase)
{
    if (value_is_there(&block->from))
        TRY(read_from(r, &block->from, phase));
    if (value_is_there(&block->at))
        TRY(read_duration(r, &block->at, &phase->at));
    if (value_is_there(&block->lasts))
        TRY(read_span_or_never(r, &block->lasts, &phase->lasts));
    if (value_is_there(&block->every))
        TRY(read_span(r, &block->every, &phase->every));
    if (phase->every > 0 && phase->lasts > phase->every)
        return read_refuse(r, RC_LIMIT, &block->every,
                           "a span not below \"for\": a window shuts before it opens again");
    return check_start(r, block, phase);
}

/* A later entry of a phase must mean the same window. */
static enum rc check_window(struct reading *r, const struct chaos_block *block,
                            const struct phase *phase)
{
    struct phase said = {.at = phase->at, .lasts = phase->lasts, .every = phase->every};
    const struct value *differs = NULL;

    TRY(read_window(r, block, &said));
    if (value_is_there(&block->from) &&
        (said.from != phase->from || !slice_is(slice_of(said.mark), slice_of(phase->mark))))
        differs = &block->from;
    else if (said.at != phase->at)
        differs = &block->at;
    else if (said.lasts != phase->lasts)
        differs = &block->lasts;
    else if (said.every != phase->every)
        differs = &block->every;
    if (differs == NULL)
        return RC_OK;
    return read_refuse(r, RC_MALFORMED, differs,
                       "the same \"%s\" as above for phase \"%s\", or none",
                       differs == &block->from    ? "from"
                       : differs == &block->at    ? "at"
                       : differs == &block->lasts ? "for"
                                                  : "every",
                       phase->name);
}

static enum rc read_phase(struct reading *r, const struct chaos_block *block, uint32_t *index)
{
    struct phases *phases = r->phases;
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

/* --- how often -------------------------------------------------------------------------------- */

static enum rc read_state_name(struct reading *r, const struct value *value, void *out)
{
    return read_name(r, value, 0, out, sizeof(((struct chaos_order *)0)->state));
}

static enum rc read_state(struct reading *r, const struct value *value, struct chaos_order *order)
{
    static const struct read_key keys[] = {
        {"name", NEEDED, read_state_name, offsetof(struct chaos_order, state)},
        {"is", OPTIONAL, read_state_name, offsetof(struct chaos_order, state_is)},
        {"becomes", OPTIONAL, read_state_name, offsetof(struct chaos_order, state_becomes)},
    };

    TRY(read_object(r, value, keys, ARRAY_SIZE(keys), order));
    if (order->state_is[0] == '\0' && order->state_becomes[0] == '\0')
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found a state without \"is\" and \"becomes\", expected one of them "
                              "or both");
    return RC_OK;
}

static enum rc read_ordinal(struct reading *r, const struct value *value, uint64_t *out)
{
    return value_is_there(value) ? read_whole(r, value, 1, 1000000000, out) : RC_OK;
}

static enum rc read_order(struct reading *r, const struct chaos_block *block,
                          struct chaos_order *order)
{
    TRY(read_ordinal(r, &block->nth, &order->nth));
    TRY(read_ordinal(r, &block->every_nth, &order->every));
    TRY(read_ordinal(r, &block->times, &order->times));
    if (order->nth > 0 && order->every > 0)
        return read_refuse_as(r, RC_MALFORMED, &block->every_nth,
                              "found \"every_nth\" beside \"nth\", expected one of them");
    return value_is_there(&block->state) ? read_state(r, &block->state, order) : RC_OK;
}

static enum rc read_priority(struct reading *r, const struct value *value, int32_t *priority)
{
    double number = 0;

    if (!value_is_there(value))
        return RC_OK;
    TRY(read_number(r, value, -1000, 1000, &number));
    *priority = (int32_t)number;
    if ((double)*priority != number)
        return read_refuse(r, RC_MALFORMED, value, "a whole number from -1000 to 1000");
    return RC_OK;
}

static enum rc read_enabled(struct reading *r, const struct value *value, bool *is_disabled)
{
    bool is_enabled = true;

    if (value_is_there(value))
        TRY(read_bool(r, value, &is_enabled));
    *is_disabled = !is_enabled;
    return RC_OK;
}

/* --- what does not go together ---------------------------------------------------------------- */

static bool asks_about_the_request(const struct match *match)
{
    return match->has_stream || match->input_tokens_min > 0 ||
           match->input_tokens_max != UINT64_MAX || match->isolation[0] != '\0' ||
           match->conditions_count > 0;
}

/* An ordered selector that was said, or NULL. */
static const struct value *find_ordered(const struct chaos_block *block)
{
    const struct value *ordered[] = {&block->nth, &block->every_nth, &block->times, &block->state};

    for (size_t i = 0; i < ARRAY_SIZE(ordered); i++) {
        if (value_is_there(ordered[i]))
            return ordered[i];
    }
    return NULL;
}

static enum rc check_connection_rule(struct reading *r, const struct chaos_block *block,
                                     const struct chaos_rule *rule)
{
    if (rule->match.model[0] != '\0' || asks_about_the_request(&rule->match))
        return read_refuse_as(r, RC_MALFORMED, &block->match,
                              "found a match of more than \"provider\" with a fault of "
                              "connections, expected none: no request has come yet");
    if (find_ordered(block) != NULL)
        return read_refuse_as(r, RC_MALFORMED, find_ordered(block),
                              "found a selector of requests with a fault of connections, expected "
                              "none: no request has come yet");
    return RC_OK;
}

static enum rc check_capacity_rule(struct reading *r, const struct chaos_block *block,
                                   const struct chaos_rule *rule)
{
    if (asks_about_the_request(&rule->match))
        return read_refuse_as(r, RC_MALFORMED, &block->match,
                              "found a match of more than \"provider\" and \"model\" with a fault "
                              "of capacity, expected none: it hits the model, not a request");
    if (find_ordered(block) != NULL)
        return read_refuse_as(r, RC_MALFORMED, find_ordered(block),
                              "found a selector of requests with a fault of capacity, expected "
                              "none: it hits the model, not a request");
    if (value_is_there(&block->share))
        return read_refuse_as(r, RC_MALFORMED, &block->share,
                              "found a share of requests with a fault of capacity, expected none: "
                              "the fault itself says how many places work");
    return RC_OK;
}

static enum rc check_rule(struct reading *r, const struct chaos_block *block,
                          const struct chaos_rule *rule)
{
    switch (rule->sequence[0].kind) {
    case FAULT_CONNECTION:
        return check_connection_rule(r, block, rule);
    case FAULT_CAPACITY:
        return check_capacity_rule(r, block, rule);
    default:
        return RC_OK;
    }
}

/* --- rules ------------------------------------------------------------------------------------ */

static bool is_taken(const struct chaos *chaos, const char *name)
{
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        if (slice_is(slice_of(name), slice_of(chaos->rules[i].name)))
            return true;
    }
    return false;
}

/* The phase's name; for its second rule "limits/2", and so on: the first that is free. */
static void name_rule(const struct reading *r, struct chaos_rule *rule)
{
    const char *phase = r->phases->list[rule->phase].name;
    uint32_t ordinal = 1;

    for (uint32_t i = 0; i < r->chaos->rules_count; i++)
        ordinal += r->chaos->rules[i].phase == rule->phase;
    snprintf(rule->name, sizeof(rule->name), "%s", phase);
    if (ordinal == 1 && is_taken(r->chaos, rule->name))
        ordinal = 2;
    while (ordinal > 1) {
        snprintf(rule->name, sizeof(rule->name), "%.35s/%u", phase, ordinal);
        ordinal = is_taken(r->chaos, rule->name) ? ordinal + 1 : 0;
    }
}

/* In a file every rule has a name of its own; for a mock that runs a known one means that rule. */
static enum rc read_rule_name(struct reading *r, const struct chaos_block *block,
                              const struct value *entry, struct chaos_rule *rule)
{
    if (!value_is_there(&block->rule)) {
        name_rule(r, rule);
        return RC_OK;
    }
    TRY(read_name(r, &block->rule, '/', rule->name, sizeof(rule->name)));
    if (r->scenario == NULL || !is_taken(r->chaos, rule->name))
        return RC_OK;
    return read_refuse_as(r, RC_MALFORMED, entry,
                          "found a second rule \"%s\", expected a name of its own", rule->name);
}

static enum rc read_rule(struct reading *r, const struct value *value, struct chaos_rule *rule)
{
    struct chaos_block block = {0};

    *rule = (struct chaos_rule){.share = 1, .match = {.input_tokens_max = UINT64_MAX}};
    TRY(read_object(r, value, chaos_keys, ARRAY_SIZE(chaos_keys), &block));
    TRY(read_phase(r, &block, &rule->phase));
    TRY(read_rule_name(r, &block, value, rule));
    TRY(read_sequence(r, &block.fault, rule));
    if (value_is_there(&block.match))
        TRY(read_match(r, &block.match, rule->sequence[0].kind == FAULT_CONNECTION, &rule->match));
    if (value_is_there(&block.share))
        TRY(read_share(r, &block.share, &rule->share));
    TRY(read_priority(r, &block.priority, &rule->priority));
    TRY(read_order(r, &block, &rule->order));
    TRY(read_enabled(r, &block.enabled, &rule->is_disabled));
    return check_rule(r, &block, rule);
}

enum rc read_chaos(struct reading *r, const struct value *value)
{
    struct scenario *scenario = r->scenario;
    struct walk walk;
    struct value element;

    TRY(read_expect_array(r, value, CHAOS_RULES_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element)) {
        uint32_t index = scenario->chaos.rules_count;

        TRY(read_rule(r, &element, &scenario->chaos.rules[index]));
        scenario->places.rules[index] = value_position(r, &element);
        scenario->chaos.rules_count++;
    }
    return RC_OK;
}

/* --- one rule, for a mock that runs ----------------------------------------------------------- */

/* What the grammar's check needs is needed no longer than that. */
static enum rc check_text(struct reading *r, struct value *whole)
{
    struct arena *lasting = r->arena;
    struct arena scratch;
    enum rc rc;

    arena_init(&scratch, lasting->memory, SCENARIO_TEXT_MAX);
    r->arena = &scratch;
    rc = read_check(r, whole);
    r->arena = lasting;
    arena_deinit(&scratch);
    return rc;
}

enum rc scenario_read_rule(const struct scenario *scenario, struct chaos *chaos, struct slice text,
                           struct slice file, struct arena *arena, struct chaos_rule *rule,
                           struct error *err)
{
    struct error unwanted = {0};
    struct phases phases = chaos->phases; /* theirs, if nothing is wrong */
    struct reading reading = {.text = arena_copy(arena, text),
                              .file = file,
                              .known = scenario,
                              .phases = &phases,
                              .chaos = chaos,
                              .arena = arena,
                              .err = err != NULL ? err : &unwanted};
    struct chaos_rule read;
    struct value whole;

    if (reading.text.data == NULL)
        return read_out_of_memory(&reading);
    TRY(check_text(&reading, &whole));
    TRY(read_rule(&reading, &whole, &read));
    chaos->phases = phases;
    *rule = read;
    return RC_OK;
}
