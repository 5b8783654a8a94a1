#include "admin.h"

#include <assert.h>
#include <string.h>

#include "admin_parts.h"
#include "os/clock.h"
#include "secrets.h"

#define STORE_BYTES ((size_t)16 << 20)

/* --- routes ----------------------------------------------------------------------------------- */

struct route {
    const char *method;
    const char *path; /* behind /_brownout/; a `*` stands for one part of it */
    admin_serve *serve;
};

static const struct route routes[] = {
    {"GET", "health", admin_health},
    {"GET", "ports", admin_ports},
    {"GET", "metrics", admin_metrics},
    {"POST", "start", admin_start},
    {"GET", "journal", admin_journal},
    {"POST", "journal/find", admin_journal},
    {"GET", "journal/count", admin_count},
    {"POST", "journal/count", admin_count},
    {"DELETE", "journal", admin_forget},
    {"POST", "journal/reset", admin_forget},
    {"GET", "wait", admin_wait},
    {"POST", "wait", admin_wait},
    {"POST", "verify", admin_verify},
    {"GET", "hooks", admin_hooks},
    {"POST", "canaries", admin_canaries},
    {"GET", "rules", admin_rules},
    {"POST", "rules", admin_put_rules},
    {"POST", "rules/reset", admin_reset_rules},
    {"GET", "rules/*", admin_rule},
    {"PUT", "rules/*", admin_put_rules},
    {"PATCH", "rules/*", admin_change_rule},
    {"DELETE", "rules/*", admin_drop_rule},
    {"GET", "states", admin_states},
    {"PUT", "states", admin_set_states},
    {"POST", "mark/*", admin_mark},
    {"POST", "reset", admin_reset},
    {"POST", "t/*/reset", admin_reset},
};

static const struct slice root = {"/_brownout/", sizeof("/_brownout/") - 1};

/* Does the path fit? `tail` is what stands for the star. */
static bool fits(const char *pattern, struct slice path, struct slice *tail)
{
    struct slice whole = slice_of(pattern);
    const char *star = strchr(pattern, '*');
    size_t before, behind;

    *tail = (struct slice){0};
    if (star == NULL)
        return slice_is(path, whole);
    before = (size_t)(star - pattern);
    behind = whole.size - before - 1;
    if (path.size <= before + behind || memcmp(path.data, pattern, before) != 0 ||
        memcmp(path.data + path.size - behind, star + 1, behind) != 0)
        return false;
    *tail = (struct slice){path.data + before, path.size - before - behind};
    return memchr(tail->data, '/', tail->size) == NULL;
}

/* What there is, or what there is at this path: so that nobody has to guess. */
static uint16_t refuse_path(struct admin *a, struct slice path, bool is_known)
{
    bool is_first = true;
    struct slice tail;

    admin_refuse(a, 404, is_known ? "not by this method" : "no such path");
    a->out.size -= sizeof("}\n") - 1;
    buffer_text(&a->out, ",\"there_is\":[");
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
        if (is_known && !fits(routes[i].path, path, &tail))
            continue;
        buffer_printf(&a->out, "%s\"%s %.*s%s\"", is_first ? "" : ",", routes[i].method,
                      SLICE_ARG(root), routes[i].path);
        is_first = false;
    }
    buffer_text(&a->out, "]}\n");
    return is_known ? 405 : 404;
}

static bool is_allowed(const struct admin *a, const struct http_request *http)
{
    struct slice token = http_header_of(http, SLICE("authorization"));
    struct slice scheme;

    if (a->options.token.size == 0)
        return true;
    if (!slice_cut(&token, ' ', &scheme) || !slice_is_nocase(scheme, SLICE("bearer")))
        return false;
    return secrets_are_equal(slice_trim(token), a->options.token);
}

static uint16_t serve(struct admin *a, struct admin_request *request)
{
    bool is_known = false;
    struct slice path;

    if (!is_allowed(a, request->http))
        return admin_refuse(a, 401, "expected authorization: Bearer, with the admin token");
    if (request->http->body.size > ADMIN_BODY_BYTES_MAX)
        return admin_refuse(a, 413, "a body of at most 1 MB");
    secrets_split_path(request->http->path, &path, &request->query);
    if (!slice_starts_with(path, root))
        return refuse_path(a, path, false);
    path = (struct slice){path.data + root.size, path.size - root.size};
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
        if (!fits(routes[i].path, path, &request->tail))
            continue;
        if (slice_is(request->http->method, slice_of(routes[i].method)))
            return routes[i].serve(a, request);
        is_known = true;
    }
    return refuse_path(a, path, is_known);
}

/* --- answering -------------------------------------------------------------------------------- */

