#include "judge/journal_calls.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "judge/journal_calls_state.h"

enum { ROOM_AT_FIRST = 64 };

/* A client that leaves is gone for so long before we know at the latest: its next attempt may come
 * first. */
static const nanos LEAVING = 100 * NANOS_MS;

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
    memory_release(c->memory, c->accounts);
    memory_release(c->memory, c->requests);
    memory_release(c->memory, c->names);
    memory_release(c->memory, c->logged.entries);
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
        !grow(c, &c->groups, room, sizeof(*c->groups)) ||
        !grow(c, &c->accounts, room, sizeof(*c->accounts)) ||
        !grow(c, &c->requests, room, sizeof(*c->requests)) ||
        !grow(c, &c->names, room, sizeof(*c->names)))
        return RC_NOMEM;
    c->room = room;
    return RC_OK;
}

struct journal_record *journal_calls_record(const struct journal_calls *c, uint32_t place)
{
    return (struct journal_record *)(void *)(c->records + (size_t)place * RECORD_BYTES);
}

static uint32_t keep_record(struct journal_calls *c, const struct journal_record *record)
{
    struct journal_record *kept = journal_calls_record(c, c->records_count);

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

/* Of an answer that no rule touched: who leaves a disturbed one may well try again. */
static bool is_left(const struct journal_record *record)
{
    bool client_left =
        record->closed_by == CLOSED_CLIENT || record->closed_by == CLOSED_CLIENT_RESET;

    return client_left && record->tokens_written > 0 && record->rule == PLAN_NO_RULE &&
           record->rule_name[0] == '\0';
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
        .is_final = is_refused_for_good(record->status, record->answered),
        .is_left = is_left(record),
        .has_retry_count = record->has_retry_count,
        .retry_count = record->retry_count,
    };
}

static struct entry entry_of(const struct journal_record *record)
{
    struct entry entry = {.kind = ENTRY_OTHER, .number = record->number, .place = NO_RECORD};
    uint64_t isolation = checksum(0, slice_of(record->isolation));

    if (!is_attempt(record))
        return entry;
    entry.attempt = record->attempt;
    entry.chain = chain_request_of(record);
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

enum rc journal_calls_add_log(struct journal_calls *c, const struct app_log_entry *entry)
{
    struct logged *logged = &c->logged;
    uint32_t room = logged->entries_room == 0 ? ROOM_AT_FIRST : 2 * logged->entries_room;

    assert(!c->is_settled);
    if (logged->entries_count >= JOURNAL_CALLS_REQUESTS_MAX)
        return RC_LIMIT;
    if (logged->entries_count == logged->entries_room) {
        if (!grow(c, &logged->entries, room, sizeof(*logged->entries)))
            return RC_NOMEM;
        logged->entries_room = room;
    }
    logged->entries[logged->entries_count++] = *entry;
    logged->has_tokens |= entry->has_input_tokens || entry->has_output_tokens;
    logged->has_costs |= entry->has_cost;
    logged->has_good |= entry->is_ours && !entry->is_unreadable && entry->error[0] == '\0';
    logged->fields |= entry->fields;
    return RC_OK;
}

enum rc journal_calls_note(struct journal_calls *c, const struct journal_record *record)
{
    struct entry entry = entry_of(record);

    assert(!c->is_settled);
    if (entry.kind != ENTRY_CHAINED)
        return RC_OK;
    TRY(make_room(c));
    c->entries[c->entries_count++] = entry;
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
        order = compare(a->chain.first, b->chain.first);
    return order != 0 ? order : compare(a->number, b->number);
}

static bool is_same_owner(const struct entry *a, const struct entry *b)
{
    return a->kind == b->kind && a->owner == b->owner;
}

static void cut(struct journal_calls *c, uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        c->chain[i] = c->entries[from + i].chain;
    chain_cut(c->chain, count);
    for (uint32_t i = 0; i < count; i++)
        c->entries[from + i].chain = c->chain[i];
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

static void leave_out_noted(struct journal_calls *c)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < c->entries_count; i++)
        if (c->entries[i].place != NO_RECORD)
            c->entries[kept++] = c->entries[i];
    c->entries_count = kept;
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
        c->seen[first + i] = request_seen_of(journal_calls_record(c, entries[i].place));
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
               entries[first].chain.first == entries[end].chain.first)
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

enum outcome journal_calls_outcome(const struct journal_record *r)
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

/* --- the application's log -------------------------------------------------------------------- */

static void list_names(struct journal_calls *c)
{
    for (uint32_t group = 0; group < c->groups_count; group++) {
        for (uint32_t i = 0; i < c->groups[group].count; i++) {
            const struct entry *entry = &c->entries[c->groups[group].first + i];
            struct slice call = slice_of(journal_calls_record(c, entry->place)->call);
            uint32_t at = c->joined.requests_count++;

            c->requests[at] = (struct account_name){entry->number, group, false};
            c->names[at] = (struct account_name){account_key(call), group, false};
        }
    }
    c->joined.names_count = c->joined.requests_count;
}

static struct account_call account_call_of(const struct journal_calls *c, const struct group *group)
{
    const struct entry *first = &c->entries[group->first];
    const struct entry *last = first + group->count - 1;
    const struct journal_record *record = journal_calls_record(c, last->place);

    return (struct account_call){
        .begun_at = journal_calls_record(c, first->place)->head_in_at,
        .over_at = over_at(record),
        .is_ok = journal_calls_outcome(record) == OUTCOME_OK,
    };
}

static void join_log(struct journal_calls *c)
{
    for (uint32_t i = 0; i < c->groups_count; i++)
        c->accounts[i] = account_call_of(c, &c->groups[i]);
    c->joined = (struct accounts){
        .calls = c->accounts,
        .calls_count = c->groups_count,
        .requests = c->requests,
        .names = c->names,
        .entries = c->logged.entries,
        .entries_count = c->logged.entries_count,
    };
    list_names(c);
    accounts_join(&c->joined);
}

void journal_calls_settle(struct journal_calls *c)
{
    assert(!c->is_settled);
    c->is_settled = true;
    if (c->entries_count > 0) {
        qsort(c->entries, c->entries_count, sizeof(*c->entries), by_owner);
        cut_chains(c);
        leave_out_noted(c);
        qsort(c->entries, c->entries_count, sizeof(*c->entries), by_owner);
        add_groups(c);
        qsort(c->groups, c->groups_count, sizeof(*c->groups), by_first_request);
    }
    join_log(c);
}
