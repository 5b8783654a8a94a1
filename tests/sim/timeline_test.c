/* Behaviour over time, as timelines a person can read: the client's policy against the upstream's
 * faults, in the simulator. One call asks for three tokens: at 100, 200 and 300 ms after it
 * arrived. */

#include <CUnit/CUnit.h>
#include <stdio.h>

#include "tests/support/expect.h"
#include "tests/support/world.h"

#define ONE_CALL                                                                      \
    "{\"requests\": [{\"model\": \"claude\", \"stream\": true, \"input_tokens\": 10," \
    " \"output_tokens\": 3}], \"deadline\": \"10s\", \"drain\": \"10s\","             \
    " \"arrivals\": [{\"part\": \"one\", \"rate\": \"1/s\", \"for\": \"1s\"}]}"

#define PLAIN "{\"preset\": \"none\"}"

/* Waits that no jitter blurs. */
#define RETRIES                                                                                 \
    "{\"preset\": \"careful\", \"retry\": {\"attempts\": 4, \"backoff\": {\"base\": \"500ms\"," \
    " \"factor\": 2, \"cap\": \"8s\", \"jitter\": \"none\"}}, \"timeouts\": {\"call\": "        \
    "\"9500ms\"}}"

#define PHASE(fault)                                                                             \
    "[{\"phase\": \"bad\", \"at\": \"0s\", \"for\": \"1h\", \"match\": {\"model\": \"claude\"}," \
    " \"fault\": " fault "}]"

static struct world_run world;

static void answers_a_stream_token_by_token(void)
{
    world_run(&world, world_text(PLAIN, "", ONE_CALL));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "    52ms  one:0 answered 200\n"
                         "   302ms  one:0 ok\n");
    EXPECT_I64(world.calls[0].attempts[0].first_byte_at, 52 * NANOS_MS);
    EXPECT_I64(world.calls[0].attempts[0].first_token_at, 102 * NANOS_MS);
    EXPECT_I64(world.calls[0].attempts[0].last_content_at, 302 * NANOS_MS);
    EXPECT_I64(world.calls[0].attempts[0].gap_max, 100 * NANOS_MS);
    EXPECT_U64(world.calls[0].usage.output_tokens, 3);
    EXPECT_U64(world.journal_count, 1);
    CU_ASSERT(world.journal[0].is_complete);
    EXPECT_I64(world.journal[0].closed_by, CLOSED_WHOLE);
}

static void waits_as_long_as_it_was_advised_then_retries(void)
{
    world_run(&world,
              world_text(RETRIES, PHASE("[{\"status\": 429, \"retry_after\": \"1.5s\"}, \"ok\"]"),
                         ONE_CALL));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "     2ms  one:0 answered 429\n"
                         "  1502ms  one:0 send 2\n"
                         "  1554ms  one:0 answered 200\n"
                         "  1804ms  one:0 ok\n");
    EXPECT_I64(world.calls[0].wait_max, 1500 * NANOS_MS);
}

static void reads_a_date_by_the_servers_clock(void)
{
    world_run(&world,
              world_text(RETRIES,
                         PHASE("[{\"status\": 429, \"retry_after\": {\"date\": \"2s\"}}, \"ok\"]"),
                         ONE_CALL));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "     2ms  one:0 answered 429\n"
                         "  2002ms  one:0 send 2\n"
                         "  2054ms  one:0 answered 200\n"
                         "  2304ms  one:0 ok\n");
    EXPECT_I64(world.journal[0].advice_wait, 1999 * NANOS_MS); /* by the mock's own, as of 1 ms */
}

static void backs_off_and_doubles_when_nobody_advises(void)
{
    world_run(&world, world_text(RETRIES, PHASE("{\"status\": 529}"), ONE_CALL));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "     2ms  one:0 answered 529\n"
                         "   502ms  one:0 send 2\n"
                         "   504ms  one:0 answered 529\n"
                         "  1504ms  one:0 send 3\n"
                         "  1506ms  one:0 answered 529\n"
                         "  3506ms  one:0 send 4\n"
                         "  3508ms  one:0 answered 529\n"
                         "  3508ms  one:0 overloaded\n");
}

static void gives_up_at_once_on_advice_beyond_its_deadline(void)
{
    world_run(&world, world_text(RETRIES, PHASE("{\"status\": 429, \"retry_after\": \"3600s\"}"),
                                 ONE_CALL));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "     2ms  one:0 answered 429\n"
                         "     2ms  one:0 rate_limited\n");
}

static void never_retries_a_permanent_refusal(void)
{
    world_run(&world, world_text(RETRIES, PHASE("{\"context_window\": 5}"), ONE_CALL));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "     2ms  one:0 answered 400\n"
                         "     2ms  one:0 context_length\n");
}

