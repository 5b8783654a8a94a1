/* The upstream engine alone: what it makes of requests that ask for more than words. Listings,
 * counts and embeddings, tools, thinking, scripts, cached prompts, the gateway, JSON arrays. */

#include "engine/upstream.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/exchanges.h"
#include "tests/support/expect.h"

#define GOOD(model)       \
    "{\"model\":\"" model \
    "\",\"max_tokens\":100,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
#define GEMINI_BODY "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"x\"}]}]}"

static void say_keys(void)
{
    exchanges_say(SLICE("authorization"), SLICE("Bearer k"));
    exchanges_say(SLICE("x-goog-api-key"), SLICE("k"));
    exchanges_say(SLICE("content-type"), SLICE("application/json"));
}

static void set_up(void)
{
    exchanges_open("", "", "");
    say_keys();
}

static void tear_down(void)
{
    exchanges_close();
}

static void reopen(const char *keys, const char *chaos, const char *answers)
{
    exchanges_close();
    exchanges_open(keys, chaos, answers);
    say_keys();
}

static void ask_at(uint32_t provider, const char *method, const char *path, const char *body)
{
    exchanges_begin_at(provider, method, path, body);
    exchanges_run(NANOS_NEVER - 1);
    EXPECT_I64(exchanges.seen.journals, 1);
}

/* The same at the listener of an API. */
static void ask(enum api api, const char *method, const char *path, const char *body)
{
    if (api_family(api) == API_ANTHROPIC)
        exchanges_say(SLICE("anthropic-version"), SLICE("2023-06-01"));
    exchanges.api = api;
    exchanges.stream = false;
    ask_at(exchanges_provider(api), method, path, body);
}

static void expect_answer(uint16_t status, enum journal_kind kind, const char *text)
{
    EXPECT_U64(exchanges.seen.status, status);
    EXPECT_U64(exchanges.seen.record.kind, kind);
    CU_ASSERT(exchanges_body_has(text));
}

/* --- operations ------------------------------------------------------------------------------- */

static void lists_the_models_of_the_listener(void)
{
    ask(API_OPENAI_CHAT, "GET", "/v1/models", "");
    expect_answer(200, JOURNAL_MODELS, "\"gpt-r\"");
    CU_ASSERT(!exchanges_body_has("claude"));
    ask(API_ANTHROPIC, "GET", "/v1/models/claude", "");
    expect_answer(200, JOURNAL_MODELS, "\"claude\"");
    ask(API_ANTHROPIC, "GET", "/v1/models/gpt", "");
    expect_answer(404, JOURNAL_MODELS, "not_found_error");
    ask(API_GEMINI, "GET", "/v1beta/models", "");
    expect_answer(200, JOURNAL_MODELS, "models/gemini");
    ask(API_OPENAI_CHAT, "GET", "/v1/models?limit=1", "");
    expect_answer(200, JOURNAL_MODELS, "\"gpt-r\"");
    ask(API_ANTHROPIC, "GET", "/v1/models?limit=5&after_id=claude", "");
    expect_answer(200, JOURNAL_MODELS, "\"data\":[]");
    ask(API_ANTHROPIC, "GET", "/v1/models?limit=0", "");
    expect_answer(400, JOURNAL_MODELS, "limit: Input should be greater");
}

static void counts_tokens(void)
{
    ask(API_ANTHROPIC, "POST", "/v1/messages/count_tokens", GOOD("claude"));
    expect_answer(200, JOURNAL_COUNT, "\"input_tokens\":");
    EXPECT_U64(exchanges.seen.record.output_tokens, 0);
    ask(API_GEMINI, "POST", "/v1/models/gemini:countTokens", GEMINI_BODY);
    expect_answer(200, JOURNAL_COUNT, "\"totalTokens\":");
}

static void embeds(void)
{
    ask(API_OPENAI_CHAT, "POST", "/v1/embeddings",
        "{\"model\":\"gpt\",\"input\":\"x\",\"dimensions\":3}");
    expect_answer(200, JOURNAL_EMBEDDINGS, "\"embedding\":[");
    EXPECT_U64(exchanges.seen.record.tokens_written, 0);
}

