/* One fault, or a sequence of them: what a rule does to the attempts it hits. */

#include "scenario/read.h"

struct fault_block {
    struct value status, retry_after, failure;
    struct value slow_tokens, late_first_token, context_window, cut, stall, reset;
};

static const struct read_key fault_keys[] = {
    {"status", OPTIONAL, read_keep, offsetof(struct fault_block, status)},
    {"retry_after", OPTIONAL, read_keep, offsetof(struct fault_block, retry_after)},
    {"failure", OPTIONAL, read_keep, offsetof(struct fault_block, failure)},
    {"slow_tokens", OPTIONAL, read_keep, offsetof(struct fault_block, slow_tokens)},
    {"late_first_token", OPTIONAL, read_keep, offsetof(struct fault_block, late_first_token)},
    {"context_window", OPTIONAL, read_keep, offsetof(struct fault_block, context_window)},
    {"cut", OPTIONAL, read_keep, offsetof(struct fault_block, cut)},
    {"stall", OPTIONAL, read_keep, offsetof(struct fault_block, stall)},
    {"reset", OPTIONAL, read_keep, offsetof(struct fault_block, reset)},
};

struct advice_block {
    struct value date, ms, raw;
};

static enum rc read_advice_form(struct reading *r, const struct value *value, struct fault *fault)
{
    static const struct read_key keys[] = {
        {"date", OPTIONAL, read_keep, offsetof(struct advice_block, date)},
        {"ms", OPTIONAL, read_keep, offsetof(struct advice_block, ms)},
        {"raw", OPTIONAL, read_keep, offsetof(struct advice_block, raw)},
    };
    struct advice_block block = {0};

    TRY(read_object(r, value, keys, ARRAY_SIZE(keys), &block));
    if (value_is_there(&block.date) + value_is_there(&block.ms) + value_is_there(&block.raw) != 1)
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found not just one of \"date\", \"ms\" and \"raw\", expected one");
    if (value_is_there(&block.raw)) {
        fault->advice = PLAN_ADVICE_RAW;
        return read_text(r, &block.raw, fault->advice_raw, sizeof(fault->advice_raw));
    }
    fault->advice = value_is_there(&block.date) ? PLAN_ADVICE_DATE : PLAN_ADVICE_MS;
    return read_duration(r, value_is_there(&block.date) ? &block.date : &block.ms,
                         &fault->advice_wait);
}

static enum rc read_retry_after(struct reading *r, const struct value *value, struct fault *fault)
{
    if (value->token.kind == JSON_OBJECT)
        return read_advice_form(r, value, fault);
    fault->advice = PLAN_ADVICE_SECONDS;
    return read_duration(r, value, &fault->advice_wait);
}

/* What a provider may tell with an error status. */
static enum rc read_failure(struct reading *r, const struct value *value, struct fault *fault)
{
    static const enum outcome told[] = {
        OUTCOME_RATE_LIMITED,   OUTCOME_QUOTA,           OUTCOME_OVERLOADED, OUTCOME_SERVER_ERROR,
        OUTCOME_CONTEXT_LENGTH, OUTCOME_INVALID_REQUEST, OUTCOME_AUTH,       OUTCOME_CONTENT_POLICY,
    };
    const char *words[ARRAY_SIZE(told)];
    uint32_t index;

    for (uint32_t i = 0; i < ARRAY_SIZE(told); i++)
        words[i] = outcome_word(told[i]);
    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    fault->failure = told[index];
    return RC_OK;
}

static enum rc read_status(struct reading *r, const struct fault_block *block, struct fault *fault)
{
    struct answer ignored = {0};
    uint64_t status = 0;

    TRY(read_whole(r, &block->status, 400, 599, &status));
    fault->status = (uint16_t)status;
    fault->failure = format_read_error(API_ANTHROPIC, fault->status, (struct slice){0}, &ignored);
    if (value_is_there(&block->failure))
        TRY(read_failure(r, &block->failure, fault));
    if (value_is_there(&block->retry_after))
        TRY(read_retry_after(r, &block->retry_after, fault));
    return RC_OK;
}

static enum rc read_close(struct reading *r, const struct value *value, void *out)
{
    static const char *const words[] = {
        [PLAN_CLOSE_END] = "end", [PLAN_CLOSE_FIN] = "fin", [PLAN_CLOSE_RST] = "rst"};
    enum plan_close *close = out;
    uint32_t index;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    *close = (enum plan_close)index;
    return RC_OK;
}

