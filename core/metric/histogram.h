#ifndef METRIC_HISTOGRAM_H
#define METRIC_HISTOGRAM_H

/* A high-dynamic-range histogram of non-negative spans (Tene's HdrHistogram idea): each power of
 * two is cut into 1024 equal buckets, so a value is known to within 0.1 % whatever its size; below
 * 1024 ns exactly. Values from 2^42 ns (73 min) on count as the nanosecond before it. About 270 KB,
 * allocated once; recording is a shift and an add and never allocates. A zeroed histogram is empty:
 * it can be asked, merged from and deinited, but not recorded into.
 *
 * Percentiles are nearest rank: the smallest recorded value such that at least p % of all samples
 * are at or below it (reported as the highest value its bucket holds, at most `max`). One thread
 * owns it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/nanos.h"

#define HISTOGRAM_VALUE_MAX (((nanos)1 << 42) - 1)

struct histogram {
    uint64_t *counts;
    uint64_t count; /* n */
    nanos min, max; /* exact; meaningful while count > 0 */
    double sum;
    const struct memory *memory;
};

MUST_USE enum rc histogram_init(struct histogram *h, const struct memory *memory);
void histogram_deinit(struct histogram *h);
void histogram_clear(struct histogram *h);

/* A negative value counts as 0. */
void histogram_record(struct histogram *h, nanos value);

/* 0 <= percent <= 100, to six decimals; false when empty. About 10 us. */
bool histogram_percentile(const struct histogram *h, double percent, nanos *value);
bool histogram_mean(const struct histogram *h, double *value);

/* The buckets that hold samples, one after the other, `*bucket` 0 before the first: the highest
 * value that the bucket holds, and how many samples. False when there are no more. */
bool histogram_next(const struct histogram *h, size_t *bucket, nanos *highest, uint64_t *count);

/* Adds all of `from` to `h`. */
void histogram_merge(struct histogram *h, const struct histogram *from);

#endif
