/* brownout-mock over real sockets: the shell alone. What the engine decides is tested without
 * sockets; here it is whether bytes, endings, departures and the journal come through.
 * Each test starts a mock of its own (mock_child.h). Nothing sleeps and nothing is timed. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include "os/clock.h"
#include "tests/loopback/mock_child.h"
#include "tests/support/expect.h"

/* A model per way of going wrong, so that a request chooses what happens to it. */
static const char scenario[] =
    "{ \"name\": \"loopback\", \"seed\": 1, \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
    "  \"target\": {\"mock\": {\"models\": {\n"
    "    \"claude\": {\"api\": \"anthropic\", \"first_token\": \"1ms\",\n"
    "               \"rate\": \"1000000000 tokens/s\"},\n"
    "    \"gpt\": {\"api\": \"openai-chat\", \"first_token\": \"1ms\",\n"
    "            \"rate\": \"1000000000 tokens/s\"},\n"
    "    \"held\": {\"api\": \"anthropic\", \"first_token\": \"10h\", \"rate\": \"1 tokens/s\"},\n"
    "    \"resets\": {\"api\": \"anthropic\", \"first_token\": \"1ms\", \"rate\": \"1000 "
    "tokens/s\"},\n"
    "    \"drops\": {\"api\": \"anthropic\", \"first_token\": \"1ms\", \"rate\": \"1000 "
    "tokens/s\"},\n"
    "    \"cuts\": {\"api\": \"anthropic\", \"first_token\": \"1ms\", \"rate\": \"1000 "
    "tokens/s\"},\n"
    "    \"breaks\": {\"api\": \"anthropic\", \"first_token\": \"1ms\", \"rate\": \"1000 "
    "tokens/s\"},\n"
    "    \"stalls\": {\"api\": \"anthropic\", \"first_token\": \"1ms\", \"rate\": \"1000 "
    "tokens/s\"}\n"
    "  }}},\n"
    "  \"load\": {\"requests\": [{\"model\": \"claude\", \"input_tokens\": 10, \"output_tokens\": "
    "5}],\n"
    "           \"arrivals\": [{\"part\": \"steady\", \"rate\": \"1/s\", \"for\": \"1s\"}]},\n"
    "  \"chaos\": [\n"
    "    {\"phase\": \"a\", \"match\": {\"model\": \"resets\"}, \"fault\": {\"reset\": \"rst\"}},\n"
    "    {\"phase\": \"b\", \"match\": {\"model\": \"drops\"}, \"fault\": {\"reset\": \"fin\"}},\n"
    "    {\"phase\": \"c\", \"match\": {\"model\": \"cuts\"},\n"
    "     \"fault\": {\"cut\": {\"after_tokens\": 3, \"by\": \"fin\"}}},\n"
    "    {\"phase\": \"d\", \"match\": {\"model\": \"breaks\"},\n"
    "     \"fault\": {\"cut\": {\"after_tokens\": 3, \"by\": \"rst\"}}},\n"
    "    {\"phase\": \"e\", \"match\": {\"model\": \"stalls\"},\n"
    "     \"fault\": {\"stall\": {\"after_tokens\": 3}}}]}\n";

static struct mock_child mock;

static void start_with(const char *const *extra, rlim_t descriptors_max)
{
    mock_child_start(&mock, &(struct mock_child_options){scenario, extra, descriptors_max});
}

static void start(void)
{
    start_with(NULL, 0);
}

static const char *handshake(const char *boot_id, const char *t0)
{
    static char text[512];
    char body[256];
    int size =
        snprintf(body, sizeof(body), "{\"t0_monotonic_ns\": %s, \"boot_id\": \"%s\"}", t0, boot_id);

    snprintf(text, sizeof(text),
             "POST /_brownout/start HTTP/1.1\r\nhost: mock\r\ncontent-length: %d\r\n\r\n%s", size,
             body);
    return text;
}

static void set_up(void)
{
    mock_child_clear(&mock);
}

static void tear_down(void)
{
    mock_child_close(&mock);
}

