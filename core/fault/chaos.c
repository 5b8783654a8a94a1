#include "fault/chaos.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "fault/recipe.h"

/* Beyond its sequence a rule has nothing to say: NULL. */
static const struct fault *fault_for(const struct chaos_rule *rule, uint32_t attempt)
{
    assert(rule->sequence_count >= 1);
    assert(rule->sequence_count <= CHAOS_SEQUENCE_MAX);
    assert(attempt >= 1);
    if (rule->sequence_count == 1)
        return &rule->sequence[0];
    return attempt <= rule->sequence_count ? &rule->sequence[attempt - 1] : NULL;
}

/* Posts to hooks are no requests to a model: who means them says so. */
static bool provider_matches(const struct match *match, struct slice provider)
{
    if (match->provider[0] == '\0')
        return !slice_is(provider, SLICE("hooks"));
    return slice_is(provider, slice_of(match->provider));
}

static bool glob_matches(const char *glob, struct slice text)
{
    return glob[0] == '\0' || slice_glob(slice_of(glob), text);
}

static bool request_matches(const struct match *match, const struct attempt_facts *facts)
{
    if (match->has_stream && match->stream != facts->stream)
        return false;
    return facts->input_tokens >= match->input_tokens_min &&
           facts->input_tokens <= match->input_tokens_max;
}

static struct slice model_name(const struct attempt_facts *facts)
{
    return facts->model_asked.size > 0 ? facts->model_asked : slice_of(facts->model->name);
}

bool chaos_rule_matches(const struct chaos_rule *rule, const struct attempt_facts *facts)
{
    const struct fault *fault = fault_for(rule, facts->attempt);

    if (rule->is_disabled || fault == NULL || !recipe_takes(fault, facts))
        return false;
    return provider_matches(&rule->match, facts->provider) &&
           glob_matches(rule->match.model, model_name(facts)) &&
           glob_matches(rule->match.isolation, facts->isolation) &&
           request_matches(&rule->match, facts);
}

static bool matches_bytes_too(const struct chaos *chaos, uint32_t rule,
                              const struct attempt_facts *facts)
{
    return (facts->conditions_failed >> rule & 1) == 0 &&
           chaos_rule_matches(&chaos->rules[rule], facts);
}

bool chaos_rule_is_counted(const struct chaos_rule *rule)
{
    return rule->sequence[0].kind != FAULT_CAPACITY;
}

bool chaos_rule_is_ordered(const struct chaos_rule *rule)
{
    const struct chaos_order *order = &rule->order;

    return order->nth > 0 || order->every > 0 || order->times > 0 || order->state[0] != '\0';
}

/* Its share, where it is keyed and matches. */
static double share_laid(const struct chaos *chaos, uint32_t rule,
                         const struct attempt_facts *facts)
{
    if (chaos_rule_is_ordered(&chaos->rules[rule]) || !matches_bytes_too(chaos, rule, facts))
        return 0.0;
    return chaos->rules[rule].share;
}

double chaos_rule_chance(const struct chaos *chaos, uint32_t rule,
                         const struct attempt_facts *facts)
{
    double share, room, start = 0.0;

    assert(rule < chaos->rules_count);
    share = share_laid(chaos, rule, facts);
    if (share <= 0.0)
        return 0.0;
    for (uint32_t i = 0; i < rule; i++)
        if (chaos->rules[i].phase == chaos->rules[rule].phase)
            start += share_laid(chaos, i, facts);
    room = 1.0 - start;
    return room <= 0.0 ? 0.0 : share < room ? share : room;
}

/* Of what fires in several phases: the highest priority, then the phase that comes first. */
static bool comes_before(const struct chaos_rule *a, const struct chaos_rule *b)
{
    return a->priority > b->priority || (a->priority == b->priority && a->phase < b->phase);
}

/* What is under its share on its phase's line. */
static void lay_shares(const struct chaos *chaos, uint64_t matched, double room[CHAOS_RULES_MAX])
{
    double laid[PHASES_MAX] = {0};

    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        double *end = &laid[chaos->rules[i].phase];

        if ((matched >> i & 1) == 0)
            continue;
        room[i] = fmax(0.0, fmin(chaos->rules[i].share, 1.0 - *end));
        *end += room[i];
    }
}

