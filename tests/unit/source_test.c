/* The walk through the load: what is due, in which order, and what it asks for. */

#include "scenario/source.h"

#include <math.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "tests/support/expect.h"
#include "tests/support/tree.h"

static struct scenario scenario;
static struct source source;
static struct arena arena;
static struct error err;

static void set_up(void)
{
    arena_init(&arena, memory_heap(), 16 << 20);
}

static void tear_down(void)
{
    arena_deinit(&arena);
}

static void load_demo(void)
{
    if (tree_load(&scenario, "scenarios/demo.jsonc", &arena, &err) != RC_OK)
        CU_FAIL_FATAL(err.text);
    source_init(&source, &scenario);
}

/* Two parts of arrivals: 3 calls in the first second, then 40 s of Poisson. */
static void load_arrivals(uint64_t seed)
{
    static const char text[] =
        "{\"name\": \"two\", \"target\": {\"mock\": {\"models\": {\"a\": {\"api\": \"anthropic\"},"
        " \"b\": {\"api\": \"openai-chat\"}}}},"
        " \"load\": {\"requests\": ["
        "  {\"model\": \"a\", \"weight\": 3, \"stream\": true, \"input_tokens\": 800,"
        "   \"output_tokens\": {\"p50\": 100, \"p99\": 900}},"
        "  {\"model\": \"b\", \"weight\": 1, \"input_tokens\": 7, \"output_tokens\": 9}],"
        " \"arrivals\": [{\"part\": \"warm\", \"rate\": \"3/s\", \"for\": \"1s\"},"
        "  {\"part\": \"rush\", \"rate\": \"100/s\", \"process\": \"poisson\", \"for\": "
        "\"40s\"}]}}";

    if (scenario_load(&scenario, slice_of(text), SLICE("two"), NULL, &arena, &err) != RC_OK)
        CU_FAIL_FATAL(err.text);
    scenario.seed = seed;
    source_init(&source, &scenario);
}

static bool plan_is(const struct call_plan *a, const struct call_plan *b)
{
    return a->id.source == b->id.source && a->id.index == b->id.index && a->due_at == b->due_at &&
           a->model == b->model && a->stream == b->stream && a->input_tokens == b->input_tokens &&
           a->output_tokens == b->output_tokens;
}

static void gives_every_row_of_the_trace_in_order(void)
{
    struct call_plan plan;
    nanos latest_at = 0;
    uint64_t count = 0;

    load_demo();
    for (; source_next(&source, &plan); count++) {
        CU_ASSERT(plan.due_at >= latest_at);
        CU_ASSERT(plan.due_at < scenario.load.lasts);
        EXPECT_U64(plan.id.index, count);
        latest_at = plan.due_at;
    }
    EXPECT_U64(count, 3628);
    EXPECT_U64(scenario_calls_count(&scenario), 3628);
    CU_ASSERT_FALSE(source_next(&source, &plan)); /* the end stays the end */
}

static void takes_tokens_from_the_row_unless_the_request_says_them(void)
{
    struct call_plan plan;

    load_demo();
    CU_ASSERT(source_next(&source, &plan));
    EXPECT_U64(plan.input_tokens, 4808);
    EXPECT_U64(plan.output_tokens, 10);
    scenario.load.requests[0].has_input_tokens = true;
    scenario.load.requests[0].input_tokens.p50 = 12;
    scenario.load.requests_count = 1;
    source_init(&source, &scenario);
    CU_ASSERT(source_next(&source, &plan));
    EXPECT_U64(plan.input_tokens, 12);
    EXPECT_U64(plan.output_tokens, 10);
}

static void picks_requests_by_weight(void)
{
    struct call_plan plan;
    uint64_t streams = 0;

    load_demo();
    while (source_next(&source, &plan))
        streams += plan.stream;
    CU_ASSERT_DOUBLE_EQUAL((double)streams / 3628, 0.7, 0.03);
}

