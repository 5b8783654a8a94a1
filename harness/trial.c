#include "trial.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/checksum.h"
#include "judge/readable.h"
#include "os/clock.h"
#include "os/files.h"
#include "output.h"
#include "report/terminal.h"
#include "run_json.h"
#include "summaries.h"

enum { TEXT_BYTES_MAX = 16 << 20 };

/* --- the folder ------------------------------------------------------------------------------- */

static enum rc write_file(const char *folder, const char *name, struct slice text,
                          struct error *err)
{
    char path[FOLDER_PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/%s", folder, name);

    if (size < 0 || (size_t)size >= sizeof(path))
        return error_set(err, RC_LIMIT, "%s: the name is too long", folder);
    return files_write(path, text, err);
}

/* results/<name>-<utc>-<n> */
static enum rc make_numbered(struct trial *trial, struct error *err)
{
    time_t seconds = (time_t)(trial->began_unix_ns / NANOS_S);
    char stem[FOLDER_PATH_MAX];
    char stamp[32];
    struct tm utc;
    int size;

    gmtime_r(&seconds, &utc);
    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
    size = snprintf(stem, sizeof(stem), "%s/%s-%s", trial->options->out,
                    trial->prepared->scenario->name, stamp);
    if (size < 0 || (size_t)size >= sizeof(stem))
        return error_set(err, RC_LIMIT, "%s: the name is too long", trial->options->out);
    TRY(folder_make(trial->options->out, err));
    return folder_make_numbered(stem, trial->folder, err);
}

/* results/<name>-<utc>-<n>/CASE; a case that is held again has a folder beside. */
static enum rc make_of_case(struct trial *trial, char *cases_folder, struct error *err)
{
    char path[FOLDER_PATH_MAX];
    int size;

    if (cases_folder[0] == '\0') {
        TRY(make_numbered(trial, err));
        snprintf(cases_folder, FOLDER_PATH_MAX, "%s", trial->folder);
    }
    size =
        snprintf(path, sizeof(path), "%s/%s", cases_folder, trial->prepared->scenario->case_name);
    if (size < 0 || (size_t)size + sizeof(".again") > sizeof(path))
        return error_set(err, RC_LIMIT, "%s: the name is too long", cases_folder);
    if (access(path, F_OK) == 0)
        return folder_make_numbered(strcat(path, ".again"), trial->folder, err);
    memcpy(trial->folder, path, sizeof(path));
    return folder_make(trial->folder, err);
}

static enum rc make_folder(struct trial *trial, const struct trial_options *options,
                           struct error *err)
{
    const struct trial *control_of = options->control_of;
    int size;

    if (control_of == NULL && options->cases_folder != NULL)
        return make_of_case(trial, options->cases_folder, err);
    if (control_of == NULL)
        return make_numbered(trial, err);
    size = snprintf(trial->folder, sizeof(trial->folder), "%s/control", control_of->folder);
    if (size < 0 || (size_t)size >= sizeof(trial->folder))
        return error_set(err, RC_LIMIT, "%s: the name is too long", control_of->folder);
    return folder_make(trial->folder, err);
}

static enum rc fill_folder(struct trial *trial, struct error *err)
{
    const struct scenario *scenario = trial->prepared->scenario;
    int size = snprintf(trial->scenario_file, sizeof(trial->scenario_file), "%s/scenario.jsonc",
                        trial->folder);

    if (size < 0 || (size_t)size >= sizeof(trial->scenario_file))
        return error_set(err, RC_LIMIT, "%s: the name is too long", trial->folder);
    TRY(write_file(trial->folder, "scenario.jsonc", trial->prepared->portable, err));
    return evidence_files_open(&trial->files,
                               &(struct evidence_files_options){.folder = trial->folder,
                                                                .scenario = scenario,
                                                                .memory = memory_heap(),
                                                                .level = trial->options->evidence},
                               err);
}

/* --- the beginning ---------------------------------------------------------------------------- */

static enum rc hire(struct trial *trial, struct error *err)
{
    const struct scenario *scenario = trial->prepared->scenario;
    struct monitor_options monitor = {
        .rules = &scenario->monitor, .manner = &scenario->client.alerts, .memory = memory_heap()};

