#ifndef FAULT_RECIPE_H
#define FAULT_RECIPE_H

/* A plan as it is put together: first what the model does when nothing is wrong with it, then what
 * a fault makes of that. Which fault it is has been decided before (fault/chaos.h). Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "fault/chaos.h"

/* The draws of one attempt; which stream decides what is told in fault/chaos.h. */
struct dice {
    uint64_t seed;
    uint64_t call; /* hash of its id */
    uint32_t attempt;
};

double dice_throw(const struct dice *dice, struct slice stream);

/* An answer of the model's own, or its refusal of what exceeds its window. */
void recipe_behave(struct plan *plan, const struct dice *dice, const struct attempt_facts *facts);

/* Can this fault do anything to an answer to such a request? Faults of connections and of capacity
 * cannot, nor what is done to events where none are sent. */
bool recipe_takes(const struct fault *fault, const struct attempt_facts *facts);

/* False, and the plan as it was, where the model refuses and the fault has no answer to shape. */
bool recipe_spoil(struct plan *plan, const struct fault *fault);

#endif
