/* brownout-mock: model providers on sockets of this machine.
 *
 * One process, one thread, one event loop. main.c builds the parts (scenario, journal, connections,
 * mock, listeners), says where it listens, and turns the loop until a signal comes or the driver at
 * the other end of the journal is gone. Exit codes: 0 ended in order, 2 bad usage or scenario, 3
 * could not be carried out. */

#include <assert.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>

#include "admin.h"
#include "builtin.h"
#include "connection.h"
#include "journal_sink.h"
#include "listener.h"
#include "mock.h"
#include "options.h"
#include "os/descriptors.h"
#include "os/files.h"
#include "os/folder.h"
#include "scenario/merge.h"
#include "scenario/scenario.h"
#include "tls.h"

enum { EXIT_ORDERLY = 0, EXIT_USAGE = 2, EXIT_NOT_CARRIED_OUT = 3 };

#define ARENA_BYTES_MAX ((size_t)1 << 30)
#define SCENARIO_BYTES_MAX ((size_t)16 << 20)
#define TOKEN_BYTES_MAX ((size_t)4096)
#define JOURNAL_PATIENCE (5 * NANOS_S)

/* Everything there is; a zeroed one can be closed. */
struct program {
    struct options options;
    char folder[FOLDER_PATH_MAX]; /* the scenario's */
    struct arena arena;
    struct scenario *scenario;
    struct event_base *base;
    struct event *alarm; /* the engine's next instant */
    struct event *stops[2];
    struct journal_sink *journal;
    struct tls *tls; /* NULL: plain */
    struct connections *connections;
    struct mock *mock;
    struct admin *admin;
    struct slice token; /* of the admin listener; empty: none is asked */
    struct listener
        *listeners[SCENARIO_PROVIDERS_ROOM + 3]; /* by provider, then gateway, hooks, admin */
    uint32_t listeners_count;
    bool is_over;
};

/* --- the end ---------------------------------------------------------------------------------- */

static void on_ended(void *context)
{
    ((struct program *)context)->is_over = true;
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    ((struct program *)context)->is_over = true;
}

static void on_alarm(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context; /* waking up is all: the loop turns the mock */
}

static void stop_listening(struct program *p)
{
    while (p->listeners_count > 0)
        listener_close(p->listeners[--p->listeners_count]);
}

static void finish(struct program *p)
{
    stop_listening(p);
    mock_stop(p->mock);
    journal_sink_finish(p->journal, JOURNAL_PATIENCE);
}

static void close_all(struct program *p)
{
    stop_listening(p);
    connections_free(p->connections);
    tls_close(p->tls);
    admin_close(p->admin);
    mock_close(p->mock);
    journal_sink_close(p->journal);
    for (size_t i = 0; i < ARRAY_SIZE(p->stops); i++)
        if (p->stops[i] != NULL)
            event_free(p->stops[i]);
    if (p->alarm != NULL)
        event_free(p->alarm);
    if (p->base != NULL)
        event_base_free(p->base);
    arena_deinit(&p->arena);
}

/* --- start ------------------------------------------------------------------------------------ */

static enum rc read_scenario(struct program *p, const char *file, struct slice *text,
                             struct error *err)
{
    if (file == NULL) {
        *text = slice_of(builtin_scenario);
        return RC_OK;
    }
    return files_read(file, SCENARIO_BYTES_MAX, &p->arena, text, err);
}

static bool has_provider(const struct scenario *scenario, const char *name)
{
    for (uint32_t i = 0; i < scenario->providers_count; i++)
        if (slice_is(slice_of(scenario->providers[i].name), slice_of(name)))
            return true;
    return false;
}

/* Every family has a listener, whether the scenario names it or not: who asks there is told what
 * the provider tells. Those of the scenario come first. */
static void add_families(struct scenario *scenario)
{
    for (int i = 0; i < API_COUNT; i++) {
        const char *name = api_provider((enum api)i);
        struct provider *provider = &scenario->providers[scenario->providers_count];

        if (has_provider(scenario, name))
            continue;
        assert(scenario->providers_count < SCENARIO_PROVIDERS_ROOM);
        *provider = (struct provider){.api = api_family((enum api)i)};
        slice_copy(slice_of(name), provider->name, sizeof(provider->name));
        scenario->providers_count++;
    }
}

/* Files that the scenario names lie beside it; in the current folder when it has no place. */
static enum rc load_scenario(struct program *p, struct error *err)
{
    const char *file = p->options.scenario_file;
    const char *name = file != NULL ? file : "builtin";
    struct file_reader beside = files_beside(p->folder);
    struct merged *merged = arena_take(&p->arena, 1, sizeof(*merged));
    struct slice text;

