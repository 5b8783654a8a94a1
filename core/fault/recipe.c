#include "fault/recipe.h"

#include <assert.h>

#include "base/rng.h"

enum { BYTES_PER_TOKEN = 4 };

/* What can only be done to a stream of events. */
static const uint32_t OF_EVENTS = QUIRK_SPLIT_UTF8 | QUIRK_SPLIT_CRLF | QUIRK_PINGS |
                                  QUIRK_COMMENTS | QUIRK_ERROR_EVENT | QUIRK_DONE_MISSING |
                                  QUIRK_DONE_EARLY | QUIRK_DONE_WRONG | QUIRK_NO_EVENT_NAMES |
                                  QUIRK_DUPLICATE | QUIRK_REORDER;

/* What can also be done to a refusal: to its head, and to how it is written. */
static const uint32_t OF_REFUSALS = QUIRK_HEADERS | QUIRK_BODY | QUIRK_CONTENT_TYPE |
                                    QUIRK_SLOW_HEADERS | QUIRK_ONE_BYTE | QUIRK_ERROR_BODY;

/* What happens to the event that holds one token. */
static const uint32_t OF_ONE_EVENT = QUIRK_BROKEN_JSON | QUIRK_DUPLICATE | QUIRK_REORDER;

double dice_throw(const struct dice *dice, struct slice stream)
{
    return rng_unit(dice->seed, rng_stream(stream), dice->call, dice->attempt);
}

static nanos to_nanos(double value)
{
    return value < 0x1p62 ? (nanos)(value + 0.5) : (nanos)1 << 62;
}

static uint64_t add_tokens(uint64_t a, uint64_t b)
{
    return a < UINT64_MAX - b ? a + b : UINT64_MAX;
}

/* What is fixed needs no draw. */
static double drawn(const struct distribution *d, const struct dice *dice, struct slice stream)
{
    return distribution_at(d, d->kind == DISTRIBUTION_FIXED ? 0 : dice_throw(dice, stream));
}

static nanos token_gap(const struct model *model, const struct dice *dice)
{
    if (model->has_token_gap)
        return to_nanos(drawn(&model->token_gap, dice, SLICE("token_gap")));
    assert(model->tokens_per_s > 0.0);
    return to_nanos(1e9 / model->tokens_per_s);
}

/* --- what is said ----------------------------------------------------------------------------- */

