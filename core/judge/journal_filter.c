#include "judge/journal_filter.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "judge/evidence_words.h"

enum { SCRATCH_BYTES = 64 * 1024 };

const char *criterion_word(enum criterion criterion)
{
#define CRITERION_WORD(name, word) [CRITERION_##name] = (word),
    static const char *const words[] = {JOURNAL_CRITERIA(CRITERION_WORD)};
#undef CRITERION_WORD

    assert(criterion < CRITERIA_COUNT);
    return words[criterion];
}

/* --- who was asked ---------------------------------------------------------------------------- */

struct slice journal_provider(const struct scenario *scenario, const struct journal_record *record)
{
    if (record->is_hook)
        return SLICE("hooks");
    if (record->provider >= scenario->providers_count)
        return SLICE("");
    return slice_of(scenario->providers[record->provider].name);
}

struct slice journal_model(const struct scenario *scenario, const struct journal_record *record)
{
    if (record->is_hook)
        return slice_of(hook_kind_word(record->hook));
    if (record->model_asked[0] != '\0')
        return slice_of(record->model_asked);
    if (record->model >= scenario->models_count)
        return SLICE("");
    return slice_of(scenario->models[record->model].name);
}

struct slice journal_rule(const struct scenario *scenario, const struct journal_record *record)
{
    if (record->rule_name[0] != '\0')
        return slice_of(record->rule_name);
    if (record->rule < 0 || (uint32_t)record->rule >= scenario->chaos.rules_count)
        return SLICE("");
    return slice_of(scenario->chaos.rules[record->rule].name);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A name of digits alone may come without quotes; null is the empty text. */
static enum rc read_glob(struct reading *r, const struct value *value, char *out, size_t capacity)
{
    struct slice text = {0};

    if (value->token.kind == JSON_NUMBER)
        text = value->token.raw;
    else if (value->token.kind != JSON_NULL)
        TRY(read_string(r, value, &text));
    if (text.size >= capacity)
        return read_refuse(r, RC_LIMIT, value, "at most %zu bytes", capacity - 1);
    slice_copy(text, out, capacity);
    return RC_OK;
}

/* "4xx" is 400 to 499. */
static bool is_class(const struct value *value)
{
    struct slice text = value->token.raw;

    return value->token.kind == JSON_STRING && text.size == 3 && text.data[0] >= '1' &&
           text.data[0] <= '5' && text.data[1] == 'x' && text.data[2] == 'x';
}

static enum rc read_status(struct reading *r, const struct value *value,
                           struct journal_filter *filter)
{
    uint64_t status;

    if (is_class(value)) {
        filter->status_min = (uint16_t)((value->token.raw.data[0] - '0') * 100);
        filter->status_max = (uint16_t)(filter->status_min + 99);
        return RC_OK;
    }
    if (json_u64(&value->token, &status) != RC_OK || status > 999)
        return read_refuse(r, RC_MALFORMED, value,
                           "a status such as 429, a class such as \"5xx\", or 0 for none");
    filter->status_min = filter->status_max = (uint16_t)status;
    return RC_OK;
}

static enum rc read_listed(struct reading *r, const struct value *value, const struct words *words,
                           uint32_t *index)
{
    return read_word(r, value, words->list, words->count, index);
}

#define OUTCOME_WORD(name, word, meaning) [OUTCOME_##name] = (word),
static const char *const outcomes[] = {OUTCOME_LIST(OUTCOME_WORD)};
#undef OUTCOME_WORD

#define API_WORD(name, word) [API_##name] = (word),
static const char *const apis[] = {API_LIST(API_WORD)};
#undef API_WORD

static const struct words outcome_words = {outcomes, ARRAY_SIZE(outcomes)};
static const struct words api_words = {apis, ARRAY_SIZE(apis)};

static enum rc read_criterion(struct reading *r, enum criterion criterion,
                              const struct value *value, struct journal_filter *f)
{
    uint32_t word = 0;

    switch (criterion) {
    case CRITERION_PROVIDER:
        return read_glob(r, value, f->provider, sizeof(f->provider));
    case CRITERION_MODEL:
        return read_glob(r, value, f->model, sizeof(f->model));
    case CRITERION_CALL:
        return read_glob(r, value, f->call, sizeof(f->call));
    case CRITERION_ISOLATION:
        return read_glob(r, value, f->isolation, sizeof(f->isolation));
    case CRITERION_RULE:
        return read_glob(r, value, f->rule, sizeof(f->rule));
    case CRITERION_AGENT:
        return read_glob(r, value, f->agent, sizeof(f->agent));
    case CRITERION_STATUS:
        return read_status(r, value, f);
    case CRITERION_ATTEMPT:
        return read_whole32(r, value, 0, UINT32_MAX, &f->attempt);
    case CRITERION_KIND:
        TRY(read_listed(r, value, &journal_kind_words, &word));
        f->kind = (enum journal_kind)word;
        return RC_OK;
    case CRITERION_API:
        TRY(read_listed(r, value, &api_words, &word));
        f->api = (enum api)word;
        return RC_OK;
    case CRITERION_ANSWERED:
        TRY(read_listed(r, value, &outcome_words, &word));
        f->answered = (enum outcome)word;
        return RC_OK;
    case CRITERION_CLOSED_BY:
        TRY(read_listed(r, value, &closed_by_words, &word));
        f->closed_by = (enum closed_by)word;
        return RC_OK;
    case CRITERION_KEY:
        TRY(read_listed(r, value, &key_used_words, &word));
        f->key = (enum key_used)word;
        return RC_OK;
    case CRITERION_LIMITED_BY:
        TRY(read_listed(r, value, &limit_kind_words, &word));
        f->limited_by = (enum limit_kind)word;
        return RC_OK;
    case CRITERION_STREAM:
        return read_bool(r, value, &f->stream);
    case CRITERION_IS_COMPLETE:
        return read_bool(r, value, &f->is_complete);
    case CRITERION_HAS_CANARY:
        return read_bool(r, value, &f->has_canary);
    case CRITERIA_COUNT:
        break;
    }
    return RC_MALFORMED;
}

static enum rc refuse_criterion(struct reading *r, const struct value *key)
{
    struct nearest nearest;

