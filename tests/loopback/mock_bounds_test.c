/* brownout-mock and clients that are slow, greedy, many, or not allowed: what it holds stays
 * bounded, and who behaves is served meanwhile. Nothing sleeps: --patience makes the waits short
 * enough to be waited for. */

#include <CUnit/CUnit.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/loopback/mock_child.h"
#include "tests/support/expect.h"

static const char scenario[] =
    "{ \"name\": \"bounds\", \"seed\": 1, \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
    "  \"target\": {\"mock\": {\"models\": {\n"
    "    \"claude\": {\"api\": \"anthropic\", \"first_token\": \"1ms\",\n"
    "               \"rate\": \"1000000000 tokens/s\"},\n"
    "    \"held\": {\"api\": \"anthropic\", \"first_token\": \"10h\", \"rate\": \"1 "
    "tokens/s\"}}}},\n"
    "  \"load\": {\"requests\": [{\"model\": \"claude\", \"input_tokens\": 10,\n"
    "                           \"output_tokens\": 5}],\n"
    "           \"arrivals\": [{\"part\": \"steady\", \"rate\": \"1/s\", \"for\": \"1s\"}]}}\n";

static struct mock_child mock;

static void start_with(const char *const *arguments)
{
    mock_child_start(&mock, &(struct mock_child_options){scenario, arguments, 0});
}

static void set_up(void)
{
    mock_child_clear(&mock);
}

static void tear_down(void)
{
    mock_child_close(&mock);
}

static bool is_served(void)
{
    struct incoming client;
    bool is_good;

    mock_child_connect(&mock, "anthropic", &client);
    is_good = incoming_asks(&client, ask_whole("claude")) &&
              incoming_said(&client, "HTTP/1.1 200 OK\r\n");
    incoming_close(&client);
    return is_good;
}

/* --- slow ------------------------------------------------------------------------------------- */

static void a_head_that_does_not_come_to_its_end_is_given_up(void)
{
    struct incoming client;

    start_with((const char *[]){"--patience", "500ms", NULL});
    mock_child_connect(&mock, "anthropic", &client);
    incoming_say(&client, "POST /v1/messages HTTP/1.1\r\nhost: mo");
    CU_ASSERT(is_served());
    CU_ASSERT(incoming_to_end(&client) == ENDED);
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 408 Request Timeout\r\n"));
    incoming_close(&client);
}

/* A byte every now and then buys no time: it counts from the first byte of the head. */
static void a_head_that_trickles_is_given_up_all_the_same(void)
{
    struct pollfd said = {.events = POLLIN};
    struct incoming client;
    int bytes = 0;

    start_with((const char *[]){"--patience", "100ms", NULL});
    mock_child_connect(&mock, "anthropic", &client);
    said.fd = client.fd;
    incoming_say(&client, "POST /v1/messages HTTP/1.1\r\nx: ");
    while (is_served() && poll(&said, 1, 0) == 0) {
        incoming_say(&client, "y");
        bytes++;
    }
    CU_ASSERT(bytes > 0);
    CU_ASSERT(incoming_to_end(&client) == ENDED);
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 408 "));
    incoming_close(&client);
}

static void a_body_that_stops_is_given_up(void)
{
    struct incoming client;

    start_with((const char *[]){"--patience", "500ms", NULL});
    mock_child_connect(&mock, "anthropic", &client);
    incoming_say(&client, "POST /v1/messages HTTP/1.1\r\nhost: mock\r\ncontent-length: 9\r\n\r\n{");
    CU_ASSERT(incoming_to_end(&client) == ENDED);
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 408 Request Timeout\r\n"));
    incoming_close(&client);
}

static void a_client_that_waits_between_requests_is_not_hurried(void)
{
    struct incoming client, slow;

    start_with((const char *[]){"--patience", "100ms", NULL});
    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(incoming_asks(&client, ask_whole("claude")));
    mock_child_connect(&mock, "anthropic", &slow);
    incoming_say(&slow, "POST");
    CU_ASSERT(incoming_to_end(&slow) == ENDED); /* so much time has passed */
    CU_ASSERT(incoming_asks(&client, ask_whole("claude")));
    incoming_close(&slow);
    incoming_close(&client);
}

/* --- greedy ----------------------------------------------------------------------------------- */

/* Says `piece` for as long as the mock takes it and says nothing. */
static enum ending say_without_end(struct incoming *client, const char *head, const char *piece)
{
    struct pollfd ready = {.fd = client->fd, .events = POLLIN | POLLOUT};

    incoming_say(client, head);
    while (poll(&ready, 1, MOCK_CHILD_PATIENCE_MS) == 1 && (ready.revents & POLLIN) == 0)
        send(client->fd, piece, strlen(piece), MSG_NOSIGNAL | MSG_DONTWAIT);
    return incoming_to_end(client);
}

