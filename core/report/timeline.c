#include "report/timeline.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/call_case.h"
#include "judge/readable.h"
#include "judge/rounds.h"
#include "report/layout.h"

enum {
    AFTER_DUE = 11, /* columns of the time */
    CALLER_AT = 13,
    CALLER = 44,
    MOCK_AT = CALLER_AT + CALLER + 3, /* behind an arrow */
    CELL_TEXT_MAX = 400,
    MOMENTS_MAX = 4 + 5 * RECORD_ATTEMPTS_MAX + 3 * STORY_REQUESTS_MAX,
};

/* What is nearer than this belongs on one line; a silence is told from the other on. */
#define TOGETHER (5 * NANOS_MS)
#define SILENCE (500 * NANOS_MS)

/* In the order in which they follow one another where the clock says nothing. */
enum moment_kind {
    MOMENT_DUE,
    MOMENT_HANDED,
    MOMENT_SENT, /* where that took its time */
    MOMENT_IN,
    MOMENT_FIRST_OUT,
    MOMENT_FIRST_TOKEN,
    MOMENT_LAST_TOKEN, /* where nothing followed it for a while */
    MOMENT_OUT,
    MOMENT_ENDED,
    MOMENT_CALL_ENDED,
    MOMENT_DEADLINE,
    MOMENT_CUT,
};

struct moment {
    enum moment_kind kind;
    nanos at;
    uint32_t ordinal;                     /* of its attempt; 0 before all, UINT32_MAX after all */
    const struct attempt_record *attempt; /* of the caller's moments */
    const struct journal_record *request; /* of the mock's */
};

struct moments {
    uint32_t count;
    struct moment list[MOMENTS_MAX];
};

/* --- gathering -------------------------------------------------------------------------------- */

static void add(struct moments *moments, struct moment moment)
{
    if (moment.at == NANOS_NEVER)
        return;
    assert(moments->count < MOMENTS_MAX);
    moments->list[moments->count++] = moment;
}

/* Then the second instant says it all. */
static bool comes_at_once(nanos at, nanos next_at)
{
    return next_at != NANOS_NEVER && next_at - at <= TOGETHER;
}

static void add_attempt(struct moments *moments, const struct attempt_record *a, nanos ends_at)
{
    struct moment moment = {MOMENT_HANDED, a->handed_at, a->ordinal, a, NULL};

    add(moments, moment);
    moment.kind = MOMENT_SENT;
    moment.at = a->sent_at;
    if (!comes_at_once(a->handed_at, a->sent_at))
        add(moments, moment);
    moment.kind = MOMENT_FIRST_TOKEN;
    moment.at = a->first_token_at;
    if (!comes_at_once(a->first_token_at, a->ended_at))
        add(moments, moment);
    moment.kind = MOMENT_LAST_TOKEN;
    moment.at = a->last_content_at;
    if (a->last_content_at != NANOS_NEVER && ends_at != NANOS_NEVER &&
        ends_at - a->last_content_at >= SILENCE)
        add(moments, moment);
    moment.kind = MOMENT_ENDED;
    moment.at = a->ended_at;
    add(moments, moment);
}

/* When the mock was done with a request. It may look at its clock only after the caller has read
 * the answer: an effect is not told before its cause. */
static nanos out_at(const struct call_record *call, const struct journal_record *r)
{
    nanos at = r->closed_by == CLOSED_WHOLE ? r->last_out_at : r->closed_at;

    for (uint32_t i = 0; i < call_attempts_kept(call); i++)
        if (call->attempts[i].ordinal == r->attempt && call->attempts[i].ended_at < at &&
            comes_at_once(call->attempts[i].ended_at, at))
            return call->attempts[i].ended_at;
    return at;
}

static void add_request(struct moments *moments, const struct call_record *call,
                        const struct journal_record *r)
{
    struct moment moment = {MOMENT_IN, r->head_in_at, r->attempt, NULL, r};

    add(moments, moment);
    moment.kind = MOMENT_FIRST_OUT;
    moment.at = r->first_out_at;
    if (r->answered == OUTCOME_OK && !comes_at_once(r->head_in_at, r->first_out_at) &&
        !comes_at_once(r->first_out_at, r->last_out_at))
        add(moments, moment);
    moment.kind = MOMENT_OUT;
    moment.at = out_at(call, r);
    add(moments, moment);
}