/* Where in the body the last vector begins. */
static const char *last_vector(void)
{
    const char *last = NULL, *at = exchanges.seen.body.data;

    buffer_byte(&exchanges.seen.body, '\0');
    CU_ASSERT_FATAL(exchanges.seen.body.rc == RC_OK);
    while ((at = strstr(at, "\"embedding\":[")) != NULL)
        last = at++;
    CU_ASSERT_FATAL(last != NULL);
    return last;
}

static void embeds_a_text_alike_in_whatever_request(void)
{
    static const char *const alike[] = {"\"x\"", "[\"x\"]", "[\"y\",\"x\"]"};
    static const char *const others[] = {"\"y\"", "[\"x\",\"x \"]"};
    char body[128], first[64] = "", next[64] = "";

    for (size_t i = 0; i < ARRAY_SIZE(alike) + ARRAY_SIZE(others); i++) {
        bool is_alike = i < ARRAY_SIZE(alike);

        snprintf(body, sizeof(body), "{\"model\":\"gpt\",\"dimensions\":3,\"input\":%s}",
                 is_alike ? alike[i] : others[i - ARRAY_SIZE(alike)]);
        ask(API_OPENAI_CHAT, "POST", "/v1/embeddings", body);
        snprintf(i == 0 ? first : next, sizeof(first), "%.45s", last_vector());
        if (i > 0)
            CU_ASSERT((strcmp(first, next) == 0) == is_alike);
    }
}

static void objects_to_counts_and_embeddings_as_to_answers(void)
{
    ask(API_ANTHROPIC, "POST", "/v1/messages/count_tokens", "{\"model\":\"claude\"}");
    expect_answer(400, JOURNAL_COUNT, "messages: Field required");
    ask(API_OPENAI_CHAT, "POST", "/v1/embeddings", "{\"model\":\"gpt\"}");
    expect_answer(400, JOURNAL_EMBEDDINGS, "'$.input' is invalid");
    ask(API_OPENAI_CHAT, "POST", "/v1/embeddings", "{\"input\":\"x\"}");
    expect_answer(400, JOURNAL_EMBEDDINGS, "you must provide a model parameter");
}

static void refuses_a_responses_stream_with_too_long_an_input_after_its_200(void)
{
    reopen(", \"context_window\": 1", "", "");
    ask(API_OPENAI_RESPONSES, "POST", "/v1/responses",
        "{\"model\":\"gpt-r\",\"stream\":true,\"input\":\"xxxxxxxxxxxx\"}");
    expect_answer(200, JOURNAL_GENERATE, "response.failed");
    EXPECT_U64(exchanges.seen.record.answered, OUTCOME_CONTEXT_LENGTH);
    CU_ASSERT(exchanges.seen.record.is_complete);
    ask(API_OPENAI_RESPONSES, "POST", "/v1/responses",
        "{\"model\":\"gpt-r\",\"input\":\"xxxxxxxxxxxx\"}");
    expect_answer(400, JOURNAL_GENERATE, "context_length_exceeded");
}

static void advises_in_geminis_body_alone(void)
{
    reopen("", "[{\"phase\": \"bad\", \"fault\": {\"status\": 503, \"retry_after\": \"2s\"}}]", "");
    ask(API_GEMINI, "POST", "/v1beta/models/gemini:generateContent", GEMINI_BODY);
    expect_answer(503, JOURNAL_GENERATE, "\"retryDelay\":\"2s\"");
    EXPECT_U64(exchanges_header("retry-after").size, 0);
    EXPECT_I64(exchanges.seen.record.advice_wait, 2 * NANOS_S);
}

/* Embeddings are an attempt like others: rules and limits hit them, and the first token's time is
 * all they take. */
static void spoils_and_limits_embeddings(void)
{
    static const char body[] = "{\"model\":\"gpt\",\"input\":\"x\",\"dimensions\":3}";

    reopen(", \"limits\": {\"requests\": \"2/min\"}",
           "[{\"phase\": \"bad\", \"nth\": 2, \"fault\": {\"cut\": {\"after_tokens\": 0, \"by\": "
           "\"rst\"}}}]",
           "");
    ask(API_OPENAI_CHAT, "POST", "/v1/embeddings", body);
    EXPECT_I64(exchanges.now, 100 * NANOS_MS);
    EXPECT_U64(exchanges.seen.record.usage_told.input_tokens, exchanges.seen.record.input_tokens);
    ask(API_OPENAI_CHAT, "POST", "/v1/embeddings", body);
    EXPECT_U64(exchanges.seen.end, UPSTREAM_END_RST);
    CU_ASSERT(!exchanges.seen.record.is_complete);
    ask(API_OPENAI_CHAT, "POST", "/v1/embeddings", body);
    expect_answer(429, JOURNAL_EMBEDDINGS, "Rate limit");
}

