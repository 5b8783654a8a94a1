#include "report/json.h"

#include "judge/evidence_words.h"
#include "report/head.h"
#include "wire/json.h"

/* One object on one line. Instants and spans in nanoseconds, money in dollars; what nothing was
 * recorded of is null. */

#define MEMBER(name) SLICE(",\"" name "\":")

static void member_text(struct buffer *out, struct slice member, const char *text)
{
    buffer_append(out, member);
    json_write_text(out, slice_of(text));
}

static void member_count(struct buffer *out, struct slice member, uint64_t count)
{
    buffer_append(out, member);
    buffer_u64(out, count);
}

static void member_flag(struct buffer *out, struct slice member, bool flag)
{
    buffer_append(out, member);
    buffer_text(out, flag ? "true" : "false");
}

/* A span that was measured over n samples. */
static void member_span(struct buffer *out, struct slice member, uint64_t n, nanos span)
{
    buffer_append(out, member);
    if (n > 0)
        buffer_i64(out, span);
    else
        buffer_text(out, "null");
}

static void write_examples(struct buffer *out, const struct verdict_row *row)
{
    buffer_append(out, MEMBER("examples"));
    buffer_byte(out, '[');
    for (uint32_t i = 0; i < row->examples_count; i++) {
        buffer_text(out, i > 0 ? ",{\"call\":" : "{\"call\":");
        json_write_text(out, slice_of(row->examples[i].call));
        member_text(out, MEMBER("text"), row->examples[i].text);
        buffer_byte(out, '}');
    }
    buffer_byte(out, ']');
}

static void write_row(struct buffer *out, const struct verdict_row *row, bool is_quoted)
{
    buffer_text(out, "{\"name\":");
    json_write_text(out, slice_of(row->name));
    member_text(out, MEMBER("kind"), row_kind_word(row->kind));
    member_text(out, MEMBER("verdict"), verdict_word(row->verdict));
    member_text(out, MEMBER("level"), row->is_warning ? "warn" : "fail");
    member_text(out, MEMBER("reason"), row->reason);
    member_text(out, MEMBER("limit"), row->limit);
    member_text(out, MEMBER("value"), row->value);
    member_count(out, MEMBER("n"), row->n);
    if (is_quoted)
        member_flag(out, MEMBER("online"), true);
    if (row->kind != ROW_EXPECTATION) {
        member_count(out, MEMBER("violations"), row->violations);
        write_examples(out, row);
    }
    buffer_byte(out, '}');
}

/* Laws with conditions, or expectations. */
static void write_rows(struct buffer *out, const struct judge *judge,
                       const struct report_facts *facts, bool expectations)
{
    uint32_t count;
    const struct verdict_row *rows = judge_rows(judge, &count);
    bool is_first = true;

    buffer_byte(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if ((rows[i].kind == ROW_EXPECTATION) != expectations)
            continue;
        if (!is_first)
            buffer_byte(out, ',');
        is_first = false;
        write_row(out, &rows[i], facts->quoted != NULL && facts->quoted[i]);
    }
    buffer_byte(out, ']');
}

/* Calls of a program by how they were told apart; what told none is left out. */
static void write_identity(struct buffer *out, const struct run_figures *f)
{
    bool is_first = true;

    buffer_append(out, MEMBER("told_by"));
    buffer_byte(out, '{');
    for (uint32_t i = KEY_NONE + 1; i < ARRAY_SIZE(f->told_by); i++) {
        if (f->told_by[i] == 0)
            continue;
        if (!is_first)
            buffer_byte(out, ',');
        is_first = false;
        json_write_text(out, slice_of(key_used_words.list[i]));
        buffer_byte(out, ':');
        buffer_u64(out, f->told_by[i]);
    }
    buffer_byte(out, '}');
    member_count(out, MEMBER("doubtful"), f->doubtful);
    member_count(out, MEMBER("layered"), f->layered);
    member_text(out, MEMBER("layers"), f->layered_text);
}

static void write_outcomes(struct buffer *out, const struct run_figures *f)
{
    bool is_first = true;

    buffer_append(out, MEMBER("outcomes"));
    buffer_byte(out, '{');
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        if (f->outcomes[i] == 0)
            continue;
        if (!is_first)
            buffer_byte(out, ',');
        is_first = false;
        json_write_text(out, slice_of(outcome_word((enum outcome)i)));
        buffer_byte(out, ':');
        buffer_u64(out, f->outcomes[i]);
    }
    buffer_byte(out, '}');
}

static void write_rules(struct buffer *out, const struct chaos *chaos, const struct run_figures *f)
{
    buffer_append(out, MEMBER("rules"));
    buffer_byte(out, '[');
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        buffer_text(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        json_write_text(out, slice_of(chaos->rules[i].name));
        member_text(out, MEMBER("phase"), chaos->phases.list[chaos->rules[i].phase].name);
        member_count(out, MEMBER("matched"), f->rules_matched[i]);
        member_count(out, MEMBER("fired"), f->rules_fired[i]);
        buffer_byte(out, '}');
    }
    buffer_byte(out, ']');
}

static void member_money(struct buffer *out, struct slice member, money value)
{
    buffer_append(out, member);
    money_write_number(out, value);
}

