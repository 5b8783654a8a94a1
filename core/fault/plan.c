#include "fault/plan.h"

#include <assert.h>

#include "base/units.h"
#include "fault/chaos.h"
#include "fault/script.h"

const char *quirk_word(enum quirk_index index)
{
    static const char *const words[QUIRKS_COUNT] = {
#define QUIRK_WORD(name, word, meaning) [QUIRK_INDEX_##name] = (word),
        QUIRK_LIST(QUIRK_WORD)
#undef QUIRK_WORD
    };

    assert((unsigned)index < QUIRKS_COUNT);
    return words[index];
}

uint64_t plan_tokens_to_come(const struct plan *plan)
{
    if (plan->kind != PLAN_ANSWER)
        return 0;
    if (plan->ending != PLAN_WHOLE && plan->tokens_before_end < plan->output_tokens)
        return plan->tokens_before_end;
    return plan->output_tokens;
}

/* When token k would come without a silence. */
static nanos undisturbed_at(const struct plan *plan, uint64_t token)
{
    assert(plan->token_gap >= 0);
    if (plan->token_gap > 0 && token > (uint64_t)(NANOS_NEVER / plan->token_gap))
        return NANOS_NEVER;
    return nanos_add(plan->first_token, (nanos)token * plan->token_gap);
}

static uint64_t undisturbed_due(const struct plan *plan, nanos elapsed)
{
    uint64_t to_come = plan_tokens_to_come(plan);
    uint64_t due;

    if (to_come == 0 || elapsed < plan->first_token)
        return 0;
    if (plan->token_gap == 0)
        return to_come;
    due = (uint64_t)((elapsed - plan->first_token) / plan->token_gap) + 1;
    return due < to_come ? due : to_come;
}

/* When the silence is over: it begins with the token before it, or when the first was due. */
static nanos thaws_at(const struct plan *plan)
{
    uint64_t before = plan->freeze_at_token > 0 ? plan->freeze_at_token - 1 : 0;

    return nanos_add(undisturbed_at(plan, before), plan->freeze);
}

nanos plan_token_at(const struct plan *plan, uint64_t token)
{
    nanos at;

    if (token >= plan_tokens_to_come(plan))
        return NANOS_NEVER;
    at = undisturbed_at(plan, token);
    if (plan->freeze > 0 && token >= plan->freeze_at_token)
        return nanos_max(at, thaws_at(plan));
    return at;
}

uint64_t plan_tokens_due(const struct plan *plan, nanos elapsed)
{
    uint64_t due = undisturbed_due(plan, elapsed);

    if (plan->freeze > 0 && due > plan->freeze_at_token && elapsed < thaws_at(plan))
        return plan->freeze_at_token;
    return due;
}

nanos plan_ends_at(const struct plan *plan)
{
    uint64_t to_come = plan_tokens_to_come(plan);

    if (plan->kind == PLAN_ANSWER && plan->ending == PLAN_STALL)
        return NANOS_NEVER;
    return to_come > 0 ? plan_token_at(plan, to_come - 1) : plan->first_token;
}

static const char *close_word(enum plan_close close)
{
    switch (close) {
    case PLAN_CLOSE_END:
        return "a well framed end";
    case PLAN_CLOSE_FIN:
        return "FIN";
    case PLAN_CLOSE_RST:
        return "RST";
    }
    assert(false && "not a close");
    return "";
}

static void write_advice(const struct plan *plan, struct buffer *out)
{
    switch (plan->advice) {
    case PLAN_ADVICE_NONE:
        return;
    case PLAN_ADVICE_SECONDS:
        buffer_text(out, ", retry-after ");
        units_write_duration(out, plan->advice_wait);
        return;
    case PLAN_ADVICE_DATE:
        buffer_text(out, ", retry-after a date ");
        units_write_duration(out, plan->advice_wait);
        buffer_text(out, " ahead");
        return;
    case PLAN_ADVICE_MS:
        buffer_text(out, ", retry-after-ms ");
        buffer_i64(out, plan->advice_wait / NANOS_MS);
        return;
    case PLAN_ADVICE_RAW:
        buffer_printf(out, ", retry-after \"%s\"", plan->advice_raw);
        return;
    }
    assert(false && "not an advice");
}

static void write_delay(const struct plan *plan, struct buffer *out)
{
    if (plan->first_token == 0)
        return;
    buffer_text(out, ", after ");
    units_write_duration(out, plan->first_token);
}

