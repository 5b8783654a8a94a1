#include "tests/support/world.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_call(void *context, const struct call_record *call)
{
    struct world_run *world = context;

    if (world->calls_count < WORLD_CALLS_MAX)
        world->calls[world->calls_count++] = *call;
}

static void on_journal(void *context, const struct journal_record *record)
{
    struct world_run *world = context;

    if (world->journal_count < WORLD_JOURNAL_MAX)
        world->journal[world->journal_count++] = *record;
}

static void on_alert(void *context, const struct alert_record *record)
{
    struct world_run *world = context;

    if (world->alerts_count < WORLD_ALERTS_MAX)
        world->alerts[world->alerts_count++] = *record;
    buffer_printf(&world->timeline, "%6lldms  %s %s %u after %u\n",
                  (long long)(record->settled_at / NANOS_MS), record->alert.key,
                  hook_kind_word(record->hook), record->status, record->tries);
}

static void on_step(void *context, nanos at, const struct call_id *call, uint32_t attempt,
                    const char *what)
{
    struct world_run *world = context;
    char id[CALL_ID_TEXT_MAX];

    call_id_write(world->scenario, *call, id);
    buffer_printf(&world->timeline, "%6lldms  %s %s", (long long)(at / NANOS_MS), id, what);
    if (strcmp(what, "send") == 0 || strcmp(what, "cancel") == 0)
        buffer_printf(&world->timeline, " %u", attempt);
    buffer_byte(&world->timeline, '\n');
}

bool world_load(struct world_run *world, const char *scenario_text)
{
    struct error err = {0};

    *world = (struct world_run){0};
    arena_init(&world->arena, memory_heap(), 64 << 20);
    buffer_init(&world->timeline, memory_heap(), 16 << 20);
    world->scenario = arena_take(&world->arena, 1, sizeof(*world->scenario));
    world->calls = calloc(WORLD_CALLS_MAX, sizeof(*world->calls));
    world->journal = calloc(WORLD_JOURNAL_MAX, sizeof(*world->journal));
    world->alerts = calloc(WORLD_ALERTS_MAX, sizeof(*world->alerts));
    if (scenario_load(world->scenario, slice_of(scenario_text), SLICE("test.jsonc"), NULL,
                      &world->arena, &err) != RC_OK) {
        fprintf(stderr, "\n%s\n", err.text);
        CU_FAIL("the scenario did not load");
        return false;
    }
    return true;
}

void world_simulate(struct world_run *world)
{
    struct error err = {0};
    struct simulation simulation = {
        .scenario = world->scenario,
        .memory = memory_heap(),
        .context = world,
        .on_call = on_call,
        .on_journal = on_journal,
        .on_alert = on_alert,
        .on_step = on_step,
        .monitor = world->monitor,
        .writes_bytes = world->writes_bytes,
    };

    if (simulate(&simulation, &world->result, &err) != RC_OK) {
        fprintf(stderr, "\n%s\n", err.text);
        CU_FAIL("the simulation did not run");
    }
}

void world_run(struct world_run *world, const char *scenario_text)
{
    if (world_load(world, scenario_text))
        world_simulate(world);
}

void world_close(struct world_run *world)
{
    arena_deinit(&world->arena);
    buffer_deinit(&world->timeline);
    free(world->calls);
    free(world->journal);
    free(world->alerts);
    *world = (struct world_run){0};
}

const struct call_record *world_call(const struct world_run *world, const char *id)
{
    for (uint32_t i = 0; i < world->calls_count; i++) {
        char text[CALL_ID_TEXT_MAX];

        call_id_write(world->scenario, world->calls[i].id, text);
        if (strcmp(text, id) == 0)
            return &world->calls[i];
    }
    return NULL;
}

void world_expect(const struct world_run *world, const char *timeline)
{
    bool is_same = slice_is(buffer_slice(&world->timeline), slice_of(timeline));

    if (!is_same)
        fprintf(stderr, "\nexpected:\n%s\nwas:\n%.*s\n", timeline,
                SLICE_ARG(buffer_slice(&world->timeline)));
    CU_ASSERT(is_same);
}

const char *world_text(const char *client, const char *chaos, const char *load)
{
    static char text[16384];

    snprintf(text, sizeof(text),
             "{\"name\": \"test\", \"seed\": 7, \"subject\": {\"client\": %s},\n"
             " \"target\": {\"mock\": {\"models\": {\n"
             "   \"claude\": {\"api\": \"anthropic\", \"first_token\": \"100ms\","
             " \"rate\": \"10 tokens/s\"},\n"
             "   \"gpt\": {\"api\": \"openai-chat\", \"first_token\": \"100ms\","
             " \"rate\": \"10 tokens/s\"}}}},\n"
             " \"link\": {\"latency\": \"1ms\", \"connect\": \"0s\", \"idle_close\": \"60s\"},\n"
             " \"load\": %s%s%s}\n",
             client, load, chaos[0] != '\0' ? ",\n \"chaos\": " : "", chaos);
    return text;
}
