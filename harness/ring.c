#include "ring.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert(RING_BYTES >= 64 * sizeof(struct call_record), "room for many");
_Static_assert(sizeof(struct attempt_record) % _Alignof(struct call_record) == 0,
               "one record behind the other is aligned");
_Static_assert(offsetof(struct call_record, attempts) % _Alignof(struct call_record) == 0,
               "likewise");

static const struct timespec pause_when_full = {.tv_nsec = 100 * NANOS_US};

enum rc ring_open(struct ring *r, int wake_fd, const struct memory *memory, struct error *err)
{
    memset(r, 0, sizeof(*r));
    r->memory = memory;
    r->wake_fd = wake_fd;
    /* Not zeroed: what no record ever reaches is then never taken from the system. */
    r->space = memory->resize(memory->context, NULL, RING_BYTES);
    if (r->space == NULL)
        return error_set(err, RC_NOMEM, "ring of finished calls: out of memory");
    return RC_OK;
}

void ring_deinit(struct ring *r)
{
    if (r->space != NULL)
        memory_release(r->memory, r->space);
    memset(r, 0, sizeof(*r));
}

static uint64_t bytes_of(const struct call_record *record)
{
    return offsetof(struct call_record, attempts) +
           record->attempts_count * sizeof(record->attempts[0]);
}

/* Where a record goes that comes after `bytes`. */
static uint64_t next_place(uint64_t bytes)
{
    uint64_t left = RING_BYTES - bytes % RING_BYTES;

    return left < sizeof(struct call_record) ? bytes + left : bytes;
}

static void wake(struct ring *r)
{
    uint64_t one = 1;
    ssize_t size = write(r->wake_fd, &one, sizeof(one));

    (void)size; /* refused only when it is awake many times over */
}

/* Until all up to `end` fits; returns what was dropped by then. */
static uint64_t wait_for_place(struct ring *r, uint64_t end)
{
    uint64_t dropped = atomic_load_explicit(&r->dropped, memory_order_acquire);

    if (end - dropped <= RING_BYTES)
        return dropped;
    atomic_fetch_add_explicit(&r->waits, 1, memory_order_relaxed);
    while (end - dropped > RING_BYTES) {
        wake(r);
        nanosleep(&pause_when_full, NULL);
        dropped = atomic_load_explicit(&r->dropped, memory_order_acquire);
    }
    return dropped;
}

void ring_push(struct ring *r, const struct call_record *record)
{
    const uint64_t quarter = RING_BYTES / 4;
    uint64_t pushed = atomic_load_explicit(&r->pushed, memory_order_relaxed);
    uint64_t place = next_place(pushed);
    uint64_t end = place + bytes_of(record);
    uint64_t dropped = wait_for_place(r, end);

    assert(!atomic_load_explicit(&r->is_closed, memory_order_relaxed));
    memcpy(r->space + place % RING_BYTES, record, bytes_of(record));
    atomic_store_explicit(&r->pushed, end, memory_order_release);
    if (pushed - dropped < quarter && end - dropped >= quarter)
        wake(r);
}

void ring_close(struct ring *r)
{
    atomic_store_explicit(&r->is_closed, true, memory_order_release);
    wake(r);
}

static const struct call_record *record_at(const struct ring *r, uint64_t place)
{
    return (const struct call_record *)(const void *)(r->space + place % RING_BYTES);
}

const struct call_record *ring_peek(struct ring *r)
{
    uint64_t dropped = atomic_load_explicit(&r->dropped, memory_order_relaxed);

    if (dropped == atomic_load_explicit(&r->pushed, memory_order_acquire))
        return NULL;
    return record_at(r, next_place(dropped));
}

void ring_drop(struct ring *r)
{
    uint64_t dropped = atomic_load_explicit(&r->dropped, memory_order_relaxed);
    uint64_t place = next_place(dropped);

    assert(dropped != atomic_load_explicit(&r->pushed, memory_order_relaxed));
    atomic_store_explicit(&r->dropped, place + bytes_of(record_at(r, place)), memory_order_release);
}

bool ring_is_over(struct ring *r)
{
    /* In this order: what was pushed before the closing is then seen. */
    return atomic_load_explicit(&r->is_closed, memory_order_acquire) && ring_peek(r) == NULL;
}
