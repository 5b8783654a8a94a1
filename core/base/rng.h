#ifndef BASE_RNG_H
#define BASE_RNG_H

/* Random draws that are numbered, not sequential (design: "keyed and ordered").
 *
 * rng_draw(seed, stream, k, i) is one block of Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel
 * random numbers: as easy as 1, 2, 3", SC11): a pure function, so the order in which threads ask
 * cannot change the answer. `stream` says what the draw is for (rng_stream of a name), `k` which
 * call or item, `i` which draw of it. Cost: about 20 ns. */

#include <stdint.h>

#include "base/slice.h"

uint64_t rng_stream(struct slice name);

uint64_t rng_draw(uint64_t seed, uint64_t stream, uint64_t k, uint32_t i);

/* The same draw as a number in [0, 1), a multiple of 2^-53. */
double rng_unit(uint64_t seed, uint64_t stream, uint64_t k, uint32_t i);

/* The bare cipher, for its published test vectors. */
void rng_philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#define RNG_NAME "philox4x32-10"

#endif
