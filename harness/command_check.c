/* `check`: what a scenario will do, worked out before anything runs. */

#include "commands.h"

#include <stdio.h>

#include "engine/stake.h"
#include "judge/readable.h"
#include "output.h"
#include "prepared.h"
#include "scenario/arithmetic.h"
#include "wire/json.h"

enum { TEXT_BYTES_MAX = 16 << 20 };

/* What `run` will hold against spend_limit before it starts: more than is to be expected. Nothing
 * for the mock, and where nobody can tell. */
static money worst_of(const struct scenario *scenario)
{
    if (scenario->target != TARGET_LIVE || stake_unpriced(scenario) < SCENARIO_MODELS_MAX)
        return 0;
    return stake_estimate(scenario).worst;
}

static void write_sums(const struct scenario *scenario, const struct arithmetic *sum, money worst,
                       struct buffer *out)
{
    arithmetic_write(scenario, sum, out);
    if (worst > 0)
        buffer_printf(out, "  at most %s, if every call needs all its attempts\n",
                      readable_money(worst).text);
}

static void write_warnings(const struct scenario *scenario, const struct arithmetic *sum,
                           money worst, struct buffer *out)
{
    arithmetic_write_warnings(scenario, sum, out);
    if (worst > scenario->spend_limit)
        buffer_printf(out,
                      "%.*s: warning: it may cost %s, but spend_limit is %s: it will not start\n",
                      SLICE_ARG(scenario->file), readable_money(worst).text,
                      readable_money(scenario->spend_limit).text);
}

static void write_json_warnings(const struct arithmetic *sum, struct buffer *out)
{
    for (uint32_t i = 0; i < sum->warnings_count; i++) {
        const struct warning *warning = &sum->warnings[i];

        buffer_printf(out, "%s{\"line\":%u,\"column\":%u,\"text\":", i == 0 ? "" : ",",
                      warning->position.line, warning->position.column);
        json_write_text(out, slice_of(warning->text));
        buffer_text(out, "}");
    }
}

/* One line, whatever the scenario. */
static void write_json(const struct scenario *scenario, const struct arithmetic *sum, money worst,
                       struct buffer *out)
{
    buffer_text(out, "{\"file\":");
    json_write_text(out, scenario->file);
    buffer_text(out, ",\"valid\":true,\"name\":");
    json_write_text(out, slice_of(scenario->name));
    buffer_printf(out,
                  ",\"calls\":%llu,\"attempts_max\":%u,\"input_tokens\":%llu,"
                  "\"output_tokens\":%llu,\"lasts_s\":[%.3f,%.3f],\"cost_usd\":",
                  (unsigned long long)sum->calls, sum->attempts_max,
                  (unsigned long long)sum->input_tokens, (unsigned long long)sum->output_tokens,
                  (double)sum->lasts_least / 1e9, (double)sum->lasts_most / 1e9);
    money_write_number(out, sum->cost);
    buffer_text(out, ",\"cost_worst_usd\":");
    if (worst > 0)
        money_write_number(out, worst);
    else
        buffer_text(out, "null");
    buffer_text(out, ",\"warnings\":[");
    write_json_warnings(sum, out);
    buffer_text(out, "]}\n");
}

static void write_answer(const struct scenario *scenario, const struct arithmetic *sum, money worst,
                         const struct options *options, struct buffer *out)
{
    if (options->wants_print)
        scenario_write(scenario, out);
    else if (options->wants_json)
        write_json(scenario, sum, worst, out);
    else if (!options->wants_quiet)
        write_sums(scenario, sum, worst, out);
}

static enum exit_code say(const struct scenario *scenario, const struct options *options)
{
    static struct arithmetic sum;
    struct error err = {0};
    struct buffer out, warnings;
    enum exit_code code = EXIT_PASS;
    money worst;

    buffer_init(&out, memory_heap(), TEXT_BYTES_MAX);
    buffer_init(&warnings, memory_heap(), TEXT_BYTES_MAX);
    arithmetic_of(scenario, &sum);
    worst = worst_of(scenario);
    write_answer(scenario, &sum, worst, options, &out);
    write_warnings(scenario, &sum, worst, &warnings);
    output_write(stdout, buffer_slice(&out));
    output_write(stderr, buffer_slice(&warnings));
    if (out.rc != RC_OK) {
        error_set(&err, out.rc, "%.*s: %s", SLICE_ARG(scenario->file), rc_text(out.rc));
        code = complain(&err, EXIT_NOT_CARRIED_OUT);
    }
    buffer_deinit(&out);
    buffer_deinit(&warnings);
    return code;
}

static enum exit_code refuse(const char *file, const struct options *options,
                             const struct error *err)
{
    struct buffer out;

    buffer_init(&out, memory_heap(), TEXT_BYTES_MAX);
    if (options->wants_json) {
        buffer_text(&out, "{\"file\":");
        json_write_text(&out, slice_of(file));
        buffer_text(&out, ",\"valid\":false,\"error\":");
        json_write_text(&out, slice_of(err->text));
        buffer_text(&out, "}\n");
        output_write(stdout, buffer_slice(&out));
    }
    buffer_deinit(&out);
    return complain(err, EXIT_USAGE);
}

static void say_case(const struct scenario *scenario, const struct options *options)
{
    if (scenario->case_name[0] == '\0' || options->wants_json || options->wants_print ||
        options->wants_quiet)
        return;
    printf("case %s\n", scenario->case_name);
    fflush(stdout);
}

/* `*count` becomes how many cases the file has. */
static enum exit_code check_case(const char *file, uint32_t which, const struct options *options,
                                 uint32_t *count)
{
    struct prepared prepared;
    struct error err = {0};
    enum exit_code code = EXIT_PASS;

    if (prepared_load_case(&prepared, file, which, options, &err) != RC_OK)
        return refuse(file, options, &err);
    *count = prepared.merged->cases_count;
    if (prepared_check_cases(&prepared, options, &err) != RC_OK) {
        *count = 0;
        code = refuse(file, options, &err);
    } else if (prepared_is_wanted(&prepared, options)) {
        say_case(prepared.scenario, options);
        code = say(prepared.scenario, options);
    }
    prepared_deinit(&prepared);
    return code;
}

static enum exit_code check_one(const char *file, const struct options *options)
{
    enum exit_code worst = EXIT_PASS;
    uint32_t count = 1;

    for (uint32_t which = 0; which == 0 || which < count; which++)
        worst = exit_code_worse(worst, check_case(file, which, options, &count));
    return worst;
}

enum exit_code command_check(const struct options *options)
{
    enum exit_code worst = EXIT_PASS;
    struct error err = {0};

    if (options->files_count == 0) {
        error_set(&err, RC_MALFORMED, "no scenario was given (see --help)");
        return complain(&err, EXIT_USAGE);
    }
    for (uint32_t i = 0; i < options->files_count; i++)
        worst = exit_code_worse(worst, check_one(options->files[i], options));
    return worst;
}
