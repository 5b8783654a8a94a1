#include "playing.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <curl/curl.h>

#include "commands.h"
#include "crew.h"
#include "os/descriptors.h"
#include "os/signals.h"

static enum rc prepare_all(struct prepared *prepared, const struct options *options,
                           const struct world *world, struct error *err)
{
    if (options->files_count == 0)
        return error_set(err, RC_MALFORMED, "no scenario was given (see --help)");
    for (uint32_t i = 0; i < options->files_count; i++) {
        TRY(prepared_load(&prepared[i], options->files[i], options, err));
        if (world->check != NULL)
            TRY(world->check(prepared[i].scenario, options, err));
    }
    return RC_OK;
}

/* Before threads: what they would have to wait for later is done now. */
static enum rc check_descriptors(const struct prepared *prepared, const struct options *options,
                                 struct error *err)
{
    uint64_t allowed = descriptors_raise();

    for (uint32_t i = 0; i < options->files_count; i++) {
        const struct scenario *scenario = prepared[i].scenario;
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

static enum exit_code try_one(const struct trial_options *options, const struct world *world)
{
    static struct trial trial; /* likewise */
    struct prepared calm = {0};
    struct error err = {0};
    enum exit_code code;
    enum rc rc;

    if (trial_open(&trial, options, &err) != RC_OK)
        return complain(&err, EXIT_NOT_CARRIED_OUT);
    rc = play(&trial, &calm, world, &err);
    code = trial_close(&trial, rc == RC_OK ? NULL : &err);
    prepared_deinit(&calm);
    return code;
}

/* Doubt is sometimes the machine's, and gone the next time: each trial leaves its own results. */
static enum exit_code try_again_while_in_doubt(const struct trial_options *options,
                                               const struct world *world)
{
    enum exit_code code = try_one(options, world);

    for (uint32_t i = 0; i < options->options->retries && code == EXIT_INCONCLUSIVE; i++)
        code = try_one(options, world);
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

static enum exit_code try_all(const struct prepared *prepared, const struct options *options,
                              const struct world *world)
{
    struct trial_options trial = {.options = options, .world = world->name};
    struct error err = {0};
    enum exit_code worst = EXIT_PASS;

    if (world->has_driver && check_descriptors(prepared, options, &err) != RC_OK)
        return complain(&err, EXIT_NOT_CARRIED_OUT);
    if (open_system(&trial.signals_fd, &err) != RC_OK)
        return complain(&err, EXIT_NOT_CARRIED_OUT);
    for (uint32_t i = 0; i < options->files_count && worst != EXIT_INTERRUPTED; i++) {
        trial.prepared = &prepared[i];
        if (world->has_driver)
            warn_of_spread(prepared[i].scenario, options);
        worst = exit_code_worse(worst, try_again_while_in_doubt(&trial, world));
    }
    curl_global_cleanup();
    close(trial.signals_fd);
    return worst;
}

enum exit_code play_in(const struct options *options, const struct world *world)
{
    struct prepared prepared[OPTIONS_FILES_MAX] = {0};
    struct error err = {0};
    enum exit_code code;

    if (prepare_all(prepared, options, world, &err) == RC_OK)
        code = try_all(prepared, options, world);
    else
        code = complain(&err, EXIT_USAGE);
    for (uint32_t i = 0; i < options->files_count; i++)
        prepared_deinit(&prepared[i]);
    return code;
}
