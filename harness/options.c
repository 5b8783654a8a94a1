#include "options.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "base/slice.h"
#include "base/units.h"
#include "scenario/compress.h"
#include "scenario/subject.h"

#define EVIDENCE_LEVEL_WORD(id, word) word,

struct option {
    const char *name;
    const char *usage; /* with the name of its value, if it takes one */
    const char *about;
    enum option_bit bit;
    enum rc (*take)(struct options *options, const char *value, struct error *err);
    bool has_value;
};

/* One of a few words. */
struct choice {
    const char *option;
    const char *const *words;
    size_t words_count;
};

static enum rc find_word(const struct choice *choice, const char *value, size_t *index,
                         struct error *err)
{
    char hint[NEAREST_TEXT_SIZE];
    char expected[80] = "";
    struct nearest nearest;
    size_t size = 0;

    nearest_init(&nearest, slice_of(value));
    for (size_t i = 0; i < choice->words_count; i++) {
        if (strcmp(choice->words[i], value) == 0) {
            *index = i;
            return RC_OK;
        }
        nearest_offer(&nearest, slice_of(choice->words[i]));
        size += (size_t)snprintf(expected + size, sizeof(expected) - size, "%s%s",
                                 i == 0 ? "" : " or ", choice->words[i]);
        assert(size < sizeof(expected));
    }
    return error_set(err, RC_MALFORMED, "%s: found \"%s\", expected %s%s", choice->option, value,
                     expected, nearest_say(&nearest, hint));
}

static enum rc take_set(struct options *options, const char *value, struct error *err)
{
    if (value[0] != '/' || strchr(value, '=') == NULL)
        return error_set(err, RC_MALFORMED,
                         "--set: found \"%s\", expected /json/pointer=value, such as "
                         "/load/deadline=5s",
                         value);
    if (options->sets_count == OPTIONS_SETS_MAX)
        return error_set(err, RC_MALFORMED, "--set: at most %d", OPTIONS_SETS_MAX);
    options->sets[options->sets_count++] = value;
    return RC_OK;
}

static enum rc take_case(struct options *options, const char *value, struct error *err)
{
    if (value[0] == '\0')
        return error_set(err, RC_MALFORMED, "--case: found \"\", expected the name of a case");
    if (options->cases_count == OPTIONS_CASES_MAX)
        return error_set(err, RC_MALFORMED, "--case: at most %d", OPTIONS_CASES_MAX);
    options->cases[options->cases_count++] = value;
    return RC_OK;
}

static enum rc take_compress(struct options *options, const char *value, struct error *err)
{
    uint64_t times;

    if (!slice_u64(slice_of(value), &times) || times < 1 || times > COMPRESSION_MAX)
        return error_set(err, RC_MALFORMED,
                         "--compress: found \"%s\", expected a whole number from 1 to %d", value,
                         COMPRESSION_MAX);
    options->compress = (uint32_t)times;
    return RC_OK;
}

static enum rc take_client(struct options *options, const char *value, struct error *err)
{
    (void)err;
    options->client = value;
    return RC_OK;
}

static enum rc take_seed(struct options *options, const char *value, struct error *err)
{
    uint64_t seed;

    if (!slice_u64(slice_of(value), &seed))
        return error_set(err, RC_MALFORMED, "--seed: found \"%s\", expected a whole number", value);
    options->seed = value;
    return RC_OK;
}

static enum rc take_out(struct options *options, const char *value, struct error *err)
{
    if (value[0] == '\0')
        return error_set(err, RC_MALFORMED, "--out: found \"\", expected a folder");
    options->out = value;
    return RC_OK;
}

static enum rc take_json(struct options *options, const char *value, struct error *err)
{
    (void)value, (void)err;
    options->wants_json = true;
    return RC_OK;
}

static enum rc take_quiet(struct options *options, const char *value, struct error *err)
{
    (void)value, (void)err;
    options->wants_quiet = true;
    return RC_OK;
}

static enum rc take_max_time(struct options *options, const char *value, struct error *err)
{
    if (units_duration(slice_of(value), &options->max_time) != RC_OK || options->max_time == 0)
        return error_set(err, RC_MALFORMED,
                         "--max-time: found \"%s\", expected a duration such as 90s or 5m", value);
    return RC_OK;
}

static enum rc take_no_color(struct options *options, const char *value, struct error *err)
{
    (void)value, (void)err;
    options->has_no_color = true;
    return RC_OK;
}

