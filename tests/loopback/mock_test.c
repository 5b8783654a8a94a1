/* brownout-mock over real sockets: the shell alone. What the engine decides is tested without
 * sockets; here it is whether bytes, endings, departures and the journal come through.
 *
 * Each test starts a mock of its own, with a scenario on its standard input and one end of a socket
 * pair for the journal, and talks to it over raw sockets. Nothing sleeps and nothing is timed: a
 * test waits for an event, and PATIENCE_MS without one is a failure. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include "base/buffer.h"
#include "os/clock.h"
#include "tests/support/expect.h"

enum { PATIENCE_MS = 20000, ARGUMENTS_MAX = 12 };

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

/* --- bytes from a descriptor ------------------------------------------------------------------ */

enum ending { OPEN, ENDED, RESET, SILENT };

/* Everything a descriptor said so far, and how it ended. */
struct incoming {
    struct buffer bytes;
    int fd;
    enum ending ending;
};

static void incoming_init(struct incoming *in, int fd)
{
    *in = (struct incoming){.fd = fd};
    buffer_init(&in->bytes, memory_heap(), 64 << 20);
}

static void incoming_close(struct incoming *in)
{
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
    buffer_deinit(&in->bytes);
}

/* Some more bytes. False when none come any more. */
static bool read_more(struct incoming *in)
{
    struct pollfd readable = {.fd = in->fd, .events = POLLIN};
    char piece[65536];
    ssize_t size;

    if (poll(&readable, 1, PATIENCE_MS) != 1) {
        in->ending = SILENT;
        return false;
    }
    size = read(in->fd, piece, sizeof(piece));
    if (size > 0)
        buffer_append(&in->bytes, (struct slice){piece, (size_t)size});
    else
        in->ending = size == 0 ? ENDED : RESET;
    return size > 0;
}

static bool read_until(struct incoming *in, const char *text)
{
    while (!slice_has(buffer_slice(&in->bytes), slice_of(text)))
        if (!read_more(in))
            return false;
    return true;
}

static enum ending read_to_end(struct incoming *in)
{
    while (read_more(in))
        ;
    return in->ending;
}

static bool said(const struct incoming *in, const char *text)
{
    return slice_has(buffer_slice(&in->bytes), slice_of(text));
}

static uint64_t said_times(const struct incoming *in, struct slice text)
{
    struct slice rest = buffer_slice(&in->bytes);
    uint64_t times = 0;

    while (rest.size >= text.size) {
        times += slice_starts_with(rest, text);
        rest = (struct slice){rest.data + 1, rest.size - 1};
    }
    return times;
}

/* --- the program ------------------------------------------------------------------------------ */

static struct mock_child {
    pid_t pid;
    struct incoming out;     /* its standard output */
    struct incoming journal; /* our end of the pair */
} mock;

static const char *program(void)
{
    static char path[4096];
    const char *folder = getenv("BROWNOUT_BIN");

    snprintf(path, sizeof(path), "%s/brownout-mock", folder != NULL ? folder : "bin");
    return path;
}