    TRY(judge_new(&trial->judge, scenario, memory_heap(), err));
    judge_set_on_judged(trial->judge, evidence_files_judged, &trial->files);
    if (scenario->monitor.is_on && scenario->subject == SUBJECT_CLIENT) /* it watches our calls */
        TRY(monitor_new(&trial->monitor, &monitor, err));
    if (scenario->target == TARGET_LIVE || scenario->subject == SUBJECT_SERVICE)
        TRY(live_open(&trial->live, scenario, err));
    stake_init(&trial->stake, scenario);
    return RC_OK;
}

/* Whatever of it is there. */
static void let_go(struct trial *trial)
{
    live_close(&trial->live);
    monitor_free(trial->monitor);
    judge_free(trial->judge);
    evidence_files_close(&trial->files);
    trial->monitor = NULL;
    trial->judge = NULL;
}

enum rc trial_open(struct trial *trial, const struct trial_options *options, struct error *err)
{
    enum rc rc;

    *trial = (struct trial){.prepared = options->prepared,
                            .options = options->options,
                            .world = options->world,
                            .signals_fd = options->signals_fd,
                            .began_unix_ns = clock_wall_unix_ns(),
                            .began_at = clock_monotonic()};
    TRY(make_folder(trial, options, err));
    rc = fill_folder(trial, err);
    if (rc == RC_OK)
        rc = hire(trial, err);
    if (rc != RC_OK) {
        let_go(trial);
        folder_take_back(trial->folder);
    }
    return rc;
}

/* --- while it is played ----------------------------------------------------------------------- */

/* What a server says may repeat the key it was sent. Records end with the last attempt made. */
static void take_call_of_others(struct trial *trial, const struct call_record *call)
{
    struct call_record shown;

    memcpy(&shown, call,
           offsetof(struct call_record, attempts) +
               call->attempts_count * sizeof(call->attempts[0]));
    live_hide(&trial->live, &shown);
    evidence_files_call(&trial->files, &shown);
    judge_feed_call(trial->judge, &shown);
}

void trial_take_call(struct trial *trial, const struct call_record *call)
{
    if (trial->prepared->scenario->spend_limit != MONEY_MAX)
        stake_note(&trial->stake, call);
    if (trial->live.is_open) {
        take_call_of_others(trial, call);
        return;
    }
    evidence_files_call(&trial->files, call);
    judge_feed_call(trial->judge, call);
}

bool trial_is_spent(struct trial *trial, nanos now)
{
    money limit = trial->prepared->scenario->spend_limit;

    if (limit == MONEY_MAX || trial->is_spent)
        return trial->is_spent;
    trial->staked = stake_at(&trial->stake, now);
    trial->is_spent = trial->staked > limit;
    return trial->is_spent;
}

/* --- the end ---------------------------------------------------------------------------------- */

static enum exit_code exit_code_of_doubt(enum inconclusive meaning)
{
    switch (meaning) {
    case INCONCLUSIVE_STANDS:
        return EXIT_INCONCLUSIVE;
    case INCONCLUSIVE_FAILS:
        return EXIT_FAIL;
    case INCONCLUSIVE_PASSES:
        return EXIT_PASS;
    }
    return EXIT_INCONCLUSIVE;
}

static enum exit_code exit_code_of(const struct trial *trial, const struct error *problem)
{
    if (problem != NULL)
        return EXIT_NOT_CARRIED_OUT;
    if (trial->was_signalled)
        return EXIT_INTERRUPTED;
    switch (judge_verdict(trial->judge)) {
    case VERDICT_PASS:
    case VERDICT_NOT_APPLICABLE:
        return EXIT_PASS;
    case VERDICT_INCONCLUSIVE:
        return exit_code_of_doubt(trial->options->inconclusive);
    case VERDICT_FAIL:
        return EXIT_FAIL;
    }
    return EXIT_NOT_CARRIED_OUT;
}

static bool wants_colour(const struct options *options)
{
    const char *no_color = getenv("NO_COLOR");

    return !options->has_no_color && (no_color == NULL || no_color[0] == '\0') &&
           isatty(STDOUT_FILENO);
}

struct report_facts trial_facts(const struct trial *trial, const struct error *problem, nanos took)
{
    return (struct report_facts){
        .world = trial->world,
        .results = trial->folder,
        .took = took,
        .was_interrupted = trial->facts.was_interrupted,
        .problem = problem != NULL ? problem->text : NULL,
        .control = trial->control != NULL ? trial->control->judge : NULL,
    };
}

static void write_table(const struct trial *trial, nanos took, bool has_colour, struct buffer *out)
{
    struct report_facts facts = trial_facts(trial, NULL, took);

    facts.has_colour = has_colour;
    report_terminal(trial->prepared->scenario, trial->judge, &facts, out);
}

/* A problem stands above the table: it says how far what follows can be trusted. */
static enum rc write_summary(const struct trial *trial, const struct error *problem, nanos took,
                             struct error *err)
{
    struct buffer text;
    enum rc rc;

