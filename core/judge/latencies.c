#include "judge/latencies.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    uint64_t percent;
    uint64_t samples_least;
} percentiles[LATENCY_PERCENTILES] = {{"p50", 50, 20}, {"p95", 95, 20}, {"p99", 99, 100}};

static enum rc init_histograms(struct latencies *l)
{
    TRY(histogram_init(&l->caller, l->memory));
    TRY(histogram_init(&l->mock, l->memory));
    TRY(histogram_init(&l->apart, l->memory));
    TRY(histogram_init(&l->there, l->memory));
    return histogram_init(&l->back, l->memory);
}

static bool has_slow_accept(const struct chaos *chaos)
{
    for (uint32_t i = 0; i < chaos->rules_count; i++)
        if (chaos->rules[i].sequence[0].kind == FAULT_CONNECTION &&
            chaos->rules[i].sequence[0].connection == CONNECTION_SLOW)
            return true;
    return false;
}

enum rc latencies_init(struct latencies *l, const struct scenario *scenario,
                       const struct memory *memory)
{
    enum rc rc;

    *l = (struct latencies){.memory = memory,
                            .models_count = scenario->models_count,
                            .has_slow_accept = has_slow_accept(&scenario->chaos)};
    rc = init_histograms(l);
    if (rc == RC_OK) {
        l->rings = memory_zeroed(memory, l->models_count, sizeof(*l->rings));
        rc = l->rings != NULL ? RC_OK : RC_NOMEM;
    }
    if (rc != RC_OK)
        latencies_deinit(l);
    return rc;
}

void latencies_deinit(struct latencies *l)
{
    if (l->memory == NULL)
        return;
    histogram_deinit(&l->caller);
    histogram_deinit(&l->mock);
    histogram_deinit(&l->apart);
    histogram_deinit(&l->there);
    histogram_deinit(&l->back);
    memory_release(l->memory, l->rings);
    *l = (struct latencies){0};
}

void latencies_record(struct latencies *l, const struct call_record *call)
{
    struct latency_ring *ring;

    if (!call_is_answered(call) || call->ended_at == NANOS_NEVER ||
        call->model_answered >= l->models_count)
        return;
    ring = &l->rings[call->model_answered];
    ring->samples[ring->recorded++ % ROLLING_SAMPLES] = call->ended_at - call->due_at;
}

static void record_pair(struct latencies *l, const struct attempt_record *felt,
                        const struct request_seen *seen)
{
    nanos caller = felt->last_content_at - felt->sent_at;
    nanos mock = seen->last_out_at - seen->head_in_at;

    histogram_record(&l->caller, caller);
    histogram_record(&l->mock, mock);
    histogram_record(&l->apart, caller > mock ? caller - mock : mock - caller);
    histogram_record(&l->there, nanos_max(seen->head_in_at - felt->sent_at, 0));
    histogram_record(&l->back, nanos_max(felt->last_content_at - seen->last_out_at, 0));
}

void latencies_call(struct latencies *l, const struct call_case *c)
{
    for (uint32_t i = 0; i < c->steps_count; i++) {
        const struct request_seen *seen = c->steps[i].seen;
        const struct attempt_record *felt = c->steps[i].felt;

        if (seen == NULL || felt == NULL || !attempt_is_answered(felt))
            continue;
        if (felt->sent_at == NANOS_NEVER || felt->last_content_at == NANOS_NEVER ||
            seen->head_in_at == NANOS_NEVER || seen->last_out_at == NANOS_NEVER)
            continue;
        if (l->has_slow_accept && seen->accepted_at > felt->sent_at)
            continue;
        record_pair(l, felt, seen);
    }
}

static int compare(const void *a, const void *b)
{
    nanos x = *(const nanos *)a, y = *(const nanos *)b;

    return (x > y) - (x < y);
}

/* Nearest rank: the smallest of n sorted samples with at least `percent` of all at or below it. */
static nanos nearest_rank(const nanos *sorted, uint64_t n, uint64_t percent)
{
    uint64_t rank = n * percent / 100 + (n * percent % 100 > 0);

    return sorted[rank > 0 ? rank - 1 : 0];
}

struct rolling_figures latencies_rolling(const struct latencies *l, uint32_t model)
{
    const struct latency_ring *ring;
    nanos sorted[ROLLING_SAMPLES];
    uint64_t n;

    assert(model < l->models_count);
    ring = &l->rings[model];
    n = ring->recorded < ROLLING_SAMPLES ? ring->recorded : ROLLING_SAMPLES;
    if (n == 0)
        return (struct rolling_figures){0};
    memcpy(sorted, ring->samples, n * sizeof(sorted[0]));
    qsort(sorted, n, sizeof(sorted[0]), compare);
    return (struct rolling_figures){.n = n,
                                    .p50 = nearest_rank(sorted, n, 50),
                                    .p95 = nearest_rank(sorted, n, 95),
                                    .p99 = nearest_rank(sorted, n, 99)};
}

bool latencies_service(const struct latencies *l, uint32_t index, struct latency_pair *pair)
{
    double percent;

    assert(index < LATENCY_PERCENTILES);
    percent = (double)percentiles[index].percent;
    if (l->caller.count < percentiles[index].samples_least)
        return false;
    return histogram_percentile(&l->caller, percent, &pair->caller) &&
           histogram_percentile(&l->mock, percent, &pair->mock);
}

bool latencies_lags(const struct latencies *l, struct latency_lags *lags)
{
    return histogram_percentile(&l->apart, 50, &lags->apart_p50) &&
           histogram_percentile(&l->there, 99, &lags->there_p99) &&
           histogram_percentile(&l->back, 99, &lags->back_p99);
}

const char *latency_percentile_word(uint32_t index)
{
    assert(index < LATENCY_PERCENTILES);
    return percentiles[index].word;
}
