#include <assert.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stddef.h>

#include "admin_parts.h"
#include "os/clock.h"

/* Answers that are held back until what they wait for has come true. Records are counted as they
 * come; whether a wait is over is looked at from the loop (the alarm), never from within the mock's
 * own work, whose connections are being written to. */

#define PATIENCE_DEFAULT (30 * NANOS_S)
#define PATIENCE_MAX (5 * 60 * NANOS_S)

struct wait_ask {
    struct journal_filter match;
    uint64_t count, after;
    nanos quiet, timeout;
};

static enum rc read_timeout(struct reading *r, const struct value *value, void *out)
{
    TRY(read_span(r, value, out));
    if (*(nanos *)out > PATIENCE_MAX)
        return read_refuse(r, RC_LIMIT, value, "at most 5 minutes");
    return RC_OK;
}

static const struct read_key wait_keys[] = {
    {"match", OPTIONAL, journal_filter_value, offsetof(struct wait_ask, match)},
    {"count", OPTIONAL, admin_read_count, offsetof(struct wait_ask, count)},
    {"after", OPTIONAL, admin_read_count, offsetof(struct wait_ask, after)},
    {"quiet", OPTIONAL, read_span, offsetof(struct wait_ask, quiet)},
    {"timeout", OPTIONAL, read_timeout, offsetof(struct wait_ask, timeout)},
};

/* --- is it over? ------------------------------------------------------------------------------ */

/* NANOS_NEVER while something is open: its end is going to happen. */
static nanos quiet_from(const struct admin *a, const struct waiter *w)
{
    if (w->quiet == 0)
        return 0;
    return admin_open_count(a, &w->match) > 0 ? NANOS_NEVER : nanos_add(w->active_at, w->quiet);
}

static bool is_met(const struct admin *a, const struct waiter *w, nanos now)
{
    return w->count >= w->least && quiet_from(a, w) <= now;
}

static void write_answer(struct admin *a, const struct waiter *w, bool met, nanos now)
{
    buffer_clear(&a->out);
    buffer_printf(&a->out, "{\"ok\":%s,\"met\":%s", met ? "true" : "false", met ? "true" : "false");
    if (!met)
        buffer_printf(&a->out, ",\"error\":\"not in time: %" PRIu64 " of %" PRIu64 " requests%s\"",
                      w->count, w->least, w->quiet > 0 ? ", or not quiet for so long" : "");
    buffer_printf(&a->out,
                  ",\"count\":%" PRIu64 ",\"last\":%" PRIu64 ",\"open\":%" PRIu32
                  ",\"waited_ms\":%" PRId64 "}\n",
                  w->count, journal_store_last(a->store), admin_open_count(a, &w->match),
                  (now - w->asked_at) / NANOS_MS);
}

static uint16_t answer_of(struct admin *a, const struct waiter *w, nanos now)
{
    bool met = is_met(a, w, now);

    write_answer(a, w, met, now);
    return met ? 200 : 408;
}

/* --- the alarm -------------------------------------------------------------------------------- */

static nanos next_end(const struct admin *a)
{
    nanos at = NANOS_NEVER;

    for (uint32_t i = 0; i < ADMIN_WAITERS_MAX; i++) {
        const struct waiter *w = &a->waiters[i];
        nanos over_at = w->gives_up_at;

        if (w->connection == NULL)
            continue;
        if (w->count >= w->least && quiet_from(a, w) < over_at)
            over_at = quiet_from(a, w);
        at = over_at < at ? over_at : at;
    }
    return at;
}

static void set_alarm(struct admin *a, nanos now)
{
    nanos at = next_end(a);
    nanos us = at > now ? (at - now) / NANOS_US + 1 : 0;
    struct timeval span = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

    if (at == NANOS_NEVER)
        event_del(a->alarm);
    else
        event_add(a->alarm, &span);
}

static void leave(struct admin *a, struct waiter *w)
{
    assert(a->waiters_count > 0);
    *w = (struct waiter){0};
    a->waiters_count--;
}

