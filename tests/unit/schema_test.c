/* The JSON Schema and the parser agree: on every scenario that is shipped, on one that uses every
 * key, and on the broken ones, which hold one mistake each.
 *
 * The first line of a broken scenario says, as a comment, what the parser has to say: place, what
 * was found, what was expected. A mistake that no schema can see (a name that does not exist, a key
 * that stands twice, a window outside of the load) is in a file named beyond-*. */

#include "tests/support/schema.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "scenario/merge.h"
#include "scenario/read.h"
#include "scenario/scenario.h"
#include "tests/support/expect.h"
#include "tests/support/tree.h"

static const char SCHEMA[] = "scenarios/scenario.schema.json";
static const char WHOLE[] = "tests/unit/fixtures/whole.jsonc";
static const char LIVE[] = "tests/unit/fixtures/live.jsonc";
static const char EXEC[] = "tests/unit/fixtures/exec.jsonc";
static const char SERVICE[] = "tests/unit/fixtures/service.jsonc";

static struct scenario scenario;
static struct arena arena;
static struct error err;
static struct slice schema;

static void set_up(void)
{
    arena_init(&arena, memory_heap(), 64 << 20);
    schema = tree_read(SCHEMA, &arena);
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

static void expect_both_accept(const char *path)
{
    if (tree_load(&scenario, path, &arena, &err) != RC_OK)
        CU_FAIL(err.text);
    EXPECT_U64(schema_check(schema, tree_read(path, &arena)), SCHEMA_ACCEPTS);
}

static void accepts_every_scenario_that_is_shipped(void)
{
    glob_t found;

    CU_ASSERT_FATAL(glob("scenarios/*.jsonc", 0, NULL, &found) == 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        expect_both_accept(found.gl_pathv[i]);
    CU_ASSERT(found.gl_pathc >= 1);
    globfree(&found);
}

/* Those in folders of their own may use others, or vary: each case is loaded, the file as written
 * is held to the schema. */
static void expect_cases_accepted(const char *path)
{
    struct file_reader files = tree_beside(path);
    struct merged merged;
    uint32_t which = 0;

    EXPECT_U64(schema_check(schema, tree_read(path, &arena)), SCHEMA_ACCEPTS);
    do {
        if (scenario_merge(tree_read(path, &arena), slice_of(path), &files, which, &arena, &merged,
                           &err) != RC_OK ||
            scenario_load_merged(&scenario, &merged, slice_of(path), &files, &arena, &err) != RC_OK)
            CU_FAIL_FATAL(err.text);
    } while (++which < merged.cases_count);
}

static void accepts_every_case_of_those_that_use_others(void)
{
    glob_t found;

    CU_ASSERT_FATAL(glob("scenarios/*/*.jsonc", 0, NULL, &found) == 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        tear_down();
        set_up();
        expect_cases_accepted(found.gl_pathv[i]);
    }
    CU_ASSERT(found.gl_pathc >= 2);
    globfree(&found);
}

static void accepts_a_scenario_that_uses_every_key(void)
{
    expect_both_accept(WHOLE);
    expect_both_accept(LIVE);
    expect_both_accept(EXEC);
    expect_both_accept(SERVICE);
}

static void expect_print_accepted(const char *path)
{
    struct buffer printed;

    CU_ASSERT_FATAL(tree_load(&scenario, path, &arena, &err) == RC_OK);
    buffer_init(&printed, memory_heap(), SCENARIO_TEXT_MAX);
    scenario_write(&scenario, &printed);
    EXPECT_U64(schema_check(schema, buffer_slice(&printed)), SCHEMA_ACCEPTS);
    buffer_deinit(&printed);
}

static void accepts_what_print_writes(void)
{
    expect_print_accepted(WHOLE);
    expect_print_accepted(LIVE);
    expect_print_accepted(EXEC);
    expect_print_accepted(SERVICE);
}

/* --- words that stand in the code and in the schema ------------------------------------------- */

/* WHOLE with another value somewhere: do both take it? */
static void expect_word_accepted(const char *pointer, const char *value)
{
    struct file_reader files = tree_beside(WHOLE);
    struct slice text = tree_read(WHOLE, &arena);

    CU_ASSERT_FATAL(scenario_set(text, slice_of(pointer), slice_of(value), &arena, &text, &err) ==
                    RC_OK);
    if (scenario_load(&scenario, text, slice_of(value), &files, &arena, &err) != RC_OK)
        CU_FAIL(err.text);
    EXPECT_U64(schema_check(schema, text), SCHEMA_ACCEPTS);
}

static void knows_every_preset(void)
{
    const char *name, *about;

    for (uint32_t i = 0; (name = policy_preset_name(i, &about)) != NULL; i++)
        expect_word_accepted("/subject/client/preset", name);
}

static void knows_every_format(void)
{
    for (int api = 0; api < API_COUNT; api++) {
        char model[64];

        snprintf(model, sizeof(model), "{\"api\": \"%s\"}", api_word((enum api)api));
        expect_word_accepted("/target/mock/models/another", model);
    }
}

static void knows_every_hook(void)
{
    for (int kind = 0; kind < HOOK_KINDS_COUNT; kind++)
        expect_word_accepted("/monitor/hook", hook_kind_word((enum hook_kind)kind));
}

static void knows_every_cause(void)
{
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        struct cause_set causes = {0};
        char list[64];

        snprintf(list, sizeof(list), "[\"%s\"]", outcome_word((enum outcome)outcome));
        if (cause_set_add(&causes, slice_of(outcome_word((enum outcome)outcome))))
            expect_word_accepted("/subject/client/fallback/0/on", list);
    }
}

/* --- broken ones ------------------------------------------------------------------------------ */

/* "PATH:" and the comment of the first line. */
static void write_expected(const char *path, char *out, size_t capacity)
{
    struct slice text = tree_read(path, &arena);
    struct slice line = {0};

    slice_cut(&text, '\n', &line);
    CU_ASSERT_FATAL(slice_starts_with(line, SLICE("// ")));
    snprintf(out, capacity, "%s:%.*s", path, (int)line.size - 3, line.data + 3);
}

static void expect_refused(const char *path)
{
    bool is_beyond = strstr(path, "/beyond-") != NULL;
    char expected[512];

    write_expected(path, expected, sizeof(expected));
    CU_ASSERT_NOT_EQUAL(tree_load(&scenario, path, &arena, &err), RC_OK);
    expect_text(slice_of(err.text), slice_of(expected),
                &(struct expect_place){"the first line of a broken scenario", path, 1});
    if (schema_check(schema, tree_read(path, &arena)) !=
        (is_beyond ? SCHEMA_ACCEPTS : SCHEMA_REFUSES))
        CU_FAIL(path);
}

static void refuses_what_the_parser_refuses(void)
{
    glob_t found;

    CU_ASSERT_FATAL(glob("tests/unit/fixtures/broken/*.jsonc", 0, NULL, &found) == 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        expect_refused(found.gl_pathv[i]);
    CU_ASSERT(found.gl_pathc >= 50);
    globfree(&found);
}

/* --- the validator itself --------------------------------------------------------------------- */

static void does_not_pass_over_what_it_does_not_know(void)
{
    EXPECT_U64(schema_check(SLICE("{\"maxLength\": 3}"), SLICE("\"long\"")), SCHEMA_UNKNOWN);
    EXPECT_U64(schema_check(SLICE("{\"$ref\": \"#/$defs/x\"}"), SLICE("1")), SCHEMA_UNKNOWN);
    EXPECT_U64(schema_check(SLICE("{\"type\": \"text\"}"), SLICE("1")), SCHEMA_UNKNOWN);
    EXPECT_U64(schema_check(SLICE("{}"), SLICE("{")), SCHEMA_UNKNOWN);
}

static void holds_instances_to_each_keyword(void)
{
    static const struct {
        const char *schema, *good, *bad;
    } cases[] = {
        {"{\"type\": \"integer\"}", "3.0", "3.5"},
        {"{\"enum\": [\"a\"]}", "\"\\u0061\"", "\"b\""},
        {"{\"enum\": [null, 200]}", "200.0", "false"},
        {"{\"enum\": [true]}", "true", "false"},
        {"{\"pattern\": \"^a+$\"}", "\"aa\"", "\"ab\""},
        {"{\"minimum\": 1, \"maximum\": 2}", "2", "2.1"},
        {"{\"required\": [\"a\"]}", "{\"a\": 1}", "{\"b\": 1}"},
        {"{\"properties\": {\"a\": {\"type\": \"string\"}}}", "{\"b\": 1}", "{\"a\": 1}"},
        {"{\"properties\": {\"a\": true}, \"additionalProperties\": false}", "{\"a\": 1}",
         "{\"b\": 1}"},
        {"{\"propertyNames\": {\"pattern\": \"^a\"}}", "{\"ab\": 1}", "{\"b\": 1}"},
        {"{\"items\": {\"type\": \"boolean\"}, \"minItems\": 1}", "[true]", "[]"},
        {"{\"oneOf\": [{\"minimum\": 1}, {\"maximum\": 2}]}", "3", "1.5"},
        {"{\"not\": {\"type\": \"object\"}}", "[]", "{}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        EXPECT_U64(schema_check(slice_of(cases[i].schema), slice_of(cases[i].good)),
                   SCHEMA_ACCEPTS);
        EXPECT_U64(schema_check(slice_of(cases[i].schema), slice_of(cases[i].bad)), SCHEMA_REFUSES);
    }
}

/* --- the reference ---------------------------------------------------------------------------- */

/* Every name under any "properties" of the schema stands in the text as code. */
static void expect_keys_told(const struct value *schema_part, struct slice reference)
{
    struct walk walk, names;
    struct value key, part, name, ignored;

    if (schema_part->token.kind != JSON_OBJECT && schema_part->token.kind != JSON_ARRAY)
        return;
    walk_init(&walk, schema_part);
    while (walk_next(&walk, &key, &part)) {
        expect_keys_told(&part, reference);
        if (schema_part->token.kind != JSON_OBJECT || !json_is(&key.token, SLICE("properties")))
            continue;
        walk_init(&names, &part);
        while (walk_next(&names, &name, &ignored)) {
            char quoted[64], as_code[64];

            snprintf(quoted, sizeof(quoted), "\"%.*s\"", SLICE_ARG(name.token.raw));
            snprintf(as_code, sizeof(as_code), "`%.*s`", SLICE_ARG(name.token.raw));
            if (!slice_has(reference, slice_of(quoted)) && !slice_has(reference, slice_of(as_code)))
                CU_FAIL(as_code);
        }
    }
}

static void the_reference_tells_every_key(void)
{
    struct reading reading = {
        .text = schema, .file = slice_of(SCHEMA), .arena = &arena, .err = &err};
    struct value whole;

    CU_ASSERT_FATAL(read_check(&reading, &whole) == RC_OK);
    expect_keys_told(&whole, tree_read("docs/scenario.md", &arena));
}

static CU_TestInfo tests[] = {
    {"accepts every scenario that is shipped", accepts_every_scenario_that_is_shipped},
    {"accepts every case of those that use others", accepts_every_case_of_those_that_use_others},
    {"accepts a scenario that uses every key", accepts_a_scenario_that_uses_every_key},
    {"accepts what --print writes", accepts_what_print_writes},
    {"knows every preset", knows_every_preset},
    {"knows every format", knows_every_format},
    {"knows every cause", knows_every_cause},
    {"knows every hook", knows_every_hook},
    {"refuses what the parser refuses, in the same cases", refuses_what_the_parser_refuses},
    {"the reference tells every key", the_reference_tells_every_key},
    {"the validator does not pass over what it does not know",
     does_not_pass_over_what_it_does_not_know},
    {"the validator holds instances to each keyword", holds_instances_to_each_keyword},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo schema_suite = {"schema", NULL, NULL, set_up, tear_down, tests};
