#include "admin.h"

#include <inttypes.h>
#include <stdio.h>

#include "os/clock.h"
#include "wire/json.h"

enum { ANSWER_BYTES_MAX = 1024 };

struct admin {
    struct mock *mock;
    const struct memory *memory;
    struct connection_owner owner;
};

struct handshake {
    nanos t0;
    char boot_id[40];
    bool has_t0;
    bool has_boot_id;
};

static enum rc read_member(struct json *json, const struct json_token *key, struct handshake *h)
{
    struct json_token value;

    TRY(json_next(json, &value));
    if (json_is(key, SLICE("t0_monotonic_ns")) && value.kind == JSON_NUMBER) {
        h->has_t0 = json_i64(&value, &h->t0) == RC_OK;
        return RC_OK;
    }
    if (json_is(key, SLICE("boot_id")) && value.kind == JSON_STRING) {
        h->has_boot_id = slice_copy(value.raw, h->boot_id, sizeof(h->boot_id));
        return RC_OK;
    }
    return json_skip(json, &value);
}

/* False: not an object with both members. Others are the future's and let be. */
static bool read_handshake(struct slice body, struct handshake *handshake)
{
    struct handshake read = {0};
    struct json json;
    struct json_token token;

    json_init(&json, body, JSON_STRICT);
    if (json_next(&json, &token) != RC_OK || token.kind != JSON_OBJECT)
        return false;
    while (json_next(&json, &token) == RC_OK && token.kind == JSON_KEY)
        if (read_member(&json, &token, &read) != RC_OK)
            return false;
    if (json.rc != RC_OK || !read.has_t0 || !read.has_boot_id)
        return false;
    *handshake = read;
    return true;
}

static void refuse(struct connection *c, uint16_t status, const char *why)
{
    char text[ANSWER_BYTES_MAX];
    int size = snprintf(text, sizeof(text), "{\"ok\":false,\"error\":\"%s\"}\n", why);

    connection_answer(c, status, (struct slice){text, (size_t)size}, false);
}

static void start(struct admin *a, struct connection *c, struct slice body)
{
    struct handshake handshake;
    char boot_id[40];
    char text[ANSWER_BYTES_MAX];
    int size;

    clock_boot_id(boot_id);
    if (!read_handshake(body, &handshake)) {
        refuse(c, 400, "expected {t0_monotonic_ns: a whole number, boot_id: a string}");
        return;
    }
    if (!slice_is(slice_of(handshake.boot_id), slice_of(boot_id))) {
        refuse(c, 409, "another boot: its monotonic clock is not this mock's");
        return;
    }
    if (mock_is_started(a->mock)) {
        refuse(c, 409, "the run has already been started");
        return;
    }
    mock_start(a->mock, handshake.t0);
    size = snprintf(text, sizeof(text),
                    "{\"ok\":true,\"boot_id\":\"%s\",\"run_tag\":\"%016" PRIx64 "\"}\n", boot_id,
                    mock_run_tag(a->mock));
    connection_answer(c, 200, (struct slice){text, (size_t)size}, false);
}

static void health(const struct admin *a, struct connection *c)
{
    char text[ANSWER_BYTES_MAX];
    int size = snprintf(text, sizeof(text),
                        "{\"ok\":true,\"open\":%" PRIu32 ",\"requests\":%" PRIu64 "}\n",
                        mock_open_count(a->mock), mock_requests_count(a->mock));

    connection_answer(c, 200, (struct slice){text, (size_t)size}, false);
}

static void on_request(void *context, struct connection *c,
                       const struct connection_request *request)
{
    const struct http_request *http = request->http;
    struct admin *a = context;
    bool is_get = slice_is(http->method, SLICE("GET"));
    bool is_post = slice_is(http->method, SLICE("POST"));

    if (is_post && slice_is(http->path, SLICE("/_brownout/start")))
        start(a, c, http->body);
    else if (is_get && slice_is(http->path, SLICE("/_brownout/health")))
        health(a, c);
    else
        refuse(c, 404, "there is POST /_brownout/start and GET /_brownout/health");
}

enum rc admin_open(struct admin **admin, struct mock *mock, const struct memory *memory,
                   struct error *err)
{
    struct admin *a = memory_zeroed(memory, 1, sizeof(*a));

    if (a == NULL)
        return error_set(err, RC_NOMEM, "admin: out of memory");
    a->mock = mock;
    a->memory = memory;
    a->owner = (struct connection_owner){.request = on_request, .context = a};
    *admin = a;
    return RC_OK;
}

void admin_close(struct admin *a)
{
    if (a != NULL)
        memory_release(a->memory, a);
}

const struct connection_owner *admin_owner(const struct admin *a)
{
    return &a->owner;
}
