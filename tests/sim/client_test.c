/* The client engine step by step, with answers that the mock never gives: streams that are over
 * while their connection stays open, and answers without text. */

#include "engine/client.h"

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
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

static void set_up(void)
{
    struct client_options options = {.scenario = &scenario, .memory = memory_heap()};
    struct error err = {0};

    arena_init(&arena, memory_heap(), 1 << 20);
    CU_ASSERT_FATAL(scenario_load(&scenario, slice_of(world_text(CLIENT, "", LOAD)), SLICE("test"),
                                  NULL, &arena, &err) == RC_OK);
    CU_ASSERT_FATAL(client_new(&client, &options, &err) == RC_OK);
}

static void tear_down(void)
{
    client_free(client);
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

static CU_TestInfo tests[] = {
    {"takes a whole answer, though the connection stays open",
     takes_a_whole_answer_though_the_connection_stays_open},
    {"takes no refusal for an answer, though the connection stays open",
     takes_no_refusal_for_an_answer_though_the_connection_stays_open},
    {"takes no empty end for an answer, though the connection stays open",
     takes_no_empty_end_for_an_answer_though_the_connection_stays_open},
    {"ends an answer without text with its attempt", ends_an_answer_without_text_with_its_attempt},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo client_suite = {"client", NULL, NULL, set_up, tear_down, tests};
