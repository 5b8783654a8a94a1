#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin_parts.h"
#include "engine/upstream.h"
#include "os/clock.h"
#include "scenario/scenario.h"

/* Rules as the engine plays them now: its own copy of the scenario's chaos. New ones are read into
 * a draft first, so that of several all come or none. */

enum { SCRATCH_BYTES = 256 * 1024 };

/* --- listing ---------------------------------------------------------------------------------- */

static void write_rule(struct admin *a, uint32_t index)
{
    const struct upstream *engine = mock_engine(a->mock);
    const struct chaos *chaos = upstream_chaos(engine);
    const struct chaos_memory *memory = upstream_chaos_memory(engine);
    const struct chaos_rule *rule = &chaos->rules[index];

    buffer_text(&a->out, "{\"name\":");
    json_write_text(&a->out, slice_of(rule->name));
    buffer_printf(&a->out,
                  ",\"enabled\":%s,\"revision\":%" PRIu32 ",\"decided\":\"%s\",\"matched\":%" PRIu64
                  ",\"fired\":%" PRIu64 ",\"rule\":",
                  rule->is_disabled ? "false" : "true", rule->revision,
                  chaos_rule_is_ordered(rule) ? "ordered" : "keyed", memory->matched[index],
                  memory->fired[index]);
    scenario_write_rule(a->options.scenario, chaos, index, &a->out);
    buffer_byte(&a->out, '}');
}

uint16_t admin_rules(struct admin *a, const struct admin_request *request)
{
    const struct chaos *chaos = upstream_chaos(mock_engine(a->mock));

    (void)request;
    buffer_text(&a->out, "{\"rules\":[");
    for (uint32_t i = 0; i < chaos->rules_count; i++) {
        buffer_text(&a->out, i > 0 ? ",\n" : "\n");
        write_rule(a, i);
    }
    buffer_text(&a->out, "]}\n");
    return 200;
}

/* The index, or rules_count. */
static uint32_t find_rule(struct admin *a, struct slice name)
{
    const struct chaos *chaos = upstream_chaos(mock_engine(a->mock));
    uint32_t i = 0;

    while (i < chaos->rules_count && !slice_is(slice_of(chaos->rules[i].name), name))
        i++;
    return i;
}

static uint16_t refuse_unknown(struct admin *a, struct slice name)
{
    const struct chaos *chaos = upstream_chaos(mock_engine(a->mock));
    char hint[NEAREST_TEXT_SIZE];
    struct nearest nearest;

    nearest_init(&nearest, name);
    for (uint32_t i = 0; i < chaos->rules_count; i++)
        nearest_offer(&nearest, slice_of(chaos->rules[i].name));
    return admin_refuse(a, 404, "there is no rule \"%.*s\"%s", SLICE_ARG(name),
                        nearest_say(&nearest, hint));
}

static uint16_t tell_rule(struct admin *a, struct slice name)
{
    uint32_t index = find_rule(a, name);

    if (index == upstream_chaos(mock_engine(a->mock))->rules_count)
        return refuse_unknown(a, name);
    write_rule(a, index);
    buffer_byte(&a->out, '\n');
    return 200;
}

uint16_t admin_rule(struct admin *a, const struct admin_request *request)
{
    return tell_rule(a, request->tail);
}

/* Is nothing but the scenario's own rules there, as they were written? */
static bool are_as_written(const struct admin *a)
{
    const struct chaos *own = &a->options.scenario->chaos;
    const struct chaos *chaos = upstream_chaos(mock_engine(a->mock));

    for (uint32_t i = 0; i < own->rules_count; i++)
        if (chaos->rules[i].sequence != own->rules[i].sequence)
            return false;
    return chaos->rules_count == own->rules_count;
}

/* What rules consist of is needed while they are there, or an answer is under way. */
static void give_back(struct admin *a)
{
    if (mock_open_count(a->mock) > 0 || !are_as_written(a))
        return;
    arena_deinit(&a->rules);
    arena_init(&a->rules, a->options.memory, ADMIN_RULES_BYTES_MAX);
}

/* --- putting ---------------------------------------------------------------------------------- */

/* Rules that are to come, checked. */
struct draft {
    struct chaos chaos; /* as it would be with them */
    struct chaos_rule rules[CHAOS_RULES_MAX];
    uint32_t count;
    bool is_full; /* there was no room for all */
};

