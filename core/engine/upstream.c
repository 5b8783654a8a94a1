#include "engine/upstream.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "engine/request_match.h"
#include "engine/upstream_state.h"

enum {
    WAKES_PER_STEP = 64, /* exchanges served by one upstream_wake, so that its output stays small */
    SCRATCH_BYTES_MAX = 256 << 20,
    CALLS_KEPT_MIN = 1024, /* of foreign clients */
};

int64_t upstream_wall_unix_ns(const struct upstream *u, nanos now)
{
    return u->options.wall_unix_ns + now;
}

/* --- the end of an exchange ------------------------------------------------------------------- */

static bool is_billed(const struct exchange *x)
{
    return x->plan.kind == PLAN_ANSWER &&
           (x->record.kind == JOURNAL_GENERATE || x->record.kind == JOURNAL_EMBEDDINGS);
}

/* A whole answer that told its usage truly used just that. */
static struct usage usage_of(const struct upstream *u, const struct exchange *x)
{
    struct reply reply;

    if (x->record.is_complete && x->record.usage_told.is_known && x->plan.quirks == 0)
        return x->record.usage_told;
    reply = answers_reply(u, x);
    return format_usage_used(x->api, &reply, x->record.tokens_written);
}

/* What was read and what was written is billed, told or not, whoever ended it. Refusals and
 * connections that died before an answer cost nothing. */
static void bill(const struct upstream *u, struct exchange *x)
{
    const struct price *price;
    struct usage used;

    if (x->record.model >= u->scenario->models_count)
        return;
    price = &u->scenario->prices[x->record.model];
    if (!price->is_known || !is_billed(x)) {
        x->record.has_cost = price->is_known;
        return;
    }
    used = usage_of(u, x);
    x->record.has_cost = price_cost(price, x->api, &used, &x->record.cost);
}

static void close_exchange(struct upstream *u, uint32_t index, enum closed_by by, nanos now)
{
    struct exchange *x = &u->exchanges[index];
    bool is_well = by == CLOSED_WHOLE && x->record.answered == OUTCOME_OK && x->record.is_complete;

    bill(u, x);
    x->record.closed_by = by;
    x->record.closed_at = now;
    if (!x->record.is_hook && !x->is_told)
        identity_settled(u->identity, slice_of(x->record.call), is_well);
    order_leave(u, index, by != CLOSED_WHOLE && by != CLOSED_FAULT, now);
    x->state = EXCHANGE_OVER;
    timers_set(&u->timers, index, NANOS_NEVER);
    effects_journal(u, index);
}

/* --- the beginning of one --------------------------------------------------------------------- */

static uint32_t take_exchange(struct upstream *u)
{
    uint32_t index = u->free_first;

    if (index != UPSTREAM_NO_EXCHANGE)
        u->free_first = u->exchanges[index].next_free;
    else if (u->exchanges_born < u->options.exchanges_max)
        index = u->exchanges_born++;
    return index;
}

/* All zero, but for what its own first byte empties: this is done for every request. */
static void begin_exchange(struct exchange *x)
{
    memset(x, 0, offsetof(struct exchange, model)); /* a literal would cost three times that */
    x->model[0] = '\0';
    x->tool_name[0] = '\0';
    x->objection.message[0] = '\0';
    x->objection.code = NULL;
    x->objection.param = NULL;
}

static bool is_of_a_provider(const struct upstream *u, uint32_t listener)
{
    return listener < u->scenario->providers_count;
}

static void begin_record(struct upstream *u, struct exchange *x,
                         const struct upstream_request *request)
{
    struct journal_record *record = &x->record;

    record->number = x->run_number;
    record->provider =
        is_of_a_provider(u, request->provider) ? request->provider : u->scenario->providers_count;
    record->model = u->scenario->models_count;
    record->connection = request->connection;
    record->accepted_at = request->accepted_at;
    record->head_in_at = request->head_in_at;
    record->body_in_at = request->body_in_at;
    record->first_out_at = NANOS_NEVER;
    record->last_out_at = NANOS_NEVER;
    record->closed_at = NANOS_NEVER;
    record->rule = PLAN_NO_RULE;
    record->has_canary = request->has_canary;
    slice_copy(request->isolation, record->isolation, sizeof(record->isolation));
}

