#ifndef JUDGE_EXAMPLES_H
#define JUDGE_EXAMPLES_H

/* The few calls that a failing row names: those due first, by id where two are due together. So a
 * run and a simulation name the same calls, whatever order their records arrive in. */

#include <stdbool.h>

#include "judge/judge.h"

struct examples {
    uint32_t count;
    struct {
        struct call_id id;
        nanos due_at;
        char text[sizeof(((struct verdict_example *)0)->text)];
    } list[ROW_EXAMPLES_MAX]; /* in order */
};

/* Keeps it if it is among the first. */
void examples_offer(struct examples *examples, struct call_id id, nanos due_at, const char *text);

void examples_copy(const struct examples *examples, const struct scenario *scenario,
                   struct verdict_row *row);

#endif
