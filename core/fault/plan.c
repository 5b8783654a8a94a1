#include "fault/plan.h"

#include <assert.h>

#include "base/units.h"

uint64_t plan_tokens_to_come(const struct plan *plan)
{
    if (plan->kind != PLAN_ANSWER)
        return 0;
    if (plan->ending != PLAN_WHOLE && plan->tokens_before_end < plan->output_tokens)
        return plan->tokens_before_end;
    return plan->output_tokens;
}

nanos plan_token_at(const struct plan *plan, uint64_t token)
{
    assert(plan->token_gap >= 0);
    if (token >= plan_tokens_to_come(plan))
        return NANOS_NEVER;
    if (plan->token_gap > 0 && token > (uint64_t)(NANOS_NEVER / plan->token_gap))
        return NANOS_NEVER;
    return nanos_add(plan->first_token, (nanos)token * plan->token_gap);
}

uint64_t plan_tokens_due(const struct plan *plan, nanos elapsed)
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
    switch (plan->ending) {
    case PLAN_WHOLE:
        if (plan->stop == STOP_MAX_TOKENS)
            buffer_text(out, ", stopped by max_tokens");
        return;
    case PLAN_CUT:
        buffer_append(out, SLICE(", cut after "));
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

static void write_answer(const struct plan *plan, struct buffer *out)
{
    buffer_append(out, plan->stream ? SLICE("200 stream ") : SLICE("200 whole "));
    buffer_u64(out, plan->output_tokens);
    buffer_append(out, SLICE(" tokens: first "));
    units_write_duration(out, plan->first_token);
    buffer_text(out, ", then every ");
    units_write_duration(out, plan->token_gap);
    write_ending(plan, out);
}

void plan_write(const struct plan *plan, struct buffer *out)
{
    switch (plan->kind) {
    case PLAN_ANSWER:
        write_answer(plan, out);
        return;
    case PLAN_REFUSAL:
        write_refusal(plan, out);
        return;
    case PLAN_RESET:
        write_reset(plan, out);
        return;
    }
    assert(false && "not a kind of plan");
}
