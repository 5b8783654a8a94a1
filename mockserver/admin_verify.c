#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "admin_parts.h"
#include "judge/journal_calls.h"

/* Expectations on what is in the journal, and the laws that can be judged by it alone. What was
 * seen to be wrong fails; what may still come, or is not known any more, is inconclusive. */

enum { NEAR_MISSES_MAX = 5 };

struct range {
    bool is_asked;
    uint64_t min, max;
};

struct verify_ask {
    struct journal_filter match;
    uint64_t after;
    struct range count;
    struct range calls, attempts, ok; /* "calls": how many, attempts of each, and how many went well
                                       */
    struct value laws;
};

/* One verification under way. */
struct verifying {
    struct admin *admin;
    const struct verify_ask *ask;
    struct journal_calls *calls; /* of those that match */
    uint64_t count;
    bool is_whole; /* nothing of what is asked about was dropped */
    enum verdict verdict;
    struct buffer reasons; /* JSON texts, with commas */
};

/* --- reading ---------------------------------------------------------------------------------- */

static const struct read_key range_keys[] = {
    {"min", OPTIONAL, admin_read_count, offsetof(struct range, min)},
    {"max", OPTIONAL, admin_read_count, offsetof(struct range, max)},
};

static enum rc read_range(struct reading *r, const struct value *value, void *out)
{
    struct range range = {true, 0, UINT64_MAX};

    if (value->token.kind == JSON_NUMBER) {
        TRY(admin_read_count(r, value, &range.min));
        range.max = range.min;
    } else {
        TRY(read_object(r, value, range_keys, ARRAY_SIZE(range_keys), &range));
    }
    if (range.min > range.max)
        return read_refuse(r, RC_MALFORMED, value, "a min that is not above its max");
    memcpy(out, &range, sizeof(range));
    return RC_OK;
}

static const struct read_key calls_keys[] = {
    {"count", OPTIONAL, read_range, offsetof(struct verify_ask, calls)},
    {"attempts", OPTIONAL, read_range, offsetof(struct verify_ask, attempts)},
    {"ok", OPTIONAL, read_range, offsetof(struct verify_ask, ok)},
};

static enum rc read_calls(struct reading *r, const struct value *value, void *out)
{
    return read_object(r, value, calls_keys, ARRAY_SIZE(calls_keys), out);
}

static const struct read_key verify_keys[] = {
    {"match", OPTIONAL, journal_filter_value, offsetof(struct verify_ask, match)},
    {"after", OPTIONAL, admin_read_count, offsetof(struct verify_ask, after)},
    {"count", OPTIONAL, read_range, offsetof(struct verify_ask, count)},
    {"calls", OPTIONAL, read_calls, 0},
    {"laws", OPTIONAL, read_keep, offsetof(struct verify_ask, laws)},
};

/* --- which laws ------------------------------------------------------------------------------- */

static bool find_law(const struct value *key, enum law *law)
{
    for (int i = 0; i < LAWS_COUNT; i++) {
        *law = (enum law)i;
        if (json_is(&key->token, slice_of(law_facts(*law)->name)))
            return true;
    }
    return false;
}

/* Those that are named; `true` names all that can be judged and whose limits are known. */
static enum rc choose_laws(struct admin *a, const struct value *laws,
                           const struct law_rules rules[LAWS_COUNT], bool chosen[LAWS_COUNT],
                           struct error *err)
{
    struct value key, value;
    struct walk walk;
    enum law law;

    for (int i = 0; i < LAWS_COUNT; i++)
        chosen[i] = laws->token.kind == JSON_TRUE && journal_calls_can_judge((enum law)i) &&
                    law_inapplicable((enum law)i, a->options.scenario, &rules[i].limits) == NULL;
    if (laws->token.kind == JSON_TRUE)
        return RC_OK;
    walk_init(&walk, laws);
    while (walk_next(&walk, &key, &value)) {
        if (!find_law(&key, &law))
            continue; /* "set": it is no law, and laws_read has seen it */
        if (!journal_calls_can_judge(law))
            return error_set(err, RC_MALFORMED,
                             "body: the journal alone cannot judge %s: it needs the caller's side",
                             law_facts(law)->name);
        chosen[law] = rules[law].is_on;
    }
    return RC_OK;
}

