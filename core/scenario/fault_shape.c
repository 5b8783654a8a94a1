/* What goes wrong with an answer's tokens: when they come, how they end, what they say. */

#include "scenario/fault_read.h"

/* --- pieces ----------------------------------------------------------------------------------- */

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

/* {"after_tokens": ...} alone. */
static enum rc read_tokens_before(struct reading *r, const struct value *value, struct fault *fault)
{
    static const struct read_key keys[] = {
        {"after_tokens", OPTIONAL, read_after_tokens, offsetof(struct fault, tokens)},
    };

    return read_object(r, value, keys, ARRAY_SIZE(keys), fault);
}

/* A word that is switched on by one of the two, because the other is how things are anyway. */
static enum rc expect_flag(struct reading *r, const struct value *value, bool expected)
{
    if (value->token.kind == (expected ? JSON_TRUE : JSON_FALSE))
        return RC_OK;
    return read_refuse(r, RC_MALFORMED, value, expected ? "true" : "false");
}

/* --- when tokens come ------------------------------------------------------------------------- */

enum rc fault_read_late_first(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->kind = FAULT_LATE_FIRST;
    return read_span(r, value, &fault->delay);
}

enum rc fault_read_slow_tokens(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->kind = FAULT_SLOW_TOKENS;
    return read_number(r, value, 1, 1e6, &fault->factor);
}

static enum rc read_behind(struct reading *r, const struct value *value, void *out)
{
    static const char *const words[] = {"pings", "comments"};
    uint32_t *quirks = out;
    uint32_t index;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    *quirks |= index == 0 ? QUIRK_PINGS : QUIRK_COMMENTS;
    return RC_OK;
}

enum rc fault_read_stall(struct reading *r, const struct value *value, struct fault *fault)
{
    static const struct read_key keys[] = {
        {"after_tokens", OPTIONAL, read_after_tokens, offsetof(struct fault, tokens)},
        {"behind", OPTIONAL, read_behind, offsetof(struct fault, quirks)},
    };

    fault->kind = FAULT_STALL;
    return read_object(r, value, keys, ARRAY_SIZE(keys), fault);
}

enum rc fault_read_freeze(struct reading *r, const struct value *value, struct fault *fault)
{
    static const struct read_key keys[] = {
        {"after_tokens", OPTIONAL, read_after_tokens, offsetof(struct fault, tokens)},
        {"for", NEEDED, read_span, offsetof(struct fault, delay)},
    };

    fault->kind = FAULT_FREEZE;
    return read_object(r, value, keys, ARRAY_SIZE(keys), fault);
}

enum rc fault_read_tokens_per_event(struct reading *r, const struct value *value,
                                    struct fault *fault)
{
    fault->kind = FAULT_TOKENS_PER_EVENT;
    return read_whole(r, value, 1, TOKENS_PER_EVENT_MAX, &fault->tokens);
}

enum rc fault_read_one_byte(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->quirks |= QUIRK_ONE_BYTE;
    return expect_flag(r, value, true);
}

enum rc fault_read_split(struct reading *r, const struct value *value, struct fault *fault)
{
    static const char *const words[] = {"utf8", "crlf"};
    uint32_t index;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    fault->quirks |= index == 0 ? QUIRK_SPLIT_UTF8 : QUIRK_SPLIT_CRLF;
    return RC_OK;
}

/* --- how it ends ------------------------------------------------------------------------------ */

static enum rc read_inside_event(struct reading *r, const struct value *value, void *out)
{
    uint32_t *quirks = out;
    bool is_inside = false;

    TRY(read_bool(r, value, &is_inside));
    *quirks |= is_inside ? QUIRK_INSIDE_EVENT : 0;
    return RC_OK;
}

enum rc fault_read_cut(struct reading *r, const struct value *value, struct fault *fault)
{
    static const struct read_key keys[] = {
        {"after_tokens", OPTIONAL, read_after_tokens, offsetof(struct fault, tokens)},
        {"by", OPTIONAL, read_close, offsetof(struct fault, close)},
        {"inside_event", OPTIONAL, read_inside_event, offsetof(struct fault, quirks)},
    };

    fault->kind = FAULT_CUT;
    return read_object(r, value, keys, ARRAY_SIZE(keys), fault);
}

static enum rc read_error_form(struct reading *r, const struct value *value, void *out)
{
    static const char *const words[] = {"wire", "documented"};
    uint32_t *quirks = out;
    uint32_t index;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    *quirks |= index == 1 ? QUIRK_FLAT_ERROR : 0;
    return RC_OK;
}

enum rc fault_read_error_event(struct reading *r, const struct value *value, struct fault *fault)
{
    static const struct read_key keys[] = {
        {"after_tokens", OPTIONAL, read_after_tokens, offsetof(struct fault, tokens)},
        {"failure", OPTIONAL, fault_read_failure, offsetof(struct fault, failure)},
        {"form", OPTIONAL, read_error_form, offsetof(struct fault, quirks)},
    };

    fault->kind = FAULT_CUT;
    fault->quirks |= QUIRK_ERROR_EVENT;
    fault->failure = OUTCOME_OVERLOADED;
    return read_object(r, value, keys, ARRAY_SIZE(keys), fault);
}

enum rc fault_read_done(struct reading *r, const struct value *value, struct fault *fault)
{
    static const char *const words[] = {"missing", "early", "wrong"};
    static const uint32_t quirks[] = {QUIRK_DONE_MISSING, QUIRK_DONE_EARLY, QUIRK_DONE_WRONG};
    uint32_t index;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    fault->quirks |= quirks[index];
    return RC_OK;
}

/* --- what it says ----------------------------------------------------------------------------- */

enum rc fault_read_broken_json(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->quirks |= QUIRK_BROKEN_JSON;
    return read_tokens_before(r, value, fault);
}

enum rc fault_read_duplicate(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->quirks |= QUIRK_DUPLICATE;
    return read_tokens_before(r, value, fault);
}

enum rc fault_read_reorder(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->quirks |= QUIRK_REORDER;
    return read_tokens_before(r, value, fault);
}

enum rc fault_read_event_names(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->quirks |= QUIRK_NO_EVENT_NAMES;
    return expect_flag(r, value, false);
}

static enum rc read_usage_times(struct reading *r, const struct value *value, void *out)
{
    return read_number(r, value, 0, 1e6, out);
}

enum rc fault_read_usage(struct reading *r, const struct value *value, struct fault *fault)
{
    static const char *const words[] = {"missing", "zero"};
    static const struct read_key keys[] = {
        {"times", NEEDED, read_usage_times, offsetof(struct fault, factor)},
    };
    uint32_t index;

    if (value->token.kind == JSON_OBJECT) {
        fault->quirks |= QUIRK_USAGE_WRONG;
        return read_object(r, value, keys, ARRAY_SIZE(keys), fault);
    }
    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    fault->quirks |= index == 0 ? QUIRK_USAGE_MISSING : QUIRK_USAGE_ZERO;
    return RC_OK;
}

enum rc fault_read_empty_answer(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->quirks |= QUIRK_EMPTY;
    return expect_flag(r, value, true);
}

enum rc fault_read_runaway(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->quirks |= QUIRK_RUNAWAY;
    return read_whole(r, value, 1, 1000000, &fault->tokens);
}

enum rc fault_read_foreign_text(struct reading *r, const struct value *value, struct fault *fault)
{
    fault->quirks |= QUIRK_FOREIGN;
    return expect_flag(r, value, true);
}
