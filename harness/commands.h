#ifndef HARNESS_COMMANDS_H
#define HARNESS_COMMANDS_H

/* What `brownout` can do: one list of commands, each with its help and the options it takes.
 * A command has checked nothing yet but its options; it prints, and says how it ended. */

#include "exit_code.h"
#include "options.h"

struct command {
    const char *name;
    const char *usage;   /* behind the name: "FILE..." */
    const char *about;   /* one line */
    const char *more;    /* a few lines of help */
    const char *example; /* one command line */
    unsigned options;    /* OPTION_* bits */
    enum exit_code (*run)(const struct options *options);
};

/* NULL past the last. */
const struct command *commands_at(unsigned index);

/* NULL, and a sentence with the nearest known word, when there is none of that name. */
const struct command *commands_find(const char *name, struct error *err);

void commands_print_help(const struct command *command);
void commands_print_overview(void);

/* One each, in files named after them. */
enum exit_code command_run(const struct options *options);
enum exit_code command_exec(const struct options *options);
enum exit_code command_sim(const struct options *options);
enum exit_code command_judge(const struct options *options);
enum exit_code command_explain(const struct options *options);
enum exit_code command_check(const struct options *options);
enum exit_code command_mock(const struct options *options);
enum exit_code command_new(const struct options *options);
enum exit_code command_laws(const struct options *options);
enum exit_code command_measures(const struct options *options);
enum exit_code command_faults(const struct options *options);
enum exit_code command_presets(const struct options *options);
enum exit_code command_version(const struct options *options);
enum exit_code command_help(const struct options *options);

/* "brownout: <err>" on standard error, and `code` again. */
enum exit_code complain(const struct error *err, enum exit_code code);

#endif