static void takes_azures_path_with_its_model(void)
{
    ask(API_OPENAI_CHAT, "POST", "/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
    expect_answer(200, JOURNAL_GENERATE, "chat.completion");
    EXPECT_U64(exchanges_outcome(), OUTCOME_OK);
}

static void refuses_in_each_providers_words(void)
{
    ask(API_GEMINI, "POST", "/v1beta/models/none:generateContent", GEMINI_BODY);
    expect_answer(404, JOURNAL_GENERATE, "NOT_FOUND");
    ask(API_OPENAI_RESPONSES, "POST", "/v1/responses", "{\"model\":\"none\",\"input\":\"x\"}");
    expect_answer(404, JOURNAL_GENERATE, "model_not_found");
    ask(API_OPENAI_CHAT, "POST", "/v1/chat/completions", "{\"model\":");
    expect_answer(400, JOURNAL_GENERATE, "JSON");
    ask(API_GEMINI, "POST", "/v1beta/nothing", "");
    expect_answer(404, JOURNAL_UNKNOWN, "NOT_FOUND");
    exchanges.headers_count = 0;
    ask(API_OPENAI_CHAT, "POST", "/v1/chat/completions", GOOD("gpt"));
    expect_answer(401, JOURNAL_GENERATE, "API key");
    EXPECT_U64(exchanges.seen.record.answered, OUTCOME_AUTH);
}

static void answers_any_model_when_told_to(void)
{
    struct upstream_options options = {
        .scenario = exchanges.world.scenario, .memory = memory_heap(), .exchanges_max = 2};
    struct error err;

    upstream_free(exchanges.upstream);
    exchanges.upstream = NULL;
    exchanges.world.scenario->serves_any_model = true;
    CU_ASSERT_FATAL(upstream_new(&exchanges.upstream, &options, &err) == RC_OK);
    ask(API_ANTHROPIC, "POST", "/v1/messages", GOOD("claude-next"));
    expect_answer(200, JOURNAL_GENERATE, "\"model\":\"claude-next\"");
    ask_at(UPSTREAM_GATEWAY, "POST", "/v1/chat/completions", GOOD("gpt-next"));
    expect_answer(200, JOURNAL_GENERATE, "\"model\":\"gpt-next\"");
}

/* --- streams that are arrays ------------------------------------------------------------------ */

static void streams_an_array_where_no_events_are_asked(void)
{
    struct json json;
    struct json_token token;
    enum rc rc;

    ask(API_GEMINI, "POST", "/v1beta/models/gemini:streamGenerateContent", GEMINI_BODY);
    EXPECT_U64(exchanges.seen.status, 200);
    CU_ASSERT(slice_starts_with(exchanges_header("content-type"), SLICE("application/json")));
    CU_ASSERT(exchanges.seen.bodies > 3);
    json_init(&json, buffer_slice(&exchanges.seen.body), JSON_STRICT);
    while ((rc = json_next(&json, &token)) == RC_OK)
        ;
    EXPECT_U64(rc, RC_END);
    CU_ASSERT(exchanges_body_has("[{"));
    CU_ASSERT(!exchanges_body_has("data:"));
    CU_ASSERT(exchanges.seen.record.is_complete);
}

/* --- what is said ----------------------------------------------------------------------------- */

static void calls_the_tool_that_it_must(void)
{
    ask(API_ANTHROPIC, "POST", "/v1/messages",
        "{\"model\":\"claude\",\"max_tokens\":100,\"messages\":[{\"role\":\"user\",\"content\":"
        "\"x\"}],"
        "\"tools\":[{\"name\":\"look\",\"input_schema\":{\"type\":\"object\"}}],"
        "\"tool_choice\":{\"type\":\"tool\",\"name\":\"look\"}}");
    expect_answer(200, JOURNAL_GENERATE, "\"name\":\"look\"");
    CU_ASSERT(exchanges_body_has("\"stop_reason\":\"tool_use\""));
    EXPECT_U64(exchanges_outcome(), OUTCOME_OK);
    CU_ASSERT(!exchanges_body_has("\"type\":\"text\""));
    EXPECT_U64(exchanges.seen.record.output_tokens, 2);
}

static void says_a_text_of_the_declared_length_before_it_calls(void)
{
    static const char body[] =
        "{\"model\":\"gpt\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"look\"}}],"
        "\"tool_choice\":\"required\",\"max_tokens\":%d}";
    char text[512];

    exchanges_say(SLICE("x-brownout-output-tokens"), SLICE("5"));
    snprintf(text, sizeof(text), body, 100);
    ask(API_OPENAI_CHAT, "POST", "/v1/chat/completions", text);
    expect_answer(200, JOURNAL_GENERATE, " w4\"");
    CU_ASSERT(exchanges_body_has("\"name\":\"look\""));
    EXPECT_U64(exchanges.seen.record.output_tokens, 7);
    snprintf(text, sizeof(text), body, 1);
    ask(API_OPENAI_CHAT, "POST", "/v1/chat/completions", text);
    expect_answer(200, JOURNAL_GENERATE, "\"finish_reason\":\"length\"");
    EXPECT_U64(exchanges.seen.record.output_tokens, 1);
}

static void says_what_the_first_script_that_matches_says(void)
{
    reopen("", "",
           "[{\"name\": \"other\", \"match\": {\"model\": \"gpt*\"}, \"text\": \"not this\"},"
           " {\"name\": \"tool\", \"match\": {\"headers\": {\"x-want\": \"tool\"}},"
           "  \"text\": \"Let me look.\", \"tool\": {\"name\": \"look\", \"input\": {\"at\": 1}}},"
           " {\"name\": \"rest\", \"match\": {}, \"text\": \"Hello!\", \"stop\": \"refusal\","
           "  \"cached_tokens\": 4}]");
    exchanges_ask(API_ANTHROPIC, false);
    CU_ASSERT(exchanges_body_has("Hello!"));
    CU_ASSERT(exchanges_body_has("\"stop_reason\":\"refusal\""));
    EXPECT_U64(exchanges.seen.record.cached_tokens, 4);
    EXPECT_U64(exchanges.seen.record.usage_told.input_tokens, 6);
    EXPECT_U64(exchanges.seen.record.usage_told.cached_tokens, 4);
    exchanges_say(SLICE("x-want"), SLICE("tool"));
    exchanges_ask(API_ANTHROPIC, false);
    CU_ASSERT(exchanges_body_has("Let me look."));
    CU_ASSERT(exchanges_body_has("\"at\": 1"));
    EXPECT_U64(exchanges_outcome(), OUTCOME_OK);
}

static void thinks_where_the_model_does_and_hides_it_where_gemini_would(void)
{
    reopen(", \"thinking_tokens\": 3", "", "");
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.record.thinking_tokens, 0); /* nobody asked for it */
    exchanges_ask(API_GEMINI, true);
    EXPECT_U64(exchanges.seen.record.thinking_tokens, 3);
    EXPECT_U64(exchanges.seen.record.tokens_written, 8);
    CU_ASSERT(exchanges_body_has("\"thoughtsTokenCount\":3"));
    CU_ASSERT(!exchanges_body_has("\"thought\":true"));
    EXPECT_U64(exchanges_outcome(), OUTCOME_OK);
    EXPECT_U64(exchanges.reader.answer.usage.output_tokens, 8);
}