static enum rc take_print(struct options *options, const char *value, struct error *err)
{
    (void)value, (void)err;
    options->wants_print = true;
    return RC_OK;
}

/* As brownout-mock reads it. */
static enum rc take_port(struct options *options, const char *value, struct error *err)
{
    uint64_t port;

    if (!slice_u64(slice_of(value), &port) || port > UINT16_MAX)
        return error_set(err, RC_MALFORMED, "--port: found \"%s\", expected a port, 0 to %d", value,
                         UINT16_MAX);
    options->port = value;
    return RC_OK;
}

static enum rc take_journal(struct options *options, const char *value, struct error *err)
{
    (void)err;
    options->journal = value;
    return RC_OK;
}

static enum rc take_workers(struct options *options, const char *value, struct error *err)
{
    uint64_t workers;

    if (!slice_u64(slice_of(value), &workers) || workers < 1 || workers > OPTIONS_WORKERS_MAX)
        return error_set(err, RC_MALFORMED,
                         "--workers: found \"%s\", expected a whole number from 1 to %d", value,
                         OPTIONS_WORKERS_MAX);
    options->workers = (uint32_t)workers;
    return RC_OK;
}

static enum rc take_evidence(struct options *options, const char *value, struct error *err)
{
    static const char *const words[] = {EVIDENCE_LEVEL_LIST(EVIDENCE_LEVEL_WORD)};
    size_t level;

    TRY(find_word(&(struct choice){"--evidence", words, ARRAY_SIZE(words)}, value, &level, err));
    options->evidence = (enum evidence_level)level;
    return RC_OK;
}

static enum rc take_retries(struct options *options, const char *value, struct slice count,
                            struct error *err)
{
    uint64_t retries;

    if (!slice_u64(count, &retries) || retries < 1 || retries > OPTIONS_RETRIES_MAX)
        return error_set(err, RC_MALFORMED,
                         "--inconclusive: found \"%s\", expected retry:1 to retry:%d", value,
                         OPTIONS_RETRIES_MAX);
    options->inconclusive = INCONCLUSIVE_STANDS;
    options->retries = (uint32_t)retries;
    return RC_OK;
}

static enum rc take_inconclusive(struct options *options, const char *value, struct error *err)
{
    static const char *const words[] = {"fail", "pass", "retry:N"};
    static const enum inconclusive meanings[] = {INCONCLUSIVE_FAILS, INCONCLUSIVE_PASSES};
    struct slice count = slice_of(value);
    struct slice word;
    size_t index;

    if (slice_cut(&count, ':', &word) && slice_is(word, SLICE("retry")))
        return take_retries(options, value, count, err);
    TRY(find_word(&(struct choice){"--inconclusive", words, ARRAY_SIZE(words)}, value, &index,
                  err));
    options->inconclusive = meanings[index];
    options->retries = 0;
    return RC_OK;
}

static enum rc take_log(struct options *options, const char *value, struct error *err)
{
    if (value[0] == '\0')
        return error_set(err, RC_MALFORMED, "--log: found \"\", expected a file");
    options->log = value;
    return RC_OK;
}

static enum rc check_log_field(struct slice field, struct error *err)
{
    char hint[NEAREST_TEXT_SIZE];
    struct nearest nearest;

    nearest_init(&nearest, field);
    for (int i = 0; i < LOG_FIELDS_COUNT; i++) {
        struct slice name = slice_of(log_field_name((enum log_field)i));

        if (slice_is(field, name))
            return RC_OK;
        nearest_offer(&nearest, name);
    }
    return error_set(err, RC_MALFORMED,
                     "--map: found \"%.*s\", expected a field such as id or latency_ms%s",
                     SLICE_ARG(field), nearest_say(&nearest, hint));
}

static enum rc take_map(struct options *options, const char *value, struct error *err)
{
    const char *pointer = strchr(value, '=');

    if (pointer == NULL || pointer == value || pointer[1] != '/')
        return error_set(err, RC_MALFORMED,
                         "--map: found \"%s\", expected field=/json/pointer, such as "
                         "id=/response/id",
                         value);
    if (options->maps_count == OPTIONS_MAPS_MAX)
        return error_set(err, RC_MALFORMED, "--map: at most %d", OPTIONS_MAPS_MAX);
    TRY(check_log_field((struct slice){value, (size_t)(pointer - value)}, err));
    options->maps[options->maps_count++] = value;
    return RC_OK;
}

static enum rc take_require_success(struct options *options, const char *value, struct error *err)
{
    (void)value, (void)err;
    options->requires_success = true;
    return RC_OK;
}