/* --- listeners -------------------------------------------------------------------------------- */

static void prints_each_provider_with_its_base_url_and_admin_last(void)
{
    char expected[256];

    start();
    snprintf(expected, sizeof(expected),
             "anthropic http://127.0.0.1:%u\nopenai http://127.0.0.1:%u/v1\n"
             "gemini http://127.0.0.1:%u\ngateway http://127.0.0.1:%u\n"
             "hooks http://127.0.0.1:%u\nadmin http://127.0.0.1:%u\n",
             mock_child_port(&mock, "anthropic"), mock_child_port(&mock, "openai"),
             mock_child_port(&mock, "gemini"), mock_child_port(&mock, "gateway"),
             mock_child_port(&mock, "hooks"), mock_child_port(&mock, "admin"));
    CU_ASSERT(slice_is(buffer_slice(&mock.out.bytes), slice_of(expected)));
}

/* As many providers as a scenario may name. */
static const char crowded[] =
    "{\"name\": \"crowd\", \"seed\": 1, \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
    " \"target\": {\"mock\": {\n"
    "   \"providers\": {\"a\": {\"api\": \"anthropic\"}, \"b\": {\"api\": \"anthropic\"},\n"
    "     \"c\": {\"api\": \"anthropic\"}, \"d\": {\"api\": \"anthropic\"},\n"
    "     \"e\": {\"api\": \"anthropic\"}, \"f\": {\"api\": \"anthropic\"},\n"
    "     \"g\": {\"api\": \"anthropic\"}, \"h\": {\"api\": \"anthropic\"}},\n"
    "   \"models\": {\"claude\": {\"api\": \"anthropic\", \"provider\": \"a\",\n"
    "     \"first_token\": \"1ms\", \"rate\": \"1000 tokens/s\"}}}},\n"
    " \"load\": {\"requests\": [{\"model\": \"claude\", \"input_tokens\": 10, \"output_tokens\": "
    "5}],\n"
    "   \"arrivals\": [{\"part\": \"steady\", \"rate\": \"1/s\", \"for\": \"1s\"}]}}\n";

static void listens_for_every_family_beside_the_most_providers(void)
{
    struct incoming client;

    mock_child_start(&mock, &(struct mock_child_options){crowded, NULL, 0});
    CU_ASSERT(mock_child_port(&mock, "h") != 0);
    CU_ASSERT(mock_child_port(&mock, "gateway") != 0);
    mock_child_connect(&mock, "gemini", &client);
    CU_ASSERT(incoming_asks(&client, "GET /v1beta/models HTTP/1.1\r\nhost: mock\r\n"
                                     "x-goog-api-key: key\r\n\r\n"));
    incoming_close(&client);
    EXPECT_I64(mock_child_stop(&mock), 0);
    incoming_to_end(&mock.journal);
    CU_ASSERT(incoming_said(&mock.journal, "\"provider\":\"gemini\""));
}

static void numbers_the_listeners_from_the_given_port_and_refuses_one_in_use(void)
{
    char name[] = "/tmp/brownout-mock-test-XXXXXX";
    int fd = mkstemp(name);
    char number[16];

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_FATAL(write(fd, "kept", 4) == 4);

    start(); /* takes free ports; the second mock wants one of them */
    snprintf(number, sizeof(number), "%u", mock_child_port(&mock, "anthropic"));
    {
        struct mock_child first = mock;

        mock_child_spawn(
            &mock, &(struct mock_child_options){
                       scenario, (const char *[]){"--port", number, "--journal", name, NULL}, 0});
        EXPECT_I64(mock_child_wait(&mock), 3);
        EXPECT_I64(lseek(fd, 0, SEEK_END), 4); /* another's journal is not emptied */
        EXPECT_U64(mock.out.bytes.size, 0);
        incoming_close(&mock.out);
        incoming_close(&mock.journal);
        mock = first;
    }
    EXPECT_I64(mock_child_stop(&mock), 0);
    close(fd);
    unlink(name);
}

