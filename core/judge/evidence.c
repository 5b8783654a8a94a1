#include "judge/evidence.h"

#include <string.h>

/* Evidence lines are written on the load path: straight appends, no printf, no allocation once the
 * buffer has grown to its longest line.
 *
 * A journal line is written and read by one list of members (JOURNAL_MEMBERS), so that a field can
 * not be written and forgotten when read. The reader expects the members in the order in which
 * they are written and searches only when they are not. */

/* One member's opening: `,"name":`. */
#define MEMBER(name) SLICE(",\"" name "\":")

static void write_flag(struct buffer *out, bool flag)
{
    buffer_append(out, flag ? SLICE("true") : SLICE("false"));
}

static void write_null(struct buffer *out)
{
    buffer_append(out, SLICE("null"));
}

static void write_instant(struct buffer *out, nanos at)
{
    if (at == NANOS_NEVER)
        write_null(out);
    else
        buffer_i64(out, at);
}

static void write_text_or_null(struct buffer *out, struct slice text)
{
    if (text.size == 0)
        write_null(out);
    else
        json_write_text(out, text);
}

static void write_model(struct buffer *out, const struct scenario *scenario, uint32_t model)
{
    if (model >= scenario->models_count)
        write_null(out);
    else
        json_write_text(out, slice_of(scenario->models[model].name));
}

static void write_provider(struct buffer *out, const struct scenario *scenario, uint32_t provider)
{
    if (provider >= scenario->providers_count)
        write_null(out);
    else
        json_write_text(out, slice_of(scenario->providers[provider].name));
}

static void write_call_id(struct buffer *out, const struct scenario *scenario, struct call_id id)
{
    char text[CALL_ID_TEXT_MAX];
    uint32_t size = call_id_write(scenario, id, text);

    json_write_text(out, (struct slice){text, size});
}

static void member_instant(struct buffer *out, struct slice member, nanos at)
{
    buffer_append(out, member);
    write_instant(out, at);
}

static void member_count(struct buffer *out, struct slice member, uint64_t count)
{
    buffer_append(out, member);
    buffer_u64(out, count);
}

/* A count that may be unknown, and then is null, never a silent zero. */
static void member_usage(struct buffer *out, struct slice member, bool is_known, uint64_t count)
{
    buffer_append(out, member);
    if (is_known)
        buffer_u64(out, count);
    else
        write_null(out);
}

static void write_comma(struct buffer *out, bool *is_first)
{
    if (!*is_first)
        buffer_byte(out, ',');
    *is_first = false;
}

static void write_phase(struct buffer *out, bool *is_first, const char *prefix, const char *name)
{
    write_comma(out, is_first);
    buffer_byte(out, '"');
    buffer_text(out, prefix);
    json_write_part(out, slice_of(name));
    buffer_byte(out, '"');
}

static void write_phases(struct buffer *out, const struct phases *phases, nanos at)
{
    struct phase_set set = phases_at(phases, at);
    bool is_first = true;

    buffer_byte(out, '[');
    for (uint32_t i = 0; i < phases->count; i++) {
        if (set.named >> i & 1)
            write_phase(out, &is_first, "", phases->list[i].name);
        if (set.named >> (32 + i) & 1)
            write_phase(out, &is_first, "after:", phases->list[i].name);
    }
    if (set.is_before)
        write_phase(out, &is_first, "", "before");
    if (set.is_quiet)
        write_phase(out, &is_first, "", "quiet");
    buffer_byte(out, ']');
}

/* --- calls and attempts ----------------------------------------------------------------------- */

static uint32_t attempts_kept(const struct call_record *call)
{
    return call->attempts_count < RECORD_ATTEMPTS_MAX ? call->attempts_count : RECORD_ATTEMPTS_MAX;
}

