#include "judge/journal_calls.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "judge/law_state.h"

enum { ROOM_AT_FIRST = 64 };

/* One request, and what sorts it to its call: requests of a group lie side by side once settled. */
struct entry {
    char call[CALL_ID_TEXT_MAX];
    char isolation[sizeof(((struct journal_record *)0)->isolation)];
    struct request_seen seen;
    enum closed_by closed_by;
    bool stream;
    nanos first_out_at, body_in_at;
    uint64_t input_tokens, output_tokens;
};

struct group {
    uint32_t first; /* of entries, and of seen */
    uint32_t count;
    uint64_t number; /* of its first request */
};

struct journal_calls {
    const struct scenario *scenario;
    const struct memory *memory;
    struct entry *entries;
    uint32_t entries_count, entries_room;
    struct request_seen *seen; /* once settled: beside the entries, for the laws */
    struct group *groups;
    uint32_t groups_count;
    uint64_t strangers;
    bool is_settled;
};

/* --- birth and death -------------------------------------------------------------------------- */

enum rc journal_calls_new(struct journal_calls **calls, const struct scenario *scenario,
                          const struct memory *memory)
{
    struct journal_calls *c = memory_zeroed(memory, 1, sizeof(*c));

    if (c == NULL)
        return RC_NOMEM;
    c->scenario = scenario;
    c->memory = memory;
    *calls = c;
    return RC_OK;
}

void journal_calls_free(struct journal_calls *c)
{
    if (c == NULL)
        return;
    memory_release(c->memory, c->entries);
    memory_release(c->memory, c->seen);
    memory_release(c->memory, c->groups);
    memory_release(c->memory, c);
}

/* --- taking records --------------------------------------------------------------------------- */

/* Every table grows with the first, so that settling needs none and cannot fail. */
static enum rc make_room(struct journal_calls *c)
{
    uint32_t room = c->entries_room == 0 ? ROOM_AT_FIRST : 2 * c->entries_room;
    void *block;

    if (c->entries_count < c->entries_room)
        return RC_OK;
    if (c->entries_count >= JOURNAL_CALLS_REQUESTS_MAX)
        return RC_LIMIT;
    block = c->memory->resize(c->memory->context, c->seen, room * sizeof(*c->seen));
    if (block == NULL)
        return RC_NOMEM;
    c->seen = block;
    block = c->memory->resize(c->memory->context, c->groups, room * sizeof(*c->groups));
    if (block == NULL)
        return RC_NOMEM;
    c->groups = block;
    block = c->memory->resize(c->memory->context, c->entries, room * sizeof(*c->entries));
    if (block == NULL)
        return RC_NOMEM;
    c->entries = block;
    c->entries_room = room;
    return RC_OK;
}

/* Only what asks a model for an answer is an attempt of anything. */
static bool is_attempt(const struct journal_record *record)
{
    return !record->is_hook &&
           (record->kind == JOURNAL_GENERATE || record->kind == JOURNAL_EMBEDDINGS);
}

enum rc journal_calls_add(struct journal_calls *c, const struct journal_record *record)
{
    struct entry *entry;

    assert(!c->is_settled);
    if (!is_attempt(record))
        return RC_OK;
    if (record->call[0] == '\0') {
        c->strangers++;
        return RC_OK;
    }
    TRY(make_room(c));
    entry = &c->entries[c->entries_count++];
    *entry = (struct entry){
        .seen = request_seen_of(record),
        .closed_by = record->closed_by,
        .stream = record->stream,
        .first_out_at = record->first_out_at,
        .body_in_at = record->body_in_at,
        .input_tokens = record->input_tokens,
        .output_tokens = record->output_tokens,
    };
    memcpy(entry->call, record->call, sizeof(entry->call));
    memcpy(entry->isolation, record->isolation, sizeof(entry->isolation));
    return RC_OK;
}

/* --- grouping --------------------------------------------------------------------------------- */

static int by_call(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int order = strcmp(a->call, b->call);

    if (order == 0)
        order = strcmp(a->isolation, b->isolation);
    if (order == 0)
        order = (a->seen.number > b->seen.number) - (a->seen.number < b->seen.number);
    return order;
}

static bool is_same_call(const struct entry *a, const struct entry *b)
{
    return strcmp(a->call, b->call) == 0 && strcmp(a->isolation, b->isolation) == 0;
}

