#ifndef HARNESS_COLLECTOR_H
#define HARNESS_COLLECTOR_H

/* The main thread while a run runs: what both ends report goes into the files, to the judge and to
 * the monitor, whose alerts it sends on.
 *
 *   workers --rings of finished calls--> |           | --> calls.jsonl, attempts.jsonl, judge
 *                                        |           | --> monitor --> hook sender --> hooks
 *   hooks ----------answers------------> |           | --> alerts.jsonl, judge
 *   mock -----journal over a socket----> | collector | --> journal.jsonl, judge
 *   /proc ---twice a second------------> |           | --> subject.jsonl, judge
 *   terminal -------signals------------> |           | --> crew_stop
 *
 * Happy path: collector_run until every ring is over; collector_finish_alerts, while the mock still
 * takes posts; then the mock is asked to end and collector_finish_journal reads the rest of its
 * journal. Whatever ends the run early (signal, --max-time, the mock's death, a full disk, a spend
 * limit) stops the workers, which end every open call in order; the first such cause is kept.
 *
 * The load never waits for any of this, unless a disk is so slow that a ring fills up, and that is
 * counted. One thread owns it. */

#include "crew.h"
#include "hook_sender.h"
#include "journal_stream.h"
#include "mock_process.h"
#include "progress.h"
#include "service.h"
#include "trial.h"

enum collector_end {
    COLLECTOR_CALLS_ENDED, /* all of the plan */
    COLLECTOR_SIGNALLED,
    COLLECTOR_OUT_OF_TIME, /* --max-time */
    COLLECTOR_SPENT,       /* the spend limit of a live target */
    COLLECTOR_MOCK_DIED,
    COLLECTOR_SERVICE_DIED,  /* the service under test, that we started */
    COLLECTOR_EVIDENCE_LOST, /* a file could not be written */
};

struct collector {
    struct trial *trial; /* all borrowed for life */
    struct crew *crew;
    struct mock_process *mock; /* NULL: others answer, there is no journal */
    struct journal_stream *journal;
    struct hook_sender *hooks; /* NULL: nobody monitors */
    struct service *service;   /* under test; NULL: none */
    struct progress *progress;
    nanos now;          /* run time at this turn of the loop, not before 0 */
    nanos ends_at;      /* of the monotonic clock: --max-time; NANOS_NEVER */
    nanos flush_at;     /* likewise: when evidence is written next, */
    nanos sample_at;    /* and the service's processes are looked at */
    bool has_journal;   /* its end has not come yet */
    bool was_signalled; /* whether or not that ended the run */
    enum collector_end end;
    struct error service_end; /* COLLECTOR_SERVICE_DIED: how */
};

enum collector_end collector_run(struct collector *c);

/* Goes on delivering alerts, at most `patience` long or until a signal comes; what is open then is
 * given up. Every alert has its line afterwards. */
void collector_finish_alerts(struct collector *c, nanos patience);

/* After mock_process_finish: the rest of the journal (journal_stream_finish). */
void collector_finish_journal(struct collector *c, nanos silence);

#endif
