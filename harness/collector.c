#include "collector.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/signals.h"

enum { PATIENCE_MS = 20, JOURNAL_BYTES_AT_ONCE = 1 << 16 };

/* The one door to an early end. */
static void end_early(struct collector *c, enum collector_end why)
{
    if (c->end != COLLECTOR_CALLS_ENDED)
        return;
    c->end = why;
    crew_stop(c->crew);
}

static void take_call(void *context, const struct call_record *call)
{
    struct collector *c = context;

    evidence_files_call(&c->trial->files, call);
    judge_feed_call(c->trial->judge, call);
    progress_call(c->progress, call->outcome != OUTCOME_OK);
}

/* What is there now. Returns whether more may wait. */
static bool take_journal(struct collector *c)
{
    char piece[JOURNAL_BYTES_AT_ONCE];
    ssize_t size;

    if (!c->has_journal)
        return false;
    size = read(c->mock->journal_fd, piece, sizeof(piece));
    if (size > 0) {
        journal_stream_feed(c->journal, (struct slice){piece, (size_t)size});
        return true;
    }
    if (size == 0 || (errno != EAGAIN && errno != EINTR))
        c->has_journal = false;
    return false;
}

static void look_at_time(struct collector *c)
{
    nanos now = clock_monotonic();

    if (now >= c->flush_at) {
        evidence_files_flush(&c->trial->files);
        c->flush_at = now + NANOS_S;
    }
    if (now >= c->ends_at)
        end_early(c, COLLECTOR_OUT_OF_TIME);
    progress_show(c->progress, now);
}

static void sleep_a_little(struct collector *c)
{
    struct pollfd ready[] = {
        {.fd = c->crew->wake_fd, .events = POLLIN},
        {.fd = c->trial->signals_fd, .events = POLLIN},
        {.fd = c->has_journal ? c->mock->journal_fd : -1, .events = POLLIN},
    };

    poll(ready, ARRAY_SIZE(ready), PATIENCE_MS);
    if (ready[0].revents != 0)
        crew_take_wake(c->crew);
}

enum collector_end collector_run(struct collector *c)
{
    while (!crew_is_over(c->crew)) {
        bool has_more = crew_take(c->crew, take_call, c);

        has_more |= take_journal(c);
        if (!c->has_journal)
            end_early(c, COLLECTOR_MOCK_DIED); /* nobody asked it to end yet */
        if (c->trial->files.rc != RC_OK)
            end_early(c, COLLECTOR_EVIDENCE_LOST);
        if (signals_take(c->trial->signals_fd) != 0)
            end_early(c, COLLECTOR_SIGNALLED);
        look_at_time(c);
        if (!has_more && !crew_is_over(c->crew))
            sleep_a_little(c);
    }
    return c->end;
}

void collector_finish_journal(struct collector *c, nanos patience)
{
    nanos until = clock_monotonic() + patience;

    while (c->has_journal && clock_monotonic() < until) {
        struct pollfd ready = {.fd = c->mock->journal_fd, .events = POLLIN};

        if (!take_journal(c) && c->has_journal)
            poll(&ready, 1, PATIENCE_MS);
    }
}
