#include "judge/journal_calls.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "judge/chain.h"
#include "judge/law_state.h"

enum { ROOM_AT_FIRST = 64 };

/* What is kept of a record: all but its plan, whose text is then empty. */
enum {
    RECORD_ALIGN = _Alignof(struct journal_record),
    RECORD_BYTES =
        offsetof(struct journal_record, plan) / RECORD_ALIGN * RECORD_ALIGN + RECORD_ALIGN
};

/* A client that leaves is gone for so long before we know at the latest: its next attempt may come
 * first. */
static const nanos LEAVING = 100 * NANOS_MS;

enum entry_kind {
    ENTRY_NAMED,   /* of a call that its sender named */
    ENTRY_CHAINED, /* ... of whose question alone is known */
    ENTRY_OTHER,   /* of no call */
};

/* One request, and what sorts it to its call. */
struct entry {
    enum entry_kind kind;
    uint32_t place; /* of its record; NO_RECORD: it only helps to tell others apart */
    uint64_t owner; /* hash of the call's name, or of its question; each with the isolation path */
    uint64_t number;
    uint32_t first;   /* with the same owner: the same call */
    uint32_t attempt; /* from 1, once settled */
    bool is_doubtful;
};

enum { NO_RECORD = UINT32_MAX };

struct group {
    uint32_t first; /* of entries, and of seen */
    uint32_t count;
    uint64_t number; /* of its first request */
};

/* Every table has room for as many as `room`, so that settling needs none and cannot fail. */
struct journal_calls {
    const struct scenario *scenario;
    const struct memory *memory;
    uint32_t room;
    struct entry *entries;
    uint32_t entries_count;
    char *records; /* RECORD_BYTES each */
    uint32_t records_count;
    struct chain_request *chain; /* of one question, while it is cut */
    struct request_seen *seen;   /* once settled: beside the entries, for the laws */
    struct group *groups;
    uint32_t groups_count;
    uint32_t others_first; /* entries behind those of the groups, once settled */
    uint64_t strangers, unknown_paths;
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
    memory_release(c->memory, c->records);
    memory_release(c->memory, c->chain);
    memory_release(c->memory, c->seen);
    memory_release(c->memory, c->groups);
    memory_release(c->memory, c);
}

/* --- taking records --------------------------------------------------------------------------- */

/* `table` is the address of a pointer of whatever type. */
static bool grow(struct journal_calls *c, void *table, uint32_t room, size_t size)
{
    void *block;

    memcpy(&block, table, sizeof(block));
    block = c->memory->resize(c->memory->context, block, room * size);
    if (block != NULL)
        memcpy(table, &block, sizeof(block));
    return block != NULL;
}

static enum rc make_room(struct journal_calls *c)
{
    uint32_t room = c->room == 0 ? ROOM_AT_FIRST : 2 * c->room;

    if (c->entries_count < c->room)
        return RC_OK;
    if (c->entries_count >= JOURNAL_CALLS_REQUESTS_MAX)
        return RC_LIMIT;
    if (!grow(c, &c->entries, room, sizeof(*c->entries)) ||
        !grow(c, &c->records, room, RECORD_BYTES) || !grow(c, &c->chain, room, sizeof(*c->chain)) ||
        !grow(c, &c->seen, room, sizeof(*c->seen)) ||
        !grow(c, &c->groups, room, sizeof(*c->groups)))
        return RC_NOMEM;
    c->room = room;
    return RC_OK;
}

static struct journal_record *record_at(const struct journal_calls *c, uint32_t place)
{
    return (struct journal_record *)(void *)(c->records + (size_t)place * RECORD_BYTES);
}

static uint32_t keep_record(struct journal_calls *c, const struct journal_record *record)
{
    struct journal_record *kept = record_at(c, c->records_count);

    memcpy(kept, record, offsetof(struct journal_record, plan));
    kept->plan[0] = '\0';
    return c->records_count++;
}

/* Only what asks a model for an answer is an attempt of anything. */
static bool is_attempt(const struct journal_record *record)
{
    return !record->is_hook && record->call[0] != '\0' &&
           (record->kind == JOURNAL_GENERATE || record->kind == JOURNAL_EMBEDDINGS);
}

/* "like:H:N" without the occurrence; other names as they are. */
static struct slice name_of_question(const struct journal_record *record)
{
    struct slice name = slice_of(record->call);
    size_t size = name.size;

    if (record->key == KEY_ISOLATION)
        return name;
    while (size > 0 && name.data[size - 1] != ':')
        size--;
    return size > 0 ? (struct slice){name.data, size} : name;
}

