/* A call is played as a timeline: every attempt takes 100 ms and ends as the script says, its last
 * word for ever. A word is a status, an outcome, or "ok"; "429/1.5" carries the header
 * `retry-after: 1.5`, "429/date:2" a date 2 s ahead, "429!yes" and "429!no" x-should-retry. */
#include <CUnit/CUnit.h>

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/buffer.h"
#include "base/units.h"
#include "policy/conduct.h"
#include "tests/support/expect.h"

static const nanos ATTEMPT_TAKES = 100 * NANOS_MS;

static struct client_policy policy;
static struct buffer timeline;
static nanos call_ends_at;
static double u;
static struct retry_budget budgets[CONDUCT_LAYERS_MAX];

static void set_up(void)
{
    policy_preset(SLICE("none"), &policy);
    buffer_init(&timeline, memory_heap(), 1 << 16);
    call_ends_at = NANOS_NEVER;
    u = 0.0;
    memset(budgets, 0, sizeof(budgets));
}

static void tear_down(void)
{
    buffer_deinit(&timeline);
}

static enum outcome outcome_of(uint64_t status)
{
    switch (status) {
    case 429:
        return OUTCOME_RATE_LIMITED;
    case 503:
    case 529:
        return OUTCOME_OVERLOADED;
    case 400:
        return OUTCOME_INVALID_REQUEST;
    default:
        return OUTCOME_SERVER_ERROR;
    }
}

static double number(struct slice text)
{
    char copy[32];

    slice_copy(text, copy, sizeof(copy));
    return strtod(copy, NULL);
}

static void read_advice(struct slice text, struct attempt_end *end)
{
    uint64_t whole;

    end->has_advice_header = true;
    end->advice_is_whole = slice_u64(text, &whole);
    if (slice_starts_with(text, SLICE("date:")))
        text = (struct slice){text.data + 5, text.size - 5};
    end->advice_wait = (nanos)(number(text) * 1e9);
}

static struct attempt_end attempt_end(struct slice word, nanos at)
{
    struct attempt_end end = {.at = at};
    struct slice advised, name;
    uint64_t status;

    slice_cut(&word, '!', &advised);
    end.should_retry_yes = slice_is(word, SLICE("yes"));
    end.should_retry_no = slice_is(word, SLICE("no"));
    slice_cut(&advised, '/', &name);
    if (advised.size > 0)
        read_advice(advised, &end);
    if (slice_u64(name, &status)) {
        end.status = (uint16_t)status;
        end.outcome = outcome_of(status);
        return end;
    }
    CU_ASSERT_FATAL(outcome_find(name, &end.outcome));
    end.status = end.outcome == OUTCOME_QUOTA ? 429 : 0;
    return end;
}

static void write_wait(const char *before, nanos wait)
{
    buffer_text(&timeline, before);
    units_write_duration(&timeline, wait);
}

static void write_conduct(const struct conduct *conduct)
{
    switch (conduct->kind) {
    case CONDUCT_RETRY:
        buffer_printf(&timeline, "layer %u waits", conduct->layer);
        write_wait(" ", conduct->wait);
        break;
    case CONDUCT_FALLBACK:
        buffer_printf(&timeline, "to %s", policy.fallbacks[conduct->fallback].to);
        break;
    case CONDUCT_END:
        buffer_printf(&timeline, "ends %s", outcome_word(conduct->outcome));
        if (conduct->wait > 0)
            write_wait(" after ", conduct->wait);
        break;
    }
    buffer_byte(&timeline, '\n');
}

static struct slice play(const char *script)
{
    struct slice rest = slice_of(script);
    struct slice word = {0};
    struct conduct_state state = {.budgets = budgets};
    struct conduct conduct = {.kind = CONDUCT_RETRY};
    nanos now = 0;