    nearest_init(&nearest, key->token.raw);
    for (int i = 0; i < CRITERIA_COUNT; i++)
        nearest_offer(&nearest, slice_of(criterion_word((enum criterion)i)));
    return read_refuse_word(r, key, &nearest, "something to match requests by");
}

static bool find_criterion(const struct value *key, enum criterion *criterion)
{
    for (int i = 0; i < CRITERIA_COUNT; i++) {
        *criterion = (enum criterion)i;
        if (json_is(&key->token, slice_of(criterion_word(*criterion))))
            return true;
    }
    return false;
}

enum rc journal_filter_value(struct reading *r, const struct value *value, void *out)
{
    struct journal_filter read = {0};
    struct value key, member;
    struct walk walk;

    TRY(read_expect_object(r, value));
    walk_init(&walk, value);
    while (walk_next(&walk, &key, &member)) {
        enum criterion criterion;

        if (!find_criterion(&key, &criterion))
            return refuse_criterion(r, &key);
        TRY(read_criterion(r, criterion, &member, &read));
        read.asked |= CRITERION_BIT(criterion);
    }
    memcpy(out, &read, sizeof(read));
    return RC_OK;
}

static enum rc read_whole_text(struct reading *r, struct journal_filter *filter)
{
    struct value whole;

    TRY(read_check(r, &whole));
    return journal_filter_value(r, &whole, filter);
}

enum rc journal_filter_read(struct slice text, struct slice file, const struct memory *memory,
                            struct journal_filter *filter, struct error *err)
{
    struct arena arena;
    struct reading r = {.text = text, .file = file, .arena = &arena, .err = err};
    enum rc rc;