/* On the load path, like all that follows: no printf. */
static void write_refusal(const struct plan *plan, struct buffer *out)
{
    if (plan->status != 0) {
        buffer_u64(out, plan->status);
        buffer_byte(out, ' ');
    }
    buffer_text(out, outcome_word(plan->failure));
    if (plan->failure == OUTCOME_CONTEXT_LENGTH) {
        buffer_append(out, SLICE(", "));
        buffer_u64(out, plan->input_tokens);
        buffer_append(out, SLICE(" tokens into "));
        buffer_u64(out, plan->context_window);
    }
    write_advice(plan, out);
    write_delay(plan, out);
}

static void write_reset(const struct plan *plan, struct buffer *out)
{
    buffer_append(out, SLICE("no answer, "));
    buffer_text(out, close_word(plan->close));
    write_delay(plan, out);
}

static void write_ending(const struct plan *plan, struct buffer *out)
{
    bool has_error_event = (plan->quirks & QUIRK_ERROR_EVENT) != 0;

    switch (plan->ending) {
    case PLAN_WHOLE:
        if (plan->stop == STOP_END)
            return;
        buffer_append(out, SLICE(", stopped by "));
        buffer_text(out, stop_word(plan->stop));
        return;
    case PLAN_CUT:
        buffer_append(out, has_error_event ? SLICE(", error after ") : SLICE(", cut after "));
        buffer_u64(out, plan_tokens_to_come(plan));
        buffer_append(out, SLICE(" by "));
        buffer_text(out, close_word(plan->close));
        return;
    case PLAN_STALL:
        buffer_append(out, SLICE(", silent after "));
        buffer_u64(out, plan_tokens_to_come(plan));
        return;
    }
    assert(false && "not an ending");
}

static void write_freeze(const struct plan *plan, struct buffer *out)
{
    if (plan->freeze == 0)
        return;
    buffer_append(out, SLICE(", frozen "));
    units_write_duration(out, plan->freeze);
    buffer_append(out, SLICE(" after "));
    buffer_u64(out, plan->freeze_at_token);
}

static void write_count(uint64_t count, struct slice of, struct buffer *out)
{
    if (count == 0)
        return;
    buffer_append(out, SLICE(", "));
    buffer_u64(out, count);
    buffer_append(out, of);
}

static void write_script(const struct plan *plan, struct buffer *out)
{
    if (plan->script == NULL)
        return;
    buffer_append(out, SLICE(", script "));
    buffer_text(out, plan->script->name);
}

/* Some say how much or which with their word. */
static void write_parameter(const struct plan *plan, enum quirk_index index, struct buffer *out)
{
    switch (index) {
    case QUIRK_INDEX_ERROR_EVENT:
        buffer_byte(out, ' ');
        buffer_text(out, outcome_word(plan->fault->failure));
        return;
    case QUIRK_INDEX_BROKEN_JSON:
    case QUIRK_INDEX_DUPLICATE:
    case QUIRK_INDEX_REORDER:
        buffer_append(out, SLICE(" after "));
        buffer_u64(out, plan->tokens_before_end);
        return;
    case QUIRK_INDEX_SLOW_HEADERS:
        buffer_byte(out, ' ');
        units_write_duration(out, plan->fault->delay);
        return;
    default:
        return;
    }
}

static void write_quirks(const struct plan *plan, struct buffer *out)
{
    for (int i = 0; i < QUIRKS_COUNT; i++) {
        if ((plan->quirks >> i & 1) == 0)
            continue;
        buffer_append(out, SLICE(", "));
        buffer_text(out, quirk_word((enum quirk_index)i));
        if (plan->fault != NULL)
            write_parameter(plan, (enum quirk_index)i, out);
    }
}

static void write_answer(const struct plan *plan, struct buffer *out)
{
    if (plan->quirks & QUIRK_BODY) {
        buffer_append(out, SLICE("200"));
        return;
    }
    buffer_append(out, plan->stream ? SLICE("200 stream ") : SLICE("200 whole "));
    buffer_u64(out, plan->output_tokens);
    buffer_append(out, SLICE(" tokens: first "));
    units_write_duration(out, plan->first_token);
    buffer_text(out, ", then every ");
    units_write_duration(out, plan->token_gap);
    if (plan->fault != NULL && plan->fault->kind == FAULT_TOKENS_PER_EVENT)
        write_count(plan->tokens_per_event, SLICE(" an event"), out);
    write_count(plan->thinking_tokens, SLICE(" of thinking"), out);
    write_count(plan->tool_tokens, SLICE(" of a tool"), out);
    write_script(plan, out);
    write_freeze(plan, out);
    write_ending(plan, out);
}

void plan_write(const struct plan *plan, struct buffer *out)
{
    switch (plan->kind) {
    case PLAN_ANSWER:
        write_answer(plan, out);
        break;
    case PLAN_REFUSAL:
        write_refusal(plan, out);
        break;
    case PLAN_RESET:
        write_reset(plan, out);
        break;
    }
    write_quirks(plan, out);
}
