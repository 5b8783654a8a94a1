#ifndef HARNESS_MONITOR_H
#define HARNESS_MONITOR_H

/* The main thread while a run runs: what both ends report goes into the files and to the judge.
 *
 *   worker --ring of finished calls--> |         | --> calls.jsonl, attempts.jsonl, judge
 *   mock ----journal over a socket---> | monitor | --> journal.jsonl, judge
 *   terminal ---signals--------------> |         | --> worker_stop
 *
 * Happy path: monitor_run until the ring is over; then the mock is asked to end and
 * monitor_finish_journal reads the rest of its journal. Whatever ends the run early (signal,
 * --max-time, the mock's death, a full disk) stops the worker, which ends every open call in order;
 * the first such cause is kept. One thread owns it. */

#include "curl_transport.h"
#include "journal_stream.h"
#include "mock_process.h"
#include "progress.h"
#include "trial.h"
#include "worker.h"

enum monitor_end {
    MONITOR_CALLS_ENDED, /* all of the plan */
    MONITOR_SIGNALLED,
    MONITOR_OUT_OF_TIME, /* --max-time */
    MONITOR_MOCK_DIED,
    MONITOR_EVIDENCE_LOST, /* a file could not be written */
};

struct monitor {
    struct trial *trial; /* all borrowed for life */
    struct worker *worker;
    struct ring *ring;
    struct mock_process *mock;
    struct journal_stream *journal;
    struct progress *progress;
    nanos ends_at;    /* of the monotonic clock: --max-time; NANOS_NEVER */
    nanos flush_at;   /* likewise: when evidence is written next */
    bool has_journal; /* its end has not come yet */
    enum monitor_end end;
};

enum monitor_end monitor_run(struct monitor *m);

/* After mock_process_finish: reads on until the mock closes its end, at most `patience`. */
void monitor_finish_journal(struct monitor *m, nanos patience);

#endif