static void on_alarm(evutil_socket_t fd, short what, void *context)
{
    struct admin *a = context;
    nanos now = clock_monotonic();

    (void)fd;
    (void)what;
    for (uint32_t i = 0; i < ADMIN_WAITERS_MAX; i++) {
        struct waiter *w = &a->waiters[i];
        struct connection *c = w->connection;
        uint16_t status;

        if (c == NULL || (!is_met(a, w, now) && now < w->gives_up_at))
            continue;
        status = answer_of(a, w, now);
        leave(a, w);
        admin_answer(a, c, status);
    }
    connections_settle(a->options.connections);
    set_alarm(a, clock_monotonic());
}

/* --- what happens meanwhile ------------------------------------------------------------------- */

void admin_wait_note(struct admin *a, const struct journal_record *record)
{
    if (a->waiters_count == 0)
        return;
    for (uint32_t i = 0; i < ADMIN_WAITERS_MAX; i++) {
        struct waiter *w = &a->waiters[i];

        if (w->connection == NULL ||
            !journal_filter_matches(&w->match, a->options.scenario, record))
            continue;
        w->count++;
        w->active_at = a->active_at;
    }
    event_active(a->alarm, EV_TIMEOUT, 0);
}

void admin_wait_drop(struct admin *a, const struct connection *c)
{
    for (uint32_t i = 0; i < ADMIN_WAITERS_MAX; i++)
        if (a->waiters[i].connection == c)
            leave(a, &a->waiters[i]);
}

/* --- beginning -------------------------------------------------------------------------------- */

/* What was there before counts. Of a filter, something happened when its latest match ended. */
static void look_back(struct admin *a, const struct wait_ask *ask, nanos now, struct waiter *w)
{
    const struct journal_record *record;
    uint64_t place = ask->after;
    nanos ended_at = NANOS_NEVER;

    while (journal_store_next(a->store, &place, &record)) {
        if (!journal_filter_matches(&ask->match, a->options.scenario, record))
            continue;
        w->count++;
        ended_at = record->closed_at;
    }
    w->active_at = a->active_at;
    if (ask->match.asked != 0)
        w->active_at = ended_at != NANOS_NEVER ? now - (mock_now(a->mock) - ended_at) : 0;
}

static struct waiter *free_place(struct admin *a)
{
    uint32_t i = 0;

    while (i < ADMIN_WAITERS_MAX && a->waiters[i].connection != NULL)
        i++;
    return i < ADMIN_WAITERS_MAX ? &a->waiters[i] : NULL;
}

uint16_t admin_wait(struct admin *a, const struct admin_request *request)
{
    struct wait_ask ask = {.timeout = PATIENCE_DEFAULT};
    struct waiter waiter = {0};
    struct waiter *place = free_place(a);
    nanos now = clock_monotonic();
    uint16_t status;

    if (admin_read(a, request, wait_keys, ARRAY_SIZE(wait_keys), &ask, &status) != RC_OK)
        return status;
    if (ask.count == 0 && ask.quiet == 0)
        return admin_refuse(a, 400, "expected a count, a quiet time, or both to wait for");
    waiter = (struct waiter){
        .connection = request->connection,
        .match = ask.match,
        .least = ask.count,
        .quiet = ask.quiet,
        .asked_at = now,
        .gives_up_at = nanos_add(now, ask.timeout),
    };
    look_back(a, &ask, now, &waiter);
    if (is_met(a, &waiter, now))
        return answer_of(a, &waiter, now);
    if (place == NULL)
        return admin_refuse(a, 503, "%d wait already", ADMIN_WAITERS_MAX);
    *place = waiter;
    a->waiters_count++;
    set_alarm(a, now);
    return 0;
}

enum rc admin_wait_open(struct admin *a, struct error *err)
{
    a->alarm = evtimer_new(a->options.base, on_alarm, a);
    a->active_at = clock_monotonic();
    return a->alarm != NULL ? RC_OK : error_set(err, RC_NOMEM, "admin: out of memory");
}

void admin_wait_close(struct admin *a)
{
    if (a->alarm != NULL)
        event_free(a->alarm);
}
