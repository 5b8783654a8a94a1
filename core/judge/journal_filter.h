#ifndef JUDGE_JOURNAL_FILTER_H
#define JUDGE_JOURNAL_FILTER_H

/* Which records of the journal somebody means: all that is asked must hold.
 *
 *     {"provider": "anthropic", "model": "claude-*", "status": "5xx", "closed_by": "client"}
 *
 * Happy path: journal_filter_read (or journal_filter_value, within another object), then
 * journal_filter_matches per record. journal_filter_misses tells which criteria a record fails, so
 * that a near miss (all but one hold) can be shown.
 *
 * Texts are globs. `status` is a number, or a class such as "5xx"; 0 is none at all. `rule`, `call`
 * and `isolation` may be null, or empty: none. A post to a hook has the provider "hooks" and its
 * hook's name as model; a record is known by the model that was asked for.
 * Failure modes: what cannot be read is refused with its place and what was expected. Pure; a
 * zeroed filter matches everything. */

#include <stdbool.h>
#include <stdint.h>

#include "judge/evidence.h"
#include "scenario/read.h"

#define JOURNAL_CRITERIA(X)       \
    X(PROVIDER, "provider")       \
    X(MODEL, "model")             \
    X(CALL, "call")               \
    X(ISOLATION, "isolation")     \
    X(RULE, "rule")               \
    X(AGENT, "agent")             \
    X(STATUS, "status")           \
    X(ATTEMPT, "attempt")         \
    X(KIND, "kind")               \
    X(API, "api")                 \
    X(ANSWERED, "answered")       \
    X(CLOSED_BY, "closed_by")     \
    X(KEY, "key")                 \
    X(LIMITED_BY, "limited_by")   \
    X(STREAM, "stream")           \
    X(IS_COMPLETE, "is_complete") \
    X(HAS_CANARY, "has_canary")

#define CRITERION_ENUM(name, word) CRITERION_##name,
enum criterion { JOURNAL_CRITERIA(CRITERION_ENUM) CRITERIA_COUNT };
#undef CRITERION_ENUM

#define CRITERION_BIT(criterion) ((uint32_t)1 << (criterion))

const char *criterion_word(enum criterion criterion);

struct journal_filter {
    uint32_t asked; /* CRITERION_BITs; the fields of the others mean nothing */
    char provider[32], model[64], call[CALL_ID_TEXT_MAX], isolation[48], rule[48], agent[48];
    uint16_t status_min, status_max;
    uint32_t attempt;
    enum journal_kind kind;
    enum api api;
    enum outcome answered;
    enum closed_by closed_by;
    enum key_used key;
    enum limit_kind limited_by;
    bool stream, is_complete, has_canary;
};

/* A reader of a field (scenario/read.h): struct journal_filter. */
enum rc journal_filter_value(struct reading *r, const struct value *value, void *out);

/* The text of one JSON object; `file` is what complaints call it. */
MUST_USE enum rc journal_filter_read(struct slice text, struct slice file,
                                     const struct memory *memory, struct journal_filter *filter,
                                     struct error *err);

/* CRITERION_BITs of what does not hold. */
uint32_t journal_filter_misses(const struct journal_filter *filter, const struct scenario *scenario,
                               const struct journal_record *record);

static inline bool journal_filter_matches(const struct journal_filter *filter,
                                          const struct scenario *scenario,
                                          const struct journal_record *record)
{
    return journal_filter_misses(filter, scenario, record) == 0;
}

/* What the filter asks of it, and what the record has: "status 429, found 200". */
void journal_filter_explain(const struct journal_filter *filter, const struct scenario *scenario,
                            const struct journal_record *record, enum criterion criterion,
                            struct buffer *out);

/* Who was asked, as filters and people name them. Borrowed from the scenario or the record. */
struct slice journal_provider(const struct scenario *scenario, const struct journal_record *record);
struct slice journal_model(const struct scenario *scenario, const struct journal_record *record);

/* The rule that fired; empty: none did. */
struct slice journal_rule(const struct scenario *scenario, const struct journal_record *record);

#endif
