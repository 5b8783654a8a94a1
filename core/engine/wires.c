#include "engine/wires.h"

#include <assert.h>
#include <string.h>

enum rc wires_init(struct wires *wires, uint32_t idle_max, const struct memory *memory)
{
    *wires = (struct wires){.idle_max = idle_max};
    wires->idle = memory_zeroed(memory, idle_max, sizeof(*wires->idle));
    return wires->idle != NULL ? RC_OK : RC_NOMEM;
}

void wires_deinit(struct wires *wires, const struct memory *memory)
{
    memory_release(memory, wires->idle);
    *wires = (struct wires){0};
}

/* The first `count` of the stack are too old. */
static void drop_oldest(struct wires *wires, uint32_t count)
{
    assert(wires->open >= count);
    wires->open -= count;
    wires->idle_count -= count;
    memmove(wires->idle, wires->idle + count, wires->idle_count * sizeof(*wires->idle));
}

static enum wire_fate fate_of(const struct wire *wire, const struct link_rules *rules, nanos now)
{
    nanos known_at = nanos_add(wire->idle_since, wire->plan.delay);

    if (wire->plan.fault != CONNECTION_IDLE_CLOSED || nanos_add(now, 2 * rules->latency) < known_at)
        return WIRE_CARRIES;
    if (wire->plan.close == PLAN_CLOSE_END)
        return WIRE_SWALLOWS;
    return now < known_at ? WIRE_RESETS : WIRE_GONE;
}

bool wires_take(struct wires *wires, const struct link_rules *rules, nanos now, struct wire *wire,
                enum wire_fate *fate)
{
    nanos oldest_kept = now - rules->idle_close;

    if (wires->idle_count == 0)
        return false;
    if (wires->idle[wires->idle_count - 1].idle_since < oldest_kept) {
        drop_oldest(wires, wires->idle_count); /* the latest used is too old, so all are */
        return false;
    }
    *wire = wires->idle[--wires->idle_count];
    *fate = fate_of(wire, rules, now);
    if (*fate == WIRE_GONE || *fate == WIRE_RESETS)
        wires_close(wires);
    return true;
}

void wires_open(struct wires *wires)
{
    wires->open++;
}

void wires_close(struct wires *wires)
{
    assert(wires->open > 0);
    wires->open--;
}

void wires_give(struct wires *wires, const struct wire *wire, nanos now)
{
    assert(wires->idle_count < wires->idle_max);
    wires->idle[wires->idle_count] = *wire;
    wires->idle[wires->idle_count++].idle_since = now;
}

uint32_t wires_count(struct wires *wires, const struct link_rules *rules, nanos now)
{
    uint32_t old = 0;

    while (old < wires->idle_count && wires->idle[old].idle_since < now - rules->idle_close)
        old++;
    if (old > 0)
        drop_oldest(wires, old);
    return wires->open;
}

const char *wire_fault_text(const struct connection_plan *plan)
{
    bool is_reset = plan->close == PLAN_CLOSE_RST;

    switch (plan->fault) {
    case CONNECTION_REFUSED:
        return "connection refused";
    case CONNECTION_CLOSED:
        return is_reset ? "connection reset" : "connection closed";
    case CONNECTION_SILENT:
        return "connection silent";
    case CONNECTION_IDLE_CLOSED:
        return is_reset                        ? "idle connection reset"
               : plan->close == PLAN_CLOSE_FIN ? "idle connection closed"
                                               : "idle connection silent";
    case CONNECTION_SLOW:
        return "connection accepted late";
    case CONNECTION_FINE:
    case CONNECTION_LIMIT:
        break;
    }
    return "connection";
}