static void goes_on_when_descriptors_run_out_and_come_back(void)
{
    enum { CLIENTS = 60, GIVEN_UP = 50 };
    struct incoming clients[CLIENTS];

    start_with(NULL, 40);
    for (int i = 0; i < CLIENTS; i++)
        mock_child_connect(&mock, "anthropic", &clients[i]);
    for (int i = 0; i < GIVEN_UP; i++)
        incoming_close(&clients[i]);
    for (int i = GIVEN_UP; i < CLIENTS; i++) {
        CU_ASSERT(incoming_asks(&clients[i], ask_whole("claude")));
        incoming_close(&clients[i]);
    }
}

static void takes_alerts_at_its_hooks(void)
{
    struct incoming client;

    start();
    mock_child_connect(&mock, "hooks", &client);
    CU_ASSERT(incoming_asks(&client,
                            "POST /slack HTTP/1.1\r\nhost: mock\r\nx-brownout-alert: slow:1\r\n"
                            "content-length: 15\r\n\r\n{\"text\":\"slow\"}"));
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 200 OK\r\n"));
    CU_ASSERT(incoming_said(&client, "\r\n\r\nok"));
    incoming_say(&client, "POST /discord HTTP/1.1\r\nhost: mock\r\ncontent-length: 18\r\n\r\n"
                          "{\"content\":\"slow\"}");
    CU_ASSERT(incoming_until(&client, "HTTP/1.1 204 No Content\r\n"));
    CU_ASSERT(incoming_until(&mock.journal, "\n"));
    CU_ASSERT(incoming_said(&mock.journal, "slow:1"));
    incoming_close(&client);
}

static void without_a_scenario_every_listener_answers_any_model(void)
{
    static const char *const listeners[] = {"anthropic", "gateway"};
    struct incoming client;

    mock_child_start(&mock, &(struct mock_child_options){0});
    for (size_t i = 0; i < ARRAY_SIZE(listeners); i++) {
        mock_child_connect(&mock, listeners[i], &client);
        CU_ASSERT(incoming_asks(&client, ask_whole("any-model-at-all")));
        CU_ASSERT(incoming_said(&client, "HTTP/1.1 200 OK\r\n"));
        CU_ASSERT(incoming_said(&client, "\"model\":\"any-model-at-all\""));
        incoming_close(&client);
    }
    mock_child_connect(&mock, "gemini", &client);
    CU_ASSERT(incoming_asks(&client, "POST /v1beta/models/gemini-x:generateContent HTTP/1.1\r\n"
                                     "x-goog-api-key: key\r\ncontent-type: application/json\r\n"
                                     "content-length: 39\r\n\r\n"
                                     "{\"contents\":[{\"parts\":[{\"text\":\"x\"}]}]}"));
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 200 OK\r\n"));
    incoming_close(&client);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void answers_whole_and_streaming_at_both_providers(void)
{
    static const char chat[] = "/v1/chat/completions";
    struct incoming claude, gpt;

    start();
    mock_child_connect(&mock, "anthropic", &claude);
    mock_child_connect(&mock, "openai", &gpt);
    CU_ASSERT(incoming_asks(&claude, ask_whole("claude")));
    CU_ASSERT(incoming_said(&claude, "HTTP/1.1 200 OK\r\n"));
    CU_ASSERT(incoming_said(&claude, "\"end_turn\""));
    CU_ASSERT(incoming_asks(&gpt, ask_text(&(struct ask_text){.path = chat, .model = "gpt"})));
    CU_ASSERT(incoming_said(&gpt, "\"chat.completion\""));

    incoming_say(&claude, ask_stream("claude"));
    CU_ASSERT(incoming_until(&claude, "message_stop"));
    CU_ASSERT(incoming_until(&claude, "\r\n0\r\n\r\n"));
    CU_ASSERT(incoming_said(&claude, "Transfer-Encoding: chunked\r\n"));
    incoming_say(&gpt, ask_text(&(struct ask_text){
                           .path = chat, .model = "gpt", .extra = ",\"stream\":true"}));
    CU_ASSERT(incoming_until(&gpt, "data: [DONE]\n\n"));
    CU_ASSERT(incoming_until(&gpt, "\r\n0\r\n\r\n"));
    incoming_close(&claude);
    incoming_close(&gpt);
}

static void refuses_as_the_provider_does(void)
{
    struct incoming client;

    start();
    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(incoming_asks(
        &client, ask_text(&(struct ask_text){.path = "/v1/nothing", .model = "claude"})));
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 404 ") && incoming_said(&client, "not_found_error"));
    CU_ASSERT(
        incoming_asks(&client, ask_text(&(struct ask_text){.model = "claude", .headers = ""})));
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 401 ") &&
              incoming_said(&client, "authentication_error"));
    CU_ASSERT(
        incoming_asks(&client, ask_text(&(struct ask_text){.model = "claude", .extra = ","})));
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 400 ") &&
              incoming_said(&client, "invalid_request_error"));
    incoming_close(&client);
}

