/* `judge`: the verdicts of an earlier run, from its files. */

#include "commands.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/folder.h"
#include "output.h"
#include "rejudge.h"
#include "report/json.h"
#include "report/terminal.h"

enum { TEXT_BYTES_MAX = 16 << 20 };

static bool wants_colour(const struct options *options)
{
    const char *no_color = getenv("NO_COLOR");

    return !options->has_no_color && (no_color == NULL || no_color[0] == '\0') &&
           isatty(STDOUT_FILENO);
}

static void print(const struct rejudge *r, const struct options *options)
{
    struct report_facts facts = rejudge_facts(r);
    struct buffer text;

    if (options->wants_quiet && !options->wants_json)
        return;
    facts.has_colour = wants_colour(options);
    buffer_init(&text, memory_heap(), TEXT_BYTES_MAX);
    if (options->wants_json)
        report_json(r->prepared.scenario, r->judge, &facts, &text);
    else
        report_terminal(r->prepared.scenario, r->judge, &facts, &text);
    output_write(stdout, buffer_slice(&text));
    buffer_deinit(&text);
}

static enum exit_code code_of(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_PASS:
    case VERDICT_NOT_APPLICABLE:
        return EXIT_PASS;
    case VERDICT_INCONCLUSIVE:
        return EXIT_INCONCLUSIVE;
    case VERDICT_FAIL:
        return EXIT_FAIL;
    }
    return EXIT_NOT_CARRIED_OUT;
}

static enum exit_code judge_one(const char *folder, const struct options *options)
{
    static struct rejudge r; /* large, and one at a time */
    struct error err = {0};
    enum exit_code code;

    if (rejudge_open(&r, folder, &err) != RC_OK)
        return complain(&err, EXIT_USAGE);
    print(&r, options);
    code = code_of(judge_verdict(r.judge));
    rejudge_close(&r);
    return code;
}

static int is_entry(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool is_run(const char *folder)
{
    char file[FOLDER_PATH_MAX];
    int size = snprintf(file, sizeof(file), "%s/scenario.jsonc", folder);

    return size > 0 && (size_t)size < sizeof(file) && access(file, F_OK) == 0;
}

/* A run's folder, or that of a scenario that varies, with a folder for each case. */
static enum exit_code judge_all(const char *folder, const struct options *options)
{
    enum exit_code worst = EXIT_PASS;
    struct dirent **entries;
    bool has_cases = false;
    int count = is_run(folder) ? 0 : scandir(folder, &entries, is_entry, alphasort);

    for (int i = 0; i < count; i++) {
        char path[FOLDER_PATH_MAX];
        int size = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);

        if (size > 0 && (size_t)size < sizeof(path) && is_run(path)) {
            worst = exit_code_worse(worst, judge_one(path, options));
            has_cases = true;
        }
        free(entries[i]);
    }
    if (count > 0)
        free(entries);
    return has_cases ? worst : judge_one(folder, options);
}

enum exit_code command_judge(const struct options *options)
{
    enum exit_code worst = EXIT_PASS;
    struct error err = {0};

    if (options->files_count == 0) {
        error_set(&err, RC_MALFORMED, "no results folder was given (see --help)");
        return complain(&err, EXIT_USAGE);
    }
    for (uint32_t i = 0; i < options->files_count; i++)
        worst = exit_code_worse(worst, judge_all(options->files[i], options));
    return worst;
}