static void write_spending(struct buffer *out, const struct run_figures *f)
{
    member_count(out, MEMBER("tokens_in"), f->tokens_in);
    member_count(out, MEMBER("tokens_out"), f->tokens_out);
    member_money(out, MEMBER("cost"), f->cost);
    member_money(out, MEMBER("cost_failed"), f->cost_failed);
    member_count(out, MEMBER("cost_unknown"), f->cost_unknown);
    member_money(out, MEMBER("billed"), f->billed);
    member_text(out, MEMBER("prices_of"), PRICES_DATED);
}

static void write_alerts(struct buffer *out, const struct run_figures *f)
{
    buffer_append(out, MEMBER("alerts"));
    for (int i = 0; i < ALERT_KINDS_COUNT; i++) {
        buffer_byte(out, i > 0 ? ',' : '{');
        json_write_text(out, slice_of(alert_kind_word((enum alert_kind)i)));
        buffer_byte(out, ':');
        buffer_u64(out, f->alerts[i]);
    }
    buffer_byte(out, '}');
    member_count(out, MEMBER("alerts_delivered"), f->alerts_delivered);
    member_count(out, MEMBER("alerts_lost"), f->alerts_lost);
}

static void write_figures(struct buffer *out, const struct scenario *scenario,
                          const struct run_figures *f)
{
    buffer_text(out, "{\"calls\":");
    buffer_u64(out, f->calls);
    member_count(out, MEMBER("useful"), f->useful);
    member_count(out, MEMBER("failed"), f->failed);
    member_count(out, MEMBER("unfinished"), f->unfinished);
    member_count(out, MEMBER("attempts"), f->attempts);
    member_count(out, MEMBER("requests"), f->requests);
    member_count(out, MEMBER("unknown_paths"), f->unknown_paths);
    write_identity(out, f);
    member_count(out, MEMBER("in_flight_most"), f->in_flight_most);
    write_outcomes(out, f);
    member_count(out, MEMBER("n_ok"), f->n_ok);
    member_span(out, MEMBER("response_p50"), f->n_ok, f->response_p50);
    member_span(out, MEMBER("response_p95"), f->n_ok, f->response_p95);
    member_span(out, MEMBER("response_p99"), f->n_ok, f->response_p99);
    member_span(out, MEMBER("first_token_p50"), f->n_first_token, f->first_token_p50);
    member_span(out, MEMBER("first_token_p95"), f->n_first_token, f->first_token_p95);
    member_span(out, MEMBER("first_token_p99"), f->n_first_token, f->first_token_p99);
    member_count(out, MEMBER("n_failed"), f->n_failed);
    member_span(out, MEMBER("failed_p50"), f->n_failed, f->failed_p50);
    member_span(out, MEMBER("failed_p99"), f->n_failed, f->failed_p99);
    member_span(out, MEMBER("send_lag_p99"), f->calls, f->send_lag_p99);
    write_spending(out, f);
    write_alerts(out, f);
    write_rules(out, &scenario->chaos, f);
    buffer_byte(out, '}');
}

/* Figures of the run without faults, or null. */
static void write_control(struct buffer *out, const struct scenario *scenario,
                          const struct judge *control)
{
    buffer_append(out, MEMBER("control"));
    if (control != NULL)
        write_figures(out, scenario, judge_figures(control));
    else
        buffer_text(out, "null");
}

/* Of exec alone. */
static void write_command(struct buffer *out, const struct run_facts *run)
{
    if (!run->has_command)
        return;
    buffer_append(out, MEMBER("command"));
    buffer_text(out, "{\"line\":");
    json_write_text(out, slice_of(run->command));
    buffer_printf(out, ",\"exit\":%d,\"took\":", run->command_exit);
    buffer_i64(out, run->command_took);
    buffer_byte(out, '}');
}

void report_json(const struct scenario *scenario, const struct judge *judge,
                 const struct report_facts *facts, struct buffer *out)
{
    buffer_text(out, "{\"verdict\":");
    json_write_text(out, slice_of(verdict_word(judge_verdict(judge))));
    member_text(out, MEMBER("scenario"), scenario->name);
    member_text(out, MEMBER("subject"), subject_word(scenario->subject));
    write_command(out, judge_facts(judge));
    member_text(out, MEMBER("target"), scenario->target == TARGET_LIVE ? "live" : "mock");
    member_text(out, MEMBER("world"), facts->world);
    member_flag(out, MEMBER("interrupted"), facts->was_interrupted);
    buffer_append(out, MEMBER("took"));
    buffer_i64(out, facts->took);
    buffer_append(out, MEMBER("results"));
    if (facts->results != NULL)
        json_write_text(out, slice_of(facts->results));
    else
        buffer_text(out, "null");
    buffer_append(out, MEMBER("laws"));
    write_rows(out, judge, facts, false);
    buffer_append(out, MEMBER("expectations"));
    write_rows(out, judge, facts, true);
    buffer_append(out, MEMBER("figures"));
    write_figures(out, scenario, judge_figures(judge));
    write_control(out, scenario, facts->control);
    buffer_text(out, "}\n");
}
