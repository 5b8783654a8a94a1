#ifndef JUDGE_SPENDING_H
#define JUDGE_SPENDING_H

/* The truth about budgets: what the mock billed, per budget and window, and how sure it is that the
 * monitor could have known it in that window.
 *
 *   window k of a budget is [k * per, (k + 1) * per) of run time
 *
 *   sure   told to the caller in a whole answer, and both its exchange and its call ended well
 *          within this window
 *   most   all that may have been counted in it: also what was billed and never told, and what
 *          ended within EDGE of one of its edges, which then counts in both windows
 *
 * The monitor counts a call's money when the call ends, the mock when the exchange does, and their
 * instants differ a little: so an alert is due where `sure` exceeds the limit, and out of place
 * where `most` does not reach it; in between nobody can tell. Failure modes: memory at init;
 * windows past SPENDING_WINDOWS_MAX are not kept (spending_is_kept). One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/money.h"
#include "judge/call_case.h"
#include "monitor/monitor.h"
#include "scenario/scenario.h"

#define SPENDING_EDGE NANOS_S

enum { SPENDING_WINDOWS_MAX = 65536 };

struct spent {
    money sure, most;
};

/* Seconds of run time that are told apart; later ones are not kept. */
enum { SPENDING_SECONDS_MAX = 1 << 17 };

struct spending {
    const struct scenario *scenario;
    const struct memory *memory;
    struct {
        struct spent *windows;
        uint64_t windows_count;
    } budgets[MONITOR_BUDGETS_MAX];
    money *seconds; /* sure money, by the second of run time in which it could be known */
    uint32_t seconds_count;
    bool has_lost_seconds; /* past the last that is kept, or without memory */
};

/* On failure owns nothing. */
MUST_USE enum rc spending_init(struct spending *s, const struct scenario *scenario,
                               const struct memory *memory);
void spending_deinit(struct spending *s); /* a zeroed one is fine */

/* Every request of a judged call. */
void spending_call(struct spending *s, const struct call_case *c);

/* A request whose call is not known. */
void spending_stranger(struct spending *s, const struct journal_record *record);

bool spending_is_kept(const struct spending *s, uint32_t budget, uint64_t window);

/* Nothing for a window that is not kept. */
struct spent spending_in(const struct spending *s, uint32_t budget, uint64_t window);

/* By when the budget of that window was breached for sure, to the second: NANOS_NEVER when it was
 * not, or nobody can tell. */
nanos spending_breached_at(const struct spending *s, uint32_t budget, uint64_t window);

#endif