static enum rc take_keep_keys(struct options *options, const char *value, struct error *err)
{
    (void)value, (void)err;
    options->keeps_keys = true;
    return RC_OK;
}

static enum rc take_live(struct options *options, const char *value, struct error *err)
{
    (void)value, (void)err;
    options->allows_live = true;
    return RC_OK;
}

static enum rc take_yes_really(struct options *options, const char *value, struct error *err)
{
    (void)value, (void)err;
    options->is_certain = true;
    return RC_OK;
}

static enum rc take_subject(struct options *options, const char *value, struct error *err)
{
    (void)err; /* `new` knows the words */
    options->subject = value;
    return RC_OK;
}

static enum rc take_provider(struct options *options, const char *value, struct error *err)
{
    (void)err;
    options->provider = value;
    return RC_OK;
}

static enum rc take_model(struct options *options, const char *value, struct error *err)
{
    (void)err;
    options->model = value;
    return RC_OK;
}

static enum rc take_trouble(struct options *options, const char *value, struct error *err)
{
    (void)err;
    options->trouble = value;
    return RC_OK;
}

static enum rc take_github(struct options *options, const char *value, struct error *err)
{
    (void)value, (void)err;
    options->wants_github = true;
    return RC_OK;
}

static enum rc take_help(struct options *options, const char *value, struct error *err)
{
    (void)value, (void)err;
    options->wants_help = true;
    return RC_OK;
}

static const struct option known_options[] = {
    {"--set", "--set /POINTER=VALUE", "replace one value of the scenario; may be repeated",
     OPTION_SET, take_set, true},
    {"--client", "--client NAME|FILE",
     "replace the whole client: a preset, or a file with its block", OPTION_CLIENT, take_client,
     true},
    {"--case", "--case NAME", "of a scenario that varies, this case alone; may be repeated",
     OPTION_CASES, take_case, true},
    {"--compress", "--compress N", "the same story N times faster, 1 to 1000", OPTION_COMPRESS,
     take_compress, true},
    {"--seed", "--seed N", "replace the scenario's seed", OPTION_SEED, take_seed, true},
    {"--out", "--out DIR", "where results folders are made (default: results)", OPTION_OUT,
     take_out, true},
    {"--max-time", "--max-time D", "end in order after that long, such as 90s", OPTION_MAX_TIME,
     take_max_time, true},
    {"--workers", "--workers N", "threads that drive the load, 1 to 64 (default: 1)",
     OPTION_WORKERS, take_workers, true},
    {"--evidence", "--evidence LEVEL", "what stays on disk: full (default), failures or summary",
     OPTION_EVIDENCE, take_evidence, true},
    {"--inconclusive", "--inconclusive WHAT",
     "what 98 becomes: fail, pass, or retry:N (hold it again)", OPTION_INCONCLUSIVE,
     take_inconclusive, true},
    {"--live", "--live", "allow a live target: real servers, real money (docs/live.md)",
     OPTION_LIVE, take_live, false},
    {"--yes-really", "--yes-really", "allow more than 5 calls/s against a live target", OPTION_LIVE,
     take_yes_really, false},
    {"--log", "--log FILE", "the application's own log, a JSON object a line, to be judged too",
     OPTION_EXEC, take_log, true},
    {"--map", "--map FIELD=/POINTER", "where a line of the log tells what: id=/response/id",
     OPTION_EXEC, take_map, true},
    {"--require-success", "--require-success", "the command's own exit code counts: 0 or fail",
     OPTION_EXEC, take_require_success, false},
    {"--keep-keys", "--keep-keys", "leave provider keys in the command's environment", OPTION_EXEC,
     take_keep_keys, false},
    {"--port", "--port N", "number the listeners from N (default: free ones)", OPTION_PORT,
     take_port, true},
    {"--journal", "--journal FILE", "write a line per request", OPTION_JOURNAL, take_journal, true},
    {"--subject", "--subject WORD", "exec (a command, the default), service or client", OPTION_NEW,
     take_subject, true},
    {"--provider", "--provider WORD", "anthropic (the default), openai or gemini", OPTION_NEW,
     take_provider, true},
    {"--model", "--model NAME", "the model that is asked (default: one of the provider's)",
     OPTION_NEW, take_model, true},
    {"--trouble", "--trouble WORD", "overload (the default), limits, streams, slow or all",
     OPTION_NEW, take_trouble, true},
    {"--github", "--github", "write .github/workflows/brownout.yml instead", OPTION_NEW,
     take_github, false},
    {"--print", "--print", "the scenario with every default filled in, as JSON", OPTION_PRINT,
     take_print, false},
    {"--json", "--json", "JSON on standard output instead of text for people (of a run: run.json)",
     OPTION_JSON, take_json, false},
    {"--quiet", "--quiet", "no report and no progress: the exit code says it", OPTION_QUIET,
     take_quiet, false},
    {"--no-color", "--no-color", "no colour (also: NO_COLOR in the environment, or no terminal)",
     OPTION_NO_COLOR, take_no_color, false},
    {"--help", "--help", "this text", OPTION_HELP, take_help, false},
};

