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
 * stream then has one event less, and those behind it look late by a gap. Rare: events are small.
 */
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

/* When the stream began, told by the event that came with the least delay. */
static nanos began_at(const struct stream *s)
{
    nanos start = NANOS_NEVER;

    for (uint32_t k = 0; k < s->seen; k++)
        if (s->arrivals[k] - k * gap < start)
            start = s->arrivals[k] - k * gap;
    return start;
}

static uint64_t take_lateness(int64_t *late)
{
    uint64_t seen = 0;

    for (uint32_t i = 0; i < count; i++) {
        nanos start = began_at(&streams[i]);

        for (uint32_t k = 0; k < streams[i].seen; k++)
            late[seen++] = streams[i].arrivals[k] - k * gap - start;
    }
    return seen;
}

/* From the first event of all to the last, in seconds. */
static double lasted(void)
{
    nanos first = NANOS_NEVER, last = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct stream *s = &streams[i];

        if (s->seen > 0 && s->arrivals[0] < first)
            first = s->arrivals[0];
        if (s->seen > 0 && s->arrivals[s->seen - 1] > last)
            last = s->arrivals[s->seen - 1];
    }
    return (double)(last - first) / NANOS_S;
}

static void report(void)
{
    int64_t *late = calloc(count, tokens * sizeof(*late));
    uint64_t seen, rank;

    if (late == NULL)
        die("memory");
    seen = take_lateness(late);
    if (seen == 0)
        die("no event came");
    qsort(late, seen, sizeof(*late), by_size);
    rank = seen - 1 - seen / 100;
    printf("%.0f\n%.0f\n", (double)seen / lasted(), (double)late[rank] / NANOS_US);
    free(late);
}

static bool have_all_begun(void)
{
    for (uint32_t i = 0; i < count; i++)
        if (streams[i].seen == 0)
            return false;
    return true;
}

/* All at once would be one burst a gap: they are spread over one. */
static void ask_who_is_due(uint16_t port, int poll, nanos start, uint32_t *asked)
{
    while (*asked < count && clock_monotonic() - start >= gap * *asked / count)
        ask(&streams[(*asked)++], port, poll);
}

/* Until all are over, or nothing has come for so long that nothing will. Returns what `pid` held
 * when all had begun. */
static uint64_t run(uint16_t port, const char *pid)
{
    struct epoll_event events[EVENTS_MAX];
    int poll = epoll_create1(EPOLL_CLOEXEC);
    int silence_ms = 1000 + (int)(2 * gap / NANOS_MS);
    uint32_t asked = 0, over = 0;
    nanos start = clock_monotonic();
    uint64_t held = 0;
    int ready = 1;

    while (over < count && (ready > 0 || asked < count)) {
        ask_who_is_due(port, poll, start, &asked);
        ready = epoll_wait(poll, events, EVENTS_MAX, asked < count ? 0 : silence_ms);
        for (int i = 0; i < ready; i++)
            hear(events[i].data.ptr, &over);
        if (pid != NULL && held == 0 && asked == count && have_all_begun())
            held = resident_bytes(pid);
    }
    return held;
}

int main(int argc, char **argv)
{
    const char *pid = argc > 5 ? argv[5] : NULL;
    uint64_t before, held;

    if (argc < 5 || atoi(argv[2]) < 1 || atoi(argv[3]) < 1)
        return 2;
    descriptors_raise();
    count = (uint32_t)atoi(argv[2]);
    tokens = (uint32_t)atoi(argv[3]);
    gap = atoi(argv[4]) * (nanos)NANOS_US;
    streams = calloc(count, sizeof(*streams));
    for (uint32_t i = 0; i < count; i++)
        streams[i].arrivals = calloc(tokens, sizeof(int64_t));
    before = pid != NULL ? resident_bytes(pid) : 0;
    held = run((uint16_t)atoi(argv[1]), pid);
    report();
    if (pid != NULL)
        printf("%.0f\n", (double)(held - before) / count);
    return 0;
}