    buffer_init(&text, memory_heap(), TEXT_BYTES_MAX);
    if (problem != NULL)
        buffer_printf(&text, "could not be carried out: %s\n\n", problem->text);
    write_table(trial, took, false, &text);
    rc = text.rc == RC_OK ? write_file(trial->folder, "summary.txt", buffer_slice(&text), err)
                          : error_set(err, text.rc, "summary.txt: %s", rc_text(text.rc));
    buffer_deinit(&text);
    return rc;
}

static enum rc write_json(const struct trial *trial, const struct error *problem, nanos took,
                          struct buffer *json, struct error *err)
{
    run_json_write(trial, problem, took, json);
    if (json->rc != RC_OK)
        return error_set(err, json->rc, "run.json: %s", rc_text(json->rc));
    return write_file(trial->folder, "run.json", buffer_slice(json), err);
}

static void print_table(const struct trial *trial, nanos took)
{
    struct buffer text;

    buffer_init(&text, memory_heap(), TEXT_BYTES_MAX);
    write_table(trial, took, wants_colour(trial->options), &text);
    output_write(stdout, buffer_slice(&text));
    buffer_deinit(&text);
}

static void print_result(const struct trial *trial, const struct error *problem, nanos took,
                         const struct buffer *json)
{
    if (trial->options->wants_json)
        output_write(stdout, buffer_slice(json));
    else if (!trial->options->wants_quiet && problem == NULL)
        print_table(trial, took);
    if (problem != NULL)
        fprintf(
            stderr,
            "brownout: %s: could not be carried out: %s\nbrownout: what was gathered lies in %s\n",
            trial->prepared->scenario->name, problem->text, trial->folder);
}

static void note_monitor(struct trial *trial)
{
    struct run_facts *facts = &trial->facts;

    if (trial->monitor == NULL)
        return;
    facts->has_reported = true;
    for (uint32_t i = 0; i < trial->prepared->scenario->models_count; i++)
        facts->reported[i] = monitor_figures(trial->monitor, i);
}

/* Nothing was lost but what was never asked for: the reason is the same for whoever judges. */
static void note_spending(struct trial *trial)
{
    const struct stake *stake = &trial->stake;

    if (!trial->is_spent)
        return;
    trial->facts.was_interrupted = true;
    snprintf(
        trial->facts.lost, sizeof(trial->facts.lost),
        "stopped at %.16s of %.16s calls: open ones and the next could make it %.16s, above the "
        "spend_limit of %.16s",
        readable_count(stake->calls_ended).text, readable_count(trial->facts.calls_planned).text,
        readable_money(trial->staked).text,
        readable_money(trial->prepared->scenario->spend_limit).text);
}

/* Waivers end by the day in UTC, wherever a run is played. */
static void note_today(struct trial *trial)
{
    time_t seconds = (time_t)(trial->began_unix_ns / NANOS_S);
    struct tm utc;

    gmtime_r(&seconds, &utc);
    strftime(trial->facts.today, sizeof(trial->facts.today), "%Y-%m-%d", &utc);
}

/* Everything is in: the last of it to disk, and to judgement. */
static void judge_all(struct trial *trial)
{
    note_today(trial);
    note_monitor(trial);
    note_spending(trial);
    if (trial->control != NULL)
        judge_set_control(trial->judge, trial->control->judge);
    judge_finish(trial->judge, &trial->facts);
    evidence_files_finish(&trial->files, trial->judge);
}

/* The first thing that went wrong is the one that is told. */
static const struct error *first_problem(const struct trial *trial, const struct error *problem)
{
    if (problem != NULL || trial->files.rc == RC_OK)
        return problem;
    return &trial->files.error;
}

enum rc trial_close_control(struct trial *control, const struct error *problem, struct error *err)
{
    nanos took = clock_monotonic() - control->began_at;
    struct error unwritten = {0};
    struct buffer json;