static void thinks_a_little_when_asked_to_and_nobody_says_how_much(void)
{
    static const char *const thinking[] = {"disabled", "enabled", "adaptive"};
    char body[256];

    for (size_t i = 0; i < ARRAY_SIZE(thinking); i++) {
        snprintf(body, sizeof(body),
                 "{\"model\":\"claude\",\"max_tokens\":100,\"thinking\":{\"type\":\"%s\"},"
                 "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
                 thinking[i]);
        ask(API_ANTHROPIC, "POST", "/v1/messages", body);
        expect_answer(200, JOURNAL_GENERATE, "\"type\":\"text\"");
        CU_ASSERT(exchanges_body_has("\"type\":\"thinking\"") == (i > 0));
    }
    exchanges_ask(API_GEMINI, true); /* thinks unasked, but only where the model says so */
    EXPECT_U64(exchanges.seen.record.thinking_tokens, 0);
}

static void writes_a_long_prefix_to_the_cache_and_reads_it_again(void)
{
    static char body[32768];
    static char prompt[20001];

    memset(prompt, 'x', sizeof(prompt) - 1);
    snprintf(body, sizeof(body),
             "{\"model\":\"claude\",\"max_tokens\":100,\"system\":[{\"type\":\"text\","
             "\"text\":\"%s\",\"cache_control\":{\"type\":\"ephemeral\"}}],"
             "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
             prompt);
    ask(API_ANTHROPIC, "POST", "/v1/messages", body);
    CU_ASSERT(exchanges.seen.record.cache_write_tokens > 4000);
    EXPECT_U64(exchanges.seen.record.cached_tokens, 0);
    ask(API_ANTHROPIC, "POST", "/v1/messages", body);
    CU_ASSERT(exchanges.seen.record.cached_tokens > 4000);
    EXPECT_U64(exchanges.seen.record.cache_write_tokens, 0);
    EXPECT_U64(exchanges.seen.record.usage_told.cached_tokens, exchanges.seen.record.cached_tokens);
}

