#include "engine/client.h"

#include <assert.h>
#include <string.h>

#include "base/rng.h"
#include "base/timers.h"
#include "engine/answer_reader.h"
#include "policy/conduct.h"
#include "scenario/source.h"

enum {
    OUTPUT_TOKENS_MAX_LEAST = 4096, /* max_tokens we ask our mock for, unless the call wants more */
    PATH_BYTES_MAX = 512,
    HEADERS_BYTES_MAX = 4096,
    PROMPT_BYTES_MAX = 1 << 20,
    BODY_BYTES_MAX = 4 << 20,
    NO_SLOT = UINT32_MAX,
};

/* Once an answer is complete its connection may be kept open by the server for ever (STR-03 c). */
static const nanos LINGER = 500 * NANOS_MS;

/* What a slot is doing. One door: enter(). */
enum slot_state {
    SLOT_FREE,
    SLOT_SENDING, /* the send effect waits to be taken */
    SLOT_HANDED,  /* with the transport, not yet on a connected wire */
    SLOT_SENT,    /* on the wire, or answering */
    SLOT_WAITING, /* between two attempts, until acts_at */
    SLOT_ENDING,  /* given up, but sleeping once more until acts_at, as naive loops do */
    SLOT_DONE,    /* the done effect waits to be taken */
};

struct slot {
    enum slot_state state;
    uint32_t next_free;
    struct call_plan plan;
    char id_text[CALL_ID_TEXT_MAX];
    uint32_t id_size;
    uint64_t id_hash;
    struct conduct_state conduct;
    uint32_t model; /* of the present or next attempt */
    uint32_t layer; /* which makes the next attempt */
    nanos acts_at;  /* WAITING, ENDING */
    enum outcome ends_as;
    struct call_record record;
    struct answer_reader reader;
    struct buffer path;
    struct buffer headers;
    struct buffer body;
    bool has_space; /* reader and buffers are set up: the slot was used before */
};

/* An effect that waits to be taken. */
struct pending {
    enum client_effect_kind kind;
    uint32_t slot;
    uint32_t attempt;
};

struct client {
    struct client_options options;
    const struct scenario *scenario;
    struct source source;
    struct call_plan next; /* of the source */
    bool has_next;
    bool is_cut; /* what is open ends, what comes is unfinished */
    nanos latest_due_at;
    nanos latest_at; /* newest event, to assert time's direction */
    uint64_t calls_started;
    uint32_t calls_open;
    struct slot *slots;
    uint32_t slots_max;
    uint32_t slots_born; /* used so far: the memory behind them was never touched */
    uint32_t free_first;
    uint32_t releasing; /* slot of the done effect handed out last */
    struct timers timers;
    struct retry_budget *budgets; /* CONDUCT_LAYERS_MAX an instance */
    struct pending *queue;        /* ring */
    uint32_t queue_size, queue_first, queue_count;
    struct buffer prompt;   /* of a request to a real provider, while it is written */
    uint64_t jitter_stream; /* of random draws */
    struct refusals refusals;
    struct told_ask told; /* of the send effect handed out last */
};

static struct attempt_record *attempt_of(struct slot *slot)
{
    assert(slot->record.attempts_count > 0);
    return &slot->record.attempts[slot->record.attempts_count - 1];
}

static bool has_attempt(const struct slot *slot)
{
    return slot->state == SLOT_SENDING || slot->state == SLOT_HANDED || slot->state == SLOT_SENT;
}

/* A place of the ring by its distance from the start, without dividing. */
static uint32_t place(const struct client *c, uint32_t at)
{
    return at < c->queue_size ? at : at - c->queue_size;
}

static void push(struct client *c, enum client_effect_kind kind, uint32_t index)
{
    assert(c->queue_count < c->queue_size);
    if (c->queue_count == 0)
        c->queue_first = 0; /* the front of the ring stays in the processor's cache */
    c->queue[place(c, c->queue_first + c->queue_count++)] =
        (struct pending){kind, index, c->slots[index].record.attempts_count};
}

