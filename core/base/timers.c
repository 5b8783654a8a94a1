#include "base/timers.h"

#include <assert.h>

enum rc timers_init(struct timers *t, const struct memory *memory, uint32_t slots_max)
{
    *t = (struct timers){.slots_max = slots_max, .memory = memory};
    t->at = memory_zeroed(memory, slots_max, sizeof(*t->at));
    t->heap = memory_zeroed(memory, slots_max, sizeof(*t->heap));
    t->place = memory_zeroed(memory, slots_max, sizeof(*t->place));
    if (t->at == NULL || t->heap == NULL || t->place == NULL) {
        timers_deinit(t);
        return RC_NOMEM;
    }
    for (uint32_t slot = 0; slot < slots_max; slot++)
        t->at[slot] = NANOS_NEVER;
    return RC_OK;
}

void timers_deinit(struct timers *t)
{
    if (t->memory != NULL) {
        memory_release(t->memory, t->at);
        memory_release(t->memory, t->heap);
        memory_release(t->memory, t->place);
    }
    *t = (struct timers){0};
}

static bool is_earlier(struct timer a, struct timer b)
{
    return a.at != b.at ? a.at < b.at : a.slot < b.slot;
}

static void put(struct timers *t, uint32_t place, struct timer timer)
{
    t->heap[place] = timer;
    t->place[timer.slot] = place;
}

static void move_up(struct timers *t, uint32_t place, struct timer timer)
{
    while (place > 0 && is_earlier(timer, t->heap[(place - 1) / 2])) {
        put(t, place, t->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(t, place, timer);
}

static void move_down(struct timers *t, uint32_t place, struct timer timer)
{
    for (;;) {
        uint32_t child = 2 * place + 1;

        if (child + 1 < t->count && is_earlier(t->heap[child + 1], t->heap[child]))
            child++;
        if (child >= t->count || !is_earlier(t->heap[child], timer))
            break;
        put(t, place, t->heap[child]);
        place = child;
    }
    put(t, place, timer);
}

static void clear(struct timers *t, uint32_t slot)
{
    uint32_t place = t->place[slot];
    struct timer last = t->heap[--t->count];

    t->at[slot] = NANOS_NEVER;
    if (last.slot == slot)
        return;
    if (place > 0 && is_earlier(last, t->heap[(place - 1) / 2]))
        move_up(t, place, last);
    else
        move_down(t, place, last);
}

void timers_set(struct timers *t, uint32_t slot, nanos at)
{
    struct timer timer = {at, slot};
    nanos before;

    assert(slot < t->slots_max);
    before = t->at[slot];
    if (before == at)
        return;
    if (at == NANOS_NEVER) {
        clear(t, slot);
        return;
    }
    t->at[slot] = at;
    if (before == NANOS_NEVER)
        move_up(t, t->count++, timer);
    else if (at < before)
        move_up(t, t->place[slot], timer);
    else
        move_down(t, t->place[slot], timer);
}

nanos timers_first_at(const struct timers *t)
{
    return t->count > 0 ? t->heap[0].at : NANOS_NEVER;
}

bool timers_take(struct timers *t, nanos now, uint32_t *slot)
{
    if (timers_first_at(t) > now || t->count == 0)
        return false;
    *slot = t->heap[0].slot;
    clear(t, *slot);
    return true;
}