/* --- the gateway ------------------------------------------------------------------------------ */

static void serves_every_model_at_the_gateway_in_the_format_of_the_path(void)
{
    ask_at(UPSTREAM_GATEWAY, "POST", "/v1/chat/completions", GOOD("claude"));
    expect_answer(200, JOURNAL_GENERATE, "chat.completion");
    CU_ASSERT(exchanges_body_has("\"model\":\"claude\""));
    EXPECT_U64(exchanges.seen.record.provider, exchanges_provider(API_ANTHROPIC));
    EXPECT_U64(exchanges.seen.record.api, API_OPENAI_CHAT);
}

static void falls_back_at_the_gateway(void)
{
    reopen("",
           "[{\"phase\": \"bad\", \"match\": {\"model\": \"gp*\"}, \"fault\": {\"status\": 529}}]",
           "");
    exchanges_say(SLICE("x-model-fallback"), SLICE("gpt-r, unknown, claude, gemini"));
    ask_at(UPSTREAM_GATEWAY, "POST", "/v1/chat/completions", GOOD("gpt"));
    expect_answer(200, JOURNAL_GENERATE, "\"model\":\"claude\"");
    EXPECT_U64(exchanges.seen.record.model, 0);
    EXPECT_I64(exchanges.seen.record.rule, PLAN_NO_RULE);
    reopen("", "[{\"phase\": \"bad\", \"fault\": {\"status\": 529}}]", "");
    exchanges_say(SLICE("x-model-fallback"), SLICE("gpt-r,claude"));
    ask_at(UPSTREAM_GATEWAY, "POST", "/v1/chat/completions", GOOD("gpt"));
    EXPECT_U64(exchanges.seen.record.model,
               scenario_model(exchanges.world.scenario, SLICE("claude")));
    EXPECT_I64(exchanges.seen.record.rule, 0);
    EXPECT_U64(exchanges.seen.record.answered, OUTCOME_OVERLOADED);
}

static void tries_a_model_at_the_gateway_as_an_attempt_of_its_own(void)
{
    reopen("", "[{\"phase\": \"bad\", \"fault\": [{\"status\": 529}, \"ok\"]}]", "");
    exchanges_say(SLICE("x-model-fallback"), SLICE("claude"));
    ask_at(UPSTREAM_GATEWAY, "POST", "/v1/chat/completions", GOOD("gpt"));
    expect_answer(200, JOURNAL_GENERATE, "\"model\":\"claude\"");
    EXPECT_I64(exchanges.seen.record.rule, 0); /* its second entry */
}

/* --- the journal ------------------------------------------------------------------------------ */