    while (conduct.kind != CONDUCT_END) {
        struct attempt_end end;

        slice_cut(&rest, ' ', &word);
        conduct_attempt_made(&state);
        now += ATTEMPT_TAKES;
        buffer_printf(&timeline, "%6dms  %.*s: ", (int)(now / NANOS_MS), SLICE_ARG(word));
        if (slice_is(word, SLICE("ok"))) {
            buffer_text(&timeline, "done\n");
            break;
        }
        end = attempt_end(word, now);
        conduct = conduct_decide(&policy, &state, &end, call_ends_at, u);
        write_conduct(&conduct);
        now += conduct.wait;
    }
    return buffer_slice(&timeline);
}

/* A layer's budget with so many retries left, and nothing earned by the call. */
static void budget_of(uint32_t layer, uint32_t retries)
{
    policy.layers[layer].budget = (struct retry_budget_rules){.is_on = true};
    retry_budget_init(&budgets[layer], &policy.layers[layer].budget);
    for (uint32_t spent = retries; spent < RETRY_BUDGET_BURST; spent++)
        retry_budget_spend(&budgets[layer]);
}

static void fall_back_to(const char *model, const char *cause, uint32_t after)
{
    struct fallback_rule *rule = &policy.fallbacks[policy.fallbacks_count++];

    rule->after = after;
    slice_copy(slice_of(model), rule->to, sizeof(rule->to));
    CU_ASSERT_FATAL(cause_set_add(&rule->on, slice_of(cause)));
}

/* --- one layer --- */

static void without_layers_one_attempt_is_all(void)
{
    EXPECT_TEXT(play("529"), "   100ms  529: ends overloaded\n");
}

static void the_careful_client_retries_three_times_with_growing_waits(void)
{
    policy_preset(SLICE("careful"), &policy);
    u = 0.5;
    EXPECT_TEXT(play("529 500 reset_before 529"), "   100ms  529: layer 0 waits 250ms\n"
                                                  "   450ms  500: layer 0 waits 500ms\n"
                                                  "  1050ms  reset_before: layer 0 waits 1s\n"
                                                  "  2150ms  529: ends overloaded\n");
}

static void the_careful_client_waits_as_long_as_the_latest_answer_advises(void)
{
    policy_preset(SLICE("careful"), &policy);
    EXPECT_TEXT(play("429/1 429/1.5 429/date:2 ok"), "   100ms  429/1: layer 0 waits 1s\n"
                                                     "  1200ms  429/1.5: layer 0 waits 1.5s\n"
                                                     "  2800ms  429/date:2: layer 0 waits 2s\n"
                                                     "  4900ms  ok: done\n");
}

static void the_careful_client_never_repeats_a_permanent_refusal(void)
{
    static const char *const refusals[] = {
        "quota", "context_length", "invalid_request", "auth", "content_policy", "malformed",
    };

    policy_preset(SLICE("careful"), &policy);
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        struct conduct_state state = {0};
        struct attempt_end end = attempt_end(slice_of(refusals[i]), 0);

        conduct_attempt_made(&state);
        EXPECT_U64(conduct_decide(&policy, &state, &end, NANOS_NEVER, 0.0).kind, CONDUCT_END);
    }
}

static void should_retry_overrides_the_causes_both_ways(void)
{
    policy_preset(SLICE("careful"), &policy);
    EXPECT_TEXT(play("400!yes 529!no"), "   100ms  400!yes: layer 0 waits 0s\n"
                                        "   200ms  529!no: ends overloaded\n");
}

static void advice_beyond_what_a_layer_takes_counts_as_none(void)
{
    policy_preset(SLICE("careful"), &policy);
    policy.layers[0].advice_max = 60 * NANOS_S;
    policy.layers[0].backoff.jitter = JITTER_NONE;
    EXPECT_TEXT(play("429/60 429/61 ok"), "   100ms  429/60: layer 0 waits 60s\n"
                                          " 60200ms  429/61: layer 0 waits 1s\n"
                                          " 61300ms  ok: done\n");
}

