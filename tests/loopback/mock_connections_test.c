/* brownout-mock and faults of connections, and answers that leave in odd pieces, over raw sockets.
 * A provider per fault, so that the listener chooses what happens; a model per shape. */

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "tests/loopback/mock_child.h"
#include "tests/support/expect.h"

/* What is wrong with the connections of a provider of that name (its model is called like it), or
 * with the answers of a model of Anthropic's. */
struct trouble {
    const char *name;
    bool is_of_connections;
    const char *fault;
    const char *window; /* NULL: always */
};

static const struct trouble coming[] = {
    {"closing", true, "{\"connection\": \"closed\"}", NULL},
    {"resetting", true, "{\"connection\": \"reset\"}", NULL},
    {"silent", true, "{\"connection\": \"silent\"}", NULL},
    {"late", true, "{\"connection\": {\"slow\": \"50ms\"}}", NULL},
    {"few", true, "{\"connection\": {\"limit\": 1}}", NULL},
    {0},
};

static const struct trouble idle[] = {
    {"sleepy", true, "{\"connection\": {\"idle_closed\": {\"after\": \"50ms\", \"by\": \"fin\"}}}",
     NULL},
    {"nervous", true, "{\"connection\": {\"idle_closed\": {\"after\": \"50ms\", \"by\": \"rst\"}}}",
     NULL},
    {"deaf", true, "{\"connection\": {\"idle_closed\": {\"after\": \"50ms\", \"by\": \"silent\"}}}",
     NULL},
    {0},
};

static const struct trouble refusing[] = {
    {"away", true, "{\"connection\": \"refused\"}", "\"at\": \"0s\", \"for\": \"400ms\", "},
    {0},
};

static const struct trouble shaped[] = {
    {"slow", false, "{\"slow_headers\": \"1ms\"}", NULL},
    {"bytes", false, "{\"one_byte\": true}", NULL},
    {"split", false, "{\"split\": \"crlf\"}", NULL},
    {0},
};

static struct mock_child mock;

static void write_providers(const struct trouble *troubles, struct buffer *out)
{
    buffer_text(out, "\"providers\": {\"anthropic\": {\"api\": \"anthropic\"}");
    for (; troubles->name != NULL; troubles++)
        if (troubles->is_of_connections)
            buffer_printf(out, ", \"%s\": {\"api\": \"anthropic\"}", troubles->name);
    buffer_text(out, "}");
}

static void write_model(const char *name, const char *provider, struct buffer *out)
{
    buffer_printf(out,
                  "\"%s\": {\"api\": \"anthropic\", \"provider\": \"%s\", \"first_token\": "
                  "\"1ms\", \"rate\": \"1000000000 tokens/s\"}",
                  name, provider);
}

static void write_rule(const struct trouble *trouble, struct buffer *out)
{
    buffer_printf(out, "{\"phase\": \"%s-phase\", %s\"match\": {\"%s\": \"%s\"}, \"fault\": %s}",
                  trouble->name, trouble->window != NULL ? trouble->window : "",
                  trouble->is_of_connections ? "provider" : "model", trouble->name, trouble->fault);
}

static void write_scenario(const struct trouble *troubles, struct buffer *out)
{
    buffer_text(out, "{\"name\": \"connections\", \"seed\": 1,\n"
                     " \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
                     " \"target\": {\"mock\": {");
    write_providers(troubles, out);
    buffer_text(out, ",\n \"models\": {");
    write_model("fine", "anthropic", out);
    for (const struct trouble *t = troubles; t->name != NULL; t++) {
        buffer_text(out, ",\n ");
        write_model(t->name, t->is_of_connections ? t->name : "anthropic", out);
    }
    buffer_text(out, "}}},\n \"load\": {\"requests\": [{\"model\": \"fine\", \"input_tokens\": 10,"
                     " \"output_tokens\": 5}],\n \"arrivals\": [{\"part\": \"steady\","
                     " \"rate\": \"1/s\", \"for\": \"1s\"}]},\n \"chaos\": [");
    for (const struct trouble *t = troubles; t->name != NULL; t++) {
        buffer_text(out, t == troubles ? "\n " : ",\n ");
        write_rule(t, out);
    }
    buffer_text(out, "]}\n");
}

