/* `help` and `version`. */

#include "commands.h"

#include <stdio.h>

#include "base/version.h"

enum exit_code command_version(const struct options *options)
{
    (void)options;
    puts("brownout " BROWNOUT_VERSION);
    return EXIT_PASS;
}

enum exit_code command_help(const struct options *options)
{
    const struct command *command;
    struct error err = {0};

    if (options->files_count == 0) {
        commands_print_overview();
        return EXIT_PASS;
    }
    command = commands_find(options->files[0], &err);
    if (command == NULL)
        return complain(&err, EXIT_USAGE);
    commands_print_help(command);
    return EXIT_PASS;
}