/* Milliseconds with three decimals: what the guide's logger calls latency_ms. */
static void write_latency_ms(struct buffer *out, const struct call_record *call)
{
    uint64_t us;

    if (call->ended_at == NANOS_NEVER || call->ended_at < call->due_at) {
        write_null(out);
        return;
    }
    us = (uint64_t)(call->ended_at - call->due_at) / 1000;
    buffer_u64(out, us / 1000);
    buffer_byte(out, '.');
    buffer_byte(out, (char)('0' + us / 100 % 10));
    buffer_byte(out, (char)('0' + us / 10 % 10));
    buffer_byte(out, (char)('0' + us % 10));
}

/* An attempt was retried when another one followed it; its outcome is the cause. */
static void write_retries(struct buffer *out, const struct call_record *call)
{
    uint32_t counts[OUTCOME_COUNT] = {0};
    bool is_first = true;

    for (uint32_t i = 0; i + 1 < attempts_kept(call); i++)
        counts[call->attempts[i].outcome]++;
    buffer_byte(out, '{');
    for (int cause = 0; cause < OUTCOME_COUNT; cause++) {
        if (counts[cause] == 0)
            continue;
        write_comma(out, &is_first);
        json_write_text(out, slice_of(outcome_word((enum outcome)cause)));
        buffer_byte(out, ':');
        buffer_u64(out, counts[cause]);
    }
    buffer_byte(out, '}');
}

static const char *pending_word(enum call_pending pending)
{
    static const char *const words[] = {
        [PENDING_NOTHING] = "nothing", [PENDING_ATTEMPT] = "attempt", [PENDING_WAIT] = "wait"};

    return words[pending];
}

/* The instants of a call that was never handed over. */
static const struct attempt_record no_attempt = {
    .handed_at = NANOS_NEVER,
    .sent_at = NANOS_NEVER,
    .first_byte_at = NANOS_NEVER,
    .first_token_at = NANOS_NEVER,
    .first_content_at = NANOS_NEVER,
    .last_content_at = NANOS_NEVER,
    .ended_at = NANOS_NEVER,
};

static void write_guide_members(const struct scenario *scenario, const struct call_record *call,
                                struct buffer *out)
{
    const struct usage *usage = &call->usage;

    buffer_append(out, SLICE("{\"model\":"));
    write_model(out, scenario, call->attempts_count > 0 ? call->model_answered : call->model_asked);
    buffer_append(out, MEMBER("latency_ms"));
    write_latency_ms(out, call);
    member_usage(out, MEMBER("input_tokens"), usage->is_known, usage->input_tokens);
    member_usage(out, MEMBER("output_tokens"), usage->is_known, usage->output_tokens);
    buffer_append(out, MEMBER("error"));
    write_text_or_null(out, slice_of(call->error));
    buffer_append(out, MEMBER("stop_reason"));
    write_text_or_null(out, slice_of(call->stop_reason));
}

static void write_call_instants(const struct call_record *call, struct buffer *out)
{
    uint32_t count = attempts_kept(call);
    const struct attempt_record *first = count > 0 ? &call->attempts[0] : &no_attempt;
    const struct attempt_record *last = count > 0 ? &call->attempts[count - 1] : &no_attempt;

    member_instant(out, MEMBER("due_at"), call->due_at);
    member_instant(out, MEMBER("handed_at"), first->handed_at);
    member_instant(out, MEMBER("sent_at"), first->sent_at);
    member_instant(out, MEMBER("first_byte_at"), last->first_byte_at);
    member_instant(out, MEMBER("first_token_at"), last->first_token_at);
    member_instant(out, MEMBER("first_content_at"), last->first_content_at);
    member_instant(out, MEMBER("last_content_at"), last->last_content_at);
    member_instant(out, MEMBER("ended_at"), call->ended_at);
}

void evidence_write_call(const struct scenario *scenario, const struct call_record *call,
                         struct buffer *out)
{
    const struct usage *usage = &call->usage;

