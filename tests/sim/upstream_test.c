/* The upstream engine alone: which requests it refuses, in whose words, and what it writes when. */

#include "engine/upstream.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/world.h"

#define LOAD                                                                          \
    "{\"requests\": [{\"model\": \"claude\", \"stream\": true, \"input_tokens\": 10," \
    " \"output_tokens\": 3}],"                                                        \
    " \"arrivals\": [{\"part\": \"one\", \"rate\": \"1/s\", \"for\": \"1s\"}]}"
#define GOOD_BODY                                                                                  \
    "{\"model\":\"claude\",\"max_tokens\":100,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}" \
    "]}"

static struct world_run world; /* for its loaded scenario */
static struct upstream *upstream;
static struct http_header headers[8];
static uint32_t headers_count;

static void open_world(const char *chaos)
{
    struct error err;
    struct upstream_options options = {.memory = memory_heap(),
                                       .run_tag = 1,
                                       .wall_unix_ns = SIMULATOR_WALL_UNIX_NS,
                                       .exchanges_max = 2};

    world_run(&world, world_text("{\"preset\": \"none\"}", chaos, LOAD));
    options.scenario = world.scenario;
    CU_ASSERT_EQUAL_FATAL(upstream_new(&upstream, &options, &err), RC_OK);
    headers[0] = (struct http_header){SLICE("X-Api-Key"), SLICE("k")};
    headers[1] = (struct http_header){SLICE("anthropic-version"), SLICE("2023-06-01")};
    headers[2] = (struct http_header){SLICE("content-type"), SLICE("application/json")};
    headers_count = 3;
}

static void set_up(void)
{
    open_world("");
}

static void tear_down(void)
{
    upstream_free(upstream);
    world_close(&world);
}

static void add_header(struct slice name, struct slice value)
{
    headers[headers_count++] = (struct http_header){name, value};
}

static uint32_t begin_at(uint32_t provider, const char *method, const char *path, const char *body)
{
    struct http_request http = {.method = slice_of(method),
                                .path = slice_of(path),
                                .headers = headers,
                                .headers_count = headers_count,
                                .body = slice_of(body),
                                .keeps_alive = true};
    struct upstream_request request = {.http = &http, .provider = provider, .connection = 1};
    uint32_t exchange = UINT32_MAX;

    CU_ASSERT(upstream_begin(upstream, &request, 0, &exchange));
    return exchange;
}

/* Sends one request at instant 0 to the Anthropic listener. */
static uint32_t begin(const char *method, const char *path, const char *body)
{
    return begin_at(0, method, path, body);
}

/* Takes what is due until the exchange is over: the status, the last body, the journal's line. */
struct seen {
    uint16_t status;
    char body[4096];
    size_t body_size;
    struct journal_record record;
    int heads, ends, journals;
};

static void take(struct seen *seen, nanos now)
{
    struct upstream_effect effect;

    while (upstream_next(upstream, &effect)) {
        switch (effect.kind) {
        case UPSTREAM_HEAD:
            seen->heads++;
            seen->status = effect.status;
            break;
        case UPSTREAM_BODY:
            CU_ASSERT_FATAL(seen->body_size + effect.body.size < sizeof(seen->body));
            memcpy(seen->body + seen->body_size, effect.body.data, effect.body.size);
            seen->body_size += effect.body.size;
            break;
        case UPSTREAM_TOLD:
            CU_FAIL("requests of bytes are answered in bytes");
            break;
        case UPSTREAM_END:
            seen->ends++;
            upstream_flushed(upstream, effect.exchange, seen->body_size, now);
            break;
        case UPSTREAM_JOURNAL:
            seen->journals++;
            seen->record = *effect.record;
            break;
        }
    }
}

static struct seen run_out(void)
{
    struct seen seen = {0};

    take(&seen, 0);
    while (upstream_wakes_at(upstream) != NANOS_NEVER) {
        nanos now = upstream_wakes_at(upstream);

        upstream_wake(upstream, now);
        take(&seen, now);
    }
    return seen;
}

static bool says(const struct seen *seen, const char *text)
{
    return slice_has((struct slice){seen->body, seen->body_size}, slice_of(text));
}

static void expect_refusal(uint16_t status, const char *type)
{
    struct seen seen = run_out();

    EXPECT_U64(seen.status, status);
    CU_ASSERT(says(&seen, type));
    EXPECT_I64(seen.heads, 1);
    EXPECT_I64(seen.ends, 1);
    EXPECT_I64(seen.journals, 1);
    EXPECT_U64(seen.record.status, status);
    EXPECT_I64(seen.record.rule, PLAN_NO_RULE);
    EXPECT_U64(upstream_open(upstream), 0);
}

static void refuses_a_request_without_a_key(void)
{
    headers_count = 0;
    begin("POST", "/v1/messages", GOOD_BODY);
    expect_refusal(401, "authentication_error");
}

