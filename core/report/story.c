#include "report/story.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "judge/call_case.h"
#include "judge/law.h"
#include "judge/readable.h"
#include "report/bars.h"
#include "report/layout.h"
#include "report/timeline.h"

enum { WORD = 11, LAW_NAME = 23 };

/* --- for all parts ---------------------------------------------------------------------------- */

static nanos later(nanos a, nanos b)
{
    return b != NANOS_NEVER && b > a ? b : a;
}

nanos story_ends_at(const struct story *story)
{
    const struct call_record *call = story->call;
    nanos at = later(call->due_at, call->ended_at);

    if (call->ended_at == NANOS_NEVER)
        at = later(at, story->cut_at);
    for (uint32_t i = 0; i < call_attempts_kept(call); i++)
        at = later(later(at, call->attempts[i].handed_at), call->attempts[i].ended_at);
    for (uint32_t i = 0; i < story->requests_count; i++)
        at = later(later(at, story->requests[i].head_in_at), story->requests[i].closed_at);
    return at;
}

void story_write_end(const struct attempt_record *attempt, char *text, size_t capacity)
{
    if (attempt->status == 0 || attempt->outcome == OUTCOME_OK)
        snprintf(text, capacity, "%s", outcome_word(attempt->outcome));
    else
        snprintf(text, capacity, "%u %s", attempt->status, outcome_word(attempt->outcome));
}

const char *story_model(const struct story *story, uint32_t model)
{
    return model < story->scenario->models_count ? story->scenario->models[model].name : "?";
}

/* --- the head --------------------------------------------------------------------------------- */

static void begin(struct buffer *out, const char *word)
{
    buffer_text(out, "  ");
    layout_left(out, word, WORD);
}

static void write_phases(const struct story *story, struct buffer *out)
{
    const struct phases *phases = &story->scenario->chaos.phases;
    bool is_first = true;

    for (uint32_t i = 0; i < phases->count; i++)
        if (phase_is_open(&phases->list[i], story->call->due_at)) {
            buffer_text(out, is_first ? ", while " : " and ");
            buffer_text(out, phases->list[i].name);
            is_first = false;
        }
    if (!is_first)
        buffer_text(out, " was open");
}

/* When it wanted the call, a program does not say: it is due when it comes. */
static bool is_of_program(const struct story *story)
{
    return story->scenario->subject == SUBJECT_EXEC;
}

static void write_asked(const struct story *story, struct buffer *out)
{
    const struct call_record *call = story->call;

    begin(out, "asked");
    buffer_printf(out, "%s, %s, %" PRIu64 " tokens in, %" PRIu64 " out\n",
                  story_model(story, call->model_asked), call->stream ? "streamed" : "in one piece",
                  call->input_tokens_asked, call->output_tokens_asked);
    begin(out, is_of_program(story) ? "began" : "due");
    buffer_printf(out, "at %s of the run", readable_instant(call->due_at).text);
    write_phases(story, out);
    buffer_byte(out, '\n');
}

/* Unless it says no more than the outcome does. */
static void write_error(const struct call_record *call, struct buffer *out)
{
    bool is_cut = strlen(call->error) == sizeof(call->error) - 1;
    char text[sizeof(call->error) + 4];

    if (call->error[0] == '\0' || strcmp(call->error, outcome_word(call->outcome)) == 0 ||
        strcmp(call->error, outcome_meaning(call->outcome)) == 0)
        return;
    snprintf(text, sizeof(text), "%s%s", call->error, is_cut ? "..." : "");
    begin(out, "error");
    layout_wrapped(out, text, 2 + WORD, 2 + WORD);
}

static void write_ended(const struct story *story, struct buffer *out)
{
    const struct call_record *call = story->call;
    nanos deadline = story->scenario->load.deadline;
    bool is_late = call->ended_at != NANOS_NEVER && call->ended_at - call->due_at > deadline;
    const char *since = is_of_program(story) ? "began" : "was due";
    char text[256], late[64] = "";

    begin(out, "ended");
    if (call->ended_at == NANOS_NEVER) {
        buffer_printf(out, "never; still open %s after it %s, when the run was cut\n",
                      readable_span(story_ends_at(story) - call->due_at).text, since);
        return;
    }
    if (is_late)
        snprintf(late, sizeof(late), " (its deadline was %s)", readable_span(deadline).text);
    snprintf(text, sizeof(text), "%s after it %s, as %s: %s%s",
             readable_span(call->ended_at - call->due_at).text, since, outcome_word(call->outcome),
             outcome_meaning(call->outcome), late);
    layout_wrapped(out, text, 2 + WORD, 2 + WORD);
    write_error(call, out);
}

static void write_attempts(const struct story *story, struct buffer *out)
{
    const struct call_record *call = story->call;

    begin(out, "attempts");
    if (story->scenario->subject != SUBJECT_CLIENT) {
        buffer_printf(out, "%" PRIu32 " at the mock\n", story->requests_count);
        return;
    }
    buffer_printf(out, "%" PRIu32, call->attempts_count);
    if (story->has_journal)
        buffer_printf(
            out, "; %" PRIu32 " reached the mock%s", story->requests_count,
            story->requests_count > call->attempts_count ? ", more than the caller knows of" : "");
    buffer_byte(out, '\n');
}

