/* Faults of connections in the simulator, as timelines. Calls come a second apart; each asks for
 * three tokens, at 100, 200 and 300 ms after it arrived. Latency is 1 ms, connecting takes no time.
 */

#include <CUnit/CUnit.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/world.h"

#define CALLS(rate, seconds)                                                          \
    "{\"requests\": [{\"model\": \"claude\", \"stream\": true, \"input_tokens\": 10," \
    " \"output_tokens\": 3}], \"deadline\": \"10s\", \"drain\": \"10s\","             \
    " \"arrivals\": [{\"part\": \"one\", \"rate\": \"" rate "\", \"for\": \"" seconds "\"}]}"

#define ONCE "{\"preset\": \"none\", \"timeouts\": {\"call\": \"5s\"}}"

/* Waits that no jitter blurs. */
#define RETRIES                                                                                 \
    "{\"preset\": \"careful\", \"retry\": {\"attempts\": 4, \"backoff\": {\"base\": \"500ms\"," \
    " \"factor\": 2, \"cap\": \"8s\", \"jitter\": \"none\"}}, \"timeouts\": {\"call\": "        \
    "\"9500ms\"}}"

/* A window of a second in which connections go wrong like that. */
#define WIRES(fault)                                                                              \
    "[{\"phase\": \"wires\", \"at\": \"0s\", \"for\": \"1s\", \"fault\": {\"connection\": " fault \
    "}}]"

static struct world_run world;

/* The first journal record of a connection without a request. */
static const struct journal_record *noted(void)
{
    for (uint32_t i = 0; i < world.journal_count; i++)
        if (world.journal[i].kind == JOURNAL_CONNECTION)
            return &world.journal[i];
    return NULL;
}

static uint32_t requests(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world.journal_count; i++)
        count += world.journal[i].kind == JOURNAL_GENERATE;
    return count;
}

static void expect_note(const char *what)
{
    const struct journal_record *note = noted();

    CU_ASSERT_PTR_NOT_NULL_FATAL(note);
    CU_ASSERT_STRING_EQUAL(note->plan, what);
    EXPECT_I64(note->rule, 0);
    EXPECT_U64(note->status, 0);
}

static void a_refused_connection_is_tried_again(void)
{
    world_run(&world, world_text(RETRIES, WIRES("\"refused\""), CALLS("1/s", "1s")));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "   500ms  one:0 send 2\n"
                         "  1500ms  one:0 send 3\n"
                         "  1552ms  one:0 answered 200\n"
                         "  1802ms  one:0 ok\n");
    EXPECT_U64(world.calls[0].attempts[0].outcome, OUTCOME_CONNECT);
    EXPECT_I64(world.calls[0].attempts[0].sent_at, NANOS_NEVER);
    EXPECT_U64(requests(), 1);
    CU_ASSERT_PTR_NULL(noted()); /* nobody was there to see it */
}

static void a_closed_connection_ends_before_any_answer(void)
{
    world_run(&world, world_text(ONCE, WIRES("\"closed\""), CALLS("1/s", "1s")));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "     1ms  one:0 reset_before\n");
    EXPECT_U64(requests(), 0);
    expect_note("connection closed");
}

static void a_reset_connection_does_too(void)
{
    world_run(&world, world_text(ONCE, WIRES("\"reset\""), CALLS("1/s", "1s")));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "     1ms  one:0 reset_before\n");
    expect_note("connection reset");
}

static void a_share_of_refused_connections_is_reset(void)
{
    world_run(&world,
              world_text(ONCE,
                         "[{\"phase\": \"wires\", \"at\": \"0s\", \"for\": \"1h\", \"share\": "
                         "\"50%\", \"fault\": {\"connection\": \"refused\"}}]",
                         CALLS("100/s", "200ms")));
    expect_note("connection refused");
    CU_ASSERT(requests() > 0);
    CU_ASSERT(requests() < 20);
    for (uint32_t i = 0; i < world.calls_count; i++)
        CU_ASSERT(world.calls[i].outcome == OUTCOME_OK ||
                  world.calls[i].outcome == OUTCOME_RESET_BEFORE);
}

static void a_silent_connection_hangs_until_the_client_leaves(void)
{
    world_run(&world, world_text(ONCE, WIRES("\"silent\""), CALLS("1/s", "1s")));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "  5000ms  one:0 cancel 1\n"
                         "  5000ms  one:0 timeout_call\n");
    EXPECT_U64(requests(), 0);
    expect_note("connection silent");
}

static void a_slow_accept_delays_the_request(void)
{
    world_run(&world, world_text(ONCE, WIRES("{\"slow\": \"2s\"}"), CALLS("1/s", "1s")));
    world_expect(&world, "     0ms  one:0 send 1\n"
                         "  2051ms  one:0 answered 200\n"
                         "  2301ms  one:0 ok\n");
    EXPECT_I64(world.calls[0].attempts[0].sent_at, 0);
    expect_note("connection accepted late");
}

/* Ten calls in a second, one client slot after another: each request stays its own. */
static void slow_accepts_do_not_mix_requests_up(void)
{
    world_run(&world, world_text("{\"preset\": \"none\", \"timeouts\": {\"call\": \"1500ms\"}}",
                                 WIRES("{\"slow\": \"2s\"}"), CALLS("10/s", "3s")));
    EXPECT_U64(world.calls_count, 30);
    EXPECT_U64(requests(), 30); /* those given up are read, too: nobody waits for their answer */
    for (uint32_t i = 0; i < world.journal_count; i++)
        if (world.journal[i].kind == JOURNAL_GENERATE)
            CU_ASSERT(world.journal[i].closed_by == CLOSED_WHOLE ||
                      world.journal[i].closed_by == CLOSED_CLIENT);
}