static nanos call_ends_at(const struct client *c, const struct slot *slot)
{
    return nanos_add(slot->plan.due_at, c->scenario->client.timeouts.call);
}

/* When something must happen in a slot, and what it would be. */
struct alarm {
    nanos at;
    enum outcome strikes;
};

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

static struct alarm alarm_of(const struct client *c, const struct slot *slot)
{
    const struct timeouts *t = &c->scenario->client.timeouts;
    struct alarm first = {NANOS_NEVER, OUTCOME_TIMEOUT_CALL};
    const struct attempt_record *attempt;

    if (slot->state == SLOT_FREE || slot->state == SLOT_SENDING || slot->state == SLOT_DONE)
        return first;
    first.at = call_ends_at(c, slot);
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
static void set_alarm(struct client *c, uint32_t index)
{
    nanos at = alarm_of(c, &c->slots[index]).at;

    if (at < c->timers.at[index])
        timers_set(&c->timers, index, at);
}

static void enter(struct client *c, uint32_t index, enum slot_state state)
{
    c->slots[index].state = state;
    set_alarm(c, index);
}

/* --- one attempt ------------------------------------------------------------------------------ */

static struct slice id_of(const struct slot *slot)
{
    return (struct slice){slot->id_text, slot->id_size};
}

static uint32_t provider_of(const struct client *c, const struct slot *slot)
{
    return c->scenario->models[slot->model].provider;
}

static enum api api_of(const struct client *c, const struct slot *slot)
{
    return c->scenario->apis[slot->model];
}

static uint32_t to_u32(uint64_t value)
{
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

/* A prompt of about that many tokens, for a provider that counts them itself: numbers in words,
 * each of which is one token to every tokenizer we know, behind the call's id, so that no two calls
 * share a prompt in its cache. */
static struct slice write_prompt(struct client *c, const struct slot *slot)
{
    static const char *const numbers[] = {" one", " two",   " three", " four", " five",
                                          " six", " seven", " eight", " nine", " ten"};

    buffer_clear(&c->prompt);
    buffer_append(&c->prompt, id_of(slot));
    for (uint64_t token = 0; token < slot->plan.input_tokens && c->prompt.rc == RC_OK; token++)
        buffer_text(&c->prompt, numbers[token % ARRAY_SIZE(numbers)]);
    return buffer_slice(&c->prompt);
}

/* What only our mock reads: who is calling, and how much the call declares to send and wants. */
static void mark_request(struct slot *slot)
{
    buffer_append(&slot->headers, SLICE("x-brownout-call: "));
    buffer_append(&slot->headers, id_of(slot));
    buffer_append(&slot->headers, SLICE("\r\nx-brownout-attempt: "));
    buffer_u64(&slot->headers, slot->record.attempts_count);
    buffer_append(&slot->headers, SLICE("\r\nx-brownout-input-tokens: "));
    buffer_u64(&slot->headers, slot->plan.input_tokens);
    buffer_append(&slot->headers, SLICE("\r\nx-brownout-output-tokens: "));
    buffer_u64(&slot->headers, slot->plan.output_tokens);
    buffer_append(&slot->headers, SLICE("\r\n"));
}

/* The mock is told how long the answer shall be, so max_tokens must not cut it; a real provider has
 * max_tokens alone to keep to. */
static uint32_t output_tokens_max(const struct client *c, const struct slot *slot)
{
    uint32_t wanted = to_u32(slot->plan.output_tokens);
    uint32_t least = c->options.marks_requests ? OUTPUT_TOKENS_MAX_LEAST : 1;

    return wanted > least ? wanted : least;
}

static void write_request(struct client *c, struct slot *slot, enum api api)
{
    const struct slice *keys = c->options.keys;
    struct ask ask = {
        .model = slice_of(c->scenario->models[slot->model].name),
        .prompt = c->options.marks_requests ? id_of(slot) : write_prompt(c, slot),
        .output_tokens_max = output_tokens_max(c, slot),
        .stream = slot->plan.stream,
    };

    buffer_clear(&slot->path);
    buffer_clear(&slot->headers);
    buffer_clear(&slot->body);
    format_write_path(api, ask.model, ask.stream, &slot->path);
    format_write_ask_headers(api, keys != NULL ? keys[provider_of(c, slot)] : SLICE(""),
                             &slot->headers);
    format_write_ask(api, &ask, &slot->body);
    if (c->options.marks_requests)
        mark_request(slot);
}

static void begin_attempt(struct client *c, uint32_t index)
{
    struct slot *slot = &c->slots[index];
    enum api api = api_of(c, slot);

    assert(slot->record.attempts_count < RECORD_ATTEMPTS_MAX);
    slot->record.attempts_count++;
    *attempt_of(slot) = (struct attempt_record){
        .ordinal = slot->record.attempts_count,
        .model = slot->model,
        .layer = slot->layer,
        .is_fallback = slot->conduct.fallbacks_taken > 0,
        .handed_at = NANOS_NEVER,
        .sent_at = NANOS_NEVER,
        .first_byte_at = NANOS_NEVER,
        .first_token_at = NANOS_NEVER,
        .first_content_at = NANOS_NEVER,
        .last_content_at = NANOS_NEVER,
        .ended_at = NANOS_NEVER,
    };
    slot->record.model_answered = slot->model;
    conduct_attempt_made(&slot->conduct);
    reader_begin(&slot->reader, api, slot->plan.stream);
    if (!c->options.speaks_values)
        write_request(c, slot, api);
    enter(c, index, SLOT_SENDING);
    push(c, CLIENT_SEND, index);
}

/* --- money ------------------------------------------------------------------------------------ */

/* A refusal costs nothing. An answer costs what its usage says once it is complete: what stands in
 * a stream's opening is a first guess at the output, and of a cut answer nobody told the rest. */
static void price_attempt(const struct client *c, struct attempt_record *attempt, enum api api,
                          bool is_complete)
{
    const struct price *price = &c->scenario->prices[attempt->model];

    if (attempt->status >= 400)
        attempt->has_cost = price->is_known;
    else if (is_complete)
        attempt->has_cost = price_cost(price, api, &attempt->usage, &attempt->cost);
}

/* The answer is over, well or not: what it told of tokens and so of money. */
static void settle_attempt(struct client *c, struct slot *slot)
{
    struct attempt_record *attempt = attempt_of(slot);
    const struct answer *answer = &slot->reader.answer;

    attempt->usage = answer->usage;
    price_attempt(c, attempt, api_of(c, slot), answer->is_complete);
}

static void add_up_costs(struct call_record *record)
{
    record->cost = 0;
    record->cost_failed = 0;
    record->cost_unknown = 0;
    for (uint32_t i = 0; i < record->attempts_count; i++) {
        const struct attempt_record *attempt = &record->attempts[i];

        record->cost = money_add(record->cost, attempt->cost);
        if (attempt->outcome != OUTCOME_OK)
            record->cost_failed = money_add(record->cost_failed, attempt->cost);
        if (attempt->sent_at != NANOS_NEVER && !attempt->has_cost)
            record->cost_unknown++;
    }
}

/* --- the end of a call ------------------------------------------------------------------------ */

static void describe_error(struct call_record *record, const struct answer *answer)
{
    char *out = record->error;
    size_t room = sizeof(record->error);
    const char *parts[] = {outcome_word(record->outcome), answer->error_type,
                           answer->error_message};

    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        size_t used = strlen(out);

        if (parts[i][0] == '\0' || room - used < 4)
            continue;
        if (used > 0) {
            memcpy(out + used, ": ", 3);
            used += 2;
        }
        slice_copy(slice_of(parts[i]), out + used, room - used);
    }
}

static void finish(struct client *c, uint32_t index, enum outcome outcome, nanos ended_at)
{
    struct slot *slot = &c->slots[index];
    struct call_record *record = &slot->record;

    record->outcome = outcome;
    record->ended_at = ended_at;
    record->error[0] = '\0';
    if (record->attempts_count > 0)
        record->usage = attempt_of(slot)->usage;
    add_up_costs(record);
    slice_copy(slice_of(slot->reader.answer.stop_reason), record->stop_reason,
               sizeof(record->stop_reason));
    if (outcome != OUTCOME_OK)
        describe_error(record, &slot->reader.answer);
    enter(c, index, SLOT_DONE);
    push(c, CLIENT_DONE, index);
}

static void finish_answered(struct client *c, uint32_t index)
{
    struct slot *slot = &c->slots[index];
    const struct attempt_record *attempt = attempt_of(slot);
    bool has_text = attempt->last_content_at != NANOS_NEVER; /* a tool's call has none */
    nanos last_at = has_text ? attempt->last_content_at : attempt->ended_at;
    bool is_late = last_at > nanos_add(slot->plan.due_at, c->scenario->load.deadline);

    finish(c, index, is_late ? OUTCOME_USELESS : OUTCOME_OK, last_at);
}

/* What is open when the run is cut: it says where it stood. */
static void finish_unfinished(struct client *c, uint32_t index, nanos now)
{
    struct slot *slot = &c->slots[index];

    slot->record.pending = PENDING_WAIT; /* between attempts, or at the ceiling for a place */
    if (has_attempt(slot)) {
        slot->record.pending = PENDING_ATTEMPT;
        settle_attempt(c, slot);
        attempt_of(slot)->outcome = OUTCOME_CANCELLED;
        attempt_of(slot)->ended_at = now;
        push(c, CLIENT_CANCEL, index);
    }
    finish(c, index, OUTCOME_UNFINISHED, NANOS_NEVER);
}

/* --- after an attempt ------------------------------------------------------------------------- */

static void wait_until(struct client *c, uint32_t index, enum slot_state state, nanos at)
{
    c->slots[index].acts_at = at;
    enter(c, index, state);
}

static void apply_conduct(struct client *c, uint32_t index, const struct conduct *conduct,
                          nanos now)
{
    struct slot *slot = &c->slots[index];
    nanos acts_at = nanos_add(now, conduct->wait);

    if (conduct->kind == CONDUCT_END) {
        slot->ends_as = conduct->outcome;
        if (conduct->wait == 0)
            finish(c, index, conduct->outcome, now);
        else
            wait_until(c, index, SLOT_ENDING, acts_at);
        return;
    }
    slot->layer = conduct->layer;
    if (conduct->kind == CONDUCT_FALLBACK) {
        const struct fallback_rule *rule = &c->scenario->client.fallbacks[conduct->fallback];

        slot->model = scenario_model(c->scenario, slice_of(rule->to));
        assert(slot->model < c->scenario->models_count); /* scenario_load checked it */
    }
    if (conduct->wait == 0) {
        begin_attempt(c, index);
        return;
    }
    slot->record.wait_max = nanos_max(slot->record.wait_max, conduct->wait);
    wait_until(c, index, SLOT_WAITING, acts_at);
}

static void end_attempt(struct client *c, uint32_t index, enum outcome outcome, nanos now)
{
    struct slot *slot = &c->slots[index];
    struct attempt_record *attempt = attempt_of(slot);
    const struct answer_reader *reader = &slot->reader;
    struct attempt_end end = {
        .outcome = outcome,
        .status = attempt->status,
        .has_advice_header = reader->has_advice_header,
        .advice_is_whole = reader->advice_is_whole,
        .advice_wait = reader->advice.wait,
        .should_retry_yes = reader->advice.should_retry == SHOULD_RETRY_YES,
        .should_retry_no = reader->advice.should_retry == SHOULD_RETRY_NO,
        .at = now,
    };
    struct conduct conduct;

    attempt->outcome = outcome;
    attempt->ended_at = now;
    settle_attempt(c, slot);
    if (outcome == OUTCOME_OK) {
        finish_answered(c, index);
        return;
    }
    if (outcome == OUTCOME_TIMEOUT_CALL || slot->record.attempts_count == RECORD_ATTEMPTS_MAX) {
        finish(c, index, outcome, now);
        return;
    }
    conduct = conduct_decide(
        &c->scenario->client, &slot->conduct, &end, call_ends_at(c, slot),
        rng_unit(c->scenario->seed, c->jitter_stream, slot->id_hash, attempt->ordinal));
    apply_conduct(c, index, &conduct, now);
}

/* --- time ------------------------------------------------------------------------------------- */

static void strike(struct client *c, uint32_t index, nanos now)
{
    struct slot *slot = &c->slots[index];
    struct alarm alarm = alarm_of(c, slot);

    if (alarm.at > now) { /* it moved later, or is gone */
        timers_set(&c->timers, index, alarm.at);
        return;
    }
    if (slot->state == SLOT_WAITING && slot->acts_at <= now) {
        begin_attempt(c, index);
        return;
    }
    if (slot->state == SLOT_ENDING && slot->acts_at <= now) {
        finish(c, index, slot->ends_as, now);
        return;
    }
    if (!has_attempt(slot)) {
        finish(c, index, OUTCOME_TIMEOUT_CALL, now);
        return;
    }
    /* What was whole before is what its own end says, whichever alarm struck. */
    if (reader_is_complete(&slot->reader))
        alarm.strikes = reader_end(&slot->reader, END_WHOLE, attempt_of(slot));
    push(c, CLIENT_CANCEL, index);
    end_attempt(c, index, alarm.strikes, now);
}

/* Whose call it is, the id alone decides. A single worker plays all. */
static bool is_mine(const struct client *c, const struct call_plan *plan)
{
    return c->options.workers <= 1 ||
           call_worker(c->scenario, plan->id, c->options.workers) == c->options.worker;
}

/* The calls of other workers pass by; but the run is as long for all of them. */
static void take_next(struct client *c)
{
    do {
        c->has_next = source_next(&c->source, &c->next);
        if (c->has_next)
            c->latest_due_at = c->next.due_at;
    } while (c->has_next && !is_mine(c, &c->next));
}

static void prepare(struct client *c, struct slot *slot)
{
    if (slot->has_space)
        return;
    reader_init(&slot->reader, c->options.memory);
    buffer_init(&slot->path, c->options.memory, PATH_BYTES_MAX);
    buffer_init(&slot->headers, c->options.memory, HEADERS_BYTES_MAX);
    buffer_init(&slot->body, c->options.memory, BODY_BYTES_MAX);
    slot->has_space = true;
}

static uint32_t take_slot(struct client *c)
{
    uint32_t index = c->free_first;

    if (index != NO_SLOT) {
        c->free_first = c->slots[index].next_free;
        return index;
    }
    if (c->slots_born == c->slots_max)
        return NO_SLOT;
    index = c->slots_born++;
    c->slots[index] = (struct slot){.state = SLOT_FREE};
    return index;
}

static bool has_slot(const struct client *c)
{
    return c->free_first != NO_SLOT || c->slots_born < c->slots_max;
}

static void start_call(struct client *c, nanos now)
{
    uint32_t index = take_slot(c);
    struct slot *slot = &c->slots[index];

    prepare(c, slot);
    slot->plan = c->next;
    slot->id_size = call_id_write(c->scenario, c->next.id, slot->id_text);
    slot->id_hash = slice_hash((struct slice){slot->id_text, slot->id_size});
    slot->model = c->next.model;
    slot->layer = 0;
    slot->record.id = c->next.id;
    slot->record.instance = call_instance(c->scenario, c->next.id);
    slot->conduct = (struct conduct_state){
        .budgets = &c->budgets[(size_t)slot->record.instance * CONDUCT_LAYERS_MAX]};
    slot->record.stream = c->next.stream;
    slot->record.model_asked = c->next.model;
    slot->record.model_answered = c->next.model;
    slot->record.input_tokens_asked = c->next.input_tokens;
    slot->record.output_tokens_asked = c->next.output_tokens;
    slot->record.due_at = c->next.due_at;
    slot->record.pending = PENDING_NOTHING;
    slot->record.wait_max = 0;
    slot->record.usage = (struct usage){0};
    slot->record.attempts_count = 0;
    c->calls_started++;
    c->calls_open++;
    take_next(c);
    if (c->is_cut) {
        reader_begin(&slot->reader, api_of(c, slot), slot->plan.stream); /* forgets the last */
        finish_unfinished(c, index, now);
        return;
    }
    begin_attempt(c, index);
}

static nanos cut_at(const struct client *c)
{
    if (c->has_next || c->is_cut)
        return NANOS_NEVER; /* calls are still to come: the cut counts from the last of them */
    return nanos_add(c->latest_due_at, c->scenario->load.drain);
}

static void cut(struct client *c, nanos now)
{
    c->is_cut = true;
    for (uint32_t index = 0; index < c->slots_born; index++) {
        enum slot_state state = c->slots[index].state;

        if (state != SLOT_FREE && state != SLOT_DONE)
            finish_unfinished(c, index, now);
    }
}

/* The drain also bounds calls that could not start at the ceiling. */
static bool is_past_drain(const struct client *c, nanos now)
{
    return !c->is_cut && c->has_next && !has_slot(c) &&
           now >= nanos_add(c->scenario->load.lasts, c->scenario->load.drain);
}

static void wake(struct client *c, nanos now)
{
    uint32_t index;

    while (timers_take(&c->timers, now, &index))
        strike(c, index, now);
    if ((now >= cut_at(c) && c->calls_open > 0) || is_past_drain(c, now))
        cut(c, now);
    while (c->has_next && c->next.due_at <= now && has_slot(c))
        start_call(c, now);
}

/* --- events ----------------------------------------------------------------------------------- */

static void on_head(struct client *c, struct slot *slot, const struct client_event *event)
{
    int64_t wall_unix_ns = c->options.wall_unix_ns + event->at;

    reader_head(&slot->reader, event->head, event->at, wall_unix_ns, attempt_of(slot));
}

static void on_body(struct client *c, struct slot *slot, const struct client_event *event)
{
    struct attempt_record *attempt = attempt_of(slot);
    bool had_token = attempt->first_token_at != NANOS_NEVER;

    reader_body(&slot->reader, event->body, event->at, attempt);
    /* Only here may the alarm come nearer: another limit counts from the first token, and from the
     * end. */
    if (had_token != (attempt->first_token_at != NANOS_NEVER) || reader_is_complete(&slot->reader))
        set_alarm(c, event->slot);
}

static void on_told(struct client *c, struct slot *slot, const struct client_event *event)
{
    struct attempt_record *attempt = attempt_of(slot);
    bool had_token = attempt->first_token_at != NANOS_NEVER;

    reader_told(&slot->reader, event->told, slice_of(c->scenario->models[slot->model].name),
                &c->refusals, event->at, attempt);
    if (told_ends(event->told->piece))
        end_attempt(c, event->slot, reader_end(&slot->reader, END_WHOLE, attempt), event->at);
    else if (had_token != (attempt->first_token_at != NANOS_NEVER))
        set_alarm(c, event->slot);
}

static void on_attempt(struct client *c, const struct client_event *event)
{
    struct slot *slot = &c->slots[event->slot];
    struct attempt_record *attempt;

    assert(event->slot < c->slots_born);
    if (!has_attempt(slot) || slot->record.attempts_count != event->attempt)
        return; /* about an attempt that is over */
    attempt = attempt_of(slot);
    switch (event->kind) {
    case CLIENT_HANDED:
        attempt->handed_at = event->at;
        enter(c, event->slot, SLOT_HANDED);
        break;
    case CLIENT_SENT:
        attempt->sent_at = event->at;
        enter(c, event->slot, SLOT_SENT);
        break;
    case CLIENT_HEAD:
        on_head(c, slot, event);
        break;
    case CLIENT_BODY:
        on_body(c, slot, event);
        break;
    case CLIENT_TOLD:
        on_told(c, slot, event);
        break;
    case CLIENT_END:
        end_attempt(c, event->slot, reader_end(&slot->reader, event->end, attempt), event->at);
        break;
    case CLIENT_WAKE:
    case CLIENT_STOP:
        break; /* not about an attempt: client_step took them */
    }
}

void client_step(struct client *c, const struct client_event *event)
{
    assert(event->at >= c->latest_at);
    c->latest_at = event->at;
    if (event->kind == CLIENT_WAKE) {
        wake(c, event->at);
    } else if (event->kind == CLIENT_STOP) {
        c->has_next = false;
        cut(c, event->at);
    } else {
        on_attempt(c, event);
    }
}

/* --- effects ---------------------------------------------------------------------------------- */

static void release(struct client *c)
{
    uint32_t index = c->releasing;

    if (index == NO_SLOT)
        return;
    assert(c->slots[index].state == SLOT_DONE);
    c->slots[index].state = SLOT_FREE;
    c->slots[index].next_free = c->free_first;
    c->free_first = index;
    c->releasing = NO_SLOT;
    c->calls_open--;
}

static void fill_told(struct client *c, const struct slot *slot)
{
    struct told_ask *told = &c->told;

    told->model = slot->model;
    told->attempt = slot->record.attempts_count;
    told->stream = slot->plan.stream;
    told->input_tokens = slot->plan.input_tokens;
    told->output_tokens = slot->plan.output_tokens;
    told->output_tokens_max = output_tokens_max(c, slot);
    memcpy(told->call, slot->id_text, slot->id_size + 1);
}

static void fill_send(struct client *c, struct client_effect *effect)
{
    const struct slot *slot = &c->slots[effect->slot];

    effect->provider = provider_of(c, slot);
    if (c->options.speaks_values) {
        fill_told(c, slot);
        effect->told = &c->told;
        return;
    }
    effect->path = buffer_slice(&slot->path);
    effect->headers = buffer_slice(&slot->headers);
    effect->body = buffer_slice(&slot->body);
}

bool client_next(struct client *c, struct client_effect *effect)
{
    const struct pending *pending;

    release(c);
    if (c->queue_count == 0)
        return false;
    pending = &c->queue[c->queue_first];
    c->queue_first = place(c, c->queue_first + 1);
    c->queue_count--;
    *effect = (struct client_effect){.kind = pending->kind,
                                     .slot = pending->slot,
                                     .attempt = pending->attempt,
                                     .record = &c->slots[pending->slot].record};
    if (pending->kind == CLIENT_SEND)
        fill_send(c, effect);
    else if (pending->kind == CLIENT_DONE)
        c->releasing = pending->slot;
    return true;
}

nanos client_wakes_at(const struct client *c)
{
    nanos at = c->calls_open > 0 ? timers_first_at(&c->timers) : NANOS_NEVER;

    if (c->has_next && has_slot(c))
        at = nanos_min(at, c->next.due_at);
    if (c->has_next && !has_slot(c) && !c->is_cut)
        at = nanos_min(at, nanos_add(c->scenario->load.lasts, c->scenario->load.drain));
    if (c->calls_open > 0)
        at = nanos_min(at, cut_at(c));
    return at;
}

bool client_is_done(const struct client *c)
{
    return !c->has_next && c->calls_open == 0 && c->queue_count == 0;
}

uint64_t client_calls_started(const struct client *c)
{
    return c->calls_started;
}

void client_check(const struct client *c)
{
    uint32_t open = 0;

    for (uint32_t index = 0; index < c->slots_born; index++) {
        const struct slot *slot = &c->slots[index];

        open += slot->state != SLOT_FREE;
        assert(c->timers.at[index] <= alarm_of(c, slot).at);
        if (has_attempt(slot))
            assert(slot->record.attempts_count > 0);
    }
    assert(open == c->calls_open);
}

/* --- birth and death -------------------------------------------------------------------------- */

/* The ceiling is shared out whole: the first workers take what is left over. */
static uint32_t places_of(const struct client_options *options)
{
    uint32_t all = options->scenario->load.in_flight_max;

    if (options->workers <= 1)
        return all;
    return all / options->workers + (options->worker < all % options->workers);
}

static bool open_budgets(struct client *c)
{
    uint32_t count = c->scenario->instances * CONDUCT_LAYERS_MAX;

    c->budgets = memory_zeroed(c->options.memory, count, sizeof(*c->budgets));
    if (c->budgets == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++)
        retry_budget_init(&c->budgets[i],
                          &c->scenario->client.layers[i % CONDUCT_LAYERS_MAX].budget);
    return true;
}

enum rc client_new(struct client **client, const struct client_options *options, struct error *err)
{
    const struct memory *memory = options->memory;
    struct client *c = memory_zeroed(memory, 1, sizeof(*c));
    enum rc rc = RC_NOMEM;

