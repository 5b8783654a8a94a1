#ifndef ENGINE_WIRES_H
#define ENGINE_WIRES_H

/* The connections to one provider in the simulator: those in use are counted, those that are idle
 * wait to be used again, the latest used first.
 *
 *     wires_open     a new one was accepted
 *     wires_take     an idle one for a request that leaves now: see its fate
 *     wires_give     its answer was whole: it is idle from now on
 *     wires_close    it is no more
 *
 * An idle one is closed by the server after link_rules.idle_close, which both sides know of; or by
 * its fault IDLE_CLOSED, which the client knows of one latency later:
 *
 *     server:  answered ------- delay -------> closes
 *     client:      idle since ------- delay -------> knows it
 *              a request that leaves ^ less than two latencies before that meets a closed door
 *
 * Failure modes: wires_init (memory). Pure; one thread. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "fault/chaos.h"
#include "scenario/scenario.h"

struct wire {
    uint32_t number;
    struct connection_plan plan;
    nanos idle_since; /* as the client sees it */
};

enum wire_fate {
    WIRE_CARRIES,
    WIRE_SWALLOWS, /* nobody is at the other end, and nobody says so */
    WIRE_RESETS,   /* the request is answered by RST */
    WIRE_GONE,     /* the client knows that it was closed: it takes another */
};

struct wires {
    struct wire *idle; /* a stack */
    uint32_t idle_count, idle_max;
    uint32_t open;     /* at the server, idle ones included */
    uint32_t accepted; /* ever: numbers them for their faults */
};

MUST_USE enum rc wires_init(struct wires *wires, uint32_t idle_max, const struct memory *memory);
void wires_deinit(struct wires *wires, const struct memory *memory); /* a zeroed one is fine */

/* False: none is idle (those too old are closed). What is GONE or RESETS is closed, too. */
bool wires_take(struct wires *wires, const struct link_rules *rules, nanos now, struct wire *wire,
                enum wire_fate *fate);

void wires_open(struct wires *wires);
void wires_give(struct wires *wires, const struct wire *wire, nanos now);
void wires_close(struct wires *wires);

/* How many are open at the server once those too old are closed. Linear in the idle ones. */
uint32_t wires_count(struct wires *wires, const struct link_rules *rules, nanos now);

/* What a fault of a connection is called in the journal; lives for ever. */
const char *wire_fault_text(const struct connection_plan *plan);

#endif
