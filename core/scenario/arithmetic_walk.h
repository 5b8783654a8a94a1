#ifndef SCENARIO_ARITHMETIC_WALK_H
#define SCENARIO_ARITHMETIC_WALK_H

/* What the files that do the arithmetic of `check` share: what is gathered on the walk through the
 * calls and not shown, and the warnings that come of it. */

#include "scenario/arithmetic.h"

struct walk_sums {
    nanos second; /* the one being counted */
    uint64_t in_second, in_second_most;
    double busy_s;        /* of all good answers together */
    uint64_t too_long;    /* undisturbed answers that take longer than the deadline */
    uint64_t too_large;   /* inputs beyond their model's own window */
    struct phases phases; /* as they are once the first request has come */
    uint64_t in_phase[PHASES_MAX];
    double firings[CHAOS_RULES_MAX]; /* of rules, on first attempts, */
    double laid[CHAOS_RULES_MAX];    /* and if each phase were alone */
    struct {
        uint64_t calls;
        double busy_s;
        struct limiter limiter;
        uint64_t refused[LIMIT_KINDS_COUNT]; /* first attempts, by what they wait for */
        uint64_t hopeless;
    } models[SCENARIO_MODELS_MAX];
    struct {
        int64_t index; /* the one being filled */
        money spent;
    } windows[MONITOR_BUDGETS_MAX];
};

/* What can be said of a scenario whose calls a program makes. */
void arithmetic_warn_of_a_program(const struct scenario *scenario, struct arithmetic *sum);

void arithmetic_warn(const struct scenario *scenario, const struct walk_sums *sums,
                     struct arithmetic *sum);

#endif
