/* The socket transport against a server that counts. The heart of it: one attempt is one request on
 * the wire, whatever dies and when (design §4, "libcurl must never resend"). */

#include "curl_transport.h"

#include <CUnit/CUnit.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "raw_server.h"
#include "scenario/scenario.h"
#include "tests/support/expect.h"

enum { RECORDS_MAX = 128 };

/* One call after another on one connection; the client makes one attempt each. */
#define TWO_CALLS "{\"rate\": \"20/s\", \"process\": \"constant\", \"for\": \"100ms\"}"
#define ONE_CALL "{\"rate\": \"20/s\", \"process\": \"constant\", \"for\": \"50ms\"}"
#define MANY_CALLS "{\"rate\": \"4000/s\", \"process\": \"constant\", \"for\": \"20ms\"}"

static struct raw_server server;
static struct call_record records[RECORDS_MAX];
static uint32_t records_count;
static struct curl_transport_counts counts;

static enum rc no_files(void *context, struct slice path, struct arena *arena, struct slice *bytes,
                        struct error *err)
{
    (void)context, (void)path, (void)arena, (void)bytes;
    return error_set(err, RC_SYSTEM, "no files here");
}

static void keep_record(void *context, const struct call_record *record)
{
    (void)context;
    if (records_count < RECORDS_MAX)
        records[records_count++] = *record;
}

static void drive(const struct scenario *scenario, const char *const *origins)
{
    nanos t0 = clock_monotonic();
    struct client_options options = {.scenario = scenario,
                                     .memory = memory_heap(),
                                     .wall_unix_ns = clock_wall_unix_ns(),
                                     .marks_requests = true};
    struct curl_transport_options transport_options = {
        .origins = origins,
        .providers_count = scenario->providers_count,
        .t0 = t0,
        .in_flight_max = scenario->load.in_flight_max,
        .memory = memory_heap(),
        .on_done = keep_record,
    };
    struct curl_transport *transport = NULL;
    struct client *client = NULL;
    struct error err = {0};

    EXPECT_RC(client_new(&client, &options, &err), RC_OK);
    transport_options.client = client;
    EXPECT_RC(curl_transport_new(&transport, &transport_options, &err), RC_OK);
    curl_transport_run(transport);
    counts = curl_transport_counts(transport);
    curl_transport_free(transport);
    client_free(client);
}

/* Model m speaks to the first origin, model n to the second. */
static void play_requests_at(const char *origin, const char *other, const char *client,
                             const char *requests, const char *load)
{
    static struct scenario scenario;
    const char *origins[SCENARIO_PROVIDERS_MAX];
    struct file_reader files = {no_files, NULL};
    struct error err = {0};
    struct arena arena;
    char text[2048];

    snprintf(text, sizeof(text),
             "{\"name\": \"t\", \"subject\": {\"client\": %s},"
             "\"target\": {\"mock\": {\"models\": {\"m\": {\"api\": \"anthropic\"},"
             "\"n\": {\"api\": \"anthropic\", \"provider\": \"other\"}},"
             "\"providers\": {\"other\": {\"api\": \"anthropic\"}}}},"
             "\"load\": {\"requests\": [%s], %s, \"deadline\": \"5s\"}}",
             client, requests, load);
    records_count = 0;
    arena_init(&arena, memory_heap(), 1 << 20);
    EXPECT_RC(scenario_load(&scenario, slice_of(text), SLICE("test"), &files, &arena, &err), RC_OK);
    if (err.rc != RC_OK)
        CU_FAIL_FATAL(err.text);
    origins[scenario.models[0].provider] = origin;
    origins[scenario.models[1].provider] = other;
    drive(&scenario, origins);
    arena_deinit(&arena);
}

#define REQUEST(model) "{\"model\": \"" model "\", \"input_tokens\": 10, \"output_tokens\": 10}"

static void play_at(const char *origin, const char *other, const char *client, const char *arrivals)
{
    char load[256];

    snprintf(load, sizeof(load), "\"arrivals\": [%s], \"in_flight_max\": 128", arrivals);
    play_requests_at(origin, other, client, REQUEST("m"), load);
}

static void play(const enum raw_act *script, const char *client, const char *arrivals)
{
    CU_ASSERT_FATAL(raw_server_start(&server, script));
    play_at(server.origin, NULL, client, arrivals);
    raw_server_stop(&server);
}

static uint64_t attempts_made(void)
{
    uint64_t made = 0;

    for (uint32_t i = 0; i < records_count; i++)
        made += records[i].attempts_count;
    return made;
}

#define SCRIPT(...) ((const enum raw_act[]){__VA_ARGS__, RAW_END})
#define NONE "{\"preset\": \"none\"}"
#define TWICE "{\"preset\": \"none\", \"retry\": {\"attempts\": 2, \"on\": [\"network\"]}}"

/* --- never resending -------------------------------------------------------------------------- */

