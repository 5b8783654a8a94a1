#include "ring.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static const struct timespec pause_when_full = {.tv_nsec = 100 * NANOS_US};

enum rc ring_open(struct ring *r, const struct memory *memory, struct error *err)
{
    memset(r, 0, sizeof(*r));
    r->memory = memory;
    r->slots = memory_zeroed(memory, RING_SLOTS, sizeof(*r->slots));
    if (r->slots == NULL)
        return error_set(err, RC_NOMEM, "ring of finished calls: out of memory");
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->wake_fd < 0)
        return error_set(err, RC_SYSTEM, "eventfd: %s", strerror(errno));
    r->has_wake_fd = true;
    return RC_OK;
}

void ring_deinit(struct ring *r)
{
    if (r->has_wake_fd)
        close(r->wake_fd);
    if (r->slots != NULL)
        memory_release(r->memory, r->slots);
    memset(r, 0, sizeof(*r));
}

static void wake(struct ring *r)
{
    uint64_t one = 1;
    ssize_t size = write(r->wake_fd, &one, sizeof(one));

    (void)size; /* refused only when it is awake many times over */
}

static uint64_t wait_for_place(struct ring *r, uint64_t pushed)
{
    uint64_t dropped = atomic_load_explicit(&r->dropped, memory_order_acquire);

    if (pushed - dropped < RING_SLOTS)
        return dropped;
    atomic_fetch_add_explicit(&r->waits, 1, memory_order_relaxed);
    while (pushed - dropped == RING_SLOTS) {
        wake(r);
        nanosleep(&pause_when_full, NULL);
        dropped = atomic_load_explicit(&r->dropped, memory_order_acquire);
    }
    return dropped;
}

void ring_push(struct ring *r, const struct call_record *record)
{
    uint64_t pushed = atomic_load_explicit(&r->pushed, memory_order_relaxed);
    uint64_t dropped = wait_for_place(r, pushed);
    size_t size = offsetof(struct call_record, attempts) +
                  record->attempts_count * sizeof(record->attempts[0]);

    assert(!atomic_load_explicit(&r->is_closed, memory_order_relaxed));
    memcpy(&r->slots[pushed % RING_SLOTS], record, size);
    atomic_store_explicit(&r->pushed, pushed + 1, memory_order_release);
    if (pushed + 1 - dropped == RING_SLOTS / 4)
        wake(r);
}

void ring_close(struct ring *r)
{
    atomic_store_explicit(&r->is_closed, true, memory_order_release);
    wake(r);
}

const struct call_record *ring_peek(struct ring *r)
{
    uint64_t dropped = atomic_load_explicit(&r->dropped, memory_order_relaxed);

    if (dropped == atomic_load_explicit(&r->pushed, memory_order_acquire))
        return NULL;
    return &r->slots[dropped % RING_SLOTS];
}

void ring_drop(struct ring *r)
{
    uint64_t dropped = atomic_load_explicit(&r->dropped, memory_order_relaxed);

    assert(dropped != atomic_load_explicit(&r->pushed, memory_order_relaxed));
    atomic_store_explicit(&r->dropped, dropped + 1, memory_order_release);
}

bool ring_is_over(struct ring *r)
{
    /* In this order: what was pushed before the closing is then seen. */
    return atomic_load_explicit(&r->is_closed, memory_order_acquire) && ring_peek(r) == NULL;
}

void ring_take_wake(struct ring *r)
{
    uint64_t count;
    ssize_t size = read(r->wake_fd, &count, sizeof(count));

    (void)size; /* nothing to take is fine */
}