    write_guide_members(scenario, call, out);
    buffer_append(out, MEMBER("call"));
    write_call_id(out, scenario, call->id);
    buffer_append(out, MEMBER("origin"));
    buffer_append(out, SLICE("\"driver\""));
    member_count(out, MEMBER("instance"), call->instance);
    buffer_append(out, MEMBER("phases"));
    write_phases(out, &scenario->chaos.phases, call->due_at);
    buffer_append(out, MEMBER("stream"));
    write_flag(out, call->stream);
    buffer_append(out, MEMBER("model_asked"));
    write_model(out, scenario, call->model_asked);
    buffer_append(out, MEMBER("model_answered"));
    if (call->attempts_count > 0)
        write_model(out, scenario, call->model_answered);
    else
        write_null(out);
    member_count(out, MEMBER("input_tokens_asked"), call->input_tokens_asked);
    member_count(out, MEMBER("output_tokens_asked"), call->output_tokens_asked);
    member_usage(out, MEMBER("cached_tokens"), usage->is_known, usage->cached_tokens);
    member_usage(out, MEMBER("cache_write_tokens"), usage->is_known, usage->cache_write_tokens);
    write_call_instants(call, out);
    member_count(out, MEMBER("attempts"), call->attempts_count);
    buffer_append(out, MEMBER("retries"));
    write_retries(out, call);
    member_instant(out, MEMBER("wait_max"), call->wait_max);
    buffer_append(out, MEMBER("pending"));
    if (call->outcome == OUTCOME_UNFINISHED)
        json_write_text(out, slice_of(pending_word(call->pending)));
    else
        write_null(out);
    buffer_append(out, MEMBER("outcome"));
    json_write_text(out, slice_of(outcome_word(call->outcome)));
    buffer_append(out, SLICE("}\n"));
}

static const char *advice_form_word(enum advice_form form)
{
    static const char *const words[] = {
        [ADVICE_NONE] = "none", [ADVICE_SECONDS] = "seconds", [ADVICE_FRACTION] = "fraction",
        [ADVICE_DATE] = "date", [ADVICE_MS] = "ms",           [ADVICE_UNUSABLE] = "unusable"};

    return words[form];
}

static void write_attempt(const struct scenario *scenario, const struct call_record *call,
                          const struct attempt_record *attempt, struct buffer *out)
{
    const struct usage *usage = &attempt->usage;
    uint32_t provider = attempt->model < scenario->models_count
                            ? scenario->models[attempt->model].provider
                            : scenario->providers_count;

    buffer_append(out, SLICE("{\"call\":"));
    write_call_id(out, scenario, call->id);
    member_count(out, MEMBER("attempt"), attempt->ordinal);
    buffer_append(out, MEMBER("provider"));
    write_provider(out, scenario, provider);
    buffer_append(out, MEMBER("model"));
    write_model(out, scenario, attempt->model);
    member_count(out, MEMBER("layer"), attempt->layer);
    buffer_append(out, MEMBER("is_fallback"));
    write_flag(out, attempt->is_fallback);
    buffer_append(out, MEMBER("phases"));
    write_phases(out, &scenario->chaos.phases,
                 attempt->sent_at != NANOS_NEVER ? attempt->sent_at : attempt->handed_at);
    member_instant(out, MEMBER("handed_at"), attempt->handed_at);
    member_instant(out, MEMBER("sent_at"), attempt->sent_at);
    member_instant(out, MEMBER("first_byte_at"), attempt->first_byte_at);
    member_instant(out, MEMBER("first_token_at"), attempt->first_token_at);
    member_instant(out, MEMBER("first_content_at"), attempt->first_content_at);
    member_instant(out, MEMBER("last_content_at"), attempt->last_content_at);
    member_instant(out, MEMBER("ended_at"), attempt->ended_at);
    member_instant(out, MEMBER("gap_max"), attempt->gap_max);
    member_count(out, MEMBER("status"), attempt->status);
    buffer_append(out, MEMBER("outcome"));
    json_write_text(out, slice_of(outcome_word(attempt->outcome)));
    buffer_append(out, MEMBER("advice"));
    json_write_text(out, slice_of(advice_form_word(attempt->advice_form)));
    member_instant(out, MEMBER("advice_wait"), attempt->advice_wait);
    member_usage(out, MEMBER("input_tokens"), usage->is_known, usage->input_tokens);
    member_usage(out, MEMBER("output_tokens"), usage->is_known, usage->output_tokens);
    member_usage(out, MEMBER("cached_tokens"), usage->is_known, usage->cached_tokens);
    member_usage(out, MEMBER("cache_write_tokens"), usage->is_known, usage->cache_write_tokens);
    buffer_append(out, MEMBER("request_id"));
    write_text_or_null(out, slice_of(attempt->request_id));
    buffer_append(out, SLICE("}\n"));
}

