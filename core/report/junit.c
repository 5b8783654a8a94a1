#include "report/junit.h"

#include <inttypes.h>

#include "base/utf8.h"
#include "base/version.h"
#include "report/head.h"

static const struct slice REPLACEMENT = {"\xEF\xBF\xBD", 3}; /* U+FFFD */

/* XML 1.0 (fifth edition) §2.2: no control characters but these three, and neither U+FFFE nor
 * U+FFFF. */
static bool is_xml_character(struct slice character)
{
    unsigned char first = (unsigned char)character.data[0];

    if (first < 0x20)
        return first == '\t' || first == '\n' || first == '\r';
    return !slice_is(character, SLICE("\xEF\xBF\xBE")) &&
           !slice_is(character, SLICE("\xEF\xBF\xBF"));
}

/* Blanks other than the space are written as references: a parser would make spaces of them in an
 * attribute, and a line feed of a CR. */
static struct slice entity_of(char c)
{
    switch (c) {
    case '&':
        return SLICE("&amp;");
    case '<':
        return SLICE("&lt;");
    case '>':
        return SLICE("&gt;");
    case '"':
        return SLICE("&quot;");
    case '\t':
        return SLICE("&#9;");
    case '\n':
        return SLICE("&#10;");
    case '\r':
        return SLICE("&#13;");
    default:
        return (struct slice){0};
    }
}

void xml_write_text(struct buffer *out, struct slice text)
{
    while (text.size > 0) {
        size_t size = utf8_size(text);
        struct slice character = {text.data, size > 0 ? size : 1};
        struct slice entity = entity_of(text.data[0]);

        if (size == 0 || !is_xml_character(character))
            buffer_append(out, REPLACEMENT);
        else
            buffer_append(out, entity.size > 0 ? entity : character);
        text.data += character.size;
        text.size -= character.size;
    }
}

static void attribute(struct buffer *out, const char *name, const char *value)
{
    buffer_printf(out, " %s=\"", name);
    xml_write_text(out, slice_of(value));
    buffer_byte(out, '"');
}

static void line(struct buffer *out, const char *text)
{
    xml_write_text(out, slice_of(text));
    buffer_byte(out, '\n');
}

/* --- testcases -------------------------------------------------------------------------------- */

static void write_story(const struct verdict_row *row, struct buffer *out)
{
    if (row->limit[0] != '\0' && row->kind != ROW_EXPECTATION) {
        buffer_text(out, "asked: ");
        line(out, row->limit);
    }
    if (row->value[0] != '\0') {
        buffer_text(out, "seen: ");
        line(out, row->value);
    }
    for (uint32_t i = 0; i < row->examples_count; i++) {
        xml_write_text(out, slice_of(row->examples[i].call));
        buffer_text(out, ": ");
        line(out, row->examples[i].text);
    }
}

/* Expectations that failed have no reason: then it is what was seen. */
static void write_message(const struct verdict_row *row, struct buffer *out)
{
    if (row->reason[0] != '\0') {
        attribute(out, "message", row->reason);
        return;
    }
    buffer_text(out, " message=\"seen ");
    xml_write_text(out, slice_of(row->value));
    buffer_byte(out, '"');
}

/* An element with the row's reason as its message and its story as text. */
static void write_finding(const char *element, const struct verdict_row *row, struct buffer *out)
{
    buffer_printf(out, ">\n      <%s", element);
    write_message(row, out);
    attribute(out, "type", row_kind_word(row->kind));
    buffer_text(out, ">");
    write_story(row, out);
    buffer_printf(out, "</%s>\n    </testcase>\n", element);
}

static void write_warning(const struct verdict_row *row, struct buffer *out)
{
    buffer_printf(out, ">\n      <system-out>warning, %s: ", verdict_word(row->verdict));
    line(out, row->reason);
    write_story(row, out);
    buffer_text(out, "</system-out>\n    </testcase>\n");
}

static void write_skipped(const struct verdict_row *row, struct buffer *out)
{
    buffer_text(out, ">\n      <skipped");
    attribute(out, "message", row->reason);
    buffer_text(out, "/>\n    </testcase>\n");
}

