/* `run` and `sim`: the same story in two worlds. */

#include "commands.h"

#include "live.h"
#include "playing.h"
#include "worlds.h"

static enum rc refuse_live(const struct scenario *scenario, const struct options *options,
                           struct error *err)
{
    (void)options;
    if (scenario->target != TARGET_LIVE)
        return RC_OK;
    return error_set(err, RC_MALFORMED,
                     "%.*s: its target is live; how its models behave is not known, so there is "
                     "nothing to simulate",
                     SLICE_ARG(scenario->file));
}

enum exit_code command_run(const struct options *options)
{
    return play_in(
        options, &(struct world){
                     .name = "run", .play = socket_world, .check = live_guard, .has_driver = true});
}

enum exit_code command_sim(const struct options *options)
{
    return play_in(options,
                   &(struct world){.name = "sim", .play = simulated_world, .check = refuse_live});
}
