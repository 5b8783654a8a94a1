/* `exec`: a command of the user's against a mock of its own.
 *
 *   mock starts --> surroundings --> mock is told of canaries --> command starts ...
 *   ... its journal comes in, signals are passed on --> command ends, its whole group is ended
 *   --> mock is asked when it began, and to end --> rest of the journal --> calls are inferred
 *
 * Run time 0 is the first request, and nobody knows it before: until the end there are only spans.
 */

#include "worlds.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "app_log_file.h"
#include "journal_stream.h"
#include "mock_process.h"
#include "os/child.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/folder.h"
#include "os/signals.h"
#include "report/layout.h"
#include "surroundings.h"

enum { ENVIRONMENT_BYTES_MAX = 1 << 20, COMMAND_BYTES_MAX = 8 << 20 };

/* Nobody wakes us for a stop (Ctrl-Z) or a file that is to be flushed. */
static const nanos PATIENCE = 50 * NANOS_MS;

/* What a group may take to end once it was asked. */
static const nanos ORPHANS_PATIENCE = 2 * NANOS_S;
static const nanos COMMAND_PATIENCE = 5 * NANOS_S; /* --max-time */

/* As of socket_world.c. */
static const nanos JOURNAL_SILENCE = 3 * NANOS_S;
static const nanos MOCK_PATIENCE = 5 * NANOS_S;

enum exec_end { EXEC_ENDED, EXEC_SIGNALLED, EXEC_OUT_OF_TIME, EXEC_MOCK_DIED, EXEC_EVIDENCE_LOST };

/* A zeroed one can be taken apart. */
struct stage {
    struct trial *trial;
    struct mock_process mock;
    struct surroundings surroundings;
    struct journal_calls *calls;
    struct journal_stream journal;
    bool has_journal; /* its end has not come yet */
    struct app_log_mark log;
    struct child child;
    nanos began_at, ends_at, flush_at; /* of the monotonic clock */
    uint32_t signals;                  /* passed on */
    nanos ended_at;                    /* of the monotonic clock: the command */
    enum exec_end end;
};

/* --- set up ----------------------------------------------------------------------------------- */

static enum rc start_mock(struct stage *s, struct error *err)
{
    const struct trial *trial = s->trial;
    const struct mock_process_options options = {.scenario = trial->prepared->scenario,
                                                 .scenario_file = trial->scenario_file,
                                                 .port = trial->options->port};

    TRY(mock_process_start(&s->mock, &options, err));
    s->has_journal = true;
    return RC_OK;
}

/* Every variable that was set, keys left out. */
static void write_environment(const struct surroundings *around, struct buffer *out)
{
    for (uint32_t i = 0; i < around->set_count; i++) {
        buffer_append(out, around->set[i]);
        buffer_byte(out, '\n');
    }
}

static enum rc keep_environment(const struct stage *s, struct error *err)
{
    char path[FOLDER_PATH_MAX];
    struct buffer text;
    enum rc rc;
    int size = snprintf(path, sizeof(path), "%s/environment.txt", s->trial->folder);

    if (size < 0 || (size_t)size >= sizeof(path))
        return error_set(err, RC_LIMIT, "%s: the name is too long", s->trial->folder);
    buffer_init(&text, memory_heap(), ENVIRONMENT_BYTES_MAX);
    write_environment(&s->surroundings, &text);
    rc = text.rc == RC_OK ? files_write(path, buffer_slice(&text), err)
                          : error_set(err, text.rc, "%s: %s", path, rc_text(text.rc));
    buffer_deinit(&text);
    return rc;
}

static enum rc surround(struct stage *s, struct error *err)
{
    const struct trial *trial = s->trial;
    const struct surroundings_options options = {.scenario = trial->prepared->scenario,
                                                 .mock = &s->mock,
                                                 .scenario_file = trial->scenario_file,
                                                 .inherited = (const char *const *)environ,
                                                 .keeps_keys = trial->options->keeps_keys};

    TRY(surroundings_make(&s->surroundings, &options, err));
    TRY(keep_environment(s, err));
    return mock_process_watch(&s->mock, s->surroundings.canaries, s->surroundings.canaries_count,
                              err);
}

/* Nobody but us writes calls: they are known once they are judged. */
static void keep_judged(void *context, const struct call_record *call, bool is_violation)
{
    evidence_files_judged(context, call, is_violation);
    evidence_files_call(context, call);
}

static enum rc listen_to_journal(struct stage *s, struct error *err)
{
    struct trial *trial = s->trial;
    const struct scenario *scenario = trial->prepared->scenario;
    enum rc rc = journal_calls_new(&s->calls, scenario, memory_heap());

