#include "raw_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_BYTES_MAX = 1 << 16 };

struct guest {
    struct raw_server *server;
    int fd;
};

static const char answer_body[] =
    "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\","
    "\"content\":[{\"type\":\"text\",\"text\":\"hello\"}],\"stop_reason\":\"end_turn\","
    "\"stop_sequence\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}";

static void say(int fd, const char *text)
{
    ssize_t size = send(fd, text, strlen(text), MSG_NOSIGNAL);

    (void)size; /* a client that left is the test's affair */
}

static void answer(int fd)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
             sizeof(answer_body) - 1, answer_body);
    say(fd, text);
}

static void reset(int fd)
{
    struct linger at_once = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static void keep_line(struct raw_server *s, const char *request)
{
    size_t size = strcspn(request, "\r");
    size_t head_size = (size_t)(strstr(request, "\r\n\r\n") - request);

    if (atomic_exchange(&s->has_first_line, true))
        return;
    snprintf(s->first_line, sizeof(s->first_line), "%.*s", (int)size, request);
    snprintf(s->first_head, sizeof(s->first_head), "%.*s", (int)head_size, request);
}

/* One whole request off the front; false when the client left. What lies behind it stays. */
static bool read_request(struct raw_server *s, int fd, char *bytes, size_t *size)
{
    for (;;) {
        char *end, *length;
        size_t whole;
        ssize_t got;

        bytes[*size] = '\0';
        end = strstr(bytes, "\r\n\r\n");
        length = strcasestr(bytes, "content-length:");
        if (end != NULL && length != NULL) {
            keep_line(s, bytes);
            whole = (size_t)(end + 4 - bytes) + strtoul(length + 15, NULL, 10);
            if (*size >= whole) {
                memmove(bytes, bytes + whole, *size - whole);
                *size -= whole;
                return true;
            }
        }
        got = recv(fd, bytes + *size, REQUEST_BYTES_MAX - *size - 1, 0);
        if (got <= 0)
            return false;
        *size += (size_t)got;
    }
}

/* False when the connection is over. */
static bool act(struct raw_server *s, int fd, enum raw_act what)
{
    char byte;

    switch (what) {
    case RAW_CONTINUE:
        say(fd, "HTTP/1.1 100 Continue\r\n\r\n");
        answer(fd);
        return true;
    case RAW_ANSWER:
        answer(fd);
        return true;
    case RAW_GIVEN:
        say(fd, s->given);
        return true;
    case RAW_CHUNKED_CUT:
        say(fd, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                "transfer-encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n");
        return false;
    case RAW_HEAD_CUT:
        say(fd, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-half: ");
        return false;
    case RAW_RST:
        reset(fd);
        return false;
    case RAW_SILENCE:
        s->left += recv(fd, &byte, 1, 0) <= 0;
        return false;
    case RAW_FIN:
    case RAW_END:
        return false;
    }
    return false;
}

static void *serve(void *context)
{
    struct guest *guest = context;
    struct raw_server *s = guest->server;
    char *bytes = malloc(REQUEST_BYTES_MAX);
    size_t size = 0;
    uint32_t at = 0;
    bool is_open = bytes != NULL;

    for (uint64_t request = 0; is_open && read_request(s, guest->fd, bytes, &size); request++) {
        s->requests++;
        s->reused += request > 0;
        is_open = act(s, guest->fd, s->script[at]);
        if (at + 1 < RAW_SCRIPT_MAX && s->script[at + 1] != RAW_END)
            at++;
    }
    close(guest->fd);
    free(bytes);
    free(guest);
    return NULL;
}

static void *accept_all(void *context)
{
    struct raw_server *s = context;
    int fd;

    while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
        struct guest *guest = malloc(sizeof(*guest));

        if (guest == NULL || s->threads_count == RAW_CONNECTIONS_MAX)
            abort(); /* a test that wants more must say so above */
        *guest = (struct guest){s, fd};
        s->connections++;
        if (pthread_create(&s->threads[s->threads_count], NULL, serve, guest) != 0)
            abort();
        s->threads_count++;
    }
    return NULL;
}

static bool listen_somewhere(struct raw_server *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(s->listener, 256) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&address, &size) != 0)
        return false;
    s->port = ntohs(address.sin_port);
    snprintf(s->origin, sizeof(s->origin), "http://127.0.0.1:%u", s->port);
    return true;
}

bool raw_server_start(struct raw_server *s, const enum raw_act *script)
{
    memset(s, 0, sizeof(*s));
    for (uint32_t i = 0; i < RAW_SCRIPT_MAX && script[i] != RAW_END; i++)
        s->script[i] = script[i];
    return listen_somewhere(s) && pthread_create(&s->thread, NULL, accept_all, s) == 0;
}

void raw_server_stop(struct raw_server *s)
{
    shutdown(s->listener, SHUT_RDWR); /* accept returns */
    pthread_join(s->thread, NULL);
    for (uint32_t i = 0; i < s->threads_count; i++)
        pthread_join(s->threads[i], NULL);
    close(s->listener);
}