static void journals_who_asked_and_how(void)
{
    struct http_request http = {.method = SLICE("POST"),
                                .path = SLICE("/v1/messages"),
                                .headers = exchanges.headers,
                                .body = SLICE(GOOD("claude"))};
    struct upstream_request request = {
        .http = &http, .connection = 1, .isolation = SLICE("one"), .has_canary = true};
    uint32_t exchange;

    exchanges_say(SLICE("anthropic-version"), SLICE("2023-06-01"));
    exchanges_say(SLICE("user-agent"), SLICE("OpenAI/JS 7.57.0"));
    exchanges_say(SLICE("x-stainless-retry-count"), SLICE("2"));
    http.headers_count = exchanges.headers_count;
    CU_ASSERT(upstream_begin(exchanges.upstream, &request, 0, &exchange));
    exchanges_run(NANOS_NEVER - 1);
    CU_ASSERT_STRING_EQUAL(exchanges.seen.record.isolation, "one");
    CU_ASSERT_STRING_EQUAL(exchanges.seen.record.agent, "OpenAI/JS 7.57.0");
    CU_ASSERT(exchanges.seen.record.has_canary);
    CU_ASSERT(exchanges.seen.record.has_retry_count);
    EXPECT_U64(exchanges.seen.record.retry_count, 2);
    EXPECT_U64(exchanges.seen.record.key, KEY_RETRY_COUNT);
    EXPECT_U64(exchanges.seen.record.kind, JOURNAL_GENERATE);
    CU_ASSERT(!exchanges.seen.record.stream);
}

static void journals_what_the_shell_refused_and_faults_of_connections(void)
{
    struct upstream_note note = {.provider = exchanges_provider(API_GEMINI),
                                 .connection = 3,
                                 .status = 413,
                                 .rule = PLAN_NO_RULE,
                                 .what = "refused: too large"};
    struct upstream_effect effect;
    int notes = 0;

    CU_ASSERT(upstream_note(exchanges.upstream, &note, 5));
    exchanges_take();
    EXPECT_I64(exchanges.seen.journals, 1);
    EXPECT_U64(exchanges.seen.record.kind, JOURNAL_UNREADABLE);
    EXPECT_U64(exchanges.seen.record.status, 413);
    EXPECT_U64(exchanges.seen.record.api, API_GEMINI);
    EXPECT_I64(exchanges.seen.record.closed_at, 5);
    CU_ASSERT_STRING_EQUAL(exchanges.seen.record.plan, "refused: too large");
    while (upstream_note(exchanges.upstream, &note, 5))
        CU_ASSERT_FATAL(++notes < 1000);
    while (upstream_next(exchanges.upstream, &effect))
        EXPECT_U64(effect.exchange, UPSTREAM_NO_EXCHANGE);
    CU_ASSERT(upstream_note(exchanges.upstream, &note, 5));
    exchanges_take();
}

static void a_rule_of_connections_matched_as_often_as_it_fired(void)
{
    struct upstream_note note = {.rule = 0, .what = "connection reset"};
    const struct chaos_memory *memory;

    exchanges_close();
    exchanges_open("", "[{\"phase\": \"away\", \"fault\": {\"connection\": \"reset\"}}]", "");
    memory = upstream_chaos_memory(exchanges.upstream);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT(upstream_note(exchanges.upstream, &note, 5));
        exchanges_take();
        EXPECT_U64(exchanges.seen.record.rules_matched, 1);
    }
    EXPECT_U64(memory->matched[0], 2);
    EXPECT_U64(memory->fired[0], 2);
}

/* --- while it runs ---------------------------------------------------------------------------- */

static const char RULE[] = "[{\"phase\": \"bad\", \"rule\": \"r\", \"from\": {\"mark\": \"go\"},"
                           " \"at\": \"0s\", \"fault\": {\"status\": 529}}]";

static void waits_for_its_mark(void)
{
    reopen("", RULE, "");
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 200);
    CU_ASSERT(!upstream_mark(exchanges.upstream, SLICE("stop"), exchanges.now));
    CU_ASSERT(upstream_mark(exchanges.upstream, SLICE("go"), exchanges.now));
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 529);
}