/* Rules or windows are others now: so is when places come and go. Before the first request nobody
 * wants any. */
static void note_change(struct upstream *u)
{
    u->rules_with_conditions = 0;
    for (uint32_t rule = 0; rule < u->chaos.rules_count; rule++) {
        if (request_match_needs_bytes(&u->chaos.rules[rule].match))
            u->rules_with_conditions |= (uint64_t)1 << rule;
    }
    if (u->first_request_at == NANOS_NEVER)
        return;
    for (uint32_t model = 0; model < u->scenario->models_count; model++)
        order_wake(u, model, u->latest_at);
}

static void note_first_request(struct upstream *u, nanos now)
{
    if (u->first_request_at != NANOS_NEVER)
        return;
    u->first_request_at = now;
    phases_first_request(&u->chaos.phases, now);
    note_change(u);
}

void upstream_start(struct upstream *u, uint32_t index, nanos now)
{
    struct exchange *x = &u->exchanges[index];

    x->begun_at = now;
    x->state = EXCHANGE_OPENING;
    timers_set(&u->timers, index, nanos_max(now, answers_open_at(x)));
}

bool upstream_begin(struct upstream *u, const struct upstream_request *request, nanos now,
                    uint32_t *exchange)
{
    bool is_hook = request->provider == UPSTREAM_HOOKS;
    uint32_t index;
    struct exchange *x;

    assert(is_hook || request->provider == UPSTREAM_GATEWAY ||
           is_of_a_provider(u, request->provider));
    effects_begin(u, now);
    index = take_exchange(u);
    if (index == UPSTREAM_NO_EXCHANGE)
        return false;
    x = &u->exchanges[index];
    u->open++;
    begin_exchange(x);
    x->state = EXCHANGE_OPENING;
    x->begun_at = now;
    x->run_number = ++u->requests;
    begin_record(u, x, request);
    if (!is_hook)
        note_first_request(u, now);
    requests_take(u, index, request, now);
    if (x->state != EXCHANGE_WAITING)
        upstream_start(u, index, now);
    *exchange = index;
    return true;
}

/* --- time and the other side ------------------------------------------------------------------ */

void upstream_wake(struct upstream *u, nanos now)
{
    uint32_t slot;

    effects_begin(u, now);
    for (int served = 0; served < WAKES_PER_STEP && timers_take(&u->timers, now, &slot); served++) {
        if (slot < u->options.exchanges_max)
            answers_serve(u, slot, now);
        else
            order_wake(u, slot - u->options.exchanges_max, now);
    }
}

nanos upstream_wakes_at(const struct upstream *u)
{
    return timers_first_at(&u->timers);
}

void upstream_flushed(struct upstream *u, uint32_t index, uint64_t bytes_out, nanos now)
{
    struct exchange *x = &u->exchanges[index];

    effects_begin(u, now);
    assert(x->state == EXCHANGE_FLUSHING);
    x->record.bytes_out = bytes_out;
    if (x->record.last_out_at != NANOS_NEVER)
        x->record.last_out_at = now;
    close_exchange(u, index, x->record.is_complete ? CLOSED_WHOLE : CLOSED_FAULT, now);
}

void upstream_gone(struct upstream *u, uint32_t index, uint64_t bytes_out, bool by_reset, nanos now)
{
    struct exchange *x = &u->exchanges[index];

    effects_begin(u, now);
    assert(x->state != EXCHANGE_FREE);
    if (x->state == EXCHANGE_OVER)
        return;
    x->record.bytes_out = bytes_out;
    close_exchange(u, index, by_reset ? CLOSED_CLIENT_RESET : CLOSED_CLIENT, now);
}