static void write_usage(const struct story *story, struct buffer *out)
{
    const struct call_record *call = story->call;

    begin(out, "tokens");
    if (call->usage.is_known)
        buffer_printf(out, "%" PRIu64 " in, %" PRIu64 " out\n", call->usage.input_tokens,
                      call->usage.output_tokens);
    else
        buffer_text(out, "unknown: no answer told them\n");
    if (call->cost == 0 && (call->cost_unknown == 0 || story->scenario->subject != SUBJECT_CLIENT))
        return;
    begin(out, "cost");
    buffer_text(out, readable_money(call->cost).text);
    if (call->cost_failed > 0)
        buffer_printf(out, ", %s of it for failed attempts",
                      readable_money(call->cost_failed).text);
    if (call->cost_unknown > 0)
        buffer_printf(out, "; %" PRIu32 " %s of unknown cost", call->cost_unknown,
                      call->cost_unknown == 1 ? "attempt" : "attempts");
    buffer_byte(out, '\n');
}

static bool is_broken(const struct verdict_row *row)
{
    return row->kind == ROW_LAW && row->verdict == VERDICT_FAIL;
}

static void write_broken(const struct story *story, struct buffer *out)
{
    bool is_first = true;

    begin(out, "broke");
    for (uint32_t i = 0; i < story->rows_count; i++)
        if (is_broken(&story->rows[i])) {
            buffer_text(out, is_first ? "" : ", ");
            buffer_text(out, story->rows[i].name);
            is_first = false;
        }
    buffer_text(out, is_first ? "no law that looks at single calls\n" : "\n");
}

/* --- the end ---------------------------------------------------------------------------------- */

/* What a client does that keeps the law. */
static const char *remedy_of(enum law law)
{
    static const char *const remedies[LAWS_COUNT] = {
        [LAW_ONE_OUTCOME] = "end every call once: return, or raise",
        [LAW_NO_HANG] =
            "put a limit on every wait: for the connection, the first token, and between "
            "tokens",
        [LAW_COMPLETE_ANSWERS] =
            "an answer without its protocol's own end is a failure, however much "
            "text it has",
        [LAW_ATTEMPTS_BOUNDED] = "count attempts in one place; layers that each retry multiply, so "
                                 "switch all but one off",
        [LAW_PERMANENT_NOT_RETRIED] =
            "give up, or change the request: the same one is refused again",
        [LAW_ADVICE_HEEDED] =
            "wait as long as the answer asks; where the deadline forbids that, give "
            "up at once or go to another provider",
        [LAW_DEADLINE_KEPT] =
            "give waits and attempts what the deadline leaves, and give up when it "
            "leaves nothing",
        [LAW_FALLBACK_ELIGIBLE] =
            "go to the other model when this one is overloaded, and stay when "
            "the request itself is at fault",
        [LAW_FALLBACK_ORDERED] = "walk the list of models once, from its front",
        [LAW_LOG_COMPLETE] =
            "write the line on every path out: success, failure, crash, cancellation",
        [LAW_TOKENS_AGREE] = "take the counts from the last usage that the answer tells",
        [LAW_NO_REPEATED_OUTPUT] =
            "once words are out, end with an error; begin anew, or elsewhere, "
            "before the first of them only",
        [LAW_COST_AGREE] = "add up what every attempt cost, failed ones too, in whole numbers",
    };

    return remedies[law];
}

static enum law law_of(const struct verdict_row *row)
{
    const char *about;
    uint32_t law = 0;

    while (law < LAWS_COUNT && strcmp(judge_law_name(law, &about), row->name) != 0)
        law++;
    return (enum law)law;
}

static void write_remark(const char *word, const char *text, struct buffer *out)
{
    layout_spaces(out, 2 + LAW_NAME);
    layout_left(out, word, WORD);
    layout_wrapped(out, text, 2 + LAW_NAME + WORD, 2 + LAW_NAME + WORD);
}

static void write_law(const struct verdict_row *row, struct buffer *out)
{
    enum law law = law_of(row);
    const char *what = row->examples_count > 0 ? row->examples[0].text : row->reason;
    const char *about;

    buffer_text(out, "\n  ");
    layout_left(out, row->name, LAW_NAME);
    layout_wrapped(out, what, 2 + LAW_NAME, 2 + LAW_NAME);
    if (law == LAWS_COUNT)
        return;
    judge_law_name(law, &about);
    write_remark("the law", about, out);
    if (remedy_of(law) != NULL)
        write_remark("kept by", remedy_of(law), out);
}

/* Whose word it is. */
static const char *seen_from(const struct story *story)
{
    switch (story->scenario->subject) {
    case SUBJECT_EXEC:
        return story->call->has_account ? "as the mock saw it and the application's log tells it"
                                        : "as the mock saw it";
    case SUBJECT_SERVICE:
        return "as we asked the service, and the service the mock";
    case SUBJECT_CLIENT:
        break;
    }
    return "seen from both ends";
}

void report_story(const struct story *story, struct buffer *out)
{
    char id[CALL_ID_TEXT_MAX];

    assert(story->requests_count <= STORY_REQUESTS_MAX);
    call_id_write(story->scenario, story->call->id, id);
    buffer_printf(out, "%s: one call, %s\n\n", id, seen_from(story));
    write_asked(story, out);
    write_ended(story, out);
    write_attempts(story, out);
    write_usage(story, out);
    write_broken(story, out);
    story_bars(story, out);
    story_timeline(story, out);
    for (uint32_t i = 0; i < story->rows_count; i++)
        if (is_broken(&story->rows[i]))
            write_law(&story->rows[i], out);
}