static void refuses_an_unknown_path_in_the_providers_words(void)
{
    begin("POST", "/v1/nonsense", GOOD_BODY);
    expect_refusal(404, "not_found_error");
}

static void refuses_another_providers_path_at_this_listener(void)
{
    begin("POST", "/v1/chat/completions", GOOD_BODY);
    expect_refusal(404, "not_found_error");
}

static void refuses_a_get(void)
{
    begin("GET", "/v1/messages", "");
    expect_refusal(405, "invalid_request_error");
}

static void refuses_a_body_that_is_no_json(void)
{
    begin("POST", "/v1/messages", "{\"model\":");
    expect_refusal(400, "invalid_request_error");
}

static void refuses_a_model_it_does_not_have(void)
{
    begin("POST", "/v1/messages",
          "{\"model\":\"gpt\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":"
          "\"x\"}]}");
    expect_refusal(404, "not_found_error");
}

static void refuses_a_request_without_max_tokens(void)
{
    begin("POST", "/v1/messages",
          "{\"model\":\"claude\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}");
    expect_refusal(400, "max_tokens");
}

static void takes_a_query_behind_the_path(void)
{
    struct seen seen;

    begin("POST", "/v1/messages?beta=true", GOOD_BODY);
    seen = run_out();
    EXPECT_U64(seen.status, 200);
}

static void names_the_call_by_our_header(void)
{
    struct seen seen;

    add_header(SLICE("X-Brownout-Call"), SLICE("one:0"));
    add_header(SLICE("X-Brownout-Attempt"), SLICE("2"));
    add_header(SLICE("X-Brownout-Output-Tokens"), SLICE("5"));
    begin("POST", "/v1/messages", GOOD_BODY);
    seen = run_out();
    EXPECT_I64(seen.record.key, KEY_HEADER);
    EXPECT_TEXT(slice_of(seen.record.call), "one:0");
    EXPECT_U64(seen.record.attempt, 2);
    EXPECT_U64(seen.record.tokens_written, 5);
}

static void knows_a_stranger_by_likeness_only(void)
{
    struct seen seen;

    begin("POST", "/v1/messages", GOOD_BODY);
    seen = run_out();
    EXPECT_I64(seen.record.key, KEY_LIKENESS);
    CU_ASSERT(slice_starts_with(slice_of(seen.record.call), SLICE("like:")));
}

/* The status that a stranger meets who says that this is its retry number `retries`. */
static uint16_t status_of_retry(const char *retries)
{
    tear_down();
    open_world("[{\"phase\": \"limits\","
               " \"fault\": [{\"status\": 429}, {\"status\": 529}, \"ok\"]}]");
    add_header(SLICE("X-Stainless-Retry-Count"), slice_of(retries));
    begin("POST", "/v1/messages", GOOD_BODY);
    return run_out().status;
}

static void counts_a_strangers_attempts_by_its_own_retries(void)
{
    EXPECT_U64(status_of_retry("0"), 429);
    EXPECT_U64(status_of_retry("1"), 529);
    EXPECT_U64(status_of_retry("2"), 200);
    EXPECT_U64(status_of_retry("3"), 200); /* past the sequence */
    EXPECT_U64(status_of_retry("once"), 429);
    EXPECT_U64(status_of_retry("4294967295"), 429); /* no ordinal to be believed: the first */
}

static void stops_at_max_tokens(void)
{
    struct seen seen;

    add_header(SLICE("X-Brownout-Output-Tokens"), SLICE("5000"));
    begin("POST", "/v1/messages", GOOD_BODY);
    seen = run_out();
    EXPECT_U64(seen.record.tokens_written, 100);
    CU_ASSERT(says(&seen, "\"stop_reason\":\"max_tokens\""));
}

static void journals_a_client_that_left(void)
{
    struct seen seen = {0};
    uint32_t exchange = begin("POST", "/v1/messages", GOOD_BODY);

    upstream_gone(upstream, exchange, 0, false, 50 * NANOS_MS);
    take(&seen, 50 * NANOS_MS);
    EXPECT_I64(seen.journals, 1);
    EXPECT_I64(seen.record.closed_by, CLOSED_CLIENT);
    EXPECT_I64(seen.record.closed_at, 50 * NANOS_MS);
    EXPECT_I64(upstream_wakes_at(upstream), NANOS_NEVER); /* and works no further on it */
}

static void journals_what_is_open_when_it_is_stopped(void)
{
    struct seen seen = {0};

    begin("POST", "/v1/messages", GOOD_BODY);
    begin("POST", "/v1/messages", GOOD_BODY);
    upstream_stop(upstream, NANOS_MS);
    take(&seen, NANOS_MS);
    EXPECT_I64(seen.journals, 2);
    EXPECT_I64(seen.record.closed_by, CLOSED_RUN);
    EXPECT_U64(upstream_open(upstream), 0);
}

