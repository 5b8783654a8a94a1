#include <inttypes.h>

#include "admin_parts.h"
#include "journal_sink.h"
#include "os/clock.h"
#include "wire/json.h"

/* --- the driver's handshake ------------------------------------------------------------------- */

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

uint16_t admin_start(struct admin *a, const struct admin_request *request)
{
    struct handshake handshake;
    char boot_id[40];

    clock_boot_id(boot_id);
    if (!read_handshake(request->http->body, &handshake))
        return admin_refuse(a, 400,
                            "expected {t0_monotonic_ns: a whole number, boot_id: a string}");
    if (!slice_is(slice_of(handshake.boot_id), slice_of(boot_id)))
        return admin_refuse(a, 409, "another boot: its monotonic clock is not this mock's");
    if (!mock_may_start(a->mock, handshake.t0))
        return admin_refuse(a, 409, "the run has already been started");
    mock_start(a->mock, handshake.t0);
    buffer_printf(&a->out, "{\"ok\":true,\"boot_id\":\"%s\",\"run_tag\":\"%016" PRIx64 "\"}\n",
                  boot_id, mock_run_tag(a->mock));
    return 200;
}

/* --- how it is -------------------------------------------------------------------------------- */

uint16_t admin_health(struct admin *a, const struct admin_request *request)
{
    (void)request;
    buffer_printf(&a->out,
                  "{\"ok\":true,\"open\":%" PRIu32 ",\"requests\":%" PRIu64
                  ",\"started\":%s,\"run_ns\":%" PRId64 ",\"records\":%" PRIu64
                  ",\"lines_lost\":%" PRIu64 ",\"canaries\":%" PRIu64 ",\"waiting\":%" PRIu32,
                  mock_open_count(a->mock), mock_requests_count(a->mock),
                  mock_is_started(a->mock) ? "true" : "false", mock_now(a->mock),
                  journal_store_last(a->store), journal_sink_lost(a->options.journal),
                  metrics_canaries(a->metrics), a->waiters_count);
    if (mock_is_started(a->mock))
        buffer_printf(&a->out, ",\"t0_monotonic_ns\":%" PRId64, mock_started_at(a->mock));
    buffer_text(&a->out, "}\n");
    return 200;
}

uint16_t admin_ports(struct admin *a, const struct admin_request *request)
{
    (void)request;
    buffer_byte(&a->out, '{');
    for (uint32_t i = 0; i < a->places_count; i++) {
        buffer_text(&a->out, i > 0 ? "," : "");
        json_write_text(&a->out, slice_of(a->places[i].name));
        buffer_byte(&a->out, ':');
        json_write_text(&a->out, slice_of(a->places[i].url));
    }
    buffer_text(&a->out, "}\n");
    return 200;
}

uint16_t admin_metrics(struct admin *a, const struct admin_request *request)
{
    struct metrics_state state = {
        .open = mock_open_count(a->mock),
        .requests = mock_requests_count(a->mock),
        .records_dropped = journal_store_dropped(a->store),
        .lines_lost = journal_sink_lost(a->options.journal),
        .waiters = a->waiters_count,
        .now = mock_now(a->mock),
    };

    (void)request;
    metrics_write(a->metrics, &state, &a->out);
    return 200;
}

/* --- canaries --------------------------------------------------------------------------------- */

struct canary_ask {
    struct canaries *canaries;
    uint32_t added;
};

static enum rc read_canaries(struct reading *r, const struct value *value, void *out)
{
    struct canary_ask *ask = out;
    struct value one;
    struct walk walk;

    TRY(read_expect_elements(r, value, CANARIES_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &one)) {
        struct slice text;

        TRY(read_string(r, &one, &text));
        TRY(canaries_add(ask->canaries, text, r->err));
        ask->added++;
    }
    return RC_OK;
}

static const struct read_key canary_keys[] = {{"canaries", NEEDED, read_canaries, 0}};

uint16_t admin_canaries(struct admin *a, const struct admin_request *request)
{
    struct canaries before = a->canaries; /* all or none */
    struct canary_ask ask = {&a->canaries, 0};
    uint16_t status;

    if (request->http->body.size == 0)
        return admin_refuse(a, 400, "expected a body such as {\"canaries\": [\"sk-...\"]}");
    if (admin_read(a, request, canary_keys, ARRAY_SIZE(canary_keys), &ask, &status) != RC_OK) {
        a->canaries = before;
        return status;
    }
    buffer_printf(&a->out, "{\"ok\":true,\"canaries\":%" PRIu32 "}\n", a->canaries.count);
    return 200;
}
