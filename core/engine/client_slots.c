#include "engine/client_state.h"

#include <assert.h>

/* Once an answer is complete its connection may be kept open by the server for ever (STR-03 c). */
static const nanos LINGER = 500 * NANOS_MS;

struct attempt_record *slot_attempt(struct slot *slot)
{
    assert(slot->record.attempts_count > 0);
    return &slot->record.attempts[slot->record.attempts_count - 1];
}

bool slot_has_attempt(const struct slot *slot)
{
    return slot->state == SLOT_SENDING || slot->state == SLOT_HANDED || slot->state == SLOT_SENT;
}

/* A place of the ring by its distance from the start, without dividing. */
uint32_t slots_place(const struct client *c, uint32_t at)
{
    return at < c->queue_size ? at : at - c->queue_size;
}

void slots_push(struct client *c, enum client_effect_kind kind, uint32_t index)
{
    assert(c->queue_count < c->queue_size);
    if (c->queue_count == 0)
        c->queue_first = 0; /* the front of the ring stays in the processor's cache */
    c->queue[slots_place(c, c->queue_first + c->queue_count++)] =
        (struct pending){kind, index, c->slots[index].record.attempts_count};
}

nanos slots_call_ends_at(const struct client *c, const struct slot *slot)
{
    return nanos_add(slot->plan.due_at, c->scenario->client.timeouts.call);
}

static struct alarm earlier(struct alarm a, nanos at, enum outcome strikes)
{
    return at < a.at ? (struct alarm){at, strikes} : a;
}

/* Once an answer has begun, its limits count from the latest sign of progress. */
static struct alarm answer_alarm(const struct timeouts *t, const struct slot *slot,
                                 const struct attempt_record *attempt, struct alarm first)
{
    nanos since = slot->reader.token_latest_at;

    if (reader_is_complete(&slot->reader))
        return earlier(first, nanos_add(since, LINGER), OUTCOME_OK);
    if (slot->plan.stream && attempt->first_token_at == NANOS_NEVER)
        return earlier(first, nanos_add(attempt->sent_at, t->first_token),
                       OUTCOME_TIMEOUT_FIRST_TOKEN);
    if (since == NANOS_NEVER)
        since = attempt->sent_at;
    return earlier(first, nanos_add(since, t->between_tokens), OUTCOME_TIMEOUT_STALL);
}

struct alarm slots_alarm(const struct client *c, const struct slot *slot)
{
    const struct timeouts *t = &c->scenario->client.timeouts;
    struct alarm first = {NANOS_NEVER, OUTCOME_TIMEOUT_CALL};
    const struct attempt_record *attempt;

    if (slot->state == SLOT_FREE || slot->state == SLOT_SENDING || slot->state == SLOT_DONE)
        return first;
    first.at = slots_call_ends_at(c, slot);
    if (slot->state == SLOT_WAITING || slot->state == SLOT_ENDING)
        return earlier(first, slot->acts_at, OUTCOME_TIMEOUT_CALL);
    attempt = &slot->record.attempts[slot->record.attempts_count - 1];
    first = earlier(first, nanos_add(attempt->handed_at, t->attempt), OUTCOME_TIMEOUT_ATTEMPT);
    if (slot->state == SLOT_HANDED)
        return earlier(first, nanos_add(attempt->handed_at, t->connect), OUTCOME_TIMEOUT_CONNECT);
    return answer_alarm(t, slot, attempt, first);
}

/* Alarms mostly move later, or are gone before they strike; the timer is then left where it is, and
 * re-set when it strikes too early. So a token costs no heap operation, and hardly any attempt. */
void slots_set_alarm(struct client *c, uint32_t index)
{
    nanos at = slots_alarm(c, &c->slots[index]).at;

    if (at < c->timers.at[index])
        timers_set(&c->timers, index, at);
}

void slots_enter(struct client *c, uint32_t index, enum slot_state state)
{
    c->slots[index].state = state;
    slots_set_alarm(c, index);
}
