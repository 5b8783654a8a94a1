#include "curl_transport.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/timers.h"
#include "lane.h"
#include "poller.h"
#include "transfer.h"

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
    struct lane_host lane_host;
    struct poller poller;
    struct timers deadlines; /* of lanes */
    struct lane *lanes;
    uint32_t lanes_open, lanes_max;
    uint32_t lane_free;         /* every lane before this one is full */
    struct transfer *transfers; /* by slot */
    struct handed *handed;
    uint32_t handed_count;
    int stop_fd;
    bool has_stop_fd;
};

/* --- lanes ------------------------------------------------------------------------------------ */

/* The first lane with a free place: low lanes stay busy and their connections warm. */
static struct lane *find_lane(struct curl_transport *t)
{
    while (t->lane_free < t->lanes_open &&
           t->lanes[t->lane_free].transfers_count == LANE_TRANSFERS_MAX)
        t->lane_free++;
    if (t->lane_free < t->lanes_open)
        return &t->lanes[t->lane_free];
    assert(t->lanes_open < t->lanes_max); /* in_flight_max transfers fit */
    if (lane_open(&t->lanes[t->lanes_open], &t->lane_host, t->lanes_open) != RC_OK)
        return NULL;
    return &t->lanes[t->lanes_open++];
}

static void lane_has_place(struct curl_transport *t, uint32_t lane)
{
    if (lane < t->lane_free)
        t->lane_free = lane;
}

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
        lane_has_place(t, lane->index);
        step(t, (struct client_event){.kind = CLIENT_END,
                                      .slot = transfer->slot,
                                      .attempt = transfer->attempt,
                                      .end = end});
    }
}

/* --- effects ---------------------------------------------------------------------------------- */

static enum rc hand_over(struct curl_transport *t, const struct client_effect *send, nanos *at)
{
    struct transfer *transfer = &t->transfers[send->slot];
    struct lane *lane;

    TRY(transfer_prepare(transfer, &t->transfer_host, send, t->options.origins[send->provider]));
    lane = find_lane(t);
    if (lane == NULL)
        return RC_NOMEM;
    *at = transfer_now(&t->transfer_host);
    return lane_add(lane, transfer);
}

static void apply_send(struct curl_transport *t, const struct client_effect *send)
{
    struct handed *handed = &t->handed[t->handed_count++];

    *handed = (struct handed){.slot = send->slot, .attempt = send->attempt};
    handed->at = transfer_now(&t->transfer_host);
    handed->has_failed = hand_over(t, send, &handed->at) != RC_OK;
}

static void apply_cancel(struct curl_transport *t, const struct client_effect *cancel)
{
    struct transfer *transfer = &t->transfers[cancel->slot];

    if (!transfer->is_active || transfer->attempt != cancel->attempt)
        return;
    lane_remove(&t->lanes[transfer->lane], transfer);
    lane_has_place(t, transfer->lane);
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

/* --- the loop --------------------------------------------------------------------------------- */

static void wake_if_due(struct curl_transport *t)
{
    if (client_wakes_at(t->client) <= transfer_now(&t->transfer_host))
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
    nanos now = transfer_now(&t->transfer_host);
    uint32_t index;

    while (timers_take(&t->deadlines, now, &index)) {
        lane_timeout(&t->lanes[index]);
        collect_ended(t, &t->lanes[index]);
        keep_schedule(t);
    }
}

static void take_stop(struct curl_transport *t)
{
    uint64_t count;

    if (read(t->stop_fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
        step(t, (struct client_event){.kind = CLIENT_STOP});
}

static void serve_sockets(struct curl_transport *t)
{
    struct poller_event event;

    while (poller_next(&t->poller, &event)) {
        struct lane *lane = event.owner;

        if (lane == NULL) {
            take_stop(t);
            continue;
        }
        lane_socket(lane, &event);
        collect_ended(t, lane);
        keep_schedule(t);
    }
}

static nanos patience(const struct curl_transport *t)
{
    nanos at = nanos_min(client_wakes_at(t->client), timers_first_at(&t->deadlines));

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
        .lanes = t->lanes_open,
    };
}

/* --- birth and death -------------------------------------------------------------------------- */

static enum rc take_memory(struct curl_transport *t)
{
    const struct memory *memory = t->options.memory;

    t->lanes_max = (t->options.in_flight_max + LANE_TRANSFERS_MAX - 1) / LANE_TRANSFERS_MAX;
    t->lanes = memory_zeroed(memory, t->lanes_max, sizeof(*t->lanes));
    t->transfers = memory_zeroed(memory, t->options.in_flight_max, sizeof(*t->transfers));
    t->handed = memory_zeroed(memory, t->options.in_flight_max, sizeof(*t->handed));
    if (t->lanes == NULL || t->transfers == NULL || t->handed == NULL)
        return RC_NOMEM;
    return timers_init(&t->deadlines, memory, t->lanes_max);
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
    if (t == NULL)
        return error_set(err, RC_NOMEM, "transport: out of memory");
    t->options = *options;
    t->client = options->client;
    t->transfer_host = (struct transfer_host){.client = options->client,
                                              .poller = &t->poller,
                                              .t0 = options->t0,
                                              .memory = options->memory};
    t->lane_host = (struct lane_host){&t->transfer_host, &t->poller, &t->deadlines};
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
    for (uint32_t i = 0; i < t->lanes_open; i++)
        lane_close(&t->lanes[i]);
    timers_deinit(&t->deadlines);
    if (t->has_stop_fd)
        close(t->stop_fd);
    poller_close(&t->poller);
    memory_release(memory, t->lanes);
    memory_release(memory, t->transfers);
    memory_release(memory, t->handed);
    memory_release(memory, t);
}
