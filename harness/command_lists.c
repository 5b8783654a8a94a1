/* What exists, a line each. */

#include "commands.h"

#include <stdio.h>

#include "judge/judge.h"
#include "policy/conduct.h"

static enum exit_code print_list(const char *(*name_at)(uint32_t index, const char **about))
{
    const char *about;
    const char *name;

    for (uint32_t i = 0; (name = name_at(i, &about)) != NULL; i++)
        printf("%-24s %s\n", name, about);
    return EXIT_PASS;
}

/* As a scenario spells them (docs/faults.md tells them in full). */
static const char *fault_name(uint32_t index, const char **about)
{
    static const char *const faults[][2] = {
        {"status",
         "an error status with the provider's own body, retry advice, or another failure"},
        {"slow_tokens", "gaps between tokens times a factor: a brownout, no error at all"},
        {"late_first_token", "the first token comes later by a span"},
        {"context_window", "the window shrinks: longer inputs get the true context-length 400"},
        {"cut", "the answer ends after some tokens, by an orderly end, FIN or RST"},
        {"stall", "silence after some tokens, the connection stays open"},
        {"reset", "no answer at all: the connection ends by FIN or RST"},
    };

    if (index >= ARRAY_SIZE(faults))
        return NULL;
    *about = faults[index][1];
    return faults[index][0];
}

enum exit_code command_laws(const struct options *options)
{
    (void)options;
    return print_list(judge_law_name);
}

enum exit_code command_measures(const struct options *options)
{
    (void)options;
    return print_list(judge_measure_name);
}

enum exit_code command_faults(const struct options *options)
{
    (void)options;
    return print_list(fault_name);
}

enum exit_code command_presets(const struct options *options)
{
    (void)options;
    return print_list(policy_preset_name);
}
