#include "engine/upstream_state.h"

#include <assert.h>
#include <string.h>

enum {
    OUTPUT_TOKENS_USUAL = 64, /* when nobody declared how long the answer shall be */
    BYTES_PER_TOKEN = 4,      /* the estimate for prompts of undeclared length */
};

static uint64_t header_u64(const struct http_request *http, struct slice name, uint64_t otherwise)
{
    uint64_t value;

    return slice_u64(http_header_of(http, name), &value) ? value : otherwise;
}

/* A request that the provider itself would refuse, whatever the scenario says. */
static void refuse(struct exchange *x, enum outcome failure, uint16_t status, const char *message)
{
    x->plan = (struct plan){.kind = PLAN_REFUSAL,
                            .failure = failure,
                            .status = status,
                            .rule = PLAN_NO_RULE,
                            .tokens_per_event = 1};
    x->message = message;
}

/* Which call is it? Our driver's header, else likeness: the body's hash (design §9). */
static void identify(struct exchange *x, const struct http_request *http)
{
    struct slice call = http_header_of(http, SLICE("x-brownout-call"));
    uint64_t attempt = header_u64(http, SLICE("x-brownout-attempt"), 0);
    uint64_t hash;

    x->record.attempt = attempt <= UINT32_MAX ? (uint32_t)attempt : 0;
    if (call.size > 0 && call.size < sizeof(x->record.call)) {
        x->record.key = KEY_HEADER;
        slice_copy(call, x->record.call, sizeof(x->record.call));
        return;
    }
    x->record.key = KEY_LIKENESS;
    x->record.attempt = 0;
    hash = slice_hash(http->body);
    memcpy(x->record.call, "like:", 5);
    for (int nibble = 0; nibble < 16; nibble++)
        x->record.call[5 + nibble] = "0123456789abcdef"[hash >> (60 - 4 * nibble) & 15];
    x->record.call[21] = '\0';
}

/* The attempt's ordinal when nobody said it: the SDKs count their own retries from 0. */
static uint32_t ordinal_of(const struct exchange *x, const struct http_request *http)
{
    uint64_t retries = header_u64(http, SLICE("x-stainless-retry-count"), 0);

    if (x->record.attempt > 0)
        return x->record.attempt;
    return retries < UINT32_MAX ? (uint32_t)retries + 1 : 1;
}

/* A request as a value: all that reading it would have told. */
static void take_told(struct upstream *u, struct exchange *x, const struct told_ask *told,
                      nanos now)
{
    const struct scenario *scenario = u->scenario;
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

    assert(model->provider == x->record.provider);
    x->is_told = true;
    x->include_usage = true; /* our client always asks for it */
    x->api = scenario->providers[x->record.provider].api;
    x->record.key = KEY_HEADER;
    x->record.attempt = told->attempt;
    x->record.model = told->model;
    slice_copy(facts.call, x->record.call, sizeof(x->record.call));
    slice_copy(slice_of(model->name), x->model, sizeof(x->model));
    chaos_decide(&scenario->chaos, scenario->seed, &facts, now, &x->plan);
}

static void decide(struct upstream *u, struct exchange *x, const struct asked *asked,
                   const struct http_request *http, nanos now)
{
    const struct scenario *scenario = u->scenario;
    uint64_t wanted = header_u64(http, SLICE("x-brownout-output-tokens"), OUTPUT_TOKENS_USUAL);
    struct attempt_facts facts = {
        .provider = slice_of(scenario->providers[x->record.provider].name),
        .model = &scenario->models[x->record.model],
        .call = slice_of(x->record.call),
        .attempt = ordinal_of(x, http),
        .input_tokens = header_u64(http, SLICE("x-brownout-input-tokens"),
                                   1 + asked->prompt_bytes / BYTES_PER_TOKEN),
        .output_tokens = wanted > 0 ? wanted : 1,
        .output_tokens_max = asked->has_output_tokens_max ? asked->output_tokens_max : UINT64_MAX,
        .stream = asked->stream,
    };

    chaos_decide(&scenario->chaos, scenario->seed, &facts, now, &x->plan);
}

static void plan_request(struct upstream *u, struct exchange *x, const struct http_request *http,
                         nanos now)
{
    struct slice path = http->path;
    struct slice query_free;
    struct asked asked = {0};
    const char *problem = NULL;
    enum api expected = u->scenario->providers[x->record.provider].api;

    x->api = expected;
    if (slice_cut(&path, '?', &query_free))
        path = query_free;
    if (!slice_is(http->method, SLICE("POST")) || !format_find_path(path, &x->api) ||
        x->api != expected) {
        x->api = expected;
        refuse(x, OUTCOME_INVALID_REQUEST, 404, "Not found");
        return;
    }
    if (!format_has_credential(x->api, http)) {
        refuse(x, OUTCOME_AUTH, 401, NULL);
        return;
    }
    if (format_read_ask(x->api, http->body, &asked, &problem) != RC_OK || !asked.has_model ||
        !asked.has_messages) {
        refuse(x, OUTCOME_INVALID_REQUEST, 400,
               problem != NULL    ? problem
               : !asked.has_model ? "model: Field required"
                                  : "messages: Field required");
        return;
    }
    slice_copy(slice_of(asked.model), x->model, sizeof(x->model));
    x->record.model = scenario_model(u->scenario, slice_of(asked.model));
    if (x->record.model >= u->scenario->models_count ||
        u->scenario->models[x->record.model].provider != x->record.provider) {
        x->record.model = u->scenario->models_count;
        refuse(x, OUTCOME_INVALID_REQUEST, 404, NULL);
        return;
    }
    if (x->api == API_ANTHROPIC && !asked.has_output_tokens_max) {
        refuse(x, OUTCOME_INVALID_REQUEST, 400, "max_tokens: Field required");
        return;
    }
    x->include_usage = asked.include_usage;
    decide(u, x, &asked, http, now);
}

static void note_plan(struct exchange *x)
{
    struct journal_record *record = &x->record;
    struct buffer text = {.data = record->plan,
                          .capacity = sizeof(record->plan) - 1,
                          .ceiling = sizeof(record->plan) - 1,
                          .memory = memory_heap()}; /* never asked: the space is there */

    plan_write(&x->plan, &text);
    record->plan[text.size] = '\0';
    record->answered = x->plan.kind == PLAN_REFUSAL ? x->plan.failure : OUTCOME_OK;
    record->advice = x->plan.advice;
    record->rule = x->plan.rule;
    record->rules_matched = x->plan.rules_matched;
    record->input_tokens = x->plan.input_tokens;
    record->output_tokens = x->plan.kind == PLAN_ANSWER ? x->plan.output_tokens : 0;
}

void requests_take(struct upstream *u, struct exchange *x, const struct upstream_request *request,
                   nanos now)
{
    if (request->provider == UPSTREAM_HOOKS) {
        x->hook = hooks_receive(request->http, &x->record);
        return;
    }
    if (request->told != NULL) {
        take_told(u, x, request->told, now);
    } else {
        identify(x, request->http);
        plan_request(u, x, request->http, now);
    }
    note_plan(x);
}
