#include "mock_process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin_post.h"
#include "lines.h"
#include "os/clock.h"
#include "os/folder.h"
#include "wire/json.h"

enum { JOURNAL_BYTES_IN_FLIGHT = 4 << 20, CANARIES_BYTES_MAX = 64 << 10, HEALTH_BYTES_MAX = 1024 };

static const nanos START_PATIENCE = 20 * NANOS_S;

enum rc mock_process_path(char *path, size_t capacity, struct error *err)
{
    char folder[FOLDER_PATH_MAX];
    int size;

    TRY(folder_of_program(folder, err));
    size = snprintf(path, capacity, "%s/brownout-mock", folder);
    if (size < 0 || (size_t)size >= capacity)
        return error_set(err, RC_LIMIT, "%s: the name is too long", folder);
    return RC_OK;
}

/* --- where it listens ------------------------------------------------------------------------- */

/* "http://127.0.0.1:8001/v1" is a base URL as an SDK takes it; paths of ours start at the root. */
static struct slice origin_of(struct slice url)
{
    size_t scheme = sizeof("http://") - 1;

    for (size_t i = scheme; i < url.size; i++)
        if (url.data[i] == '/')
            return (struct slice){url.data, i};
    return url;
}

static void take_place(struct mock_process *mock, const struct scenario *scenario,
                       struct slice line)
{
    struct slice url = line;
    struct mock_place *place;
    struct slice name;

    if (!slice_cut(&url, ' ', &name) || mock->places_count == MOCK_PLACES_MAX)
        return;
    url = origin_of(slice_trim(url));
    place = &mock->places[mock->places_count++];
    slice_copy(name, place->name, sizeof(place->name));
    slice_copy(url, place->origin, sizeof(place->origin));
    if (slice_is(name, SLICE("admin")))
        slice_copy(url, mock->admin, sizeof(mock->admin));
    if (slice_is(name, SLICE("hooks")))
        slice_copy(url, mock->hooks, sizeof(mock->hooks));
    for (uint32_t i = 0; i < scenario->providers_count; i++)
        if (slice_is(name, slice_of(scenario->providers[i].name)))
            slice_copy(url, mock->providers[i], sizeof(mock->providers[i]));
}

static bool has_all_places(const struct mock_process *mock, const struct scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->providers_count; i++)
        if (mock->providers[i][0] == '\0')
            return false;
    return mock->admin[0] != '\0' && mock->hooks[0] != '\0';
}

/* Some bytes of its standard output, or why there are none. */
static enum rc read_some(struct mock_process *mock, nanos until, struct lines *lines,
                         struct error *err)
{
    struct pollfd ready = {.fd = mock->child.out, .events = POLLIN};
    nanos left = nanos_max(until - clock_monotonic(), 0);
    char piece[1024];
    ssize_t size;

    if (poll(&ready, 1, (int)(left / NANOS_MS)) == 0)
        return error_set(err, RC_SYSTEM, "brownout-mock: does not say where it listens");
    size = read(mock->child.out, piece, sizeof(piece));
    if (size < 0)
        return errno == EINTR ? RC_OK : error_set(err, RC_SYSTEM, "pipe: %s", strerror(errno));
    if (size == 0)
        return error_set(err, RC_SYSTEM, "brownout-mock: ended before it listened");
    lines_feed(lines, (struct slice){piece, (size_t)size});
    return RC_OK;
}

static enum rc learn_places(struct mock_process *mock, const struct scenario *scenario,
                            struct error *err)
{
    nanos until = clock_monotonic() + START_PATIENCE;
    struct lines lines;
    struct slice line;
    enum rc rc = RC_OK;

    lines_init(&lines, memory_heap());
    while (rc == RC_OK && !has_all_places(mock, scenario)) {
        rc = read_some(mock, until, &lines, err);
        while (rc == RC_OK && lines_next(&lines, &line))
            take_place(mock, scenario, line);
    }
    lines_deinit(&lines);
    return rc;
}

/* --- start and end ---------------------------------------------------------------------------- */

static enum rc open_pair(int ends[2], struct error *err)
{
    int bytes = JOURNAL_BYTES_IN_FLIGHT;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return error_set(err, RC_SYSTEM, "socketpair: %s", strerror(errno));
    /* A wish: the system may grant less. */
    (void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return RC_OK;
}

static enum rc start_child(struct mock_process *mock, const struct mock_process_options *wanted,
                           int journal_end, struct error *err)
{
    char path[FOLDER_PATH_MAX];
    char fd_text[16];
    const char *arguments[] = {path,           "--scenario", wanted->scenario_file,
                               "--journal-fd", fd_text,      wanted->port != NULL ? "--port" : NULL,
                               wanted->port,   NULL};
    struct child_options options = {.path = path,
                                    .arguments = (char *const *)(uintptr_t)arguments,
                                    .kept = journal_end,
                                    .captures_output = true};

    TRY(mock_process_path(path, sizeof(path), err));
    snprintf(fd_text, sizeof(fd_text), "%d", journal_end);
    return child_start(&mock->child, &options, err);
}

enum rc mock_process_start(struct mock_process *mock, const struct mock_process_options *options,
                           struct error *err)
{
    int ends[2];
    enum rc rc;

