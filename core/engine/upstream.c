#include "engine/upstream.h"

#include <assert.h>
#include <string.h>

#include "base/timers.h"
#include "engine/upstream_state.h"
#include "wire/format.h"

enum {
    WAKES_PER_STEP = 64, /* exchanges served by one upstream_wake, so that its output stays small */
    SCRATCH_BYTES_MAX = 256 << 20,
};

/* --- the end of an exchange ------------------------------------------------------------------- */

/* What was read and what was written is billed, told or not, whoever ended it. Refusals and
 * connections that died before an answer cost nothing. */
static void bill(const struct scenario *scenario, struct exchange *x)
{
    struct usage used = {.is_known = true,
                         .input_tokens = x->plan.input_tokens,
                         .output_tokens = x->record.tokens_written};
    const struct price *price;

    if (x->record.model >= scenario->models_count)
        return;
    price = &scenario->prices[x->record.model];
    if (x->plan.kind == PLAN_ANSWER)
        x->record.has_cost = price_cost(price, x->api, &used, &x->record.cost);
    else
        x->record.has_cost = price->is_known;
}

static void close_exchange(struct upstream *u, uint32_t index, enum closed_by by, nanos now)
{
    struct exchange *x = &u->exchanges[index];

    bill(u->scenario, x);
    x->record.closed_by = by;
    x->record.closed_at = now;
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

bool upstream_begin(struct upstream *u, const struct upstream_request *request, nanos now,
                    uint32_t *exchange)
{
    bool is_hook = request->provider == UPSTREAM_HOOKS;
    uint32_t index;
    struct exchange *x;

    assert(is_hook || request->provider < u->scenario->providers_count);
    effects_begin(u, now);
    index = take_exchange(u);
    if (index == UPSTREAM_NO_EXCHANGE)
        return false;
    x = &u->exchanges[index];
    u->open++;
    memset(x, 0, sizeof(*x)); /* a literal of a kilobyte costs three times that */
    x->state = EXCHANGE_OPENING;
    x->begun_at = now;
    x->run_number = ++u->requests;
    x->record.number = x->run_number;
    x->record.provider = is_hook ? u->scenario->providers_count : request->provider;
    x->record.model = u->scenario->models_count;
    x->record.connection = request->connection;
    x->record.accepted_at = request->accepted_at;
    x->record.head_in_at = request->head_in_at;
    x->record.body_in_at = request->body_in_at;
    x->record.first_out_at = NANOS_NEVER;
    x->record.last_out_at = NANOS_NEVER;
    x->record.closed_at = NANOS_NEVER;
    x->record.rule = PLAN_NO_RULE;
    requests_take(u, x, request, now);
    timers_set(&u->timers, index, nanos_max(now, answers_open_at(x)));
    *exchange = index;
    return true;
}

/* --- time and the other side ------------------------------------------------------------------ */

void upstream_wake(struct upstream *u, nanos now)
{
    uint32_t index;

    effects_begin(u, now);
    for (int served = 0; served < WAKES_PER_STEP && timers_take(&u->timers, now, &index); served++)
        answers_serve(u, index, now);
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

/* --- birth and death -------------------------------------------------------------------------- */

enum rc upstream_new(struct upstream **upstream, const struct upstream_options *options,
                     struct error *err)
{
    const struct memory *memory = options->memory;
    struct upstream *u = memory_zeroed(memory, 1, sizeof(*u));
    uint32_t count = options->exchanges_max;
    enum rc rc = RC_NOMEM;

    if (u == NULL)
        return error_set(err, RC_NOMEM, "upstream engine: out of memory");
    u->options = *options;
    u->scenario = options->scenario;
    u->releasing = UPSTREAM_NO_EXCHANGE;
    u->latest_at = INT64_MIN;
    u->queue_size = 5 * count + 16; /* one exchange: head, body, body, end, journal at the most */
    buffer_init(&u->scratch, memory, SCRATCH_BYTES_MAX);
    u->exchanges = memory->resize(memory->context, NULL, count * sizeof(*u->exchanges));
    u->queue = memory_zeroed(memory, u->queue_size, sizeof(*u->queue));
    if (u->exchanges != NULL && u->queue != NULL)
        rc = timers_init(&u->timers, memory, count);
    if (rc != RC_OK) {
        upstream_free(u);
        return error_set(err, rc, "upstream engine: %s for %u exchanges", rc_text(rc), count);
    }
    u->free_first = UPSTREAM_NO_EXCHANGE;
    *upstream = u;
    return RC_OK;
}

void upstream_set_wall(struct upstream *u, int64_t wall_unix_ns)
{
    assert(u->requests == 0);
    u->options.wall_unix_ns = wall_unix_ns;
}

void upstream_free(struct upstream *u)
{
    const struct memory *memory;

    if (u == NULL)
        return;
    memory = u->options.memory;
    timers_deinit(&u->timers);
    buffer_deinit(&u->scratch);
    memory_release(memory, u->exchanges);
    memory_release(memory, u->queue);
    memory_release(memory, u);
}