    arena_init(&arena, memory, SCRATCH_BYTES);
    rc = read_whole_text(&r, filter);
    arena_deinit(&arena);
    return rc;
}

/* --- matching --------------------------------------------------------------------------------- */

static bool is_like(const char *glob, struct slice text)
{
    return slice_glob(slice_of(glob), text);
}

static bool holds(const struct journal_filter *f, const struct scenario *scenario,
                  const struct journal_record *r, enum criterion criterion)
{
    switch (criterion) {
    case CRITERION_PROVIDER:
        return is_like(f->provider, journal_provider(scenario, r));
    case CRITERION_MODEL:
        return is_like(f->model, journal_model(scenario, r));
    case CRITERION_CALL:
        return is_like(f->call, slice_of(r->call));
    case CRITERION_ISOLATION:
        return is_like(f->isolation, slice_of(r->isolation));
    case CRITERION_RULE:
        return is_like(f->rule, journal_rule(scenario, r));
    case CRITERION_AGENT:
        return is_like(f->agent, slice_of(r->agent));
    case CRITERION_STATUS:
        return r->status >= f->status_min && r->status <= f->status_max;
    case CRITERION_ATTEMPT:
        return r->attempt == f->attempt;
    case CRITERION_KIND:
        return r->kind == f->kind;
    case CRITERION_API:
        return r->api == f->api;
    case CRITERION_ANSWERED:
        return r->status != 0 && r->answered == f->answered;
    case CRITERION_CLOSED_BY:
        return r->closed_by == f->closed_by;
    case CRITERION_KEY:
        return r->key == f->key;
    case CRITERION_LIMITED_BY:
        return r->is_limited && r->limited_by == f->limited_by;
    case CRITERION_STREAM:
        return r->stream == f->stream;
    case CRITERION_IS_COMPLETE:
        return r->is_complete == f->is_complete;
    case CRITERION_HAS_CANARY:
        return r->has_canary == f->has_canary;
    case CRITERIA_COUNT:
        break;
    }
    return true;
}

uint32_t journal_filter_misses(const struct journal_filter *filter, const struct scenario *scenario,
                               const struct journal_record *record)
{
    uint32_t misses = 0;

    for (int i = 0; i < CRITERIA_COUNT; i++) {
        uint32_t bit = CRITERION_BIT(i);

        if ((filter->asked & bit) && !holds(filter, scenario, record, (enum criterion)i))
            misses |= bit;
    }
    return misses;
}

/* --- words for people ------------------------------------------------------------------------- */

static void write_flag(struct buffer *out, bool flag)
{
    buffer_text(out, flag ? "true" : "false");
}

static void write_quoted(struct buffer *out, struct slice text)
{
    if (text.size == 0)
        buffer_text(out, "none");
    else
        buffer_append(out, text);
}

static void write_asked(const struct journal_filter *f, enum criterion criterion,
                        struct buffer *out)
{
    switch (criterion) {
    case CRITERION_PROVIDER:
        write_quoted(out, slice_of(f->provider));
        break;
    case CRITERION_MODEL:
        write_quoted(out, slice_of(f->model));
        break;
    case CRITERION_CALL:
        write_quoted(out, slice_of(f->call));
        break;
    case CRITERION_ISOLATION:
        write_quoted(out, slice_of(f->isolation));
        break;
    case CRITERION_RULE:
        write_quoted(out, slice_of(f->rule));
        break;
    case CRITERION_AGENT:
        write_quoted(out, slice_of(f->agent));
        break;
    case CRITERION_STATUS:
        if (f->status_min == f->status_max)
            buffer_u64(out, f->status_min);
        else
            buffer_printf(out, "%uxx", f->status_min / 100U);
        break;
    case CRITERION_ATTEMPT:
        buffer_u64(out, f->attempt);
        break;
    case CRITERION_KIND:
        buffer_text(out, journal_kind_words.list[f->kind]);
        break;
    case CRITERION_API:
        buffer_text(out, api_words.list[f->api]);
        break;
    case CRITERION_ANSWERED:
        buffer_text(out, outcome_word(f->answered));
        break;
    case CRITERION_CLOSED_BY:
        buffer_text(out, closed_by_words.list[f->closed_by]);
        break;
    case CRITERION_KEY:
        buffer_text(out, key_used_words.list[f->key]);
        break;
    case CRITERION_LIMITED_BY:
        buffer_text(out, limit_kind_words.list[f->limited_by]);
        break;
    case CRITERION_STREAM:
        write_flag(out, f->stream);
        break;
    case CRITERION_IS_COMPLETE:
        write_flag(out, f->is_complete);
        break;
    case CRITERION_HAS_CANARY:
        write_flag(out, f->has_canary);
        break;
    case CRITERIA_COUNT:
        break;
    }
}

/* What a filter would have to ask for to mean this record: the two are told in the same words. */
static struct journal_filter filter_of(const struct scenario *scenario,
                                       const struct journal_record *r)
{
    struct journal_filter f = {
        .status_min = r->status,
        .status_max = r->status,
        .attempt = r->attempt,
        .kind = r->kind,
        .api = r->api,
        .answered = r->answered,
        .closed_by = r->closed_by,
        .key = r->key,
        .limited_by = r->limited_by,
        .stream = r->stream,
        .is_complete = r->is_complete,
        .has_canary = r->has_canary,
    };

    slice_copy(journal_provider(scenario, r), f.provider, sizeof(f.provider));
    slice_copy(journal_model(scenario, r), f.model, sizeof(f.model));
    slice_copy(slice_of(r->call), f.call, sizeof(f.call));
    slice_copy(slice_of(r->isolation), f.isolation, sizeof(f.isolation));
    slice_copy(journal_rule(scenario, r), f.rule, sizeof(f.rule));
    slice_copy(slice_of(r->agent), f.agent, sizeof(f.agent));
    return f;
}

void journal_filter_explain(const struct journal_filter *filter, const struct scenario *scenario,
                            const struct journal_record *record, enum criterion criterion,
                            struct buffer *out)
{
    struct journal_filter found = filter_of(scenario, record);

    buffer_text(out, criterion_word(criterion));
    buffer_byte(out, ' ');
    write_asked(filter, criterion, out);
    buffer_text(out, ", found ");
    if (criterion == CRITERION_LIMITED_BY && !record->is_limited)
        buffer_text(out, "none");
    else
        write_asked(&found, criterion, out);
}
