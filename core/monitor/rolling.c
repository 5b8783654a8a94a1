#include "monitor/rolling.h"

#include <stdlib.h>
#include <string.h>

void rolling_record(struct rolling *r, nanos latency)
{
    r->samples[r->recorded % ROLLING_SAMPLES] = latency;
    r->recorded++;
}

static int compare(const void *a, const void *b)
{
    nanos x = *(const nanos *)a;
    nanos y = *(const nanos *)b;

    return (x > y) - (x < y);
}

/* The smallest sample that at least `percent` of them do not exceed. */
static nanos nearest_rank(const nanos *sorted, uint64_t n, uint64_t percent)
{
    return sorted[(n * percent + 99) / 100 - 1];
}

struct rolling_figures rolling_figures(const struct rolling *r)
{
    nanos sorted[ROLLING_SAMPLES];
    uint64_t n = r->recorded < ROLLING_SAMPLES ? r->recorded : ROLLING_SAMPLES;

    if (n == 0)
        return (struct rolling_figures){0};
    memcpy(sorted, r->samples, n * sizeof(sorted[0]));
    qsort(sorted, n, sizeof(sorted[0]), compare);
    return (struct rolling_figures){
        .n = n,
        .p50 = nearest_rank(sorted, n, 50),
        .p95 = nearest_rank(sorted, n, 95),
        .p99 = nearest_rank(sorted, n, 99),
    };
}