/* That no rule of another phase fires which comes before `rule`. */
static double chance_of_a_clear_way(const struct chaos *chaos, uint64_t matched, uint32_t rule,
                                    const double room[CHAOS_RULES_MAX])
{
    double in_the_way[PHASES_MAX] = {0};
    double chance = 1.0;

    for (uint32_t i = 0; i < chaos->rules_count; i++)
        if ((matched >> i & 1) != 0 && chaos->rules[i].phase != chaos->rules[rule].phase &&
            comes_before(&chaos->rules[i], &chaos->rules[rule]))
            in_the_way[chaos->rules[i].phase] += room[i];
    for (uint32_t phase = 0; phase < chaos->phases.count; phase++)
        chance *= 1.0 - in_the_way[phase];
    return chance;
}

void chaos_add_chances(const struct chaos *chaos, uint64_t matched, double chances[CHAOS_RULES_MAX])
{
    double room[CHAOS_RULES_MAX];

    if (matched == 0)
        return;
    lay_shares(chaos, matched, room);
    for (uint32_t i = 0; i < chaos->rules_count; i++)
        if ((matched >> i & 1) != 0)
            chances[i] += room[i] * chance_of_a_clear_way(chaos, matched, i, room);
}

/* --- states ---------------------------------------------------------------------------------- */

static const struct chaos_state *state_named(const struct chaos_memory *memory, struct slice name)
{
    for (uint32_t i = 0; i < memory->states_count; i++)
        if (slice_is(name, slice_of(memory->states[i].name)))
            return &memory->states[i];
    return NULL;
}

const char *chaos_state_of(const struct chaos_memory *memory, struct slice name)
{
    const struct chaos_state *state = state_named(memory, name);

    return state != NULL ? state->value : "start";
}

bool chaos_state_set(struct chaos_memory *memory, struct slice name, struct slice value)
{
    const struct chaos_state *known = state_named(memory, name);
    struct chaos_state state;

    if (name.size == 0 || !slice_copy(name, state.name, sizeof(state.name)) ||
        !slice_copy(value, state.value, sizeof(state.value)))
        return false;
    if (known == NULL && memory->states_count == CHAOS_STATES_MAX)
        return false;
    memory->states[known != NULL ? known - memory->states : memory->states_count++] = state;
    return true;
}

/* --- order ------------------------------------------------------------------------------------ */

static bool state_holds(const struct chaos_order *order, const struct chaos_memory *memory)
{
    return order->state[0] == '\0' || order->state_is[0] == '\0' ||
           slice_is(slice_of(chaos_state_of(memory, slice_of(order->state))),
                    slice_of(order->state_is));
}

static bool turn_has_come(const struct chaos_order *order, uint64_t matched, uint64_t fired)
{
    return (order->nth == 0 || matched == order->nth) &&
           (order->every == 0 || matched % order->every == 0) &&
           (order->times == 0 || fired < order->times);
}

/* Counts the request, and tells whether it is this rule's turn. */
static bool order_holds(const struct chaos *chaos, uint32_t rule, struct chaos_memory *memory)
{
    const struct chaos_order *order = &chaos->rules[rule].order;

    if (memory == NULL)
        return !chaos_rule_is_ordered(&chaos->rules[rule]);
    if (!state_holds(order, memory))
        return false;
    memory->matched[rule]++;
    return turn_has_come(order, memory->matched[rule], memory->fired[rule]);
}

static void remember_firing(const struct chaos *chaos, int16_t rule, struct chaos_memory *memory)
{
    const struct chaos_order *order = &chaos->rules[rule].order;

    if (memory == NULL)
        return;
    memory->fired[rule]++;
    if (order->state_becomes[0] != '\0')
        (void)chaos_state_set(memory, slice_of(order->state), slice_of(order->state_becomes));
}

/* --- decisions -------------------------------------------------------------------------------- */

/* One phase while the rules are walked. */
struct line {
    bool is_drawn;
    double u;
    double laid;
    int16_t fired;
};

/* The rules laid on their phases' lines, in one walk. */
struct walk {
    const struct chaos *chaos;
    const struct dice *dice;
    uint32_t open; /* bit p: phase p */
    struct line lines[PHASES_MAX];
};