static bool is_chained(enum key_used key)
{
    return key == KEY_LIKENESS || key == KEY_RETRY_COUNT || key == KEY_ISOLATION;
}

static struct entry entry_of(const struct journal_record *record)
{
    struct entry entry = {.kind = ENTRY_OTHER, .number = record->number, .place = NO_RECORD};
    uint64_t isolation = checksum(0, slice_of(record->isolation));

    if (!is_attempt(record))
        return entry;
    entry.attempt = record->attempt;
    entry.kind = is_chained(record->key) ? ENTRY_CHAINED : ENTRY_NAMED;
    if (entry.kind == ENTRY_NAMED)
        entry.owner = checksum(isolation, slice_of(record->call));
    else if (record->question != 0)
        entry.owner = record->question;
    else
        entry.owner = checksum(isolation, name_of_question(record));
    return entry;
}

enum rc journal_calls_add(struct journal_calls *c, const struct journal_record *record)
{
    struct entry entry = entry_of(record);

    assert(!c->is_settled);
    TRY(make_room(c));
    entry.place = keep_record(c, record);
    c->entries[c->entries_count++] = entry;
    c->unknown_paths += record->kind == JOURNAL_UNKNOWN;
    c->strangers += !record->is_hook && record->call[0] == '\0' &&
                    (record->kind == JOURNAL_GENERATE || record->kind == JOURNAL_EMBEDDINGS);
    return RC_OK;
}

/* --- grouping --------------------------------------------------------------------------------- */

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_owner(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int order = compare(a->kind, b->kind);

    if (order == 0)
        order = compare(a->owner, b->owner);
    if (order == 0)
        order = compare(a->first, b->first);
    return order != 0 ? order : compare(a->number, b->number);
}

static bool is_same_owner(const struct entry *a, const struct entry *b)
{
    return a->kind == b->kind && a->owner == b->owner;
}

static bool is_refused_for_good(const struct journal_record *record)
{
    switch (record->status) {
    case 400:
    case 401:
    case 403:
    case 404:
    case 413:
    case 422:
        return true;
    default:
        return record->answered == OUTCOME_QUOTA;
    }
}

static nanos over_at(const struct journal_record *record)
{
    switch (record->closed_by) {
    case CLOSED_CLIENT:
    case CLOSED_CLIENT_RESET:
        return nanos_max(record->head_in_at, record->closed_at - LEAVING);
    case CLOSED_RUN:
        return NANOS_NEVER;
    case CLOSED_WHOLE:
    case CLOSED_FAULT:
        break;
    }
    return record->last_out_at != NANOS_NEVER ? record->last_out_at : record->closed_at;
}

static struct chain_request chain_request_of(const struct journal_record *record)
{
    return (struct chain_request){
        .begun_at = record->head_in_at,
        .over_at = over_at(record),
        .welcome_at = nanos_add(record->last_out_at, record->advice_wait),
        .is_good = record->closed_by == CLOSED_WHOLE && record->answered == OUTCOME_OK &&
                   record->is_complete,
        .is_final = is_refused_for_good(record),
        .has_retry_count = record->has_retry_count,
        .retry_count = record->retry_count,
    };
}

static void cut(struct journal_calls *c, uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        c->chain[i] = chain_request_of(record_at(c, c->entries[from + i].place));
    chain_cut(c->chain, count);
    for (uint32_t i = 0; i < count; i++) {
        c->entries[from + i].first = c->chain[i].first;
        c->entries[from + i].is_doubtful = c->chain[i].is_doubtful;
    }
}

/* Of each question the requests, cut into calls. */
static void cut_chains(struct journal_calls *c)
{
    for (uint32_t first = 0, i = 1; i <= c->entries_count; i++) {
        if (i < c->entries_count && is_same_owner(&c->entries[first], &c->entries[i]))
            continue;
        if (c->entries[first].kind == ENTRY_CHAINED)
            cut(c, first, i - first);
        first = i;
    }
}

/* Where one request of a call does not say which attempt it is, none is believed. */
static void number_attempts(struct entry *entries, uint32_t count)
{
    bool is_said = true;

    for (uint32_t i = 0; i < count; i++)
        is_said = is_said && entries[i].attempt > 0;
    for (uint32_t i = 0; i < count && !is_said; i++)
        entries[i].attempt = i + 1;
}

static int by_attempt(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int order = compare(a->attempt, b->attempt);

    return order != 0 ? order : compare(a->number, b->number);
}

