#include "judge/journal_calls.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "judge/journal_calls_state.h"
#include "judge/law_state.h"
#include "judge/readable.h"

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

static const struct journal_record *record_of(const struct journal_calls *c,
                                              const struct group *group, uint32_t index)
{
    return journal_calls_record(c, c->entries[group->first + index].place);
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
        .is_doubtful = c->entries[group->first].chain.is_doubtful,
        .requests_count = group->count,
        .first_at = group_first_at(c, group),
        .outcome = journal_calls_outcome(record_of(c, group, group->count - 1)),
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
        .outcome = journal_calls_outcome(r),
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

/* --- the application's account ---------------------------------------------------------------- */

/* A latency beyond all time is cut to some centuries. */
static nanos ended_at(const struct app_log_entry *entry, nanos due_at)
{
    double longest = (double)(NANOS_NEVER / 2);

    return due_at + (nanos)llround(fmin(entry->latency_ms * (double)NANOS_MS, longest));
}

/* A count that is not logged is the one that the mock told. */
static void take_usage(const struct app_log_entry *entry, struct usage *usage)
{
    usage->is_known = entry->has_input_tokens || entry->has_output_tokens;
    if (entry->has_input_tokens)
        usage->input_tokens = entry->input_tokens;
    if (entry->has_output_tokens)
        usage->output_tokens = entry->output_tokens;
}

static void take_line(const struct journal_calls *c, const struct app_log_entry *entry,
                      struct call_record *record)
{
    record->outcome = entry->error[0] == '\0' ? OUTCOME_OK : record->outcome;
    if (entry->error[0] != '\0' && record->outcome == OUTCOME_OK)
        record->outcome = OUTCOME_CLIENT_CRASH; /* answered well, and made nothing of it */
    record->pending = PENDING_NOTHING;
    if (entry->has_latency)
        record->ended_at = ended_at(entry, record->due_at);
    if (c->logged.has_tokens)
        take_usage(entry, &record->usage);
    record->cost_unknown = entry->has_cost ? 0 : record->attempts_count;
    if (entry->has_cost)
        record->cost = entry->cost;
    memcpy(record->stop_reason, entry->stop_reason, sizeof(record->stop_reason));
}

static void take_account(const struct journal_calls *c, uint32_t index, struct call_record *record)
{
    const struct account_call *account = &c->accounts[index];
    const struct app_log_entry *entry;

    if (account->account == ACCOUNT_NONE)
        return;
    entry = &c->logged.entries[account->entry];
    record->has_account = true;
    memcpy(record->error, entry->error, sizeof(record->error));
    if (account->account == ACCOUNT_LINE)
        take_line(c, entry, record);
}

/* --- one case --------------------------------------------------------------------------------- */

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
        .outcome = journal_calls_outcome(last),
        .pending = last->closed_by == CLOSED_RUN ? PENDING_ATTEMPT : PENDING_NOTHING,
        .usage = last->usage_told,
        .key = group_key(c, group),
        .is_doubtful = c->entries[group->first].chain.is_doubtful,
    };
    add_attempts(c, group, record);
    take_account(c, index, record);
    call_case_init(out, c->scenario, record, &c->seen[group->first], group->count);
}

/* --- a judge's evidence ----------------------------------------------------------------------- */

static void feed_record(const struct journal_calls *c, const struct entry *entry, const char *call,
                        struct judge *judge)
{
    struct journal_record record;

    memcpy(&record, journal_calls_record(c, entry->place), offsetof(struct journal_record, plan));
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
    if (c->accounts[index].is_doubled)
        judge_feed_call(judge, &record); /* which blames it for that */
}

/* Lines of failed calls have no answer to tell of, and who has no error to tell may say nothing. */
static bool is_missed(const struct journal_calls *c, enum log_field field)
{
    struct slice pointer = c->scenario->subject_rules.exec.log.pointers[field];
    struct log_map plain;

    log_map_init(&plain);
    return field != LOG_FIELD_ERROR && c->logged.has_good && pointer.size > 0 &&
           !slice_is(pointer, plain.pointers[field]) && (c->logged.fields >> field & 1) == 0;
}

/* "--map id=/nope, cost=/usd: none of 12 lines has it" */
static void tell_missed(const struct journal_calls *c, struct run_facts *facts)
{
    char *text = facts->log_unmapped;
    size_t room = sizeof(facts->log_unmapped) - 40, used = 0; /* the end has its place */

    text[0] = '\0';
    for (int i = 0; i < LOG_FIELDS_COUNT && used + 1 < room; i++) {
        enum log_field field = (enum log_field)i;

        if (!is_missed(c, field))
            continue;
        snprintf(text + used, room - used, "%s%s=%.*s", used == 0 ? "--map " : ", ",
                 log_field_name(field), SLICE_ARG(c->scenario->subject_rules.exec.log.pointers[i]));
        used += strlen(text + used);
    }
    if (used > 0)
        snprintf(text + used, sizeof(facts->log_unmapped) - used, ": none of %s has it",
                 readable_plural(c->joined.lines, "line").text);
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
    facts->has_caller |= c->logged.entries_count > 0;
    facts->log_lines = c->joined.lines;
    facts->log_malformed = c->joined.malformed;
    facts->log_strangers = c->joined.strangers;
    facts->log_leaking = c->joined.leaking;
    tell_missed(c, facts);
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