static uint64_t tokens_of(struct slice text)
{
    return text.size > BYTES_PER_TOKEN ? (text.size + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN : 1;
}

static uint64_t text_tokens(const struct attempt_facts *facts)
{
    const struct script *script = facts->script;

    return script != NULL && script->text.size > 0 ? tokens_of(script->text) : facts->output_tokens;
}

static uint32_t tool_tokens(const struct script *script)
{
    uint64_t tokens;

    if (script == NULL || script->tool_name.size == 0)
        return 0;
    tokens = tokens_of(script->tool_input);
    return tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
}

static uint64_t thinking_usual(const struct attempt_facts *facts)
{
    uint64_t half = facts->output_tokens_max / 2;

    return half < facts->thinking_usual ? half : facts->thinking_usual;
}

static uint32_t thinking_tokens(const struct attempt_facts *facts, const struct dice *dice)
{
    double tokens = 0.0;

    if (facts->script != NULL && facts->script->has_thinking_tokens)
        tokens = (double)facts->script->thinking_tokens;
    else if (facts->wants_thinking && facts->model->thinking.p50 > 0.0)
        tokens = drawn(&facts->model->thinking, dice, SLICE("thinking"));
    else if (facts->wants_thinking)
        tokens = (double)thinking_usual(facts);
    return tokens < (double)UINT32_MAX ? (uint32_t)(tokens + 0.5) : UINT32_MAX;
}

static enum stop natural_stop(const struct script *script)
{
    if (script == NULL)
        return STOP_END;
    if (script->has_stop)
        return script->stop;
    return script->tool_name.size > 0 ? STOP_TOOL : STOP_END;
}

/* The answer is over after `tokens` at the most: the tool, then the text, then the thinking lose
 * what goes past that. */
static void end_at(struct plan *plan, uint64_t tokens, enum stop stop)
{
    uint64_t lost, kept;

    if (plan->output_tokens <= tokens)
        return;
    lost = plan->output_tokens - tokens;
    plan->output_tokens = tokens;
    plan->stop = stop;
    plan->tool_tokens -= lost < plan->tool_tokens ? (uint32_t)lost : plan->tool_tokens;
    kept = tokens - plan->tool_tokens;
    if (plan->thinking_tokens > kept)
        plan->thinking_tokens = (uint32_t)kept;
}

static void say(struct plan *plan, const struct dice *dice, const struct attempt_facts *facts)
{
    plan->script = facts->script;
    plan->stop = natural_stop(facts->script);
    plan->thinking_tokens = thinking_tokens(facts, dice);
    plan->tool_tokens = tool_tokens(facts->script);
    plan->output_tokens =
        add_tokens(add_tokens(text_tokens(facts), plan->thinking_tokens), plan->tool_tokens);
    end_at(plan, facts->output_tokens_max, STOP_MAX_TOKENS);
    if (facts->model->stops_at_window && facts->input_tokens <= facts->model->context_window)
        end_at(plan, facts->model->context_window - facts->input_tokens, STOP_WINDOW);
}

static void say_nothing(struct plan *plan)
{
    plan->output_tokens = 0;
    plan->thinking_tokens = 0;
    plan->tool_tokens = 0;
}

/* Of its own accord: no limit was reached, and no tool was called. */
static void end_before_it_began(struct plan *plan)
{
    say_nothing(plan);
    if (plan->stop != STOP_REFUSAL)
        plan->stop = STOP_END;
}

static void refuse(struct plan *plan, enum outcome failure, uint16_t status)
{
    say_nothing(plan);
    plan->kind = PLAN_REFUSAL;
    plan->failure = failure;
    plan->status = status;
    plan->first_token = 0;
    plan->token_gap = 0;
    plan->stop = STOP_END;
    plan->script = NULL;
}

void recipe_behave(struct plan *plan, const struct dice *dice, const struct attempt_facts *facts)
{
    const struct model *model = facts->model;

    *plan = (struct plan){
        .kind = PLAN_ANSWER,
        .rule = PLAN_NO_RULE,
        .stream = facts->stream,
        .tokens_per_event = model->tokens_per_event,
        .first_token = to_nanos(drawn(&model->first_token, dice, SLICE("first_token"))),
        .token_gap = token_gap(model, dice),
        .input_tokens = facts->input_tokens,
        .context_window = model->context_window,
    };
    say(plan, dice, facts);
    if (facts->input_tokens > model->context_window)
        refuse(plan, OUTCOME_CONTEXT_LENGTH, 0);
}

/* --- what a fault makes of it ----------------------------------------------------------------- */

/* A rule may say that an input is too long which fits: then into a window that it does not. */
static void shrink_window(struct plan *plan)
{
    if (plan->input_tokens > 0 && plan->input_tokens <= plan->context_window)
        plan->context_window = plan->input_tokens - 1;
}

static void refuse_as_told(struct plan *plan, const struct fault *fault)
{
    refuse(plan, fault->failure, fault->status);
    if (fault->failure == OUTCOME_CONTEXT_LENGTH)
        shrink_window(plan);
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

/* The token that the fault means, or the last of a shorter answer. */
static uint64_t token_meant(const struct plan *plan, const struct fault *fault)
{
    if (plan->output_tokens == 0)
        return 0;
    return fault->tokens < plan->output_tokens ? fault->tokens : plan->output_tokens - 1;
}

static void freeze(struct plan *plan, const struct fault *fault)
{
    plan->freeze_at_token = token_meant(plan, fault);
    plan->freeze = fault->delay;
}

/* Whoever answers with that body has not looked at the request. */
static void answer_with_a_body(struct plan *plan)
{
    refuse(plan, OUTCOME_OK, 0);
    plan->kind = PLAN_ANSWER;
    plan->stream = false;
}

static void run_away(struct plan *plan, uint64_t tokens)
{
    if (plan->output_tokens < tokens)
        plan->output_tokens = tokens;
    if (plan->stop == STOP_MAX_TOKENS || plan->stop == STOP_WINDOW)
        plan->stop = STOP_END;
}

/* Beside another kind only what goes together with what that made of the plan. */
static void add_quirks(struct plan *plan, const struct fault *fault)
{
    plan->quirks = fault->quirks;
    if (plan->kind == PLAN_RESET)
        plan->quirks = 0;
    if (plan->kind == PLAN_REFUSAL)
        plan->quirks &= OF_REFUSALS;
    if (plan->kind != PLAN_ANSWER)
        return;
    if (plan->quirks & QUIRK_EMPTY)
        end_before_it_began(plan);
    if (plan->quirks & QUIRK_RUNAWAY)
        run_away(plan, fault->tokens);
    if (plan->quirks & OF_ONE_EVENT)
        plan->tokens_before_end = token_meant(plan, fault);
}

static nanos begins_later_by(const struct fault *fault)
{
    bool is_parameter = fault->kind == FAULT_FREEZE || (fault->quirks & QUIRK_SLOW_HEADERS);

    return is_parameter ? 0 : fault->delay;
}

static void apply(struct plan *plan, const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_NONE:
    case FAULT_LATE_FIRST:
        break;
    case FAULT_QUIRKS:
        if (fault->quirks & QUIRK_BODY)
            answer_with_a_body(plan);
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
    case FAULT_FREEZE:
        freeze(plan, fault);
        break;
    case FAULT_TOKENS_PER_EVENT:
        plan->tokens_per_event = fault->tokens < UINT32_MAX ? (uint32_t)fault->tokens : UINT32_MAX;
        break;
    case FAULT_CONNECTION:
    case FAULT_CAPACITY:
        assert(false && "not a fault of an attempt");
        break;
    }
}

static uint64_t text_tokens_allowed(const struct attempt_facts *facts)
{
    uint64_t tokens = text_tokens(facts);

    return tokens < facts->output_tokens_max ? tokens : facts->output_tokens_max;
}

bool recipe_takes(const struct fault *fault, const struct attempt_facts *facts)
{
    bool is_of_events = fault->kind == FAULT_TOKENS_PER_EVENT || (fault->quirks & OF_EVENTS) != 0;

    if (fault->kind == FAULT_CONNECTION || fault->kind == FAULT_CAPACITY)
        return false;
    if (fault->kind == FAULT_CONTEXT_WINDOW && facts->input_tokens <= fault->tokens)
        return false;
    if (fault->quirks & QUIRK_RUNAWAY && fault->tokens <= text_tokens_allowed(facts))
        return false;
    if (fault->quirks & facts->quirks_impossible)
        return false;
    return facts->stream || !is_of_events;
}

/* A refusal has a head too, so what is done to heads is done to it. */
static bool has_something_to_do(const struct plan *plan, const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_STATUS:
    case FAULT_CONTEXT_WINDOW:
    case FAULT_RESET:
        return true;
    case FAULT_QUIRKS:
        return plan->kind == PLAN_ANSWER || (fault->quirks & OF_REFUSALS) != 0;
    default:
        return plan->kind == PLAN_ANSWER;
    }
}

bool recipe_spoil(struct plan *plan, const struct fault *fault)
{
    if (!has_something_to_do(plan, fault))
        return false;
    apply(plan, fault);
    add_quirks(plan, fault);
    plan->fault = fault;
    plan->first_token = nanos_add(plan->first_token, begins_later_by(fault));
    return true;
}