static void falls_back_at_once_when_the_model_is_overloaded(void)
{
    const char *client = "{\"preset\": \"careful\", \"fallback\": [{\"on\": [529], \"after\": 1,"
                         " \"to\": \"gpt\"}]}";

    world_run(&world, world_text(client, PHASE("{\"status\": 529}"), ONE_CALL));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "     2ms  one:0 answered 529\n"
                         "     2ms  one:0 send 2\n"
                         "    54ms  one:0 answered 200\n"
                         "   304ms  one:0 ok\n");
    CU_ASSERT(world.calls[0].attempts[1].is_fallback);
    CU_ASSERT(world.calls[0].model_answered != world.calls[0].model_asked);
}

/* It takes the same place, and its first attempt bears the same number. */
static void never_hands_a_late_answer_to_the_next_call(void)
{
    const char *client = "{\"preset\": \"none\", \"timeouts\": {\"call\": \"101500us\"}}";
    const char *load = "{\"requests\": [{\"model\": \"claude\", \"input_tokens\": 10,"
                       " \"output_tokens\": 1}], \"in_flight_max\": 1, \"arrivals\":"
                       " [{\"part\": \"one\", \"rate\": \"10/s\", \"for\": \"200ms\"}]}";

    world_run(&world, world_text(client, "", load));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "   101ms  one:0 cancel 1\n"
                         "   101ms  one:0 timeout_call\n"
                         "   101ms  one:1 send 1\n"
                         "   201ms  one:1 cancel 1\n"
                         "   201ms  one:1 timeout_call\n");
}

/* The article's loop of three around an SDK of three, as design §13 says. */
static void makes_nine_attempts_out_of_three_times_three(void)
{
    const char *patient =
        "{\"requests\": [{\"model\": \"claude\", \"stream\": true, \"input_tokens\": 10,"
        " \"output_tokens\": 3}], \"drain\": \"30s\","
        " \"arrivals\": [{\"part\": \"one\", \"rate\": \"1/s\", \"for\": \"1s\"}]}";

    world_run(&world, world_text("{\"preset\": \"guide\"}", PHASE("{\"status\": 529}"), patient));
    EXPECT_U64(world.calls_count, 1);
    EXPECT_U64(world.calls[0].attempts_count, 9);
    EXPECT_I64(world.calls[0].outcome, OUTCOME_OVERLOADED);
    EXPECT_U64(world.journal_count, 9);
}

static void crashes_on_advice_that_int_cannot_read(void)
{
    world_run(&world, world_text("{\"preset\": \"guide\"}",
                                 PHASE("{\"status\": 429, \"retry_after\": \"1.5s\"}"), ONE_CALL));
    EXPECT_U64(world.calls[0].attempts_count, 3);
    EXPECT_I64(world.calls[0].outcome, OUTCOME_CLIENT_CRASH);
}

static void obeys_an_hour_until_the_run_is_cut(void)
{
    world_run(&world, world_text("{\"preset\": \"guide\"}",
                                 PHASE("{\"status\": 429, \"retry_after\": \"3600s\"}"), ONE_CALL));
    EXPECT_I64(world.calls[0].outcome, OUTCOME_UNFINISHED);
    EXPECT_I64(world.calls[0].pending, PENDING_WAIT);
    EXPECT_I64(world.result.ended_at, 10 * NANOS_S);
}

static void leaves_a_stalled_stream_at_its_own_limit(void)
{
    const char *client = "{\"preset\": \"none\", \"timeouts\": {\"between_tokens\": \"2s\"}}";

    world_run(&world, world_text(client, PHASE("{\"stall\": {\"after_tokens\": 2}}"), ONE_CALL));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "    52ms  one:0 answered 200\n"
                         "  2202ms  one:0 cancel 1\n"
                         "  2202ms  one:0 timeout_stall\n");
    EXPECT_I64(world.journal[0].closed_by, CLOSED_CLIENT);
    EXPECT_U64(world.journal[0].tokens_written, 2);
}

static void leaves_a_model_that_never_begins(void)
{
    const char *client = "{\"preset\": \"none\", \"timeouts\": {\"first_token\": \"1s\"}}";

    world_run(&world, world_text(client, PHASE("{\"late_first_token\": \"5s\"}"), ONE_CALL));
    EXPECT_I64(world.calls[0].outcome, OUTCOME_TIMEOUT_FIRST_TOKEN);
    EXPECT_I64(world.calls[0].ended_at, NANOS_S);
}

static void never_calls_a_cut_stream_an_answer(void)
{
    static const char *const ways[] = {"end", "fin", "rst"};
    static const enum outcome outcomes[] = {OUTCOME_TRUNCATED, OUTCOME_TRUNCATED,
                                            OUTCOME_RESET_AFTER};

    for (int i = 0; i < 3; i++) {
        char chaos[200];

        snprintf(chaos, sizeof(chaos),
                 "[{\"phase\": \"bad\", \"at\": \"0s\", \"for\": \"1h\", \"fault\":"
                 " {\"cut\": {\"after_tokens\": 2, \"by\": \"%s\"}}}]",
                 ways[i]);
        world_close(&world);
        world_run(&world, world_text(PLAIN, chaos, ONE_CALL));
        EXPECT_I64(world.calls[0].outcome, outcomes[i]);
        CU_ASSERT(!world.journal[0].is_complete);
    }
}