static void serves_requests_of_one_connection_in_turn_also_pipelined(void)
{
    char both[8192];
    struct incoming client;

    start();
    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(incoming_asks(&client, ask_whole("claude")));
    snprintf(both, sizeof(both), "%s", ask_stream("claude"));
    snprintf(both + strlen(both), sizeof(both) - strlen(both), "%s",
             ask_text(&(struct ask_text){.path = "/v1/nothing", .model = "claude"}));
    incoming_say(&client, both);
    CU_ASSERT(incoming_until(&client, "not_found_error"));
    CU_ASSERT(incoming_said(&client, "\r\n0\r\n\r\nHTTP/1.1 404 "));
    EXPECT_I64(mock_child_stop(&mock), 0);
    incoming_to_end(&mock.journal);
    EXPECT_U64(incoming_said_times(&mock.journal, SLICE("\"connection\":1,")), 3);
    incoming_close(&client);
}

static void reads_a_request_that_comes_byte_by_byte(void)
{
    struct incoming client;
    const char *text;

    start();
    mock_child_connect(&mock, "anthropic", &client);
    for (text = ask_whole("claude"); *text != '\0'; text++)
        CU_ASSERT_FATAL(send(client.fd, text, 1, MSG_NOSIGNAL) == 1);
    CU_ASSERT(incoming_answer(&client));
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 200 OK\r\n"));
    incoming_close(&client);
}

static void asks_for_the_body_of_a_client_that_waits_to_be_asked(void)
{
    char text[4096];
    char *body;
    struct incoming client;

    start();
    mock_child_connect(&mock, "anthropic", &client);
    snprintf(text, sizeof(text), "%s",
             ask_text(&(struct ask_text){
                 .model = "claude",
                 .headers = "authorization: Bearer key\r\nexpect: 100-continue\r\n"}));
    body = strstr(text, "\r\n\r\n") + 4;
    send(client.fd, text, (size_t)(body - text), MSG_NOSIGNAL);
    CU_ASSERT(incoming_until(&client, "HTTP/1.1 100 Continue\r\n\r\n"));
    CU_ASSERT(incoming_asks(&client, body));
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 200 OK\r\n"));
    EXPECT_I64(mock_child_stop(&mock), 0);
    incoming_to_end(&mock.journal);
    snprintf(text, sizeof(text), "\"bytes_out\":%zu,", client.bytes.size);
    CU_ASSERT(incoming_said(&mock.journal, text)); /* the answer alone */
    incoming_close(&client);
}

static void refuses_what_is_no_http_and_what_is_too_large_and_closes(void)
{
    struct incoming client;

    start();
    mock_child_connect(&mock, "anthropic", &client);
    incoming_say(&client, "what is this\r\n\r\n");
    CU_ASSERT(incoming_to_end(&client) == ENDED);
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 400 "));
    incoming_close(&client);

    mock_child_connect(&mock, "anthropic", &client);
    incoming_say(&client,
                 "POST /v1/messages HTTP/1.1\r\nhost: mock\r\ncontent-length: 33554433\r\n\r\nx");
    CU_ASSERT(incoming_to_end(&client) == ENDED);
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 413 "));
    incoming_close(&client);
}

