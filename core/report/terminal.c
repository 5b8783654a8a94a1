#include "report/terminal.h"

#include <stdio.h>
#include <string.h>

#include "judge/readable.h"

/* The page, in columns of characters; no line is longer than LINE:
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
    LINE = 108,
    LABEL = 54,
    SEEN = 18,
    COUNT = 9,
    HEAD_WORD = 13,
    LAW_NAME = 23,
    RULE_NAME = 40,
    CALL_ID = 15,
    INDENT = 6,
};

static void write_spaces(struct buffer *out, size_t count)
{
    while (count-- > 0)
        buffer_byte(out, ' ');
}

static void write_left(struct buffer *out, const char *text, size_t width)
{
    size_t size = strlen(text);

    buffer_text(out, text);
    write_spaces(out, size < width ? width - size : 0);
}

static void write_right(struct buffer *out, const char *text, size_t width)
{
    size_t size = strlen(text);

    write_spaces(out, size < width ? width - size : 0);
    buffer_text(out, text);
}

/* Words from column `at` on; further lines begin at `indent`. A word longer than a line stands on a
 * line of its own. */
static void write_wrapped(struct buffer *out, const char *text, size_t at, size_t indent)
{
    struct slice rest = slice_of(text), word;
    bool is_first = true;

    while (slice_cut(&rest, ' ', &word)) {
        if (!is_first && at + 1 + word.size > LINE) {
            buffer_byte(out, '\n');
            write_spaces(out, indent);
            at = indent;
        } else if (!is_first) {
            buffer_byte(out, ' ');
            at++;
        }
        buffer_append(out, word);
        at += word.size;
        is_first = false;
    }
    buffer_byte(out, '\n');
}

/* --- the head --------------------------------------------------------------------------------- */

static void begin_head(struct buffer *out, const char *word)
{
    buffer_text(out, "  ");
    write_left(out, word, HEAD_WORD);
}

static void write_world(const struct scenario *scenario, const struct report_facts *facts,
                        struct buffer *out)
{
    bool is_simulated = strcmp(facts->world, "sim") == 0;

    begin_head(out, "world");
    buffer_printf(out, "%s, in %s; client %s, seed %llu\n",
                  is_simulated ? "simulated" : "real sockets", readable_span(facts->took).text,
                  scenario->client.preset[0] != '\0' ? scenario->client.preset : "none",
                  (unsigned long long)scenario->seed);
}

static void write_counts(const struct run_figures *f, struct buffer *out)
{
    double per_call = f->calls > 0 ? (double)f->attempts / (double)f->calls : 0.0;

    begin_head(out, "calls");
    buffer_printf(out, "%llu: %llu useful, %llu failed, %llu unfinished; at most %u at once\n",
                  (unsigned long long)f->calls, (unsigned long long)f->useful,
                  (unsigned long long)f->failed, (unsigned long long)f->unfinished,
                  f->in_flight_most);
    begin_head(out, "attempts");
    buffer_printf(out, "%llu, %s per call\n", (unsigned long long)f->attempts,
                  readable_number(per_call).text);
}

static void write_outcomes(const struct run_figures *f, struct buffer *out)
{
    char text[1024] = "";
    size_t used = 0;

    for (int i = 0; i < OUTCOME_COUNT; i++) {
        if (f->outcomes[i] == 0)
            continue;
        snprintf(text + used, sizeof(text) - used, "%s%s %llu", used > 0 ? ", " : "",
                 outcome_word((enum outcome)i), (unsigned long long)f->outcomes[i]);
        used += strlen(text + used);
    }
    begin_head(out, "outcomes");
    write_wrapped(out, used > 0 ? text : "none", 2 + HEAD_WORD, 2 + HEAD_WORD);
}

#define SPAN(span) readable_span(span).text

static void write_percentiles(const struct run_figures *f, struct buffer *out)
{
    if (f->n_ok > 0) {
        begin_head(out, "response");
        buffer_printf(out, "p50 %-10sp95 %-10sp99 %-10sn %llu answered\n", SPAN(f->response_p50),
                      SPAN(f->response_p95), SPAN(f->response_p99), (unsigned long long)f->n_ok);
        begin_head(out, "first token");
        buffer_printf(out, "p50 %-10sp95 %-10sp99 %s\n", SPAN(f->first_token_p50),
                      SPAN(f->first_token_p95), SPAN(f->first_token_p99));
    }
    if (f->n_failed > 0) {
        begin_head(out, "failures");
        buffer_printf(out, "p50 %-24sp99 %-10sn %llu\n", SPAN(f->failed_p50), SPAN(f->failed_p99),
                      (unsigned long long)f->n_failed);
    }
    begin_head(out, "send lag");
    buffer_printf(out, "p99 %s\n", SPAN(f->send_lag_p99));
}

