#include <CUnit/CUnit.h>

#include <stdio.h>

#include "base/rng.h"
#include "fault/chaos.h"
#include "fault/plan.h"
#include "fault/script.h"
#include "tests/support/expect.h"

static struct plan plan;
static struct buffer out;

static void set_up(void)
{
    plan = (struct plan){
        .kind = PLAN_ANSWER,
        .rule = PLAN_NO_RULE,
        .stream = true,
        .first_token = 402 * NANOS_MS,
        .token_gap = 16666667,
        .input_tokens = 8100,
        .output_tokens = 27,
        .tokens_per_event = 1,
    };
    buffer_init(&out, memory_heap(), 512);
}

static void tear_down(void)
{
    buffer_deinit(&out);
}

static struct slice printed(void)
{
    buffer_clear(&out);
    plan_write(&plan, &out);
    EXPECT_RC(out.rc, RC_OK);
    return buffer_slice(&out);
}

static void cut_after(uint64_t tokens, enum plan_close close)
{
    plan.ending = PLAN_CUT;
    plan.tokens_before_end = tokens;
    plan.close = close;
}

static void tokens_are_due_a_gap_apart(void)
{
    EXPECT_I64(plan_token_at(&plan, 0), 402 * NANOS_MS);
    EXPECT_I64(plan_token_at(&plan, 26), 402 * NANOS_MS + 26 * 16666667);
    EXPECT_I64(plan_token_at(&plan, 27), NANOS_NEVER);
}

static void as_many_tokens_are_due_as_have_had_their_instant(void)
{
    EXPECT_U64(plan_tokens_due(&plan, 402 * NANOS_MS - 1), 0);
    for (uint64_t k = 0; k < 27; k++) {
        EXPECT_U64(plan_tokens_due(&plan, plan_token_at(&plan, k) - 1), k);
        EXPECT_U64(plan_tokens_due(&plan, plan_token_at(&plan, k)), k + 1);
    }
    EXPECT_U64(plan_tokens_due(&plan, NANOS_NEVER), 27);
}

static void without_a_gap_all_tokens_come_at_once(void)
{
    plan.token_gap = 0;
    EXPECT_U64(plan_tokens_due(&plan, 402 * NANOS_MS - 1), 0);
    EXPECT_U64(plan_tokens_due(&plan, 402 * NANOS_MS), 27);
    EXPECT_I64(plan_token_at(&plan, 26), 402 * NANOS_MS);
}

static void a_very_late_token_never_comes_rather_than_early(void)
{
    plan.output_tokens = UINT64_MAX;
    plan.token_gap = 3600 * NANOS_S;
    EXPECT_I64(plan_token_at(&plan, UINT64_MAX - 1), NANOS_NEVER);
}

static void an_answer_ends_with_its_last_token(void)
{
    EXPECT_I64(plan_ends_at(&plan), plan_token_at(&plan, 26));
    plan.output_tokens = 0;
    EXPECT_I64(plan_ends_at(&plan), plan.first_token);
}

static void a_cut_answer_has_no_token_past_the_cut(void)
{
    cut_after(5, PLAN_CLOSE_FIN);
    EXPECT_I64(plan_token_at(&plan, 4), 402 * NANOS_MS + 4 * 16666667);
    EXPECT_I64(plan_token_at(&plan, 5), NANOS_NEVER);
    EXPECT_U64(plan_tokens_to_come(&plan), 5);
    EXPECT_U64(plan_tokens_due(&plan, NANOS_NEVER), 5);
    EXPECT_I64(plan_ends_at(&plan), plan_token_at(&plan, 4));
}

static void a_cut_before_the_first_token_comes_when_that_was_due(void)
{
    cut_after(0, PLAN_CLOSE_RST);
    EXPECT_U64(plan_tokens_due(&plan, NANOS_NEVER), 0);
    EXPECT_I64(plan_ends_at(&plan), 402 * NANOS_MS);
}

static void a_stalled_answer_never_ends(void)
{
    plan.ending = PLAN_STALL;
    plan.tokens_before_end = 5;
    EXPECT_U64(plan_tokens_due(&plan, NANOS_NEVER), 5);
    EXPECT_I64(plan_ends_at(&plan), NANOS_NEVER);
}

static void a_refusal_has_no_tokens(void)
{
    plan.kind = PLAN_REFUSAL;
    plan.failure = OUTCOME_OVERLOADED;
    EXPECT_I64(plan_token_at(&plan, 0), NANOS_NEVER);
    EXPECT_U64(plan_tokens_due(&plan, NANOS_NEVER), 0);
    EXPECT_I64(plan_ends_at(&plan), 402 * NANOS_MS);
}

/* --- silence and burst ------------------------------------------------------------------------ */