static void ends_the_body_by_the_connection_for_http_1_0(void)
{
    char text[4096];
    struct incoming client;

    start();
    mock_child_connect(&mock, "anthropic", &client);
    snprintf(text, sizeof(text), "%s", ask_stream("claude"));
    memcpy(strstr(text, "HTTP/1.1"), "HTTP/1.0", 8);
    incoming_say(&client, text);
    CU_ASSERT(incoming_to_end(&client) == ENDED);
    CU_ASSERT(incoming_said(&client, "message_stop"));
    CU_ASSERT(!incoming_said(&client, "Transfer-Encoding"));
    incoming_close(&client);
}

/* One more than a name may have. */
#define LONG_NAME "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffff"

static void cuts_the_isolation_prefix_off_the_path(void)
{
    struct incoming client;

    start();
    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(incoming_asks(&client,
                            ask_text(&(struct ask_text){.path = "/t/my-test/v1/messages?beta=true",
                                                        .model = "claude"})));
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 200 OK\r\n"));
    CU_ASSERT(incoming_asks(&client,
                            ask_text(&(struct ask_text){.path = "/t/my-test", .model = "claude"})));
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 404 "));
    CU_ASSERT(incoming_asks(&client, ask_text(&(struct ask_text){.path = "/t/my%20test/v1/messages",
                                                                 .model = "claude"})));
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 404 "));
    CU_ASSERT(incoming_asks(
        &client,
        ask_text(&(struct ask_text){.path = "/t/" LONG_NAME "/v1/messages", .model = "claude"})));
    CU_ASSERT(incoming_said(&client, "HTTP/1.1 404 "));
    EXPECT_I64(mock_child_stop(&mock), 0);
    incoming_to_end(&mock.journal);
    EXPECT_U64(incoming_said_times(&mock.journal, SLICE("\"isolation\":\"my-test\"")), 1);
    incoming_close(&client);
}

/* Far more than both sockets hold: the rest waits for a client that begins to read late. */
static void writes_a_long_answer_to_a_slow_reader_whole(void)
{
    struct incoming client;

    start();
    mock_child_connect_small(&mock, "anthropic", &client);
    incoming_say(&client,
                 ask_text(&(struct ask_text){.model = "claude",
                                             .headers = "authorization: Bearer key\r\n"
                                                        "x-brownout-output-tokens: 999999\r\n"}));
    mock_child_await_health(&mock, "\"open\":1,");
    CU_ASSERT(incoming_answer(&client));
    CU_ASSERT(incoming_said(&client, " w999998"));
    EXPECT_I64(mock_child_stop(&mock), 0);
    incoming_to_end(&mock.journal);
    CU_ASSERT(incoming_said(&mock.journal, "\"closed_by\":\"whole\""));
    incoming_close(&client);
}

static void gives_up_a_client_that_never_reads(void)
{
    struct incoming client;

    start();
    mock_child_connect_small(&mock, "anthropic", &client);
    incoming_say(&client,
                 ask_text(&(struct ask_text){.model = "claude",
                                             .headers = "authorization: Bearer key\r\n"
                                                        "x-brownout-output-tokens: 500000\r\n",
                                             .extra = ",\"stream\":true"}));
    CU_ASSERT(incoming_until(&mock.journal, "\n"));
    CU_ASSERT(incoming_said(&mock.journal, "\"closed_by\":\"client\""));
    incoming_close(&client);
}

/* --- endings ---------------------------------------------------------------------------------- */

static void expect_ending(const char *model, const char *request, enum ending ending,
                          struct incoming *client)
{
    start();
    mock_child_connect(&mock, "anthropic", client);
    incoming_say(client, request);
    EXPECT_U64(incoming_to_end(client), ending);
    EXPECT_I64(mock_child_stop(&mock), 0);
    incoming_to_end(&mock.journal);
    CU_ASSERT(incoming_said(&mock.journal, model));
    CU_ASSERT(incoming_said(&mock.journal, "\"closed_by\":\"fault\""));
}

