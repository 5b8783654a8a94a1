/* Many paced streams at once, as a client sees them: how late is each event, and what does the
 * server hold for a stream?
 *
 *     streams PORT COUNT TOKENS GAP_US [PID]
 *
 * Opens COUNT streams of TOKENS tokens to 127.0.0.1:PORT, a token due every GAP_US, reads all of
 * them on one thread, and prints a line each:
 *
 *     events a second, from the first event to the last
 *     lateness of events, p99, in microseconds
 *     bytes of resident memory of process PID per stream, when all had begun, less those before
 *
 * An event's lateness is its arrival here less when it was due: k gaps behind the stream's start,
 * which is taken from the event that came with the least delay. So the server's lateness and ours
 * are both in it, and what all events of a stream share is not. Streams start spread over a gap. */

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/descriptors.h"

enum { CHUNK_MAX = 65536, EVENTS_MAX = 256, LINE_MAX_BYTES = 256 };

struct stream {
    int fd;
    uint32_t seen; /* tokens */
    bool is_over;
    int64_t *arrivals;
};

static struct stream *streams;
static uint32_t count, tokens;
static nanos gap;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t resident_bytes(const char *pid)
{
    char path[64], line[LINE_MAX_BYTES];
    unsigned long long kb = 0;
    FILE *status;

    snprintf(path, sizeof(path), "/proc/%s/status", pid);
    status = fopen(path, "r");
    if (status == NULL)
        die(path);
    while (fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "VmRSS: %llu kB", &kb) == 1)
            break;
    fclose(status);
    return kb * 1024;
}

static void ask(struct stream *s, uint16_t port, int poll)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static const char body[] = "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":"
                               "\"user\",\"content\":\"hello\"}]}";
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
    char text[1024];
    int size = snprintf(text, sizeof(text),
                        "POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\n"
                        "authorization: Bearer key\r\ncontent-type: application/json\r\n"
                        "x-brownout-output-tokens: %u\r\ncontent-length: %zu\r\n\r\n%s",
                        tokens, sizeof(body) - 1, body);

    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("connect");
    if (send(s->fd, text, (size_t)size, MSG_NOSIGNAL) != size)
        die("send");
    epoll_ctl(poll, EPOLL_CTL_ADD, s->fd, &event);
}

/* Tokens are words that begin with " w". A marker that is cut in two by a read is missed: the
 * stream then ends with one event less, and the rest is measured. */
static void count_tokens(struct stream *s, const char *bytes, size_t size, nanos at)
{
    static const char marker[] = "\"content\":\" w";
    const char *end = bytes + size;

    while ((bytes = memmem(bytes, (size_t)(end - bytes), marker, sizeof(marker) - 1)) != NULL) {
        if (s->seen < tokens)
            s->arrivals[s->seen++] = at;
        bytes += sizeof(marker) - 1;
    }
}

static void hear(struct stream *s, uint32_t *over)
{
    static char bytes[CHUNK_MAX];
    ssize_t size = recv(s->fd, bytes, sizeof(bytes), 0);

    if (size <= 0)
        die("a stream ended early");
    count_tokens(s, bytes, (size_t)size, clock_monotonic());
    if (s->is_over || memmem(bytes, (size_t)size, "[DONE]", 6) == NULL)
        return;
    s->is_over = true;
    ++*over;
}

static int by_size(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static void report(void)
{
    uint64_t seen = 0;
    nanos first = NANOS_NEVER, last = 0;
    int64_t *late = malloc((size_t)count * tokens * sizeof(*late));

    if (late == NULL)
        die("memory");
    for (uint32_t i = 0; i < count; i++) {
        const struct stream *s = &streams[i];
        nanos start = NANOS_NEVER;

        for (uint32_t k = 0; k < s->seen; k++)
            if (s->arrivals[k] - k * gap < start)
                start = s->arrivals[k] - k * gap;
        for (uint32_t k = 0; k < s->seen; k++)
            late[seen++] = s->arrivals[k] - k * gap - start;
        if (s->seen > 0 && s->arrivals[0] < first)
            first = s->arrivals[0];
        if (s->seen > 0 && s->arrivals[s->seen - 1] > last)
            last = s->arrivals[s->seen - 1];
    }
    if (seen == 0)
        die("no event came");
    qsort(late, seen, sizeof(*late), by_size);
    printf("%.0f\n%.0f\n", (double)seen / ((double)(last - first) / NANOS_S),
           (double)late[seen - 1 - seen / 100] / NANOS_US);
    free(late);
}

static bool have_all_begun(void)
{
    for (uint32_t i = 0; i < count; i++)
        if (streams[i].seen == 0)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS_MAX];
    const char *pid = argc > 5 ? argv[5] : NULL;
    int poll = epoll_create1(EPOLL_CLOEXEC);
    uint64_t before, held = 0;
    uint32_t asked = 0, over = 0;
    nanos start;

    if (argc < 5)
        return 2;
    descriptors_raise();
    count = (uint32_t)atoi(argv[2]);
    tokens = (uint32_t)atoi(argv[3]);
    gap = atoi(argv[4]) * (nanos)NANOS_US;
    streams = calloc(count, sizeof(*streams));
    for (uint32_t i = 0; i < count; i++)
        streams[i].arrivals = calloc(tokens, sizeof(int64_t));
    before = pid != NULL ? resident_bytes(pid) : 0;
    start = clock_monotonic();
    while (over < count) {
        int ready;

        while (asked < count && clock_monotonic() - start >= gap * asked / count)
            ask(&streams[asked++], (uint16_t)atoi(argv[1]), poll);
        ready = epoll_wait(poll, events, EVENTS_MAX, asked < count ? 0 : 1000);
        for (int i = 0; i < ready; i++)
            hear(events[i].data.ptr, &over);
        if (pid != NULL && held == 0 && asked == count && have_all_begun())
            held = resident_bytes(pid) - before;
    }
    report();
    if (pid != NULL)
        printf("%.0f\n", (double)held / count);
    return 0;
}