static void begin_case(const struct scenario *scenario, const char *kind, const char *name,
                       struct buffer *out)
{
    buffer_text(out, "    <testcase classname=\"");
    xml_write_text(out, slice_of(scenario->name));
    buffer_printf(out, ".%s\"", kind);
    attribute(out, "name", name);
}

static void write_case(const struct scenario *scenario, const struct verdict_row *row,
                       struct buffer *out)
{
    begin_case(scenario, row_kind_word(row->kind), row->name, out);
    if (row->verdict == VERDICT_PASS)
        buffer_text(out, "/>\n");
    else if (row->verdict == VERDICT_NOT_APPLICABLE)
        write_skipped(row, out);
    else if (!row_counts(row))
        write_warning(row, out);
    else
        write_finding(row->verdict == VERDICT_FAIL ? "failure" : "error", row, out);
}

static const char *trouble_of(const struct report_facts *facts)
{
    if (facts->problem != NULL)
        return facts->problem;
    return facts->was_interrupted ? "stopped before the plan was carried out whole" : NULL;
}

static void write_run_case(const struct scenario *scenario, const struct report_facts *facts,
                           struct buffer *out)
{
    const char *trouble = trouble_of(facts);

    begin_case(scenario, "run", "carried out to its end", out);
    if (trouble == NULL) {
        buffer_text(out, "/>\n");
        return;
    }
    buffer_text(out, ">\n      <error");
    attribute(out, "message", trouble);
    buffer_text(out, " type=\"run\"/>\n    </testcase>\n");
}

/* --- the suite -------------------------------------------------------------------------------- */

static void property(struct buffer *out, const char *name, const char *value)
{
    buffer_text(out, "      <property");
    attribute(out, "name", name);
    attribute(out, "value", value);
    buffer_text(out, "/>\n");
}

static void write_properties(const struct scenario *scenario, const struct judge *judge,
                             const struct report_facts *facts, struct buffer *out)
{
    buffer_text(out, "    <properties>\n");
    property(out, "brownout", BROWNOUT_VERSION);
    property(out, "world", facts->world);
    buffer_printf(out, "      <property name=\"seed\" value=\"%" PRIu64 "\"/>\n", scenario->seed);
    property(out, "subject", subject_word(scenario->subject));
    if (scenario->subject == SUBJECT_CLIENT)
        property(out, "client", scenario->client.preset);
    if (judge_facts(judge)->command[0] != '\0')
        property(out, "command", judge_facts(judge)->command);
    property(out, "verdict", verdict_word(judge_verdict(judge)));
    if (facts->results != NULL)
        property(out, "results", facts->results);
    buffer_text(out, "    </properties>\n");
}

/* Warnings that do not apply are skipped too, so the counts are of elements, not of verdicts. */
static uint32_t skipped_count(const struct verdict_row *rows, uint32_t count)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i++)
        found += rows[i].verdict == VERDICT_NOT_APPLICABLE;
    return found;
}

/* The run's own case is one more. */
static void write_counts(const struct verdict_row *rows, uint32_t count,
                         const struct report_facts *facts, struct buffer *out)
{
    uint32_t errors = rows_count(rows, count, VERDICT_INCONCLUSIVE);
    int64_t ms = facts->took / NANOS_MS;

    buffer_printf(out,
                  " tests=\"%" PRIu32 "\" failures=\"%" PRIu32 "\" errors=\"%" PRIu32
                  "\" skipped=\"%" PRIu32 "\" time=\"%" PRId64 ".%03" PRId64 "\">\n",
                  count + 1, rows_count(rows, count, VERDICT_FAIL),
                  errors + (trouble_of(facts) != NULL), skipped_count(rows, count), ms / 1000,
                  ms % 1000);
}

void report_junit(const struct scenario *scenario, const struct judge *judge,
                  const struct report_facts *facts, struct buffer *out)
{
    uint32_t count;
    const struct verdict_row *rows = judge_rows(judge, &count);

    buffer_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite");
    attribute(out, "name", scenario->name);
    write_counts(rows, count, facts, out);
    write_properties(scenario, judge, facts, out);
    write_run_case(scenario, facts, out);
    for (uint32_t i = 0; i < count; i++)
        write_case(scenario, &rows[i], out);
    buffer_text(out, "  </testsuite>\n</testsuites>\n");
}
