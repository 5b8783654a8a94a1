/* `run`: mock, workers and collector put together, and taken apart in every case.
 *
 *   mock starts --> t0 is set --> mock is told --> workers start --> collector_run ...
 *   ... rings over --> workers joined --> alerts delivered --> mock asked to end
 *   --> rest of the journal --> mock closed
 *
 * A live target has no mock: the same without it. A service under test is started when the mock
 * listens, and ended when the last call is. */

#include "worlds.h"

#include "collector.h"
#include "os/clock.h"

/* From setting t0 to the first due: the handshake and the start of threads. */
static const nanos HEAD_START = 100 * NANOS_MS;
static const nanos ALERTS_PATIENCE = 5 * NANOS_S;
static const nanos ALERTS_PATIENCE_SIGNALLED = NANOS_S;

/* Of a mock that was asked to end: a mock that is well answers within milliseconds. */
static const nanos JOURNAL_SILENCE = 3 * NANOS_S;
static const nanos MOCK_PATIENCE = 5 * NANOS_S;

static const nanos FAR_AWAY = 24 * 3600 * NANOS_S;

/* A zeroed one can be taken apart. */
struct stage {
    bool has_mock;
    struct mock_process mock;
    bool has_service;
    struct service service;
    struct crew crew;
    struct journal_stream journal;
    struct hook_sender *hooks;
    struct progress progress;
    struct collector collector;
};

/* --- set up ----------------------------------------------------------------------------------- */

static enum rc open_mock(struct stage *s, const struct trial *trial, struct error *err)
{
    struct mock_process_options options = {.scenario = trial->prepared->scenario,
                                           .scenario_file = trial->scenario_file,
                                           .port = trial->options->port};

    return mock_process_start(&s->mock, &options, err);
}

/* Before run time 0 is known: getting ready takes as long as it takes. What the service asks
 * meanwhile (models, most of all) must not start the run, so run time 0 is far away until then. */
static enum rc open_service(struct stage *s, const struct trial *trial, struct error *err)
{
    struct service_options options = {.scenario = trial->prepared->scenario,
                                      .mock = &s->mock,
                                      .folder = trial->folder,
                                      .scenario_file = trial->scenario_file,
                                      .signals_fd = trial->signals_fd};

    TRY(mock_process_begin(&s->mock, nanos_add(clock_monotonic(), FAR_AWAY), err));
    TRY(service_open(&s->service, &options, err));
    return mock_process_watch(&s->mock, s->service.surroundings.canaries,
                              s->service.surroundings.canaries_count, err);
}

static const char *const *whom_to_ask(const struct stage *s, const struct trial *trial)
{
    if (s->has_service)
        return s->service.origins;
    return s->has_mock ? s->mock.origins : trial->live.origins;
}

static enum rc open_crew(struct stage *s, struct trial *trial, struct error *err)
{
    struct crew_options options = {
        .scenario = trial->prepared->scenario,
        .origins = whom_to_ask(s, trial),
        .keys = s->has_mock ? NULL : trial->live.keys,
        .service_key = s->has_service ? trial->live.keys[0] : SLICE(""),
        .service_headers = s->service.headers,
        .t0 = trial->t0,
        .wall_unix_ns = trial->t0_unix_ns,
        .marks_requests = s->has_mock && !s->has_service,
        .workers = trial->options->workers,
        .memory = memory_heap(),
    };

    return crew_open(&s->crew, &options, err);
}

static void take_alert(void *context, const struct alert_record *record)
{
    struct trial *trial = context;

    evidence_files_alert(&trial->files, record);
    judge_feed_alert(trial->judge, record);
}

static enum rc open_hooks(struct stage *s, struct trial *trial, struct error *err)
{
    struct hook_sender_options options = {
        .monitor = trial->monitor,
        .origin = s->mock.hooks, /* empty without a mock, and then the scenario has no hooks */
        .memory = memory_heap(),
        .on_settled = take_alert,
        .context = trial,
    };

    return trial->monitor == NULL ? RC_OK : hook_sender_new(&s->hooks, &options, err);
}

