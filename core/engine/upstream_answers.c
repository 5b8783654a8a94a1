#include "engine/upstream_state.h"

#include "engine/spoil.h"

/* --- what the formats are told ---------------------------------------------------------------- */

static enum usage_told usage_told_of(const struct plan *plan)
{
    if (plan->quirks & QUIRK_USAGE_MISSING)
        return USAGE_MISSING;
    if (plan->quirks & QUIRK_USAGE_ZERO)
        return USAGE_ZERO;
    return plan->quirks & QUIRK_USAGE_WRONG ? USAGE_WRONG : USAGE_TRUE;
}

static void say_script(struct reply *reply, const struct script *script)
{
    reply->text = script->text;
    reply->tool_name = script->tool_name;
    reply->tool_input = script->tool_input;
}

/* When the exchange began, in whole seconds, rounded down also before 1970. */
static int64_t began_unix_s(const struct upstream *u, const struct exchange *x)
{
    int64_t ns = upstream_wall_unix_ns(u, x->begun_at);

    return ns / NANOS_S - (ns % NANOS_S < 0);
}

struct reply answers_reply(const struct upstream *u, const struct exchange *x)
{
    const struct plan *plan = &x->plan;
    struct reply reply = {
        .model = slice_of(x->model),
        .request_number = x->run_number,
        .run_tag = u->options.run_tag,
        .wall_unix_s = began_unix_s(u, x),
        .input_tokens = plan->input_tokens,
        .output_tokens = plan->output_tokens,
        .stop = plan->stop,
        .include_usage = x->include_usage,
        .thinking_tokens = plan->thinking_tokens,
        .tool_tokens = plan->tool_tokens,
        .tool_name = slice_of(x->tool_name),
        .is_foreign = plan->quirks & QUIRK_FOREIGN,
        .cached_tokens = x->record.cached_tokens,
        .cache_write_tokens = x->record.cache_write_tokens,
        .usage_told = usage_told_of(plan),
        .usage_factor = plan->quirks & QUIRK_USAGE_WRONG ? plan->fault->factor : 1.0,
        .tokens_per_event = plan->tokens_per_event,
        .hides_thinking = x->hides_thinking,
        .is_2026 = x->is_2026,
    };

    if (plan->script != NULL)
        say_script(&reply, plan->script);
    return reply;
}

/* How long the body advises to wait, where a provider tells it there (Gemini's RetryInfo). */
static nanos retry_delay(const struct exchange *x)
{
    if (x->is_over_the_limit)
        return x->limit.is_hopeless ? 0 : x->limit.wait;
    return x->plan.advice == PLAN_ADVICE_RAW ? 0 : x->plan.advice_wait;
}

static struct slice limit_name(enum limit_kind kind)
{
    switch (kind) {
    case LIMIT_REQUESTS:
        return SLICE("requests");
    case LIMIT_INPUT_TOKENS:
        return SLICE("input tokens");
    case LIMIT_OUTPUT_TOKENS:
        return SLICE("output tokens");
    default:
        return SLICE("tokens");
    }
}

struct refusal answers_refusal(const struct upstream *u, const struct exchange *x,
                               enum outcome failure, uint16_t status)
{
    struct refusal refusal = {
        .failure = failure,
        .status = status,
        .wall_unix_s = began_unix_s(u, x),
        .model = slice_of(x->model),
        .request_number = x->run_number,
        .run_tag = u->options.run_tag,
        .input_tokens = x->plan.input_tokens,
        .context_window = x->plan.context_window,
        .message = slice_of(x->objection.message),
        .code = x->objection.code,
        .param = x->objection.param,
        .retry_delay = retry_delay(x),
    };

    if (!x->is_over_the_limit)
        return refusal;
    refusal.limit_name = limit_name(x->limit.kind);
    refusal.limit = u->limiters[x->record.model].limits->of[x->limit.kind].amount;
    refusal.asked = x->limit.asked;
    refusal.is_hopeless = x->limit.is_hopeless;
    return refusal;
}