    if (rc != RC_OK)
        return error_set(err, rc, "journal: %s", rc_text(rc));
    journal_stream_init(&s->journal, scenario, &trial->files, trial->judge, memory_heap());
    s->journal.calls = s->calls;
    judge_set_on_judged(trial->judge, keep_judged, &trial->files);
    return RC_OK;
}

static enum rc start_command(struct stage *s, struct error *err)
{
    char *const *command = s->trial->options->command;
    const struct child_options options = {.path = command[0],
                                          .arguments = command,
                                          .kept = -1,
                                          .environment = s->surroundings.environment,
                                          .is_searched = true,
                                          .speaks_aside = s->trial->options->wants_json,
                                          .is_foreground = true,
                                          .has_family = true};

    s->began_at = clock_monotonic();
    s->ends_at = nanos_add(s->began_at, s->trial->options->max_time);
    s->flush_at = s->began_at;
    return child_start(&s->child, &options, err);
}

static enum rc set_up(struct stage *s, struct error *err)
{
    const struct scenario *scenario = s->trial->prepared->scenario;

    TRY(start_mock(s, err));
    TRY(surround(s, err));
    TRY(listen_to_journal(s, err));
    TRY(app_log_mark(&s->log, scenario->subject_rules.exec.log_file, err));
    return start_command(s, err);
}

/* --- while it runs ---------------------------------------------------------------------------- */

/* Whoever asks a second time does not want to wait for an end in order. */
static void pass_signal_on(struct stage *s)
{
    int number = signals_relay(s->trial->signals_fd);

    if (number == 0)
        return;
    child_signal(&s->child, s->signals == 0 ? number : SIGKILL);
    s->signals++;
    s->end = EXEC_SIGNALLED;
}

static void end_early(struct stage *s, enum exec_end why)
{
    s->end = why;
    child_end(&s->child, COMMAND_PATIENCE);
}

static void look_at_time(struct stage *s)
{
    nanos now = clock_monotonic();

    if (now >= s->flush_at) {
        evidence_files_flush(&s->trial->files);
        s->flush_at = now + NANOS_S;
    }
    if (now >= s->ends_at)
        end_early(s, EXEC_OUT_OF_TIME);
}

static void look_at_trouble(struct stage *s)
{
    if (!s->has_journal)
        end_early(s, EXEC_MOCK_DIED); /* nobody asked it to end yet */
    else if (s->trial->files.rc != RC_OK)
        end_early(s, EXEC_EVIDENCE_LOST);
}

static void sleep_a_little(const struct stage *s)
{
    struct pollfd ready[] = {
        {.fd = s->child.pid_fd, .events = POLLIN},
        {.fd = s->trial->signals_fd, .events = POLLIN},
        {.fd = s->has_journal ? s->mock.journal_fd : -1, .events = POLLIN},
    };

    poll(ready, ARRAY_SIZE(ready), (int)(PATIENCE / NANOS_MS));
}