static void a_planned_reset_arrives_as_a_reset_before_any_byte(void)
{
    struct incoming client;

    expect_ending("resets", ask_whole("resets"), RESET, &client);
    EXPECT_U64(client.bytes.size, 0);
    incoming_close(&client);
}

static void a_planned_drop_arrives_as_an_end_before_any_byte(void)
{
    struct incoming client;

    expect_ending("drops", ask_whole("drops"), ENDED, &client);
    EXPECT_U64(client.bytes.size, 0);
    incoming_close(&client);
}

static void a_planned_cut_arrives_as_an_end_without_the_last_chunk(void)
{
    struct incoming client;

    expect_ending("cuts", ask_stream("cuts"), ENDED, &client);
    CU_ASSERT(incoming_said(&client, " w2"));
    CU_ASSERT(!incoming_said(&client, " w3"));
    CU_ASSERT(!incoming_said(&client, "\r\n0\r\n\r\n"));
    incoming_close(&client);
}

static void a_planned_break_arrives_as_a_reset_behind_its_tokens(void)
{
    struct incoming client;

    expect_ending("breaks", ask_stream("breaks"), RESET, &client);
    CU_ASSERT(incoming_said(&client, " w2"));
    CU_ASSERT(!incoming_said(&client, " w3"));
    incoming_close(&client);
}

static void a_client_that_leaves_a_held_back_answer_is_noticed(void)
{
    struct incoming client;

    start();
    mock_child_connect(&mock, "anthropic", &client);
    incoming_say(&client, ask_whole("held"));
    mock_child_await_health(&mock, "\"open\":1,");
    incoming_close(&client);
    CU_ASSERT(incoming_until(&mock.journal, "\n"));
    CU_ASSERT(incoming_said(&mock.journal, "\"closed_by\":\"client\""));
    CU_ASSERT(incoming_said(&mock.journal, "\"first_out_at\":null"));
}

static void a_client_that_resets_a_stalled_stream_is_noticed(void)
{
    struct incoming client;

    start();
    mock_child_connect(&mock, "anthropic", &client);
    incoming_say(&client, ask_stream("stalls"));
    CU_ASSERT(incoming_until(&client, " w2"));
    incoming_reset(&client);
    CU_ASSERT(incoming_until(&mock.journal, "\n"));
    CU_ASSERT(incoming_said(&mock.journal, "\"closed_by\":\"client_reset\""));
    CU_ASSERT(incoming_said(&mock.journal, "\"tokens_written\":3,"));
}

/* --- the journal and the end ------------------------------------------------------------------ */

static void a_signal_leaves_a_whole_journal(void)
{
    struct incoming client, held;

    start();
    mock_child_connect(&mock, "anthropic", &client);
    mock_child_connect(&mock, "anthropic", &held);
    incoming_say(&held, ask_whole("held"));
    mock_child_await_health(&mock, "\"open\":1,");
    CU_ASSERT(incoming_asks(&client, ask_whole("claude")));
    EXPECT_I64(mock_child_stop(&mock), 0);
    CU_ASSERT(incoming_to_end(&mock.journal) == ENDED);
    CU_ASSERT(incoming_said(&mock.journal, "\"closed_by\":\"whole\""));
    CU_ASSERT(incoming_said(&mock.journal, "\"closed_by\":\"run\""));
    CU_ASSERT(incoming_said(&mock.journal, "\n{\"end\":true,\"records\":2,\"lost\":0}\n"));
    incoming_close(&client);
    incoming_close(&held);
}

static void a_mock_whose_driver_is_gone_ends(void)
{
    start();
    close(mock.journal.fd);
    mock.journal.fd = -1;
    EXPECT_I64(mock_child_wait(&mock), 0);
}

static void a_driver_that_says_enough_still_reads_a_whole_journal(void)
{
    struct incoming client;

    start();
    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(incoming_asks(&client, ask_whole("claude")));
    shutdown(mock.journal.fd, SHUT_WR);
    CU_ASSERT(incoming_to_end(&mock.journal) == ENDED);
    CU_ASSERT(incoming_said(&mock.journal, "\n{\"end\":true,\"records\":1,\"lost\":0}\n"));
    EXPECT_I64(mock_child_wait(&mock), 0);
    incoming_close(&client);
}

