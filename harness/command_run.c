/* `run` and `sim`: the same story in two worlds. */

#include "commands.h"

#include "live.h"
#include "playing.h"
#include "worlds.h"

static enum rc check_simulation(const struct scenario *scenario, const struct options *options,
                                struct error *err)
{
    (void)options;
    if (scenario->target == TARGET_LIVE)
        return error_set(err, RC_MALFORMED,
                         "%.*s: its target is live; how its models behave is not known, so there "
                         "is nothing to simulate",
                         SLICE_ARG(scenario->file));
    if (scenario->subject != SUBJECT_CLIENT)
        return error_set(err, RC_MALFORMED,
                         "%.*s: its subject is a program (%s); what it does only it can show, so "
                         "there is nothing to simulate",
                         SLICE_ARG(scenario->file),
                         scenario->subject == SUBJECT_EXEC ? "exec" : "service");
    return RC_OK;
}

static enum rc check_run(const struct scenario *scenario, const struct options *options,
                         struct error *err)
{
    if (scenario->subject == SUBJECT_EXEC)
        return error_set(err, RC_MALFORMED,
                         "%.*s: its subject is a command: brownout exec %.*s -- COMMAND...",
                         SLICE_ARG(scenario->file), SLICE_ARG(scenario->file));
    return live_guard(scenario, options, err);
}

enum exit_code command_run(const struct options *options)
{
    return play_in(
        options, &(struct world){
                     .name = "run", .play = socket_world, .check = check_run, .has_driver = true});
}

enum exit_code command_sim(const struct options *options)
{
    return play_in(options, &(struct world){
                                .name = "sim", .play = simulated_world, .check = check_simulation});
}
