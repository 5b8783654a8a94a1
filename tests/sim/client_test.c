/* The client engine step by step, with what the simulator's mock never shows: streams that are over
 * while their connection stays open, answers without text, requests to real providers, and calls
 * shared out among workers. */

#include "engine/client.h"

#include <CUnit/CUnit.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"
#include "tests/support/world.h"

#define CLIENT "{\"preset\": \"none\", \"timeouts\": {\"call\": \"5s\"}}"
#define LOAD                                                                          \
    "{\"requests\": [{\"model\": \"claude\", \"stream\": true, \"input_tokens\": 10," \
    " \"output_tokens\": 3}], \"deadline\": \"10s\","                                 \
    " \"arrivals\": [{\"part\": \"one\", \"rate\": \"1/s\", \"for\": \"1s\"}]}"

#define EVENT(data) "data: " data "\n\n"
#define START EVENT("{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}")
#define TEXT                                                          \
    EVENT("{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{" \
          "\"type\":\"text_delta\",\"text\":\"w1 \"}}")
#define TOOL                                                          \
    EVENT("{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{" \
          "\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}")
#define STOP(reason)                                                                 \
    EVENT("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason "\"}}") \
    EVENT("{\"type\":\"message_stop\"}")

static struct scenario scenario;
static struct arena arena;
static struct client *client;
static struct call_record record;

static void load_scenario(const char *load)
{
    struct error err = {0};

    arena_deinit(&arena);
    arena_init(&arena, memory_heap(), 1 << 20);
    CU_ASSERT_FATAL(scenario_load(&scenario, slice_of(world_text(CLIENT, "", load)), SLICE("test"),
                                  NULL, &arena, &err) == RC_OK);
}

static void make_client(const struct client_options *special)
{
    struct client_options options = *special;
    struct error err = {0};

    options.scenario = &scenario;
    options.memory = memory_heap();
    CU_ASSERT_FATAL(client_new(&client, &options, &err) == RC_OK);
}

static void tear_down_client(void)
{
    client_free(client);
    client = NULL;
}

static void set_up(void)
{
    load_scenario(LOAD);
    make_client(&(struct client_options){0});
}

static void tear_down(void)
{
    tear_down_client();
    arena_deinit(&arena);
}

static void step(struct client_event event)
{
    struct client_effect effect;

    event.attempt = 1;
    client_step(client, &event);
    client_check(client);
    while (client_next(client, &effect))
        if (effect.kind == CLIENT_DONE)
            record = *effect.record;
}

/* The one call is answered by these events at 100 ms; then nothing more comes. */
static void answer(const char *events)
{
    struct answer_head head = {.status = 200, .is_stream = true};
    nanos at = 100 * NANOS_MS;

    step((struct client_event){.kind = CLIENT_WAKE});
    step((struct client_event){.kind = CLIENT_HANDED});
    step((struct client_event){.kind = CLIENT_SENT});
    step((struct client_event){.kind = CLIENT_HEAD, .at = at, .head = &head});
    step((struct client_event){.kind = CLIENT_BODY, .at = at, .body = slice_of(events)});
}

static void let_time_pass(void)
{
    while (!client_is_done(client))
        step((struct client_event){.kind = CLIENT_WAKE, .at = client_wakes_at(client)});
}

static void takes_a_whole_answer_though_the_connection_stays_open(void)
{
    answer(START TEXT STOP("end_turn"));
    let_time_pass();
    EXPECT_U64(record.outcome, OUTCOME_OK);
    EXPECT_I64(record.ended_at, 100 * NANOS_MS);
}

static void takes_no_refusal_for_an_answer_though_the_connection_stays_open(void)
{
    answer(START TEXT STOP("refusal"));
    let_time_pass();
    EXPECT_U64(record.outcome, OUTCOME_CONTENT_POLICY);
}

static void takes_no_empty_end_for_an_answer_though_the_connection_stays_open(void)
{
    answer(START STOP("end_turn"));
    let_time_pass();
    EXPECT_U64(record.outcome, OUTCOME_EMPTY);
}

static void ends_an_answer_without_text_with_its_attempt(void)
{
    answer(START TOOL STOP("tool_use"));
    step((struct client_event){.kind = CLIENT_END, .at = 200 * NANOS_MS, .end = END_WHOLE});
    EXPECT_U64(record.outcome, OUTCOME_OK);
    EXPECT_I64(record.ended_at, 200 * NANOS_MS);
}

/* --- requests to real providers --------------------------------------------------------------- */

static struct client_effect first_effect(struct client *c)
{
    struct client_effect effect = {0};

    client_step(c, &(struct client_event){.kind = CLIENT_WAKE});
    CU_ASSERT_FATAL(client_next(c, &effect));
    EXPECT_U64(effect.kind, CLIENT_SEND);
    return effect;
}

static uint64_t count(struct slice text, char wanted)
{
    uint64_t found = 0;

    for (size_t i = 0; i < text.size; i++)
        found += text.data[i] == wanted;
    return found;
}

static void sends_a_real_provider_what_the_call_declares(void)
{
    struct client_effect effect = first_effect(client); /* requests are not marked */

    EXPECT_U64(count(effect.body, ' '), 10); /* a word for each token */
    CU_ASSERT(slice_has(effect.body, SLICE("one:0 one two three")));
    CU_ASSERT(slice_has(effect.body, SLICE("\"max_tokens\":3,")));
    CU_ASSERT(!slice_has(effect.headers, SLICE("x-brownout-")));
}

