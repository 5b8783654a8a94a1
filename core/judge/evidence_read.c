#include "judge/evidence.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "judge/evidence_words.h"
#include "judge/fields.h"

/* Evidence lines read back: a table of members for each kind of line. What a line has only for
 * people (latency_ms, phases, retries, ...) follows from the rest and is passed over. */

static const struct scenario *scenario_of(const struct field_reader *in)
{
    return in->context;
}

/* --- words and names -------------------------------------------------------------------------- */

static bool find_word(const struct field_reader *in, const struct words *words, uint32_t *index)
{
    if (in->token.kind != JSON_STRING)
        return false;
    for (uint32_t i = 0; i < words->count; i++) {
        if (json_is(&in->token, slice_of(words->list[i]))) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* Enums have no size to rely on, so each has a reader of its own. */
#define WORD_READER(name, type, words)                                     \
    static enum rc name(struct field_reader *in, void *place, size_t size) \
    {                                                                      \
        uint32_t index;                                                    \
                                                                           \
        assert(size == sizeof(type));                                      \
        if (!find_word(in, &(words), &index))                              \
            return RC_MALFORMED;                                           \
        *(type *)place = (type)index;                                      \
        return RC_OK;                                                      \
    }

WORD_READER(read_advice_form, enum advice_form, advice_form_words)
WORD_READER(read_key_used, enum key_used, key_used_words)
WORD_READER(read_closed_by, enum closed_by, closed_by_words)
WORD_READER(read_plan_advice, enum plan_advice, plan_advice_words)
WORD_READER(read_journal_kind, enum journal_kind, journal_kind_words)

static enum rc read_outcome(struct field_reader *in, void *place, size_t size)
{
    assert(size == sizeof(enum outcome));
    if (in->token.kind != JSON_STRING || !outcome_find(in->token.raw, place))
        return RC_MALFORMED;
    return RC_OK;
}

/* Null: nothing is, unless the call is unfinished. */
static enum rc read_pending(struct field_reader *in, void *place, size_t size)
{
    uint32_t index = PENDING_NOTHING;

    assert(size == sizeof(enum call_pending));
    if (in->token.kind != JSON_NULL && !find_word(in, &call_pending_words, &index))
        return RC_MALFORMED;
    *(enum call_pending *)place = (enum call_pending)index;
    return RC_OK;
}

/* Null: the index behind the last, which is no model. */
static enum rc read_model(struct field_reader *in, void *place, size_t size)
{
    const struct scenario *scenario = scenario_of(in);
    uint32_t i = 0;

    assert(size == sizeof(uint32_t));
    if (in->token.kind != JSON_STRING && in->token.kind != JSON_NULL)
        return RC_MALFORMED;
    if (in->token.kind == JSON_NULL)
        i = scenario->models_count;
    while (i < scenario->models_count && !json_is(&in->token, slice_of(scenario->models[i].name)))
        i++;
    if (i == scenario->models_count && in->token.kind == JSON_STRING)
        return RC_MALFORMED;
    *(uint32_t *)place = i;
    return RC_OK;
}

static enum rc read_call_id(struct field_reader *in, void *place, size_t size)
{
    assert(size == sizeof(struct call_id));
    if (in->token.kind != JSON_STRING || !call_id_read(scenario_of(in), in->token.raw, place))
        return RC_MALFORMED;
    return RC_OK;
}

/* --- usage and cost --------------------------------------------------------------------------- */

/* Null: no usage came, and then all four counts of it are null. */
static enum rc read_usage_known(struct field_reader *in, void *place, size_t size)
{
    struct usage *usage = place;

    assert(size == sizeof(*usage));
    usage->is_known = in->token.kind != JSON_NULL;
    return usage->is_known ? json_u64(&in->token, &usage->input_tokens) : RC_OK;
}

static enum rc read_usage_count(struct field_reader *in, void *place, size_t size)
{
    return in->token.kind == JSON_NULL ? RC_OK : field_read_count(in, place, size);
}

#define USAGE_FIELDS(type, usage)                                            \
    FIELD("input_tokens", read_usage_known, type, usage),                    \
        FIELD("output_tokens", read_usage_count, type, usage.output_tokens), \
        FIELD("cached_tokens", read_usage_count, type, usage.cached_tokens), \
        FIELD("cache_write_tokens", read_usage_count, type, usage.cache_write_tokens)

/* --- what words tell of an answer ------------------------------------------------------------- */

static const struct field heard_fields[] = {
    FIELD("request", field_read_count, struct heard, request),
    FIELD("words", field_read_count, struct heard, words),
    FIELD("repeated", field_read_count, struct heard, repeated),
    FIELD("missing", field_read_count, struct heard, missing),
    FIELD("marks", field_read_count, struct heard, marks),
};

static enum rc read_heard(struct field_reader *in, void *place, size_t size)
{
    static const struct fields object = {"heard", heard_fields, ARRAY_SIZE(heard_fields)};
    struct heard *heard = place;

    assert(size == sizeof(*heard));
    heard->is_checked = true;
    return fields_read_inner(&object, in, heard);
}

/* --- calls ------------------------------------------------------------------------------------ */

static const struct field call_fields[] = {
    FIELD("error", field_read_text, struct call_record, error),
    FIELD("stop_reason", field_read_text, struct call_record, stop_reason),
    FIELD("call", read_call_id, struct call_record, id),
    FIELD("instance", field_read_count, struct call_record, instance),
    FIELD("stream", field_read_flag, struct call_record, stream),
    FIELD("model_asked", read_model, struct call_record, model_asked),
    FIELD("model_answered", read_model, struct call_record, model_answered),
    FIELD("input_tokens_asked", field_read_count, struct call_record, input_tokens_asked),
    FIELD("output_tokens_asked", field_read_count, struct call_record, output_tokens_asked),
    USAGE_FIELDS(struct call_record, usage),
    FIELD("cost_usd", field_read_money, struct call_record, cost),
    FIELD("cost_failed_usd", field_read_money, struct call_record, cost_failed),
    FIELD("cost_unknown", field_read_count, struct call_record, cost_unknown),
    FIELD("due_at", field_read_instant, struct call_record, due_at),
    FIELD("ended_at", field_read_instant, struct call_record, ended_at),
    FIELD("attempts", field_read_count, struct call_record, attempts_count),
    FIELD("wait_max", field_read_instant, struct call_record, wait_max),
    FIELD("pending", read_pending, struct call_record, pending),
    FIELD("outcome", read_outcome, struct call_record, outcome),
    FIELD_OPTIONAL("key", read_key_used, struct call_record, key),
    FIELD_OPTIONAL("is_doubtful", field_read_flag, struct call_record, is_doubtful),
    FIELD_OPTIONAL("has_account", field_read_flag, struct call_record, has_account),
    FIELD_OPTIONAL("heard", read_heard, struct call_record, heard),
};

static const struct fields call_line_fields = {"call line", call_fields, ARRAY_SIZE(call_fields)};

enum rc evidence_read_call(const struct scenario *scenario, struct slice line,
                           struct call_record *call, struct error *err)
{
    size_t bytes = offsetof(struct call_record, attempts);
    struct call_record read; /* 8 KB, mostly of attempts that are joined later */

    memset(&read, 0, bytes);
    TRY(fields_read(&call_line_fields, line, scenario, &read, err));
    if (read.attempts_count == 0)
        read.model_answered = read.model_asked; /* until an attempt is made, as the engine has it */
    memcpy(call, &read, bytes);
    return RC_OK;
}

/* --- attempts --------------------------------------------------------------------------------- */

static enum rc read_attempt_cost(struct field_reader *in, void *place, size_t size)
{
    struct attempt_record *attempt = &((struct attempt_line *)place)->attempt;

    (void)size;
    attempt->has_cost = in->token.kind != JSON_NULL;
    return field_read_money(in, &attempt->cost, sizeof(attempt->cost));
}

static const struct field attempt_fields[] = {
    FIELD("call", read_call_id, struct attempt_line, call),
    FIELD("attempt", field_read_count, struct attempt_line, attempt.ordinal),
    FIELD("model", read_model, struct attempt_line, attempt.model),
    FIELD("layer", field_read_count, struct attempt_line, attempt.layer),
    FIELD("is_fallback", field_read_flag, struct attempt_line, attempt.is_fallback),
    FIELD("handed_at", field_read_instant, struct attempt_line, attempt.handed_at),
    FIELD("sent_at", field_read_instant, struct attempt_line, attempt.sent_at),
    FIELD("first_byte_at", field_read_instant, struct attempt_line, attempt.first_byte_at),
    FIELD("first_token_at", field_read_instant, struct attempt_line, attempt.first_token_at),
    FIELD("first_content_at", field_read_instant, struct attempt_line, attempt.first_content_at),
    FIELD("last_content_at", field_read_instant, struct attempt_line, attempt.last_content_at),
    FIELD("ended_at", field_read_instant, struct attempt_line, attempt.ended_at),
    FIELD("gap_max", field_read_instant, struct attempt_line, attempt.gap_max),
    FIELD("status", field_read_count, struct attempt_line, attempt.status),
    FIELD("outcome", read_outcome, struct attempt_line, attempt.outcome),
    FIELD("advice", read_advice_form, struct attempt_line, attempt.advice_form),
    FIELD("advice_wait", field_read_instant, struct attempt_line, attempt.advice_wait),
    USAGE_FIELDS(struct attempt_line, attempt.usage),
    FIELD_WHOLE("cost_usd", read_attempt_cost, struct attempt_line),
    FIELD("request_id", field_read_text, struct attempt_line, attempt.request_id),
};

static const struct fields attempt_line_fields = {"attempt line", attempt_fields,
                                                  ARRAY_SIZE(attempt_fields)};

enum rc evidence_read_attempt(const struct scenario *scenario, struct slice line,
                              struct attempt_line *attempt, struct error *err)
{
    struct attempt_line read = {0};

    TRY(fields_read(&attempt_line_fields, line, scenario, &read, err));
    *attempt = read;
    return RC_OK;
}

enum rc call_join(struct call_record *call, uint32_t index, const struct attempt_line *line,
                  struct error *err)
{
    assert(index < RECORD_ATTEMPTS_MAX);
    if (line->call.source != call->id.source || line->call.index != call->id.index)
        return error_set(err, RC_MALFORMED, "attempt line: it belongs to another call");
    if (line->attempt.ordinal != index + 1)
        return error_set(err, RC_MALFORMED, "attempt line: expected attempt %u", index + 1);
    call->attempts[index] = line->attempt;
    return RC_OK;
}

/* --- the journal ------------------------------------------------------------------------------ */

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

/* The family that the mock adds a listener for, by its name. */
static bool find_family(const struct json_token *token, enum api *api)
{
    for (int i = 0; i < API_COUNT; i++) {
        if (json_is(token, slice_of(api_provider((enum api)i)))) {
            *api = api_family((enum api)i);
            return true;
        }
    }
    return false;
}

/* Null, and a listener that the mock has beside those of the scenario: the index behind the last,
 * which is no provider. What is asked there is in its family's format unless the line says so. */
static enum rc read_journal_provider(struct field_reader *in, void *place, size_t size)
{
    const struct scenario *scenario = scenario_of(in);
    struct journal_record *record = place;
    enum api family;
    uint32_t i = 0;

    assert(size == sizeof(*record));
    if (in->token.kind != JSON_STRING && in->token.kind != JSON_NULL)
        return RC_MALFORMED;
    while (i < scenario->providers_count &&
           !json_is(&in->token, slice_of(scenario->providers[i].name)))
        i++;
    record->provider = i;
    if (i == scenario->providers_count && record->api == API_COUNT &&
        find_family(&in->token, &family))
        record->api = family;
    return RC_OK;
}

/* A rule that the scenario does not have was added while the mock ran: it keeps its name alone. */
static enum rc read_journal_rule(struct field_reader *in, void *place, size_t size)
{
    struct journal_record *record = place;
    uint32_t found;

    assert(size == sizeof(*record));
    record->rule = PLAN_NO_RULE;
    TRY(field_read_text(in, record->rule_name, sizeof(record->rule_name)));
    if (find_rule(&scenario_of(in)->chaos, &in->token, &found))
        record->rule = (int16_t)found;
    return RC_OK;
}

static enum rc read_rules(struct field_reader *in, void *place, size_t size)
{
    uint64_t *rules = place;
    struct json_token token;
    uint32_t rule;

    assert(size == sizeof(*rules));
    if (in->token.kind != JSON_ARRAY)
        return RC_MALFORMED;
    *rules = 0;
    for (;;) {
        TRY(json_next(&in->json, &token));
        if (token.kind == JSON_ARRAY_END)
            return RC_OK;
        if (token.kind != JSON_STRING)
            return RC_MALFORMED;
        if (find_rule(&scenario_of(in)->chaos, &token, &rule))
            *rules |= (uint64_t)1 << rule;
    }
}

static const struct field told_fields[] = {
    FIELD_WHOLE("input_tokens", read_usage_known, struct usage),
    FIELD("output_tokens", field_read_count, struct usage, output_tokens),
    FIELD("cached_tokens", field_read_count, struct usage, cached_tokens),
    FIELD("cache_write_tokens", field_read_count, struct usage, cache_write_tokens),
};

static enum rc read_told(struct field_reader *in, void *place, size_t size)
{
    static const struct fields told = {"usage", told_fields, ARRAY_SIZE(told_fields)};

    assert(size == sizeof(struct usage));
    return in->token.kind == JSON_NULL ? RC_OK : fields_read_inner(&told, in, place);
}

static enum rc read_journal_cost(struct field_reader *in, void *place, size_t size)
{
    struct journal_record *record = place;

    (void)size;
    record->has_cost = in->token.kind != JSON_NULL;
    return field_read_money(in, &record->cost, sizeof(record->cost));
}

static enum rc read_api_word(struct field_reader *in, void *place, size_t size)
{
    assert(size == sizeof(enum api));
    if (in->token.kind != JSON_STRING || !api_find(in->token.raw, place))
        return RC_MALFORMED;
    return RC_OK;
}

static enum rc read_retry_count(struct field_reader *in, void *place, size_t size)
{
    struct journal_record *record = place;

    assert(size == sizeof(*record));
    record->has_retry_count = true;
    return field_read_count(in, &record->retry_count, sizeof(record->retry_count));
}

static enum rc read_limited_by(struct field_reader *in, void *place, size_t size)
{
    struct journal_record *record = place;
    uint32_t index;

    assert(size == sizeof(*record));
    if (!find_word(in, &limit_kind_words, &index))
        return RC_MALFORMED;
    record->is_limited = true;
    record->limited_by = (enum limit_kind)index;
    return RC_OK;
}

static enum rc read_journal_hook(struct field_reader *in, void *place, size_t size)
{
    struct journal_record *record = place;

    (void)size;
    record->is_hook = in->token.kind != JSON_NULL;
    if (!record->is_hook)
        return RC_OK;
    if (in->token.kind != JSON_STRING || !hook_kind_find(in->token.raw, &record->hook))
        return RC_MALFORMED;
    return RC_OK;
}

static enum rc read_hook_valid(struct field_reader *in, void *place, size_t size)
{
    return in->token.kind == JSON_NULL ? RC_OK : field_read_flag(in, place, size);
}

static const struct field journal_fields[] = {
    FIELD("number", field_read_count, struct journal_record, number),
    FIELD_WHOLE("provider", read_journal_provider, struct journal_record),
    FIELD("model", read_model, struct journal_record, model),
    FIELD_OPTIONAL("model_asked", field_read_text, struct journal_record, model_asked),
    FIELD("connection", field_read_count, struct journal_record, connection),
    FIELD_OPTIONAL("kind", read_journal_kind, struct journal_record, kind),
    FIELD_OPTIONAL("api", read_api_word, struct journal_record, api),
    FIELD_OPTIONAL("stream", field_read_flag, struct journal_record, stream),
    FIELD_OPTIONAL("isolation", field_read_text, struct journal_record, isolation),
    FIELD_OPTIONAL("agent", field_read_text, struct journal_record, agent),
    FIELD_OPTIONAL("has_canary", field_read_flag, struct journal_record, has_canary),
    FIELD("key", read_key_used, struct journal_record, key),
    FIELD("call", field_read_text, struct journal_record, call),
    FIELD_OPTIONAL("question", field_read_hash, struct journal_record, question),
    FIELD("attempt", field_read_count, struct journal_record, attempt),
    FIELD_WHOLE_OPTIONAL("retry_count", read_retry_count, struct journal_record),
    FIELD("accepted_at", field_read_instant, struct journal_record, accepted_at),
    FIELD("head_in_at", field_read_instant, struct journal_record, head_in_at),
    FIELD("body_in_at", field_read_instant, struct journal_record, body_in_at),
    FIELD("first_out_at", field_read_instant, struct journal_record, first_out_at),
    FIELD("last_out_at", field_read_instant, struct journal_record, last_out_at),
    FIELD("closed_at", field_read_instant, struct journal_record, closed_at),
    FIELD_OPTIONAL("queued", field_read_instant, struct journal_record, queued),
    FIELD("closed_by", read_closed_by, struct journal_record, closed_by),
    FIELD("status", field_read_count, struct journal_record, status),
    FIELD("answered", read_outcome, struct journal_record, answered),
    FIELD("is_complete", field_read_flag, struct journal_record, is_complete),
    FIELD("advice", read_plan_advice, struct journal_record, advice),
    FIELD("advice_wait", field_read_instant, struct journal_record, advice_wait),
    FIELD_WHOLE_OPTIONAL("limited_by", read_limited_by, struct journal_record),
    FIELD_WHOLE("rule", read_journal_rule, struct journal_record),
    FIELD("rules_matched", read_rules, struct journal_record, rules_matched),
    FIELD("input_tokens", field_read_count, struct journal_record, input_tokens),
    FIELD_OPTIONAL("cached_tokens", field_read_count, struct journal_record, cached_tokens),
    FIELD_OPTIONAL("cache_write_tokens", field_read_count, struct journal_record,
                   cache_write_tokens),
    FIELD("output_tokens", field_read_count, struct journal_record, output_tokens),
    FIELD_OPTIONAL("thinking_tokens", field_read_count, struct journal_record, thinking_tokens),
    FIELD("tokens_written", field_read_count, struct journal_record, tokens_written),
    FIELD("bytes_out", field_read_count, struct journal_record, bytes_out),
    FIELD("usage_told", read_told, struct journal_record, usage_told),
    FIELD_WHOLE("cost_usd", read_journal_cost, struct journal_record),
    FIELD_WHOLE_OPTIONAL("hook", read_journal_hook, struct journal_record),
    FIELD_OPTIONAL("hook_valid", read_hook_valid, struct journal_record, is_hook_valid),
    FIELD_OPTIONAL("alert", field_read_text, struct journal_record, alert),
    FIELD("plan", field_read_text, struct journal_record, plan),
};

static const struct fields journal_line_fields = {"journal line", journal_fields,
                                                  ARRAY_SIZE(journal_fields)};

enum rc evidence_read_journal(const struct scenario *scenario, struct slice line,
                              struct journal_record *record, struct error *err)
{
    struct journal_record read = {.api = API_COUNT};

    TRY(fields_read(&journal_line_fields, line, scenario, &read, err));
    if (read.api == API_COUNT)
        read.api = journal_default_api(scenario, read.provider);
    *record = read;
    return RC_OK;
}

/* --- alerts ----------------------------------------------------------------------------------- */

static enum rc read_alert_kind(struct field_reader *in, void *place, size_t size)
{
    assert(size == sizeof(enum alert_kind));
    if (in->token.kind != JSON_STRING || !alert_kind_find(in->token.raw, place))
        return RC_MALFORMED;
    return RC_OK;
}

static enum rc read_hook_kind(struct field_reader *in, void *place, size_t size)
{
    assert(size == sizeof(enum hook_kind));
    if (in->token.kind != JSON_STRING || !hook_kind_find(in->token.raw, place))
        return RC_MALFORMED;
    return RC_OK;
}

/* Null where the alert is about no budget. */
static enum rc read_budget(struct field_reader *in, void *place, size_t size)
{
    const struct monitor_rules *rules = &scenario_of(in)->monitor;

    assert(size == sizeof(uint32_t));
    if (in->token.kind == JSON_NULL)
        return RC_OK;
    for (uint32_t i = 0; i < rules->budgets_count; i++) {
        if (in->token.kind == JSON_STRING &&
            json_is(&in->token, slice_of(rules->budgets[i].name))) {
            *(uint32_t *)place = i;
            return RC_OK;
        }
    }
    return RC_MALFORMED;
}

static const struct field alert_fields[] = {
    FIELD("number", field_read_count, struct alert_record, alert.number),
    FIELD("kind", read_alert_kind, struct alert_record, alert.kind),
    FIELD("budget", read_budget, struct alert_record, alert.budget),
    FIELD("period", field_read_count, struct alert_record, alert.period),
    FIELD("key", field_read_text, struct alert_record, alert.key),
    FIELD("raised_at", field_read_instant, struct alert_record, alert.raised_at),
    FIELD("call", field_read_text, struct alert_record, alert.call),
    FIELD("spent_usd", field_read_money, struct alert_record, alert.spent),
    FIELD("limit_usd", field_read_money, struct alert_record, alert.limit),
    FIELD("suppressed", field_read_count, struct alert_record, alert.suppressed),
    FIELD("text", field_read_text, struct alert_record, alert.text),
    FIELD("hook", read_hook_kind, struct alert_record, hook),
    FIELD("is_delivered", field_read_flag, struct alert_record, is_delivered),
    FIELD("tries", field_read_count, struct alert_record, tries),
    FIELD("status", field_read_count, struct alert_record, status),
    FIELD("settled_at", field_read_instant, struct alert_record, settled_at),
};

static const struct fields alert_line_fields = {"alert line", alert_fields,
                                                ARRAY_SIZE(alert_fields)};

enum rc evidence_read_alert(const struct scenario *scenario, struct slice line,
                            struct alert_record *record, struct error *err)
{
    struct alert_record read = {0};

    TRY(fields_read(&alert_line_fields, line, scenario, &read, err));
    *record = read;
    return RC_OK;
}

/* --- samples ---------------------------------------------------------------------------------- */

static const struct field sample_fields[] = {
    FIELD("instance", field_read_count, struct sample_record, instance),
    FIELD("at", field_read_instant, struct sample_record, at),
    FIELD("rss_bytes", field_read_count, struct sample_record, rss_bytes),
    FIELD("descriptors", field_read_count, struct sample_record, descriptors),
    FIELD("threads", field_read_count, struct sample_record, threads),
};

static const struct fields sample_line_fields = {"sample line", sample_fields,
                                                 ARRAY_SIZE(sample_fields)};

enum rc evidence_read_sample(struct slice line, struct sample_record *record, struct error *err)
{
    struct sample_record read = {0};

    TRY(fields_read(&sample_line_fields, line, NULL, &read, err));
    *record = read;
    return RC_OK;
}
