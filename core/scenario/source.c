#include "scenario/source.h"

#include <assert.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/rng.h"

uint32_t call_id_write(const struct scenario *scenario, struct call_id id, char *text)
{
    struct buffer out = {.data = text,
                         .capacity = CALL_ID_TEXT_MAX - 1,
                         .ceiling = CALL_ID_TEXT_MAX - 1,
                         .memory = memory_heap()}; /* never asked: the space is there */

    assert(id.source < scenario->load.parts_count);
    buffer_text(&out, scenario->load.parts[id.source].name);
    buffer_byte(&out, ':');
    buffer_u64(&out, id.index);
    assert(out.rc == RC_OK);
    text[out.size] = '\0';
    return (uint32_t)out.size;
}

/* "k0-40" behind "mark:": the marker that our driver puts into what it asks a service
 * (engine/service_ask.h), as the journal names it. */
static bool read_marker(const struct scenario *scenario, struct slice text, struct call_id *id)
{
    struct slice source_text;
    uint64_t source, index;

    if (!slice_starts_with(text, SLICE("k")))
        return false;
    text = (struct slice){text.data + 1, text.size - 1};
    if (!slice_cut(&text, '-', &source_text) || !slice_u64(source_text, &source) ||
        !slice_u64(text, &index) || source >= scenario->load.parts_count)
        return false;
    *id = (struct call_id){.source = (uint32_t)source, .index = index};
    return true;
}

bool call_id_read(const struct scenario *scenario, struct slice text, struct call_id *id)
{
    static const struct slice marker = {"mark:", 5};
    struct slice name;
    uint64_t index;

    if (scenario->subject == SUBJECT_SERVICE && slice_starts_with(text, marker))
        return read_marker(scenario,
                           (struct slice){text.data + marker.size, text.size - marker.size}, id);
    if (!slice_cut(&text, ':', &name) || !slice_u64(text, &index))
        return false;
    for (uint32_t i = 0; i < scenario->load.parts_count; i++) {
        if (slice_is(name, slice_of(scenario->load.parts[i].name))) {
            *id = (struct call_id){.source = i, .index = index};
            return true;
        }
    }
    return false;
}

uint32_t call_instance(const struct scenario *scenario, struct call_id id)
{
    assert(scenario->instances > 0);
    return (uint32_t)(id.index % scenario->instances);
}

uint32_t call_worker(const struct scenario *scenario, struct call_id id, uint32_t workers)
{
    assert(workers > 0);
    if (workers <= scenario->instances)
        return call_instance(scenario, id) % workers;
    return (uint32_t)(id.index % workers);
}

/* --- what a call asks for: keyed by its id, so that no order can change it -------------------- */

static double draw(const struct source *source, const char *stream, uint64_t key)
{
    return rng_unit(source->scenario->seed, rng_stream(slice_of(stream)), key, 0);
}

/* One kind of request, and a fixed number of tokens, need no draw. */
static const struct request_shape *pick_shape(const struct source *source, uint64_t key)
{
    const struct load *load = &source->scenario->load;
    double total = 0, upto = 0, u;

    if (load->requests_count == 1)
        return &load->requests[0];
    u = draw(source, "request", key);
    for (uint32_t i = 0; i < load->requests_count; i++)
        total += load->requests[i].weight;
    for (uint32_t i = 0; i + 1 < load->requests_count; i++) {
        upto += load->requests[i].weight;
        if (u * total < upto)
            return &load->requests[i];
    }
    return &load->requests[load->requests_count - 1];
}

static uint64_t draw_tokens(const struct source *source, const struct distribution *d,
                            const char *stream, uint64_t key)
{
    double u = d->kind == DISTRIBUTION_FIXED ? 0 : draw(source, stream, key);
    double tokens = distribution_at(d, u) + 0.5;

    return tokens < 1 ? 1 : (uint64_t)tokens;
}

/* Tokens that the request does not say stay as they are: those of the trace's row. */
static void fill_request(const struct source *source, struct call_plan *plan)
{
    char id[CALL_ID_TEXT_MAX];
    uint32_t id_size = call_id_write(source->scenario, plan->id, id);
    uint64_t key = slice_hash((struct slice){id, id_size});
    const struct request_shape *shape = pick_shape(source, key);

    plan->model = shape->model;
    plan->stream = shape->stream;
    if (shape->has_input_tokens)
        plan->input_tokens = draw_tokens(source, &shape->input_tokens, "input_tokens", key);
    if (shape->has_output_tokens)
        plan->output_tokens = draw_tokens(source, &shape->output_tokens, "output_tokens", key);
}

/* --- the walk --------------------------------------------------------------------------------- */

void source_init(struct source *source, const struct scenario *scenario)
{
    *source = (struct source){.scenario = scenario};
}

static bool next_row(struct source *source, const struct load_part *part, struct call_plan *plan)
{
    const struct trace_row *row;

    if (source->row >= part->rows_count)
        return false;
    row = &part->rows[source->row++];
    *plan = (struct call_plan){.id = {.source = source->part, .index = row->index},
                               .due_at = row->due_at,
                               .input_tokens = row->input_tokens,
                               .output_tokens = row->output_tokens};
    fill_request(source, plan);
    return true;
}

static bool next_arrival(struct source *source, const struct load_part *part,
                         struct call_plan *plan)
{
    if (!source->has_arrival)
        arrival_init(&source->arrival, &part->arrivals, source->scenario->seed,
                     rng_stream(slice_of(part->name)));
    source->has_arrival = true;
    *plan = (struct call_plan){.id = {.source = source->part, .index = source->arrival.next}};
    if (!arrival_next(&source->arrival, &plan->due_at))
        return false;
    fill_request(source, plan);
    return true;
}

static bool next_of(struct source *source, const struct load_part *part, struct call_plan *plan)
{
    switch (part->kind) {
    case PART_ARRIVALS:
        return next_arrival(source, part, plan);
    case PART_TRACE:
        return next_row(source, part, plan);
    case PART_FOREIGN:
        return false; /* a program makes them */
    }
    assert(false);
    return false;
}

bool source_next(struct source *source, struct call_plan *plan)
{
    const struct load *load = &source->scenario->load;

    for (; source->part < load->parts_count; source->part++) {
        const struct load_part *part = &load->parts[source->part];

        if (next_of(source, part, plan))
            return true;
        source->row = 0;
        source->has_arrival = false;
    }
    return false;
}
