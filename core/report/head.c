#include "report/head.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "judge/readable.h"

#define SPAN(span) readable_span(span).text
#define MONEY(value) readable_money(value).text
#define COUNT(count) readable_count(count).text

PRINTF_LIKE(3, 4)
static void add_line(struct head *head, const char *word, const char *format, ...)
{
    struct head_line *line = &head->lines[head->count];
    va_list arguments;

    assert(head->count < HEAD_LINES_MAX);
    head->count++;
    line->word = word;
    va_start(arguments, format);
    vsnprintf(line->text, sizeof(line->text), format, arguments);
    va_end(arguments);
}

/* To the end of the latest line, as far as there is room. */
PRINTF_LIKE(2, 3)
static void add_text(struct head *head, const char *format, ...)
{
    struct head_line *line = &head->lines[head->count - 1];
    size_t used = strlen(line->text);
    va_list arguments;

    assert(head->count > 0);
    va_start(arguments, format);
    vsnprintf(line->text + used, sizeof(line->text) - used, format, arguments);
    va_end(arguments);
}

/* --- words shared by the reports ---------------------------------------------------------------*/

bool row_counts(const struct verdict_row *row)
{
    return !row->is_warning;
}

uint32_t rows_count(const struct verdict_row *rows, uint32_t count, enum verdict verdict)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i++)
        found += rows[i].verdict == verdict && row_counts(&rows[i]);
    return found;
}

const char *rows_first_call(const struct scenario *scenario, const struct verdict_row *rows,
                            uint32_t count)
{
    struct call_id id;

    for (uint32_t i = 0; i < count; i++)
        if (rows[i].verdict == VERDICT_FAIL && row_counts(&rows[i]) && rows[i].examples_count > 0 &&
            call_id_read(scenario, slice_of(rows[i].examples[0].call), &id))
            return rows[i].examples[0].call;
    return NULL;
}

bool head_first_call(const struct scenario *scenario, const struct judge *judge,
                     char text[CALL_ID_TEXT_MAX])
{
    uint32_t count;
    const struct verdict_row *rows = judge_rows(judge, &count);
    const char *named = rows_first_call(scenario, rows, count);
    struct call_id id;

    if (named != NULL)
        return slice_copy(slice_of(named), text, CALL_ID_TEXT_MAX);
    if (judge_verdict(judge) != VERDICT_FAIL || !judge_first_not_useful(judge, &id))
        return false;
    call_id_write(scenario, id, text);
    return true;
}

const char *row_kind_word(enum row_kind kind)
{
    static const char *const words[] = {
        [ROW_LAW] = "law", [ROW_CONDITION] = "condition", [ROW_EXPECTATION] = "expectation"};

    return words[kind];
}

const char *subject_word(enum subject subject)
{
    static const char *const words[] = {
        [SUBJECT_CLIENT] = "client", [SUBJECT_EXEC] = "exec", [SUBJECT_SERVICE] = "service"};

    return words[subject];
}

/* --- the title -------------------------------------------------------------------------------- */

enum { TITLE_COMMAND_MAX = 48 };

static bool is_cut_in_title(const char *command)
{
    return strlen(command) > TITLE_COMMAND_MAX;
}

static void title_exec(const struct run_facts *run, char *text, size_t capacity)
{
    const char *dots = is_cut_in_title(run->command) ? "..." : "";
    char command[TITLE_COMMAND_MAX + sizeof("``...")] = "it";

    if (run->command[0] != '\0')
        snprintf(command, sizeof(command), "`%.*s%s`", TITLE_COMMAND_MAX - (int)strlen(dots),
                 run->command, dots);
    if (run->has_command)
        snprintf(text, capacity, "exec: what your command did; %s %s after %s", command,
                 readable_exit(run->command_exit).text, SPAN(run->command_took));
    else
        snprintf(text, capacity, "exec: what your command did");
}

/* The host alone: a URL's other parts may hold what nobody should read. */
static struct slice host_of(struct slice url)
{
    struct slice host = url;

