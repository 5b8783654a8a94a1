/* The admin API of a whole mock, over a socket pair: what is sent to it is HTTP, or not, and what
 * comes back always is. The first byte says how long the mock's own life is meant to go on: an even
 * one gets a fresh mock afterwards, so that what requests leave behind is met by others. */

#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mockserver/admin.h"
#include "mockserver/canary.h"
#include "mockserver/connection.h"
#include "fuzz.h"
#include "mockserver/journal_sink.h"
#include "mockserver/mock.h"

#define ARENA_BYTES_MAX ((size_t)1 << 26)

enum { TURNS_MAX = 24, ANSWER_BYTES_MAX = 1 << 20 };

static const char text[] =
    "{\"name\":\"fuzz\",\"subject\":{\"client\":{\"preset\":\"none\"}},\"target\":{\"mock\":{"
    "\"models\":{\"c\":{\"api\":\"anthropic\"},\"g\":{\"api\":\"openai-chat\"}}}},"
    "\"load\":{\"requests\":[{\"model\":\"c\",\"input_tokens\":1,\"output_tokens\":1}],"
    "\"arrivals\":[{\"rate\":\"1/s\",\"for\":\"1s\"}]},"
    "\"chaos\":[{\"phase\":\"p\",\"from\":{\"mark\":\"m\"},\"fault\":{\"status\":529}},"
    "{\"phase\":\"q\",\"nth\":2,\"state\":{\"name\":\"s\",\"is\":\"start\",\"becomes\":\"t\"},"
    "\"fault\":{\"status\":500}}]}";

/* A mock without listeners; zeroed it can be closed. */
struct stage {
    struct arena arena;
    struct scenario *scenario;
    struct event_base *base;
    struct canaries canaries;
    struct journal_sink *journal;
    struct connections *connections;
    struct admin *admin;
    struct mock *mock;
};

static struct stage stage;

static enum rc no_file(void *context, struct slice path, struct arena *into, struct slice *bytes,
                       struct error *err)
{
    (void)context;
    (void)into;
    (void)bytes;
    return error_set(err, RC_SYSTEM, "%.*s: there are no files here", SLICE_ARG(path));
}

static void on_ended(void *context)
{
    (void)context;
}

static void close_stage(struct stage *s)
{
    connections_free(s->connections);
    admin_close(s->admin);
    mock_close(s->mock);
    journal_sink_close(s->journal);
    if (s->base != NULL)
        event_base_free(s->base);
    arena_deinit(&s->arena);
    *s = (struct stage){0};
}

static enum rc open_stage(struct stage *s, struct error *err)
{
    static const struct file_reader nothing = {no_file, NULL};
    const struct memory *memory = memory_heap();
    struct journal_sink_options journal = {.memory = memory, .fd = -1, .on_ended = on_ended};
    struct connections_options connections = {.memory = memory, .patience = NANOS_S};
    struct admin_options admin = {.memory = memory, .canaries = &s->canaries};
    struct mock_options mock = {.memory = memory};

    arena_init(&s->arena, memory, ARENA_BYTES_MAX);
    s->scenario = arena_take(&s->arena, 1, sizeof(*s->scenario));
    TRY(scenario_load(s->scenario, slice_of(text), SLICE("fuzz"), &nothing, &s->arena, err));
    s->base = event_base_new();
    journal.base = connections.base = admin.base = s->base;
    journal.scenario = admin.scenario = mock.scenario = s->scenario;
    TRY(journal_sink_open(&s->journal, &journal, err));
    TRY(connections_new(&s->connections, &connections, err));
    admin.connections = mock.connections = s->connections;
    admin.journal = mock.journal = s->journal;
    TRY(admin_open(&s->admin, &admin, err));
    mock.watcher = admin_watcher(s->admin);
    TRY(mock_open(&s->mock, &mock, err));
    admin_attach(s->admin, s->mock);
    admin_tell_place(s->admin, "anthropic", "http://127.0.0.1:1");
    return RC_OK;
}

static void turn(const struct stage *s)
{
    event_base_loop(s->base, EVLOOP_NONBLOCK);
    mock_turn(s->mock);
    connections_settle(s->connections);
}

/* What comes back for these bytes at that listener, and how much of it. */
static size_t ask(const struct stage *s, const struct connection_owner *owner, struct slice bytes)
{
    static char answer[ANSWER_BYTES_MAX];
    size_t size = 0;
    int ends[2];

    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    connections_take(s->connections, ends[1], owner);
    for (int i = 0; i < TURNS_MAX; i++) {
        ssize_t sent = bytes.size > 0 ? send(ends[0], bytes.data, bytes.size, MSG_NOSIGNAL) : 0;
        ssize_t got;

        if (sent > 0)
            (void)fuzz_cut(&bytes, (size_t)sent);
        turn(s);
        got = recv(ends[0], answer + size, sizeof(answer) - size, 0);
        if (got > 0)
            size += (size_t)got;
        else if (bytes.size == 0 && i > 2)
            break;
    }
    if (size >= 9)
        FUZZ_CHECK(memcmp(answer, "HTTP/1.1 ", 9) == 0);
    close(ends[0]);
    turn(s);
    return size;
}

/* A request that a record, a post and a waiter may come of. */
static void live(const struct stage *s)
{
    static const char request[] = "POST /v1/messages HTTP/1.1\r\nx-api-key: k\r\n"
                                  "anthropic-version: 2023-06-01\r\ncontent-length: 75\r\n\r\n"
                                  "{\"model\":\"c\",\"max_tokens\":3,\"messages\":"
                                  "[{\"role\":\"user\",\"content\":\"hello\"}]}";
    static const char post[] = "POST /slack HTTP/1.1\r\ncontent-length: 12\r\n\r\n{\"text\":\"x\"}";

    (void)ask(s, mock_owner(s->mock, 0), slice_of(request));
    (void)ask(s, mock_owner(s->mock, UPSTREAM_HOOKS), slice_of(post));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char health[] = "GET /_brownout/health HTTP/1.1\r\n\r\n";
    unsigned choice;
    struct slice bytes = fuzz_text(data, size, &choice);
    struct error err = {0};

    if (stage.base == NULL) {
        FUZZ_CHECK(open_stage(&stage, &err) == RC_OK);
        live(&stage);
    }
    (void)ask(&stage, admin_owner(stage.admin), bytes);
    FUZZ_CHECK(ask(&stage, admin_owner(stage.admin), slice_of(health)) > 0);
    if (choice % 16 == 0)
        close_stage(&stage);
    return 0;
}