static void bounds_the_prompt_of_a_real_provider(void)
{
    struct client_effect effect;

    scenario.load.requests[0].input_tokens.p50 = 1e9;
    tear_down_client();
    make_client(&(struct client_options){0});
    effect = first_effect(client);
    CU_ASSERT(effect.body.size > 1000000);
    CU_ASSERT(effect.body.size < 1100000);
}

static void sends_each_provider_its_own_key(void)
{
    const struct slice keys[SCENARIO_PROVIDERS_MAX] = {SLICE("sk-one"), SLICE("sk-two")};
    struct client_effect effect;

    tear_down_client();
    make_client(&(struct client_options){.keys = keys});
    effect = first_effect(client);
    CU_ASSERT(slice_has(effect.headers, SLICE("x-api-key: sk-one\r\n")));
}

static void marks_requests_to_the_mock_and_sends_it_no_long_prompt(void)
{
    struct client_effect effect;

    tear_down_client();
    make_client(&(struct client_options){.marks_requests = true});
    effect = first_effect(client);
    CU_ASSERT(slice_has(effect.headers, SLICE("x-brownout-call: one:0\r\n")));
    CU_ASSERT(slice_has(effect.headers, SLICE("x-brownout-input-tokens: 10\r\n")));
    CU_ASSERT(slice_has(effect.body, SLICE("\"content\":\"one:0\"")));
}

/* --- workers ---------------------------------------------------------------------------------- */

#define MANY                                                                          \
    "{\"requests\": [{\"model\": \"claude\", \"stream\": true, \"input_tokens\": 10," \
    " \"output_tokens\": 3}], \"in_flight_max\": 10, \"deadline\": \"10s\","          \
    " \"arrivals\": [{\"part\": \"many\", \"rate\": \"10/s\", \"for\": \"9s\"}]}"

enum { CALLS = 90 };

/* Plays the calls of one worker, none of which finds a server; notes who was played. */
static nanos play(uint32_t worker, uint32_t workers, uint32_t played[CALLS], uint32_t *open_max)
{
    nanos now = 0;
    uint32_t open = 0;

    make_client(&(struct client_options){.worker = worker, .workers = workers});
    while (!client_is_done(client)) {
        struct client_effect effect;

        now = nanos_max(now, client_wakes_at(client));
        client_step(client, &(struct client_event){.kind = CLIENT_WAKE, .at = now});
        client_check(client);
        while (client_next(client, &effect)) {
            open += effect.kind == CLIENT_SEND;
            open -= effect.kind == CLIENT_DONE && effect.record->attempts_count > 0;
            *open_max = open > *open_max ? open : *open_max;
            if (effect.kind == CLIENT_DONE)
                played[effect.record->id.index]++;
        }
    }
    tear_down_client();
    return now;
}

static void shares_out_calls_and_places_among_workers(void)
{
    uint32_t alone[CALLS] = {0}, shared[CALLS] = {0}, open_max = 0;
    nanos ends_alone, ends_shared = 0;

    tear_down_client();
    load_scenario(MANY);
    scenario.instances = 3;
    ends_alone = play(0, 1, alone, &open_max);
    EXPECT_U64(open_max, 10);
    for (uint32_t worker = 0; worker < 3; worker++) {
        open_max = 0;
        ends_shared = nanos_max(ends_shared, play(worker, 3, shared, &open_max));
        EXPECT_U64(open_max, worker == 0 ? 4 : 3); /* ten among three, and no more */
    }
    EXPECT_I64(ends_shared, ends_alone);
    for (uint32_t i = 0; i < CALLS; i++) {
        EXPECT_U64(alone[i], 1);
        EXPECT_U64(shared[i], 1);
    }
}

static void survives_every_allocation_that_fails_at_birth(void)
{
    uint64_t allow = 0;
    struct flaky flaky;

    do {
        struct memory memory;
        struct client *born = NULL;
        struct error err;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        rc = client_new(&born, &(struct client_options){.scenario = &scenario, .memory = &memory},
                        &err);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        if (rc == RC_OK)
            client_free(born);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 4);
}

static CU_TestInfo tests[] = {
    {"takes a whole answer, though the connection stays open",
     takes_a_whole_answer_though_the_connection_stays_open},
    {"takes no refusal for an answer, though the connection stays open",
     takes_no_refusal_for_an_answer_though_the_connection_stays_open},
    {"takes no empty end for an answer, though the connection stays open",
     takes_no_empty_end_for_an_answer_though_the_connection_stays_open},
    {"ends an answer without text with its attempt", ends_an_answer_without_text_with_its_attempt},
    {"sends a real provider what the call declares", sends_a_real_provider_what_the_call_declares},
    {"bounds the prompt of a real provider", bounds_the_prompt_of_a_real_provider},
    {"sends each provider its own key", sends_each_provider_its_own_key},
    {"marks requests to the mock and sends it no long prompt",
     marks_requests_to_the_mock_and_sends_it_no_long_prompt},
    {"shares out calls and places among workers", shares_out_calls_and_places_among_workers},
    {"survives every allocation that fails at birth",
     survives_every_allocation_that_fails_at_birth},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo client_suite = {"client", NULL, NULL, set_up, tear_down, tests};