static void walks_parts_one_after_another(void)
{
    struct call_plan plan;

    load_arrivals(1);
    for (uint64_t i = 0; i < 3; i++) {
        CU_ASSERT(source_next(&source, &plan));
        EXPECT_U64(plan.id.source, 0);
        EXPECT_U64(plan.id.index, i);
    }
    CU_ASSERT(source_next(&source, &plan));
    EXPECT_U64(plan.id.source, 1);
    EXPECT_U64(plan.id.index, 0);
    CU_ASSERT(plan.due_at >= 1 * NANOS_S);
}

static void poisson_arrivals_come_at_their_rate(void)
{
    struct call_plan plan;
    uint64_t count = 0;

    load_arrivals(1);
    while (source_next(&source, &plan))
        count += plan.id.source == 1;
    CU_ASSERT_DOUBLE_EQUAL((double)count, 4000.0, 4 * sqrt(4000.0));
}

static void draws_tokens_from_their_distribution(void)
{
    struct call_plan plan;
    uint64_t asked = 0, below_median = 0;

    load_arrivals(1);
    while (source_next(&source, &plan)) {
        CU_ASSERT(plan.output_tokens >= 1);
        EXPECT_U64(plan.input_tokens, plan.model == 0 ? 800 : 7);
        asked += plan.model == 0;
        below_median += plan.model == 0 && plan.output_tokens < 100;
    }
    CU_ASSERT_DOUBLE_EQUAL((double)below_median / (double)asked, 0.5, 0.04);
}

static void the_same_seed_gives_the_same_calls(void)
{
    static struct call_plan first[8000];
    struct call_plan plan;
    uint64_t count = 0;

    load_arrivals(42);
    while (source_next(&source, &first[count]))
        count++;
    load_arrivals(42);
    for (uint64_t i = 0; i < count; i++) {
        CU_ASSERT(source_next(&source, &plan));
        CU_ASSERT(plan_is(&plan, &first[i]));
    }
    CU_ASSERT_FALSE(source_next(&source, &plan));
}

static void another_seed_gives_others(void)
{
    struct call_plan one, other;
    uint64_t different = 0;

    for (int skip = 0; skip < 4; skip++) {
        load_arrivals(42);
        for (int i = 0; i <= skip; i++)
            CU_ASSERT(source_next(&source, &one));
        load_arrivals(43);
        for (int i = 0; i <= skip; i++)
            CU_ASSERT(source_next(&source, &other));
        different += !plan_is(&one, &other);
    }
    CU_ASSERT(different > 0);
}

static void what_a_call_asks_does_not_depend_on_the_calls_before_it(void)
{
    struct call_plan plan, alone;
    struct trace_row row;

    load_demo();
    for (int i = 0; i < 500; i++)
        CU_ASSERT(source_next(&source, &plan));
    row = scenario.load.parts[0].rows[499];
    scenario.load.parts[0].rows = &row;
    scenario.load.parts[0].rows_count = 1;
    source_init(&source, &scenario);
    CU_ASSERT(source_next(&source, &alone));
    CU_ASSERT(plan_is(&plan, &alone));
}

static void ids_are_written_and_read_back(void)
{
    char text[CALL_ID_TEXT_MAX];
    struct call_id id = {0};

    load_arrivals(1);
    EXPECT_U64(call_id_write(&scenario, (struct call_id){1, 217}, text), 8);
    EXPECT_TEXT(slice_of(text), "rush:217");
    CU_ASSERT(call_id_read(&scenario, SLICE("rush:217"), &id));
    EXPECT_U64(id.source, 1);
    EXPECT_U64(id.index, 217);
    CU_ASSERT(call_id_read(&scenario, SLICE("warm:18446744073709551615"), &id));
    EXPECT_U64(id.index, UINT64_MAX);
}