static void takes_no_more_exchanges_than_it_has(void)
{
    struct http_request http = {.method = SLICE("POST"), .path = SLICE("/v1/messages")};
    struct upstream_request request = {.http = &http, .connection = 1};
    uint32_t exchange;

    begin("POST", "/v1/messages", GOOD_BODY);
    begin("POST", "/v1/messages", GOOD_BODY);
    CU_ASSERT(!upstream_begin(upstream, &request, 0, &exchange));
}

/* --- hooks ------------------------------------------------------------------------------------ */

static struct seen post(const char *method, const char *path, const char *body)
{
    begin_at(UPSTREAM_HOOKS, method, path, body);
    return run_out();
}

static void answers_an_alert_as_that_service_does(void)
{
    struct seen seen;

    add_header(SLICE("x-brownout-alert"), SLICE("budget:hourly:0"));
    add_header(SLICE("x-brownout-attempt"), SLICE("2"));
    seen = post("POST", "/slack", "{\"text\":\"spent\"}");
    EXPECT_U64(seen.status, 200);
    CU_ASSERT(says(&seen, "ok"));
    CU_ASSERT(seen.record.is_hook);
    CU_ASSERT(seen.record.is_hook_valid);
    EXPECT_U64(seen.record.hook, HOOK_SLACK);
    EXPECT_U64(seen.record.attempt, 2);
    EXPECT_U64(seen.record.key, KEY_NONE);
    CU_ASSERT_STRING_EQUAL(seen.record.alert, "budget:hourly:0");
    EXPECT_I64(seen.record.closed_by, CLOSED_WHOLE);
    CU_ASSERT(!seen.record.has_cost);
}

static void answers_nothing_where_the_service_has_nothing_to_say(void)
{
    struct seen seen = post("POST", "/discord", "{\"content\":\"spent\"}");

    EXPECT_U64(seen.status, 204);
    EXPECT_U64(seen.body_size, 0);
    EXPECT_I64(seen.ends, 1);
}

static void reads_the_alerts_key_where_only_the_body_tells_it(void)
{
    struct seen seen = post("POST", "/any", "{\"key\":\"slow:3\"}");

    CU_ASSERT_STRING_EQUAL(seen.record.alert, "slow:3");
}

static void refuses_an_alert_that_the_service_would_not_take(void)
{
    struct seen seen = post("POST", "/slack", "{}");

    EXPECT_U64(seen.status, 400);
    CU_ASSERT(says(&seen, "no_text"));
    CU_ASSERT(seen.record.is_hook);
    CU_ASSERT(!seen.record.is_hook_valid);
    EXPECT_U64(seen.record.answered, OUTCOME_INVALID_REQUEST);
}

static void has_no_hook_but_those_three(void)
{
    struct seen seen = post("POST", "/teams", "{}");

    EXPECT_U64(seen.status, 404);
    CU_ASSERT(!seen.record.is_hook_valid);
    seen = post("GET", "/slack", "");
    EXPECT_U64(seen.status, 404);
}

static CU_TestInfo tests[] = {
    {"refuses a request without a key", refuses_a_request_without_a_key},
    {"refuses an unknown path in the provider's words",
     refuses_an_unknown_path_in_the_providers_words},
    {"refuses another provider's path at this listener",
     refuses_another_providers_path_at_this_listener},
    {"refuses a GET", refuses_a_get},
    {"refuses a body that is no JSON", refuses_a_body_that_is_no_json},
    {"refuses a model it does not have", refuses_a_model_it_does_not_have},
    {"refuses a request without max_tokens", refuses_a_request_without_max_tokens},
    {"takes a query behind the path", takes_a_query_behind_the_path},
    {"names the call by our header", names_the_call_by_our_header},
    {"knows a stranger by likeness only", knows_a_stranger_by_likeness_only},
    {"counts a stranger's attempts by its own retries",
     counts_a_strangers_attempts_by_its_own_retries},
    {"stops at max_tokens", stops_at_max_tokens},
    {"journals a client that left", journals_a_client_that_left},
    {"journals what is open when it is stopped", journals_what_is_open_when_it_is_stopped},
    {"takes no more exchanges than it has", takes_no_more_exchanges_than_it_has},
    {"answers an alert as that service does", answers_an_alert_as_that_service_does},
    {"answers nothing where the service has nothing to say",
     answers_nothing_where_the_service_has_nothing_to_say},
    {"reads the alert's key where only the body tells it",
     reads_the_alerts_key_where_only_the_body_tells_it},
    {"refuses an alert that the service would not take",
     refuses_an_alert_that_the_service_would_not_take},
    {"has no hook but those three", has_no_hook_but_those_three},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo upstream_suite = {"upstream", NULL, NULL, set_up, tear_down, tests};
