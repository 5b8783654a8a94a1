#include "metric/histogram.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Buckets: 0 to 1023 one nanosecond each, then 1024 for each power of two from 2^10 to 2^41.
 *
 *   value    0 ... 1023 | 1024 ... 2047 | 2048 ... 4095 | ...
 *   width        1      |       1       |       2       | doubling
 *   index    0 ... 1023 | 1024 ... 2047 | 2048 ... 3071 | ...
 */
enum {
    EXACT_BITS = 10,
    VALUE_BITS = 42,
    ROW = 1 << EXACT_BITS,
    BUCKETS = ROW * (1 + VALUE_BITS - EXACT_BITS),
};

static uint32_t top_bit(uint64_t value)
{
    uint32_t bit = 0;

    for (uint32_t step = 32; step > 0; step /= 2) {
        if (value >> step) {
            value >>= step;
            bit += step;
        }
    }
    return bit;
}

static size_t bucket_of(uint64_t value)
{
    uint32_t shift;

    if (value < ROW)
        return value;
    shift = top_bit(value) - EXACT_BITS;
    return (size_t)ROW * shift + (value >> shift);
}

static nanos bucket_highest(size_t bucket)
{
    size_t shift;

    if (bucket < ROW)
        return (nanos)bucket;
    shift = bucket / ROW - 1;
    return (nanos)(((uint64_t)(bucket - ROW * shift) + 1) << shift) - 1;
}

enum rc histogram_init(struct histogram *h, const struct memory *memory)
{
    *h = (struct histogram){.memory = memory};
    h->counts = memory_zeroed(memory, BUCKETS, sizeof(h->counts[0]));
    return h->counts != NULL ? RC_OK : RC_NOMEM;
}

void histogram_deinit(struct histogram *h)
{
    if (h->counts != NULL)
        memory_release(h->memory, h->counts);
    *h = (struct histogram){0};
}

void histogram_clear(struct histogram *h)
{
    assert(h->counts != NULL);
    memset(h->counts, 0, BUCKETS * sizeof(h->counts[0]));
    h->count = 0;
    h->min = 0;
    h->max = 0;
    h->sum = 0.0;
}

static void stretch(struct histogram *h, nanos min, nanos max)
{
    h->min = h->count == 0 ? min : nanos_min(h->min, min);
    h->max = h->count == 0 ? max : nanos_max(h->max, max);
}

void histogram_record(struct histogram *h, nanos value)
{
    assert(h->counts != NULL);
    value = nanos_min(nanos_max(value, 0), HISTOGRAM_VALUE_MAX);
    stretch(h, value, value);
    h->counts[bucket_of((uint64_t)value)]++;
    h->count++;
    h->sum += (double)value;
}

/* ceil(percent / 100 * count), at least 1, in whole numbers: in floating point 99.9 % of 1,000 may
 * come out as the 1,000th. Percents count to six decimals. */
static uint64_t nearest_rank(double percent, uint64_t count)
{
    const uint64_t whole = 100000000;
    uint64_t part = (uint64_t)llround(percent * 1e6);
    uint64_t rank = count / whole * part + (count % whole * part + whole - 1) / whole;

    return rank > 0 ? rank : 1;
}

bool histogram_percentile(const struct histogram *h, double percent, nanos *value)
{
    uint64_t rank, seen = 0;

    assert(percent >= 0.0);
    assert(percent <= 100.0);
    if (h->count == 0)
        return false;
    rank = nearest_rank(percent, h->count);
    for (size_t i = 0; i < BUCKETS; i++) {
        seen += h->counts[i];
        if (seen >= rank) {
            *value = nanos_min(bucket_highest(i), h->max);
            return true;
        }
    }
    assert(false && "the buckets hold every sample");
    return false;
}

bool histogram_mean(const struct histogram *h, double *value)
{
    if (h->count == 0)
        return false;
    *value = h->sum / (double)h->count;
    return true;
}

bool histogram_next(const struct histogram *h, size_t *bucket, nanos *highest, uint64_t *count)
{
    size_t at = *bucket;

    if (h->count == 0)
        return false;
    while (at < BUCKETS && h->counts[at] == 0)
        at++;
    if (at == BUCKETS)
        return false;
    *highest = bucket_highest(at);
    *count = h->counts[at];
    *bucket = at + 1;
    return true;
}

void histogram_merge(struct histogram *h, const struct histogram *from)
{
    if (from->count == 0)
        return;
    assert(h->counts != NULL);
    stretch(h, from->min, from->max);
    for (size_t i = 0; i < BUCKETS; i++)
        h->counts[i] += from->counts[i];
    h->count += from->count;
    h->sum += from->sum;
}
