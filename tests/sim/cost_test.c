/* What attempts cost: the caller's figures against what the mock bills, in the simulator. One call
 * sends ten tokens and asks for three; a token in costs 7 picodollars here, a token out 100. */

#include <CUnit/CUnit.h>
#include <stdio.h>

#include "tests/support/expect.h"
#include "tests/support/world.h"

#define CALL(model, stream)                                                      \
    "{\"requests\": [{\"model\": \"" model "\", \"stream\": " stream             \
    ", \"input_tokens\": 10, \"output_tokens\": 3}], \"deadline\": \"10s\","     \
    " \"drain\": \"10s\", \"arrivals\": [{\"part\": \"one\", \"rate\": \"1/s\"," \
    " \"for\": \"1s\"}]}"

#define PHASE(fault) "[{\"phase\": \"bad\", \"at\": \"0s\", \"for\": \"1h\", \"fault\": " fault "}]"

#define PLAIN "{\"preset\": \"none\"}"
#define CUT "{\"cut\": {\"after_tokens\": 2, \"by\": \"fin\"}}"

enum { INPUT = 10 * 7, OUTPUT = 100, WHOLE = INPUT + 3 * OUTPUT };

static struct world_run world;

static void run(const char *client, const char *chaos, const char *load)
{
    world_close(&world);
    if (!world_load(&world, world_text(client, chaos, load)))
        return;
    for (uint32_t i = 0; i < world.scenario->models_count; i++)
        world.scenario->prices[i] = (struct price){.is_known = true,
                                                   .tariff = {.input = 7, .output = 100},
                                                   .long_prompt_tokens = UINT64_MAX};
    world_simulate(&world);
}

static void expect_agreed(money cost)
{
    const struct attempt_record *attempt = &world.calls[0].attempts[0];

    CU_ASSERT(attempt->has_cost);
    EXPECT_I64(attempt->cost, cost);
    EXPECT_I64(world.calls[0].cost, cost);
    EXPECT_U64(world.calls[0].cost_unknown, 0);
    CU_ASSERT(world.journal[0].has_cost);
    EXPECT_I64(world.journal[0].cost, cost);
}

static void expect_billed_but_not_known(money billed)
{
    CU_ASSERT(!world.calls[0].attempts[0].has_cost);
    EXPECT_I64(world.calls[0].cost, 0);
    EXPECT_U64(world.calls[0].cost_unknown, 1);
    CU_ASSERT(world.journal[0].has_cost);
    EXPECT_I64(world.journal[0].cost, billed);
}

static void expect_told(bool is_known, uint64_t input_tokens, uint64_t output_tokens)
{
    const struct usage *told = &world.journal[0].usage_told;
    const struct usage *heard = &world.calls[0].attempts[0].usage;

    CU_ASSERT_EQUAL(told->is_known, is_known);
    EXPECT_U64(told->input_tokens, input_tokens);
    EXPECT_U64(told->output_tokens, output_tokens);
    CU_ASSERT_EQUAL(heard->is_known, is_known);
    EXPECT_U64(heard->input_tokens, input_tokens);
    EXPECT_U64(heard->output_tokens, output_tokens);
}

static void agrees_with_the_bill_on_every_whole_answer(void)
{
    static const char *const loads[] = {CALL("claude", "true"), CALL("claude", "false"),
                                        CALL("gpt", "true"), CALL("gpt", "false")};

    for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
        run(PLAIN, "", loads[i]);
        expect_agreed(WHOLE);
        expect_told(true, 10, 3);
    }
}

static void knows_no_cost_of_a_cut_stream_though_it_is_billed(void)
{
    run(PLAIN, PHASE(CUT), CALL("claude", "true"));
    expect_billed_but_not_known(INPUT + 2 * OUTPUT);
    expect_told(true, 10, 1); /* the opening's guess */
    run(PLAIN, PHASE(CUT), CALL("gpt", "true"));
    expect_billed_but_not_known(INPUT + 2 * OUTPUT);
    expect_told(false, 0, 0);
    run(PLAIN, PHASE(CUT), CALL("claude", "false"));
    expect_billed_but_not_known(INPUT + 2 * OUTPUT);
    expect_told(false, 0, 0);
}

static void bills_an_answer_that_the_client_left(void)
{
    run("{\"preset\": \"none\", \"timeouts\": {\"attempt\": \"250ms\"}}", "",
        CALL("claude", "true"));
    EXPECT_I64(world.journal[0].closed_by, CLOSED_CLIENT);
    expect_billed_but_not_known(INPUT + 2 * OUTPUT);
}

static void pays_nothing_for_a_refusal(void)
{
    run(PLAIN, PHASE("{\"status\": 529}"), CALL("claude", "true"));
    expect_agreed(0);
    expect_told(false, 0, 0);
    run(PLAIN, PHASE("{\"context_window\": 5}"), CALL("gpt", "true"));
    expect_agreed(0);
}

static void pays_nothing_that_it_knows_of_for_a_dead_connection(void)
{
    run(PLAIN, PHASE("{\"reset\": \"rst\"}"), CALL("claude", "true"));
    expect_billed_but_not_known(0);
}

static void tells_failed_attempts_from_the_one_that_answered(void)
{
    run("{\"preset\": \"careful\", \"timeouts\": {\"call\": \"30s\"}}", PHASE("[" CUT ", \"ok\"]"),
        CALL("claude", "true"));
    EXPECT_U64(world.calls[0].attempts_count, 2);
    EXPECT_I64(world.calls[0].cost, WHOLE);
    EXPECT_I64(world.calls[0].cost_failed, 0);
    EXPECT_U64(world.calls[0].cost_unknown, 1);
}

static void never_takes_an_unpriced_model_for_a_free_one(void)
{
    world_run(&world, world_text(PLAIN, "", CALL("claude", "true")));
    CU_ASSERT(!world.calls[0].attempts[0].has_cost);
    EXPECT_U64(world.calls[0].cost_unknown, 1);
    CU_ASSERT(!world.journal[0].has_cost);
}

static void tear_down(void)
{
    world_close(&world);
}

static CU_TestInfo tests[] = {
    {"agrees with the bill on every whole answer", agrees_with_the_bill_on_every_whole_answer},
    {"knows no cost of a cut stream, though it is billed",
     knows_no_cost_of_a_cut_stream_though_it_is_billed},
    {"bills an answer that the client left", bills_an_answer_that_the_client_left},
    {"pays nothing for a refusal", pays_nothing_for_a_refusal},
    {"pays nothing that it knows of for a dead connection",
     pays_nothing_that_it_knows_of_for_a_dead_connection},
    {"tells failed attempts from the one that answered",
     tells_failed_attempts_from_the_one_that_answered},
    {"never takes an unpriced model for a free one", never_takes_an_unpriced_model_for_a_free_one},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo cost_suite = {"cost", NULL, NULL, NULL, tear_down, tests};
