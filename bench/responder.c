/* The fastest server we can write in one page: answers every request at once with the same short
 * chat completion, over keep-alive connections, on one thread. The benchmarks put both clients,
 * ours and the bare one, in front of it, so that the server is never what is measured.
 *
 *     responder [PORT]      prints its base URL, serves until standard input is closed
 *
 * It reads just enough HTTP to find where a request ends: a head of at most 4 KB, and a body as
 * long as Content-Length says. Anything else closes the connection. An answer is always smaller
 * than a socket's buffer, so a short write means a client that is not of ours: closed too. */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 16384, /* by descriptor */
    HEAD_MAX = 4096,
    CHUNK_MAX = 65536,
    EVENTS_MAX = 256,
    LIFE_MAX_S = 3600, /* whatever happens to whoever started us */
};

struct connection {
    size_t head_size; /* bytes of an unfinished head */
    size_t body_left; /* bytes of the body still to come */
    char head[HEAD_MAX + 1];
};

#define BODY                                                                                \
    "{\"id\":\"chatcmpl-bench0001\",\"object\":\"chat.completion\",\"created\":1767225600," \
    "\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"message\":{"               \
    "\"role\":\"assistant\",\"content\":\"w1 w2 w3 w4 w5 w6 w7 w8\",\"refusal\":null},"     \
    "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,"        \
    "\"completion_tokens\":8,\"total_tokens\":17,\"prompt_tokens_details\":{"               \
    "\"cached_tokens\":0}},\"service_tier\":\"default\",\"system_fingerprint\":null}"

static char answer[1024];
static size_t answer_size;
static struct connection *connections[CONNECTIONS_MAX];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Eats one chunk. Returns how many requests it completed, or -1 for a request we do not read. */
static int feed(struct connection *c, const char *data, size_t size)
{
    int completed = 0;

    while (size > 0) {
        if (c->body_left > 0) {
            size_t eaten = size < c->body_left ? size : c->body_left;

            c->body_left -= eaten;
            data += eaten;
            size -= eaten;
        } else {
            size_t room = HEAD_MAX - c->head_size;
            size_t copied = size < room ? size : room;
            const char *end, *length;

            memcpy(c->head + c->head_size, data, copied);
            c->head[c->head_size + copied] = '\0';
            end = strstr(c->head, "\r\n\r\n");
            if (end == NULL && copied == room)
                return -1;
            if (end == NULL) {
                c->head_size += copied;
                return completed;
            }
            length = strcasestr(c->head, "\r\ncontent-length:");
            if (length != NULL && length < end)
                c->body_left = strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
            copied = (size_t)(end + 4 - c->head) - c->head_size;
            c->head_size = 0;
            data += copied;
            size -= copied;
        }
        if (c->body_left == 0)
            completed++;
    }
    return completed;
}

/* False when the connection is over. */
static bool serve(int fd)
{
    static char chunk[CHUNK_MAX];
    ssize_t size = read(fd, chunk, sizeof chunk);
    int completed;

    if (size < 0)
        return errno == EAGAIN;
    if (size == 0)
        return false;
    completed = feed(connections[fd], chunk, (size_t)size);
    for (int i = 0; i < completed; i++)
        if (send(fd, answer, answer_size, MSG_NOSIGNAL) != (ssize_t)answer_size)
            return false;
    return completed >= 0;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl (standard input must be a pipe)");
}

static void accept_all(int epoll, int listener)
{
    int fd, on = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= CONNECTIONS_MAX) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (connections[fd] == NULL)
            connections[fd] = malloc(sizeof *connections[fd]); /* kept for the next on this fd */
        if (connections[fd] == NULL)
            die("malloc");
        connections[fd]->head_size = connections[fd]->body_left = 0;
        watch(epoll, fd);
    }
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    socklen_t size = sizeof address;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0)
        die("listen");
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        die("getsockname");
    printf("http://127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    int listener = listen_on(argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0);
    int epoll = epoll_create1(0);
    char ignored[256];

    answer_size = (size_t)snprintf(answer, sizeof answer,
                                   "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                                   "content-length: %zu\r\n\r\n%s",
                                   sizeof BODY - 1, BODY);
    alarm(LIFE_MAX_S);
    watch(epoll, listener);
    watch(epoll, STDIN_FILENO);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;

            if (fd == listener)
                accept_all(epoll, listener);
            else if (fd == STDIN_FILENO && read(fd, ignored, sizeof ignored) <= 0)
                return 0;
            else if (fd != STDIN_FILENO && !serve(fd))
                close(fd);
        }
    }
}