static void an_ignoring_layer_goes_by_its_own_backoff(void)
{
    policy_preset(SLICE("careful"), &policy);
    policy.layers[0].advice = ADVICE_IGNORE;
    policy.layers[0].backoff.jitter = JITTER_NONE;
    EXPECT_TEXT(play("429/30 ok"), "   100ms  429/30: layer 0 waits 500ms\n"
                                   "   700ms  ok: done\n");
}

static void the_calls_own_limit_always_ends_it(void)
{
    policy_preset(SLICE("careful"), &policy);
    fall_back_to("b", "timeout", 1);
    CU_ASSERT(cause_set_add(&policy.layers[0].on, SLICE("timeout")));
    EXPECT_TEXT(play("timeout_call"), "   100ms  timeout_call: ends timeout_call\n");
}

static void no_call_makes_more_attempts_than_its_record_holds(void)
{
    struct conduct_state state = {0};
    struct attempt_end end = attempt_end(SLICE("529"), 0);
    struct conduct conduct;

    policy_preset(SLICE("careful"), &policy);
    policy.layers[0].attempts = 1000;
    do {
        conduct_attempt_made(&state);
        conduct = conduct_decide(&policy, &state, &end, NANOS_NEVER, 0.0);
    } while (conduct.kind != CONDUCT_END);
    EXPECT_U64(state.attempts, CONDUCT_ATTEMPTS_MAX);
}

/* --- two layers --- */

static void the_guide_makes_nine_attempts_of_a_lasting_overload(void)
{
    policy_preset(SLICE("guide"), &policy);
    EXPECT_TEXT(play("529"), "   100ms  529: layer 0 waits 500ms\n"
                             "   700ms  529: layer 0 waits 1s\n"
                             "  1800ms  529: layer 1 waits 1s\n"
                             "  2900ms  529: layer 0 waits 500ms\n"
                             "  3500ms  529: layer 0 waits 1s\n"
                             "  4600ms  529: layer 1 waits 2s\n"
                             "  6700ms  529: layer 0 waits 500ms\n"
                             "  7300ms  529: layer 0 waits 1s\n"
                             "  8400ms  529: ends overloaded after 4s\n");
}

static void the_guide_crashes_on_a_fraction_once_the_sdk_has_given_up(void)
{
    policy_preset(SLICE("guide"), &policy);
    EXPECT_TEXT(play("429/1.5"), "   100ms  429/1.5: layer 0 waits 1.5s\n"
                                 "  1700ms  429/1.5: layer 0 waits 1.5s\n"
                                 "  3300ms  429/1.5: ends client_crash\n");
}

static void the_guide_crashes_on_a_date_too(void)
{
    policy_preset(SLICE("guide-inner-off"), &policy);
    EXPECT_TEXT(play("429/date:2"), "   100ms  429/date:2: ends client_crash\n");
}

static void the_guide_obeys_an_hour_outside_but_not_inside(void)
{
    policy_preset(SLICE("guide"), &policy);
    EXPECT_TEXT(play("429/3600 429/3600 429/3600 ok"), "   100ms  429/3600: layer 0 waits 500ms\n"
                                                       "   700ms  429/3600: layer 0 waits 1s\n"
                                                       "  1800ms  429/3600: layer 1 waits 3600s\n"
                                                       "3601900ms  ok: done\n");
}

static void the_guide_reads_advice_of_a_429_only(void)
{
    policy_preset(SLICE("guide-inner-off"), &policy);
    EXPECT_TEXT(play("529/1.5 429/0 429"), "   100ms  529/1.5: layer 0 waits 1s\n"
                                           "  1200ms  429/0: layer 0 waits 0s\n"
                                           "  1300ms  429: ends rate_limited after 4s\n");
}

static void the_guides_loop_lets_broken_connections_through(void)
{
    policy_preset(SLICE("guide"), &policy);
    EXPECT_TEXT(play("connect"), "   100ms  connect: layer 0 waits 500ms\n"
                                 "   700ms  connect: layer 0 waits 1s\n"
                                 "  1800ms  connect: ends connect\n");
}

