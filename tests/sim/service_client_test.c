/* The client engine before a service under test, step by step: whom it asks, what it hears, and
 * that it asks once. */

#include <CUnit/CUnit.h>
#include <string.h>

#include "engine/client.h"
#include "tests/support/expect.h"
#include "tests/support/flaky.h"

static const char text[] =
    "{\"name\": \"service\", \"subject\": {\n"
    "  \"service\": [\"http://127.0.0.1:4000\", \"http://127.0.0.1:4001\"],\n"
    "  \"send\": {\"speaks\": \"json\", \"path\": \"/ask\", \"answer\": \"/text\",\n"
    "           \"body\": {\"ask\": \"{prompt}\", \"as\": \"{call}\"}},\n"
    "  \"timeouts\": {\"call\": \"5s\"}},\n"
    " \"target\": {\"mock\": {\"models\": {\"gpt\": {\"api\": \"openai-chat\"}}}},\n"
    " \"load\": {\"requests\": [{\"model\": \"gpt\", \"input_tokens\": 20, \"output_tokens\": "
    "3}],\n"
    "  \"arrivals\": [{\"rate\": \"1/s\", \"for\": \"8s\", \"process\": \"constant\"}]}}\n";

static struct scenario scenario;
static struct arena arena;
static struct client *client;
static struct flaky flaky;
static struct memory memory;
static struct client_effect sent;
static struct call_record record;
static nanos now;

static void set_up(void)
{
    struct client_options options = {.scenario = &scenario,
                                     .memory = &memory,
                                     .service_headers = SLICE("x-team: a\r\n"),
                                     .service_key = SLICE("sk-1")};
    struct error err = {0};

    flaky = (struct flaky){.allow = UINT64_MAX};
    memory = flaky_memory(&flaky);
    now = 0;
    arena_init(&arena, memory_heap(), 1 << 20);
    if (scenario_load(&scenario, slice_of(text), SLICE("service"), NULL, &arena, &err) != RC_OK)
        CU_FAIL_FATAL(err.text);
    CU_ASSERT_FATAL(client_new(&client, &options, &err) == RC_OK);
}

static void tear_down(void)
{
    client_free(client);
    EXPECT_U64(flaky.live, 0);
    arena_deinit(&arena);
}

static void step(struct client_event event)
{
    struct client_effect effect;

    event.at = now;
    event.slot = sent.slot;
    event.attempt = 1;
    client_step(client, &event);
    client_check(client);
    while (client_next(client, &effect)) {
        if (effect.kind == CLIENT_SEND)
            sent = effect;
        if (effect.kind == CLIENT_DONE)
            record = *effect.record;
    }
}

/* The next call is made when it is due. */
static void ask(void)
{
    now = nanos_max(client_wakes_at(client), now);
    step((struct client_event){.kind = CLIENT_WAKE});
    step((struct client_event){.kind = CLIENT_HANDED});
    step((struct client_event){.kind = CLIENT_SENT});
}

static void answer(uint16_t status, const char *body)
{
    struct answer_head head = {.status = status, .has_type = true, .is_json = true};

    now += 100 * NANOS_MS;
    step((struct client_event){.kind = CLIENT_HEAD, .head = &head});
    step((struct client_event){.kind = CLIENT_BODY, .body = slice_of(body)});
    step((struct client_event){.kind = CLIENT_END, .end = END_WHOLE});
}

static void asks_by_the_template_with_a_marker(void)
{
    ask();
    EXPECT_TEXT(sent.path, "/ask");
    EXPECT_TEXT(sent.headers, "content-type: application/json\r\n"
                              "authorization: Bearer sk-1\r\nx-team: a\r\n");
    CU_ASSERT(slice_starts_with(sent.body, SLICE("{\"ask\":\"⟦k0-0⟧ one two ")));
    CU_ASSERT(slice_has(sent.body, SLICE("\",\"as\":\"k0-0\"}")));
}

static void urls_take_turns(void)
{
    for (uint32_t call = 0; call < 4; call++) {
        ask();
        EXPECT_U64(sent.provider, call % 2);
        answer(200, "{\"text\": \"hello\"}");
        EXPECT_U64(record.instance, call % 2);
    }
}

static void a_refusal_is_not_tried_again(void)
{
    ask();
    answer(503, "{\"detail\": \"busy\"}");
    EXPECT_U64(record.outcome, OUTCOME_OVERLOADED);
    EXPECT_U64(record.attempts_count, 1);
    CU_ASSERT_STRING_EQUAL(record.error, "overloaded: busy");
}

static void its_timeouts_are_the_scenarios(void)
{
    ask();
    now = client_wakes_at(client);
    while (record.outcome != OUTCOME_TIMEOUT_CALL && now < 20 * NANOS_S) {
        step((struct client_event){.kind = CLIENT_WAKE});
        now = client_wakes_at(client);
    }
    EXPECT_I64(record.ended_at - record.due_at, 5 * NANOS_S);
}

static void what_was_heard_is_the_calls_own(void)
{
    ask();
    answer(200, "{\"text\": \"⟦r7⟧ w1 w1 w3\"}");
    CU_ASSERT(record.heard.is_checked);
    EXPECT_U64(record.heard.request, 7);
    EXPECT_U64(record.heard.words, 3);
    EXPECT_U64(record.heard.repeated, 1);
    EXPECT_U64(record.heard.missing, 1);
    CU_ASSERT(record.has_account);
    ask();
    answer(200, "{\"text\": \"hello\"}");
    CU_ASSERT(!record.heard.is_checked);
    EXPECT_U64(record.heard.repeated, 0);
}

static void nothing_is_allocated_after_the_first_call(void)
{
    ask();
    answer(200, "{\"text\": \"\\u27e6r7\\u27e7 w1\"}");
    flaky.allow = 0;
    for (int call = 0; call < 3; call++) {
        ask();
        answer(200, "{\"text\": \"\\u27e6r8\\u27e7 w1\"}");
        EXPECT_U64(record.outcome, OUTCOME_OK);
        EXPECT_U64(record.heard.words, 2);
    }
    CU_ASSERT(!flaky.failed);
}

static CU_TestInfo tests[] = {
    {"asks by the template, with a marker", asks_by_the_template_with_a_marker},
    {"URLs take turns", urls_take_turns},
    {"a refusal is not tried again", a_refusal_is_not_tried_again},
    {"its timeouts are the scenario's", its_timeouts_are_the_scenarios},
    {"what was heard is the call's own", what_was_heard_is_the_calls_own},
    {"nothing is allocated after the first call", nothing_is_allocated_after_the_first_call},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo service_client_suite = {"service_client", NULL, NULL, set_up, tear_down, tests};