static void a_freeze_holds_tokens_back_and_gives_them_at_its_end(void)
{
    plan.token_gap = 10 * NANOS_MS;
    plan.freeze_at_token = 3;
    plan.freeze = 35 * NANOS_MS;
    EXPECT_I64(plan_token_at(&plan, 2), 422 * NANOS_MS);
    EXPECT_I64(plan_token_at(&plan, 3), 457 * NANOS_MS);
    EXPECT_I64(plan_token_at(&plan, 5), 457 * NANOS_MS);
    EXPECT_I64(plan_token_at(&plan, 6), 462 * NANOS_MS);
    EXPECT_I64(plan_ends_at(&plan), 662 * NANOS_MS); /* it has caught up */
    plan.freeze_at_token = 0;
    EXPECT_I64(plan_token_at(&plan, 0), 437 * NANOS_MS);
}

static uint64_t drawn(uint64_t seed, uint32_t i, uint64_t below)
{
    return rng_draw(seed, 1, 1, i) % below;
}

static void vary(uint64_t seed)
{
    plan.first_token = (nanos)drawn(seed, 0, 50);
    plan.token_gap = (nanos)drawn(seed, 1, 7);
    plan.output_tokens = drawn(seed, 2, 30);
    plan.ending = (enum plan_ending)drawn(seed, 3, 3);
    plan.tokens_before_end = drawn(seed, 4, 30);
    plan.freeze = (nanos)(drawn(seed, 5, 2) * drawn(seed, 6, 60));
    plan.freeze_at_token = drawn(seed, 7, 30);
}

static void what_is_due_and_when_it_is_due_always_agree(void)
{
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        vary(seed);
        for (nanos elapsed = 0; elapsed < 350; elapsed++) {
            uint64_t due = 0;

            for (uint64_t k = 0; k < plan_tokens_to_come(&plan); k++)
                due += plan_token_at(&plan, k) <= elapsed;
            if (plan_tokens_due(&plan, elapsed) != due) {
                printf("plan: seed %llu\n", (unsigned long long)seed);
                CU_FAIL_FATAL("they do not agree");
            }
        }
        EXPECT_U64(plan_tokens_due(&plan, NANOS_NEVER), plan_tokens_to_come(&plan));
    }
}

/* --- printed ---------------------------------------------------------------------------------- */

static void prints_an_answer(void)
{
    EXPECT_TEXT(printed(), "200 stream 27 tokens: first 402ms, then every 16.666ms");
    plan.stream = false;
    plan.stop = STOP_MAX_TOKENS;
    EXPECT_TEXT(printed(),
                "200 whole 27 tokens: first 402ms, then every 16.666ms, stopped by max_tokens");
}

static void prints_how_an_answer_ends_early(void)
{
    cut_after(5, PLAN_CLOSE_FIN);
    EXPECT_TEXT(printed(),
                "200 stream 27 tokens: first 402ms, then every 16.666ms, cut after 5 by FIN");
    cut_after(99, PLAN_CLOSE_RST);
    EXPECT_TEXT(printed(),
                "200 stream 27 tokens: first 402ms, then every 16.666ms, cut after 27 by RST");
    cut_after(0, PLAN_CLOSE_END);
    EXPECT_TEXT(printed(), "200 stream 27 tokens: first 402ms, then every 16.666ms, "
                           "cut after 0 by a well framed end");
    plan.ending = PLAN_STALL;
    plan.tokens_before_end = 3;
    EXPECT_TEXT(printed(),
                "200 stream 27 tokens: first 402ms, then every 16.666ms, silent after 3");
}

static void prints_a_refusal_with_every_form_of_advice(void)
{
    plan.kind = PLAN_REFUSAL;
    plan.failure = OUTCOME_RATE_LIMITED;
    plan.status = 429;
    plan.first_token = 0;
    plan.advice_wait = 1500 * NANOS_MS;
    EXPECT_TEXT(printed(), "429 rate_limited");
    plan.advice = PLAN_ADVICE_SECONDS;
    EXPECT_TEXT(printed(), "429 rate_limited, retry-after 1.5s");
    plan.advice = PLAN_ADVICE_MS;
    EXPECT_TEXT(printed(), "429 rate_limited, retry-after-ms 1500");
    plan.advice = PLAN_ADVICE_DATE;
    EXPECT_TEXT(printed(), "429 rate_limited, retry-after a date 1.5s ahead");
    plan.advice = PLAN_ADVICE_RAW;
    slice_copy(SLICE("2814, 2"), plan.advice_raw, sizeof(plan.advice_raw));
    plan.first_token = 20 * NANOS_MS;
    EXPECT_TEXT(printed(), "429 rate_limited, retry-after \"2814, 2\", after 20ms");
}

static void prints_a_refusal_of_the_models_own(void)
{
    plan.kind = PLAN_REFUSAL;
    plan.failure = OUTCOME_CONTEXT_LENGTH;
    plan.context_window = 7000;
    plan.first_token = 0;
    EXPECT_TEXT(printed(), "context_length, 8100 tokens into 7000");
}