static int compare(const void *a, const void *b)
{
    const struct moment *left = a, *right = b;

    if (left->at != right->at)
        return left->at < right->at ? -1 : 1;
    if (left->ordinal != right->ordinal)
        return left->ordinal < right->ordinal ? -1 : 1;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    if (left->request == NULL || right->request == NULL ||
        left->request->number == right->request->number)
        return 0;
    return left->request->number < right->request->number ? -1 : 1;
}

/* A call ends with its last content, an instant before its attempt does. */
static nanos call_ended_at(const struct call_record *call)
{
    const struct attempt_record *last = call_last_attempt(call);

    if (last != NULL && last->ended_at > call->ended_at &&
        comes_at_once(call->ended_at, last->ended_at))
        return last->ended_at;
    return call->ended_at;
}

static void gather(const struct story *story, struct moments *moments)
{
    const struct call_record *call = story->call;
    nanos deadline_at = nanos_add(call->due_at, story->scenario->load.deadline);

    moments->count = 0;
    add(moments, (struct moment){.kind = MOMENT_DUE, .at = call->due_at});
    for (uint32_t i = 0; i < call_attempts_kept(call); i++)
        add_attempt(moments, &call->attempts[i],
                    call->attempts[i].ended_at != NANOS_NEVER ? call->attempts[i].ended_at
                                                              : story->cut_at);
    for (uint32_t i = 0; i < story->requests_count; i++)
        add_request(moments, call, &story->requests[i]);
    if (deadline_at < story_ends_at(story))
        add(moments, (struct moment){MOMENT_DEADLINE, deadline_at, UINT32_MAX, NULL, NULL});
    if (call->ended_at != NANOS_NEVER)
        add(moments,
            (struct moment){MOMENT_CALL_ENDED, call_ended_at(call), UINT32_MAX, NULL, NULL});
    else
        add(moments, (struct moment){MOMENT_CUT, story->cut_at, UINT32_MAX, NULL, NULL});
    qsort(moments->list, moments->count, sizeof(moments->list[0]), compare);
}

/* --- what is said of a moment ----------------------------------------------------------------- */

static void say_handed(const struct story *story, const struct attempt_record *a, char *text)
{
    if (story->scenario->subject == SUBJECT_SERVICE) {
        snprintf(text, CELL_TEXT_MAX, "asks the service for %s", story_model(story, a->model));
        return;
    }
    snprintf(text, CELL_TEXT_MAX, "attempt %" PRIu32 " to %s%s%s", a->ordinal,
             story_model(story, a->model), a->is_fallback ? ", fallback" : "",
             a->layer > 0 ? ", outer layer" : "");
}

/* A refusal speaks for itself; what the caller noticed by itself needs its meaning. */
static void say_ended(const struct attempt_record *a, char *text)
{
    char end[96];

    story_write_end(a, end, sizeof(end));
    if (a->outcome == OUTCOME_OK && a->gap_max > 0)
        snprintf(text, CELL_TEXT_MAX, "answer complete, longest silence %s",
                 readable_span(a->gap_max).text);
    else if (a->outcome == OUTCOME_OK)
        snprintf(text, CELL_TEXT_MAX, "answer complete");
    else if (a->status == 0 || a->status == 200)
        snprintf(text, CELL_TEXT_MAX, "%s: %s", end, outcome_meaning(a->outcome));
    else
        snprintf(text, CELL_TEXT_MAX, "%s", end);
}

/* What was decided stands with the rule that decided it, unless the answer follows at once. */
static void say_in(const struct story *story, const struct journal_record *r, char *text)
{
    const struct chaos *chaos = &story->scenario->chaos;
    bool has_rule = r->rule >= 0 && (uint32_t)r->rule < chaos->rules_count;
    bool is_refused = r->answered != OUTCOME_OK && comes_at_once(r->head_in_at, r->last_out_at);

    snprintf(text, CELL_TEXT_MAX, "request %" PRIu64 " in%s%s%s%s%s", r->number,
             has_rule ? "; rule " : "", has_rule ? chaos->rules[r->rule].name : "",
             has_rule ? " fires" : "", is_refused ? "" : ": ", is_refused ? "" : r->plan);
}

