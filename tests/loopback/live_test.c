/* Guards of live targets, and what becomes of keys. No server of anybody else's is ever asked:
 * guards act before any socket, and names are those that exist nowhere. */

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "harness/live.h"
#include "tests/support/expect.h"
#include "raw_server.h"
#include "workplace.h"

#define KEY "sk-this-is-a-secret-0123456789"

/* 10 calls of 900 + 100 tokens in and 100 out at $3 and $15 a million, 4 attempts each:
 * 10 * 4 * (3,000 + 1,500) microdollars are $0.18. */
#define SCENARIO(url, rate, price, more)                                                         \
    "{\"name\": \"live\", \"subject\": {\"client\": {\"preset\": \"careful\"}},\n"               \
    " \"target\": {\"providers\": {\"anthropic\": {\"base_url\": \"" url "\",\n"                 \
    "    \"api_key\": \"$BROWNOUT_TEST_KEY\"}},\n"                                               \
    "  \"models\": {\"m\": {\"api\": \"anthropic\"" price "}}},\n"                               \
    " \"load\": {\"requests\": [{\"model\": \"m\", \"stream\": true, \"input_tokens\": 900,\n"   \
    "   \"output_tokens\": 100}],\n"                                                             \
    "   \"arrivals\": [{\"part\": \"steady\", \"rate\": \"" rate "\", \"process\": \"constant\"" \
    ", \"for\": \"2s\"}]}" more "}\n"

#define PRICE ", \"price\": {\"input\": \"$3.00\", \"output\": \"$15.00\"}"
#define LIMIT(text) ", \"spend_limit\": \"" text "\""
#define FAR "https://example.invalid"

static struct workplace place;

static void set_up(void)
{
    workplace_open(&place);
    setenv("BROWNOUT_TEST_KEY", KEY, 1);
}

static void tear_down(void)
{
    unsetenv("BROWNOUT_TEST_KEY");
    workplace_close(&place);
}

static void expect_refusal(const char *command, const char *why)
{
    EXPECT_I64(workplace_run(&place, command), 2);
    if (strstr(place.err, why) == NULL)
        fprintf(stderr, "expected \"%s\" in:\n%s\n", why, place.err);
    CU_ASSERT(strstr(place.err, why) != NULL);
    EXPECT_U64(workplace_results_count(&place), 0);
}

/* --- guards ----------------------------------------------------------------------------------- */

static void a_target_far_away_needs_the_word(void)
{
    workplace_write(&place, "x.jsonc", SCENARIO(FAR, "5/s", PRICE, LIMIT("$1.00")));
    expect_refusal("run x.jsonc --out results", "say --live if you mean it");
    workplace_write(&place, "x.jsonc", SCENARIO("http://192.0.2.1", "5/s", PRICE, LIMIT("$1.00")));
    expect_refusal("run x.jsonc --out results", "say --live if you mean it");
}

static void a_service_far_away_needs_the_word(void)
{
    workplace_write(&place, "x.jsonc",
                    "{\"name\": \"far\", \"subject\": {\"service\": \"" FAR "\",\n"
                    "  \"send\": {\"speaks\": \"openai-chat\"}},\n"
                    " \"target\": {\"mock\": {\"models\": {\"m\": {\"api\": \"openai-chat\"}}}},\n"
                    " \"load\": {\"requests\": [{\"model\": \"m\", \"input_tokens\": 9,\n"
                    "   \"output_tokens\": 1}],\n"
                    "   \"arrivals\": [{\"rate\": \"1/s\", \"for\": \"2s\"}]}}\n");
    expect_refusal("run x.jsonc --out results",
                   "x.jsonc:1:40: the service is not on this machine; say --live if you mean it");
}

static void a_target_far_away_needs_a_limit(void)
{
    workplace_write(&place, "x.jsonc", SCENARIO(FAR, "5/s", PRICE, ""));
    expect_refusal("run x.jsonc --out results --live", "\"spend_limit\": \"$2.00\"");
}

static void a_model_without_a_price_is_refused(void)
{
    workplace_write(&place, "x.jsonc", SCENARIO(FAR, "5/s", "", LIMIT("$1.00")));
    expect_refusal("run x.jsonc --out results --live", "model \"m\" has no known price");
}

static void an_estimate_above_the_limit_is_refused_with_its_arithmetic(void)
{
    workplace_write(&place, "x.jsonc", SCENARIO(FAR, "5/s", PRICE, LIMIT("$0.17")));
    expect_refusal("run x.jsonc --out results --live",
                   "10 calls with 10,000 input and at most 1,000 output tokens in all, times 4 "
                   "attempts, may cost $0.18; spend_limit is $0.17");
}

static void a_rate_above_5_needs_certainty(void)
{
    workplace_write(&place, "x.jsonc", SCENARIO(FAR, "6/s", PRICE, LIMIT("$1.00")));
    expect_refusal("run x.jsonc --out results --live",
                   "part \"steady\" makes 6 calls/s at a live target; more than 5/s need "
                   "--yes-really");
}