static void start(const struct trouble *troubles)
{
    struct buffer text;

    buffer_init(&text, memory_heap(), 1 << 16);
    write_scenario(troubles, &text);
    buffer_byte(&text, '\0');
    mock_child_start(&mock, &(struct mock_child_options){.scenario = text.data});
    buffer_deinit(&text);
}

static void set_up(void)
{
    mock_child_clear(&mock);
}

static void tear_down(void)
{
    mock_child_close(&mock);
}

/* The journal holds a connection that this rule did something to, told in these words. */
static bool is_noted(const char *phase, const char *words)
{
    return incoming_until(&mock.journal, phase) && incoming_until(&mock.journal, words) &&
           incoming_said(&mock.journal, "\"kind\":\"connection\"");
}

/* --- coming in -------------------------------------------------------------------------------- */

static void accepted_then_closed_is_an_end(void)
{
    struct incoming client;

    start(coming);
    mock_child_connect(&mock, "closing", &client);
    EXPECT_U64(incoming_to_end(&client), ENDED);
    EXPECT_U64(client.bytes.size, 0);
    CU_ASSERT(is_noted("closing-phase", "connection closed"));
    incoming_close(&client);
}

static void accepted_then_reset_is_a_reset(void)
{
    struct incoming client;

    start(coming);
    mock_child_connect(&mock, "resetting", &client);
    EXPECT_U64(incoming_to_end(&client), RESET);
    CU_ASSERT(is_noted("resetting-phase", "connection reset"));
    incoming_close(&client);
}