static void a_head_without_end_is_refused(void)
{
    static char piece[8192];
    struct incoming client;

    memset(piece, 'x', sizeof(piece) - 1);
    start_with(NULL);
    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(say_without_end(&client, "POST / HTTP/1.1\r\nx: ", piece) == ENDED);
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 431 "));
    incoming_close(&client);
    CU_ASSERT(is_served());
    CU_ASSERT(mock_child_resident(&mock) < (uint64_t)64 << 20);
}

/* What was refused is still swallowed, or our answer would be lost in a reset; but not for ever. */
static void a_refused_client_that_never_stops_sending_is_cut_off(void)
{
    struct incoming client;

    start_with((const char *[]){"--patience", "500ms", NULL});
    mock_child_connect(&mock, "anthropic", &client);
    incoming_say(&client, "this is no HTTP\r\n\r\n");
    while (send(client.fd, "more", 4, MSG_NOSIGNAL) > 0)
        ;
    CU_ASSERT(is_served());
    incoming_close(&client);
}

static void too_many_headers_are_refused(void)
{
    struct incoming client;
    char head[4096] = "POST / HTTP/1.1\r\n";

    for (int i = 0; i < 101; i++)
        strcat(head, "a: b\r\n");
    strcat(head, "\r\n");
    start_with(NULL);
    mock_child_connect(&mock, "anthropic", &client);
    incoming_say(&client, head);
    CU_ASSERT(incoming_to_end(&client) == ENDED);
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 431 "));
    incoming_close(&client);
}

static void chunks_without_end_are_refused_at_the_bodys_limit(void)
{
    static char chunk[0x8000 + 16];
    struct incoming client;
    size_t size = (size_t)snprintf(chunk, sizeof(chunk), "8000\r\n");

    memset(chunk + size, 'x', 0x8000);
    memcpy(chunk + size + 0x8000, "\r\n", 3);
    start_with(NULL);
    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(say_without_end(&client, "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
                              chunk) == ENDED);
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 413 "));
    CU_ASSERT(incoming_said(&client, "\"type\":\"request_too_large\""));
    incoming_close(&client);
    CU_ASSERT(is_served());
    CU_ASSERT(mock_child_resident(&mock) < (uint64_t)256 << 20);
}

/* --- many ------------------------------------------------------------------------------------- */

/* Half of them with half a request, so that something was kept for each. */
static void twenty_thousand_connections_that_come_and_go_leave_no_trace(void)
{
    enum { ALL = 20000, AT_A_TIME = 500 };
    static struct incoming clients[AT_A_TIME];
    uint64_t before;

    start_with(NULL);
    CU_ASSERT(is_served());
    before = mock_child_resident(&mock);
    for (int round = 0; round < ALL / AT_A_TIME; round++) {
        for (int i = 0; i < AT_A_TIME; i++) {
            mock_child_connect(&mock, "anthropic", &clients[i]);
            if (i % 2 == 0)
                incoming_say(&clients[i], "POST /v1/messages HTTP/1.1\r\ncontent-length: 99\r\n");
        }
        CU_ASSERT(is_served());
        for (int i = 0; i < AT_A_TIME; i++) {
            if (i % 3 == 0)
                incoming_reset(&clients[i]);
            incoming_close(&clients[i]);
        }
    }
    CU_ASSERT(is_served());
    CU_ASSERT(mock_child_resident(&mock) < before + ((uint64_t)32 << 20));
}

/* Refused by us, which is not a client's leaving. */
static void requests_beyond_what_is_served_at_a_time_are_refused_and_noted(void)
{
    enum { SERVED_MAX = 16384 };
    static struct incoming clients[SERVED_MAX];
    struct incoming client;

    start_with(NULL);
    for (int i = 0; i < SERVED_MAX; i++) {
        mock_child_connect(&mock, "anthropic", &clients[i]);
        incoming_say(&clients[i], ask_whole("held"));
    }
    mock_child_await_health(&mock, "\"open\":16384,");
    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(incoming_asks(&client, ask_whole("claude")));
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 503 "));
    CU_ASSERT(incoming_until(&mock.journal, "refused: too many requests at a time"));
    CU_ASSERT(incoming_said(&mock.journal, "\"kind\":\"unreadable\""));
    CU_ASSERT(!incoming_said(&mock.journal, "\"closed_by\":\"client\""));
    incoming_close(&client);
    for (int i = 0; i < SERVED_MAX; i++)
        incoming_close(&clients[i]);
}

/* --- the journal of a mock that was killed ---------------------------------------------------- */