static void a_missing_key_is_named_by_its_variable(void)
{
    unsetenv("BROWNOUT_TEST_KEY");
    workplace_write(&place, "x.jsonc", SCENARIO("http://127.0.0.1:9", "5/s", PRICE, ""));
    expect_refusal("run x.jsonc --out results",
                   "takes its key from the environment variable BROWNOUT_TEST_KEY, which is not "
                   "set");
}

static void guards_look_at_every_file_before_anything_runs(void)
{
    workplace_write(&place, "x.jsonc", SCENARIO(FAR, "5/s", PRICE, LIMIT("$1.00")));
    workplace_write(&place, "near.jsonc", SCENARIO("http://127.0.0.1:9", "5/s", PRICE, ""));
    expect_refusal("run near.jsonc x.jsonc --out results", "x.jsonc: its target is live");
}

static void nothing_is_known_to_simulate(void)
{
    workplace_write(&place, "x.jsonc", SCENARIO(FAR, "5/s", PRICE, LIMIT("$1.00")));
    expect_refusal("sim x.jsonc --out results", "there is nothing to simulate");
}

/* --- keys ------------------------------------------------------------------------------------- */

static void open_at(struct live *live, struct scenario *scenario)
{
    struct error err = {0};

    memset(scenario, 0, sizeof(*scenario));
    scenario->providers_count = 1;
    scenario->providers[0].base_url = SLICE("http://127.0.0.1:9");
    strcpy(scenario->providers[0].key_env, "BROWNOUT_TEST_KEY");
    EXPECT_RC(live_open(live, scenario, &err), RC_OK);
}

static void keys_are_in_no_core_dump_and_overwritten_at_the_end(void)
{
    static struct scenario scenario;
    static struct live live;
    static const struct live nothing;

    open_at(&live, &scenario);
    EXPECT_TEXT(live.keys[0], KEY);
    CU_ASSERT_STRING_EQUAL(live.origins[0], "http://127.0.0.1:9");
    EXPECT_I64(prctl(PR_GET_DUMPABLE), 0);
    live_close(&live);
    EXPECT_I64(prctl(PR_GET_DUMPABLE), 1);
    CU_ASSERT(memcmp(&live, &nothing, sizeof(live)) == 0);
}

static void a_key_that_no_header_takes_is_refused_unseen(void)
{
    static struct scenario scenario;
    static struct live live;
    struct error err = {0};

    open_at(&live, &scenario);
    live_close(&live);
    setenv("BROWNOUT_TEST_KEY", KEY "\r\nx-evil: 1", 1);
    EXPECT_RC(live_open(&live, &scenario, &err), RC_MALFORMED);
    CU_ASSERT(strstr(err.text, "BROWNOUT_TEST_KEY") != NULL);
    CU_ASSERT(strstr(err.text, "secret") == NULL);
    CU_ASSERT(!live.is_open);
}

static void a_server_that_repeats_a_key_is_not_quoted(void)
{
    static struct scenario scenario;
    static struct call_record call;
    static struct live live;

    open_at(&live, &scenario);
    call.attempts_count = 2;
    strcpy(call.error, "bad key " KEY " and " KEY "!");
    strcpy(call.attempts[1].request_id, "req-" KEY);
    live_hide(&live, &call);
    CU_ASSERT(strstr(call.error, "secret") == NULL);
    CU_ASSERT(strstr(call.error, "bad key ****") == call.error);
    CU_ASSERT(strstr(call.error, "* and *") != NULL);
    CU_ASSERT(strstr(call.attempts[1].request_id, "secret") == NULL);
    strcpy(call.error, "cut in the middle: sk-this-is-a-sec");
    live_hide(&live, &call);
    EXPECT_TEXT(slice_of(call.error), "cut in the middle: ****************");
    strcpy(call.error, "sk-this is no key");
    live_hide(&live, &call);
    EXPECT_TEXT(slice_of(call.error), "sk-this is no key");
    live_close(&live);
}

/* --- at a server ------------------------------------------------------------------------------ */

#define BODY(text, tokens)                                                                  \
    "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\","        \
    "\"content\":[{\"type\":\"text\",\"text\":\"" text "\"}],\"stop_reason\":\"end_turn\"," \
    "\"usage\":{\"input_tokens\":900,\"output_tokens\":" tokens "}}"

/* 50,000 tokens where 100 were asked for: $0.75. */
#define DEAR BODY("hi", "50000")
#define CHEAP BODY("hi", "5")
#define TELLTALE                                                                                  \
    "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\"message\":\"bad key " KEY \
    "\"}}"

static struct raw_server server;

