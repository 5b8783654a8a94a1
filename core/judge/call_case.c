#include "judge/call_case.h"

#include <assert.h>

static uint64_t hash_of_asked(const struct journal_record *record)
{
    return record->model_asked[0] != '\0' ? slice_hash(slice_of(record->model_asked)) : 0;
}

/* Thinking comes first. */
static uint64_t words_written(const struct journal_record *record)
{
    bool has_text = record->tokens_written > record->thinking_tokens;

    return has_text ? record->tokens_written - record->thinking_tokens : 0;
}

struct request_seen request_seen_of(const struct journal_record *record)
{
    return (struct request_seen){
        .number = record->number,
        .provider = record->provider,
        .model = record->model,
        .model_asked = hash_of_asked(record),
        .attempt = record->attempt,
        .status = record->status,
        .is_complete = record->is_complete,
        .is_likeness = record->key == KEY_LIKENESS,
        .has_retry_count = record->has_retry_count,
        .retry_count = record->retry_count,
        .answered = record->answered,
        .accepted_at = record->accepted_at,
        .head_in_at = record->head_in_at,
        .last_out_at = record->last_out_at,
        .closed_at = record->closed_at,
        .advice_wait = record->advice_wait,
        .tokens_written = record->tokens_written,
        .words_written = words_written(record),
        .usage_told = record->usage_told,
        .has_cost = record->has_cost,
        .cost = record->cost,
    };
}

bool is_refused_for_good(uint16_t status, enum outcome answered)
{
    const outcome_set permanent = OUTCOME_BIT(OUTCOME_QUOTA) | OUTCOME_BIT(OUTCOME_CONTEXT_LENGTH) |
                                  OUTCOME_BIT(OUTCOME_INVALID_REQUEST) | OUTCOME_BIT(OUTCOME_AUTH) |
                                  OUTCOME_BIT(OUTCOME_CONTENT_POLICY);

    switch (status) {
    case 400:
    case 401:
    case 403:
    case 404:
    case 413:
    case 422:
        return true;
    default:
        return (permanent & OUTCOME_BIT(answered)) != 0;
    }
}

static bool is_earlier(const struct request_seen *a, const struct request_seen *b)
{
    if (a->attempt != b->attempt)
        return a->attempt < b->attempt;
    return a->number < b->number;
}

/* Insertion: a handful of requests, nearly always in order. */
static void sort_requests(struct request_seen *requests, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct request_seen moving = requests[i];
        uint32_t to = i;

        for (; to > 0 && is_earlier(&moving, &requests[to - 1]); to--)
            requests[to] = requests[to - 1];
        requests[to] = moving;
    }
}

static bool is_answer(enum outcome outcome)
{
    return outcome == OUTCOME_OK || outcome == OUTCOME_USELESS;
}

bool attempt_is_answered(const struct attempt_record *attempt)
{
    return is_answer(attempt->outcome);
}

bool call_is_answered(const struct call_record *call)
{
    return is_answer(call->outcome);
}

uint32_t call_attempts_kept(const struct call_record *call)
{
    return call->attempts_count < RECORD_ATTEMPTS_MAX ? call->attempts_count : RECORD_ATTEMPTS_MAX;
}

const struct attempt_record *call_last_attempt(const struct call_record *call)
{
    uint32_t count = call_attempts_kept(call);

    return count > 0 ? &call->attempts[count - 1] : NULL;
}

static void add_step(struct call_case *c, const struct request_seen *seen,
                     const struct attempt_record *felt)
{
    c->attempts++;
    if (c->steps_count == STEPS_MAX)
        return;
    c->steps[c->steps_count++] = (struct step){
        .ordinal = seen != NULL ? seen->attempt : felt->ordinal,
        .model = seen != NULL ? seen->model : felt->model,
        .seen = seen,
        .felt = felt,
    };
}

/* Merges two lists that are both in the order of attempts. Of several requests with one ordinal the
 * first is the caller's; the others happened behind its back. */
