#include "fault/chaos.h"

#include <assert.h>

#include "base/rng.h"

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

static bool provider_matches(const struct match *match, const struct attempt_facts *facts)
{
    return match->provider[0] == '\0' || slice_is(facts->provider, slice_of(match->provider));
}

static bool model_matches(const struct match *match, const struct attempt_facts *facts)
{
    return match->model[0] == '\0' ||
           slice_glob(slice_of(match->model), slice_of(facts->model->name));
}

static bool request_matches(const struct match *match, const struct attempt_facts *facts)
{
    if (match->has_stream && match->stream != facts->stream)
        return false;
    return facts->input_tokens >= match->input_tokens_min &&
           facts->input_tokens <= match->input_tokens_max;
}

bool chaos_rule_matches(const struct chaos_rule *rule, const struct attempt_facts *facts)
{
    const struct fault *fault = fault_for(rule, facts->attempt);

    if (fault == NULL)
        return false;
    if (fault->kind == FAULT_CONTEXT_WINDOW && facts->input_tokens <= fault->tokens)
        return false;
    return provider_matches(&rule->match, facts) && model_matches(&rule->match, facts) &&
           request_matches(&rule->match, facts);
}

/* Where the rule's share begins on [0, 1): the shares of those before it that match. */
static double share_starts_at(const struct chaos *chaos, uint32_t rule,
                              const struct attempt_facts *facts)
{
    double start = 0.0;

    for (uint32_t i = 0; i < rule; i++) {
        if (chaos->rules[i].phase == chaos->rules[rule].phase &&
            chaos_rule_matches(&chaos->rules[i], facts))
            start += chaos->rules[i].share;
    }
    return start;
}

double chaos_rule_chance(const struct chaos *chaos, uint32_t rule,
                         const struct attempt_facts *facts)
{
    double room;

    assert(rule < chaos->rules_count);
    if (!chaos_rule_matches(&chaos->rules[rule], facts))
        return 0.0;
    room = 1.0 - share_starts_at(chaos, rule, facts);
    if (room <= 0.0)
        return 0.0;
    return chaos->rules[rule].share < room ? chaos->rules[rule].share : room;
}

/* The draws of one attempt: which stream decides what is told in the header. */
struct dice {
    uint64_t seed;
    uint64_t call; /* hash of its id */
    uint32_t attempt;
};

static double draw(const struct dice *dice, struct slice stream)
{
    return rng_unit(dice->seed, rng_stream(stream), dice->call, dice->attempt);
}

/* The rule of this phase that lies under the attempt's draw, or PLAN_NO_RULE; marks those that
 * might have. Linear: sixty-four rules at most. */
static int16_t phase_decide(const struct chaos *chaos, uint32_t phase, const struct dice *dice,
                            const struct attempt_facts *facts, uint64_t *rules_matched)
{
    double u = draw(dice, slice_of(chaos->phases.list[phase].name));
    double laid = 0.0;
    int16_t fired = PLAN_NO_RULE;

    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        const struct chaos_rule *rule = &chaos->rules[i];

        if (rule->phase != phase || !chaos_rule_matches(rule, facts))
            continue;
        *rules_matched |= (uint64_t)1 << i;
        laid += rule->share;
        if (fired == PLAN_NO_RULE && u < laid)
            fired = (int16_t)i;
    }
    return fired;
}

static int16_t phases_decide(const struct chaos *chaos, const struct dice *dice,
                             const struct attempt_facts *facts, nanos at, uint64_t *rules_matched)
{
    int16_t fired = PLAN_NO_RULE;

    for (uint32_t phase = 0; phase < chaos->phases.count; phase++) {
        int16_t here;

        if (!phase_is_open(&chaos->phases.list[phase], at))
            continue;
        here = phase_decide(chaos, phase, dice, facts, rules_matched);
        if (fired == PLAN_NO_RULE)
            fired = here;
    }
    return fired;
}

static nanos to_nanos(double value)
{
    return value < 0x1p62 ? (nanos)(value + 0.5) : (nanos)1 << 62;
}

static nanos first_token(const struct model *model, const struct dice *dice)
{
    bool is_fixed = model->first_token.kind == DISTRIBUTION_FIXED; /* needs no draw */

    return to_nanos(
        distribution_at(&model->first_token, is_fixed ? 0 : draw(dice, SLICE("first_token"))));
}

