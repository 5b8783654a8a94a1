#include "engine/upstream_state.h"

#include <assert.h>
#include <string.h>

#include "engine/request_match.h"
#include "scenario/fault_words.h"

enum {
    OUTPUT_TOKENS_USUAL = 64, /* when nobody declared how long the answer shall be */
    THINKING_USUAL = 8,       /* likewise, and it was asked to think */
    TOOL_TOKENS_USUAL = 2,    /* of a call that no script describes: its input is {} */
    CACHED_TOKENS_MIN = 1024, /* shorter prefixes are not kept (wire-facts.md §2.3) */
    FALLBACKS_MAX = 8,        /* models tried behind the one that was asked */
};

/* A request as it was read. */
struct asking {
    const struct http_request *http;
    struct endpoint endpoint;
    struct asked asked;
    enum rc asked_rc; /* of reading it, */
    const char *problem;
    bool is_gateway;
    uint32_t ordinal;
    uint64_t input_tokens, output_tokens;
    bool is_length_declared; /* by x-brownout-output-tokens */
};

void requests_refuse(struct exchange *x, enum outcome failure, uint16_t status)
{
    x->plan = (struct plan){.kind = PLAN_REFUSAL,
                            .failure = failure,
                            .status = status,
                            .rule = PLAN_NO_RULE,
                            .tokens_per_event = 1,
                            .input_tokens = x->plan.input_tokens,
                            .rules_matched = x->plan.rules_matched};
}

static void refuse_as(struct exchange *x, const struct objection *objection)
{
    x->objection = *objection;
    requests_refuse(x, objection->failure, objection->status);
}

/* `message` may be NULL: then in the usual words. */
static void refuse_in_words(struct exchange *x, uint16_t status, const char *message)
{
    struct objection objection = {.failure = OUTCOME_INVALID_REQUEST, .status = status};

    if (message != NULL)
        slice_copy(slice_of(message), objection.message, sizeof(objection.message));
    refuse_as(x, &objection);
}

/* --- what the plan is decided by -------------------------------------------------------------- */

static uint64_t header_u64(const struct http_request *http, struct slice name, uint64_t otherwise)
{
    uint64_t value;

    return slice_u64(http_header_of(http, name), &value) ? value : otherwise;
}

/* Usage can be wrong only where it is told at all, and a JSON array has no lines of its own. */
static uint32_t quirks_impossible(const struct exchange *x, bool stream)
{
    uint32_t quirks = fault_quirks_impossible(x->api);

    if (x->api == API_OPENAI_CHAT && stream && !x->include_usage)
        quirks |= QUIRK_USAGE_MISSING | QUIRK_USAGE_ZERO | QUIRK_USAGE_WRONG;
    if (x->record.kind == JOURNAL_EMBEDDINGS)
        quirks |= QUIRK_USAGE_MISSING | QUIRK_EMPTY | QUIRK_RUNAWAY | QUIRK_FOREIGN;
    if (x->is_json_array)
        quirks |= QUIRK_DONE_WRONG | QUIRK_SPLIT_CRLF | QUIRK_PINGS | QUIRK_COMMENTS;
    return quirks;
}

static uint64_t conditions_failed(const struct upstream *u, const struct http_request *http)
{
    uint64_t failed = 0;

    for (uint32_t rule = 0; u->rules_with_conditions >> rule != 0; rule++) {
        uint64_t bit = (uint64_t)1 << rule;

        if ((u->rules_with_conditions & bit) && !request_matches(&u->chaos.rules[rule].match, http))
            failed |= bit;
        if (rule + 1 == CHAOS_RULES_MAX)
            break;
    }
    return failed;
}

/* `http` NULL: a client that sends values sends nothing that conditions are about. */
static const struct script *script_for(const struct upstream *u, const struct attempt_facts *facts,
                                       const struct http_request *http)
{
    for (uint32_t i = 0; i < u->scenario->scripts_count; i++) {
        const struct script *script = &u->scenario->scripts[i];

        if (!chaos_rule_matches(&u->script_rules[i], facts))
            continue;
        if (http == NULL ? !request_match_needs_bytes(&script->match)
                         : request_matches(&script->match, http))
            return script;
    }
    return NULL;
}

