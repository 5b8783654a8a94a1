#ifndef SCENARIO_SCENARIO_H
#define SCENARIO_SCENARIO_H

/* A scenario: the text of a .jsonc file, checked and turned into a plan that both worlds run.
 *
 * Happy path: scenario_load(text) once, read the struct from then on; free its arena.
 * Failure modes: everything a person can get wrong is refused with "file:line:column: what was
 * found, what was expected, did you mean ..." (RC_MALFORMED, RC_LIMIT), and nothing is half loaded.
 * Laws and expectations are kept as text with their place and parsed by the judge (judge/judge.h),
 * because the rooms above may not know it; `check` calls both.
 *
 * All instants are run time. Immutable once loaded: any thread may read it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/distribution.h"
#include "base/error.h"
#include "base/file_reader.h"
#include "base/nanos.h"
#include "base/slice.h"
#include "fault/chaos.h"
#include "fault/model.h"
#include "monitor/monitor.h"
#include "monitor/price.h"
#include "policy/arrival.h"
#include "policy/conduct.h"
#include "scenario/origin.h"
#include "scenario/subject.h"
#include "scenario/trace.h"
#include "wire/format.h"
#include "wire/json.h"

enum {
    SCENARIO_PROVIDERS_MAX = 8,   /* that a scenario may name */
    SCENARIO_PROVIDERS_ROOM = 11, /* with one of every family beside them, as the mock listens */
    SCENARIO_INSTANCES_MAX = 64,
    SCENARIO_ENV_NAME_MAX = 64,
    SCENARIO_MODELS_MAX = 16,
    SCENARIO_REQUESTS_MAX = 16,
    SCENARIO_PARTS_MAX = 16,
    SCENARIO_EXPECTS_MAX = 64,
    SCENARIO_IN_FLIGHT_MAX = 4096,
    SCENARIO_TEXT_MAX = 1 << 20, /* bytes */
    SCENARIO_CALLS_MAX = 100 * 1000 * 1000,
};

/* A place in the scenario's text; scenario_place says where a person wrote it. */
struct scenario_text {
    struct slice text; /* of the value, as written (a string's without its quotes) */
    struct json_position position;
};

/* Someone who serves models, on a listener of its own. */
struct provider {
    char name[32]; /* "anthropic", "openai", or the scenario's own word */
    enum api api;  /* of its family, the first (api_family) */
    /* A live target's; empty for the mock. */
    struct slice base_url; /* "https://api.anthropic.com": api_path follows it (base_url.h) */
    char key_env[SCENARIO_ENV_NAME_MAX]; /* environment variable that holds its key; may be empty */
};

/* Who answers. */
enum target {
    TARGET_MOCK, /* the bundled one: faults, journal, hooks */
    TARGET_LIVE, /* base URLs: no faults, no journal; laws that need one do not apply */
};

/* One kind of request; picked by weight, keyed by the call's index. */
struct request_shape {
    uint32_t model; /* index: the model asked first */
    bool stream;
    double weight; /* above 0 */
    struct distribution input_tokens;
    struct distribution output_tokens;
    bool has_input_tokens, has_output_tokens; /* else from the trace's row */
};

enum part_kind {
    PART_ARRIVALS,
    PART_TRACE,
    PART_FOREIGN, /* of exec, and there the only one: calls of a program, "call:1"...; the plan has
                     none of them */
};

/* A stretch of the load; parts run one after another. */
struct load_part {
    char name[32]; /* source of the call ids: "steady:40", "trace:217" */
    enum part_kind kind;
    struct arrival_rules arrivals; /* start_at is set: the sum of what lies before */
    const struct trace_row *rows;  /* PART_TRACE: due in run time, sorted */
    uint64_t rows_count;
    struct trace_options trace; /* PART_TRACE: where the rows came from, and the cut */
};

struct load {
    struct request_shape requests[SCENARIO_REQUESTS_MAX];
    uint32_t requests_count;
    struct load_part parts[SCENARIO_PARTS_MAX];
    uint32_t parts_count;
    nanos lasts;    /* due times lie in [0, lasts); NANOS_NEVER: of exec */
    nanos deadline; /* of a call: the application's wish */
    nanos drain;    /* the run ends at the latest this long after the last due */
    uint32_t in_flight_max;
};

/* The simulator's network. */
struct link_rules {
    nanos latency;    /* one way */
    nanos connect;    /* a new connection, before the first byte can leave */
    nanos idle_close; /* the server closes an idle connection after this */
};

