#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

enum {
    SCENARIO_OPTIONS =
        OPTION_SET | OPTION_CLIENT | OPTION_SEED | OPTION_CASES | OPTION_COMPRESS | OPTION_HELP,
    TRIAL_OPTIONS = SCENARIO_OPTIONS | OPTION_OUT | OPTION_MAX_TIME | OPTION_JSON | OPTION_QUIET |
                    OPTION_NO_COLOR | OPTION_WORKERS | OPTION_EVIDENCE | OPTION_INCONCLUSIVE,
};

static const struct command known_commands[] = {
    {"run", "FILE...", "play scenarios over real sockets against a mock, and judge them",
     "Every file is checked before anything runs. Each makes a folder under results/ with its\n"
     "evidence. Exit codes: 0 pass, 99 fail, 98 inconclusive, 2 bad usage or scenario, 3 could\n"
     "not be carried out, 130 interrupted; of several files the worst.\n",
     "brownout run scenarios/demo.jsonc --client guide", TRIAL_OPTIONS | OPTION_LIVE | OPTION_PORT,
     command_run},
    {"sim", "FILE...", "the same in the simulator: virtual time, the same verdicts, in moments",
     "Everything `run` does but sockets and waiting; the same evidence, the same exit codes.\n",
     "brownout sim scenarios/demo.jsonc --set /load/deadline=5s", TRIAL_OPTIONS, command_sim},
    {"exec", "FILE -- COMMAND...", "run a program of yours against a mock, and judge what it did",
     "Starts the mock, leads the command to it by its environment (base URLs of every client we\n"
     "know, canaries in the place of keys: docs/base-urls.md), runs it, and judges its calls by\n"
     "the mock's journal. Its input and output pass through; the report follows on standard\n"
     "output. Exit codes: as of run; the command's own is a line of the report, and counts with\n"
     "--require-success. 98 also: nothing arrived; 3 also: the command cannot be started.\n",
     "brownout exec scenarios/demo.jsonc -- python3 app.py",
     (TRIAL_OPTIONS & ~(unsigned)(OPTION_CLIENT | OPTION_WORKERS | OPTION_EVIDENCE)) | OPTION_PORT |
         OPTION_EXEC,
     command_exec},
    {"check", "FILE...", "read scenarios, say what they will do, warn where they cannot",
     "Nothing is run. Exit codes: 0 a valid scenario (warnings or not), 2 refused, with the file,\n"
     "line and column. --json prints a line per file; --quiet nothing but what is wrong.\n",
     "brownout check scenarios/demo.jsonc --print",
     SCENARIO_OPTIONS | OPTION_PRINT | OPTION_JSON | OPTION_QUIET, command_check},
    {"judge", "DIR...", "judge an earlier run again, from the files of its results folder",
     "The same verdicts, as long as the evidence is whole; what is damaged or missing makes them\n"
     "inconclusive, never a pass, and what was not kept (--evidence) is quoted from the run "
     "itself,\n"
     "marked online. Exit codes: 0 pass, 99 fail, 98 inconclusive, 2 no such folder.\n",
     "brownout judge results/demo-20260101T000000Z-1",
     OPTION_JSON | OPTION_QUIET | OPTION_NO_COLOR | OPTION_HELP, command_judge},
    {"explain", "DIR CALL", "tell one call's story from both ends, as a timeline",
     "DIR is a results folder, CALL an id as reports name them. Nothing is run; the call is\n"
     "judged again by itself. Exit codes: 0 told, 2 no such folder or call.\n",
     "brownout explain results/demo-20260101T000000Z-1 trace:91", OPTION_HELP, command_explain},
    {"mock", "[FILE]", "play the providers of a scenario for other programs, until interrupted",
     "Becomes brownout-mock; it prints a line per listener, the base URL as that provider's own\n"
     "SDK takes it. Without a file: any model of any provider, fast, and no chaos.\n",
     "brownout mock scenarios/demo.jsonc --port 8100", OPTION_PORT | OPTION_JOURNAL | OPTION_HELP,
     command_mock},
    {"new", "[FILE]", "write a first scenario from a question or two, or a workflow for CI",
     "Writes FILE (default: brownout.jsonc), commented for a beginner, and says what to type "
     "next.\n"
     "At a terminal it asks what the options do not say. With --github it writes a workflow that\n"
     "plays FILE. A file that is there is left as it is. Exit codes: 0 written, 2 not.\n",
     "brownout new --subject exec --provider openai --trouble all", OPTION_NEW | OPTION_HELP,
     command_new},
    {"laws", "", "the laws and conditions of conduct that a scenario may name", "", "brownout laws",
     OPTION_JSON | OPTION_HELP, command_laws},
    {"measures", "", "what expectations can measure", "", "brownout measures",
     OPTION_JSON | OPTION_HELP, command_measures},
    {"faults", "", "what a chaos rule can make go wrong", "", "brownout faults",
     OPTION_JSON | OPTION_HELP, command_faults},
    {"presets", "", "clients that a scenario, or --client, may name", "", "brownout presets",
     OPTION_JSON | OPTION_HELP, command_presets},
    {"version", "", "the version", "", "brownout version", OPTION_HELP, command_version},
    {"help", "[COMMAND]", "this overview, or one command in full", "", "brownout help run",
     OPTION_HELP, command_help},
};

const struct command *commands_at(unsigned index)
{
    return index < ARRAY_SIZE(known_commands) ? &known_commands[index] : NULL;
}

const struct command *commands_find(const char *name, struct error *err)
{
    const struct command *command;
    struct nearest nearest;
    char hint[NEAREST_TEXT_SIZE];

    nearest_init(&nearest, slice_of(name));
    for (unsigned i = 0; (command = commands_at(i)) != NULL; i++) {
        if (strcmp(command->name, name) == 0)
            return command;
        nearest_offer(&nearest, slice_of(command->name));
    }
    error_set(err, RC_MALFORMED, "unknown command \"%s\"%s (see brownout help)", name,
              nearest_say(&nearest, hint));
    return NULL;
}

void commands_print_help(const struct command *command)
{
    const char *about;
    const char *usage;

    printf("usage: brownout %s%s%s%s\n\n%s.\n%s\n", command->name,
           command->options == OPTION_HELP ? "" : " [OPTION...]",
           command->usage[0] != '\0' ? " " : "", command->usage, command->about, command->more);
    for (unsigned i = 0; (usage = options_usage(command->options, i, &about)) != NULL; i++)
        printf("  %-24s %s\n", usage, about);
    printf("\nexample: %s\n", command->example);
}

void commands_print_overview(void)
{
    const struct command *command;

    fputs("brownout: load and chaos testing of clients of AI APIs\n\n"
          "usage: brownout COMMAND [OPTION...] [FILE...]\n\n",
          stdout);
    for (unsigned i = 0; (command = commands_at(i)) != NULL; i++)
        printf("  %-9s %-18s %s\n", command->name, command->usage, command->about);
    fputs("\nbrownout COMMAND --help tells each command in full.\n", stdout);
}

enum exit_code complain(const struct error *err, enum exit_code code)
{
    fprintf(stderr, "brownout: %s\n", err->text);
    return code;
}