static void say_out(const struct journal_record *r, char *text)
{
    static const char *const ends[] = {[CLOSED_WHOLE] = "whole answer out",
                                       [CLOSED_CLIENT] = "the client left",
                                       [CLOSED_FAULT] = "cut off",
                                       [CLOSED_RUN] = "stopped with the run",
                                       [CLOSED_CLIENT_RESET] = "the client left, by reset"};

    if (r->answered != OUTCOME_OK && r->closed_by == CLOSED_WHOLE)
        snprintf(text, CELL_TEXT_MAX, "%s", r->plan);
    else if (r->answered != OUTCOME_OK)
        snprintf(text, CELL_TEXT_MAX, "%s: %s", ends[r->closed_by], r->plan);
    else
        snprintf(text, CELL_TEXT_MAX, "%s, %" PRIu64 " of %" PRIu64 " tokens", ends[r->closed_by],
                 r->tokens_written, r->output_tokens);
}

static void say_call_ended(const struct story *story, char *text)
{
    const struct call_record *call = story->call;

    if (call->outcome == OUTCOME_OK)
        snprintf(text, CELL_TEXT_MAX, "the call ends: ok");
    else
        snprintf(text, CELL_TEXT_MAX, "the call ends: %s, %s", outcome_word(call->outcome),
                 outcome_meaning(call->outcome));
}

static void say_cut(const struct call_record *call, char *text)
{
    static const char *const where[] = {[PENDING_NOTHING] = "forgotten",
                                        [PENDING_ATTEMPT] = "in an attempt",
                                        [PENDING_WAIT] = "waiting to try again"};

    bool has_begun = call->attempts_count > 0 || call->pending != PENDING_WAIT;

    snprintf(text, CELL_TEXT_MAX, "still open, %s, when the run is cut",
             has_begun ? where[call->pending] : "waiting for a place (load.in_flight_max)");
}

static void say(const struct story *story, const struct moment *moment, char *text)
{
    const struct attempt_record *a = moment->attempt;

    switch (moment->kind) {
    case MOMENT_DUE:
        snprintf(text, CELL_TEXT_MAX, "due");
        return;
    case MOMENT_HANDED:
        say_handed(story, a, text);
        return;
    case MOMENT_SENT:
        snprintf(text, CELL_TEXT_MAX, "on the wire after %s",
                 readable_span(a->sent_at - a->handed_at).text);
        return;
    case MOMENT_IN:
        say_in(story, moment->request, text);
        return;
    case MOMENT_FIRST_OUT:
        snprintf(text, CELL_TEXT_MAX, "begins to answer");
        return;
    case MOMENT_FIRST_TOKEN:
        snprintf(text, CELL_TEXT_MAX, "first token, %s after it was sent",
                 readable_span(a->first_token_at - a->sent_at).text);
        return;
    case MOMENT_LAST_TOKEN:
        snprintf(text, CELL_TEXT_MAX, "last token");
        return;
    case MOMENT_OUT:
        say_out(moment->request, text);
        return;
    case MOMENT_ENDED:
        say_ended(a, text);
        return;
    case MOMENT_CALL_ENDED:
        say_call_ended(story, text);
        return;
    case MOMENT_DEADLINE:
        snprintf(text, CELL_TEXT_MAX, "- - - - the call's deadline - - - -");
        return;
    case MOMENT_CUT:
        say_cut(story->call, text);
        return;
    }
}

/* --- rounds ----------------------------------------------------------------------------------- */

/* Where each round of attempts begins, if an outer layer tried again around an inner one. */
struct round_starts {
    uint32_t count;
    struct {
        uint32_t ordinal; /* of an attempt, */
        uint64_t number;  /* and of its request at the mock */
    } list[STORY_REQUESTS_MAX];
};

