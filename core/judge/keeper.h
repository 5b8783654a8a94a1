#ifndef JUDGE_KEEPER_H
#define JUDGE_KEEPER_H

/* Thinned evidence: of many calls, those worth keeping, with all that the journal says of them.
 *
 *   journal records --keeper_hold--> held by call --+
 *                                                   +--> kept: to the sink, or dropped
 *   judged calls ----keeper_judged------------------+
 *
 * Kept are the calls that broke a law or did not end ok; the KEEPER_NEIGHBOURS judged before and
 * after each of them; and one in KEEPER_ONE_IN of the rest, drawn by the call's id, so that every
 * run of one seed keeps the same ones. Journal records that belong to no call of the scenario
 * (strangers, hooks) go straight on.
 *
 * Happy path: hold a record before the judge is fed it (it may judge the call at once), be told of
 * judged calls (judge_set_on_judged), finish once the judge has. Failure modes: KEEPER_HELD_MAX
 * records are held, or no memory: the record is lost and counted. What is dropped is never
 * formatted, and copied only up to its last byte in use. Memory grows with calls that are open, not
 * with calls that were made; nothing is allocated once the busiest moment has been. Pure; one
 * thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "judge/evidence.h"
#include "scenario/scenario.h"

enum { KEEPER_NEIGHBOURS = 2, KEEPER_ONE_IN = 100, KEEPER_HELD_MAX = 65536 };

/* Where kept records go; borrowed for the call. A call comes before its journal records. */
struct keeper_sink {
    void *context;
    void (*call)(void *context, const struct call_record *call);
    void (*journal)(void *context, const struct journal_record *record);
};

struct held_record {
    struct call_id call;
    uint32_t next; /* place + 1 of the next in its bucket, or of the next free one; 0: none */
    struct journal_record record; /* its plan is filled up to the zero */
};

struct keeper {
    const struct scenario *scenario;
    const struct memory *memory;
    struct keeper_sink sink;
    uint64_t draw_stream;
    struct call_id drawn_group; /* of KEEPER_ONE_IN calls, the latest; */
    uint64_t drawn;             /* its number within */
    bool has_drawn;
    struct held_record *held;
    uint32_t held_capacity;
    uint32_t held_used;  /* places ever used */
    uint32_t first_free; /* place + 1, or 0 */
    uint32_t *buckets;   /* place + 1, or 0: empty; as many as held_capacity, a power of two */
    struct call_record *recent; /* the last judged, cut after their attempts; KEEPER_NEIGHBOURS */
    bool is_waiting[KEEPER_NEIGHBOURS]; /* by place in `recent`: may still become a neighbour */
    uint32_t recent_next;               /* place of the oldest */
    uint32_t after;                     /* calls still to be kept as neighbours */
    uint64_t calls_judged, calls_kept;
    uint64_t records_lost;
};

/* On failure owns nothing. Borrows `scenario` and `memory` for life. */
MUST_USE enum rc keeper_init(struct keeper *k, const struct scenario *scenario,
                             const struct memory *memory, const struct keeper_sink *sink);
void keeper_deinit(struct keeper *k); /* a zeroed one is fine */

void keeper_hold(struct keeper *k, const struct journal_record *record);
void keeper_judged(struct keeper *k, const struct call_record *call, bool is_violation);

/* After the last call: hands on the records whose calls were never judged. */
void keeper_finish(struct keeper *k);

#endif