static void serve(const char *status, const char *body, const char *more)
{
    static char answer[1024];
    static char text[2048];

    snprintf(answer, sizeof(answer),
             "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
             status, strlen(body), body);
    CU_ASSERT_FATAL(raw_server_start(&server, (const enum raw_act[]){RAW_GIVEN, RAW_END}));
    server.given = answer;
    snprintf(text, sizeof(text), SCENARIO("%s", "5/s", PRICE, "%s"), server.origin, more);
    workplace_write(&place, "near.jsonc", text);
}

static void expect_no_key_in_results(void)
{
    static const char *const files[] = {"scenario.jsonc", "run.json",    "calls.jsonl",
                                        "attempts.jsonl", "summary.txt", "summary.md",
                                        "junit.xml"};

    CU_ASSERT(strstr(place.out, KEY) == NULL);
    CU_ASSERT(strstr(place.err, KEY) == NULL);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        struct slice text;

        CU_ASSERT(workplace_result(&place, 0, files[i], &text));
        CU_ASSERT(!slice_has(text, SLICE(KEY)));
    }
}

static void a_request_carries_the_key_and_no_mark_of_ours(void)
{
    serve("200 OK", DEAR, "");
    workplace_run(&place, "run near.jsonc --out results --set /load/requests/0/stream=false");
    raw_server_stop(&server);
    EXPECT_U64(server.requests, 10);
    CU_ASSERT(strstr(server.first_head, "x-api-key: " KEY) != NULL);
    CU_ASSERT(strcasestr(server.first_head, "x-brownout") == NULL);
    expect_no_key_in_results();
}

static void a_server_that_repeats_the_key_leaves_no_trace_of_it(void)
{
    struct slice calls;

    serve("401 Unauthorized", TELLTALE, "");
    workplace_run(&place, "run near.jsonc --out results");
    raw_server_stop(&server);
    EXPECT_U64(server.requests, 10);
    expect_no_key_in_results();
    CU_ASSERT_FATAL(workplace_result(&place, 0, "calls.jsonl", &calls));
    CU_ASSERT(slice_has(calls, SLICE("bad key ****")));
}

/* The estimate is $0.18 for 10 calls; each costs $0.75, so a third would be too dear. */
static void a_provider_that_bills_more_ends_the_run_in_order(void)
{
    struct slice text;

    serve("200 OK", DEAR, LIMIT("$2.00"));
    EXPECT_I64(workplace_run(&place, "run near.jsonc --out results --set "
                                     "/load/requests/0/stream=false"),
               98);
    raw_server_stop(&server);
    CU_ASSERT(server.requests >= 1); /* two, but where the machine was away: then more calls are */
    CU_ASSERT(server.requests <= 3); /* under way at once than usual, and one may be too dear */
    CU_ASSERT_FATAL(workplace_result(&place, 0, "run.json", &text));
    CU_ASSERT(slice_has(text, SLICE("above the spend_limit of $2.00")));
    CU_ASSERT(slice_has(text, SLICE("\"interrupted\":true")));
}

static void the_limit_is_not_felt_by_who_keeps_to_it(void)
{
    serve("200 OK", CHEAP, LIMIT("$0.18"));
    workplace_run(&place, "run near.jsonc --out results --set /load/requests/0/stream=false");
    raw_server_stop(&server);
    EXPECT_U64(server.requests, 10);
}

static CU_TestInfo tests[] = {
    {"a target far away needs the word", a_target_far_away_needs_the_word},
    {"a service far away needs the word", a_service_far_away_needs_the_word},
    {"a target far away needs a limit", a_target_far_away_needs_a_limit},
    {"a model without a price is refused", a_model_without_a_price_is_refused},
    {"an estimate above the limit is refused with its arithmetic",
     an_estimate_above_the_limit_is_refused_with_its_arithmetic},
    {"a rate above 5/s needs certainty", a_rate_above_5_needs_certainty},
    {"a missing key is named by its variable", a_missing_key_is_named_by_its_variable},
    {"guards look at every file before anything runs",
     guards_look_at_every_file_before_anything_runs},
    {"nothing is known to simulate", nothing_is_known_to_simulate},
    {"keys are in no core dump, and overwritten at the end",
     keys_are_in_no_core_dump_and_overwritten_at_the_end},
    {"a key that no header takes is refused unseen", a_key_that_no_header_takes_is_refused_unseen},
    {"a server that repeats a key is not quoted", a_server_that_repeats_a_key_is_not_quoted},
    {"a request carries the key and no mark of ours",
     a_request_carries_the_key_and_no_mark_of_ours},
    {"a server that repeats the key leaves no trace of it",
     a_server_that_repeats_the_key_leaves_no_trace_of_it},
    {"a provider that bills more ends the run in order",
     a_provider_that_bills_more_ends_the_run_in_order},
    {"the limit is not felt by who keeps to it", the_limit_is_not_felt_by_who_keeps_to_it},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo live_suite = {"live", NULL, NULL, set_up, tear_down, tests};
