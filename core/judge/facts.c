#include "judge/facts.h"

#include <assert.h>
#include <string.h>

#include "base/checksum.h"
#include "judge/fields.h"
#include "judge/keeper.h"

/* Flat members are written and read by one list each (FACTS, FIGURES): a kind and a name. Those of
 * the second lists came later: what was written before has none of them. */

#define FACTS(X)              \
    X(COUNT, calls_planned)   \
    X(INSTANT, cut_at)        \
    X(FLAG, was_interrupted)  \
    X(FLAG, has_journal)      \
    X(FLAG, journal_is_whole) \
    X(FLAG, is_simulated)     \
    X(FLAG, is_live)          \
    X(FLAG, has_reported)     \
    X(TEXT, lost)

#define LATER_FACTS(X)       \
    X(FLAG, has_caller)      \
    X(FLAG, has_command)     \
    X(COUNT, command_exit)   \
    X(INSTANT, command_took) \
    X(TEXT, command)         \
    X(TEXT, today)           \
    X(COUNT, unknown_paths)  \
    X(COUNT, log_lines)      \
    X(COUNT, log_strangers)  \
    X(COUNT, log_malformed)  \
    X(TEXT, log_unmapped)    \
    X(TEXT, log_lost)        \
    X(FLAG, has_canaries)    \
    X(COUNT, log_leaking)

#define FIGURES(X)              \
    X(COUNT, calls)             \
    X(COUNT, useful)            \
    X(COUNT, failed)            \
    X(COUNT, unfinished)        \
    X(COUNT, attempts)          \
    X(COUNTS, outcomes)         \
    X(COUNTS, rules_fired)      \
    X(COUNTS, rules_matched)    \
    X(COUNT, n_ok)              \
    X(INSTANT, response_p50)    \
    X(INSTANT, response_p95)    \
    X(INSTANT, response_p99)    \
    X(INSTANT, first_token_p50) \
    X(INSTANT, first_token_p95) \
    X(INSTANT, first_token_p99) \
    X(COUNT, n_failed)          \
    X(INSTANT, failed_p50)      \
    X(INSTANT, failed_p99)      \
    X(INSTANT, send_lag_p99)    \
    X(COUNT, in_flight_most)    \
    X(MONEY, cost)              \
    X(MONEY, cost_failed)       \
    X(COUNT, cost_unknown)      \
    X(MONEY, billed)            \
    X(COUNT, billed_unknown)    \
    X(COUNT, tokens_in)         \
    X(COUNT, tokens_out)        \
    X(COUNTS, alerts)           \
    X(COUNT, alerts_delivered)  \
    X(COUNT, alerts_lost)

#define LATER_FIGURES(X)       \
    X(COUNT, requests)         \
    X(COUNT, unknown_paths)    \
    X(COUNT, n_first_token)    \
    X(COUNT, requests_leaking) \
    X(COUNT, lines_leaking)    \
    X(COUNTS, told_by)         \
    X(COUNT, doubtful)         \
    X(COUNT, layered)          \
    X(TEXT, layered_call)      \
    X(TEXT, layered_text)      \
    X(COUNT, samples)          \
    X(COUNT, rss_most)         \
    X(COUNT, descriptors_most) \
    X(COUNT, threads_most)

const char *evidence_file_name(enum evidence_file_kind kind)
{
#define FILE_NAME(id, name) [EVIDENCE_FILE_##id] = name,
    static const char *const names[] = {EVIDENCE_FILE_LIST(FILE_NAME)};
#undef FILE_NAME

    assert(kind < EVIDENCE_FILES_COUNT);
    return names[kind];
}

static const char *const level_words[] = {
#define LEVEL_WORD(id, word) [EVIDENCE_##id] = word,
    EVIDENCE_LEVEL_LIST(LEVEL_WORD)
#undef LEVEL_WORD
};

/* --- writing ---------------------------------------------------------------------------------- */

static void write_key(struct buffer *out, const char *name)
{
    if (out->data[out->size - 1] != '{')
        buffer_byte(out, ',');
    buffer_byte(out, '"');
    buffer_text(out, name);
    buffer_text(out, "\":");
}

static void write_flag(struct buffer *out, bool flag)
{
    buffer_text(out, flag ? "true" : "false");
}

static void write_instant(struct buffer *out, nanos at)
{
    if (at == NANOS_NEVER)
        buffer_text(out, "null");
    else
        buffer_i64(out, at);
}

