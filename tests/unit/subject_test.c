/* Subjects that are programs. What is refused stands in tests/unit/fixtures/broken; that cuts,
 * other bytes and missing memory do no harm, in scenario_test.c. */

#include "scenario/subject.h"

#include <CUnit/CUnit.h>

#include "scenario/scenario.h"
#include "scenario/source.h"
#include "scenario/template.h"
#include "tests/support/expect.h"
#include "tests/support/tree.h"

static const char EXEC[] = "tests/unit/fixtures/exec.jsonc";
static const char SERVICE[] = "tests/unit/fixtures/service.jsonc";

static const char SMALL[] =
    "{\"name\": \"small\",\n"
    " \"target\": {\"mock\": {\"models\": {\"gpt-4o\": {\"api\": \"openai-chat\"}}}},\n"
    " \"subject\": {\"exec\": {}}}";

static struct scenario scenario;
static struct arena arena;
static struct error err;
static bool is_printed; /* a file is not read, but what is printed of it */

static void set_up(void)
{
    scenario = (struct scenario){0};
    err = (struct error){0};
    arena_init(&arena, memory_heap(), 16 << 20);
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

static void load_file(const char *path)
{
    struct file_reader files = tree_beside(path);
    struct buffer printed;
    struct slice text;

    if (tree_load(&scenario, path, &arena, &err) != RC_OK)
        CU_FAIL_FATAL(err.text);
    if (!is_printed)
        return;
    buffer_init(&printed, memory_heap(), SCENARIO_TEXT_MAX);
    scenario_write(&scenario, &printed);
    text = arena_copy(&arena, buffer_slice(&printed));
    buffer_deinit(&printed);
    if (scenario_load(&scenario, text, SLICE("printed"), &files, &arena, &err) != RC_OK)
        CU_FAIL_FATAL(err.text);
}

static enum rc load_with(struct slice text, const char *pointer, const char *value)
{
    if (scenario_set(text, slice_of(pointer), slice_of(value), &arena, &text, &err) != RC_OK)
        return err.rc;
    return scenario_load(&scenario, text, SLICE("test.jsonc"), NULL, &arena, &err);
}

/* --- templates -------------------------------------------------------------------------------- */

/* "a<openai>/v1" for "a{openai}/v1". */
static void expect_pieces(const char *text, const char *pieces)
{
    struct slice rest = slice_of(text);
    struct template_piece piece;
    struct buffer out;

    buffer_init(&out, memory_heap(), 256);
    while (template_next(&rest, &piece)) {
        buffer_append(&out, piece.literal);
        if (piece.name.size > 0)
            buffer_printf(&out, "<%.*s>", SLICE_ARG(piece.name));
    }
    expect_text(buffer_slice(&out), slice_of(pieces),
                &(struct expect_place){"the pieces of a template", __FILE__, __LINE__});
    buffer_deinit(&out);
}

static void places_stand_between_braces(void)
{
    expect_pieces("{openai}/v1", "<openai>/v1");
    expect_pieces("a{azure-eu}{case}", "a<azure-eu><case>");
    expect_pieces("none", "none");
    expect_pieces("", "");
}

static void braces_around_anything_else_stand_for_themselves(void)
{
    expect_pieces("{\"a\": {}} {b c} {", "{\"a\": {}} {b c} {");
    expect_pieces("{{openai}}", "{<openai>}");
    expect_pieces("{openai", "{openai");
    expect_pieces("openai}", "openai}");
}

/* --- a command -------------------------------------------------------------------------------- */

static void a_command_needs_no_load(void)
{
    EXPECT_RC(load_with(slice_of(SMALL), "/seed", "2"), RC_OK);
    EXPECT_U64(scenario.subject, SUBJECT_EXEC);
    EXPECT_I64(scenario.load.lasts, NANOS_NEVER);
    EXPECT_I64(scenario.load.deadline, 60 * NANOS_S);
    EXPECT_U64(scenario.load.requests_count, 0);
    EXPECT_U64(scenario.instances, 1);
    EXPECT_U64(scenario.compression, 1);
    EXPECT_U64(scenario.client.layers[0].attempts, 1);
}

static void its_calls_are_one_part_of_which_the_plan_has_none(void)
{
    struct source source;
    struct call_plan plan;
    struct call_id id;
    char text[CALL_ID_TEXT_MAX];

    load_file(EXEC);
    EXPECT_U64(scenario.load.parts_count, 1);
    EXPECT_U64(scenario.load.parts[0].kind, PART_FOREIGN);
    source_init(&source, &scenario);
    CU_ASSERT_FALSE(source_next(&source, &plan));
    EXPECT_U64(scenario_calls_count(&scenario), 0);
    CU_ASSERT(call_id_read(&scenario, SLICE("call:17"), &id));
    EXPECT_U64(id.index, 17);
    call_id_write(&scenario, id, text);
    EXPECT_TEXT(slice_of(text), "call:17");
}

static void of_a_load_that_is_said_the_deadline_and_the_requests_stay(void)
{
    load_file(EXEC);
    EXPECT_I64(scenario.load.deadline, 20 * NANOS_S);
    EXPECT_U64(scenario.load.requests_count, 1);
    CU_ASSERT(scenario.load.requests[0].stream);
    CU_ASSERT_FALSE(scenario.load.requests[0].has_input_tokens);
    EXPECT_RC(load_with(slice_of(SMALL), "/load", "{\"deadline\": \"5s\"}"), RC_OK);
    EXPECT_I64(scenario.load.deadline, 5 * NANOS_S);
    EXPECT_RC(load_with(slice_of(SMALL), "/load", "{\"requests\": []}"), RC_MALFORMED);
}

static void its_windows_may_lie_anywhere(void)
{
    load_file(EXEC);
    EXPECT_I64(scenario.chaos.phases.list[1].at, 200 * 86400 * NANOS_S);
}

static void a_model_of_any_name_is_played_for_it_unless_it_says_otherwise(void)
{
    EXPECT_RC(load_with(slice_of(SMALL), "/seed", "2"), RC_OK);
    CU_ASSERT(scenario.serves_any_model);
    load_file(EXEC);
    CU_ASSERT_FALSE(scenario.serves_any_model);
    EXPECT_RC(load_with(slice_of(SMALL), "/chaos",
                        "[{\"phase\": \"x\", \"match\": {\"model\": \"o3\"}, "
                        "\"fault\": {\"status\": 529}}]"),
              RC_OK);
}

static void fields_of_its_log_lie_at_the_top_level_unless_they_are_mapped(void)
{
    const struct log_map *map = &scenario.subject_rules.exec.log;

    EXPECT_RC(load_with(slice_of(SMALL), "/seed", "2"), RC_OK);
    EXPECT_U64(scenario.subject_rules.exec.log_file.size, 0);
    EXPECT_TEXT(map->pointers[LOG_FIELD_ID], "/id");
    load_file(EXEC);
    EXPECT_TEXT(scenario.subject_rules.exec.log_file, "logs/app.jsonl");
    EXPECT_TEXT(map->pointers[LOG_FIELD_ID], "/response/id");
    EXPECT_TEXT(map->pointers[LOG_FIELD_CALL], "/a~1b/0");
    EXPECT_TEXT(map->pointers[LOG_FIELD_LATENCY_MS], "/latency_ms");
    EXPECT_U64(map->pointers[LOG_FIELD_AT].size, 0);
}

static void its_environment_has_the_receivers_of_alerts_too(void)
{
    const struct subject_rules *rules = &scenario.subject_rules;

    load_file(EXEC);
    EXPECT_U64(rules->env_count, 6);
    EXPECT_TEXT(rules->env[0].name, "MY_LLM_URL");
    EXPECT_TEXT(rules->env[0].value, "{openai}/v1");
    EXPECT_U64(rules->env[1].value.size, 0);
    EXPECT_TEXT(rules->env[4].name, "SLACK_WEBHOOK_URL");
    EXPECT_TEXT(rules->env[4].value, "{hooks}/slack");
    EXPECT_TEXT(rules->env[5].value, "{hooks}/any");
}

static void an_environment_has_a_ceiling(void)
{
    struct buffer env;

    buffer_init(&env, arena.memory, 1 << 16);
    for (int i = 0; i <= SUBJECT_ENV_MAX; i++)
        buffer_printf(&env, "%s\"V%d\": \"x\"", i == 0 ? "{" : ", ", i);
    buffer_text(&env, "}");
    buffer_byte(&env, '\0');
    EXPECT_RC(load_with(slice_of(SMALL), "/subject/env", env.data), RC_LIMIT);
    buffer_deinit(&env);
}

/* --- a service -------------------------------------------------------------------------------- */

static void a_service_is_asked_once_with_its_own_timeouts(void)
{
    load_file(SERVICE);
    EXPECT_U64(scenario.subject, SUBJECT_SERVICE);
    EXPECT_TEXT(slice_of(scenario.client.preset), "none");
    EXPECT_U64(scenario.client.layers_count, 1);
    EXPECT_U64(scenario.client.layers[0].attempts, 1);
    EXPECT_I64(scenario.client.timeouts.first_token, 5 * NANOS_S);
    EXPECT_I64(scenario.client.timeouts.call, 30 * NANOS_S);
    EXPECT_U64(scenario_calls_count(&scenario), 60);
}

static void each_of_its_urls_is_an_instance(void)
{
    load_file(SERVICE);
    EXPECT_U64(scenario.instances, 2);
    EXPECT_U64(scenario.subject_rules.service.urls_count, 2);
    EXPECT_TEXT(scenario.subject_rules.service.urls[0], "http://127.0.0.1:4000");
    EXPECT_TEXT(scenario.subject_rules.service.urls[1], "http://[::1]:4001/prefix");
}

static void its_urls_have_places(void)
{
    load_file(SERVICE);
    EXPECT_U64(scenario.places.services[1].line, 5);
    EXPECT_U64(scenario.places.services[1].column, 43);
}

static void json_of_its_own_is_kept_without_comments(void)
{
    const struct service_rules *service = &scenario.subject_rules.service;

    load_file(SERVICE);
    CU_ASSERT(service->is_plain);
    EXPECT_TEXT(service->body,
                "{\"question\": \"{prompt} /* no comment */\", \"options\": [{\"model\": "
                "\"{model}\", \"stream\": \"{stream}\", \"limit\": \"{max_tokens}\"}, null, "
                "-1.5e3, {}], \"as\": \"a \\\"{call}\\\" {}\"}");
    EXPECT_TEXT(service->answer, "/reply/text");
    EXPECT_TEXT(service->delta, "/delta");
    EXPECT_TEXT(service->ends_at, "/a~1finish");
    EXPECT_U64(service->done.size, 0);
    EXPECT_TEXT(service->path, "/v2/ask?tenant=a");
    EXPECT_TEXT(service->key_env, "PROXY_KEY");
    EXPECT_U64(service->headers_count, 2);
    EXPECT_TEXT(service->headers[1].name, "x-case");
    EXPECT_TEXT(service->headers[1].value, "{case}");
}

static void reads_how_it_is_started(void)
{
    const struct service_rules *service = &scenario.subject_rules.service;

    load_file(SERVICE);
    EXPECT_U64(service->start_count, 5);
    EXPECT_TEXT(service->start[3], "--upstream={openai}/v1");
    EXPECT_U64(service->start[4].size, 0);
    EXPECT_TEXT(service->ready, "/health/liveliness");
    EXPECT_I64(service->ready_within, 90 * NANOS_S);
    EXPECT_TEXT(scenario.subject_rules.env[1].value, "{hooks}/discord");
}

static void a_service_may_speak_any_format_of_a_provider(void)
{
    static const struct slice text = {
        "{\"name\": \"s\", \"subject\": {\"service\": \"http://localhost:1\", \"send\": {}},"
        " \"target\": {\"mock\": {\"models\": {\"m\": {\"api\": \"gemini\"}}}},"
        " \"load\": {\"requests\": [{\"model\": \"m\", \"input_tokens\": 1, \"output_tokens\": 1}],"
        " \"arrivals\": [{\"rate\": \"1/s\", \"for\": \"2s\"}]}}",
        0};
    struct slice whole = slice_of(text.data);

    for (int api = 0; api < API_COUNT; api++) {
        EXPECT_RC(load_with(whole, "/subject/send/speaks", api_word((enum api)api)), RC_OK);
        CU_ASSERT_FALSE(scenario.subject_rules.service.is_plain);
        EXPECT_U64(scenario.subject_rules.service.speaks, (uint64_t)api);
        EXPECT_U64(scenario.subject_rules.service.path.size, 0);
        EXPECT_I64(scenario.subject_rules.service.ready_within, 60 * NANOS_S);
    }
}

/* --- one for another -------------------------------------------------------------------------- */

static void a_subject_can_be_replaced_as_a_whole(void)
{
    EXPECT_RC(load_with(tree_read(SERVICE, &arena), "/subject", "{\"exec\": {}}"), RC_OK);
    EXPECT_U64(scenario.subject, SUBJECT_EXEC);
    EXPECT_U64(scenario.load.parts[0].kind, PART_FOREIGN);
    EXPECT_RC(load_with(tree_read(SERVICE, &arena), "/subject", "{\"client\": {}}"), RC_OK);
    EXPECT_U64(scenario.subject, SUBJECT_CLIENT);
    EXPECT_U64(scenario.load.parts[0].kind, PART_ARRIVALS);
}

static void a_client_takes_the_place_of_a_program(void)
{
    struct slice text = tree_read(SERVICE, &arena);

    EXPECT_RC(scenario_set_client(text, SLICE("careful"), (struct slice){0}, "--client", &arena,
                                  &text, &err),
              RC_OK);
    EXPECT_RC(scenario_load(&scenario, text, SLICE("test"), NULL, &arena, &err), RC_OK);
    EXPECT_U64(scenario.subject, SUBJECT_CLIENT);
    EXPECT_TEXT(slice_of(scenario.client.preset), "careful");
}

static void what_is_printed_means_the_same(void)
{
    is_printed = true;
    of_a_load_that_is_said_the_deadline_and_the_requests_stay();
    its_windows_may_lie_anywhere();
    a_model_of_any_name_is_played_for_it_unless_it_says_otherwise();
    fields_of_its_log_lie_at_the_top_level_unless_they_are_mapped();
    its_environment_has_the_receivers_of_alerts_too();
    a_service_is_asked_once_with_its_own_timeouts();
    each_of_its_urls_is_an_instance();
    json_of_its_own_is_kept_without_comments();
    reads_how_it_is_started();
    CU_ASSERT(scenario.serves_any_model);
    is_printed = false;
}

static CU_TestInfo tests[] = {
    {"its URLs have places", its_urls_have_places},
    {"what is printed means the same", what_is_printed_means_the_same},
    {"places stand between braces", places_stand_between_braces},
    {"braces around anything else stand for themselves",
     braces_around_anything_else_stand_for_themselves},
    {"a command needs no load", a_command_needs_no_load},
    {"its calls are one part, of which the plan has none",
     its_calls_are_one_part_of_which_the_plan_has_none},
    {"of a load that is said the deadline and the requests stay",
     of_a_load_that_is_said_the_deadline_and_the_requests_stay},
    {"its windows may lie anywhere", its_windows_may_lie_anywhere},
    {"a model of any name is played for it unless it says otherwise",
     a_model_of_any_name_is_played_for_it_unless_it_says_otherwise},
    {"fields of its log lie at the top level unless they are mapped",
     fields_of_its_log_lie_at_the_top_level_unless_they_are_mapped},
    {"its environment has the receivers of alerts, too",
     its_environment_has_the_receivers_of_alerts_too},
    {"an environment has a ceiling", an_environment_has_a_ceiling},
    {"a service is asked once, with its own timeouts",
     a_service_is_asked_once_with_its_own_timeouts},
    {"each of its URLs is an instance", each_of_its_urls_is_an_instance},
    {"JSON of its own is kept without comments", json_of_its_own_is_kept_without_comments},
    {"reads how it is started", reads_how_it_is_started},
    {"a service may speak any format of a provider", a_service_may_speak_any_format_of_a_provider},
    {"a subject can be replaced as a whole", a_subject_can_be_replaced_as_a_whole},
    {"a client takes the place of a program", a_client_takes_the_place_of_a_program},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo subject_suite = {"subject", NULL, NULL, set_up, tear_down, tests};
