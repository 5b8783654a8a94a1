#include "crew.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Of one ring before the next has its turn. */
enum { CALLS_AT_ONCE = 256 };

static enum rc open_wake(struct crew *crew, struct error *err)
{
    crew->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (crew->wake_fd < 0)
        return error_set(err, RC_SYSTEM, "eventfd: %s", strerror(errno));
    crew->has_wake_fd = true;
    return RC_OK;
}

static enum rc open_next(struct crew *crew, const struct crew_options *options, struct error *err)
{
    struct worker_options worker = {
        .scenario = options->scenario,
        .origins = options->origins,
        .origins_count = crew_origins_count(options->scenario),
        .keys = options->keys,
        .service_key = options->service_key,
        .service_headers = options->service_headers,
        .t0 = options->t0,
        .wall_unix_ns = options->wall_unix_ns,
        .marks_requests = options->marks_requests,
        .worker = crew->count,
        .workers = crew_size(options->scenario, options->workers),
        .wake_fd = crew->wake_fd,
        .memory = options->memory,
    };
    enum rc rc = worker_open(&crew->workers[crew->count], &worker, err);

    if (rc != RC_OK)
        return error_wrap(err, "worker %u", crew->count);
    crew->count++;
    return RC_OK;
}

uint32_t crew_size(const struct scenario *scenario, uint32_t workers)
{
    uint32_t places = scenario->load.in_flight_max;

    return workers < places ? workers : places;
}

uint32_t crew_origins_count(const struct scenario *scenario)
{
    if (scenario->subject == SUBJECT_SERVICE)
        return scenario->subject_rules.service.urls_count;
    return scenario->providers_count;
}

enum rc crew_open(struct crew *crew, const struct crew_options *options, struct error *err)
{
    uint32_t size = crew_size(options->scenario, options->workers);
    enum rc rc;

    assert(options->workers >= 1);
    assert(options->workers <= CREW_WORKERS_MAX);
    memset(crew, 0, sizeof(*crew));
    rc = open_wake(crew, err);
    while (rc == RC_OK && crew->count < size)
        rc = open_next(crew, options, err);
    if (rc != RC_OK)
        crew_deinit(crew);
    return rc;
}

enum rc crew_start(struct crew *crew, struct error *err)
{
    enum rc rc = RC_OK;

    for (uint32_t i = 0; rc == RC_OK && i < crew->count; i++)
        rc = worker_start(&crew->workers[i], err);
    if (rc != RC_OK) {
        crew_stop(crew);
        crew_join(crew);
    }
    return rc;
}

static bool take_from(struct ring *ring, crew_on_call *on_call, void *context)
{
    for (int i = 0; i < CALLS_AT_ONCE; i++) {
        const struct call_record *call = ring_peek(ring);

        if (call == NULL)
            return false;
        on_call(context, call);
        ring_drop(ring);
    }
    return true;
}

bool crew_take(struct crew *crew, crew_on_call *on_call, void *context)
{
    bool has_more = false;

    for (uint32_t i = 0; i < crew->count; i++)
        has_more |= take_from(&crew->workers[i].ring, on_call, context);
    return has_more;
}

void crew_take_wake(struct crew *crew)
{
    uint64_t count;
    ssize_t size = read(crew->wake_fd, &count, sizeof(count));

    (void)size; /* nothing to take is fine */
}

bool crew_is_over(struct crew *crew)
{
    for (uint32_t i = 0; i < crew->count; i++)
        if (!ring_is_over(&crew->workers[i].ring))
            return false;
    return true;
}

void crew_stop(struct crew *crew)
{
    for (uint32_t i = 0; i < crew->count; i++)
        worker_stop(&crew->workers[i]);
}

void crew_join(struct crew *crew)
{
    for (uint32_t i = 0; i < crew->count; i++)
        worker_join(&crew->workers[i]);
}

nanos crew_ended_at(const struct crew *crew)
{
    nanos ended_at = 0;

    for (uint32_t i = 0; i < crew->count; i++)
        ended_at = nanos_max(ended_at, crew->workers[i].ended_at);
    return ended_at;
}

struct crew_counts crew_counts(const struct crew *crew)
{
    struct crew_counts sum = {0};

    for (uint32_t i = 0; i < crew->count; i++) {
        const struct worker *worker = &crew->workers[i];
        struct curl_transport_counts driver = curl_transport_counts(worker->transport);

        sum.driver.connections_opened += driver.connections_opened;
        sum.driver.resends_refused += driver.resends_refused;
        sum.driver.lanes += driver.lanes;
        sum.ring_waits += atomic_load(&worker->ring.waits);
    }
    return sum;
}

void crew_deinit(struct crew *crew)
{
    for (uint32_t i = 0; i < crew->count; i++)
        worker_deinit(&crew->workers[i]);
    if (crew->has_wake_fd)
        close(crew->wake_fd);
    memset(crew, 0, sizeof(*crew));
}

uint64_t crew_descriptors(const struct scenario *scenario, uint32_t workers)
{
    uint32_t size = crew_size(scenario, workers);

    return size *
           curl_transport_descriptors(crew_origins_count(scenario), worker_places(scenario, size));
}
