#include "curl_transport.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lanes.h"
#include "poller.h"
#include "transfer.h"

enum { DESCRIPTORS_OF_ITS_OWN = 48 };

/* A send that libcurl took, for the engine to be told of once all effects are taken. */
struct handed {
    uint32_t slot;
    uint32_t attempt;
    nanos at;
    bool has_failed; /* it never got as far as libcurl */
};

struct curl_transport {
    struct curl_transport_options options;
    struct client *client;
    struct transfer_host transfer_host;
    struct poller poller;
    struct lanes lanes;
    struct transfer *transfers; /* by slot */
    struct handed *handed;
    uint32_t handed_count;
    int stop_fd;
    bool has_stop_fd;
};

/* --- ends ------------------------------------------------------------------------------------- */

static void step(struct curl_transport *t, struct client_event event)
{
    event.at = transfer_now(&t->transfer_host);
    client_step(t->client, &event);
}

static void collect_ended(struct curl_transport *t, struct lane *lane)
{
    struct transfer *transfer;
    enum client_end end;

    while (lane_ended(lane, &transfer, &end)) {
        lanes_note(&t->lanes, lane);
        step(t, (struct client_event){.kind = CLIENT_END,
                                      .slot = transfer->slot,
                                      .attempt = transfer->attempt,
                                      .end = end});
    }
}

/* --- effects ---------------------------------------------------------------------------------- */

static enum rc hand_over(struct curl_transport *t, const struct client_effect *send)
{
    struct transfer *transfer = &t->transfers[send->slot];
    struct lane *lane = lanes_find(&t->lanes, send->provider);

    if (lane == NULL)
        return RC_NOMEM;
    TRY(transfer_prepare(transfer, &t->transfer_host, send, t->options.origins[send->provider]));
    TRY(lane_add(lane, transfer));
    lanes_note(&t->lanes, lane);
    return RC_OK;
}

static void apply_send(struct curl_transport *t, const struct client_effect *send)
{
    struct handed *handed = &t->handed[t->handed_count++];

    *handed = (struct handed){
        .slot = send->slot, .attempt = send->attempt, .at = transfer_now(&t->transfer_host)};
    handed->has_failed = hand_over(t, send) != RC_OK;
}

static void apply_cancel(struct curl_transport *t, const struct client_effect *cancel)
{
    struct transfer *transfer = &t->transfers[cancel->slot];

    if (!transfer->is_active || transfer->attempt != cancel->attempt)
        return;
    lane_remove(transfer->lane, transfer);
    lanes_note(&t->lanes, transfer->lane);
}

static void apply(struct curl_transport *t, const struct client_effect *effect)
{
    switch (effect->kind) {
    case CLIENT_SEND:
        apply_send(t, effect);
        break;
    case CLIENT_CANCEL:
        apply_cancel(t, effect);
        break;
    case CLIENT_DONE:
        t->options.on_done(t->options.context, effect->record);
        break;
    }
}

/* HANDED carries the instant at which libcurl took it, which lies a little back: these are stepped
 * before anything newer, in their order. */
static void tell_handed(struct curl_transport *t)
{
    for (uint32_t i = 0; i < t->handed_count; i++) {
        const struct handed *handed = &t->handed[i];
        struct client_event event = {.kind = CLIENT_HANDED,
                                     .at = handed->at,
                                     .slot = handed->slot,
                                     .attempt = handed->attempt,
                                     .end = END_RESET};

        client_step(t->client, &event);
        event.kind = CLIENT_END;
        if (handed->has_failed)
            client_step(t->client, &event);
    }
    t->handed_count = 0;
}

static void apply_effects(struct curl_transport *t)
{
    struct client_effect effect;
    bool has_more = true;

    while (has_more) {
        has_more = false;
        while (t->handed_count < t->options.in_flight_max && client_next(t->client, &effect)) {
            apply(t, &effect);
            has_more = true;
        }
        tell_handed(t);
    }
}

/* The longest that answers are served while something may be due. */
static const nanos SCHEDULE_WAITS = 100 * NANOS_US;

/* --- the loop --------------------------------------------------------------------------------- */

/* Asked after every socket: what is due within the microseconds since the clock was read last is
 * found at the next one. */
static void wake_if_due(struct curl_transport *t)
{
    if (client_wakes_at(t->client) <= t->transfer_host.latest_at)
        step(t, (struct client_event){.kind = CLIENT_WAKE});
}

/* What is due is handed over before anything else is served: connecting one lane's transfers costs
 * up to a millisecond, and the schedule is ours to keep. */
static void keep_schedule(struct curl_transport *t)
{
    wake_if_due(t);
    apply_effects(t);
}

/* Each lane at most once: what re-arms itself meanwhile lies after `now`. */
static void serve_due_lanes(struct curl_transport *t)
{
    nanos now = t->transfer_host.latest_at;
    struct lane *lane;

    while ((lane = lanes_take_due(&t->lanes, now)) != NULL) {
        lane_timeout(lane);
        collect_ended(t, lane);
        keep_schedule(t);
    }
}