static void the_guide_retries_an_empty_account(void)
{
    policy_preset(SLICE("guide-inner-off"), &policy);
    EXPECT_TEXT(play("quota"), "   100ms  quota: layer 0 waits 1s\n"
                               "  1200ms  quota: layer 0 waits 2s\n"
                               "  3300ms  quota: ends quota after 4s\n");
}

static void a_refusal_ends_the_guide_at_once(void)
{
    policy_preset(SLICE("guide"), &policy);
    EXPECT_TEXT(play("400"), "   100ms  400: ends invalid_request\n");
}

/* --- fallback --- */

static void falls_back_after_as_many_attempts_as_the_rule_asks(void)
{
    policy_preset(SLICE("careful"), &policy);
    fall_back_to("b", "529", 2);
    EXPECT_TEXT(play("529 529 ok"), "   100ms  529: layer 0 waits 0s\n"
                                    "   200ms  529: to b\n"
                                    "   300ms  ok: done\n");
}

static void falls_back_only_on_the_rules_causes(void)
{
    policy_preset(SLICE("careful"), &policy);
    fall_back_to("b", "529", 1);
    EXPECT_TEXT(play("500 429 529 ok"), "   100ms  500: layer 0 waits 0s\n"
                                        "   200ms  429: layer 0 waits 0s\n"
                                        "   300ms  529: to b\n"
                                        "   400ms  ok: done\n");
}

static void attempts_at_a_later_model_do_not_count_for_after(void)
{
    policy_preset(SLICE("careful"), &policy);
    fall_back_to("b", "529", 1);
    fall_back_to("c", "500", 2);
    EXPECT_TEXT(play("529 500 500 ok"), "   100ms  529: to b\n"
                                        "   200ms  500: layer 0 waits 0s\n"
                                        "   300ms  500: layer 0 waits 0s\n"
                                        "   400ms  ok: done\n");
}

static void the_layer_bounds_the_attempts_at_all_models_together(void)
{
    policy_preset(SLICE("careful"), &policy);
    fall_back_to("b", "529", 1);
    fall_back_to("c", "timeout", 1);
    u = 0.5;
    EXPECT_TEXT(play("529 timeout_stall 529"), "   100ms  529: to b\n"
                                               "   200ms  timeout_stall: to c\n"
                                               "   300ms  529: layer 0 waits 1s\n"
                                               "  1400ms  529: ends overloaded\n");
}

static void a_fallback_with_no_try_left_is_not_taken(void)
{
    policy_preset(SLICE("careful"), &policy);
    policy.layers[0].attempts = 2;
    fall_back_to("b", "529", 2);
    EXPECT_TEXT(play("529"), "   100ms  529: layer 0 waits 0s\n"
                             "   200ms  529: ends overloaded\n");
}

static void a_model_is_never_revisited(void)
{
    policy_preset(SLICE("careful"), &policy);
    fall_back_to("b", "timeout", 1);
    fall_back_to("c", "529", 1);
    EXPECT_TEXT(play("529 timeout_stall 529 ok"), "   100ms  529: to c\n"
                                                  "   200ms  timeout_stall: layer 0 waits 0s\n"
                                                  "   300ms  529: layer 0 waits 0s\n"
                                                  "   400ms  ok: done\n");
}

static void two_layers_bound_a_call_that_falls_back_at_the_end_of_a_round(void)
{
    policy_preset(SLICE("guide"), &policy);
    fall_back_to("b", "529", 3);
    EXPECT_TEXT(play("529"), "   100ms  529: layer 0 waits 500ms\n"
                             "   700ms  529: layer 0 waits 1s\n"
                             "  1800ms  529: to b\n"
                             "  1900ms  529: layer 0 waits 500ms\n"
                             "  2500ms  529: layer 0 waits 1s\n"
                             "  3600ms  529: layer 1 waits 2s\n"
                             "  5700ms  529: layer 0 waits 500ms\n"
                             "  6300ms  529: layer 0 waits 1s\n"
                             "  7400ms  529: ends overloaded after 4s\n");
}