void evidence_write_attempts(const struct scenario *scenario, const struct call_record *call,
                             struct buffer *out)
{
    for (uint32_t i = 0; i < attempts_kept(call); i++)
        write_attempt(scenario, call, &call->attempts[i], out);
}

bool call_is_useful(const struct scenario *scenario, const struct call_record *call)
{
    if (call->outcome != OUTCOME_OK || call->ended_at == NANOS_NEVER)
        return false;
    return call->ended_at <= nanos_add(call->due_at, scenario->load.deadline);
}

/* --- the journal ------------------------------------------------------------------------------ */

#define JOURNAL_MEMBERS(X)              \
    X(NUMBER, "number")                 \
    X(PROVIDER, "provider")             \
    X(MODEL, "model")                   \
    X(CONNECTION, "connection")         \
    X(KEY, "key")                       \
    X(CALL, "call")                     \
    X(ATTEMPT, "attempt")               \
    X(ACCEPTED_AT, "accepted_at")       \
    X(HEAD_IN_AT, "head_in_at")         \
    X(BODY_IN_AT, "body_in_at")         \
    X(FIRST_OUT_AT, "first_out_at")     \
    X(LAST_OUT_AT, "last_out_at")       \
    X(CLOSED_AT, "closed_at")           \
    X(CLOSED_BY, "closed_by")           \
    X(STATUS, "status")                 \
    X(ANSWERED, "answered")             \
    X(IS_COMPLETE, "is_complete")       \
    X(ADVICE, "advice")                 \
    X(ADVICE_WAIT, "advice_wait")       \
    X(RULE, "rule")                     \
    X(RULES_MATCHED, "rules_matched")   \
    X(INPUT_TOKENS, "input_tokens")     \
    X(OUTPUT_TOKENS, "output_tokens")   \
    X(TOKENS_WRITTEN, "tokens_written") \
    X(BYTES_OUT, "bytes_out")           \
    X(PLAN, "plan")

#define JOURNAL_ENUM(name, word) JOURNAL_##name,
enum journal_member { JOURNAL_MEMBERS(JOURNAL_ENUM) JOURNAL_MEMBERS_COUNT };
#undef JOURNAL_ENUM

_Static_assert(JOURNAL_MEMBERS_COUNT <= 32, "the reader marks members in 32 bits");

#define JOURNAL_NAME(name, word) [JOURNAL_##name] = word,
static const char *const journal_names[] = {JOURNAL_MEMBERS(JOURNAL_NAME)};
#undef JOURNAL_NAME

static const char *const key_words[] = {
    [KEY_NONE] = "none", [KEY_HEADER] = "header", [KEY_LIKENESS] = "likeness"};

static const char *const closed_words[] = {[CLOSED_WHOLE] = "whole",
                                           [CLOSED_CLIENT] = "client",
                                           [CLOSED_FAULT] = "fault",
                                           [CLOSED_RUN] = "run"};

static const char *const plan_advice_words[] = {[PLAN_ADVICE_NONE] = "none",
                                                [PLAN_ADVICE_SECONDS] = "seconds",
                                                [PLAN_ADVICE_DATE] = "date",
                                                [PLAN_ADVICE_MS] = "ms",
                                                [PLAN_ADVICE_RAW] = "raw"};

