#include "report/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/head.h"
#include "report/layout.h"

/* The page, in columns of characters; no line is longer than LAYOUT_LINE:
 *
 *   demo: a model of a client; no code of yours ran
 *
 *     calls        3628: 3590 useful, ...               head: a word, what it is
 *
 *     rule                           matched   fired    rules of chaos
 *
 *     law                  seen      n  verdict         rows by kind, then what is to be said
 *         reason                                        about a row, indented
 *         call   what happened to it
 *
 *   results  FOLDER
 *   verdict  pass
 */
enum {
    LABEL = 54,
    SEEN = 18,
    COUNT = 9,
    HEAD_WORD = 13,
    LAW_NAME = 23,
    RULE_NAME = 40,
    CALL_ID = 15,
    INDENT = 6,
    LAWS_TEXT_MAX = 1024,
};

static void write_head(const struct scenario *scenario, const struct judge *judge,
                       const struct report_facts *facts, struct buffer *out)
{
    char title[2 * LAYOUT_LINE];
    struct head head;

    head_title(scenario, judge_facts(judge), title, sizeof(title));
    layout_wrapped(out, title, 0, 2);
    buffer_byte(out, '\n');
    head_read(scenario, judge_figures(judge), judge_facts(judge), facts, &head);
    for (uint32_t i = 0; i < head.count; i++) {
        buffer_text(out, "  ");
        layout_left(out, head.lines[i].word, HEAD_WORD);
        layout_wrapped(out, head.lines[i].text, 2 + HEAD_WORD, 2 + HEAD_WORD);
    }
}

static void write_rules(const struct scenario *scenario, const struct run_figures *figures,
                        struct buffer *out)
{
    const struct chaos *chaos = &scenario->chaos;

    if (chaos->rules_count == 0)
        return;
    buffer_text(out, "\n  ");
    layout_left(out, "rule", RULE_NAME);
    buffer_text(out, "  matched    fired\n");
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        buffer_text(out, "  ");
        layout_left(out, chaos->rules[i].name, RULE_NAME);
        if (chaos_rule_is_counted(&chaos->rules[i]))
            buffer_printf(out, "%9llu%9llu\n", (unsigned long long)figures->rules_matched[i],
                          (unsigned long long)figures->rules_fired[i]);
        else
            buffer_text(out, "        -        -\n");
    }
}

/* --- rows ------------------------------------------------------------------------------------- */

static const char *colour_of(enum verdict verdict)
{
    static const char *const colours[] = {[VERDICT_PASS] = "\033[32m",
                                          [VERDICT_FAIL] = "\033[1;31m",
                                          [VERDICT_INCONCLUSIVE] = "\033[33m",
                                          [VERDICT_NOT_APPLICABLE] = "\033[2m"};

    return colours[verdict];
}

static void write_verdict(const struct report_facts *facts, enum verdict verdict,
                          struct buffer *out)
{
    if (facts->has_colour)
        buffer_text(out, colour_of(verdict));
    buffer_text(out, verdict_word(verdict));
    if (facts->has_colour)
        buffer_text(out, "\033[0m");
}

/* Expectations hold their limit in their text. */
static void write_label(const struct verdict_row *row, char *label, size_t capacity)
{
    if (row->kind == ROW_EXPECTATION || row->limit[0] == '\0')
        snprintf(label, capacity, "%s", row->name);
    else
        snprintf(label, capacity, "%-*s%s", LAW_NAME, row->name, row->limit);
}

/* What was asked and what was seen share their columns; together too long, they stand on two lines.
 */
static void write_asked_and_seen(const struct verdict_row *row, struct buffer *out)
{
    char label[sizeof(row->name) + sizeof(row->limit) + LAW_NAME];
    size_t left = LABEL + SEEN;

    write_label(row, label, sizeof(label));
    buffer_text(out, "  ");
    buffer_text(out, label);
    if (strlen(label) + 2 + strlen(row->value) <= left) {
        left -= strlen(label);
    } else {
        buffer_byte(out, '\n');
        left += 2;
    }
    layout_right(out, row->value, left);
}

static void write_examples(const struct verdict_row *row, struct buffer *out)
{
    for (uint32_t i = 0; i < row->examples_count; i++) {
        const struct verdict_example *example = &row->examples[i];
        size_t width = strlen(example->call) < CALL_ID ? CALL_ID : strlen(example->call) + 1;

        layout_spaces(out, INDENT);
        layout_left(out, example->call, width);
        layout_wrapped(out, example->text, INDENT + width, INDENT + CALL_ID);
    }
}

static void write_row(const struct report_facts *facts, const struct verdict_row *row,
                      bool is_quoted, struct buffer *out)
{
    char count[24];

    snprintf(count, sizeof(count), "%llu", (unsigned long long)row->n);
    write_asked_and_seen(row, out);
    layout_right(out, count, COUNT);
    buffer_text(out, "  ");
    write_verdict(facts, row->verdict, out);
    buffer_text(out, row->is_warning ? " (warning)" : "");
    buffer_text(out, is_quoted ? " (online)\n" : "\n");
    if (row->reason[0] != '\0') {
        layout_spaces(out, INDENT);
        layout_wrapped(out, row->reason, INDENT, INDENT);
    }
    write_examples(row, out);
}

