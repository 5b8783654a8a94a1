/* The load: what is asked, and when. Parts run one after another: the arrivals in their order, then
 * the trace. Of a command nothing is asked: its load is read, for a slip is a slip, and then only
 * the deadline and the drain mean something. */

#include <math.h>
#include <string.h>

#include "scenario/read.h"

struct load_block {
    struct value requests, arrivals, trace;
    nanos deadline;
    struct value drain;
    uint32_t in_flight_max;
};

/* --- requests --------------------------------------------------------------------------------- */

struct request_block {
    struct value model, input_tokens, output_tokens;
    bool stream;
    double weight;
};

static enum rc read_weight(struct reading *r, const struct value *value, void *out)
{
    return read_number(r, value, 1e-6, 1e6, out);
}

static const struct read_key request_keys[] = {
    {"model", NEEDED, read_keep, offsetof(struct request_block, model)},
    {"stream", OPTIONAL, read_bool, offsetof(struct request_block, stream)},
    {"weight", OPTIONAL, read_weight, offsetof(struct request_block, weight)},
    {"input_tokens", OPTIONAL, read_keep, offsetof(struct request_block, input_tokens)},
    {"output_tokens", OPTIONAL, read_keep, offsetof(struct request_block, output_tokens)},
};

static enum rc read_request(struct reading *r, const struct value *value,
                            struct request_shape *shape)
{
    struct request_block block = {.weight = 1};
    struct request_shape read = {0};

    TRY(read_object(r, value, request_keys, ARRAY_SIZE(request_keys), &block));
    TRY(read_model(r, &block.model, &read.model));
    read.stream = block.stream;
    read.weight = block.weight;
    read.has_input_tokens = value_is_there(&block.input_tokens);
    read.has_output_tokens = value_is_there(&block.output_tokens);
    if (read.has_input_tokens)
        TRY(read_tokens_distribution(r, &block.input_tokens, &read.input_tokens));
    if (read.has_output_tokens)
        TRY(read_tokens_distribution(r, &block.output_tokens, &read.output_tokens));
    *shape = read;
    return RC_OK;
}

static enum rc read_requests(struct reading *r, const struct value *value, bool needs_tokens)
{
    struct scenario *scenario = r->scenario;
    struct load *load = &scenario->load;
    struct walk walk;
    struct value element;

    TRY(read_expect_elements(r, value, SCENARIO_REQUESTS_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element)) {
        struct request_shape *shape = &load->requests[load->requests_count];

        TRY(read_request(r, &element, shape));
        if (needs_tokens && !(shape->has_input_tokens && shape->has_output_tokens))
            return read_refuse_as(r, RC_MALFORMED, &element,
                                  "found no \"%s\" in this request, expected it: arrivals have no "
                                  "tokens of their own, as a trace has",
                                  shape->has_input_tokens ? "output_tokens" : "input_tokens");
        scenario->places.requests[load->requests_count++] = value_position(r, &element);
    }
    return RC_OK;
}

/* --- parts ------------------------------------------------------------------------------------ */

/* Its place is where its entry stands; its name must be new. */
static enum rc add_part(struct reading *r, const struct value *at, const struct load_part *part)
{
    struct load *load = &r->scenario->load;

    if (load->parts_count == SCENARIO_PARTS_MAX)
        return read_refuse(r, RC_LIMIT, at, "at most %d parts", SCENARIO_PARTS_MAX);
    for (uint32_t i = 0; i < load->parts_count; i++) {
        if (slice_is(slice_of(load->parts[i].name), slice_of(part->name)))
            return read_refuse_as(r, RC_MALFORMED, at,
                                  "found a second part \"%s\", expected a name of its own",
                                  part->name);
    }
    r->scenario->places.parts[load->parts_count] = value_position(r, at);
    load->parts[load->parts_count++] = *part;
    return RC_OK;
}

static enum rc read_part_name(struct reading *r, const struct value *value, void *out)
{
    return read_name(r, value, 0, out, sizeof(((struct load_part *)0)->name));
}