static void decide(struct upstream *u, struct exchange *x, struct attempt_facts *facts,
                   const struct http_request *http, nanos now)
{
    facts->isolation = slice_of(x->record.isolation);
    facts->wants_thinking |= x->api == API_GEMINI; /* thinks unasked, but tells it when asked */
    facts->memory = &u->memory;
    facts->quirks_impossible = quirks_impossible(x, facts->stream);
    if (http != NULL && u->rules_with_conditions != 0)
        facts->conditions_failed = conditions_failed(u, http);
    if (x->record.kind == JOURNAL_GENERATE)
        facts->script = script_for(u, facts, http);
    chaos_decide(&u->chaos, u->scenario->seed, facts, now, &x->plan);
}

/* --- what is read of it ----------------------------------------------------------------------- */

/* What comes from a cache or goes into one: as the script says, else what a repeated long prefix
 * does. */
static void note_cache(struct upstream *u, struct exchange *x, const struct asked *asked, nanos now)
{
    const struct script *script = x->plan.script;
    uint64_t prefix = asked->cache_prefix_bytes / PROMPT_BYTES_PER_TOKEN;
    struct journal_record *record = &x->record;

    if (x->plan.kind != PLAN_ANSWER)
        return;
    if (prefix > x->plan.input_tokens)
        prefix = x->plan.input_tokens;
    if (prefix >= CACHED_TOKENS_MIN) {
        if (prompt_cache_hits(&u->cache, record->model, asked->cache_prefix_hash, now))
            record->cached_tokens = prefix;
        else
            record->cache_write_tokens = prefix;
    }
    if (script != NULL && (script->has_cached_tokens || script->has_cache_write_tokens)) {
        record->cached_tokens = script->has_cached_tokens ? script->cached_tokens : 0;
        record->cache_write_tokens =
            script->has_cache_write_tokens ? script->cache_write_tokens : 0;
    }
    if (record->cached_tokens > x->plan.input_tokens)
        record->cached_tokens = x->plan.input_tokens;
    if (record->cache_write_tokens > x->plan.input_tokens - record->cached_tokens)
        record->cache_write_tokens = x->plan.input_tokens - record->cached_tokens;
}

static bool must_call_tool(const struct asked *asked)
{
    return asked->forces_tool && asked->tool_name[0] != '\0';
}

/* A tool that must be called is called, unless a script says what is said. Text of a declared
 * length stands before it, else none. */
static uint64_t tokens_wanted(const struct asking *asking, uint64_t declared)
{
    bool calls = must_call_tool(&asking->asked);

    if (asking->is_length_declared)
        return declared < UINT64_MAX - TOOL_TOKENS_USUAL && calls ? declared + TOOL_TOKENS_USUAL
                                                                  : declared;
    return calls ? TOOL_TOKENS_USUAL : OUTPUT_TOKENS_USUAL;
}

static void call_tool(struct exchange *x, const struct asked *asked)
{
    struct plan *plan = &x->plan;
    uint64_t tokens = plan->output_tokens - plan->thinking_tokens;

    if (plan->kind != PLAN_ANSWER || plan->script != NULL || !must_call_tool(asked) || tokens == 0)
        return;
    plan->tool_tokens = tokens < TOOL_TOKENS_USUAL ? (uint32_t)tokens : TOOL_TOKENS_USUAL;
    if (plan->stop == STOP_END)
        plan->stop = STOP_TOOL;
    memcpy(x->tool_name, asked->tool_name, sizeof(x->tool_name));
}

/* --- which model ------------------------------------------------------------------------------ */

static bool serves(const struct upstream *u, const struct exchange *x, bool is_gateway,
                   uint32_t model)
{
    return is_gateway || u->scenario->models[model].provider == x->record.provider;
}

/* The first model of the listener; at the gateway of the API's family, else the first of all. */
static uint32_t any_model(const struct upstream *u, const struct exchange *x, bool is_gateway)
{
    const struct scenario *scenario = u->scenario;

    for (uint32_t model = 0; model < scenario->models_count; model++) {
        enum api family = scenario->providers[scenario->models[model].provider].api;

        if (is_gateway ? api_family(family) == api_family(x->api) : serves(u, x, is_gateway, model))
            return model;
    }
    return is_gateway ? 0 : scenario->models_count;
}

/* models_count: there is none of that name here. */
static uint32_t find_model(const struct upstream *u, const struct exchange *x, bool is_gateway,
                           struct slice name)
{
    uint32_t model = scenario_model(u->scenario, name);

    if (model < u->scenario->models_count && serves(u, x, is_gateway, model))
        return model;
    return u->scenario->serves_any_model ? any_model(u, x, is_gateway) : u->scenario->models_count;
}

/* Where that is not the model's own name: of one that is unknown, or played by another. */
static void note_name(const struct upstream *u, struct journal_record *record, struct slice name)
{
    bool is_own = record->model < u->scenario->models_count &&
                  slice_is(name, slice_of(u->scenario->models[record->model].name));

    slice_copy(is_own ? SLICE("") : name, record->model_asked, sizeof(record->model_asked));
}