static void write_heading(enum row_kind kind, struct buffer *out)
{
    buffer_text(out, "\n  ");
    layout_left(out, row_kind_word(kind), LABEL);
    layout_right(out, "seen", SEEN);
    layout_right(out, "n", COUNT);
    buffer_text(out, "  verdict\n");
}

/* Of a program much cannot be judged, and for few reasons: each stands once, below the table. */
static bool is_folded(const struct scenario *scenario, const struct verdict_row *row)
{
    return scenario->subject != SUBJECT_CLIENT && row->verdict == VERDICT_NOT_APPLICABLE;
}

static void write_rows(const struct scenario *scenario, const struct report_facts *facts,
                       const struct verdict_row *rows, uint32_t count, struct buffer *out)
{
    const struct verdict_row *before = NULL;

    for (uint32_t i = 0; i < count; i++) {
        if (is_folded(scenario, &rows[i]))
            continue;
        if (before == NULL || rows[i].kind != before->kind)
            write_heading(rows[i].kind, out);
        write_row(facts, &rows[i], facts->quoted != NULL && facts->quoted[i], out);
        before = &rows[i];
    }
}

static bool is_same_reason(const struct verdict_row *a, const struct verdict_row *b)
{
    return a->verdict == b->verdict && strcmp(a->reason, b->reason) == 0;
}

static bool is_first_with_reason(const struct verdict_row *rows, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (is_same_reason(&rows[i], &rows[at]))
            return false;
    return true;
}

static void write_names(const struct verdict_row *rows, uint32_t count, uint32_t first,
                        struct buffer *out)
{
    char names[LAWS_TEXT_MAX];
    size_t used = 0;

    for (uint32_t i = first; i < count && used < sizeof(names); i++)
        if (is_same_reason(&rows[i], &rows[first]))
            used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
                                     i > first ? ", " : "", rows[i].name);
    buffer_text(out, "  ");
    layout_wrapped(out, names, 2, 2);
}

static void write_folded(const struct scenario *scenario, const struct verdict_row *rows,
                         uint32_t count, struct buffer *out)
{
    bool has_heading = false;

    for (uint32_t i = 0; i < count; i++) {
        if (!is_folded(scenario, &rows[i]) || !is_first_with_reason(rows, i))
            continue;
        if (!has_heading)
            buffer_text(out, "\n  n/a\n");
        has_heading = true;
        write_names(rows, count, i, out);
        layout_spaces(out, INDENT);
        layout_wrapped(out, rows[i].reason, INDENT, INDENT);
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

static void write_hint(const struct report_facts *facts, const char *call, struct buffer *out)
{
    if (facts->results == NULL || call == NULL)
        return;
    buffer_text(out, "explain  brownout explain ");
    layout_argument(out, facts->results);
    buffer_byte(out, ' ');
    layout_argument(out, call);
    buffer_byte(out, '\n');
}

/* What "(online)" means, where it stands. */
static void write_online(const struct report_facts *facts, uint32_t count, struct buffer *out)
{
    uint32_t quoted = 0;

    for (uint32_t i = 0; facts->quoted != NULL && i < count; i++)
        quoted += facts->quoted[i];
    if (quoted > 0)
        buffer_printf(out,
                      "online   %" PRIu32 " rows as the run itself found them: the evidence "
                      "that was kept cannot repeat them\n",
                      quoted);
}

static void write_end(const struct scenario *scenario, const struct judge *judge,
                      const struct report_facts *facts, struct buffer *out)
{
    uint32_t count, found;
    const struct verdict_row *rows = judge_rows(judge, &count);
    enum verdict verdict = judge_verdict(judge);
    char call[CALL_ID_TEXT_MAX];

    buffer_byte(out, '\n');
    if (facts->results != NULL)
        buffer_printf(out, "results  %s\n", facts->results);
    write_online(facts, count, out);
    write_hint(facts, head_first_call(scenario, judge, call) ? call : NULL, out);
    if (facts->was_interrupted)
        buffer_text(out, "stopped  before the plan was carried out whole\n");
    buffer_text(out, "verdict  ");
    write_verdict(facts, verdict, out);
    found = rows_count(rows, count, verdict);
    if (verdict != VERDICT_PASS && found > 0)
        buffer_printf(out, " (%u of %u rows)", found, count);
    buffer_byte(out, '\n');
}

void report_terminal(const struct scenario *scenario, const struct judge *judge,
                     const struct report_facts *facts, struct buffer *out)
{
    uint32_t count;
    const struct verdict_row *rows = judge_rows(judge, &count);

    write_head(scenario, judge, facts, out);
    write_rules(scenario, judge_figures(judge), out);
    write_rows(scenario, facts, rows, count, out);
    write_folded(scenario, rows, count, out);
    write_end(scenario, judge, facts, out);
}
