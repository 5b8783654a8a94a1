#include <CUnit/CUnit.h>

#include <string.h>

#include "base/attributes.h"
#include "policy/conduct.h"
#include "tests/support/expect.h"

static struct client_policy policy;

static void every_listed_preset_can_be_built_and_names_itself(void)
{
    const char *name, *about;
    uint32_t count = 0;

    while ((name = policy_preset_name(count, &about)) != NULL) {
        CU_ASSERT(policy_preset(slice_of(name), &policy));
        CU_ASSERT_STRING_EQUAL(policy.preset, name);
        CU_ASSERT(strlen(about) > 0);
        CU_ASSERT(policy.layers_count >= 1);
        for (uint32_t i = 0; i < policy.layers_count; i++) {
            CU_ASSERT(policy.layers[i].attempts >= 1);
            CU_ASSERT(policy.layers[i].backoff.factor >= 1.0);
        }
        count++;
    }
    EXPECT_U64(count, 4);
}

static void an_unknown_preset_leaves_the_policy_alone(void)
{
    policy_preset(SLICE("guide"), &policy);
    CU_ASSERT(!policy_preset(SLICE("carefull"), &policy));
    CU_ASSERT_STRING_EQUAL(policy.preset, "guide");
}

static void the_attempts_are_1_4_9_and_3(void)
{
    static const struct {
        const char *name;
        uint32_t attempts;
    } expected[] = {{"none", 1}, {"careful", 4}, {"guide", 9}, {"guide-inner-off", 3}};

    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        CU_ASSERT(policy_preset(slice_of(expected[i].name), &policy));
        EXPECT_U64(conduct_attempts_max(&policy), expected[i].attempts);
    }
}

static void none_has_no_timeouts_and_no_deadline(void)
{
    policy_preset(SLICE("none"), &policy);
    EXPECT_I64(policy.timeouts.connect, NANOS_NEVER);
    EXPECT_I64(policy.timeouts.first_token, NANOS_NEVER);
    EXPECT_I64(policy.timeouts.between_tokens, NANOS_NEVER);
    EXPECT_I64(policy.timeouts.attempt, NANOS_NEVER);
    EXPECT_I64(policy.timeouts.call, NANOS_NEVER);
    CU_ASSERT(!policy.keeps_deadline);
}

/* Which outcomes a layer retries, told apart by outcome alone. */
static void expect_outcomes(const struct retry_layer *layer, outcome_set expected)
{
    for (int i = 0; i < OUTCOME_COUNT; i++)
        EXPECT_U64(cause_set_has(&layer->on, (enum outcome)i, 0), (expected & OUTCOME_BIT(i)) != 0);
}

static void careful_retries_exactly_what_may_pass(void)
{
    policy_preset(SLICE("careful"), &policy);
    expect_outcomes(&policy.layers[0],
                    OUTCOME_BIT(OUTCOME_RATE_LIMITED) | OUTCOME_BIT(OUTCOME_OVERLOADED) |
                        OUTCOME_BIT(OUTCOME_SERVER_ERROR) | OUTCOME_BIT(OUTCOME_DNS) |
                        OUTCOME_BIT(OUTCOME_CONNECT) | OUTCOME_BIT(OUTCOME_TLS) |
                        OUTCOME_BIT(OUTCOME_RESET_BEFORE) | OUTCOME_BIT(OUTCOME_RESET_AFTER) |
                        (OUTCOME_TIMEOUTS & ~OUTCOME_BIT(OUTCOME_TIMEOUT_CALL)) |
                        OUTCOME_BIT(OUTCOME_TRUNCATED) | OUTCOME_BIT(OUTCOME_STREAM_ERROR) |
                        OUTCOME_BIT(OUTCOME_EMPTY));
    CU_ASSERT(!cause_set_has(&policy.layers[0].on, OUTCOME_QUOTA, 429));
}

static void careful_keeps_its_deadline_and_leaves_its_length_to_the_scenario(void)
{
    policy_preset(SLICE("careful"), &policy);
    CU_ASSERT(policy.keeps_deadline);
    EXPECT_I64(policy.timeouts.call, NANOS_NEVER);
    EXPECT_I64(policy.timeouts.connect, 5 * NANOS_S);
    EXPECT_I64(policy.timeouts.first_token, 10 * NANOS_S);
    EXPECT_I64(policy.timeouts.between_tokens, 10 * NANOS_S);
}

static void the_sdk_of_the_guide_goes_by_status_and_connection(void)
{
    static const uint16_t retried[] = {408, 409, 429, 500, 501, 503, 529, 599};
    static const uint16_t refused[] = {400, 401, 402, 403, 404, 413, 422, 425};
    const struct cause_set *on;

    policy_preset(SLICE("guide"), &policy);
    on = &policy.layers[0].on;
    for (size_t i = 0; i < ARRAY_SIZE(retried); i++)
        CU_ASSERT(cause_set_has(on, OUTCOME_INVALID_REQUEST, retried[i]));
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        CU_ASSERT(!cause_set_has(on, OUTCOME_INVALID_REQUEST, refused[i]));
    CU_ASSERT(cause_set_has(on, OUTCOME_TIMEOUT_STALL, 200));
    CU_ASSERT(cause_set_has(on, OUTCOME_RESET_BEFORE, 0));
    CU_ASSERT(!cause_set_has(on, OUTCOME_TRUNCATED, 200));
    CU_ASSERT(!cause_set_has(on, OUTCOME_STREAM_ERROR, 200));
}

static void the_loop_of_the_guide_goes_by_status_alone(void)
{
    policy_preset(SLICE("guide"), &policy);
    expect_outcomes(&policy.layers[1], 0);
    CU_ASSERT(cause_set_has(&policy.layers[1].on, OUTCOME_RATE_LIMITED, 429));
    CU_ASSERT(cause_set_has(&policy.layers[1].on, OUTCOME_OVERLOADED, 529));
    CU_ASSERT(!cause_set_has(&policy.layers[1].on, OUTCOME_SERVER_ERROR, 408));
    CU_ASSERT(!policy.keeps_deadline);
    EXPECT_U64(policy.fallbacks_count, 0);
}

static CU_TestInfo tests[] = {
    {"every listed preset can be built and names itself",
     every_listed_preset_can_be_built_and_names_itself},
    {"an unknown preset leaves the policy alone", an_unknown_preset_leaves_the_policy_alone},
    {"the attempts are 1, 4, 9 and 3", the_attempts_are_1_4_9_and_3},
    {"none has no timeouts and no deadline", none_has_no_timeouts_and_no_deadline},
    {"careful retries exactly what may pass", careful_retries_exactly_what_may_pass},
    {"careful keeps its deadline and leaves its length to the scenario",
     careful_keeps_its_deadline_and_leaves_its_length_to_the_scenario},
    {"the SDK of the guide goes by status and connection",
     the_sdk_of_the_guide_goes_by_status_and_connection},
    {"the loop of the guide goes by status alone", the_loop_of_the_guide_goes_by_status_alone},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo presets_suite = {"presets", NULL, NULL, NULL, NULL, tests};
