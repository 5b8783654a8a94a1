#include "options.h"

#include <getopt.h>
#include <stddef.h>

#include "base/nearest.h"
#include "base/slice.h"
#include "base/units.h"
#include "base/version.h"
#include "listener.h"

const char options_version[] = "brownout-mock " BROWNOUT_VERSION "\n";

const char options_help[] =
    "usage: brownout-mock [--port N] [--scenario FILE] [--journal FILE] [--journal-fd N]\n"
    "                     [--bind ADDRESS] [--admin-token-file FILE] [--patience 30s]\n"
    "                     [--canary TEXT]...\n"
    "                     [--tls] [--tls-ca FILE] [--tls-cert FILE --tls-key FILE]\n"
    "\n"
    "Plays model providers on 127.0.0.1: those of a scenario, with its chaos, and without one any\n"
    "model at once. Once it accepts, it prints a line per listener: the base URL as that "
    "provider's\n"
    "own SDK takes it (anthropic, openai, gemini, those of the scenario), then gateway, hooks, "
    "admin.\n"
    "\n"
    "  --port N         number the listeners from N, in the order printed\n"
    "                   (0, the default: any free ports)\n"
    "  --scenario FILE  what to play; - reads standard input (default: any model, no chaos)\n"
    "  --journal FILE   write a line per request: what was asked, planned and really sent\n"
    "  --journal-fd N   the same into an inherited socket; its end of file ends the mock\n"
    "  --bind ADDRESS   listen there (numeric; default 127.0.0.1). One that others can reach "
    "needs\n"
    "                   a token\n"
    "  --admin-token-file FILE\n"
    "                   what admin requests must bring: authorization: Bearer TOKEN\n"
    "  --canary TEXT    a key that must not leave: requests that hold it are counted, unless as\n"
    "                   their credential; may be given 32 times\n"
    "  --patience 30s   how long the head of a request may take, and its body may stop\n"
    "  --tls            speak TLS, with a certificate made on the spot\n"
    "  --tls-ca FILE    write there the certificate that clients are to trust; implies --tls\n"
    "  --tls-cert FILE  your own certificate (PEM, a chain), with\n"
    "  --tls-key FILE   its key; imply --tls\n"
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

enum {
    PORT = 1,
    SCENARIO,
    JOURNAL,
    JOURNAL_FD,
    BIND,
    TOKEN,
    CANARY,
    PATIENCE,
    TLS,
    TLS_CA,
    TLS_CERT,
    TLS_KEY,
    HELP,
    VERSION
};

static const struct option known[] = {
    {"port", required_argument, NULL, PORT},
    {"scenario", required_argument, NULL, SCENARIO},
    {"journal", required_argument, NULL, JOURNAL},
    {"journal-fd", required_argument, NULL, JOURNAL_FD},
    {"bind", required_argument, NULL, BIND},
    {"admin-token-file", required_argument, NULL, TOKEN},
    {"canary", required_argument, NULL, CANARY},
    {"patience", required_argument, NULL, PATIENCE},
    {"tls", no_argument, NULL, TLS},
    {"tls-ca", required_argument, NULL, TLS_CA},
    {"tls-cert", required_argument, NULL, TLS_CERT},
    {"tls-key", required_argument, NULL, TLS_KEY},
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

static enum rc read_patience(struct options *options, struct error *err)
{
    nanos value;

    if (units_duration(slice_of(optarg), &value) != RC_OK || value == 0)
        return error_set(err, RC_MALFORMED, "--patience: \"%s\" is not a duration like \"30s\"",
                         optarg);
    options->patience = value;
    return RC_OK;
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
    case BIND:
        options->address = optarg;
        return RC_OK;
    case TOKEN:
        options->token_file = optarg;
        return RC_OK;
    case CANARY:
        if (canaries_add(&options->canaries, slice_of(optarg), err) != RC_OK)
            return error_wrap(err, "--canary");
        return RC_OK;
    case PATIENCE:
        return read_patience(options, err);
    case TLS:
        options->has_tls = true;
        return RC_OK;
    case TLS_CA:
        options->has_tls = true;
        options->tls_ca_file = optarg;
        return RC_OK;
    case TLS_CERT:
        options->has_tls = true;
        options->tls_cert_file = optarg;
        return RC_OK;
    case TLS_KEY:
        options->has_tls = true;
        options->tls_key_file = optarg;
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

/* Each option is good by itself. */
static enum rc check(const struct options *options, struct error *err)
{
    if (!listener_is_address(options->address))
        return error_set(err, RC_MALFORMED, "--bind: \"%s\" is not a numeric address",
                         options->address);
    if (!listener_is_loopback(options->address) && options->token_file == NULL)
        return error_set(err, RC_MALFORMED,
                         "--bind: others can reach %s: --admin-token-file is needed, too",
                         options->address);
    if ((options->tls_cert_file == NULL) != (options->tls_key_file == NULL))
        return error_set(err, RC_MALFORMED, "--tls-cert and --tls-key go together");
    return RC_OK;
}

enum rc options_parse(struct options *options, int argc, char **argv, struct error *err)
{
    struct options parsed = {.journal_fd = -1, .address = "127.0.0.1", .patience = 30 * NANOS_S};
    int which;

    while ((which = getopt_long(argc, argv, ":", known, NULL)) != -1)
        TRY(take(&parsed, which, argv, err));
    if (optind < argc)
        return error_set(err, RC_MALFORMED, "%s: unexpected argument (see --help)", argv[optind]);
    TRY(check(&parsed, err));
    *options = parsed;
    return RC_OK;
}
