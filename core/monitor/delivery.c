#include "monitor/delivery.h"

#include <assert.h>

enum { HEADERS_BYTES_MAX = 256, BODY_BYTES_MAX = 4096 };

static const nanos PAUSE_FIRST = NANOS_S / 2;

/* --- the ring --------------------------------------------------------------------------------- */

static bool ring_open(struct alert_ring *ring, uint32_t places_count, const struct memory *memory)
{
    ring->places_count = places_count;
    ring->places = memory_zeroed(memory, places_count, sizeof(*ring->places));
    return ring->places != NULL;
}

static bool ring_is_full(const struct alert_ring *ring)
{
    return ring->count == ring->places_count;
}

static void ring_push(struct alert_ring *ring, const struct alert *alert)
{
    assert(!ring_is_full(ring));
    ring->places[(ring->first + ring->count) % ring->places_count] = *alert;
    ring->count++;
}

static const struct alert *ring_front(const struct alert_ring *ring)
{
    assert(ring->count > 0);
    return &ring->places[ring->first];
}

static void ring_pop(struct alert_ring *ring)
{
    assert(ring->count > 0);
    ring->first = (ring->first + 1) % ring->places_count;
    ring->count--;
}

/* --- phases ----------------------------------------------------------------------------------- */

static void enter(struct delivery *d, enum delivery_phase phase, nanos alarm_at)
{
    d->phase = phase;
    d->alarm_at = alarm_at;
}

static void settle(struct delivery *d, bool is_delivered, nanos at)
{
    d->is_delivered = is_delivered;
    d->settled_at = d->is_given_up ? NANOS_NEVER : at;
    enter(d, DELIVERY_OVER, NANOS_NEVER);
}

/* A new front, or none. */
static void begin(struct delivery *d, nanos now)
{
    d->tries = 0;
    d->status = 0;
    if (d->queue.count == 0)
        enter(d, DELIVERY_EMPTY, NANOS_NEVER);
    else if (d->is_off || d->is_given_up)
        settle(d, false, now);
    else
        enter(d, DELIVERY_POST_DUE, NANOS_NEVER);
}

static void try_again(struct delivery *d, nanos advice_wait, nanos now)
{
    nanos pause = PAUSE_FIRST << (d->tries - 1);

    if (d->tries >= DELIVERY_TRIES_MAX) {
        settle(d, false, now);
        return;
    }
    enter(d, DELIVERY_PAUSED, nanos_add(now, nanos_max(pause, advice_wait)));
}

/* --- what happens ----------------------------------------------------------------------------- */

bool delivery_has_room(const struct delivery *d)
{
    return !ring_is_full(&d->queue) || !ring_is_full(&d->refused);
}

void delivery_add(struct delivery *d, const struct alert *alert, nanos now)
{
    if (ring_is_full(&d->queue)) {
        ring_push(&d->refused, alert);
        return;
    }
    ring_push(&d->queue, alert);
    if (d->phase == DELIVERY_EMPTY)
        begin(d, now);
}

/* The hook is gone, or will never take our word: wire-facts.md §11. */
static bool is_permanent(uint16_t status)
{
    return status == 401 || status == 403 || status == 404 || status == 410;
}

static bool is_worth_another_try(uint16_t status)
{
    return status == 408 || status == 429 || status >= 500;
}

void delivery_answered(struct delivery *d, uint16_t status, nanos advice_wait, nanos now)
{
    bool is_delivered = status >= 200 && status < 300;

    if (d->phase != DELIVERY_UNDER_WAY)
        return;
    d->status = status;
    d->is_off |= is_permanent(status);
    if (is_worth_another_try(status))
        try_again(d, advice_wait, now);
    else
        settle(d, is_delivered, now);
}

void delivery_failed(struct delivery *d, nanos now)
{
    if (d->phase == DELIVERY_UNDER_WAY)
        try_again(d, 0, now);
}

void delivery_wake(struct delivery *d, nanos now)
{
    if (d->alarm_at > now)
        return;
    if (d->phase == DELIVERY_PAUSED) {
        enter(d, DELIVERY_POST_DUE, NANOS_NEVER);
        return;
    }
    assert(d->phase == DELIVERY_UNDER_WAY);
    d->owes_cancel = true;
    delivery_failed(d, now);
}

nanos delivery_wakes_at(const struct delivery *d)
{
    return d->alarm_at;
}

