/* `run`: mock, workers and collector put together, and taken apart in every case.
 *
 *   mock starts --> t0 is set --> mock is told --> workers start --> collector_run ...
 *   ... rings over --> workers joined --> mock asked to end --> rest of the journal --> mock closed
 */

#include "worlds.h"

#include "collector.h"
#include "os/clock.h"

/* From setting t0 to the first due: the handshake and the start of threads. */
static const nanos HEAD_START = 100 * NANOS_MS;
static const nanos JOURNAL_PATIENCE = 20 * NANOS_S;
static const nanos MOCK_PATIENCE = 5 * NANOS_S;

/* A zeroed one can be taken apart. */
struct stage {
    struct mock_process mock;
    struct crew crew;
    struct journal_stream journal;
    struct progress progress;
    struct collector collector;
};

static enum rc open_crew(struct stage *s, struct trial *trial, struct error *err)
{
    struct crew_options options = {
        .scenario = trial->prepared->scenario,
        .origins = s->mock.origins,
        .t0 = trial->t0,
        .wall_unix_ns = trial->t0_unix_ns,
        .marks_requests = true,
        .workers = trial->options->workers,
        .memory = memory_heap(),
    };

    return crew_open(&s->crew, &options, err);
}

static enum rc set_up(struct stage *s, struct trial *trial, struct error *err)
{
    TRY(mock_process_start(&s->mock, trial->prepared->scenario, trial->scenario_file, err));
    trial->t0 = clock_monotonic() + HEAD_START;
    trial->t0_unix_ns = clock_wall_unix_ns() + HEAD_START;
    TRY(open_crew(s, trial, err));
    journal_stream_init(&s->journal, trial->prepared->scenario, &trial->files, trial->judge,
                        memory_heap());
    progress_begin(&s->progress, trial->t0, trial->prepared->scenario->load.lasts,
                   !trial->options->wants_quiet);
    s->collector = (struct collector){
        .trial = trial,
        .crew = &s->crew,
        .mock = &s->mock,
        .journal = &s->journal,
        .progress = &s->progress,
        .ends_at = nanos_add(trial->t0, trial->options->max_time),
        .flush_at = trial->t0,
        .has_journal = true,
    };
    TRY(mock_process_begin(&s->mock, trial->t0, err));
    return crew_start(&s->crew, err);
}

static void note_facts(const struct stage *s, struct trial *trial)
{
    struct crew_counts counts = crew_counts(&s->crew);

    trial->facts.cut_at = crew_ended_at(&s->crew) - trial->t0;
    trial->facts.calls_planned = scenario_calls_count(trial->prepared->scenario);
    trial->facts.was_interrupted = s->collector.end != COLLECTOR_CALLS_ENDED;
    trial->facts.has_journal = true;
    trial->facts.journal_is_whole = s->journal.is_whole;
    trial->was_signalled = s->collector.end == COLLECTOR_SIGNALLED;
    trial->driver = counts.driver;
    trial->ring_waits = counts.ring_waits;
}

static void play(struct stage *s, struct trial *trial)
{
    collector_run(&s->collector);
    crew_join(&s->crew);
    mock_process_finish(&s->mock);
    collector_finish_journal(&s->collector, JOURNAL_PATIENCE);
    progress_end(&s->progress);
    note_facts(s, trial);
}

static enum rc problem_of(const struct stage *s, const struct trial *trial, struct error *err)
{
    if (s->collector.end == COLLECTOR_MOCK_DIED)
        return error_set(err, RC_SYSTEM, "the mock died in the middle of the run");
    if (s->collector.end == COLLECTOR_EVIDENCE_LOST) {
        *err = trial->files.error;
        return err->rc;
    }
    if (s->journal.unreadable.rc != RC_OK) {
        *err = s->journal.unreadable;
        return error_wrap(err, "the mock's journal");
    }
    return RC_OK;
}

static void take_down(struct stage *s)
{
    crew_deinit(&s->crew);
    journal_stream_deinit(&s->journal);
    mock_process_finish(&s->mock);
    mock_process_close(&s->mock, MOCK_PATIENCE);
}

enum rc socket_world(struct trial *trial, struct error *err)
{
    struct stage stage = {0};
    enum rc rc = set_up(&stage, trial, err);

    if (rc == RC_OK) {
        play(&stage, trial);
        rc = problem_of(&stage, trial, err);
    }
    take_down(&stage);
    return rc;
}
