#ifndef JUDGE_ROUNDS_H
#define JUDGE_ROUNDS_H

/* Layers of retries told apart: an SDK that tries three times, inside of a loop that tries four
 * times, makes twelve attempts of one call, in four rounds of three.
 *
 *     attempts   0   1   2     0   1   2     0   1   2     0   1   2     x-stainless-retry-count
 *                +---+---+     +---+---+     +---+---+     +---+---+
 *                 round 1       round 2       round 3       round 4
 *
 * By the SDK's own count, where requests carry one: each 0 begins a round. Else by the gaps: a
 * pattern of waits that begins anew at every p-th attempt. Doubt means one round: two layers are
 * never said to be there because they could be. Pure; cannot fail. */

#include <stdbool.h>
#include <stdint.h>

#include "judge/call_case.h"

enum rounds_by { ROUNDS_NONE, ROUNDS_BY_COUNT, ROUNDS_BY_GAPS };

struct rounds {
    enum rounds_by by;     /* ROUNDS_NONE: one layer, as far as can be seen */
    uint32_t count;        /* at least 1, with any request */
    uint32_t attempts_max; /* of the largest round */
    bool is_even;          /* every round has as many, but for the last, which may have fewer */
};

/* `requests` in the order of attempts. */
struct rounds rounds_of(const struct request_seen *requests, uint32_t count);

enum { ROUNDS_TEXT_MAX = 64 };

/* "12 attempts = 4 rounds of 3"; "7 attempts in 3 rounds (3, 3, 1)" where they differ; with one
 * round "3 attempts". */
void rounds_write(const struct rounds *rounds, const struct request_seen *requests, uint32_t count,
                  char text[ROUNDS_TEXT_MAX]);

#endif