/* --- deadline --- */

static void an_hour_of_advice_sends_the_careful_client_elsewhere_at_once(void)
{
    policy_preset(SLICE("careful"), &policy);
    call_ends_at = 10 * NANOS_S;
    fall_back_to("b", "rate_limited", 4);
    EXPECT_TEXT(play("429/3600 ok"), "   100ms  429/3600: to b\n"
                                     "   200ms  ok: done\n");
}

static void an_hour_of_advice_ends_a_careful_call_that_has_nowhere_to_go(void)
{
    policy_preset(SLICE("careful"), &policy);
    call_ends_at = 10 * NANOS_S;
    fall_back_to("b", "529", 1);
    EXPECT_TEXT(play("429/3600"), "   100ms  429/3600: ends rate_limited\n");
}

static void a_wait_may_end_just_before_the_limit_but_not_at_it(void)
{
    policy_preset(SLICE("careful"), &policy);
    call_ends_at = 1100 * NANOS_MS + 1;
    EXPECT_TEXT(play("429/1 ok"), "   100ms  429/1: layer 0 waits 1s\n"
                                  "  1200ms  ok: done\n");
    buffer_clear(&timeline);
    call_ends_at = 1100 * NANOS_MS;
    EXPECT_TEXT(play("429/1"), "   100ms  429/1: ends rate_limited\n");
}

static void nobody_falls_back_when_the_time_is_up(void)
{
    policy_preset(SLICE("careful"), &policy);
    call_ends_at = 100 * NANOS_MS;
    fall_back_to("b", "529", 1);
    EXPECT_TEXT(play("529"), "   100ms  529: ends overloaded\n");
}

static void a_client_that_keeps_no_deadline_waits_past_it(void)
{
    policy_preset(SLICE("guide-inner-off"), &policy);
    call_ends_at = 10 * NANOS_S;
    EXPECT_TEXT(play("429/3600 ok"), "   100ms  429/3600: layer 0 waits 3600s\n"
                                     "3600200ms  ok: done\n");
}

/* --- bounds --- */

static void layers_multiply(void)
{
    policy_preset(SLICE("guide"), &policy);
    EXPECT_U64(conduct_attempts_max(&policy), 9);
    policy.layers[0].attempts = UINT32_MAX;
    EXPECT_U64(conduct_attempts_max(&policy), UINT32_MAX);
}

static void a_retry_needs_a_budget(void)
{
    policy_preset(SLICE("careful"), &policy);
    budget_of(0, 2);
    EXPECT_TEXT(play("529"), "   100ms  529: layer 0 waits 0s\n"
                             "   200ms  529: layer 0 waits 0s\n"
                             "   300ms  529: ends overloaded\n");
    EXPECT_TEXT(play("529"), "   100ms  529: layer 0 waits 0s\n"
                             "   200ms  529: layer 0 waits 0s\n"
                             "   300ms  529: ends overloaded\n"
                             "   100ms  529: ends overloaded\n");
}

static void every_call_earns_its_share(void)
{
    policy_preset(SLICE("careful"), &policy);
    budget_of(0, 0);
    policy.layers[0].budget.share = 1.0;
    EXPECT_TEXT(play("529 ok"), "   100ms  529: layer 0 waits 0s\n"
                                "   200ms  ok: done\n");
    CU_ASSERT(!retry_budget_has(&budgets[0]));
}

static void without_a_budget_it_falls_back_at_once(void)
{
    policy_preset(SLICE("careful"), &policy);
    fall_back_to("gpt", "529", 3);
    budget_of(0, 1);
    EXPECT_TEXT(play("529 529 ok"), "   100ms  529: layer 0 waits 0s\n"
                                    "   200ms  529: to gpt\n"
                                    "   300ms  ok: done\n");
}