static enum rc read_process(struct reading *r, const struct value *value, void *out)
{
    static const char *const words[] = {
        [ARRIVAL_CONSTANT] = "constant", [ARRIVAL_POISSON] = "poisson"};
    enum arrival_process *process = out;
    uint32_t index;

    TRY(read_word(r, value, words, ARRAY_SIZE(words), &index));
    *process = (enum arrival_process)index;
    return RC_OK;
}

static const struct read_key arrivals_keys[] = {
    {"part", OPTIONAL, read_part_name, offsetof(struct load_part, name)},
    {"rate", NEEDED, read_rate, offsetof(struct load_part, arrivals.rate_per_s)},
    {"process", OPTIONAL, read_process, offsetof(struct load_part, arrivals.process)},
    {"for", NEEDED, read_span, offsetof(struct load_part, arrivals.lasts)},
};

static enum rc read_arrivals(struct reading *r, const struct value *value)
{
    struct load *load = &r->scenario->load;
    struct walk walk;
    struct value element;
    double calls = 0;

    TRY(read_expect_elements(r, value, SCENARIO_PARTS_MAX));
    walk_init(&walk, value);
    while (walk_next(&walk, NULL, &element)) {
        struct load_part part = {.kind = PART_ARRIVALS, .name = "arrivals"};

        TRY(read_object(r, &element, arrivals_keys, ARRAY_SIZE(arrivals_keys), &part));
        part.arrivals.start_at = load->lasts;
        load->lasts = nanos_add(load->lasts, part.arrivals.lasts);
        calls += part.arrivals.rate_per_s * ((double)part.arrivals.lasts / (double)NANOS_S);
        if (calls > SCENARIO_CALLS_MAX)
            return read_refuse_as(r, RC_LIMIT, &element,
                                  "found %.0f calls in all, expected at most %d", calls,
                                  SCENARIO_CALLS_MAX);
        TRY(add_part(r, &element, &part));
    }
    return RC_OK;
}

/* --- the trace -------------------------------------------------------------------------------- */

struct trace_block {
    struct value file;
    uint32_t format;
    struct trace_options options;
    char part[sizeof(((struct load_part *)0)->name)];
};

static enum rc read_format(struct reading *r, const struct value *value, void *out)
{
    static const char *const words[] = {"azure"};

    return read_word(r, value, words, ARRAY_SIZE(words), out);
}

static enum rc read_speed(struct reading *r, const struct value *value, void *out)
{
    return read_number(r, value, 0.001, 1e6, out);
}

static const struct read_key trace_keys[] = {
    {"file", NEEDED, read_keep, offsetof(struct trace_block, file)},
    {"format", OPTIONAL, read_format, offsetof(struct trace_block, format)},
    {"from", OPTIONAL, read_duration, offsetof(struct trace_block, options.from)},
    {"for", OPTIONAL, read_span_or_never, offsetof(struct trace_block, options.lasts)},
    {"speed", OPTIONAL, read_speed, offsetof(struct trace_block, options.speed)},
    {"part", OPTIONAL, read_part_name, offsetof(struct trace_block, part)},
};

static enum rc read_file(struct reading *r, const struct value *value, struct slice *path,
                         struct slice *bytes)
{
    struct text_place at = value_place(r, value);

    TRY(read_string(r, value, path));
    if (r->files == NULL)
        return read_refuse(r, RC_MALFORMED, value, "a scenario that needs no file");
    if (r->files->read(r->files->context, *path, r->arena, bytes, r->err) != RC_OK)
        return error_wrap(r->err, "%.*s:%u:%u", SLICE_ARG(at.file), at.position.line,
                          at.position.column);
    return RC_OK;
}

/* How long the part lasts in run time: as cut, or up to and with its last row. */
static nanos trace_lasts(const struct load_part *part)
{
    if (part->trace.lasts == NANOS_NEVER)
        return part->rows[part->rows_count - 1].due_at - part->trace.start_at + 1;
    return (nanos)ceil((double)part->trace.lasts / part->trace.speed);
}

