#ifndef HARNESS_OPTIONS_H
#define HARNESS_OPTIONS_H

/* The command line: brownout COMMAND [OPTION...] [FILE...]. Nothing is touched here.
 *
 * "--name value" and "--name=value" are the same, options and files may be mixed, "--" ends the
 * options, "-" is standard input; of `exec` what follows "--" is a command. Failure modes: unknown
 * commands and options (with the nearest known word), values that are none, more than
 * OPTIONS_FILES_MAX files or OPTIONS_SETS_MAX --set: RC_MALFORMED and a sentence. Texts are
 * borrowed from argv. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/nanos.h"
#include "judge/evidence_level.h"

enum {
    OPTIONS_FILES_MAX = 64,
    OPTIONS_SETS_MAX = 64,
    OPTIONS_CASES_MAX = 64,
    OPTIONS_WORKERS_MAX = 64,
    OPTIONS_RETRIES_MAX = 10,
    OPTIONS_MAPS_MAX = 32,
};

/* Which options a command takes: a bit each. */
enum option_bit {
    OPTION_SET = 1 << 0,
    OPTION_CLIENT = 1 << 1,
    OPTION_SEED = 1 << 2,
    OPTION_OUT = 1 << 3,
    OPTION_JSON = 1 << 4,
    OPTION_QUIET = 1 << 5,
    OPTION_MAX_TIME = 1 << 6,
    OPTION_NO_COLOR = 1 << 7,
    OPTION_PRINT = 1 << 8,
    OPTION_PORT = 1 << 9,
    OPTION_JOURNAL = 1 << 10,
    OPTION_HELP = 1 << 11,
    OPTION_WORKERS = 1 << 12,
    OPTION_EVIDENCE = 1 << 13,
    OPTION_LIVE = 1 << 14, /* --live and --yes-really */
    OPTION_INCONCLUSIVE = 1 << 15,
    OPTION_EXEC = 1 << 16, /* what stands behind "--" is a command, and all about it */
    OPTION_CASES = 1 << 18,
    OPTION_COMPRESS = 1 << 19,
    OPTION_NEW = 1 << 17, /* what a first scenario is about */
};

/* What an inconclusive verdict means to the shell that asked. The report says inconclusive all the
 * same. */
enum inconclusive { INCONCLUSIVE_STANDS, INCONCLUSIVE_FAILS, INCONCLUSIVE_PASSES };

struct options {
    const char *files[OPTIONS_FILES_MAX];
    uint32_t files_count;
    char *const *command; /* of exec, behind "--", NULL at its end; NULL: there is none. A subject
                             that is not exec is then replaced (prepared.h) */
    const char *sets[OPTIONS_SETS_MAX]; /* "/json/pointer=value" */
    uint32_t sets_count;
    const char *client;                   /* a preset's name or a file; NULL: the scenario's own */
    const char *cases[OPTIONS_CASES_MAX]; /* of `vary`, those to play, each with commas in it; none:
                                             all of them */
    uint32_t cases_count;
    uint32_t compress;   /* times as fast as the scenario says; 1: as it says */
    const char *seed;    /* a whole number; NULL: the scenario's own */
    const char *out;     /* folder of results folders */
    const char *port;    /* NULL: not given */
    const char *journal; /* likewise */
    nanos max_time;      /* NANOS_NEVER: none */
    uint32_t workers;    /* threads that make the load; at least 1 */
    enum evidence_level evidence;
    enum inconclusive inconclusive;
    uint32_t retries; /* times an inconclusive trial is held again */
    bool wants_json, wants_quiet, wants_print, wants_help, has_no_color;
    const char *log; /* of exec, like the next four; NULL: none, or the scenario's */
    const char *maps[OPTIONS_MAPS_MAX]; /* "field=/json/pointer" */
    uint32_t maps_count;
    bool requires_success, keeps_keys;
    const char *subject, *provider, *model, *trouble; /* of new; NULL: not said */
    bool wants_github;
    bool allows_live; /* real servers, real money */
    bool is_certain;  /* ... and faster than a person would by mistake */
};

/* `arguments` come behind the command's name; `known` says which options it takes. */
MUST_USE enum rc options_parse(struct options *options, int count, char **arguments, unsigned known,
                               struct error *err);

/* One line about each option of a set, for help. NULL past the last; `about` is set. */
const char *options_usage(unsigned known, unsigned index, const char **about);

#endif