static void a_reset_on_a_reused_connection_is_one_request(void)
{
    play(SCRIPT(RAW_ANSWER, RAW_RST), NONE, TWO_CALLS);
    EXPECT_U64(records_count, 2);
    EXPECT_U64(server.reused, 1);
    EXPECT_U64(server.requests, 2); /* bare libcurl makes it 3 and reports no error */
    EXPECT_U64(records[0].outcome, OUTCOME_OK);
    EXPECT_U64(records[1].outcome, OUTCOME_RESET_BEFORE);
    EXPECT_U64(counts.resends_refused, 1);
}

static void an_end_on_a_reused_connection_is_one_request(void)
{
    play(SCRIPT(RAW_ANSWER, RAW_FIN), NONE, TWO_CALLS);
    EXPECT_U64(records_count, 2);
    EXPECT_U64(server.reused, 1);
    EXPECT_U64(server.requests, 2);
    EXPECT_U64(records[0].outcome, OUTCOME_OK);
    EXPECT_U64(records[1].outcome, OUTCOME_RESET_BEFORE);
    EXPECT_U64(counts.resends_refused, 1);
}

static void what_the_policy_sends_again_is_counted_on_both_sides(void)
{
    play(SCRIPT(RAW_ANSWER, RAW_RST), TWICE, TWO_CALLS);
    EXPECT_U64(records_count, 2);
    EXPECT_U64(server.requests, 3);
    EXPECT_U64(attempts_made(), 3);
    EXPECT_U64(records[1].outcome, OUTCOME_OK);
    EXPECT_U64(records[1].attempts[0].outcome, OUTCOME_RESET_BEFORE);
}

/* --- ends of an attempt ----------------------------------------------------------------------- */

static void a_reset_on_a_fresh_connection_ends_the_attempt(void)
{
    play(SCRIPT(RAW_RST), NONE, ONE_CALL);
    EXPECT_U64(records[0].outcome, OUTCOME_RESET_BEFORE);
    EXPECT_U64(server.requests, 1);
}

static void an_end_on_a_fresh_connection_ends_the_attempt(void)
{
    play(SCRIPT(RAW_FIN), NONE, ONE_CALL);
    EXPECT_U64(records[0].outcome, OUTCOME_RESET_BEFORE);
    EXPECT_U64(server.requests, 1);
}

static void a_chunked_body_without_its_last_chunk_is_not_whole(void)
{
    play(SCRIPT(RAW_CHUNKED_CUT), NONE, ONE_CALL);
    EXPECT_U64(records[0].outcome, OUTCOME_TRUNCATED);
    EXPECT_U64(records[0].attempts[0].status, 200);
}

static void half_a_head_is_no_answer(void)
{
    play(SCRIPT(RAW_HEAD_CUT), NONE, ONE_CALL);
    CU_ASSERT(records[0].outcome != OUTCOME_OK);
    EXPECT_U64(server.requests, 1);
}

static void an_interim_answer_is_passed_over(void)
{
    play(SCRIPT(RAW_CONTINUE), NONE, TWO_CALLS);
    EXPECT_U64(records[0].outcome, OUTCOME_OK);
    EXPECT_U64(records[1].outcome, OUTCOME_OK);
    EXPECT_U64(records[1].attempts[0].status, 200);
}

static void nobody_listening_is_a_refused_connection(void)
{
    char origin[sizeof(server.origin)];

    CU_ASSERT_FATAL(raw_server_start(&server, SCRIPT(RAW_ANSWER)));
    memcpy(origin, server.origin, sizeof(origin));
    raw_server_stop(&server); /* the port was ours a moment ago: nobody has it */
    play_at(origin, NULL, NONE, ONE_CALL);
    EXPECT_U64(records[0].outcome, OUTCOME_CONNECT);
    EXPECT_I64(records[0].attempts[0].sent_at, NANOS_NEVER);
}

/* --- cancel, lanes, order --------------------------------------------------------------------- */

static void the_server_sees_a_cancelled_client_leave(void)
{
    play(SCRIPT(RAW_SILENCE), "{\"preset\": \"none\", \"timeouts\": {\"attempt\": \"50ms\"}}",
         ONE_CALL);
    EXPECT_U64(records[0].outcome, OUTCOME_TIMEOUT_ATTEMPT);
    EXPECT_U64(server.left, 1);
}

/* A listener whose queue is full: whoever connects now waits. Returns the sockets to be closed. */
static void open_black_hole(int sockets[3], char *origin, size_t capacity)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    for (int i = 0; i < 3; i++)
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CU_ASSERT_FATAL(bind(sockets[0], (struct sockaddr *)&address, size) == 0);
    CU_ASSERT_FATAL(listen(sockets[0], 0) == 0);
    CU_ASSERT_FATAL(getsockname(sockets[0], (struct sockaddr *)&address, &size) == 0);
    for (int i = 1; i < 3; i++)
        (void)connect(sockets[i], (struct sockaddr *)&address, size);
    snprintf(origin, capacity, "http://127.0.0.1:%u", ntohs(address.sin_port));
}

