/* The hook sender against a server in the same thread: sockets are real, time is told. Nothing here
 * waits for a clock: a pause or a patience ends because the test says so. */

#include "hook_sender.h"

#include <CUnit/CUnit.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "tests/support/flaky.h"

enum {
    GUESTS_MAX = 4,
    REQUESTS_MAX = 8,
    REQUEST_BYTES_MAX = 8192,
    RECORDS_MAX = 8,
    ROUNDS_MAX = 2000, /* of at most a millisecond each */
};

/* What the server does with a request, besides answering a text. */
#define SILENCE "silence"
#define RESET "reset"
#define FLOOD "flood" /* 200, and a body without end */

#define OK_ANY "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"

struct guest {
    int fd; /* -1: none */
    char bytes[REQUEST_BYTES_MAX];
    size_t size;
    bool is_flooded;
};

static struct {
    int listener;
    char origin[64];
    const char *const *script; /* by request; past the last: as the last */
    struct guest guests[GUESTS_MAX];
    char requests[REQUESTS_MAX][REQUEST_BYTES_MAX]; /* zero-terminated, whole */
    uint32_t requests_count;
    uint32_t connections_count;
    uint32_t left_count; /* connections that the client closed */
} server;

static struct monitor_rules rules;
static struct alert_manner manner;
static struct monitor *monitor;
static struct hook_sender *sender;
static struct alert_record records[RECORDS_MAX];
static uint32_t records_count;
static nanos now;

/* --- the server ------------------------------------------------------------------------------- */