enum upstream_end answers_end_of(enum plan_close close)
{
    switch (close) {
    case PLAN_CLOSE_END:
        return UPSTREAM_END_WHOLE;
    case PLAN_CLOSE_FIN:
        return UPSTREAM_END_FIN;
    case PLAN_CLOSE_RST:
        break;
    }
    return UPSTREAM_END_RST;
}

/* --- one body --------------------------------------------------------------------------------- */

/* The body stands in the scratch from `body_at` to its end; the head is written behind it, since it
 * tells its length: effects name stretches, so their order is free. */
static void serve_whole(struct upstream *u, uint32_t index, uint16_t status, size_t body_at,
                        nanos now)
{
    struct exchange *x = &u->exchanges[index];
    size_t size = u->scratch.size - body_at;
    size_t headers_at = heads_write(u, x, SLICE("application/json"), now);

    effects_head(u, index, status, (int64_t)size, headers_at, now);
    effects_body(u, index, body_at, size, now);
    effects_end(u, index, UPSTREAM_END_WHOLE);
}

static uint16_t status_of(const struct exchange *x)
{
    if (x->plan.kind == PLAN_ANSWER)
        return 200;
    return x->plan.status != 0 ? x->plan.status : format_status(x->api, x->plan.failure);
}

/* Gemini's advice stands in the body alone; what a header says overrides it later. */
static void write_refusal(struct upstream *u, struct exchange *x, const struct refusal *refusal)
{
    format_write_refusal(x->api, refusal, &u->scratch);
    if (x->api == API_GEMINI)
        x->record.advice_wait = refusal->retry_delay;
}

/* Some refusals are told by a stream, after its 200; not where a rule names the status. */
static bool fails_in_stream(const struct exchange *x)
{
    return x->record.stream && x->plan.status == 0 && x->plan.quirks == 0 &&
           format_fails_in_stream(x->api, x->plan.failure);
}

static void serve_failed_stream(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct refusal refusal = answers_refusal(u, x, x->plan.failure, status_of(x));
    size_t headers_at = heads_write(u, x, format_stream_type(x->api), now);
    size_t body_at;

    effects_head(u, index, 200, HTTP1_CHUNKED, headers_at, now);
    body_at = u->scratch.size;
    format_write_failed_stream(x->api, &refusal, &u->scratch);
    effects_body(u, index, body_at, u->scratch.size - body_at, now);
    x->record.is_complete = true;
    effects_end(u, index, UPSTREAM_END_WHOLE);
}

static void serve_refusal(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    uint16_t status = status_of(x);
    bool is_in_a_200 = x->plan.quirks & QUIRK_ERROR_BODY;
    struct refusal refusal = answers_refusal(
        u, x, x->plan.failure, is_in_a_200 ? format_status(x->api, x->plan.failure) : status);
    size_t body_at = u->scratch.size;

    if (x->plan.quirks & QUIRK_BODY)
        buffer_append(&u->scratch, x->plan.fault->body);
    else
        write_refusal(u, x, &refusal);
    x->record.is_complete = true;
    serve_whole(u, index, is_in_a_200 ? 200 : status, body_at, now);
}

/* Whether a given body is an answer, only its reader can tell. */
static void serve_given(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct slice body = x->plan.fault->body;
    struct answer answer = {0};
    size_t body_at = u->scratch.size;

    buffer_append(&u->scratch, body);
    if (format_read_answer(x->api, body, &answer) == RC_OK && answer.failure == OUTCOME_OK) {
        x->record.is_complete = true;
        x->record.usage_told = answer.usage;
    }
    serve_whole(u, index, 200, body_at, now);
}