static uint32_t phases_open(const struct phases *phases, nanos at)
{
    uint32_t open = 0;

    for (uint32_t i = 0; i < phases->count; i++)
        open |= (uint32_t)phase_is_open(&phases->list[i], at) << i;
    return open;
}

static void lay(struct walk *walk, uint32_t rule)
{
    uint32_t phase = walk->chaos->rules[rule].phase;
    struct line *line = &walk->lines[phase];

    if (!line->is_drawn)
        *line = (struct line){
            .is_drawn = true,
            .u = dice_throw(walk->dice, slice_of(walk->chaos->phases.list[phase].name)),
            .fired = PLAN_NO_RULE};
    line->laid += walk->chaos->rules[rule].share;
    if (line->fired == PLAN_NO_RULE && line->u < line->laid)
        line->fired = (int16_t)rule;
}

/* Of what fired in each phase: the highest priority, then the first. */
static int16_t choose(const struct walk *walk)
{
    const struct chaos_rule *rules = walk->chaos->rules;
    int16_t chosen = PLAN_NO_RULE;

    for (uint32_t phase = 0; phase < walk->chaos->phases.count; phase++) {
        const struct line *line = &walk->lines[phase];

        if (!line->is_drawn || line->fired == PLAN_NO_RULE)
            continue;
        if (chosen == PLAN_NO_RULE || rules[line->fired].priority > rules[chosen].priority)
            chosen = line->fired;
    }
    return chosen;
}

static void walk_begin(struct walk *walk, const struct chaos *chaos, const struct dice *dice,
                       nanos at)
{
    walk->chaos = chaos;
    walk->dice = dice;
    walk->open = phases_open(&chaos->phases, at);
    for (uint32_t phase = 0; phase < chaos->phases.count; phase++)
        walk->lines[phase].is_drawn = false;
}

/* Linear: sixty-four rules at most. */
static int16_t rules_decide(const struct chaos *chaos, const struct dice *dice,
                            const struct attempt_facts *facts, nanos at, uint64_t *rules_matched)
{
    struct walk walk;

    walk_begin(&walk, chaos, dice, at);
    for (uint32_t i = 0; i < chaos->rules_count && walk.open != 0; i++) {
        if ((walk.open >> chaos->rules[i].phase & 1) == 0 || !matches_bytes_too(chaos, i, facts) ||
            !order_holds(chaos, i, facts->memory))
            continue;
        *rules_matched |= (uint64_t)1 << i;
        lay(&walk, i);
    }
    return choose(&walk);
}

void chaos_decide(const struct chaos *chaos, uint64_t seed, const struct attempt_facts *facts,
                  nanos at, struct plan *plan)
{
    struct dice dice = {seed, slice_hash(facts->call), facts->attempt};
    uint64_t rules_matched = 0;
    int16_t rule = rules_decide(chaos, &dice, facts, at, &rules_matched);

    recipe_behave(plan, &dice, facts);
    plan->rules_matched = rules_matched;
    if (rule == PLAN_NO_RULE || !recipe_spoil(plan, fault_for(&chaos->rules[rule], facts->attempt)))
        return;
    plan->rule = rule;
    remember_firing(chaos, rule, facts->memory);
}

/* --- connections and capacity ----------------------------------------------------------------- */

/* A rule of this kind for this provider that may fire without looking at a request. */
static bool is_for(const struct chaos_rule *rule, enum fault_kind kind, struct slice provider)
{
    return rule->sequence[0].kind == kind && !rule->is_disabled && rule->share > 0.0 &&
           !chaos_rule_is_ordered(rule) && provider_matches(&rule->match, provider);
}

struct connection_plan chaos_connection(const struct chaos *chaos, uint64_t seed,
                                        struct slice provider, uint32_t connection, nanos at)
{
    struct dice dice = {seed, slice_hash(provider), connection};
    const struct fault *fault;
    struct walk walk;
    int16_t rule;

    walk_begin(&walk, chaos, &dice, at);
    for (uint32_t i = 0; i < chaos->rules_count; i++)
        if ((walk.open >> chaos->rules[i].phase & 1) != 0 &&
            is_for(&chaos->rules[i], FAULT_CONNECTION, provider))
            lay(&walk, i);
    rule = choose(&walk);
    if (rule == PLAN_NO_RULE)
        return (struct connection_plan){.rule = PLAN_NO_RULE};
    fault = &chaos->rules[rule].sequence[0];
    return (struct connection_plan){.fault = fault->connection,
                                    .delay = fault->delay,
                                    .close = fault->close,
                                    .limit = fault->tokens,
                                    .rule = rule};
}

