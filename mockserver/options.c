#include "options.h"

#include <getopt.h>
#include <stddef.h>

#include "base/nearest.h"
#include "base/slice.h"
#include "base/version.h"

const char options_version[] = "brownout-mock " BROWNOUT_VERSION "\n";

const char options_help[] =
    "usage: brownout-mock [--port N] [--scenario FILE] [--journal FILE] [--journal-fd N]\n"
    "\n"
    "Plays the providers of a scenario on 127.0.0.1, with the scenario's chaos. Once it accepts, "
    "it\n"
    "prints a line per listener: the base URL as that provider's own SDK takes it.\n"
    "\n"
    "  --port N         number the listeners from N, in the scenario's order, admin last\n"
    "                   (0, the default: any free ports)\n"
    "  --scenario FILE  what to play; - reads standard input (default: one fast model each of\n"
    "                   anthropic and openai, no chaos)\n"
    "  --journal FILE   write a line per request: what was asked, planned and really sent\n"
    "  --journal-fd N   the same into an inherited socket; its end of file ends the mock\n"
    "  --help           this text\n"
    "  --version        the version\n"
    "\n"
    "The run's clock starts with the first request, or with POST /_brownout/start on the admin\n"
    "listener. SIGTERM and SIGINT end it with a whole journal.\n"
    "\n"
    "Exit codes: 0 ended in order, 2 bad usage or scenario, 3 could not be carried out (port in "
    "use).\n"
    "\n"
    "example: brownout-mock --port 8100 --scenario scenarios/demo.jsonc --journal journal.jsonl\n";

enum { PORT = 1, SCENARIO, JOURNAL, JOURNAL_FD, HELP, VERSION };

static const struct option known[] = {
    {"port", required_argument, NULL, PORT},
    {"scenario", required_argument, NULL, SCENARIO},
    {"journal", required_argument, NULL, JOURNAL},
    {"journal-fd", required_argument, NULL, JOURNAL_FD},
    {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},
    {0},
};

static enum rc read_number(const char *name, uint64_t max, uint64_t *value, struct error *err)
{
    if (slice_u64(slice_of(optarg), value) && *value <= max)
        return RC_OK;
    return error_set(err, RC_MALFORMED, "%s: \"%s\" is not a number from 0 to %llu", name, optarg,
                     (unsigned long long)max);
}

static enum rc refuse(const char *name, struct error *err)
{
    struct nearest nearest;
    struct slice word = slice_of(name);

    while (word.size > 0 && word.data[0] == '-')
        word = (struct slice){word.data + 1, word.size - 1};
    nearest_init(&nearest, word);
    for (const struct option *option = known; option->name != NULL; option++)
        nearest_offer(&nearest, slice_of(option->name));
    if (nearest.best.size == 0)
        return error_set(err, RC_MALFORMED, "unknown option %s (see --help)", name);
    return error_set(err, RC_MALFORMED, "unknown option %s; did you mean \"--%.*s\"?", name,
                     SLICE_ARG(nearest.best));
}

static enum rc take(struct options *options, int which, char *const *argv, struct error *err)
{
    uint64_t number;

    switch (which) {
    case PORT:
        TRY(read_number("--port", UINT16_MAX, &number, err));
        options->port = (uint16_t)number;
        return RC_OK;
    case SCENARIO:
        options->scenario_file = optarg;
        return RC_OK;
    case JOURNAL:
        options->journal_file = optarg;
        return RC_OK;
    case JOURNAL_FD:
        TRY(read_number("--journal-fd", INT32_MAX, &number, err));
        options->journal_fd = (int)number;
        return RC_OK;
    case HELP:
        options->wants_help = true;
        return RC_OK;
    case VERSION:
        options->wants_version = true;
        return RC_OK;
    case ':':
        return error_set(err, RC_MALFORMED, "%s: needs a value (see --help)", argv[optind - 1]);
    default:
        return refuse(argv[optind - 1], err);
    }
}

enum rc options_parse(struct options *options, int argc, char **argv, struct error *err)
{
    struct options parsed = {.journal_fd = -1};
    int which;

    while ((which = getopt_long(argc, argv, ":", known, NULL)) != -1)
        TRY(take(&parsed, which, argv, err));
    if (optind < argc)
        return error_set(err, RC_MALFORMED, "%s: unexpected argument (see --help)", argv[optind]);
    *options = parsed;
    return RC_OK;
}