    judge_all(control);
    problem = first_problem(control, problem);
    buffer_init(&json, memory_heap(), TEXT_BYTES_MAX);
    if (write_json(control, problem, took, &json, &unwritten) == RC_OK)
        control->json_checksum = checksum(0, buffer_slice(&json));
    else if (problem == NULL)
        problem = &unwritten;
    buffer_deinit(&json);
    monitor_free(control->monitor);
    control->monitor = NULL;
    evidence_files_close(&control->files);
    if (problem == NULL)
        return RC_OK;
    *err = *problem;
    return error_wrap(err, "control run");
}

static enum rc write_reports(const struct trial *trial, const struct error *problem, nanos took,
                             struct buffer *json, struct error *err)
{
    struct report_facts facts = trial_facts(trial, problem, took);

    TRY(write_json(trial, problem, took, json, err));
    TRY(write_summary(trial, problem, took, err));
    return summaries_write(trial->prepared->scenario, trial->judge, &facts, err);
}

/* For a line that says how it ended. */
static void note_telling(struct trial *trial, const struct error *problem)
{
    enum verdict verdict = judge_verdict(trial->judge);
    uint32_t count;
    const struct verdict_row *rows = judge_rows(trial->judge, &count);

    if (problem != NULL)
        snprintf(trial->telling, sizeof(trial->telling), "%.300s", problem->text);
    for (uint32_t i = 0; i < count && trial->telling[0] == '\0'; i++) {
        const struct verdict_row *row = &rows[i];

        if (verdict == VERDICT_PASS || row->verdict != verdict || row->is_warning)
            continue;
        snprintf(trial->telling, sizeof(trial->telling), "%s%s%s", row->name,
                 row->reason[0] != '\0' || row->value[0] != '\0' ? ": " : "",
                 row->reason[0] != '\0' ? row->reason : row->value);
    }
}

enum exit_code trial_close(struct trial *trial, const struct error *problem)
{
    nanos took = clock_monotonic() - trial->began_at;
    struct error unwritten = {0};
    struct buffer json;
    enum exit_code code;

    judge_all(trial);
    problem = first_problem(trial, problem);
    buffer_init(&json, memory_heap(), TEXT_BYTES_MAX);
    if (write_reports(trial, problem, took, &json, &unwritten) != RC_OK && problem == NULL)
        problem = &unwritten;
    code = exit_code_of(trial, problem);
    note_telling(trial, problem);
    print_result(trial, problem, took, &json);
    buffer_deinit(&json);
    if (trial->control != NULL)
        let_go(trial->control);
    let_go(trial);
    return code;
}