/* Up to the last that is not 0. */
static void write_counts(struct buffer *out, const uint64_t *counts, size_t size)
{
    size_t count = size / sizeof(*counts);

    while (count > 0 && counts[count - 1] == 0)
        count--;
    buffer_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_byte(out, ',');
        buffer_u64(out, counts[i]);
    }
    buffer_byte(out, ']');
}

#define WRITE_COUNT(value) buffer_u64(out, (uint64_t)(value))
#define WRITE_INSTANT(value) write_instant(out, value)
#define WRITE_FLAG(value) write_flag(out, value)
#define WRITE_TEXT(value) json_write_text(out, slice_of(value))
#define WRITE_MONEY(value) money_write_number(out, value)
#define WRITE_COUNTS(value) write_counts(out, value, sizeof(value))

#define WRITE_MEMBER(kind, name) write_key(out, #name), WRITE_##kind(from->name);

static void write_reported(const struct scenario *scenario, const struct run_facts *facts,
                           struct buffer *out)
{
    write_key(out, "reported");
    buffer_byte(out, '[');
    for (uint32_t i = 0; i < scenario->models_count; i++) {
        const struct rolling_figures *from = &facts->reported[i];

        buffer_text(out, i > 0 ? ",{" : "{");
        write_key(out, "model");
        json_write_text(out, slice_of(scenario->models[i].name));
        WRITE_MEMBER(COUNT, n)
        WRITE_MEMBER(INSTANT, p50)
        WRITE_MEMBER(INSTANT, p95)
        WRITE_MEMBER(INSTANT, p99)
        buffer_byte(out, '}');
    }
    buffer_byte(out, ']');
}

static void write_hooks(const struct run_figures *figures, struct buffer *out)
{
    write_key(out, "hooks");
    buffer_byte(out, '[');
    for (int i = 0; i < HOOK_KINDS_COUNT; i++) {
        buffer_text(out, i > 0 ? ",[" : "[");
        buffer_u64(out, figures->hooks[i].posts);
        buffer_byte(out, ',');
        write_instant(out, figures->hooks[i].first_at);
        buffer_byte(out, ']');
    }
    buffer_byte(out, ']');
}

static void write_figures(const struct run_figures *from, struct buffer *out)
{
    write_key(out, "figures");
    buffer_byte(out, '{');
    FIGURES(WRITE_MEMBER)
    LATER_FIGURES(WRITE_MEMBER)
    write_hooks(from, out);
    buffer_byte(out, '}');
}

void run_facts_write(const struct scenario *scenario, const struct run_facts *facts,
                     const struct run_figures *figures, struct buffer *out)
{
    const struct run_facts *from = facts;

    buffer_byte(out, '{');
    FACTS(WRITE_MEMBER)
    LATER_FACTS(WRITE_MEMBER)
    write_reported(scenario, facts, out);
    write_figures(figures, out);
    buffer_byte(out, '}');
}

static void write_hash(struct buffer *out, uint64_t hash)
{
    char text[CHECKSUM_TEXT_SIZE];

    checksum_write(hash, text);
    json_write_text(out, slice_of(text));
}

void evidence_facts_write(const struct evidence_facts *facts, struct buffer *out)
{
    const struct evidence_facts *from = facts;

    buffer_byte(out, '{');
    write_key(out, "level");
    json_write_text(out, slice_of(level_words[facts->level]));
    WRITE_MEMBER(COUNT, calls_judged)
    WRITE_MEMBER(COUNT, calls_kept)
    WRITE_MEMBER(COUNT, records_lost)
    write_key(out, "one_in");
    if (facts->level == EVIDENCE_FAILURES)
        buffer_u64(out, KEEPER_ONE_IN);
    else
        buffer_text(out, "null");
    write_key(out, "scenario");
    write_hash(out, facts->scenario);
    write_key(out, "control");
    write_hash(out, facts->control);
    write_key(out, "files");
    buffer_byte(out, '[');
    for (int i = 0; i < EVIDENCE_FILES_COUNT; i++) {
        buffer_text(out, i > 0 ? ",{" : "{");
        write_key(out, "name");
        json_write_text(out, slice_of(evidence_file_name((enum evidence_file_kind)i)));
        write_key(out, "lines");
        buffer_u64(out, facts->files[i].lines);
        write_key(out, "hash");
        write_hash(out, facts->files[i].hash);
        buffer_byte(out, '}');
    }
    buffer_text(out, "]}");
}

#define SEAL SLICE(",\n  \"checksum\": \"")

void run_json_seal(struct buffer *out)
{
    char text[CHECKSUM_TEXT_SIZE];

    checksum_write(checksum(0, buffer_slice(out)), text);
    buffer_append(out, SEAL);
    buffer_text(out, text);
    buffer_byte(out, '"');
}

