#include "worker.h"

#include <assert.h>
#include <string.h>

#include "os/clock.h"
#include "os/promptness.h"

uint32_t worker_places(const struct scenario *scenario, uint32_t workers)
{
    return (scenario->load.in_flight_max + workers - 1) / workers;
}

static void push_record(void *context, const struct call_record *record)
{
    ring_push(context, record);
}

static enum rc open_client(struct worker *w, const struct worker_options *options,
                           struct error *err)
{
    struct client_options client = {
        .scenario = options->scenario,
        .memory = options->memory,
        .wall_unix_ns = options->wall_unix_ns,
        .marks_requests = options->marks_requests,
        .worker = options->worker,
        .workers = options->workers,
        .keys = options->keys,
        .service_key = options->service_key,
        .service_headers = options->service_headers,
    };

    return client_new(&w->client, &client, err);
}

static enum rc open_transport(struct worker *w, const struct worker_options *options,
                              struct error *err)
{
    struct curl_transport_options transport = {
        .client = w->client,
        .origins = options->origins,
        .providers_count = options->origins_count,
        .t0 = options->t0,
        .in_flight_max = worker_places(options->scenario, options->workers),
        .memory = options->memory,
        .on_done = push_record,
        .context = &w->ring,
    };

    return curl_transport_new(&w->transport, &transport, err);
}

enum rc worker_open(struct worker *w, const struct worker_options *options, struct error *err)
{
    enum rc rc;

    *w = (struct worker){.ended_at = options->t0};
    rc = ring_open(&w->ring, options->wake_fd, options->memory, err);
    if (rc == RC_OK)
        rc = open_client(w, options, err);
    if (rc == RC_OK)
        rc = open_transport(w, options, err);
    if (rc != RC_OK)
        worker_deinit(w);
    return rc;
}

static void *work(void *context)
{
    struct worker *w = context;

    promptness_ask();
    curl_transport_run(w->transport);
    w->ended_at = clock_monotonic();
    ring_close(&w->ring);
    return NULL;
}

enum rc worker_start(struct worker *w, struct error *err)
{
    int code = pthread_create(&w->thread, NULL, work, w);

    if (code != 0)
        return error_set(err, RC_SYSTEM, "a thread for the worker: %s", strerror(code));
    w->is_running = true;
    return RC_OK;
}

void worker_stop(struct worker *w)
{
    curl_transport_stop(w->transport);
}

void worker_join(struct worker *w)
{
    if (w->is_running)
        pthread_join(w->thread, NULL);
    w->is_running = false;
}

void worker_deinit(struct worker *w)
{
    assert(!w->is_running);
    curl_transport_free(w->transport);
    client_free(w->client);
    ring_deinit(&w->ring);
    *w = (struct worker){0};
}
