#include "tests/loopback/mock_child.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

enum { ARGUMENTS_MAX = 20, INCOMING_BYTES_MAX = 64 << 20 };

/* --- bytes from a descriptor ------------------------------------------------------------------ */

void incoming_init(struct incoming *in, int fd)
{
    *in = (struct incoming){.fd = fd};
    buffer_init(&in->bytes, memory_heap(), INCOMING_BYTES_MAX);
}

void incoming_close(struct incoming *in)
{
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
    buffer_deinit(&in->bytes);
}

void incoming_reset(struct incoming *in)
{
    struct linger at_once = {.l_onoff = 1};

    setsockopt(in->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    incoming_close(in);
}

bool incoming_more(struct incoming *in)
{
    struct pollfd readable = {.fd = in->fd, .events = POLLIN};
    char piece[65536];
    ssize_t size;

    if (poll(&readable, 1, MOCK_CHILD_PATIENCE_MS) != 1) {
        in->ending = SILENT;
        return false;
    }
    size = read(in->fd, piece, sizeof(piece));
    if (size <= 0) {
        in->ending = size == 0 ? ENDED : RESET;
        return false;
    }
    buffer_append(&in->bytes, (struct slice){piece, (size_t)size});
    in->reads++;
    return true;
}

bool incoming_until(struct incoming *in, const char *text)
{
    while (!incoming_said(in, text))
        if (!incoming_more(in))
            return false;
    return true;
}

enum ending incoming_to_end(struct incoming *in)
{
    while (incoming_more(in))
        ;
    return in->ending;
}

bool incoming_said(const struct incoming *in, const char *text)
{
    return slice_has(buffer_slice(&in->bytes), slice_of(text));
}

uint64_t incoming_said_times(const struct incoming *in, struct slice text)
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

static const char *program(void)
{
    static char path[4096];
    const char *folder = getenv("BROWNOUT_BIN");

    snprintf(path, sizeof(path), "%s/brownout-mock", folder != NULL ? folder : "bin");
    return path;
}

/* execv takes no const texts, and changes none. */
static char *mutable(const char *text)
{
    return (char *)(uintptr_t)text;
}

static _Noreturn void become_mock(const struct mock_child_options *options, const int in[2],
                                  const int out[2], int journal)
{
    struct rlimit limit = {options->descriptors_max, options->descriptors_max};
    const char *const *extra = options->arguments;
    char *arguments[ARGUMENTS_MAX];
    char number[16];
    int count = 0;

    arguments[count++] = mutable(program());
    if (options->scenario != NULL) {
        arguments[count++] = mutable("--scenario");
        arguments[count++] = mutable("-");
    }
    snprintf(number, sizeof(number), "%d", journal);
    arguments[count++] = mutable("--journal-fd");
    arguments[count++] = number;
    for (; extra != NULL && *extra != NULL && count < ARGUMENTS_MAX - 1; extra++)
        arguments[count++] = mutable(*extra);
    arguments[count] = NULL;
    if (options->descriptors_max > 0)
        setrlimit(RLIMIT_NOFILE, &limit);
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    execv(arguments[0], arguments);
    perror(arguments[0]);
    _exit(127);
}

void mock_child_clear(struct mock_child *m)
{
    *m = (struct mock_child){.out.fd = -1, .journal.fd = -1};
}

void mock_child_spawn(struct mock_child *m, const struct mock_child_options *options)
{
    struct slice text = slice_of(options->scenario != NULL ? options->scenario : "");
    int in[2], out[2], pair[2];

    CU_ASSERT_FATAL(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    fcntl(pair[0], F_SETFD, FD_CLOEXEC);
    m->pid = fork();
    CU_ASSERT_FATAL(m->pid >= 0);
    if (m->pid == 0)
        become_mock(options, in, out, pair[1]);
    close(in[0]);
    close(out[1]);
    close(pair[1]);
    CU_ASSERT(write(in[1], text.data, text.size) == (ssize_t)text.size);
    close(in[1]);
    incoming_init(&m->out, out[0]);
    incoming_init(&m->journal, pair[0]);
}

void mock_child_start(struct mock_child *m, const struct mock_child_options *options)
{
    mock_child_spawn(m, options);
    CU_ASSERT_FATAL(incoming_until(&m->out, "admin http"));
    CU_ASSERT_FATAL(m->out.bytes.data[m->out.bytes.size - 1] == '\n');
}

void mock_child_close(struct mock_child *m)
{
    if (m->pid > 0) {
        kill(m->pid, SIGKILL);
        waitpid(m->pid, NULL, 0);
    }
    incoming_close(&m->out);
    incoming_close(&m->journal);
    mock_child_clear(m);
}

/* Waits for the end of its output first, so that a mock that does not end is a failure and not a
 * hang. */
int mock_child_wait(struct mock_child *m)
{
    int status = 0;

    if (incoming_to_end(&m->out) == SILENT)
        kill(m->pid, SIGKILL);
    waitpid(m->pid, &status, 0);
    m->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int mock_child_stop(struct mock_child *m)
{
    kill(m->pid, SIGTERM);
    return mock_child_wait(m);
}

uint16_t mock_child_port(const struct mock_child *m, const char *listener)
{
    struct slice lines = buffer_slice(&m->out.bytes);
    struct slice line, name;
    char text[80];
    unsigned port;

    while (slice_cut(&lines, '\n', &line)) {
        if (!slice_cut(&line, ' ', &name) || !slice_is(name, slice_of(listener)))
            continue;
        slice_copy(line, text, sizeof(text));
        if (sscanf(text, "%*[a-z]://127.0.0.1:%u", &port) == 1)
            return (uint16_t)port;
    }
    CU_FAIL_FATAL("no such listener");
    return 0;
}

uint64_t mock_child_resident(const struct mock_child *m)
{
    char path[64], line[256];
    unsigned long long kb = 0;
    FILE *status;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)m->pid);
    status = fopen(path, "r");
    CU_ASSERT_FATAL(status != NULL);
    while (fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "VmRSS: %llu kB", &kb) == 1)
            break;
    fclose(status);
    return kb * 1024;
}