    for (size_t i = 0; i + 2 < url.size; i++)
        if (memcmp(url.data + i, "://", 3) == 0) {
            host = (struct slice){url.data + i + 3, url.size - i - 3};
            break;
        }
    for (size_t i = 0; i < host.size; i++)
        if (strchr("/?#", host.data[i]) != NULL)
            host.size = i;
    for (size_t i = host.size; i > 0; i--)
        if (host.data[i - 1] == '@')
            return (struct slice){host.data + i, host.size - i};
    return host;
}

static void title_service(const struct service_rules *service, char *text, size_t capacity)
{
    struct slice first = service->urls_count > 0 ? host_of(service->urls[0]) : (struct slice){0};

    if (service->urls_count > 1)
        snprintf(text, capacity, "service at %.*s, %" PRIu32 " instances", SLICE_ARG(first),
                 service->urls_count);
    else
        snprintf(text, capacity, "service at %.*s", SLICE_ARG(first));
}

static void title_client(const struct scenario *scenario, char *text, size_t capacity)
{
    const char *whose =
        scenario->target == TARGET_LIVE ? ", against a live target: real answers, real money" : "";

    snprintf(text, capacity, "%s: a model of a client; no code of yours ran%s", scenario->name,
             whose);
}

void head_title(const struct scenario *scenario, const struct run_facts *run, char *text,
                size_t capacity)
{
    switch (scenario->subject) {
    case SUBJECT_CLIENT:
        title_client(scenario, text, capacity);
        return;
    case SUBJECT_EXEC:
        title_exec(run, text, capacity);
        return;
    case SUBJECT_SERVICE:
        title_service(&scenario->subject_rules.service, text, capacity);
        return;
    }
}

/* --- the lines -------------------------------------------------------------------------------- */

/* The client's own name says how it behaves; of a program the scenario's says what it met. */
static void add_world(const struct scenario *scenario, const struct run_facts *run,
                      const struct report_facts *facts, struct head *head)
{
    const char *world = strcmp(facts->world, "sim") == 0 ? "simulated" : "real sockets";
    const char *preset = scenario->client.preset;

    if (scenario->subject == SUBJECT_CLIENT)
        add_line(head, "world", "%s, in %s; client %s, seed %" PRIu64, world, SPAN(facts->took),
                 preset[0] != '\0' ? preset : "none", scenario->seed);
    else
        add_line(head, "scenario", "%s, in %s; seed %" PRIu64, scenario->name, SPAN(facts->took),
                 scenario->seed);
    if (scenario->compression > 1)
        add_text(head, "; compressed %" PRIu32 " times", scenario->compression);
    if (is_cut_in_title(run->command))
        add_line(head, "command", "%s", run->command);
    if (facts->is_rejudged)
        add_line(head, "judged", "again, from the files of that run");
}

static void add_target(const struct scenario *scenario, struct head *head)
{
    if (scenario->target != TARGET_LIVE)
        return;
    add_line(head, "target", "%s", "");
    for (uint32_t i = 0; i < scenario->providers_count; i++) {
        const struct provider *provider = &scenario->providers[i];

        if (provider->base_url.size > 0)
            add_text(head, "%s%s at %.*s", i > 0 ? ", " : "", provider->name,
                     SLICE_ARG(host_of(provider->base_url)));
    }
    add_text(head, "; no faults, no journal");
}

/* Nobody but the mock tells of the calls. */
static bool is_seen_only(const struct scenario *scenario, const struct run_facts *run)
{
    return scenario->subject == SUBJECT_EXEC && !run->has_caller;
}

static void add_calls(const struct scenario *scenario, const struct run_figures *f,
                      const struct run_facts *run, struct head *head)
{
    double per_call = f->calls > 0 ? (double)f->attempts / (double)f->calls : 0.0;

    add_line(head, "calls",
             "%" PRIu64 "%s: %" PRIu64 " useful, %" PRIu64 " failed, %" PRIu64
             " unfinished; at most %" PRIu32 " at once",
             f->calls, is_seen_only(scenario, run) ? ", as the mock saw them" : "", f->useful,
             f->failed, f->unfinished, f->in_flight_most);
    add_line(head, "attempts", "%" PRIu64 "%s, %s per call", f->attempts,
             scenario->subject == SUBJECT_SERVICE ? " at the mock" : "",
             readable_number(per_call).text);
}

