#include "playing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "commands.h"
#include "crew.h"
#include "os/descriptors.h"
#include "os/signals.h"

enum { TRIALS_MAX = 256 };

/* What will be played: every wanted case of every file, in their order. */
struct lineup {
    struct prepared prepared[TRIALS_MAX];
    uint32_t count;
};

/* How a case ended. */
struct ending {
    const char *name;
    enum exit_code code;
    char telling[sizeof(((struct trial *)0)->telling)];
};

static enum rc add_case(struct lineup *lineup, const char *file, uint32_t which,
                        const struct options *options, uint32_t *cases_count, struct error *err)
{
    struct prepared *prepared = &lineup->prepared[lineup->count];

    if (lineup->count == TRIALS_MAX)
        return error_set(err, RC_LIMIT, "%s: more than %d cases in all", file, TRIALS_MAX);
    TRY(prepared_load_case(prepared, file, which, options, err));
    *cases_count = prepared->merged->cases_count;
    if (which == 0 && prepared_check_cases(prepared, options, err) != RC_OK) {
        prepared_deinit(prepared);
        return err->rc;
    }
    if (prepared_is_wanted(prepared, options))
        lineup->count++;
    else
        prepared_deinit(prepared);
    return RC_OK;
}

static enum rc add_file(struct lineup *lineup, const char *file, const struct options *options,
                        struct error *err)
{
    uint32_t cases_count = 1;

    for (uint32_t which = 0; which == 0 || which < cases_count; which++)
        TRY(add_case(lineup, file, which, options, &cases_count, err));
    return RC_OK;
}

static enum rc prepare_all(struct lineup *lineup, const struct options *options,
                           const struct world *world, struct error *err)
{
    if (options->files_count == 0)
        return error_set(err, RC_MALFORMED, "no scenario was given (see --help)");
    for (uint32_t i = 0; i < options->files_count; i++)
        TRY(add_file(lineup, options->files[i], options, err));
    for (uint32_t i = 0; i < lineup->count && world->check != NULL; i++)
        TRY(world->check(lineup->prepared[i].scenario, options, err));
    return RC_OK;
}

/* Before threads: what they would have to wait for later is done now. */
static enum rc check_descriptors(const struct lineup *lineup, const struct options *options,
                                 struct error *err)
{
    uint64_t allowed = descriptors_raise();

    for (uint32_t i = 0; i < lineup->count; i++) {
        const struct scenario *scenario = lineup->prepared[i].scenario;
        uint64_t needed = crew_descriptors(scenario, options->workers);

        if (needed > allowed)
            return error_set(err, RC_LIMIT,
                             "%.*s: load.in_flight_max %" PRIu32 " needs %" PRIu64
                             " open files, the system allows %" PRIu64
                             ": raise the limit (ulimit -n) or lower in_flight_max",
                             SLICE_ARG(scenario->file), scenario->load.in_flight_max, needed,
                             allowed);
        descriptors_reserve(needed);
    }
    return RC_OK;
}

static enum rc open_system(int *signals_fd, struct error *err)
{
    TRY(signals_open(signals_fd, err));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        close(*signals_fd);
        return error_set(err, RC_SYSTEM, "libcurl cannot start");
    }
    return RC_OK;
}

static enum rc play_control(struct trial *control, struct trial *trial,
                            const struct prepared *prepared, const struct world *world,
                            struct error *err)
{
    struct trial_options options = {.prepared = prepared,
                                    .options = trial->options,
                                    .world = world->name,
                                    .signals_fd = trial->signals_fd,
                                    .control_of = trial};
    struct error problem = {0};
    enum rc rc;

    if (trial_open(control, &options, err) != RC_OK)
        return error_wrap(err, "control run");
    rc = world->play(control, &problem);
    trial->control = control;
    return trial_close_control(control, rc == RC_OK ? NULL : &problem, err);
}

/* Whoever stopped the control run meant all of it. */
static bool has_stopped(struct trial *trial)
{
    if (!trial->control->facts.was_interrupted)
        return false;
    trial->was_signalled = trial->control->was_signalled;
    trial->facts.was_interrupted = true;
    trial->facts.calls_planned = trial->control->facts.calls_planned;
    return true;
}

/* `calm` and the control run must last until the trial is closed. */
static enum rc play(struct trial *trial, struct prepared *calm, const struct world *world,
                    struct error *err)
{
    static struct trial control; /* large, and one at a time */

    if (!trial->prepared->scenario->has_control)
        return world->play(trial, err);
    TRY(prepared_control(calm, trial->prepared, err));
    TRY(play_control(&control, trial, calm, world, err));
    return has_stopped(trial) ? RC_OK : world->play(trial, err);
}

static enum exit_code try_one(const struct trial_options *options, const struct world *world,
                              struct ending *ending)
{
    static struct trial trial; /* likewise */
    struct prepared calm = {0};
    struct error err = {0};
    enum rc rc;