static enum rc draft_rule(struct admin *a, struct draft *draft, struct slice text,
                          struct slice file, struct error *err)
{
    struct chaos_rule *rule = &draft->rules[draft->count];

    TRY(scenario_read_rule(a->options.scenario, &draft->chaos, text, file, &a->rules, rule, err));
    draft->is_full = chaos_put(&draft->chaos, rule) != RC_OK;
    if (draft->is_full)
        return error_set(err, RC_LIMIT, "%.*s: there are %d rules already", SLICE_ARG(file),
                         CHAOS_RULES_MAX);
    draft->count++;
    return RC_OK;
}

static enum rc draft_rules(struct admin *a, struct draft *draft, struct reading *r)
{
    struct value whole, element;
    struct walk walk;

    TRY(read_check(r, &whole));
    if (whole.token.kind != JSON_ARRAY)
        return draft_rule(a, draft, r->text, r->file, r->err);
    TRY(read_expect_elements(r, &whole, CHAOS_RULES_MAX));
    walk_init(&walk, &whole);
    while (walk_next(&walk, NULL, &element)) {
        char file[24];

        snprintf(file, sizeof(file), "rule %" PRIu32, draft->count + 1);
        TRY(draft_rule(a, draft, element.text, slice_of(file), r->err));
    }
    return RC_OK;
}

static enum rc put_all(struct admin *a, const struct draft *draft, struct error *err)
{
    struct upstream *engine = mock_engine(a->mock);

    for (uint32_t i = 0; i < draft->count; i++) {
        enum rc rc = upstream_put_rule(engine, &draft->chaos.phases, &draft->rules[i]);

        if (rc != RC_OK)
            return error_set(err, rc, "rule %s: %s", draft->rules[i].name, rc_text(rc));
    }
    return RC_OK;
}

static enum rc read_draft(struct admin *a, const struct admin_request *request, struct draft *draft,
                          struct error *err)
{
    struct arena scratch;
    struct reading r = {
        .text = request->http->body, .file = SLICE("rule"), .arena = &scratch, .err = err};
    enum rc rc;

    arena_init(&scratch, a->options.memory, SCRATCH_BYTES);
    rc = draft_rules(a, draft, &r);
    arena_deinit(&scratch);
    if (rc == RC_OK && request->tail.size > 0 &&
        (draft->count != 1 || !slice_is(request->tail, slice_of(draft->rules[0].name))))
        rc = error_set(err, RC_MALFORMED, "rule: expected one with \"rule\": \"%.*s\"",
                       SLICE_ARG(request->tail));
    return rc;
}

static void write_put(struct admin *a, const struct draft *draft)
{
    buffer_text(&a->out, "{\"ok\":true,\"rules\":[");
    for (uint32_t i = 0; i < draft->count; i++) {
        buffer_text(&a->out, i > 0 ? ",\n" : "\n");
        write_rule(a, find_rule(a, slice_of(draft->rules[i].name)));
    }
    buffer_text(&a->out, "]}\n");
}

uint16_t admin_put_rules(struct admin *a, const struct admin_request *request)
{
    struct draft *draft = memory_zeroed(a->options.memory, 1, sizeof(*draft));
    struct error err = {0};
    uint16_t status = 200;

    if (draft == NULL)
        return admin_refuse(a, 507, "rules: %s", rc_text(RC_NOMEM));
    give_back(a);
    draft->chaos = *upstream_chaos(mock_engine(a->mock));
    if (read_draft(a, request, draft, &err) != RC_OK || put_all(a, draft, &err) != RC_OK)
        status =
            draft->is_full ? admin_refuse(a, 409, "%s", err.text) : admin_refuse_error(a, &err);
    else
        write_put(a, draft);
    memory_release(a->options.memory, draft);
    return status;
}

/* --- changing --------------------------------------------------------------------------------- */

struct rule_ask {
    bool is_enabled;
};

static const struct read_key rule_keys[] = {
    {"enabled", NEEDED, read_bool, offsetof(struct rule_ask, is_enabled)}};

uint16_t admin_change_rule(struct admin *a, const struct admin_request *request)
{
    struct rule_ask ask = {0};
    uint16_t status;

    if (admin_read(a, request, rule_keys, ARRAY_SIZE(rule_keys), &ask, &status) != RC_OK)
        return status;
    if (!upstream_enable_rule(mock_engine(a->mock), request->tail, ask.is_enabled))
        return refuse_unknown(a, request->tail);
    return tell_rule(a, request->tail);
}