static void write_cards(struct upstream *u, const struct exchange *x)
{
    struct model_card cards[SCENARIO_MODELS_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < u->scenario->models_count; i++) {
        const struct model *model = &u->scenario->models[i];

        if (x->record.provider < u->scenario->providers_count &&
            model->provider != x->record.provider)
            continue;
        cards[count++] = (struct model_card){slice_of(model->name), model->context_window};
    }
    endpoint_write_models(x->api, cards, count, &x->listing, &u->scratch);
}

static void write_card(struct upstream *u, const struct exchange *x)
{
    const struct model *model = &u->scenario->models[x->record.model];
    struct model_card card = {slice_of(x->model), model->context_window};

    endpoint_write_model(x->api, &card, &u->scratch);
}

/* What is no answer of a model: listings and counts. */
static void serve_other(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    size_t body_at = u->scratch.size;

    if (x->record.kind == JOURNAL_COUNT)
        endpoint_write_count(x->api, x->plan.input_tokens, &u->scratch);
    else if (x->model[0] == '\0')
        write_cards(u, x);
    else
        write_card(u, x);
    x->record.is_complete = true;
    serve_whole(u, index, 200, body_at, now);
}

/* A cut or stalled body stops after its tokens' share of the bytes; past the last token it lacks
 * its last byte, so that it is never whole. */
static size_t bytes_to_write(const struct plan *plan, size_t whole)
{
    if (plan->ending == PLAN_WHOLE || whole == 0)
        return whole;
    if (plan->tokens_before_end >= plan->output_tokens)
        return whole - 1;
    return (size_t)((double)whole * (double)plan->tokens_before_end / (double)plan->output_tokens);
}

/* What one body says, and what its reader knows of its usage then. */
static struct usage write_body(struct upstream *u, const struct exchange *x)
{
    struct reply reply = answers_reply(u, x);
    uint64_t input = x->plan.input_tokens;

    if (x->record.kind != JOURNAL_EMBEDDINGS) {
        format_write_answer(x->api, &reply, &u->scratch);
        return format_usage_told(x->api, &reply, FORMAT_BODY);
    }
    if (reply.usage_told != USAGE_TRUE)
        input = reply.usage_told == USAGE_ZERO ? 0 : (uint64_t)((double)input * reply.usage_factor);
    endpoint_write_embeddings(reply.model, &x->embeddings, input, &u->scratch);
    return (struct usage){.is_known = true, .input_tokens = input};
}

/* An answer in one body. */
static void serve_body(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    size_t body_at = u->scratch.size;
    size_t whole, size, headers_at;
    bool announces_less = x->plan.ending == PLAN_CUT && x->plan.close == PLAN_CLOSE_END;
    bool is_broken = x->plan.quirks & QUIRK_BROKEN_JSON;
    struct usage usage = write_body(u, x);

    if (is_broken)
        spoil_json(&u->scratch, body_at);
    whole = u->scratch.size - body_at;
    size = bytes_to_write(&x->plan, whole);
    headers_at = heads_write(u, x, SLICE("application/json"), now);
    effects_head(u, index, 200, (int64_t)(announces_less ? size : whole), headers_at, now);
    effects_body(u, index, body_at, size, now);
    if (x->record.kind == JOURNAL_GENERATE)
        x->record.tokens_written = plan_tokens_to_come(&x->plan);
    if (x->plan.ending == PLAN_STALL) {
        x->state = EXCHANGE_SILENT;
        return;
    }
    x->record.is_complete = x->plan.ending == PLAN_WHOLE && !is_broken;
    if (x->record.is_complete)
        x->record.usage_told = usage;
    effects_end(u, index,
                x->plan.ending == PLAN_WHOLE ? UPSTREAM_END_WHOLE : answers_end_of(x->plan.close));
}

/* --- hooks ------------------------------------------------------------------------------------ */