/* The connection of the first call is closed half a second after its answer, at 799 ms; the second
 * call opens another. */
static void an_idle_connection_that_was_closed_is_not_used_again(void)
{
    world_run(&world, world_text(ONCE, WIRES("{\"idle_closed\": {\"after\": \"500ms\"}}"),
                                 CALLS("1/s", "2s")));
    EXPECT_U64(requests(), 2);
    CU_ASSERT(world.journal[0].connection != world.journal[2].connection);
    EXPECT_U64(world.calls[1].outcome, OUTCOME_OK);
    expect_note("idle connection closed");
}

static void one_that_was_closed_silently_swallows_the_next_request(void)
{
    world_run(&world, world_text(ONCE,
                                 WIRES("{\"idle_closed\": {\"after\": \"500ms\", \"by\": "
                                       "\"silent\"}}"),
                                 CALLS("1/s", "2s")));
    EXPECT_U64(requests(), 1);
    EXPECT_U64(world.calls[1].outcome, OUTCOME_TIMEOUT_CALL);
    expect_note("idle connection silent");
}

/* It is closed at 999 ms, one after the client knows it 1 ms too late: the request of 1,000 ms is
 * under way by then. */
static void a_request_that_crosses_the_close_is_reset(void)
{
    world_run(&world, world_text(ONCE,
                                 WIRES("{\"idle_closed\": {\"after\": \"699ms\", \"by\": "
                                       "\"rst\"}}"),
                                 CALLS("1/s", "2s")));
    EXPECT_U64(requests(), 1);
    EXPECT_U64(world.calls[1].outcome, OUTCOME_RESET_BEFORE);
    EXPECT_I64(world.calls[1].ended_at, 1002 * NANOS_MS);
    expect_note("idle connection reset");
}

static void an_idle_connection_in_use_again_in_time_is_kept(void)
{
    world_run(&world, world_text(ONCE, WIRES("{\"idle_closed\": {\"after\": \"900ms\"}}"),
                                 CALLS("1/s", "5s")));
    EXPECT_U64(requests(), 5);
    for (uint32_t i = 0; i < world.journal_count; i++)
        EXPECT_U64(world.journal[i].connection, 1);
}

/* Ten calls at a time, and three connections: seven are reset. */
static void more_connections_than_the_limit_are_reset(void)
{
    world_run(&world, world_text(ONCE, WIRES("{\"limit\": 3}"), CALLS("100/s", "100ms")));
    EXPECT_U64(requests(), 3);
    EXPECT_U64(world.calls_count, 10);
    expect_note("connection reset");
}

static void connections_that_ended_make_room(void)
{
    world_run(&world, world_text("{\"preset\": \"none\", \"timeouts\": {\"call\": \"50ms\"}}",
                                 WIRES("{\"limit\": 1}"), CALLS("10/s", "1s")));
    EXPECT_U64(requests(), 10); /* each was given up before the next came */
}

static void the_same_connections_fail_in_both_ways_to_travel(void)
{
    const char *chaos = "[{\"phase\": \"wires\", \"at\": \"0s\", \"for\": \"1h\", \"share\": "
                        "\"30%\", \"fault\": {\"connection\": \"reset\"}}]";
    struct world_run bytes = {0};

    world_run(&world, world_text(RETRIES, chaos, CALLS("20/s", "10s")));
    if (world_load(&bytes, world_text(RETRIES, chaos, CALLS("20/s", "10s")))) {
        bytes.writes_bytes = true;
        world_simulate(&bytes);
    }
    CU_ASSERT(slice_is(buffer_slice(&world.timeline), buffer_slice(&bytes.timeline)));
    EXPECT_U64(world.journal_count, bytes.journal_count);
    world_close(&bytes);
}

static void tear_down(void)
{
    world_close(&world);
}

static CU_TestInfo tests[] = {
    {"a refused connection is tried again", a_refused_connection_is_tried_again},
    {"a closed connection ends before any answer", a_closed_connection_ends_before_any_answer},
    {"a reset connection does, too", a_reset_connection_does_too},
    {"a share of refused connections is reset", a_share_of_refused_connections_is_reset},
    {"a silent connection hangs until the client leaves",
     a_silent_connection_hangs_until_the_client_leaves},
    {"a slow accept delays the request", a_slow_accept_delays_the_request},
    {"slow accepts do not mix requests up", slow_accepts_do_not_mix_requests_up},
    {"an idle connection that was closed is not used again",
     an_idle_connection_that_was_closed_is_not_used_again},
    {"one that was closed silently swallows the next request",
     one_that_was_closed_silently_swallows_the_next_request},
    {"a request that crosses the close is reset", a_request_that_crosses_the_close_is_reset},
    {"an idle connection in use again in time is kept",
     an_idle_connection_in_use_again_in_time_is_kept},
    {"more connections than the limit are reset", more_connections_than_the_limit_are_reset},
    {"connections that ended make room", connections_that_ended_make_room},
    {"the same connections fail in both ways to travel",
     the_same_connections_fail_in_both_ways_to_travel},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo connections_suite = {"connections", NULL, NULL, NULL, tear_down, tests};