/* Proved by what it does not do while others are served. */
static void accepted_and_silent_never_says_a_byte(void)
{
    struct incoming client, other;

    start(coming);
    mock_child_connect(&mock, "silent", &client);
    incoming_say(&client, ask_whole("silent"));
    CU_ASSERT(is_noted("silent-phase", "connection silent"));
    mock_child_connect(&mock, "anthropic", &other);
    CU_ASSERT(incoming_asks(&other, ask_whole("fine")));
    CU_ASSERT(recv(client.fd, client.bytes.data, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
    incoming_close(&client);
    incoming_close(&other);
}

static void a_slow_accept_answers_later(void)
{
    nanos before = clock_monotonic();
    struct incoming client;

    start(coming);
    mock_child_connect(&mock, "late", &client);
    CU_ASSERT(incoming_asks(&client, ask_whole("late")));
    CU_ASSERT(clock_monotonic() - before >= 50 * NANOS_MS);
    CU_ASSERT(is_noted("late-phase", "accepted late"));
    incoming_close(&client);
}

static void beyond_the_limit_a_connection_is_reset_until_another_leaves(void)
{
    struct incoming first, second, third;

    start(coming);
    mock_child_connect(&mock, "few", &first);
    CU_ASSERT(incoming_asks(&first, ask_whole("few")));
    mock_child_connect(&mock, "few", &second);
    EXPECT_U64(incoming_to_end(&second), RESET);
    CU_ASSERT(is_noted("few-phase", "connection reset"));
    CU_ASSERT(incoming_asks(&first, ask_whole("few")));
    incoming_close(&first);
    do {
        incoming_close(&second);
        mock_child_connect(&mock, "few", &second);
        incoming_say(&second, ask_whole("few"));
    } while (!incoming_until(&second, "200 OK") && second.ending == RESET);
    CU_ASSERT(incoming_said(&second, "200 OK"));
    mock_child_connect(&mock, "few", &third);
    EXPECT_U64(incoming_to_end(&third), RESET);
    incoming_close(&second);
    incoming_close(&third);
}

/* --- lying idle ------------------------------------------------------------------------------- */

static void an_idle_connection_is_closed_also_between_requests(void)
{
    struct incoming client;

    start(idle);
    mock_child_connect(&mock, "sleepy", &client);
    CU_ASSERT(incoming_asks(&client, ask_whole("sleepy")));
    EXPECT_U64(incoming_to_end(&client), ENDED);
    CU_ASSERT(is_noted("sleepy-phase", "idle connection closed"));
    incoming_close(&client);
}

static void an_idle_connection_may_be_reset(void)
{
    struct incoming client;

    start(idle);
    mock_child_connect(&mock, "nervous", &client);
    EXPECT_U64(incoming_to_end(&client), RESET);
    CU_ASSERT(is_noted("nervous-phase", "idle connection reset"));
    incoming_close(&client);
}

static void an_idle_connection_may_fall_silent(void)
{
    struct incoming client, other;

    start(idle);
    mock_child_connect(&mock, "deaf", &client);
    CU_ASSERT(incoming_asks(&client, ask_whole("deaf")));
    CU_ASSERT(is_noted("deaf-phase", "idle connection silent"));
    incoming_say(&client, ask_whole("deaf"));
    mock_child_connect(&mock, "anthropic", &other);
    CU_ASSERT(incoming_asks(&other, ask_whole("fine")));
    CU_ASSERT(recv(client.fd, client.bytes.data, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
    incoming_close(&client);
    incoming_close(&other);
}

/* --- nobody listens --------------------------------------------------------------------------- */

static bool connects(uint16_t port, int *fd)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_FATAL(*fd >= 0);
    return connect(*fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

/* The first connection starts the run, and finds the window open; then nobody is there, until the
 * window closes and the same port answers again. */
static void while_a_window_is_open_connecting_is_refused_and_then_not(void)
{
    uint64_t refused = 0;
    struct incoming client;
    uint16_t port;
    int fd;

    start(refusing);
    port = mock_child_port(&mock, "away");
    mock_child_connect(&mock, "away", &client);
    EXPECT_U64(incoming_to_end(&client), RESET);
    CU_ASSERT(is_noted("away-phase", "connection refused"));
    incoming_close(&client);
    while (!connects(port, &fd)) {
        CU_ASSERT_FATAL(errno == ECONNREFUSED);
        refused++;
        close(fd);
    }
    CU_ASSERT(refused > 0);
    incoming_init(&client, fd);
    CU_ASSERT(incoming_asks(&client, ask_whole("away")));
    incoming_close(&client);
}

/* --- pieces ----------------------------------------------------------------------------------- */

/* Segments with data that the kernel got: what we read of them at once depends on how busy we are.
 */
static uint64_t pieces_of(const char *model)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    struct incoming client;

    mock_child_connect(&mock, "anthropic", &client);
    incoming_say(&client, ask_stream(model));
    CU_ASSERT(incoming_until(&client, "\r\n0\r\n\r\n"));
    CU_ASSERT(incoming_said(&client, "message_stop"));
    CU_ASSERT(getsockopt(client.fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
    incoming_close(&client);
    return info.tcpi_data_segs_in;
}

static void shaped_answers_come_in_pieces_and_whole(void)
{
    start(shaped);
    CU_ASSERT(pieces_of("slow") > 50);
    CU_ASSERT(pieces_of("bytes") > 50);
    CU_ASSERT(pieces_of("split") > 2);
    CU_ASSERT(pieces_of("fine") <= 3);
    EXPECT_I64(mock_child_stop(&mock), 0);
    incoming_to_end(&mock.journal);
    EXPECT_U64(incoming_said_times(&mock.journal, SLICE("\"closed_by\":\"whole\"")), 4);
}

static void a_client_that_leaves_a_slow_head_is_noticed(void)
{
    struct incoming client;

    start(shaped);
    mock_child_connect(&mock, "anthropic", &client);
    incoming_say(&client, ask_stream("slow"));
    CU_ASSERT(incoming_until(&client, "HTTP"));
    incoming_reset(&client);
    CU_ASSERT(incoming_until(&mock.journal, "\"closed_by\":\"client_reset\""));
}

static CU_TestInfo tests[] = {
    {"accepted, then closed, is an end", accepted_then_closed_is_an_end},
    {"accepted, then reset, is a reset", accepted_then_reset_is_a_reset},
    {"accepted and silent never says a byte", accepted_and_silent_never_says_a_byte},
    {"a slow accept answers later", a_slow_accept_answers_later},
    {"beyond the limit a connection is reset, until another leaves",
     beyond_the_limit_a_connection_is_reset_until_another_leaves},
    {"an idle connection is closed, also between requests",
     an_idle_connection_is_closed_also_between_requests},
    {"an idle connection may be reset", an_idle_connection_may_be_reset},
    {"an idle connection may fall silent", an_idle_connection_may_fall_silent},
    {"while a window is open connecting is refused, and then not",
     while_a_window_is_open_connecting_is_refused_and_then_not},
    {"shaped answers come in pieces, and whole", shaped_answers_come_in_pieces_and_whole},
    {"a client that leaves a slow head is noticed", a_client_that_leaves_a_slow_head_is_noticed},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo mock_connections_suite = {"mock_connections", NULL, NULL, set_up, tear_down, tests};