/* Whose answer it becomes; refused where there is no such model. */
static bool choose_model(struct upstream *u, struct exchange *x, bool is_gateway, struct slice name)
{
    struct journal_record *record = &x->record;

    slice_copy(name, x->model, sizeof(x->model));
    record->model = find_model(u, x, is_gateway, name);
    note_name(u, record, name);
    if (is_gateway)
        record->provider = record->model < u->scenario->models_count
                               ? u->scenario->models[record->model].provider
                               : u->scenario->providers_count;
    if (record->model < u->scenario->models_count)
        return true;
    record->model = u->scenario->models_count;
    requests_refuse(x, OUTCOME_INVALID_REQUEST, 404);
    return false;
}

/* Listings, cards and counts are no work of a model: no fault of one applies to them. */
static void answer_at_once(struct exchange *x, uint64_t input_tokens)
{
    x->plan = (struct plan){.kind = PLAN_ANSWER,
                            .rule = PLAN_NO_RULE,
                            .tokens_per_event = 1,
                            .input_tokens = input_tokens};
}

/* --- one try ---------------------------------------------------------------------------------- */

/* What it claims of a limit of output: what its answer will have where it says how long that shall
 * be (max_tokens of our own client is only a ceiling), else what it allows. */
static uint64_t tokens_claimed(const struct asking *asking, uint64_t output_tokens_max)
{
    return asking->is_length_declared ? UINT64_MAX : output_tokens_max;
}

static void try_model(struct upstream *u, uint32_t index, const struct asking *asking,
                      struct slice name, uint32_t tries, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    const struct asked *asked = &asking->asked;
    struct attempt_facts facts = {
        .call = slice_of(x->record.call),
        .attempt = asking->ordinal + tries,
        .input_tokens = asking->input_tokens,
        .output_tokens = asking->output_tokens,
        .output_tokens_max = asked->has_output_tokens_max ? asked->output_tokens_max : UINT64_MAX,
        .stream = x->record.stream,
        .wants_thinking = asked->wants_thinking,
        .thinking_usual = asked->wants_thinking ? THINKING_USUAL : 0,
    };

    x->is_over_the_limit = false;
    x->record.is_limited = false;
    if (!choose_model(u, x, asking->is_gateway, name))
        return;
    if (x->record.kind == JOURNAL_COUNT) {
        answer_at_once(x, asking->input_tokens);
        return;
    }
    facts.provider = slice_of(u->scenario->providers[x->record.provider].name);
    facts.model = &u->scenario->models[x->record.model];
    facts.model_asked = slice_of(x->record.model_asked);
    decide(u, x, &facts, asking->http, now);
    call_tool(x, asked);
    order_admit(
        u, index,
        x->record.kind == JOURNAL_EMBEDDINGS ? 0 : tokens_claimed(asking, facts.output_tokens_max),
        now);
}

/* At the gateway the next model of x-model-fallback is tried when one fails, as an attempt of its
 * own; the last refusal stands. */
static void try_models(struct upstream *u, uint32_t index, const struct asking *asking, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    struct slice rest = {0};
    struct slice name = slice_of(asking->asked.model);

    if (asking->is_gateway)
        rest = http_header_of(asking->http, SLICE("x-model-fallback"));
    for (uint32_t tries = 0; tries <= FALLBACKS_MAX; tries++) {
        try_model(u, index, asking, slice_trim(name), tries, now);
        if (x->plan.kind == PLAN_ANSWER || !slice_cut(&rest, ',', &name))
            break;
        order_leave(u, index, false, now); /* what the try took of its model */
    }
    note_cache(u, x, &asking->asked, now);
}

/* --- requests --------------------------------------------------------------------------------- */

static enum journal_kind kind_of(const struct endpoint *endpoint)
{
    switch (endpoint->kind) {
    case ENDPOINT_GENERATE:
        return JOURNAL_GENERATE;
    case ENDPOINT_COUNT:
        return JOURNAL_COUNT;
    case ENDPOINT_EMBEDDINGS:
        return JOURNAL_EMBEDDINGS;
    case ENDPOINT_MODELS:
    case ENDPOINT_MODEL:
        return JOURNAL_MODELS;
    case ENDPOINT_UNKNOWN:
    case ENDPOINT_WRONG_METHOD:
        break;
    }
    return JOURNAL_UNKNOWN;
}

