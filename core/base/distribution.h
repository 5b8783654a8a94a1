#ifndef BASE_DISTRIBUTION_H
#define BASE_DISTRIBUTION_H

/* A distribution of non-negative numbers, given by what people know of it: one value, or its median
 * and 99th percentile (then log-normal, the usual shape of latencies and answer lengths).
 * A draw is a pure function of a number in [0, 1), so it can be numbered (base/rng.h). */

#include "base/nanos.h"

enum distribution_kind { DISTRIBUTION_FIXED, DISTRIBUTION_LOGNORMAL };

struct distribution {
    enum distribution_kind kind;
    double p50; /* the value itself when fixed */
    double p99; /* at least p50; unused when fixed */
};

/* The value below which the share `u` of all draws lies. 0 <= u < 1; cut at 10 times p99. */
double distribution_at(const struct distribution *d, double u);

/* The mean, for the arithmetic of `check`. */
double distribution_mean(const struct distribution *d);

/* The inverse of the standard normal distribution (Wichura, AS 241 PPND7: about 1e-7). 0 < u < 1.
 */
double distribution_normal_at(double u);

#endif
