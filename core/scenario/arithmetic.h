#ifndef SCENARIO_ARITHMETIC_H
#define SCENARIO_ARITHMETIC_H

/* The arithmetic of `check`: what a scenario will do, worked out before anything runs, and warnings
 * where it cannot do what it seems to want (rules that match nothing, windows without load, too few
 * samples for a percentile, concurrency beyond the ceiling, policies that can exceed the attempts a
 * record holds, limits of money that cannot be kept, models that nobody can price). Money is
 * expected as if nothing went wrong: each call answered at its first attempt, billed when it is
 * due. Pure; fills fixed space. */

#include <stdint.h>

#include "base/buffer.h"
#include "scenario/scenario.h"

enum { WARNINGS_MAX = 32 };

struct warning {
    struct json_position position; /* line 0: of no particular place */
    char text[200];
};

struct arithmetic {
    uint64_t calls;
    double calls_per_s;      /* over the load's length */
    double calls_per_s_peak; /* in the fullest second */
    double in_flight_mean;   /* Little's law: rate times the mean time of a good answer */
    uint64_t input_tokens, output_tokens; /* expected, in all */
    nanos lasts_least, lasts_most;        /* of the run */
    uint32_t attempts_max;                /* per call, by the policy */
    money cost;                           /* expected, of the calls whose model has a price */
    uint64_t calls_unpriced;              /* the others */
    struct {
        uint64_t windows;  /* that the load reaches into */
        uint64_t breaches; /* of those: expected to cost more than the limit */
        money most;        /* in one window */
    } budgets[MONITOR_BUDGETS_MAX];
    struct {
        uint64_t calls; /* due while the rule's window is open and whose first model matches */
        double firings; /* expected of those, on first attempts */
    } rules[CHAOS_RULES_MAX];
    struct warning warnings[WARNINGS_MAX];
    uint32_t warnings_count;
};

void arithmetic_of(const struct scenario *scenario, struct arithmetic *sum);

/* The lines `check` prints, and the warnings apart: "FILE:LINE:COL: warning: ..." each. */
void arithmetic_write(const struct scenario *scenario, const struct arithmetic *sum,
                      struct buffer *out);
void arithmetic_write_warnings(const struct scenario *scenario, const struct arithmetic *sum,
                               struct buffer *out);

#endif
