/* The best bare libcurl loop we know: what a driver could reach if it measured, decided and
 * recorded nothing. The figure of our own driver is given as a share of this one, taken in the same
 * run.
 *
 *     bare_laned URL CONNECTIONS SECONDS      prints requests per second
 *
 * It sends what the driver sends: libcurl prints a head byte by byte, so that headers which only
 * one of them sent would be what the benchmark compares.
 *
 * A closed loop: each connection sends its next POST when the answer to the last is in. Four
 * things make it fast. In requests/s on two cores of one machine, against the obvious way:
 *   - descriptors stay registered between transfers, where libcurl asks to remove and add them
 *     again: 78,000 against 54,000 with 64 connections;
 *   - lanes, a multi handle of 16 connections each, since libcurl looks for an idle connection
 *     linearly: 47,000 against 37,000 with 1,024 connections;
 *   - the URL is given as read (CURLOPT_CURLU), not as text that libcurl reads and prints anew for
 *     every transfer: a tenth of its instructions;
 *   - one epoll for all lanes, and libcurl's timers kept as instants that bound the wait: a timerfd
 *     that is armed anew on every callback costs more than half of the rate. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/nanos.h"
#include "os/clock.h"

enum { LANE_CONNECTIONS = 16, LANES_MAX = 1024, DESCRIPTORS_MAX = 32768, EVENTS_MAX = 256 };

struct lane {
    CURLM *multi;
    nanos wakes_at; /* when libcurl wants to be called without an event */
};

static const char request[] =
    "{\"model\":\"gpt-4o\",\"max_tokens\":8,\"messages\":[{\"role\":\"user\",\"content\":\""
    "Of the many ways to overload a service, name the one that hurts its users most, and say in "
    "one sentence why; then name the one that its operators notice last, and what they should "
    "have been watching instead of the average.\"}]}";

static struct lane lanes[LANES_MAX];
static uint32_t registered[DESCRIPTORS_MAX]; /* what epoll watches for; 0: nothing */
static int epoll;
static nanos now; /* read once per wait */
static uint64_t answers;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bare_laned: %s: %s\n", what, why);
    exit(1);
}

/* What libcurl wants to know of a descriptor. Its wish to forget one after a transfer is not
 * carried out, since the lane's next transfer will ask for the same again. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *lane, void *unused)
{
    uint32_t events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                      (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    uint64_t index = (uint64_t)((struct lane *)lane - lanes);
    struct epoll_event event = {.events = events, .data.u64 = index << 32 | (uint32_t)fd};
    int change = EPOLL_CTL_MOD;

    (void)easy, (void)unused;
    if (fd >= DESCRIPTORS_MAX)
        die("socket", "too many descriptors");
    if (what == CURL_POLL_REMOVE || registered[fd] == events)
        return 0;
    if (registered[fd] == 0)
        change = EPOLL_CTL_ADD;
    if (epoll_ctl(epoll, change, fd, &event) != 0)
        die("epoll_ctl", "refused");
    registered[fd] = events;
    return 0;
}

/* The kernel forgets a closed descriptor, and so do we. */
static int on_close(void *unused, curl_socket_t fd)
{
    (void)unused;
    registered[fd] = 0;
    return close(fd);
}

static int on_timer(CURLM *multi, long milliseconds, void *lane)
{
    (void)multi;
    ((struct lane *)lane)->wakes_at =
        milliseconds < 0 ? NANOS_NEVER : now + milliseconds * NANOS_MS;
    return 0;
}

static size_t on_content(char *data, size_t size, size_t count, void *unused)
{
    (void)data, (void)unused;
    return size * count;
}

static CURL *easy_new(CURLU *url, struct curl_slist *headers)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        die("curl_easy_init", "no handle");
    curl_easy_setopt(easy, CURLOPT_CURLU, url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)sizeof request - 1);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_content);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    return easy;
}

static void lane_open(struct lane *lane)
{
    lane->wakes_at = NANOS_NEVER;
    lane->multi = curl_multi_init();
    if (lane->multi == NULL)
        die("curl_multi_init", "no handle");
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, (long)LANE_CONNECTIONS);
}

/* Counts what has ended and sends each again. A failure ends the benchmark: a rate of refusals
 * would say nothing. */
static void collect(struct lane *lane)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(lane->multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result;
        long status = 0;

        if (result != CURLE_OK)
            die("transfer", curl_easy_strerror(result));
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (status != 200)
            die("transfer", "the status was not 200");
        answers++;
        curl_multi_remove_handle(lane->multi, easy);
        curl_multi_add_handle(lane->multi, easy);
    }
}

static void act(struct lane *lane, curl_socket_t fd, int what)
{
    int running;

    curl_multi_socket_action(lane->multi, fd, what, &running);
    collect(lane);
}

static void wait_and_act(int lane_count)
{
    struct epoll_event events[EVENTS_MAX];
    nanos wakes_at = now + NANOS_S;
    int count;

    for (int i = 0; i < lane_count; i++)
        wakes_at = nanos_min(wakes_at, lanes[i].wakes_at);
    count = epoll_wait(epoll, events, EVENTS_MAX,
                       (int)((nanos_max(wakes_at - now, 0) + NANOS_MS - 1) / NANOS_MS));
    now = clock_monotonic();
    for (int i = 0; i < count; i++) {
        uint32_t seen = events[i].events;
        int what = (seen & EPOLLIN ? CURL_CSELECT_IN : 0) |
                   (seen & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (seen & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

        act(&lanes[events[i].data.u64 >> 32], (int)(uint32_t)events[i].data.u64, what);
    }
    for (int i = 0; i < lane_count; i++) {
        if (lanes[i].wakes_at > now)
            continue;
        lanes[i].wakes_at = NANOS_NEVER;
        act(&lanes[i], CURL_SOCKET_TIMEOUT, 0);
    }
}

int main(int argc, char **argv)
{
    int connection_count = argc == 4 ? atoi(argv[2]) : 0;
    int seconds = argc == 4 ? atoi(argv[3]) : 0;
    int lane_count = (connection_count + LANE_CONNECTIONS - 1) / LANE_CONNECTIONS;
    struct curl_slist *headers;
    CURLU *url;
    nanos began_at;
    uint64_t warm;

    if (connection_count < 1 || lane_count > LANES_MAX || seconds < 1)
        die("usage", "bare_laned URL CONNECTIONS SECONDS");
    curl_global_init(CURL_GLOBAL_ALL);
    headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Authorization: Bearer brownout-placeholder-key");
    headers = curl_slist_append(headers, "User-Agent: brownout/0.1.0");
    headers = curl_slist_append(headers, "Expect:");
    url = curl_url();
    if (url == NULL || curl_url_set(url, CURLUPART_URL, argv[1], 0) != CURLUE_OK)
        die("curl_url_set", argv[1]);
    epoll = epoll_create1(0);
    now = clock_monotonic();
    for (int i = 0; i < lane_count; i++)
        lane_open(&lanes[i]);
    for (int i = 0; i < connection_count; i++)
        curl_multi_add_handle(lanes[i / LANE_CONNECTIONS].multi, easy_new(url, headers));

    for (began_at = now; now < began_at + NANOS_S / 2;)
        wait_and_act(lane_count); /* connecting is not what we measure */
    warm = answers;
    for (began_at = now; now < began_at + seconds * NANOS_S;)
        wait_and_act(lane_count);
    printf("%.0f\n", (double)(answers - warm) * NANOS_S / (double)(now - began_at));
    return 0;
}
