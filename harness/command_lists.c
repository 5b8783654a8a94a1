/* What exists, a line each. */

#include "commands.h"

#include <stdio.h>

#include "judge/judge.h"
#include "output.h"
#include "policy/conduct.h"
#include "scenario/fault_words.h"
#include "wire/json.h"

enum { TEXT_BYTES_MAX = 1 << 20 };

typedef const char *list_at(uint32_t index, const char **about);

static void write_lines(list_at *name_at, struct buffer *out)
{
    const char *about;
    const char *name;

    for (uint32_t i = 0; (name = name_at(i, &about)) != NULL; i++)
        buffer_printf(out, "%-24s %s\n", name, about);
}

static void write_json(list_at *name_at, struct buffer *out)
{
    const char *about;
    const char *name;

    buffer_text(out, "[");
    for (uint32_t i = 0; (name = name_at(i, &about)) != NULL; i++) {
        buffer_text(out, i == 0 ? "\n  {\"name\": " : ",\n  {\"name\": ");
        json_write_text(out, slice_of(name));
        buffer_text(out, ", \"about\": ");
        json_write_text(out, slice_of(about));
        buffer_text(out, "}");
    }
    buffer_text(out, "\n]\n");
}

static enum exit_code print_list(list_at *name_at, const struct options *options)
{
    struct error err = {0};
    struct buffer text;
    enum rc rc;

    buffer_init(&text, memory_heap(), TEXT_BYTES_MAX);
    if (options->wants_json)
        write_json(name_at, &text);
    else
        write_lines(name_at, &text);
    rc = text.rc;
    output_write(stdout, buffer_slice(&text));
    buffer_deinit(&text);
    if (rc == RC_OK)
        return EXIT_PASS;
    error_set(&err, rc, "%s", rc_text(rc));
    return complain(&err, EXIT_NOT_CARRIED_OUT);
}

/* As a scenario spells them (docs/faults.md tells them in full). */
static const char *fault_name(uint32_t index, const char **about)
{
    if (index >= FAULT_WORDS_COUNT)
        return NULL;
    *about = fault_word_card((enum fault_word)index)->about;
    return fault_word_card((enum fault_word)index)->word;
}

enum exit_code command_laws(const struct options *options)
{
    return print_list(judge_law_name, options);
}

enum exit_code command_measures(const struct options *options)
{
    return print_list(judge_measure_name, options);
}

enum exit_code command_faults(const struct options *options)
{
    return print_list(fault_name, options);
}

enum exit_code command_presets(const struct options *options)
{
    return print_list(policy_preset_name, options);
}