static void a_layer_without_a_budget_hands_the_failure_on(void)
{
    policy_preset(SLICE("guide"), &policy);
    budget_of(0, 0);
    EXPECT_TEXT(play("529 ok"), "   100ms  529: layer 1 waits 1s\n"
                                "  1200ms  ok: done\n");
}

static CU_TestInfo tests[] = {
    {"without layers one attempt is all", without_layers_one_attempt_is_all},
    {"the careful client retries three times with growing waits",
     the_careful_client_retries_three_times_with_growing_waits},
    {"the careful client waits as long as the latest answer advises",
     the_careful_client_waits_as_long_as_the_latest_answer_advises},
    {"the careful client never repeats a permanent refusal",
     the_careful_client_never_repeats_a_permanent_refusal},
    {"should-retry overrides the causes both ways", should_retry_overrides_the_causes_both_ways},
    {"advice beyond what a layer takes counts as none",
     advice_beyond_what_a_layer_takes_counts_as_none},
    {"an ignoring layer goes by its own backoff", an_ignoring_layer_goes_by_its_own_backoff},
    {"the call's own limit always ends it", the_calls_own_limit_always_ends_it},
    {"no call makes more attempts than its record holds",
     no_call_makes_more_attempts_than_its_record_holds},
    {"the guide makes nine attempts of a lasting overload",
     the_guide_makes_nine_attempts_of_a_lasting_overload},
    {"the guide crashes on a fraction once the SDK has given up",
     the_guide_crashes_on_a_fraction_once_the_sdk_has_given_up},
    {"the guide crashes on a date too", the_guide_crashes_on_a_date_too},
    {"the guide obeys an hour outside but not inside",
     the_guide_obeys_an_hour_outside_but_not_inside},
    {"the guide reads advice of a 429 only", the_guide_reads_advice_of_a_429_only},
    {"the guide's loop lets broken connections through",
     the_guides_loop_lets_broken_connections_through},
    {"the guide retries an empty account", the_guide_retries_an_empty_account},
    {"a refusal ends the guide at once", a_refusal_ends_the_guide_at_once},
    {"falls back after as many attempts as the rule asks",
     falls_back_after_as_many_attempts_as_the_rule_asks},
    {"falls back only on the rule's causes", falls_back_only_on_the_rules_causes},
    {"attempts at a later model do not count for after",
     attempts_at_a_later_model_do_not_count_for_after},
    {"the layer bounds the attempts at all models together",
     the_layer_bounds_the_attempts_at_all_models_together},
    {"a fallback with no try left is not taken", a_fallback_with_no_try_left_is_not_taken},
    {"a model is never revisited", a_model_is_never_revisited},
    {"two layers bound a call that falls back at the end of a round",
     two_layers_bound_a_call_that_falls_back_at_the_end_of_a_round},
    {"an hour of advice sends the careful client elsewhere at once",
     an_hour_of_advice_sends_the_careful_client_elsewhere_at_once},
    {"an hour of advice ends a careful call that has nowhere to go",
     an_hour_of_advice_ends_a_careful_call_that_has_nowhere_to_go},
    {"a wait may end just before the limit, but not at it",
     a_wait_may_end_just_before_the_limit_but_not_at_it},
    {"nobody falls back when the time is up", nobody_falls_back_when_the_time_is_up},
    {"a client that keeps no deadline waits past it",
     a_client_that_keeps_no_deadline_waits_past_it},
    {"layers multiply", layers_multiply},
    {"a retry needs a budget", a_retry_needs_a_budget},
    {"every call earns its share", every_call_earns_its_share},
    {"without a budget it falls back at once", without_a_budget_it_falls_back_at_once},
    {"a layer without a budget hands the failure on",
     a_layer_without_a_budget_hands_the_failure_on},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo conduct_suite = {"conduct", NULL, NULL, set_up, tear_down, tests};