    p->scenario = arena_take(&p->arena, 1, sizeof(*p->scenario));
    if (p->scenario == NULL || merged == NULL)
        return error_set(err, RC_NOMEM, "out of memory");
    TRY(folder_of(name, p->folder, err));
    TRY(read_scenario(p, file, &text, err));
    TRY(scenario_merge(text, slice_of(name), &beside, 0, &p->arena, merged, err));
    if (merged->cases_count > 0)
        return error_set(err, RC_MALFORMED,
                         "%s: found \"vary\", expected one story: brownout run plays each case",
                         name);
    TRY(scenario_load_merged(p->scenario, merged, slice_of(name), &beside, &p->arena, err));
    add_families(p->scenario);
    if (file == NULL)
        p->scenario->serves_any_model = true;
    return RC_OK;
}

static enum rc read_token(struct program *p, struct error *err)
{
    const char *file = p->options.token_file;
    struct slice text;

    if (file == NULL)
        return RC_OK;
    TRY(files_read(file, TOKEN_BYTES_MAX, &p->arena, &text, err));
    p->token = slice_trim(text);
    if (p->token.size == 0)
        return error_set(err, RC_MALFORMED, "%s: there is no token in it", file);
    return RC_OK;
}

/* Precise: an answer's instant is known to the nanosecond, and whole milliseconds of epoll_wait
 * would be seen in every latency. Not cached: the alarm is computed from a fresh reading. */
static enum rc open_loop(struct program *p, struct error *err)
{
    static const int numbers[ARRAY_SIZE(p->stops)] = {SIGTERM, SIGINT};
    struct event_config *config = event_config_new();

    if (config != NULL) {
        event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
        event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
        p->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (p->base == NULL)
        return error_set(err, RC_SYSTEM, "cannot make an event loop");
    p->alarm = evtimer_new(p->base, on_alarm, p);
    if (p->alarm == NULL)
        return error_set(err, RC_NOMEM, "out of memory");
    for (size_t i = 0; i < ARRAY_SIZE(p->stops); i++) {
        p->stops[i] = evsignal_new(p->base, numbers[i], on_signal, p);
        if (p->stops[i] == NULL || event_add(p->stops[i], NULL) != 0)
            return error_set(err, RC_SYSTEM, "cannot watch signals");
    }
    return RC_OK;
}

static enum rc open_tls(struct program *p, struct error *err)
{
    struct tls_options tls = {
        .cert_file = p->options.tls_cert_file,
        .key_file = p->options.tls_key_file,
        .ca_file = p->options.tls_ca_file,
        .address = p->options.address,
    };

    return p->options.has_tls ? tls_open(&p->tls, &tls, err) : RC_OK;
}

static enum rc open_parts(struct program *p, struct error *err)
{
    const struct memory *memory = memory_heap();
    struct journal_sink_options journal = {
        .base = p->base,
        .memory = memory,
        .scenario = p->scenario,
        .file = p->options.journal_file,
        .fd = p->options.journal_fd,
        .on_ended = on_ended,
        .context = p,
    };
    struct connections_options connections = {
        .base = p->base, .memory = memory, .patience = p->options.patience};
    struct mock_options mock = {.scenario = p->scenario, .memory = memory};
    struct admin_options admin = {
        .scenario = p->scenario, .memory = memory, .base = p->base, .token = p->token};

    TRY(journal_sink_open(&p->journal, &journal, err));
    TRY(open_tls(p, err));
    connections.tls = p->tls;
    TRY(connections_new(&p->connections, &connections, err));
    admin.connections = mock.connections = p->connections;
    admin.journal = mock.journal = p->journal;
    admin.canaries = &p->options.canaries;
    TRY(admin_open(&p->admin, &admin, err));
    mock.watcher = admin_watcher(p->admin);
    TRY(mock_open(&p->mock, &mock, err));
    admin_attach(p->admin, p->mock);
    return RC_OK;
}

static enum rc listen_as(struct program *p, const char *name, const struct connection_owner *owner,
                         struct error *err)
{
    uint32_t index = p->listeners_count;
    struct listener_options options = {
        .name = name,
        .address = p->options.address,
        .port = p->options.port == 0 ? 0 : (uint16_t)(p->options.port + index),
        .base = p->base,
        .connections = p->connections,
        .owner = owner,
    };