/* --- reading ---------------------------------------------------------------------------------- */

static enum rc read_counts(struct field_reader *in, void *place, size_t size)
{
    uint64_t *counts = place;
    struct json_token token;

    memset(place, 0, size);
    if (in->token.kind != JSON_ARRAY)
        return RC_MALFORMED;
    for (size_t i = 0;; i++) {
        TRY(json_next(&in->json, &token));
        if (token.kind == JSON_ARRAY_END)
            return RC_OK;
        if (i == size / sizeof(*counts))
            return RC_LIMIT;
        TRY(json_u64(&token, &counts[i]));
    }
}

#define READ_COUNT field_read_count
#define READ_INSTANT field_read_instant
#define READ_FLAG field_read_flag
#define READ_TEXT field_read_text
#define READ_MONEY field_read_money
#define READ_COUNTS read_counts

/* The elements of an array, `count` of them, each by a reader of its own. */
static enum rc read_elements(struct field_reader *in, field_read *read, char *place, size_t size,
                             size_t count)
{
    if (in->token.kind != JSON_ARRAY)
        return RC_MALFORMED;
    for (size_t i = 0; i < count; i++) {
        TRY(json_next(&in->json, &in->token));
        TRY(read(in, place + i * size, size));
    }
    TRY(json_next(&in->json, &in->token));
    return in->token.kind == JSON_ARRAY_END ? RC_OK : RC_MALFORMED;
}

struct hook_figures {
    uint64_t posts;
    nanos first_at;
};

_Static_assert(sizeof(struct hook_figures) == sizeof(((struct run_figures *)0)->hooks[0]),
               "one hook of run_figures");

static enum rc read_hook(struct field_reader *in, void *place, size_t size)
{
    struct hook_figures *hook = place;

    assert(size == sizeof(*hook));
    if (in->token.kind != JSON_ARRAY)
        return RC_MALFORMED;
    TRY(json_next(&in->json, &in->token));
    TRY(field_read_count(in, &hook->posts, sizeof(hook->posts)));
    TRY(json_next(&in->json, &in->token));
    TRY(field_read_instant(in, &hook->first_at, sizeof(hook->first_at)));
    TRY(json_next(&in->json, &in->token));
    return in->token.kind == JSON_ARRAY_END ? RC_OK : RC_MALFORMED;
}

static enum rc read_hooks(struct field_reader *in, void *place, size_t size)
{
    return read_elements(in, read_hook, place, size / HOOK_KINDS_COUNT, HOOK_KINDS_COUNT);
}

#define FIGURE_FIELD(kind, name) FIELD(#name, READ_##kind, struct run_figures, name),
#define LATER_FIGURE_FIELD(kind, name) FIELD_OPTIONAL(#name, READ_##kind, struct run_figures, name),

static const struct field figures_fields[] = {FIGURES(FIGURE_FIELD) LATER_FIGURES(
    LATER_FIGURE_FIELD) FIELD("hooks", read_hooks, struct run_figures, hooks)};

static const struct fields figures_object = {"figures", figures_fields, ARRAY_SIZE(figures_fields)};

static enum rc read_figures(struct field_reader *in, void *place, size_t size)
{
    assert(size == sizeof(struct run_figures));
    return fields_read_inner(&figures_object, in, place);
}

static const struct field rolling_fields[] = {
    FIELD("n", field_read_count, struct rolling_figures, n),
    FIELD("p50", field_read_instant, struct rolling_figures, p50),
    FIELD("p95", field_read_instant, struct rolling_figures, p95),
    FIELD("p99", field_read_instant, struct rolling_figures, p99),
};

static enum rc read_rolling(struct field_reader *in, void *place, size_t size)
{
    static const struct fields object = {"reported", rolling_fields, ARRAY_SIZE(rolling_fields)};

    assert(size == sizeof(struct rolling_figures));
    return fields_read_inner(&object, in, place);
}

static enum rc read_reported(struct field_reader *in, void *place, size_t size)
{
    const struct scenario *scenario = in->context;

    return read_elements(in, read_rolling, place, size / SCENARIO_MODELS_MAX,
                         scenario->models_count);
}