    assert(options->workers == 0 || options->worker < options->workers);
    assert(options->workers <= options->scenario->load.in_flight_max);
    if (c == NULL)
        return error_set(err, RC_NOMEM, "client engine: out of memory");
    c->options = *options;
    c->scenario = options->scenario;
    c->slots_max = places_of(options);
    c->free_first = NO_SLOT;
    c->releasing = NO_SLOT;
    c->latest_at = INT64_MIN;
    c->queue_size =
        4 * c->slots_max + 4; /* a slot has at most a cancel, a send and a done waiting */
    buffer_init(&c->prompt, memory, PROMPT_BYTES_MAX);
    refusals_init(&c->refusals, memory);
    c->slots = memory->resize(memory->context, NULL, c->slots_max * sizeof(*c->slots));
    c->queue = memory_zeroed(memory, c->queue_size, sizeof(*c->queue));
    if (c->slots != NULL && c->queue != NULL && open_budgets(c))
        rc = timers_init(&c->timers, memory, c->slots_max);
    if (rc != RC_OK) {
        client_free(c);
        return error_set(err, rc, "client engine: %s for %u calls in flight", rc_text(rc),
                         places_of(options));
    }
    c->jitter_stream = rng_stream(SLICE("jitter"));
    source_init(&c->source, c->scenario);
    take_next(c);
    *client = c;
    return RC_OK;
}

void client_free(struct client *c)
{
    const struct memory *memory;

    if (c == NULL)
        return;
    memory = c->options.memory;
    for (uint32_t index = 0; index < c->slots_born; index++) {
        if (!c->slots[index].has_space)
            continue;
        reader_deinit(&c->slots[index].reader);
        buffer_deinit(&c->slots[index].path);
        buffer_deinit(&c->slots[index].headers);
        buffer_deinit(&c->slots[index].body);
    }
    timers_deinit(&c->timers);
    buffer_deinit(&c->prompt);
    refusals_deinit(&c->refusals);
    memory_release(memory, c->budgets);
    memory_release(memory, c->slots);
    memory_release(memory, c->queue);
    memory_release(memory, c);
}