/* libcurl closes a socket that never connected without a word; its number is the next one's. */
static void a_connection_that_never_came_leaves_nothing_behind(void)
{
    const char *client = "{\"preset\": \"none\", \"timeouts\": {\"connect\": \"50ms\"},"
                         "\"retry\": {\"attempts\": 2, \"on\": [\"timeout\"]},"
                         "\"fallback\": [{\"on\": [\"timeout\"], \"to\": \"n\"}]}";
    char origin[64];
    int sockets[3];

    open_black_hole(sockets, origin, sizeof(origin));
    CU_ASSERT_FATAL(raw_server_start(&server, SCRIPT(RAW_ANSWER)));
    play_at(origin, server.origin, client, ONE_CALL);
    raw_server_stop(&server);
    for (int i = 0; i < 3; i++)
        close(sockets[i]);
    EXPECT_U64(records[0].attempts[0].outcome, OUTCOME_TIMEOUT_CONNECT);
    EXPECT_U64(records[0].outcome, OUTCOME_OK);
    EXPECT_U64(server.requests, 1);
}

static void many_calls_fill_many_lanes_and_reuse_connections(void)
{
    play(SCRIPT(RAW_ANSWER), NONE, MANY_CALLS);
    EXPECT_U64(records_count, 80);
    for (uint32_t i = 0; i < records_count; i++)
        EXPECT_U64(records[i].outcome, OUTCOME_OK);
    EXPECT_U64(server.requests, 80);
    EXPECT_U64(server.connections, counts.connections_opened);
    EXPECT_U64(server.reused + server.connections, 80);
}

/* A provider's idle connections never make room for another's. */
static void providers_do_not_share_lanes(void)
{
    static struct raw_server other;

    CU_ASSERT_FATAL(raw_server_start(&server, SCRIPT(RAW_ANSWER)));
    CU_ASSERT_FATAL(raw_server_start(&other, SCRIPT(RAW_ANSWER)));
    play_requests_at(server.origin, other.origin, NONE, REQUEST("m") ", " REQUEST("n"),
                     "\"arrivals\": [{\"rate\": \"100000/s\", \"process\": \"constant\","
                     " \"for\": \"8ms\"}], \"in_flight_max\": 32");
    raw_server_stop(&server);
    raw_server_stop(&other);
    EXPECT_U64(server.requests + other.requests, 800);
    CU_ASSERT(server.requests > 300 && other.requests > 300);
    CU_ASSERT(server.connections <= 32);
    CU_ASSERT(other.connections <= 32);
}

static void a_base_url_may_have_a_path(void)
{
    char origin[sizeof(server.origin) + 8];

    CU_ASSERT_FATAL(raw_server_start(&server, SCRIPT(RAW_ANSWER)));
    snprintf(origin, sizeof(origin), "%s/proxy", server.origin);
    play_at(origin, NULL, NONE, ONE_CALL);
    raw_server_stop(&server);
    EXPECT_U64(records[0].outcome, OUTCOME_OK);
    CU_ASSERT(slice_starts_with(slice_of(server.first_line), SLICE("POST /proxy/v1/messages ")));
}

static void the_instants_of_an_attempt_stand_in_their_order(void)
{
    const struct attempt_record *attempt = &records[0].attempts[0];

    play(SCRIPT(RAW_ANSWER), NONE, ONE_CALL);
    CU_ASSERT(records[0].due_at <= attempt->handed_at);
    CU_ASSERT(attempt->handed_at <= attempt->sent_at);
    CU_ASSERT(attempt->sent_at <= attempt->first_byte_at);
    CU_ASSERT(attempt->first_byte_at <= attempt->last_content_at);
    CU_ASSERT(attempt->last_content_at <= attempt->ended_at);
}

static int start_libcurl(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}

static int end_libcurl(void)
{
    curl_global_cleanup();
    return 0;
}

static CU_TestInfo tests[] = {
    {"a reset on a reused connection is one request, not two",
     a_reset_on_a_reused_connection_is_one_request},
    {"an orderly end on a reused connection is one request, not two",
     an_end_on_a_reused_connection_is_one_request},
    {"what the policy sends again is counted alike on both sides",
     what_the_policy_sends_again_is_counted_on_both_sides},
    {"a reset on a fresh connection ends the attempt",
     a_reset_on_a_fresh_connection_ends_the_attempt},
    {"an orderly end on a fresh connection ends the attempt",
     an_end_on_a_fresh_connection_ends_the_attempt},
    {"a chunked body without its last chunk is not whole",
     a_chunked_body_without_its_last_chunk_is_not_whole},
    {"half a head is no answer", half_a_head_is_no_answer},
    {"an interim answer is passed over", an_interim_answer_is_passed_over},
    {"nobody listening is a refused connection", nobody_listening_is_a_refused_connection},
    {"the server sees a cancelled client leave", the_server_sees_a_cancelled_client_leave},
    {"a connection that never came leaves nothing behind",
     a_connection_that_never_came_leaves_nothing_behind},
    {"many calls fill many lanes and reuse connections",
     many_calls_fill_many_lanes_and_reuse_connections},
    {"providers do not share lanes", providers_do_not_share_lanes},
    {"a base URL may have a path", a_base_url_may_have_a_path},
    {"the instants of an attempt stand in their order",
     the_instants_of_an_attempt_stand_in_their_order},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo curl_transport_suite = {
    "curl_transport", start_libcurl, end_libcurl, NULL, NULL, tests};
