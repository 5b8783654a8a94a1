#include "engine/client_state.h"

#include <assert.h>
#include <string.h>

#include "base/rng.h"

enum {
    OUTPUT_TOKENS_MAX_LEAST = 4096, /* max_tokens we ask our mock for, unless the call wants more */
};

/* --- one attempt ------------------------------------------------------------------------------ */

static struct slice id_of(const struct slot *slot)
{
    return (struct slice){slot->id_text, slot->id_size};
}

uint32_t slot_provider(const struct client *c, const struct slot *slot)
{
    if (c->asks_service)
        return slot->record.instance % c->service.rules->urls_count;
    return c->scenario->models[slot->model].provider;
}

enum api slot_api(const struct client *c, const struct slot *slot)
{
    if (c->asks_service && !c->service.rules->is_plain)
        return c->service.rules->speaks;
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
uint32_t attempts_tokens_max(const struct client *c, const struct slot *slot)
{
    uint32_t wanted = to_u32(slot->plan.output_tokens);
    uint32_t least = c->options.marks_requests ? OUTPUT_TOKENS_MAX_LEAST : 1;

    return wanted > least ? wanted : least;
}

static void write_service_request(struct client *c, struct slot *slot)
{
    struct service_request request = {&slot->path, &slot->headers, &slot->body};
    struct ask ask = {
        .model = slice_of(c->scenario->models[slot->model].name),
        .output_tokens_max = attempts_tokens_max(c, slot),
        .stream = slot->plan.stream,
    };

    buffer_clear(&c->prompt);
    service_write_prompt(slot->plan.id, slot->plan.input_tokens, &c->prompt);
    ask.prompt = buffer_slice(&c->prompt);
    service_ask_write(&c->service, slot->plan.id, &ask, &request);
}

static void write_provider_request(struct client *c, struct slot *slot, enum api api)
{
    const struct slice *keys = c->options.keys;
    struct ask ask = {
        .model = slice_of(c->scenario->models[slot->model].name),
        .prompt = c->options.marks_requests ? id_of(slot) : write_prompt(c, slot),
        .output_tokens_max = attempts_tokens_max(c, slot),
        .stream = slot->plan.stream,
    };

    format_write_path(api, ask.model, ask.stream, &slot->path);
    format_write_ask_headers(api, keys != NULL ? keys[slot_provider(c, slot)] : SLICE(""),
                             &slot->headers);
    format_write_ask(api, &ask, &slot->body);
    if (c->options.marks_requests)
        mark_request(slot);
}

static void write_request(struct client *c, struct slot *slot, enum api api)
{
    buffer_clear(&slot->path);
    buffer_clear(&slot->headers);
    buffer_clear(&slot->body);
    if (c->asks_service)
        write_service_request(c, slot);
    else
        write_provider_request(c, slot, api);
}

void attempts_begin(struct client *c, uint32_t index)
{
    struct slot *slot = &c->slots[index];
    enum api api = slot_api(c, slot);

    assert(slot->record.attempts_count < RECORD_ATTEMPTS_MAX);
    slot->record.attempts_count++;
    *slot_attempt(slot) = (struct attempt_record){
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
    slots_enter(c, index, SLOT_SENDING);
    slots_push(c, CLIENT_SEND, index);
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
    struct attempt_record *attempt = slot_attempt(slot);
    const struct answer *answer = &slot->reader.answer;

    if (c->asks_service)
        slot->record.heard = service_answer_heard(&slot->reader.service);
    attempt->usage = answer->usage;
    price_attempt(c, attempt, slot_api(c, slot), answer->is_complete);
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

void attempts_finish(struct client *c, uint32_t index, enum outcome outcome, nanos ended_at)
{
    struct slot *slot = &c->slots[index];
    struct call_record *record = &slot->record;

    record->outcome = outcome;
    record->ended_at = ended_at;
    record->error[0] = '\0';
    if (record->attempts_count > 0)
        record->usage = slot_attempt(slot)->usage;
    add_up_costs(record);
    slice_copy(slice_of(slot->reader.answer.stop_reason), record->stop_reason,
               sizeof(record->stop_reason));
    if (outcome != OUTCOME_OK)
        describe_error(record, &slot->reader.answer);
    slots_enter(c, index, SLOT_DONE);
    slots_push(c, CLIENT_DONE, index);
}

static void finish_answered(struct client *c, uint32_t index)
{
    struct slot *slot = &c->slots[index];
    const struct attempt_record *attempt = slot_attempt(slot);
    bool has_text = attempt->last_content_at != NANOS_NEVER; /* a tool's call has none */
    nanos last_at = has_text ? attempt->last_content_at : attempt->ended_at;
    bool is_late = last_at > nanos_add(slot->plan.due_at, c->scenario->load.deadline);

    attempts_finish(c, index, is_late ? OUTCOME_USELESS : OUTCOME_OK, last_at);
}

/* What is open when the run is cut: it says where it stood. */
void attempts_leave_unfinished(struct client *c, uint32_t index, nanos now)
{
    struct slot *slot = &c->slots[index];

    slot->record.pending = PENDING_WAIT; /* between attempts, or at the ceiling for a place */
    if (slot_has_attempt(slot)) {
        slot->record.pending = PENDING_ATTEMPT;
        settle_attempt(c, slot);
        slot_attempt(slot)->outcome = OUTCOME_CANCELLED;
        slot_attempt(slot)->ended_at = now;
        slots_push(c, CLIENT_CANCEL, index);
    }
    attempts_finish(c, index, OUTCOME_UNFINISHED, NANOS_NEVER);
}

/* --- after an attempt ------------------------------------------------------------------------- */

static void wait_until(struct client *c, uint32_t index, enum slot_state state, nanos at)
{
    c->slots[index].acts_at = at;
    slots_enter(c, index, state);
}

static void apply_conduct(struct client *c, uint32_t index, const struct conduct *conduct,
                          nanos now)
{
    struct slot *slot = &c->slots[index];
    nanos acts_at = nanos_add(now, conduct->wait);

    if (conduct->kind == CONDUCT_END) {
        slot->ends_as = conduct->outcome;
        if (conduct->wait == 0)
            attempts_finish(c, index, conduct->outcome, now);
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
        attempts_begin(c, index);
        return;
    }
    slot->record.wait_max = nanos_max(slot->record.wait_max, conduct->wait);
    wait_until(c, index, SLOT_WAITING, acts_at);
}

void attempts_end(struct client *c, uint32_t index, enum outcome outcome, nanos now)
{
    struct slot *slot = &c->slots[index];
    struct attempt_record *attempt = slot_attempt(slot);
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
        attempts_finish(c, index, outcome, now);
        return;
    }
    conduct = conduct_decide(
        &c->scenario->client, &slot->conduct, &end, slots_call_ends_at(c, slot),
        rng_unit(c->scenario->seed, c->jitter_stream, slot->id_hash, attempt->ordinal));
    apply_conduct(c, index, &conduct, now);
}