static enum rc read_trace(struct reading *r, const struct value *value)
{
    struct load *load = &r->scenario->load;
    struct trace_block block = {
        .options = {.lasts = NANOS_NEVER, .speed = 1, .start_at = load->lasts}, .part = "trace"};
    struct load_part part = {.kind = PART_TRACE};
    struct slice bytes = {0};

    TRY(read_object(r, value, trace_keys, ARRAY_SIZE(trace_keys), &block));
    part.trace = block.options;
    memcpy(part.name, block.part, sizeof(part.name));
    TRY(read_file(r, &block.file, &part.trace.file, &bytes));
    TRY(trace_read_azure(bytes, &part.trace, r->arena, &part.rows, &part.rows_count, r->err));
    if (part.rows_count == 0)
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found no row of %.*s from \"from\" on and within \"for\", expected "
                              "one or more",
                              SLICE_ARG(part.trace.file));
    if (part.rows_count > SCENARIO_CALLS_MAX)
        return read_refuse_as(r, RC_LIMIT, value, "found %llu rows, expected at most %d",
                              (unsigned long long)part.rows_count, SCENARIO_CALLS_MAX);
    load->lasts = nanos_add(load->lasts, trace_lasts(&part));
    return add_part(r, value, &part);
}

/* --- the section ------------------------------------------------------------------------------ */

static enum rc read_in_flight_max(struct reading *r, const struct value *value, void *out)
{
    return read_whole32(r, value, 1, SCENARIO_IN_FLIGHT_MAX, out);
}

static const struct read_key load_keys[] = {
    {"requests", OPTIONAL, read_keep, offsetof(struct load_block, requests)},
    {"arrivals", OPTIONAL, read_keep, offsetof(struct load_block, arrivals)},
    {"trace", OPTIONAL, read_keep, offsetof(struct load_block, trace)},
    {"deadline", OPTIONAL, read_span, offsetof(struct load_block, deadline)},
    {"drain", OPTIONAL, read_keep, offsetof(struct load_block, drain)},
    {"in_flight_max", OPTIONAL, read_in_flight_max, offsetof(struct load_block, in_flight_max)},
    {"streams", OPTIONAL, read_not_built, 0},
    {"users", OPTIONAL, read_not_built, 0},
    {"conversations", OPTIONAL, read_not_built, 0},
};

/* What somebody must ask who plays a load. */
static enum rc check_load(struct reading *r, const struct value *value,
                          const struct load_block *block)
{
    if (!value_is_there(&block->requests))
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found no \"requests\" in this object, expected one");
    if (!value_is_there(&block->arrivals) && !value_is_there(&block->trace))
        return read_refuse_as(r, RC_MALFORMED, value,
                              "found no \"arrivals\" and no \"trace\" in this object, expected one "
                              "of them");
    return RC_OK;
}

/* The calls of a program: as many as it makes, for as long as it likes. */
static void leave_to_a_program(struct load *load)
{
    load->parts[0] = (struct load_part){.name = "call", .kind = PART_FOREIGN};
    load->parts_count = 1;
    load->lasts = NANOS_NEVER;
}

enum rc read_load(struct reading *r, const struct value *value)
{
    struct load *load = &r->scenario->load;
    struct load_block block = {.deadline = 60 * NANOS_S, .in_flight_max = SCENARIO_IN_FLIGHT_MAX};

    if (value_is_there(value))
        TRY(read_object(r, value, load_keys, ARRAY_SIZE(load_keys), &block));
    if (r->scenario->subject != SUBJECT_EXEC)
        TRY(check_load(r, value, &block));
    if (value_is_there(&block.requests))
        TRY(read_requests(r, &block.requests, value_is_there(&block.arrivals)));
    if (value_is_there(&block.arrivals))
        TRY(read_arrivals(r, &block.arrivals));
    if (value_is_there(&block.trace))
        TRY(read_trace(r, &block.trace));
    load->deadline = block.deadline;
    load->drain = block.deadline;
    load->in_flight_max = block.in_flight_max;
    if (value_is_there(&block.drain))
        TRY(read_duration(r, &block.drain, &load->drain));
    if (r->scenario->subject == SUBJECT_EXEC)
        leave_to_a_program(load);
    return RC_OK;
}