/* Limits as a scenario's "laws" gives them; complaints have the place in the body. */
static enum rc read_laws(struct admin *a, struct slice body, const struct value *laws,
                         struct law_rules rules[LAWS_COUNT], struct error *err)
{
    bool is_object = laws->token.kind == JSON_OBJECT;

    if (!is_object && laws->token.kind != JSON_TRUE)
        return error_set(err, RC_MALFORMED,
                         "body: \"laws\": expected true, or an object of laws and their limits");
    a->asking->text = body;
    a->asking->file = SLICE("body");
    a->asking->laws.text = is_object ? laws->text : SLICE("");
    return laws_read(a->asking, a->options.memory, rules, err);
}

/* --- reasons ---------------------------------------------------------------------------------- */

static void worsen(struct verifying *v, enum verdict verdict)
{
    if (v->verdict != VERDICT_FAIL)
        v->verdict = verdict;
}

static void give_reason(struct verifying *v, enum verdict verdict, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void give_reason(struct verifying *v, enum verdict verdict, const char *format, ...)
{
    char text[320];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    worsen(v, verdict);
    buffer_text(&v->reasons, v->reasons.size > 0 ? "," : "");
    json_write_text(&v->reasons, slice_of(text));
}

static void write_range(const struct range *range, char *text, size_t capacity)
{
    if (range->min == range->max)
        snprintf(text, capacity, "%" PRIu64, range->min);
    else if (range->max == UINT64_MAX)
        snprintf(text, capacity, "at least %" PRIu64, range->min);
    else if (range->min == 0)
        snprintf(text, capacity, "at most %" PRIu64, range->max);
    else
        snprintf(text, capacity, "%" PRIu64 " to %" PRIu64, range->min, range->max);
}

/* Too many is too many. Too few may be only what is known, or so far. */
static void hold_range(struct verifying *v, const char *what, uint64_t found,
                       const struct range *range)
{
    uint32_t open = admin_open_count(v->admin, &v->ask->match);
    char expected[64];

    if (!range->is_asked || (found >= range->min && found <= range->max && v->is_whole))
        return;
    write_range(range, expected, sizeof(expected));
    if (found > range->max)
        give_reason(v, VERDICT_FAIL, "%s: found %" PRIu64 ", expected %s", what, found, expected);
    else if (!v->is_whole)
        give_reason(v, VERDICT_INCONCLUSIVE,
                    "%s: found %" PRIu64 ", expected %s, but older records were dropped", what,
                    found, expected);
    else if (open > 0)
        give_reason(v, VERDICT_INCONCLUSIVE,
                    "%s: found %" PRIu64 ", expected %s, and %" PRIu32 " still open", what, found,
                    expected, open);
    else
        give_reason(v, VERDICT_FAIL, "%s: found %" PRIu64 ", expected %s", what, found, expected);
}

/* --- records ---------------------------------------------------------------------------------- */

static enum rc gather(struct verifying *v)
{
    const struct journal_record *record;
    uint64_t place = v->ask->after;

    while (journal_store_next(v->admin->store, &place, &record)) {
        if (!journal_filter_matches(&v->ask->match, v->admin->options.scenario, record)) {
            TRY(journal_calls_note(v->calls, record));
            continue;
        }
        v->count++;
        TRY(journal_calls_add(v->calls, record));
    }
    journal_calls_settle(v->calls);
    return RC_OK;
}

static enum criterion first_criterion(uint32_t misses)
{
    uint32_t i = 0;

    while (!(misses >> i & 1))
        i++;
    return (enum criterion)i;
}

static void write_near_miss(struct verifying *v, const struct journal_record *record,
                            enum criterion criterion, bool is_first)
{
    struct admin *a = v->admin;
    struct buffer text;

    buffer_init(&text, a->options.memory, 4096);
    journal_filter_explain(&v->ask->match, a->options.scenario, record, criterion, &text);
    buffer_text(&a->out, is_first ? "\n" : ",\n");
    buffer_printf(&a->out, "{\"number\":%" PRIu64 ",\"criterion\":\"%s\",\"text\":", record->number,
                  criterion_word(criterion));
    json_write_text(&a->out, buffer_slice(&text));
    buffer_text(&a->out, ",\"record\":");
    evidence_write_journal(a->options.scenario, record, &a->out);
    buffer_byte(&a->out, '}');
    buffer_deinit(&text);
}

/* Where too few matched: the first few that matched but for one criterion. */
static void write_near_misses(struct verifying *v)
{
    const struct journal_filter *match = &v->ask->match;
    const struct journal_record *record;
    uint64_t place = v->ask->after;
    uint32_t found = 0;

    buffer_text(&v->admin->out, ",\"near_misses\":[");
    while (v->ask->count.is_asked && v->count < v->ask->count.min && found < NEAR_MISSES_MAX &&
           journal_store_next(v->admin->store, &place, &record)) {
        uint32_t misses = journal_filter_misses(match, v->admin->options.scenario, record);

        if (misses == 0 || (misses & (misses - 1)) != 0)
            continue;
        write_near_miss(v, record, first_criterion(misses), found == 0);
        found++;
    }
    buffer_byte(&v->admin->out, ']');
}

/* --- calls and laws --------------------------------------------------------------------------- */

/* Of a doubtful call there are at least as many. */
static void hold_attempts(struct verifying *v, const struct journal_call *call)
{
    const struct range *range = &v->ask->attempts;
    char what[CALL_ID_TEXT_MAX + 32];

    if (call->is_doubtful && call->requests_count <= range->max) {
        give_reason(v, VERDICT_INCONCLUSIVE, "call %s: %s", call->call, JOURNAL_CALLS_DOUBT);
        return;
    }
    snprintf(what, sizeof(what), "attempts of call %s", call->call);
    hold_range(v, what, call->requests_count, range);
}

static void hold_calls(struct verifying *v)
{
    uint32_t count = journal_calls_count(v->calls);
    bool is_doubtful = false;
    uint64_t ok = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct journal_call call;

        journal_calls_at(v->calls, i, &call);
        ok += call.outcome == OUTCOME_OK;
        is_doubtful |= call.is_doubtful;
        if (v->ask->attempts.is_asked)
            hold_attempts(v, &call);
    }
    if (count == 0 && v->ask->attempts.is_asked && !v->ask->calls.is_asked)
        give_reason(v, VERDICT_INCONCLUSIVE, "attempts of each call: no call was seen");
    if (is_doubtful && v->ask->calls.is_asked)
        give_reason(v, VERDICT_INCONCLUSIVE, "calls: %s", JOURNAL_CALLS_DOUBT);
    else
        hold_range(v, "calls", count, &v->ask->calls);
    hold_range(v, "calls that ended ok", ok, &v->ask->ok);
}

