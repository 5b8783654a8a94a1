#include "collector.h"

#include <poll.h>

#include "engine/observe.h"
#include "os/clock.h"
#include "os/signals.h"

/* Rings wake the collector only when they fill up, so it looks for itself now and then. */
static const nanos PATIENCE = 20 * NANOS_MS;

static const nanos SAMPLE_EVERY = 500 * NANOS_MS;

/* The one door to an early end; once every call has ended it is not early any more. */
static void end_early(struct collector *c, enum collector_end why)
{
    if (c->end != COLLECTOR_CALLS_ENDED || crew_is_over(c->crew))
        return;
    c->end = why;
    crew_stop(c->crew);
}

static void monitor_call(struct collector *c, const struct call_record *call)
{
    char id[CALL_ID_TEXT_MAX];
    struct observation seen = observe_call(c->trial->prepared->scenario, call, id);

    monitor_note(c->trial->monitor, &seen, c->now);
}

static void take_call(void *context, const struct call_record *call)
{
    struct collector *c = context;

    trial_take_call(c->trial, call);
    if (c->hooks != NULL)
        monitor_call(c, call);
    progress_call(c->progress, call->outcome != OUTCOME_OK);
}

/* What is there now. Returns whether more may wait. */
static bool take_journal(struct collector *c)
{
    return c->has_journal && journal_stream_take(c->journal, c->mock->journal_fd, &c->has_journal);
}

static nanos read_clock(struct collector *c)
{
    nanos now = clock_monotonic();

    c->now = nanos_max(now - c->trial->t0, 0);
    return now;
}

static void take_sample(struct collector *c)
{
    struct sample_record record;

    if (!service_sample(c->service, c->now, &record))
        return;
    evidence_files_sample(&c->trial->files, &record);
    judge_feed_sample(c->trial->judge, &record);
}

static void look_at_time(struct collector *c)
{
    nanos now = read_clock(c);

    if (now >= c->flush_at) {
        evidence_files_flush(&c->trial->files);
        c->flush_at = now + NANOS_S;
    }
    if (c->service != NULL && now >= c->sample_at) {
        take_sample(c);
        c->sample_at = now + SAMPLE_EVERY;
    }
    if (now >= c->ends_at)
        end_early(c, COLLECTOR_OUT_OF_TIME);
    if (trial_is_spent(c->trial, c->now))
        end_early(c, COLLECTOR_SPENT);
    progress_show(c->progress, now);
}

static bool was_signalled(struct collector *c)
{
    if (signals_take(c->trial->signals_fd) != 0)
        c->was_signalled = true;
    return c->was_signalled;
}

static void look_at_trouble(struct collector *c)
{
    if (c->mock != NULL && !c->has_journal)
        end_early(c, COLLECTOR_MOCK_DIED); /* nobody asked it to end yet */
    if (c->trial->files.rc != RC_OK)
        end_early(c, COLLECTOR_EVIDENCE_LOST);
    if (c->service != NULL && service_has_died(c->service, &c->service_end))
        end_early(c, COLLECTOR_SERVICE_DIED);
    if (was_signalled(c))
        end_early(c, COLLECTOR_SIGNALLED);
}

static void sleep_a_little(struct collector *c)
{
    struct pollfd ready[] = {
        {.fd = c->crew->wake_fd, .events = POLLIN},
        {.fd = c->trial->signals_fd, .events = POLLIN},
        {.fd = c->has_journal ? c->mock->journal_fd : -1, .events = POLLIN},
    };

    if (c->hooks != NULL)
        hook_sender_poll(c->hooks, ready, ARRAY_SIZE(ready), c->now, PATIENCE);
    else
        poll(ready, ARRAY_SIZE(ready), (int)(PATIENCE / NANOS_MS));
    if (ready[0].revents != 0)
        crew_take_wake(c->crew);
}

/* Returns whether more may wait. */
static bool turn(struct collector *c)
{
    bool has_more;

    (void)read_clock(c); /* alerts are raised when their calls are seen, not when we fell asleep */
    has_more = crew_take(c->crew, take_call, c);
    has_more |= take_journal(c);
    look_at_time(c);
    if (c->hooks != NULL)
        hook_sender_turn(c->hooks, c->now);
    return has_more;
}

enum collector_end collector_run(struct collector *c)
{
    while (!crew_is_over(c->crew)) {
        bool has_more = turn(c);

        look_at_trouble(c);
        if (!has_more && !crew_is_over(c->crew))
            sleep_a_little(c);
    }
    return c->end;
}

void collector_finish_alerts(struct collector *c, nanos patience)
{
    nanos until = clock_monotonic() + patience;
    bool is_hurried = false;

    if (c->hooks == NULL)
        return;
    while (!monitor_is_idle(c->trial->monitor) && clock_monotonic() < until && !is_hurried) {
        if (!turn(c))
            sleep_a_little(c);
        is_hurried =
            signals_take(c->trial->signals_fd) != 0; /* another one, if one ended the run */
        c->was_signalled |= is_hurried;
    }
    monitor_give_up(c->trial->monitor, c->now);
    hook_sender_turn(c->hooks, c->now);
}

void collector_finish_journal(struct collector *c, nanos silence)
{
    if (c->has_journal)
        journal_stream_finish(c->journal, c->mock->journal_fd, &c->has_journal, silence);
}