/* Where one request of a call does not say which attempt it is, none is believed. */
static void number_attempts(struct entry *entries, uint32_t count)
{
    bool is_said = true;

    for (uint32_t i = 0; i < count; i++)
        is_said = is_said && entries[i].seen.attempt > 0;
    for (uint32_t i = 0; i < count && !is_said; i++)
        entries[i].seen.attempt = i + 1;
}

static int by_attempt(const void *left, const void *right)
{
    const struct request_seen *a = &((const struct entry *)left)->seen;
    const struct request_seen *b = &((const struct entry *)right)->seen;

    if (a->attempt != b->attempt)
        return a->attempt < b->attempt ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static void add_group(struct journal_calls *c, uint32_t first, uint32_t count)
{
    struct entry *entries = &c->entries[first];

    c->groups[c->groups_count++] = (struct group){first, count, entries[0].seen.number};
    number_attempts(entries, count);
    qsort(entries, count, sizeof(*entries), by_attempt);
    for (uint32_t i = 0; i < count; i++)
        c->seen[first + i] = entries[i].seen;
}

static int by_first_request(const void *left, const void *right)
{
    uint64_t a = ((const struct group *)left)->number;
    uint64_t b = ((const struct group *)right)->number;

    return (a > b) - (a < b);
}

void journal_calls_settle(struct journal_calls *c)
{
    assert(!c->is_settled);
    c->is_settled = true;
    if (c->entries_count == 0)
        return;
    qsort(c->entries, c->entries_count, sizeof(*c->entries), by_call);
    for (uint32_t first = 0, i = 1; i <= c->entries_count; i++) {
        if (i < c->entries_count && is_same_call(&c->entries[first], &c->entries[i]))
            continue;
        add_group(c, first, i - first);
        first = i;
    }
    qsort(c->groups, c->groups_count, sizeof(*c->groups), by_first_request);
}

/* --- one call --------------------------------------------------------------------------------- */

uint32_t journal_calls_count(const struct journal_calls *c)
{
    assert(c->is_settled);
    return c->groups_count;
}

uint64_t journal_calls_strangers(const struct journal_calls *c)
{
    return c->strangers;
}

/* How it ended as far as the mock can see: of a client that left nobody knows why. */
static enum outcome attempt_outcome(const struct entry *e)
{
    if (e->seen.answered != OUTCOME_OK)
        return e->seen.answered;
    switch (e->closed_by) {
    case CLOSED_CLIENT:
    case CLOSED_CLIENT_RESET:
        return OUTCOME_CANCELLED;
    case CLOSED_RUN:
        return OUTCOME_UNFINISHED;
    case CLOSED_WHOLE:
    case CLOSED_FAULT:
        break;
    }
    if (e->seen.is_complete)
        return OUTCOME_OK;
    return e->seen.status == 0 ? OUTCOME_RESET_BEFORE : OUTCOME_TRUNCATED;
}

static nanos group_first_at(const struct journal_calls *c, const struct group *group)
{
    nanos at = NANOS_NEVER;

    for (uint32_t i = 0; i < group->count; i++) {
        nanos head_in_at = c->entries[group->first + i].seen.head_in_at;

        at = head_in_at < at ? head_in_at : at;
    }
    return at;
}

void journal_calls_at(const struct journal_calls *c, uint32_t index, struct journal_call *call)
{
    const struct group *group;
    const struct entry *entries;

    assert(c->is_settled);
    assert(index < c->groups_count);
    group = &c->groups[index];
    entries = &c->entries[group->first];
    *call = (struct journal_call){
        .requests_count = group->count,
        .first_at = group_first_at(c, group),
        .outcome = attempt_outcome(&entries[group->count - 1]),
    };
    memcpy(call->call, entries->call, sizeof(call->call));
    for (uint32_t i = 0; i < group->count; i++)
        call->is_likeness = call->is_likeness || entries[i].seen.is_likeness;
}

static struct attempt_record attempt_of(const struct entry *e, uint32_t model_asked)
{
    bool has_answer = e->seen.status != 0 && e->seen.last_out_at != NANOS_NEVER;

    return (struct attempt_record){
        .ordinal = e->seen.attempt,
        .model = e->seen.model,
        .is_fallback = e->seen.model != model_asked,
        .handed_at = e->seen.head_in_at,
        .sent_at = e->body_in_at,
        .first_byte_at = e->first_out_at,
        .first_token_at = NANOS_NEVER,
        .first_content_at = NANOS_NEVER,
        .last_content_at = e->seen.last_out_at,
        .ended_at = e->seen.closed_at,
        .status = has_answer ? e->seen.status : 0,
        .outcome = attempt_outcome(e),
        .advice_wait = e->seen.advice_wait,
        .usage = e->seen.usage_told,
        .has_cost = e->seen.has_cost,
        .cost = e->seen.cost,
    };
}

static void add_attempts(const struct entry *entries, uint32_t count, struct call_record *record)
{
    uint32_t kept = count < RECORD_ATTEMPTS_MAX ? count : RECORD_ATTEMPTS_MAX;

    record->attempts_count = count;
    for (uint32_t i = 0; i < kept; i++)
        record->attempts[i] = attempt_of(&entries[i], record->model_asked);
    for (uint32_t i = 0; i < count; i++)
        record->cost = money_add(record->cost, entries[i].seen.cost);
    for (uint32_t i = 1; i < count; i++)
        if (entries[i - 1].seen.closed_at != NANOS_NEVER)
            record->wait_max = nanos_max(record->wait_max, entries[i].seen.head_in_at -
                                                               entries[i - 1].seen.closed_at);
}

void journal_calls_case(struct journal_calls *c, uint32_t index, struct call_record *record,
                        struct call_case *out)
{
    const struct group *group;
    const struct entry *first, *last;

    assert(c->is_settled);
    assert(index < c->groups_count);
    group = &c->groups[index];
    first = &c->entries[group->first];
    last = first + group->count - 1;
    *record = (struct call_record){
        .id = {0, index},
        .stream = first->stream,
        .model_asked = first->seen.model,
        .model_answered = last->seen.model,
        .input_tokens_asked = first->input_tokens,
        .output_tokens_asked = first->output_tokens,
        .due_at = group_first_at(c, group),
        .ended_at = last->closed_by == CLOSED_RUN ? NANOS_NEVER : last->seen.closed_at,
        .outcome = attempt_outcome(last),
        .usage = last->seen.usage_told,
    };
    add_attempts(first, group->count, record);
    call_case_init(out, c->scenario, record, &c->seen[group->first], group->count);
}

/* --- laws ------------------------------------------------------------------------------------- */

bool journal_calls_can_judge(enum law law)
{
    switch (law) {
    case LAW_ATTEMPTS_BOUNDED:
    case LAW_PERMANENT_NOT_RETRIED:
    case LAW_ADVICE_HEEDED:
    case LAW_FALLBACK_ELIGIBLE:
    case LAW_FALLBACK_ORDERED:
        return true;
    default:
        return false;
    }
}

/* A request that may belong to another call proves nothing, either way. */
static void hold_against(struct journal_calls *c, uint32_t index, enum law law,
                         struct law_state *state)
{
    struct journal_call call;
    struct call_record record;
    struct call_case call_case;
    char text[LAW_TEXT_MAX] = "";
    struct law_finding finding = {.text = text};
    enum law_result result;

    journal_calls_at(c, index, &call);
    journal_calls_case(c, index, &record, &call_case);
    result = law_judge(law, &state->rules.limits, &call_case, &finding);
    if (result == LAW_SILENT)
        return;
    state->n++;
    if (call.is_likeness || result == LAW_UNDECIDED) {
        state->undecided++;
        return;
    }
    law_state_note(state, &finding);
    if (result == LAW_BROKEN)
        law_state_blame_named(state, call.call, call.first_at, text);
}

void journal_calls_judge(struct journal_calls *c, enum law law, const struct law_limits *limits,
                         const char *lost, struct verdict_row *row)
{
    struct law_state state = {.rules.limits = *limits};
    struct law_hearing hearing = {
        .scenario = c->scenario, .lost = lost, .has_calls = c->groups_count > 0};
    const char *why_not = law_inapplicable(law, c->scenario, limits);

    assert(journal_calls_can_judge(law));
    *row = (struct verdict_row){.kind = ROW_LAW};
    slice_copy(slice_of(law_facts(law)->name), row->name, sizeof(row->name));
    law_limit_text(law, c->scenario, limits, row->limit, sizeof(row->limit));
    if (why_not != NULL) {
        row->verdict = VERDICT_NOT_APPLICABLE;
        slice_copy(slice_of(why_not), row->reason, sizeof(row->reason));
        return;
    }
    for (uint32_t i = 0; i < c->groups_count; i++)
        hold_against(c, i, law, &state);
    if (lost == NULL && state.undecided > 0)
        hearing.lost = "calls that are known by likeness alone prove nothing";
    law_state_fill_row(&state, law, &hearing, row);
}