static void close_on_exec(int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static _Noreturn void become_mock(const int in[2], const int out[2], int journal,
                                  const char *const *extra, rlim_t descriptors_max)
{
    struct rlimit limit = {descriptors_max, descriptors_max};
    char *arguments[ARGUMENTS_MAX] = {(char *)(uintptr_t)program(),
                                      (char *)(uintptr_t) "--scenario", (char *)(uintptr_t) "-"};
    char number[16];
    int count = 3;

    if (journal >= 0) {
        snprintf(number, sizeof(number), "%d", journal);
        arguments[count++] = (char *)(uintptr_t) "--journal-fd";
        arguments[count++] = number;
    }
    for (; extra != NULL && *extra != NULL && count < ARGUMENTS_MAX - 1; extra++)
        arguments[count++] = (char *)(uintptr_t)*extra;
    if (descriptors_max > 0)
        setrlimit(RLIMIT_NOFILE, &limit);
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    execv(arguments[0], arguments);
    perror(arguments[0]);
    _exit(127);
}

static void spawn(const char *const *extra, rlim_t descriptors_max)
{
    int in[2], out[2], pair[2];

    CU_ASSERT_FATAL(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    close_on_exec(pair[0]);
    mock.pid = fork();
    CU_ASSERT_FATAL(mock.pid >= 0);
    if (mock.pid == 0)
        become_mock(in, out, pair[1], extra, descriptors_max);
    close(in[0]);
    close(out[1]);
    close(pair[1]);
    CU_ASSERT(write(in[1], scenario, sizeof(scenario) - 1) == (ssize_t)sizeof(scenario) - 1);
    close(in[1]);
    incoming_init(&mock.out, out[0]);
    incoming_init(&mock.journal, pair[0]);
}

static void start_with(const char *const *extra, rlim_t descriptors_max)
{
    spawn(extra, descriptors_max);
    CU_ASSERT_FATAL(read_until(&mock.out, "admin http://127.0.0.1:"));
    CU_ASSERT_FATAL(mock.out.bytes.data[mock.out.bytes.size - 1] == '\n');
}

static void start(void)
{
    start_with(NULL, 0);
}

/* Its exit code, or -1 when a signal killed it. Waits for the end of its output first, so that a
 * mock that does not end is a failure and not a hang. */
static int wait_for_exit(void)
{
    int status = 0;

    if (read_to_end(&mock.out) == SILENT)
        kill(mock.pid, SIGKILL);
    waitpid(mock.pid, &status, 0);
    mock.pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int stop(void)
{
    kill(mock.pid, SIGTERM);
    return wait_for_exit();
}

/* --- clients ---------------------------------------------------------------------------------- */

/* The port behind `name` in what the mock printed. */
static uint16_t port_of(const char *name)
{
    struct slice lines = buffer_slice(&mock.out.bytes);
    struct slice line;
    char text[64];

    while (slice_cut(&lines, '\n', &line)) {
        unsigned port;

        if (!slice_starts_with(line, slice_of(name)))
            continue;
        slice_copy(line, text, sizeof(text));
        if (sscanf(text + strlen(name), " http://127.0.0.1:%u", &port) == 1)
            return (uint16_t)port;
    }
    CU_FAIL_FATAL("no such listener");
    return 0;
}

/* `receives_bytes`: a small receive buffer, so that an answer backs up at the mock; 0: the usual.
 */
static void connect_with(struct incoming *client, const char *listener, int receives_bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port_of(listener)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;

    CU_ASSERT_FATAL(fd >= 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (receives_bytes > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receives_bytes, sizeof(receives_bytes));
    CU_ASSERT_FATAL(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    incoming_init(client, fd);
}

static void connect_to(struct incoming *client, const char *listener)
{
    connect_with(client, listener, 0);
}

static void say(const struct incoming *client, const char *text)
{
    CU_ASSERT_EQUAL(send(client->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

struct ask {
    const char *path;
    const char *model;
    const char *headers; /* whole lines */
    const char *extra;   /* members of the body, each behind a comma */
};

static const char *credential = "authorization: Bearer key\r\n";

/* Borrowed until the next call. */
static const char *request_text(const struct ask *ask)
{
    static char text[4096];
    char body[1024];
    int size = snprintf(body, sizeof(body),
                        "{\"model\":\"%s\",\"max_tokens\":1000000,\"messages\":[{\"role\":\"user\","
                        "\"content\":\"hello\"}]%s}",
                        ask->model, ask->extra != NULL ? ask->extra : "");

    snprintf(text, sizeof(text),
             "POST %s HTTP/1.1\r\nhost: mock\r\nanthropic-version: 2023-06-01\r\n%s"
             "content-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
             ask->path != NULL ? ask->path : "/v1/messages",
             ask->headers != NULL ? ask->headers : credential, size, body);
    return text;
}

static const char *a_request(const char *model)
{
    return request_text(&(struct ask){.model = model});
}

static const char *a_stream(const char *model)
{
    return request_text(&(struct ask){.model = model, .extra = ",\"stream\":true"});
}

/* One whole answer with a content length, and nothing behind it. Forgets what was read before. */
static bool read_answer(struct incoming *client)
{
    const char *found;
    size_t head_size, body_size;

    buffer_clear(&client->bytes);
    if (!read_until(client, "\r\n\r\n"))
        return false;
    buffer_byte(&client->bytes, '\0');
    client->bytes.size--;
    head_size = (size_t)(strstr(client->bytes.data, "\r\n\r\n") - client->bytes.data) + 4;
    found = strcasestr(client->bytes.data, "\r\ncontent-length: ");
    if (found == NULL)
        return false;
    body_size = strtoul(found + strlen("\r\ncontent-length: "), NULL, 10);
    while (client->bytes.size < head_size + body_size)
        if (!read_more(client))
            return false;
    return client->bytes.size == head_size + body_size;
}

static bool asks(struct incoming *client, const char *request)
{
    say(client, request);
    return read_answer(client);
}

static bool admin_says(const char *request, const char *expected)
{
    struct incoming admin;
    bool is_said;

    connect_to(&admin, "admin");
    is_said = asks(&admin, request) && said(&admin, expected);
    incoming_close(&admin);
    return is_said;
}

static void await_open(const char *count)
{
    while (!admin_says("GET /_brownout/health HTTP/1.1\r\nhost: mock\r\n\r\n", count))
        if (waitpid(mock.pid, NULL, WNOHANG) != 0)
            CU_FAIL_FATAL("the mock ended");
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
    mock = (struct mock_child){.out.fd = -1, .journal.fd = -1};
}

static void tear_down(void)
{
    if (mock.pid > 0) {
        kill(mock.pid, SIGKILL);
        waitpid(mock.pid, NULL, 0);
    }
    incoming_close(&mock.out);
    incoming_close(&mock.journal);
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
             port_of("anthropic"), port_of("openai"), port_of("gemini"), port_of("gateway"),
             port_of("hooks"), port_of("admin"));
    CU_ASSERT(slice_is(buffer_slice(&mock.out.bytes), slice_of(expected)));
}

static void numbers_the_listeners_from_the_given_port_and_refuses_one_in_use(void)
{
    char name[] = "/tmp/brownout-mock-test-XXXXXX";
    int fd = mkstemp(name);
    char number[16];

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_FATAL(write(fd, "kept", 4) == 4);

    start(); /* takes free ports; the second mock wants one of them */
    snprintf(number, sizeof(number), "%u", port_of("anthropic"));
    {
        struct mock_child first = mock;

        spawn((const char *[]){"--port", number, "--journal", name, NULL}, 0);
        EXPECT_I64(wait_for_exit(), 3);
        EXPECT_I64(lseek(fd, 0, SEEK_END), 4); /* another's journal is not emptied */
        EXPECT_U64(mock.out.bytes.size, 0);
        incoming_close(&mock.out);
        incoming_close(&mock.journal);
        mock = first;
    }
    EXPECT_I64(stop(), 0);
    close(fd);
    unlink(name);
}

static void goes_on_when_descriptors_run_out_and_come_back(void)
{
    enum { CLIENTS = 60, GIVEN_UP = 50 };
    struct incoming clients[CLIENTS];

    start_with(NULL, 40);
    for (int i = 0; i < CLIENTS; i++)
        connect_to(&clients[i], "anthropic");
    for (int i = 0; i < GIVEN_UP; i++)
        incoming_close(&clients[i]);
    for (int i = GIVEN_UP; i < CLIENTS; i++) {
        CU_ASSERT(asks(&clients[i], a_request("claude")));
        incoming_close(&clients[i]);
    }
}

static void takes_alerts_at_its_hooks(void)
{
    struct incoming client;

    start();
    connect_to(&client, "hooks");
    CU_ASSERT(asks(&client, "POST /slack HTTP/1.1\r\nhost: mock\r\nx-brownout-alert: slow:1\r\n"
                            "content-length: 15\r\n\r\n{\"text\":\"slow\"}"));
    CU_ASSERT(said(&client, "HTTP/1.1 200 OK\r\n"));
    CU_ASSERT(said(&client, "\r\n\r\nok"));
    say(&client, "POST /discord HTTP/1.1\r\nhost: mock\r\ncontent-length: 18\r\n\r\n"
                 "{\"content\":\"slow\"}");
    CU_ASSERT(read_until(&client, "HTTP/1.1 204 No Content\r\n"));
    CU_ASSERT(read_until(&mock.journal, "\n"));
    CU_ASSERT(said(&mock.journal, "slow:1"));
    incoming_close(&client);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void answers_whole_and_streaming_at_both_providers(void)
{
    static const char chat[] = "/v1/chat/completions";
    struct incoming claude, gpt;

    start();
    connect_to(&claude, "anthropic");
    connect_to(&gpt, "openai");
    CU_ASSERT(asks(&claude, a_request("claude")));
    CU_ASSERT(said(&claude, "HTTP/1.1 200 OK\r\n"));
    CU_ASSERT(said(&claude, "\"end_turn\""));
    CU_ASSERT(asks(&gpt, request_text(&(struct ask){.path = chat, .model = "gpt"})));
    CU_ASSERT(said(&gpt, "\"chat.completion\""));

    say(&claude, a_stream("claude"));
    CU_ASSERT(read_until(&claude, "message_stop"));
    CU_ASSERT(read_until(&claude, "\r\n0\r\n\r\n"));
    CU_ASSERT(said(&claude, "Transfer-Encoding: chunked\r\n"));
    say(&gpt,
        request_text(&(struct ask){.path = chat, .model = "gpt", .extra = ",\"stream\":true"}));
    CU_ASSERT(read_until(&gpt, "data: [DONE]\n\n"));
    CU_ASSERT(read_until(&gpt, "\r\n0\r\n\r\n"));
    incoming_close(&claude);
    incoming_close(&gpt);
}

static void refuses_as_the_provider_does(void)
{
    struct incoming client;

    start();
    connect_to(&client, "anthropic");
    CU_ASSERT(asks(&client, request_text(&(struct ask){.path = "/v1/nothing", .model = "claude"})));
    CU_ASSERT(said(&client, "HTTP/1.1 404 ") && said(&client, "not_found_error"));
    CU_ASSERT(asks(&client, request_text(&(struct ask){.model = "claude", .headers = ""})));
    CU_ASSERT(said(&client, "HTTP/1.1 401 ") && said(&client, "authentication_error"));
    CU_ASSERT(asks(&client, request_text(&(struct ask){.model = "claude", .extra = ","})));
    CU_ASSERT(said(&client, "HTTP/1.1 400 ") && said(&client, "invalid_request_error"));
    incoming_close(&client);
}

static void serves_requests_of_one_connection_in_turn_also_pipelined(void)
{
    char both[8192];
    struct incoming client;

    start();
    connect_to(&client, "anthropic");
    CU_ASSERT(asks(&client, a_request("claude")));
    snprintf(both, sizeof(both), "%s", a_stream("claude"));
    snprintf(both + strlen(both), sizeof(both) - strlen(both), "%s",
             request_text(&(struct ask){.path = "/v1/nothing", .model = "claude"}));
    say(&client, both);
    CU_ASSERT(read_until(&client, "not_found_error"));
    CU_ASSERT(said(&client, "\r\n0\r\n\r\nHTTP/1.1 404 "));
    EXPECT_I64(stop(), 0);
    read_to_end(&mock.journal);
    EXPECT_U64(said_times(&mock.journal, SLICE("\"connection\":1,")), 3);
    incoming_close(&client);
}

static void reads_a_request_that_comes_byte_by_byte(void)
{
    struct incoming client;
    const char *text;

    start();
    connect_to(&client, "anthropic");
    for (text = a_request("claude"); *text != '\0'; text++)
        CU_ASSERT_FATAL(send(client.fd, text, 1, MSG_NOSIGNAL) == 1);
    CU_ASSERT(read_answer(&client));
    CU_ASSERT(said(&client, "HTTP/1.1 200 OK\r\n"));
    incoming_close(&client);
}

static void asks_for_the_body_of_a_client_that_waits_to_be_asked(void)
{
    char text[4096];
    char *body;
    struct incoming client;

    start();
    connect_to(&client, "anthropic");
    snprintf(text, sizeof(text), "%s",
             request_text(&(struct ask){
                 .model = "claude",
                 .headers = "authorization: Bearer key\r\nexpect: 100-continue\r\n"}));
    body = strstr(text, "\r\n\r\n") + 4;
    send(client.fd, text, (size_t)(body - text), MSG_NOSIGNAL);
    CU_ASSERT(read_until(&client, "HTTP/1.1 100 Continue\r\n\r\n"));
    CU_ASSERT(asks(&client, body));
    CU_ASSERT(said(&client, "HTTP/1.1 200 OK\r\n"));
    EXPECT_I64(stop(), 0);
    read_to_end(&mock.journal);
    snprintf(text, sizeof(text), "\"bytes_out\":%zu,", client.bytes.size);
    CU_ASSERT(said(&mock.journal, text)); /* the answer alone */
    incoming_close(&client);
}

static void refuses_what_is_no_http_and_what_is_too_large_and_closes(void)
{
    struct incoming client;

    start();
    connect_to(&client, "anthropic");
    say(&client, "what is this\r\n\r\n");
    CU_ASSERT(read_to_end(&client) == ENDED);
    CU_ASSERT(said(&client, "HTTP/1.1 400 "));
    incoming_close(&client);

    connect_to(&client, "anthropic");
    say(&client, "POST /v1/messages HTTP/1.1\r\nhost: mock\r\ncontent-length: 33554433\r\n\r\nx");
    CU_ASSERT(read_to_end(&client) == ENDED);
    CU_ASSERT(said(&client, "HTTP/1.1 413 "));
    incoming_close(&client);
}

static void ends_the_body_by_the_connection_for_http_1_0(void)
{
    char text[4096];
    struct incoming client;

    start();
    connect_to(&client, "anthropic");
    snprintf(text, sizeof(text), "%s", a_stream("claude"));
    memcpy(strstr(text, "HTTP/1.1"), "HTTP/1.0", 8);
    say(&client, text);
    CU_ASSERT(read_to_end(&client) == ENDED);
    CU_ASSERT(said(&client, "message_stop"));
    CU_ASSERT(!said(&client, "Transfer-Encoding"));
    incoming_close(&client);
}

static void cuts_the_isolation_prefix_off_the_path(void)
{
    struct incoming client;

    start();
    connect_to(&client, "anthropic");
    CU_ASSERT(asks(&client, request_text(&(struct ask){.path = "/t/my-test/v1/messages?beta=true",
                                                       .model = "claude"})));
    CU_ASSERT(said(&client, "HTTP/1.1 200 OK\r\n"));
    CU_ASSERT(asks(&client, request_text(&(struct ask){.path = "/t/my-test", .model = "claude"})));
    CU_ASSERT(said(&client, "HTTP/1.1 404 "));
    incoming_close(&client);
}

/* Far more than both sockets hold: the rest waits for a client that begins to read late. */
static void writes_a_long_answer_to_a_slow_reader_whole(void)
{
    struct incoming client;

    start();
    connect_with(&client, "anthropic", 4096);
    say(&client, request_text(&(struct ask){.model = "claude",
                                            .headers = "authorization: Bearer key\r\n"
                                                       "x-brownout-output-tokens: 999999\r\n"}));
    await_open("\"open\":1,");
    CU_ASSERT(read_answer(&client));
    CU_ASSERT(said(&client, " w999998"));
    EXPECT_I64(stop(), 0);
    read_to_end(&mock.journal);
    CU_ASSERT(said(&mock.journal, "\"closed_by\":\"whole\""));
    incoming_close(&client);
}

static void gives_up_a_client_that_never_reads(void)
{
    struct incoming client;

    start();
    connect_with(&client, "anthropic", 4096);
    say(&client, request_text(&(struct ask){.model = "claude",
                                            .headers = "authorization: Bearer key\r\n"
                                                       "x-brownout-output-tokens: 500000\r\n",
                                            .extra = ",\"stream\":true"}));
    CU_ASSERT(read_until(&mock.journal, "\n"));
    CU_ASSERT(said(&mock.journal, "\"closed_by\":\"client\""));
    incoming_close(&client);
}

/* --- endings ---------------------------------------------------------------------------------- */

static void expect_ending(const char *model, const char *request, enum ending ending,
                          struct incoming *client)
{
    start();
    connect_to(client, "anthropic");
    say(client, request);
    EXPECT_U64(read_to_end(client), ending);
    EXPECT_I64(stop(), 0);
    read_to_end(&mock.journal);
    CU_ASSERT(said(&mock.journal, model));
    CU_ASSERT(said(&mock.journal, "\"closed_by\":\"fault\""));
}

static void a_planned_reset_arrives_as_a_reset_before_any_byte(void)
{
    struct incoming client;

    expect_ending("resets", a_request("resets"), RESET, &client);
    EXPECT_U64(client.bytes.size, 0);
    incoming_close(&client);
}

static void a_planned_drop_arrives_as_an_end_before_any_byte(void)
{
    struct incoming client;

    expect_ending("drops", a_request("drops"), ENDED, &client);
    EXPECT_U64(client.bytes.size, 0);
    incoming_close(&client);
}

static void a_planned_cut_arrives_as_an_end_without_the_last_chunk(void)
{
    struct incoming client;

    expect_ending("cuts", a_stream("cuts"), ENDED, &client);
    CU_ASSERT(said(&client, " w2"));
    CU_ASSERT(!said(&client, " w3"));
    CU_ASSERT(!said(&client, "\r\n0\r\n\r\n"));
    incoming_close(&client);
}

static void a_planned_break_arrives_as_a_reset_behind_its_tokens(void)
{
    struct incoming client;

    expect_ending("breaks", a_stream("breaks"), RESET, &client);
    CU_ASSERT(said(&client, " w2"));
    CU_ASSERT(!said(&client, " w3"));
    incoming_close(&client);
}

static void a_client_that_leaves_a_held_back_answer_is_noticed(void)
{
    struct incoming client;

    start();
    connect_to(&client, "anthropic");
    say(&client, a_request("held"));
    await_open("\"open\":1,");
    incoming_close(&client);
    CU_ASSERT(read_until(&mock.journal, "\n"));
    CU_ASSERT(said(&mock.journal, "\"closed_by\":\"client\""));
    CU_ASSERT(said(&mock.journal, "\"first_out_at\":null"));
}

static void a_client_that_resets_a_stalled_stream_is_noticed(void)
{
    struct linger at_once = {.l_onoff = 1};
    struct incoming client;

    start();
    connect_to(&client, "anthropic");
    say(&client, a_stream("stalls"));
    CU_ASSERT(read_until(&client, " w2"));
    setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    incoming_close(&client);
    CU_ASSERT(read_until(&mock.journal, "\n"));
    CU_ASSERT(said(&mock.journal, "\"closed_by\":\"client_reset\""));
    CU_ASSERT(said(&mock.journal, "\"tokens_written\":3,"));
}

/* --- the journal and the end ------------------------------------------------------------------ */

static void a_signal_leaves_a_whole_journal(void)
{
    struct incoming client, held;

    start();
    connect_to(&client, "anthropic");
    connect_to(&held, "anthropic");
    say(&held, a_request("held"));
    await_open("\"open\":1,");
    CU_ASSERT(asks(&client, a_request("claude")));
    EXPECT_I64(stop(), 0);
    CU_ASSERT(read_to_end(&mock.journal) == ENDED);
    CU_ASSERT(said(&mock.journal, "\"closed_by\":\"whole\""));
    CU_ASSERT(said(&mock.journal, "\"closed_by\":\"run\""));
    CU_ASSERT(said(&mock.journal, "\n{\"end\":true,\"records\":2,\"lost\":0}\n"));
    incoming_close(&client);
    incoming_close(&held);
}

static void a_mock_whose_driver_is_gone_ends(void)
{
    start();
    close(mock.journal.fd);
    mock.journal.fd = -1;
    EXPECT_I64(wait_for_exit(), 0);
}

static void a_driver_that_says_enough_still_reads_a_whole_journal(void)
{
    struct incoming client;

    start();
    connect_to(&client, "anthropic");
    CU_ASSERT(asks(&client, a_request("claude")));
    shutdown(mock.journal.fd, SHUT_WR);
    CU_ASSERT(read_to_end(&mock.journal) == ENDED);
    CU_ASSERT(said(&mock.journal, "\n{\"end\":true,\"records\":1,\"lost\":0}\n"));
    EXPECT_I64(wait_for_exit(), 0);
    incoming_close(&client);
}

static void the_journal_file_holds_what_the_socket_got(void)
{
    char name[] = "/tmp/brownout-mock-test-XXXXXX";
    int fd = mkstemp(name);
    struct incoming client, file;

    CU_ASSERT_FATAL(fd >= 0);
    start_with((const char *[]){"--journal", name, NULL}, 0);
    connect_to(&client, "anthropic");
    for (int i = 0; i < 100; i++)
        CU_ASSERT_FATAL(asks(&client, a_request("claude")));
    EXPECT_I64(stop(), 0);
    read_to_end(&mock.journal);
    incoming_init(&file, fd);
    read_to_end(&file);
    unlink(name);
    CU_ASSERT(said(&file, "{\"end\":true,\"records\":100,\"lost\":0}\n"));
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
    CU_ASSERT(admin_says(handshake("another", t0), "HTTP/1.1 409 "));
    CU_ASSERT(admin_says(handshake(boot_id, "1.5"), "HTTP/1.1 400 "));
    CU_ASSERT(admin_says(handshake(boot_id, t0), "{\"ok\":true,\"boot_id\":\""));
    CU_ASSERT(admin_says(handshake(boot_id, t0), "HTTP/1.1 409 "));
    connect_to(&client, "anthropic");
    CU_ASSERT(asks(&client, a_request("claude")));
    CU_ASSERT(read_until(&mock.journal, "\n"));
    CU_ASSERT(said(&mock.journal, "\"head_in_at\":10")); /* 1000 and some seconds, in ns */
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
    CU_ASSERT(admin_says(handshake(boot_id, t0), "\"run_tag\":\""));
    connect_to(&client, "anthropic");
    CU_ASSERT(asks(&client, a_request("claude")));
    CU_ASSERT(read_until(&mock.journal, "\n"));
    CU_ASSERT(said(&mock.journal, "\"head_in_at\":-"));
    incoming_close(&client);
}

static void a_mock_on_its_own_starts_its_clock_with_the_first_request(void)
{
    struct incoming client;

    start();
    connect_to(&client, "anthropic");
    CU_ASSERT(asks(&client, a_request("claude")));
    CU_ASSERT(read_until(&mock.journal, "\n"));
    CU_ASSERT(said(&mock.journal, "\"head_in_at\":0,"));
    incoming_close(&client);
}

static CU_TestInfo tests[] = {
    {"prints each provider with its base URL, and admin last",
     prints_each_provider_with_its_base_url_and_admin_last},
    {"numbers the listeners from the given port and refuses one in use",
     numbers_the_listeners_from_the_given_port_and_refuses_one_in_use},
    {"goes on when descriptors run out and come back",
     goes_on_when_descriptors_run_out_and_come_back},
    {"takes alerts at its hooks", takes_alerts_at_its_hooks},
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
    {"a mock on its own starts its clock with the first request",
     a_mock_on_its_own_starts_its_clock_with_the_first_request},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo mock_suite = {"mock", NULL, NULL, set_up, tear_down, tests};
