#include "report/markdown.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "report/head.h"
#include "report/layout.h"

static bool is_markup(char c)
{
    return c != '\0' && strchr("\\`*_[]|~#", c) != NULL;
}

static void write_character(struct buffer *out, struct slice character)
{
    char c = character.data[0];

    if ((unsigned char)c < 0x20 || c == 0x7F)
        buffer_byte(out, ' ');
    else if (c == '<')
        buffer_text(out, "&lt;");
    else if (c == '>')
        buffer_text(out, "&gt;");
    else if (c == '&')
        buffer_text(out, "&amp;");
    else {
        if (is_markup(c))
            buffer_byte(out, '\\');
        buffer_append(out, character);
    }
}

void markdown_write_text(struct buffer *out, struct slice text)
{
    while (text.size > 0) {
        size_t size = utf8_size(text);

        if (size == 0)
            buffer_text(out, "\xEF\xBF\xBD"); /* U+FFFD */
        else
            write_character(out, (struct slice){text.data, size});
        text.data += size > 0 ? size : 1;
        text.size -= size > 0 ? size : 1;
    }
}

static void write_text(struct buffer *out, const char *text)
{
    markdown_write_text(out, slice_of(text));
}

static const char *sign_of(enum verdict verdict)
{
    static const char *const signs[] = {[VERDICT_PASS] = "\xE2\x9C\x85",            /* check mark */
                                        [VERDICT_FAIL] = "\xE2\x9D\x8C",            /* cross */
                                        [VERDICT_INCONCLUSIVE] = "\xE2\x9D\x94",    /* question */
                                        [VERDICT_NOT_APPLICABLE] = "\xE2\x9E\x96"}; /* minus */

    return signs[verdict];
}

static void write_verdict_line(const struct scenario *scenario, const struct judge *judge,
                               const struct report_facts *facts, struct buffer *out)
{
    enum verdict verdict = judge_verdict(judge);
    uint32_t count, found;
    const struct verdict_row *rows = judge_rows(judge, &count);

    found = rows_count(rows, count, verdict);
    buffer_printf(out, "### %s brownout: ", sign_of(verdict));
    write_text(out, scenario->name);
    buffer_printf(out, " **%s**", verdict_word(verdict));
    if (verdict != VERDICT_PASS && found > 0)
        buffer_printf(out, " (%" PRIu32 " of %" PRIu32 " rows)", found, count);
    buffer_text(out, "\n\n");
    if (facts->problem != NULL) {
        buffer_text(out, "**could not be carried out:** ");
        write_text(out, facts->problem);
        buffer_text(out, "\n\n");
    }
    if (facts->was_interrupted)
        buffer_text(out, "stopped before the plan was carried out whole\n\n");
}

static void write_head(const struct scenario *scenario, const struct judge *judge,
                       const struct report_facts *facts, struct buffer *out)
{
    char title[2 * sizeof(scenario->name) + 128];
    struct head head;

    head_title(scenario, judge_facts(judge), title, sizeof(title));
    head_read(scenario, judge_figures(judge), judge_facts(judge), facts, &head);
    buffer_text(out, "| | ");
    write_text(out, title);
    buffer_text(out, " |\n|---|---|\n");
    for (uint32_t i = 0; i < head.count; i++) {
        buffer_printf(out, "| %s | ", head.lines[i].word);
        write_text(out, head.lines[i].text);
        buffer_text(out, " |\n");
    }
    buffer_byte(out, '\n');
}

/* --- rows ------------------------------------------------------------------------------------- */

static void write_asked(const struct verdict_row *row, struct buffer *out)
{
    write_text(out, row->name);
    if (row->kind != ROW_EXPECTATION && row->limit[0] != '\0') {
        buffer_text(out, " (");
        write_text(out, row->limit);
        buffer_byte(out, ')');
    }
}