/* --- clients ---------------------------------------------------------------------------------- */

static void connect_with(const struct mock_child *m, const char *listener, int receives_bytes,
                         struct incoming *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(mock_child_port(m, listener)),
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

void mock_child_connect(const struct mock_child *m, const char *listener, struct incoming *client)
{
    connect_with(m, listener, 0, client);
}

void mock_child_connect_small(const struct mock_child *m, const char *listener,
                              struct incoming *client)
{
    connect_with(m, listener, 4096, client);
}

void incoming_say(const struct incoming *client, const char *text)
{
    CU_ASSERT_EQUAL(send(client->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

bool incoming_answer(struct incoming *client)
{
    const char *found;
    size_t head_size, body_size;

    buffer_clear(&client->bytes);
    if (!incoming_until(client, "\r\n\r\n"))
        return false;
    buffer_byte(&client->bytes, '\0');
    client->bytes.size--;
    head_size = (size_t)(strstr(client->bytes.data, "\r\n\r\n") - client->bytes.data) + 4;
    found = strcasestr(client->bytes.data, "\r\ncontent-length: ");
    if (found == NULL)
        return false;
    body_size = strtoul(found + strlen("\r\ncontent-length: "), NULL, 10);
    while (client->bytes.size < head_size + body_size)
        if (!incoming_more(client))
            return false;
    return client->bytes.size == head_size + body_size;
}

bool incoming_asks(struct incoming *client, const char *request)
{
    incoming_say(client, request);
    return incoming_answer(client);
}

const char *ask_text(const struct ask_text *ask)
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
             ask->headers != NULL ? ask->headers : "authorization: Bearer key\r\n", size, body);
    return text;
}

const char *ask_whole(const char *model)
{
    return ask_text(&(struct ask_text){.model = model});
}

const char *ask_stream(const char *model)
{
    return ask_text(&(struct ask_text){.model = model, .extra = ",\"stream\":true"});
}

bool mock_child_admin_says(const struct mock_child *m, const char *request, const char *expected)
{
    struct incoming admin;
    bool is_said;

    mock_child_connect(m, "admin", &admin);
    is_said = incoming_asks(&admin, request) && incoming_said(&admin, expected);
    incoming_close(&admin);
    return is_said;
}

void mock_child_await_health(const struct mock_child *m, const char *text)
{
    while (!mock_child_admin_says(m, "GET /_brownout/health HTTP/1.1\r\nhost: mock\r\n\r\n", text))
        if (waitpid(m->pid, NULL, WNOHANG) != 0)
            CU_FAIL_FATAL("the mock ended");
}
