#ifndef SCENARIO_READ_H
#define SCENARIO_READ_H

/* Reading helpers that the files of this room share, and the judge for laws and expectations.
 *
 * The text is checked whole first (read_check: grammar, UTF-8, keys that stand twice). From then on
 * walking it cannot fail, and a value is a stretch of that text, so sections can be read in the
 * order in which they depend on each other, whatever the order in the file.
 *
 * An object is read by a table, one key a line:
 *
 *     static const struct read_key link_keys[] = {
 *         {"latency", OPTIONAL, read_duration, offsetof(struct link_rules, latency)},
 *         ...
 *     };
 *
 * Every refusal reads "file:line:column: found X, expected Y", where it can with "; did you mean
 * Z?", and returns RC_MALFORMED (not of that form) or RC_LIMIT (out of range). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/distribution.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/slice.h"
#include "scenario/scenario.h"
#include "wire/json.h"

/* One load in progress, or one rule read for a mock that runs. */
struct reading {
    struct slice text;
    struct slice file;
    struct text_origins origins; /* where `text` comes from; none: it is the file's own */
    const struct file_reader *files;
    struct scenario *scenario;    /* being built; NULL for a rule alone */
    const struct scenario *known; /* the same, or the one that a rule is read for */
    struct phases *phases;        /* grow by what rules bring */
    const struct chaos *chaos;    /* the rules that are there */
    struct arena *arena;
    struct error *err;
};

/* A value, or a key (then of kind JSON_KEY). Zeroed: absent. */
struct value {
    struct json_token token; /* its first */
    struct slice text;       /* all of it; null data when absent */
};

/* Checks the grammar of r->text and hands out its one value. */
MUST_USE enum rc read_check(struct reading *r, struct value *whole);

bool value_is_there(const struct value *value);
struct json_position value_position(const struct reading *r, const struct value *value);

/* What a message names: the place that a person wrote. */
struct text_place value_place(const struct reading *r, const struct value *value);

/* --- walking ---------------------------------------------------------------------------------- */

struct walk {
    struct json json;
};

/* `container` is an object or an array. */
void walk_init(struct walk *walk, const struct value *container);

/* The next member (key and value) or element (value; `key` stays as it was). False past the last.
 */
bool walk_next(struct walk *walk, struct value *key, struct value *value);

/* --- refusing --------------------------------------------------------------------------------- */

enum { EXCERPT_SIZE = 48 };

/* Input as a message may show it: cut to EXCERPT_SIZE with "...", control bytes as '?',
 * zero-terminated. */
void read_excerpt(struct slice text, char *out);

/* "place: found <value as written>, expected ..." */
enum rc read_refuse(struct reading *r, enum rc rc, const struct value *found, const char *expected,
                    ...) PRINTF_LIKE(4, 5);

/* The same with "; did you mean ...?" when something is near. RC_MALFORMED. */
enum rc read_refuse_word(struct reading *r, const struct value *found,
                         const struct nearest *nearest, const char *expected, ...)
    PRINTF_LIKE(4, 5);

/* What may stand there, for a message: as many as leave room for what is near, then "...". */
enum { READ_LIST_BYTES_MAX = 160 };

struct read_list {
    char text[READ_LIST_BYTES_MAX + sizeof(", ...")];
    size_t size;
    bool is_cut;
};

void read_list_add(struct read_list *list, const char *format, ...) PRINTF_LIKE(2, 3);

/* "place: ..." in words of one's own. */
enum rc read_refuse_as(struct reading *r, enum rc rc, const struct value *at, const char *format,
                       ...) PRINTF_LIKE(4, 5);

enum rc read_out_of_memory(struct reading *r);

/* --- objects ---------------------------------------------------------------------------------- */

enum read_need { OPTIONAL, NEEDED };

struct read_key {
    const char *name;
    enum read_need need;
    enum rc (*read)(struct reading *r, const struct value *value, void *out);
    size_t at; /* of the field in what the object is read into */
};

enum { READ_KEYS_MAX = 32 };

MUST_USE enum rc read_object(struct reading *r, const struct value *value,
                             const struct read_key *keys, size_t keys_count, void *into);

MUST_USE enum rc read_expect_object(struct reading *r, const struct value *value);

/* An array of at most `count_max` elements; walk it afterwards. */
MUST_USE enum rc read_expect_array(struct reading *r, const struct value *value,
                                   uint32_t count_max);
/* The same with at least one. */
MUST_USE enum rc read_expect_elements(struct reading *r, const struct value *value,
                                      uint32_t count_max);

/* --- fields: `out` is what the comment says --------------------------------------------------- */

enum rc read_keep(struct reading *r, const struct value *value, void *out);    /* struct value */
enum rc read_ignored(struct reading *r, const struct value *value, void *out); /* a string */
enum rc read_not_built(struct reading *r, const struct value *value,
                       void *out);                                              /* always refuses */
enum rc read_bool(struct reading *r, const struct value *value, void *out);     /* bool */
enum rc read_string(struct reading *r, const struct value *value, void *out);   /* struct slice */
enum rc read_duration(struct reading *r, const struct value *value, void *out); /* nanos, from 0 */
enum rc read_span(struct reading *r, const struct value *value, void *out);     /* nanos, above 0 */
enum rc read_span_or_never(struct reading *r, const struct value *value, void *out); /* nanos */
enum rc read_share(struct reading *r, const struct value *value, void *out); /* double, 0 to 1 */
enum rc read_rate(struct reading *r, const struct value *value, void *out);  /* double, per s */
enum rc read_token_rate(struct reading *r, const struct value *value,
                        void *out);                                           /* double, per s */
