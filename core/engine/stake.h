#ifndef ENGINE_STAKE_H
#define ENGINE_STAKE_H

/* What the calls of a live target may cost: all of them at worst, before the start, and what is at
 * stake while they run.
 *
 *   worst case of a call   every attempt its policy allows, at the dearest model it may reach, with
 *                          its whole prompt and all the output it allows
 *   at stake at an instant what the ended calls cost (the worst case of attempts whose cost nobody
 *                          told), and the worst case of the open ones and of the next: as many
 *                          times as the dearest ended call exceeded its own
 *
 * As long as nothing costs more than its worst case, what is at stake stays within the estimate of
 * the whole. A provider that counts otherwise than we do moves it above, and then stake_is_over
 * stops the run: the calls in flight can still be paid for, unless they cost more than any before.
 *
 * Pure; allocates nothing, cannot fail. One thread owns it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/money.h"
#include "base/nanos.h"
#include "judge/evidence.h"
#include "scenario/scenario.h"
#include "scenario/source.h"

/* Around a prompt: the call's id in it, roles, and what a provider's own template adds. */
enum { STAKE_EXTRA_TOKENS = 100 };

struct stake_estimate {
    uint64_t calls;
    uint32_t attempts_max;                /* of one call */
    uint64_t input_tokens, output_tokens; /* of all calls at one attempt each, extra ones too */
    money worst;                          /* of all calls */
};

/* Every model that a call may reach has a price (else `worst` means nothing). */
struct stake_estimate stake_estimate(const struct scenario *scenario);

/* A model without a price that some call may reach; SCENARIO_MODELS_MAX: none. */
uint32_t stake_unpriced(const struct scenario *scenario);

struct stake {
    const struct scenario *scenario; /* borrowed for life */
    struct source source;
    struct call_plan next; /* not due yet */
    bool has_next;
    uint64_t calls_ended;
    money spent;       /* of ended calls */
    uint64_t excess;   /* how many times its worst case a call has cost; at least 1 */
    money due_worst;   /* of calls that are due, ended or not */
    money ended_worst; /* of those that ended */
};

void stake_init(struct stake *stake, const struct scenario *scenario);

void stake_note(struct stake *stake, const struct call_record *call);

/* `now` is run time and never decreases. */
money stake_at(struct stake *stake, nanos now);

/* Above the scenario's limit. */
bool stake_is_over(struct stake *stake, nanos now);

#endif