/* As a reader takes it: up to the last whole line. */
static void a_killed_mock_leaves_a_journal_of_whole_lines(void)
{
    char name[] = "/tmp/brownout-mock-test-XXXXXX";
    int fd = mkstemp(name);
    struct incoming client, file;
    struct slice lines, line;
    uint64_t count = 0;

    CU_ASSERT_FATAL(fd >= 0);
    start_with((const char *[]){"--journal", name, NULL});
    mock_child_connect(&mock, "anthropic", &client);
    for (int i = 0; i < 300; i++)
        CU_ASSERT_FATAL(incoming_asks(&client, ask_whole("claude")));
    kill(mock.pid, SIGKILL);
    EXPECT_I64(mock_child_wait(&mock), -1);
    incoming_init(&file, fd);
    CU_ASSERT(incoming_to_end(&file) == ENDED);
    lines = buffer_slice(&file.bytes);
    while (slice_cut(&lines, '\n', &line) && lines.size > 0) {
        CU_ASSERT(slice_starts_with(line, SLICE("{\"number\":")));
        CU_ASSERT(line.data[line.size - 1] == '}');
        count++;
    }
    CU_ASSERT(count > 0);
    CU_ASSERT(!incoming_said(&file, "\"end\":true"));
    unlink(name);
    incoming_close(&file);
    incoming_close(&client);
}

/* --- who may reach it ------------------------------------------------------------------------- */

static void a_journal_on_a_full_disk_is_lost_and_said_by_the_exit_code(void)
{
    struct incoming client;

    start_with((const char *[]){"--journal", "/dev/full", NULL});
    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(incoming_asks(&client, ask_whole("claude")));
    mock_child_await_health(&mock, "\"lines_lost\":1,");
    CU_ASSERT(incoming_asks(&client, ask_whole("claude")));
    mock_child_await_health(&mock, "\"lines_lost\":2,");
    EXPECT_I64(mock_child_stop(&mock), 3);
    incoming_to_end(&mock.journal);
    CU_ASSERT(incoming_said(&mock.journal, "{\"end\":true,\"records\":2,\"lost\":0}\n"));
    incoming_close(&client);
}

static void an_address_that_others_reach_needs_a_token(void)
{
    mock_child_spawn(&mock, &(struct mock_child_options){
                                scenario, (const char *[]){"--bind", "0.0.0.0", NULL}, 0});
    EXPECT_I64(mock_child_wait(&mock), 2);
    EXPECT_U64(mock.out.bytes.size, 0);
}

static void with_a_token_it_listens_everywhere_and_says_where_this_machine_finds_it(void)
{
    char name[] = "/tmp/brownout-mock-test-XXXXXX";
    int fd = mkstemp(name);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT(write(fd, "a-secret-token\n", 15) == 15);
    close(fd);
    start_with((const char *[]){"--bind", "0.0.0.0", "--admin-token-file", name, NULL});
    CU_ASSERT(is_served());
    unlink(name);
}

static void an_empty_token_is_none(void)
{
    mock_child_spawn(&mock,
                     &(struct mock_child_options){
                         scenario, (const char *[]){"--admin-token-file", "/dev/null", NULL}, 0});
    EXPECT_I64(mock_child_wait(&mock), 2);
}

static CU_TestInfo tests[] = {
    {"a head that does not come to its end is given up",
     a_head_that_does_not_come_to_its_end_is_given_up},
    {"a head that trickles is given up all the same",
     a_head_that_trickles_is_given_up_all_the_same},
    {"a body that stops is given up", a_body_that_stops_is_given_up},
    {"a client that waits between requests is not hurried",
     a_client_that_waits_between_requests_is_not_hurried},
    {"a head without end is refused", a_head_without_end_is_refused},
    {"a refused client that never stops sending is cut off",
     a_refused_client_that_never_stops_sending_is_cut_off},
    {"too many headers are refused", too_many_headers_are_refused},
    {"chunks without end are refused at the body's limit",
     chunks_without_end_are_refused_at_the_bodys_limit},
    {"twenty thousand connections that come and go leave no trace",
     twenty_thousand_connections_that_come_and_go_leave_no_trace},
    {"requests beyond what is served at a time are refused and noted",
     requests_beyond_what_is_served_at_a_time_are_refused_and_noted},
    {"a killed mock leaves a journal of whole lines",
     a_killed_mock_leaves_a_journal_of_whole_lines},
    {"a journal on a full disk is lost, and said by the exit code",
     a_journal_on_a_full_disk_is_lost_and_said_by_the_exit_code},
    {"an address that others reach needs a token", an_address_that_others_reach_needs_a_token},
    {"with a token it listens everywhere, and says where this machine finds it",
     with_a_token_it_listens_everywhere_and_says_where_this_machine_finds_it},
    {"an empty token is none", an_empty_token_is_none},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo mock_bounds_suite = {"mock_bounds", NULL, NULL, set_up, tear_down, tests};