static void add_group(struct journal_calls *c, uint32_t first, uint32_t count)
{
    struct entry *entries = &c->entries[first];

    c->groups[c->groups_count++] = (struct group){first, count, entries[0].number};
    number_attempts(entries, count);
    qsort(entries, count, sizeof(*entries), by_attempt);
    for (uint32_t i = 0; i < count; i++) {
        c->seen[first + i] = request_seen_of(record_at(c, entries[i].place));
        c->seen[first + i].attempt = entries[i].attempt;
    }
}

static void add_groups(struct journal_calls *c)
{
    struct entry *entries = c->entries;
    uint32_t first = 0;

    while (first < c->entries_count && entries[first].kind != ENTRY_OTHER) {
        uint32_t end = first + 1;

        while (end < c->entries_count && is_same_owner(&entries[first], &entries[end]) &&
               entries[first].first == entries[end].first)
            end++;
        add_group(c, first, end - first);
        first = end;
    }
    c->others_first = first;
}

static int by_first_request(const void *left, const void *right)
{
    return compare(((const struct group *)left)->number, ((const struct group *)right)->number);
}

void journal_calls_settle(struct journal_calls *c)
{
    assert(!c->is_settled);
    c->is_settled = true;
    if (c->entries_count == 0)
        return;
    qsort(c->entries, c->entries_count, sizeof(*c->entries), by_owner);
    cut_chains(c);
    qsort(c->entries, c->entries_count, sizeof(*c->entries), by_owner);
    add_groups(c);
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
static enum outcome attempt_outcome(const struct journal_record *r)
{
    if (r->answered != OUTCOME_OK)
        return r->answered;
    switch (r->closed_by) {
    case CLOSED_CLIENT:
    case CLOSED_CLIENT_RESET:
        return OUTCOME_CANCELLED;
    case CLOSED_RUN:
        return OUTCOME_UNFINISHED;
    case CLOSED_WHOLE:
    case CLOSED_FAULT:
        break;
    }
    if (r->is_complete)
        return OUTCOME_OK;
    return r->status == 0 ? OUTCOME_RESET_BEFORE : OUTCOME_TRUNCATED;
}

static const struct journal_record *record_of(const struct journal_calls *c,
                                              const struct group *group, uint32_t index)
{
    return record_at(c, c->entries[group->first + index].place);
}

static nanos group_first_at(const struct journal_calls *c, const struct group *group)
{
    nanos at = NANOS_NEVER;

    for (uint32_t i = 0; i < group->count; i++)
        at = nanos_min(at, record_of(c, group, i)->head_in_at);
    return at;
}

void journal_calls_at(const struct journal_calls *c, uint32_t index, struct journal_call *call)
{
    const struct group *group;

    assert(c->is_settled);
    assert(index < c->groups_count);
    group = &c->groups[index];
    *call = (struct journal_call){
        .is_doubtful = c->entries[group->first].is_doubtful,
        .requests_count = group->count,
        .first_at = group_first_at(c, group),
        .outcome = attempt_outcome(record_of(c, group, group->count - 1)),
    };
    memcpy(call->call, record_of(c, group, 0)->call, sizeof(call->call));
}

static struct attempt_record attempt_of(const struct journal_record *r, uint32_t ordinal,
                                        uint32_t model_asked)
{
    bool has_answer = r->status != 0 && r->last_out_at != NANOS_NEVER;

    return (struct attempt_record){
        .ordinal = ordinal,
        .model = r->model,
        .is_fallback = r->model != model_asked,
        .handed_at = r->head_in_at,
        .sent_at = r->body_in_at,
        .first_byte_at = r->first_out_at,
        .first_token_at = NANOS_NEVER,
        .first_content_at = NANOS_NEVER,
        .last_content_at = r->last_out_at,
        .ended_at = r->closed_at,
        .status = has_answer ? r->status : 0,
        .outcome = attempt_outcome(r),
        .advice_wait = r->advice_wait,
        .usage = r->usage_told,
        .has_cost = r->has_cost,
        .cost = r->cost,
    };
}

static void add_attempts(const struct journal_calls *c, const struct group *group,
                         struct call_record *record)
{
    uint32_t kept = group->count < RECORD_ATTEMPTS_MAX ? group->count : RECORD_ATTEMPTS_MAX;

    record->attempts_count = group->count;
    for (uint32_t i = 0; i < kept; i++)
        record->attempts[i] = attempt_of(record_of(c, group, i),
                                         c->entries[group->first + i].attempt, record->model_asked);
    for (uint32_t i = 0; i < group->count; i++)
        record->cost = money_add(record->cost, record_of(c, group, i)->cost);
    for (uint32_t i = 1; i < group->count; i++) {
        nanos closed_at = record_of(c, group, i - 1)->closed_at;

        if (closed_at != NANOS_NEVER)
            record->wait_max =
                nanos_max(record->wait_max, record_of(c, group, i)->head_in_at - closed_at);
    }
}

/* The weakest of those that its requests were known by. */
static enum key_used group_key(const struct journal_calls *c, const struct group *group)
{
    enum key_used key = record_of(c, group, 0)->key;

    for (uint32_t i = 1; i < group->count && key != KEY_LIKENESS; i++)
        if (record_of(c, group, i)->key == KEY_LIKENESS)
            key = KEY_LIKENESS;
    return key;
}

/* Of the scenario's parts the one whose calls a program makes. */
static uint32_t foreign_part(const struct scenario *scenario)
{
    uint32_t part = 0;

    while (part < scenario->load.parts_count && scenario->load.parts[part].kind != PART_FOREIGN)
        part++;
    return part < scenario->load.parts_count ? part : 0;
}

void journal_calls_case(struct journal_calls *c, uint32_t index, struct call_record *record,
                        struct call_case *out)
{
    const struct group *group;
    const struct journal_record *first, *last;

    assert(c->is_settled);
    assert(index < c->groups_count);
    group = &c->groups[index];
    first = record_of(c, group, 0);
    last = record_of(c, group, group->count - 1);
    *record = (struct call_record){
        .id = {foreign_part(c->scenario), index + 1},
        .stream = first->stream,
        .model_asked = first->model,
        .model_answered = last->model,
        .input_tokens_asked = first->input_tokens,
        .output_tokens_asked = first->output_tokens,
        .due_at = group_first_at(c, group),
        .ended_at = last->closed_by == CLOSED_RUN ? NANOS_NEVER : last->closed_at,
        .outcome = attempt_outcome(last),
        .pending = last->closed_by == CLOSED_RUN ? PENDING_ATTEMPT : PENDING_NOTHING,
        .usage = last->usage_told,
        .key = group_key(c, group),
        .is_doubtful = c->entries[group->first].is_doubtful,
    };
    add_attempts(c, group, record);
    call_case_init(out, c->scenario, record, &c->seen[group->first], group->count);
}

/* --- a judge's evidence ----------------------------------------------------------------------- */

static void feed_record(const struct journal_calls *c, const struct entry *entry, const char *call,
                        struct judge *judge)
{
    struct journal_record record;

    memcpy(&record, record_at(c, entry->place), offsetof(struct journal_record, plan));
    memset(record.plan, 0, sizeof(record.plan));
    slice_copy(slice_of(call), record.call, sizeof(record.call));
    record.attempt = entry->attempt;
    judge_feed_journal(judge, &record);
}

/* Its requests first: a judge that has them all judges the call at once. */
static void feed_call(struct journal_calls *c, uint32_t index, struct judge *judge)
{
    const struct group *group = &c->groups[index];
    char name[CALL_ID_TEXT_MAX];
    struct call_record record;
    struct call_case c_case;

    journal_calls_case(c, index, &record, &c_case);
    call_id_write(c->scenario, record.id, name);
    for (uint32_t i = 0; i < group->count; i++)
        feed_record(c, &c->entries[group->first + i], name, judge);
    judge_feed_call(judge, &record);
}

void journal_calls_feed(struct journal_calls *c, struct judge *judge, struct run_facts *facts)
{
    assert(c->is_settled);
    for (uint32_t i = c->others_first; i < c->entries_count; i++)
        feed_record(c, &c->entries[i], "", judge);
    for (uint32_t i = 0; i < c->groups_count; i++)
        feed_call(c, i, judge);
    facts->calls_planned = c->groups_count;
    facts->unknown_paths = c->unknown_paths;
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

/* What a call broke by its own requests alone is broken, whoever else's may belong to it. */
static bool stands_by_itself(enum law law)
{
    return law == LAW_ATTEMPTS_BOUNDED || law == LAW_PERMANENT_NOT_RETRIED ||
           law == LAW_ADVICE_HEEDED;
}

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
    if (result == LAW_UNDECIDED ||
        (call.is_doubtful && (result == LAW_HELD || !stands_by_itself(law)))) {
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
        hearing.lost = JOURNAL_CALLS_DOUBT;
    law_state_fill_row(&state, law, &hearing, row);
}