static void what_is_no_id_is_not_read(void)
{
    static const char *const texts[] = {"",       "rush",     "rush:",
                                        "rush:x", "rush:-1",  "rash:1",
                                        ":1",     "rush:1:2", "rush:18446744073709551616"};
    struct call_id id;

    load_arrivals(1);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        CU_ASSERT_FALSE(call_id_read(&scenario, slice_of(texts[i]), &id));
}

static void a_marker_names_a_call_of_a_service(void)
{
    static const char *const texts[] = {"mark:",     "mark:k",     "mark:k1",   "mark:k1-",
                                        "mark:1-40", "mark:k1-4x", "mark:k2-4", "mark:k-1"};
    struct call_id id = {0};

    load_arrivals(1);
    CU_ASSERT_FALSE(call_id_read(&scenario, SLICE("mark:k1-40"), &id)); /* a client's own affair */
    scenario.subject = SUBJECT_SERVICE;
    CU_ASSERT(call_id_read(&scenario, SLICE("mark:k1-40"), &id));
    EXPECT_U64(id.source, 1);
    EXPECT_U64(id.index, 40);
    CU_ASSERT(call_id_read(&scenario, SLICE("rush:217"), &id));
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        CU_ASSERT_FALSE(call_id_read(&scenario, slice_of(texts[i]), &id));
}

/* --- who makes a call, and who plays it ------------------------------------------------------- */

static void calls_go_round_the_instances(void)
{
    load_arrivals(1);
    scenario.instances = 3;
    for (uint64_t i = 0; i < 10; i++) {
        EXPECT_U64(call_instance(&scenario, (struct call_id){0, i}), i % 3);
        EXPECT_U64(call_instance(&scenario, (struct call_id){1, i}), i % 3); /* of any part */
    }
    EXPECT_U64(call_instance(&scenario, (struct call_id){0, UINT64_MAX}), UINT64_MAX % 3);
}

static void no_more_workers_than_instances_leave_instances_whole(void)
{
    load_arrivals(1);
    scenario.instances = 5;
    for (uint32_t workers = 1; workers <= 5; workers++) {
        for (uint64_t i = 0; i < 50; i++) {
            struct call_id id = {1, i};

            EXPECT_U64(call_worker(&scenario, id, workers), call_instance(&scenario, id) % workers);
        }
    }
}

static void more_workers_than_instances_share_the_calls_evenly(void)
{
    uint32_t calls[8] = {0};

    load_arrivals(1);
    scenario.instances = 2;
    for (uint64_t i = 0; i < 80; i++)
        calls[call_worker(&scenario, (struct call_id){1, i}, 8)]++;
    for (int i = 0; i < 8; i++)
        EXPECT_U64(calls[i], 10);
}

static CU_TestInfo tests[] = {
    {"gives every row of the trace in order", gives_every_row_of_the_trace_in_order},
    {"takes tokens from the row unless the request says them",
     takes_tokens_from_the_row_unless_the_request_says_them},
    {"picks requests by weight", picks_requests_by_weight},
    {"walks parts one after another", walks_parts_one_after_another},
    {"Poisson arrivals come at their rate", poisson_arrivals_come_at_their_rate},
    {"draws tokens from their distribution", draws_tokens_from_their_distribution},
    {"the same seed gives the same calls", the_same_seed_gives_the_same_calls},
    {"another seed gives others", another_seed_gives_others},
    {"what a call asks does not depend on the calls before it",
     what_a_call_asks_does_not_depend_on_the_calls_before_it},
    {"ids are written and read back", ids_are_written_and_read_back},
    {"what is no id is not read", what_is_no_id_is_not_read},
    {"a marker names a call of a service", a_marker_names_a_call_of_a_service},
    {"calls go round the instances", calls_go_round_the_instances},
    {"no more workers than instances leave instances whole",
     no_more_workers_than_instances_leave_instances_whole},
    {"more workers than instances share the calls evenly",
     more_workers_than_instances_share_the_calls_evenly},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo source_suite = {"source", NULL, NULL, set_up, tear_down, tests};