/* What is asked of one kind of endpoint is no attempt at what is asked of another. */
static uint64_t question_of(const struct exchange *x, const struct asked *asked)
{
    return asked->question != 0 ? asked->question + (uint64_t)x->record.kind : 0;
}

static void identify(struct upstream *u, struct exchange *x, const struct asking *asking,
                     uint32_t *ordinal)
{
    struct identity_facts facts = {.http = asking->http,
                                   .isolation = slice_of(x->record.isolation),
                                   .question = question_of(x, &asking->asked)};
    struct identity_found found = {0};
    struct journal_record *record = &x->record;

    identity_of(u->identity, &facts, &found);
    record->key = found.key;
    record->attempt = found.attempt;
    record->has_retry_count = found.has_retry_count;
    record->retry_count = found.retry_count;
    record->question = found.likeness;
    memcpy(record->call, found.call, sizeof(record->call));
    *ordinal = found.ordinal;
}

static void list_models(struct upstream *u, struct exchange *x, const struct asking *asking)
{
    struct objection objection;

    if (!endpoint_read_listing(x->api, asking->http, &x->listing, &objection)) {
        refuse_as(x, &objection);
        return;
    }
    if (asking->endpoint.kind == ENDPOINT_MODEL &&
        !choose_model(u, x, asking->is_gateway, slice_of(asking->endpoint.model)))
        return;
    answer_at_once(x, 0);
}

/* Model and stream of those APIs that tell them in the path. */
static void read_path(struct asking *asking)
{
    struct asked *asked = &asking->asked;

    asked->stream |= asking->endpoint.stream;
    if (asking->endpoint.model[0] == '\0')
        return;
    asked->has_model = true;
    memcpy(asked->model, asking->endpoint.model, sizeof(asked->model));
}

/* Before it is known whether anybody would think about it: what is asked tells whose call it is. */
static void read_asked(const struct exchange *x, struct asking *asking)
{
    const struct http_request *http = asking->http;

    if (x->record.kind == JOURNAL_MODELS || x->record.kind == JOURNAL_UNKNOWN)
        return;
    if (identity_is_said(http))
        asking->asked_rc = format_read_ask(x->api, http->body, &asking->asked, &asking->problem);
    else
        asking->asked_rc =
            format_read_question(x->api, http->body, &asking->asked, &asking->problem);
}

/* False, and refused, where the service would not think about such a body. */
static bool take_body(struct exchange *x, struct asking *asking)
{
    const struct http_request *http = asking->http;
    struct objection objection;

    if (asking->asked_rc != RC_OK) {
        refuse_in_words(x, 400, asking->problem);
        return false;
    }
    read_path(asking);
    slice_copy(slice_of(asking->asked.model), x->model, sizeof(x->model));
    if (!format_objects(x->api, http, &asking->asked, &objection))
        return true;
    refuse_as(x, &objection);
    return false;
}

static void note_asked(struct exchange *x, struct asking *asking)
{
    const struct http_request *http = asking->http;
    const struct asked *asked = &asking->asked;
    uint64_t declared = header_u64(http, SLICE("x-brownout-output-tokens"), OUTPUT_TOKENS_USUAL);

    asking->input_tokens = header_u64(http, SLICE("x-brownout-input-tokens"),
                                      1 + asked->prompt_bytes / PROMPT_BYTES_PER_TOKEN);
    asking->is_length_declared = http_header_of(http, SLICE("x-brownout-output-tokens")).size > 0;
    asking->output_tokens = tokens_wanted(asking, declared > 0 ? declared : 1);
    if (x->record.kind == JOURNAL_EMBEDDINGS) {
        asking->output_tokens = 1; /* a vector is there at once, and counts for nothing */
        x->embeddings = asked->embeddings;
    }
    x->record.stream = asked->stream && x->record.kind == JOURNAL_GENERATE;
    x->include_usage = asked->include_usage;
    x->hides_thinking = x->api == API_GEMINI && !asked->wants_thinking;
    x->is_json_array = asking->endpoint.is_json_array;
    x->is_2026 = slice_is(http_header_of(http, SLICE("anthropic-version")), SLICE("2026-10-21"));
}

