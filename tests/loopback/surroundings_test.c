/* The environment of a program under test, made for a mock that is not there. */

#include "surroundings.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "os/files.h"
#include "tests/support/expect.h"

static struct scenario scenario;
static struct mock_process mock;
static struct surroundings around;

static void listen_as(const char *name, const char *origin)
{
    struct mock_place *place = &mock.places[mock.places_count++];

    slice_copy(slice_of(name), place->name, sizeof(place->name));
    slice_copy(slice_of(origin), place->origin, sizeof(place->origin));
}

static void set_up(void)
{
    memset(&scenario, 0, sizeof(scenario));
    memset(&mock, 0, sizeof(mock));
    scenario.compression = 1;
    listen_as("anthropic", "http://127.0.0.1:1");
    listen_as("openai", "http://127.0.0.1:2");
    listen_as("gemini", "http://127.0.0.1:3");
    listen_as("gateway", "http://127.0.0.1:4");
    listen_as("hooks", "http://127.0.0.1:5");
    listen_as("admin", "http://127.0.0.1:6");
}

static void tear_down(void)
{
    surroundings_deinit(&around);
}

static void make(const char *const *inherited, bool keeps_keys)
{
    struct surroundings_options options = {
        .scenario = &scenario, .mock = &mock, .inherited = inherited, .keeps_keys = keeps_keys};
    struct error err = {0};

    EXPECT_RC(surroundings_make(&around, &options, &err), RC_OK);
}

/* What NAME is; "" when it is not set, and a failure when it is set twice. */
static const char *value_of(const char *name)
{
    const char *value = "";
    size_t size = strlen(name);

    for (char **line = around.environment; *line != NULL; line++) {
        if (strncmp(*line, name, size) != 0 || (*line)[size] != '=')
            continue;
        CU_ASSERT_STRING_EQUAL(value, "");
        value = *line + size + 1;
    }
    return value;
}

static void expect(const char *name, const char *value)
{
    if (strcmp(value_of(name), value) != 0)
        CU_FAIL(name);
}

static void own(const char *name, const char *value)
{
    struct subject_rules *rules = &scenario.subject_rules;

    rules->env[rules->env_count++] = (struct subject_pair){slice_of(name), slice_of(value)};
}

static bool is_canary(const char *name)
{
    return strstr(value_of(name), "brownout-canary-") != NULL;
}

/* --- where it leads --------------------------------------------------------------------------- */

static void leads_every_client_to_its_listener(void)
{
    make((const char *const[]){"HOME=/home", "OPENAI_BASE_URL=https://elsewhere", NULL}, false);
    expect("HOME", "/home");
    expect("ANTHROPIC_BASE_URL", "http://127.0.0.1:1");
    expect("OPENAI_BASE_URL", "http://127.0.0.1:2/v1");
    expect("AZURE_OPENAI_ENDPOINT", "http://127.0.0.1:2");
    expect("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:3");
    expect("BROWNOUT_ADMIN", "http://127.0.0.1:6");
    expect("OPENAI_API_VERSION", "2024-10-21");
}

static void a_case_has_paths_of_its_own(void)
{
    strcpy(scenario.case_name, "reset");
    make((const char *const[]){NULL}, false);
    expect("OPENAI_BASE_URL", "http://127.0.0.1:2/t/reset/v1");
    expect("BROWNOUT_HOOKS", "http://127.0.0.1:5/t/reset");
    expect("BROWNOUT_ADMIN", "http://127.0.0.1:6");
    expect("BROWNOUT_CASE", "reset");
}

static void the_scenario_s_own_word_is_the_last(void)
{
    own("ANTHROPIC_BASE_URL", "{gateway}/v1?case={case}&by={compress}");
    own("OPENAI_API_KEY", "mine");
    make((const char *const[]){NULL}, false);
    expect("ANTHROPIC_BASE_URL", "http://127.0.0.1:4/v1?case=&by=1");
    expect("OPENAI_API_KEY", "mine");
}

static void a_listener_that_is_not_there_is_refused(void)
{
    struct surroundings_options options = {
        .scenario = &scenario, .mock = &mock, .inherited = (const char *const[]){NULL}};
    struct error err = {0};

    own("X", "{deepseek}");
    EXPECT_RC(surroundings_make(&around, &options, &err), RC_MALFORMED);
    CU_ASSERT_STRING_EQUAL(err.text, "the mock has no listener {deepseek}");
}

static void proxies_spare_loopback(void)
{
    make((const char *const[]){"NO_PROXY=intranet,localhost", NULL}, false);
    expect("NO_PROXY", "intranet,localhost,127.0.0.1");
    expect("no_proxy", "127.0.0.1,localhost");
}

static void tells_the_windows_of_chaos(void)
{
    struct phases *phases = &scenario.chaos.phases;

    phases->count = 2;
    phases->list[0] = (struct phase){.name = "slow", .at = NANOS_S, .lasts = 2 * NANOS_S};
    phases->list[1] = (struct phase){.name = "later", .is_waiting = true, .lasts = NANOS_NEVER};
    make((const char *const[]){NULL}, false);
    expect("BROWNOUT_PHASES", "[{\"name\":\"slow\",\"at_ms\":1000,\"for_ms\":2000},"
                              "{\"name\":\"later\",\"at_ms\":null,\"for_ms\":null}]");
}

/* --- keys ------------------------------------------------------------------------------------- */

