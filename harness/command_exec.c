/* `exec`: a program of the user's own on trial. */

#include "commands.h"

#include "playing.h"
#include "worlds.h"

static enum rc check(const struct scenario *scenario, const struct options *options,
                     struct error *err)
{
    (void)options;
    if (scenario->target == TARGET_LIVE)
        return error_set(err, RC_MALFORMED,
                         "%.*s: its target is live: what a command asks of real servers is not "
                         "seen, so there is nothing to judge; expected a mock",
                         SLICE_ARG(scenario->file));
    return RC_OK;
}

enum exit_code command_exec(const struct options *options)
{
    struct error err = {0};

    if (options->command != NULL)
        return play_in(options, &(struct world){"exec", exec_world, check, false});
    error_set(&err, RC_MALFORMED, "exec: no command was given: brownout exec FILE -- COMMAND ...");
    return complain(&err, EXIT_USAGE);
}