static void write_head(const struct scenario *scenario, const struct run_figures *figures,
                       const struct report_facts *facts, struct buffer *out)
{
    buffer_printf(out, "%s: a model of a client; no code of yours ran\n\n", scenario->name);
    write_world(scenario, facts, out);
    write_counts(figures, out);
    write_outcomes(figures, out);
    write_percentiles(figures, out);
}

static void write_rules(const struct scenario *scenario, const struct run_figures *figures,
                        struct buffer *out)
{
    const struct chaos *chaos = &scenario->chaos;

    if (chaos->rules_count == 0)
        return;
    buffer_text(out, "\n  ");
    write_left(out, "rule", RULE_NAME);
    buffer_text(out, "  matched    fired\n");
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        buffer_text(out, "  ");
        write_left(out, chaos->rules[i].name, RULE_NAME);
        buffer_printf(out, "%9llu%9llu\n", (unsigned long long)figures->rules_matched[i],
                      (unsigned long long)figures->rules_fired[i]);
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
static void write_label(const struct verdict_row *row, struct buffer *out)
{
    char label[sizeof(row->name) + sizeof(row->limit) + LAW_NAME];

    if (row->kind == ROW_EXPECTATION || row->limit[0] == '\0')
        snprintf(label, sizeof(label), "%s", row->name);
    else
        snprintf(label, sizeof(label), "%-*s%s", LAW_NAME, row->name, row->limit);
    buffer_text(out, "  ");
    write_left(out, label, LABEL);
    if (strlen(label) > LABEL) {
        buffer_byte(out, '\n');
        write_spaces(out, 2 + LABEL);
    }
}

static void write_examples(const struct verdict_row *row, struct buffer *out)
{
    for (uint32_t i = 0; i < row->examples_count; i++) {
        const struct verdict_example *example = &row->examples[i];
        size_t width = strlen(example->call) < CALL_ID ? CALL_ID : strlen(example->call) + 1;

        write_spaces(out, INDENT);
        write_left(out, example->call, width);
        write_wrapped(out, example->text, INDENT + width, INDENT + CALL_ID);
    }
}

static void write_row(const struct report_facts *facts, const struct verdict_row *row,
                      struct buffer *out)
{
    char count[24];

    snprintf(count, sizeof(count), "%llu", (unsigned long long)row->n);
    write_label(row, out);
    write_right(out, row->value, SEEN);
    write_right(out, count, COUNT);
    buffer_text(out, "  ");
    write_verdict(facts, row->verdict, out);
    buffer_text(out, row->is_warning ? " (warning)\n" : "\n");
    if (row->reason[0] != '\0') {
        write_spaces(out, INDENT);
        write_wrapped(out, row->reason, INDENT, INDENT);
    }
    write_examples(row, out);
}

static void write_heading(enum row_kind kind, struct buffer *out)
{
    static const char *const words[] = {
        [ROW_LAW] = "law", [ROW_CONDITION] = "condition", [ROW_EXPECTATION] = "expectation"};

    buffer_text(out, "\n  ");
    write_left(out, words[kind], LABEL);
    write_right(out, "seen", SEEN);
    write_right(out, "n", COUNT);
    buffer_text(out, "  verdict\n");
}

static void write_rows(const struct report_facts *facts, const struct verdict_row *rows,
                       uint32_t count, struct buffer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || rows[i].kind != rows[i - 1].kind)
            write_heading(rows[i].kind, out);
        write_row(facts, &rows[i], out);
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

static uint32_t count_rows(const struct verdict_row *rows, uint32_t count, enum verdict verdict)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i++)
        found += rows[i].verdict == verdict && !rows[i].is_warning;
    return found;
}

static void write_end(const struct report_facts *facts, const struct judge *judge,
                      struct buffer *out)
{
    uint32_t count, found;
    const struct verdict_row *rows = judge_rows(judge, &count);
    enum verdict verdict = judge_verdict(judge);

    buffer_byte(out, '\n');
    if (facts->results != NULL)
        buffer_printf(out, "results  %s\n", facts->results);
    if (facts->was_interrupted)
        buffer_text(out, "stopped  before the plan was carried out whole\n");
    buffer_text(out, "verdict  ");
    write_verdict(facts, verdict, out);
    found = count_rows(rows, count, verdict);
    if (verdict != VERDICT_PASS && found > 0)
        buffer_printf(out, " (%u of %u rows)", found, count);
    buffer_byte(out, '\n');
}

void report_terminal(const struct scenario *scenario, const struct judge *judge,
                     const struct report_facts *facts, struct buffer *out)
{
    const struct run_figures *figures = judge_figures(judge);
    uint32_t count;
    const struct verdict_row *rows = judge_rows(judge, &count);

    write_head(scenario, figures, facts, out);
    write_rules(scenario, figures, out);
    write_rows(facts, rows, count, out);
    write_end(facts, judge, out);
}