static enum rc read_after_tokens(struct reading *r, const struct value *value, void *out)
{
    return read_whole(r, value, 0, 1000000000, out);
}

static enum rc read_cut(struct reading *r, const struct value *value, struct fault *fault)
{
    static const struct read_key keys[] = {
        {"after_tokens", OPTIONAL, read_after_tokens, offsetof(struct fault, tokens)},
        {"by", OPTIONAL, read_close, offsetof(struct fault, close)},
    };

    return read_object(r, value, keys, ARRAY_SIZE(keys), fault);
}

static enum rc read_stall(struct reading *r, const struct value *value, struct fault *fault)
{
    static const struct read_key keys[] = {
        {"after_tokens", OPTIONAL, read_after_tokens, offsetof(struct fault, tokens)},
    };

    return read_object(r, value, keys, ARRAY_SIZE(keys), fault);
}

static enum rc read_reset(struct reading *r, const struct value *value, struct fault *fault)
{
    static const char *const words[] = {"fin", "rst"};
    uint32_t index;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    fault->close = index == 0 ? PLAN_CLOSE_FIN : PLAN_CLOSE_RST;
    return RC_OK;
}

static enum rc read_fault_of_kind(struct reading *r, const struct fault_block *block,
                                  struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_STATUS:
        return read_status(r, block, fault);
    case FAULT_SLOW_TOKENS:
        return read_number(r, &block->slow_tokens, 1, 1e6, &fault->factor);
    case FAULT_LATE_FIRST:
        return read_span(r, &block->late_first_token, &fault->delay);
    case FAULT_CONTEXT_WINDOW:
        return read_tokens(r, &block->context_window, &fault->tokens);
    case FAULT_CUT:
        return read_cut(r, &block->cut, fault);
    case FAULT_STALL:
        return read_stall(r, &block->stall, fault);
    case FAULT_RESET:
        return read_reset(r, &block->reset, fault);
    case FAULT_NONE:
        break;
    }
    return RC_OK;
}

static enum rc read_fault(struct reading *r, const struct value *value, struct fault *fault)
{
    struct fault_block block = {0};
    const struct {
        const struct value *value;
        enum fault_kind kind;
    } kinds[] = {
        {&block.status, FAULT_STATUS},
        {&block.slow_tokens, FAULT_SLOW_TOKENS},
        {&block.late_first_token, FAULT_LATE_FIRST},
        {&block.context_window, FAULT_CONTEXT_WINDOW},
        {&block.cut, FAULT_CUT},
        {&block.stall, FAULT_STALL},
        {&block.reset, FAULT_RESET},
    };
    uint32_t count = 0;

    TRY(read_object(r, value, fault_keys, ARRAY_SIZE(fault_keys), &block));
    *fault = (struct fault){.kind = FAULT_NONE};
    for (uint32_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (value_is_there(kinds[i].value)) {
            fault->kind = kinds[i].kind;
            count++;
        }
    }
    if (count != 1)
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found %u faults in one object, expected one such as "
                              "{\"status\": 529}",
                              count);
    if (fault->kind != FAULT_STATUS && value_is_there(&block.retry_after))
        return read_refuse_as(r, RC_MALFORMED, &block.retry_after,
                              "found \"retry_after\" without \"status\", expected it beside one");
    if (fault->kind != FAULT_STATUS && value_is_there(&block.failure))
        return read_refuse_as(r, RC_MALFORMED, &block.failure,
                              "found \"failure\" without \"status\", expected it beside one");
    return read_fault_of_kind(r, &block, fault);
}

/* An array of faults is a sequence: one for each attempt of a call. */
enum rc read_sequence(struct reading *r, const struct value *value, struct chaos_rule *rule)
{
    struct walk walk;
    struct value element;

    struct fault *faults = arena_take(r->arena, CHAOS_SEQUENCE_MAX, sizeof(*faults));

    if (faults == NULL)
        return read_out_of_memory(r);
    rule->sequence = faults;
    if (value->token.kind == JSON_OBJECT) {
        rule->sequence_count = 1;
        return read_fault(r, value, &faults[0]);
    }
    TRY(read_expect_elements(r, value, CHAOS_SEQUENCE_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element)) {
        struct fault *fault = &faults[rule->sequence_count++];

        if (element.token.kind != JSON_STRING)
            TRY(read_fault(r, &element, fault));
        else if (!json_is(&element.token, SLICE("ok")))
            return read_refuse(r, RC_MALFORMED, &element, "\"ok\" or a fault { }");
    }
    return RC_OK;
}
