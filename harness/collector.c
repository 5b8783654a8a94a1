#include "collector.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/signals.h"

enum { PATIENCE_MS = 20, JOURNAL_BYTES_AT_ONCE = 1 << 16, CALLS_AT_ONCE = 256 };

/* The one door to an early end. */
static void end_early(struct collector *m, enum collector_end why)
{
    if (m->end != COLLECTOR_CALLS_ENDED)
        return;
    m->end = why;
    worker_stop(m->worker);
}

/* A batch, so that the journal gets its turn under load. Returns whether more may wait. */
static bool take_calls(struct collector *m)
{
    const struct call_record *call;

    for (int i = 0; i < CALLS_AT_ONCE; i++) {
        call = ring_peek(m->ring);
        if (call == NULL)
            return false;
        evidence_files_call(&m->trial->files, call);
        judge_feed_call(m->trial->judge, call);
        progress_call(m->progress, call->outcome != OUTCOME_OK);
        ring_drop(m->ring);
    }
    return true;
}

/* What is there now. Returns whether more may wait. */
static bool take_journal(struct collector *m)
{
    char piece[JOURNAL_BYTES_AT_ONCE];
    ssize_t size;

    if (!m->has_journal)
        return false;
    size = read(m->mock->journal_fd, piece, sizeof(piece));
    if (size > 0) {
        journal_stream_feed(m->journal, (struct slice){piece, (size_t)size});
        return true;
    }
    if (size == 0 || (errno != EAGAIN && errno != EINTR))
        m->has_journal = false;
    return false;
}

static void look_at_time(struct collector *m)
{
    nanos now = clock_monotonic();

    if (now >= m->flush_at) {
        evidence_files_flush(&m->trial->files);
        m->flush_at = now + NANOS_S;
    }
    if (now >= m->ends_at)
        end_early(m, COLLECTOR_OUT_OF_TIME);
    progress_show(m->progress, now);
}

static void sleep_a_little(struct collector *m)
{
    struct pollfd ready[] = {
        {.fd = m->ring->wake_fd, .events = POLLIN},
        {.fd = m->trial->signals_fd, .events = POLLIN},
        {.fd = m->has_journal ? m->mock->journal_fd : -1, .events = POLLIN},
    };

    poll(ready, ARRAY_SIZE(ready), PATIENCE_MS);
    if (ready[0].revents != 0)
        ring_take_wake(m->ring);
}

enum collector_end collector_run(struct collector *m)
{
    while (!ring_is_over(m->ring)) {
        bool has_more = take_calls(m);

        has_more |= take_journal(m);
        if (!m->has_journal)
            end_early(m, COLLECTOR_MOCK_DIED); /* nobody asked it to end yet */
        if (m->trial->files.rc != RC_OK)
            end_early(m, COLLECTOR_EVIDENCE_LOST);
        if (signals_take(m->trial->signals_fd) != 0)
            end_early(m, COLLECTOR_SIGNALLED);
        look_at_time(m);
        if (!has_more && !ring_is_over(m->ring))
            sleep_a_little(m);
    }
    return m->end;
}

void collector_finish_journal(struct collector *m, nanos patience)
{
    nanos until = clock_monotonic() + patience;

    while (m->has_journal && clock_monotonic() < until) {
        struct pollfd ready = {.fd = m->mock->journal_fd, .events = POLLIN};

        if (!take_journal(m) && m->has_journal)
            poll(&ready, 1, PATIENCE_MS);
    }
}
