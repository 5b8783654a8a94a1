#include "engine/client.h"

#include <assert.h>
#include <string.h>

#include "base/rng.h"
#include "engine/client_state.h"

enum {
    PATH_BYTES_MAX = 512,
    HEADERS_BYTES_MAX = 4096,
    PROMPT_BYTES_MAX = 1 << 20,
    BODY_BYTES_MAX = 4 << 20,
    NO_SLOT = UINT32_MAX,
};

/* --- time ------------------------------------------------------------------------------------- */

static void strike(struct client *c, uint32_t index, nanos now)
{
    struct slot *slot = &c->slots[index];
    struct alarm alarm = slots_alarm(c, slot);

    if (alarm.at > now) { /* it moved later, or is gone */
        timers_set(&c->timers, index, alarm.at);
        return;
    }
    if (slot->state == SLOT_WAITING && slot->acts_at <= now) {
        attempts_begin(c, index);
        return;
    }
    if (slot->state == SLOT_ENDING && slot->acts_at <= now) {
        attempts_finish(c, index, slot->ends_as, now);
        return;
    }
    if (!slot_has_attempt(slot)) {
        attempts_finish(c, index, OUTCOME_TIMEOUT_CALL, now);
        return;
    }
    /* What was whole before is what its own end says, whichever alarm struck. */
    if (reader_is_complete(&slot->reader))
        alarm.strikes = reader_end(&slot->reader, END_WHOLE, slot_attempt(slot));
    slots_push(c, CLIENT_CANCEL, index);
    attempts_end(c, index, alarm.strikes, now);
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
    slot->reader.service.rules = c->service.rules;
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
    slot->record.has_account = true;
    slot->record.heard = (struct heard){0};
    slot->record.attempts_count = 0;
    c->calls_started++;
    c->calls_open++;
    take_next(c);
    if (c->is_cut) {
        reader_begin(&slot->reader, slot_api(c, slot), slot->plan.stream); /* forgets the last */
        attempts_leave_unfinished(c, index, now);
        return;
    }
    attempts_begin(c, index);
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
            attempts_leave_unfinished(c, index, now);
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

    reader_head(&slot->reader, event->head, event->at, wall_unix_ns, slot_attempt(slot));
}

static void on_body(struct client *c, struct slot *slot, const struct client_event *event)
{
    struct attempt_record *attempt = slot_attempt(slot);
    bool had_token = attempt->first_token_at != NANOS_NEVER;

    reader_body(&slot->reader, event->body, event->at, attempt);
    /* Only here may the alarm come nearer: another limit counts from the first token, and from the
     * end. */
    if (had_token != (attempt->first_token_at != NANOS_NEVER) || reader_is_complete(&slot->reader))
        slots_set_alarm(c, event->slot);
}

static void on_told(struct client *c, struct slot *slot, const struct client_event *event)
{
    struct attempt_record *attempt = slot_attempt(slot);
    bool had_token = attempt->first_token_at != NANOS_NEVER;

    reader_told(&slot->reader, event->told, slice_of(c->scenario->models[slot->model].name),
                &c->refusals, event->at, attempt);
    if (told_ends(event->told->piece))
        attempts_end(c, event->slot, reader_end(&slot->reader, END_WHOLE, attempt), event->at);
    else if (had_token != (attempt->first_token_at != NANOS_NEVER))
        slots_set_alarm(c, event->slot);
}

static void on_attempt(struct client *c, const struct client_event *event)
{
    struct slot *slot = &c->slots[event->slot];
    struct attempt_record *attempt;

    assert(event->slot < c->slots_born);
    if (!slot_has_attempt(slot) || slot->record.attempts_count != event->attempt)
        return; /* about an attempt that is over */
    attempt = slot_attempt(slot);
    switch (event->kind) {
    case CLIENT_HANDED:
        attempt->handed_at = event->at;
        slots_enter(c, event->slot, SLOT_HANDED);
        break;
    case CLIENT_SENT:
        attempt->sent_at = event->at;
        slots_enter(c, event->slot, SLOT_SENT);
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
        attempts_end(c, event->slot, reader_end(&slot->reader, event->end, attempt), event->at);
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
    told->output_tokens_max = attempts_tokens_max(c, slot);
    memcpy(told->call, slot->id_text, slot->id_size + 1);
}

static void fill_send(struct client *c, struct client_effect *effect)
{
    const struct slot *slot = &c->slots[effect->slot];

    effect->provider = slot_provider(c, slot);
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
    c->queue_first = slots_place(c, c->queue_first + 1);
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
        assert(c->timers.at[index] <= slots_alarm(c, slot).at);
        if (slot_has_attempt(slot))
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

static enum rc open_service(struct client *c, struct error *err)
{
    struct service_ask_options options = {.rules = &c->scenario->subject_rules.service,
                                          .headers = c->options.service_headers,
                                          .key = c->options.service_key,
                                          .memory = c->options.memory};

    c->asks_service = c->scenario->subject == SUBJECT_SERVICE;
    return c->asks_service ? service_ask_init(&c->service, &options, err) : RC_OK;
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
    rc = open_service(c, err);
    if (rc != RC_OK) {
        client_free(c);
        return rc;
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
    service_ask_deinit(&c->service);
    refusals_deinit(&c->refusals);
    memory_release(memory, c->budgets);
    memory_release(memory, c->slots);
    memory_release(memory, c->queue);
    memory_release(memory, c);
}