static void write_examples(struct buffer *out, const struct verdict_row *row)
{
    buffer_text(out, ",\"examples\":[");
    for (uint32_t i = 0; i < row->examples_count; i++) {
        buffer_text(out, i > 0 ? ",{\"call\":" : "{\"call\":");
        json_write_text(out, slice_of(row->examples[i].call));
        buffer_text(out, ",\"text\":");
        json_write_text(out, slice_of(row->examples[i].text));
        buffer_byte(out, '}');
    }
    buffer_text(out, "]}");
}

static void write_row(struct buffer *out, const struct verdict_row *row)
{
    buffer_text(out, "{\"law\":");
    json_write_text(out, slice_of(row->name));
    buffer_printf(out, ",\"verdict\":\"%s\",\"limit\":", verdict_word(row->verdict));
    json_write_text(out, slice_of(row->limit));
    buffer_printf(out, ",\"calls\":%" PRIu64 ",\"violations\":%" PRIu64 ",\"reason\":", row->n,
                  row->violations);
    json_write_text(out, slice_of(row->reason));
    write_examples(out, row);
}

static void hold_law(struct verifying *v, enum law law, const struct law_limits *limits,
                     bool is_first)
{
    const char *lost = v->is_whole ? NULL : "older records were dropped";
    struct verdict_row row;

    journal_calls_judge(v->calls, law, limits, lost, &row);
    if (row.verdict != VERDICT_PASS)
        give_reason(v, row.verdict == VERDICT_FAIL ? VERDICT_FAIL : VERDICT_INCONCLUSIVE,
                    "%s: %s%s%s", row.name, row.reason, row.examples_count > 0 ? "; " : "",
                    row.examples_count > 0 ? row.examples[0].text : "");
    buffer_text(&v->admin->out, is_first ? "\n" : ",\n");
    write_row(&v->admin->out, &row);
}