static void brief_collector(struct stage *s, struct trial *trial)
{
    progress_begin(&s->progress, trial->t0, trial->prepared->scenario->load.lasts,
                   !trial->options->wants_quiet);
    s->collector = (struct collector){
        .trial = trial,
        .crew = &s->crew,
        .mock = s->has_mock ? &s->mock : NULL,
        .journal = &s->journal,
        .hooks = s->hooks,
        .service = s->has_service ? &s->service : NULL,
        .progress = &s->progress,
        .ends_at = nanos_add(trial->t0, trial->options->max_time),
        .flush_at = trial->t0,
        .sample_at = trial->t0,
        .has_journal = s->has_mock,
    };
}

static enum rc set_up(struct stage *s, struct trial *trial, struct error *err)
{
    const struct scenario *scenario = trial->prepared->scenario;

    s->has_mock = scenario->target == TARGET_MOCK;
    s->has_service = scenario->subject == SUBJECT_SERVICE;
    if (s->has_mock)
        TRY(open_mock(s, trial, err));
    if (s->has_service)
        TRY(open_service(s, trial, err));
    trial->t0 = clock_monotonic() + HEAD_START;
    trial->t0_unix_ns = clock_wall_unix_ns() + HEAD_START;
    TRY(open_crew(s, trial, err));
    TRY(open_hooks(s, trial, err));
    journal_stream_init(&s->journal, scenario, &trial->files, trial->judge, memory_heap());
    brief_collector(s, trial);
    if (s->has_mock)
        TRY(mock_process_begin(&s->mock, trial->t0, err));
    return crew_start(&s->crew, err);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void note_facts(const struct stage *s, struct trial *trial)
{
    struct crew_counts counts = crew_counts(&s->crew);

    trial->facts.cut_at = crew_ended_at(&s->crew) - trial->t0;
    trial->facts.calls_planned = scenario_calls_count(trial->prepared->scenario);
    trial->facts.was_interrupted = s->collector.end != COLLECTOR_CALLS_ENDED;
    trial->facts.has_caller = true;
    trial->facts.has_journal = s->has_mock;
    trial->facts.journal_is_whole = s->has_mock && s->journal.is_whole;
    trial->facts.is_live = !s->has_mock;
    trial->was_signalled = s->collector.was_signalled;
    trial->driver = counts.driver;
    trial->ring_waits = counts.ring_waits;
}

static nanos patience_for_alerts(const struct stage *s)
{
    switch (s->collector.end) {
    case COLLECTOR_CALLS_ENDED:
    case COLLECTOR_OUT_OF_TIME:
    case COLLECTOR_SPENT:
        return ALERTS_PATIENCE;
    case COLLECTOR_SIGNALLED:
        return ALERTS_PATIENCE_SIGNALLED;
    case COLLECTOR_MOCK_DIED:
    case COLLECTOR_SERVICE_DIED:
    case COLLECTOR_EVIDENCE_LOST:
        break;
    }
    return 0;
}

static void play(struct stage *s, struct trial *trial)
{
    collector_run(&s->collector);
    crew_join(&s->crew);
    collector_finish_alerts(&s->collector, patience_for_alerts(s));
    service_close(&s->service); /* what it still asks of the mock ends before the mock does */
    mock_process_finish(&s->mock);
    collector_finish_journal(&s->collector, JOURNAL_SILENCE);
    progress_end(&s->progress);
    note_facts(s, trial);
}

static enum rc problem_of(const struct stage *s, const struct trial *trial, struct error *err)
{
    if (s->collector.end == COLLECTOR_MOCK_DIED)
        return error_set(err, RC_SYSTEM, "the mock died in the middle of the run");
    if (s->collector.end == COLLECTOR_SERVICE_DIED) {
        *err = s->collector.service_end;
        return err->rc;
    }
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
    service_close(&s->service);
    hook_sender_free(s->hooks);
    journal_stream_deinit(&s->journal);
    mock_process_finish(&s->mock);
    mock_process_close(&s->mock, s->collector.has_journal ? 0 : MOCK_PATIENCE);
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
