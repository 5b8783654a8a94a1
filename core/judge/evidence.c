#include "judge/evidence.h"

#include <string.h>

#include "base/checksum.h"
#include "judge/evidence_words.h"

/* Evidence lines are written on the load path: straight appends, no printf, no allocation once the
 * buffer has grown to its longest line. Half of what a simulated run takes goes into them, so what
 * is always the same is put down without a call to buffer.h while there is room.
 * evidence_read.c is the other direction; what one of them forgets, the tests of the round trip
 * notice. */

/* One member's opening: `,"name":`. */
#define MEMBER(name) SLICE(",\"" name "\":")

/* --- words ------------------------------------------------------------------------------------ */

static const char *const pendings[] = {
    [PENDING_NOTHING] = "nothing", [PENDING_ATTEMPT] = "attempt", [PENDING_WAIT] = "wait"};

static const char *const advice_forms[] = {
    [ADVICE_NONE] = "none", [ADVICE_SECONDS] = "seconds", [ADVICE_FRACTION] = "fraction",
    [ADVICE_DATE] = "date", [ADVICE_MS] = "ms",           [ADVICE_UNUSABLE] = "unusable",
    [ADVICE_BODY] = "body"};

static const char *const keys_used[] = {
    [KEY_NONE] = "none",
    [KEY_HEADER] = "header",
    [KEY_LIKENESS] = "likeness",
    [KEY_MARKER] = "marker",
    [KEY_TRACEPARENT] = "traceparent",
    [KEY_RETRY_COUNT] = "retry_count",
    [KEY_ISOLATION] = "isolation",
};

static const char *const closers[] = {[CLOSED_WHOLE] = "whole",
                                      [CLOSED_CLIENT] = "client",
                                      [CLOSED_FAULT] = "fault",
                                      [CLOSED_RUN] = "run",
                                      [CLOSED_CLIENT_RESET] = "client_reset"};

static const char *const plan_advices[] = {[PLAN_ADVICE_NONE] = "none",
                                           [PLAN_ADVICE_SECONDS] = "seconds",
                                           [PLAN_ADVICE_DATE] = "date",
                                           [PLAN_ADVICE_MS] = "ms",
                                           [PLAN_ADVICE_RAW] = "raw"};

static const char *const journal_kinds[JOURNAL_KINDS_COUNT] = {
    [JOURNAL_GENERATE] = "generate",     [JOURNAL_HOOK] = "hook",
    [JOURNAL_COUNT] = "count",           [JOURNAL_EMBEDDINGS] = "embeddings",
    [JOURNAL_MODELS] = "models",         [JOURNAL_UNKNOWN] = "unknown",
    [JOURNAL_UNREADABLE] = "unreadable", [JOURNAL_CONNECTION] = "connection"};

#define LIMIT_WORD(name, word) [LIMIT_##name] = (word),
static const char *const limit_kinds[] = {LIMIT_LIST(LIMIT_WORD)};
#undef LIMIT_WORD

const struct words call_pending_words = {pendings, ARRAY_SIZE(pendings)};
const struct words advice_form_words = {advice_forms, ARRAY_SIZE(advice_forms)};
const struct words key_used_words = {keys_used, ARRAY_SIZE(keys_used)};
const struct words closed_by_words = {closers, ARRAY_SIZE(closers)};
const struct words plan_advice_words = {plan_advices, ARRAY_SIZE(plan_advices)};
const struct words limit_kind_words = {limit_kinds, ARRAY_SIZE(limit_kinds)};
const struct words journal_kind_words = {journal_kinds, ARRAY_SIZE(journal_kinds)};

enum api journal_default_api(const struct scenario *scenario, uint32_t provider)
{
    return provider < scenario->providers_count ? scenario->providers[provider].api : (enum api)0;
}

/* --- values ----------------------------------------------------------------------------------- */

static inline void put(struct buffer *out, struct slice bytes)
{
    if (out->rc != RC_OK || out->data == NULL || bytes.size > out->capacity - out->size) {
        buffer_append(out, bytes);
        return;
    }
    memcpy(out->data + out->size, bytes.data, bytes.size);
    out->size += bytes.size;
}

static inline void put_byte(struct buffer *out, char byte)
{
    put(out, (struct slice){&byte, 1});
}

static void write_flag(struct buffer *out, bool flag)
{
    put(out, flag ? SLICE("true") : SLICE("false"));
}