static const struct option *find(struct slice name, unsigned known)
{
    for (size_t i = 0; i < ARRAY_SIZE(known_options); i++)
        if ((known & known_options[i].bit) != 0 && slice_is(name, slice_of(known_options[i].name)))
            return &known_options[i];
    return NULL;
}

static enum rc refuse(struct slice name, unsigned known, struct error *err)
{
    struct nearest nearest;
    char hint[NEAREST_TEXT_SIZE];

    if (find(name, ~0u) != NULL)
        return error_set(err, RC_MALFORMED, "%.*s is an option of other commands (see --help)",
                         SLICE_ARG(name));
    nearest_init(&nearest, name);
    for (size_t i = 0; i < ARRAY_SIZE(known_options); i++)
        if ((known & known_options[i].bit) != 0)
            nearest_offer(&nearest, slice_of(known_options[i].name));
    return error_set(err, RC_MALFORMED, "unknown option %.*s%s", SLICE_ARG(name),
                     nearest_say(&nearest, hint));
}

/* One option, with its value where it has one; `*at` is moved past both. */
static enum rc take_option(struct options *options, int count, char **arguments, int *at,
                           unsigned known, struct error *err)
{
    const char *argument = arguments[(*at)++];
    size_t name_size = strcspn(argument, "=");
    struct slice name = {argument, name_size};
    const struct option *option = find(name, known);
    const char *value = argument[name_size] == '=' ? argument + name_size + 1 : NULL;

    if (option == NULL)
        return refuse(name, known, err);
    if (!option->has_value && value != NULL)
        return error_set(err, RC_MALFORMED, "%s: takes no value", option->name);
    if (option->has_value && value == NULL && *at < count)
        value = arguments[(*at)++];
    if (option->has_value && value == NULL)
        return error_set(err, RC_MALFORMED, "%s: needs a value: %s", option->name, option->usage);
    return option->take(options, value, err);
}

static enum rc take_file(struct options *options, const char *file, struct error *err)
{
    if (file[0] == '\0')
        return error_set(err, RC_MALFORMED, "found \"\", expected a file");
    if (options->files_count == OPTIONS_FILES_MAX)
        return error_set(err, RC_MALFORMED, "%s: at most %d files", file, OPTIONS_FILES_MAX);
    options->files[options->files_count++] = file;
    return RC_OK;
}

/* As argv has it: with a NULL behind it. */
static enum rc take_command(struct options *options, int count, char **arguments, struct error *err)
{
    options->command = count > 0 ? arguments : NULL;
    if (count > 0 && arguments[0][0] == '\0')
        return error_set(err, RC_MALFORMED, "--: found \"\", expected a command");
    return RC_OK;
}

enum rc options_parse(struct options *options, int count, char **arguments, unsigned known,
                      struct error *err)
{
    bool has_ended = false;
    int at = 0;

    *options =
        (struct options){.out = "results", .max_time = NANOS_NEVER, .workers = 1, .compress = 1};
    while (at < count) {
        const char *argument = arguments[at];

        if ((known & OPTION_EXEC) != 0 && strcmp(argument, "--") == 0) {
            TRY(take_command(options, count - at - 1, arguments + at + 1, err));
            at = count;
        } else if (!has_ended && strcmp(argument, "--") == 0) {
            has_ended = true;
            at++;
        } else if (has_ended || argument[0] != '-' || argument[1] == '\0') {
            TRY(take_file(options, argument, err));
            at++;
        } else {
            TRY(take_option(options, count, arguments, &at, known, err));
        }
    }
    return RC_OK;
}

const char *options_usage(unsigned known, unsigned index, const char **about)
{
    for (size_t i = 0; i < ARRAY_SIZE(known_options); i++) {
        if ((known & known_options[i].bit) == 0 || index-- > 0)
            continue;
        *about = known_options[i].about;
        return known_options[i].usage;
    }
    return NULL;
}