static void refuse(struct plan *plan, enum outcome failure, uint16_t status)
{
    plan->kind = PLAN_REFUSAL;
    plan->failure = failure;
    plan->status = status;
    plan->first_token = 0;
    plan->token_gap = 0;
    plan->output_tokens = 0;
    plan->stop = STOP_END;
}

/* What the model does when nothing is wrong with it. */
static void behave(struct plan *plan, const struct dice *dice, const struct attempt_facts *facts)
{
    const struct model *model = facts->model;

    assert(model->tokens_per_s > 0.0);
    *plan = (struct plan){
        .kind = PLAN_ANSWER,
        .rule = PLAN_NO_RULE,
        .stream = facts->stream,
        .stop = facts->output_tokens > facts->output_tokens_max ? STOP_MAX_TOKENS : STOP_END,
        .tokens_per_event = model->tokens_per_event,
        .first_token = first_token(model, dice),
        .token_gap = to_nanos(1e9 / model->tokens_per_s),
        .input_tokens = facts->input_tokens,
        .output_tokens = facts->output_tokens,
        .context_window = model->context_window,
    };
    if (plan->stop == STOP_MAX_TOKENS)
        plan->output_tokens = facts->output_tokens_max;
    if (facts->input_tokens > model->context_window)
        refuse(plan, OUTCOME_CONTEXT_LENGTH, 0);
}

static void refuse_as_told(struct plan *plan, const struct fault *fault)
{
    refuse(plan, fault->failure, fault->status);
    plan->advice = fault->advice;
    plan->advice_wait = fault->advice_wait;
    (void)slice_copy(slice_of(fault->advice_raw), plan->advice_raw, sizeof(plan->advice_raw));
}

static void reset(struct plan *plan, const struct fault *fault)
{
    assert(fault->close != PLAN_CLOSE_END);
    refuse(plan, OUTCOME_OK, 0);
    plan->kind = PLAN_RESET;
    plan->close = fault->close;
}

/* An answer shorter than the fault's `tokens` loses only its protocol's own end. */
static void end_early(struct plan *plan, const struct fault *fault, enum plan_ending ending)
{
    plan->ending = ending;
    plan->close = fault->close;
    plan->tokens_before_end =
        fault->tokens < plan->output_tokens ? fault->tokens : plan->output_tokens;
}

static bool shapes_an_answer(enum fault_kind kind)
{
    return kind != FAULT_STATUS && kind != FAULT_CONTEXT_WINDOW && kind != FAULT_RESET;
}

static void apply(struct plan *plan, const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_NONE:
    case FAULT_LATE_FIRST:
        break;
    case FAULT_STATUS:
        refuse_as_told(plan, fault);
        break;
    case FAULT_SLOW_TOKENS:
        plan->token_gap = to_nanos((double)plan->token_gap * fault->factor);
        break;
    case FAULT_CONTEXT_WINDOW:
        plan->context_window = fault->tokens;
        refuse(plan, OUTCOME_CONTEXT_LENGTH, 0);
        break;
    case FAULT_CUT:
        end_early(plan, fault, PLAN_CUT);
        break;
    case FAULT_STALL:
        end_early(plan, fault, PLAN_STALL);
        break;
    case FAULT_RESET:
        reset(plan, fault);
        break;
    }
    plan->first_token = nanos_add(plan->first_token, fault->delay);
}

void chaos_decide(const struct chaos *chaos, uint64_t seed, const struct attempt_facts *facts,
                  nanos at, struct plan *plan)
{
    struct dice dice = {seed, slice_hash(facts->call), facts->attempt};
    uint64_t rules_matched = 0;
    int16_t rule = phases_decide(chaos, &dice, facts, at, &rules_matched);
    const struct fault *fault;

    behave(plan, &dice, facts);
    plan->rules_matched = rules_matched;
    if (rule == PLAN_NO_RULE)
        return;
    fault = fault_for(&chaos->rules[rule], facts->attempt);
    if (plan->kind == PLAN_REFUSAL && shapes_an_answer(fault->kind))
        return; /* the model's own window was too small: there is no answer to spoil */
    plan->rule = rule;
    apply(plan, fault);
}
