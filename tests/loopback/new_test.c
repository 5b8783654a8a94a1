/* First scenarios: whatever is answered, what is written is a scenario, and passes. */

#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/first_scenario.h"
#include "tests/support/expect.h"
#include "tests/support/schema.h"
#include "tests/support/tree.h"
#include "workplace.h"

static struct workplace place;
static struct arena arena;

static void set_up(void)
{
    workplace_open(&place);
    place.input = "/dev/null";
    arena_init(&arena, memory_heap(), 4 << 20);
}

static void tear_down(void)
{
    arena_deinit(&arena);
    workplace_close(&place);
}

static struct slice written(const char *name)
{
    char path[WORKPLACE_PATH_MAX + 64];

    snprintf(path, sizeof(path), "%s/%s", place.folder, name);
    return tree_read(path, &arena);
}

static void expect_says(const char *said, const char *words)
{
    if (strstr(said, words) == NULL)
        fprintf(stderr, "expected \"%s\" in:\n%s\n", words, said);
    CU_ASSERT(strstr(said, words) != NULL);
}

/* --- from options ----------------------------------------------------------------------------- */

static const char *word(enum first_question question, uint32_t index)
{
    const char *about;

    return first_scenario_word(question, index, &about);
}

static void expect_sound(const char *subject, const char *provider, const char *trouble)
{
    char command[256];
    char name[64];

    snprintf(name, sizeof(name), "%s-%s-%s.jsonc", subject, provider, trouble);
    snprintf(command, sizeof(command), "new --subject %s --provider %s --trouble %s %s", subject,
             provider, trouble, name);
    EXPECT_I64(workplace_run(&place, command), 0);
    EXPECT_U64(schema_check(tree_read("scenarios/scenario.schema.json", &arena), written(name)),
               SCHEMA_ACCEPTS);
    snprintf(command, sizeof(command), "check %s", name);
    EXPECT_I64(workplace_run(&place, command), 0);
    CU_ASSERT_STRING_EQUAL(place.err, ""); /* no warning */
    snprintf(command, sizeof(command), "sim --quiet %s", name);
    if (strcmp(subject, "client") == 0)
        EXPECT_I64(workplace_run(&place, command), 0);
}

static void every_combination_is_a_sound_scenario(void)
{
    for (uint32_t s = 0; word(FIRST_SUBJECT, s) != NULL; s++)
        for (uint32_t p = 0; word(FIRST_PROVIDER, p) != NULL; p++)
            for (uint32_t t = 0; word(FIRST_TROUBLE, t) != NULL; t++) {
                arena_deinit(&arena);
                arena_init(&arena, memory_heap(), 4 << 20);
                expect_sound(word(FIRST_SUBJECT, s), word(FIRST_PROVIDER, p),
                             word(FIRST_TROUBLE, t));
            }
}

static void without_a_terminal_it_needs_no_answer(void)
{
    EXPECT_I64(workplace_run(&place, "new"), 0);
    CU_ASSERT_STRING_EQUAL(place.out, "wrote brownout.jsonc\nnext: brownout exec brownout.jsonc -- "
                                      "python3 app.py     (your command behind the --)\n");
    CU_ASSERT(slice_has(written("brownout.jsonc"), SLICE("claude-sonnet-4-5")));
}

static void a_model_may_have_any_name(void)
{
    EXPECT_I64(workplace_run(&place, "new --model my\"model a.jsonc"), 0);
    CU_ASSERT(slice_has(written("a.jsonc"), SLICE("\"my\\\"model\": {\"api\"")));
    EXPECT_I64(workplace_run(&place, "check a.jsonc"), 0);
    EXPECT_I64(workplace_run(&place, "new --model= b.jsonc"), 2);
    expect_says(place.err, "--model: found no name of a model");
}

static void a_wrong_word_is_refused_with_the_nearest(void)
{
    EXPECT_I64(workplace_run(&place, "new --subject exce"), 2);
    expect_says(place.err, "--subject: found \"exce\"");
    expect_says(place.err, "did you mean \"exec\"?");
    EXPECT_I64(workplace_run(&place, "new --provider opnai"), 2);
    expect_says(place.err, "did you mean \"openai\"?");
    EXPECT_I64(workplace_run(&place, "new --trouble limit"), 2);
    expect_says(place.err, "did you mean \"limits\"?");
    EXPECT_I64(workplace_run(&place, "check brownout.jsonc"), 2); /* nothing was written */
    EXPECT_I64(workplace_run(&place, "new a.jsonc b.jsonc"), 2);
    EXPECT_I64(workplace_run(&place, "new no/such/folder/a.jsonc"), 3);
}

