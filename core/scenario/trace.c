#include "scenario/trace.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "scenario/read.h"
#include "wire/http_date.h"

static const struct slice AZURE_HEADER = {"TIMESTAMP,ContextTokens,GeneratedTokens", 39};

enum { STAMP_BYTES = 19 }; /* "2023-11-16 18:17:03", the fraction comes behind it */

/* One line of the file, and what it says. */
struct line {
    struct slice rest; /* of the file */
    struct slice text; /* of this line, without its end */
    uint64_t number;
};

struct recorded {
    nanos at; /* wall clock, since 1970 */
    uint64_t input_tokens;
    uint64_t output_tokens;
};

static bool next_line(struct line *line)
{
    if (!slice_cut(&line->rest, '\n', &line->text))
        return false;
    if (line->text.size > 0 && line->text.data[line->text.size - 1] == '\r')
        line->text.size--;
    line->number++;
    return true;
}

static enum rc refuse(const struct trace_options *options, const struct line *line,
                      struct slice found, const char *expected, struct error *err)
{
    char excerpt[EXCERPT_SIZE];

    read_excerpt(found, excerpt);
    return error_set(err, RC_MALFORMED, "%.*s:%llu: found \"%s\", expected %s",
                     SLICE_ARG(options->file), (unsigned long long)line->number, excerpt, expected);
}

/* ".9799600" */
static bool read_fraction(struct slice text, nanos *value)
{
    nanos place = NANOS_S / 10;
    nanos sum = 0;

    if (text.size < 2 || text.size > 10 || text.data[0] != '.')
        return false;
    for (size_t i = 1; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        sum += place * (text.data[i] - '0');
        place /= 10;
    }
    *value = sum;
    return true;
}

/* The calendar is rfc3339_read's: a wall clock without a zone is as good as one of UTC, since only
 * differences count. */
static bool read_stamp(struct slice text, nanos *at)
{
    char rfc3339[STAMP_BYTES + 1];
    int64_t unix_s;
    nanos fraction = 0;

    if (text.size < STAMP_BYTES || text.data[10] != ' ')
        return false;
    memcpy(rfc3339, text.data, STAMP_BYTES);
    rfc3339[10] = 'T';
    rfc3339[STAMP_BYTES] = 'Z';
    if (rfc3339_read((struct slice){rfc3339, sizeof(rfc3339)}, &unix_s) != RC_OK)
        return false;
    if (unix_s < 0 || unix_s >= INT64_MAX / NANOS_S)
        return false;
    text = (struct slice){text.data + STAMP_BYTES, text.size - STAMP_BYTES};
    if (text.size > 0 && !read_fraction(text, &fraction))
        return false;
    *at = unix_s * NANOS_S + fraction;
    return true;
}

static enum rc read_row(const struct trace_options *options, const struct line *line,
                        struct recorded *row, struct error *err)
{
    struct slice rest = line->text;
    struct slice stamp = {0}, input = {0}, output = {0};

    slice_cut(&rest, ',', &stamp);
    slice_cut(&rest, ',', &input);
    slice_cut(&rest, ',', &output);
    if (output.size == 0 || rest.size > 0 || line->text.data[line->text.size - 1] == ',')
        return refuse(options, line, line->text, "three fields: time, tokens in, tokens out", err);
    if (!read_stamp(stamp, &row->at))
        return refuse(options, line, stamp, "a time such as 2023-11-16 18:17:03.9799600", err);
    if (!slice_u64(input, &row->input_tokens))
        return refuse(options, line, input, "a whole number of context tokens", err);
    if (!slice_u64(output, &row->output_tokens))
        return refuse(options, line, output, "a whole number of generated tokens", err);
    return RC_OK;
}

/* What a header may be instead, and still look like one on a screen. */
static const char *expected_header(struct slice found)
{
    if (slice_starts_with(found, SLICE("\xEF\xBB\xBF")))
        return "a file without a byte order mark";
    if (found.size > 0 && memchr(found.data, '\r', found.size) != NULL)
        return "lines that end in LF or CRLF";
    return AZURE_HEADER.data;
}

static enum rc read_header(const struct trace_options *options, struct line *line,
                           struct error *err)
{
    bool is_there = next_line(line) && slice_is(line->text, AZURE_HEADER);

    if (is_there)
        return RC_OK;
    line->number = 1; /* of an empty file too */
    return refuse(options, line, line->text, expected_header(line->text), err);
}

static bool is_cut_out(const struct trace_options *options, nanos since_first)
{
    return since_first < options->from || since_first >= nanos_add(options->from, options->lasts);
}

static nanos due_at(const struct trace_options *options, nanos since_first)
{
    double run_time = floor((double)(since_first - options->from) / options->speed + 0.5);

    if (run_time >= 0x1p62)
        return NANOS_NEVER;
    return nanos_add(options->start_at, (nanos)run_time);
}

static uint64_t count_lines(struct slice text)
{
    uint64_t count = 1; /* the last may lack its end */

    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '\n';
    return count;
}

enum rc trace_read_azure(struct slice text, const struct trace_options *options,
                         struct arena *arena, const struct trace_row **rows, uint64_t *rows_count,
                         struct error *err)
{
    struct line line = {.rest = text};
    struct recorded recorded = {0};
    struct trace_row *kept;
    uint64_t count = 0;
    nanos first_at = 0, latest_at = 0;

    assert(options->speed > 0);
    TRY(read_header(options, &line, err));
    kept = arena_take(arena, count_lines(text), sizeof(*kept));
    if (kept == NULL)
        return error_set(err, arena->rc, "%.*s: %s", SLICE_ARG(options->file), rc_text(arena->rc));
    for (uint64_t index = 0; next_line(&line); index++) {
        TRY(read_row(options, &line, &recorded, err));
        if (index == 0)
            first_at = latest_at = recorded.at;
        if (recorded.at < latest_at)
            return refuse(options, &line, line.text, "a time not before the row above", err);
        latest_at = recorded.at;
        if (is_cut_out(options, recorded.at - first_at))
            continue;
        kept[count++] = (struct trace_row){.due_at = due_at(options, recorded.at - first_at),
                                           .input_tokens = recorded.input_tokens,
                                           .output_tokens = recorded.output_tokens,
                                           .index = index};
    }
    *rows = kept;
    *rows_count = count;
    return RC_OK;
}