static void lay_together(struct call_case *c)
{
    const struct call_record *call = c->call;
    uint32_t attempts = call_attempts_kept(call);
    uint32_t a = 0;

    for (uint32_t r = 0; r < c->requests_count; r++) {
        const struct request_seen *seen = &c->requests[r];

        while (a < attempts && call->attempts[a].ordinal < seen->attempt)
            add_step(c, NULL, &call->attempts[a++]);
        if (a < attempts && call->attempts[a].ordinal == seen->attempt)
            add_step(c, seen, &call->attempts[a++]);
        else
            add_step(c, seen, NULL);
    }
    while (a < attempts)
        add_step(c, NULL, &call->attempts[a++]);
}

/* By arrival, whatever layer of the service counted them. */
static void number_requests(struct request_seen *requests, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        requests[i].attempt = 0;
    sort_requests(requests, count);
    for (uint32_t i = 0; i < count; i++)
        requests[i].attempt = i + 1;
}

static void take_requests_alone(struct call_case *c, struct request_seen *requests)
{
    number_requests(requests, c->requests_count);
    for (uint32_t i = 0; i < c->requests_count; i++)
        add_step(c, &requests[i], NULL);
}

/* Without ordinals, or with more attempts than records hold, nobody can tell which request is which
 * attempt: then the larger count of both ends is sure. */
static bool is_laid_together(const struct call_case *c)
{
    bool has_ordinals = c->requests_count == 0 || c->requests[0].attempt > 0;

    return has_ordinals && c->call->attempts_count <= RECORD_ATTEMPTS_MAX;
}

void call_case_init(struct call_case *c, const struct scenario *scenario,
                    const struct call_record *call, struct request_seen *requests,
                    uint32_t requests_count)
{
    c->scenario = scenario;
    c->call = call;
    c->requests = requests;
    c->requests_count = requests_count;
    c->steps_count = 0;
    c->attempts = 0;
    c->phases = phases_at(&scenario->chaos.phases, call->due_at);
    c->is_useful = call_is_useful(scenario, call);
    c->has_journal = true;
    c->cut_at = NANOS_NEVER;
    if (scenario->subject == SUBJECT_SERVICE) {
        take_requests_alone(c, requests);
        return;
    }
    sort_requests(requests, requests_count);
    lay_together(c);
    if (!is_laid_together(c))
        c->attempts = requests_count > call->attempts_count ? requests_count : call->attempts_count;
}

bool call_is_told(const struct call_case *c)
{
    return c->scenario->subject != SUBJECT_EXEC || c->call->has_account;
}

/* Of a service that repeats itself the words say which request it was. */
static const struct request_seen *request_of_service(const struct call_case *c)
{
    uint64_t heard = c->call->heard.request;

    for (uint32_t i = c->requests_count; i-- > 0;) {
        const struct request_seen *request = &c->requests[i];

        if (heard != 0 ? request->number == heard : request->answered == OUTCOME_OK)
            return request;
    }
    return NULL;
}

const struct request_seen *call_answering_request(const struct call_case *c)
{
    const struct attempt_record *last = call_last_attempt(c->call);

    if (c->scenario->subject == SUBJECT_SERVICE)
        return request_of_service(c);
    for (uint32_t i = c->steps_count; last != NULL && i-- > 0;)
        if (c->steps[i].seen != NULL && c->steps[i].felt == last)
            return c->steps[i].seen;
    return NULL;
}

enum outcome step_outcome(const struct step *step)
{
    assert(step->seen != NULL || step->felt != NULL);
    if (step->seen != NULL && step->seen->answered != OUTCOME_OK)
        return step->seen->answered;
    return step->felt != NULL ? step->felt->outcome : OUTCOME_OK;
}

uint16_t step_status(const struct step *step)
{
    assert(step->seen != NULL || step->felt != NULL);
    return step->seen != NULL ? step->seen->status : step->felt->status;
}

bool step_has_cause(const struct step *step, const struct cause_set *causes)
{
    const struct request_seen *seen = step->seen;
    const struct attempt_record *felt = step->felt;

    if (seen != NULL && seen->answered != OUTCOME_OK &&
        cause_set_has(causes, seen->answered, seen->status))
        return true;
    return felt != NULL && felt->outcome != OUTCOME_OK &&
           cause_set_has(causes, felt->outcome, felt->status);
}