static void write_rule(struct buffer *out, const struct chaos *chaos, int rule)
{
    if (rule < 0 || (uint32_t)rule >= chaos->rules_count)
        write_null(out);
    else
        json_write_text(out, slice_of(chaos->rules[rule].name));
}

static void write_rules(struct buffer *out, const struct chaos *chaos, uint64_t rules)
{
    bool is_first = true;

    buffer_byte(out, '[');
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        if (!(rules >> i & 1))
            continue;
        write_comma(out, &is_first);
        json_write_text(out, slice_of(chaos->rules[i].name));
    }
    buffer_byte(out, ']');
}

static void write_journal_member(enum journal_member member, const struct scenario *scenario,
                                 const struct journal_record *r, struct buffer *out)
{
    switch (member) {
    case JOURNAL_NUMBER:
        buffer_u64(out, r->number);
        break;
    case JOURNAL_PROVIDER:
        write_provider(out, scenario, r->provider);
        break;
    case JOURNAL_MODEL:
        write_model(out, scenario, r->model);
        break;
    case JOURNAL_CONNECTION:
        buffer_u64(out, r->connection);
        break;
    case JOURNAL_KEY:
        json_write_text(out, slice_of(key_words[r->key]));
        break;
    case JOURNAL_CALL:
        write_text_or_null(out, slice_of(r->call));
        break;
    case JOURNAL_ATTEMPT:
        buffer_u64(out, r->attempt);
        break;
    case JOURNAL_ACCEPTED_AT:
        write_instant(out, r->accepted_at);
        break;
    case JOURNAL_HEAD_IN_AT:
        write_instant(out, r->head_in_at);
        break;
    case JOURNAL_BODY_IN_AT:
        write_instant(out, r->body_in_at);
        break;
    case JOURNAL_FIRST_OUT_AT:
        write_instant(out, r->first_out_at);
        break;
    case JOURNAL_LAST_OUT_AT:
        write_instant(out, r->last_out_at);
        break;
    case JOURNAL_CLOSED_AT:
        write_instant(out, r->closed_at);
        break;
    case JOURNAL_CLOSED_BY:
        json_write_text(out, slice_of(closed_words[r->closed_by]));
        break;
    case JOURNAL_STATUS:
        buffer_u64(out, r->status);
        break;
    case JOURNAL_ANSWERED:
        json_write_text(out, slice_of(outcome_word(r->answered)));
        break;
    case JOURNAL_IS_COMPLETE:
        write_flag(out, r->is_complete);
        break;
    case JOURNAL_ADVICE:
        json_write_text(out, slice_of(plan_advice_words[r->advice]));
        break;
    case JOURNAL_ADVICE_WAIT:
        write_instant(out, r->advice_wait);
        break;
    case JOURNAL_RULE:
        write_rule(out, &scenario->chaos, r->rule);
        break;
    case JOURNAL_RULES_MATCHED:
        write_rules(out, &scenario->chaos, r->rules_matched);
        break;
    case JOURNAL_INPUT_TOKENS:
        buffer_u64(out, r->input_tokens);
        break;
    case JOURNAL_OUTPUT_TOKENS:
        buffer_u64(out, r->output_tokens);
        break;
    case JOURNAL_TOKENS_WRITTEN:
        buffer_u64(out, r->tokens_written);
        break;
    case JOURNAL_BYTES_OUT:
        buffer_u64(out, r->bytes_out);
        break;
    case JOURNAL_PLAN:
        json_write_text(out, slice_of(r->plan));
        break;
    case JOURNAL_MEMBERS_COUNT:
        break;
    }
}