static void canaries_stand_in_the_place_of_keys(void)
{
    make((const char *const[]){"ANTHROPIC_API_KEY=real", "ANTHROPIC_AUTH_TOKEN=real",
                               "THEIR_OWN_API_KEY=real", "EMPTY_API_KEY=", NULL},
         false);
    CU_ASSERT(is_canary("ANTHROPIC_API_KEY"));
    CU_ASSERT(is_canary("ANTHROPIC_AUTH_TOKEN"));
    CU_ASSERT(is_canary("THEIR_OWN_API_KEY"));
    CU_ASSERT(is_canary("OPENAI_API_KEY"));
    expect("EMPTY_API_KEY", "");
    CU_ASSERT_EQUAL(strncmp(value_of("ANTHROPIC_API_KEY"), "sk-ant-", 7), 0);
    EXPECT_U64(around.canaries_count, 8);
    EXPECT_TEXT(((struct slice){around.canaries[0].data, 13}), "sk-ant-api03-");
}

static void keys_that_are_kept_are_kept(void)
{
    make((const char *const[]){"ANTHROPIC_API_KEY=real", NULL}, true);
    expect("ANTHROPIC_API_KEY", "real");
    CU_ASSERT(is_canary("OPENAI_API_KEY"));
}

static void google_has_one_key(void)
{
    make((const char *const[]){"GEMINI_API_KEY=real", NULL}, false);
    CU_ASSERT(is_canary("GEMINI_API_KEY"));
    expect("GOOGLE_API_KEY", "");
}

static void who_has_azure_s_key_alone_means_azure(void)
{
    make((const char *const[]){"AZURE_OPENAI_API_KEY=real", NULL}, false);
    expect("OPENAI_API_TYPE", "azure");
    surroundings_deinit(&around);
    make((const char *const[]){NULL}, false);
    expect("OPENAI_API_TYPE", "openai");
}

static void no_key_is_told(void)
{
    own("MY_API_KEY", "a key in a scenario");
    make((const char *const[]){"OPENAI_API_KEY=real", NULL}, false);
    CU_ASSERT(around.set_count > 20);
    for (uint32_t i = 0; i < around.set_count; i++)
        CU_ASSERT(!slice_has(around.set[i], SLICE("API_KEY=")));
}

static void keys_are_hidden_in_a_text(void)
{
    char text[] = "app --key=real-key-1 --again real-key-1 --short abc --name real-name";

    surroundings_hide(
        (const char *const[]){"OPENAI_API_KEY=real-key-1", "X_API_KEY=abc", "NAME=real-name", NULL},
        text);
    CU_ASSERT_STRING_EQUAL(text,
                           "app --key=********** --again ********** --short abc --name real-name");
}

static void more_keys_than_canaries_share_the_last(void)
{
    static char text[SURROUNDINGS_CANARIES_MAX + 4][24];
    const char *inherited[SURROUNDINGS_CANARIES_MAX + 5] = {NULL};

    for (int i = 0; i < SURROUNDINGS_CANARIES_MAX + 4; i++) {
        snprintf(text[i], sizeof(text[i]), "N%d_API_KEY=real", i);
        inherited[i] = text[i];
    }
    make(inherited, false);
    EXPECT_U64(around.canaries_count, SURROUNDINGS_CANARIES_MAX);
    CU_ASSERT_STRING_EQUAL(value_of("N33_API_KEY"), value_of("N32_API_KEY"));
    CU_ASSERT_STRING_NOT_EQUAL(value_of("N1_API_KEY"), value_of("N2_API_KEY"));
}

/* --- the page --------------------------------------------------------------------------------- */

static void every_variable_stands_in_the_docs(void)
{
    const struct base_url_row *row;
    const char *key;
    struct arena arena;
    struct slice page;
    struct error err = {0};

    arena_init(&arena, memory_heap(), 1 << 20);
    EXPECT_RC(files_read("docs/base-urls.md", 1 << 18, &arena, &page, &err), RC_OK);
    for (uint32_t i = 0; (row = base_urls_at(i)) != NULL; i++)
        if (!slice_has(page, slice_of(row->variable)))
            CU_FAIL(row->variable);
    for (uint32_t i = 0; (key = key_variables_at(i)) != NULL; i++)
        if (!slice_has(page, slice_of(key)))
            CU_FAIL(key);
    arena_deinit(&arena);
}

static CU_TestInfo tests[] = {
    {"leads every client to its listener", leads_every_client_to_its_listener},
    {"a case has paths of its own", a_case_has_paths_of_its_own},
    {"the scenario's own word is the last", the_scenario_s_own_word_is_the_last},
    {"a listener that is not there is refused", a_listener_that_is_not_there_is_refused},
    {"proxies spare loopback", proxies_spare_loopback},
    {"tells the windows of chaos", tells_the_windows_of_chaos},
    {"canaries stand in the place of keys", canaries_stand_in_the_place_of_keys},
    {"keys that are kept are kept", keys_that_are_kept_are_kept},
    {"Google has one key", google_has_one_key},
    {"who has Azure's key alone means Azure", who_has_azure_s_key_alone_means_azure},
    {"no key is told", no_key_is_told},
    {"keys are hidden in a text", keys_are_hidden_in_a_text},
    {"more keys than canaries share the last", more_keys_than_canaries_share_the_last},
    {"every variable stands in the docs", every_variable_stands_in_the_docs},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo surroundings_suite = {"surroundings", NULL, NULL, set_up, tear_down, tests};