static void the_journal_file_holds_what_the_socket_got(void)
{
    char name[] = "/tmp/brownout-mock-test-XXXXXX";
    int fd = mkstemp(name);
    struct incoming client, file;

    CU_ASSERT_FATAL(fd >= 0);
    start_with((const char *[]){"--journal", name, NULL}, 0);
    mock_child_connect(&mock, "anthropic", &client);
    for (int i = 0; i < 100; i++)
        CU_ASSERT_FATAL(incoming_asks(&client, ask_whole("claude")));
    EXPECT_I64(mock_child_stop(&mock), 0);
    incoming_to_end(&mock.journal);
    incoming_init(&file, fd);
    incoming_to_end(&file);
    unlink(name);
    CU_ASSERT(incoming_said(&file, "{\"end\":true,\"records\":100,\"lost\":0}\n"));
    CU_ASSERT(slice_is(buffer_slice(&file.bytes), buffer_slice(&mock.journal.bytes)));
    incoming_close(&file);
    incoming_close(&client);
}

static void the_drivers_start_sets_the_clock_once(void)
{
    char boot_id[40];
    char t0[32];
    struct incoming client;

    clock_boot_id(boot_id);
    snprintf(t0, sizeof(t0), "%" PRIi64, clock_monotonic() - 1000 * NANOS_S);
    start();
    CU_ASSERT(mock_child_admin_says(&mock, handshake("another", t0), "HTTP/1.1 409 "));
    CU_ASSERT(mock_child_admin_says(&mock, handshake(boot_id, "1.5"), "HTTP/1.1 400 "));
    CU_ASSERT(mock_child_admin_says(&mock, handshake(boot_id, t0), "{\"ok\":true,\"boot_id\":\""));
    CU_ASSERT(mock_child_admin_says(&mock, handshake(boot_id, t0), "HTTP/1.1 409 "));
    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(incoming_asks(&client, ask_whole("claude")));
    CU_ASSERT(incoming_until(&mock.journal, "\n"));
    CU_ASSERT(incoming_said(&mock.journal, "\"head_in_at\":10")); /* 1000 and some seconds, in ns */
    incoming_close(&client);
}

static void a_start_that_lies_ahead_makes_run_time_negative(void)
{
    char boot_id[40];
    char t0[32];
    struct incoming client;

    clock_boot_id(boot_id);
    snprintf(t0, sizeof(t0), "%" PRIi64, clock_monotonic() + 1000 * NANOS_S);
    start();
    CU_ASSERT(mock_child_admin_says(&mock, handshake(boot_id, t0), "\"run_tag\":\""));
    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(incoming_asks(&client, ask_whole("claude")));
    CU_ASSERT(incoming_until(&mock.journal, "\n"));
    CU_ASSERT(incoming_said(&mock.journal, "\"head_in_at\":-"));
    incoming_close(&client);
}

static void a_start_that_lies_ahead_can_be_brought_forward(void)
{
    char boot_id[40];
    char ahead[32], further[32], now[32];
    struct incoming client;

    clock_boot_id(boot_id);
    snprintf(ahead, sizeof(ahead), "%" PRIi64, clock_monotonic() + 1000 * NANOS_S);
    snprintf(further, sizeof(further), "%" PRIi64, clock_monotonic() + 2000 * NANOS_S);
    start();
    CU_ASSERT(mock_child_admin_says(&mock, handshake(boot_id, ahead), "\"run_tag\":\""));
    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(incoming_asks(&client, ask_whole("claude")));
    CU_ASSERT(incoming_until(&mock.journal, "\n"));
    CU_ASSERT(incoming_said(&mock.journal, "\"head_in_at\":-"));
    CU_ASSERT(mock_child_admin_says(&mock, handshake(boot_id, further), "HTTP/1.1 409 "));
    snprintf(now, sizeof(now), "%" PRIi64, clock_monotonic());
    CU_ASSERT(mock_child_admin_says(&mock, handshake(boot_id, now), "\"run_tag\":\""));
    CU_ASSERT(mock_child_admin_says(&mock, handshake(boot_id, now), "HTTP/1.1 409 "));
    incoming_close(&client);
}