uint16_t admin_drop_rule(struct admin *a, const struct admin_request *request)
{
    if (!upstream_drop_rule(mock_engine(a->mock), request->tail))
        return refuse_unknown(a, request->tail);
    buffer_text(&a->out, "{\"ok\":true}\n");
    return 200;
}

/* The scenario's own as they were, and none besides. */
uint16_t admin_reset_rules(struct admin *a, const struct admin_request *request)
{
    struct upstream *engine = mock_engine(a->mock);
    const struct chaos *own = &a->options.scenario->chaos;
    const struct chaos *chaos = upstream_chaos(engine);

    while (chaos->rules_count > own->rules_count) {
        char name[sizeof(chaos->rules[0].name)];

        memcpy(name, chaos->rules[chaos->rules_count - 1].name, sizeof(name));
        upstream_drop_rule(engine, slice_of(name));
    }
    for (uint32_t i = 0; i < own->rules_count; i++)
        if (upstream_put_rule(engine, &own->phases, &own->rules[i]) != RC_OK)
            return admin_refuse(a, 500, "rule %s: it cannot be put back", own->rules[i].name);
    return admin_rules(a, request);
}

/* --- states and marks ------------------------------------------------------------------------- */

uint16_t admin_states(struct admin *a, const struct admin_request *request)
{
    const struct chaos_memory *memory = upstream_chaos_memory(mock_engine(a->mock));

    (void)request;
    buffer_text(&a->out, "{\"states\":{");
    for (uint32_t i = 0; i < memory->states_count; i++) {
        buffer_text(&a->out, i > 0 ? "," : "");
        json_write_text(&a->out, slice_of(memory->states[i].name));
        buffer_byte(&a->out, ':');
        json_write_text(&a->out, slice_of(memory->states[i].value));
    }
    buffer_text(&a->out, "}}\n");
    return 200;
}

static enum rc read_states(struct reading *r, const struct value *value, void *out)
{
    struct admin *a = *(struct admin **)out;
    struct value key, one;
    struct walk walk;

    TRY(read_expect_object(r, value));
    walk_init(&walk, value);
    while (walk_next(&walk, &key, &one)) {
        char name[32], text[32];

        if (key.token.raw.size == 0 || !slice_copy(key.token.raw, name, sizeof(name)))
            return read_refuse(r, RC_LIMIT, &key, "a name of 1 to %zu bytes", sizeof(name) - 1);
        TRY(read_text(r, &one, text, sizeof(text)));
        if (!upstream_set_state(mock_engine(a->mock), slice_of(name), slice_of(text)))
            return read_refuse(r, RC_LIMIT, &key, "at most %d states", CHAOS_STATES_MAX);
    }
    return RC_OK;
}

static const struct read_key state_keys[] = {{"states", NEEDED, read_states, 0}};

uint16_t admin_set_states(struct admin *a, const struct admin_request *request)
{
    struct admin *into = a;
    uint16_t status;

    if (admin_read(a, request, state_keys, ARRAY_SIZE(state_keys), &into, &status) != RC_OK)
        return status;
    return admin_states(a, request);
}

/* A mark is an instant of run time, so there must be one. */
uint16_t admin_mark(struct admin *a, const struct admin_request *request)
{
    if (!mock_is_started(a->mock))
        mock_start(a->mock, clock_monotonic());
    if (!upstream_mark(mock_engine(a->mock), request->tail, mock_now(a->mock)))
        return admin_refuse(a, 404, "no window counts from the mark \"%.*s\"",
                            SLICE_ARG(request->tail));
    buffer_printf(&a->out, "{\"ok\":true,\"at\":%" PRId64 "}\n", mock_now(a->mock));
    return 200;
}

/* --- resets ----------------------------------------------------------------------------------- */

uint16_t admin_reset(struct admin *a, const struct admin_request *request)
{
    uint64_t count = journal_store_reset(a->store, request->tail);

    upstream_reset(mock_engine(a->mock), request->tail);
    if (request->tail.size == 0) {
        hook_box_reset(&a->hooks);
        give_back(a);
    }
    buffer_printf(&a->out, "{\"ok\":true,\"forgotten\":%" PRIu64 "}\n", count);
    return 200;
}