static void changes_rules_while_it_runs(void)
{
    struct chaos_rule rule;
    static const struct fault fault = {
        .kind = FAULT_STATUS, .status = 503, .failure = OUTCOME_OVERLOADED};

    reopen("", "[{\"phase\": \"bad\", \"rule\": \"r\", \"fault\": {\"status\": 529}}]", "");
    CU_ASSERT(upstream_enable_rule(exchanges.upstream, SLICE("r"), false));
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 200);
    CU_ASSERT(upstream_enable_rule(exchanges.upstream, SLICE("r"), true));
    rule = upstream_chaos(exchanges.upstream)->rules[0];
    rule.sequence = &fault;
    CU_ASSERT(upstream_put_rule(exchanges.upstream, &upstream_chaos(exchanges.upstream)->phases,
                                &rule) == RC_OK);
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 503);
    upstream_reset(exchanges.upstream, SLICE(""));
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 529);
    CU_ASSERT(!upstream_enable_rule(exchanges.upstream, SLICE("none"), true));
}

static void hits_by_state_and_header(void)
{
    reopen("",
           "[{\"phase\": \"bad\", \"rule\": \"r\", \"match\": {\"headers\": {\"x-team\": \"red\"}},"
           " \"state\": {\"name\": \"db\", \"is\": \"down\"}, \"fault\": {\"status\": 529}}]",
           "");
    CU_ASSERT(upstream_set_state(exchanges.upstream, SLICE("db"), SLICE("down")));
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 200); /* no such header */
    exchanges_say(SLICE("x-team"), SLICE("red"));
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 529);
    EXPECT_U64(upstream_chaos_memory(exchanges.upstream)->fired[0], 1);
    CU_ASSERT(upstream_set_state(exchanges.upstream, SLICE("db"), SLICE("up")));
    exchanges_ask(API_ANTHROPIC, false);
    EXPECT_U64(exchanges.seen.status, 200);
}

static CU_TestInfo tests[] = {
    {"lists the models of the listener", lists_the_models_of_the_listener},
    {"counts tokens", counts_tokens},
    {"embeds", embeds},
    {"embeds a text alike in whatever request", embeds_a_text_alike_in_whatever_request},
    {"objects to counts and embeddings as to answers",
     objects_to_counts_and_embeddings_as_to_answers},
    {"refuses a Responses stream with too long an input after its 200",
     refuses_a_responses_stream_with_too_long_an_input_after_its_200},
    {"advises in Gemini's body alone", advises_in_geminis_body_alone},
    {"spoils and limits embeddings", spoils_and_limits_embeddings},
    {"takes Azure's path with its model", takes_azures_path_with_its_model},
    {"refuses in each provider's words", refuses_in_each_providers_words},
    {"answers any model when told to", answers_any_model_when_told_to},
    {"streams an array where no events are asked", streams_an_array_where_no_events_are_asked},
    {"calls the tool that it must", calls_the_tool_that_it_must},
    {"says a text of the declared length before it calls",
     says_a_text_of_the_declared_length_before_it_calls},
    {"says what the first script that matches says", says_what_the_first_script_that_matches_says},
    {"thinks where the model does, and hides it where Gemini would",
     thinks_where_the_model_does_and_hides_it_where_gemini_would},
    {"thinks a little when asked to and nobody says how much",
     thinks_a_little_when_asked_to_and_nobody_says_how_much},
    {"writes a long prefix to the cache and reads it again",
     writes_a_long_prefix_to_the_cache_and_reads_it_again},
    {"serves every model at the gateway in the format of the path",
     serves_every_model_at_the_gateway_in_the_format_of_the_path},
    {"falls back at the gateway", falls_back_at_the_gateway},
    {"tries a model at the gateway as an attempt of its own",
     tries_a_model_at_the_gateway_as_an_attempt_of_its_own},
    {"journals who asked and how", journals_who_asked_and_how},
    {"journals what the shell refused, and faults of connections",
     journals_what_the_shell_refused_and_faults_of_connections},
    {"a rule of connections matched as often as it fired",
     a_rule_of_connections_matched_as_often_as_it_fired},
    {"waits for its mark", waits_for_its_mark},
    {"changes rules while it runs", changes_rules_while_it_runs},
    {"hits by state and header", hits_by_state_and_header},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo upstream_operations_suite = {
    "upstream_operations", NULL, NULL, set_up, tear_down, tests};