/* It matched, or nothing had happened: of connections that it leaves alone nobody is told. */
static void note_rule(struct upstream *u, int16_t rule, struct journal_record *record)
{
    slice_copy(slice_of(u->chaos.rules[rule].name), record->rule_name, sizeof(record->rule_name));
    record->rules_matched = (uint64_t)1 << rule;
    u->memory.matched[rule]++;
    u->memory.fired[rule]++;
}

bool upstream_note(struct upstream *u, const struct upstream_note *note, nanos now)
{
    struct journal_record *record;
    bool is_fault = note->rule != PLAN_NO_RULE;

    effects_begin(u, now);
    record = effects_note(u);
    if (record == NULL)
        return false;
    *record = (struct journal_record){
        .number = ++u->requests,
        .provider =
            is_of_a_provider(u, note->provider) ? note->provider : u->scenario->providers_count,
        .model = u->scenario->models_count,
        .connection = note->connection,
        .accepted_at = note->accepted_at,
        .head_in_at = NANOS_NEVER,
        .body_in_at = NANOS_NEVER,
        .first_out_at = NANOS_NEVER,
        .last_out_at = NANOS_NEVER,
        .closed_at = now,
        .closed_by = CLOSED_FAULT,
        .status = note->status,
        .answered = is_fault ? OUTCOME_OK : OUTCOME_INVALID_REQUEST,
        .rule = note->rule,
        .kind = is_fault ? JOURNAL_CONNECTION : JOURNAL_UNREADABLE,
    };
    slice_copy(slice_of(note->what), record->plan, sizeof(record->plan));
    if (record->provider < u->scenario->providers_count)
        record->api = u->scenario->providers[record->provider].api;
    if (is_fault)
        note_rule(u, note->rule, record);
    return true;
}

void upstream_stop(struct upstream *u, nanos now)
{
    effects_begin(u, now);
    for (uint32_t index = 0; index < u->exchanges_born; index++) {
        enum exchange_state state = u->exchanges[index].state;

        if (state != EXCHANGE_FREE && state != EXCHANGE_OVER)
            close_exchange(u, index, CLOSED_RUN, now);
    }
}

uint32_t upstream_open(const struct upstream *u)
{
    return u->open;
}

uint32_t upstream_open_like(const struct upstream *u, struct slice isolation)
{
    uint32_t count = 0;

    for (uint32_t index = 0; index < u->exchanges_born; index++) {
        const struct exchange *x = &u->exchanges[index];

        if (x->state != EXCHANGE_FREE && x->state != EXCHANGE_OVER)
            count += slice_glob(isolation, slice_of(x->record.isolation));
    }
    return count;
}

/* --- what may change while it runs ------------------------------------------------------------ */

const struct chaos *upstream_chaos(const struct upstream *u)
{
    return &u->chaos;
}

const struct chaos_memory *upstream_chaos_memory(const struct upstream *u)
{
    return &u->memory;
}

enum rc upstream_put_rule(struct upstream *u, const struct phases *phases,
                          const struct chaos_rule *rule)
{
    struct phases before = u->chaos.phases;
    enum rc rc;

    u->chaos.phases = *phases;
    rc = chaos_put(&u->chaos, rule);
    if (rc != RC_OK) {
        u->chaos.phases = before;
        return rc;
    }
    if (u->first_request_at != NANOS_NEVER)
        phases_first_request(&u->chaos.phases, u->first_request_at);
    note_change(u);
    return RC_OK;
}

bool upstream_drop_rule(struct upstream *u, struct slice name)
{
    const struct chaos *own = &u->scenario->chaos;

    for (uint32_t i = 0; i < u->chaos.rules_count; i++) {
        if (!slice_is(name, slice_of(u->chaos.rules[i].name)))
            continue;
        chaos_drop(&u->chaos, &u->memory, i, own->rules_count, own->phases.count);
        note_change(u);
        return true;
    }
    return false;
}