#define FACT_FIELD(kind, name) FIELD(#name, READ_##kind, struct run_told, facts.name),
#define LATER_FACT_FIELD(kind, name) \
    FIELD_OPTIONAL(#name, READ_##kind, struct run_told, facts.name),

static const struct field facts_fields[] = {
    FACTS(FACT_FIELD) LATER_FACTS(LATER_FACT_FIELD)
        FIELD("reported", read_reported, struct run_told, facts.reported),
    FIELD("figures", read_figures, struct run_told, figures),
};

static enum rc read_facts(struct field_reader *in, void *place, size_t size)
{
    static const struct fields object = {"facts", facts_fields, ARRAY_SIZE(facts_fields)};

    (void)size;
    return fields_read_inner(&object, in, place);
}

static enum rc read_level(struct field_reader *in, void *place, size_t size)
{
    assert(size == sizeof(enum evidence_level));
    for (int i = 0; i < EVIDENCE_LEVELS_COUNT; i++) {
        if (in->token.kind == JSON_STRING && json_is(&in->token, slice_of(level_words[i]))) {
            *(enum evidence_level *)place = (enum evidence_level)i;
            return RC_OK;
        }
    }
    return RC_MALFORMED;
}

struct file_told {
    uint64_t lines;
    uint64_t hash;
};

_Static_assert(sizeof(struct file_told) == sizeof(((struct evidence_facts *)0)->files[0]),
               "one file of evidence_facts");

static const struct field file_fields[] = {
    FIELD("lines", field_read_count, struct file_told, lines),
    FIELD("hash", field_read_hash, struct file_told, hash),
};

static enum rc read_file(struct field_reader *in, void *place, size_t size)
{
    static const struct fields object = {"file", file_fields, ARRAY_SIZE(file_fields)};

    assert(size == sizeof(struct file_told));
    return fields_read_inner(&object, in, place);
}

/* Those that it does not name were not kept yet when it was written. */
static enum rc read_files(struct field_reader *in, void *place, size_t size)
{
    struct file_told *files = place;

    memset(place, 0, size);
    if (in->token.kind != JSON_ARRAY)
        return RC_MALFORMED;
    for (int i = 0;; i++) {
        TRY(json_next(&in->json, &in->token));
        if (in->token.kind == JSON_ARRAY_END)
            return i >= EVIDENCE_FILES_LEAST ? RC_OK : RC_MALFORMED;
        if (i == EVIDENCE_FILES_COUNT)
            return RC_MALFORMED;
        TRY(read_file(in, &files[i], sizeof(files[i])));
    }
}

static const struct field evidence_fields[] = {
    FIELD("level", read_level, struct evidence_facts, level),
    FIELD("calls_judged", field_read_count, struct evidence_facts, calls_judged),
    FIELD("calls_kept", field_read_count, struct evidence_facts, calls_kept),
    FIELD("records_lost", field_read_count, struct evidence_facts, records_lost),
    FIELD("scenario", field_read_hash, struct evidence_facts, scenario),
    FIELD("control", field_read_hash, struct evidence_facts, control),
    FIELD("files", read_files, struct evidence_facts, files),
};

static enum rc read_evidence(struct field_reader *in, void *place, size_t size)
{
    static const struct fields object = {"evidence", evidence_fields, ARRAY_SIZE(evidence_fields)};

    assert(size == sizeof(struct evidence_facts));
    return fields_read_inner(&object, in, place);
}

static const struct field told_fields[] = {
    FIELD("problem", field_read_text, struct run_told, problem),
    FIELD("world", field_read_text, struct run_told, world),
    FIELD("took", field_read_instant, struct run_told, took),
    FIELD_WHOLE("facts", read_facts, struct run_told),
    FIELD("evidence", read_evidence, struct run_told, evidence),
};

/* The seal is the last member, and nothing but the closing brace stands behind it. */
static bool is_sealed(struct slice text)
{
    size_t size = SEAL.size + CHECKSUM_TEXT_SIZE - 1 + sizeof("\"\n}\n") - 1;
    char sum[CHECKSUM_TEXT_SIZE];
    struct slice seal;

    if (text.size < size)
        return false;
    seal = (struct slice){text.data + text.size - size, size};
    checksum_write(checksum(0, (struct slice){text.data, text.size - size}), sum);
    return slice_starts_with(seal, SEAL) &&
           slice_is((struct slice){seal.data + SEAL.size, CHECKSUM_TEXT_SIZE - 1}, slice_of(sum)) &&
           slice_is((struct slice){seal.data + size - 4, 4}, SLICE("\"\n}\n"));
}

enum rc run_json_read(const struct scenario *scenario, struct slice text, struct run_told *told,
                      struct error *err)
{
    static const struct fields object = {"run.json", told_fields, ARRAY_SIZE(told_fields)};
    struct run_told read = {0};

    if (!is_sealed(text))
        return error_set(err, RC_MALFORMED, "run.json: not as it was written (checksum)");
    TRY(fields_read(&object, text, scenario, &read, err));
    *told = read;
    return RC_OK;
}

/* --- rows ------------------------------------------------------------------------------------- */

static enum rc read_verdict(struct field_reader *in, void *place, size_t size)
{
    assert(size == sizeof(enum verdict));
    for (int verdict = VERDICT_PASS; verdict <= VERDICT_NOT_APPLICABLE; verdict++) {
        if (in->token.kind == JSON_STRING &&
            json_is(&in->token, slice_of(verdict_word((enum verdict)verdict)))) {
            *(enum verdict *)place = (enum verdict)verdict;
            return RC_OK;
        }
    }
    return RC_MALFORMED;
}

static enum rc read_severity(struct field_reader *in, void *place, size_t size)
{
    assert(size == sizeof(bool));
    if (in->token.kind != JSON_STRING)
        return RC_MALFORMED;
    *(bool *)place = json_is(&in->token, SLICE("warn"));
    return RC_OK;
}

static const struct field example_fields[] = {
    FIELD("call", field_read_text, struct verdict_example, call),
    FIELD("text", field_read_text, struct verdict_example, text),
};

static const struct field row_fields[] = {
    FIELD("name", field_read_text, struct verdict_row, name),
    FIELD("verdict", read_verdict, struct verdict_row, verdict),
    FIELD("level", read_severity, struct verdict_row, is_warning),
    FIELD("reason", field_read_text, struct verdict_row, reason),
    FIELD("limit", field_read_text, struct verdict_row, limit),
    FIELD("value", field_read_text, struct verdict_row, value),
    FIELD("n", field_read_count, struct verdict_row, n),
};

/* Of laws and conditions only. */
static enum rc read_examples(struct field_reader *in, void *place, size_t size)
{
    static const struct fields object = {"example", example_fields, ARRAY_SIZE(example_fields)};
    struct verdict_row *row = place;

    (void)size;
    if (in->token.kind != JSON_ARRAY)
        return RC_MALFORMED;
    for (row->examples_count = 0;; row->examples_count++) {
        TRY(json_next(&in->json, &in->token));
        if (in->token.kind == JSON_ARRAY_END)
            return RC_OK;
        if (row->examples_count == ROW_EXAMPLES_MAX)
            return RC_LIMIT;
        TRY(fields_read_inner(&object, in, &row->examples[row->examples_count]));
    }
}

static const struct field found_fields[] = {
    FIELD("violations", field_read_count, struct verdict_row, violations),
    FIELD_WHOLE("examples", read_examples, struct verdict_row),
};

/* The rows that are being filled. */
struct rows {
    struct verdict_row *list;
    uint32_t count, read;
};

static enum rc read_row(struct field_reader *in, struct verdict_row *row)
{
    static const struct fields all = {"row", row_fields, ARRAY_SIZE(row_fields)};
    static const struct fields found = {"row", found_fields, ARRAY_SIZE(found_fields)};
    struct verdict_row read = {.kind = row->kind};
    struct field_reader again = *in; /* the members of expectations are fewer */

    TRY(fields_read_inner(&all, in, &read));
    if (read.kind != ROW_EXPECTATION)
        TRY(fields_read_inner(&found, &again, &read));
    if (strcmp(read.name, row->name) != 0)
        return RC_MALFORMED;
    *row = read;
    return RC_OK;
}

static enum rc read_rows(struct field_reader *in, void *place, size_t size)
{
    struct rows *rows = place;

    (void)size;
    if (in->token.kind != JSON_ARRAY)
        return RC_MALFORMED;
    for (;; rows->read++) {
        TRY(json_next(&in->json, &in->token));
        if (in->token.kind == JSON_ARRAY_END)
            return RC_OK;
        if (rows->read == rows->count)
            return RC_LIMIT;
        TRY(read_row(in, &rows->list[rows->read]));
    }
}

static const struct field rows_fields[] = {
    FIELD_WHOLE("laws", read_rows, struct rows),
    FIELD_WHOLE("expectations", read_rows, struct rows),
};

enum rc run_json_read_rows(struct slice text, struct verdict_row *rows, uint32_t count,
                           struct error *err)
{
    static const struct fields object = {"run.json", rows_fields, ARRAY_SIZE(rows_fields)};
    struct rows reading = {.list = rows, .count = count};

    TRY(fields_read(&object, text, NULL, &reading, err));
    if (reading.read < count)
        return error_set(err, RC_MALFORMED, "run.json: it has %u rows, expected %u", reading.read,
                         count);
    return RC_OK;
}