/* One that hangs or is cut says nothing at all. */
static void serve_hook(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    size_t body_at = u->scratch.size;

    if (x->plan.ending == PLAN_STALL) {
        x->state = EXCHANGE_SILENT;
        return;
    }
    if (x->plan.kind == PLAN_RESET || x->plan.ending == PLAN_CUT) {
        effects_end(u, index,
                    x->plan.close == PLAN_CLOSE_RST ? UPSTREAM_END_RST : UPSTREAM_END_FIN);
        return;
    }
    hooks_write_body(&x->hook, &u->scratch);
    x->record.is_complete = true;
    serve_whole(u, index, x->hook.status, body_at, now);
}

/* --- without bytes ---------------------------------------------------------------------------- */

/* What can travel as a value: nothing is wrong with it, and all of it is text. A context-length
 * refusal has token counts in its words (engine/refusals.h), pings are nothing that a value tells.
 */
static bool is_plain(const struct upstream *u, const struct exchange *x)
{
    if (!x->is_told || x->plan.quirks != 0)
        return false;
    if (x->plan.kind == PLAN_ANSWER)
        return x->plan.ending == PLAN_WHOLE && x->plan.thinking_tokens == 0 &&
               x->plan.tool_tokens == 0 && u->scenario->models[x->record.model].ping_every == 0;
    return x->plan.kind == PLAN_REFUSAL && x->plan.advice == PLAN_ADVICE_NONE &&
           !x->is_over_the_limit && x->plan.failure != OUTCOME_CONTEXT_LENGTH;
}

/* The first thing that is said of an answer or refusal. */
static void tell(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct reply reply;

    x->record.status = status_of(x);
    if (x->plan.kind == PLAN_REFUSAL) {
        effects_told(u, index, TOLD_REFUSAL, 0, now);
        return;
    }
    if (x->plan.stream) {
        streams_open_told(u, index, now);
        return;
    }
    reply = answers_reply(u, x);
    x->record.tokens_written = x->plan.output_tokens;
    x->record.usage_told = format_usage_told(x->api, &reply, FORMAT_BODY);
    effects_told(u, index, TOLD_BODY, x->plan.output_tokens, now);
}

/* --- steering --------------------------------------------------------------------------------- */

/* A stream's head and opening events come halfway to the first token, as services send them once
 * the prompt is accepted (MEA-03). */
nanos answers_open_at(const struct exchange *x)
{
    const struct plan *plan = &x->plan;

    if (plan->kind == PLAN_ANSWER && plan->stream)
        return nanos_add(x->begun_at, plan->first_token / 2);
    if (plan->kind == PLAN_ANSWER && plan->ending != PLAN_WHOLE && plan->tokens_before_end > 0)
        return nanos_add(x->begun_at, plan_token_at(plan, plan->tokens_before_end - 1));
    if (plan->kind == PLAN_ANSWER && plan->ending != PLAN_WHOLE)
        return nanos_add(x->begun_at, plan->first_token);
    return nanos_add(x->begun_at, plan_ends_at(plan));
}

static void serve_answer(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];

    if (x->plan.quirks & QUIRK_BODY)
        serve_given(u, index, now);
    else if (x->record.kind == JOURNAL_COUNT || x->record.kind == JOURNAL_MODELS)
        serve_other(u, index, now);
    else if (x->plan.stream)
        streams_open(u, index, now);
    else
        serve_body(u, index, now);
}

void answers_serve(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    bool is_under_way = x->state == EXCHANGE_WRITING || x->state == EXCHANGE_SILENT;

    if (x->record.is_hook)
        serve_hook(u, index, now);
    else if (is_under_way && is_plain(u, x))
        streams_tell(u, index, now);
    else if (is_under_way)
        streams_serve(u, index, now);
    else if (is_plain(u, x))
        tell(u, index, now);
    else if (x->plan.kind == PLAN_RESET)
        effects_end(u, index, answers_end_of(x->plan.close));
    else if (x->plan.kind == PLAN_REFUSAL && fails_in_stream(x))
        serve_failed_stream(u, index, now);
    else if (x->plan.kind == PLAN_REFUSAL)
        serve_refusal(u, index, now);
    else
        serve_answer(u, index, now);
}