void evidence_write_journal(const struct scenario *scenario, const struct journal_record *record,
                            struct buffer *out)
{
    for (int member = 0; member < JOURNAL_MEMBERS_COUNT; member++) {
        buffer_append(out, member == 0 ? SLICE("{\"") : SLICE(",\""));
        buffer_text(out, journal_names[member]);
        buffer_append(out, SLICE("\":"));
        write_journal_member((enum journal_member)member, scenario, record, out);
    }
    buffer_append(out, SLICE("}\n"));
}

/* The reader's place: the line, and the token that begins the member's value. */
struct reading {
    const struct scenario *scenario;
    struct json json;
    struct json_token token;
};

static enum rc read_u64(const struct reading *in, uint64_t most, uint64_t *value)
{
    uint64_t read;

    if (in->token.kind != JSON_NUMBER)
        return RC_MALFORMED;
    TRY(json_u64(&in->token, &read));
    if (read > most)
        return RC_LIMIT;
    *value = read;
    return RC_OK;
}

static enum rc read_u32(const struct reading *in, uint32_t *value)
{
    uint64_t read;

    TRY(read_u64(in, UINT32_MAX, &read));
    *value = (uint32_t)read;
    return RC_OK;
}

static enum rc read_u16(const struct reading *in, uint16_t *value)
{
    uint64_t read;

    TRY(read_u64(in, UINT16_MAX, &read));
    *value = (uint16_t)read;
    return RC_OK;
}

static enum rc read_instant(const struct reading *in, nanos *value)
{
    if (in->token.kind == JSON_NULL) {
        *value = NANOS_NEVER;
        return RC_OK;
    }
    if (in->token.kind != JSON_NUMBER)
        return RC_MALFORMED;
    return json_i64(&in->token, value);
}

static enum rc read_flag(const struct reading *in, bool *value)
{
    if (in->token.kind != JSON_TRUE && in->token.kind != JSON_FALSE)
        return RC_MALFORMED;
    *value = in->token.kind == JSON_TRUE;
    return RC_OK;
}

/* Null is the empty text. The buffer stands on the caller's array: its ceiling is its capacity, so
 * it never asks for memory. */
static enum rc read_text(const struct reading *in, char *text, size_t capacity)
{
    struct buffer fixed = {
        .data = text, .capacity = capacity, .ceiling = capacity - 1, .memory = memory_heap()};

    if (in->token.kind == JSON_STRING)
        json_text(&in->token, &fixed);
    else if (in->token.kind != JSON_NULL)
        return RC_MALFORMED;
    if (fixed.rc != RC_OK)
        return fixed.rc;
    text[fixed.size] = '\0';
    return RC_OK;
}

static enum rc read_word(const struct reading *in, const char *const *words, uint32_t count,
                         uint32_t *index)
{
    if (in->token.kind != JSON_STRING)
        return RC_MALFORMED;
    for (uint32_t i = 0; i < count; i++) {
        if (json_is(&in->token, slice_of(words[i]))) {
            *index = i;
            return RC_OK;
        }
    }
    return RC_MALFORMED;
}

static enum rc read_provider(const struct reading *in, uint32_t *index)
{
    const struct scenario *scenario = in->scenario;
    uint32_t i = 0;

    if (in->token.kind != JSON_STRING && in->token.kind != JSON_NULL)
        return RC_MALFORMED;
    if (in->token.kind == JSON_NULL)
        i = scenario->providers_count;
    while (i < scenario->providers_count &&
           !json_is(&in->token, slice_of(scenario->providers[i].name)))
        i++;
    if (i == scenario->providers_count && in->token.kind == JSON_STRING)
        return RC_MALFORMED;
    *index = i;
    return RC_OK;
}

static enum rc read_model(const struct reading *in, uint32_t *index)
{
    const struct scenario *scenario = in->scenario;
    uint32_t i = 0;

    if (in->token.kind != JSON_STRING && in->token.kind != JSON_NULL)
        return RC_MALFORMED;
    if (in->token.kind == JSON_NULL)
        i = scenario->models_count;
    while (i < scenario->models_count && !json_is(&in->token, slice_of(scenario->models[i].name)))
        i++;
    if (i == scenario->models_count && in->token.kind == JSON_STRING)
        return RC_MALFORMED;
    *index = i;
    return RC_OK;
}