bool upstream_enable_rule(struct upstream *u, struct slice name, bool is_enabled)
{
    for (uint32_t i = 0; i < u->chaos.rules_count; i++) {
        struct chaos_rule *rule = &u->chaos.rules[i];

        if (!slice_is(name, slice_of(rule->name)))
            continue;
        rule->revision += rule->is_disabled == is_enabled;
        rule->is_disabled = !is_enabled;
        note_change(u);
        return true;
    }
    return false;
}

bool upstream_mark(struct upstream *u, struct slice name, nanos now)
{
    bool is_known;

    effects_begin(u, now);
    is_known = chaos_mark(&u->chaos, name, now);
    if (is_known)
        note_change(u);
    return is_known;
}

bool upstream_set_state(struct upstream *u, struct slice name, struct slice value)
{
    return chaos_state_set(&u->memory, name, value);
}

void upstream_reset(struct upstream *u, struct slice isolation)
{
    identity_reset(u->identity, isolation);
    hooks_reset(&u->hooks, isolation);
    if (isolation.size > 0)
        return;
    u->chaos = u->scenario->chaos;
    u->memory = (struct chaos_memory){0};
    u->cache = (struct prompt_cache){0};
    u->first_request_at = NANOS_NEVER;
    order_reset(u);
    note_change(u);
}

/* --- birth and death -------------------------------------------------------------------------- */

static void learn_scripts(struct upstream *u)
{
    static const struct fault nothing = {.kind = FAULT_NONE};

    for (uint32_t i = 0; i < u->scenario->scripts_count; i++) {
        u->script_rules[i] = (struct chaos_rule){
            .match = u->scenario->scripts[i].match, .sequence = &nothing, .sequence_count = 1};
    }
}

static enum rc allocate(struct upstream *u)
{
    const struct memory *memory = u->options.memory;
    uint32_t count = u->options.exchanges_max;

    u->exchanges = memory->resize(memory->context, NULL, count * sizeof(*u->exchanges));
    u->queue = memory_zeroed(memory, u->queue_size, sizeof(*u->queue));
    if (u->exchanges == NULL || u->queue == NULL)
        return RC_NOMEM;
    TRY(timers_init(&u->timers, memory, count + u->scenario->models_count));
    TRY(identity_new(&u->identity, count > CALLS_KEPT_MIN ? count : CALLS_KEPT_MIN, memory));
    return order_init(u);
}

enum rc upstream_new(struct upstream **upstream, const struct upstream_options *options,
                     struct error *err)
{
    uint32_t count = options->exchanges_max;
    struct upstream *u = memory_zeroed(options->memory, 1, sizeof(*u));
    enum rc rc;

    if (u == NULL)
        return error_set(err, RC_NOMEM, "upstream engine: out of memory");
    u->options = *options;
    u->scenario = options->scenario;
    u->chaos = options->scenario->chaos;
    u->first_request_at = NANOS_NEVER;
    u->free_first = UPSTREAM_NO_EXCHANGE;
    u->releasing = UPSTREAM_NO_EXCHANGE;
    u->latest_at = INT64_MIN;
    /* one exchange: head, body, body, end, journal at the most */
    u->queue_size = 5 * count + UPSTREAM_NOTES_MAX;
    buffer_init(&u->scratch, options->memory, SCRATCH_BYTES_MAX);
    learn_scripts(u);
    rc = allocate(u);
    if (rc != RC_OK) {
        upstream_free(u);
        return error_set(err, rc, "upstream engine: %s for %u exchanges", rc_text(rc), count);
    }
    note_change(u);
    *upstream = u;
    return RC_OK;
}

void upstream_set_wall(struct upstream *u, int64_t wall_unix_ns)
{
    assert(u->latest_at < 0);
    u->options.wall_unix_ns = wall_unix_ns;
}

void upstream_free(struct upstream *u)
{
    const struct memory *memory;

    if (u == NULL)
        return;
    memory = u->options.memory;
    order_deinit(u);
    identity_free(u->identity);
    timers_deinit(&u->timers);
    buffer_deinit(&u->scratch);
    memory_release(memory, u->exchanges);
    memory_release(memory, u->queue);
    memory_release(memory, u);
}