    if (p->options.port + index > UINT16_MAX)
        return error_set(err, RC_SYSTEM, "%s: there is no port %u", name, p->options.port + index);
    TRY(listener_open(&p->listeners[index], &options, err));
    p->listeners_count++;
    return RC_OK;
}

static enum rc listen_all(struct program *p, struct error *err)
{
    for (uint32_t i = 0; i < p->scenario->providers_count; i++)
        TRY(listen_as(p, p->scenario->providers[i].name, mock_owner(p->mock, i), err));
    TRY(listen_as(p, "gateway", mock_owner(p->mock, UPSTREAM_GATEWAY), err));
    TRY(listen_as(p, "hooks", mock_owner(p->mock, UPSTREAM_HOOKS), err));
    return listen_as(p, "admin", admin_owner(p->admin), err);
}

static void say_place(const struct program *p, const char *name, uint32_t listener,
                      const char *path)
{
    char place[LISTENER_PLACE_MAX];
    char url[LISTENER_PLACE_MAX + 16];

    listener_write_place(p->listeners[listener], place);
    snprintf(url, sizeof(url), "%s://%s%s", p->tls != NULL ? "https" : "http", place, path);
    printf("%s %s\n", name, url);
    admin_tell_place(p->admin, name, url);
}

/* OpenAI's SDKs want the version in their base URL, the others bring it themselves. */
static enum rc say_where(const struct program *p, struct error *err)
{
    uint32_t count = p->scenario->providers_count;

    for (uint32_t i = 0; i < count; i++) {
        const struct provider *provider = &p->scenario->providers[i];
        bool is_openai = api_family(provider->api) == API_OPENAI_CHAT;

        say_place(p, provider->name, i, is_openai ? "/v1" : "");
    }
    say_place(p, "gateway", count, "");
    say_place(p, "hooks", count + 1, "");
    say_place(p, "admin", count + 2, "");
    if (fflush(stdout) != 0)
        return error_set(err, RC_SYSTEM, "standard output: cannot say where I listen");
    return RC_OK;
}

/* As the mock's faults want it now. */
static void shut_listeners(struct program *p)
{
    uint32_t count = p->scenario->providers_count;

    for (uint32_t i = 0; i < count; i++)
        listener_shut(p->listeners[i], mock_refuses(p->mock, i));
    listener_shut(p->listeners[count], mock_refuses(p->mock, UPSTREAM_GATEWAY));
    listener_shut(p->listeners[count + 1], mock_refuses(p->mock, UPSTREAM_HOOKS));
}

static enum rc set_up(struct program *p, struct error *err)
{
    TRY(open_loop(p, err));
    TRY(open_parts(p, err));
    TRY(listen_all(p, err));
    TRY(journal_sink_begin(p->journal, err));
    return say_where(p, err);
}

/* --- the loop --------------------------------------------------------------------------------- */

/* Rounded up to the loop's microseconds: waking early would only mean waking twice. */
static void set_alarm(struct program *p, nanos wait)
{
    nanos us = wait / NANOS_US + (wait % NANOS_US > 0);
    struct timeval span = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

    if (wait == NANOS_NEVER)
        event_del(p->alarm);
    else
        event_add(p->alarm, &span);
}

static void run(struct program *p)
{
    while (!p->is_over) {
        set_alarm(p, mock_turn(p->mock));
        shut_listeners(p);
        event_base_loop(p->base, EVLOOP_ONCE);
    }
}

static int complain(const struct error *err, int exit_code)
{
    fprintf(stderr, "brownout-mock: %s\n", err->text);
    return exit_code;
}

static int carry_out(struct program *p)
{
    struct error err = {0};

    arena_init(&p->arena, memory_heap(), ARENA_BYTES_MAX);
    if (load_scenario(p, &err) != RC_OK)
        return complain(&err, EXIT_USAGE);
    if (read_token(p, &err) != RC_OK)
        return complain(&err, EXIT_USAGE);
    if (set_up(p, &err) != RC_OK)
        return complain(&err, EXIT_NOT_CARRIED_OUT);
    run(p);
    finish(p);
    return journal_sink_is_broken(p->journal) ? EXIT_NOT_CARRIED_OUT : EXIT_ORDERLY;
}

int main(int argc, char **argv)
{
    static struct program program;
    struct error err = {0};
    int exit_code;

    signal(SIGPIPE, SIG_IGN);
    descriptors_raise();
    if (options_parse(&program.options, argc, argv, &err) != RC_OK)
        return complain(&err, EXIT_USAGE);
    if (program.options.wants_help || program.options.wants_version) {
        fputs(program.options.wants_help ? options_help : options_version, stdout);
        return EXIT_ORDERLY;
    }
    exit_code = carry_out(&program);
    close_all(&program);
    return exit_code;
}
