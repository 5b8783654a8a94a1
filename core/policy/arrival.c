#include "policy/arrival.h"

#include <assert.h>
#include <math.h>

#include "base/rng.h"

static nanos to_nanos(double value)
{
    return value < 0x1p62 ? (nanos)(value + 0.5) : (nanos)1 << 62;
}

/* From the start each time: the error of one division is below a nanosecond for 100 days, and none
 * adds to another. */
static nanos constant_at(const struct arrival *a, uint64_t k)
{
    return nanos_add(a->rules.start_at, to_nanos((double)k * 1e9 / a->rules.rate_per_s));
}

static nanos poisson_gap(const struct arrival *a, uint64_t k)
{
    double u = rng_unit(a->seed, a->stream, k, 0);

    return to_nanos(-log1p(-u) * 1e9 / a->rules.rate_per_s);
}

void arrival_init(struct arrival *a, const struct arrival_rules *rules, uint64_t seed,
                  uint64_t stream)
{
    assert(rules->rate_per_s > 0.0);
    assert(rules->lasts >= 0);
    *a = (struct arrival){.rules = *rules, .seed = seed, .stream = stream};
    a->due_at = rules->start_at;
    if (rules->process == ARRIVAL_POISSON)
        a->due_at = nanos_add(rules->start_at, poisson_gap(a, 0));
}

bool arrival_next(struct arrival *a, nanos *due_at)
{
    if (a->due_at >= nanos_add(a->rules.start_at, a->rules.lasts))
        return false;
    *due_at = a->due_at;
    a->next++;
    if (a->rules.process == ARRIVAL_POISSON)
        a->due_at = nanos_add(a->due_at, poisson_gap(a, a->next));
    else
        a->due_at = constant_at(a, a->next);
    return true;
}