static void take_stop(struct curl_transport *t)
{
    uint64_t count;

    if (read(t->stop_fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
        step(t, (struct client_event){.kind = CLIENT_STOP});
}

/* Answers first, then what they lead to, many sends in a row: a server that is still busy with one
 * need not be woken for the next. But not so many that the schedule waits. */
static void serve_sockets(struct curl_transport *t)
{
    nanos serve_until = t->transfer_host.latest_at + SCHEDULE_WAITS;
    struct poller_event event;

    while (poller_next(&t->poller, &event)) {
        struct lane *lane = event.owner;

        if (lane == NULL) {
            take_stop(t);
            continue;
        }
        lane_socket(lane, &event);
        collect_ended(t, lane);
        if (t->transfer_host.latest_at < serve_until)
            continue;
        keep_schedule(t);
        serve_until = t->transfer_host.latest_at + SCHEDULE_WAITS;
    }
}

static nanos patience(struct curl_transport *t)
{
    nanos at = nanos_min(client_wakes_at(t->client), lanes_due_at(&t->lanes));

    if (at == NANOS_NEVER)
        return NANOS_NEVER;
    return nanos_max(at - transfer_now(&t->transfer_host), 0);
}

/* Sends go out here, not after the next sleep: libcurl works when its deadline is served. */
static void turn(struct curl_transport *t)
{
    keep_schedule(t);
    serve_due_lanes(t);
}

void curl_transport_run(struct curl_transport *t)
{
    for (turn(t); !client_is_done(t->client); turn(t)) {
        poller_wait(&t->poller, patience(t));
        (void)transfer_now(&t->transfer_host);
        serve_sockets(t);
    }
}

void curl_transport_stop(struct curl_transport *t)
{
    uint64_t one = 1;
    ssize_t size = write(t->stop_fd, &one, sizeof(one));

    (void)size; /* full means that it was told already */
}

struct curl_transport_counts curl_transport_counts(const struct curl_transport *t)
{
    return (struct curl_transport_counts){
        .connections_opened = t->transfer_host.connections_opened,
        .resends_refused = t->transfer_host.resends_refused,
        .lanes = t->lanes.open,
    };
}

uint64_t curl_transport_descriptors(uint32_t providers_count, uint32_t in_flight_max)
{
    return (uint64_t)providers_count * in_flight_max + DESCRIPTORS_OF_ITS_OWN;
}

/* --- birth and death -------------------------------------------------------------------------- */

static enum rc take_memory(struct curl_transport *t)
{
    const struct memory *memory = t->options.memory;
    struct lanes_options lanes = {
        .providers = t->options.providers_count,
        .places = t->options.in_flight_max,
        .transfers = &t->transfer_host,
        .poller = &t->poller,
        .memory = memory,
    };

    t->transfers = memory_zeroed(memory, t->options.in_flight_max, sizeof(*t->transfers));
    t->handed = memory_zeroed(memory, t->options.in_flight_max, sizeof(*t->handed));
    if (t->transfers == NULL || t->handed == NULL)
        return RC_NOMEM;
    return lanes_init(&t->lanes, &lanes);
}

static enum rc open_stop(struct curl_transport *t, struct error *err)
{
    t->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->stop_fd < 0)
        return error_set(err, RC_SYSTEM, "eventfd: %s", strerror(errno));
    t->has_stop_fd = true;
    if (poller_want(&t->poller, t->stop_fd, POLLER_READABLE, NULL) != RC_OK)
        return error_set(err, RC_SYSTEM, "epoll_ctl: %s", strerror(errno));
    return RC_OK;
}

enum rc curl_transport_new(struct curl_transport **transport,
                           const struct curl_transport_options *options, struct error *err)
{
    struct curl_transport *t = memory_zeroed(options->memory, 1, sizeof(*t));
    enum rc rc = RC_NOMEM;

    assert(options->in_flight_max > 0);
    assert(options->providers_count > 0);
    if (t == NULL)
        return error_set(err, RC_NOMEM, "transport: out of memory");
    t->options = *options;
    t->client = options->client;
    t->transfer_host = (struct transfer_host){.client = options->client,
                                              .poller = &t->poller,
                                              .t0 = options->t0,
                                              .memory = options->memory};
    rc = poller_open(&t->poller, options->memory, err);
    if (rc == RC_OK)
        rc = open_stop(t, err);
    if (rc == RC_OK && take_memory(t) != RC_OK)
        rc = error_set(err, RC_NOMEM, "transport: out of memory");
    if (rc != RC_OK) {
        curl_transport_free(t);
        return rc;
    }
    *transport = t;
    return RC_OK;
}

void curl_transport_free(struct curl_transport *t)
{
    const struct memory *memory;

    if (t == NULL)
        return;
    memory = t->options.memory;
    for (uint32_t i = 0; t->transfers != NULL && i < t->options.in_flight_max; i++)
        transfer_deinit(&t->transfers[i]);
    lanes_deinit(&t->lanes);
    if (t->has_stop_fd)
        close(t->stop_fd);
    poller_close(&t->poller);
    memory_release(memory, t->transfers);
    memory_release(memory, t->handed);
    memory_release(memory, t);
}