static void server_open(const char *const *script)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    memset(&server, 0, sizeof(server));
    server.script = script;
    for (int i = 0; i < GUESTS_MAX; i++)
        server.guests[i].fd = -1;
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CU_ASSERT_FATAL(bind(server.listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    CU_ASSERT_FATAL(listen(server.listener, GUESTS_MAX) == 0);
    CU_ASSERT_FATAL(getsockname(server.listener, (struct sockaddr *)&address, &size) == 0);
    snprintf(server.origin, sizeof(server.origin), "http://127.0.0.1:%u", ntohs(address.sin_port));
}

static void guest_close(struct guest *guest)
{
    close(guest->fd);
    *guest = (struct guest){.fd = -1};
}

static void guest_reset(struct guest *guest)
{
    struct linger at_once = {.l_onoff = 1};

    setsockopt(guest->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    guest_close(guest);
}

static void server_close(void)
{
    for (int i = 0; i < GUESTS_MAX; i++) {
        if (server.guests[i].fd >= 0)
            guest_close(&server.guests[i]);
    }
    close(server.listener);
}

static void say(struct guest *guest, const char *text, size_t size)
{
    ssize_t written = send(guest->fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);

    (void)written; /* what does not fit into the socket is not missed by any test */
}

static void flood(struct guest *guest)
{
    static const char zeros[65536];

    say(guest, zeros, sizeof(zeros));
}

static void act(struct guest *guest, const char *what)
{
    if (strcmp(what, SILENCE) == 0)
        return;
    if (strcmp(what, RESET) == 0) {
        guest_reset(guest);
        return;
    }
    if (strcmp(what, FLOOD) == 0) {
        const char *head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";

        guest->is_flooded = true;
        say(guest, head, strlen(head));
        return;
    }
    say(guest, what, strlen(what));
}

static bool is_whole(const struct guest *guest)
{
    const char *end = strstr(guest->bytes, "\r\n\r\n");
    const char *length = strcasestr(guest->bytes, "content-length:");

    return end != NULL && length != NULL &&
           guest->size >= (size_t)(end + 4 - guest->bytes) + strtoul(length + 15, NULL, 10);
}

static void take_request(struct guest *guest)
{
    uint32_t index = server.requests_count++;
    uint32_t line = 0;

    CU_ASSERT_FATAL(index < REQUESTS_MAX);
    memcpy(server.requests[index], guest->bytes, guest->size + 1);
    guest->size = 0;
    while (line < index && server.script[line + 1] != NULL)
        line++;
    act(guest, server.script[line]);
}

static void serve_guest(struct guest *guest)
{
    ssize_t got =
        recv(guest->fd, guest->bytes + guest->size, sizeof(guest->bytes) - 1 - guest->size, 0);

    if (got == 0 || (got < 0 && guest->is_flooded)) {
        server.left_count++;
        guest_close(guest);
        return;
    }
    if (got < 0)
        return;
    guest->size += (size_t)got;
    guest->bytes[guest->size] = '\0';
    if (is_whole(guest))
        take_request(guest);
}

static void serve(void)
{
    for (int i = 0; i < GUESTS_MAX; i++) {
        struct guest *guest = &server.guests[i];

        if (guest->fd < 0) {
            guest->fd = accept4(server.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
            server.connections_count += guest->fd >= 0;
        }
        if (guest->fd >= 0 && guest->is_flooded)
            flood(guest);
        else if (guest->fd >= 0)
            serve_guest(guest);
    }
}

/* --- the test's world ------------------------------------------------------------------------- */

static void keep_record(void *context, const struct alert_record *record)
{
    (void)context;
    CU_ASSERT_FATAL(records_count < RECORDS_MAX);
    records[records_count++] = *record;
}

static struct hook_sender_options options(void)
{
    return (struct hook_sender_options){
        .monitor = monitor,
        .origin = server.origin,
        .memory = memory_heap(),
        .on_settled = keep_record,
    };
}

static void open_hooks(uint32_t hooks_count, enum hook_kind first)
{
    struct monitor_options monitor_options = {&rules, &manner, memory_heap()};
    struct hook_sender_options sender_options;
    struct error err;

    rules = (struct monitor_rules){
        .is_on = true,
        .slow = NANOS_NEVER,
        .tokens_high = UINT64_MAX,
        .errors = true,
        .cool_down = NANOS_MS,
        .hooks = {first, first == HOOK_ANY ? HOOK_SLACK : HOOK_ANY},
        .hooks_count = hooks_count,
        .patience = 5 * NANOS_S,
    };
    manner = (struct alert_manner){0};
    records_count = 0;
    now = NANOS_S;
    EXPECT_RC(monitor_new(&monitor, &monitor_options, &err), RC_OK);
    sender_options = options();
    EXPECT_RC(hook_sender_new(&sender, &sender_options, &err), RC_OK);
}

static void begin(const char *const *script, enum hook_kind hook)
{
    server_open(script);
    open_hooks(1, hook);
}

static void end(void)
{
    hook_sender_free(sender);
    monitor_free(monitor);
    server_close();
}

/* A call that fails: one alert. */
static void alarm_once(void)
{
    now += rules.cool_down;
    monitor_note(monitor,
                 &(struct observation){.call = SLICE("steady:7"),
                                       .model = SLICE("claude"),
                                       .outcome = OUTCOME_OVERLOADED,
                                       .latency = NANOS_NEVER},
                 now);
}

/* A turn leaves nothing undone: whoever sleeps after it may sleep. */
static void turn(void)
{
    struct monitor_effect effect;

    hook_sender_turn(sender, now);
    CU_ASSERT(!monitor_next(monitor, &effect));
}

static void round_trip(void)
{
    turn();
    serve();
    hook_sender_poll(sender, NULL, 0, now, NANOS_MS);
}

static void go_until_settled(uint32_t count)
{
    for (int i = 0; i < ROUNDS_MAX && records_count < count; i++)
        round_trip();
    EXPECT_U64(records_count, count);
}

/* Until the monitor waits for nothing but its alarm; then that comes. */
static void go_until_paused(uint32_t requests)
{
    nanos patience_ends_at = now + rules.patience;

    for (int i = 0; i < ROUNDS_MAX; i++) {
        round_trip();
        if (server.requests_count >= requests && monitor_wakes_at(monitor) != patience_ends_at)
            break;
    }
    EXPECT_U64(server.requests_count, requests);
}

static bool request_has(uint32_t index, const char *text)
{
    return strcasestr(server.requests[index], text) != NULL;
}

#define SCRIPT(...) ((const char *const[]){__VA_ARGS__, NULL})

/* --- tests ------------------------------------------------------------------------------------ */

static void a_post_arrives_with_key_attempt_and_body(void)
{
    begin(SCRIPT(NO_CONTENT), HOOK_DISCORD);
    alarm_once();
    go_until_settled(1);
    EXPECT_U64(server.requests_count, 1);
    CU_ASSERT(request_has(0, "POST /discord HTTP/1.1\r\n"));
    CU_ASSERT(request_has(0, "\r\ncontent-type: application/json\r\n"));
    CU_ASSERT(request_has(0, "\r\nx-brownout-alert: error:1001\r\n"));
    CU_ASSERT(request_has(0, "\r\nx-brownout-attempt: 1\r\n"));
    CU_ASSERT(!request_has(0, "\r\nexpect:"));
    CU_ASSERT(request_has(0, "\r\n\r\n{\"content\":\"error: claude ended as overloaded "
                             "(call steady:7)\",\"allowed_mentions\":{\"parse\":[]}}"));
    CU_ASSERT(records[0].is_delivered);
    EXPECT_U64(records[0].status, 204);
    EXPECT_U64(records[0].tries, 1);
    end();
}

static void the_next_post_uses_the_same_connection(void)
{
    begin(SCRIPT(OK_ANY), HOOK_ANY);
    alarm_once();
    go_until_settled(1);
    alarm_once();
    go_until_settled(2);
    EXPECT_U64(server.requests_count, 2);
    EXPECT_U64(server.connections_count, 1);
    end();
}

static void hooks_are_posted_to_at_the_same_time(void)
{
    server_open(SCRIPT(SILENCE));
    open_hooks(2, HOOK_SLACK);
    alarm_once();
    for (int i = 0; i < ROUNDS_MAX && server.requests_count < 2; i++)
        round_trip();
    EXPECT_U64(server.requests_count, 2);
    EXPECT_U64(server.connections_count, 2);
    EXPECT_U64(records_count, 0);
    end();
}

static void advice_is_read_and_obeyed(void)
{
    begin(SCRIPT("HTTP/1.1 429 Too Many Requests\r\nretry-after: 3\r\ncontent-length: 0\r\n\r\n",
                 OK_ANY),
          HOOK_ANY);
    alarm_once();
    go_until_paused(1);
    EXPECT_I64(monitor_wakes_at(monitor), now + 3 * NANOS_S);
    now += 3 * NANOS_S;
    go_until_settled(1);
    CU_ASSERT(request_has(1, "\r\nx-brownout-attempt: 2\r\n"));
    CU_ASSERT(records[0].is_delivered);
    EXPECT_U64(records[0].tries, 2);
    end();
}

/* Bare libcurl would send the second alert twice here, and say nothing. */
static void a_death_on_a_reused_connection_is_one_request(void)
{
    begin(SCRIPT(OK_ANY, RESET, OK_ANY), HOOK_ANY);
    alarm_once();
    go_until_settled(1);
    alarm_once();
    go_until_paused(2);
    EXPECT_I64(monitor_wakes_at(monitor), now + NANOS_S / 2);
    now += NANOS_S / 2;
    go_until_settled(2);
    EXPECT_U64(server.requests_count, 3);
    CU_ASSERT(request_has(2, "\r\nx-brownout-attempt: 2\r\n"));
    CU_ASSERT(records[1].is_delivered);
    end();
}

static void nobody_there_is_tried_four_times(void)
{
    begin(SCRIPT(OK_ANY), HOOK_ANY);
    shutdown(server.listener, SHUT_RDWR);
    alarm_once();
    for (int i = 0; i < ROUNDS_MAX && records_count == 0; i++) {
        turn();
        hook_sender_poll(sender, NULL, 0, now, NANOS_MS);
        if (monitor_wakes_at(monitor) < now + rules.patience)
            now = monitor_wakes_at(monitor);
    }
    EXPECT_U64(records_count, 1);
    CU_ASSERT(!records[0].is_delivered);
    EXPECT_U64(records[0].tries, DELIVERY_TRIES_MAX);
    EXPECT_U64(records[0].status, 0);
    EXPECT_I64(records[0].settled_at - records[0].alert.raised_at, 3500 * NANOS_MS);
    end();
}

static void silence_ends_with_the_patience_and_the_connection(void)
{
    begin(SCRIPT(SILENCE, OK_ANY), HOOK_ANY);
    alarm_once();
    for (int i = 0; i < ROUNDS_MAX && server.requests_count < 1; i++)
        round_trip();
    now += rules.patience;
    round_trip(); /* cancelled; the pause begins */
    EXPECT_I64(monitor_wakes_at(monitor), now + NANOS_S / 2);
    now += NANOS_S / 2;
    go_until_settled(1);
    EXPECT_U64(server.left_count, 1);
    EXPECT_U64(server.connections_count, 2);
    CU_ASSERT(records[0].is_delivered);
    end();
}

static void a_redirect_is_not_followed(void)
{
    begin(SCRIPT("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"),
          HOOK_ANY);
    alarm_once();
    go_until_settled(1);
    EXPECT_U64(server.requests_count, 1);
    CU_ASSERT(!records[0].is_delivered);
    EXPECT_U64(records[0].status, 302);
    end();
}

static void an_endless_answer_is_dropped_and_its_status_counts(void)
{
    begin(SCRIPT(FLOOD), HOOK_ANY);
    alarm_once();
    go_until_settled(1);
    CU_ASSERT(records[0].is_delivered);
    EXPECT_U64(records[0].status, 200);
    end();
}

static void a_100_is_not_the_answer(void)
{
    begin(SCRIPT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"),
          HOOK_SLACK);
    alarm_once();
    go_until_settled(1);
    EXPECT_U64(records[0].status, 410);
    end();
}

static void giving_up_drops_the_post_and_settles_it(void)
{
    begin(SCRIPT(SILENCE), HOOK_ANY);
    alarm_once();
    for (int i = 0; i < ROUNDS_MAX && server.requests_count < 1; i++)
        round_trip();
    monitor_give_up(monitor, now);
    go_until_settled(1);
    CU_ASSERT(monitor_is_idle(monitor));
    CU_ASSERT(!records[0].is_delivered);
    EXPECT_I64(records[0].settled_at, NANOS_NEVER);
    for (int i = 0; i < ROUNDS_MAX && server.left_count < 1; i++)
        round_trip();
    EXPECT_U64(server.left_count, 1);
    end();
}

static void polling_sees_the_callers_descriptors(void)
{
    struct pollfd extra[] = {
        {.fd = -1, .events = POLLIN, .revents = POLLIN},
        {.events = POLLIN, .revents = POLLOUT},
        {.events = POLLIN},
        {.events = POLLOUT},
    };
    int full[2], empty[2];

    begin(SCRIPT(OK_ANY), HOOK_ANY);
    CU_ASSERT_FATAL(pipe2(full, O_CLOEXEC) == 0);
    CU_ASSERT_FATAL(pipe2(empty, O_CLOEXEC) == 0);
    CU_ASSERT_FATAL(write(full[1], "x", 1) == 1);
    extra[1].fd = empty[0];
    extra[2].fd = full[0];
    extra[3].fd = empty[1];
    hook_sender_poll(sender, extra, ARRAY_SIZE(extra), now, NANOS_NEVER); /* returns at once */
    EXPECT_I64(extra[0].revents, 0);
    EXPECT_I64(extra[1].revents, 0);
    EXPECT_I64(extra[2].revents, POLLIN);
    EXPECT_I64(extra[3].revents, POLLOUT);
    close(full[0]);
    close(full[1]);
    close(empty[0]);
    close(empty[1]);
    end();
}

static void polling_ends_when_the_monitor_wants_to_be_woken(void)
{
    begin(SCRIPT(RESET), HOOK_ANY);
    alarm_once();
    go_until_paused(1);
    now = monitor_wakes_at(monitor);
    hook_sender_poll(sender, NULL, 0, now, NANOS_NEVER); /* returns at once */
    end();
}

static void survives_every_failing_allocation(void)
{
    struct hook_sender_options sender_options;
    struct flaky flaky;
    uint64_t allow = 0;

    begin(SCRIPT(OK_ANY), HOOK_ANY);
    do {
        struct hook_sender *other = NULL;
        struct memory memory;
        struct error err;
        enum rc rc;

        flaky = (struct flaky){.allow = allow++};
        memory = flaky_memory(&flaky);
        sender_options = options();
        sender_options.memory = &memory;
        rc = hook_sender_new(&other, &sender_options, &err);
        EXPECT_RC(rc, flaky.failed ? RC_NOMEM : RC_OK);
        hook_sender_free(other);
        EXPECT_U64(flaky.live, 0);
    } while (flaky.failed);
    CU_ASSERT(allow > 2);
    end();
}

static int initialise(void)
{
    return curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK ? 0 : -1;
}

static CU_TestInfo tests[] = {
    {"a post arrives with key, attempt and body", a_post_arrives_with_key_attempt_and_body},
    {"the next post uses the same connection", the_next_post_uses_the_same_connection},
    {"hooks are posted to at the same time", hooks_are_posted_to_at_the_same_time},
    {"advice is read and obeyed", advice_is_read_and_obeyed},
    {"a death on a reused connection is one request",
     a_death_on_a_reused_connection_is_one_request},
    {"nobody there is tried four times", nobody_there_is_tried_four_times},
    {"silence ends with the patience, and the connection",
     silence_ends_with_the_patience_and_the_connection},
    {"a redirect is not followed", a_redirect_is_not_followed},
    {"an endless answer is dropped, and its status counts",
     an_endless_answer_is_dropped_and_its_status_counts},
    {"a 100 is not the answer", a_100_is_not_the_answer},
    {"giving up drops the post and settles it", giving_up_drops_the_post_and_settles_it},
    {"polling sees the caller's descriptors", polling_sees_the_callers_descriptors},
    {"polling ends when the monitor wants to be woken",
     polling_ends_when_the_monitor_wants_to_be_woken},
    {"survives every failing allocation", survives_every_failing_allocation},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo hook_sender_suite = {"hook sender", initialise, NULL, NULL, NULL, tests};