static void prints_a_reset(void)
{
    plan.kind = PLAN_RESET;
    plan.close = PLAN_CLOSE_RST;
    plan.first_token = 0;
    EXPECT_TEXT(printed(), "no answer, RST");
    plan.close = PLAN_CLOSE_FIN;
    plan.first_token = NANOS_S;
    EXPECT_TEXT(printed(), "no answer, FIN, after 1s");
}

static void prints_what_an_answer_is_made_of(void)
{
    static const struct script script = {.name = "weather"};
    static const struct fault fault = {.kind = FAULT_TOKENS_PER_EVENT};

    plan.thinking_tokens = 10;
    plan.tool_tokens = 7;
    plan.script = &script;
    plan.stop = STOP_TOOL;
    EXPECT_TEXT(printed(), "200 stream 27 tokens: first 402ms, then every 16.666ms, "
                           "10 of thinking, 7 of a tool, script weather, stopped by tool");
    plan.thinking_tokens = plan.tool_tokens = 0;
    plan.script = NULL;
    plan.stop = STOP_END;
    plan.fault = &fault;
    plan.tokens_per_event = 50;
    plan.freeze = 3 * NANOS_S;
    plan.freeze_at_token = 12;
    EXPECT_TEXT(printed(), "200 stream 27 tokens: first 402ms, then every 16.666ms, "
                           "50 an event, frozen 3s after 12");
}

static void prints_quirks_by_their_words(void)
{
    static const struct fault fault = {
        .kind = FAULT_CUT, .failure = OUTCOME_OVERLOADED, .delay = 5 * NANOS_MS};

    plan.fault = &fault;
    plan.quirks = QUIRK_ERROR_EVENT;
    cut_after(5, PLAN_CLOSE_END);
    EXPECT_TEXT(printed(), "200 stream 27 tokens: first 402ms, then every 16.666ms, "
                           "error after 5 by a well framed end, error_event overloaded");
    plan.quirks = QUIRK_SLOW_HEADERS | QUIRK_DUPLICATE;
    plan.ending = PLAN_WHOLE;
    EXPECT_TEXT(printed(), "200 stream 27 tokens: first 402ms, then every 16.666ms, "
                           "slow_headers 5ms, duplicate after 5");
    plan.quirks = QUIRK_BODY | QUIRK_CONTENT_TYPE;
    EXPECT_TEXT(printed(), "200, body, content_type");
    plan.kind = PLAN_REFUSAL;
    plan.status = 529;
    plan.failure = OUTCOME_OVERLOADED;
    plan.first_token = 0;
    plan.quirks = QUIRK_HEADERS;
    EXPECT_TEXT(printed(), "529 overloaded, headers");
}

static void each_quirk_has_a_word_of_its_own(void)
{
    for (int i = 0; i < QUIRKS_COUNT; i++)
        for (int j = 0; j < i; j++)
            CU_ASSERT(!slice_is(slice_of(quirk_word((enum quirk_index)i)),
                                slice_of(quirk_word((enum quirk_index)j))));
}

static CU_TestInfo tests[] = {
    {"tokens are due a gap apart", tokens_are_due_a_gap_apart},
    {"as many tokens are due as have had their instant",
     as_many_tokens_are_due_as_have_had_their_instant},
    {"without a gap all tokens come at once", without_a_gap_all_tokens_come_at_once},
    {"a very late token never comes, rather than early",
     a_very_late_token_never_comes_rather_than_early},
    {"an answer ends with its last token", an_answer_ends_with_its_last_token},
    {"a cut answer has no token past the cut", a_cut_answer_has_no_token_past_the_cut},
    {"a cut before the first token comes when that was due",
     a_cut_before_the_first_token_comes_when_that_was_due},
    {"a stalled answer never ends", a_stalled_answer_never_ends},
    {"a refusal has no tokens", a_refusal_has_no_tokens},
    {"a freeze holds tokens back and gives them at its end",
     a_freeze_holds_tokens_back_and_gives_them_at_its_end},
    {"what is due, and when it is due, always agree", what_is_due_and_when_it_is_due_always_agree},
    {"prints an answer", prints_an_answer},
    {"prints how an answer ends early", prints_how_an_answer_ends_early},
    {"prints a refusal with every form of advice", prints_a_refusal_with_every_form_of_advice},
    {"prints a refusal of the model's own", prints_a_refusal_of_the_models_own},
    {"prints a reset", prints_a_reset},
    {"prints what an answer is made of", prints_what_an_answer_is_made_of},
    {"prints quirks by their words", prints_quirks_by_their_words},
    {"each quirk has a word of its own", each_quirk_has_a_word_of_its_own},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo plan_suite = {"plan", NULL, NULL, set_up, tear_down, tests};