    if (trial_open(&trial, options, &err) != RC_OK)
        return ending->code = complain(&err, EXIT_NOT_CARRIED_OUT);
    rc = play(&trial, &calm, world, &err);
    ending->code = trial_close(&trial, rc == RC_OK ? NULL : &err);
    memcpy(ending->telling, trial.telling, sizeof(ending->telling));
    prepared_deinit(&calm);
    return ending->code;
}

/* Doubt is sometimes the machine's, and gone the next time: each trial leaves its own results. */
static enum exit_code try_again_while_in_doubt(const struct trial_options *options,
                                               const struct world *world, struct ending *ending)
{
    enum exit_code code = try_one(options, world, ending);

    for (uint32_t i = 0; i < options->options->retries && code == EXIT_INCONCLUSIVE; i++)
        code = try_one(options, world, ending);
    return code;
}

/* Worth a line, since a policy with state would notice. */
static void warn_of_spread(const struct scenario *scenario, const struct options *options)
{
    if (options->workers <= scenario->instances || options->wants_quiet)
        return;
    fprintf(stderr,
            "brownout: %s: %" PRIu32 " workers for %" PRIu32
            " instance%s: calls of one instance are spread over threads; today's policies keep no "
            "state, so results do not change\n",
            scenario->name, options->workers, scenario->instances,
            scenario->instances == 1 ? "" : "s");
}

/* --- one after another ------------------------------------------------------------------------ */

static const char *ending_word(enum exit_code code)
{
    switch (code) {
    case EXIT_PASS:
        return "pass";
    case EXIT_FAIL:
        return "fail";
    case EXIT_INCONCLUSIVE:
        return "inconclusive";
    case EXIT_INTERRUPTED:
        return "interrupted";
    case EXIT_USAGE:
    case EXIT_NOT_CARRIED_OUT:
        break;
    }
    return "not carried out";
}

/* One line a case. */
static void print_endings(const struct ending *endings, uint32_t count,
                          const struct options *options)
{
    int width = 4;

    if (count == 0 || options->wants_quiet || options->wants_json)
        return;
    for (uint32_t i = 0; i < count; i++)
        width = (int)strlen(endings[i].name) > width ? (int)strlen(endings[i].name) : width;
    printf("\n%-*s  %s\n", width, "case", "verdict");
    for (uint32_t i = 0; i < count; i++)
        printf("%-*s  %s%s%s\n", width, endings[i].name, ending_word(endings[i].code),
               endings[i].telling[0] != '\0' ? "  " : "", endings[i].telling);
}

static bool is_of_same_file(const struct prepared *a, const struct prepared *b)
{
    return slice_is(a->scenario->file, b->scenario->file);
}

static enum exit_code try_lineup(const struct lineup *lineup, const struct options *options,
                                 const struct world *world, int signals_fd)
{
    static struct ending endings[TRIALS_MAX];
    struct trial_options trial = {
        .options = options, .world = world->name, .signals_fd = signals_fd};
    char cases_folder[FOLDER_PATH_MAX] = "";
    enum exit_code worst = EXIT_PASS;
    uint32_t endings_count = 0;

    for (uint32_t i = 0; i < lineup->count && worst != EXIT_INTERRUPTED; i++) {
        const struct prepared *prepared = &lineup->prepared[i];
        bool is_case = prepared->scenario->case_name[0] != '\0';
        struct ending *ending = &endings[endings_count];

        if (i > 0 && !is_of_same_file(prepared, prepared - 1))
            cases_folder[0] = '\0';
        *ending = (struct ending){.name = prepared->scenario->case_name};
        trial.prepared = prepared;
        trial.cases_folder = is_case ? cases_folder : NULL;
        if (world->has_driver)
            warn_of_spread(prepared->scenario, options);
        worst = exit_code_worse(worst, try_again_while_in_doubt(&trial, world, ending));
        endings_count += is_case ? 1 : 0;
    }
    print_endings(endings, endings_count, options);
    return worst;
}

static enum exit_code try_all(const struct lineup *lineup, const struct options *options,
                              const struct world *world)
{
    struct error err = {0};
    enum exit_code worst;
    int signals_fd;

    if (world->has_driver && check_descriptors(lineup, options, &err) != RC_OK)
        return complain(&err, EXIT_NOT_CARRIED_OUT);
    if (open_system(&signals_fd, &err) != RC_OK)
        return complain(&err, EXIT_NOT_CARRIED_OUT);
    worst = try_lineup(lineup, options, world, signals_fd);
    curl_global_cleanup();
    close(signals_fd);
    return worst;
}

enum exit_code play_in(const struct options *options, const struct world *world)
{
    static struct lineup lineup;
    struct error err = {0};
    enum exit_code code;

    lineup = (struct lineup){0};
    if (prepare_all(&lineup, options, world, &err) == RC_OK)
        code = try_all(&lineup, options, world);
    else
        code = complain(&err, EXIT_USAGE);
    for (uint32_t i = 0; i < lineup.count; i++)
        prepared_deinit(&lineup.prepared[i]);
    return code;
}