static enum rc read_outcome(const struct reading *in, enum outcome *outcome)
{
    if (in->token.kind != JSON_STRING || !outcome_find(in->token.raw, outcome))
        return RC_MALFORMED;
    return RC_OK;
}

static bool find_rule(const struct chaos *chaos, const struct json_token *token, uint32_t *rule)
{
    if (token->kind != JSON_STRING)
        return false;
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        if (json_is(token, slice_of(chaos->rules[i].name))) {
            *rule = i;
            return true;
        }
    }
    return false;
}

static enum rc read_rule(const struct reading *in, int16_t *rule)
{
    uint32_t found;

    if (in->token.kind == JSON_NULL) {
        *rule = PLAN_NO_RULE;
        return RC_OK;
    }
    if (!find_rule(&in->scenario->chaos, &in->token, &found))
        return RC_MALFORMED;
    *rule = (int16_t)found;
    return RC_OK;
}

static enum rc read_rules(struct reading *in, uint64_t *rules)
{
    struct json_token token;
    uint32_t rule;

    if (in->token.kind != JSON_ARRAY)
        return RC_MALFORMED;
    *rules = 0;
    for (;;) {
        TRY(json_next(&in->json, &token));
        if (token.kind == JSON_ARRAY_END)
            return RC_OK;
        if (!find_rule(&in->scenario->chaos, &token, &rule))
            return RC_MALFORMED;
        *rules |= (uint64_t)1 << rule;
    }
}

static enum rc read_journal_member(enum journal_member member, struct reading *in,
                                   struct journal_record *r)
{
    uint32_t word;

    switch (member) {
    case JOURNAL_NUMBER:
        return read_u64(in, UINT64_MAX, &r->number);
    case JOURNAL_PROVIDER:
        return read_provider(in, &r->provider);
    case JOURNAL_MODEL:
        return read_model(in, &r->model);
    case JOURNAL_CONNECTION:
        return read_u32(in, &r->connection);
    case JOURNAL_KEY:
        TRY(read_word(in, key_words, ARRAY_SIZE(key_words), &word));
        r->key = (enum key_used)word;
        return RC_OK;
    case JOURNAL_CALL:
        return read_text(in, r->call, sizeof(r->call));
    case JOURNAL_ATTEMPT:
        return read_u32(in, &r->attempt);
    case JOURNAL_ACCEPTED_AT:
        return read_instant(in, &r->accepted_at);
    case JOURNAL_HEAD_IN_AT:
        return read_instant(in, &r->head_in_at);
    case JOURNAL_BODY_IN_AT:
        return read_instant(in, &r->body_in_at);
    case JOURNAL_FIRST_OUT_AT:
        return read_instant(in, &r->first_out_at);
    case JOURNAL_LAST_OUT_AT:
        return read_instant(in, &r->last_out_at);
    case JOURNAL_CLOSED_AT:
        return read_instant(in, &r->closed_at);
    case JOURNAL_CLOSED_BY:
        TRY(read_word(in, closed_words, ARRAY_SIZE(closed_words), &word));
        r->closed_by = (enum closed_by)word;
        return RC_OK;
    case JOURNAL_STATUS:
        return read_u16(in, &r->status);
    case JOURNAL_ANSWERED:
        return read_outcome(in, &r->answered);
    case JOURNAL_IS_COMPLETE:
        return read_flag(in, &r->is_complete);
    case JOURNAL_ADVICE:
        TRY(read_word(in, plan_advice_words, ARRAY_SIZE(plan_advice_words), &word));
        r->advice = (enum plan_advice)word;
        return RC_OK;
    case JOURNAL_ADVICE_WAIT:
        return read_instant(in, &r->advice_wait);
    case JOURNAL_RULE:
        return read_rule(in, &r->rule);
    case JOURNAL_RULES_MATCHED:
        return read_rules(in, &r->rules_matched);
    case JOURNAL_INPUT_TOKENS:
        return read_u64(in, UINT64_MAX, &r->input_tokens);
    case JOURNAL_OUTPUT_TOKENS:
        return read_u64(in, UINT64_MAX, &r->output_tokens);
    case JOURNAL_TOKENS_WRITTEN:
        return read_u64(in, UINT64_MAX, &r->tokens_written);
    case JOURNAL_BYTES_OUT:
        return read_u64(in, UINT64_MAX, &r->bytes_out);
    case JOURNAL_PLAN:
        return read_text(in, r->plan, sizeof(r->plan));
    case JOURNAL_MEMBERS_COUNT:
        break;
    }
    return RC_MALFORMED;
}