static void calls_a_dead_connection_by_its_name(void)
{
    world_run(&world, world_text(PLAIN, PHASE("{\"reset\": \"rst\"}"), ONE_CALL));
    EXPECT_I64(world.calls[0].outcome, OUTCOME_RESET_BEFORE);
    EXPECT_I64(world.journal[0].closed_by, CLOSED_FAULT);
}

/* Two places, ten calls at once: eight wait, and their wait is send lag, counted from the due. */
static void counts_the_wait_for_a_place_as_send_lag(void)
{
    const char *load =
        "{\"requests\": [{\"model\": \"claude\", \"stream\": false, \"input_tokens\": 10,"
        " \"output_tokens\": 1}], \"in_flight_max\": 2, \"deadline\": \"10s\","
        " \"arrivals\": [{\"part\": \"burst\", \"rate\": \"10000/s\", \"for\": \"1ms\"}]}";
    nanos lag_max = 0;

    world_run(&world, world_text(PLAIN, "", load));
    EXPECT_U64(world.calls_count, 10);
    for (uint32_t i = 0; i < world.calls_count; i++)
        lag_max = nanos_max(lag_max, world.calls[i].attempts[0].handed_at - world.calls[i].due_at);
    CU_ASSERT(lag_max > 400 * NANOS_MS); /* four rounds of 102 ms before the last */
}

static void ends_every_call_that_is_open_at_the_cut(void)
{
    const char *load =
        "{\"requests\": [{\"model\": \"claude\", \"stream\": true, \"input_tokens\": 10,"
        " \"output_tokens\": 1000}], \"in_flight_max\": 2, \"deadline\": \"1s\", \"drain\": \"1s\","
        " \"arrivals\": [{\"part\": \"burst\", \"rate\": \"1000/s\", \"for\": \"5ms\"}]}";

    world_run(&world, world_text(PLAIN, "", load));
    EXPECT_U64(world.calls_count, 5); /* two were under way, three never found a place */
    for (uint32_t i = 0; i < world.calls_count; i++) {
        EXPECT_I64(world.calls[i].outcome, OUTCOME_UNFINISHED);
        EXPECT_I64(world.calls[i].pending, i < 2 ? PENDING_ATTEMPT : PENDING_WAIT);
    }
}

static void gives_the_same_bytes_for_the_same_seed(void)
{
    const char *load =
        "{\"requests\": [{\"model\": \"claude\", \"stream\": true, \"input_tokens\": 10,"
        " \"output_tokens\": {\"p50\": 5, \"p99\": 40}}], \"deadline\": \"10s\","
        " \"arrivals\": [{\"part\": \"p\", \"rate\": \"50/s\", \"process\": \"poisson\","
        " \"for\": \"5s\"}]}";
    const char *chaos = "[{\"phase\": \"bad\", \"at\": \"1s\", \"for\": \"2s\", \"share\": \"50%\","
                        " \"fault\": {\"status\": 529}}]";
    struct world_run again;

    world_run(&world, world_text("{\"preset\": \"careful\"}", chaos, load));
    world_run(&again, world_text("{\"preset\": \"careful\"}", chaos, load));
    CU_ASSERT(world.timeline.size > 1000);
    CU_ASSERT(slice_is(buffer_slice(&world.timeline), buffer_slice(&again.timeline)));
    world_close(&again);
}

static void tear_down(void)
{
    world_close(&world);
}

static CU_TestInfo tests[] = {
    {"answers a stream token by token", answers_a_stream_token_by_token},
    {"waits as long as it was advised, then retries", waits_as_long_as_it_was_advised_then_retries},
    {"reads a date by the server's clock", reads_a_date_by_the_servers_clock},
    {"backs off and doubles when nobody advises", backs_off_and_doubles_when_nobody_advises},
    {"gives up at once on advice beyond its deadline",
     gives_up_at_once_on_advice_beyond_its_deadline},
    {"never retries a permanent refusal", never_retries_a_permanent_refusal},
    {"falls back at once when the model is overloaded",
     falls_back_at_once_when_the_model_is_overloaded},
    {"makes nine attempts out of three times three", makes_nine_attempts_out_of_three_times_three},
    {"crashes on advice that int() cannot read", crashes_on_advice_that_int_cannot_read},
    {"obeys an hour until the run is cut", obeys_an_hour_until_the_run_is_cut},
    {"leaves a stalled stream at its own limit", leaves_a_stalled_stream_at_its_own_limit},
    {"leaves a model that never begins", leaves_a_model_that_never_begins},
    {"never calls a cut stream an answer", never_calls_a_cut_stream_an_answer},
    {"calls a dead connection by its name", calls_a_dead_connection_by_its_name},
    {"counts the wait for a place as send lag", counts_the_wait_for_a_place_as_send_lag},
    {"never hands a late answer to the next call", never_hands_a_late_answer_to_the_next_call},
    {"ends every call that is open at the cut", ends_every_call_that_is_open_at_the_cut},
    {"gives the same bytes for the same seed", gives_the_same_bytes_for_the_same_seed},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo timeline_suite = {"timeline", NULL, NULL, NULL, tear_down, tests};