/* Where things stand in the text, for messages that come after loading. */
struct scenario_places {
    struct json_position client; /* line 0: the scenario has none */
    struct json_position requests[SCENARIO_REQUESTS_MAX];
    struct json_position parts[SCENARIO_PARTS_MAX];
    struct json_position rules[CHAOS_RULES_MAX];
    struct json_position models[SCENARIO_MODELS_MAX];
    struct json_position providers[SCENARIO_PROVIDERS_MAX]; /* those that are said */
    struct json_position budgets[MONITOR_BUDGETS_MAX];
    struct json_position services[SERVICE_URLS_MAX];
    struct json_position instances, spend_limit, control; /* line 0: not said */
};

struct scenario {
    struct slice text;           /* as run: --set and --client already applied */
    struct slice file;           /* its name, for messages */
    struct text_origins origins; /* of a text that was put together (merge.h) */
    char name[64];
    char about[256];
    char case_name[64];   /* of `vary`; empty: there are no cases */
    uint32_t compression; /* N of --compress N, of which this is the result; 1: none */
    uint64_t seed;
    uint32_t instances; /* of the application, at least 1; each owns its own policy state */
    enum subject subject;
    struct subject_rules subject_rules; /* of exec and service; of a service `client` is a client
                                           that asks once, whose timeouts are the scenario's */
    struct client_policy client;
    enum target target;
    money spend_limit;                        /* of a live run; MONEY_MAX: none was given */
    struct price prices[SCENARIO_MODELS_MAX]; /* by model; the table's, or the scenario's own */
    enum api apis[SCENARIO_MODELS_MAX];       /* by model: what our client asks it in */
    struct monitor_rules monitor;
    bool has_control; /* "control": "no-chaos": the same without faults is run first */
    struct provider providers[SCENARIO_PROVIDERS_ROOM];
    uint32_t providers_count;
    struct model models[SCENARIO_MODELS_MAX];
    uint32_t models_count;
    bool serves_any_model; /* a model of another name behaves as the first of its listener, and
                              rules may mean it: of exec unless it says otherwise, and of a mock
                              that was given no file */
    struct load load;
    struct script scripts[SCRIPTS_MAX]; /* answers of the mock, in the order of the file */
    uint32_t scripts_count;
    struct chaos chaos;
    struct link_rules link;
    struct scenario_text laws; /* the object of "laws", or empty text */
    struct scenario_text expects[SCENARIO_EXPECTS_MAX];
    uint32_t expects_count;
    struct scenario_places places;
};

/* Loads `text` (borrowed for as long as the scenario). Everything built lives in `arena`. */
MUST_USE enum rc scenario_load(struct scenario *scenario, struct slice text, struct slice file,
                               const struct file_reader *files, struct arena *arena,
                               struct error *err);

/* One rule as it stands in "chaos", for a mock that runs: names a phase of `chaos`, or brings its
 * own window; its texts and its sequence live in `arena`. `text` is borrowed for the call. Errors
 * as scenario_load's, with `file` as the name. Phases that it brings are added to `chaos`; the rule
 * is not (chaos_put does that). */
MUST_USE enum rc scenario_read_rule(const struct scenario *scenario, struct chaos *chaos,
                                    struct slice text, struct slice file, struct arena *arena,
                                    struct chaos_rule *rule, struct error *err);

/* Prints one rule as it could stand in "chaos". */
void scenario_write_rule(const struct scenario *scenario, const struct chaos *chaos, uint32_t rule,
                         struct buffer *out);

/* Replaces the value at a JSON pointer (RFC 6901), or adds a member to an object that exists,
 * giving a new text with everything else, comments included, as it was. `value` is JSON; text that
 * is no JSON value is taken as a string ("--set /load/deadline=5s"). */
MUST_USE enum rc scenario_set(struct slice text, struct slice pointer, struct slice value,
                              struct arena *arena, struct slice *result, struct error *err);

/* Replaces the whole /subject/client block, or a subject that is a program: by {"preset": NAME} for
 * a preset's name, else by `block`, the text of a JSON object that complaints call `name`. */
MUST_USE enum rc scenario_set_client(struct slice text, struct slice preset, struct slice block,
                                     const char *name, struct arena *arena, struct slice *result,
                                     struct error *err);

/* What a message names for a position in the text (`places`, laws, expects). */
struct text_place scenario_place(const struct scenario *scenario, struct json_position at);

/* A model by name; SCENARIO_MODELS_MAX when there is none. */
uint32_t scenario_model(const struct scenario *scenario, struct slice name);

/* How many calls the load makes in all. (Poisson parts are counted by drawing them.) */
uint64_t scenario_calls_count(const struct scenario *scenario);

/* Prints the scenario with all defaults filled in, as JSON (`check --print`). */
void scenario_write(const struct scenario *scenario, struct buffer *out);

#endif