void delivery_give_up(struct delivery *d)
{
    d->is_given_up = true;
    d->owes_cancel |= d->phase == DELIVERY_UNDER_WAY;
    if (d->phase != DELIVERY_EMPTY && d->phase != DELIVERY_OVER)
        settle(d, false, NANOS_NEVER);
}

/* --- effects ---------------------------------------------------------------------------------- */

static void hand_out_post(struct delivery *d, nanos now, struct monitor_effect *effect)
{
    const struct alert *alert = ring_front(&d->queue);

    d->tries++;
    d->status = 0;
    buffer_clear(&d->headers);
    buffer_text(&d->headers, "content-type: application/json\r\nx-brownout-alert: ");
    buffer_text(&d->headers, alert->key);
    buffer_text(&d->headers, "\r\nx-brownout-attempt: ");
    buffer_u64(&d->headers, d->tries);
    buffer_text(&d->headers, "\r\n");
    buffer_clear(&d->body);
    alert_write_body(alert, d->hook, &d->body);
    assert(d->headers.rc == RC_OK);
    assert(d->body.rc == RC_OK);
    *effect = (struct monitor_effect){
        .kind = MONITOR_POST,
        .hook = d->hook,
        .headers = buffer_slice(&d->headers),
        .body = buffer_slice(&d->body),
    };
    enter(d, DELIVERY_UNDER_WAY, nanos_add(now, d->patience));
}

static void hand_out_record(struct delivery *d, struct monitor_effect *effect)
{
    *effect =
        (struct monitor_effect){.kind = MONITOR_SETTLED, .hook = d->hook, .record = &d->record};
}

static void hand_out_settled(struct delivery *d, nanos now, struct monitor_effect *effect)
{
    d->record = (struct alert_record){
        .alert = *ring_front(&d->queue),
        .hook = d->hook,
        .is_delivered = d->is_delivered,
        .tries = d->tries,
        .status = d->status,
        .settled_at = d->settled_at,
    };
    ring_pop(&d->queue);
    begin(d, now);
    hand_out_record(d, effect);
}

static void hand_out_refused(struct delivery *d, struct monitor_effect *effect)
{
    const struct alert *alert = ring_front(&d->refused);

    d->record =
        (struct alert_record){.alert = *alert, .hook = d->hook, .settled_at = alert->raised_at};
    ring_pop(&d->refused);
    hand_out_record(d, effect);
}

bool delivery_next(struct delivery *d, nanos now, struct monitor_effect *effect)
{
    if (d->owes_cancel) {
        d->owes_cancel = false;
        *effect = (struct monitor_effect){.kind = MONITOR_CANCEL, .hook = d->hook};
        return true;
    }
    if (d->refused.count > 0) {
        hand_out_refused(d, effect);
        return true;
    }
    if (d->phase == DELIVERY_OVER) {
        hand_out_settled(d, now, effect);
        return true;
    }
    if (d->phase == DELIVERY_POST_DUE) {
        hand_out_post(d, now, effect);
        return true;
    }
    return false;
}

/* A cancel or a refused alert that is not taken yet has something in the queue behind it. */
bool delivery_is_idle(const struct delivery *d)
{
    return d->phase == DELIVERY_EMPTY;
}

/* --- birth and death -------------------------------------------------------------------------- */

/* All at once, so that nothing is allocated while the run runs. */
static bool take_memory(struct delivery *d)
{
    buffer_init(&d->headers, d->memory, HEADERS_BYTES_MAX);
    buffer_init(&d->body, d->memory, BODY_BYTES_MAX);
    return ring_open(&d->queue, MONITOR_QUEUE_MAX, d->memory) &&
           ring_open(&d->refused, DELIVERY_REFUSED_MAX, d->memory) &&
           buffer_reserve(&d->headers, HEADERS_BYTES_MAX) != NULL &&
           buffer_reserve(&d->body, BODY_BYTES_MAX) != NULL;
}

enum rc delivery_init(struct delivery *d, enum hook_kind hook, nanos patience,
                      const struct memory *memory)
{
    assert(patience > 0);
    *d = (struct delivery){.hook = hook, .patience = patience, .memory = memory};
    enter(d, DELIVERY_EMPTY, NANOS_NEVER);
    if (take_memory(d))
        return RC_OK;
    delivery_deinit(d);
    return RC_NOMEM;
}

void delivery_deinit(struct delivery *d)
{
    if (d->memory == NULL)
        return;
    memory_release(d->memory, d->queue.places);
    memory_release(d->memory, d->refused.places);
    buffer_deinit(&d->headers);
    buffer_deinit(&d->body);
    *d = (struct delivery){0};
}