static void write_finding(const struct verdict_row *row, struct buffer *out)
{
    buffer_printf(out, "- %s **", sign_of(row->verdict));
    write_asked(row, out);
    buffer_text(out, "** ");
    buffer_text(out, verdict_word(row->verdict));
    buffer_text(out, row_counts(row) ? "" : " (warning)");
    if (row->value[0] != '\0') {
        buffer_text(out, ", seen ");
        write_text(out, row->value);
    }
    if (row->reason[0] != '\0') {
        buffer_text(out, ": ");
        write_text(out, row->reason);
    }
    buffer_byte(out, '\n');
    for (uint32_t i = 0; i < row->examples_count; i++) {
        buffer_text(out, "  - ");
        write_text(out, row->examples[i].call);
        buffer_text(out, ": ");
        write_text(out, row->examples[i].text);
        buffer_byte(out, '\n');
    }
}

static void write_findings(const struct verdict_row *rows, uint32_t count, enum verdict verdict,
                           bool counts, struct buffer *out)
{
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].verdict == verdict && row_counts(&rows[i]) == counts)
            write_finding(&rows[i], out);
}

static bool is_all_well(const struct verdict_row *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].verdict == VERDICT_FAIL || rows[i].verdict == VERDICT_INCONCLUSIVE)
            return false;
    return true;
}

/* In a code span nothing needs escaping but the backtick, and a name that has one is not told. */
static void write_hint(const struct report_facts *facts, const char *call, struct buffer *out)
{
    if (facts->results == NULL || call == NULL || strchr(call, '`') != NULL ||
        strchr(facts->results, '`') != NULL)
        return;
    buffer_text(out, "\nOne call's story: `brownout explain ");
    layout_argument(out, facts->results);
    buffer_byte(out, ' ');
    layout_argument(out, call);
    buffer_text(out, "`\n");
}

static void write_all_findings(const struct scenario *scenario, const struct judge *judge,
                               const struct report_facts *facts, struct buffer *out)
{
    uint32_t count;
    const struct verdict_row *rows = judge_rows(judge, &count);
    char call[CALL_ID_TEXT_MAX];

    if (is_all_well(rows, count))
        return;
    buffer_text(out, "#### What did not pass\n\n");
    write_findings(rows, count, VERDICT_FAIL, true, out);
    write_findings(rows, count, VERDICT_INCONCLUSIVE, true, out);
    write_findings(rows, count, VERDICT_FAIL, false, out);
    write_findings(rows, count, VERDICT_INCONCLUSIVE, false, out);
    write_hint(facts, head_first_call(scenario, judge, call) ? call : NULL, out);
    buffer_byte(out, '\n');
}

static void write_row(const struct verdict_row *row, struct buffer *out)
{
    buffer_printf(out, "| %s | ", row_kind_word(row->kind));
    write_asked(row, out);
    buffer_text(out, " | ");
    write_text(out, row->value);
    buffer_printf(out, " | %" PRIu64 " | %s%s |\n", row->n, verdict_word(row->verdict),
                  row_counts(row) ? "" : " (warning)");
}

static void write_table(const struct verdict_row *rows, uint32_t count, struct buffer *out)
{
    /* GitHub reads Markdown inside <details> only behind an empty line. */
    buffer_printf(out, "<details><summary>all %" PRIu32 " rows</summary>\n\n", count);
    buffer_text(out, "| kind | asked | seen | n | verdict |\n|---|---|--:|--:|---|\n");
    for (uint32_t i = 0; i < count; i++)
        write_row(&rows[i], out);
    buffer_text(out, "\n</details>\n\n");
}

void report_markdown(const struct scenario *scenario, const struct judge *judge,
                     const struct report_facts *facts, struct buffer *out)
{
    uint32_t count;
    const struct verdict_row *rows = judge_rows(judge, &count);

    write_verdict_line(scenario, judge, facts, out);
    write_head(scenario, judge, facts, out);
    write_all_findings(scenario, judge, facts, out);
    write_table(rows, count, out);
}