static bool begins_round(const struct rounds *rounds, const struct request_seen *requests,
                         uint32_t index)
{
    if (index == 0)
        return true;
    if (rounds->by == ROUNDS_BY_COUNT)
        return requests[index].retry_count <= requests[index - 1].retry_count;
    return index % rounds->attempts_max == 0;
}

static void find_rounds(const struct story *story, struct round_starts *starts)
{
    struct request_seen seen[STORY_REQUESTS_MAX];
    struct rounds rounds;
    struct call_case c;

    starts->count = 0;
    if (story->scenario->subject == SUBJECT_CLIENT || story->requests_count < 2)
        return;
    for (uint32_t i = 0; i < story->requests_count; i++)
        seen[i] = request_seen_of(&story->requests[i]);
    call_case_init(&c, story->scenario, story->call, seen, story->requests_count);
    rounds = rounds_of(seen, story->requests_count);
    for (uint32_t i = 0; i < story->requests_count && rounds.by != ROUNDS_NONE; i++) {
        if (!begins_round(&rounds, seen, i))
            continue;
        starts->list[starts->count].ordinal = seen[i].attempt;
        starts->list[starts->count++].number = seen[i].number;
    }
}

/* Of a command the attempts are the requests; a service is asked once, and asks often. */
static void write_round(const struct story *story, const struct round_starts *starts,
                        const struct moment *moment, struct buffer *out)
{
    bool is_asked = story->scenario->subject == SUBJECT_SERVICE && moment->kind == MOMENT_IN;
    bool is_handed = story->scenario->subject == SUBJECT_EXEC && moment->kind == MOMENT_HANDED;

    for (uint32_t i = 0; i < starts->count; i++) {
        if (!(is_asked && starts->list[i].number == moment->request->number) &&
            !(is_handed && starts->list[i].ordinal == moment->ordinal))
            continue;
        layout_spaces(out, CALLER_AT);
        buffer_printf(out, "- - - - round %" PRIu32 " of %" PRIu32 " - - - -\n", i + 1,
                      starts->count);
    }
}

/* --- lines ------------------------------------------------------------------------------------ */

static void write_time(const struct story *story, nanos at, struct buffer *out)
{
    char text[32];

    snprintf(text, sizeof(text), "%+.3f s", (double)(at - story->call->due_at) / 1e9);
    layout_right(out, text, AFTER_DUE);
    layout_spaces(out, CALLER_AT - AFTER_DUE);
}

/* One line, or two where the caller's part is too long; either part may be empty. */
static void write_lanes(const char *caller, const char *arrow, const char *mock, struct buffer *out)
{
    if (mock[0] == '\0') {
        layout_wrapped(out, caller, CALLER_AT, CALLER_AT);
        return;
    }
    layout_left(out, caller, CALLER);
    if (strlen(caller) > CALLER) {
        buffer_byte(out, '\n');
        layout_spaces(out, CALLER_AT + CALLER);
    }
    buffer_text(out, arrow);
    layout_wrapped(out, mock, MOCK_AT, MOCK_AT + 2);
}

/* Does the second moment tell, from the other end, what the first one did? */
static bool are_together(const struct moment *a, const struct moment *b)
{
    bool is_asked = (a->kind == MOMENT_HANDED || a->kind == MOMENT_SENT) && b->kind == MOMENT_IN;
    bool is_answered = a->kind == MOMENT_OUT && b->kind == MOMENT_ENDED;

    return (is_asked || is_answered) && a->ordinal == b->ordinal && b->at - a->at <= TOGETHER;
}

static void write_pair(const struct story *story, const struct moment *a, const struct moment *b,
                       struct buffer *out)
{
    bool is_asked = b->kind == MOMENT_IN;
    char caller[CELL_TEXT_MAX], mock[CELL_TEXT_MAX];

    say(story, is_asked ? a : b, caller);
    say(story, is_asked ? b : a, mock);
    write_time(story, a->at, out);
    write_lanes(caller, is_asked ? "-> " : "<- ", mock, out);
}