enum rc read_tokens(struct reading *r, const struct value *value, void *out); /* uint64_t, from 1 */
enum rc read_money(struct reading *r, const struct value *value, void *out);  /* money, above 0 */

/* A fixed value, or {"p50": ..., "p99": ...}: struct distribution. */
enum rc read_span_distribution(struct reading *r, const struct value *value, void *out);
enum rc read_tokens_distribution(struct reading *r, const struct value *value, void *out);

/* --- with arguments, for field readers to be made of ------------------------------------------ */

MUST_USE enum rc read_whole(struct reading *r, const struct value *value, uint64_t min,
                            uint64_t max, uint64_t *out);
MUST_USE enum rc read_whole32(struct reading *r, const struct value *value, uint32_t min,
                              uint32_t max, uint32_t *out);
MUST_USE enum rc read_number(struct reading *r, const struct value *value, double min, double max,
                             double *out);

/* A string that is not empty, into a zero-terminated array. */
MUST_USE enum rc read_text(struct reading *r, const struct value *value, char *out,
                           size_t capacity);

/* Likewise of letters, digits and "._-" only (`extra`: one more, or 0): what may stand in file
 * names, call ids and filters. */
MUST_USE enum rc read_name(struct reading *r, const struct value *value, char extra, char *out,
                           size_t capacity);

/* A header's name as a key of an object: a token of RFC 9110. */
MUST_USE enum rc read_header_name(struct reading *r, const struct value *key, struct slice *name);
/* What one may hold: a string without control characters. */
MUST_USE enum rc read_header_value(struct reading *r, const struct value *value,
                                   struct slice *text);
bool header_is_framing(struct slice name);

/* A name of the environment, as a key of an object; or "$NAME", where a key is read from (`word`
 * for messages: "an api_key"). Such a value is never shown: people leave keys there. */
MUST_USE enum rc read_variable_name(struct reading *r, const struct value *key, struct slice *name);
MUST_USE enum rc read_key_variable(struct reading *r, const struct value *value, const char *word,
                                   struct slice *name);

/* A JSON pointer that is not empty, as a key or a string. */
MUST_USE enum rc read_pointer(struct reading *r, const struct value *value, struct slice *pointer);

/* A text with places for what the mock's listeners are called (scenario/subject.h). */
MUST_USE enum rc read_template(struct reading *r, const struct value *value, struct slice *text);

/* One of a few words; the index of it. */
MUST_USE enum rc read_word(struct reading *r, const struct value *value, const char *const *words,
                           uint32_t words_count, uint32_t *index);

enum { TOKENS_PER_EVENT_MAX = 1000 };

/* --- the sections, one file each -------------------------------------------------------------- */

/* The subject as it stands in the text: which one it is, is known (scenario->subject). */
struct subject_block {
    struct value client, instances;
    struct value exec, env, hooks;
    struct value service, send, timeouts, start, ready, ready_within;
};

MUST_USE enum rc read_subject_block(struct reading *r, const struct value *value,
                                    struct subject_block *block);
MUST_USE enum rc read_subject(struct reading *r, const struct subject_block *block);
MUST_USE enum rc read_service(struct reading *r, const struct subject_block *block);
MUST_USE enum rc read_client(struct reading *r, const struct value *value);
MUST_USE enum rc read_timeouts(struct reading *r, const struct value *value,
                               struct timeouts *timeouts);
MUST_USE enum rc read_target(struct reading *r, const struct value *value);
MUST_USE enum rc read_load(struct reading *r, const struct value *value);
MUST_USE enum rc read_chaos(struct reading *r, const struct value *value);
MUST_USE enum rc read_monitor(struct reading *r, const struct value *value);

/* A model's price: its own, or when `value` is absent the table's, if that knows the name. */
MUST_USE enum rc read_price(struct reading *r, const struct value *value, struct slice model,
                            struct price *price);

/* Whom a rule hits; `of_connections`: also the gateway, which serves no model of its own. */
MUST_USE enum rc read_match(struct reading *r, const struct value *value, bool of_connections,
                            struct match *match);

/* A rule's fault, or its sequence of faults. */
MUST_USE enum rc read_sequence(struct reading *r, const struct value *value,
                               struct chaos_rule *rule);

/* Reader of a field: enum api. */
enum rc read_api(struct reading *r, const struct value *value, void *out);

/* Those of the mock, or of a live target (scenario->target says which). */
MUST_USE enum rc read_providers(struct reading *r, const struct value *value);

/* Who serves a model of that api, by index: as `named`, else the api's own provider. The mock's own
 * need no entry under `providers`. */
MUST_USE enum rc read_model_provider(struct reading *r, const struct value *named, enum api api,
                                     const struct value *model, uint32_t *provider);

/* The target's models, once its providers have been read; then, of the mock, scripted answers. */
MUST_USE enum rc read_models(struct reading *r, const struct value *value);
MUST_USE enum rc read_answers(struct reading *r, const struct value *value);

/* A model that must be there: its index. */
MUST_USE enum rc read_model(struct reading *r, const struct value *value, uint32_t *model);

#endif
