#include "policy/backoff.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

/* Grown in floating point, so that many retries reach the cap rather than wrap round. */
static nanos grow(const struct backoff *b, uint32_t retry)
{
    double grown;

    if (b->base == 0)
        return 0;
    grown = (double)b->base * pow(b->factor, (double)retry);
    return grown < (double)b->cap ? (nanos)grown : b->cap;
}

nanos backoff_wait(const struct backoff *b, uint32_t retry, double u)
{
    nanos wait;

    assert(b->base >= 0);
    assert(b->cap >= 0);
    assert(b->factor >= 1.0);
    assert(u >= 0.0);
    assert(u < 1.0);
    wait = grow(b, retry);
    switch (b->jitter) {
    case JITTER_NONE:
        return wait;
    case JITTER_FULL:
        return (nanos)(u * (double)wait);
    case JITTER_QUARTER:
        return wait - (nanos)(0.25 * u * (double)wait);
    }
    assert(false && "not a jitter");
    return wait;
}