static void write_null(struct buffer *out)
{
    put(out, SLICE("null"));
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

/* A source's name may need escapes. */
static void write_call_id(struct buffer *out, const struct scenario *scenario, struct call_id id)
{
    char text[CALL_ID_TEXT_MAX];
    uint32_t size = call_id_write(scenario, id, text);

    json_write_text(out, (struct slice){text, size});
}

static void member_count(struct buffer *out, struct slice member, uint64_t count)
{
    put(out, member);
    buffer_u64(out, count);
}

static void member_null(struct buffer *out, struct slice member)
{
    put(out, member);
    write_null(out);
}

static void member_instant(struct buffer *out, struct slice member, nanos at)
{
    if (at == NANOS_NEVER) {
        member_null(out, member);
    } else if (at >= 0) {
        member_count(out, member, (uint64_t)at);
    } else {
        put(out, member);
        buffer_i64(out, at);
    }
}

/* A count that may be unknown, and then is null, never a silent zero. */
static void member_usage(struct buffer *out, struct slice member, bool is_known, uint64_t count)
{
    if (is_known)
        member_count(out, member, count);
    else
        member_null(out, member);
}

static void member_text(struct buffer *out, struct slice member, const char *text)
{
    put(out, member);
    json_write_text(out, slice_of(text));
}

static void member_flag(struct buffer *out, struct slice member, bool flag)
{
    put(out, member);
    write_flag(out, flag);
}

/* Dollars; null where they are not known. */
static void member_money(struct buffer *out, struct slice member, bool is_known, money amount)
{
    put(out, member);
    if (!is_known)
        write_null(out);
    else if (amount == 0)
        put_byte(out, '0');
    else
        money_write_number(out, amount);
}

static void write_comma(struct buffer *out, bool *is_first)
{
    if (!*is_first)
        put_byte(out, ',');
    *is_first = false;
}

static void write_phase(struct buffer *out, bool *is_first, const char *prefix, const char *name)
{
    write_comma(out, is_first);
    put_byte(out, '"');
    buffer_text(out, prefix);
    json_write_part(out, slice_of(name));
    put_byte(out, '"');
}

static void write_phases(struct buffer *out, const struct phases *phases, nanos at)
{
    struct phase_set set = phases_at(phases, at);
    bool is_first = true;

    put_byte(out, '[');
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
    put_byte(out, ']');
}

/* Left out at their defaults: most lines have none of these. */
static void option_count(struct buffer *out, struct slice member, uint64_t count)
{
    if (count != 0)
        member_count(out, member, count);
}

static void option_text(struct buffer *out, struct slice member, const char *text)
{
    if (text[0] != '\0')
        member_text(out, member, text);
}

static void option_flag(struct buffer *out, struct slice member, bool flag)
{
    if (flag)
        member_flag(out, member, true);
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
    put_byte(out, '.');
    put_byte(out, (char)('0' + us / 100 % 10));
    put_byte(out, (char)('0' + us / 10 % 10));
    put_byte(out, (char)('0' + us % 10));
}

/* An attempt was retried when another one followed it; its outcome is the cause. */
static void write_retries(struct buffer *out, const struct call_record *call)
{
    uint32_t counts[OUTCOME_COUNT] = {0};
    bool is_first = true;

    for (uint32_t i = 0; i + 1 < attempts_kept(call); i++)
        counts[call->attempts[i].outcome]++;
    put_byte(out, '{');
    for (int cause = 0; cause < OUTCOME_COUNT; cause++) {
        if (counts[cause] == 0)
            continue;
        write_comma(out, &is_first);
        json_write_text(out, slice_of(outcome_word((enum outcome)cause)));
        put_byte(out, ':');
        buffer_u64(out, counts[cause]);
    }
    put_byte(out, '}');
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

    put(out, SLICE("{\"model\":"));
    write_model(out, scenario, call->attempts_count > 0 ? call->model_answered : call->model_asked);
    put(out, MEMBER("latency_ms"));
    write_latency_ms(out, call);
    member_usage(out, MEMBER("input_tokens"), usage->is_known, usage->input_tokens);
    member_usage(out, MEMBER("output_tokens"), usage->is_known, usage->output_tokens);
    put(out, MEMBER("error"));
    write_text_or_null(out, slice_of(call->error));
    put(out, MEMBER("stop_reason"));
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

/* Of a program's calls nobody says what they are but their requests. */
static bool is_foreign(const struct scenario *scenario, struct call_id id)
{
    return id.source < scenario->load.parts_count &&
           scenario->load.parts[id.source].kind == PART_FOREIGN;
}

/* What the mock's numbered words say of a service's answer; left out where none were heard. */
static void write_heard(const struct heard *heard, struct buffer *out)
{
    if (!heard->is_checked)
        return;
    put(out, MEMBER("heard"));
    member_count(out, SLICE("{\"request\":"), heard->request);
    member_count(out, MEMBER("words"), heard->words);
    member_count(out, MEMBER("repeated"), heard->repeated);
    member_count(out, MEMBER("missing"), heard->missing);
    member_count(out, MEMBER("marks"), heard->marks);
    put_byte(out, '}');
}

static void write_standing(const struct call_record *call, struct buffer *out)
{
    if (call->key != KEY_NONE)
        member_text(out, MEMBER("key"), keys_used[call->key]);
    option_flag(out, MEMBER("is_doubtful"), call->is_doubtful);
    option_flag(out, MEMBER("has_account"), call->has_account);
    write_heard(&call->heard, out);
}

void evidence_write_call(const struct scenario *scenario, const struct call_record *call,
                         struct buffer *out)
{
    const struct usage *usage = &call->usage;

    write_guide_members(scenario, call, out);
    put(out, MEMBER("call"));
    write_call_id(out, scenario, call->id);
    put(out, MEMBER("origin"));
    put(out, is_foreign(scenario, call->id) ? SLICE("\"program\"") : SLICE("\"driver\""));
    member_count(out, MEMBER("instance"), call->instance);
    put(out, MEMBER("phases"));
    write_phases(out, &scenario->chaos.phases, call->due_at);
    member_flag(out, MEMBER("stream"), call->stream);
    put(out, MEMBER("model_asked"));
    write_model(out, scenario, call->model_asked);
    put(out, MEMBER("model_answered"));
    if (call->attempts_count > 0)
        write_model(out, scenario, call->model_answered);
    else
        write_null(out);
    member_count(out, MEMBER("input_tokens_asked"), call->input_tokens_asked);
    member_count(out, MEMBER("output_tokens_asked"), call->output_tokens_asked);
    member_usage(out, MEMBER("cached_tokens"), usage->is_known, usage->cached_tokens);
    member_usage(out, MEMBER("cache_write_tokens"), usage->is_known, usage->cache_write_tokens);
    member_money(out, MEMBER("cost_usd"), true, call->cost);
    member_money(out, MEMBER("cost_failed_usd"), true, call->cost_failed);
    member_count(out, MEMBER("cost_unknown"), call->cost_unknown);
    write_call_instants(call, out);
    member_count(out, MEMBER("attempts"), call->attempts_count);
    put(out, MEMBER("retries"));
    write_retries(out, call);
    member_instant(out, MEMBER("wait_max"), call->wait_max);
    put(out, MEMBER("pending"));
    if (call->outcome == OUTCOME_UNFINISHED)
        json_write_text(out, slice_of(pendings[call->pending]));
    else
        write_null(out);
    member_text(out, MEMBER("outcome"), outcome_word(call->outcome));
    write_standing(call, out);
    put(out, SLICE("}\n"));
}

static void write_attempt(const struct scenario *scenario, const struct call_record *call,
                          const struct attempt_record *attempt, struct buffer *out)
{
    const struct usage *usage = &attempt->usage;
    uint32_t provider = attempt->model < scenario->models_count
                            ? scenario->models[attempt->model].provider
                            : scenario->providers_count;

    put(out, SLICE("{\"call\":"));
    write_call_id(out, scenario, call->id);
    member_count(out, MEMBER("attempt"), attempt->ordinal);
    put(out, MEMBER("provider"));
    write_provider(out, scenario, provider);
    put(out, MEMBER("model"));
    write_model(out, scenario, attempt->model);
    member_count(out, MEMBER("layer"), attempt->layer);
    member_flag(out, MEMBER("is_fallback"), attempt->is_fallback);
    put(out, MEMBER("phases"));
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
    member_text(out, MEMBER("outcome"), outcome_word(attempt->outcome));
    member_text(out, MEMBER("advice"), advice_forms[attempt->advice_form]);
    member_instant(out, MEMBER("advice_wait"), attempt->advice_wait);
    member_usage(out, MEMBER("input_tokens"), usage->is_known, usage->input_tokens);
    member_usage(out, MEMBER("output_tokens"), usage->is_known, usage->output_tokens);
    member_usage(out, MEMBER("cached_tokens"), usage->is_known, usage->cached_tokens);
    member_usage(out, MEMBER("cache_write_tokens"), usage->is_known, usage->cache_write_tokens);
    member_money(out, MEMBER("cost_usd"), attempt->has_cost, attempt->cost);
    put(out, MEMBER("request_id"));
    write_text_or_null(out, slice_of(attempt->request_id));
    put(out, SLICE("}\n"));
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

/* By the name that it had; rules come and go. */
static void write_rule(struct buffer *out, const struct chaos *chaos,
                       const struct journal_record *r)
{
    if (r->rule_name[0] != '\0')
        json_write_text(out, slice_of(r->rule_name));
    else if (r->rule >= 0 && (uint32_t)r->rule < chaos->rules_count)
        json_write_text(out, slice_of(chaos->rules[r->rule].name));
    else
        write_null(out);
}

static void write_rules(struct buffer *out, const struct chaos *chaos, uint64_t rules)
{
    bool is_first = true;

    put_byte(out, '[');
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        if (!(rules >> i & 1))
            continue;
        write_comma(out, &is_first);
        json_write_text(out, slice_of(chaos->rules[i].name));
    }
    put_byte(out, ']');
}

/* What the answer told; null when it did not come so far. */
static void write_told(struct buffer *out, const struct usage *usage)
{
    if (!usage->is_known) {
        write_null(out);
        return;
    }
    member_count(out, SLICE("{\"input_tokens\":"), usage->input_tokens);
    member_count(out, MEMBER("output_tokens"), usage->output_tokens);
    member_count(out, MEMBER("cached_tokens"), usage->cached_tokens);
    member_count(out, MEMBER("cache_write_tokens"), usage->cache_write_tokens);
    put_byte(out, '}');
}

static void write_hook(struct buffer *out, const struct journal_record *r)
{
    if (!r->is_hook)
        return;
    member_text(out, MEMBER("hook"), hook_kind_word(r->hook));
    member_flag(out, MEMBER("hook_valid"), r->is_hook_valid);
    option_text(out, MEMBER("alert"), r->alert);
}

/* What kind of request it was, and how it was asked. */
static void write_asking(const struct scenario *scenario, const struct journal_record *r,
                         struct buffer *out)
{
    if (r->kind != JOURNAL_GENERATE)
        member_text(out, MEMBER("kind"), journal_kinds[r->kind]);
    if (r->api != journal_default_api(scenario, r->provider))
        member_text(out, MEMBER("api"), api_word(r->api));
    option_flag(out, MEMBER("stream"), r->stream);
    option_text(out, MEMBER("isolation"), r->isolation);
    option_text(out, MEMBER("agent"), r->agent);
    option_flag(out, MEMBER("has_canary"), r->has_canary);
}

static void write_exchange_instants(struct buffer *out, const struct journal_record *r)
{
    member_instant(out, MEMBER("accepted_at"), r->accepted_at);
    member_instant(out, MEMBER("head_in_at"), r->head_in_at);
    member_instant(out, MEMBER("body_in_at"), r->body_in_at);
    member_instant(out, MEMBER("first_out_at"), r->first_out_at);
    member_instant(out, MEMBER("last_out_at"), r->last_out_at);
    member_instant(out, MEMBER("closed_at"), r->closed_at);
}

static void write_question(struct buffer *out, uint64_t question)
{
    char text[CHECKSUM_TEXT_SIZE];

    if (question == 0)
        return;
    checksum_write(question, text);
    member_text(out, MEMBER("question"), text);
}

/* Who asked whom, and how it is known. */
static void write_origin(const struct scenario *scenario, const struct journal_record *r,
                         struct buffer *out)
{
    member_count(out, SLICE("{\"number\":"), r->number);
    put(out, MEMBER("provider"));
    write_provider(out, scenario, r->provider);
    put(out, MEMBER("model"));
    write_model(out, scenario, r->model);
    option_text(out, MEMBER("model_asked"), r->model_asked);
    member_count(out, MEMBER("connection"), r->connection);
    write_asking(scenario, r, out);
    member_text(out, MEMBER("key"), keys_used[r->key]);
    put(out, MEMBER("call"));
    write_text_or_null(out, slice_of(r->call));
    write_question(out, r->question);
    member_count(out, MEMBER("attempt"), r->attempt);
    if (r->has_retry_count)
        member_count(out, MEMBER("retry_count"), r->retry_count);
}

static void write_tokens(const struct journal_record *r, struct buffer *out)
{
    member_count(out, MEMBER("input_tokens"), r->input_tokens);
    option_count(out, MEMBER("cached_tokens"), r->cached_tokens);
    option_count(out, MEMBER("cache_write_tokens"), r->cache_write_tokens);
    member_count(out, MEMBER("output_tokens"), r->output_tokens);
    option_count(out, MEMBER("thinking_tokens"), r->thinking_tokens);
    member_count(out, MEMBER("tokens_written"), r->tokens_written);
    member_count(out, MEMBER("bytes_out"), r->bytes_out);
}

void evidence_write_journal(const struct scenario *scenario, const struct journal_record *record,
                            struct buffer *out)
{
    write_origin(scenario, record, out);
    write_exchange_instants(out, record);
    option_count(out, MEMBER("queued"), (uint64_t)record->queued);
    member_text(out, MEMBER("closed_by"), closers[record->closed_by]);
    member_count(out, MEMBER("status"), record->status);
    member_text(out, MEMBER("answered"), outcome_word(record->answered));
    member_flag(out, MEMBER("is_complete"), record->is_complete);
    member_text(out, MEMBER("advice"), plan_advices[record->advice]);
    member_instant(out, MEMBER("advice_wait"), record->advice_wait);
    if (record->is_limited)
        member_text(out, MEMBER("limited_by"), limit_kinds[record->limited_by]);
    put(out, MEMBER("rule"));
    write_rule(out, &scenario->chaos, record);
    put(out, MEMBER("rules_matched"));
    write_rules(out, &scenario->chaos, record->rules_matched);
    write_tokens(record, out);
    put(out, MEMBER("usage_told"));
    write_told(out, &record->usage_told);
    member_money(out, MEMBER("cost_usd"), record->has_cost, record->cost);
    write_hook(out, record);
    put(out, MEMBER("plan"));
    json_write_text(out, slice_of(record->plan));
    put(out, SLICE("}\n"));
}

/* --- alerts ----------------------------------------------------------------------------------- */

static const char *budget_name(const struct scenario *scenario, const struct alert *alert)
{
    if (alert->kind != ALERT_BUDGET || alert->budget >= scenario->monitor.budgets_count)
        return "";
    return scenario->monitor.budgets[alert->budget].name;
}

void evidence_write_alert(const struct scenario *scenario, const struct alert_record *record,
                          struct buffer *out)
{
    const struct alert *alert = &record->alert;
    bool is_budget = alert->kind == ALERT_BUDGET;

    member_count(out, SLICE("{\"number\":"), alert->number);
    member_text(out, MEMBER("kind"), alert_kind_word(alert->kind));
    put(out, MEMBER("budget"));
    write_text_or_null(out, slice_of(budget_name(scenario, alert)));
    member_count(out, MEMBER("period"), alert->period);
    member_text(out, MEMBER("key"), alert->key);
    member_instant(out, MEMBER("raised_at"), alert->raised_at);
    put(out, MEMBER("call"));
    write_text_or_null(out, slice_of(alert->call));
    member_money(out, MEMBER("spent_usd"), is_budget, alert->spent);
    member_money(out, MEMBER("limit_usd"), is_budget, alert->limit);
    member_count(out, MEMBER("suppressed"), alert->suppressed);
    member_text(out, MEMBER("text"), alert->text);
    member_text(out, MEMBER("hook"), hook_kind_word(record->hook));
    member_flag(out, MEMBER("is_delivered"), record->is_delivered);
    member_count(out, MEMBER("tries"), record->tries);
    member_count(out, MEMBER("status"), record->status);
    member_instant(out, MEMBER("settled_at"), record->settled_at);
    put(out, SLICE("}\n"));
}

/* --- samples ---------------------------------------------------------------------------------- */

void evidence_write_sample(const struct sample_record *record, struct buffer *out)
{
    member_count(out, SLICE("{\"instance\":"), record->instance);
    member_instant(out, MEMBER("at"), record->at);
    member_count(out, MEMBER("rss_bytes"), record->rss_bytes);
    member_count(out, MEMBER("descriptors"), record->descriptors);
    member_count(out, MEMBER("threads"), record->threads);
    put(out, SLICE("}\n"));
}

/* --- histograms ------------------------------------------------------------------------------- */

void evidence_write_histogram(const char *series, const struct histogram *histogram,
                              struct buffer *out)
{
    bool is_known = histogram->count > 0;
    size_t bucket = 0;
    nanos highest;
    uint64_t count;
    bool is_first = true;

    member_text(out, SLICE("{\"series\":"), series);
    member_count(out, MEMBER("n"), histogram->count);
    member_instant(out, MEMBER("min"), is_known ? histogram->min : NANOS_NEVER);
    member_instant(out, MEMBER("max"), is_known ? histogram->max : NANOS_NEVER);
    put(out, MEMBER("buckets"));
    put_byte(out, '[');
    while (histogram_next(histogram, &bucket, &highest, &count)) {
        write_comma(out, &is_first);
        put_byte(out, '[');
        buffer_i64(out, highest);
        put_byte(out, ',');
        buffer_u64(out, count);
        put_byte(out, ']');
    }
    put(out, SLICE("]}\n"));
}
