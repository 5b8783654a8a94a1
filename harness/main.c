/* brownout: load and chaos testing of clients of AI APIs. Finds the command, reads its options, and
 * leaves with what it says. */

#include <stdio.h>
#include <string.h>

#include "commands.h"

/* Those who type an option where the command belongs want one of these two. */
static const char *spelled_out(const char *name)
{
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return "help";
    if (strcmp(name, "--version") == 0)
        return "version";
    return name;
}

static enum exit_code carry_out(const char *name, int count, char **arguments)
{
    static struct options options;
    struct error err = {0};
    const struct command *command = commands_find(spelled_out(name), &err);

    if (command == NULL)
        return complain(&err, EXIT_USAGE);
    if (options_parse(&options, count, arguments, command->options, &err) != RC_OK) {
        error_wrap(&err, "%s", command->name);
        return complain(&err, EXIT_USAGE);
    }
    if (options.wants_help) {
        commands_print_help(command);
        return EXIT_PASS;
    }
    if (options.files_count > 0 && command->usage[0] == '\0') {
        error_set(&err, RC_MALFORMED, "%s: found \"%s\", expected nothing more", command->name,
                  options.files[0]);
        return complain(&err, EXIT_USAGE);
    }
    return command->run(&options);
}

/* An answer that nobody could read was not given. */
static enum exit_code flush_answer(enum exit_code code)
{
    struct error err = {0};

    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    error_set(&err, RC_SYSTEM, "standard output could not be written");
    return complain(&err, exit_code_worse(code, EXIT_NOT_CARRIED_OUT));
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        commands_print_overview();
        return EXIT_USAGE;
    }
    return (int)flush_answer(carry_out(argv[1], argc - 2, argv + 2));
}