static void add_counts(struct head *head, const char *const *words, const uint64_t *counts,
                       uint32_t count)
{
    bool is_first = true;

    for (uint32_t i = 0; i < count; i++) {
        if (counts[i] == 0)
            continue;
        add_text(head, "%s%s %" PRIu64, is_first ? "" : ", ", words[i], counts[i]);
        is_first = false;
    }
    if (is_first)
        add_text(head, "none");
}

static bool is_by_question(const struct run_figures *f)
{
    return f->told_by[KEY_LIKENESS] + f->told_by[KEY_RETRY_COUNT] > 0;
}

/* Calls of a program, by the best that is known of the requests of each. Whoever asks the same
 * again after it failed, and never has an answer, cannot be told from a retry: that is said where
 * it may have been so. */
static void add_identity(const struct run_figures *f, struct head *head)
{
    static const char *const words[] = {
        [KEY_NONE] = "nothing",         [KEY_HEADER] = "header",
        [KEY_LIKENESS] = "likeness",    [KEY_MARKER] = "marker",
        [KEY_TRACEPARENT] = "trace id", [KEY_RETRY_COUNT] = "retry count",
        [KEY_ISOLATION] = "isolation",
    };

    if (f->calls == 0)
        return;
    add_line(head, "identity", "calls told apart by: ");
    add_counts(head, words, f->told_by, ARRAY_SIZE(words));
    if (f->doubtful > 0)
        add_text(head, "; %" PRIu64 " doubtful", f->doubtful);
    if (is_by_question(f))
        add_text(head, " (asked again after a failure: the same call)");
}

/* What is said of an SDK and a loop around it. */
static void add_layers(const struct run_figures *f, struct head *head)
{
    if (f->layered == 0)
        return;
    add_line(head, "layers", "2 layers retry: %s (%s), in %" PRIu64 " of %" PRIu64 " calls",
             f->layered_text, f->layered_call, f->layered, f->calls);
}

/* All that descend from what was started. */
static void add_processes(const struct run_figures *f, struct head *head)
{
    if (f->samples == 0)
        return;
    add_line(head, "processes",
             "at most %s resident, %" PRIu64 " descriptors, %" PRIu64 " threads; n %" PRIu64,
             readable_size((double)f->rss_most).text, f->descriptors_most, f->threads_most,
             f->samples);
}

static void add_outcomes(const struct run_figures *f, struct head *head)
{
    const char *words[OUTCOME_COUNT];

    for (int i = 0; i < OUTCOME_COUNT; i++)
        words[i] = outcome_word((enum outcome)i);
    add_line(head, "outcomes", "%s", "");
    add_counts(head, words, f->outcomes, OUTCOME_COUNT);
}

static void add_percentiles(const struct scenario *scenario, const struct run_figures *f,
                            struct head *head)
{
    if (f->n_ok > 0) {
        add_line(head, "response", "p50 %-10sp95 %-10sp99 %-10sn %" PRIu64 " answered",
                 SPAN(f->response_p50), SPAN(f->response_p95), SPAN(f->response_p99), f->n_ok);
        if (f->n_first_token > 0)
            add_line(head, "first token", "p50 %-10sp95 %-10sp99 %s", SPAN(f->first_token_p50),
                     SPAN(f->first_token_p95), SPAN(f->first_token_p99));
    }
    if (f->n_failed > 0)
        add_line(head, "failures", "p50 %-24sp99 %-10sn %" PRIu64, SPAN(f->failed_p50),
                 SPAN(f->failed_p99), f->n_failed);
    if (scenario->subject != SUBJECT_EXEC)
        add_line(head, "send lag", "p99 %s", SPAN(f->send_lag_p99));
}

static void add_tokens(const struct run_figures *f, struct head *head)
{
    if (f->tokens_in > 0 || f->tokens_out > 0)
        add_line(head, "tokens", "%s in, %s out, where the answer told", COUNT(f->tokens_in),
                 COUNT(f->tokens_out));
}