static void attend(struct stage *s)
{
    while (!child_wait(&s->child, 0)) {
        bool has_more = journal_stream_take(&s->journal, s->mock.journal_fd, &s->has_journal);

        pass_signal_on(s);
        child_follow_stop(&s->child);
        look_at_time(s);
        look_at_trouble(s);
        if (!has_more && !s->child.has_ended)
            sleep_a_little(s);
    }
    s->ended_at = clock_monotonic();
    child_end(&s->child, ORPHANS_PATIENCE);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* A mock that began nothing has no run time; one that does not answer has died. */
static void learn_beginning(struct stage *s)
{
    struct trial *trial = s->trial;
    struct error err = {0};
    nanos now = clock_monotonic();

    trial->t0 = now;
    if (mock_process_started_at(&s->mock, &trial->t0, &err) != RC_OK && s->end == EXEC_ENDED)
        s->end = EXEC_MOCK_DIED;
    if (trial->t0 == NANOS_NEVER)
        trial->t0 = now;
    trial->t0_unix_ns = clock_wall_unix_ns() - (clock_monotonic() - trial->t0);
}

/* Ctrl-C at the terminal reaches a command in the foreground without us; that it ended by it says
 * enough. */
static bool was_interrupted_by_hand(const struct stage *s)
{
    return s->child.was_foreground && s->child.exit_code == 128 + SIGINT;
}

/* As a person would type it, keys left out. What is no text stands as a blank: it goes to
 * terminals. */
static void write_command(char *const *command, char *text, size_t capacity)
{
    struct buffer line;

    buffer_init(&line, memory_heap(), COMMAND_BYTES_MAX);
    for (; *command != NULL; command++) {
        if (line.size > 0)
            buffer_byte(&line, ' ');
        layout_argument(&line, *command);
    }
    buffer_byte(&line, '\0');
    if (line.rc == RC_OK) {
        surroundings_hide((const char *const *)environ, line.data);
        slice_copy(buffer_slice(&line), text, capacity);
    }
    buffer_deinit(&line);
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            *text = ' ';
}

static void note_facts(struct stage *s)
{
    struct run_facts *facts = &s->trial->facts;

    s->trial->was_signalled = s->end == EXEC_SIGNALLED || was_interrupted_by_hand(s);
    facts->was_interrupted = s->end != EXEC_ENDED || s->trial->was_signalled;
    facts->cut_at = clock_monotonic() - s->trial->t0;
    facts->has_journal = true;
    facts->journal_is_whole = s->journal.is_whole;
    facts->has_canaries = s->surroundings.canaries_count > 0;
    facts->has_command = true;
    write_command(s->trial->options->command, facts->command, sizeof(facts->command));
    facts->command_exit = s->child.exit_code;
    facts->command_took = s->ended_at - s->began_at;
}

static void say_what_was_set(const struct surroundings *around)
{
    fprintf(stderr, "brownout: nothing arrived at the mock. Set for the command were:\n");
    for (uint32_t i = 0; i < around->set_count; i++)
        if (!slice_starts_with(around->set[i], SLICE("BROWNOUT_")))
            fprintf(stderr, "  %.*s\n", SLICE_ARG(around->set[i]));
}

/* "nothing arrived" is told with what should have led the command here. */
static void note_silence(struct stage *s)
{
    struct run_facts *facts = &s->trial->facts;

    if (s->journal.requests > 0 || s->end != EXEC_ENDED)
        return;
    snprintf(facts->lost, sizeof(facts->lost),
             "nothing arrived: the command ended with %d and asked none of ANTHROPIC_BASE_URL, "
             "OPENAI_BASE_URL, GOOGLE_GEMINI_BASE_URL, ... (environment.txt)",
             facts->command_exit);
    if (!s->trial->options->wants_quiet)
        say_what_was_set(&s->surroundings);
}

/* A log that should be there and is not leaves its laws without evidence. */
static void read_log(struct stage *s)
{
    struct trial *trial = s->trial;
    const struct app_log_reading reading = {.map =
                                                &trial->prepared->scenario->subject_rules.exec.log,
                                            .calls = s->calls,
                                            .files = &trial->files,
                                            .canaries = s->surroundings.canaries,
                                            .canaries_count = s->surroundings.canaries_count};
    struct error err = {0};

    /* A log that says nothing at all is an account too. */
    trial->facts.has_caller = trial->prepared->scenario->subject_rules.exec.log_file.size > 0;
    if (app_log_collect(&s->log, &reading, &err) != RC_OK)
        snprintf(trial->facts.log_lost, sizeof(trial->facts.log_lost),
                 "the application's log: %.120s", err.text);
}

static void infer_calls(struct stage *s)
{
    const struct trial *trial = s->trial;

    read_log(s);
    journal_calls_settle(s->calls);
    journal_calls_feed(s->calls, trial->judge, &s->trial->facts);
    if (trial->facts.log_unmapped[0] != '\0' && !trial->options->wants_quiet)
        fprintf(stderr, "brownout: %s\n", trial->facts.log_unmapped);
}

static void play(struct stage *s)
{
    attend(s);
    learn_beginning(s);
    mock_process_finish(&s->mock);
    journal_stream_finish(&s->journal, s->mock.journal_fd, &s->has_journal, JOURNAL_SILENCE);
    note_facts(s);
    note_silence(s);
    infer_calls(s);
}

static enum rc problem_of(const struct stage *s, struct error *err)
{
    if (s->end == EXEC_MOCK_DIED)
        return error_set(err, RC_SYSTEM, "the mock died while the command ran");
    if (s->end == EXEC_EVIDENCE_LOST) {
        *err = s->trial->files.error;
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
    child_end(&s->child, ORPHANS_PATIENCE);
    child_close(&s->child);
    journal_stream_deinit(&s->journal);
    journal_calls_free(s->calls);
    surroundings_deinit(&s->surroundings);
    mock_process_finish(&s->mock);
    mock_process_close(&s->mock, s->has_journal ? 0 : MOCK_PATIENCE);
}

enum rc exec_world(struct trial *trial, struct error *err)
{
    struct stage stage = {.trial = trial};
    enum rc rc = set_up(&stage, err);

    if (rc == RC_OK) {
        play(&stage);
        rc = problem_of(&stage, err);
    }
    take_down(&stage);
    return rc;
}