/* Which member is this key? `expected` first: our own writer keeps the order. */
static bool find_member(const struct json_token *key, uint32_t expected,
                        enum journal_member *member)
{
    if (expected < JOURNAL_MEMBERS_COUNT && json_is(key, slice_of(journal_names[expected]))) {
        *member = (enum journal_member)expected;
        return true;
    }
    for (int i = 0; i < JOURNAL_MEMBERS_COUNT; i++) {
        if (json_is(key, slice_of(journal_names[i]))) {
            *member = (enum journal_member)i;
            return true;
        }
    }
    return false;
}

static enum rc refuse(const struct reading *in, struct error *err)
{
    const char *problem = in->json.problem != NULL ? in->json.problem : "expected an object";

    return error_set(err, RC_MALFORMED, "journal line, byte %zu: %s", in->json.problem_at, problem);
}

static enum rc read_member(struct reading *in, enum journal_member member, uint32_t *seen,
                           struct journal_record *record, struct error *err)
{
    const char *name = journal_names[member];

    if (*seen >> member & 1)
        return error_set(err, RC_MALFORMED, "journal line: \"%s\" stands twice", name);
    *seen |= (uint32_t)1 << member;
    if (read_journal_member(member, in, record) == RC_OK)
        return RC_OK;
    if (in->json.rc != RC_OK)
        return refuse(in, err);
    return error_set(err, RC_MALFORMED, "journal line, byte %zu: \"%s\" cannot be read",
                     in->token.offset, name);
}

/* All members of the object, up to the line's end. */
static enum rc read_members(struct reading *in, struct journal_record *record, uint32_t *seen,
                            struct error *err)
{
    uint32_t expected = 0;

    for (;;) {
        struct json_token key;
        enum journal_member member;

        if (json_next(&in->json, &key) != RC_OK)
            return refuse(in, err);
        if (key.kind == JSON_OBJECT_END)
            return RC_OK;
        if (json_next(&in->json, &in->token) != RC_OK)
            return refuse(in, err);
        if (!find_member(&key, expected, &member)) {
            if (json_skip(&in->json, &in->token) != RC_OK)
                return refuse(in, err);
            continue;
        }
        TRY(read_member(in, member, seen, record, err));
        expected = (uint32_t)member + 1;
    }
}

enum rc evidence_read_journal(const struct scenario *scenario, struct slice line,
                              struct journal_record *record, struct error *err)
{
    struct journal_record read = {0};
    struct reading in = {.scenario = scenario};
    struct json_token token;
    uint32_t seen = 0;

    json_init(&in.json, line, JSON_STRICT);
    if (json_next(&in.json, &in.token) != RC_OK || in.token.kind != JSON_OBJECT)
        return refuse(&in, err);
    TRY(read_members(&in, &read, &seen, err));
    if (json_next(&in.json, &token) != RC_END)
        return refuse(&in, err);
    for (int i = 0; i < JOURNAL_MEMBERS_COUNT; i++)
        if (!(seen >> i & 1))
            return error_set(err, RC_MALFORMED, "journal line: no \"%s\"", journal_names[i]);
    *record = read;
    return RC_OK;
}