/* A program told no costs of its own. */
static bool is_billed_only(const struct scenario *scenario, const struct run_figures *f,
                           const struct run_facts *run)
{
    if (scenario->subject == SUBJECT_CLIENT)
        return false;
    return is_seen_only(scenario, run) || f->cost_unknown > 0 || f->cost == 0;
}

static void add_cost(const struct scenario *scenario, const struct run_figures *f,
                     const struct run_facts *run, struct head *head)
{
    if (f->cost == 0 && f->billed == 0 && f->cost_unknown == 0)
        return;
    if (is_billed_only(scenario, f, run)) {
        add_line(head, "cost", "%s by the mock's account (prices of %s)", MONEY(f->billed),
                 PRICES_DATED);
        return;
    }
    add_line(head, "cost", "%s", MONEY(f->cost));
    if (f->cost_failed > 0)
        add_text(head, ", %s of it for failed attempts", MONEY(f->cost_failed));
    add_text(head, " (prices of %s)", PRICES_DATED);
    if (f->billed > 0)
        add_text(head, "; billed %s by the mock's account", MONEY(f->billed));
    if (f->cost_unknown > 0)
        add_text(head, "; %" PRIu64 " %s of unknown cost", f->cost_unknown,
                 f->cost_unknown == 1 ? "attempt" : "attempts");
}

/* What a program told its hooks: which alerts these were nobody but the program knows. */
static void add_posts(const struct run_figures *f, struct head *head)
{
    const char *words[HOOK_KINDS_COUNT];
    uint64_t posts[HOOK_KINDS_COUNT], all = 0;

    for (int i = 0; i < HOOK_KINDS_COUNT; i++) {
        words[i] = hook_kind_word((enum hook_kind)i);
        posts[i] = f->hooks[i].posts;
        all += posts[i];
    }
    if (all == 0)
        return;
    add_line(head, "hooks", "posts that were taken: ");
    add_counts(head, words, posts, HOOK_KINDS_COUNT);
}

static void add_alerts(const struct scenario *scenario, const struct run_figures *f,
                       struct head *head)
{
    const char *words[ALERT_KINDS_COUNT];
    uint64_t settled = f->alerts_delivered + f->alerts_lost, raised = 0;

    for (int i = 0; i < ALERT_KINDS_COUNT; i++) {
        words[i] = alert_kind_word((enum alert_kind)i);
        raised += f->alerts[i];
    }
    if (raised == 0 && scenario->monitor.hooks_count == 0)
        return; /* who is not told leaves no record: that is not «none» */
    add_line(head, "alerts", "%s", "");
    add_counts(head, words, f->alerts, ALERT_KINDS_COUNT);
    if (settled > 0)
        add_text(head, "; delivered %" PRIu64 " of %" PRIu64, f->alerts_delivered, settled);
}

/* What the same day costs a client to whom nothing happens. */
static void add_control(const struct report_facts *facts, struct head *head)
{
    const struct run_figures *f;

    if (facts->control == NULL)
        return;
    f = judge_figures(facts->control);
    add_line(head, "control",
             "the same without faults: %" PRIu64 " of %" PRIu64 " useful, %" PRIu64 " attempts",
             f->useful, f->calls, f->attempts);
    if (f->cost > 0)
        add_text(head, ", %s", MONEY(f->cost));
    if (f->n_ok > 0)
        add_text(head, ", response p95 %s", SPAN(f->response_p95));
}

void head_read(const struct scenario *scenario, const struct run_figures *figures,
               const struct run_facts *run, const struct report_facts *facts, struct head *head)
{
    head->count = 0;
    add_world(scenario, run, facts, head);
    add_target(scenario, head);
    add_calls(scenario, figures, run, head);
    if (scenario->subject == SUBJECT_EXEC)
        add_identity(figures, head);
    add_layers(figures, head);
    add_processes(figures, head);
    add_outcomes(figures, head);
    add_percentiles(scenario, figures, head);
    add_tokens(figures, head);
    add_cost(scenario, figures, run, head);
    if (scenario->subject == SUBJECT_CLIENT)
        add_alerts(scenario, figures, head);
    else
        add_posts(figures, head);
    add_control(facts, head);
}