static void hold_laws(struct verifying *v, const struct law_rules rules[LAWS_COUNT],
                      const bool chosen[LAWS_COUNT])
{
    bool is_first = true;

    buffer_text(&v->admin->out, ",\"laws\":[");
    for (int i = 0; i < LAWS_COUNT; i++) {
        if (!chosen[i])
            continue;
        hold_law(v, (enum law)i, &rules[i].limits, is_first);
        is_first = false;
    }
    buffer_byte(&v->admin->out, ']');
}

/* --- the whole -------------------------------------------------------------------------------- */

static void write_verdict(struct verifying *v, const struct law_rules rules[LAWS_COUNT],
                          const bool chosen[LAWS_COUNT])
{
    struct buffer *out = &v->admin->out;

    hold_range(v, "requests", v->count, &v->ask->count);
    hold_calls(v);
    buffer_printf(out, "{\"count\":%" PRIu64 ",\"calls\":%" PRIu32, v->count,
                  journal_calls_count(v->calls));
    hold_laws(v, rules, chosen);
    write_near_misses(v);
    buffer_printf(out, ",\"verdict\":\"%s\",\"reasons\":[", verdict_word(v->verdict));
    buffer_append(out, buffer_slice(&v->reasons));
    buffer_text(out, "]}\n");
}

static uint16_t carry_out(struct admin *a, const struct verify_ask *ask,
                          const struct law_rules rules[LAWS_COUNT], const bool chosen[LAWS_COUNT])
{
    struct verifying v = {
        .admin = a, .ask = ask, .is_whole = journal_store_is_whole(a->store, ask->after)};
    enum rc rc = journal_calls_new(&v.calls, a->options.scenario, a->options.memory);

    if (rc == RC_OK)
        rc = gather(&v);
    buffer_init(&v.reasons, a->options.memory, ADMIN_BODY_BYTES_MAX);
    if (rc == RC_OK)
        write_verdict(&v, rules, chosen);
    journal_calls_free(v.calls);
    buffer_deinit(&v.reasons);
    return rc == RC_OK ? 200 : admin_refuse(a, 507, "verify: %s", rc_text(rc));
}

uint16_t admin_verify(struct admin *a, const struct admin_request *request)
{
    struct slice body = request->http->body;
    struct law_rules rules[LAWS_COUNT];
    bool chosen[LAWS_COUNT] = {0};
    struct verify_ask ask = {0};
    struct error err = {0};
    uint16_t status;
    enum rc rc = RC_OK;

    if (body.size == 0)
        return admin_refuse(a, 400, "expected a body such as {\"match\": {}, \"count\": 1}");
    if (admin_read(a, request, verify_keys, ARRAY_SIZE(verify_keys), &ask, &status) != RC_OK)
        return status;
    if (value_is_there(&ask.laws))
        rc = read_laws(a, body, &ask.laws, rules, &err);
    if (rc == RC_OK && value_is_there(&ask.laws))
        rc = choose_laws(a, &ask.laws, rules, chosen, &err);
    if (rc != RC_OK)
        return admin_refuse_error(a, &err);
    return carry_out(a, &ask, rules, chosen);
}