    *mock = (struct mock_process){0};
    for (uint32_t i = 0; i < SCENARIO_PROVIDERS_MAX; i++)
        mock->origins[i] = mock->providers[i];
    TRY(open_pair(ends, err));
    mock->journal_fd = ends[0];
    mock->has_journal = true;
    rc = start_child(mock, options, ends[1], err);
    close(ends[1]);
    if (rc == RC_OK)
        rc = learn_places(mock, options->scenario, err);
    if (rc != RC_OK)
        mock_process_close(mock, NANOS_S); /* time for it to say why */
    return rc;
}

enum rc mock_process_begin(struct mock_process *mock, nanos t0, struct error *err)
{
    char url[ORIGIN_TEXT_MAX + 32];
    char boot_id[40];
    char json[160];

    clock_boot_id(boot_id);
    snprintf(url, sizeof(url), "%s/_brownout/start", mock->admin);
    snprintf(json, sizeof(json), "{\"t0_monotonic_ns\":%" PRId64 ",\"boot_id\":\"%s\"}", t0,
             boot_id);
    return admin_post(url, json, err);
}

const char *mock_process_origin(const struct mock_process *mock, struct slice name)
{
    for (uint32_t i = 0; i < mock->places_count; i++)
        if (slice_is(name, slice_of(mock->places[i].name)))
            return mock->places[i].origin;
    return NULL;
}

/* --- what it is told and asked ---------------------------------------------------------------- */

static enum rc post_canaries(const char *url, struct buffer *json, struct error *err)
{
    buffer_byte(json, '\0');
    if (json->rc != RC_OK)
        return error_set(err, json->rc, "%s: %s", url, rc_text(json->rc));
    return admin_post(url, json->data, err);
}

enum rc mock_process_watch(struct mock_process *mock, const struct slice *canaries, uint32_t count,
                           struct error *err)
{
    char url[ORIGIN_TEXT_MAX + 32];
    struct buffer json;
    enum rc rc;

    snprintf(url, sizeof(url), "%s/_brownout/canaries", mock->admin);
    buffer_init(&json, memory_heap(), CANARIES_BYTES_MAX);
    buffer_text(&json, "{\"canaries\":[");
    for (uint32_t i = 0; i < count; i++) {
        buffer_text(&json, i > 0 ? "," : "");
        json_write_text(&json, canaries[i]);
    }
    buffer_text(&json, "]}");
    rc = post_canaries(url, &json, err);
    buffer_deinit(&json);
    return rc;
}

/* The number of one member of a flat object; false: it has none, or it is no number. */
static bool read_member(struct slice text, struct slice name, int64_t *number)
{
    struct json json;
    struct json_token key, value;

    json_init(&json, text, JSON_STRICT);
    if (json_next(&json, &key) != RC_OK || key.kind != JSON_OBJECT)
        return false;
    while (json_next(&json, &key) == RC_OK && key.kind == JSON_KEY) {
        if (json_next(&json, &value) != RC_OK)
            return false;
        if (json_is(&key, name))
            return json_i64(&value, number) == RC_OK;
        if (json_skip(&json, &value) != RC_OK)
            return false;
    }
    return false;
}

enum rc mock_process_started_at(struct mock_process *mock, nanos *t0, struct error *err)
{
    char url[ORIGIN_TEXT_MAX + 32];
    char text[HEALTH_BYTES_MAX];

    snprintf(url, sizeof(url), "%s/_brownout/health", mock->admin);
    TRY(admin_get(url, text, sizeof(text), err));
    if (!read_member(slice_of(text), SLICE("t0_monotonic_ns"), t0))
        *t0 = NANOS_NEVER;
    return RC_OK;
}

void mock_process_finish(struct mock_process *mock)
{
    if (mock->has_journal)
        shutdown(mock->journal_fd, SHUT_WR);
}

void mock_process_close(struct mock_process *mock, nanos patience)
{
    if (mock->child.pid != 0)
        (void)child_wait(&mock->child, patience); /* late or not, child_close ends it */
    child_close(&mock->child);
    if (mock->has_journal)
        close(mock->journal_fd);
    *mock = (struct mock_process){0};
}
