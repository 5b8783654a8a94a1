/* Scenarios that use other files, and that vary, as a shell sees them. */

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/expect.h"
#include "workplace.h"

static const char COMPANY[] =
    "{\"target\": {\"mock\": {\"models\": {\"m\": {\"api\": \"anthropic\",\n"
    "   \"first_token\": \"10ms\", \"rate\": \"1000 tokens/s\"}}}},\n"
    " \"load\": {\"requests\": [{\"model\": \"m\", \"input_tokens\": 10, \"output_tokens\": 10}],\n"
    "   \"arrivals\": [{\"rate\": \"100/s\", \"for\": \"300ms\"}]},\n"
    " \"laws\": {\"schedule-kept\": false}}\n";
static const char DAY[] =
    "{\"use\": [\"company.jsonc\"], \"name\": \"day\",\n"
    " \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
    " \"vary\": [{\"case\": \"good\", \"expect\": [\"calls.useful >= 90%\"]},\n"
    "          {\"case\": \"bad\", \"expect\": [\"calls.count == 7\"]},\n"
    "          {\"case\": \"doubt\", \"expect\": [\"response.p99 <= 5s\"]}]}\n";

static struct workplace place;

static void set_up(void)
{
    workplace_open(&place);
    workplace_write(&place, "company.jsonc", COMPANY);
    workplace_write(&place, "day.jsonc", DAY);
}

static void tear_down(void)
{
    workplace_close(&place);
}

static bool says(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        return true;
    fprintf(stderr, "expected \"%s\" in:\n%s\n", part, text);
    return false;
}

static bool is_there(const char *file)
{
    struct slice text;

    return workplace_result(&place, 0, file, &text);
}

static void expect_cases_of(const char *command)
{
    EXPECT_I64(workplace_run(&place, command), 99);
    EXPECT_U64(workplace_results_count(&place), 1);
    CU_ASSERT(is_there("good/run.json"));
    CU_ASSERT(is_there("bad/calls.jsonl"));
    CU_ASSERT(is_there("doubt/scenario.jsonc"));
    CU_ASSERT(says(place.out, "\ncase   verdict\ngood   pass\nbad    fail  calls.count == 7"));
    CU_ASSERT(says(place.out, "\ndoubt  inconclusive  response.p99 <= 5s: "));
}

static void each_case_is_a_trial_of_its_own_in_the_simulator(void)
{
    expect_cases_of("sim day.jsonc");
}

static void each_case_is_a_trial_of_its_own_over_sockets(void)
{
    expect_cases_of("run day.jsonc");
}

static void some_cases_are_played_alone(void)
{
    EXPECT_I64(workplace_run(&place, "sim day.jsonc --case good,doubt"), 98);
    CU_ASSERT(!is_there("bad/run.json"));
    EXPECT_I64(workplace_run(&place, "sim day.jsonc --case god"), 2);
    CU_ASSERT(says(place.err, "did you mean \"good\"?"));
    EXPECT_I64(workplace_run(&place, "check company.jsonc --case good"), 2);
}

static void a_case_that_is_held_again_leaves_both(void)
{
    EXPECT_I64(workplace_run(&place, "sim day.jsonc --case doubt --inconclusive retry:1"), 98);
    EXPECT_U64(workplace_results_count(&place), 1);
    CU_ASSERT(is_there("doubt/run.json"));
    CU_ASSERT(is_there("doubt.again-1/run.json"));
}

static void programs_get_an_object_a_case(void)
{
    const char *at;
    uint32_t objects = 0;

    EXPECT_I64(workplace_run(&place, "sim day.jsonc --json"), 99);
    for (at = place.out; (at = strstr(at, "\"generator\"")) != NULL; at++)
        objects++;
    EXPECT_U64(objects, 3);
    CU_ASSERT(strstr(place.out, "\ncase ") == NULL);
}

static void mistakes_are_told_where_they_stand(void)
{
    workplace_write(&place, "company.jsonc", "{\"target\": {}}\n");
    EXPECT_I64(workplace_run(&place, "check day.jsonc"), 2);
    CU_ASSERT(says(place.err, "company.jsonc:1:12: "));
    workplace_write(&place, "company.jsonc", COMPANY);
    EXPECT_I64(workplace_run(&place, "check day.jsonc"), 0);
    CU_ASSERT(says(place.out, "case bad\n"));
    workplace_write(&place, "wrong.jsonc",
                    "{\"use\": [\"company.jsonc\"], \"name\": \"w\",\n"
                    " \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
                    " \"vary\": [{\"case\": \"a\"},\n  {\"case\": \"b\", \"sed\": 1}]}");
    EXPECT_I64(workplace_run(&place, "sim wrong.jsonc"), 2);
    CU_ASSERT(says(place.err, "wrong.jsonc:4:17: found \"sed\""));
    EXPECT_U64(workplace_results_count(&place), 0);
}

static void compressed_it_is_the_same_story(void)
{
    struct slice text;

    EXPECT_I64(workplace_run(&place, "sim day.jsonc --case good --compress 10"), 0);
    CU_ASSERT_FATAL(workplace_result(&place, 0, "good/scenario.jsonc", &text));
    CU_ASSERT(slice_has(text, SLICE("\"compressed\": 10,")));
    CU_ASSERT(slice_has(text, SLICE("\"rate\": \"1000/s\", \"process\": \"constant\", \"for\": "
                                    "\"30ms\"")));
    EXPECT_I64(workplace_run(&place, "check day.jsonc --compress 1001"), 2);
    EXPECT_I64(workplace_run(&place, "check day.jsonc --case good --compress 10 --print"), 0);
    CU_ASSERT(says(place.out, "\"compressed\": 10,"));
}

static CU_TestInfo tests[] = {
    {"each case is a trial of its own in the simulator",
     each_case_is_a_trial_of_its_own_in_the_simulator},
    {"each case is a trial of its own over sockets", each_case_is_a_trial_of_its_own_over_sockets},
    {"some cases are played alone", some_cases_are_played_alone},
    {"a case that is held again leaves both", a_case_that_is_held_again_leaves_both},
    {"programs get an object a case", programs_get_an_object_a_case},
    {"mistakes are told where they stand", mistakes_are_told_where_they_stand},
    {"compressed it is the same story", compressed_it_is_the_same_story},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo cases_suite = {"cases", NULL, NULL, set_up, tear_down, tests};