static void write_one(const struct story *story, const struct moment *moment, struct buffer *out)
{
    char text[CELL_TEXT_MAX];

    say(story, moment, text);
    write_time(story, moment->at, out);
    if (moment->request != NULL)
        write_lanes("", "   ", text, out);
    else
        write_lanes(text, "", "", out);
}

/* The caller's doing after a failed attempt until `next`. A wait that the run's cut ends was no
 * shorter than it was told. */
static void write_wait(const struct attempt_record *failed, const struct moment *next,
                       struct buffer *out)
{
    nanos wait = next->at - failed->ended_at;
    bool goes_elsewhere = next->attempt != NULL && next->attempt->model != failed->model;

    layout_spaces(out, CALLER_AT);
    buffer_printf(out, "waits %s", readable_span(wait).text);
    if (failed->advice_wait > wait && next->kind == MOMENT_CUT)
        buffer_printf(out, " so far, told to wait %s", readable_span(failed->advice_wait).text);
    else if (failed->advice_wait > wait && !goes_elsewhere)
        buffer_printf(out, ", though told to wait %s", readable_span(failed->advice_wait).text);
    else if (failed->advice_wait > 0 && wait - failed->advice_wait <= wait / 10 && !goes_elsewhere)
        buffer_text(out, ", as told");
    else if (failed->advice_wait > 0 && !goes_elsewhere)
        buffer_printf(out, ", told to wait %s", readable_span(failed->advice_wait).text);
    buffer_byte(out, '\n');
}

static void write_span(const struct moment *before, nanos span, struct buffer *out)
{
    layout_right(out, ":", AFTER_DUE);
    layout_spaces(out, CALLER_AT - AFTER_DUE);
    buffer_printf(out, "(%s %s)\n",
                  before->kind == MOMENT_FIRST_TOKEN ? "tokens for" : "nothing for",
                  readable_span(span).text);
}

/* The deadline passes by itself: it interrupts neither a wait nor a silence. */
static const struct moment *before_of(const struct moments *moments, uint32_t index)
{
    assert(index > 0);
    while (index > 1 && moments->list[index - 1].kind == MOMENT_DEADLINE)
        index--;
    return &moments->list[index - 1];
}

/* The attempt after whose failure the caller has done nothing before moment `index`; NULL when it
 * was not waiting. */
static const struct attempt_record *waits_since(const struct moments *moments, uint32_t index)
{
    const struct moment *next = &moments->list[index], *before;

    if (next->kind != MOMENT_HANDED && next->kind != MOMENT_CUT && next->kind != MOMENT_CALL_ENDED)
        return NULL;
    before = before_of(moments, index);
    return before->kind == MOMENT_ENDED ? before->attempt : NULL;
}

/* What lies between moment `index` and the one before it. */
static void write_gap(const struct moments *moments, uint32_t index, struct buffer *out)
{
    const struct moment *next = &moments->list[index], *before = before_of(moments, index);
    const struct attempt_record *failed = waits_since(moments, index);

    if (failed != NULL && next->at > failed->ended_at)
        write_wait(failed, next, out);
    else if (failed == NULL && next->kind != MOMENT_DEADLINE && next->at - before->at >= SILENCE)
        write_span(before, next->at - before->at, out);
}

void story_timeline(const struct story *story, struct buffer *out)
{
    struct round_starts rounds;
    struct moments moments;
    const struct moment *list = moments.list;

    gather(story, &moments);
    find_rounds(story, &rounds);
    buffer_byte(out, '\n');
    layout_right(out, "after due", AFTER_DUE);
    layout_spaces(out, CALLER_AT - AFTER_DUE);
    layout_left(out, "caller", CALLER + 3);
    buffer_text(out, story->has_journal ? "mock\n" : "no journal\n");
    for (uint32_t i = 0; i < moments.count; i++) {
        bool is_pair = i + 1 < moments.count && are_together(&list[i], &list[i + 1]);

        if (i > 0)
            write_gap(&moments, i, out);
        write_round(story, &rounds, &list[i], out);
        if (is_pair)
            write_pair(story, &list[i], &list[i + 1], out);
        else
            write_one(story, &list[i], out);
        i += is_pair;
    }
}
