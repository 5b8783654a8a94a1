#include "worker.h"

#include <assert.h>
#include <string.h>

#include "os/promptness.h"

static void push_record(void *context, const struct call_record *record)
{
    ring_push(context, record);
}

enum rc worker_open(struct worker *w, const struct worker_options *options, struct error *err)
{
    struct client_options client = {
        .scenario = options->scenario,
        .memory = options->memory,
        .wall_unix_ns = options->wall_unix_ns,
        .marks_requests = options->marks_requests,
    };
    struct curl_transport_options transport = {
        .origins = options->origins,
        .t0 = options->t0,
        .in_flight_max = options->scenario->load.in_flight_max,
        .memory = options->memory,
        .on_done = push_record,
        .context = options->ring,
    };
    enum rc rc;

    *w = (struct worker){.ring = options->ring};
    TRY(client_new(&w->client, &client, err));
    transport.client = w->client;
    rc = curl_transport_new(&w->transport, &transport, err);
    if (rc != RC_OK)
        worker_deinit(w);
    return rc;
}

static void *work(void *context)
{
    struct worker *w = context;

    promptness_ask();
    curl_transport_run(w->transport);
    ring_close(w->ring);
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
    *w = (struct worker){0};
}