/* Objects begin with a brace, metrics with a comment, and lines of the journal are asked for. */
static struct slice content_type(const struct buffer *out)
{
    if (out->size > 0 && out->data[0] == '{')
        return SLICE("content-type: application/json\r\n");
    return SLICE("content-type: text/plain; version=0.0.4; charset=utf-8\r\n");
}

void admin_answer(struct admin *a, struct connection *c, uint16_t status)
{
    if (a->out.rc != RC_OK)
        status = admin_refuse(a, 507, "the answer: %s", rc_text(a->out.rc));
    connection_head(c, status, content_type(&a->out), (int64_t)a->out.size);
    connection_body(c, buffer_slice(&a->out));
    connection_end(c, UPSTREAM_END_WHOLE);
}

static void on_request(void *context, struct connection *c, const struct connection_request *came)
{
    struct admin *a = context;
    struct admin_request request = {.connection = c, .http = came->http};
    uint16_t status;

    assert(a->mock != NULL);
    buffer_clear(&a->out);
    status = serve(a, &request);
    if (status != 0)
        admin_answer(a, c, status);
}

static void on_gone(void *context, struct connection *c, uint64_t bytes_out, bool by_reset)
{
    (void)bytes_out;
    (void)by_reset;
    admin_wait_drop(context, c);
}

/* --- watching --------------------------------------------------------------------------------- */

static void on_record(void *context, const struct journal_record *record)
{
    struct admin *a = context;

    a->active_at = clock_monotonic();
    journal_store_add(a->store, record);
    metrics_record(a->metrics, record);
    admin_wait_note(a, record);
}

static bool has_canary(void *context, const struct http_request *http)
{
    return canaries_are_in(&((struct admin *)context)->canaries, http);
}

static void on_hook(void *context, uint64_t number, const struct http_request *http)
{
    struct admin *a = context;

    hook_box_keep(&a->hooks, number, mock_now(a->mock), http);
}

struct mock_watcher admin_watcher(struct admin *a)
{
    return (struct mock_watcher){on_record, has_canary, on_hook, a};
}

void admin_attach(struct admin *a, struct mock *mock)
{
    a->mock = mock;
}

void admin_tell_place(struct admin *a, const char *name, const char *url)
{
    struct admin_place *place = &a->places[a->places_count];

    assert(a->places_count < ADMIN_PLACES_MAX);
    slice_copy(slice_of(name), place->name, sizeof(place->name));
    slice_copy(slice_of(url), place->url, sizeof(place->url));
    a->places_count++;
}

const struct connection_owner *admin_owner(const struct admin *a)
{
    return &a->owner;
}

/* --- birth and death -------------------------------------------------------------------------- */

static enum rc take_memory(struct admin *a, struct error *err)
{
    const struct memory *memory = a->options.memory;
    enum rc rc = journal_store_new(&a->store, STORE_BYTES, memory);

    if (rc == RC_OK)
        rc = metrics_new(&a->metrics, a->options.scenario, memory);
    a->asking = memory_zeroed(memory, 1, sizeof(*a->asking));
    if (rc != RC_OK || a->asking == NULL)
        return error_set(err, RC_NOMEM, "admin: out of memory");
    *a->asking = *a->options.scenario;
    return RC_OK;
}

static enum rc build(struct admin *a, struct error *err)
{
    TRY(take_memory(a, err));
    return admin_wait_open(a, err);
}

enum rc admin_open(struct admin **admin, const struct admin_options *options, struct error *err)
{
    struct admin *a = memory_zeroed(options->memory, 1, sizeof(*a));
    enum rc rc;

    if (a == NULL)
        return error_set(err, RC_NOMEM, "admin: out of memory");
    a->options = *options;
    a->canaries = *options->canaries;
    a->hooks.memory = options->memory;
    a->owner = (struct connection_owner){.request = on_request, .gone = on_gone, .context = a};
    buffer_init(&a->out, options->memory, ADMIN_ANSWER_BYTES_MAX);
    arena_init(&a->rules, options->memory, ADMIN_RULES_BYTES_MAX);
    rc = build(a, err);
    if (rc != RC_OK) {
        admin_close(a);
        return rc;
    }
    *admin = a;
    return RC_OK;
}

void admin_close(struct admin *a)
{
    if (a == NULL)
        return;
    admin_wait_close(a);
    journal_store_free(a->store);
    metrics_free(a->metrics);
    hook_box_deinit(&a->hooks);
    arena_deinit(&a->rules);
    buffer_deinit(&a->out);
    memory_release(a->options.memory, a->asking);
    memory_release(a->options.memory, a);
}