static void a_mock_on_its_own_starts_its_clock_with_the_first_request(void)
{
    struct incoming client;

    start();
    mock_child_connect(&mock, "anthropic", &client);
    CU_ASSERT(incoming_asks(&client, ask_whole("claude")));
    CU_ASSERT(incoming_until(&mock.journal, "\n"));
    CU_ASSERT(incoming_said(&mock.journal, "\"head_in_at\":0,"));
    incoming_close(&client);
}

static CU_TestInfo tests[] = {
    {"prints each provider with its base URL, and admin last",
     prints_each_provider_with_its_base_url_and_admin_last},
    {"listens for every family beside the most providers",
     listens_for_every_family_beside_the_most_providers},
    {"numbers the listeners from the given port and refuses one in use",
     numbers_the_listeners_from_the_given_port_and_refuses_one_in_use},
    {"goes on when descriptors run out and come back",
     goes_on_when_descriptors_run_out_and_come_back},
    {"takes alerts at its hooks", takes_alerts_at_its_hooks},
    {"without a scenario every listener answers any model",
     without_a_scenario_every_listener_answers_any_model},
    {"answers whole and streaming at both providers",
     answers_whole_and_streaming_at_both_providers},
    {"refuses as the provider does", refuses_as_the_provider_does},
    {"serves requests of one connection in turn, also pipelined",
     serves_requests_of_one_connection_in_turn_also_pipelined},
    {"reads a request that comes byte by byte", reads_a_request_that_comes_byte_by_byte},
    {"asks for the body of a client that waits to be asked",
     asks_for_the_body_of_a_client_that_waits_to_be_asked},
    {"refuses what is no HTTP and what is too large, and closes",
     refuses_what_is_no_http_and_what_is_too_large_and_closes},
    {"ends the body by the connection for HTTP/1.0", ends_the_body_by_the_connection_for_http_1_0},
    {"cuts the isolation prefix off the path", cuts_the_isolation_prefix_off_the_path},
    {"writes a long answer to a slow reader whole", writes_a_long_answer_to_a_slow_reader_whole},
    {"gives up a client that never reads", gives_up_a_client_that_never_reads},
    {"a planned reset arrives as a reset before any byte",
     a_planned_reset_arrives_as_a_reset_before_any_byte},
    {"a planned drop arrives as an end before any byte",
     a_planned_drop_arrives_as_an_end_before_any_byte},
    {"a planned cut arrives as an end without the last chunk",
     a_planned_cut_arrives_as_an_end_without_the_last_chunk},
    {"a planned break arrives as a reset behind its tokens",
     a_planned_break_arrives_as_a_reset_behind_its_tokens},
    {"a client that leaves a held-back answer is noticed",
     a_client_that_leaves_a_held_back_answer_is_noticed},
    {"a client that resets a stalled stream is noticed",
     a_client_that_resets_a_stalled_stream_is_noticed},
    {"a signal leaves a whole journal", a_signal_leaves_a_whole_journal},
    {"a mock whose driver is gone ends", a_mock_whose_driver_is_gone_ends},
    {"a driver that says enough still reads a whole journal",
     a_driver_that_says_enough_still_reads_a_whole_journal},
    {"the journal file holds what the socket got", the_journal_file_holds_what_the_socket_got},
    {"the driver's start sets the clock, once", the_drivers_start_sets_the_clock_once},
    {"a start that lies ahead makes run time negative",
     a_start_that_lies_ahead_makes_run_time_negative},
    {"a start that lies ahead can be brought forward",
     a_start_that_lies_ahead_can_be_brought_forward},
    {"a mock on its own starts its clock with the first request",
     a_mock_on_its_own_starts_its_clock_with_the_first_request},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo mock_suite = {"mock", NULL, NULL, set_up, tear_down, tests};
