#ifndef JUDGE_TREND_H
#define JUDGE_TREND_H

/* How something grew with time: the slope of the line that fits its samples best (least squares).
 *
 *     trend_add(&trend, at, bytes)        any order
 *     trend_slope(&trend, &per_hour)
 *
 * Sums alone are kept. A zeroed one has no samples. Pure; cannot fail. */

#include <stdbool.h>
#include <stdint.h>

#include "base/nanos.h"

/* Two points are always on a line. */
enum { TREND_SAMPLES_LEAST = 3 };

struct trend {
    uint64_t n;
    nanos first_at;     /* hours count from here, */
    double first_value; /* and values: what does not change has a slope of exactly 0 */
    double hours, values, hours_squared, products;
};

void trend_add(struct trend *trend, nanos at, double value);

/* Per hour. False with too few samples, or all of one instant. */
bool trend_slope(const struct trend *trend, double *per_hour);

#endif
