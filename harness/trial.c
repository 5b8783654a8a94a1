#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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
    enum rc rc;
    int fd;

    if (size < 0 || (size_t)size >= sizeof(path))
        return error_set(err, RC_LIMIT, "%s: the name is too long", folder);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_set(err, RC_SYSTEM, "%s: %s", path, strerror(errno));
    rc = files_write_all(fd, text, err);
    if (close(fd) != 0 && rc == RC_OK)
        rc = error_set(err, RC_SYSTEM, "close: %s", strerror(errno));
    return rc == RC_OK ? RC_OK : error_wrap(err, "%s", path);
}

/* results/<name>-<utc>-<n> */
static enum rc make_folder(struct trial *trial, struct error *err)
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

static enum rc fill_folder(struct trial *trial, struct error *err)
{
    const struct scenario *scenario = trial->prepared->scenario;
    int size = snprintf(trial->scenario_file, sizeof(trial->scenario_file), "%s/scenario.jsonc",
                        trial->folder);

    if (size < 0 || (size_t)size >= sizeof(trial->scenario_file))
        return error_set(err, RC_LIMIT, "%s: the name is too long", trial->folder);
    TRY(write_file(trial->folder, "scenario.jsonc", trial->prepared->portable, err));
    TRY(evidence_files_open(&trial->files, trial->folder, scenario, memory_heap(), err));
    return judge_new(&trial->judge, scenario, memory_heap(), err);
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
    TRY(make_folder(trial, err));
    rc = fill_folder(trial, err);
    if (rc != RC_OK) {
        evidence_files_close(&trial->files);
        folder_take_back(trial->folder);
    }
    return rc;
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

static struct report_facts report_facts_of(const struct trial *trial, const struct error *problem,
                                           nanos took)
{
    return (struct report_facts){.world = trial->world,
                                 .results = trial->folder,
                                 .took = took,
                                 .was_interrupted = trial->facts.was_interrupted,
                                 .problem = problem != NULL ? problem->text : NULL};
}

static void write_table(const struct trial *trial, nanos took, bool has_colour, struct buffer *out)
{
    struct report_facts facts = report_facts_of(trial, NULL, took);

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

static enum rc write_summaries(const struct trial *trial, const struct error *problem, nanos took,
                               struct error *err)
{
    const struct report_facts facts = report_facts_of(trial, problem, took);

    return summaries_write(trial->prepared->scenario, trial->judge, &facts, err);
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

enum exit_code trial_close(struct trial *trial, const struct error *problem)
{
    nanos took = clock_monotonic() - trial->began_at;
    struct error err = {0};
    struct buffer json;
    enum exit_code code;

    evidence_files_flush(&trial->files);
    if (problem == NULL && trial->files.rc != RC_OK)
        problem = &trial->files.error;
    judge_finish(trial->judge, &trial->facts);
    buffer_init(&json, memory_heap(), TEXT_BYTES_MAX);
    if ((write_json(trial, problem, took, &json, &err) != RC_OK ||
         write_summary(trial, problem, took, &err) != RC_OK ||
         write_summaries(trial, problem, took, &err) != RC_OK) &&
        problem == NULL)
        problem = &err;
    code = exit_code_of(trial, problem);
    print_result(trial, problem, took, &json);
    buffer_deinit(&json);
    judge_free(trial->judge);
    evidence_files_close(&trial->files);
    return code;
}
