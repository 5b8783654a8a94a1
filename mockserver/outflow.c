#include "outflow.h"

#include <assert.h>
#include <string.h>

void outflow_init(struct outflow *o, const struct memory *memory, size_t ceiling)
{
    *o = (struct outflow){0};
    buffer_init(&o->bytes, memory, ceiling);
}

void outflow_deinit(struct outflow *o)
{
    buffer_deinit(&o->bytes);
    *o = (struct outflow){0};
}

/* Asked after every answer, so that an unshaped one costs next to nothing. */
void outflow_clear(struct outflow *o)
{
    buffer_clear(&o->bytes);
    o->sent = 0;
    o->slow_end = 0;
    o->borders_count = 0;
}

void outflow_shape(struct outflow *o, nanos slow_gap, bool is_by_byte)
{
    o->slow_gap = slow_gap;
    o->is_by_byte = is_by_byte;
    o->next_at = 0;
}

void outflow_end_slow(struct outflow *o)
{
    o->slow_end = o->slow_gap > 0 ? o->bytes.size : 0;
}

void outflow_put_border(struct outflow *o)
{
    size_t at = o->bytes.size;
    size_t before = o->borders_count > 0 ? o->borders[o->borders_count - 1] : o->sent;

    if (at > before && at <= UINT32_MAX && o->borders_count < OUTFLOW_BORDERS_MAX)
        o->borders[o->borders_count++] = (uint32_t)at;
}

bool outflow_is_empty(const struct outflow *o)
{
    return o->sent == o->bytes.size;
}

void outflow_turn(struct outflow *o)
{
    o->singles = 0;
}

size_t outflow_next(const struct outflow *o, nanos now, nanos *wakes_at)
{
    size_t end = o->borders_count > 0 ? o->borders[0] : o->bytes.size;

    *wakes_at = NANOS_NEVER;
    if (o->sent == o->bytes.size)
        return 0;
    if (now < o->next_at || o->singles == OUTFLOW_SINGLES_MAX) {
        *wakes_at = nanos_max(now, o->next_at);
        return 0;
    }
    return o->is_by_byte || o->sent < o->slow_end ? 1 : end - o->sent;
}

static void pass_border(struct outflow *o)
{
    memmove(o->borders, o->borders + 1, --o->borders_count * sizeof(o->borders[0]));
}

void outflow_sent(struct outflow *o, size_t size, nanos now)
{
    bool was_slow = o->sent < o->slow_end;

    assert(size <= o->bytes.size - o->sent);
    o->sent += size;
    if (was_slow)
        o->next_at = now + o->slow_gap;
    else if (o->is_by_byte)
        o->singles++;
    if (o->borders_count > 0 && o->sent >= o->borders[0]) {
        pass_border(o);
        o->next_at = nanos_max(o->next_at, now + OUTFLOW_BORDER_GAP);
    }
    if (o->sent == o->bytes.size)
        outflow_clear(o);
}

void outflow_compact(struct outflow *o)
{
    size_t gone = o->sent;

    if (gone == 0 || gone < o->bytes.size / 2)
        return;
    buffer_drop(&o->bytes, gone);
    o->sent = 0;
    o->slow_end = o->slow_end > gone ? o->slow_end - gone : 0;
    for (uint32_t i = 0; i < o->borders_count; i++)
        o->borders[i] -= (uint32_t)gone;
}