bool chaos_refuses_connections(const struct chaos *chaos, struct slice provider, nanos at,
                               nanos *until)
{
    bool refuses = false;

    *until = NANOS_NEVER;
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        const struct chaos_rule *rule = &chaos->rules[i];
        const struct phase *phase = &chaos->phases.list[rule->phase];

        if (!is_for(rule, FAULT_CONNECTION, provider) || rule->share < 1.0 ||
            rule->sequence[0].connection != CONNECTION_REFUSED)
            continue;
        *until = nanos_min(*until, phase_changes_at(phase, at));
        refuses = refuses || phase_is_open(phase, at);
    }
    return refuses;
}

double chaos_capacity(const struct chaos *chaos, struct slice provider, struct slice model,
                      nanos at, nanos *until)
{
    double share = 1.0;

    *until = NANOS_NEVER;
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        const struct chaos_rule *rule = &chaos->rules[i];
        const struct phase *phase = &chaos->phases.list[rule->phase];

        if (!is_for(rule, FAULT_CAPACITY, provider) || !glob_matches(rule->match.model, model))
            continue;
        *until = nanos_min(*until, phase_changes_at(phase, at));
        if (phase_is_open(phase, at) && rule->sequence[0].factor < share)
            share = rule->sequence[0].factor;
    }
    return share;
}

/* --- while it runs ---------------------------------------------------------------------------- */

static struct chaos_rule *rule_named(struct chaos *chaos, struct slice name)
{
    for (uint32_t i = 0; i < chaos->rules_count; i++)
        if (slice_is(name, slice_of(chaos->rules[i].name)))
            return &chaos->rules[i];
    return NULL;
}

enum rc chaos_put(struct chaos *chaos, const struct chaos_rule *rule)
{
    struct chaos_rule *old = rule_named(chaos, slice_of(rule->name));
    uint32_t revision;

    assert(rule->phase < chaos->phases.count);
    assert(rule->sequence_count >= 1);
    if (old == NULL) {
        if (chaos->rules_count == CHAOS_RULES_MAX)
            return RC_LIMIT;
        chaos->rules[chaos->rules_count++] = *rule;
        return RC_OK;
    }
    revision = old->revision + 1;
    *old = *rule;
    old->revision = revision;
    return RC_OK;
}

static bool is_phase_used(const struct chaos *chaos, uint32_t phase)
{
    for (uint32_t i = 0; i < chaos->rules_count; i++)
        if (chaos->rules[i].phase == phase)
            return true;
    return false;
}

static void drop_phase(struct chaos *chaos, uint32_t phase)
{
    struct phases *phases = &chaos->phases;

    phases->count--;
    memmove(&phases->list[phase], &phases->list[phase + 1],
            (phases->count - phase) * sizeof(*phases->list));
    for (uint32_t i = 0; i < chaos->rules_count; i++)
        chaos->rules[i].phase -= chaos->rules[i].phase > phase;
}

void chaos_drop(struct chaos *chaos, struct chaos_memory *memory, uint32_t rule,
                uint32_t rules_kept, uint32_t phases_kept)
{
    struct chaos_rule *dropped = &chaos->rules[rule];
    uint32_t phase = dropped->phase;
    uint32_t behind;

    assert(rule < chaos->rules_count);
    if (rule < rules_kept) {
        dropped->revision += !dropped->is_disabled;
        dropped->is_disabled = true;
        return;
    }
    behind = --chaos->rules_count - rule;
    memmove(dropped, dropped + 1, behind * sizeof(*dropped));
    memmove(&memory->matched[rule], &memory->matched[rule + 1], behind * sizeof(*memory->matched));
    memmove(&memory->fired[rule], &memory->fired[rule + 1], behind * sizeof(*memory->fired));
    memory->matched[chaos->rules_count] = memory->fired[chaos->rules_count] = 0;
    if (phase >= phases_kept && !is_phase_used(chaos, phase))
        drop_phase(chaos, phase);
}

bool chaos_mark(struct chaos *chaos, struct slice name, nanos at)
{
    return phases_mark(&chaos->phases, name, at);
}
