#ifndef JUDGE_EXAMPLES_H
#define JUDGE_EXAMPLES_H

/* The few calls that a failing row names: those due first, by id where two are due together. So a
 * run and a simulation name the same calls, whatever order their records arrive in. Laws that are
 * not about calls name what they are about instead: an alert by its key, a model. */

#include <stdbool.h>

#include "judge/judge.h"

struct examples {
    uint32_t count;
    struct {
        struct call_id id;
        char name[CALL_ID_TEXT_MAX]; /* instead of the id; empty: the id */
        nanos due_at;
        char text[sizeof(((struct verdict_example *)0)->text)];
    } list[ROW_EXAMPLES_MAX]; /* in order */
};

/* Keeps it if it is among the first. */
void examples_offer(struct examples *examples, struct call_id id, nanos due_at, const char *text);

/* Likewise something that is no call, by its name; of the same instant, the first comes first. */
void examples_offer_named(struct examples *examples, const char *name, nanos at, const char *text);

void examples_copy(const struct examples *examples, const struct scenario *scenario,
                   struct verdict_row *row);

#endif
