/* `judge`: the verdicts of an earlier run, from its files. */

#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

enum exit_code command_judge(const struct options *options)
{
    enum exit_code worst = EXIT_PASS;
    struct error err = {0};

    if (options->files_count == 0) {
        error_set(&err, RC_MALFORMED, "no results folder was given (see --help)");
        return complain(&err, EXIT_USAGE);
    }
    for (uint32_t i = 0; i < options->files_count; i++)
        worst = exit_code_worse(worst, judge_one(options->files[i], options));
    return worst;
}