static void take_http(struct upstream *u, uint32_t index, const struct upstream_request *request,
                      nanos now)
{
    struct exchange *x = &u->exchanges[index];
    const struct http_request *http = request->http;
    struct asking asking = {.http = http, .is_gateway = request->provider == UPSTREAM_GATEWAY};
    struct objection objection;

    endpoint_read(http,
                  asking.is_gateway ? API_COUNT
                                    : api_family(u->scenario->providers[request->provider].api),
                  &asking.endpoint);
    x->api = asking.endpoint.api;
    x->record.api = x->api;
    x->record.kind = kind_of(&asking.endpoint);
    slice_copy(http_header_of(http, SLICE("user-agent")), x->record.agent, sizeof(x->record.agent));
    read_asked(x, &asking);
    identify(u, x, &asking, &asking.ordinal);
    if (endpoint_objects(&asking.endpoint, http, &objection) ||
        format_objects_to_key(x->api, http, &objection))
        refuse_as(x, &objection);
    else if (x->record.kind == JOURNAL_MODELS)
        list_models(u, x, &asking);
    else if (take_body(x, &asking)) {
        note_asked(x, &asking);
        try_models(u, index, &asking, now);
    }
}

/* A request as a value: all that reading it would have told. */
static void take_told(struct upstream *u, uint32_t index, const struct told_ask *told, nanos now)
{
    const struct scenario *scenario = u->scenario;
    struct exchange *x = &u->exchanges[index];
    const struct model *model = &scenario->models[told->model];
    struct attempt_facts facts = {
        .provider = slice_of(scenario->providers[x->record.provider].name),
        .model = model,
        .call = slice_of(told->call),
        .attempt = told->attempt,
        .input_tokens = told->input_tokens,
        .output_tokens = told->output_tokens > 0 ? told->output_tokens : 1,
        .output_tokens_max = told->output_tokens_max,
        .stream = told->stream,
    };
    static const struct asked nothing_else = {0};

    assert(model->provider == x->record.provider);
    x->is_told = true;
    x->api = scenario->apis[told->model];
    x->include_usage = true; /* our client always asks for it, and never for thoughts */
    x->hides_thinking = x->api == API_GEMINI;
    x->record.api = x->api;
    x->record.kind = JOURNAL_GENERATE;
    x->record.stream = told->stream;
    x->record.key = KEY_HEADER;
    x->record.attempt = told->attempt;
    x->record.model = told->model;
    slice_copy(facts.call, x->record.call, sizeof(x->record.call));
    slice_copy(slice_of(model->name), x->model, sizeof(x->model));
    decide(u, x, &facts, NULL, now);
    order_admit(u, index, UINT64_MAX, now); /* it says how long its answer shall be */
    note_cache(u, x, &nothing_else, now);
}

/* --- hooks ------------------------------------------------------------------------------------ */

static void take_hook(struct upstream *u, struct exchange *x, const struct http_request *http,
                      nanos now)
{
    struct hook_post post = {
        .http = http,
        .isolation = slice_of(x->record.isolation),
        .chaos = &u->chaos,
        .memory = &u->memory,
        .seed = u->scenario->seed,
        .conditions_failed = u->rules_with_conditions != 0 ? conditions_failed(u, http) : 0,
        .at = now,
    };

    hooks_receive(&u->hooks, &post, &x->plan, &x->hook, &x->record);
}

/* --- the record ------------------------------------------------------------------------------- */

static void note_plan(const struct upstream *u, struct exchange *x)
{
    struct journal_record *record = &x->record;
    struct buffer text = {.data = record->plan,
                          .capacity = sizeof(record->plan) - 1,
                          .ceiling = sizeof(record->plan) - 1,
                          .memory = memory_heap()}; /* never asked: the space is there */

    plan_write(&x->plan, &text);
    record->plan[text.size] = '\0';
    record->advice = x->plan.advice;
    record->rule = x->plan.rule;
    if (x->plan.rule != PLAN_NO_RULE)
        memcpy(record->rule_name, u->chaos.rules[x->plan.rule].name, sizeof(record->rule_name));
    record->rules_matched = x->plan.rules_matched;
    if (record->is_hook)
        return;
    record->answered = x->plan.kind == PLAN_REFUSAL ? x->plan.failure : OUTCOME_OK;
    record->input_tokens = x->plan.input_tokens;
    record->output_tokens =
        x->plan.kind == PLAN_ANSWER && record->kind == JOURNAL_GENERATE ? x->plan.output_tokens : 0;
    record->thinking_tokens = x->plan.thinking_tokens;
}

void requests_take(struct upstream *u, uint32_t index, const struct upstream_request *request,
                   nanos now)
{
    struct exchange *x = &u->exchanges[index];

    if (request->provider == UPSTREAM_HOOKS)
        take_hook(u, x, request->http, now);
    else if (request->told != NULL)
        take_told(u, index, request->told, now);
    else
        take_http(u, index, request, now);
    note_plan(u, x);
}