static void a_file_that_is_there_is_left_as_it_is(void)
{
    workplace_write(&place, "mine.jsonc", "mine");
    EXPECT_I64(workplace_run(&place, "new mine.jsonc"), 2);
    expect_says(place.err, "mine.jsonc: is there already, and is left as it is");
    EXPECT_TEXT(written("mine.jsonc"), "mine");
}

/* --- at a terminal ---------------------------------------------------------------------------- */

/* Runs with a terminal as its input, at which `answers` were typed. */
static void run_at_a_terminal(const char *command, const char *answers)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    CU_ASSERT_FATAL(terminal >= 0);
    CU_ASSERT_FATAL(grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    place.input = ptsname(terminal);
    CU_ASSERT_FATAL(write(terminal, answers, strlen(answers)) == (ssize_t)strlen(answers));
    EXPECT_I64(workplace_run(&place, command), 0);
    close(terminal);
}

static void asks_what_the_options_do_not_say(void)
{
    run_at_a_terminal("new x.jsonc", "3\nopenai\nmine\n2\n");
    expect_says(place.out, "What is to be tested?\n  1  exec       a command of yours");
    expect_says(place.out, "Which model?\n[gpt-4o] > ");
    expect_says(place.out, "next: brownout sim x.jsonc\n");
    CU_ASSERT(slice_has(written("x.jsonc"), SLICE("\"mine\": {\"api\": \"openai-chat\"")));
    CU_ASSERT(slice_has(written("x.jsonc"), SLICE("\"status\": 429")));
}

static void an_empty_line_takes_the_first_choice(void)
{
    run_at_a_terminal("new x.jsonc", "\n\n\n\n");
    CU_ASSERT(slice_has(written("x.jsonc"), SLICE("\"exec\": {}")));
    CU_ASSERT(slice_has(written("x.jsonc"), SLICE("\"status\": 529")));
}

static void who_is_not_understood_is_asked_again(void)
{
    run_at_a_terminal("new x.jsonc", "what\n9\nservice\n\n\n\n");
    expect_says(place.out, "one of the numbers, or of the words\n[1] > ");
    CU_ASSERT(slice_has(written("x.jsonc"), SLICE("\"service\": \"http://127.0.0.1:4000\"")));
}

static void nothing_is_asked_that_is_said(void)
{
    run_at_a_terminal("new --subject client --provider gemini --model m --trouble slow x.jsonc",
                      "");
    CU_ASSERT(strstr(place.out, "?") == NULL);
}

/* --- the workflow ----------------------------------------------------------------------------- */

static void writes_a_workflow_that_plays_the_file(void)
{
    struct slice text;

    EXPECT_I64(workplace_run(&place, "new --github tests/day.jsonc"), 0);
    expect_says(place.out, "wrote .github/workflows/brownout.yml\n");
    expect_says(place.out, "brownout new tests/day.jsonc");
    text = written(".github/workflows/brownout.yml");
    CU_ASSERT(slice_has(text, SLICE("brownout exec tests/day.jsonc --max-time 3m")));
    CU_ASSERT(slice_has(text, SLICE("--inconclusive retry:2")));
    CU_ASSERT(!slice_has(text, SLICE("GITHUB_STEP_SUMMARY"))); /* we find it by ourselves */
    EXPECT_I64(workplace_run(&place, "new --github"), 2);
    expect_says(place.err, ".github/workflows/brownout.yml: is there already");
}

static void a_name_that_a_shell_would_split_is_no_part_of_a_workflow(void)
{
    EXPECT_I64(workplace_run(&place, "new --github a;b.jsonc"), 2);
    expect_says(place.err, "expected a name of letters, digits and ._-/ in a workflow");
}

static CU_TestInfo tests[] = {
    {"every combination is a sound scenario", every_combination_is_a_sound_scenario},
    {"without a terminal it needs no answer", without_a_terminal_it_needs_no_answer},
    {"a model may have any name", a_model_may_have_any_name},
    {"a wrong word is refused with the nearest", a_wrong_word_is_refused_with_the_nearest},
    {"a file that is there is left as it is", a_file_that_is_there_is_left_as_it_is},
    {"asks what the options do not say", asks_what_the_options_do_not_say},
    {"an empty line takes the first choice", an_empty_line_takes_the_first_choice},
    {"who is not understood is asked again", who_is_not_understood_is_asked_again},
    {"nothing is asked that is said", nothing_is_asked_that_is_said},
    {"writes a workflow that plays the file", writes_a_workflow_that_plays_the_file},
    {"a name that a shell would split is no part of a workflow",
     a_name_that_a_shell_would_split_is_no_part_of_a_workflow},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo new_suite = {"new", NULL, NULL, set_up, tear_down, tests};
